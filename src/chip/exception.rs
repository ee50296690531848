//! Exception entry and return (DDI0419 B1.5).

use super::Chip;
use crate::bus::{Access, Master, Width};
use crate::cpu::{FaultKind, Registers, T};
use crate::flash::Purpose;
use crate::part;
use crate::periph::nvic;

/// EXC_RETURN to Handler mode, to Thread mode on the main stack, to Thread mode on the process stack.
const TO_HANDLER: u32 = 0xFFFF_FFF1;
const TO_THREAD_MAIN: u32 = 0xFFFF_FFF9;
const TO_THREAD_PROCESS: u32 = 0xFFFF_FFFD;

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

    /// Pushes the frame and goes on at the vector.
    ///
    /// # Errors
    /// A fault while stacking or fetching the vector; the registers are as before.
    pub(super) fn enter(&mut self, number: u32) -> Result<(), FaultKind> {
        let mut r = self.core.registers();
        let sp = r.sp();
        // The frame is aligned to 8 bytes; bit 9 of the stacked xPSR remembers the padding.
        let padding = (sp & 4) >> 2;
        let frame = sp.wrapping_sub(32 + 4 * padding) & !3;
        let xpsr = (r.xpsr & !(1 << 9)) | padding << 9;
        let words = [r.r[0], r.r[1], r.r[2], r.r[3], r.r[12], r.lr, r.pc, xpsr];
        for (n, word) in words.into_iter().enumerate() {
            let address = frame.wrapping_add(4 * n as u32);
            let by = self.access();
            match self.board.store(address, Width::Word, word, by, r.pc) {
                Ok(reply) => self.obey(&reply),
                Err(fault) => return Err(FaultKind::Write { address, reason: fault.reason }),
            }
        }
        self.core.invalidate(frame..frame.saturating_add(32));
        let vector = self.word(self.board.nvic.vtor().wrapping_add(4 * number), Purpose::Fetch, r.pc)?;
        r.lr = match (r.exception(), r.uses_psp()) {
            (0, true) => TO_THREAD_PROCESS,
            (0, false) => TO_THREAD_MAIN,
            _ => TO_HANDLER,
        };
        if r.uses_psp() {
            r.psp = frame;
        } else {
            r.msp = frame;
        }
        r.control &= !2;
        r.xpsr = (r.xpsr & 0xF000_0000) | number | if vector & 1 != 0 { T } else { 0 };
        r.pc = vector & !1;
        self.core.set_registers(&r);
        self.board.nvic.enter(number);
        self.event_register = true;
        let cycles = if self.board.part.core == part::Core::M0 { 16 } else { 15 };
        self.core.set_cycle(self.core.cycle() + cycles);
        Ok(())
    }

    /// Pops the frame that `value` names and goes on where it tells.
    ///
    /// # Errors
    /// A bad EXC_RETURN, or a fault while unstacking.
    pub(super) fn leave(&mut self, value: u32) -> Result<(), FaultKind> {
        let mut r = self.core.registers();
        let number = r.exception();
        let process = value == TO_THREAD_PROCESS;
        let to_thread = process || value == TO_THREAD_MAIN;
        if !to_thread && value != TO_HANDLER || !self.board.nvic.is_active(number) {
            return Err(FaultKind::BadReturn { value });
        }
        let frame = if process { r.psp } else { r.msp };
        let mut words = [0u32; 8];
        for (n, word) in words.iter_mut().enumerate() {
            *word = self.word(frame.wrapping_add(4 * n as u32), Purpose::Data, r.pc)?;
        }
        let [r0, r1, r2, r3, r12, lr, pc, xpsr] = words;
        let stays = xpsr & 0x3F;
        if to_thread != (stays == 0) {
            return Err(FaultKind::BadReturn { value });
        }
        self.board.nvic.leave(number);
        self.event_register = true;
        let after = frame.wrapping_add(32 + 4 * ((xpsr >> 9) & 1));
        if process {
            r.psp = after;
        } else {
            r.msp = after;
        }
        r = Registers { lr, pc: pc & !1, xpsr: xpsr & (0xF000_003F | T), ..r };
        r.r[..4].copy_from_slice(&[r0, r1, r2, r3]);
        r.r[12] = r12;
        r.control = (r.control & !2) | u32::from(process) << 1;
        self.core.set_registers(&r);
        self.sleeping = to_thread && self.board.nvic.sleeps_on_exit();
        let cycles = if self.board.part.core == part::Core::M0 { 16 } else { 15 };
        self.core.set_cycle(self.core.cycle() + cycles);
        Ok(())
    }

    /// An instruction faulted: HardFault, or lock-up where that cannot be taken. Whether the core goes on.
    pub(super) fn fault(&mut self, kind: FaultKind) -> bool {
        let pc = self.core.registers().pc;
        let missed = self.board.take_missed();
        self.obey(&missed);
        self.tell_fault(pc, kind);
        if self.board.nvic.execution_priority() <= -1 {
            return false;
        }
        match self.enter(nvic::HARD_FAULT) {
            Ok(()) => true,
            Err(second) => {
                self.tell_fault(pc, second);
                false
            }
        }
    }
}
