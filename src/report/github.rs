//! A run of scenarios or a check for GitHub's workflows: annotations on standard output, and a step summary in Markdown.

use super::{Form, Kind, Places, RenderError, Style, Subject};
use crate::am32::Severity;
use crate::esc::Verdict;
use crate::scenario::outcome::{self, CaseOutcome, Failure, Report, Snapshot, Status};
use crate::shell;
use std::fmt::Write;

/// The form.
pub const FORM: Form = Form {
    name: "github",
    about: "Annotations for GitHub's workflows, and a step summary in Markdown",
    of: &[Kind::Run, Kind::Check],
    make: |report, setting| match report.subject() {
        Subject::Run(run) => Ok(shell::lines(&annotations(run, &(setting.places)())).into_owned()),
        Subject::Check(check) => Ok(shell::lines(&verdict(check, &(setting.places)())).into_owned()),
        _ => Err(RenderError::NoSuchForm { form: "github" }),
    },
    summary: Some(|report, _| match report.subject() {
        Subject::Run(run) => Ok(shell::lines(&summary(run)).into_owned()),
        Subject::Check(check) => Ok(shell::lines(&verdict_summary(check)).into_owned()),
        _ => Err(RenderError::NoSuchForm { form: "github" }),
    }),
    is_one: |head| {
        let marks = ["::error ", "::warning ", "::notice "];
        marks.iter().any(|mark| head.contains(mark)) || CONCLUSIONS.contains(&head.trim_end())
    },
};

/// Lines of a diff or of events that a summary shows of one case.
const MOST_LINES: usize = 60;
/// Failed cases that a summary shows at length; GitHub takes a megabyte.
const MOST_CASES: usize = 50;

/// Annotations of one kind that GitHub shows for a step; what is beyond is dropped there without a word.
const MOST_ANNOTATIONS: usize = 10;

/// A workflow command for each case that failed, at its first failure, and the numbers.
pub fn annotations(report: &Report, places: &Places) -> String {
    let mut out = String::new();
    let bad: Vec<&CaseOutcome> = report.cases.iter().filter(|c| !c.failures.is_empty()).collect();
    let shown = if bad.len() > MOST_ANNOTATIONS { MOST_ANNOTATIONS - 1 } else { bad.len() };
    for case in &bad[..shown] {
        let mut lines: Vec<String> = case.failures.iter().map(one_line).collect();
        if !case.again.is_empty() {
            lines.push(format!("alone: {}", case.again));
        }
        let place = match case.failures.first().filter(|_| !case.file.is_empty()) {
            Some(first) => {
                format!("file={},line={},col={},", property(&places.of(&case.file)), first.line, first.column)
            }
            None => String::new(),
        };
        let _ = writeln!(out, "::error {place}title={}::{}", property(&case.id), data(lines.join("\n").trim()));
    }
    if bad.len() > shown {
        let names: Vec<&str> = bad[shown..].iter().map(|c| c.id.as_str()).collect();
        let title = format!("and {} more cases", names.len());
        let _ = writeln!(out, "::error title={}::{}", property(&title), data(&names.join("\n")));
    }
    for file in report.stale_snapshots.iter().take(MOST_ANNOTATIONS) {
        let file = property(&places.of(file));
        let _ = writeln!(out, "::warning file={file}::{}", data("this snapshot belongs to no case"));
    }
    let counts = report.counts;
    let _ = writeln!(
        out,
        "{}: {} passed, {} not",
        crate::plural::count(report.cases.len() as u64, "case"),
        counts.passed,
        report.cases.len() - counts.passed
    );
    out
}

fn one_line(failure: &Failure) -> String {
    let expected = if failure.expected.is_empty() { String::new() } else { format!("{}; seen: ", failure.expected) };
    format!("{expected}{}", failure.seen)
}

/// A workflow command for each finding of a check, and the conclusion.
pub fn verdict(verdict: &Verdict, places: &Places) -> String {
    let mut out = String::new();
    for (severity, command) in [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Note, "notice")]
    {
        for finding in verdict.findings.iter().filter(|f| f.severity == severity).take(MOST_ANNOTATIONS) {
            let file = finding.file.as_deref().map(|file| format!("file={},", property(&places.of(file))));
            let text = format!("{}\n{}", finding.message, finding.advice);
            let (file, id) = (file.unwrap_or_default(), finding.id);
            let _ = writeln!(out, "::{command} {file}title={id}::{}", data(text.trim()));
        }
    }
    out.push_str(conclusion(verdict));
    out.push('\n');
    out
}

/// The check as a section of a step summary.
pub fn verdict_summary(verdict: &Verdict) -> String {
    let mut out = format!("## dryflash: {}\n\n", conclusion(verdict));
    fence(&mut out, "text", &super::text::verdict(verdict, Style::default()));
    out
}

/// What a check comes to.
const CONCLUSIONS: [&str; 5] = [
    "this ESC would start",
    "it cannot be said whether this ESC would start",
    "it is undecided whether this ESC would start",
    "these files cannot be flashed",
    "this ESC would not start",
];

fn conclusion(verdict: &Verdict) -> &'static str {
    let [starts, unknown, undecided, refused, does_not] = CONCLUSIONS;
    match verdict.starts() {
        true => starts,
        false if verdict.cannot_say() => unknown,
        false if verdict.is_undecided() => undecided,
        false if verdict.is_refused() => refused,
        false => does_not,
    }
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
            let word = if failure.kind == outcome::Kind::Expectation { " expects" } else { "" };
            let _ = write!(out, "\n`{}:{}`{word}\n\n", case.file.replace('`', "'"), failure.line);
            if !failure.expected.is_empty() {
                fence(&mut out, "toml", &failure.expected);
            }
            out.push_str("\nseen\n\n");
            let language = if matches!(case.snapshot, Snapshot::Differs { .. }) { "diff" } else { "text" };
            fence(&mut out, language, &failure.seen);
        }
        if !case.events.is_empty() {
            out.push_str("\n<details><summary>events</summary>\n\n");
            fence(&mut out, "text", &case.events.join("\n"));
            out.push_str("\n</details>\n");
        }
        if !case.again.is_empty() {
            out.push('\n');
            fence(&mut out, "console", &case.again);
        }
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
