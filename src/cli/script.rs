//! `dryflash replay steps.sh`: st-flash lines, one after the other at one virtual ESC.

use super::bench::{self, Holding, refused};
use super::forms::Reports;
use super::keeper::Keeper;
use super::st_flash::from_file;
use super::{OK, Outcome, Output, WOULD_NOT};
use crate::esc::Verdict;
use crate::esc::changes::Snapshot;
use crate::esc::rests;
use crate::files;
use crate::probe::owner;
use crate::probe::recording::Exchange;
use crate::probe::st_flash::{Done, Line, Script, Step, run_script};
use crate::probe::st_flash::{Host, Note, Watch};
use crate::report::Style;
use crate::report::script::{self as report, Told};
use crate::tell::tell;
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};

/// Whether a file holds st-flash lines: by its name, its first line, or its first command.
pub fn is_one(path: &Path, bytes: &[u8]) -> bool {
    let named = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("sh"));
    let Ok(text) = std::str::from_utf8(bytes) else { return named || bytes.starts_with(b"#!") };
    let text = text.trim_start_matches('\u{FEFF}');
    // A recording, whose header may name a client by its path.
    if text.starts_with('{') {
        return named;
    }
    let command = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let word = command.and_then(|line| line.split_whitespace().find(|w| *w != "sudo"));
    named || text.starts_with("#!") || word.is_some_and(|w| w == "st-flash" || w.ends_with("/st-flash"))
}

/// What is asked of a script.
pub struct Asked<'a> {
    /// The file.
    pub path: &'a Path,
    /// The ESC, with what it holds before.
    pub holding: Holding,
    /// Replace files that exist.
    pub force: bool,
    /// Afterwards, switch the power off and on.
    pub boot: bool,
    /// Reports that go into files.
    pub reports: &'a Reports,
}

/// Carries the lines out.
///
/// # Errors
/// A line that is not taken, an ESC that cannot be set up.
pub fn run(asked: Asked, bytes: &[u8], output: Output) -> anyhow::Result<Outcome> {
    let Asked { path: file, mut holding, force, boot, reports } = asked;
    let path = file.display().to_string();
    if bytes.len() as u64 > files::LONGEST {
        bail!("{path}: has more than 16 MB: these are no st-flash lines");
    }
    let Ok(text) = std::str::from_utf8(bytes) else { bail!("{path}: not text") };
    let script = Script::parse(text).with_context(|| path.clone())?;
    let esc = &mut holding.esc;
    if esc.part.is_none() && esc.state.as_ref().is_none_or(|s| !s.exists()) {
        let arguments = script.lines.iter().find_map(|line| match &line.step {
            Step::StFlash(arguments) => Some(arguments),
            _ => None,
        });
        let Some(arguments) = arguments else { bail!("{path}: there is no st-flash line in it") };
        let found = from_file(arguments, &|file| PathBuf::from(file)).with_context(|| path.clone())?;
        tell!("dryflash: note: {}", found.note);
        esc.part = Some(found.part);
    }
    let mut bench = holding.prepare().or_else(|error| {
        refused(error)?;
        bail!("the ESC cannot be set up")
    })?;
    let esc = &holding.esc;
    let mut teller = Teller { keeper: Keeper::new(bench.state.take()), lines: Vec::new() };
    let kept = [file.to_owned()].into_iter().chain(esc.state.clone()).collect();
    let host = Host { force, kept, ..Host::default() };
    let outcome = run_script(&mut bench.probe, &script, &host, &mut teller);
    if let Some(text) = bench.probe.target.take_broken() {
        bail!("the model failed: {text}; this is a bug, please report it");
    }
    let Teller { mut keeper, lines } = teller;
    keeper.finish(&bench.probe)?;
    let changes = bench.before.until(&Snapshot::of(&bench.probe.target.chip));
    let notes = rests::notes(&bench.probe.target.chip);
    let verdict = if boot { Some(bench::boot(&bench.probe, &bench.elfs, keeper.state.as_ref(), esc)?) } else { None };
    let report = report::Script {
        format: "dryflash-script",
        version: 1,
        script: path,
        part: &bench.part.name,
        lines: &lines,
        lines_left: script.lines.len() - outcome.done.len(),
        commands: keeper.commands,
        changes: &changes,
        notes: &notes,
        verdict: verdict.as_ref(),
    };
    let written = reports.write(&report, Style::default());
    let good = !outcome.failed && verdict.as_ref().is_none_or(Verdict::starts);
    output.outcome_and(&report, if good { OK } else { WOULD_NOT }, written)
}

struct Teller {
    keeper: Keeper,
    lines: Vec<Told>,
}

impl Teller {
    fn last(&mut self) -> Option<&mut Told> {
        self.lines.last_mut()
    }
}

impl Watch for Teller {
    fn exchange(&mut self, exchange: &Exchange) {
        owner::Watch::exchange(&mut self.keeper, exchange);
    }

    fn line(&mut self, line: &Line) {
        let (number, text) = (line.line, line.text.clone());
        let told = Told { line: number, text, said: Vec::new(), notes: Vec::new(), error: None, exit_code: None };
        self.lines.push(told);
    }

    fn said(&mut self, text: &str) {
        if let Some(told) = self.last() {
            told.said.push(text.to_owned());
        }
    }

    fn note(&mut self, note: &Note) {
        if let Some(told) = self.last() {
            told.notes.push(note.to_string());
        }
    }

    fn done(&mut self, line: &Line, done: &Done) {
        if matches!(done, Done::Skipped) {
            self.line(line);
        }
        let Some(told) = self.last() else { return };
        told.exit_code = done.exit_code();
        match done {
            Done::Failed(error) => told.error = Some(error.to_string()),
            Done::NoFolder(folder) => told.error = Some(format!("{}: there is no such folder", folder.display())),
            Done::StFlash(outcome) => told.said.extend(outcome.printed.map(|word| format!("{word:08x}"))),
            Done::Quiet | Done::Skipped => {}
        }
    }
}
