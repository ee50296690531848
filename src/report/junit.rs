//! A run of scenarios as JUnit's XML: a test suite for each scenario, a test case for each case.

use crate::scenario::outcome::{CaseOutcome, Failure, Report, Status};
use quick_junit::{NonSuccessKind, Report as Xml, TestCase, TestCaseStatus, TestSuite};

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
                let mut suite = TestSuite::new(case.file.clone());
                suite.add_test_case(test_case(case));
                suites.push((&case.file, suite));
            }
        }
    }
    xml.add_test_suites(suites.into_iter().map(|(_, suite)| suite));
    xml.to_string()
}

fn test_case(case: &CaseOutcome) -> TestCase {
    let told = || {
        let mut text: Vec<String> = case.failures.iter().map(|f| place(case, f)).collect();
        text.extend(case.events.iter().cloned());
        text.push(case.again.clone());
        text.join("\n")
    };
    let first =
        || case.failures.first().map_or_else(String::new, |f| format!("{} seen: {}", f.expected, first_line(&f.seen)));
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
    out.set_classname(case.file.clone());
    out
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn place(case: &CaseOutcome, failure: &Failure) -> String {
    format!("{}:{}:{}: {}\nseen: {}", case.file, failure.line, failure.column, failure.expected, failure.seen)
}
