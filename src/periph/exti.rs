//! External interrupts: registers, software events and lines to the NVIC (RM0091 chapter 11, RM0444 chapter 12).
//!
//! Edges of the pins are not followed yet; turning a line on is told.

use super::{Clocks, Context, Forecast, Peripheral, masked};
use crate::bus::ResetCause;
use crate::part::Family;
use crate::time::Now;

/// The EXTI of either family.
#[derive(Clone, Debug)]
pub struct Exti {
    family: Family,
    imr_reset: u32,
    imr: u32,
    emr: u32,
    rtsr: u32,
    ftsr: u32,
    /// F0: PR. G0: RPR1.
    rising: u32,
    /// G0: FPR1.
    falling: u32,
    swier: u32,
    exticr: [u32; 4],
    imr2: u32,
    emr2: u32,
}

impl Exti {
    /// As after reset; `imr_reset` differs between dies.
    pub fn new(family: Family, imr_reset: u32) -> Exti {
        Exti {
            family,
            imr_reset,
            imr: imr_reset,
            emr: 0,
            rtsr: 0,
            ftsr: 0,
            rising: 0,
            falling: 0,
            swier: 0,
            exticr: [0; 4],
            imr2: 0xFFFF_FFFF,
            emr2: 0,
        }
    }

    const fn software(&mut self, bits: u32) {
        self.rising |= bits & (self.imr | self.emr);
    }

    /// A line that waits for edges does so in vain here.
    fn tell(&self, offset: u32, cx: &mut Context<'_>) {
        if self.imr & (self.rtsr | self.ftsr) & 0xFFFF != 0 {
            cx.unmodelled(offset, "an external interrupt line is on: edges of its pin are not followed");
        }
    }
}

impl Peripheral for Exti {
    fn read(&mut self, offset: u32, _: &mut Context<'_>) -> u32 {
        match (self.family, offset) {
            (Family::F0, 0x00) | (Family::G0, 0x80) => self.imr,
            (Family::F0, 0x04) | (Family::G0, 0x84) => self.emr,
            (Family::F0, 0x08) | (Family::G0, 0x00) => self.rtsr,
            (Family::F0, 0x0C) | (Family::G0, 0x04) => self.ftsr,
            (Family::F0, 0x10) => self.swier,
            (Family::F0, 0x14) | (Family::G0, 0x0C) => self.rising,
            (Family::G0, 0x10) => self.falling,
            (Family::G0, 0x60..=0x6C) => self.exticr[((offset - 0x60) / 4) as usize],
            (Family::G0, 0x90) => self.imr2,
            (Family::G0, 0x94) => self.emr2,
            _ => 0,
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        match (self.family, offset) {
            (Family::F0, 0x00) | (Family::G0, 0x80) => self.imr = masked(self.imr, value, mask),
            (Family::F0, 0x04) | (Family::G0, 0x84) => self.emr = masked(self.emr, value, mask),
            (Family::F0, 0x08) | (Family::G0, 0x00) => self.rtsr = masked(self.rtsr, value, mask & 0x007F_FFFF),
            (Family::F0, 0x0C) | (Family::G0, 0x04) => self.ftsr = masked(self.ftsr, value, mask & 0x007F_FFFF),
            (Family::F0, 0x10) => {
                self.swier |= value & mask;
                self.software(value & mask);
            }
            (Family::G0, 0x08) => self.software(value & mask),
            (Family::F0, 0x14) => {
                self.rising &= !(value & mask);
                self.swier &= !(value & mask);
            }
            (Family::G0, 0x0C) => self.rising &= !(value & mask),
            (Family::G0, 0x10) => self.falling &= !(value & mask),
            (Family::G0, 0x60..=0x6C) => {
                let n = ((offset - 0x60) / 4) as usize;
                self.exticr[n] = masked(self.exticr[n], value, mask);
            }
            (Family::G0, 0x90) => self.imr2 = masked(self.imr2, value, mask),
            (Family::G0, 0x94) => self.emr2 = masked(self.emr2, value, mask),
            _ => {}
        }
        self.tell(offset, cx);
        cx.fx.interrupts();
    }

    fn reset(&mut self, _: ResetCause) {
        *self = Exti::new(self.family, self.imr_reset);
    }

    /// Lines 0 and 1, 2 and 3, 4 to 15.
    fn lines(&self) -> u32 {
        let raised = (self.rising | self.falling) & self.imr;
        u32::from(raised & 0x3 != 0) | u32::from(raised & 0xC != 0) << 1 | u32::from(raised & 0xFFF0 != 0) << 2
    }

    fn forecast(&self, _: u32, _: Now, _: &Clocks) -> Forecast {
        Forecast::Constant
    }
}
