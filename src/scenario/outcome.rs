//! What a run came to: case by case, in an order and with words that hang on the scenarios alone.

use super::error::ScenarioError;
use crate::files;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of the JSON format.
pub const FORMAT: &str = "dryflash-run";
/// Its version: raised when a field changes its meaning or goes.
pub const VERSION: u32 = 1;

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Everything was as expected.
    Passed,
    /// A step or an expectation failed, or the snapshot differs.
    Failed,
    /// dryflash itself failed (a panic, or a process that died), or the scenario is wrong.
    Broken,
    /// It was not run, because another failed before (`--fail-fast`).
    NotRun,
}

/// What kind of thing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something expected was not so.
    Expectation,
    /// A step could not be done.
    Step,
    /// The snapshot differs, or is missing.
    Snapshot,
    /// Two runs of the case differ.
    Repeat,
    /// dryflash itself failed.
    Broken,
    /// The scenario is wrong, or cannot be read: nothing was run.
    Scenario,
}

/// One failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// What kind.
    pub kind: Kind,
    /// The line in the scenario, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// The expectation, `eeprom.poles = 14`; for other kinds the line's text, as the scenario has it.
    pub expected: String,
    /// What was seen.
    pub seen: String,
}

/// A finding in a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// Its id.
    pub id: String,
    /// How bad it is.
    pub severity: String,
    /// What it says.
    pub message: String,
}

/// What came of a case's snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "state", deny_unknown_fields)]
pub enum Snapshot {
    /// The case takes none.
    None,
    /// As it was.
    Same,
    /// Written now: it was missing, or `--update` was given.
    Written,
    /// Missing, and not written.
    Missing,
    /// It differs.
    Differs {
        /// How, as a unified diff.
        diff: String,
    },
}

/// One case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseOutcome {
    /// Its name.
    pub id: String,
    /// What the scenario is about.
    pub about: String,
    /// The scenario's file.
    pub file: String,
    /// The part it ran on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// How it ended.
    pub status: Status,
    /// Virtual microseconds that its chips ran in steps `boot`, `run` and `check`: the same on every machine.
    #[serde(default)]
    pub time_us: u64,
    /// What failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
    /// Findings at the end, errors first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Found>,
    /// What came of the snapshot.
    pub snapshot: Snapshot,
    /// The snapshot's file, where the case takes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_file: Option<String>,
    /// What happened, a line each, where it failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// The command that runs it alone, where it failed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub again: String,
}

impl CaseOutcome {
    /// Of a case of `file` that nothing has gone wrong with yet.
    pub fn begun(id: &str, file: &str) -> CaseOutcome {
        CaseOutcome {
            id: id.to_owned(),
            about: String::new(),
            file: file.to_owned(),
            part: None,
            status: Status::Passed,
            time_us: 0,
            failures: Vec::new(),
            findings: Vec::new(),
            snapshot: Snapshot::None,
            snapshot_file: None,
            events: Vec::new(),
            again: String::new(),
        }
    }
}

/// One share of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// Which, from 1.
    pub index: u32,
    /// Of how many.
    pub of: u32,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// Decides what SRAM holds at power-on.
    pub seed: u64,
    /// The share, where the run is not whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Share>,
    /// Cases of the whole run, in all shares.
    pub total: usize,
    /// Every case has passed.
    pub passed: bool,
    /// How many of each.
    pub counts: Counts,
    /// Snapshots that belong to no case.
    pub stale_snapshots: Vec<String>,
    /// The cases, by name.
    pub cases: Vec<CaseOutcome>,
}

/// What could not be run, by file; what belongs to no file stands under the verb.
fn refuse(error: &ScenarioError, cases: &mut Vec<CaseOutcome>) {
    let (file, line, column, expected, seen) = match error {
        ScenarioError::Several(errors) => return errors.iter().for_each(|error| refuse(error, cases)),
        ScenarioError::Flaw { source, span, message, hint } => {
            let (line, column) = source.position(span.start);
            let text = source.text.lines().nth(line - 1).unwrap_or_default().trim().to_owned();
            let hint = if hint.is_empty() { String::new() } else { format!("; {hint}") };
            (source.name.clone(), line, column, text, format!("{message}{hint}"))
        }
        ScenarioError::Unreadable { path, reason } => (
            path.to_string_lossy().replace('\\', "/"),
            1,
            1,
            String::new(),
            format!("it cannot be read: {}", files::why(reason)),
        ),
        ScenarioError::Usage(text) => (String::new(), 1, 1, String::new(), text.clone()),
    };
    let failure = Failure { kind: Kind::Scenario, line, column, expected, seen };
    match cases.iter_mut().find(|case| case.file == file) {
        Some(case) => case.failures.push(failure),
        None => {
            let id = if file.is_empty() { "dryflash run" } else { file.trim_end_matches(".toml") };
            let begun = CaseOutcome::begun(id, &file);
            cases.push(CaseOutcome { status: Status::Broken, failures: vec![failure], ..begun });
        }
    }
}

/// How many cases ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// As expected.
    pub passed: usize,
    /// Not as expected.
    pub failed: usize,
    /// dryflash itself failed.
    pub broken: usize,
    /// Not run.
    pub not_run: usize,
}

impl Report {
    /// Puts the cases in order, and counts.
    pub fn new(
        seed: u64,
        shard: Option<Share>,
        total: usize,
        stale_snapshots: Vec<String>,
        mut cases: Vec<CaseOutcome>,
    ) -> Report {
        cases.sort_by(|a, b| a.id.cmp(&b.id));
        let count = |status| cases.iter().filter(|c| c.status == status).count();
        let counts = Counts {
            passed: count(Status::Passed),
            failed: count(Status::Failed),
            broken: count(Status::Broken),
            not_run: count(Status::NotRun),
        };
        Report {
            format: FORMAT.to_owned(),
            version: VERSION,
            seed,
            shard,
            total,
            passed: counts.passed == cases.len(),
            counts,
            stale_snapshots,
            cases,
        }
    }

    /// Whether a scenario is wrong or cannot be read, so that it was not run.
    pub fn has_refused(&self) -> bool {
        self.cases.iter().flat_map(|case| &case.failures).any(|failure| failure.kind == Kind::Scenario)
    }

    /// Of scenarios that could not be run: a case for each file, with what is wrong at its place.
    pub fn refused(seed: u64, error: &ScenarioError) -> Report {
        let mut cases: Vec<CaseOutcome> = Vec::new();
        refuse(error, &mut cases);
        let total = cases.len();
        Report::new(seed, None, total, Vec::new(), cases)
    }

    /// Joins the shares of one run.
    ///
    /// # Errors
    /// In a sentence: shares of different runs, one twice, one missing.
    pub fn merge(reports: Vec<(String, Report)>) -> Result<Report, String> {
        let Some((_, first)) = reports.first() else { return Err("no report was given".to_owned()) };
        let (seed, total) = (first.seed, first.total);
        let (of, mut stale) = (first.shard.map_or(1, |s| s.of), first.stale_snapshots.clone());
        let mut seen: Vec<Option<&str>> = vec![None; of as usize];
        for (name, report) in &reports {
            if report.format != FORMAT || report.version != VERSION {
                return Err(format!(
                    "{name} is of format {} version {}, and this dryflash knows {FORMAT} version {VERSION}",
                    report.format, report.version
                ));
            }
            let share = report.shard.unwrap_or(Share { index: 1, of: 1 });
            if share.of != of || report.total != total || report.seed != seed {
                return Err(format!(
                    "{name} is of another run: its seed, its shares or the number of its cases differ"
                ));
            }
            let place = seen.get_mut((share.index as usize).wrapping_sub(1));
            let place = place.ok_or_else(|| format!("{name} is share {} of {of}", share.index))?;
            if let Some(other) = place {
                return Err(format!("{other} and {name} are both share {} of {of}", share.index));
            }
            *place = Some(name);
            stale.extend(report.stale_snapshots.iter().cloned());
        }
        if let Some(missing) = seen.iter().position(Option::is_none) {
            return Err(format!("share {} of {of} is missing", missing + 1));
        }
        stale.sort();
        stale.dedup();
        let cases: Vec<CaseOutcome> = reports.into_iter().flat_map(|(_, report)| report.cases).collect();
        if cases.len() != total {
            return Err(format!("the shares hold {} cases, and the run had {total}", cases.len()));
        }
        Ok(Report::new(seed, None, total, stale, cases))
    }
}
