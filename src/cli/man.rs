//! `dryflash man`: the manual pages.

use super::bench::write;
use super::{OK, Outcome};
use anyhow::{Context, bail};
use clap_mangen::Man;
use std::path::PathBuf;

/// Write the manual pages: one for dryflash, one for each verb
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash man ~/.local/share/man/man1
  dryflash man pages --force")]
pub struct Args {
    /// A folder that exists; dryflash.1, dryflash-check.1 and so on are written there.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Replace pages that exist.
    #[arg(long)]
    force: bool,
}

/// Runs the verb.
///
/// # Errors
/// A page exists, or cannot be written.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    if !args.folder.is_dir() {
        bail!("{} is no folder; make it first: mkdir -p {0}", args.folder.display());
    }
    let pages = pages()?;
    // All or none.
    for (name, _) in &pages {
        let path = args.folder.join(name);
        if path.exists() && !args.force {
            bail!("{} exists; --force replaces it", path.display());
        }
    }
    for (name, page) in &pages {
        let path = args.folder.join(name);
        write(&path, args.force, page)?;
    }
    let folder = args.folder.display();
    let text = format!("{} pages are in {folder}; `man {folder}/dryflash.1` shows one\n", pages.len());
    Ok(Outcome { text, code: OK })
}

/// Each page's file name and its text.
fn pages() -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut command = super::forms::command().disable_help_subcommand(true);
    command.build();
    let verbs: Vec<clap::Command> = command.get_subcommands().filter(|c| !c.is_hide_set()).cloned().collect();
    let mut pages = Vec::new();
    for one in std::iter::once(command).chain(verbs) {
        // What clap calls a verb in its help: dryflash-check.
        let name = one.get_display_name().unwrap_or(one.get_name()).to_owned();
        let mut text = Vec::new();
        Man::new(one).render(&mut text).context("a page could not be made")?;
        pages.push((format!("{name}.1"), text));
    }
    Ok(pages)
}
