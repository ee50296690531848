//! `dryflash signals`: which signals a set of files starts on, and why not on the others.

use super::check::{RESETS, SHORTEST, limit};
use super::choice;
use super::given::{Given, Loaded};
use super::machine::Machine;
use super::project::Project;
use super::{OK, Outcome, Output, WOULD_NOT, outputs, progress};
use crate::esc::signals::{
    AppSide, Case, Explained, Matrix, Outcome as Came, PROTOCOLS, Plan, Seen, Sent, Subject, SubjectError, Worker,
};
use crate::esc::{self, AfterPowerOn, CheckError, Options, PowerUp, StateFile, Verdict};
use crate::near;
use crate::report::Kind;
use crate::report::signals::{Catalogue, Report};
use crate::report::vcd;
use crate::scenario::pool::{self, Done};
use crate::time::Time;
use crate::wire::{ClockError, Named, Names, Spec, catalogue};
use anyhow::{anyhow, bail};
use clap::ArgAction;
use std::path::PathBuf;

/// The arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash signals AM32_F051_BOOTLOADER_PB4_V17.bin AM32_NEOESC_F051_2.20.hex eeprom_default.bin
  dryflash signals --only betaflight,px4-pulled-up --phases 32 FULL.hex
  dryflash signals --signal 'high, dshot300 idle at 4kHz@60ms' FULL.hex
  dryflash signals --explain dshot600-both-ways/3/+1% --vcd case.vcd FULL.hex
  dryflash signals --list")]
pub struct Args {
    #[command(flatten)]
    given: Given,
    /// The signals of these names only, of the catalogue or the project; may be repeated. What is named has to start the
    /// ESC, or the exit code is 1: held-high, too.
    #[arg(long, help_heading = WHICH, value_name = "NAME[,NAME]...", value_delimiter = ',', action = ArgAction::Append)]
    only: Vec<String>,
    /// This signal, as of `check`; may be repeated. Without --only it is tried alone.
    #[arg(long, help_heading = WHICH, value_name = "SIGNAL[,SIGNAL@TIME]...", action = ArgAction::Append)]
    signal: Vec<Spec>,
    /// The signals that the project names.
    #[arg(skip)]
    signals: Named,
    /// List the signals that have names, and run nothing.
    #[arg(long, help_heading = WHICH, conflicts_with_all = ["explain", "only", "signal", "vcd", "force", "files", "bootloader", "app", "eeprom", "full"])]
    list: bool,
    /// Phases of a stream's frames, evenly over their period.
    #[arg(long, help_heading = WHICH, value_name = "N", default_value_t = Plan::PHASES, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    phases: u32,
    /// Errors of the sender's clock, each as +1%, -200ppm or 0.
    #[arg(long, help_heading = WHICH, value_name = "ERROR[,ERROR]...", value_delimiter = ',', allow_hyphen_values = true, value_parser = clock, default_value = "-1%,0,+1%")]
    clock: Vec<ClockError>,
    /// A reset that follows each power-on at once.
    #[arg(long, help_heading = super::RUNNING, value_parser = choice::parser(&RESETS))]
    reset: Option<AfterPowerOn>,
    /// Virtual time after which a bootloader that has not jumped counts as staying, from the begin of the signal's last
    /// part on.
    #[arg(long = "for", help_heading = super::RUNNING, value_name = "TIME", allow_hyphen_values = true, default_value = "2500ms", value_parser = |t: &str| limit(t, SHORTEST))]
    limit: Time,
    /// Workers; all cores where absent. The report is the same with any number of them.
    #[arg(long, help_heading = super::RUNNING, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    #[command(flatten, next_help_heading = super::RUNNING)]
    machine: Machine,
    /// Also say what the app makes of servo pulses, DShot, OneShot125 and Multishot: the input that it finds, and whether
    /// and when it arms.
    #[arg(long, help_heading = super::RUNNING, conflicts_with_all = ["explain", "list"])]
    arming: bool,
    /// Show one case in time: a signal by its name, or with a phase and a clock error, as the report names them. Without
    /// these it is the case that tells most.
    #[arg(long, help_heading = super::OUTPUT, value_name = "NAME[/PHASE[/CLOCK]]")]
    explain: Option<String>,
    /// With --explain: write wire, pins and samples over time into a value change dump, for PulseView and GTKWave.
    #[arg(long, help_heading = super::OUTPUT, value_name = "FILE", requires = "explain")]
    vcd: Option<PathBuf>,
    /// Replace a file of --vcd that is there.
    #[arg(long, help_heading = super::OUTPUT)]
    force: bool,
}

/// The heading of the help.
const WHICH: &str = "Which signals";

/// A clock error; 0 needs no unit.
fn clock(text: &str) -> Result<ClockError, String> {
    if text.trim() == "0" { Ok(ClockError(0)) } else { text.parse() }
}

impl Args {
    /// Notes what named the part, where no option did.
    pub(super) fn part_from(&mut self, what: Option<String>) {
        self.given.part_from(what);
    }

    /// Takes what the project says and nobody else has said. What was taken, for people.
    pub(super) fn join(&mut self, project: &Project) -> Vec<String> {
        self.signals.clone_from(&project.signals);
        if self.list { Vec::new() } else { self.given.join(project) }
    }

    /// A signal of the catalogue, or of the project.
    fn named(&self, name: &str) -> anyhow::Result<Sent> {
        if !self.signals.contains(name)
            && let Some(entry) = catalogue::find(name)
        {
            return Ok(Sent::of(entry)?);
        }
        if self.signals.contains(name) {
            return Ok(Sent::own(name.parse::<Spec>()?.resolve(&self.signals)?));
        }
        let all = catalogue::ENTRIES.iter().map(|e| e.name).chain(self.signals.names());
        match near::nearest(name, all) {
            Some(near) => bail!("there is no signal of the name '{name}': did you mean {near}?"),
            None => {
                bail!("there is no signal of the name '{name}'; `dryflash signals --list` shows those that there are")
            }
        }
    }

    /// What is tried.
    fn wanted(&self) -> anyhow::Result<Vec<Sent>> {
        let mut wanted = Vec::new();
        for name in &self.only {
            wanted.push(Sent { asked: true, ..self.named(name)? });
        }
        for spec in &self.signal {
            wanted.push(Sent::own(spec.resolve(&self.signals)?));
        }
        if !wanted.is_empty() {
            return Ok(each_once(wanted));
        }
        self.all()
    }

    /// The catalogue, and the project's signals: one of its own takes the place of the catalogue's.
    fn all(&self) -> anyhow::Result<Vec<Sent>> {
        let mut all = Sent::catalogue()?;
        all.retain(|s| !self.signals.contains(&s.title));
        for name in self.signals.names() {
            all.push(self.named(name)?);
        }
        Ok(all)
    }

    fn plan(&self, signals: Vec<Sent>) -> Plan {
        let reset = self.reset.unwrap_or(AfterPowerOn::Nothing);
        let mut clocks: Vec<ClockError> = Vec::new();
        for clock in &self.clock {
            if !clocks.contains(clock) {
                clocks.push(*clock);
            }
        }
        Plan { signals, phases: self.phases, clocks, reset, limit: self.limit }
    }
}

/// What was asked for twice is tried once. Of different signals with one title the later ones have a number.
fn each_once(wanted: Vec<Sent>) -> Vec<Sent> {
    let mut once: Vec<Sent> = Vec::new();
    for mut sent in wanted {
        let wire = (sent.wire.parts(), sent.wire.via());
        let same = |other: &Sent| other.title == sent.title && (other.wire.parts(), other.wire.via()) == wire;
        match once.iter_mut().find(|other| same(other)) {
            // Asked for as a signal it decides, whoever sends it.
            Some(other) if sent.about.is_none() => *other = sent,
            Some(_) => {}
            None => {
                let title = sent.title.clone();
                let mut number = 1;
                while once.iter().any(|other| other.title == sent.title) {
                    number += 1;
                    sent.title = format!("{title} #{number}");
                }
                once.push(sent);
            }
        }
    }
    once
}

/// Runs the verb.
///
/// # Errors
/// Wrong usage or unreadable input.
pub(super) fn run(args: Args, output: Output) -> anyhow::Result<Outcome> {
    let plain = output.form.of.contains(&Kind::Other);
    if (args.list || args.explain.is_some()) && !plain {
        bail!("--list and --explain have the forms text and json");
    }
    if args.list {
        return output.outcome(&Catalogue(args.all()?), OK);
    }
    if let Some(file) = &args.vcd {
        let played = args.signal.iter().flat_map(|spec| args.signals.files_of(spec));
        outputs::apart("--vcd", file, args.given.inputs().chain(played))?;
        outputs::may_make(file, args.force)?;
    }
    let (signals, chosen) = match &args.explain {
        None => (args.wanted()?, None),
        Some(text) => {
            let (sent, chosen) = chosen(&args, text)?;
            (vec![sent], Some(chosen))
        }
    };
    let plan = args.plan(signals);
    let (verdict, subject) = flash(&args)?;
    let Some(subject) = subject else {
        // Why nothing could be powered is what its findings say.
        return output.outcome(&Report::refused(&verdict, &plan), WOULD_NOT);
    };
    match chosen {
        None => {
            let seen = run_all(&subject, &plan, &plan.cases(), args.jobs)?;
            let matrix = Matrix::of(&plan, seen, subject.version());
            let apps = if args.arming { Some(arming(&subject, args.jobs)?) } else { None };
            let report = Report::new(&verdict, &plan, matrix, subject.version()).with_app(apps);
            let code = if report.starts() { OK } else { WOULD_NOT };
            output.outcome(&report, code)
        }
        Some(chosen) => {
            let case = chosen.case(&plan, &subject, args.jobs)?;
            let explained = progress::while_running("running the case", || {
                subject.worker().map(|mut worker| worker.explain(&plan, &case))
            })?;
            let explained = explained.ok_or_else(|| anyhow!("there is no such case"))?;
            explain(&args, &explained, output)
        }
    }
}

fn explain(args: &Args, explained: &Explained, output: Output) -> anyhow::Result<Outcome> {
    let written = match &args.vcd {
        Some(file) => outputs::write(file, args.force, &vcd::dump_case(explained)?),
        None => Ok(()),
    };
    let code = if explained.seen.outcome == Came::Starts { OK } else { WOULD_NOT };
    output.outcome_and(explained, code, written)
}

/// What `--explain` asks for.
struct Chosen {
    phase: Option<u32>,
    clock: Option<ClockError>,
}

/// Reads `NAME[/PHASE[/CLOCK]]`. A name may have a `/` of its own, as that of a file has: the longest that is one counts.
fn chosen(args: &Args, text: &str) -> anyhow::Result<(Sent, Chosen)> {
    let mut own = Vec::new();
    for spec in &args.signal {
        own.push((spec.text(), Sent::own(spec.resolve(&args.signals)?)));
    }
    let numbered = each_once(own.iter().map(|(_, sent)| sent.clone()).collect());
    let find = |name: &str| -> anyhow::Result<Option<Sent>> {
        let told = numbered.iter().find(|sent| sent.title == name);
        if let Some(sent) = told.or(own.iter().find(|(text, _)| *text == name).map(|(_, sent)| sent)) {
            return Ok(Some(sent.clone()));
        }
        let known = args.signals.contains(name) || catalogue::find(name).is_some();
        known.then(|| args.named(name)).transpose()
    };
    let ends = text.match_indices('/').map(|(at, _)| at).chain([text.len()]).collect::<Vec<_>>();
    for end in ends.into_iter().rev() {
        let (name, rest) = text.split_at(end);
        if let Some(sent) = find(name)? {
            return Ok((sent, case_of(args, rest)?));
        }
    }
    // Nobody knows the name: it is what stands before what may be a phase and a clock error.
    let is_case = |word: &str| word.parse::<u32>().is_ok() || clock(word).is_ok();
    let mut name = text;
    for _ in 0..2 {
        name = name.rsplit_once('/').filter(|(_, word)| is_case(word)).map_or(name, |(name, _)| name);
    }
    Ok((args.named(name)?, case_of(args, &text[name.len()..])?))
}

/// Reads `/PHASE/CLOCK`.
fn case_of(args: &Args, text: &str) -> anyhow::Result<Chosen> {
    let mut words = text.split('/').skip(1);
    let phase = words
        .next()
        .map(|word| {
            let number = word.parse::<u32>().ok().filter(|n| *n < args.phases);
            number.ok_or_else(|| anyhow!("'{word}' is no phase: they go from 0 to {}", args.phases - 1))
        })
        .transpose()?;
    let clock = words.next().map(|word| clock(word).map_err(|e| anyhow!("{e}"))).transpose()?;
    if let Some(more) = words.next() {
        bail!("'{more}' is too much: it is NAME/PHASE/CLOCK");
    }
    Ok(Chosen { phase, clock })
}

impl Chosen {
    /// The case: of several that fit, the one that tells most.
    fn case(&self, plan: &Plan, subject: &Subject, jobs: Option<u16>) -> anyhow::Result<Case> {
        let fits =
            |case: &Case| self.phase.is_none_or(|p| p == case.number) && self.clock.is_none_or(|c| c == case.clock);
        let mut cases: Vec<Case> = plan.cases().into_iter().filter(fits).collect();
        if let (true, Some(clock)) = (cases.is_empty(), self.clock) {
            // A clock error that the plan does not have.
            let with = Plan { clocks: vec![clock], ..plan.clone() };
            cases = with.cases().into_iter().filter(fits).collect();
        }
        match cases.as_slice() {
            [] => bail!("this signal has but one case: name it without a phase"),
            [case] => Ok(*case),
            several => {
                let seen = run_all(subject, plan, several, jobs)?;
                let matrix = Matrix::of(plan, seen, subject.version());
                let telling = matrix.rows.first().and_then(|row| row.telling());
                telling.map(|seen| seen.case).ok_or_else(|| anyhow!("there is no such case"))
            }
        }
    }
}

/// Flashes the files. What came of it, and the ESC, where it took them.
fn flash(args: &Args) -> anyhow::Result<(Verdict, Option<Subject>)> {
    let Loaded { files, part, mut state } = args.given.load("signals")?;
    let options = Options {
        part,
        part_from: args.given.named_by(),
        power_ups: vec![PowerUp::decisive()],
        app_limit: Time::ZERO,
        engine: args.machine.engine,
        f0_write_without_pg: args.machine.f0_store_without_pg,
        option_bytes: args.given.option_bytes(),
        seed: args.given.seed(),
        state: state.as_ref().map(super::bench::named),
        ..Options::default()
    };
    let kept = state.as_ref().and_then(StateFile::kept).cloned();
    let (verdict, flashed) = match (esc::check(files, &options, kept.as_ref()), &state) {
        (Err(CheckError::Kept(error)), Some(state)) => return Err(state.told(error).into()),
        (result, _) => result?,
    };
    if let (Some(state), Some(flashed)) = (&mut state, &flashed) {
        state.keep(flashed.clone())?;
    }
    let subject = Subject::of(&verdict, flashed.as_ref().or(kept.as_ref()), &options).ok();
    Ok((verdict, subject))
}

/// What the app makes of each protocol; nothing where the bootloader does not start it.
fn arming(subject: &Subject, jobs: Option<u16>) -> anyhow::Result<Vec<AppSide>> {
    // Each takes some seconds of work.
    let what = format!("trying the app on {} protocols", PROTOCOLS.len());
    let seen = progress::while_running(&what, || {
        pooled(&PROTOCOLS, jobs, subject, |worker, protocol| worker.arming(protocol), |_, _| {})
    })?;
    Ok(seen.into_iter().flatten().collect())
}

/// Runs cases with so many workers; the results are in the order of the cases.
fn run_all(subject: &Subject, plan: &Plan, cases: &[Case], jobs: Option<u16>) -> anyhow::Result<Vec<Seen>> {
    pooled(cases, jobs, subject, |worker, case| worker.run(plan, case), progress::of_cases(cases.len()))
}

/// Runs `work` for each item, each worker with a chip of its own.
fn pooled<T: Sync, R: Send>(
    items: &[T],
    jobs: Option<u16>,
    subject: &Subject,
    work: impl Fn(&mut Worker<'_>, &T) -> R + Sync,
    progress: impl FnMut(usize, usize),
) -> anyhow::Result<Vec<R>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let plan = pool::Plan { jobs: jobs.map_or(cores, usize::from), fail_fast: false };
    let one = |worker: &mut Result<Worker<'_>, SubjectError>, item: &T| match worker {
        Ok(worker) => Ok(work(worker, item)),
        Err(error) => Err(error.to_string()),
    };
    let done = pool::run(items, plan, || subject.worker(), one, Result::is_err, progress);
    let mut results = Vec::with_capacity(done.len());
    for one in done {
        match one {
            Done::Ran(Ok(result)) => results.push(result),
            Done::Ran(Err(error)) => bail!("{error}"),
            Done::Panicked(text) => {
                bail!("dryflash itself failed: {text}; this is a bug: please report it with the files")
            }
            Done::NotRun => {}
        }
    }
    Ok(results)
}
