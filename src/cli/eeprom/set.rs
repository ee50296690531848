//! `dryflash eeprom set`: a page with other values.

use super::{Found, Out, Where, code, ends_in, file_of, is_hex};
use crate::am32::settings::Settings;
use crate::cli::{Outcome, Output};
use crate::files::{self, FileError};
use crate::image::Format;
use crate::layout::edit;
use crate::report::eeprom::Place;
use crate::report::eeprom_changes::{Changes, Side};
use anyhow::bail;
use std::ffi::OsString;

/// Set settings by name, and write the file anew with all else as it was
///
/// The output has the input's format, and its name must not end in another's: of Intel HEX, lines, order and all other
/// bytes stay. A binary becomes Intel HEX where the name ends in .hex. Of a virtual ESC's state it is the page alone. A
/// value between two steps becomes the nearest, which is told. Ends with 1 where a finding about the new page is an error; it is written all the same.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash eeprom set eeprom.bin motor_kv=1980 dir_reversed=on -o new.bin
  dryflash eeprom set AM32_NEOESC_F051_2.20_FULL.hex motor_poles=12 current_limit=off -o mine.hex")]
pub struct Args {
    /// A page, or a file that holds one.
    #[arg(value_name = "FILE[@ADDR]")]
    file: OsString,
    /// What to set: a value in its unit (motor_kv=1980), a word (dir_reversed=on, current_limit=off), or the byte in
    /// hex (max_ramp=0x50).
    #[arg(value_name = "FIELD=VALUE", required = true)]
    settings: Vec<String>,
    /// Take bytes in hex that make no sense, and a page that was never written or seems to be none.
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
    args.out.look([&args.file])?;
    let wanted = edit::settings(&args.settings)?;
    let found = Found::load(&args.file, &args.place)?;
    let path = crate::cli::given::path_of(&args.file);
    let raw = files::read(&path, files::LONGEST).map_err(|e| FileError::new(&path, e))?;
    let (bytes, rounded) = edit::edited(&found.page, &wanted, args.anyway)?;
    let whole = edit::file_with(&raw, &found.source, &found.page, &bytes)?;
    let (output_path, format) = (&args.out.output, found.page.image.format);
    let is_binary = found.source.is_state() || format == Format::Bin;
    let whole = match is_binary {
        true if found.source.is_state() => file_of(output_path, whole, found.page.address)?,
        true => {
            let image = &found.page.image;
            file_of(output_path, whole, image.placed.then(|| image.start()))?
        }
        false if ends_in(output_path, &["bin"]) || (is_hex(output_path) && format != Format::Hex) => {
            bail!(
                "{0}: what is written has the format of {1}, which is {format}; end the name as that one does",
                output_path.display(),
                found.page.file
            )
        }
        false => whole,
    };
    // A file with addresses of its own is not written to one.
    let alone = found.source.is_state() || found.page.is_alone();
    let address = found.page.address.filter(|_| alone && !is_hex(output_path));
    let written = args.out.write(&whole, address)?;
    let settings = Settings::read(&bytes)?;
    let findings = found.findings(&written.file, &settings);
    let after = Place { file: written.file.clone(), ..found.place() };
    let report = Changes {
        before: Side { place: found.place(), settings: found.settings },
        after: Side { place: after, settings },
        app: None,
        findings,
        rounded,
        written: Some(written),
    };
    output.outcome(&report, code(&report.findings))
}
