//! A run of scenarios: for people, and as JSON (format `dryflash-run`, `docs/scenarios.md` describes it).

use super::{Detail, Style};
use crate::scenario::outcome::{CaseOutcome, Report, Snapshot, Status};
use std::fmt::Write;

/// The report as JSON, indented, with a newline at the end.
///
/// # Errors
/// None that input can cause: a failure of serialisation is a bug.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(report).map(|text| text + "\n")
}

/// What failed, case by case, and how many there are.
pub fn text(report: &Report, style: Style) -> String {
    let mut out = String::new();
    for case in report.cases.iter().filter(|c| matches!(c.status, Status::Failed | Status::Broken)) {
        failed(case, style, &mut out);
    }
    if style.detail == Detail::Quiet {
        let _ = writeln!(out, "{}", summary(report, style));
        return out;
    }
    let passed = |c: &&CaseOutcome| style.detail == Detail::Verbose && c.status == Status::Passed;
    for case in report.cases.iter().filter(passed) {
        let about = if case.about.is_empty() { String::new() } else { format!(": {}", case.about) };
        let _ = writeln!(out, "{} {}{about}", style.good("passed"), case.id);
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

fn failed(case: &CaseOutcome, style: Style, out: &mut String) {
    let word = if case.status == Status::Broken { "BROKEN" } else { "FAILED" };
    let about = if case.about.is_empty() { String::new() } else { format!(": {}", case.about) };
    let _ = writeln!(out, "{} {}{about}", style.bad(word), style.heading(&case.id));
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
