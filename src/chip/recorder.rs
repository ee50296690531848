//! What a run did, instruction by instruction: kept while a [`Recorder`] is on a chip.
//!
//! With one the core goes instruction by instruction inside the recorder's window, on any engine, as it does for
//! watchpoints. Without one there is nothing to pay but a look at each run of the core.

mod rounds;

use super::Chip;
use crate::bus::ResetCause;
use crate::cpu::access::{DataAccess, access_register, data_access};
use crate::cpu::decode::is_wide;
use crate::cpu::{FaultKind, Registers, Stop};
use crate::time::Time;
use rounds::Rounds;
use std::collections::VecDeque;
use std::ops::Range;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When it began.
    pub time: Time,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// An instruction.
    Step(Box<Step>),
    /// An exception was taken.
    Entered {
        /// Its number.
        exception: u32,
        /// Where its handler begins.
        handler: u32,
    },
    /// A handler returned, and the core goes on here.
    Returned {
        /// The next instruction.
        pc: u32,
        /// The registers that are not what they were, PC aside, with the values that the frame had.
        changed: Vec<(&'static str, u32)>,
    },
    /// The chip was reset.
    Reset {
        /// Why.
        cause: ResetCause,
        /// The first instruction.
        pc: u32,
    },
    /// The records before this one happened again, alike but for the time.
    Again {
        /// How many records.
        lines: usize,
        /// How often.
        times: u64,
        /// When the last of them began.
        until: Time,
    },
    /// An instruction could not be executed.
    Fault {
        /// Where.
        pc: u32,
        /// Why.
        fault: FaultKind,
    },
}

/// An instruction, with what it changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it stands.
    pub pc: u32,
    /// Its half-words; the second is 0 for a 16-bit encoding.
    pub code: [u16; 2],
    /// It ran to its end; else it faulted, and did nothing.
    pub ran: bool,
    /// LR before it.
    pub lr: u32,
    /// The registers that are not what they were, PC aside, with their new values.
    pub changed: Vec<(&'static str, u32)>,
    /// The data that it accessed.
    pub access: Option<Accessed>,
}

/// Data that an instruction loaded or stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accessed {
    /// Which bytes.
    pub data: DataAccess,
    /// The value, where it is of one register: of `push` and its like the registers tell.
    pub value: Option<u32>,
}

/// Which instructions are kept: all, unless something is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Only {
    /// Those that stand here, or access data here; all where there is no range.
    pub ranges: Vec<Range<u32>>,
    /// Kinds; all where there is none.
    pub kinds: Vec<Kind>,
    /// Each from the first instant to before the second; always where there is none.
    pub times: Vec<Range<Time>>,
}

/// A kind of what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Instructions, whatever they access.
    Code,
    /// Loads.
    Loads,
    /// Stores.
    Stores,
    /// Exceptions taken and returned from, faults, resets.
    Exceptions,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The first so many, rounds of a loop that are alike once; what comes after them is not even looked at.
    First(usize),
    /// The last so many.
    Last(usize),
}

/// Keeps what a chip does.
#[derive(Clone, Debug)]
pub struct Recorder {
    only: Only,
    keep: Keep,
    records: VecDeque<Record>,
    rounds: Rounds,
    cut_off: bool,
}

impl Recorder {
    /// A recorder that has seen nothing.
    pub fn new(only: Only, keep: Keep) -> Recorder {
        Recorder { only, keep, records: VecDeque::new(), rounds: Rounds::default(), cut_off: false }
    }

    /// What was kept, in order, and whether something is left out at the end.
    pub fn into_records(mut self) -> (Vec<Record>, bool) {
        self.rounds.leave(&mut self.records);
        (self.records.into(), self.cut_off)
    }

    fn is_full(&self) -> bool {
        matches!(self.keep, Keep::First(most) if self.records.len() >= most)
    }

    /// Whether what happens at `time` is to be looked at.
    fn looks(&self, time: Time) -> bool {
        (self.only.times.is_empty() || self.only.times.iter().any(|t| t.contains(&time))) && !self.cut_off
    }

    fn push(&mut self, time: Time, what: What) {
        if self.is_full() {
            self.cut_off = true;
            return;
        }
        let record = Record { time, what };
        match self.keep {
            Keep::First(_) => self.rounds.push(&mut self.records, record),
            Keep::Last(most) => {
                self.records.push_back(record);
                if self.records.len() > most {
                    self.records.pop_front();
                }
            }
        }
    }

    fn wants(&self, kind: Kind) -> bool {
        self.only.kinds.is_empty() || self.only.kinds.contains(&kind)
    }

    /// Whether an instruction at `pc` with this access is kept: by its own place as code, by its data's as an access.
    fn keeps(&self, pc: u32, access: Option<DataAccess>) -> bool {
        let ranges = &self.only.ranges;
        let code = ranges.is_empty() || ranges.iter().any(|r| r.contains(&pc));
        let data = |a: DataAccess| ranges.is_empty() || ranges.iter().any(|r| a.first < r.end && a.last >= r.start);
        self.wants(Kind::Code) && code
            || access.is_some_and(|a| self.wants(if a.store { Kind::Stores } else { Kind::Loads }) && data(a))
    }
}

/// The next instruction, before it runs.
pub(super) struct Ahead {
    time: Time,
    code: [u16; 2],
    before: Registers,
    access: Option<DataAccess>,
}

impl Chip {
    /// Puts a recorder on the chip; it stays over resets and power cycles.
    pub fn record(&mut self, recorder: Recorder) {
        self.recorder = Some(Box::new(recorder));
    }

    /// Takes the recorder off.
    pub fn take_recorder(&mut self) -> Option<Recorder> {
        self.recorder.take().map(|r| *r)
    }

    /// Where a recorder looks at the instruction that comes next: what it is.
    pub(super) fn ahead(&self) -> Option<Ahead> {
        let recorder = self.recorder.as_ref()?;
        let time = self.now().time;
        if !recorder.looks(time) {
            return None;
        }
        let before = self.core.registers();
        let first = self.board.code(before.pc)?;
        let second = if is_wide(first) { self.board.code(before.pc.wrapping_add(2)).unwrap_or(0) } else { 0 };
        let access = data_access(first, before.pc, &before);
        Some(Ahead { time, code: [first, second], before, access })
    }

    /// The cycle at which a recorder next begins to look, where it does not now.
    pub(super) fn recorder_opens(&self) -> u64 {
        let Some(recorder) = self.recorder.as_ref().filter(|r| !r.cut_off) else { return u64::MAX };
        let now = self.now().time;
        let next = recorder.only.times.iter().map(|t| t.start).filter(|start| *start > now).min();
        next.map_or(u64::MAX, |start| self.board.hclk.cycle_at(start))
    }

    /// Keeps an instruction that has run, or has faulted.
    pub(super) fn recorded(&mut self, ahead: Ahead, stop: &Stop) {
        let Ahead { time, code, before, access } = ahead;
        let Some(recorder) = self.recorder.as_mut() else { return };
        if matches!(stop, Stop::Inside | Stop::Broken(_)) || !recorder.keeps(before.pc, access) {
            return;
        }
        if recorder.is_full() {
            recorder.cut_off = true;
            return;
        }
        let after = self.core.registers();
        let ran = !matches!(stop, Stop::Fault(_) | Stop::Breakpoint);
        let accessed = access.map(|data| {
            let registers = if data.store { &before } else { &after };
            let bits = 8 * (data.last.wrapping_sub(data.first).wrapping_add(1)).min(4);
            let value = access_register(code[0]).map(|r| registers.r[r] & (u32::MAX >> (32 - bits)));
            Accessed { data, value: value.filter(|_| ran || data.store) }
        });
        let changed = changed(&before, &after);
        let step = Step { pc: before.pc, code, ran, lr: before.lr, changed, access: accessed };
        recorder.push(time, What::Step(Box::new(step)));
    }

    /// Keeps what is no instruction.
    pub(super) fn record_event(&mut self, what: impl FnOnce() -> What) {
        if self.recorder.is_none() {
            return;
        }
        let time = self.now().time;
        if let Some(recorder) = self.recorder.as_mut()
            && recorder.looks(time)
            && recorder.wants(Kind::Exceptions)
        {
            recorder.push(time, what());
        }
    }
}

/// The registers that differ, PC aside.
pub(super) fn changed(before: &Registers, after: &Registers) -> Vec<(&'static str, u32)> {
    const NAMES: [&str; 13] = ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12"];
    let general = NAMES.into_iter().zip(before.r.into_iter().zip(after.r));
    let rest = [
        ("msp", (before.msp, after.msp)),
        ("psp", (before.psp, after.psp)),
        ("lr", (before.lr, after.lr)),
        ("xpsr", (before.xpsr, after.xpsr)),
        ("primask", (before.primask.into(), after.primask.into())),
        ("control", (before.control, after.control)),
    ];
    general.chain(rest).filter(|(_, (a, b))| a != b).map(|(name, (_, b))| (name, b)).collect()
}
