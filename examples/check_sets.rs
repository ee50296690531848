//! In a project's own test: every set of files that it ships would start, and one that would not is known for its reason.
//! It takes a folder for each set; here two are made of this repository's stand-ins.
//!
//! `cargo run --example check_sets`, or the same lines under `#[test]`.

use dryflash::am32::{Given, Id};
use dryflash::esc::{Options, Verdict, check};
use dryflash::image::Image;
use dryflash::report::{Style, text};
use std::error::Error;
use std::path::Path;

const BOOTLOADER: &str = "STANDIN_F051_BOOTLOADER_PB4_V14.bin";
const APP: &str = "STANDIN_DRYFLASH_F051_2.20.hex";

fn main() -> Result<(), Box<dyn Error>> {
    let release = verdict(&[BOOTLOADER, APP, "STANDIN_EEPROM_V2_1K.bin"])?;
    assert!(release.starts(), "{}", text::verdict(&release, Style::default()));

    let blank = verdict(&[BOOTLOADER, APP, "STANDIN_EEPROM_BLANK_1K.bin"])?;
    assert!(!blank.starts());
    assert!(blank.findings.iter().any(|finding| finding.id == Id::EEPROM_BLANK));
    println!("both sets are as they should be");
    Ok(())
}

/// What would happen if these files of `firmware/built` were flashed and powered.
fn verdict(names: &[&str]) -> Result<Verdict, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built");
    let mut files = Vec::new();
    for name in names {
        files.push(Given { image: Image::load(&folder.join(name), None)?, role: None });
    }
    let (verdict, _) = check(files, &Options::default(), None)?;
    Ok(verdict)
}
