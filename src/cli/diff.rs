//! `dryflash diff`: two images or virtual ESCs compared.

use super::sources::{self, OfPart};
use super::{OK, Outcome, Output, WOULD_NOT};
use crate::layout;
use std::ffi::OsString;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash diff AM32_NEOESC_F051_2.18.hex AM32_NEOESC_F051_2.20.hex
  dryflash diff before.json after.json
  dryflash diff eeprom.bin esc.json")]
pub struct Args {
    /// An image (FILE@ADDR puts a .bin at an address), or the state of a virtual ESC.
    #[arg(value_name = "A")]
    before: OsString,
    /// What it is compared with.
    #[arg(value_name = "B")]
    after: OsString,
    #[command(flatten)]
    pub(super) part: OfPart,
}

/// Runs the verb.
///
/// # Errors
/// Wrong usage, or something that cannot be read or compared.
pub fn run(args: &Args, output: Output) -> anyhow::Result<Outcome> {
    let (before, after) = (sources::load(&args.before)?, sources::load(&args.after)?);
    let part = args.part.find([&before, &after])?;
    let diff = layout::diff(&before, &after, part.as_ref())?;
    output.outcome(&diff, if diff.is_equal() { OK } else { WOULD_NOT })
}
