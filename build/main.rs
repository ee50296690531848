//! What is made before the crate is compiled: the parts as code, and the libusb stand-in.

mod parts;
mod shim;

use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=build");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    parts::build(&out);
    if std::env::var_os("CARGO_FEATURE_CLI").is_some() {
        shim::build(&out);
    }
}
