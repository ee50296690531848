//! The ADC as far as code waits for it: calibration, ready, conversion flags (RM0091 chapter 13, RM0444 chapter 15).

use super::{Clocks, Context, Due, Forecast, Peripheral, masked};
use crate::bus::ResetCause;
use crate::part::Family;
use crate::time::{Now, Time};

const ADRDY: u32 = 1 << 0;
const EOSMP: u32 = 1 << 1;
const EOC: u32 = 1 << 2;
const EOS: u32 = 1 << 3;
const CCRDY: u32 = 1 << 13;
const EOCAL: u32 = 1 << 11;
const ADEN: u32 = 1 << 0;
const ADDIS: u32 = 1 << 1;
const ADSTART: u32 = 1 << 2;
const ADSTP: u32 = 1 << 4;
const ADVREGEN: u32 = 1 << 28;
const ADCAL: u32 = 1 << 31;

/// Calibration: 83 cycles of 14 MHz (F0), 82 of PCLK / 2 or slower (G0).
const CALIBRATION: Time = Time::from_nanos(5_930);
/// Stabilisation after ADEN.
const STABLE: Time = Time::from_nanos(1_000);
/// One conversion: 12.5 cycles and a short sample at 14 MHz.
const CONVERSION: Time = Time::from_nanos(1_000);

/// The converter. Every channel reads half scale.
#[derive(Clone, Debug)]
pub struct Adc {
    family: Family,
    isr: u32,
    ier: u32,
    cr: u32,
    /// CFGR1, CFGR2, SMPR, TR, CHSELR, CCR, CALFACT and the other watchdogs: kept.
    kept: [u32; 10],
    data: u32,
    calibrated_at: Time,
    ready_at: Time,
    converted_at: Time,
}

const KEPT: [u32; 10] = [0x0C, 0x10, 0x14, 0x20, 0x24, 0x28, 0x2C, 0xA0, 0xB4, 0x308];

impl Adc {
    /// As after reset.
    pub fn new(family: Family) -> Adc {
        let never = Time::NEVER;
        Adc {
            family,
            isr: 0,
            ier: 0,
            cr: 0,
            kept: [0; 10],
            data: 0,
            calibrated_at: never,
            ready_at: never,
            converted_at: never,
        }
    }

    fn sync(&mut self, now: Time) {
        if now >= self.calibrated_at {
            self.calibrated_at = Time::NEVER;
            self.cr &= !ADCAL;
            match self.family {
                // The factor stands in DR[6:0] on the F0, in CALFACT on the G0.
                Family::F0 => self.data = 0x40,
                Family::G0 => {
                    self.isr |= EOCAL;
                    self.kept[8] = 0x32;
                }
            }
        }
        if now >= self.ready_at {
            self.ready_at = Time::NEVER;
            self.isr |= ADRDY;
        }
        if now >= self.converted_at {
            self.converted_at = Time::NEVER;
            self.isr |= EOSMP | EOC | EOS;
            self.data = 0x800;
            // Continuous mode goes on; single mode stops.
            if self.kept[0] & (1 << 13) == 0 {
                self.cr &= !ADSTART;
            } else {
                self.converted_at = now + CONVERSION;
            }
        }
    }
}

impl Peripheral for Adc {
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32 {
        self.sync(cx.now.time);
        match offset {
            0x00 => self.isr,
            0x04 => self.ier,
            0x08 => self.cr,
            0x40 => {
                self.isr &= !EOC;
                self.data
            }
            _ => KEPT.iter().position(|o| *o == offset).map_or(0, |n| self.kept[n]),
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        let now = cx.now.time;
        self.sync(now);
        match offset {
            0x00 => self.isr &= !(value & mask),
            0x04 => self.ier = masked(self.ier, value, mask & 0x2FFF),
            0x08 => {
                let set = value & mask;
                if self.family == Family::G0 {
                    self.cr = masked(self.cr, value, mask & ADVREGEN);
                }
                if set & ADCAL != 0 && self.cr & ADEN == 0 {
                    self.cr |= ADCAL;
                    self.calibrated_at = now + CALIBRATION;
                }
                if set & ADEN != 0 && self.cr & (ADCAL | ADEN) == 0 {
                    self.cr |= ADEN;
                    self.ready_at = now + STABLE;
                }
                if set & ADDIS != 0 && self.cr & ADEN != 0 {
                    self.cr &= !(ADEN | ADDIS | ADSTART);
                    self.isr &= !ADRDY;
                    self.ready_at = Time::NEVER;
                    self.converted_at = Time::NEVER;
                }
                if set & ADSTART != 0 && self.cr & ADEN != 0 {
                    self.cr |= ADSTART;
                    self.converted_at = now + CONVERSION;
                    if self.kept[0] & 1 != 0 {
                        cx.unmodelled(offset, "ADC conversion with DMA: nothing is transferred");
                    }
                }
                if set & ADSTP != 0 {
                    self.cr &= !ADSTART;
                    self.converted_at = Time::NEVER;
                }
            }
            _ => {
                if let Some(n) = KEPT.iter().position(|o| *o == offset) {
                    self.kept[n] = masked(self.kept[n], value, mask);
                    if self.family == Family::G0 && offset == 0x28 {
                        self.isr |= CCRDY;
                    }
                }
            }
        }
        cx.fx.events();
        cx.fx.interrupts();
    }

    fn reset(&mut self, _: ResetCause) {
        *self = Adc::new(self.family);
    }

    fn next_event(&self, _: &Clocks) -> Option<Due> {
        // Only an enabled interrupt makes the instant matter.
        let next = [(ADRDY, self.ready_at), (EOCAL, self.calibrated_at), (EOC | EOS | EOSMP, self.converted_at)];
        next.into_iter().filter(|(bits, t)| self.ier & bits != 0 && *t != Time::NEVER).map(|(_, t)| Due::Time(t)).next()
    }

    fn advance(&mut self, cx: &mut Context<'_>) {
        self.sync(cx.now.time);
    }

    fn lines(&self) -> u32 {
        u32::from(self.isr & self.ier != 0)
    }

    fn forecast(&self, offset: u32, now: Now, _: &Clocks) -> Forecast {
        match offset {
            0x00 | 0x08 => Forecast::until_first(now.time, [self.calibrated_at, self.ready_at, self.converted_at]),
            // A load of the data clears EOC; CALFACT comes with the end of calibration.
            0x40 | 0xB4 => Forecast::Unknown,
            _ => Forecast::Constant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Effects;

    #[test]
    fn calibration_ready_and_conversion_come_in_time() {
        let mut adc = Adc::new(Family::F0);
        let at = |adc: &mut Adc, ns: u64, write: Option<(u32, u32)>| {
            let mut fx = Effects::default();
            let clocks = Clocks::new(48_000_000, 0, 40_000);
            let now = Now { cycle: 0, time: Time::from_nanos(ns) };
            let mut cx = Context { now, clocks, base: 0x4001_2400, fx: &mut fx };
            if let Some((offset, value)) = write {
                adc.write(offset, value, u32::MAX, &mut cx);
            }
            (adc.read(0, &mut cx), adc.read(8, &mut cx))
        };
        assert_eq!(at(&mut adc, 0, Some((8, ADCAL))), (0, ADCAL));
        assert_eq!(at(&mut adc, 6_000, Some((8, ADEN))), (0, ADEN), "calibration has cleared itself");
        assert_eq!(at(&mut adc, 7_000, None), (ADRDY, ADEN));
        assert_eq!(at(&mut adc, 8_000, Some((8, ADSTART))).1, ADEN | ADSTART);
        assert_eq!(at(&mut adc, 9_000, None), (ADRDY | EOSMP | EOC | EOS, ADEN));
    }
}
