//! What the last `check`, `boot` or `run` came to, for expectations.

use crate::am32::Finding;
use crate::chip::Halt;
use crate::esc::Reason;
use crate::esc::alive::Alive;
use crate::esc::{BootRun, Ending, Jump, Verdict};
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
            Some(run) => Last::of_run(run, run.reason.as_ref()),
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
    pub fn of_run(run: &BootRun, reason: Option<&Reason>) -> Last {
        let ends = match &run.ending {
            Ending::AppRuns => Some(Ends::AppRuns),
            Ending::Stays => Some(Ends::Stays),
            Ending::Stray { .. } => Some(Ends::Stray),
            Ending::BootloaderFault { .. } => Some(Ends::BootloaderFault),
            Ending::AppFault { .. } => Some(Ends::AppFault),
            Ending::Lockup { .. } => Some(Ends::Lockup),
            Ending::AppReset { .. } => Some(Ends::AppReset),
            Ending::Resets { .. } => Some(Ends::Resets),
            Ending::Asleep { .. } => Some(Ends::Asleep),
            Ending::SystemMemory => Some(Ends::SystemMemory),
            Ending::AppHangs { .. } => Some(Ends::AppHangs),
            Ending::AppUndecided { .. } => Some(Ends::AppUndecided),
            Ending::Broken { .. } => None,
        };
        let why = reason.map(|reason| match reason {
            Reason::BootByte { .. } => Why::BootByte,
            Reason::HeaderSp { .. } => Why::HeaderSp,
            Reason::HeaderPc { .. } => Why::HeaderPc,
            Reason::Signal => Why::Signal,
            Reason::SoftwareReset => Why::SoftwareReset,
            Reason::Hung { .. } => Why::Hung,
            Reason::Spins { .. } => Why::Spins,
            Reason::Undecided => Why::Undecided,
            Reason::Fault => Why::Fault,
            Reason::Other => Why::Other,
        });
        let alive = run.app.as_ref().and_then(|a| a.alive.as_ref());
        Last {
            ends,
            why: Some(why),
            jump: Some(run.jump),
            main_loop: alive.map(|a| matches!(a, Alive::Loop(_) | Alive::Works(_))),
            samples: run.sampled.first().map(|s| s.pin.clone()),
            unmodelled: run.unmodelled.iter().map(|t| (t.name.clone(), t.address)).collect(),
            words: words(run, reason),
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

/// How a boot ended, in a line.
fn words(run: &BootRun, reason: Option<&Reason>) -> String {
    let polls = run.polled.first().map_or_else(String::new, |p| format!(", polling {} at PC 0x{:08X}", p.name, p.pc));
    let read = |what: &str, load: &crate::esc::evidence::Load| {
        format!("{what} {:02X} was read at 0x{:08X}, PC 0x{:08X}, {}", load.value, load.address, load.pc, load.time_us)
    };
    let why = match reason {
        None => String::new(),
        Some(Reason::BootByte { read: load }) => read(": boot byte", load),
        Some(Reason::HeaderSp { read: load }) => read(": the app's stack pointer", load),
        Some(Reason::HeaderPc { read: load }) => read(": the app's reset vector", load),
        Some(Reason::Signal) => format!(": the signal wire was {}", run.power_up.last_level()),
        Some(Reason::SoftwareReset) => ": a software reset came before".to_owned(),
        Some(Reason::Hung { register, .. }) => format!(": it waits for {register}"),
        Some(Reason::Spins { pc }) => format!(": it loops at PC 0x{pc:08X}"),
        Some(Reason::Undecided) => ": undecided".to_owned(),
        Some(Reason::Fault | Reason::Other) => String::new(),
    };
    let end = match &run.ending {
        Ending::AppRuns => match &run.jump {
            Some(jump) => format!("jumped to 0x{:08X} after {}, and the app runs", jump.address, jump.time_us),
            None => "the app runs".to_owned(),
        },
        Ending::Stays => format!("stays in the bootloader, watched for {}", run.time_us),
        Ending::Stray { pc, .. } => format!("ran astray at 0x{pc:08X}"),
        Ending::BootloaderFault { fault, pc } => format!("HardFault in the bootloader at PC 0x{pc:08X}: {fault}"),
        Ending::AppFault { fault, pc } => format!("HardFault in the app at PC 0x{pc:08X}: {fault}"),
        Ending::AppHangs { pc } => format!("the app hangs at PC 0x{pc:08X}"),
        Ending::AppUndecided { pc } => format!("the app is undecided at PC 0x{pc:08X}"),
        Ending::Lockup { pc, .. } => format!("locked up at PC 0x{pc:08X}"),
        Ending::AppReset { cause, pc } => format!("the app reset the chip at PC 0x{pc:08X}: {cause}"),
        Ending::Resets { cause } => format!("resets again and again: {cause}"),
        Ending::Asleep { pc } => format!("sleeps for ever at PC 0x{pc:08X}"),
        Ending::SystemMemory => "runs ST's boot loader in system memory".to_owned(),
        Ending::Broken { message } => format!("dryflash failed: {message}"),
    };
    format!("{end}{why}{polls}")
}
