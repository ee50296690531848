//! What the last `check`, `boot` or `run` came to, for expectations.

use crate::am32::Finding;
use crate::chip::Halt;
use crate::esc::alive::Alive;
use crate::esc::{AppSeen, BootRun, Hopes, Jump, Verdict};
use crate::scenario::expect::{Ends, Why};
use crate::section::{self, Section};

/// What can be said of it. None where the last step of that kind does not tell.
#[derive(Clone, Debug, Default)]
pub struct Last {
    /// Whether the ESC starts.
    pub starts: Option<bool>,
    /// How it ended.
    pub ends: Option<Ends>,
    /// Why the app was not reached; the inner one is none where it was.
    pub why: Option<Option<Why>>,
    /// The jump; the inner one is none where there was none.
    pub jump: Option<Option<Jump>>,
    /// Whether the app goes round its main loop.
    pub main_loop: Option<bool>,
    /// What was seen of the app's side of its signal.
    pub app: Option<AppSeen>,
    /// The pin that was sampled most.
    pub samples: Option<String>,
    /// Findings, errors first.
    pub findings: Vec<Finding>,
    /// What was touched and is not modelled: name, address.
    pub unmodelled: Vec<(String, u32)>,
    /// How it ended, in words.
    pub words: String,
    /// What `check` reports.
    pub report: Vec<Section>,
    /// What the last step said.
    pub said: String,
}

impl Last {
    /// Of a check. The power-up that decides tells.
    pub fn of_check(verdict: &Verdict, report: Vec<Section>) -> Last {
        let decisive =
            crate::esc::verdict::decisive(&verdict.runs.iter().map(|r| r.power_up.clone()).collect::<Vec<_>>());
        let mut last = match verdict.runs.get(decisive) {
            Some(run) => Last::of_run(run),
            None => Last { ends: Some(Ends::NotRun), why: Some(None), jump: Some(None), ..Last::default() },
        };
        let touched = verdict.runs.iter().flat_map(|r| &r.unmodelled);
        last.unmodelled = touched.map(|t| (t.name.clone(), t.address)).collect();
        last.unmodelled.sort();
        last.unmodelled.dedup();
        last.starts = Some(verdict.starts());
        last.findings.clone_from(&verdict.findings);
        last.said = section::join(&report);
        last.report = report;
        last
    }

    /// Of a boot, without its findings.
    pub fn of_run(run: &BootRun) -> Last {
        let ends = Ends::of(&run.ending);
        let why = run.reason.as_ref().map(Why::of);
        let alive = run.app.as_ref().and_then(|a| a.alive.as_ref());
        Last {
            ends,
            why: Some(why),
            jump: Some(run.jump),
            main_loop: alive.map(|a| matches!(a, Alive::Loop(_) | Alive::Works(_))),
            samples: run.sampled.first().map(|s| s.pin.clone()),
            unmodelled: run.unmodelled.iter().map(|t| (t.name.clone(), t.address)).collect(),
            words: run.told(Hopes::default()).line,
            ..Last::default()
        }
    }

    /// Of a run that the scenario steers itself.
    pub fn of_halt(halt: &Halt) -> Last {
        let ends = match halt {
            Halt::Lockup => Some(Ends::Lockup),
            Halt::Asleep => Some(Ends::Asleep),
            Halt::SystemMemory => Some(Ends::SystemMemory),
            _ => None,
        };
        Last { ends, words: format!("it ran on ({halt:?})"), ..Last::default() }
    }
}
