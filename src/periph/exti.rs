//! External interrupts: edges of pins and comparators, software events, lines to the NVIC (RM0091 chapter 11, RM0444
//! chapter 12).
//!
//! The board brings the levels of the lines that matter. Lines of other blocks (RTC, PVD, USART and the like) have no
//! edges, and events for `wfe` are told when they are turned on.

use super::registers::{Map, registers};
use super::{Clocks, Context, Forecast, Peripheral, masked};
use crate::bus::ResetCause;
use crate::time::Now;
use std::sync::Arc;

/// Which EXTI it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// The F0's: one flag a line, ports behind lines in SYSCFG.
    F0,
    /// The G0's: a flag for either edge, ports behind lines here.
    G0,
}

registers! {
    /// RM0091 11.3. Edges have lines 0 to 17, 19, 21 and 22, the F031 not the last two (ST's device headers).
    pub mod f0 {
        0x00 IMR   rw varies      0xFFFF_FFFF;
        0x04 EMR   rw 0x0000_0000 0xFFFF_FFFF;
        0x08 RTSR  rw 0x0000_0000 0x006B_FFFF;
        0x0C FTSR  rw 0x0000_0000 0x006B_FFFF;
        0x10 SWIER x  0x0000_0000 0x006B_FFFF;
        0x14 PR    rc 0x0000_0000 0x006B_FFFF;
        reserved 0x18..0x400;
    }
}

registers! {
    /// RM0444 12.5. Edges have lines 0 to 18; the G031 has no comparators, and ends at 16 (ST's device headers).
    pub mod g0 {
        0x00 RTSR1   rw 0x0000_0000 0x0007_FFFF;
        0x04 FTSR1   rw 0x0000_0000 0x0007_FFFF;
        0x08 SWIER1  w  0x0000_0000 0x0007_FFFF;
        0x0C RPR1    rc 0x0000_0000 0x0007_FFFF;
        0x10 FPR1    rc 0x0000_0000 0x0007_FFFF;
        0x60 EXTICR1 rw 0x0000_0000 0xFFFF_FFFF;
        0x64 EXTICR2 rw 0x0000_0000 0xFFFF_FFFF;
        0x68 EXTICR3 rw 0x0000_0000 0xFFFF_FFFF;
        0x6C EXTICR4 rw 0x0000_0000 0xFFFF_FFFF;
        0x80 IMR1    rw varies      0xFFFF_FFFF;
        0x84 EMR1    rw 0x0000_0000 0xFFFF_FFFF;
        0x90 IMR2    rw 0xFFFF_FFFF 0xFFFF_FFFF;
        0x94 EMR2    rw 0x0000_0000 0xFFFF_FFFF;
        reserved 0x14..0x60;
        reserved 0x70..0x80;
        reserved 0x88..0x90;
        reserved 0x98..0x400;
    }
}

/// What a part's file says of its EXTI.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// How many lines it has.
    pub count: u32,
    /// The mask after reset: direct lines are on.
    pub imr: u32,
    /// The lines that have edges and software interrupts.
    pub edges: u32,
    /// The lines behind each of its interrupts, a mask each.
    pub vectors: Arc<[u32]>,
}

/// The EXTI of either family.
#[derive(Clone, Debug)]
pub struct Exti {
    model: Model,
    lines: Lines,
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
    /// As after reset.
    pub fn new(model: Model, lines: Lines) -> Exti {
        Exti {
            model,
            imr: lines.imr,
            lines,
            emr: 0,
            rtsr: 0,
            ftsr: 0,
            rising: 0,
            falling: 0,
            swier: 0,
            exticr: [0; 4],
            imr2: g0::resets::IMR2,
            emr2: 0,
            known: 0,
            levels: 0,
        }
    }

    /// The lines of COMP1 and COMP2.
    pub const fn comparator_lines(&self) -> [u32; 2] {
        match self.model {
            Model::F0 => [21, 22],
            Model::G0 => [17, 18],
        }
    }

    /// The lines whose edges matter: pins in bits 0 to 15, and the comparators'. Masked lines have no memory of edges
    /// (12.3.1; for the F0 taken from its sibling).
    pub const fn watched(&self) -> u32 {
        let [a, b] = self.comparator_lines();
        (self.imr | self.emr) & (self.rtsr | self.ftsr) & (0xFFFF | 1 << a | 1 << b)
    }

    /// The port that stands behind a line, from 0 for A; on the F0 `syscfg` holds it.
    pub const fn port(&self, line: usize, syscfg: &[u32; 4]) -> u32 {
        match self.model {
            Model::F0 => syscfg[line / 4 % 4] >> (4 * (line % 4)) & 0xF,
            Model::G0 => self.exticr[line / 4 % 4] >> (8 * (line % 4)) & 0xFF,
        }
    }

    /// The levels that were last followed.
    pub const fn levels(&self) -> u32 {
        self.levels
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
        match self.model {
            Model::F0 => self.rising |= rising | falling,
            Model::G0 => {
                self.rising |= rising & self.imr;
                self.falling |= falling & self.imr;
            }
        }
        rising | falling != 0
    }

    const fn software(&mut self, bits: u32) {
        self.rising |= bits & (self.imr | self.emr);
    }

    const fn map(&self) -> &'static Map {
        match self.model {
            Model::F0 => &f0::MAP,
            Model::G0 => &g0::MAP,
        }
    }

    /// The lines of the first 32 that there are.
    const fn there(&self) -> u32 {
        if self.lines.count >= 32 { u32::MAX } else { (1 << self.lines.count) - 1 }
    }
}

impl Peripheral for Exti {
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32 {
        match (self.model, offset) {
            (Model::F0, f0::IMR) | (Model::G0, g0::IMR1) => self.imr,
            (Model::F0, f0::EMR) | (Model::G0, g0::EMR1) => self.emr,
            (Model::F0, f0::RTSR) | (Model::G0, g0::RTSR1) => self.rtsr,
            (Model::F0, f0::FTSR) | (Model::G0, g0::FTSR1) => self.ftsr,
            (Model::F0, f0::SWIER) => self.swier,
            (Model::F0, f0::PR) | (Model::G0, g0::RPR1) => self.rising,
            (Model::G0, g0::FPR1) => self.falling,
            (Model::G0, g0::EXTICR1..=g0::EXTICR4) => self.exticr[((offset - g0::EXTICR1) / 4) as usize],
            (Model::G0, g0::IMR2) => self.imr2,
            (Model::G0, g0::EMR2) => self.emr2,
            _ => cx.other_load(offset, self.map()),
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        let lines = mask & self.there();
        let edges = lines & self.lines.edges;
        match (self.model, offset) {
            (Model::F0, f0::IMR) | (Model::G0, g0::IMR1) => self.imr = masked(self.imr, value, lines),
            (Model::F0, f0::EMR) | (Model::G0, g0::EMR1) => {
                self.emr = masked(self.emr, value, lines);
                if self.emr != 0 {
                    cx.unmodelled(offset, "EXTI events do not wake a core that waits for events");
                }
            }
            (Model::F0, f0::RTSR) | (Model::G0, g0::RTSR1) => self.rtsr = masked(self.rtsr, value, edges),
            (Model::F0, f0::FTSR) | (Model::G0, g0::FTSR1) => self.ftsr = masked(self.ftsr, value, edges),
            (Model::F0, f0::SWIER) => {
                self.swier |= value & edges;
                self.software(value & edges);
            }
            (Model::G0, g0::SWIER1) => self.software(value & edges),
            (Model::F0, f0::PR) => {
                self.rising &= !(value & mask);
                self.swier &= !(value & mask);
            }
            (Model::G0, g0::RPR1) => self.rising &= !(value & mask),
            (Model::G0, g0::FPR1) => self.falling &= !(value & mask),
            (Model::G0, g0::EXTICR1..=g0::EXTICR4) => {
                let n = ((offset - g0::EXTICR1) / 4) as usize;
                self.exticr[n] = masked(self.exticr[n], value, mask);
                self.known &= !(0xF << (4 * n));
                cx.fx.pins();
            }
            (Model::G0, g0::IMR2) => self.imr2 = masked(self.imr2, value, mask),
            (Model::G0, g0::EMR2) => self.emr2 = masked(self.emr2, value, mask),
            _ => cx.other_store(offset, self.map()),
        }
        if self.watched() != self.known {
            cx.fx.pins();
        }
        cx.fx.interrupts();
    }

    fn reset(&mut self, _: ResetCause) {
        *self = Exti::new(self.model, self.lines.clone());
    }

    /// An interrupt is asked for by the lines behind it.
    fn lines(&self) -> u32 {
        let raised = (self.rising | self.falling) & self.imr;
        let vectors = self.lines.vectors.iter().enumerate();
        vectors.filter(|(_, lines)| raised & **lines != 0).fold(0, |v, (n, _)| v | 1 << n)
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

    fn exti(model: Model, imr: u32) -> Exti {
        let comparators = if model == Model::F0 { 3 << 21 } else { 3 << 17 };
        let edges = if model == Model::F0 { f0::writes::RTSR } else { g0::writes::RTSR1 };
        Exti::new(model, Lines { count: 32, imr, edges, vectors: Arc::new([0x3, 0xC, 0xFFF0, comparators]) })
    }

    #[test]
    fn the_f0_pends_selected_edges_of_lines_that_are_on() {
        let mut e = exti(Model::F0, 0x0F94_0000);
        write(&mut e, 0x08, 1 << 4, 0, clocks(0));
        assert_eq!(e.watched(), 0);
        write(&mut e, 0x00, 0x0F94_0010, 0, clocks(0));
        assert_eq!(e.watched(), 1 << 4);
        e.follow(0);
        assert!(e.follow(1 << 4));
        assert_eq!((read(&mut e, 0x14, 0, clocks(0)), e.lines()), (1 << 4, 4));
        write(&mut e, 0x14, 1 << 4, 0, clocks(0));
        e.follow(0);
        assert_eq!((read(&mut e, 0x14, 0, clocks(0)), e.lines()), (0, 0), "falling edges are not selected");
    }

    #[test]
    fn the_g0_tells_rising_from_falling_and_forgets_edges_while_masked() {
        let mut e = exti(Model::G0, 0xFFF8_0000);
        for (offset, value) in [(0x00, 1 << 18), (0x04, 1 << 18), (0x80, 1 << 18)] {
            write(&mut e, offset, value, 0, clocks(0));
        }
        e.follow(0);
        e.follow(1 << 18);
        assert_eq!((read(&mut e, 0x0C, 0, clocks(0)), e.lines()), (1 << 18, 8));
        e.follow(0);
        assert_eq!(read(&mut e, 0x10, 0, clocks(0)), 1 << 18);
        for (offset, value) in [(0x0C, 1 << 18), (0x10, 1 << 18), (0x80, 0)] {
            write(&mut e, offset, value, 0, clocks(0));
        }
        e.follow(1 << 18);
        write(&mut e, 0x80, 1 << 18, 0, clocks(0));
        e.follow(1 << 18);
        assert_eq!((read(&mut e, 0x0C, 0, clocks(0)), e.lines()), (0, 0));
    }

    #[test]
    fn software_raises_a_line_that_is_on() {
        let mut e = exti(Model::F0, 0);
        write(&mut e, 0x10, 1 << 15, 0, clocks(0));
        assert_eq!(read(&mut e, 0x14, 0, clocks(0)), 0);
        let mut e = exti(Model::F0, 1 << 15);
        write(&mut e, 0x10, 1 << 15, 0, clocks(0));
        assert_eq!((read(&mut e, 0x14, 0, clocks(0)), read(&mut e, 0x10, 0, clocks(0))), (1 << 15, 1 << 15));
        write(&mut e, 0x14, 1 << 15, 0, clocks(0));
        assert_eq!(read(&mut e, 0x10, 0, clocks(0)), 0);
    }

    #[test]
    fn lines_that_a_part_has_not_stay_0() {
        let mut e = Exti::new(Model::F0, Lines { count: 20, imr: 0, edges: f0::writes::RTSR, vectors: Arc::default() });
        for (offset, there) in [(f0::IMR, 0xF_FFFF), (f0::RTSR, 0xB_FFFF), (f0::SWIER, 0xB_FFFF)] {
            write(&mut e, offset, u32::MAX, 0, clocks(0));
            assert_eq!(read(&mut e, offset, 0, clocks(0)), there);
        }
    }

    #[test]
    fn a_direct_line_has_no_edge_and_no_software_interrupt() {
        for (model, rtsr, swier, pending, all) in [
            (Model::F0, f0::RTSR, f0::SWIER, f0::PR, 0x6B_FFFF),
            (Model::G0, g0::RTSR1, g0::SWIER1, g0::RPR1, 0x7_FFFF),
        ] {
            let mut e = exti(model, u32::MAX);
            write(&mut e, rtsr, u32::MAX, 0, clocks(0));
            write(&mut e, swier, u32::MAX, 0, clocks(0));
            assert_eq!((read(&mut e, rtsr, 0, clocks(0)), read(&mut e, pending, 0, clocks(0))), (all, all));
        }
    }

    #[test]
    fn ports_behind_lines() {
        let mut g0 = exti(Model::G0, 0);
        write(&mut g0, 0x64, 0x0001, 0, clocks(0));
        assert_eq!((g0.port(4, &[0; 4]), g0.port(5, &[0; 4])), (1, 0));
        assert_eq!(exti(Model::F0, 0).port(6, &[0, 0x0100, 0, 0]), 1);
    }
}
