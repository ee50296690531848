//! The page of a run of scenarios.

use super::findings::Advice;
use super::frame::{Answer, Mood, Page, Place};
use crate::plural::count;
use crate::scenario::outcome::{CaseOutcome, Report, Status};
use crate::time::Time;
use askama::Template;

/// What failed, case by case; all cases; snapshots that belong to none.
#[derive(Template)]
#[template(path = "run.html", config = "src/report/html/askama.toml")]
pub struct Body {
    failed: Vec<Failed>,
    cases: Vec<Case>,
    stale: Vec<String>,
}

/// A case that failed, with the evidence.
struct Failed {
    id: String,
    about: String,
    mood: Mood,
    failures: Vec<Failure>,
    /// What happened before.
    events: Vec<String>,
    again: Advice,
}

/// What was expected, and what was seen.
struct Failure {
    place: String,
    expected: String,
    seen: String,
    /// `wrap` where its lines may be broken: those of a difference stay as they are.
    class: &'static str,
}

/// A case, in a row.
struct Case {
    id: String,
    mood: Mood,
    part: String,
    time: String,
    findings: String,
}

/// The page.
pub fn page(report: &Report) -> Page<Body> {
    let failed: Vec<Failed> = report.cases.iter().filter(|case| has_failed(case)).map(Failed::of).collect();
    let body =
        Body { failed, cases: report.cases.iter().map(Case::of).collect(), stale: report.stale_snapshots.clone() };
    let places = [
        (!body.failed.is_empty(), "failed", "What failed"),
        (!body.cases.is_empty(), "cases", "Cases"),
        (!body.stale.is_empty(), "stale", "Snapshots of no case"),
    ];
    let places = places.into_iter().filter(|(there, _, _)| *there).map(|(_, id, name)| Place { id, name }).collect();
    let share = report.shard.map_or_else(String::new, |s| format!(", share {} of {}", s.index, s.of));
    let about = format!("{}, seed {}{share}", count(report.cases.len() as u64, "case"), report.seed);
    Page::new("dryflash run", about, answer(report), places, body)
}

fn answer(report: &Report) -> Answer {
    let counts = report.counts;
    let all = count(report.cases.len() as u64, "case");
    let sentence = match (report.passed, report.cases.len() - counts.passed) {
        (true, _) => format!("All of {all} passed."),
        (false, 1) => format!("1 of {all} did not pass."),
        (false, n) => format!("{n} of {all} did not pass."),
    };
    let words =
        [(counts.passed, "passed"), (counts.failed, "failed"), (counts.broken, "broken"), (counts.not_run, "not run")];
    let words: Vec<String> = words.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    Answer { reason: format!("{}.", words.join(", ")), ..Answer::new(report.passed, sentence) }
}

fn has_failed(case: &CaseOutcome) -> bool {
    matches!(case.status, Status::Failed | Status::Broken)
}

const fn mood(status: Status) -> Mood {
    match status {
        Status::Passed => Mood::good("passed"),
        Status::Failed => Mood::bad("failed"),
        Status::Broken => Mood::bad("broken"),
        Status::NotRun => Mood::plain("not run"),
    }
}

impl Failed {
    fn of(case: &CaseOutcome) -> Failed {
        let failures = case.failures.iter().map(|failure| Failure {
            place: format!("{}:{}:{}", case.file, failure.line, failure.column),
            expected: failure.expected.clone(),
            seen: failure.seen.clone(),
            class: if failure.seen.contains('\n') { "lines" } else { "wrap" },
        });
        Failed {
            id: case.id.clone(),
            about: case.about.clone(),
            mood: mood(case.status),
            failures: failures.collect(),
            events: case.events.clone(),
            again: if case.again.is_empty() { Advice::none() } else { Advice::to_run("Alone: ", &case.again) },
        }
    }
}

impl Case {
    fn of(case: &CaseOutcome) -> Case {
        let findings: Vec<&str> = case.findings.iter().map(|found| found.id.as_str()).collect();
        Case {
            id: case.id.clone(),
            mood: mood(case.status),
            part: case.part.clone().unwrap_or_default(),
            time: Time::from_micros(case.time_us).to_string(),
            findings: findings.join(" "),
        }
    }
}
