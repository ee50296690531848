//! `dryflash eeprom new`: a page of defaults.

use super::{Out, code, file_of, is_hex};
use crate::am32::Layout;
use crate::am32::settings::{SetError, Settings, default_page};
use crate::am32::{Firmware, eeprom};
use crate::cli::{Outcome, Output, PART_VARIABLE};
use crate::layout::edit::{self, EditError};
use crate::part;
use crate::report::eeprom::{Page, Place};
use anyhow::{Context, anyhow};

/// The firmware whose page is made where none is named. Its layout is 2, which every firmware from 1.78 on takes, and
/// brings to its own.
const USUAL: Firmware = Firmware { major: 2, minor: 18 };

/// Make a settings page of defaults, with which a bootloader starts the app
///
/// Without --firmware it is one of layout 2, which every firmware from 1.78 on takes over at its first start. It has
/// the 192 bytes that apps read and write: whoever flashes them erases the rest of the page with them. A name that ends
/// in .hex makes Intel HEX, at the part's address.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash eeprom new --part F051 -o eeprom.bin
  dryflash eeprom new --part G071 --firmware 2.20 motor_kv=1980 motor_poles=12 -o eeprom.hex")]
pub struct Args {
    /// Settings that are not to be the default: motor_kv=1980, dir_reversed=on, startup_power=0x50.
    #[arg(value_name = "FIELD=VALUE")]
    settings: Vec<String>,
    /// The part: full name, order code, or AM32's short name (F031, F051, G031, G071, G071_64K).
    #[arg(long, help_heading = CONTENT, env = PART_VARIABLE, hide_env_values = true)]
    part: String,
    /// The firmware that is to find its own page, such as 2.20.
    #[arg(long, help_heading = CONTENT, value_name = "VERSION", value_parser = firmware)]
    firmware: Option<Firmware>,
    /// The page's layout, 0 to 4; that of the firmware where absent.
    #[arg(long, help_heading = CONTENT, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=4))]
    layout: Option<u8>,
    /// Take bytes in hex that make no sense.
    #[arg(long, help_heading = CONTENT)]
    anyway: bool,
    #[command(flatten)]
    out: Out,
}

/// A heading of the help.
const CONTENT: &str = "What it holds";

/// The newest firmware of each layout.
const NEWEST: [Firmware; 5] = [
    Firmware { major: 1, minor: 64 },
    Firmware { major: 1, minor: 77 },
    USUAL,
    Firmware { major: 2, minor: 20 },
    Firmware { major: 2, minor: 21 },
];

fn firmware(text: &str) -> Result<Firmware, String> {
    let number = |t: &str| t.parse::<u8>().ok().filter(|n| *n < 100 && t.bytes().all(|b| b.is_ascii_digit()));
    let parts = text.split_once('.').and_then(|(major, minor)| Some((number(major)?, minor, number(minor)?)));
    let (major, digits, minor) =
        parts.ok_or_else(|| format!("'{text}' is no firmware's version; write one such as 2.20"))?;
    if digits.len() != 2 {
        return Err(format!("'{text}' may be {major}.0{minor} or {major}.{minor}0; write two digits behind the point"));
    }
    Ok(Firmware { major, minor })
}

/// Runs the verb.
///
/// # Errors
/// No such part or setting, a value that makes no sense, or a file that cannot be written.
pub fn run(args: &Args, output: Output) -> anyhow::Result<Outcome> {
    args.out.look([])?;
    let part = part::find(&args.part)?;
    let known = Layout::of(&part).with_context(|| format!("AM32 is not known on the {}", part.name))?;
    let by_layout = args.layout.and_then(|n| NEWEST.get(usize::from(n))).copied();
    let firmware = args.firmware.or(by_layout).unwrap_or(USUAL);
    let mut bytes = default_page(args.layout.unwrap_or(eeprom::layout_of(firmware)), firmware);
    let wanted = edit::settings(&args.settings)?;
    let rounded = edit::put(&mut bytes, &wanted, args.anyway).map_err(|error| match &error {
        EditError::Set(SetError::NotThere { .. }) => {
            anyhow!("{error}; name the firmware that the page is for, such as --firmware 2.21")
        }
        _ => error.into(),
    })?;
    let file = file_of(&args.out.output, bytes.clone(), Some(known.eeprom))?;
    let written = args.out.write(&file, Some(known.eeprom).filter(|_| !is_hex(&args.out.output)))?;
    let name = written.file.clone();
    let settings = Settings::read(&bytes)?;
    let findings = edit::findings(Some(&name), &settings, Some(known.eeprom), Some(known));
    let place = Place { file: name, part: Some(known.name.to_owned()), address: Some(known.eeprom) };
    let report = Page { place, settings, findings, rounded, written: Some(written) };
    output.outcome(&report, code(&report.findings))
}
