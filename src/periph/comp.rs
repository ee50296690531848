//! The comparators COMP1 and COMP2 of the F05x (RM0091 chapter 15) and the G071 (RM0444 chapter 17).
//!
//! The bench says which input is the higher one, as a timeline for each comparator: voltages, hysteresis, blanking
//! and the outputs to pins and timers are left out.

use super::registers::registers;
use super::signal::{Drive, Signal};
use super::{Clocks, Context, Due, Forecast, Peripheral, masked};
use crate::bus::ResetCause;
use crate::time::{Now, Time};

/// Which comparators they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// The F05x's: both in one word of SYSCFG.
    F0,
    /// The G071's: a word each.
    G0,
}

registers! {
    /// RM0444 17.6.
    pub mod g0 {
        0x00 COMP1_CSR x  0x0000_0000 0x81FF_CBF1;
        0x04 COMP2_CSR x  0x0000_0000 0x81FF_CBF1;
        reserved 0x08..0x200;
    }
}

/// Both comparators. The F0's two halves of one word are kept as one word each.
#[derive(Clone, Debug)]
pub struct Comp {
    model: Model,
    csr: [u32; 2],
    /// High where the plus input is above the minus input. A reset leaves it.
    wires: [Signal; 2],
    watched: u32,
    next: Option<Time>,
}

impl Comp {
    /// As after reset, with the plus inputs below the minus inputs.
    pub fn new(model: Model) -> Comp {
        Comp { model, csr: [0; 2], wires: Default::default(), watched: 0, next: None }
    }

    /// Sets which input of comparator `n`, 0 or 1, is the higher one: [`Drive::High`] where it is the plus input.
    pub fn drive(&mut self, n: usize, signal: Signal) {
        if let Some(wire) = self.wires.get_mut(n) {
            *wire = signal;
            if self.watched & (1 << n) != 0 {
                // To be found out anew.
                self.next = Some(Time::ZERO);
            }
        }
    }

    /// The outputs after polarity, COMP1 in bit 0; one that is off gives 0.
    pub fn outputs(&self, time: Time) -> u32 {
        let polarity = if self.model == Model::F0 { 11 } else { 15 };
        (0..2).fold(0, |v, n| {
            let on = self.csr[n] & 1 != 0;
            let above = self.wires[n].at(time) == Drive::High;
            v | u32::from(on && above != (self.csr[n] >> polarity & 1 != 0)) << n
        })
    }

    /// Says whose edges matter from this instant on.
    pub fn watch(&mut self, watched: u32, time: Time) {
        self.watched = watched;
        self.next = (0..2)
            .filter(|n| watched & (1 << n) != 0 && self.csr[*n] & 1 != 0)
            .filter_map(|n| self.wires[n].next_change(time))
            .min();
    }

    /// The F0's word in SYSCFG.
    pub fn read_f0(&self, time: Time) -> u32 {
        let outputs = self.outputs(time);
        self.csr[0] | (outputs & 1) << 14 | self.csr[1] << 16 | (outputs >> 1) << 30
    }

    /// The same, written. A locked half is read-only until the next reset.
    pub fn write_f0(&mut self, value: u32, mask: u32, cx: &mut Context<'_>) {
        // COMP2 has WNDWEN instead of SW1.
        for (n, writable) in [0xBF7F, 0xBFFD].into_iter().enumerate() {
            if self.csr[n] & (1 << 15) == 0 {
                self.csr[n] = masked(self.csr[n], value >> (16 * n), mask >> (16 * n) & writable);
            }
        }
        cx.fx.pins();
    }
}

impl Peripheral for Comp {
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32 {
        match offset {
            g0::COMP1_CSR | g0::COMP2_CSR => {
                let n = offset / 4;
                self.csr[n as usize] | (self.outputs(cx.now.time) >> n & 1) << 30
            }
            _ => cx.other_load(offset, &g0::MAP),
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        let Some(csr) = self.csr.get_mut(offset as usize / 4) else {
            cx.other_store(offset, &g0::MAP);
            return;
        };
        if *csr & (1 << 31) == 0 {
            *csr = masked(*csr, value, mask & g0::writes::COMP1_CSR);
            if *csr & (1 << 11 | 1 << 14) != 0 {
                cx.unmodelled(offset, "comparator window mode: each follows its own inputs");
            }
        }
        cx.fx.pins();
    }

    fn reset(&mut self, _: ResetCause) {
        *self = Comp { wires: self.wires.clone(), ..Comp::new(self.model) };
    }

    fn next_event(&self, _: &Clocks) -> Option<Due> {
        self.next.map(Due::Time)
    }

    fn forecast(&self, _: u32, now: Now, _: &Clocks) -> Forecast {
        Forecast::until_first(now.time, self.wires.iter().filter_map(|w| w.next_change(now.time)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::periph::check::{self, clocks, read, write};

    fn timeline() -> Signal {
        Signal::timeline(Drive::Low, vec![(Time::from_micros(10), Drive::High), (Time::from_micros(20), Drive::Low)])
    }

    #[test]
    fn the_output_follows_the_bench_and_the_polarity() {
        let mut comp = Comp::new(Model::G0);
        comp.drive(1, timeline());
        assert_eq!(read(&mut comp, 4, 600, clocks(0)), 0, "it is off");
        write(&mut comp, 4, 0x281, 0, clocks(0));
        let value = |comp: &mut Comp, us: u64| read(comp, 4, 48 * us, clocks(0)) >> 30;
        assert_eq!([9, 11, 21].map(|us| value(&mut comp, us)), [0, 1, 0]);
        write(&mut comp, 4, 0x8281, 0, clocks(0));
        assert_eq!([9, 11, 21].map(|us| value(&mut comp, us)), [1, 0, 1]);
        let forecast = check::forecast(&comp, 4, 10, 2_000, clocks(0)).unwrap();
        assert_eq!(forecast, Forecast::Until(Due::Time(Time::from_micros(10))));
    }

    #[test]
    fn watched_edges_are_events() {
        let mut comp = Comp::new(Model::F0);
        comp.drive(0, timeline());
        write(&mut comp, 0, 1, 0, clocks(0));
        assert_eq!(comp.next_event(&clocks(0)), None);
        comp.watch(1, Time::from_micros(15));
        assert_eq!(comp.next_event(&clocks(0)), Some(Due::Time(Time::from_micros(20))));
    }

    #[test]
    fn the_f0_keeps_both_in_one_word_and_locks_each_half() {
        let mut fx = crate::bus::Effects::default();
        let mut cx = Context { now: check::at(0), clocks: clocks(0), base: 0, fx: &mut fx };
        let mut comp = Comp::new(Model::F0);
        comp.drive(0, Signal::steady(Drive::High));
        comp.write_f0(0x0061_8041, u32::MAX, &mut cx);
        assert_eq!(comp.read_f0(Time::ZERO), 0x0061_C041);
        comp.write_f0(0, u32::MAX, &mut cx);
        assert_eq!(comp.read_f0(Time::ZERO), 0x0000_C041);
    }
}
