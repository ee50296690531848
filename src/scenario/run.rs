//! One case, carried out on a chip.

mod actions;
mod judge;
mod last;
mod probe;
mod runs;
mod story;

pub use last::Last;
pub use probe::{files_of, flat, st_flash_line};

use super::error::{ScenarioError, Source};
use super::files::Cache;
use super::load::{Built, Case};
use super::outcome::{CaseOutcome, Failure, Found, Kind, Status};
use super::state::{self, Owners};
use super::steps::{Shown, Step};
use super::timeline::Timeline;
use crate::am32::{Finding, Layout, Pin};
use crate::chip::{Chip, SavedChip};
use crate::cpu::hybrid::Engine;
use crate::cpu::unicorn::EngineError;
use crate::esc::Verdict;
use crate::files::Scratch;
use crate::flash::{self, WriteWithoutPg};
use crate::part::Part;
use crate::time::Time;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use story::Story;

/// What holds for every case of a run.
#[derive(Debug)]
pub struct Settings {
    /// Decides what SRAM holds at power-on.
    pub seed: u64,
    /// What `dryflash check` prints for a verdict, without colour.
    pub report: fn(&Verdict) -> String,
    /// Files that were read.
    pub cache: Cache,
    /// The engine that executes the code. All give the same report.
    pub engine: Engine,
    /// What a store to flash with PG = 0 does on an F0, which is not known (F45).
    pub f0_write_without_pg: WriteWithoutPg,
}

/// Why a step failed.
pub(super) struct Trouble {
    kind: Kind,
    span: Range<usize>,
    /// The expectation, `key = value`; where empty, the line's text says it.
    wanted: String,
    seen: String,
}

impl Trouble {
    fn step(span: &Range<usize>, seen: impl Into<String>) -> Trouble {
        Trouble { kind: Kind::Step, span: span.clone(), wanted: String::new(), seen: seen.into() }
    }
}

impl From<ScenarioError> for Trouble {
    fn from(error: ScenarioError) -> Trouble {
        match error {
            ScenarioError::Flaw { span, message, hint, .. } => {
                let seen = if hint.is_empty() { message } else { format!("{message}; {hint}") };
                Trouble { kind: Kind::Step, span, wanted: String::new(), seen }
            }
            other => Trouble { kind: Kind::Step, span: 0..0, wanted: String::new(), seen: other.to_string() },
        }
    }
}

/// Chips that are used again and again: one a part, and its blank state.
#[derive(Default)]
pub struct Worker {
    chips: HashMap<String, Chip>,
    blank: HashMap<String, SavedChip>,
}

/// What came of a case: the outcome without the verdict on its snapshot, and the snapshot's content where it takes
/// one.
#[derive(Debug)]
pub struct Ran {
    /// The outcome so far.
    pub outcome: CaseOutcome,
    /// What the snapshot would hold.
    pub shown: Option<String>,
    /// The line of the first `snapshot` step.
    pub line: usize,
    /// Its text.
    pub text: String,
}

impl Ran {
    fn without(outcome: CaseOutcome) -> Ran {
        Ran { outcome, shown: None, line: 0, text: String::new() }
    }
}

impl Worker {
    /// A worker without chips.
    pub fn new() -> Worker {
        Worker::default()
    }

    /// The chip of this part, blank and without power. It is given back to [`Worker::chips`] at the end of a case.
    fn chip(&mut self, part: &Arc<Part>, settings: &Settings) -> Result<Chip, EngineError> {
        if let (Some(mut chip), Some(blank)) = (self.chips.remove(&part.name), self.blank.get(&part.name)) {
            chip.set_debug(crate::chip::Debug::default());
            chip.set_boot0(false);
            chip.stop_inside(&[]);
            chip.watch(&[]);
            if chip.restore(blank).is_ok() {
                return Ok(chip);
            }
        }
        let mut chip = Chip::with_engine(part, settings.seed, settings.engine)?;
        let flash = &mut chip.board.flash;
        flash.set_settings(flash::Settings { f0_write_without_pg: settings.f0_write_without_pg, ..flash.settings() });
        self.blank.insert(part.name.clone(), chip.save());
        Ok(chip)
    }

    /// Runs a case.
    pub fn run(&mut self, case: &Case, settings: &Settings) -> Ran {
        let source = &case.source;
        let mut outcome = CaseOutcome::begun(&case.id, &source.name);
        let built = match case.build() {
            Ok(built) => built,
            // It was built before, so a file has changed meanwhile.
            Err(error) => {
                outcome.status = Status::Failed;
                outcome.failures.push(failure(source, error.into()));
                return Ran::without(outcome);
            }
        };
        outcome.about.clone_from(&built.scenario.about);
        outcome.part = built.part.as_ref().map(|p| p.nick().to_owned());
        let chip = match &built.part {
            Some(part) => match self.chip(part, settings) {
                Ok(chip) => Some(chip),
                Err(error) => {
                    outcome.status = Status::Broken;
                    let (wanted, seen) = (String::new(), error.to_string());
                    let trouble = Trouble { kind: Kind::Broken, span: 0..0, wanted, seen };
                    outcome.failures.push(failure(source, trouble));
                    return Ran::without(outcome);
                }
            },
            None => None,
        };
        let mut session = Session::new(source, &built, settings, chip);
        let troubles = session.all();
        outcome.time_us = session.spent.as_micros();
        outcome.findings = session.last.findings.iter().map(found).collect();
        if !troubles.is_empty() {
            outcome.status = Status::Failed;
            outcome.events = session.story.lines();
        }
        outcome.failures = troubles.into_iter().map(|t| failure(source, t)).collect();
        let (events, shown) = (session.story.lines(), session.shown);
        if let Some(chip) = session.chip {
            self.chips.insert(chip.part().name.clone(), chip);
        }
        let taken = built.scenario.step.iter().find(|s| matches!(s.value, Step::Snapshot(_)));
        let Some(taken) = taken.filter(|_| outcome.status == Status::Passed) else { return Ran::without(outcome) };
        let line = source.position(taken.span.start).0;
        let text = source.text.lines().nth(line - 1).unwrap_or_default().trim().to_owned();
        // Where it differs, what led to it is worth as much as for any other failure.
        outcome.events = events;
        Ran { outcome, shown: Some(format!("{}\n{shown}", built.scenario.about)), line, text }
    }
}

fn found(finding: &Finding) -> Found {
    Found { id: finding.id.to_string(), severity: finding.severity.to_string(), message: finding.message.clone() }
}

fn failure(source: &Source, trouble: Trouble) -> Failure {
    let (line, column) = source.position(trouble.span.start);
    let text = || source.text.lines().nth(line - 1).unwrap_or_default().trim().to_owned();
    let expected = if trouble.wanted.is_empty() { text() } else { trouble.wanted };
    Failure { kind: trouble.kind, line, column, expected, seen: trouble.seen }
}

/// A case while it runs.
pub(super) struct Session<'a> {
    source: &'a Arc<Source>,
    built: &'a Built,
    settings: &'a Settings,
    /// None while a probe has it.
    chip: Option<Chip>,
    layout: Option<&'static Layout>,
    /// What a programmed bootloader's marks say.
    marked: Option<Pin>,
    wire: Timeline,
    /// Findings about files that were programmed.
    about_files: Vec<Finding>,
    last: Last,
    /// Virtual time that chips ran.
    spent: Time,
    owners: Owners,
    story: Story,
    shown: String,
    /// Files that st-flash reads into.
    scratch: Option<Scratch>,
}

impl<'a> Session<'a> {
    fn new(source: &'a Arc<Source>, built: &'a Built, settings: &'a Settings, chip: Option<Chip>) -> Self {
        let layout = built.part.as_ref().and_then(|p| Layout::of(p));
        Session {
            source,
            built,
            settings,
            chip,
            layout,
            marked: None,
            wire: Timeline { start: crate::esc::Wire::Low, changes: Vec::new() },
            about_files: Vec::new(),
            last: Last::default(),
            spent: Time::ZERO,
            owners: Owners::new(),
            story: Story::default(),
            shown: String::new(),
            scratch: None,
        }
    }

    /// The steps in order, up to the first that fails.
    fn all(&mut self) -> Vec<Trouble> {
        if let Some(factory) = &self.built.scenario.factory
            && let Err(trouble) = self.factory(factory)
        {
            return vec![trouble];
        }
        for (n, step) in self.built.scenario.step.iter().enumerate() {
            self.story.step(n + 1, step.value.key());
            let span = &step.span;
            let result = match &step.value {
                Step::Check(check) => self.check(&check.0, span),
                Step::Program(program) => self.program(&program.0, span),
                Step::Erase(erase) => self.erase(&erase.0, span),
                Step::StFlash(line) => self.st_flash(&line.0, span),
                Step::Replay(replay) => self.replay(&replay.0, span),
                Step::Options(options) => self.options(options, span),
                Step::Power(power) => self.power(*power, span),
                Step::Reset(reset) => self.reset(*reset, span),
                Step::Wire(wire) => self.set_wire(&wire.0, span),
                Step::Boot(boot) => self.boot(&boot.0, span),
                Step::Run(run) => self.run_on(&run.0, span),
                Step::Expect(expect) => {
                    let troubles = self.judge(expect, span);
                    if !troubles.is_empty() {
                        return troubles;
                    }
                    Ok(())
                }
                Step::Snapshot(parts) => {
                    self.show(parts);
                    Ok(())
                }
            };
            self.take_events();
            if let Err(trouble) = result {
                return vec![trouble];
            }
        }
        Vec::new()
    }

    /// The chip; a scenario with such a step has a part, or is refused before.
    fn chip(&mut self, span: &Range<usize>) -> Result<&mut Chip, Trouble> {
        match &mut self.chip {
            Some(chip) => Ok(chip),
            None => Err(Trouble::step(span, "the scenario names no part")),
        }
    }

    fn take_events(&mut self) {
        if let Some(chip) = &self.chip {
            self.story.take(chip);
        }
    }

    fn show(&mut self, parts: &[Shown]) {
        let mut sections: Vec<String> = Vec::new();
        let mut headings: Vec<&str> = Vec::new();
        for part in parts {
            match part {
                Shown::Flash => sections.extend(self.chip.as_ref().map(|chip| state::text(chip, &self.owners))),
                Shown::Events => sections.push(format!("events\n{}\n", self.story.lines().join("\n"))),
                Shown::Report => sections.push(self.last.report.clone()),
                Shown::Files => headings.push("files"),
                Shown::PowerUps => headings.push("power-ups"),
                Shown::Findings if self.last.report.is_empty() => {
                    let lines: Vec<String> = self.last.findings.iter().map(|f| format!("  {f}\n")).collect();
                    sections.push(format!("findings\n{}", lines.concat()));
                }
                Shown::Findings => headings.push("findings"),
            }
        }
        if !headings.is_empty() {
            sections.push(kept(&self.last.report, &headings));
        }
        for section in sections {
            self.shown.push('\n');
            self.shown.push_str(section.trim_end());
            self.shown.push('\n');
        }
    }
}

/// The sections of a report with these headings, and the conclusion, which comes last.
fn kept(report: &str, headings: &[&str]) -> String {
    let sections: Vec<&str> = report.trim_end().split("\n\n").collect();
    let wanted = |n: usize, section: &str| {
        let heading = section.lines().next().unwrap_or_default();
        n + 1 == sections.len() || headings.contains(&heading)
    };
    let kept = sections.iter().enumerate().filter(|(n, section)| wanted(*n, section)).map(|(_, section)| *section);
    kept.collect::<Vec<_>>().join("\n\n")
}
