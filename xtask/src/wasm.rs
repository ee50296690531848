//! The library compiled for a browser: without features it needs no threads, sockets or files.
//!
//! By rustup's target where there is one. On Debian, as root, by Debian's own compiler and its standard library's
//! sources, which stand where cargo's `-Zbuild-std` looks for them.

use crate::needs;
use std::env;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

const TARGET: &str = "wasm32-unknown-unknown";
/// Of Debian's security updates; rustc-web is a second rustc, for browsers.
const PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];
/// Where the first of them puts it.
const DEBIANS_RUSTC: &str = "/usr/bin/rustc";

/// Checks the library for the target, with warnings as errors.
pub fn check(root: &Path) -> Result<ExitCode, String> {
    let mut cargo = super::cargo(root);
    cargo.args(["check", "--package", "dryflash", "--lib", "--no-default-features", "--locked", "--target", TARGET]);
    if has_target() || add_target() {
        println!("Checking the library for {TARGET}.");
    } else {
        needs::install(&PACKAGES).map_err(|error| {
            format!("{error}; with Rust from rustup this line does it:\n\n    rustup target add {TARGET}\n")
        })?;
        println!("Checking the library for {TARGET}, and its standard library with it, by Debian's rustc.");
        // What is unstable is asked of a stable cargo and rustc.
        cargo.env("RUSTC", DEBIANS_RUSTC).env("RUSTC_BOOTSTRAP", "1").arg("-Zbuild-std=std,panic_abort");
    }
    // Warnings: what only this build lacks is dead code elsewhere. With a target given, they are no flags of build scripts.
    Ok(super::exit_code(super::run(cargo.env("RUSTFLAGS", "-D warnings"))?))
}

/// Whether the compiler that cargo uses has the target's standard library.
fn has_target() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    output.is_ok_and(|o| Path::new(String::from_utf8_lossy(&o.stdout).trim()).is_dir())
}

fn add_target() -> bool {
    let status = Command::new("rustup").args(["target", "add", TARGET]).stdin(Stdio::null()).status();
    status.is_ok_and(|s| s.success())
}
