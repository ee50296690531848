//! `dryflash eeprom show`: a page by name.

use super::{Found, Where, code};
use crate::cli::{Outcome, Output};
use crate::report::eeprom::Page;
use std::ffi::OsString;

/// Show a settings page by name: values with units, what is not the default, what makes no sense, and what the firmware
/// does then
///
/// Ends with 1 where a finding about the page is an error. With --quiet, only what is in doubt; with --verbose, also
/// what each setting is for.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash eeprom show eeprom.bin
  dryflash eeprom show AM32_NEOESC_F051_2.20_FULL.hex
  dryflash eeprom show --part G071 dump.bin@0x08000000
  dryflash eeprom show esc.json --format json")]
pub struct Args {
    /// A page, or a file that holds one: .bin, Intel HEX, ELF, or the state of a virtual ESC.
    #[arg(value_name = "FILE[@ADDR]")]
    file: OsString,
    #[command(flatten)]
    place: Where,
}

/// Runs the verb.
///
/// # Errors
/// There is no page in the file, or it cannot be read.
pub fn run(args: &Args, output: Output) -> anyhow::Result<Outcome> {
    let found = Found::load(&args.file, &args.place)?;
    let findings = found.findings(&found.page.file, &found.settings);
    let code = code(&findings);
    let report = Page { place: found.place(), settings: found.settings, findings, rounded: Vec::new(), written: None };
    output.outcome(&report, code)
}
