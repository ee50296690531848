//! A run of scenarios as SARIF 2.1.0: a result for each failure, at its line of the scenario.

use crate::scenario::outcome::{CaseOutcome, Failure, Kind, Report};
use serde::Serialize;
use std::fmt::Write;

/// The rule's name for a kind of failure.
pub const fn rule(kind: Kind) -> &'static str {
    match kind {
        Kind::Expectation => "expectation",
        Kind::Step => "step",
        Kind::Snapshot => "snapshot",
        Kind::Repeat => "repeat",
        Kind::Broken => "broken",
    }
}

/// Every rule, and what it means.
const RULES: [(Kind, &str); 5] = [
    (Kind::Expectation, "Something that the scenario expects is not so"),
    (Kind::Step, "A step of the scenario could not be done"),
    (Kind::Snapshot, "The snapshot of a case differs, or is missing"),
    (Kind::Repeat, "Two runs of a case differ"),
    (Kind::Broken, "dryflash itself failed"),
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
    results: Vec<Result>,
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
    id: &'static str,
    short_description: Text,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Result {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
    partial_fingerprints: Fingerprint,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Physical,
    logical_locations: [Logical; 1],
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

#[derive(Serialize)]
struct Fingerprint {
    #[serde(rename = "case/v1")]
    case: String,
}

/// The report, indented, with a newline at the end.
///
/// # Errors
/// None that input can cause: a failure of serialisation is a bug.
pub fn text(report: &Report) -> std::result::Result<String, serde_json::Error> {
    let rules = RULES
        .iter()
        .map(|(kind, text)| Rule { id: rule(*kind), short_description: Text { text: (*text).to_owned() } })
        .collect();
    let results = report.cases.iter().flat_map(|case| case.failures.iter().map(move |f| result(case, f))).collect();
    let driver = Driver { name: "dryflash", version: env!("CARGO_PKG_VERSION"), rules };
    let sarif = Sarif {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run { tool: Tool { driver }, results }],
    };
    serde_json::to_string_pretty(&sarif).map(|text| text + "\n")
}

fn result(case: &CaseOutcome, failure: &Failure) -> Result {
    let expected = if failure.expected.is_empty() { String::new() } else { format!("{}: ", failure.expected) };
    Result {
        rule_id: rule(failure.kind),
        rule_index: RULES.iter().position(|(kind, _)| *kind == failure.kind).unwrap_or(0),
        level: "error",
        message: Text { text: format!("{}: {expected}{}", case.id, failure.seen) },
        locations: [Location {
            physical_location: Physical {
                artifact_location: Artifact { uri: uri(&case.file) },
                region: Region { start_line: failure.line, start_column: failure.column },
            },
            logical_locations: [Logical { fully_qualified_name: case.id.clone(), kind: "test" }],
        }],
        partial_fingerprints: Fingerprint { case: format!("{}/{}", case.id, rule(failure.kind)) },
    }
}

/// A path as a relative reference: everything but plain characters by its number.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
