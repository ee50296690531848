//! One case: code, registers and memory before; registers, memory, time and reason after.

use dryflash::cpu::{FaultKind, Registers, Stop};
use std::fmt;

/// The flash at 0, all `bkpt` but for the code.
pub const FLASH_SIZE: u32 = 0x4_0000;
/// Where a case's code stands.
pub const CODE: u32 = 0x400;
pub const SRAM: u32 = 0x2000_0000;
pub const SRAM_SIZE: u32 = 0x4000;
/// The part of SRAM that accesses are steered into: its last KB, so that they can run over its end.
pub const SCRATCH: u32 = SRAM + SRAM_SIZE - 0x400;
/// Registers of a made-up device.
pub const IO: u32 = 0x4000_0000;
pub const IO_SIZE: u32 = 0x1000;
/// Where nobody answers.
pub const NOWHERE: u32 = 0x6000_0000;
/// What fills flash: a case that runs away ends.
pub const BKPT: u16 = 0xBE00;

/// What a subject is to run.
#[derive(Clone, Debug)]
pub struct Case {
    /// For people: `class/class #number`.
    pub name: String,
    pub code: Vec<u16>,
    pub registers: Registers,
    /// What scratch memory holds.
    pub scratch: Vec<u8>,
    /// Wait states: whether branches and literals pay one.
    pub slow: bool,
}

/// An access to the made-up device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    pub address: u32,
    /// The value stored; none for a load.
    pub stored: Option<u32>,
    pub pc: u32,
    pub cycle: u64,
}

/// What came of a case.
#[derive(Clone, PartialEq, Eq)]
pub struct Outcome {
    pub registers: Registers,
    pub sram: Vec<u8>,
    pub seen: Vec<Seen>,
    pub cycle: u64,
    pub end: String,
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at cycle {}, {:x?}, {:x?}", self.end, self.cycle, self.registers, self.seen)
    }
}

/// The reason for a stop, without the words that an engine chooses.
pub fn end(stop: &Stop) -> String {
    match stop {
        Stop::Fault(FaultKind::Fetch { address, .. }) => format!("fetch {address:#x}"),
        Stop::Fault(FaultKind::Read { address, .. }) => format!("read {address:#x}"),
        Stop::Fault(FaultKind::Write { address, .. }) => format!("write {address:#x}"),
        Stop::Fault(kind) => format!("{kind:?}"),
        other => format!("{other:?}"),
    }
}

impl Outcome {
    /// What differs from another outcome, for people; nothing where all agrees.
    pub fn differences(&self, other: &Outcome) -> Vec<String> {
        let mut found = Vec::new();
        let mut compare = |what: &str, a: String, b: String| {
            if a != b {
                found.push(format!("{what}: {a} / {b}"));
            }
        };
        compare("end", self.end.clone(), other.end.clone());
        let (a, b) = (&self.registers, &other.registers);
        for n in 0..13 {
            compare(&format!("r{n}"), format!("{:08x}", a.r[n]), format!("{:08x}", b.r[n]));
        }
        let named = |r: &Registers| {
            [("msp", r.msp), ("psp", r.psp), ("lr", r.lr), ("pc", r.pc), ("xpsr", r.xpsr), ("control", r.control)]
        };
        for ((what, a), (_, b)) in named(a).into_iter().zip(named(b)) {
            compare(what, format!("{a:08x}"), format!("{b:08x}"));
        }
        compare("primask", a.primask.to_string(), b.primask.to_string());
        compare("cycle", self.cycle.to_string(), other.cycle.to_string());
        compare("accesses", format!("{:x?}", self.seen), format!("{:x?}", other.seen));
        if let Some(at) = (0..self.sram.len()).find(|n| self.sram[*n] != other.sram[*n]) {
            compare(&format!("sram+{at:x}"), format!("{:02x}", self.sram[at]), format!("{:02x}", other.sram[at]));
        }
        found
    }
}

/// Something that runs cases.
pub trait Subject {
    /// Its name, for messages.
    fn name(&self) -> String;

    /// Runs the case from its registers to its end.
    fn run(&mut self, case: &Case) -> Outcome;
}
