//! `dryflash eeprom diff`: two pages by name.

use super::{Found, Where};
use crate::cli::{OK, Outcome, Output, WOULD_NOT};
use crate::report::eeprom_changes::{Changes, Side};
use std::ffi::OsString;

/// Compare two settings pages by name
///
/// Ends with 0 where they hold the same, 1 where they differ, 2 where one cannot be read.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  dryflash eeprom diff before.bin AM32_NEOESC_F051_2.20_FULL.hex")]
pub struct Args {
    /// A page, or a file that holds one.
    #[arg(value_name = "A")]
    a: OsString,
    /// Another.
    #[arg(value_name = "B")]
    b: OsString,
    #[command(flatten)]
    place: Where,
}

/// Runs the verb.
///
/// # Errors
/// There is no page in a file, or it cannot be read.
pub fn run(args: &Args, output: Output) -> anyhow::Result<Outcome> {
    let side = |file| {
        let found = Found::load(file, &args.place)?;
        anyhow::Ok(Side { place: found.place(), settings: found.settings })
    };
    let (before, after) = (side(&args.a)?, side(&args.b)?);
    let report = Changes { before, after, app: None, findings: Vec::new(), rounded: Vec::new(), written: None };
    let code = if report.bytes() == 0 { OK } else { WOULD_NOT };
    output.outcome(&report, code)
}
