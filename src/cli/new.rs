//! `dryflash new`: a scenario to begin with.

use super::outputs::write;
use super::{OK, Outcome};
use crate::part;
use crate::shell;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  dryflash new scenarios/update.toml --part F051")]
pub struct Args {
    /// The file; it must not exist yet. `-` prints it.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The part.
    #[arg(long, help_heading = CONTENT, default_value = "F051", env = super::PART_VARIABLE, hide_env_values = true)]
    part: String,
    /// Replace a file that exists.
    #[arg(long, help_heading = CONTENT)]
    force: bool,
}

/// A heading of the help.
const CONTENT: &str = "What is written";

/// Runs the verb.
///
/// # Errors
/// The file exists, or cannot be written.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let part = part::find(&args.part)?;
    let text = TEMPLATE.replace("@PART@", part.nick());
    if args.file.as_os_str() == "-" {
        return Ok(Outcome { text, code: OK });
    }
    write(&args.file, args.force, text.as_bytes())?;
    let (name, word) = (args.file.display(), shell::path(&args.file));
    let text = format!("{name} is there: put your files into it, and try it with\n  dryflash run {word}\n");
    Ok(Outcome { text, code: OK })
}

const TEMPLATE: &str = include_str!("new.toml");
