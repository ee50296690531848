//! `dryflash new`: a scenario to begin with.

use super::{OK, Outcome};
use crate::part;
use anyhow::{Context, bail};
use std::path::PathBuf;

/// Write a scenario with comments, to begin with
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  dryflash new scenarios/update.toml --part F051")]
pub struct Args {
    /// The file; it must not exist yet. `-` prints it.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The part.
    #[arg(long, default_value = "F051", env = super::PART_VARIABLE, hide_env_values = true)]
    part: String,
    /// Replace a file that exists.
    #[arg(long)]
    force: bool,
}

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
    let name = args.file.display();
    if args.file.exists() && !args.force {
        bail!("{name} exists; --force replaces it");
    }
    std::fs::write(&args.file, text).with_context(|| format!("{name} cannot be written"))?;
    let text = format!("{name} is there: put your files into it, and try it with\n  dryflash run {name}\n");
    Ok(Outcome { text, code: OK })
}

const TEMPLATE: &str = include_str!("new.toml");
