//! SysTick (DDI0419 B3.3).

use super::registers::registers;
use super::{Clocks, Context, Due, Forecast, Peripheral, masked};
use crate::bus::ResetCause;
use crate::time::Now;

const ENABLE: u32 = 1 << 0;
const TICKINT: u32 = 1 << 1;
const CLKSOURCE: u32 = 1 << 2;
const COUNTFLAG: u32 = 1 << 16;

registers! {
    /// DDI0419 B3.3.2. CVR is cleared by any store.
    pub mod reg {
        0x00 CSR   x  0x0000_0000 0x0000_0007;
        0x04 RVR   rw 0x0000_0000 0x00FF_FFFF;
        0x08 CVR   x  0x0000_0000 0x00FF_FFFF;
        0x0C CALIB r  varies      0x0000_0000;
    }
}
use reg::writes;

/// The system timer, counting down from RVR in HCLK or HCLK / 8.
#[derive(Clone, Debug)]
pub struct SysTick {
    calibration: u32,
    csr: u32,
    rvr: u32,
    cvr: u32,
    flag: bool,
    /// Set at each count from 1 to 0 with TICKINT; taken by the NVIC.
    pending: bool,
    anchor: u64,
}

impl SysTick {
    /// One with this CALIB value.
    pub fn new(calibration: u32) -> SysTick {
        SysTick { calibration, csr: 0, rvr: 0, cvr: 0, flag: false, pending: false, anchor: 0 }
    }

    /// Whether it has asked for its exception since the last call.
    pub fn take_pending(&mut self) -> bool {
        std::mem::take(&mut self.pending)
    }

    /// Whether it counts and asks for its exception when it has counted down.
    pub const fn interrupts(&self) -> bool {
        self.csr & ENABLE != 0 && self.csr & TICKINT != 0
    }

    const fn divider(&self) -> u64 {
        if self.csr & CLKSOURCE != 0 { 1 } else { 8 }
    }

    fn sync(&mut self, cycle: u64) {
        if self.csr & ENABLE == 0 {
            self.anchor = cycle;
            return;
        }
        let mut ticks = cycle.saturating_sub(self.anchor) / self.divider();
        self.anchor += ticks * self.divider();
        while ticks > 0 {
            if self.cvr == 0 {
                if self.rvr == 0 {
                    return;
                }
                self.cvr = self.rvr;
                ticks -= 1;
                let period = u64::from(self.rvr) + 1;
                if self.flag && (self.pending || self.csr & TICKINT == 0) {
                    ticks %= period;
                }
                continue;
            }
            let step = ticks.min(u64::from(self.cvr));
            self.cvr -= step as u32;
            ticks -= step;
            if self.cvr == 0 {
                self.flag = true;
                self.pending |= self.csr & TICKINT != 0;
            }
        }
    }
}

impl Peripheral for SysTick {
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32 {
        self.sync(cx.now.cycle);
        match offset {
            reg::CSR => self.csr | if std::mem::take(&mut self.flag) { COUNTFLAG } else { 0 },
            reg::RVR => self.rvr,
            reg::CVR => self.cvr,
            reg::CALIB => self.calibration,
            _ => cx.other_load(offset, &reg::MAP),
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        self.sync(cx.now.cycle);
        match offset {
            reg::CSR => self.csr = masked(self.csr, value, mask & writes::CSR),
            reg::RVR => self.rvr = masked(self.rvr, value, mask & writes::RVR),
            reg::CVR => {
                self.cvr = 0;
                self.flag = false;
                self.anchor = cx.now.cycle;
            }
            _ => cx.other_store(offset, &reg::MAP),
        }
        cx.fx.events();
        cx.fx.interrupts();
    }

    fn reset(&mut self, _: ResetCause) {
        *self = SysTick { anchor: self.anchor, ..SysTick::new(self.calibration) };
    }

    fn next_event(&self, _: &Clocks) -> Option<Due> {
        if self.csr & (ENABLE | TICKINT) != ENABLE | TICKINT || (self.cvr == 0 && self.rvr == 0) {
            return None;
        }
        let counts = if self.cvr == 0 { u64::from(self.rvr) + 1 } else { u64::from(self.cvr) };
        Some(Due::Cycle(self.anchor + counts * self.divider()))
    }

    fn advance(&mut self, cx: &mut Context<'_>) {
        self.sync(cx.now.cycle);
    }

    fn lines(&self) -> u32 {
        u32::from(self.pending)
    }

    fn forecast(&self, offset: u32, _: Now, _: &Clocks) -> Forecast {
        let stands = self.csr & ENABLE == 0 || (self.cvr == 0 && self.rvr == 0);
        match offset {
            // A load clears COUNTFLAG.
            reg::CSR => Forecast::Unknown,
            reg::CVR if !stands => Forecast::Until(Due::Cycle(self.anchor + self.divider())),
            _ => Forecast::Constant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Effects;
    use crate::periph::check;
    use crate::time::Time;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn forecasts_hold(rvr in 0u32..40, csr in 0u32..8, asked in 1u64..400) {
            let clocks = check::clocks(0);
            let mut t = SysTick::new(6000);
            check::write(&mut t, reg::RVR, rvr, 0, clocks);
            check::write(&mut t, reg::CSR, csr, 3, clocks);
            for offset in [0, 4, 8, 0xC] {
                check::forecast(&t, offset, asked, 100, clocks)?;
            }
        }
    }

    fn with<R>(cycle: u64, f: impl FnOnce(&mut Context<'_>) -> R) -> R {
        let mut fx = Effects::default();
        let now = Now { cycle, time: Time::ZERO };
        f(&mut Context { now, clocks: Clocks::new(8_000_000, 0, 40_000), base: 0xE000_E010, fx: &mut fx })
    }

    #[test]
    fn it_counts_down_reloads_and_flags_once() {
        let mut t = SysTick::new(6000);
        with(0, |cx| t.write(4, 9, u32::MAX, cx));
        with(0, |cx| t.write(8, 123, u32::MAX, cx));
        with(0, |cx| t.write(0, 7, u32::MAX, cx));
        assert_eq!(t.next_event(&Clocks::new(1, 0, 1)), Some(Due::Cycle(10)));
        assert_eq!([1, 2, 9].map(|c| with(c, |cx| t.read(8, cx))), [9, 8, 1]);
        assert!(!t.take_pending());
        assert_eq!(with(10, |cx| t.read(8, cx)), 0);
        assert!(t.take_pending());
        assert_eq!(with(11, |cx| t.read(8, cx)), 9);
        assert_eq!(with(12, |cx| t.read(0, cx)), 7 | COUNTFLAG);
        assert_eq!(with(12, |cx| t.read(0, cx)), 7);
        with(12, |cx| t.read(8, cx));
        assert_eq!(with(10_000_005, |cx| t.read(8, cx)), 5, "long spans");
    }

    #[test]
    fn the_slow_source_is_an_eighth() {
        let mut t = SysTick::new(6000);
        with(0, |cx| t.write(4, 99, u32::MAX, cx));
        with(0, |cx| t.write(0, ENABLE, u32::MAX, cx));
        assert_eq!(with(8 * 11 + 7, |cx| t.read(8, cx)), 89);
    }
}
