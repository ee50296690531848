//! HCLK: converts the core's cycles to time and back, exactly, across changes of frequency.

use crate::time::{Now, Time};

/// The core's clock since its last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hclk {
    since: Now,
    hz: u64,
    /// Picoseconds of a cycle, times 2^32. The rounding error is below a picosecond in a million cycles.
    period: u64,
}

impl Hclk {
    /// A clock of `hz` from this instant on.
    pub fn new(since: Now, hz: u64) -> Hclk {
        let hz = hz.max(1);
        let period = (1_000_000_000_000u128 << 32) / u128::from(hz);
        Hclk { since, hz, period: u64::try_from(period).unwrap_or(u64::MAX) }
    }

    /// Its frequency.
    pub const fn hz(&self) -> u64 {
        self.hz
    }

    /// The instant of a cycle, which is not before the clock's last change.
    pub fn at(&self, cycle: u64) -> Now {
        let cycles = cycle.saturating_sub(self.since.cycle);
        let span = (u128::from(cycles) * u128::from(self.period)) >> 32;
        Now { cycle, time: self.since.time + Time(u64::try_from(span).unwrap_or(u64::MAX)) }
    }

    /// The first cycle at or after `time`.
    pub fn cycle_at(&self, time: Time) -> u64 {
        if time == Time::NEVER {
            return u64::MAX;
        }
        let span = time.since(self.since.time).0;
        let cycles = (u128::from(span) * u128::from(self.hz)).div_ceil(1_000_000_000_000);
        let mut cycle = self.since.cycle.saturating_add(u64::try_from(cycles).unwrap_or(u64::MAX));
        // The fixed-point period may round the other way.
        while cycle < u64::MAX && self.at(cycle).time < time {
            cycle += 1;
        }
        cycle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for hz in [8_000_000u64, 48_000_000, 64_000_000, 16_000_000, 32_000] {
            let clock = Hclk::new(Now { cycle: 77, time: Time(123_456) }, hz);
            for cycle in [77u64, 78, 1_000, 48_000_077, 3_000_000_000] {
                let now = clock.at(cycle);
                assert_eq!(clock.cycle_at(now.time), cycle, "{hz} Hz");
                assert_eq!(clock.cycle_at(now.time + Time(1)), cycle + 1, "{hz} Hz");
            }
        }
        let clock = Hclk::new(Now::default(), 48_000_000);
        assert!(clock.at(48_000_000_000).time.0.abs_diff(1_000_000_000_000_000) < 20, "picoseconds in 1,000 s");
    }
}
