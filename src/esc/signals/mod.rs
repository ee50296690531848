//! Which signals a bootloader starts on: each signal, at several phases of its frames and errors of its sender's clock,
//! from power-on to the jump, with the samples that the bootloader took of its pin.
//!
//! A [`Subject`] is an ESC as it was flashed; a [`Plan`] makes [`Case`]s of signals; a [`Worker`] runs one case after
//! another, and any number of workers come to the same. [`Matrix::of`] says what the cases come to.

mod app;
mod matrix;
mod why;

pub use app::{AppSide, PROTOCOLS, Protocol};
pub use matrix::{Matrix, Row, Tally};

use super::bench::Bench;
use super::evidence::{BootRun, Ending};
use super::kept::{Kept, KeptError};
use super::power_up::{AfterPowerOn, PowerUp};
use super::reason::Reason;
use super::trace::{Recording, Wish};
use super::verdict::Verdict;
use super::{Options, boot};
use crate::am32::Layout;
use crate::am32::marks::{self, BootVersion};
use crate::chip::samples::{Look, Sampler, Stretch};
use crate::chip::{Chip, RestsOn, SavedChip};
use crate::cpu::hybrid::Engine;
use crate::cpu::unicorn::EngineError;
use crate::flash::{Settings, WriteWithoutPg};
use crate::image::Image;
use crate::time::Time;
use crate::wire::catalogue::{ENTRIES, Entry};
use crate::wire::{ClockError, SignalError, Waveform};

/// A signal that is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its name, or its text.
    pub title: String,
    /// Who sends it, where that is known.
    pub about: Option<&'static str>,
    /// Flight controllers are known to send it, or somebody gave it.
    pub usual: bool,
    /// It was asked for by its name.
    pub asked: bool,
    /// What is on the wire.
    pub wire: Waveform,
}

impl Sent {
    /// One of the catalogue.
    ///
    /// # Errors
    /// None: the catalogue is tested.
    pub fn of(entry: &Entry) -> Result<Sent, SignalError> {
        let wire = entry.text.parse::<Waveform>()?;
        Ok(Sent { title: entry.name.to_owned(), about: Some(entry.about), usual: entry.usual, asked: false, wire })
    }

    /// All of the catalogue.
    ///
    /// # Errors
    /// None: the catalogue is tested.
    pub fn catalogue() -> Result<Vec<Sent>, SignalError> {
        ENTRIES.iter().map(Sent::of).collect()
    }

    /// Whether an ESC has to start on it.
    pub const fn decides(&self) -> bool {
        self.usual || self.asked
    }

    /// One that somebody asks for: it is as good as one that is known to be sent.
    pub fn own(wire: Waveform) -> Sent {
        Sent { title: wire.title(), about: None, usual: true, asked: true, wire }
    }
}

/// Which cases there are.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The signals.
    pub signals: Vec<Sent>,
    /// Phases of a stream's frames, evenly over their period.
    pub phases: u32,
    /// Errors of the sender's clock.
    pub clocks: Vec<ClockError>,
    /// A reset that follows each power-on.
    pub reset: AfterPowerOn,
    /// How long a bootloader is watched from the begin of a signal's last part on.
    pub limit: Time,
}

impl Plan {
    /// The phases unless told otherwise.
    pub const PHASES: u32 = 8;
    /// How long a bootloader is watched unless told otherwise: V17 needs 2.1 s of servo pulses at 50 Hz.
    pub const LIMIT: Time = Time::from_millis(2_500);
    /// The clock errors unless told otherwise: 1 % is what an internal oscillator is off by (DS8668, table 40: HSI).
    pub const CLOCKS: [ClockError; 3] = [ClockError(-10_000), ClockError(0), ClockError(10_000)];

    /// The cases of a signal, in order: one where nothing is repeated.
    pub fn cases_of(&self, signal: usize) -> Vec<Case> {
        let Some(sent) = self.signals.get(signal) else { return Vec::new() };
        if !sent.wire.is_stream() {
            return vec![Case { signal, number: 0, phase: Time::ZERO, clock: ClockError(0) }];
        }
        let period = sent.wire.period().unwrap_or(Time::ZERO);
        let phases = if period == Time::ZERO { 1 } else { self.phases.max(1) };
        // Each clock error has phases of its own between those of the others: a bootloader's look may fall into a hole that
        // is narrower than their distance.
        let (nanos, clocks) = (period.0 / 1_000, self.clocks.len() as u64);
        let steps = (clocks * u64::from(phases)).max(1);
        let case = |number: u32, (n, clock): (u64, &ClockError)| {
            let phase = Time::from_nanos(nanos * (u64::from(number) * clocks + n) / steps);
            Case { signal, number, phase, clock: *clock }
        };
        (0..phases).flat_map(|number| (0u64..).zip(&self.clocks).map(move |clock| case(number, clock))).collect()
    }

    /// All cases, those of each signal together.
    pub fn cases(&self) -> Vec<Case> {
        (0..self.signals.len()).flat_map(|n| self.cases_of(n)).collect()
    }

    /// What is done to the chip in this case, and until when it is watched.
    fn power_up(&self, case: &Case) -> (PowerUp, Time) {
        let wire = self.signals.get(case.signal).map_or_else(Waveform::default, |s| s.wire.clone());
        let last = wire.begins();
        let varied = if wire.is_stream() { wire.varied(case.phase, case.clock) } else { wire };
        (PowerUp { wire: varied, reset: self.reset }, last + self.limit)
    }
}

/// A signal at one phase and one clock error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Case {
    /// Which of the plan's signals.
    #[serde(skip)]
    pub signal: usize,
    /// Which phase, from 0.
    #[serde(rename = "phase")]
    pub number: u32,
    /// Frames come later by this.
    #[serde(rename = "phase_us")]
    pub phase: Time,
    /// The sender's clock.
    #[serde(rename = "clock_ppm", serialize_with = "ppm")]
    pub clock: ClockError,
}

impl Case {
    /// Its name, as `--explain` takes it.
    pub fn name(&self, sent: &Sent) -> String {
        match self.clock {
            ClockError(0) => format!("{}/{}/0", sent.title, self.number),
            clock => format!("{}/{}/{clock}", sent.title, self.number),
        }
    }
}

fn ppm<S: serde::Serializer>(clock: &ClockError, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i32(clock.0)
}

/// What became of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The bootloader jumped into the app.
    Starts,
    /// It waited on when the time was over.
    Stays,
    /// It had not got as far as looking at its pin, or nobody knows what it waits for.
    Undecided,
    /// A fault, a lock-up, resets for ever, a jump to the wrong place.
    Fails,
}

impl Outcome {
    fn of(run: &BootRun) -> Outcome {
        match (&run.ending, &run.reason) {
            (Ending::AppRuns, _) => Outcome::Starts,
            (Ending::Stays, Some(Reason::Undecided)) => Outcome::Undecided,
            (Ending::Stays, _) => Outcome::Stays,
            _ => Outcome::Fails,
        }
    }
}

/// What was seen in a case.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Seen {
    /// Which.
    #[serde(flatten)]
    pub case: Case,
    /// What became of it.
    pub outcome: Outcome,
    /// When: of the jump, or how long it was watched.
    #[serde(rename = "time_us")]
    pub time: Time,
    /// Why, in words.
    pub why: String,
    /// The pin that the bootloader looked at.
    pub pin: Option<String>,
    /// The samples that it took, by pull.
    pub samples: Vec<Stretch>,
    /// What it waited for is the signal's doing, as far as that is seen.
    #[serde(skip)]
    pub by_signal: bool,
    /// Choices of the model that something rested on, where silicon is not known to do the same.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<RestsOn>,
}

/// One case, in time.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The signal.
    pub sent: Sent,
    /// What was seen.
    pub seen: Seen,
    /// The run: what was on the wire, how it ended.
    pub run: BootRun,
    /// Each look at the pin.
    pub looks: Vec<Look>,
    /// There were more of them.
    pub cut_off: bool,
    /// Pins, clock, flash and resets over time.
    pub recording: Recording,
}

/// Looks of one case that are kept one by one: seconds of a bootloader that listens to DShot.
const MOST_LOOKS: usize = 4_000_000;

/// Why there is no subject, or no worker.
#[derive(Debug, thiserror::Error)]
pub enum SubjectError {
    /// The files are for a part that is not modelled, or could not be flashed: the findings say why.
    #[error("the files could not be flashed, so nothing was powered")]
    NotFlashed,
    /// The emulation engine could not be set up.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The ESC does not go into a chip.
    #[error(transparent)]
    Kept(#[from] KeptError),
}

/// What is known of a bootloader's version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// By its marks.
    pub marks: Option<BootVersion>,
    /// As it wrote it into the settings when it was run.
    pub by_running: Option<u8>,
}

impl Version {
    /// Whether it may be this one.
    pub fn allows(self, version: u8) -> bool {
        self.by_running.map_or_else(|| self.marks.is_none_or(|m| m.allows(version)), |own| own == version)
    }
}

impl std::fmt::Display for Version {
    /// `V17`, `V14 or newer`; nothing where nothing is known.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.by_running, self.marks) {
            (Some(version), _) => write!(f, "V{version}"),
            (None, Some(marks)) => write!(f, "{marks}"),
            (None, None) => Ok(()),
        }
    }
}

/// An ESC as it was flashed, without power.
#[derive(Clone, Debug)]
pub struct Subject {
    kept: Kept,
    layout: &'static Layout,
    bench: Bench,
    version: Version,
    seed: u64,
    engine: Engine,
    f0_write_without_pg: WriteWithoutPg,
}

impl Subject {
    /// What a check has flashed: [`super::check()`] hands both out. `held` is what a state held, where nothing was flashed.
    ///
    /// # Errors
    /// Nothing could be flashed.
    pub fn of(verdict: &Verdict, flashed: Option<&Kept>, options: &Options) -> Result<Subject, SubjectError> {
        let kept = flashed.filter(|_| verdict.programmed.len() == verdict.pieces.len()).cloned();
        let kept = kept.ok_or(SubjectError::NotFlashed)?;
        let layout = Layout::of(&kept.part).ok_or(SubjectError::NotFlashed)?;
        let marks = tells(&kept, layout);
        let bench = Bench::new(&kept.part, layout, marks.and_then(|m| m.info?.pin));
        Ok(Subject {
            bench: Bench { app_limit: Time::ZERO, ..bench },
            layout,
            version: Version {
                marks: marks.map(|m| m.version),
                by_running: verdict.pieces.iter().rev().find_map(|p| p.info.seen.bootloader),
            },
            seed: options.seed,
            engine: options.engine,
            f0_write_without_pg: options.f0_write_without_pg,
            kept,
        })
    }

    /// What is known of its bootloader's version.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// A chip of its own, to run cases on.
    ///
    /// # Errors
    /// The engine could not be set up.
    pub fn worker(&self) -> Result<Worker<'_>, SubjectError> {
        let mut chip = Chip::with_engine(&self.kept.part, self.seed, self.engine)?;
        let settings = Settings { f0_write_without_pg: self.f0_write_without_pg, ..chip.board.flash.settings() };
        chip.board.flash.set_settings(settings);
        self.kept.install(&mut chip)?;
        let flashed = chip.save();
        Ok(Worker { subject: self, chip, flashed })
    }

    /// Runs all cases of a plan, one after another.
    ///
    /// # Errors
    /// As [`Subject::worker`].
    pub fn run(&self, plan: &Plan) -> Result<Vec<Seen>, SubjectError> {
        let mut worker = self.worker()?;
        Ok(plan.cases().iter().map(|case| worker.run(plan, case)).collect())
    }
}

/// The marks of the bootloader in flash.
fn tells(kept: &Kept, layout: &Layout) -> Option<marks::BootloaderMarks> {
    let bytes = kept.non_volatile.bytes.get(..layout.bootloader_len() as usize)?;
    let image = Image::parse("flash", bytes, Some(layout.base)).ok()?;
    marks::bootloader(&marks::View::new(&image), layout.base)
}

/// A chip that cases are run on.
pub struct Worker<'a> {
    subject: &'a Subject,
    chip: Chip,
    flashed: SavedChip,
}

impl Worker<'_> {
    /// Runs a case.
    pub fn run(&mut self, plan: &Plan, case: &Case) -> Seen {
        self.look(plan, case, 0).0
    }

    /// Runs a case, and keeps all that there is to see.
    pub fn explain(&mut self, plan: &Plan, case: &Case) -> Option<Explained> {
        let sent = plan.signals.get(case.signal)?.clone();
        let wish = Wish { steps: None, lines: true };
        wish.begin(&mut self.chip, 1).ok()?;
        let (seen, run, (looks, cut_off)) = self.look(plan, case, MOST_LOOKS);
        let recording = wish.end(&mut self.chip)?;
        Some(Explained { sent, seen, run, looks, cut_off, recording })
    }

    fn look(&mut self, plan: &Plan, case: &Case, looks: usize) -> (Seen, BootRun, (Vec<Look>, bool)) {
        let Subject { bench, layout, version, .. } = self.subject;
        let (power_up, limit) = plan.power_up(case);
        let bench = Bench { limit, ..bench.clone() };
        // The same part: it fits.
        let _ = self.chip.restore(&self.flashed);
        self.chip.board.put_sampler(Sampler::new(&bench.pins, looks));
        let run = boot::boot_to_jump(&mut self.chip, &bench, &power_up).explain(layout);
        let sampled = self.chip.board.take_sampler().and_then(Sampler::into_most);
        let pin = sampled.as_ref().map(|s| format!("P{}{}", s.pin.0, s.pin.1));
        let (samples, looks) = sampled.map_or_else(Default::default, |s| (s.stretches, (s.looks, s.cut_off)));
        let outcome = Outcome::of(&run);
        let why = why::of(&run, outcome, *version, &samples);
        let choices = run.choices.clone();
        let by_signal = outcome == Outcome::Stays && why::by_signal(&run);
        (Seen { case: *case, outcome, time: run.time_us, why, pin, samples, by_signal, choices }, run, looks)
    }
}
