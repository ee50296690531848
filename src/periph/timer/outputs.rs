//! What a timer puts out, for whoever watches a motor's phases (RM0091 17.3.9, RM0444 21.3.10).

use super::{BDTR, CCER, CEN, Timer};
use crate::periph::Clocks;

const MOE: u32 = 1 << 15;

/// All outputs of a timer that are on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outputs {
    /// The counter runs.
    pub counts: bool,
    /// Periods in a second, with the clocks as they are; 0 where it stands.
    pub hz: f64,
    /// Channels with an output that is on; none while MOE is clear on a timer that has it.
    pub channels: Vec<Output>,
}

/// One channel that puts something out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Output {
    /// From 1.
    pub channel: u8,
    /// OCx is on.
    pub main: bool,
    /// OCxN is on.
    pub complementary: bool,
    /// The share of a period in which OCxREF is active, from 0 to 1; none in a mode that is no PWM and not forced.
    pub duty: Option<f64>,
}

impl Timer {
    /// Counts in a second, with the clocks as they are; 0 where it stands.
    pub fn tick_hz(&self, clocks: &Clocks) -> u64 {
        let ticks = (u64::from(self.psc_active) + 1) * u64::from(self.divider);
        if self.runs() { clocks.hclk_hz / ticks } else { 0 }
    }

    /// What it puts out at this cycle, unless code stores into it before. Accesses alone bring a timer up to date.
    pub fn outputs_at(&self, cycle: u64, clocks: &Clocks) -> Outputs {
        let mut then = self.clone();
        then.sync(cycle);
        then.outputs(clocks)
    }

    /// What it puts out as of its last access. Dead time and polarity are left out.
    pub fn outputs(&self, clocks: &Clocks) -> Outputs {
        let counts = self.runs();
        let period = u64::from(self.arr_active) + 1;
        let ticks = period * (u64::from(self.psc_active) + 1) * u64::from(self.divider);
        let hz = if counts { clocks.hclk_hz as f64 / ticks as f64 } else { 0.0 };
        let on = self.clocked && (!self.repetition || self.kept[BDTR] & MOE != 0);
        let channel = |n: usize| {
            let enables = self.kept[CCER] >> (4 * n);
            let (main, complementary) = (enables & 1 != 0, self.repetition && n < 3 && enables & 4 != 0);
            if self.captures(n) || !(main || complementary) {
                return None;
            }
            let share = u64::from(self.compared[n]).min(period) as f64 / period as f64;
            let duty = match ((self.mode(n) >> 4) & 7) | ((self.mode(n) >> 13) & 8) {
                4 => Some(0.0),
                5 => Some(1.0),
                6 => Some(share),
                7 => Some(1.0 - share),
                _ => None,
            };
            Some(Output { channel: n as u8 + 1, main, complementary, duty })
        };
        let channels = if on { (0..self.channels as usize).filter_map(channel).collect() } else { Vec::new() };
        Outputs { counts: counts && self.cr1 & CEN != 0, hz, channels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::periph::check::{clocks, write};
    use crate::periph::timer::reg;
    use crate::periph::timer::tests::timer;

    #[test]
    fn motor_outputs_at_24_khz_wait_for_moe() {
        let mut t = timer("TIM1");
        let setup = [
            (reg::ARR, 1999),
            (reg::CCMR1, 0x6868),
            (reg::CCMR2, 0x68),
            (reg::CCER, 0x555),
            (reg::CCR1, 500),
            (reg::EGR, 1),
            (reg::CR1, 1),
        ];
        for (offset, value) in setup {
            write(&mut t, offset, value, 0, clocks(0));
        }
        assert_eq!(t.outputs(&clocks(0)), Outputs { counts: true, hz: 24_000.0, channels: Vec::new() });
        write(&mut t, reg::BDTR, MOE, 1, clocks(0));
        let outputs = t.outputs(&clocks(0));
        assert_eq!(outputs.channels.len(), 3);
        let first = Output { channel: 1, main: true, complementary: true, duty: Some(0.25) };
        assert_eq!(outputs.channels[0], first);
        write(&mut t, reg::CCR1, 1000, 2, clocks(0));
        assert_eq!(t.outputs(&clocks(0)).channels[0], first, "preloaded: not before the next update");
        let period = 2_000;
        assert_eq!(t.outputs_at(period - 1, &clocks(0)).channels[0], first);
        assert_eq!(t.outputs_at(period, &clocks(0)).channels[0].duty, Some(0.5), "an update that nobody looked at");
        assert_eq!(t.outputs(&clocks(0)).channels[0], first);
        write(&mut t, reg::EGR, 1, 3, clocks(0));
        assert_eq!(t.outputs(&clocks(0)).channels[0].duty, Some(0.5));
    }
}
