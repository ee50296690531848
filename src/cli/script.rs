//! `dryflash replay steps.sh`: st-flash lines, one after the other at one virtual ESC.

use super::bench::{Keeper, boot};
use super::replay::Args;
use super::st_flash::from_file;
use super::{Format, OK, Outcome, Output, WOULD_NOT};
use crate::esc::Verdict;
use crate::esc::changes::{Changes, Snapshot};
use crate::esc::rests;
use crate::files;
use crate::probe::owner;
use crate::probe::recording::Exchange;
use crate::probe::st_flash::{Done, Line, Script, Step, run_script};
use crate::probe::st_flash::{Host, Note, Watch};
use crate::report;
use anyhow::{Context, bail};
use serde::Serialize;
use std::fmt::Write;
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

/// Carries the lines out.
///
/// # Errors
/// A line that is not taken, an ESC that cannot be set up.
pub fn run(args: &Args, bytes: &[u8], output: Output) -> anyhow::Result<Outcome> {
    let path = args.recording.display().to_string();
    if bytes.len() as u64 > files::LONGEST {
        bail!("{path}: has more than 16 MB: these are no st-flash lines");
    }
    let Ok(text) = std::str::from_utf8(bytes) else { bail!("{path}: not text") };
    let script = Script::parse(text).with_context(|| path.clone())?;
    let mut esc = args.esc.clone();
    if esc.part.is_none() && esc.state.as_ref().is_none_or(|s| !s.exists()) {
        let arguments = script.lines.iter().find_map(|line| match &line.step {
            Step::StFlash(arguments) => Some(arguments),
            _ => None,
        });
        let Some(arguments) = arguments else { bail!("{path}: there is no st-flash line in it") };
        esc.part = Some(from_file(arguments, &|file| PathBuf::from(file)).with_context(|| path.clone())?);
    }
    let Ok(mut bench) = args.prepare(&esc)? else { bail!("the ESC cannot be set up") };
    let mut teller = Teller { keeper: Keeper::new(bench.state.take()), lines: Vec::new() };
    let kept = [args.recording.clone()].into_iter().chain(esc.state.clone()).collect();
    let host = Host { force: args.force, kept, ..Host::default() };
    let outcome = run_script(&mut bench.probe, &script, &host, &mut teller);
    if let Some(text) = bench.probe.target.take_broken() {
        bail!("the model failed: {text}; this is a bug, please report it");
    }
    let Teller { mut keeper, lines } = teller;
    keeper.finish(&bench.probe)?;
    let changes = bench.before.until(&Snapshot::of(&bench.probe.target.chip));
    let notes = rests::notes(&bench.probe.target.chip);
    let verdict = if args.boot { Some(boot(&bench.probe, keeper.state.as_ref(), &esc)?) } else { None };
    let report = Report {
        format: "dryflash-script",
        version: 1,
        script: path,
        part: &bench.part.name,
        lines: &lines,
        lines_left: script.lines.len() - outcome.done.len(),
        commands: keeper.commands,
        changes: &changes,
        notes: &notes,
        starts: verdict.as_ref().map(Verdict::starts),
    };
    let text = match output.format {
        Format::Text => self::text(&report, verdict.as_ref(), output),
        Format::Json => serde_json::to_string_pretty(&report).context("the report could not be written")? + "\n",
    };
    let good = !outcome.failed && verdict.is_none_or(|v| v.starts());
    Ok(Outcome { text, code: if good { OK } else { WOULD_NOT } })
}

#[derive(Serialize)]
struct Report<'a> {
    format: &'static str,
    version: u32,
    script: String,
    part: &'a str,
    lines: &'a [Told],
    /// Commands that a failure left undone.
    lines_left: usize,
    /// Of the ST-LINK.
    commands: u64,
    changes: &'a Changes,
    /// Choices of the model that something rested on, and what was left standing.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    notes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    starts: Option<bool>,
}

/// What became of a line.
#[derive(Debug, Serialize)]
struct Told {
    line: usize,
    text: String,
    said: Vec<String>,
    notes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// None where it was not done.
    exit_code: Option<u8>,
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

fn text(report: &Report, verdict: Option<&Verdict>, output: Output) -> String {
    let style = output.style;
    let mut out = String::new();
    let _ = writeln!(out, "{} on an {}, {} commands of the ST-LINK", report.script, report.part, report.commands);
    // `cd` and `set` have nothing to tell.
    let quiet = |l: &&Told| l.said.is_empty() && l.notes.is_empty() && l.error.is_none() && l.exit_code.is_some();
    for line in report.lines.iter().filter(|l| !quiet(l)) {
        let _ = writeln!(out, "\n{}", style.heading(&format!("line {}: {}", line.line, line.text)));
        for said in &line.said {
            let _ = writeln!(out, "  {said}");
        }
        for note in &line.notes {
            let _ = writeln!(out, "  note: {note}");
        }
        match (&line.error, line.exit_code) {
            (Some(error), code) => {
                let code = code.unwrap_or_default();
                let _ = writeln!(out, "  {}: {error}", style.bad(&format!("fails with exit code {code}")));
            }
            (None, None) => {
                let _ = writeln!(out, "  not done: the command before it failed");
            }
            (None, Some(_)) => {}
        }
    }
    if report.lines_left > 0 {
        let _ = writeln!(out, "\nthe script ends there: {} commands are left undone", report.lines_left);
    }
    let _ = writeln!(out, "\n{}", style.heading("changes"));
    for line in report.changes.to_string().lines() {
        let _ = writeln!(out, "  {line}");
    }
    for note in report.notes {
        let _ = writeln!(out, "  note: {note}");
    }
    if let Some(verdict) = verdict {
        out.push('\n');
        out.push_str(&report::text::verdict(verdict, style));
    }
    out
}
