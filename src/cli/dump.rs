//! `dryflash dump`: what a probe reads of a virtual ESC, into a file.

use super::outputs::Target;
use super::{OK, Outcome, Output, STATE_VARIABLE, WOULD_NOT};
use crate::esc::StateFile;
use crate::layout::{self, DumpError};
use crate::probe::st_flash::arguments::number;
use crate::report::dump::Report;
use crate::shell;
use anyhow::bail;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash dump --state esc.json -o dump.bin
  dryflash dump --state esc.json 0x08007c00 1k -o eeprom.hex")]
pub struct Args {
    /// The first address, as st-flash takes it: 0x08007c00.
    #[arg(value_name = "ADDR", requires = "size")]
    address: Option<String>,
    /// How many bytes: 1024, 0x400, 1k.
    #[arg(value_name = "SIZE")]
    size: Option<String>,
    /// The virtual ESC.
    #[arg(long, value_name = "FILE", env = STATE_VARIABLE, hide_env_values = true, help_heading = super::ESC)]
    state: PathBuf,
    #[command(flatten)]
    target: Target,
}

/// Runs the verb.
///
/// # Errors
/// Wrong usage, or a state that cannot be read.
pub fn run(args: &Args, output: Output) -> anyhow::Result<Outcome> {
    let place = match (&args.address, &args.size) {
        (Some(address), Some(size)) => Some((number("ADDR", address)?, number("SIZE", size)?)),
        _ => None,
    };
    if place.is_some_and(|(_, size)| size == 0) {
        bail!("SIZE is 0, and nothing would be read; leave ADDR and SIZE out for all of flash");
    }
    let form = args.target.look([&args.state])?;
    let state = StateFile::copy(&args.state)?;
    let Some(kept) = state.kept() else { bail!("{} holds no virtual ESC", args.state.display()) };
    let dump = match layout::dump(kept, place) {
        Ok(dump) => Ok(dump),
        Err(DumpError::Refused(unread)) => Err(unread),
        Err(DumpError::Kept(error)) => return Err(state.told(error).into()),
        Err(error) => return Err(error.into()),
    };
    if let Ok(dump) = &dump {
        args.target.write(&form.file(dump.address, &dump.bytes))?;
    }
    let code = if dump.is_ok() { OK } else { WOULD_NOT };
    let name = shell::plain(&args.state.to_string_lossy()).into_owned();
    let result = dump.as_ref().map_err(Clone::clone);
    output.outcome(&Report { state: &name, result, output: &args.target.name(), form }, code)
}
