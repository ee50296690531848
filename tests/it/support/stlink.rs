//! stlink's own programs: those on the way, and 1.8's where somebody says where they are.
//!
//! `DRYFLASH_STFLASH_18=path/to/bin/st-flash`, built from stlink's sources (docs/clients.md).

use dryflash::probe::st_flash::Version;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

/// Programs of one version.
#[derive(Clone, Debug)]
pub struct Tools {
    pub version: Version,
    /// st-flash itself.
    pub program: PathBuf,
    /// PATH, with their folder first where they are not on it anyway.
    pub path: OsString,
}

/// Where 1.8's st-flash is said to be.
fn newer() -> Option<PathBuf> {
    std::env::var_os("DRYFLASH_STFLASH_18").map(PathBuf::from)
}

fn version(program: &str) -> String {
    let output = Command::new(program).arg("--version").output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    String::from_utf8_lossy(&output.stdout).trim().trim_start_matches('v').to_owned()
}

/// Each version that is there and that dryflash follows.
pub fn tools() -> Vec<Tools> {
    let mut all = Vec::new();
    let path = std::env::var_os("PATH").unwrap_or_default();
    if !cfg!(target_os = "linux") {
        return all;
    }
    if super::clients::is_there("st-flash") {
        let found = version("st-flash");
        match Version::named(&found) {
            Ok(version) => all.push(Tools { version, program: "st-flash".into(), path: path.clone() }),
            Err(_) => eprintln!("SKIPPED: st-flash is {found}, and 1.7.0 and 1.8.0 are followed"),
        }
    }
    if let Some(program) = newer() {
        assert_eq!(version(program.to_str().unwrap()), "1.8.0", "{}", program.display());
        let program = program.canonicalize().unwrap();
        let folder = program.parent().unwrap().to_owned();
        let path = std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&path))).unwrap();
        all.push(Tools { version: Version::V1_8, program, path });
    }
    all
}
