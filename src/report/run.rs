//! A run of scenarios: for people, and as JSON (format `dryflash-run`, `docs/scenarios.md` describes it).

use super::{Detail, Render, RenderError, Style, Subject, json};
use crate::scenario::Case;
use crate::scenario::outcome::{CaseOutcome, Report, Snapshot, Status};
use crate::shell;
use crate::time::Time;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

impl Render for Report {
    fn text(&self, style: Style) -> String {
        text(self, style)
    }

    fn json(&self) -> Result<String, RenderError> {
        json::document(self)
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Run(self)
    }
}

/// What `--list` says: the cases' names, and as JSON what they are made of, for a matrix of jobs.
#[derive(Debug)]
pub struct Cases<'a>(pub &'a [Case]);

impl Render for Cases<'_> {
    fn text(&self, _: Style) -> String {
        self.0.iter().map(|c| format!("{}\n", c.id)).collect()
    }

    fn json(&self) -> Result<String, RenderError> {
        list(self.0).map_err(RenderError::of(json::WORDS))
    }
}

/// The cases' names and what they are made of, as JSON: format `dryflash-cases`, version 1.
///
/// # Errors
/// None that input can cause: a failure of serialisation is a bug.
pub fn list(cases: &[Case]) -> Result<String, serde_json::Error> {
    let cases: Vec<Listed> = cases
        .iter()
        .map(|case| Listed {
            id: &case.id,
            file: &case.source.name,
            values: case.names.iter().map(|(axis, value)| (axis.as_str(), value.as_str())).collect(),
        })
        .collect();
    let list = List { format: "dryflash-cases", version: 1, cases };
    serde_json::to_string_pretty(&list).map(|text| text + "\n")
}

/// The list of cases.
#[derive(Debug, Serialize, JsonSchema)]
pub struct List<'a> {
    /// Always `dryflash-cases`.
    format: &'static str,
    /// Raised when a field changes its meaning or goes.
    version: u32,
    /// By name.
    cases: Vec<Listed<'a>>,
}

/// One case of the list.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Listed<'a> {
    /// Its name, as `--case` takes it.
    id: &'a str,
    /// Its scenario.
    file: &'a str,
    /// The axes of its matrix and its values.
    values: BTreeMap<&'a str, &'a str>,
}

/// What failed, case by case (with [`Detail::Quiet`] the names alone), what passed with [`Detail::Verbose`], and how many
/// there are.
pub fn text(report: &Report, style: Style) -> String {
    let mut out = String::new();
    for case in report.cases.iter().filter(|c| matches!(c.status, Status::Failed | Status::Broken)) {
        match style.detail {
            Detail::Quiet => {
                let _ = writeln!(out, "{} {}", style.bad(word(case)), case.id);
            }
            Detail::Usual | Detail::Thorough | Detail::Verbose => failed(case, style, &mut out),
        }
    }
    for case in report.cases.iter().filter(|c| style.detail == Detail::Verbose && c.status == Status::Passed) {
        let time = Time::from_micros(case.time_us);
        let _ = writeln!(out, "{} {} ({time} of virtual time)", style.good("passed"), case.id);
    }
    let written = report.cases.iter().filter(|c| c.snapshot == Snapshot::Written);
    for case in written {
        if let Some(file) = &case.snapshot_file {
            let _ = writeln!(out, "written: {file}");
        }
    }
    for file in &report.stale_snapshots {
        let _ = writeln!(out, "stale: {file} belongs to no case");
    }
    let _ = writeln!(out, "{}", summary(report, style));
    out
}

const fn word(case: &CaseOutcome) -> &'static str {
    if matches!(case.status, Status::Broken) { "BROKEN" } else { "FAILED" }
}

fn failed(case: &CaseOutcome, style: Style, out: &mut String) {
    let about = if case.about.is_empty() { String::new() } else { format!(": {}", shell::plain(&case.about)) };
    let _ = writeln!(out, "{} {}{about}", style.bad(word(case)), style.heading(&case.id));
    for failure in &case.failures {
        let _ = writeln!(out, "  {}:{}:{}: {}", case.file, failure.line, failure.column, failure.expected);
        let mut lines = failure.seen.lines();
        let _ = writeln!(out, "      seen: {}", lines.next().unwrap_or_default());
        for line in lines {
            let _ = writeln!(out, "      {line}");
        }
    }
    if !case.events.is_empty() {
        let _ = writeln!(out, "  before that:");
        for line in &case.events {
            let _ = writeln!(out, "    {line}");
        }
    }
    if !case.again.is_empty() {
        let _ = writeln!(out, "  alone: {}", case.again);
    }
    out.push('\n');
}

/// `40 cases: 39 passed, 1 failed`.
fn summary(report: &Report, style: Style) -> String {
    let counts = report.counts;
    let cases = report.cases.len();
    let mut words = vec![format!("{} passed", counts.passed)];
    for (n, word) in [(counts.failed, "failed"), (counts.broken, "broken"), (counts.not_run, "not run")] {
        if n > 0 {
            words.push(format!("{n} {word}"));
        }
    }
    let share =
        report.shard.map_or_else(String::new, |s| format!(" of {} (share {} of {})", report.total, s.index, s.of));
    let text = format!("{cases} case{}{share}: {}", if cases == 1 { "" } else { "s" }, words.join(", "));
    if report.passed { style.good(&text) } else { style.bad(&text) }
}
