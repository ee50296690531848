//! The core from the debugger's side (DDI0419 chapter C1): debug state, steps, breakpoints, vector catch, resets.
//!
//! Time is the chip's. While the core runs, [`Target::run`] gives it a share; in debug state time stands still but
//! for flash operations in flight, which come to their end.

use super::components;
use super::debug_event::DebugEvent;
use super::dwt::{self, Dwt};
use crate::bus::{BusFault, ResetCause, Width, fault, lane, merge};
use crate::chip::{Chip, Debug, Halt, PPB, WATCHPOINTS, Watchpoint};
use crate::cpu::debug::demcr::{TRCENA, VC_CORERESET, VC_HARDERR};
use crate::cpu::debug::dhcsr::{
    C_DEBUGEN, C_HALT, C_MASKINTS, C_STEP, DBGKEY, DBGKEY_MASK, S_HALT, S_LOCKUP, S_REGRDY, S_RESET_ST, S_RETIRE_ST,
    S_SLEEP,
};
use crate::cpu::debug::{
    BP_COMP0, BP_CTRL, DCRDR, DCRSR, DEMCR, DFSR, DHCSR, DWT_CTRL, DWT_PCSR, bp_comp, bp_ctrl, dcrsr, dfsr,
};
use crate::cpu::{Registers, T};
use crate::part::{Kind, PeripheralSpec};
use crate::time::Time;
use std::collections::VecDeque;

/// Breakpoint comparators.
pub const COMPARATORS: usize = 4;

/// The most debug events that are kept; older ones are dropped.
const MOST_EVENTS: usize = 16;

/// How far the chip runs.
#[derive(Clone, Copy)]
enum Until {
    Cycle(u64),
    Time(Time),
}

/// A chip with a debugger at its debug port.
pub struct Target {
    /// The chip.
    pub chip: Chip,
    /// C_DEBUGEN, C_HALT, C_STEP and C_MASKINTS.
    control: u32,
    halted: bool,
    dfsr: u32,
    dcrdr: u32,
    demcr: u32,
    breakpoints_on: bool,
    comparators: [u32; COMPARATORS],
    watchpoints: [Dwt; WATCHPOINTS],
    nrst_low: bool,
    /// Of [`Chip::resets`]: those that were followed up.
    resets: u64,
    /// S_RESET_ST.
    was_reset: bool,
    /// Instructions at the last look at S_RETIRE_ST.
    retired: u64,
    broken: Option<String>,
    events: VecDeque<DebugEvent>,
}

impl Target {
    /// A powered chip to which nobody has talked yet.
    pub fn new(chip: Chip) -> Target {
        let (resets, retired) = (chip.resets(), chip.instructions());
        Target {
            chip,
            control: 0,
            halted: false,
            dfsr: 0,
            dcrdr: 0,
            demcr: 0,
            breakpoints_on: false,
            comparators: [0; COMPARATORS],
            watchpoints: [Dwt::default(); WATCHPOINTS],
            nrst_low: false,
            resets,
            was_reset: true,
            retired,
            broken: None,
            events: VecDeque::new(),
        }
    }

    /// Whether the core is in debug state.
    pub const fn is_halted(&self) -> bool {
        self.halted
    }

    /// What broke inside dryflash, once: a bug.
    pub const fn take_broken(&mut self) -> Option<String> {
        self.broken.take()
    }

    /// What happened since the last call, the last few of it, in order.
    pub fn take_debug_events(&mut self) -> Vec<DebugEvent> {
        self.events.drain(..).collect()
    }

    fn tell(&mut self, event: DebugEvent) {
        // A core that stands still is looked at again and again.
        if self.events.back() != Some(&event) {
            if self.events.len() == MOST_EVENTS {
                self.events.pop_front();
            }
            self.events.push_back(event);
        }
    }

    /// Power goes off and comes on again, with nobody at the debug port: all that a debugger has set is gone.
    pub fn power_cycle(&mut self, seed: u64) {
        self.chip.power_off(seed);
        (self.control, self.dfsr, self.dcrdr, self.demcr) = (0, 0, 0, 0);
        (self.halted, self.nrst_low, self.breakpoints_on) = (false, false, false);
        self.comparators = [0; COMPARATORS];
        self.watchpoints = [Dwt::default(); WATCHPOINTS];
        self.tell_chip();
        self.chip.power_on();
        self.notice_resets();
    }

    /// Whether the debug port answers: at read protection level 2 it does not (RM0091 3.3.1, RM0444 3.5.1).
    pub fn is_reachable(&self) -> bool {
        self.chip.board.flash.debug_open()
    }

    /// Lets the core run for so many cycles, or until it halts. In debug state, only a flash operation ends.
    pub fn run(&mut self, cycles: u64) {
        self.notice_resets();
        let end = self.chip.now().cycle.saturating_add(cycles);
        self.run_until(Until::Cycle(end));
    }

    /// As [`Target::run`], for so much virtual time.
    pub fn run_for(&mut self, span: Time) {
        self.notice_resets();
        let end = self.chip.now().time + span;
        self.run_until(Until::Time(end));
    }

    fn run_until(&mut self, end: Until) {
        while !self.halted && !self.nrst_low {
            if !self.pass(end) {
                return;
            }
        }
        self.chip.wait_for_flash();
    }

    /// One run of the chip up to `end`. Whether time is left.
    fn pass(&mut self, end: Until) -> bool {
        let halt = match end {
            Until::Cycle(cycle) => self.chip.run_to_cycle(cycle),
            Until::Time(time) => self.chip.run(time),
        };
        // The instruction may have done more than to touch what is watched: both are seen to.
        let hits = self.chip.take_watch_hits();
        match halt {
            Halt::Time => return false,
            Halt::Watchpoint => {}
            Halt::Inside | Halt::Breakpoint => self.halt(dfsr::BKPT),
            Halt::Reset(cause) => {
                let pc = self.chip.board.log.reset_from;
                self.tell(DebugEvent::Reset { cause, pc, time: self.chip.now().time });
                self.notice_resets();
            }
            Halt::Fault(fault) => {
                let pc = self.chip.board.log.last_fault().map_or_else(|| self.chip.registers().pc, |(pc, _)| pc);
                self.tell(DebugEvent::Fault { fault, pc, time: self.chip.now().time });
                if self.catches(VC_HARDERR) {
                    self.halt(dfsr::VCATCH);
                }
            }
            Halt::Broken(text) => {
                self.broken = Some(text);
                return self.stand_still();
            }
            Halt::Lockup => {
                let last = self.chip.board.log.last_fault();
                let pc = last.map_or_else(|| self.chip.registers().pc, |(pc, _)| pc);
                self.tell(DebugEvent::Lockup { fault: last.map(|(_, fault)| fault), pc, time: self.chip.now().time });
                return self.stand_still();
            }
            Halt::Asleep => {
                self.tell(DebugEvent::Asleep { pc: self.chip.registers().pc });
                return self.stand_still();
            }
            Halt::SystemMemory => {
                self.tell(DebugEvent::SystemMemory);
                return self.stand_still();
            }
            Halt::Off => return self.stand_still(),
        }
        if hits != 0 {
            for (n, watchpoint) in self.watchpoints.iter_mut().enumerate() {
                watchpoint.matched |= hits & 1 << n != 0;
            }
            self.halt(dfsr::DWTTRAP);
        }
        true
    }

    /// The core does nothing by itself, and time would not pass: flash ends its operation all the same.
    fn stand_still(&mut self) -> bool {
        self.chip.wait_for_flash();
        self.notice_resets();
        false
    }

    const fn catches(&self, vector: u32) -> bool {
        self.control & C_DEBUGEN != 0 && self.demcr & vector != 0
    }

    fn halt(&mut self, why: u32) {
        self.halted = true;
        self.control |= C_HALT;
        self.dfsr |= why;
        self.chip.enter_debug_state();
    }

    /// Executes one instruction, and is in debug state again (DDI0419 C1.5.2).
    fn step(&mut self) {
        self.halted = false;
        self.control &= !C_HALT;
        let next = self.chip.now().cycle + 1;
        self.pass(Until::Cycle(next));
        if !self.halted {
            self.halt(dfsr::HALTED);
        }
    }

    /// Follows up what resets do to debug state. C_DEBUGEN, DEMCR and the breakpoints live through them.
    fn notice_resets(&mut self) {
        if self.chip.resets() == self.resets {
            return;
        }
        self.resets = self.chip.resets();
        self.was_reset = true;
        self.halted = false;
        self.control &= !C_HALT;
        if self.catches(VC_CORERESET) && !self.nrst_low {
            self.halt(dfsr::VCATCH);
        }
    }

    /// Pulls NRST low, or lets it go. A halt that was asked for meanwhile happens before the first instruction.
    pub fn set_nrst(&mut self, high: bool) {
        if !high {
            self.nrst_low = true;
            self.chip.reset(ResetCause::Pin);
            self.notice_resets();
        } else if std::mem::take(&mut self.nrst_low) {
            self.was_reset = true;
            if self.catches(VC_CORERESET) {
                self.halt(dfsr::VCATCH);
            } else if self.control & C_HALT != 0 {
                self.halt(dfsr::HALTED);
            }
        }
    }

    /// A load through the debug port.
    ///
    /// # Errors
    /// The bus refuses it, or the chip is held in reset and the address is neither the core's own nor DBGMCU's.
    pub fn read(&mut self, address: u32, width: Width) -> Result<u32, BusFault> {
        if PPB.contains(&address) || components::in_vendor_table(self.chip.part().core, address) {
            if !address.is_multiple_of(width.bytes()) {
                return Err(fault("unaligned"));
            }
            return self.read_private(address & !3).map(|word| lane(word, address, width));
        }
        self.out_of_reset(address)?;
        let result = self.chip.debug_read(address, width);
        self.notice_resets();
        result
    }

    /// A store through the debug port.
    ///
    /// # Errors
    /// As for [`Target::read`].
    pub fn write(&mut self, address: u32, width: Width, value: u32) -> Result<(), BusFault> {
        if PPB.contains(&address) {
            if !address.is_multiple_of(width.bytes()) {
                return Err(fault("unaligned"));
            }
            if let Some(result) = self.write_private(address, width, value) {
                return result;
            }
        } else {
            self.out_of_reset(address)?;
        }
        let result = self.chip.debug_write(address, width, value);
        self.notice_resets();
        result
    }

    /// Held in reset, a chip answers for its debug support alone, which a system reset leaves alone (RM0091 32.9.3).
    fn out_of_reset(&self, address: u32) -> Result<(), BusFault> {
        let answers = |p: &PeripheralSpec| p.kind == Kind::Dbgmcu && address.wrapping_sub(p.base) < p.size;
        if self.nrst_low && !self.chip.part().peripherals.iter().any(answers) {
            return Err(fault("the chip is held in reset"));
        }
        Ok(())
    }

    fn read_private(&mut self, address: u32) -> Result<u32, BusFault> {
        Ok(match address {
            DFSR => self.dfsr,
            DHCSR => self.status(),
            DCRSR => 0,
            DWT_CTRL => (WATCHPOINTS as u32) << 28,
            DCRDR => self.dcrdr,
            DEMCR => self.demcr,
            DWT_PCSR if self.halted => u32::MAX,
            DWT_PCSR => self.chip.registers().pc,
            BP_CTRL => u32::from(self.breakpoints_on) | (COMPARATORS as u32) << 4,
            _ => {
                match (self.comparator(address), dwt::register(address), components::read(self.chip.part(), address)) {
                    (Some(n), ..) => self.comparators[n],
                    (_, Some((n, register)), _) => self.watchpoints[n].read(register),
                    (.., Some(word)) => word,
                    _ if !PPB.contains(&address) => 0,
                    _ => return self.chip.debug_read(address, Width::Word),
                }
            }
        })
    }

    const fn comparator(&self, address: u32) -> Option<usize> {
        let n = (address.wrapping_sub(BP_COMP0) / 4) as usize;
        if n < COMPARATORS { Some(n) } else { None }
    }

    /// A store to a debug register; none where the address is not one.
    fn write_private(&mut self, address: u32, width: Width, value: u32) -> Option<Result<(), BusFault>> {
        let aligned = address & !3;
        let comparator = self.comparator(aligned);
        let known = matches!(aligned, DFSR | DHCSR | DCRSR | DCRDR | DEMCR | DWT_CTRL | DWT_PCSR | BP_CTRL);
        let watch = dwt::register(aligned);
        if !known && comparator.is_none() && watch.is_none() {
            return None;
        }
        self.chip.probe_seen();
        // Narrow stores to debug registers are UNPREDICTABLE (DDI0419 C1.6): dropped, but for the data register's.
        if aligned == DCRDR {
            self.dcrdr = merge(self.dcrdr, address, width, value);
        } else if width == Width::Word {
            match aligned {
                DFSR => self.dfsr &= !(value & dfsr::ALL),
                DHCSR => self.set_control(value),
                DCRSR => self.transfer(value),
                DEMCR => self.demcr = value & (VC_CORERESET | VC_HARDERR | TRCENA),
                BP_CTRL if value & bp_ctrl::KEY != 0 => self.breakpoints_on = value & bp_ctrl::ENABLE != 0,
                _ => {
                    if let Some(n) = comparator {
                        self.comparators[n] = value & 0xDFFF_FFFD;
                    }
                    if let Some((n, register)) = watch {
                        self.watchpoints[n].write(register, value);
                    }
                }
            }
            self.tell_chip();
        }
        Some(Ok(()))
    }

    /// The breakpoints as addresses. Each comparator covers a word, and matches either half or both.
    fn breakpoints(&self) -> Vec<u32> {
        if self.control & C_DEBUGEN == 0 || !self.breakpoints_on {
            return Vec::new();
        }
        let set = self.comparators.iter().filter(|c| *c & bp_comp::ENABLE != 0);
        set.flat_map(|c| {
            let word = c & bp_comp::COMP_MASK;
            [(bp_comp::MATCH_LOWER, word), (bp_comp::MATCH_UPPER, word + 2)]
                .into_iter()
                .filter(move |(bit, _)| c & bit != 0)
                .map(|(_, a)| a)
        })
        .collect()
    }

    fn tell_chip(&mut self) {
        let (enabled, mask_interrupts) = (self.control & C_DEBUGEN != 0, self.control & C_MASKINTS != 0);
        let trace = enabled && self.demcr & TRCENA != 0;
        let watch = self.watchpoints.map(|w| if trace { w.watchpoint() } else { Watchpoint::default() });
        self.chip.set_debug(Debug { enabled, mask_interrupts, watch });
        let breakpoints = self.breakpoints();
        self.chip.stop_at(&breakpoints);
    }

    /// DHCSR as read; what is sticky clears.
    fn status(&mut self) -> u32 {
        let retired = self.chip.instructions();
        let mut status = self.control | S_REGRDY;
        let mut set = |bit: u32, on: bool| status |= if on { bit } else { 0 };
        set(S_HALT, self.halted);
        set(S_SLEEP, self.chip.is_sleeping() && !self.halted);
        set(S_LOCKUP, self.chip.is_locked_up() && !self.halted);
        set(S_RETIRE_ST, retired != self.retired);
        set(S_RESET_ST, self.was_reset);
        self.retired = retired;
        self.was_reset = self.nrst_low;
        status
    }

    fn set_control(&mut self, value: u32) {
        if value & DBGKEY_MASK != DBGKEY {
            return;
        }
        let wanted = value & (C_DEBUGEN | C_HALT | C_STEP | C_MASKINTS);
        self.control = if wanted & C_DEBUGEN == 0 { 0 } else { wanted };
        self.tell_chip();
        if self.nrst_low {
            return;
        }
        match (self.halted, self.control & C_HALT != 0) {
            (false, true) => self.halt(dfsr::HALTED),
            (_, false) if self.control & C_STEP != 0 => self.step(),
            (true, false) => self.halted = false,
            _ => {}
        }
    }

    /// DCRSR: moves a core register to DCRDR or back. With the core running it does nothing.
    fn transfer(&mut self, selector: u32) {
        if !self.halted {
            return;
        }
        let register = selector & dcrsr::REGSEL_MASK;
        if selector & dcrsr::REGWNR != 0 {
            self.set_register(register, self.dcrdr);
        } else {
            self.dcrdr = self.register(register);
        }
    }

    /// A core register by its number in DCRSR; 0 where there is none, or where the core runs.
    pub fn register(&self, number: u32) -> u32 {
        if !self.halted {
            return 0;
        }
        let r = self.chip.registers();
        match number {
            0..=12 => r.r[number as usize],
            13 => r.sp(),
            14 => r.lr,
            15 => r.pc,
            16 => r.xpsr,
            17 => r.msp,
            18 => r.psp,
            20 => r.control << 24 | u32::from(r.primask),
            _ => 0,
        }
    }

    /// Sets a core register, with the core in debug state. The exception number in xPSR stays: it is the NVIC's.
    pub fn set_register(&mut self, number: u32, value: u32) {
        if !self.halted {
            return;
        }
        self.chip.set_registers(|r: &mut Registers| match number {
            0..=12 => r.r[number as usize] = value,
            13 if r.uses_psp() => r.psp = value & !3,
            13 | 17 => r.msp = value & !3,
            14 => r.lr = value,
            15 => r.pc = value & !1,
            16 => r.xpsr = r.exception() | (value & (0xF000_0000 | T)),
            18 => r.psp = value & !3,
            20 => {
                r.control = value >> 24 & 2;
                r.primask = value & 1 != 0;
            }
            _ => {}
        });
    }
}
