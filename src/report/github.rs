//! A run of scenarios for GitHub's workflows: annotations on standard output, and a step summary in Markdown.

use crate::scenario::outcome::{CaseOutcome, Report, Snapshot, Status};
use std::fmt::Write;

/// Lines of a diff or of events that a summary shows of one case.
const MOST_LINES: usize = 60;
/// Failed cases that a summary shows at length; GitHub takes a megabyte.
const MOST_CASES: usize = 50;

/// A workflow command for each failure, and the numbers.
pub fn annotations(report: &Report) -> String {
    let mut out = String::new();
    for case in &report.cases {
        for failure in &case.failures {
            let message = format!("{}\nseen: {}\nalone: {}", failure.expected, failure.seen, case.again);
            let _ = writeln!(
                out,
                "::error file={},line={},col={},title={}::{}",
                property(&case.file),
                failure.line,
                failure.column,
                property(&case.id),
                data(message.trim())
            );
        }
    }
    for file in &report.stale_snapshots {
        let _ = writeln!(out, "::warning file={}::{}", property(file), data("this snapshot belongs to no case"));
    }
    let counts = report.counts;
    let _ = writeln!(
        out,
        "{} cases: {} passed, {} not",
        report.cases.len(),
        counts.passed,
        report.cases.len() - counts.passed
    );
    out
}

/// A table of the cases, and the failures at length.
pub fn summary(report: &Report) -> String {
    let counts = report.counts;
    let mut out = format!(
        "## dryflash: {} of {} cases passed\n\n| cases | passed | failed | broken | not run |\n|---|---|---|---|---|\n| {} | {} | {} | {} | {} |\n",
        counts.passed,
        report.cases.len(),
        report.cases.len(),
        counts.passed,
        counts.failed,
        counts.broken,
        counts.not_run
    );
    let bad: Vec<&CaseOutcome> =
        report.cases.iter().filter(|c| matches!(c.status, Status::Failed | Status::Broken)).collect();
    for case in bad.iter().take(MOST_CASES) {
        let _ = write!(out, "\n### {}\n\n{}\n", cell(&case.id), cell(&case.about));
        for failure in &case.failures {
            let _ = write!(out, "\n`{}:{}` expects\n\n", case.file.replace('`', "'"), failure.line);
            fence(&mut out, "toml", &failure.expected);
            out.push_str("\nseen\n\n");
            let language = if matches!(case.snapshot, Snapshot::Differs { .. }) { "diff" } else { "text" };
            fence(&mut out, language, &failure.seen);
        }
        if !case.events.is_empty() {
            out.push_str("\n<details><summary>events</summary>\n\n");
            fence(&mut out, "text", &case.events.join("\n"));
            out.push_str("\n</details>\n");
        }
        out.push('\n');
        fence(&mut out, "console", &case.again);
    }
    if bad.len() > MOST_CASES {
        let _ = write!(out, "\nand {} more\n", bad.len() - MOST_CASES);
    }
    if !report.stale_snapshots.is_empty() {
        out.push_str("\n### Stale snapshots\n\n");
        for file in &report.stale_snapshots {
            let _ = writeln!(out, "- `{}`", file.replace('`', "'"));
        }
    }
    out
}

/// A block of code, with a fence that the text does not hold.
fn fence(out: &mut String, language: &str, text: &str) {
    let mut ticks = "```".to_owned();
    while text.contains(&ticks) {
        ticks.push('`');
    }
    let lines: Vec<&str> = text.trim_end().lines().collect();
    let _ = writeln!(out, "{ticks}{language}");
    for line in lines.iter().take(MOST_LINES) {
        let _ = writeln!(out, "{line}");
    }
    if lines.len() > MOST_LINES {
        let _ = writeln!(out, "... and {} lines more", lines.len() - MOST_LINES);
    }
    let _ = writeln!(out, "{ticks}");
}

/// Text outside of a block: no tags, no tables.
fn cell(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|").replace('\n', " ")
}

/// The message of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
