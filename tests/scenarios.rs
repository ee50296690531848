//! Every case of `scenarios/` is a test, run through the library; one more runs them all through the binary, whose
//! report has to be the same to the byte.
//!
//! `cargo test --test scenarios wiki` runs those with `wiki` in their name. After a wanted change, `cargo insta review`,
//! `INSTA_UPDATE=always cargo test --test scenarios` or `dryflash run scenarios --update` renews the snapshots.

use dryflash::cpu::hybrid::Engine;
use dryflash::flash::WriteWithoutPg;
use dryflash::report::{self, Render, Style};
use dryflash::scenario::outcome::{Report, Status};
use dryflash::scenario::pool::Plan;
use dryflash::scenario::run::Settings;
use dryflash::scenario::snapshot::{Folder, Mode};
use dryflash::scenario::{self, Case, Suite, files};
use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

fn main() {
    // The scenarios' names in reports are those that a user sees at the root.
    let trials =
        match std::env::set_current_dir(env!("CARGO_MANIFEST_DIR")).map_err(|e| e.to_string()).and_then(|()| all()) {
            Ok(cases) => trials(cases),
            Err(e) => vec![Trial::test("scenarios", move || Err(Failed::from(e)))],
        };
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn all() -> Result<Vec<Case>, String> {
    scenario::load(&[PathBuf::from("scenarios")], &BTreeMap::new()).map_err(|e| e.to_string())
}

fn trials(cases: Vec<Case>) -> Vec<Trial> {
    let suite = Arc::new(suite());
    let cases = Arc::new(cases);
    let mut trials: Vec<Trial> = (0..cases.len())
        .map(|n| {
            let (suite, cases) = (Arc::clone(&suite), Arc::clone(&cases));
            Trial::test(cases[n].id.clone(), move || one(&suite, &cases[n]))
        })
        .collect();
    let (suite, same) = (Arc::clone(&suite), Arc::clone(&cases));
    trials.push(Trial::test("through_the_binary", move || through_the_binary(&suite, &same)));
    let enough = cases.iter().map(|c| &c.found.stem).collect::<std::collections::BTreeSet<_>>().len();
    trials.push(Trial::test("there_are_forty_scenarios_with_comments", move || {
        if enough < 40 {
            return Err(format!("there are {enough} scenarios").into());
        }
        for case in cases.iter() {
            let mut lines = case.source.text.lines();
            let names_schema = lines.next() == Some("#:schema ../docs/scenario.schema.json");
            if !names_schema || !lines.next().is_some_and(|l| l.starts_with("# ")) {
                let rule = "begins with its schema, and with what one would have seen on the bench";
                return Err(format!("{}: a scenario {rule}", case.source.name).into());
            }
        }
        Ok(())
    }));
    trials
}

fn suite() -> Suite {
    let update = std::env::var("INSTA_UPDATE").is_ok_and(|v| v == "always");
    let ci = std::env::var("CI").is_ok_and(|v| !v.is_empty() && v != "0" && v != "false");
    let mode = match (update, ci) {
        (true, _) => Mode::Update,
        (false, true) => Mode::Strict,
        (false, false) => Mode::Usual,
    };
    Suite {
        settings: Settings {
            seed: 1,
            report: |verdict| report::text::sections(verdict, Style::thorough()),
            cache: files::Cache::default(),
            engine: Engine::Auto,
            f0_write_without_pg: WriteWithoutPg::default(),
        },
        snapshots: Folder { given: None, mode },
        plan: Plan { jobs: 1, fail_fast: false },
        repeat: 1,
        isolated: None,
    }
}

fn run(suite: &Suite, cases: &[Case]) -> Report {
    scenario::run(suite, cases, cases.len(), None, Vec::new(), |_, _| {})
}

fn one(suite: &Suite, case: &Case) -> Result<(), Failed> {
    let report = run(suite, std::slice::from_ref(case));
    if report.cases.iter().all(|c| c.status == Status::Passed) {
        return Ok(());
    }
    Err(report::run::text(&report, Style::default()).into())
}

fn through_the_binary(suite: &Suite, cases: &[Case]) -> Result<(), Failed> {
    let strict = Suite {
        settings: Settings {
            seed: 1,
            report: suite.settings.report,
            cache: files::Cache::default(),
            engine: Engine::Auto,
            f0_write_without_pg: WriteWithoutPg::default(),
        },
        snapshots: Folder { given: None, mode: Mode::Strict },
        plan: Plan { jobs: 2, fail_fast: false },
        repeat: 1,
        isolated: None,
    };
    let library = run(&strict, cases);
    let output = Command::new(env!("CARGO_BIN_EXE_dryflash"))
        .args(["run", "scenarios", "--no-shard", "--format", "json"])
        .env("CI", "true")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .output()?;
    let binary: Report = serde_json::from_slice(&output.stdout)
        .map_err(|e| format!("{e}\n{}", String::from_utf8_lossy(&output.stderr)))?;
    if !output.stderr.is_empty() {
        return Err(format!("it says on standard error: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    if !binary.stale_snapshots.is_empty() {
        return Err(format!("these snapshots belong to no case: {}", binary.stale_snapshots.join(", ")).into());
    }
    let same = library.json()? == String::from_utf8_lossy(&output.stdout);
    if !same {
        let (a, b) = (report::run::text(&library, Style::default()), report::run::text(&binary, Style::default()));
        return Err(format!("library and binary differ.\nThe library says\n{a}\nThe binary says\n{b}").into());
    }
    if output.status.success() != library.passed {
        return Err(format!("its exit status is {}", output.status).into());
    }
    Ok(())
}
