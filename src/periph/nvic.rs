//! NVIC and System Control Block (DDI0419 B3.2, B3.4): which exception is to be taken next.

use super::{Context, masked};
use crate::part::Core;

/// Exception numbers.
pub const NMI: u32 = 2;
/// HardFault.
pub const HARD_FAULT: u32 = 3;
/// SVCall.
pub const SVCALL: u32 = 11;
/// PendSV.
pub const PENDSV: u32 = 14;
/// SysTick.
pub const SYSTICK: u32 = 15;
/// The first external interrupt.
pub const IRQ0: u32 = 16;

/// The priority of Thread mode: below everything.
pub const THREAD: i32 = 256;

const SLEEPDEEP: u32 = 1 << 2;
const SEVONPEND: u32 = 1 << 4;

/// What software has asked of the chip through the SCB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// SYSRESETREQ.
    Reset,
}

/// Pending and enabled exceptions, their priorities, and the SCB's registers.
#[derive(Clone, Debug)]
pub struct Nvic {
    core: Core,
    cpuid: u32,
    enabled: u32,
    /// Interrupts pended by software or by an edge of their line.
    pending: u32,
    /// Lines as the peripherals hold them.
    lines: u32,
    /// The active exceptions, by number.
    active: u64,
    /// The one of them that runs; 0 in Thread mode.
    running: u32,
    /// With SEVONPEND set, something became pending since the last look.
    event: bool,
    priorities: [u8; 32],
    svcall_priority: u8,
    pendsv_priority: u8,
    systick_priority: u8,
    nmi_pending: bool,
    svcall_pending: bool,
    pendsv_pending: bool,
    systick_pending: bool,
    vtor: u32,
    scr: u32,
    /// How often each exception was taken.
    taken: [u64; 48],
    /// How often a handler was entered.
    entries: u64,
}

impl Nvic {
    /// As after reset.
    pub fn new(core: Core, cpuid: u32) -> Nvic {
        Nvic {
            core,
            cpuid,
            enabled: 0,
            pending: 0,
            lines: 0,
            active: 0,
            running: 0,
            event: false,
            priorities: [0; 32],
            svcall_priority: 0,
            pendsv_priority: 0,
            systick_priority: 0,
            nmi_pending: false,
            svcall_pending: false,
            pendsv_pending: false,
            systick_pending: false,
            vtor: 0,
            scr: 0,
            taken: [0; 48],
            entries: 0,
        }
    }

    /// A reset of the core.
    pub fn reset(&mut self) {
        *self = Nvic::new(self.core, self.cpuid);
    }

    /// The vector table's base; 0 for ever on a core without VTOR.
    pub const fn vtor(&self) -> u32 {
        self.vtor
    }

    /// SCR.SLEEPONEXIT.
    pub const fn sleeps_on_exit(&self) -> bool {
        self.scr & 2 != 0
    }

    /// Takes over the lines of the peripherals. A raised line pends until its interrupt is taken, and again if it
    /// is still raised when the handler returns.
    pub fn set_lines(&mut self, lines: u32) {
        let before = self.all_pending();
        self.pending |= lines & !self.lines;
        self.lines = lines;
        self.note_event(before);
    }

    /// Pends SysTick.
    pub fn pend_systick(&mut self) {
        let before = self.all_pending();
        self.systick_pending = true;
        self.note_event(before);
    }

    /// Pends NMI.
    pub fn pend_nmi(&mut self) {
        let before = self.all_pending();
        self.nmi_pending = true;
        self.note_event(before);
    }

    /// Whether something became pending with SEVONPEND set, enabled or not, since the last call.
    pub fn take_event(&mut self) -> bool {
        std::mem::take(&mut self.event)
    }

    /// What is pending, enabled or not, one bit each.
    fn all_pending(&self) -> u64 {
        let system = [self.nmi_pending, self.svcall_pending, self.pendsv_pending, self.systick_pending];
        system.into_iter().fold(u64::from(self.pending), |bits, pending| bits << 1 | u64::from(pending))
    }

    /// SEVONPEND makes an event of what was not pending `before` (DDI0419 B3.2.7).
    fn note_event(&mut self, before: u64) {
        self.event |= self.scr & SEVONPEND != 0 && self.all_pending() & !before != 0;
    }

    /// Pends SVCall, after `svc`.
    pub fn pend_svcall(&mut self) {
        self.svcall_pending = true;
    }

    /// The priority of an exception by its number; lower is more urgent.
    pub fn priority(&self, exception: u32) -> i32 {
        match exception {
            NMI => -2,
            HARD_FAULT => -1,
            SVCALL => i32::from(self.svcall_priority),
            PENDSV => i32::from(self.pendsv_priority),
            SYSTICK => i32::from(self.systick_priority),
            n if n >= IRQ0 => self.priorities.get((n - IRQ0) as usize).map_or(0, |p| i32::from(*p)),
            _ => THREAD,
        }
    }

    /// The priority at which the core executes, PRIMASK aside.
    pub fn execution_priority(&self) -> i32 {
        (1..64).filter(|n| self.active & (1 << n) != 0).map(|n| self.priority(n)).min().unwrap_or(THREAD)
    }

    fn candidates(&self) -> impl Iterator<Item = u32> + '_ {
        let system = [
            (self.nmi_pending, NMI),
            (self.svcall_pending, SVCALL),
            (self.pendsv_pending, PENDSV),
            (self.systick_pending, SYSTICK),
        ];
        let irqs = self.pending & self.enabled;
        let system = system.into_iter().filter_map(|(pending, number)| pending.then_some(number));
        system.chain((0..32).filter(move |n| irqs & (1 << n) != 0).map(|n| n + IRQ0))
    }

    /// Whether anything at all is pending: one test on the fast path.
    pub fn any_pending(&self) -> bool {
        self.pending & self.enabled != 0
            || self.nmi_pending
            || self.svcall_pending
            || self.pendsv_pending
            || self.systick_pending
    }

    /// The most urgent pending exception that outranks what runs; the lowest number wins a tie. PRIMASK raises the
    /// execution priority to 0.
    pub fn next(&self, primask: bool) -> Option<u32> {
        if !self.any_pending() {
            return None;
        }
        let limit = self.execution_priority().min(if primask { 0 } else { THREAD });
        self.candidates().map(|n| (self.priority(n), n)).min().filter(|(p, _)| *p < limit).map(|(_, n)| n)
    }

    /// Whether `wfi` wakes: something would be taken were PRIMASK clear.
    pub fn wakes(&self) -> bool {
        self.next(false).is_some()
    }

    /// Whether SVCall can be taken now; else `svc` is a HardFault.
    pub fn can_take_svcall(&self, primask: bool) -> bool {
        let limit = self.execution_priority().min(if primask { 0 } else { THREAD });
        self.priority(SVCALL) < limit
    }

    /// How often each exception was taken since the last reset, or since it was forgotten; by number.
    pub const fn taken(&self) -> &[u64; 48] {
        &self.taken
    }

    /// Counts anew.
    pub const fn forget_taken(&mut self) {
        self.taken = [0; 48];
    }

    /// The exception is taken: no longer pending, now active.
    pub fn enter(&mut self, exception: u32) {
        match exception {
            NMI => self.nmi_pending = false,
            SVCALL => self.svcall_pending = false,
            PENDSV => self.pendsv_pending = false,
            SYSTICK => self.systick_pending = false,
            n if n >= IRQ0 => self.pending &= !(1u32.checked_shl(n - IRQ0).unwrap_or(0)),
            _ => {}
        }
        self.active |= 1 << (exception & 63);
        if let Some(n) = self.taken.get_mut(exception as usize) {
            *n += 1;
        }
        self.entries += 1;
        self.running = exception;
    }

    /// The exception returns to another handler, or to Thread mode (0). A line that is still raised pends again.
    pub fn leave(&mut self, exception: u32, to: u32) {
        let before = self.all_pending();
        self.active &= !(1 << (exception & 63));
        self.running = to;
        if exception >= IRQ0 {
            self.pending |= self.lines & 1u32.checked_shl(exception - IRQ0).unwrap_or(0);
        }
        self.note_event(before);
    }

    /// How often an exception was taken since the last reset, or since it was forgotten.
    pub fn taken_in_all(&self) -> u64 {
        self.taken.iter().sum()
    }

    /// The enabled interrupts, a bit each.
    pub const fn enabled(&self) -> u32 {
        self.enabled
    }

    /// Whether a handler runs.
    pub const fn in_handler(&self) -> bool {
        self.active != 0
    }

    /// Which entry of a handler runs, counted from 1; 0 in Thread mode.
    pub const fn entry(&self) -> u64 {
        if self.in_handler() { self.entries } else { 0 }
    }

    /// Whether an enabled interrupt could be taken as things stand, were one to come: `systick` where the system timer
    /// asks for one.
    pub fn could_take(&self, primask: bool, systick: bool) -> bool {
        let limit = self.execution_priority().min(if primask { 0 } else { THREAD });
        let lines = (0..32).filter(|n| self.enabled & (1 << n) != 0).map(|n| n + IRQ0);
        lines.chain(systick.then_some(SYSTICK)).any(|n| self.priority(n) < limit)
    }

    /// Whether the exception is active.
    pub const fn is_active(&self, exception: u32) -> bool {
        self.active & (1 << (exception & 63)) != 0
    }

    /// Whether a handler runs that interrupted another one.
    pub const fn is_nested(&self) -> bool {
        self.active.count_ones() > 1
    }

    /// Reads at an offset from 0xE000_E000.
    pub fn read(&self, offset: u32, cx: &mut Context<'_>) -> u32 {
        match offset {
            0x100 | 0x180 => self.enabled,
            0x200 | 0x280 => self.pending,
            0x400..=0x41C => {
                let n = (offset - 0x400) as usize;
                u32::from_le_bytes([0, 1, 2, 3].map(|i| self.priorities[n + i]))
            }
            0xD00 => self.cpuid,
            0xD04 => {
                let vect_pending = self.candidates().map(|n| (self.priority(n), n)).min().map_or(0, |(_, n)| n);
                self.running
                    | vect_pending << 12
                    | u32::from(self.pending & self.enabled != 0) << 22
                    | u32::from(self.systick_pending) << 26
                    | u32::from(self.pendsv_pending) << 28
                    | u32::from(self.nmi_pending) << 31
            }
            0xD08 => self.vtor,
            0xD0C => 0xFA05_0000,
            0xD10 => self.scr,
            0xD14 => 0x208,
            0xD1C => u32::from(self.svcall_priority) << 24,
            0xD20 => u32::from(self.pendsv_priority) << 16 | u32::from(self.systick_priority) << 24,
            0xD24 => u32::from(self.svcall_pending) << 15,
            0xD90 => match self.core {
                Core::M0 => 0,
                Core::M0Plus => 0x800,
            },
            0xD94..=0xDA0 if self.core == Core::M0Plus => {
                cx.unmodelled(offset, "the MPU is not modelled");
                0
            }
            _ => 0,
        }
    }

    /// Writes at an offset from 0xE000_E000; what software asks of the chip comes back.
    pub fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) -> Option<Request> {
        let set = value & mask;
        let before = self.all_pending();
        cx.fx.interrupts();
        match offset {
            0x100 => self.enabled |= set,
            0x180 => self.enabled &= !set,
            0x200 => self.pending |= set,
            // A line that is still raised pends again at once.
            0x280 => self.pending = (self.pending & !set) | (set & self.lines),
            0x400..=0x41C => {
                let n = (offset - 0x400) as usize;
                for (i, (byte, m)) in value.to_le_bytes().into_iter().zip(mask.to_le_bytes()).enumerate() {
                    if m != 0 {
                        self.priorities[n + i] = byte & 0xC0;
                    }
                }
            }
            0xD04 => {
                self.nmi_pending |= set & (1 << 31) != 0;
                self.pendsv_pending = (self.pendsv_pending || set & (1 << 28) != 0) && set & (1 << 27) == 0;
                self.systick_pending = (self.systick_pending || set & (1 << 26) != 0) && set & (1 << 25) == 0;
            }
            0xD08 if self.core == Core::M0Plus => self.vtor = masked(self.vtor, value, mask & 0xFFFF_FF00),
            0xD0C
                // Without the key 0x05FA the write is dropped.
                if value >> 16 == 0x05FA && value & 4 != 0 => {
                    return Some(Request::Reset);
                }
            0xD10 => {
                self.scr = masked(self.scr, value, mask & 0x16);
                if self.scr & SLEEPDEEP != 0 {
                    cx.unmodelled(offset, "SLEEPDEEP: sleep stays light");
                }
            }
            0xD1C => {
                self.svcall_priority = (masked(u32::from(self.svcall_priority) << 24, value, mask) >> 24) as u8 & 0xC0
            }
            0xD20 => {
                let old = u32::from(self.pendsv_priority) << 16 | u32::from(self.systick_priority) << 24;
                let new = masked(old, value, mask);
                self.pendsv_priority = (new >> 16) as u8 & 0xC0;
                self.systick_priority = (new >> 24) as u8 & 0xC0;
            }
            0xD94..=0xDA0 if self.core == Core::M0Plus && set != 0 => {
                cx.unmodelled(offset, "the MPU is not modelled");
            }
            _ => {}
        }
        self.note_event(before);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Effects;
    use crate::periph::Clocks;
    use crate::time::Now;

    fn write(n: &mut Nvic, offset: u32, value: u32) -> Option<Request> {
        let mut fx = Effects::default();
        let clocks = Clocks::new(1, 0, 1);
        n.write(offset, value, u32::MAX, &mut Context { now: Now::default(), clocks, base: 0xE000_E000, fx: &mut fx })
    }

    fn nvic() -> Nvic {
        Nvic::new(Core::M0Plus, 0x410C_C601)
    }

    #[test]
    fn the_most_urgent_wins_and_ties_go_to_the_lowest_number() {
        let mut n = nvic();
        write(&mut n, 0x100, 0xFF);
        write(&mut n, 0x400, 0x0040_8080);
        n.set_lines(0b110);
        assert_eq!(n.next(false), Some(IRQ0 + 2));
        n.set_lines(0b111);
        n.enter(IRQ0 + 2);
        assert_eq!(n.next(false), None, "0x80 does not preempt 0x40");
        n.set_lines(0b011);
        n.leave(IRQ0 + 2, 0);
        assert_eq!(n.next(false), Some(IRQ0));
        assert_eq!(n.next(true), None, "PRIMASK");
        assert!(n.wakes());
        n.pend_nmi();
        assert_eq!(n.next(true), Some(NMI));
    }

    #[test]
    fn a_line_that_stays_up_pends_again_on_return() {
        let mut n = nvic();
        write(&mut n, 0x100, 1);
        n.set_lines(1);
        n.enter(IRQ0);
        n.set_lines(1);
        assert_eq!(n.next(false), None);
        n.leave(IRQ0, 0);
        assert_eq!(n.next(false), Some(IRQ0));
        write(&mut n, 0x280, 1);
        assert_eq!(n.next(false), Some(IRQ0), "still raised");
        n.set_lines(0);
        write(&mut n, 0x280, 1);
        assert_eq!(n.next(false), None);
    }

    #[test]
    fn reset_wants_the_key_and_vtor_wants_an_m0plus() {
        let mut n = nvic();
        assert_eq!(write(&mut n, 0xD0C, 4), None);
        assert_eq!(write(&mut n, 0xD0C, 0x05FA_0004), Some(Request::Reset));
        write(&mut n, 0xD08, 0x0800_10FF);
        assert_eq!(n.vtor(), 0x0800_1000);
        let mut m0 = Nvic::new(Core::M0, 0);
        write(&mut m0, 0xD08, 0x0800_1000);
        assert_eq!(m0.vtor(), 0);
    }
}
