//! SARIF 2.1.0: a run of scenarios, a result for each failure at its line of the scenario; a check, a result for each
//! finding, whose rules are the findings' ids.

use super::{Form, Kind, Places, RenderError, Subject};
use crate::am32::{self, Finding, Severity};
use crate::esc::Verdict;
use crate::image::Position;
use crate::scenario::outcome::{self, CaseOutcome, Failure, Report};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The form.
pub const FORM: Form = Form {
    name: "sarif",
    about: "SARIF 2.1.0",
    of: &[Kind::Run, Kind::Check],
    make: |report, setting| {
        let made = match report.subject() {
            Subject::Run(run) => text(run, &(setting.places)()),
            Subject::Check(check) => verdict(check, &(setting.places)()),
            _ => return Err(RenderError::NoSuchForm { form: "sarif" }),
        };
        made.map_err(RenderError::of("SARIF"))
    },
    summary: None,
    is_one: |head| head.contains("sarif-2.1.0"),
};

/// The rule's name for a kind of failure.
pub const fn rule(kind: outcome::Kind) -> &'static str {
    match kind {
        outcome::Kind::Expectation => "expectation",
        outcome::Kind::Step => "step",
        outcome::Kind::Snapshot => "snapshot",
        outcome::Kind::Repeat => "repeat",
        outcome::Kind::Broken => "broken",
        outcome::Kind::Scenario => "scenario",
    }
}

/// Every rule of a run, and what it means.
const RULES: [(outcome::Kind, &str); 6] = [
    (outcome::Kind::Expectation, "Something that the scenario expects is not so"),
    (outcome::Kind::Step, "A step of the scenario could not be done"),
    (outcome::Kind::Snapshot, "The snapshot of a case differs, or is missing"),
    (outcome::Kind::Repeat, "Two runs of a case differ"),
    (outcome::Kind::Broken, "dryflash itself failed"),
    (outcome::Kind::Scenario, "A scenario is wrong, and nothing was run"),
];

#[derive(Serialize)]
struct Sarif {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
struct Run {
    tool: Tool,
    results: Vec<Outcome>,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    version: &'static str,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    short_description: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<Help>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_configuration: Option<Configuration>,
}

#[derive(Serialize)]
struct Help {
    text: String,
    markdown: String,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    rule_id: String,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: Vec<Location>,
    partial_fingerprints: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Physical,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<Logical>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Logical {
    fully_qualified_name: String,
    kind: &'static str,
}

/// The report of a run, indented, with a newline at the end.
///
/// # Errors
/// None that input can cause: a failure of serialisation is a bug.
pub fn text(report: &Report, places: &Places) -> Result<String, serde_json::Error> {
    let plain = |(kind, text): &(outcome::Kind, &str)| Rule {
        id: rule(*kind).to_owned(),
        short_description: Text { text: (*text).to_owned() },
        help: None,
        default_configuration: None,
    };
    let mut seen = BTreeMap::new();
    let results = report
        .cases
        .iter()
        .flat_map(|case| case.failures.iter().map(move |f| (case, f)))
        .map(|(case, failure)| result(case, failure, places, &mut seen))
        .collect();
    document(RULES.iter().map(plain).collect(), results)
}

/// The findings of a check, likewise. One without a file of its own stands at the first file.
///
/// # Errors
/// None that input can cause: a failure of serialisation is a bug.
pub fn verdict(verdict: &Verdict, places: &Places) -> Result<String, serde_json::Error> {
    let mut ids: Vec<am32::Id> = verdict.findings.iter().map(|f| f.id).collect();
    ids.sort();
    ids.dedup();
    let rules = ids.iter().filter_map(|id| am32::explain(&id.to_string())).map(|e| Rule {
        id: e.id.to_string(),
        short_description: Text { text: e.title.to_owned() },
        help: Some(Help { text: e.text.to_owned(), markdown: e.text.to_owned() }),
        default_configuration: Some(Configuration { level: level(e.severity) }),
    });
    let first = verdict.pieces.first().map(|p| &*p.image.name);
    let mut seen = BTreeMap::new();
    let results = verdict.findings.iter().map(|finding| {
        let index = ids.iter().position(|id| *id == finding.id).unwrap_or(0);
        found(finding, index, first, places, &mut seen)
    });
    document(rules.collect(), results.collect())
}

fn document(rules: Vec<Rule>, results: Vec<Outcome>) -> Result<String, serde_json::Error> {
    let driver = Driver { name: "dryflash", version: env!("CARGO_PKG_VERSION"), rules };
    let sarif = Sarif {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run { tool: Tool { driver }, results }],
    };
    serde_json::to_string_pretty(&sarif).map(|text| text + "\n")
}

/// Fingerprints that were given already, and how often.
type Seen = BTreeMap<String, usize>;

/// A fingerprint that no other result has; the same as long as what it tells is.
fn fingerprint(name: &'static str, text: String, seen: &mut Seen) -> BTreeMap<&'static str, String> {
    let times = seen.entry(text.clone()).or_default();
    *times += 1;
    let text = if *times == 1 { text } else { format!("{text}#{times}") };
    BTreeMap::from([(name, text)])
}

fn location(file: &str, line: usize, column: usize, logical: Option<Logical>, places: &Places) -> Location {
    Location {
        physical_location: Physical {
            artifact_location: Artifact { uri: uri(&places.of(file)) },
            region: Region { start_line: line, start_column: column },
        },
        logical_locations: logical.into_iter().collect(),
    }
}

fn result(case: &CaseOutcome, failure: &Failure, places: &Places, seen: &mut Seen) -> Outcome {
    let expected = if failure.expected.is_empty() { String::new() } else { format!("{}; seen: ", failure.expected) };
    let logical = Logical { fully_qualified_name: case.id.clone(), kind: "test" };
    let place = || location(&case.file, failure.line, failure.column, Some(logical), places);
    Outcome {
        rule_id: rule(failure.kind).to_owned(),
        rule_index: RULES.iter().position(|(kind, _)| *kind == failure.kind).unwrap_or(0),
        level: "error",
        message: Text { text: format!("{}: {expected}{}", case.id, failure.seen) },
        locations: if case.file.is_empty() { Vec::new() } else { vec![place()] },
        partial_fingerprints: fingerprint(
            "case/v2",
            format!("{}/{}/{}", case.id, rule(failure.kind), failure.expected),
            seen,
        ),
    }
}

fn found(finding: &Finding, rule_index: usize, first: Option<&str>, places: &Places, seen: &mut Seen) -> Outcome {
    let line = match finding.place {
        Some(Position::Line(line)) => line,
        _ => 1,
    };
    let logical = finding.address.map(|a| Logical { fully_qualified_name: format!("0x{a:08X}"), kind: "address" });
    let address = finding.address.map_or_else(String::new, |a| format!("/0x{a:08X}"));
    let file = finding.file.as_deref().or(first);
    let name = file.map_or("", |f| f.rsplit(['/', '\\']).next().unwrap_or(f));
    Outcome {
        rule_id: finding.id.to_string(),
        rule_index,
        level: level(finding.severity),
        message: Text { text: format!("{}\n{}", finding.message, finding.advice) },
        locations: file.map(|file| location(file, line, 1, logical, places)).into_iter().collect(),
        partial_fingerprints: fingerprint("finding/v1", format!("{}/{name}{address}", finding.id), seen),
    }
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// A path as a reference: everything but plain characters by its number; one from the root of a disk as a file's.
fn uri(path: &str) -> String {
    let mut out = if path.starts_with('/') { "file://".to_owned() } else { String::new() };
    for byte in path.replace('\\', "/").bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
