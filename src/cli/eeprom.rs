//! `dryflash eeprom`: settings pages by name.

mod diff;
mod migrate;
mod new;
mod set;
mod show;

use super::given::path_of;
use super::{OK, Outcome, Output, PART_VARIABLE, WOULD_NOT, outputs, sources};
use crate::am32::settings::Settings;
use crate::am32::{Finding, Severity};
use crate::esc::StateFile;
use crate::layout::page::{self, Page};
use crate::layout::{Form, Source, edit};
use crate::part::{self, Part};
use crate::report::eeprom::{Place, Written};
use crate::shell;
use anyhow::{Context, bail};
use clap::Subcommand;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash eeprom show eeprom.bin
  dryflash eeprom diff before.bin after.bin
  dryflash eeprom set eeprom.bin motor_kv=1980 motor_poles=12 -o new.bin
  dryflash eeprom new --part F051 -o eeprom.bin
  dryflash eeprom migrate eeprom.bin --app AM32_NEOESC_F051_2.20.hex -o new.bin")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Show(show::Args),
    Diff(diff::Args),
    Set(set::Args),
    New(new::Args),
    Migrate(migrate::Args),
}

/// The headings of the help.
const WHERE: &str = "Where the page is";
const WRITTEN: &str = "What is written";

/// Where a page is, in a file that may hold more.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = WHERE)]
struct Where {
    /// The part, where the file does not tell: full name, order code, or AM32's short name (F031, F051, G031, G071,
    /// G071_64K).
    #[arg(long, env = PART_VARIABLE, hide_env_values = true)]
    part: Option<String>,
    /// The page's first address, such as 0x08007C00, where the part does not tell.
    #[arg(long, value_name = "ADDR", value_parser = address)]
    at: Option<u32>,
}

/// A file that is written.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = WRITTEN)]
struct Out {
    /// The file to write.
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Replace a file that exists.
    #[arg(long)]
    force: bool,
}

fn address(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let digits = digits.ok_or_else(|| format!("'{text}' is no address; write it in hex, such as 0x08007C00"))?;
    u32::from_str_radix(digits, 16)
        .map_err(|_| format!("'{text}' is no address of 32 bits; write one such as 0x08007C00"))
}

/// Runs the verb.
///
/// # Errors
/// Wrong usage or unreadable input.
pub fn run(args: &Args, output: Output) -> anyhow::Result<Outcome> {
    match &args.action {
        Action::Show(args) => show::run(args, output),
        Action::Diff(args) => diff::run(args, output),
        Action::Set(args) => set::run(args, output),
        Action::New(args) => new::run(args, output),
        Action::Migrate(args) => migrate::run(args, output),
    }
}

/// A page, and what it was found in.
struct Found {
    source: Source,
    page: Page,
    settings: Settings,
    part: Option<Arc<Part>>,
}

impl Found {
    fn load(file: &OsStr, place: &Where) -> anyhow::Result<Found> {
        let wish = place.part.as_deref().map(part::find).transpose()?;
        let source = sources::load(file)?;
        // A state knows its part.
        let part = source.part.clone().or(wish);
        let page = page::find(&source, part.as_ref(), place.at)?;
        let settings = Settings::read(&page.bytes)?;
        Ok(Found { source, page, settings, part })
    }

    /// What is wrong with `settings`, which stand in this page's place in a file.
    fn findings(&self, file: &str, settings: &Settings) -> Vec<Finding> {
        edit::findings(Some(file), settings, self.page.address, self.page.layout)
    }

    fn place(&self) -> Place {
        Place {
            file: self.page.file.to_string(),
            part: self.page.layout.map(|l| l.name.to_owned()),
            address: self.page.address,
        }
    }
}

impl Out {
    /// Refuses what could not be written in the end.
    fn look<'a>(&self, inputs: impl IntoIterator<Item = &'a OsString>) -> anyhow::Result<()> {
        look(&self.output, self.force, inputs)
    }

    /// Writes the file.
    fn write(&self, bytes: &[u8], address: Option<u32>) -> anyhow::Result<Written> {
        write(&self.output, self.force, bytes, address)
    }
}

/// Refuses an output that is an input, or a virtual ESC, or could not be written in the end.
fn look<'a>(output: &Path, force: bool, inputs: impl IntoIterator<Item = &'a OsString>) -> anyhow::Result<()> {
    outputs::apart("--output", output, inputs.into_iter().map(|word| path_of(word)))?;
    if StateFile::is_one(output) {
        let name = output.display();
        bail!(
            "--output {name}: {name} is the state of a virtual ESC, which is changed by being flashed; give another name"
        );
    }
    outputs::may_make(output, force)
}

/// Writes a file; with `address`, its line for st-flash is told.
fn write(output: &Path, force: bool, bytes: &[u8], address: Option<u32>) -> anyhow::Result<Written> {
    outputs::write(output, force, bytes)?;
    Ok(Written {
        file: shell::plain(&output.to_string_lossy()).into_owned(),
        bytes: bytes.len(),
        flash: address.map(|address| format!("st-flash write {} 0x{address:08X}", shell::path(output))),
    })
}

/// A file of bytes that go to `address`: Intel HEX where its name says so.
fn file_of(output: &Path, bytes: Vec<u8>, address: Option<u32>) -> anyhow::Result<Vec<u8>> {
    if !is_hex(output) {
        return Ok(bytes);
    }
    let name = output.display();
    let address = address.with_context(|| {
        format!("{name}: Intel HEX has addresses, and nothing tells the page's; give --part or --at, or end the name in .bin")
    })?;
    Ok(Form::Hex.file(address, &bytes))
}

/// 1 where a finding is an error.
fn code(findings: &[Finding]) -> u8 {
    if findings.iter().any(|f| f.severity == Severity::Error) { WOULD_NOT } else { OK }
}

/// Whether a name asks for Intel HEX.
fn is_hex(path: &Path) -> bool {
    ends_in(path, &["hex", "ihex", "ihx"])
}

/// Whether a name has one of these ends.
fn ends_in(path: &Path, ends: &[&str]) -> bool {
    path.extension().is_some_and(|e| ends.iter().any(|end| e.eq_ignore_ascii_case(end)))
}
