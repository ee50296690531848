//! `dryflash eeprom set`: a page with other values.

use super::{Found, Out, Where, code};
use crate::am32::settings::Settings;
use crate::cli::{Outcome, Output};
use crate::files::{self, FileError};
use crate::layout::edit;
use crate::report::eeprom::Place;
use crate::report::eeprom_changes::{Changes, Side};
use std::ffi::OsString;

/// Set settings by name, and write the file anew with all else as it was
///
/// The output has the input's format: of Intel HEX, lines, order and all other bytes stay. Of a virtual ESC's state it
/// is the page alone. Ends with 1 where a finding about the new page is an error; it is written all the same.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash eeprom set eeprom.bin motor_kv=1980 dir_reversed=on -o new.bin
  dryflash eeprom set AM32_NEOESC_F051_2.20_FULL.hex max_ramp=8 current_limit=off -o mine.hex
  dryflash eeprom set eeprom.bin motor_poles=12 -o eeprom.bin --force")]
pub struct Args {
    /// A page, or a file that holds one.
    #[arg(value_name = "FILE[@ADDR]")]
    file: OsString,
    /// What to set: a value in its unit (motor_kv=1980), a word (dir_reversed=on, current_limit=off), or the byte in
    /// hex (max_ramp=0x50).
    #[arg(value_name = "FIELD=VALUE", required = true)]
    settings: Vec<String>,
    /// Take bytes in hex that make no sense, and a page that was never written.
    #[arg(long, help_heading = super::WRITTEN)]
    anyway: bool,
    #[command(flatten)]
    out: Out,
    #[command(flatten)]
    place: Where,
}

/// Runs the verb.
///
/// # Errors
/// There is no such setting on the page, a value makes no sense, or a file cannot be read or written.
pub fn run(args: &Args, output: Output) -> anyhow::Result<Outcome> {
    args.out.look()?;
    let wanted = edit::settings(&args.settings)?;
    let found = Found::load(&args.file, &args.place)?;
    let path = crate::cli::check::path_of(&args.file);
    let raw = files::read(&path, files::LONGEST).map_err(|e| FileError::new(&path, e))?;
    let bytes = edit::edited(&found.page, &wanted, args.anyway)?;
    let whole = edit::file_with(&raw, &found.source, &found.page, &bytes)?;
    // A file with addresses of its own is not written to one.
    let address = found.page.address.filter(|_| found.source.is_state() || found.page.is_alone());
    let written = args.out.write(&whole, address)?;
    let findings = edit::findings(&written.file.as_str().into(), &bytes, found.part.as_ref())?;
    let after = Place { file: written.file.clone(), ..found.place() };
    let report = Changes {
        before: Side { place: found.place(), settings: found.settings },
        after: Side { place: after, settings: Settings::read(&bytes)? },
        app: None,
        findings,
        written: Some(written),
    };
    output.outcome(&report, code(&report.findings))
}
