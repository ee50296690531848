//! One case, carried out on a chip, step by step.

use super::error::Source;
use super::format::Scenario;
use super::load::Case;
use super::outcome::{CaseOutcome, Failure, Found, Kind, Status};
use super::run::{Session, Settings, Trouble};
use crate::am32::Finding;
use crate::chip::{Chip, SavedChip};
use crate::cpu::unicorn::EngineError;
use crate::flash;
use crate::part::Part;
use std::collections::HashMap;
use std::sync::Arc;

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
        outcome.part = built.setup.part.as_ref().map(|p| p.nick().to_owned());
        let chip = match &built.setup.part {
            Some(part) => match self.chip(part, settings) {
                Ok(chip) => Some(chip),
                Err(error) => {
                    outcome.status = Status::Broken;
                    let seen = error.to_string();
                    let trouble = Trouble { kind: Kind::Broken, span: 0..0, wanted: String::new(), seen };
                    outcome.failures.push(failure(source, trouble));
                    return Ran::without(outcome);
                }
            },
            None => None,
        };
        let mut session = Session::new(&built.setup, settings, chip);
        let troubles = go(&mut session, &built.scenario);
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
        let taken = built.scenario.step.iter().find(|s| s.value.step().is_shown());
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

/// The steps in order, up to the first that fails.
fn go(session: &mut Session<'_>, scenario: &Scenario) -> Vec<Trouble> {
    if let Some(factory) = &scenario.factory
        && let Err(trouble) = session.factory(factory)
    {
        return vec![trouble];
    }
    for (n, step) in scenario.step.iter().enumerate() {
        session.story.step(n + 1, step.value.key());
        let result = step.value.step().run(session, &step.span);
        session.take_events();
        if let Err(troubles) = result {
            return troubles.0;
        }
    }
    Vec::new()
}
