//! The digital filter in front of an input (ICxF in TIMx_CCMRx, RM0091 18.4.7, RM0444 22.4.7): a transition comes
//! through with the last of so many samples in a row that have the new level.
//!
//! Where between two edges the samples lie, the manuals do not say: here at multiples of their period since power-on.

/// How an input is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// HCLK cycles from one sample to the next; not 0.
    every: u64,
    /// Samples in a row that make a transition; not 0.
    samples: u64,
}

impl Sampling {
    /// As ICxF and CKD have it, with so many HCLK cycles to a clock of the timer.
    pub fn of(icf: u32, ckd: u32, divider: u32) -> Sampling {
        let dts = 1 << (ckd & 3).min(2);
        let (clocks, samples) = match icf & 0xF {
            0 => (dts, 1),
            1 => (1, 2),
            2 => (1, 4),
            3 => (1, 8),
            4 => (2 * dts, 6),
            5 => (2 * dts, 8),
            6 => (4 * dts, 6),
            7 => (4 * dts, 8),
            8 => (8 * dts, 6),
            9 => (8 * dts, 8),
            n @ 10..=12 => (16 * dts, [5, 6, 8][n as usize - 10]),
            n => (32 * dts, [5, 6, 8][n as usize % 13]),
        };
        Sampling { every: clocks * u64::from(divider.max(1)), samples }
    }

    /// The first sample at or after this cycle.
    const fn first(self, cycle: u64) -> u64 {
        cycle.div_ceil(self.every) * self.every
    }
}

/// The filter of one input. All cycles are HCLK's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// The level at the pin, and since when.
    raw: bool,
    changed: u64,
    /// The level of the last sample before that change, and the first sample in a row that had it.
    sampled: bool,
    since: u64,
    /// The level behind the filter.
    out: bool,
}

impl Filter {
    /// A filter that has seen this level for long.
    pub const fn steady(level: bool, cycle: u64) -> Filter {
        Filter { raw: level, changed: cycle, sampled: level, since: 0, out: level }
    }

    /// Whether nothing is on its way, and nothing comes with this level.
    pub const fn rests_at(&self, level: bool) -> bool {
        self.raw == level && self.out == level
    }

    /// When the level at the pin comes through, if it stays.
    pub fn due(&self, sampling: Sampling) -> Option<u64> {
        let first = if self.sampled == self.raw { self.since } else { sampling.first(self.changed) };
        (self.raw != self.out).then(|| first + (sampling.samples - 1) * sampling.every)
    }

    /// The level at the pin at this cycle; `passed` is called for each transition that came through up to now, with its
    /// cycle and the level.
    pub fn follow(&mut self, level: bool, cycle: u64, sampling: Sampling, mut passed: impl FnMut(u64, bool)) {
        let mut pass_before = |filter: &mut Filter, end: u64| {
            if let Some(at) = filter.due(sampling).filter(|at| *at < end) {
                filter.out = filter.raw;
                passed(at, filter.out);
            }
        };
        if level != self.raw {
            // A sample at this very cycle sees the new level.
            pass_before(self, cycle);
            let first = sampling.first(self.changed);
            if first < cycle && self.sampled != self.raw {
                (self.sampled, self.since) = (self.raw, first);
            }
            (self.raw, self.changed) = (level, cycle);
        }
        pass_before(self, cycle + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_those_of_the_manual() {
        let of = |icf, ckd| {
            let Sampling { every, samples } = Sampling::of(icf, ckd, 1);
            (every, samples)
        };
        assert_eq!([0, 1, 2, 3].map(|f| of(f, 2)), [(4, 1), (1, 2), (1, 4), (1, 8)]);
        assert_eq!([4, 5, 6, 7, 8, 9].map(|f| of(f, 0)), [(2, 6), (2, 8), (4, 6), (4, 8), (8, 6), (8, 8)]);
        assert_eq!([10, 11, 12, 13, 14, 15].map(|f| of(f, 1)), [(32, 5), (32, 6), (32, 8), (64, 5), (64, 6), (64, 8)]);
        assert_eq!(Sampling::of(4, 0, 2), Sampling { every: 4, samples: 6 });
    }

    proptest! {
        /// Against one that takes each sample.
        #[test]
        fn transitions_come_through_with_the_last_sample(
            icf in 0u32..16, ckd in 0u32..3, divider in 1u32..3, steps in prop::collection::vec((1u64..300, any::<bool>()), 1..12),
        ) {
            let sampling = Sampling::of(icf, ckd, divider);
            let mut changes = vec![(0, false)];
            for (step, level) in steps {
                changes.push((changes[changes.len() - 1].0 + step, level));
            }
            let end = changes[changes.len() - 1].0 + 5_000;
            let at = |cycle: u64| changes.iter().rfind(|(from, _)| *from <= cycle).is_some_and(|c| c.1);
            let (mut out, mut row, mut wanted) = (false, 0, Vec::new());
            for cycle in (0..=end).filter(|c| c % sampling.every == 0) {
                row = if at(cycle) == out { 0 } else { row + 1 };
                if row == sampling.samples {
                    (out, row) = (!out, 0);
                    wanted.push((cycle, out));
                }
            }
            // Events alone, and looked at again and again.
            for step in [u64::MAX, 7] {
                let (mut filter, mut found, mut cycle) = (Filter::steady(false, 0), Vec::new(), 0);
                while cycle < end {
                    let next = changes.iter().map(|c| c.0).chain(filter.due(sampling)).filter(|c| *c > cycle).min();
                    cycle = next.unwrap_or(end).min(cycle.saturating_add(step));
                    filter.follow(at(cycle), cycle, sampling, |at, level| found.push((at, level)));
                }
                prop_assert_eq!(&found, &wanted);
            }
        }
    }
}
