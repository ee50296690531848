//! The stand-in firmware as it is kept: whole, and what its sources give with the compiler that it names.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn built() -> PathBuf {
    root().join("firmware/built")
}

/// All files of a folder, by name.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries.map(|p| (p.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&p).unwrap())).collect()
}

/// Says that something could not be tested; on a build server that is a failure.
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
    assert!(std::env::var("CI").as_deref() != Ok("true"), "a build server tests everything: {why}");
}

/// The compiler's first line about itself.
fn compiler() -> Result<String, String> {
    let output = Command::new("arm-none-eabi-gcc").arg("--version").env("LC_ALL", "C").output();
    let output = output.map_err(|e| format!("arm-none-eabi-gcc does not start: {e}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().map(str::to_owned).ok_or("arm-none-eabi-gcc does not tell its version".to_owned())
}

#[test]
fn the_sources_give_the_same_bytes() {
    let recorded = std::fs::read_to_string(built().join("COMPILER")).unwrap();
    let recorded = recorded.lines().next().unwrap_or_default();
    match compiler() {
        Err(why) => return skipped(&why),
        Ok(found) if found != recorded => return skipped(&format!("the compiler is {found}, not {recorded}")),
        Ok(_) => {}
    }
    let folder = tempfile::tempdir().unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--locked", "--package", "xtask", "--", "firmware"]).arg(folder.path());
    let output = cargo.current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (kept, rebuilt) = (contents(&built()), contents(folder.path()));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&rebuilt), names(&kept));
    let differ: Vec<&String> = kept.iter().filter(|(name, bytes)| rebuilt[*name] != **bytes).map(|(n, _)| n).collect();
    assert!(differ.is_empty(), "not what the sources give: {differ:?}; `cargo xtask firmware` builds them anew");
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn the_checksums_are_those_of_the_files() {
    let files = contents(&built());
    let listed: BTreeMap<&str, &str> = std::str::from_utf8(&files["SHA256SUMS"])
        .unwrap()
        .lines()
        .map(|line| line.split_once("  ").expect("a line is a sum, two spaces and a name"))
        .map(|(sum, name)| (name, sum))
        .collect();
    let expected: Vec<&str> = files.keys().map(String::as_str).filter(|n| *n != "SHA256SUMS").collect();
    let missing: Vec<&&str> = expected.iter().filter(|n| !listed.contains_key(**n)).collect();
    assert!(missing.iter().all(|n| ***n == *"COMPILER"), "not listed: {missing:?}");
    for (name, sum) in listed {
        assert_eq!(sha256(&files[name]), sum, "{name}");
    }
}
