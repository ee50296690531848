//! The window watchdog (RM0091 chapter 24, RM0444 chapter 29). Its prescaler starts with each reload here, and its
//! counter stands until it is started; the chip's run freely, so that a reset there comes up to one count earlier.

use super::registers::registers;
use super::{Clocks, Context, Due, Forecast, Peripheral, masked};
use crate::bus::ResetCause;
use crate::time::Now;

const WDGA: u32 = 1 << 7;
const EWI: u32 = 1 << 9;
/// T6: the chip is reset when it falls.
const T6: u32 = 0x40;

/// Which watchdog it is: they differ in the prescaler's field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// The F0's: WDGTB in CFR's bits 7 and 8.
    F0,
    /// The G0's: in its bits 11 to 13.
    G0,
}

registers! {
    /// RM0091 24.6.
    pub mod f0 {
        0x00 CR  x  0x0000_007F 0x0000_00FF;
        0x04 CFR rw 0x0000_007F 0x0000_03FF;
        0x08 SR  rc 0x0000_0000 0x0000_0001;
        reserved 0x0C..0x400;
    }
}

registers! {
    /// RM0444 29.5.
    pub mod g0 {
        0x00 CR  x  0x0000_007F 0x0000_00FF;
        0x04 CFR rw 0x0000_007F 0x0000_3A7F;
        0x08 SR  rc 0x0000_0000 0x0000_0001;
        reserved 0x0C..0x400;
    }
}

/// The offsets are the same on both.
use f0 as reg;

/// The watchdog, counting down PCLK / 4096 / 2^WDGTB.
#[derive(Clone, Debug)]
pub struct Wwdg {
    model: Model,
    on: bool,
    cfr: u32,
    early: bool,
    /// The counter at `anchor`.
    counter: u32,
    anchor: u64,
    /// HCLK cycles in one PCLK cycle.
    apb_divider: u64,
}

impl Wwdg {
    /// As after reset.
    pub const fn new(model: Model) -> Wwdg {
        let (cfr, counter) = (reg::resets::CFR, reg::resets::CR);
        Wwdg { model, on: false, cfr, early: false, counter, anchor: 0, apb_divider: 1 }
    }

    /// Whether it runs.
    pub const fn is_on(&self) -> bool {
        self.on
    }

    const fn period(&self) -> u64 {
        let tb = match self.model {
            Model::F0 => self.cfr >> 7 & 3,
            Model::G0 => self.cfr >> 11 & 7,
        };
        (4096 << tb) * self.apb_divider
    }

    /// The cycle at which the counter falls to `value`, where that lies ahead.
    fn cycle_of(&self, value: u32) -> Option<u64> {
        self.counter.checked_sub(value).map(|counts| self.anchor.saturating_add(u64::from(counts) * self.period()))
    }

    fn sync(&mut self, cycle: u64) {
        if !self.on {
            self.anchor = cycle;
            return;
        }
        let counts = cycle.saturating_sub(self.anchor) / self.period();
        self.anchor += counts * self.period();
        let before = self.counter;
        self.counter = before.wrapping_sub(counts as u32) & 0x7F;
        self.early |= before > T6 && u64::from(before - T6) <= counts;
    }
}

impl Peripheral for Wwdg {
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32 {
        self.sync(cx.now.cycle);
        match offset {
            reg::CR => self.counter | if self.on { WDGA } else { 0 },
            reg::CFR => self.cfr,
            reg::SR => u32::from(self.early),
            _ => cx.other_load(offset, &reg::MAP),
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        self.sync(cx.now.cycle);
        match offset {
            reg::CR => {
                let wanted = masked(self.counter, value, mask);
                // Fed before the counter has come down to the window.
                let too_early = self.on && self.counter > self.cfr & 0x7F;
                self.on |= wanted & WDGA != 0;
                self.counter = wanted & 0x7F;
                self.anchor = cx.now.cycle;
                if self.on && (too_early || self.counter & T6 == 0) {
                    cx.fx.reset(ResetCause::Wwdg);
                }
            }
            reg::CFR => {
                // EWI stays once it is set.
                let writable = match self.model {
                    Model::F0 => f0::writes::CFR,
                    Model::G0 => g0::writes::CFR,
                };
                self.cfr = masked(self.cfr, value, mask & writable) | self.cfr & EWI;
            }
            reg::SR => self.early &= value & mask & 1 != 0 || mask & 1 == 0,
            _ => cx.other_store(offset, &reg::MAP),
        }
        cx.fx.events();
        cx.fx.interrupts();
    }

    fn reset(&mut self, _: ResetCause) {
        *self = Wwdg { anchor: self.anchor, apb_divider: self.apb_divider, ..Wwdg::new(self.model) };
    }

    fn next_event(&self, _: &Clocks) -> Option<Due> {
        if !self.on {
            return None;
        }
        let early = if self.cfr & EWI != 0 && !self.early { self.cycle_of(T6) } else { None };
        early.into_iter().chain(self.cycle_of(T6 - 1)).min().map(Due::Cycle)
    }

    fn advance(&mut self, cx: &mut Context<'_>) {
        self.sync(cx.now.cycle);
        if self.on && self.counter & T6 == 0 {
            cx.fx.reset(ResetCause::Wwdg);
        }
        self.apb_divider = u64::from(cx.clocks.apb_divider);
    }

    fn lines(&self) -> u32 {
        u32::from(self.early && self.cfr & EWI != 0)
    }

    fn forecast(&self, offset: u32, _: Now, _: &Clocks) -> Forecast {
        match offset {
            reg::CR | reg::SR if self.on => Forecast::Until(Due::Cycle(self.anchor.saturating_add(self.period()))),
            _ => Forecast::Constant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Effects;
    use crate::periph::check::{self, clocks, read, write};
    use proptest::prelude::*;

    fn reset_by(w: &mut Wwdg, cycle: u64, store: Option<u32>) -> Option<ResetCause> {
        let mut fx = Effects::default();
        let mut cx = Context { now: check::at(cycle), clocks: clocks(0), base: 0, fx: &mut fx };
        match store {
            Some(value) => w.write(0, value, u32::MAX, &mut cx),
            None => w.advance(&mut cx),
        }
        fx.reset
    }

    #[test]
    fn it_warns_then_resets_when_it_is_not_fed() {
        let mut w = Wwdg::new(Model::F0);
        write(&mut w, reg::CFR, EWI | 0x7F, 0, clocks(0));
        write(&mut w, reg::CR, WDGA | 0x42, 0, clocks(0));
        assert_eq!(w.next_event(&clocks(0)), Some(Due::Cycle(2 * 4096)));
        assert_eq!((reset_by(&mut w, 2 * 4096, None), w.lines()), (None, 1));
        assert_eq!(w.next_event(&clocks(0)), Some(Due::Cycle(3 * 4096)));
        assert_eq!(reset_by(&mut w, 3 * 4096 - 1, None), None);
        assert_eq!(reset_by(&mut w, 3 * 4096, None), Some(ResetCause::Wwdg));
    }

    #[test]
    fn feeding_it_before_the_window_resets_too() {
        let mut w = Wwdg::new(Model::G0);
        write(&mut w, reg::CFR, 1 << 11 | 0x50, 0, clocks(0));
        assert_eq!(reset_by(&mut w, 0, Some(WDGA | 0x52)), None);
        assert_eq!(read(&mut w, reg::CR, 2 * 8192, clocks(0)), WDGA | 0x50);
        assert_eq!(reset_by(&mut w, 2 * 8192, Some(WDGA | 0x52)), None);
        assert_eq!(reset_by(&mut w, 2 * 8192 + 8191, Some(WDGA | 0x52)), Some(ResetCause::Wwdg));
    }

    proptest! {
        #[test]
        fn forecasts_hold(g0 in any::<bool>(), cr in 0x40u32..0x100, cfr in 0u32..0x400, asked in 1u64..70_000) {
            let mut w = Wwdg::new(if g0 { Model::G0 } else { Model::F0 });
            write(&mut w, reg::CFR, cfr, 0, clocks(0));
            write(&mut w, reg::CR, cr, 3, clocks(0));
            for offset in [0, 4, 8] {
                check::forecast(&w, offset, asked, 5_000, clocks(0))?;
            }
        }
    }
}
