//! `dryflash eeprom migrate`: what an app makes of a page.

use super::{Found, Where, code, file_of, is_hex, look, write};
use crate::am32::settings::Settings;
use crate::am32::{Given, Layout, Role};
use crate::cli::machine::Machine;
use crate::cli::{Outcome, Output, WOULD_NOT, given, progress};
use crate::esc::Options;
use crate::esc::migrate::{Migration, migrate};
use crate::image::Image;
use crate::layout::edit;
use crate::report::eeprom::Place;
use crate::report::eeprom_changes::{App, Changes, Side};
use crate::shell;
use anyhow::bail;
use std::ffi::OsString;
use std::path::PathBuf;

/// Run an app on a settings page, up to its main loop, and show what it makes of it
///
/// The app is started on a virtual ESC with the page in flash: as a bootloader would, or by the bootloader that is
/// given. Ends with 1 where the app does not come to its main loop, or has its settings elsewhere, and then nothing is
/// written; and where a finding about the page that it left is an error.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash eeprom migrate eeprom.bin --app AM32_NEOESC_F051_2.20.hex
  dryflash eeprom migrate old_FULL.bin --app AM32_NEOESC_F051_2.20.hex -o new.bin")]
pub struct Args {
    /// A page, or a file that holds one.
    #[arg(value_name = "FILE[@ADDR]")]
    file: OsString,
    /// The app.
    #[arg(long, value_name = "FILE[@ADDR]", help_heading = RUN)]
    app: OsString,
    /// A bootloader to start it with.
    #[arg(long, value_name = "FILE[@ADDR]", help_heading = RUN)]
    bootloader: Option<OsString>,
    #[command(flatten, next_help_heading = RUN)]
    machine: Machine,
    /// Write the page that the app left, 192 bytes; Intel HEX where the name ends in .hex.
    #[arg(short, long, value_name = "OUT", help_heading = super::WRITTEN)]
    output: Option<PathBuf>,
    /// Replace a file that exists.
    #[arg(long, help_heading = super::WRITTEN, requires = "output")]
    force: bool,
    #[command(flatten)]
    place: Where,
}

/// A heading of the help.
const RUN: &str = "What is run";

/// Runs the verb.
///
/// # Errors
/// A file cannot be read or written, or is for a part that is not modelled.
pub fn run(args: &Args, output: Output) -> anyhow::Result<Outcome> {
    if let Some(path) = &args.output {
        look(path, args.force, [&args.file, &args.app].into_iter().chain(&args.bootloader))?;
    }
    let found = Found::load(&args.file, &args.place)?;
    let page = Image { name: found.page.file.clone(), ..Image::parse("page.bin", &found.page.bytes, None)? };
    let mut files = vec![Given { image: page, role: Some(Role::Eeprom) }, given::load(&args.app, Some(Role::App))?];
    if let Some(bootloader) = &args.bootloader {
        files.push(given::load(bootloader, Some(Role::Bootloader))?);
    }
    let options = Options {
        part: found.part.clone(),
        part_from: found.source.is_state().then(|| found.source.name.to_string()),
        engine: args.machine.engine,
        f0_write_without_pg: args.machine.f0_store_without_pg,
        ..Options::default()
    };
    let done = progress::while_running("running the app", || migrate(files, &options))?;
    if let Some(at) = args.place.at.filter(|at| found.page.is_alone() && *at != done.address) {
        let (part, address) = (done.part.nick(), done.address);
        bail!(
            "--at 0x{at:08X}: the {part} has its settings at 0x{address:08X}; leave --at out, or name another --part"
        );
    }
    let report = report(args, &found, done)?;
    let finished = report.app.as_ref().is_some_and(|app| app.done);
    output.outcome(&report, if finished { code(&report.findings) } else { WOULD_NOT })
}

fn report(args: &Args, found: &Found, done: Migration) -> anyhow::Result<Changes> {
    let finished = done.is_done();
    let mut findings = done.findings;
    if finished {
        // As it is called where it is written.
        let name = args.output.as_ref().map(|path| path.to_string_lossy());
        let name = name.as_ref().map(|name| shell::plain(name));
        let layout = Layout::of(&done.part);
        findings.extend(edit::findings(name.as_deref(), &Settings::read(&done.after)?, Some(done.address), layout));
    }
    let written = match args.output.as_ref().filter(|_| finished) {
        None => None,
        Some(path) => {
            let file = file_of(path, done.after.clone(), Some(done.address))?;
            Some(write(path, args.force, &file, Some(done.address).filter(|_| !is_hex(path)))?)
        }
    };
    let place = |file: String| Place { file, part: Some(done.part.nick().to_owned()), address: Some(done.address) };
    let app = done.pieces.iter().find(|p| p.role == Role::App).map_or_else(String::new, |p| p.image.name.to_string());
    let part = format!("{} ({})", done.part.name, done.part_evidence);
    Ok(Changes {
        before: Side { place: place(found.page.file.to_string()), settings: Settings::read(&done.before)? },
        after: Side { place: place(app.clone()), settings: Settings::read(&done.after)? },
        app: Some(App { file: app, part, run: done.run, done: finished }),
        findings,
        rounded: Vec::new(),
        written,
    })
}
