//! Compiles the libusb stand-in, which `dryflash` carries with it and hands to clients: one binary is all there is to
//! install. Cargo cannot do so itself: a dependency on another crate's shared library is not stable.

use std::env;
use std::path::Path;
use std::process::Command;

const SOURCES: &str = "shim/src";
const NAME: &str = "libusb-1.0.so.0";

pub fn build(out: &Path) {
    println!("cargo::rerun-if-changed={SOURCES}");
    let variable = |name: &str| env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"));
    let out = out.join(NAME);
    if variable("CARGO_CFG_TARGET_OS") != "linux" {
        // Clients elsewhere come over TCP.
        std::fs::write(&out, []).expect("the output folder can be written");
        return;
    }
    let mut rustc = Command::new(variable("RUSTC"));
    rustc
        .args(["--crate-name", "dryflash_libusb", "--crate-type", "cdylib", "--edition", "2024"])
        .args(["-C", "opt-level=2", "-C", "panic=abort", "-C", "strip=symbols", "-C", "codegen-units=1"])
        // Whoever opens libusb by name at run time finds it already there.
        .arg("-Clink-arg=-Wl,-soname,libusb-1.0.so.0")
        .args(["--target", &variable("TARGET"), "--cap-lints", "allow", "-o"])
        .arg(&out)
        .arg(Path::new(SOURCES).join("lib.rs"));
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        rustc.arg(format!("-Clinker={linker}"));
    }
    let status = rustc.status().expect("rustc starts");
    assert!(status.success(), "the libusb stand-in in {SOURCES} does not compile: {status}");
}
