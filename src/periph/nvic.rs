//! NVIC and System Control Block (DDI0419 B3.2, B3.4): which exception is to be taken next.

use super::irqs::{Irqs, MOST};
use super::registers::registers;
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

registers! {
    /// NVIC (DDI0419 B3.4; on ARMv7-M, DDI0403 B3.4, there are more of each), from 0xE000_E000.
    pub mod reg {
        0x100..0x120 ISER x  0x0000_0000 0xFFFF_FFFF;
        0x180..0x1A0 ICER x  0x0000_0000 0xFFFF_FFFF;
        0x200..0x220 ISPR x  0x0000_0000 0xFFFF_FFFF;
        0x280..0x2A0 ICPR x  0x0000_0000 0xFFFF_FFFF;
        0x400..0x4F0 IPR  x  0x0000_0000 0xC0C0_C0C0;
        reserved 0x120..0x180;
        reserved 0x1A0..0x200;
        reserved 0x220..0x280;
        reserved 0x2A0..0x400;
        reserved 0x4F0..0xD00;
    }
}
const LAST_ISER: u32 = reg::ISER + 0x1C;
const LAST_ICER: u32 = reg::ICER + 0x1C;
const LAST_ISPR: u32 = reg::ISPR + 0x1C;
const LAST_ICPR: u32 = reg::ICPR + 0x1C;
const LAST_IPR: u32 = reg::IPR + 0xEC;

registers! {
    /// System Control Block and MPU (DDI0419 B3.2, B3.5), from 0xE000_E000. Without VTOR or an MPU theirs read 0.
    pub mod scb {
        0xD00 CPUID    r  varies      0x0000_0000;
        0xD04 ICSR     x  0x0000_0000 0x9E00_0000;
        0xD08 VTOR     x  0x0000_0000 0xFFFF_FF00;
        0xD0C AIRCR    x  0xFA05_0000 0x0000_0000;
        0xD10 SCR      rw 0x0000_0000 0x0000_0016;
        0xD14 CCR      r  0x0000_0208 0x0000_0000;
        0xD1C SHPR2    rw 0x0000_0000 0xC000_0000;
        0xD20 SHPR3    rw 0x0000_0000 0xC0C0_0000;
        0xD24 SHCSR    r  0x0000_0000 0x0000_0000;
        0xD30 DFSR     r  0x0000_0000 0x0000_0000;
        0xD90 MPU_TYPE r  varies      0x0000_0000;
        0xD94 MPU_CTRL x  0x0000_0000 0x0000_0000;
        0xD98 MPU_RNR  x  0x0000_0000 0x0000_0000;
        0xD9C MPU_RBAR x  0x0000_0000 0x0000_0000;
        0xDA0 MPU_RASR x  0x0000_0000 0x0000_0000;
        reserved 0xD18..0xD1C;
        reserved 0xD28..0xD30;
        reserved 0xD34..0xD40;
    }
}
/// AIRCR: what reads in the key's place, and the key that a store needs.
const VECTKEY: u32 = 0x05FA;
const SYSRESETREQ: u32 = 1 << 2;
/// The priority bits that are there.
const PRIORITY: u8 = 0xC0;

/// The priority of Thread mode: below everything.
pub const THREAD: i32 = 256;

const SLEEPDEEP: u32 = 1 << 2;
const SEVONPEND: u32 = 1 << 4;

/// What software has asked of the chip through the SCB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemRequest {
    /// SYSRESETREQ.
    Reset,
}

/// Pending and enabled exceptions, their priorities, and the SCB's registers.
#[derive(Clone, Debug)]
pub struct Nvic {
    core: Core,
    cpuid: u32,
    /// The interrupts that there are.
    there: Irqs,
    enabled: Irqs,
    /// Interrupts pended by software or by an edge of their line.
    pending: Irqs,
    /// Lines as the peripherals hold them.
    lines: Irqs,
    /// The active exceptions of the system, by number, and the active interrupts.
    active_system: u16,
    active: Irqs,
    /// The one of them that runs; 0 in Thread mode.
    running: u32,
    /// With SEVONPEND set, something became pending since the last look.
    event: bool,
    priorities: [u8; MOST],
    svcall_priority: u8,
    pendsv_priority: u8,
    systick_priority: u8,
    nmi_pending: bool,
    svcall_pending: bool,
    pendsv_pending: bool,
    systick_pending: bool,
    vtor: u32,
    scr: u32,
    /// How often each exception was taken; as many as the part has.
    taken: Box<[u64]>,
    /// How often a handler was entered.
    entries: u64,
}

impl Nvic {
    /// As after reset, with so many interrupts.
    pub fn new(core: Core, cpuid: u32, interrupts: u32) -> Nvic {
        let interrupts = (interrupts as usize).min(MOST);
        let taken = vec![0; IRQ0 as usize + interrupts].into();
        Nvic::at_reset(core, cpuid, Irqs::first(interrupts), taken)
    }

    fn at_reset(core: Core, cpuid: u32, there: Irqs, taken: Box<[u64]>) -> Nvic {
        Nvic {
            core,
            cpuid,
            there,
            enabled: Irqs::NONE,
            pending: Irqs::NONE,
            lines: Irqs::NONE,
            active_system: 0,
            active: Irqs::NONE,
            running: 0,
            event: false,
            priorities: [0; MOST],
            svcall_priority: 0,
            pendsv_priority: 0,
            systick_priority: 0,
            nmi_pending: false,
            svcall_pending: false,
            pendsv_pending: false,
            systick_pending: false,
            vtor: 0,
            scr: 0,
            taken,
            entries: 0,
        }
    }

    /// A reset of the core.
    pub fn reset(&mut self) {
        let mut taken = std::mem::take(&mut self.taken);
        taken.fill(0);
        *self = Nvic::at_reset(self.core, self.cpuid, self.there, taken);
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
    pub fn set_lines(&mut self, lines: Irqs) {
        let before = self.all_pending();
        let lines = lines & self.there;
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

    /// What is pending, enabled or not: of the system, and interrupts.
    const fn all_pending(&self) -> ([bool; 4], Irqs) {
        ([self.nmi_pending, self.svcall_pending, self.pendsv_pending, self.systick_pending], self.pending)
    }

    /// SEVONPEND makes an event of what was not pending `before` (DDI0419 B3.2.7).
    fn note_event(&mut self, (system, irqs): ([bool; 4], Irqs)) {
        if self.scr & SEVONPEND != 0 {
            let (now, pending) = self.all_pending();
            self.event |= now.into_iter().zip(system).any(|(now, before)| now && !before) || (pending & !irqs).any();
        }
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
        let system = (1..IRQ0).filter(|n| self.active_system >> n & 1 != 0);
        system.chain(self.active.iter().map(|n| n + IRQ0)).map(|n| self.priority(n)).min().unwrap_or(THREAD)
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
        system.chain(irqs.iter().map(|n| n + IRQ0))
    }

    /// Whether anything at all is pending: one test on the fast path.
    pub fn any_pending(&self) -> bool {
        (self.pending & self.enabled).any()
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

    /// What would be taken next, were this exception to return now.
    pub fn next_after(&self, exception: u32, primask: bool) -> Option<u32> {
        let raised = exception >= IRQ0 && self.lines.contains((exception - IRQ0) as usize);
        if !raised && !self.any_pending() {
            return None;
        }
        let mut after = self.clone();
        after.leave(exception, 0);
        after.next(primask)
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
    pub const fn taken(&self) -> &[u64] {
        &self.taken
    }

    /// Counts anew.
    pub fn forget_taken(&mut self) {
        self.taken.fill(0);
    }

    /// The exception is taken: no longer pending, now active.
    pub fn enter(&mut self, exception: u32) {
        match exception {
            NMI => self.nmi_pending = false,
            SVCALL => self.svcall_pending = false,
            PENDSV => self.pendsv_pending = false,
            SYSTICK => self.systick_pending = false,
            n if n >= IRQ0 => self.pending.remove((n - IRQ0) as usize),
            _ => {}
        }
        self.set_active(exception, true);
        if let Some(n) = self.taken.get_mut(exception as usize) {
            *n += 1;
        }
        self.entries += 1;
        self.running = exception;
    }

    /// The exception returns to another handler, or to Thread mode (0). A line that is still raised pends again.
    pub fn leave(&mut self, exception: u32, to: u32) {
        let before = self.all_pending();
        self.set_active(exception, false);
        self.running = to;
        if exception >= IRQ0 {
            let n = (exception - IRQ0) as usize;
            if self.lines.contains(n) {
                self.pending.insert(n);
            }
        }
        self.note_event(before);
    }

    /// How often an exception was taken since the last reset, or since it was forgotten.
    pub fn taken_in_all(&self) -> u64 {
        self.taken.iter().sum()
    }

    /// The enabled interrupts.
    pub const fn enabled(&self) -> Irqs {
        self.enabled
    }

    const fn set_active(&mut self, exception: u32, active: bool) {
        if exception < IRQ0 {
            self.active_system = self.active_system & !(1 << exception) | (active as u16) << exception;
        } else if active {
            self.active.insert((exception - IRQ0) as usize);
        } else {
            self.active.remove((exception - IRQ0) as usize);
        }
    }

    /// The bits of xPSR that hold an exception's number: six on ARMv6-M (DDI0419 B1.4.2), nine where there are more
    /// interrupts than these can tell.
    pub const fn number_mask(&self) -> u32 {
        if self.there.contains(64 - IRQ0 as usize) { 0x1FF } else { 0x3F }
    }

    /// Whether a handler runs.
    pub const fn in_handler(&self) -> bool {
        self.active_system != 0 || self.active.any()
    }

    /// Which entry of a handler runs, counted from 1; 0 in Thread mode.
    pub const fn entry(&self) -> u64 {
        if self.in_handler() { self.entries } else { 0 }
    }

    /// Whether an enabled interrupt could be taken as things stand, were one to come: `systick` where the system timer
    /// asks for one.
    pub fn could_take(&self, primask: bool, systick: bool) -> bool {
        let limit = self.execution_priority().min(if primask { 0 } else { THREAD });
        let lines = self.enabled.iter().map(|n| n + IRQ0);
        lines.chain(systick.then_some(SYSTICK)).any(|n| self.priority(n) < limit)
    }

    /// Whether the exception is active.
    pub const fn is_active(&self, exception: u32) -> bool {
        if exception < IRQ0 {
            self.active_system >> exception & 1 != 0
        } else {
            self.active.contains((exception - IRQ0) as usize)
        }
    }

    /// Whether a handler runs that interrupted another one.
    pub fn is_nested(&self) -> bool {
        self.active_system.count_ones() as usize + self.active.iter().count() > 1
    }

    /// Reads at an offset from 0xE000_E000.
    pub fn read(&self, offset: u32, cx: &mut Context<'_>) -> u32 {
        match offset {
            reg::ISER..=LAST_ISER | reg::ICER..=LAST_ICER => self.enabled.word(word(offset)),
            reg::ISPR..=LAST_ISPR | reg::ICPR..=LAST_ICPR => self.pending.word(word(offset)),
            reg::IPR..=LAST_IPR => {
                let n = (offset - reg::IPR) as usize;
                u32::from_le_bytes([0, 1, 2, 3].map(|i| self.priorities[n + i]))
            }
            scb::CPUID => self.cpuid,
            scb::ICSR => {
                let vect_pending = self.candidates().map(|n| (self.priority(n), n)).min().map_or(0, |(_, n)| n);
                self.running
                    | vect_pending << 12
                    | u32::from((self.pending & self.enabled).any()) << 22
                    | u32::from(self.systick_pending) << 26
                    | u32::from(self.pendsv_pending) << 28
                    | u32::from(self.nmi_pending) << 31
            }
            scb::VTOR => self.vtor,
            scb::AIRCR => scb::resets::AIRCR,
            scb::SCR => self.scr,
            scb::CCR => scb::resets::CCR,
            scb::SHPR2 => u32::from(self.svcall_priority) << 24,
            scb::SHPR3 => u32::from(self.pendsv_priority) << 16 | u32::from(self.systick_priority) << 24,
            scb::SHCSR => u32::from(self.svcall_pending) << 15,
            scb::MPU_TYPE => match self.core {
                Core::M0 => 0,
                Core::M0Plus => 0x800,
            },
            scb::MPU_CTRL..=scb::MPU_RASR if self.core == Core::M0Plus => {
                cx.unmodelled(offset, "the MPU is not modelled");
                0
            }
            offset if offset < scb::CPUID => cx.other_load(offset, &reg::MAP),
            _ => cx.other_load(offset, &scb::MAP),
        }
    }

    /// Writes at an offset from 0xE000_E000; what software asks of the chip comes back.
    pub fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) -> Option<SystemRequest> {
        let set = value & mask;
        let irqs = |offset: u32| Irqs::from_word(word(offset), set);
        let before = self.all_pending();
        cx.fx.interrupts();
        match offset {
            reg::ISER..=LAST_ISER => self.enabled |= irqs(offset) & self.there,
            reg::ICER..=LAST_ICER => self.enabled = self.enabled & !irqs(offset),
            reg::ISPR..=LAST_ISPR => self.pending |= irqs(offset) & self.there,
            // A line that is still raised pends again at once.
            reg::ICPR..=LAST_ICPR => {
                let cleared = irqs(offset);
                self.pending = (self.pending & !cleared) | (cleared & self.lines);
            }
            reg::IPR..=LAST_IPR => {
                let n = (offset - reg::IPR) as usize;
                for (i, (byte, m)) in value.to_le_bytes().into_iter().zip(mask.to_le_bytes()).enumerate() {
                    if m != 0 && self.there.contains(n + i) {
                        self.priorities[n + i] = byte & PRIORITY;
                    }
                }
            }
            scb::ICSR => {
                self.nmi_pending |= set & (1 << 31) != 0;
                self.pendsv_pending = (self.pendsv_pending || set & (1 << 28) != 0) && set & (1 << 27) == 0;
                self.systick_pending = (self.systick_pending || set & (1 << 26) != 0) && set & (1 << 25) == 0;
            }
            scb::VTOR if self.core == Core::M0Plus => self.vtor = masked(self.vtor, value, mask & scb::writes::VTOR),
            scb::AIRCR
                // Without the key the write is dropped.
                if value >> 16 == VECTKEY && value & SYSRESETREQ != 0 => {
                    return Some(SystemRequest::Reset);
                }
            scb::SCR => {
                self.scr = masked(self.scr, value, mask & scb::writes::SCR);
                if self.scr & SLEEPDEEP != 0 {
                    cx.unmodelled(offset, "SLEEPDEEP: sleep stays light");
                }
            }
            scb::SHPR2 => {
                let old = u32::from(self.svcall_priority) << 24;
                self.svcall_priority = (masked(old, value, mask) >> 24) as u8 & PRIORITY;
            }
            scb::SHPR3 => {
                let old = u32::from(self.pendsv_priority) << 16 | u32::from(self.systick_priority) << 24;
                let new = masked(old, value, mask);
                self.pendsv_priority = (new >> 16) as u8 & PRIORITY;
                self.systick_priority = (new >> 24) as u8 & PRIORITY;
            }
            scb::MPU_CTRL..=scb::MPU_RASR if self.core == Core::M0Plus && set != 0 => {
                cx.unmodelled(offset, "the MPU is not modelled");
            }
            offset if offset < scb::CPUID => cx.other_store(offset, &reg::MAP),
            _ => cx.other_store(offset, &scb::MAP),
        }
        self.note_event(before);
        None
    }
}

/// Which of ISER, ICER, ISPR or ICPR stands at `offset`.
const fn word(offset: u32) -> usize {
    (offset as usize & 0x1C) / 4
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Effects;
    use crate::periph::Clocks;
    use crate::time::Now;

    fn write(n: &mut Nvic, offset: u32, value: u32) -> Option<SystemRequest> {
        let mut fx = Effects::default();
        let clocks = Clocks::new(1, 0, 1);
        n.write(offset, value, u32::MAX, &mut Context { now: Now::default(), clocks, base: 0xE000_E000, fx: &mut fx })
    }

    fn nvic() -> Nvic {
        Nvic::new(Core::M0Plus, 0x410C_C601, 32)
    }

    #[test]
    fn the_most_urgent_wins_and_ties_go_to_the_lowest_number() {
        let mut n = nvic();
        write(&mut n, reg::ISER, 0xFF);
        write(&mut n, reg::IPR, 0x0040_8080);
        n.set_lines(Irqs::from_word(0, 0b110));
        assert_eq!(n.next(false), Some(IRQ0 + 2));
        n.set_lines(Irqs::from_word(0, 0b111));
        n.enter(IRQ0 + 2);
        assert_eq!(n.next(false), None, "0x80 does not preempt 0x40");
        n.set_lines(Irqs::from_word(0, 0b011));
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
        write(&mut n, reg::ISER, 1);
        n.set_lines(Irqs::from_word(0, 1));
        n.enter(IRQ0);
        n.set_lines(Irqs::from_word(0, 1));
        assert_eq!(n.next(false), None);
        n.leave(IRQ0, 0);
        assert_eq!(n.next(false), Some(IRQ0));
        write(&mut n, reg::ICPR, 1);
        assert_eq!(n.next(false), Some(IRQ0), "still raised");
        n.set_lines(Irqs::from_word(0, 0));
        write(&mut n, reg::ICPR, 1);
        assert_eq!(n.next(false), None);
    }

    #[test]
    fn the_tables_are_right() {
        let n = nvic();
        let mut fx = Effects::default();
        let mut cx = Context { now: Now::default(), clocks: Clocks::new(1, 0, 1), base: 0xE000_E000, fx: &mut fx };
        for offset in (0x100..0xDA4).step_by(4).filter(|o| !(0xD40..0xD90).contains(o)) {
            let register = reg::MAP.at(offset).or(scb::MAP.at(offset));
            let reset = match register.map(|r| r.offset) {
                Some(scb::CPUID) => 0x410C_C601,
                Some(scb::MPU_TYPE) => 0x800,
                _ => register.and_then(|r| r.reset).unwrap_or(0),
            };
            assert_eq!(n.read(offset, &mut cx), reset, "0x{offset:X}");
        }
        // Told are the MPU's, and nothing else.
        assert_eq!(fx.notes.iter().map(|n| n.address & 0xFF0).collect::<Vec<_>>(), [0xD90, 0xD90, 0xD90, 0xDA0]);
    }

    #[test]
    fn as_many_interrupts_as_the_part_has() {
        let mut n = Nvic::new(Core::M0Plus, 0, 240);
        write(&mut n, reg::ISER + 4, 1 << 8);
        write(&mut n, LAST_ISER, 1 << 15);
        write(&mut n, reg::IPR + 40, 0x40);
        write(&mut n, reg::ISPR + 4, 1 << 8);
        write(&mut n, LAST_ISPR, u32::MAX);
        assert_eq!(n.next(false), Some(IRQ0 + 239), "the other is less urgent");
        n.enter(IRQ0 + 239);
        n.leave(IRQ0 + 239, 0);
        assert_eq!((n.next(false), n.number_mask()), (Some(IRQ0 + 40), 0x1FF));
        let mut n = nvic();
        write(&mut n, reg::ISER + 4, u32::MAX);
        write(&mut n, reg::ISPR + 4, u32::MAX);
        write(&mut n, reg::IPR + 40, 0x40);
        let mut fx = Effects::default();
        let mut cx = Context { now: Now::default(), clocks: Clocks::new(1, 0, 1), base: 0xE000_E000, fx: &mut fx };
        assert_eq!([reg::ISER + 4, reg::ISPR + 4, reg::IPR + 40].map(|o| n.read(o, &mut cx)), [0; 3]);
        assert_eq!((n.next(false), fx.notes.len()), (None, 0));
    }

    #[test]
    fn reset_wants_the_key_and_vtor_wants_an_m0plus() {
        let mut n = nvic();
        assert_eq!(write(&mut n, scb::AIRCR, 4), None);
        assert_eq!(write(&mut n, scb::AIRCR, 0x05FA_0004), Some(SystemRequest::Reset));
        write(&mut n, scb::VTOR, 0x0800_10FF);
        assert_eq!(n.vtor(), 0x0800_1000);
        let mut m0 = Nvic::new(Core::M0, 0, 32);
        write(&mut m0, scb::VTOR, 0x0800_1000);
        assert_eq!(m0.vtor(), 0);
    }
}
