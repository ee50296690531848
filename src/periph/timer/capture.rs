//! Input capture (RM0091 18.3.5, RM0444 22.3.7): edges of a timer's inputs store the count.

use super::filter::{Filter, Sampling};
use super::{CCER, CR2, TISEL, Timer};
use crate::periph::Context;

/// The filters and edge detectors in front of the channels.
#[derive(Clone, Copy, Debug, Default)]
pub struct Inputs {
    /// TI1 to TI4 whose level was seen before.
    known: u32,
    filters: [Filter; 4],
    /// Edges since the last capture, for ICxPSC.
    edges: [u8; 4],
}

impl Timer {
    /// The input behind channel `n`, from 0, where it captures.
    fn input_of(&self, n: usize) -> Option<usize> {
        let enabled = self.kept[CCER] & (1 << (4 * n)) != 0;
        match self.mode(n) & 3 {
            1 if enabled => Some(n),
            2 if enabled => Some(n ^ 1),
            _ => None,
        }
    }

    /// The inputs TI1 to TI4, from bit 0, whose edges matter.
    pub fn watched_inputs(&self) -> u32 {
        (0..self.channels as usize).filter_map(|n| self.input_of(n)).fold(0, |v, input| v | 1 << input)
    }

    /// ICxF of an input, where its own channel is one.
    fn sampling(&self, input: usize) -> Sampling {
        let icf = if self.captures(input) { self.mode(input) >> 4 } else { 0 };
        Sampling::of(icf, self.cr1 >> 8, self.divider)
    }

    /// The inputs' levels at this cycle; what was not watched before has no edge.
    pub fn follow_inputs(&mut self, levels: u32, cycle: u64) {
        let watched = self.watched_inputs();
        let known = if self.clocked { self.inputs.known & watched } else { 0 };
        self.inputs.known = watched;
        for input in (0..4).filter(|input| watched & (1 << input) != 0) {
            let level = levels & (1 << input) != 0;
            if known & (1 << input) == 0 {
                self.inputs.filters[input] = Filter::steady(level, cycle);
                continue;
            }
            let mut filter = self.inputs.filters[input];
            if filter.rests_at(level) {
                continue;
            }
            filter.follow(level, cycle, self.sampling(input), |at, rising| self.edge(input, at, rising));
            self.inputs.filters[input] = filter;
        }
    }

    /// When a level that stands at an input will have come through its filter.
    pub(super) fn next_edge(&self) -> Option<u64> {
        if self.inputs.known == 0 || !self.clocked {
            return None;
        }
        let inputs = self.inputs.known & self.watched_inputs();
        let inputs = (0..4).filter(|input| inputs & (1 << input) != 0);
        inputs.filter_map(|input| self.inputs.filters[input].due(self.sampling(input))).min()
    }

    /// An edge behind the filter of an input.
    fn edge(&mut self, input: usize, cycle: u64, rising: bool) {
        self.sync(cycle);
        for n in 0..self.channels as usize {
            if self.input_of(n) != Some(input) {
                continue;
            }
            let wanted = match (self.kept[CCER] >> (4 * n)) & 0xA {
                0 => rising,
                2 => !rising,
                _ => true,
            };
            if !wanted {
                continue;
            }
            self.inputs.edges[n] += 1;
            if self.inputs.edges[n] >= 1 << ((self.mode(n) >> 2) & 3) {
                self.inputs.edges[n] = 0;
                self.capture(n);
            }
        }
    }

    /// The prescaler of a channel that is off starts anew (IC1PSC in TIMx_CCMR1, RM0091 18.4.7, RM0444 22.4.7).
    pub(super) fn follow_enables(&mut self) {
        for n in (0..self.channels as usize).filter(|n| self.kept[CCER] & (1 << (4 * n)) == 0) {
            self.inputs.edges[n] = 0;
        }
    }

    /// Stores the count; a capture whose forerunner was not fetched says so in CCxOF.
    pub(super) fn capture(&mut self, n: usize) {
        self.ccr[n] = self.count;
        self.compared[n] = self.count;
        if self.sr & (2 << n) != 0 {
            self.sr |= 0x200 << n;
        }
        self.raise(2 << n);
    }

    /// CCxS of a channel that is on, in the register at `n`.
    pub(super) fn frozen(&self, n: usize) -> u32 {
        let Some(first) = n.checked_sub(super::CCMR1).filter(|half| *half < 2).map(|half| 2 * half) else { return 0 };
        let field = |channel: usize| if self.kept[CCER] & (1 << (4 * channel)) != 0 { 3 } else { 0 };
        field(first) | field(first + 1) << 8
    }

    /// Tells what of the inputs is not followed.
    pub(super) fn tell_inputs(&self, offset: u32, cx: &mut Context<'_>) {
        let on = |n: usize| self.kept[CCER] & (1 << (4 * n)) != 0;
        let channels = self.channels as usize;
        if (0..channels).any(|n| on(n) && self.mode(n) & 3 == 3) {
            cx.unmodelled(offset, "timer capture on TRC: nothing is captured");
        }
        if self.watched_inputs() != 0 && (self.kept[CR2] & 0x80 != 0 || self.kept[TISEL] != 0) {
            cx.unmodelled(offset, "timer input from another source than its pin: the pin is followed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::periph::check::{clocks, read, write};
    use crate::periph::timer::reg;
    use crate::periph::timer::tests::timer;
    use crate::periph::{Due, Peripheral};

    /// A timer that captures edges of TI1, as AM32 sets it up.
    fn capturing(ccer: u32, ccmr: u32) -> Timer {
        let mut t = timer("TIM3");
        for (offset, value) in [(reg::CCMR1, ccmr), (reg::CCER, ccer), (reg::DIER, 0x202), (reg::CR1, 1)] {
            write(&mut t, offset, value, 0, clocks(0));
        }
        t.follow_inputs(0, 0);
        t
    }

    #[test]
    fn both_edges_store_the_count_and_ask_for_dma() {
        let mut t = capturing(0xB, 0x01);
        assert_eq!(t.watched_inputs(), 1);
        t.follow_inputs(1, 100);
        assert_eq!((t.requests(), read(&mut t, reg::SR, 100, clocks(0))), (2, 2));
        assert_eq!(read(&mut t, reg::CCR1, 101, clocks(0)), 100);
        assert_eq!(read(&mut t, reg::SR, 101, clocks(0)), 0, "the load cleared CC1IF");
        t.served(2, 101);
        t.follow_inputs(0, 150);
        t.follow_inputs(1, 170);
        assert_eq!(read(&mut t, reg::SR, 170, clocks(0)), 0x202, "one was missed");
        assert_eq!((read(&mut t, reg::CCR1, 170, clocks(0)), t.requests()), (170, 2));
    }

    #[test]
    fn polarity_prescaler_and_the_pairs_other_input() {
        let mut t = capturing(0x3, 0x01);
        t.follow_inputs(1, 10);
        assert_eq!(read(&mut t, reg::SR, 10, clocks(0)), 0, "falling edges alone");
        t.follow_inputs(0, 20);
        assert_eq!(read(&mut t, reg::CCR1, 20, clocks(0)), 20);
        let mut t = capturing(0xB, 0x05);
        t.follow_inputs(1, 10);
        t.follow_inputs(0, 20);
        assert_eq!(read(&mut t, reg::CCR1, 20, clocks(0)), 20, "every second edge");
        let mut t = capturing(0x1, 0x02);
        assert_eq!(t.watched_inputs(), 2);
        t.follow_inputs(2, 30);
        assert_eq!(read(&mut t, reg::CCR1, 30, clocks(0)), 30);
    }

    #[test]
    fn a_filter_delays_edges_and_swallows_glitches() {
        // IC1F = 4, as AM32 has it: 6 samples, at every second clock.
        let mut t = capturing(0xB, 0x41);
        t.follow_inputs(1, 100);
        t.follow_inputs(0, 109);
        assert_eq!(t.next_event(&clocks(0)), None);
        t.follow_inputs(1, 201);
        assert_eq!(t.next_event(&clocks(0)), Some(Due::Cycle(212)));
        t.follow_inputs(1, 211);
        assert_eq!(read(&mut t, reg::SR, 211, clocks(0)), 0);
        t.follow_inputs(1, 212);
        assert_eq!((read(&mut t, reg::SR, 213, clocks(0)), read(&mut t, reg::CCR1, 213, clocks(0))), (2, 212));
    }

    #[test]
    fn a_channel_that_is_turned_off_counts_its_prescaler_anew() {
        let mut t = capturing(0xB, 0x05);
        t.follow_inputs(1, 10);
        for ccer in [0, 0xB] {
            write(&mut t, reg::CCER, ccer, 15, clocks(0));
        }
        t.follow_inputs(0, 20);
        assert_eq!(read(&mut t, reg::SR, 20, clocks(0)), 0);
        t.follow_inputs(1, 30);
        assert_eq!(read(&mut t, reg::CCR1, 30, clocks(0)), 30);
    }

    #[test]
    fn an_input_that_is_turned_on_high_has_no_edge() {
        let mut t = capturing(0x0, 0x01);
        write(&mut t, reg::CCER, 1, 5, clocks(0));
        t.follow_inputs(1, 5);
        assert_eq!(read(&mut t, reg::SR, 5, clocks(0)), 0);
        write(&mut t, reg::CCMR1, 0, 6, clocks(0));
        assert_eq!(read(&mut t, reg::CCMR1, 6, clocks(0)), 1, "CC1S is frozen while the channel is on");
    }
}
