//! `dryflash man`: the manual pages.

use super::outputs::write;
use super::{OK, Outcome};
use crate::shell;
use anyhow::{Context, bail};
use clap_mangen::Man;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash man ~/.local/share/man/man1
  dryflash man pages --force")]
pub struct Args {
    /// A folder that exists; dryflash.1, dryflash-check.1 and so on are written there.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Replace pages that exist.
    #[arg(long, help_heading = WRITTEN)]
    force: bool,
}

/// A heading of the help.
const WRITTEN: &str = "What is written";

/// Runs the verb.
///
/// # Errors
/// A page exists, or cannot be written.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let pages = pages()?;
    if !args.folder.is_dir() {
        let (name, word) = (args.folder.display(), shell::path(&args.folder));
        let told = args.folder.to_string_lossy();
        let verb = told.strip_suffix(".1").unwrap_or(&told);
        let verb = verb.strip_prefix("dryflash-").unwrap_or(verb);
        if verb == "dryflash" || pages.iter().any(|(page, _)| *page == format!("dryflash-{verb}.1")) {
            let help = if verb == "dryflash" { "" } else { verb };
            let help = format!("dryflash help {help}");
            bail!(
                "{name} is a page, and this writes all of them into a folder; `{}` shows that one here",
                help.trim_end()
            );
        }
        if args.folder.exists() {
            bail!("{name} is a file, and the pages go into a folder: name one");
        }
        bail!("there is no folder {name} for the pages; make it first: mkdir -p {word}");
    }
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
    // A page without a slash would be looked for among those that are installed.
    let page = Path::new(".").join(args.folder.join("dryflash.1"));
    let (folder, page) = (args.folder.display(), shell::path(&page));
    let text = format!("{} pages are in {folder}; `man {page}` shows one\n", pages.len());
    Ok(Outcome { text, code: OK })
}

/// Each page's file name and its text.
fn pages() -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut command = super::forms::command().disable_help_subcommand(true);
    command.build();
    let mut all = Vec::new();
    collect(command, &mut all);
    let mut pages = Vec::new();
    for one in all {
        // What clap calls a verb in its help: dryflash-check.
        let name = one.get_display_name().unwrap_or(one.get_name()).to_owned();
        let mut text = Vec::new();
        Man::new(one).render(&mut text).context("a page could not be made")?;
        pages.push((format!("{name}.1"), text));
    }
    Ok(pages)
}

/// A command, and all that are below it.
fn collect(command: clap::Command, all: &mut Vec<clap::Command>) {
    let below: Vec<clap::Command> = command.get_subcommands().filter(|c| !c.is_hide_set()).cloned().collect();
    all.push(command);
    below.into_iter().for_each(|command| collect(command, all));
}
