//! The main job: what would happen if these files were flashed and powered.

use super::bench::Bench;
use super::blame;
use super::boot;
use super::by_running;
use super::evidence::{BootRun, Ending};
use super::kept::{Kept, KeptError};
use super::power_up::PowerUp;
use super::rests;
use super::trace::Wish;
use super::verdict::{self, Held, Verdict};
use super::{fit, last, next_start, settings_pages, signal_pin, updater};
use crate::am32::{self, Given, Layout, Piece, Plan, PlanError, Request, Role, Word};
use crate::chip::{Chip, SavedChip, program};
use crate::cpu::hybrid::Engine;
use crate::cpu::unicorn::EngineError;
use crate::flash::{NonVolatile, Settings, WriteWithoutPg};
use crate::image::Symbols;
use crate::part::Part;
use crate::time::Time;
use std::sync::Arc;

/// How to check.
#[derive(Clone, Debug)]
pub struct Options {
    /// The part; found from the files where none.
    pub part: Option<Arc<Part>>,
    /// Who named it, where that was not `--part`: a variable, a project's file.
    pub part_from: Option<String>,
    /// The power-ups to try.
    pub power_ups: Vec<PowerUp>,
    /// When undecided becomes "stays".
    pub limit: Time,
    /// How long the app is watched on its way to its main loop; zero for its first instructions only.
    pub app_limit: Time,
    /// The main loop is watched for all of that time, too, not only until it is found.
    pub whole: bool,
    /// The engine that executes the code. All give the same verdict.
    pub engine: Engine,
    /// What a store to flash with PG = 0 does on an F0, which is not known (F45).
    pub f0_write_without_pg: WriteWithoutPg,
    /// Start the app as a bootloader would.
    pub from_app: bool,
    /// Program option bytes that a file holds.
    pub option_bytes: bool,
    /// Decides what SRAM holds at power-on.
    pub seed: u64,
    /// The file that the ESC is kept in, as it was given: advice names it.
    pub state: Option<String>,
    /// What is to be recorded of the power-ups.
    pub record: Wish,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            part: None,
            part_from: None,
            power_ups: PowerUp::usual(),
            limit: Time::from_millis(400),
            app_limit: Time::from_millis(1_500),
            whole: false,
            engine: Engine::Auto,
            f0_write_without_pg: WriteWithoutPg::default(),
            from_app: false,
            option_bytes: false,
            seed: 1,
            state: None,
            record: Wish::default(),
        }
    }
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// Wrong use.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The ESC that was kept is another part, or none.
    #[error(transparent)]
    Kept(#[from] KeptError),
    /// The files fit several parts that would behave differently.
    #[error("the files fit {}, which would behave differently; say which with --part", .0.join(", "))]
    Ambiguous(Vec<String>),
    /// No power-up was asked for.
    #[error("no power-up was asked for")]
    NoPowerUp,
    /// The engine or a model failed in a run. A bug in dryflash.
    #[error("dryflash itself failed: {0}; this is a bug: please report it with the files")]
    Broken(String),
    /// A change of the signal that would never come.
    #[error("the signal changes at {change}, after the {limit} that are watched; raise --for")]
    ChangeTooLate {
        /// When it changes.
        change: Time,
        /// How long each power-up is watched.
        limit: Time,
    },
    /// A block that the part does not have.
    #[error("the {part} has no block {name}; it has {known}")]
    NoBlock {
        /// What was asked for.
        name: String,
        /// The part.
        part: String,
        /// The blocks that it has.
        known: String,
    },
    /// The emulation engine could not be set up.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Flashes the files onto a virtual ESC, powers it, and says what happens. With an ESC that was `kept`, the files go onto
/// what it holds. With the verdict comes the ESC after it was flashed, before its power-ups, where anything was flashed.
///
/// # Errors
/// Wrong use, an ESC of another part, or files that fit several parts with different outcomes. What is wrong with the files
/// themselves is in [`Verdict::findings`].
pub fn check(files: Vec<Given>, options: &Options, kept: Option<&Kept>) -> Result<(Verdict, Option<Kept>), CheckError> {
    if options.power_ups.is_empty() {
        return Err(CheckError::NoPowerUp);
    }
    // A signal with a name is watched as long after its last part.
    let unnamed = options.power_ups.iter().filter(|p| p.wire.name().is_none());
    if let Some(change) = unnamed.map(|p| p.wire.begins()).max().filter(|t| *t >= options.limit) {
        return Err(CheckError::ChangeTooLate { change, limit: options.limit });
    }
    let held = kept.map(|kept| Arc::clone(&kept.part));
    let wish = Request {
        part: options.part.clone().or_else(|| held.clone()),
        part_from: options.part.as_ref().and(options.part_from.clone()),
        from_app: options.from_app,
        option_bytes: options.option_bytes,
        has_state: held.is_some(),
        state: options.state.clone(),
    };
    let plan = am32::plan(files, &wish)?;
    let Some(first) = plan.candidates.first().cloned() else {
        return Ok((refused(plan), None));
    };
    let (mut verdict, flashed) = judge(&plan, &first, options, kept)?;
    if options.part.is_none() && held.is_some() {
        verdict.part_evidence = "as the state file holds it".to_owned();
    }
    let mut others = Vec::new();
    let unrecorded = Options { record: Wish::default(), ..options.clone() };
    for part in plan.candidates.iter().skip(1) {
        let (other, _) = judge(&plan.for_part(part)?, part, &unrecorded, None)?;
        if other.outcome() != verdict.outcome() {
            others.push(part.nick().to_owned());
        }
        verdict.also.push(Arc::clone(part));
    }
    if !others.is_empty() {
        return Err(CheckError::Ambiguous(plan.candidates.iter().map(|p| p.nick().to_owned()).collect()));
    }
    let broken = verdict.runs.iter().find_map(|r| match &r.ending {
        Ending::Broken { message } => Some(message.clone()),
        _ => None,
    });
    if let Some(message) = broken {
        return Err(CheckError::Broken(message));
    }
    let flashed = (!verdict.pieces.is_empty()).then_some(Kept { part: first, non_volatile: flashed });
    Ok((verdict, flashed))
}

/// Files for an MCU that is not modelled: the findings say so.
fn refused(plan: Plan) -> Verdict {
    Verdict {
        part: None,
        part_evidence: plan.part_evidence,
        also: Vec::new(),
        pieces: plan.pieces,
        programmed: Vec::new(),
        runs: Vec::new(),
        findings: plan.findings,
        app_runs: false,
        update: None,
        held: None,
        symbols: Symbols::default(),
        recordings: Vec::new(),
    }
}

/// The verdict on one part, and what flash holds before the power-ups.
fn judge(
    plan: &Plan,
    part: &Arc<Part>,
    options: &Options,
    kept: Option<&Kept>,
) -> Result<(Verdict, NonVolatile), CheckError> {
    let layout =
        Layout::of(part).ok_or_else(|| PlanError::NoLayout { part: part.name.clone(), known: String::new() })?;
    let mut verdict = Verdict {
        part: Some(Arc::clone(part)),
        part_evidence: plan.part_evidence.clone(),
        also: Vec::new(),
        pieces: plan.pieces.clone(),
        programmed: Vec::new(),
        runs: Vec::new(),
        findings: plan.findings.clone(),
        app_runs: false,
        update: None,
        held: None,
        symbols: Symbols::default(),
        recordings: Vec::new(),
    };
    let mut chip = Chip::with_engine(part, options.seed, options.engine)?;
    let settings = Settings { f0_write_without_pg: options.f0_write_without_pg, ..chip.board.flash.settings() };
    chip.board.flash.set_settings(settings);
    if let Some(kept) = kept {
        kept.install(&mut chip)?;
    }
    let taken = flash(&mut chip, options, &mut verdict);
    verdict.held = Some(Held::by(&chip));
    if !taken {
        verdict::join(&mut verdict.findings, false);
        // What was written before the flash refused stays written, as on a real chip.
        return Ok((verdict, chip.board.flash.non_volatile()));
    }
    if kept.is_some() {
        verdict.findings.extend(settings_pages::kept(&chip, layout, &verdict.pieces, options.state.as_deref()));
    }
    let non_volatile = chip.board.flash.non_volatile();
    let programming = chip.board.log.choices.clone();
    let bench = bench(plan, part, layout, options);
    // An updater is run to its end once, whatever the limit; that it is started shows in the other power-ups.
    let updates = updater_alone(&plan.pieces).is_some();
    let brief = Bench {
        app_limit: if updates { Time::ZERO } else { bench.app_limit },
        whole: bench.whole && !updates,
        ..bench.clone()
    };
    let bench = Bench { app_limit: if updates { updater::LIMIT } else { bench.app_limit }, ..bench };
    let decisive = verdict::decisive(&options.power_ups);
    let flashed = chip.save();
    for (n, power_up) in options.power_ups.iter().enumerate() {
        if n > 0 {
            // The same part: it fits.
            let _ = chip.restore(&flashed);
        }
        let here = if n == decisive { &bench } else { &brief };
        let begins = power_up.wire.name().map_or(Time::ZERO, |_| power_up.wire.begins());
        let here = &Bench { limit: here.limit + begins, ..here.clone() };
        options.record.begin(&mut chip, options.power_ups.len())?;
        let mut run = boot::boot(&mut chip, here, power_up).explain(layout);
        verdict.recordings.extend(options.record.end(&mut chip));
        run.last = last::look(&mut chip, &flashed, here, &run);
        verdict.findings.extend(verdict::findings(&run, layout, n == decisive));
        if n == decisive {
            let bench = Around { chip: &mut chip, bench: &bench, flashed: &flashed, seed: options.seed };
            beyond(bench, layout, &run, &mut verdict);
        }
        verdict.runs.push(run);
    }
    verdict.findings.extend(verdict::unmodelled(&verdict.runs));
    let broken = verdict.runs.iter().any(|r| matches!(r.ending, Ending::Broken { .. }));
    verdict.app_runs = match &verdict.update {
        Some(update) => update.starts,
        None => verdict.runs.get(decisive).is_some_and(|r| verdict::app_runs(r, &verdict.findings)),
    };
    if let Some(run) = verdict.runs.get(decisive).filter(|_| !broken) {
        let (app_runs, seed) = (verdict.app_runs && verdict.update.is_none(), options.seed);
        let runs = verdict.runs.as_slice();
        let scene = by_running::Scene { flashed: &flashed, bench: &bench, layout, runs, decisive: run, app_runs, seed };
        by_running::look(&mut chip, &scene, &mut verdict.pieces, &mut verdict.findings);
    }
    let choices = programming.iter().chain(verdict.runs.iter().flat_map(|r| &r.choices));
    verdict.findings.extend(rests::finding(choices));
    blame::files(&mut verdict, decisive, layout);
    verdict::join(&mut verdict.findings, verdict.app_runs);
    blame::causes(&mut verdict.findings);
    let symbols = Symbols::of(verdict.pieces.iter().map(|p| &p.image));
    Ok((verdict.with_symbols(symbols), non_volatile))
}

/// The updater among the pieces, where no app goes to the same place: one of the two is not there then.
fn updater_alone(pieces: &[Piece]) -> Option<&Piece> {
    let other = pieces.iter().any(|p| p.role == Role::App && !p.is_updater());
    updater::among(pieces).filter(|_| !other)
}

/// The chip after the power-up that decides, and what it takes to power it anew.
struct Around<'a> {
    chip: &'a mut Chip,
    bench: &'a Bench,
    flashed: &'a SavedChip,
    seed: u64,
}

/// What the deciding power-up shows beyond whether the app runs: whose settings stand where, which pin the app's
/// signal is on, what an updater leaves.
fn beyond(around: Around<'_>, layout: &Layout, run: &BootRun, verdict: &mut Verdict) {
    let Around { chip, bench, flashed, seed } = around;
    if let Some(piece) = updater_alone(&verdict.pieces) {
        verdict.update = updater::follow(chip, bench, layout, run, piece, seed);
        if let Some(update) = &verdict.update {
            updater::judge(update, &mut verdict.findings);
        }
        return;
    }
    settings_pages::judge(run, layout, &mut verdict.findings);
    verdict.findings.extend(fit::findings(run));
    verdict.findings.extend(next_start::look(chip, bench, layout, run, seed));
    if let Some((bootloader, mut app)) = signal_pin::differ(run) {
        // Before it is called an error: an app may take another pin for another kind of signal.
        app.extend(signal_pin::with_other_inputs(chip, bench, flashed, run));
        if app.iter().all(|s| s.pin != bootloader) {
            app.dedup_by_key(|s| s.pin);
            verdict.findings.extend(signal_pin::finding(bootloader, &app));
        }
    }
}

/// Programs every piece. Whether the flash took them all; power is off afterwards.
fn flash(chip: &mut Chip, options: &Options, verdict: &mut Verdict) -> bool {
    chip.power_on();
    for piece in &verdict.pieces {
        match program::program(chip, &piece.image, options.option_bytes) {
            Ok(done) => verdict.programmed.push(done),
            Err(error) => {
                let mut refused = verdict::not_programmed(&error, &piece.image.name);
                if let Some(state) = &options.state {
                    let alone =
                        ["dryflash", "check", "--state"].map(Word::plain).into_iter().chain([Word::file(state)]);
                    let alone = am32::Command::new(alone);
                    refused.advice = refused.advice + "; " + alone + " says whether it starts as it is now";
                }
                verdict.findings.push(refused);
                chip.power_off(options.seed);
                return false;
            }
        }
    }
    chip.power_off(options.seed);
    true
}

/// Where to look, and which pins the wire may be on.
fn bench(plan: &Plan, part: &Part, layout: &Layout, options: &Options) -> Bench {
    let marked = plan.pieces.iter().rev().find_map(|p| p.info.bootloader.and_then(|b| b.info).and_then(|i| i.pin));
    Bench {
        limit: options.limit,
        from_app: options.from_app,
        app_limit: options.app_limit,
        whole: options.whole,
        ..Bench::new(part, layout, marked)
    }
}
