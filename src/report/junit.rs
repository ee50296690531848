//! A run of scenarios as JUnit's XML: a test suite for each scenario, a test case for each case. It keeps to what Jenkins's
//! schema (junit-10.xsd of its xUnit plugin) takes, the strictest of the readers. Times are virtual: the report is the
//! same to the byte on every machine.

use super::signals::Report as Signals;
use super::{Form, Kind, RenderError, Subject};
use crate::esc::signals::Tally;
use crate::scenario::outcome::{CaseOutcome, Failure, Report, Status};
use quick_junit::{NonSuccessKind, Report as Xml, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// The form.
pub const FORM: Form = Form {
    name: "junit",
    about: "JUnit's XML",
    of: &[Kind::Run, Kind::Signals],
    make: |report, _| match report.subject() {
        Subject::Run(run) => text(run).map_err(RenderError::of("JUnit's XML")),
        Subject::Signals(signals) => of_signals(signals).map_err(RenderError::of("JUnit's XML")),
        _ => Err(RenderError::NoSuchForm { form: "junit" }),
    },
    summary: None,
    is_one: |head| head.contains("name=\"dryflash\""),
};

/// The report.
///
/// # Errors
/// None that input can cause.
pub fn text(report: &Report) -> Result<String, quick_junit::SerializeError> {
    let mut xml = Xml::new("dryflash");
    let mut suites: Vec<(&str, TestSuite)> = Vec::new();
    for case in &report.cases {
        match suites.iter_mut().find(|(file, _)| *file == case.file) {
            Some((_, suite)) => {
                suite.add_test_case(test_case(case));
            }
            None => {
                let name = if case.file.is_empty() { "dryflash" } else { &case.file };
                let mut suite = TestSuite::new(name);
                if !case.file.is_empty() {
                    suite.extra.insert("file".into(), case.file.clone().into());
                }
                suite.add_test_case(test_case(case));
                suites.push((&case.file, suite));
            }
        }
    }
    let time_of = |file: Option<&str>| {
        let cases = report.cases.iter().filter(|case| file.is_none_or(|file| case.file == file));
        Duration::from_micros(cases.map(|case| case.time_us).sum())
    };
    xml.time = Some(time_of(None));
    xml.add_test_suites(suites.into_iter().map(|(file, mut suite)| {
        suite.time = Some(time_of(Some(file)));
        suite
    }));
    xml.to_string().map(|text| without_skipped(&text))
}

/// The signals of `signals`, a test case each: one that has to start an ESC and does not is a failure.
fn of_signals(report: &Signals) -> Result<String, quick_junit::SerializeError> {
    let mut suite = TestSuite::new("signals");
    let mut whole = Duration::ZERO;
    for row in report.rows() {
        let told: Vec<String> = row
            .seen
            .iter()
            .map(|s| format!("{}: {:?} after {}: {}", row.case_name(s), s.outcome, s.time, s.why))
            .collect();
        let good = row.tally() == Tally::Starts || !row.sent.decides();
        let status = match row.telling().filter(|_| !good) {
            None => TestCaseStatus::success(),
            Some(telling) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                let (starts, all) = (row.starts(), row.seen.len());
                status.set_message(format!(
                    "starts in {starts} of {all} cases; {}: {}",
                    row.case_name(telling),
                    telling.why
                ));
                status.set_type("signal");
                status.set_description(told.join("\n"));
                status
            }
        };
        let mut case = TestCase::new(row.sent.title.clone(), status);
        case.set_classname("signals");
        let time = Duration::from_nanos(row.seen.iter().map(|s| s.time.0 / 1_000).sum());
        case.time = Some(time);
        whole += time;
        suite.add_test_case(case);
    }
    suite.time = Some(whole);
    let mut xml = Xml::new("dryflash");
    xml.time = Some(whole);
    xml.add_test_suite(suite);
    xml.to_string().map(|text| without_skipped(&text))
}

/// The root without the number of skipped cases, which the schema does not know there; suites have it.
fn without_skipped(text: &str) -> String {
    let Some((head, rest)) = text.split_once("<testsuites ") else { return text.to_owned() };
    let Some((root, rest)) = rest.split_once('>') else { return text.to_owned() };
    let kept: Vec<&str> = root.split(' ').filter(|word| !word.starts_with("skipped=\"")).collect();
    format!("{head}<testsuites {}>{rest}", kept.join(" "))
}

fn test_case(case: &CaseOutcome) -> TestCase {
    let told = || {
        let mut text: Vec<String> = case.failures.iter().map(|f| place(case, f)).collect();
        text.extend(case.events.iter().cloned());
        text.push(case.again.clone());
        text.join("\n")
    };
    let first =
        || case.failures.first().map_or_else(String::new, |f| format!("{}; seen: {}", f.expected, first_line(&f.seen)));
    let status = match case.status {
        Status::Passed => TestCaseStatus::success(),
        Status::NotRun => TestCaseStatus::skipped(),
        Status::Failed | Status::Broken => {
            let kind = if case.status == Status::Failed { NonSuccessKind::Failure } else { NonSuccessKind::Error };
            let mut status = TestCaseStatus::non_success(kind);
            status.set_message(first());
            status.set_type(case.failures.first().map_or("failure", |f| super::sarif::rule(f.kind)));
            status.set_description(told());
            status
        }
    };
    let mut out = TestCase::new(case.id.clone(), status);
    out.set_classname(if case.file.is_empty() { "dryflash" } else { &case.file });
    out.time = Some(Duration::from_micros(case.time_us));
    out
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn place(case: &CaseOutcome, failure: &Failure) -> String {
    format!("{}:{}:{}: {}\nseen: {}", case.file, failure.line, failure.column, failure.expected, failure.seen)
}
