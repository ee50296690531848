//! `dryflash run`: scenarios, in parallel.

use super::forms::Reports;
use super::machine::Machine;
use super::project::Project;
use super::{OK, Outcome, Output, USAGE, WOULD_NOT, ends, progress};
use crate::report::run::Cases;
use crate::report::{self, Detail, Kind, Style};
use crate::scenario::outcome::{CaseOutcome, Report, Share};
use crate::scenario::pool::Plan;
use crate::scenario::run::Settings;
use crate::scenario::snapshot::{Folder, Mode, Taker};
use crate::scenario::suite::{Isolate, Suite};
use crate::scenario::{self, Case, ScenarioError, files, shard};
use crate::tell::tell;
use crate::wire::Named;
use anyhow::{Context, bail};
use clap::ArgAction;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash run scenarios
  dryflash run scenarios --filter F051 --jobs 1
  dryflash run update.toml --set image=build/app.hex
  dryflash run scenarios --report junit=flash.xml --report json=flash.json
  dryflash run scenarios --shard 3/16 --format json > part-3.json")]
pub struct Args {
    /// Scenario files, and folders with such (*.toml with steps); the folder `scenarios` where absent.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Give a variable a value, or take one value of an axis.
    #[arg(long = "set", help_heading = CASES, value_name = "NAME=VALUE", value_parser = pair, action = ArgAction::Append)]
    set: Vec<(String, String)>,
    /// Only cases with this text in their names; several are alternatives.
    #[arg(long, help_heading = CASES, value_name = "TEXT", action = ArgAction::Append)]
    filter: Vec<String>,
    /// Only the case with exactly this name.
    #[arg(long, help_heading = CASES, value_name = "NAME", action = ArgAction::Append)]
    case: Vec<String>,
    /// Tell the cases' names, and run none.
    #[arg(long, help_heading = CASES, conflicts_with = "report")]
    list: bool,
    /// Workers; all cores where absent.
    #[arg(long, help_heading = HOW, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// Stop at the first case that fails.
    #[arg(long, help_heading = HOW)]
    fail_fast: bool,
    /// Run each case so often; all its runs have to be the same.
    #[arg(long, help_heading = HOW, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    repeat: u32,
    /// Decides what SRAM holds at power-on.
    #[arg(long, help_heading = HOW, default_value_t = 1)]
    seed: u64,
    #[command(flatten, next_help_heading = HOW)]
    machine: Machine,
    /// Write snapshots that are missing or differ. Without it none is accepted.
    #[arg(long, help_heading = SNAPSHOTS)]
    update: bool,
    /// The folder of the snapshots; `snapshots` beside the scenario's folder where absent.
    #[arg(long, help_heading = SNAPSHOTS, value_name = "DIR")]
    snapshots: Option<PathBuf>,
    /// Only this share of the cases, such as 3/16. Read from the environment of a parallel job where it says so.
    #[arg(long, help_heading = CASES, value_name = "INDEX/OF", value_parser = shard::parse)]
    shard: Option<Share>,
    /// All cases, whatever the environment says of shares.
    #[arg(long, help_heading = CASES, conflicts_with = "shard")]
    no_shard: bool,
    /// Each case in a process of its own.
    #[arg(long, help_heading = HOW)]
    isolate: bool,
    #[command(flatten)]
    reports: Reports,
    /// What one process of `--isolate` is told: snapshots are as strict as in the run that started it.
    #[arg(long, hide = true)]
    strict: bool,
    /// The signals that the project names.
    #[arg(skip)]
    signals: Named,
}

/// Headings of the help.
const CASES: &str = "Which cases";
const HOW: &str = "How they run";
const SNAPSHOTS: &str = "Snapshots";

impl Args {
    /// Takes the project's scenarios where none are named. What was taken, for people.
    pub(super) fn join(&mut self, project: &Project) -> Vec<String> {
        self.signals.clone_from(&project.signals);
        if !self.paths.is_empty() || project.scenarios.is_empty() {
            return Vec::new();
        }
        self.paths.clone_from(&project.scenarios);
        self.paths.iter().map(|p| format!("the scenarios of {}", p.display())).collect()
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((name.trim().to_owned(), value.to_owned())),
        _ => Err(format!("'{text}' is not NAME=VALUE")),
    }
}

/// Runs the verb.
///
/// # Errors
/// Wrong usage, or scenarios that are wrong.
pub(super) fn run(args: &Args, output: Output) -> anyhow::Result<Outcome> {
    let set: BTreeMap<String, String> = args.set.iter().cloned().collect();
    args.reports.look("run", [])?;
    let (paths, chosen, wrong) = match cases(args, &set) {
        Ok((paths, chosen, None)) => (paths, chosen, None),
        // The others have names all the same.
        Ok((paths, chosen, wrong)) if args.list && !chosen.is_empty() => (paths, chosen, wrong),
        Ok((_, _, Some(error))) | Err(error) => return refused(args, error, output),
    };
    let start = Instant::now();
    let total = chosen.len();
    let share = share(args)?;
    let all = chosen.clone();
    let mine: Vec<Case> = match share {
        Some(share) => chosen.into_iter().filter(|c| shard::holds(share, &c.id)).collect(),
        None => chosen,
    };
    if args.list {
        return list(&mine, wrong.as_ref(), output);
    }
    let strict = args.strict || std::env::var("CI").is_ok_and(|ci| !matches!(ci.as_str(), "" | "0" | "false"));
    let mode = match (args.update, strict) {
        (true, _) => Mode::Update,
        (false, true) => Mode::Strict,
        (false, false) => Mode::Usual,
    };
    let snapshots = Folder { given: args.snapshots.clone(), mode };
    let stale = stale(args, &paths, &all, &snapshots);
    let settings = Settings {
        seed: args.seed,
        report: |verdict| report::text::sections(verdict, Style::thorough()),
        cache: files::Cache::default(),
        engine: args.machine.engine,
        f0_write_without_pg: args.machine.f0_store_without_pg,
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.map_or(cores, usize::from);
    let isolated = args.isolate.then(|| isolate(args, &paths, mode)).transpose()?;
    let plan = Plan { jobs, fail_fast: args.fail_fast };
    let suite = Suite { settings, snapshots, plan, repeat: args.repeat, isolated };
    let report = scenario::run(&suite, &mine, total, share, stale, progress::of_cases(mine.len()));
    if output.style.detail == Detail::Verbose {
        let _ = writeln!(std::io::stderr(), "dryflash: {} cases in {:.1} s", mine.len(), start.elapsed().as_secs_f64());
    }
    print(&report, output, output.style.detail, &args.reports)
}

/// Where scenarios are, the cases that can be run, and what is wrong with others.
type Found = (Vec<PathBuf>, Vec<Case>, Option<ScenarioError>);

/// Finds and reads the scenarios, and what is wrong with some; at least one case is wanted.
fn cases(args: &Args, set: &BTreeMap<String, String>) -> Result<Found, ScenarioError> {
    let paths = paths(args)?;
    let (chosen, wrong) = scenario::load::load_sound(&paths, set, &args.signals, &|id| wanted(args, id))?;
    if chosen.is_empty() && wrong.is_none() {
        return Err(ScenarioError::Usage("no case has such a name; --list tells them".to_owned()));
    }
    Ok((paths, chosen, wrong))
}

/// Scenarios that cannot be run: a report in the form that was asked for, so that whoever reads it sees the place.
fn refused(args: &Args, error: ScenarioError, output: Output) -> anyhow::Result<Outcome> {
    let text = *output.form == report::text::FORM;
    if args.list || text && args.reports.is_empty() {
        return Err(error.into());
    }
    let report = Report::refused(args.seed, &error);
    tell!("dryflash: {error}");
    let printed = print(&report, output, Detail::Usual, &args.reports)?;
    Ok(Outcome { text: if text { String::new() } else { printed.text }, ..printed })
}

/// The cases' names; as JSON with what they are made of, for a matrix of jobs. Scenarios that are wrong are told beside
/// them.
fn list(cases: &[Case], wrong: Option<&ScenarioError>, output: Output) -> anyhow::Result<Outcome> {
    if !output.form.of.contains(&Kind::Other) {
        bail!("--list has the forms text and json");
    }
    if let Some(error) = wrong {
        tell!("dryflash: {error}");
    }
    output.outcome(&Cases(cases), if wrong.is_some() { USAGE } else { OK })
}

/// Where scenarios are looked for.
fn paths(args: &Args) -> Result<Vec<PathBuf>, ScenarioError> {
    let usual = PathBuf::from(scenario::find::FOLDER);
    match args.paths.is_empty() {
        false => Ok(args.paths.clone()),
        true if usual.is_dir() => Ok(vec![usual]),
        true => {
            let text = "there is no folder `scenarios` here; name files or folders: dryflash run PATH...";
            Err(ScenarioError::Usage(text.to_owned()))
        }
    }
}

/// Snapshots that belong to no case; none where a filter or a variable leaves cases out.
fn stale(args: &Args, paths: &[PathBuf], all: &[Case], snapshots: &Folder) -> Vec<String> {
    if !(args.filter.is_empty() && args.case.is_empty() && args.set.is_empty()) {
        return Vec::new();
    }
    let taking = all.iter().filter(|c| c.takes_snapshot);
    let given: Vec<PathBuf> =
        paths.iter().filter(|p| p.is_dir()).filter_map(|p| crate::files::absolute(p).ok()).collect();
    snapshots.stale(taking.map(|c| Taker {
        usual: &c.found.snapshots,
        stem: &c.found.stem,
        label: &c.found.label,
        id: &c.id,
        whole: given.iter().any(|folder| c.found.root.starts_with(folder)),
    }))
}

/// The report in the form that was asked for, and those that go into files, with so much detail.
pub(super) fn print(report: &Report, output: Output, detail: Detail, files: &Reports) -> anyhow::Result<Outcome> {
    files.write(report, Style { detail, ..Style::default() })?;
    let code = match report.passed {
        true => OK,
        // As for whoever ran them: the input is wrong, not the ESC.
        false if report.has_refused() => USAGE,
        false => WOULD_NOT,
    };
    output.outcome(report, code)
}

fn wanted(args: &Args, id: &str) -> bool {
    let named = args.case.is_empty() || args.case.iter().any(|c| c == id);
    named && (args.filter.is_empty() || args.filter.iter().any(|f| id.contains(f.as_str())))
}

fn share(args: &Args) -> anyhow::Result<Option<Share>> {
    if args.no_shard || args.shard.is_some() {
        return Ok(args.shard);
    }
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let found = shard::from_environment(&environment).map_err(anyhow::Error::msg)?;
    Ok(found.map(|(share, from)| {
        tell!("dryflash: share {} of {}, by {from}; --no-shard runs all cases", share.index, share.of);
        share
    }))
}

/// Starts this very program for one case.
fn isolate(args: &Args, paths: &[PathBuf], mode: Mode) -> anyhow::Result<Isolate> {
    let program = std::env::current_exe().context("dryflash does not find itself")?;
    let mut words: Vec<std::ffi::OsString> = vec!["run".into()];
    words.extend(paths.iter().map(|p| p.clone().into_os_string()));
    for (name, value) in &args.set {
        words.extend(["--set".into(), format!("{name}={value}").into()]);
    }
    if let Some(folder) = &args.snapshots {
        words.extend(["--snapshots".into(), folder.clone().into_os_string()]);
    }
    words.extend(["--seed".into(), args.seed.to_string().into()]);
    words.extend(args.machine.words().into_iter().map(Into::into));
    words.extend(["--format", "json", "--no-shard", "--jobs", "1"].map(Into::into));
    match mode {
        Mode::Update => words.push("--update".into()),
        Mode::Strict => words.push("--strict".into()),
        Mode::Usual => {}
    }
    Ok(Box::new(move |case: &Case| -> Result<CaseOutcome, String> {
        let mut command = Command::new(&program);
        command.args(&words).arg("--case").arg(&case.id).stdin(Stdio::null());
        ends::let_through(&mut command);
        let output = command.output().map_err(|e| format!("its process could not be started: {e}"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        let report: Report = serde_json::from_slice(&output.stdout)
            .map_err(|_| format!("its process ended without a report ({}): {}", output.status, said.trim()))?;
        let mine = report.cases.into_iter().find(|c| c.id == case.id);
        mine.ok_or_else(|| format!("its process did not report it: {}", said.trim()))
    }))
}
