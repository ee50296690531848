//! Exception entry and return (DDI0419 B1.5).

use super::event::EventKind;
use super::recorder::{What, changed};
use super::{Chip, Halt};
use crate::bus::{Access, Master, Width};
use crate::cpu::{FaultKind, Registers, T};
use crate::flash::Purpose;
use crate::part;
use crate::periph::nvic;

/// EXC_RETURN to Handler mode, to Thread mode on the main stack, to Thread mode on the process stack.
const TO_HANDLER: u32 = 0xFFFF_FFF1;
const TO_THREAD_MAIN: u32 = 0xFFFF_FFF9;
const TO_THREAD_PROCESS: u32 = 0xFFFF_FFFD;

/// Where the core stands in lock-up (DDI0419 B1.5.15).
pub(super) const LOCK_UP: u32 = 0xFFFF_FFFE;

/// The vendor's system region. An M0's stacking there does not fault: a blank STM32F030, whose stack pointer is
/// FFFFFFFC, shows xPSR C1000003, PC FFFFFFFE and MSP FFFFFFD8, so HardFault was entered with its frame pushed there
/// (ST's forum, 746977).
const SYSTEM_REGION: u32 = 0xE010_0000;

/// HardFault's priority: at it, or at NMI's, a fault is a lock-up.
const HARD_FAULT_PRIORITY: i32 = -1;

/// Cycles from a return to the first instruction of a chained handler. ARM gives none for these cores: this is what
/// it gives for the Cortex-M3.
const CHAIN_CYCLES: u64 = 6;

impl Chip {
    fn access(&self) -> Access {
        Access { master: Master::Cpu, now: self.now() }
    }

    fn word(&mut self, address: u32, purpose: Purpose, pc: u32) -> Result<u32, FaultKind> {
        let by = self.access();
        match self.board.load(address, Width::Word, purpose, by, pc) {
            Ok(reply) => {
                self.obey(&reply);
                Ok(reply.value)
            }
            Err(fault) => Err(FaultKind::Read { address, reason: fault.reason }),
        }
    }

    /// Takes a pending exception. What the chip's owner is to be told, if anything.
    pub(super) fn take(&mut self, number: u32) -> Option<Halt> {
        match self.enter(number) {
            Ok(None) => None,
            Ok(Some(kind)) => Some(Halt::Fault(kind)),
            Err(kind) => {
                self.tell_fault(self.core.registers().pc, kind);
                Some(self.lock_up())
            }
        }
    }

    /// Pushes the frame and goes on at the vector. A fault on the way puts HardFault in the exception's place, which
    /// stays pending (derived exceptions); that fault comes back.
    ///
    /// # Errors
    /// A fault where not even HardFault can be entered.
    fn enter(&mut self, number: u32) -> Result<Option<FaultKind>, FaultKind> {
        let before = self.core.registers();
        let derived = self.push_frame(before).err();
        let mut r = self.core.registers();
        r.lr = match (before.exception(), before.uses_psp()) {
            (0, true) => TO_THREAD_PROCESS,
            (0, false) => TO_THREAD_MAIN,
            _ => TO_HANDLER,
        };
        self.core.set_registers(&r);
        match derived {
            Some(kind) if self.board.nvic.priority(number) <= HARD_FAULT_PRIORITY => {
                self.core.set_registers(&before);
                Err(kind)
            }
            Some(kind) => {
                self.tell_fault(before.pc, kind);
                self.pass_entry(self.entry_cycles());
                self.begin(nvic::HARD_FAULT)?;
                Ok(Some(kind))
            }
            None => {
                self.pass_entry(self.entry_cycles());
                let number = self.latest(number);
                self.begin(number)
            }
        }
    }

    /// Stores the frame; the stack pointer moves even if the bus refuses.
    fn push_frame(&mut self, mut r: Registers) -> Result<(), FaultKind> {
        let sp = r.sp();
        // The frame is aligned to 8 bytes; bit 9 of the stacked xPSR remembers the padding.
        let padding = (sp & 4) >> 2;
        let frame = sp.wrapping_sub(32 + 4 * padding) & !3;
        let xpsr = (r.xpsr & !(1 << 9)) | padding << 9;
        let words = [r.r[0], r.r[1], r.r[2], r.r[3], r.r[12], r.lr, r.pc, xpsr];
        let mut result = Ok(());
        for (n, word) in words.into_iter().enumerate() {
            let address = frame.wrapping_add(4 * n as u32);
            let by = self.access();
            match self.board.store(address, Width::Word, word, by, r.pc) {
                Ok(reply) => self.obey(&reply),
                Err(_) if self.board.part.core == part::Core::M0 && address >= SYSTEM_REGION => {}
                Err(fault) => {
                    result = Err(FaultKind::Write { address, reason: fault.reason });
                    break;
                }
            }
        }
        self.core.invalidate(frame..frame.saturating_add(32));
        if r.uses_psp() {
            r.psp = frame;
        } else {
            r.msp = frame;
        }
        self.core.set_registers(&r);
        result
    }

    /// Cycles of an entry (DDI0432C 3.3.2, DDI0484 3.3.2), and of a return.
    fn entry_cycles(&self) -> u64 {
        if self.board.part.core == part::Core::M0 { 16 } else { 15 }
    }

    /// Lets the cycles of an entry pass, and what is due in them happen.
    fn pass_entry(&mut self, cycles: u64) {
        self.core.set_cycle(self.core.cycle() + cycles);
        let now = self.now();
        if now.cycle >= self.board.next_event() {
            self.pass_event(now);
        }
    }

    /// What is entered in the end: a more urgent exception that arrived meanwhile takes over (late arrival).
    /// HardFault keeps its place, as nothing else remembers it.
    fn latest(&self, number: u32) -> u32 {
        let nvic = &self.board.nvic;
        match nvic.next(self.core.primask()) {
            Some(late) if number != nvic::HARD_FAULT && nvic.priority(late) < nvic.priority(number) => late,
            _ => number,
        }
    }

    /// Starts the handler of `number`, or of HardFault where the vector cannot be read, with the frame pushed and LR
    /// set. The fault that was in the way, if any.
    ///
    /// # Errors
    /// HardFault's own vector, or NMI's, cannot be read.
    fn begin(&mut self, number: u32) -> Result<Option<FaultKind>, FaultKind> {
        let mut r = self.core.registers();
        let table = self.board.nvic.vtor();
        match self.word(table.wrapping_add(4 * number), Purpose::Fetch, r.pc) {
            Ok(vector) => {
                r.control &= !2;
                r.xpsr = (r.xpsr & 0xF000_0000) | number | if vector & 1 != 0 { T } else { 0 };
                r.pc = vector & !1;
                self.core.set_registers(&r);
                self.board.nvic.enter(number);
                self.event_register = true;
                self.record_event(|| What::Entered { exception: number, handler: vector & !1 });
                Ok(None)
            }
            Err(kind) if self.board.nvic.priority(number) <= HARD_FAULT_PRIORITY => Err(kind),
            Err(kind) => {
                self.tell_fault(r.pc, kind);
                self.begin(nvic::HARD_FAULT)?;
                Ok(Some(kind))
            }
        }
    }

    /// Returns from the exception that runs, as `value` tells. What the chip's owner is to be told, if anything.
    pub(super) fn leave(&mut self, value: u32) -> Option<Halt> {
        let r = self.core.registers();
        let number = r.exception();
        let process = value == TO_THREAD_PROCESS;
        let to_thread = process || value == TO_THREAD_MAIN;
        let known = to_thread || value == TO_HANDLER;
        // A return to Thread mode with another handler below, or the reverse, is UNPREDICTABLE too.
        if !known || !self.board.nvic.is_active(number) || to_thread == self.board.nvic.is_nested() {
            return self.faulted(FaultKind::BadReturn { value });
        }
        if let Some(next) = self.board.nvic.next_after(number, r.primask) {
            self.board.nvic.leave(number, 0);
            return self.chain(next, value);
        }
        let frame = if process { r.psp } else { r.msp };
        let words = match self.pop_frame(frame, r.pc) {
            Ok(words) => words,
            Err(kind) => {
                self.board.nvic.leave(number, 0);
                self.tell_fault(r.pc, kind);
                if self.board.nvic.execution_priority() <= HARD_FAULT_PRIORITY {
                    return Some(self.lock_up());
                }
                return self.chain(nvic::HARD_FAULT, value).or(Some(Halt::Fault(kind)));
            }
        };
        let [r0, r1, r2, r3, r12, lr, pc, xpsr] = words;
        let number_mask = self.board.nvic.number_mask();
        let back = xpsr & number_mask;
        if to_thread != (back == 0) {
            return self.faulted(FaultKind::BadReturn { value });
        }
        self.board.nvic.leave(number, back);
        self.event_register = true;
        let handler = r;
        let mut r = Registers { lr, pc: pc & !1, xpsr: xpsr & (0xF000_0000 | number_mask | T), ..handler };
        let after = frame.wrapping_add(32 + 4 * ((xpsr >> 9) & 1));
        if process {
            r.psp = after;
        } else {
            r.msp = after;
        }
        r.r[..4].copy_from_slice(&[r0, r1, r2, r3]);
        r.r[12] = r12;
        r.control = (r.control & !2) | u32::from(process) << 1;
        self.core.set_registers(&r);
        self.sleeping = to_thread && self.board.nvic.sleeps_on_exit();
        self.for_event = false;
        self.core.set_cycle(self.core.cycle() + self.entry_cycles());
        self.record_event(|| What::Returned { pc: pc & !1, changed: changed(&handler, &r) });
        None
    }

    fn pop_frame(&mut self, frame: u32, pc: u32) -> Result<[u32; 8], FaultKind> {
        let mut words = [0u32; 8];
        for (n, word) in words.iter_mut().enumerate() {
            *word = self.word(frame.wrapping_add(4 * n as u32), Purpose::Data, pc)?;
        }
        Ok(words)
    }

    /// Enters `number` straight from the handler that returned with `value`: the frame stays where it is
    /// (tail-chaining).
    fn chain(&mut self, number: u32, value: u32) -> Option<Halt> {
        let mut r = self.core.registers();
        r.lr = value;
        self.core.set_registers(&r);
        self.pass_entry(CHAIN_CYCLES);
        let number = self.latest(number);
        match self.begin(number) {
            Ok(fault) => fault.map(Halt::Fault),
            Err(kind) => {
                self.tell_fault(r.pc, kind);
                Some(self.lock_up())
            }
        }
    }

    /// An instruction faulted: HardFault, or lock-up where that cannot be taken. Whether the core goes on.
    pub(super) fn fault(&mut self, kind: FaultKind) -> bool {
        let pc = self.core.registers().pc;
        let missed = self.board.take_missed();
        self.obey(&missed);
        self.tell_fault(pc, kind);
        if self.board.nvic.execution_priority() <= HARD_FAULT_PRIORITY {
            return false;
        }
        match self.enter(nvic::HARD_FAULT) {
            Ok(_) => true,
            Err(second) => {
                self.tell_fault(pc, second);
                false
            }
        }
    }

    /// The core locks up where it stands.
    pub(super) fn lock_up(&mut self) -> Halt {
        let now = self.now();
        let pc = self.core.registers().pc;
        self.board.log.push(now.time, pc, EventKind::Lockup);
        self.locked_up = true;
        Halt::Lockup
    }

    /// NMI breaks into a lock-up of HardFault, which it finds at the lock-up address. Whether it does now.
    pub(super) fn leaves_lock_up(&mut self) -> bool {
        let mut r = self.core.registers();
        if self.board.nvic.next(r.primask) != Some(nvic::NMI) {
            return false;
        }
        self.locked_up = false;
        r.pc = LOCK_UP;
        self.core.set_registers(&r);
        true
    }

    /// The event register, which is cleared by looking.
    pub(super) fn take_event(&mut self) -> bool {
        let pended = self.board.nvic.take_event();
        std::mem::take(&mut self.event_register) | pended
    }
}
