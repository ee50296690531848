//! What gdb asks of the core, done with the debug registers (DDI0419 chapter C1), as any probe's client does it.

use super::description::{CoreRegisters, Register};
use crate::bus::BusFault;
use crate::chip::WATCHPOINTS;
use crate::cpu::FaultKind;
use crate::cpu::debug::demcr::{TRCENA, VC_CORERESET, VC_HARDERR};
use crate::cpu::debug::dhcsr::{C_DEBUGEN, C_HALT, C_MASKINTS, C_STEP, DBGKEY};
use crate::cpu::debug::dwt_function::{self as function, FUNCTION_MASK, MATCHED};
use crate::cpu::debug::{
    BP_COMP0, BP_CTRL, BP_STRIDE, DEMCR, DFSR, DHCSR, DWT_COMP0, DWT_FUNCTION0, DWT_MASK0, DWT_STRIDE, bp_comp,
    bp_ctrl, dfsr, regsel,
};
use crate::probe::{DebugEvent, Operator};

/// Hardware breakpoints that the core has (DDI0419 C1.9).
pub(super) const BREAKPOINTS: usize = 4;

/// Cycles that a running core gets with each request of gdb's, and after it is let go. While gdb waits for the core
/// itself, it gets slices of its own.
pub(super) const SHARE: u64 = 40_000;

/// Which vectors stop the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Catch {
    pub reset: bool,
    pub fault: bool,
}

/// Why the core stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// At one of the comparators' addresses.
    Breakpoint,
    /// After an access that was watched: how, and where the watch begins.
    Watch(Watched, u32),
    /// At a `bkpt` in the code, or halted by request.
    Trap,
    /// In HardFault's handler, or in lock-up.
    Fault(Option<FaultKind>),
    /// At the reset vector, after a reset.
    Reset,
}

/// Accesses to watch for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watched {
    Read,
    Write,
    Access,
}

impl Watched {
    /// In DWT_FUNCTIONn (DDI0419 table C1-10).
    const fn function(self) -> u32 {
        match self {
            Watched::Read => function::READ,
            Watched::Write => function::WRITE,
            Watched::Access => function::ACCESS,
        }
    }

    fn from_function(function: u32) -> Option<Watched> {
        [Watched::Read, Watched::Write, Watched::Access].into_iter().find(|w| w.function() == function & FUNCTION_MASK)
    }
}

/// What a share of time brought.
#[derive(Debug, Default)]
pub(super) struct Share {
    pub news: Vec<DebugEvent>,
    /// The core stands.
    pub halted: Option<Why>,
    /// The core runs, and time does not pass: only a reset or a debugger helps.
    pub idle: bool,
    pub broken: Option<String>,
}

fn set(target: &mut Operator, address: u32, value: u32) {
    // The private peripherals take every aligned word.
    let _ = target.write(address, &value.to_le_bytes());
}

fn get(target: &mut Operator, address: u32) -> u32 {
    target.read(address, 4).0.try_into().map_or(0, u32::from_le_bytes)
}

/// Takes the core over, halted. Whether the debug port answers.
pub(super) fn attach(target: &mut Operator, catch: Catch) -> bool {
    if !target.attach() {
        return false;
    }
    // What happened before is nobody's news.
    target.take_debug_events();
    halt(target);
    clear_breakpoints(target);
    clear_watchpoints(target);
    set_catch(target, catch);
    true
}

/// Takes the core over after a power cycle, halted, with the comparators as they were.
pub(super) fn attach_again(target: &mut Operator, comparators: &[(u32, u32)], catch: Catch) {
    // Debug state follows the resets since.
    target.run(0);
    target.take_debug_events();
    halt(target);
    clear_breakpoints(target);
    for (address, word) in comparators {
        set(target, *address, *word);
    }
    set_catch(target, catch);
}

/// The comparators' registers, as they stand: addresses and words.
pub(super) fn comparators(target: &mut Operator) -> Vec<(u32, u32)> {
    let watch = |n| [DWT_COMP0, DWT_MASK0, DWT_FUNCTION0].map(|register| register + n * DWT_STRIDE);
    let registers =
        (0..BREAKPOINTS as u32).map(|n| BP_COMP0 + BP_STRIDE * n).chain((0..WATCHPOINTS as u32).flat_map(watch));
    registers.map(|address| (address, get(target, address))).collect()
}

/// Lets the core run, with nobody watching.
pub(super) fn release(target: &mut Operator) {
    clear_breakpoints(target);
    clear_watchpoints(target);
    set(target, BP_CTRL, bp_ctrl::KEY);
    set(target, DEMCR, 0);
    set(target, DHCSR, DBGKEY);
    target.run(SHARE);
    target.detach();
}

pub(super) fn set_catch(target: &mut Operator, catch: Catch) {
    let bits = [(catch.reset, VC_CORERESET), (catch.fault, VC_HARDERR)];
    set(target, DEMCR, bits.iter().fold(TRCENA, |word, (on, bit)| if *on { word | bit } else { word }));
}

/// Whether it was running.
pub(super) fn halt(target: &mut Operator) -> bool {
    let running = !target.is_halted();
    set(target, DHCSR, DBGKEY | C_DEBUGEN | C_HALT);
    running
}

pub(super) fn resume(target: &mut Operator) {
    set(target, DFSR, dfsr::ALL);
    set(target, DHCSR, DBGKEY | C_DEBUGEN);
}

/// Executes one instruction, with interrupts held back, and past a breakpoint that stands on it.
pub(super) fn step(target: &mut Operator, catch: Catch) -> Share {
    if !target.is_halted() {
        halt(target);
        return Share { halted: Some(Why::Trap), ..Share::default() };
    }
    set(target, DFSR, dfsr::ALL);
    set(target, BP_CTRL, bp_ctrl::KEY);
    set(target, DHCSR, DBGKEY | C_DEBUGEN | C_HALT | C_MASKINTS);
    set(target, DHCSR, DBGKEY | C_DEBUGEN | C_STEP | C_MASKINTS);
    set(target, DHCSR, DBGKEY | C_DEBUGEN | C_HALT);
    set(target, BP_CTRL, bp_ctrl::KEY | bp_ctrl::ENABLE);
    let mut share = look(target, catch);
    if !target.is_halted() {
        // The instruction reset the chip, which starts anew.
        halt(target);
    }
    share.halted = share.halted.or(Some(Why::Trap));
    share
}

/// Gives a running core some time.
pub(super) fn run(target: &mut Operator, cycles: u64, catch: Catch) -> Share {
    let before = target.chip().now().cycle;
    target.run(cycles);
    let idle = !target.is_halted() && target.chip().now().cycle == before;
    if target.chip().is_locked_up() && !target.is_halted() {
        halt(target);
    }
    Share { idle, ..look(target, catch) }
}

/// What happened since the last look.
fn look(target: &mut Operator, catch: Catch) -> Share {
    let news = target.take_debug_events();
    let broken = target.take_broken();
    let halted = target.is_halted().then(|| {
        let dfsr = get(target, DFSR);
        let last = news.last();
        match last {
            Some(DebugEvent::Lockup { fault, .. }) => Why::Fault(*fault),
            Some(DebugEvent::Reset { .. }) if catch.reset && dfsr & dfsr::VCATCH != 0 => Why::Reset,
            Some(DebugEvent::Fault { fault, .. }) if dfsr & dfsr::VCATCH != 0 => Why::Fault(Some(*fault)),
            _ if dfsr & dfsr::DWTTRAP != 0 => matched(target).map_or(Why::Trap, |(how, at)| Why::Watch(how, at)),
            _ if dfsr & dfsr::BKPT != 0 && is_at_breakpoint(target) => Why::Breakpoint,
            _ => Why::Trap,
        }
    });
    Share { news, halted, idle: false, broken }
}

/// Resets the chip by its pin, halted at its reset vector or running.
pub(super) fn reset(target: &mut Operator, stay: bool, catch: Catch) {
    set_catch(target, Catch { reset: stay, ..catch });
    target.set_nrst(false);
    target.set_nrst(true);
    set_catch(target, catch);
    target.take_debug_events();
    if !stay {
        resume(target);
        target.run(SHARE);
    }
}

fn clear_breakpoints(target: &mut Operator) {
    for n in 0..BREAKPOINTS as u32 {
        set(target, BP_COMP0 + BP_STRIDE * n, 0);
    }
    set(target, BP_CTRL, bp_ctrl::KEY | bp_ctrl::ENABLE);
}

fn clear_watchpoints(target: &mut Operator) {
    for n in 0..WATCHPOINTS as u32 {
        set(target, DWT_FUNCTION0 + n * DWT_STRIDE, 0);
    }
}

/// The comparator that has matched: what it looks for, and where.
fn matched(target: &mut Operator) -> Option<(Watched, u32)> {
    let mut found = None;
    for n in 0..WATCHPOINTS as u32 {
        // The load clears MATCHED: each is looked at.
        let function = get(target, DWT_FUNCTION0 + n * DWT_STRIDE);
        if function & MATCHED != 0 && found.is_none() {
            found = Watched::from_function(function).map(|how| (how, get(target, DWT_COMP0 + n * DWT_STRIDE)));
        }
    }
    found
}

/// Why nothing is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoWatchpoint {
    /// All comparators are in use.
    TooMany,
    /// A comparator covers a power of two, at a multiple of it.
    Shape,
}

fn find_watchpoint(target: &mut Operator, address: u32, length: u32, how: Watched) -> Option<u32> {
    (0..WATCHPOINTS as u32).map(|n| n * DWT_STRIDE).find(|at| {
        // MATCHED has been looked at when the core stopped.
        let function = get(target, DWT_FUNCTION0 + at) & FUNCTION_MASK;
        let mask = get(target, DWT_MASK0 + at);
        function == how.function() && get(target, DWT_COMP0 + at) == address && mask == length.trailing_zeros()
    })
}

pub(super) fn add_watchpoint(
    target: &mut Operator,
    address: u32,
    length: u32,
    how: Watched,
) -> Result<(), NoWatchpoint> {
    if !length.is_power_of_two() || !address.is_multiple_of(length) {
        return Err(NoWatchpoint::Shape);
    }
    if find_watchpoint(target, address, length, how).is_some() {
        return Ok(());
    }
    let free =
        (0..WATCHPOINTS as u32).map(|n| n * DWT_STRIDE).find(|at| get(target, DWT_FUNCTION0 + at) & FUNCTION_MASK == 0);
    let at = free.ok_or(NoWatchpoint::TooMany)?;
    set(target, DWT_COMP0 + at, address);
    set(target, DWT_MASK0 + at, length.trailing_zeros());
    set(target, DWT_FUNCTION0 + at, how.function());
    Ok(())
}

/// Whether there was one.
pub(super) fn remove_watchpoint(target: &mut Operator, address: u32, length: u32, how: Watched) -> bool {
    match find_watchpoint(target, address, length, how) {
        Some(at) => {
            set(target, DWT_FUNCTION0 + at, 0);
            true
        }
        None => false,
    }
}

fn find(target: &mut Operator, wanted: u32) -> Option<u32> {
    (0..BREAKPOINTS as u32).map(|n| BP_COMP0 + BP_STRIDE * n).find(|a| get(target, *a) == wanted)
}

fn is_at_breakpoint(target: &mut Operator) -> bool {
    let pc = target.register(regsel::PC);
    find(target, bp_comp::of(pc)).is_some()
}

/// Why there is no breakpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoBreakpoint {
    /// All comparators are in use.
    TooMany,
    /// Comparators match below 0x2000_0000 only.
    OutOfReach,
}

pub(super) fn add_breakpoint(target: &mut Operator, address: u32) -> Result<(), NoBreakpoint> {
    if address >= 0x2000_0000 {
        return Err(NoBreakpoint::OutOfReach);
    }
    let wanted = bp_comp::of(address);
    if find(target, wanted).is_some() {
        return Ok(());
    }
    let free =
        (0..BREAKPOINTS as u32).map(|n| BP_COMP0 + BP_STRIDE * n).find(|a| get(target, *a) & bp_comp::ENABLE == 0);
    set(target, free.ok_or(NoBreakpoint::TooMany)?, wanted);
    Ok(())
}

/// Whether there was one.
pub(super) fn remove_breakpoint(target: &mut Operator, address: u32) -> bool {
    match find(target, bp_comp::of(address)) {
        Some(comparator) if address < 0x2000_0000 => {
            set(target, comparator, 0);
            true
        }
        _ => false,
    }
}

/// All registers of a halted core; none where it runs.
pub(super) fn registers(target: &mut Operator) -> Option<CoreRegisters> {
    target.is_halted().then(|| {
        let mut registers = CoreRegisters::default();
        for (n, value) in registers.0.iter_mut().enumerate() {
            *value = register(target, Register(n));
        }
        registers
    })
}

/// One register of a halted core.
pub(super) fn register(target: &mut Operator, register: Register) -> u32 {
    match register.0 {
        Register::PRIMASK => target.register(regsel::CONTROL_PRIMASK) & 1,
        Register::CONTROL => target.register(regsel::CONTROL_PRIMASK) >> 24,
        n => target.register(n as u8),
    }
}

/// Sets one register of a halted core.
pub(super) fn set_register(target: &mut Operator, register: Register, value: u32) {
    let mut set_special = |keeps: u32, value: u32| {
        let special = target.register(regsel::CONTROL_PRIMASK);
        target.set_register(regsel::CONTROL_PRIMASK, special & keeps | value);
    };
    match register.0 {
        Register::PRIMASK => set_special(0xFF00_0000, value & 1),
        Register::CONTROL => set_special(1, value << 24),
        n => target.set_register(n as u8, value),
    }
}

/// Sets all of them. SP goes first: MSP and PSP, of which it is one, have the last word where they differ from it.
pub(super) fn set_registers(target: &mut Operator, values: &CoreRegisters) {
    let old = registers(target).unwrap_or_default();
    for (n, value) in values.0.iter().enumerate().filter(|(n, value)| old.0[*n] != **value) {
        set_register(target, Register(n), *value);
    }
}

/// The bytes from `address` on, up to the first that the bus refuses, and why it does.
pub(super) fn read(target: &mut Operator, address: u32, length: usize) -> (Vec<u8>, Option<BusFault>) {
    target.read(address, u32::try_from(length).unwrap_or(u32::MAX))
}

/// Why bytes were not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotWritten {
    /// Flash takes no plain writes.
    Flash(u32),
    /// The bus refuses it.
    Bus(u32, &'static str),
}

/// Writes bytes through the debug port, but none into main flash, whose rules are the flash controller's.
pub(super) fn write(target: &mut Operator, address: u32, bytes: &[u8]) -> Result<(), NotWritten> {
    let (chip, flash) = (target.chip(), target.chip().part().flash);
    let place = |n: usize| u32::try_from(n).ok().and_then(|n| address.checked_add(n));
    let in_flash = |n: &usize| place(*n).is_some_and(|at| flash.contains(chip.board.resolve(at)));
    let free = (0..bytes.len()).find(in_flash);
    match &bytes[..free.unwrap_or(bytes.len())] {
        [] => {}
        bytes => target.write(address, bytes).map_err(|r| NotWritten::Bus(r.address, r.fault.reason))?,
    }
    free.and_then(place).map_or(Ok(()), |at| Err(NotWritten::Flash(at)))
}
