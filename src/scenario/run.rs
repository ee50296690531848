//! A case while it runs: the chip and what is known of it, for the steps.

mod actions;
mod app;
mod judge;
mod last;
mod probe;
mod story;

pub(super) use actions::{at, join, real};
pub(super) use app::told;
pub use last::Last;

use super::error::{ScenarioError, Source};
use super::files::Cache;
use super::outcome::Kind;
use super::setup::Setup;
use super::state::Owners;
use crate::am32::{Finding, Layout, Pin};
use crate::chip::Chip;
use crate::cpu::hybrid::Engine;
use crate::esc::Verdict;
use crate::files::Scratch;
use crate::flash::WriteWithoutPg;
use crate::image::Image;
use crate::section::Section;
use crate::time::Time;
use crate::wire::Waveform;
use std::ops::Range;
use std::sync::Arc;
use story::Story;

/// What holds for every case of a run.
#[derive(Debug)]
pub struct Settings {
    /// Decides what SRAM holds at power-on.
    pub seed: u64,
    /// What `dryflash check` prints for a verdict, section by section, without colour; the last one concludes.
    pub report: fn(&Verdict) -> Vec<Section>,
    /// Files that were read.
    pub cache: Cache,
    /// The engine that executes the code. All give the same report.
    pub engine: Engine,
    /// What a store to flash with PG = 0 does on an F0, which is not known (F45).
    pub f0_write_without_pg: WriteWithoutPg,
}

/// Why a step failed.
pub(super) struct Trouble {
    pub kind: Kind,
    pub span: Range<usize>,
    /// The expectation, `key = value`; where empty, the line's text says it.
    pub wanted: String,
    pub seen: String,
}

impl Trouble {
    pub fn step(span: &Range<usize>, seen: impl Into<String>) -> Trouble {
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

/// All that made a step fail: an expectation tells every difference.
pub(super) struct Troubles(pub Vec<Trouble>);

impl<T: Into<Trouble>> From<T> for Troubles {
    fn from(trouble: T) -> Troubles {
        Troubles(vec![trouble.into()])
    }
}

/// A case while it runs.
pub(super) struct Session<'a> {
    pub source: &'a Arc<Source>,
    pub setup: &'a Setup,
    pub settings: &'a Settings,
    /// None while a probe has it.
    pub chip: Option<Chip>,
    pub layout: Option<&'static Layout>,
    /// What a programmed bootloader's marks say.
    marked: Option<Pin>,
    pub wire: Waveform,
    /// Findings about files that were programmed.
    pub about_files: Vec<Finding>,
    /// The ELFs among the files that were programmed: they may tell names of places.
    pub elfs: Vec<Image>,
    pub last: Last,
    /// What runs have shown of the app since the last reset.
    app: Option<app::Known>,
    /// Virtual time that chips ran.
    pub spent: Time,
    pub owners: Owners,
    pub story: Story,
    /// What the snapshot holds so far.
    pub shown: String,
    /// Files that st-flash reads into.
    pub scratch: Option<Scratch>,
}

impl<'a> Session<'a> {
    /// At the first step, with a blank chip, where the case has one.
    pub fn new(setup: &'a Setup, settings: &'a Settings, chip: Option<Chip>) -> Self {
        let layout = setup.part.as_ref().and_then(|p| Layout::of(p));
        Session {
            source: &setup.source,
            setup,
            settings,
            chip,
            layout,
            marked: None,
            wire: Waveform::default(),
            about_files: Vec::new(),
            elfs: Vec::new(),
            last: Last::default(),
            app: None,
            spent: Time::ZERO,
            owners: Owners::new(),
            story: Story::default(),
            shown: String::new(),
            scratch: None,
        }
    }

    /// The chip; a scenario with such a step has a part, or is refused before.
    pub fn chip(&mut self, span: &Range<usize>) -> Result<&mut Chip, Trouble> {
        match &mut self.chip {
            Some(chip) => Ok(chip),
            None => Err(Trouble::step(span, "the scenario names no part")),
        }
    }

    /// Tells what the chip has logged meanwhile.
    pub fn take_events(&mut self) {
        if let Some(chip) = &self.chip {
            self.story.take(chip);
        }
    }
}
