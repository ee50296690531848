//! The core: executes Thumb code against a [`Bus`] and says why it stopped.
//!
//! [`Core`] is small on purpose: its whole state is [`Registers`] and a cycle count, so that one engine can hand
//! over to another at any instruction boundary. [`unicorn::UnicornCore`] is the engine of record. Exceptions,
//! interrupts and resets are the chip's work.

pub mod access;
pub mod block;
pub mod debug;
pub mod decode;
pub mod disassemble;
pub mod hybrid;
pub mod interpreter;
#[cfg(all(test, feature = "unicorn"))]
mod tests;
#[cfg_attr(not(feature = "unicorn"), path = "no_unicorn.rs")]
pub mod unicorn;

use crate::bus::{BusFault, Width};
use crate::periph::Forecast;
use std::fmt;
use std::ops::Range;

/// The architectural registers of an ARMv6-M core (DDI0419 B1.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// R0 to R12.
    pub r: [u32; 13],
    /// Main stack pointer.
    pub msp: u32,
    /// Process stack pointer.
    pub psp: u32,
    /// Link register.
    pub lr: u32,
    /// Address of the next instruction; bit 0 clear.
    pub pc: u32,
    /// Flags in 31:28, T in 24, exception number in 8:0 (5:0 on ARMv6-M).
    pub xpsr: u32,
    /// PRIMASK: no exception of configurable priority is taken.
    pub primask: bool,
    /// CONTROL: SPSEL in bit 1. nPRIV stays 0: the M0 has none, and that of the M0+ is not modelled.
    pub control: u32,
}

impl Registers {
    /// The number of the active exception; 0 in Thread mode.
    pub const fn exception(&self) -> u32 {
        self.xpsr & EXCEPTION
    }

    /// The stack pointer in use.
    pub const fn sp(&self) -> u32 {
        if self.uses_psp() { self.psp } else { self.msp }
    }

    /// Whether the process stack is in use.
    pub const fn uses_psp(&self) -> bool {
        self.control & 2 != 0 && self.exception() == 0
    }

    /// Whether the T bit is set; executing with T clear is a HardFault.
    pub const fn thumb(&self) -> bool {
        self.xpsr & T != 0
    }
}

/// EPSR.T in xPSR.
pub const T: u32 = 1 << 24;
/// xPSR's exception number; its upper three bits stay 0 on ARMv6-M (DDI0419 B1.4.2, DDI0403 B1.4.2).
pub const EXCEPTION: u32 = 0x1FF;

/// What the bus answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The value read, in its low bits.
    pub value: u32,
    /// Cycles that the master waits beyond the instruction's own.
    pub wait: u64,
    /// The engine must stop after this instruction and let the chip act.
    pub attention: bool,
    /// Something is due at this cycle, before the limit that the engine was given.
    pub due: Option<u64>,
    /// Wait states or the map changed: ask [`Bus::map`] and [`Bus::fetch_cost`] again now.
    pub remap: bool,
    /// Memory bytes that changed behind the engine's back: translated code there is stale.
    pub changed: Option<Range<u32>>,
}

/// A stretch of plain memory that an engine reads, writes and executes without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain {
    /// Where it stands.
    pub address: u32,
    /// Length in bytes, a multiple of 4 KB.
    pub size: u32,
    /// The host's memory, valid as long as the bus lives.
    pub pointer: *mut u8,
    /// Stores go to the memory; else to [`Bus::write`].
    pub writable: bool,
    /// Loads are checked by [`Bus::guard`] first.
    pub guarded: bool,
    /// It is flash, with wait states.
    pub flash: bool,
}

/// One load of a poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// The register.
    pub address: u32,
    /// The load's width.
    pub width: Width,
    /// The instruction.
    pub pc: u32,
    /// When, in the round that was seen.
    pub cycle: u64,
}

/// What stands around the core. What [`Bus::map`] hands out has to stay where it is for as long as a core runs on
/// it. `cycle` is the instant of the access, in cycles since power-on.
pub trait Bus {
    /// A load outside plain memory.
    ///
    /// # Errors
    /// A bus fault becomes a HardFault with the PC on the load.
    fn read(&mut self, address: u32, width: Width, pc: u32, cycle: u64) -> Result<Reply, BusFault>;

    /// A store outside writable plain memory.
    ///
    /// # Errors
    /// As for [`Bus::read`].
    fn write(&mut self, address: u32, width: Width, value: u32, pc: u32, cycle: u64) -> Result<Reply, BusFault>;

    /// A load from guarded plain memory is about to happen.
    ///
    /// # Errors
    /// A bus fault refuses it.
    fn guard(&mut self, address: u32, width: Width, pc: u32, cycle: u64) -> Result<Reply, BusFault>;

    /// A load inside a watched range, with the value that it will see.
    fn watched(&mut self, address: u32, width: Width, value: u32, pc: u32, cycle: u64);

    /// What later loads of a register would give, were nothing written; due times in cycles. Asked right after a load
    /// of it at `cycle`.
    fn forecast(&self, _address: u32, _width: Width, _cycle: u64) -> Forecast {
        Forecast::Unknown
    }

    /// These loads, one round of a poll, would have been made `times` times more, `period` cycles apart, with nothing
    /// changed: for what counts loads.
    fn repeated(&mut self, _round: &[Poll], _times: u64, _period: u64) {}

    /// The plain memory as it stands now: flash, its alias, SRAM.
    fn map(&self) -> Vec<Plain>;

    /// What fetches from flash cost now.
    fn fetch_cost(&self) -> block::FetchCost;
}

/// The smallest range that holds both.
fn join(before: Option<Range<u32>>, more: &Range<u32>) -> Range<u32> {
    before.map_or_else(|| more.clone(), |r| r.start.min(more.start)..r.end.max(more.end))
}

/// Why an instruction could not be executed. Each becomes a HardFault (ARMv6-M has no other).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum FaultKind {
    /// The encoding is not an ARMv6-M instruction.
    Undefined {
        /// Its half-words; the second is 0 for a 16-bit encoding.
        encoding: [u16; 2],
    },
    /// A load or store at an address that is not a multiple of its width.
    Unaligned,
    /// The bus refused a load.
    Read {
        /// The address.
        address: u32,
        /// The bus's reason.
        reason: &'static str,
    },
    /// The bus refused a store.
    Write {
        /// The address.
        address: u32,
        /// The bus's reason.
        reason: &'static str,
    },
    /// Instruction fetch where nothing can be executed.
    Fetch {
        /// The address.
        address: u32,
        /// Why.
        reason: &'static str,
    },
    /// Execution with the T bit clear: a branch to an even address.
    NotThumb,
    /// `svc` where SVCall cannot be taken.
    Svc,
    /// `bkpt` with no debugger to halt for.
    Breakpoint,
    /// A value that is no EXC_RETURN was used to return from an exception.
    BadReturn {
        /// The value.
        value: u32,
    },
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // UDF is one whose meaning is to be none (DDI0419 A6.7.86).
            FaultKind::Undefined { encoding: [first, 0] } if first >> 8 == 0xDE => {
                write!(f, "{first:04x} is UDF, which always faults")
            }
            FaultKind::Undefined { encoding: [first, 0] } => write!(f, "{first:04x} is no ARMv6-M instruction"),
            FaultKind::Undefined { encoding: [first, second] } => {
                write!(f, "{first:04x} {second:04x} is no ARMv6-M instruction")
            }
            FaultKind::Unaligned => f.write_str("unaligned access"),
            FaultKind::Read { address, reason } => write!(f, "read of 0x{address:08X}: {reason}"),
            FaultKind::Write { address, reason } => write!(f, "write to 0x{address:08X}: {reason}"),
            FaultKind::Fetch { address, reason } => write!(f, "instruction fetch at 0x{address:08X}: {reason}"),
            FaultKind::NotThumb => f.write_str("branch to an even address (no Thumb bit)"),
            FaultKind::Svc => f.write_str("svc where SVCall cannot be taken"),
            FaultKind::Breakpoint => f.write_str("bkpt with no debugger"),
            FaultKind::BadReturn { value } => write!(f, "0x{value:08X} is no exception return"),
        }
    }
}

/// Why the core stopped. The registers are those of the instruction boundary reached.
#[derive(Debug)]
pub enum Stop {
    /// The cycle limit was reached.
    Limit,
    /// The core is about to execute inside the range given to [`Core::stop_inside`].
    Inside,
    /// The bus asked for attention.
    Attention,
    /// The instruction at PC faults; it did nothing.
    Fault(FaultKind),
    /// `svc` was executed; PC is after it.
    Svc,
    /// `bkpt` stands at PC.
    Breakpoint,
    /// `wfi` was executed; PC is after it.
    WaitForInterrupt,
    /// `wfe` was executed; PC is after it.
    WaitForEvent,
    /// `sev` was executed; PC is after it.
    SendEvent,
    /// A branch to an EXC_RETURN value in Handler mode.
    ExceptionReturn(u32),
    /// The engine itself failed, or a model panicked in one of its callbacks.
    Broken(String),
}

/// A core that runs code.
pub trait Core {
    /// Runs until something stops it, or the cycle count reaches `limit`: at the first instruction boundary at or
    /// after it.
    fn run(&mut self, bus: &mut dyn Bus, limit: u64) -> Stop;

    /// Cycles since power-on.
    fn cycle(&self) -> u64;

    /// Sets the cycle count (waiting, exception entry, restore).
    fn set_cycle(&mut self, cycle: u64);

    /// All registers.
    fn registers(&self) -> Registers;

    /// PRIMASK alone: it is asked for at each boundary where an interrupt is pending.
    fn primask(&self) -> bool;

    /// Sets all registers. PC counts as reached by a branch.
    fn set_registers(&mut self, registers: &Registers);

    /// Takes over the bus's map of plain memory, and its fetch costs.
    fn remap(&mut self, bus: &dyn Bus);

    /// After [`Stop::Attention`]: takes up what could not be done inside an access.
    fn settle(&mut self, _bus: &dyn Bus) {}

    /// Whether rounds of a poll that cannot end may be skipped, where the engine can do so. It changes nothing but
    /// the host's time.
    fn set_skipping(&mut self, _on: bool) {}

    /// Forgets what it knows of code in `range`.
    fn invalidate(&mut self, range: Range<u32>);

    /// Reports loads inside these ranges to [`Bus::watched`]; replaces the ranges before.
    fn watch(&mut self, ranges: &[Range<u32>]);

    /// Stops with [`Stop::Inside`] before any instruction inside these ranges; replaces the ranges before.
    fn stop_inside(&mut self, ranges: &[Range<u32>]);

    /// Instructions executed since creation.
    fn instructions(&self) -> u64;
}
