//! What happened on a chip, in order.

use crate::bus::{Note, ResetCause};
use crate::cpu::FaultKind;
use crate::cpu::block::FetchCost;
use crate::time::Time;
use std::collections::HashSet;

/// The log keeps the first events; a chip that resets for ever must not fill memory.
const MOST: usize = 10_000;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Event {
    /// Virtual time since power-on.
    #[serde(rename = "time_us")]
    pub time: Time,
    /// The instruction that caused it, or was about to run.
    pub pc: u32,
    /// What it was.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum EventKind {
    /// A reset, and the core started anew.
    Reset {
        /// Its cause.
        cause: ResetCause,
    },
    /// HCLK changed.
    Clock {
        /// To this frequency.
        hz: u64,
    },
    /// An instruction could not be executed.
    Fault {
        /// Why.
        fault: FaultKind,
    },
    /// A fault inside HardFault or NMI, or while entering it: the core stands still.
    Lockup,
    /// The core slept with nothing to wake it.
    Asleep,
    /// Something worth telling was touched: once for each address.
    Note {
        /// The model does what the chip does; else it lacks what was touched.
        as_on_the_chip: bool,
        /// The address.
        address: u32,
        /// What it was, and what the model did.
        text: String,
    },
}

/// Something happened as the model chooses: silicon is not known to do the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct RestsOn {
    /// The rule, as `dryflash parts --unknowns` lists it.
    pub rule: &'static str,
    /// The register or memory word that was touched.
    pub address: u32,
    /// The instruction, or where the core stood where a probe did it.
    pub pc: u32,
    /// What the model did.
    pub text: String,
}

/// The events so far.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// In order of time.
    pub events: Vec<Event>,
    told: HashSet<(u32, bool)>,
    /// The choices of the model that something rested on, each once, with the first time that it did; kept even where
    /// the log is full.
    pub choices: Vec<RestsOn>,
    /// The last known cost of fetches: a change is looked into once.
    pub cost: FetchCost,
    /// Where the core was when the chip last reset itself: the next instruction.
    pub reset_from: Option<u32>,
    /// The exception that was active there; 0 for none.
    pub reset_in: u32,
    /// PC and cause of the last fault, kept even where the log is full.
    latest_fault: Option<(u32, FaultKind)>,
}

impl Log {
    /// Adds an event.
    pub fn push(&mut self, time: Time, pc: u32, kind: EventKind) {
        if let EventKind::Fault { fault } = kind {
            self.latest_fault = Some((pc, fault));
        }
        if self.events.len() < MOST {
            self.events.push(Event { time, pc, kind });
        }
    }

    /// Adds a note unless its address has one.
    pub fn note(&mut self, time: Time, pc: u32, note: Note) {
        let Note { as_on_the_chip, address, text, choice } = note;
        if let Some(rule) = choice
            && self.choices.iter().all(|c| c.rule != rule)
        {
            self.choices.push(RestsOn { rule, address, pc, text: text.clone() });
        }
        if self.told.insert((address, as_on_the_chip)) {
            self.push(time, pc, EventKind::Note { as_on_the_chip, address, text });
        }
    }

    /// PC and cause of the first fault since the last reset: what led to all that followed.
    pub fn first_fault(&self) -> Option<(u32, FaultKind)> {
        let reset = self.events.iter().rposition(|e| matches!(e.kind, EventKind::Reset { .. })).unwrap_or(0);
        self.events[reset..].iter().find_map(|e| match e.kind {
            EventKind::Fault { fault } => Some((e.pc, fault)),
            _ => None,
        })
    }

    /// PC and cause of the last fault.
    pub const fn last_fault(&self) -> Option<(u32, FaultKind)> {
        self.latest_fault
    }

    /// The notes: whether the chip does the same, address, PC, text.
    pub fn notes(&self) -> impl Iterator<Item = (bool, u32, u32, &str)> {
        self.events.iter().filter_map(|e| match &e.kind {
            EventKind::Note { as_on_the_chip, address, text } => Some((*as_on_the_chip, *address, e.pc, text.as_str())),
            _ => None,
        })
    }
}
