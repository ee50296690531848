//! External interrupts: edges of pins and comparators, software events, lines to the NVIC (RM0091 chapter 11, RM0444
//! chapter 12).
//!
//! The board brings the levels of the lines that matter. Lines of other blocks (RTC, PVD, USART and the like) have no
//! edges, and events for `wfe` are told when they are turned on.

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
    /// Lines whose level was seen before.
    known: u32,
    levels: u32,
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
            known: 0,
            levels: 0,
        }
    }

    /// The lines of COMP1 and COMP2.
    pub const fn comparator_lines(family: Family) -> [u32; 2] {
        match family {
            Family::F0 => [21, 22],
            Family::G0 => [17, 18],
        }
    }

    /// The lines whose edges matter: pins in bits 0 to 15, and the comparators'. Masked lines have no memory of edges
    /// (12.3.1; for the F0 taken from its sibling).
    pub const fn watched(&self) -> u32 {
        let [a, b] = Exti::comparator_lines(self.family);
        (self.imr | self.emr) & (self.rtsr | self.ftsr) & (0xFFFF | 1 << a | 1 << b)
    }

    /// The port that stands behind a line, from 0 for A; on the F0 `syscfg` holds it.
    pub const fn port(&self, line: usize, syscfg: &[u32; 4]) -> u32 {
        match self.family {
            Family::F0 => syscfg[line / 4 % 4] >> (4 * (line % 4)) & 0xF,
            Family::G0 => self.exticr[line / 4 % 4] >> (8 * (line % 4)) & 0xFF,
        }
    }

    /// The levels of the watched lines at this instant; what was not watched before has no edge. Whether a flag was
    /// set.
    pub const fn follow(&mut self, levels: u32) -> bool {
        let watched = self.watched();
        let known = self.known & watched;
        let rising = levels & !self.levels & known & self.rtsr;
        let falling = !levels & self.levels & known & self.ftsr;
        self.known = watched;
        self.levels = levels;
        match self.family {
            Family::F0 => self.rising |= rising | falling,
            Family::G0 => {
                self.rising |= rising & self.imr;
                self.falling |= falling & self.imr;
            }
        }
        rising | falling != 0
    }

    const fn software(&mut self, bits: u32) {
        self.rising |= bits & (self.imr | self.emr);
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
            (Family::F0, 0x04) | (Family::G0, 0x84) => {
                self.emr = masked(self.emr, value, mask);
                if self.emr != 0 {
                    cx.unmodelled(offset, "EXTI events do not wake a core that waits for events");
                }
            }
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
                self.known &= !(0xF << (4 * n));
                cx.fx.pins();
            }
            (Family::G0, 0x90) => self.imr2 = masked(self.imr2, value, mask),
            (Family::G0, 0x94) => self.emr2 = masked(self.emr2, value, mask),
            _ => {}
        }
        if self.watched() != self.known {
            cx.fx.pins();
        }
        cx.fx.interrupts();
    }

    fn reset(&mut self, _: ResetCause) {
        *self = Exti::new(self.family, self.imr_reset);
    }

    /// Lines 0 and 1, 2 and 3, 4 to 15, and the comparators, which share the ADC's vector.
    fn lines(&self) -> u32 {
        let raised = (self.rising | self.falling) & self.imr;
        let [a, b] = Exti::comparator_lines(self.family);
        u32::from(raised & 0x3 != 0)
            | u32::from(raised & 0xC != 0) << 1
            | u32::from(raised & 0xFFF0 != 0) << 2
            | u32::from(raised & (1 << a | 1 << b) != 0) << 3
    }

    fn forecast(&self, _: u32, _: Now, _: &Clocks) -> Forecast {
        // Edges come with events of the chip.
        Forecast::Constant
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::periph::check::{clocks, read, write};

    #[test]
    fn the_f0_pends_selected_edges_of_lines_that_are_on() {
        let mut exti = Exti::new(Family::F0, 0x0F94_0000);
        write(&mut exti, 0x08, 1 << 4, 0, clocks(0));
        assert_eq!(exti.watched(), 0);
        write(&mut exti, 0x00, 0x0F94_0010, 0, clocks(0));
        assert_eq!(exti.watched(), 1 << 4);
        exti.follow(0);
        assert!(exti.follow(1 << 4));
        assert_eq!((read(&mut exti, 0x14, 0, clocks(0)), exti.lines()), (1 << 4, 4));
        write(&mut exti, 0x14, 1 << 4, 0, clocks(0));
        exti.follow(0);
        assert_eq!((read(&mut exti, 0x14, 0, clocks(0)), exti.lines()), (0, 0), "falling edges are not selected");
    }

    #[test]
    fn the_g0_tells_rising_from_falling_and_forgets_edges_while_masked() {
        let mut exti = Exti::new(Family::G0, 0xFFF8_0000);
        for (offset, value) in [(0x00, 1 << 18), (0x04, 1 << 18), (0x80, 1 << 18)] {
            write(&mut exti, offset, value, 0, clocks(0));
        }
        exti.follow(0);
        exti.follow(1 << 18);
        assert_eq!((read(&mut exti, 0x0C, 0, clocks(0)), exti.lines()), (1 << 18, 8));
        exti.follow(0);
        assert_eq!(read(&mut exti, 0x10, 0, clocks(0)), 1 << 18);
        for (offset, value) in [(0x0C, 1 << 18), (0x10, 1 << 18), (0x80, 0)] {
            write(&mut exti, offset, value, 0, clocks(0));
        }
        exti.follow(1 << 18);
        write(&mut exti, 0x80, 1 << 18, 0, clocks(0));
        exti.follow(1 << 18);
        assert_eq!((read(&mut exti, 0x0C, 0, clocks(0)), exti.lines()), (0, 0));
    }

    #[test]
    fn software_raises_a_line_that_is_on() {
        let mut exti = Exti::new(Family::F0, 0);
        write(&mut exti, 0x10, 1 << 15, 0, clocks(0));
        assert_eq!(read(&mut exti, 0x14, 0, clocks(0)), 0);
        let mut exti = Exti::new(Family::F0, 1 << 15);
        write(&mut exti, 0x10, 1 << 15, 0, clocks(0));
        assert_eq!((read(&mut exti, 0x14, 0, clocks(0)), read(&mut exti, 0x10, 0, clocks(0))), (1 << 15, 1 << 15));
        write(&mut exti, 0x14, 1 << 15, 0, clocks(0));
        assert_eq!(read(&mut exti, 0x10, 0, clocks(0)), 0);
    }

    #[test]
    fn ports_behind_lines() {
        let mut g0 = Exti::new(Family::G0, 0);
        write(&mut g0, 0x64, 0x0001, 0, clocks(0));
        assert_eq!((g0.port(4, &[0; 4]), g0.port(5, &[0; 4])), (1, 0));
        assert_eq!(Exti::new(Family::F0, 0).port(6, &[0, 0x0100, 0, 0]), 1);
    }
}
