//! The last instructions before a fault, and who called: seen by running the same power-up once more.
//!
//! Runs are deterministic, so nothing need be kept while all goes well.

use super::bench::Bench;
use super::boot;
use super::evidence::{BootRun, Ending};
use crate::chip::recorder::{Keep, Kind, Only, What};
use crate::chip::{Chip, Recorder, SavedChip};
use crate::cpu::disassemble::disassemble;
use crate::image::{Symbol, Symbols};
use crate::time::Time;

/// How many instructions are told.
const TOLD: usize = 8;
/// How long before the fault one begins to look.
const BEFORE: Time = Time::from_micros(100);

/// What ran last.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Last {
    /// LR at the end: where the function would return to, unless it has called another since.
    pub lr: u32,
    /// The last instructions in order; the last of them is the one that faulted, where there was one.
    pub instructions: Vec<Ran>,
}

/// An instruction.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Ran {
    /// Where it stands.
    pub pc: u32,
    /// In words.
    pub text: String,
}

impl Last {
    /// The call that LR tells of, where it is another function's than that of the last instruction.
    pub fn caller(&self, symbols: &Symbols) -> Option<Symbol> {
        // LR is after the call, with the Thumb bit.
        let call = symbols.at((self.lr & !1).checked_sub(2)?)?;
        let here = symbols.at(self.instructions.last()?.pc)?;
        (call.compiled() != here.compiled()).then_some(call)
    }
}

/// Whether the power-up ended with a fault.
fn faulted(run: &BootRun) -> bool {
    matches!(run.ending, Ending::BootloaderFault { .. } | Ending::AppFault { .. } | Ending::Lockup { .. })
}

/// Runs a power-up that has faulted once more, from the chip as it was flashed, and says what ran last. The chip comes out
/// as it was.
pub(super) fn look(chip: &mut Chip, flashed: &SavedChip, bench: &Bench, run: &BootRun) -> Option<Last> {
    if !faulted(run) || chip.restore(flashed).is_err() {
        return None;
    }
    let only = Only { kinds: vec![Kind::Code], times: vec![run.time_us.since(BEFORE)..Time::NEVER], ..Only::default() };
    chip.record(Recorder::new(only, Keep::Last(TOLD)));
    boot::boot(chip, bench, &run.power_up);
    let (records, _) = chip.take_recorder()?.into_records();
    let mut last = Last { lr: 0, instructions: Vec::new() };
    for record in records {
        if let What::Step(step) = record.what {
            last.lr = step.lr;
            last.instructions.push(Ran { pc: step.pc, text: disassemble(step.pc, step.code) });
        }
    }
    (!last.instructions.is_empty()).then_some(last)
}
