//! A whole run: cases, their snapshots, and the report.

use super::load::Case;
use super::outcome::{CaseOutcome, Failure, Kind, Report, Share, Snapshot, Status};
use super::pool::{self, Done, Plan};
use super::run::Settings;
use super::snapshot::Folder;
use super::worker::Worker;
use crate::shell;

/// How to run.
pub struct Suite {
    /// What holds for every case.
    pub settings: Settings,
    /// Snapshots.
    pub snapshots: Folder,
    /// Workers, and whether to stop at the first failure.
    pub plan: Plan,
    /// How often each case runs; every run has to be the same.
    pub repeat: u32,
    /// Each case in a process of its own, which this starts.
    pub isolated: Option<Isolate>,
}

/// Starts a process for a case and reads its outcome.
pub type Isolate = Box<dyn Fn(&Case) -> Result<CaseOutcome, String> + Sync + Send>;

/// Runs the cases of one share.
pub fn run(
    suite: &Suite,
    cases: &[Case],
    total: usize,
    share: Option<Share>,
    stale: Vec<String>,
    progress: impl FnMut(usize, usize),
) -> Report {
    let failed = |outcome: &CaseOutcome| outcome.status != Status::Passed;
    let done = pool::run(cases, suite.plan, Worker::new, |worker, case| one(suite, worker, case), failed, progress);
    let outcomes = cases.iter().zip(done).map(|(case, done)| match done {
        Done::Ran(outcome) => outcome,
        Done::Panicked(message) => {
            broken(case, format!("dryflash panicked: {message}; this is a bug: please report it with the files"))
        }
        Done::NotRun => CaseOutcome { status: Status::NotRun, ..CaseOutcome::begun(&case.id, &case.source.name) },
    });
    Report::new(suite.settings.seed, share, total, stale, outcomes.collect())
}

fn broken(case: &Case, seen: String) -> CaseOutcome {
    let failure = Failure { kind: Kind::Broken, line: 1, column: 1, expected: String::new(), seen };
    CaseOutcome {
        status: Status::Broken,
        failures: vec![failure],
        again: again(case),
        ..CaseOutcome::begun(&case.id, &case.source.name)
    }
}

/// The command that runs this case alone.
fn again(case: &Case) -> String {
    // A name that begins as an option does is taken for one, but behind a `=`.
    let to = if case.id.starts_with('-') { '=' } else { ' ' };
    format!("dryflash run {} --case{to}{}", shell::file(&case.source.name), shell::word(&case.id))
}

/// One case: run, its snapshot, and run again where that was asked for.
fn one(suite: &Suite, worker: &mut Worker, case: &Case) -> CaseOutcome {
    let mut outcome = match &suite.isolated {
        Some(isolate) => isolate(case).unwrap_or_else(|seen| broken(case, seen)),
        None => here(suite, worker, case),
    };
    for n in 2..=suite.repeat {
        let again = match &suite.isolated {
            Some(isolate) => isolate(case).unwrap_or_else(|seen| broken(case, seen)),
            None => here(suite, worker, case),
        };
        let settled = |o: &CaseOutcome| {
            // What was written at first is the same from then on.
            let written = o.snapshot == Snapshot::Written;
            CaseOutcome { snapshot: if written { Snapshot::Same } else { o.snapshot.clone() }, ..o.clone() }
        };
        if settled(&again) != settled(&outcome) {
            let seen = format!("run {n} differs from the first: {}", first_difference(&outcome, &again));
            let failure = Failure { kind: Kind::Repeat, line: 1, column: 1, expected: String::new(), seen };
            outcome.status = Status::Failed;
            outcome.failures.push(failure);
            break;
        }
    }
    if outcome.status != Status::Passed {
        outcome.again = again(case);
    }
    outcome
}

fn here(suite: &Suite, worker: &mut Worker, case: &Case) -> CaseOutcome {
    let ran = worker.run(case, &suite.settings);
    let mut outcome = ran.outcome;
    let Some(content) = ran.shown else { return outcome };
    let usual = &case.found.snapshots;
    outcome.snapshot_file = Some(suite.snapshots.file(usual, &case.id).to_string_lossy().replace('\\', "/"));
    let fail = |outcome: &mut CaseOutcome, seen: String| {
        outcome.status = Status::Failed;
        let failure = Failure { kind: Kind::Snapshot, line: ran.line, column: 1, expected: ran.text.clone(), seen };
        outcome.failures.push(failure);
    };
    match suite.snapshots.compare(usual, &case.found.label, &case.id, &content) {
        Ok(snapshot) => {
            match &snapshot {
                Snapshot::Missing => fail(
                    &mut outcome,
                    "the snapshot is missing; look at what it shows, then --update writes it".to_owned(),
                ),
                Snapshot::Differs { diff } => fail(&mut outcome, format!("the snapshot differs:\n{diff}")),
                _ => {}
            }
            outcome.snapshot = snapshot;
        }
        Err(error) => fail(&mut outcome, error.to_string()),
    }
    if outcome.status == Status::Passed {
        outcome.events.clear();
    }
    outcome
}

fn first_difference(a: &CaseOutcome, b: &CaseOutcome) -> String {
    let text = |o: &CaseOutcome| serde_json::to_string_pretty(o).unwrap_or_default();
    let (a, b) = (text(a), text(b));
    match a.lines().zip(b.lines()).find(|(a, b)| a != b) {
        Some((a, b)) => format!("{} and {}", a.trim(), b.trim()),
        None => "one tells more than the other".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::files::Cache;
    use crate::scenario::snapshot::Mode;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn cases(folder: &std::path::Path) -> Vec<Case> {
        let text = "about = 'a'\npart = 'F051'\n[matrix]\nn = ['1', '2', '3']\n[[step]]\npower = 'on'\n[[step]]\nexpect = { powered = true }\n";
        let path = folder.join("a.toml");
        std::fs::write(&path, text).unwrap();
        crate::scenario::load(&[path], &Default::default()).unwrap()
    }

    fn suite(isolated: Option<Isolate>, repeat: u32) -> Suite {
        Suite {
            settings: Settings {
                seed: 1,
                report: |_| Vec::new(),
                cache: Cache::default(),
                engine: Default::default(),
                f0_write_without_pg: Default::default(),
            },
            snapshots: Folder { given: None, mode: Mode::Strict },
            plan: Plan { jobs: 2, fail_fast: false },
            repeat,
            isolated,
        }
    }

    fn statuses(report: &Report) -> Vec<Status> {
        report.cases.iter().map(|c| c.status).collect()
    }

    #[test]
    fn a_panic_or_a_dead_process_is_one_case_s_failure() {
        let folder = tempfile::tempdir().unwrap();
        let cases = cases(folder.path());
        let isolate: Isolate = Box::new(|case: &Case| match case.id.as_str() {
            "a/1" => panic!("a bug in the model"),
            "a/2" => Err("its process ended without a report (signal: 9)".to_owned()),
            _ => Ok(CaseOutcome::begun(&case.id, &case.source.name)),
        });
        let report = run(&suite(Some(isolate), 1), &cases, 3, None, Vec::new(), |_, _| {});
        assert_eq!(statuses(&report), [Status::Broken, Status::Broken, Status::Passed]);
        assert!(report.cases[0].failures[0].seen.contains("dryflash panicked: a bug in the model"));
        assert!(report.cases[1].failures[0].seen.contains("signal: 9"));
        assert!(report.cases[1].again.contains("--case a/2") && !report.passed);
    }

    #[test]
    fn runs_that_differ_are_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        let cases = cases(folder.path());
        let count = AtomicUsize::new(0);
        let isolate: Isolate = Box::new(move |case: &Case| {
            let n = count.fetch_add(usize::from(case.id == "a/2"), Ordering::Relaxed);
            let events = if case.id == "a/2" && n == 2 { vec!["another event".to_owned()] } else { Vec::new() };
            Ok(CaseOutcome { events, ..CaseOutcome::begun(&case.id, &case.source.name) })
        });
        let report = run(&suite(Some(isolate), 3), &cases, 3, None, Vec::new(), |_, _| {});
        assert_eq!(statuses(&report), [Status::Passed, Status::Failed, Status::Passed]);
        let failure = &report.cases[1].failures[0];
        assert!(
            failure.kind == Kind::Repeat && failure.seen.starts_with("run 3 differs from the first"),
            "{failure:?}"
        );
        let report = run(&suite(None, 5), &cases, 3, None, Vec::new(), |_, _| {});
        assert!(report.passed);
    }
}
