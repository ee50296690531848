//! What is made before the crate is compiled: the parts and AM32's settings as code, and the libusb stand-in.

mod parts;
#[expect(dead_code, reason = "what was read is printed by Debug, which the lint does not count")]
mod settings;
mod shim;

use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-changed=build");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    parts::build(&out);
    settings::build(&out);
    if std::env::var_os("CARGO_FEATURE_CLI").is_some() {
        shim::build(&out);
    }
}
