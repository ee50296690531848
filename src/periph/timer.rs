//! The timers TIM1, TIM2, TIM3, TIM6, TIM7 and TIM14 to TIM17 as up-counters (RM0091 chapters 17 to 20, RM0444 21 to 25).
//!
//! The count is computed from the cycle; nothing ticks. Slave modes, external clocks, down-counting, DMA bursts and UIF in the count
//! are not modelled, and told when they are turned on. A register that a timer lacks reads 0, and stores into it lead
//! nowhere.

mod capture;
mod filter;
mod outputs;
pub mod tables;

pub use outputs::{Output, Outputs};
pub use tables::reg;

use super::{Clocks, Context, Due, Forecast, Peripheral, masked};
use crate::bus::ResetCause;
use crate::part::{Kind, PeripheralSpec};
use crate::time::Now;
use tables::WORDS;

const CEN: u32 = 1 << 0;
const UDIS: u32 = 1 << 1;
const URS: u32 = 1 << 2;
const OPM: u32 = 1 << 3;
const DIR_CMS: u32 = 7 << 4;
const ARPE: u32 = 1 << 7;
const UIFREMAP: u32 = 1 << 11;
const UIF: u32 = 1 << 0;
const UG: u32 = 1 << 0;
/// CC1IF to CC4IF.
const CCIF: u32 = 0x1E;
/// SMCR: external clock mode 2.
const ECE: u32 = 1 << 14;
/// CR2: requests of the channels come with the update.
const CCDS: u32 = 1 << 3;

/// One timer.
#[derive(Clone, Debug)]
pub struct Timer {
    /// Largest count: 16 or 32 bits.
    max: u32,
    channels: u32,
    repetition: bool,
    vectors: u32,
    /// The bits of each register that a store can change, by offset / 4; none where it lacks the register.
    writable: [u32; WORDS],
    /// What the registers of [`KEPT`] reset to.
    resets: [u32; KEPT.len()],
    cr1: u32,
    dier: u32,
    sr: u32,
    psc: u32,
    arr: u32,
    rcr: u32,
    ccr: [u32; 4],
    /// What the channels compare with: CCR, behind its preload.
    compared: [u32; 4],
    /// The registers of [`KEPT`].
    kept: [u32; KEPT.len()],
    /// DMA requests that wait, at their flags' positions.
    requests: u32,
    inputs: capture::Inputs,
    psc_active: u32,
    arr_active: u32,
    repeats_left: u32,
    count: u32,
    /// Timer clocks since the last count.
    phase: u32,
    /// HCLK cycle up to which `count` and `phase` stand.
    anchor: u64,
    divider: u32,
    /// Its clock runs.
    clocked: bool,
}

/// Registers that are kept.
const KEPT: [u32; 14] = [
    reg::CR2,
    reg::SMCR,
    reg::CCMR1,
    reg::CCMR2,
    reg::CCER,
    reg::BDTR,
    reg::DCR,
    reg::OR1,
    reg::CCMR3,
    reg::CCR5,
    reg::CCR6,
    reg::AF1,
    reg::AF2,
    reg::TISEL,
];
const CR2: usize = 0;
const CCMR1: usize = 2;
const CCER: usize = 4;
const BDTR: usize = 5;
const TISEL: usize = 13;

impl Timer {
    /// A part's timer as after reset.
    pub fn new(spec: &PeripheralSpec) -> Timer {
        let (kind, map) = (spec.kind, tables::map(spec.kind));
        let channels = match kind {
            Kind::TimBasic => 0,
            Kind::Tim1ch | Kind::TimRepeat => 1,
            Kind::Tim2ch => 2,
            _ => 4,
        };
        let resets = tables::words(map, |register| register.reset_in(spec));
        let mut timer = Timer {
            max: if kind == Kind::Tim32 { u32::MAX } else { 0xFFFF },
            channels,
            repetition: map.at(reg::RCR).is_some(),
            vectors: if kind == Kind::TimAdvanced { 2 } else { 1 },
            writable: tables::words(map, |register| register.writable_in(spec)),
            resets: KEPT.map(|offset| resets[(offset / 4) as usize]),
            cr1: 0,
            dier: 0,
            sr: 0,
            psc: 0,
            arr: 0,
            rcr: 0,
            ccr: [0; 4],
            compared: [0; 4],
            kept: [0; KEPT.len()],
            requests: 0,
            inputs: capture::Inputs::default(),
            psc_active: 0,
            arr_active: 0,
            repeats_left: 0,
            count: 0,
            phase: 0,
            anchor: 0,
            divider: 1,
            clocked: true,
        };
        timer.reset(ResetCause::PowerOn);
        timer
    }

    /// The bits of the register at `offset` that a store can change.
    fn writes(&self, offset: u32) -> u32 {
        self.writable.get((offset / 4) as usize).copied().unwrap_or(0)
    }

    /// Its clock is switched on or off at the instant up to which it was advanced.
    pub const fn set_clocked(&mut self, clocked: bool) {
        self.clocked = clocked;
    }

    /// Counts from one overflow to the next.
    fn to_overflow(&self) -> u64 {
        let top = if self.count <= self.arr_active { self.arr_active } else { self.max };
        u64::from(top - self.count) + 1
    }

    /// Brings the count to `cycle`.
    fn sync(&mut self, cycle: u64) {
        if !self.runs() {
            self.anchor = cycle;
            return;
        }
        let mut ticks = cycle.saturating_sub(self.anchor) / u64::from(self.divider);
        self.anchor += ticks * u64::from(self.divider);
        let mut overflows = 0u32;
        while ticks > 0 {
            let step = u64::from(self.psc_active) + 1;
            let total = u64::from(self.phase) + ticks;
            let counts = total / step;
            if counts < self.to_overflow() {
                self.compare(counts);
                self.count += counts as u32;
                self.phase = (total % step) as u32;
                return;
            }
            let needed = self.to_overflow() * step - u64::from(self.phase);
            self.compare(self.to_overflow() - 1);
            ticks -= needed;
            self.count = 0;
            self.phase = 0;
            self.compare_at_overflow();
            self.overflow();
            if self.cr1 & CEN == 0 {
                return;
            }
            overflows += 1;
            // After two whole periods every flag that a period sets is set: the rest only counts repetitions.
            let period = (u64::from(self.arr_active) + 1) * (u64::from(self.psc_active) + 1);
            if overflows > 2 && ticks > 2 * period && self.settled() {
                let skipped = ticks / period - 1;
                ticks -= skipped * period;
                if self.repetition && self.cr1 & UDIS == 0 {
                    let round = u64::from(self.rcr) + 1;
                    let left = u64::from(self.repeats_left) + round - skipped % round;
                    self.repeats_left = (left % round) as u32;
                }
            }
        }
    }

    /// Whether further update events would change nothing.
    fn settled(&self) -> bool {
        let loaded = self.psc == self.psc_active
            && self.arr == self.arr_active
            && self.ccr == self.compared
            && self.repeats_left <= self.rcr;
        self.cr1 & OPM == 0 && (self.cr1 & UDIS != 0 || (loaded && self.sr & UIF != 0))
    }

    /// Compare flags of the channels that lie in the next `counts` counts.
    fn compare(&mut self, counts: u64) {
        for n in 0..self.channels as usize {
            let ahead = u64::from(self.compared[n].wrapping_sub(self.count));
            if self.compared[n] > self.count && ahead <= counts && !self.captures(n) {
                self.raise(2 << n);
            }
        }
    }

    /// A value beyond ARR has its event with the overflow (CC1IF in TIMx_SR, RM0091 18.4.5, RM0444 22.4.5).
    fn compare_at_overflow(&mut self) {
        for n in 0..self.channels as usize {
            if (self.compared[n] == 0 || self.compared[n] > self.arr_active) && !self.captures(n) {
                self.raise(2 << n);
            }
        }
    }

    /// Sets flags, and the DMA requests that go with them.
    fn raise(&mut self, flags: u32) {
        self.sr |= flags;
        self.requests |= flags & (self.dier >> 8) & (UIF | CCIF);
    }

    /// DMA requests that wait: the update in bit 0, the channels from bit 1 on.
    pub const fn requests(&self) -> u32 {
        if self.clocked { self.requests } else { 0 }
    }

    /// The DMA controller has served a request at `cycle`. What came before, while it stood, was the same request.
    pub fn served(&mut self, request: u32, cycle: u64) {
        self.sync(cycle);
        self.requests &= !request;
    }

    /// CCMR1's or CCMR2's half that belongs to channel `n`, from 0.
    const fn mode(&self, n: usize) -> u32 {
        self.kept[CCMR1 + n / 2] >> (8 * (n % 2))
    }

    /// Whether channel `n`, from 0, is an input.
    const fn captures(&self, n: usize) -> bool {
        self.mode(n) & 3 != 0
    }

    /// CCR counts at once unless it is preloaded.
    fn follow_preload(&mut self) {
        for n in 0..self.channels as usize {
            if self.captures(n) || self.mode(n) & 8 == 0 {
                self.compared[n] = self.ccr[n];
            }
        }
    }

    fn overflow(&mut self) {
        if self.repetition && self.repeats_left > 0 {
            self.repeats_left -= 1;
            return;
        }
        self.update(true);
    }

    /// An update event; `flag` where it may set UIF.
    fn update(&mut self, flag: bool) {
        if self.cr1 & UDIS != 0 {
            return;
        }
        self.psc_active = self.psc;
        self.arr_active = self.arr;
        self.compared = self.ccr;
        self.repeats_left = self.rcr;
        if flag {
            self.raise(UIF);
            if self.cr1 & OPM != 0 {
                self.cr1 &= !CEN;
            }
        }
    }

    fn generate(&mut self, events: u32) {
        if events & UG != 0 {
            self.count = 0;
            self.phase = 0;
            let one_pulse = self.cr1 & OPM;
            self.cr1 &= !OPM;
            self.update(self.cr1 & URS == 0);
            self.cr1 |= one_pulse;
        }
        for n in (0..self.channels as usize).filter(|n| events & (2 << n) != 0) {
            if self.captures(n) { self.capture(n) } else { self.raise(2 << n) }
        }
        self.sr |= events & 0xE0;
    }

    fn kept(offset: u32) -> Option<usize> {
        KEPT.iter().position(|o| *o == offset)
    }

    /// Whether it counts.
    const fn runs(&self) -> bool {
        self.cr1 & CEN != 0 && self.arr_active != 0 && self.clocked
    }

    /// The HCLK cycle at which it will have counted so often.
    fn cycle_after(&self, counts: u64) -> u64 {
        let step = u64::from(self.psc_active) + 1;
        let ticks = (counts * step).saturating_sub(u64::from(self.phase));
        self.anchor.saturating_add(ticks.saturating_mul(u64::from(self.divider)))
    }

    /// The cycle before which none of the flags in `waiting` is set by counting.
    fn next_flag(&self, waiting: u32) -> Option<u64> {
        if !self.runs() {
            return None;
        }
        let overflow = self.to_overflow();
        // With a repetition counter some overflows raise nothing; stopping there is harmless.
        let update = (waiting & UIF != 0).then_some(overflow);
        let compares = (0..self.channels as usize).filter(|n| waiting & (2 << n) != 0 && !self.captures(*n)).map(|n| {
            let ahead = u64::from(self.compared[n].saturating_sub(self.count));
            if ahead > 0 && ahead < overflow { ahead } else { overflow }
        });
        update.into_iter().chain(compares).min().map(|counts| self.cycle_after(counts))
    }
}

impl Peripheral for Timer {
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32 {
        match offset {
            reg::CNT => {
                self.sync(cx.now.cycle);
                self.count
            }
            reg::CR1 => {
                self.sync(cx.now.cycle);
                self.cr1
            }
            reg::DIER => self.dier,
            reg::SR => {
                self.sync(cx.now.cycle);
                self.sr
            }
            reg::PSC => self.psc,
            reg::ARR => self.arr,
            reg::RCR => self.rcr,
            reg::CCR1..=reg::CCR4 if (offset - reg::CCR1) / 4 < self.channels => {
                let n = ((offset - reg::CCR1) / 4) as usize;
                if self.captures(n) {
                    // Reading what was captured clears its flag.
                    self.sr &= !(2 << n);
                    cx.fx.interrupts();
                }
                self.ccr[n]
            }
            _ => match Self::kept(offset) {
                Some(n) => self.kept[n],
                None => cx.other_load(offset, &reg::MAP),
            },
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        self.sync(cx.now.cycle);
        let mask = mask & self.writes(offset);
        let watched = self.watched_inputs();
        match offset {
            reg::CR1 => {
                self.cr1 = masked(self.cr1, value, mask);
                if self.cr1 & DIR_CMS != 0 {
                    cx.unmodelled(offset, "timer counts down or centre-aligned: counted up here");
                }
                if self.cr1 & UIFREMAP != 0 {
                    cx.unmodelled(offset, "UIFREMAP: UIF is not shown in the count");
                }
            }
            reg::DIER => {
                self.dier = masked(self.dier, value, mask);
                self.requests &= self.dier >> 8;
                if self.dier & (1 << 14 | 1 << 13) != 0 {
                    cx.unmodelled(offset, "timer DMA requests on trigger or commutation do not come");
                }
            }
            // rc_w0: a 0 clears, a 1 leaves.
            reg::SR => self.sr &= value | !mask,
            reg::EGR => self.generate(value & mask),
            // The prescaler's own counter runs on: only an update event clears it (TIMx_PSC in RM0091 18.4.11, RM0444
            // 22.4.13); of CNT neither says that it does.
            reg::CNT => self.count = masked(self.count, value, mask) & self.max,
            reg::PSC => self.psc = masked(self.psc, value, mask),
            reg::ARR => {
                self.arr = masked(self.arr, value, mask) & self.max;
                if self.cr1 & ARPE == 0 {
                    self.arr_active = self.arr;
                }
            }
            reg::RCR => self.rcr = masked(self.rcr, value, mask),
            reg::CCR1..=reg::CCR4 if (offset - reg::CCR1) / 4 < self.channels => {
                let n = ((offset - reg::CCR1) / 4) as usize;
                // Read-only as an input.
                if !self.captures(n) {
                    self.ccr[n] = masked(self.ccr[n], value, mask) & self.max;
                    self.follow_preload();
                }
            }
            reg::DMAR if mask != 0 => cx.unmodelled(offset, "timer DMA burst: the write is dropped"),
            _ => match Self::kept(offset) {
                Some(n) => {
                    self.kept[n] = masked(self.kept[n], value, mask & !self.frozen(n));
                    match offset {
                        reg::CR2 if self.kept[CR2] & CCDS != 0 => {
                            cx.unmodelled(offset, "CCDS: DMA requests of the channels come with their own events");
                        }
                        reg::SMCR if self.kept[n] & 0x1_0007 != 0 => {
                            cx.unmodelled(offset, "timer slave mode: the trigger is ignored");
                        }
                        reg::SMCR if self.kept[n] & ECE != 0 => {
                            cx.unmodelled(offset, "timer clocked by its ETR pin: it counts its own clock");
                        }
                        reg::CCER => self.follow_enables(),
                        reg::CCMR1 | reg::CCMR2 => self.follow_preload(),
                        _ => {}
                    }
                    self.tell_inputs(offset, cx);
                }
                None => cx.other_store(offset, &reg::MAP),
            },
        }
        if self.watched_inputs() != watched {
            cx.fx.pins();
        }
        cx.fx.events();
        cx.fx.interrupts();
    }

    fn reset(&mut self, _: ResetCause) {
        self.cr1 = 0;
        self.dier = 0;
        self.sr = 0;
        self.psc = 0;
        self.arr = self.max;
        self.rcr = 0;
        self.ccr = [0; 4];
        self.compared = [0; 4];
        self.kept = self.resets;
        self.requests = 0;
        self.inputs = capture::Inputs::default();
        self.psc_active = 0;
        self.arr_active = self.max;
        self.repeats_left = 0;
        self.count = 0;
        self.phase = 0;
    }

    fn next_event(&self, _: &Clocks) -> Option<Due> {
        // When an enabled interrupt would next be raised, or a DMA request; one that stands already changes nothing.
        let requests = self.dier >> 8 & !self.requests;
        let flag = self.next_flag((self.dier & !self.sr | requests) & (UIF | CCIF));
        flag.into_iter().chain(self.next_edge()).min().map(Due::Cycle)
    }

    fn advance(&mut self, cx: &mut Context<'_>) {
        self.sync(cx.now.cycle);
        // The APB prescaler may have changed: what follows is counted at the new rate.
        self.divider = cx.clocks.timer_divider;
    }

    fn forecast(&self, offset: u32, _: Now, _: &Clocks) -> Forecast {
        let until = |cycle: Option<u64>| cycle.map_or(Forecast::Constant, |c| Forecast::Until(Due::Cycle(c)));
        match offset {
            reg::CNT if self.runs() => {
                let next = self.cycle_after(1);
                if self.to_overflow() == 1 {
                    return Forecast::Until(Due::Cycle(next));
                }
                let period = (u64::from(self.psc_active) + 1) * u64::from(self.divider);
                let last = self.count + (self.to_overflow() - 1) as u32;
                Forecast::Counts { next, period, last }
            }
            // One-pulse mode stops with an update.
            reg::CR1 if self.cr1 & OPM != 0 => until(self.next_flag(UIF)),
            reg::SR => until(self.next_flag(!self.sr & (UIF | CCIF))),
            // Loads of a captured count clear its flag.
            reg::CCR1..=reg::CCR4 if self.captures(((offset - reg::CCR1) / 4) as usize) => Forecast::Unknown,
            _ => Forecast::Constant,
        }
    }

    fn lines(&self) -> u32 {
        let raised = self.sr & self.dier & 0xFF;
        if self.vectors == 1 {
            return u32::from(raised != 0);
        }
        // TIM1: break, update, trigger and commutation on one line, compare on the other.
        u32::from(raised & 0xE1 != 0) | u32::from(raised & 0x1E != 0) << 1
    }
}

#[cfg(test)]
mod tests;
