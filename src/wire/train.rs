//! The same frame again and again.

use super::noise::random;
use crate::periph::signal::{Drive, Wave};
use crate::time::Time;
use std::sync::Arc;

/// A frame that is repeated, as a function of time since its part's begin.
#[derive(Clone, Debug)]
pub struct Train {
    /// The line between frames.
    pub rest: Drive,
    /// The frame: changes at offsets, in ascending order, the first at 0. Its last is the line's rest.
    pub frame: Arc<[(Time, Drive)]>,
    /// From the begin of one frame to the begin of the next; at least a frame's length and twice the jitter.
    pub period: Time,
    /// The begin of frame 0.
    pub first: Time,
    /// Frames came before frame 0, too.
    pub before: bool,
    /// Each frame begins earlier or later by up to this.
    pub jitter: Time,
    /// Decides the jitter.
    pub seed: u64,
}

impl Train {
    /// When frame `n` begins, where that is not before time began.
    fn begin(&self, n: i64) -> Option<i128> {
        if n < 0 && !self.before {
            return None;
        }
        let at = i128::from(self.first.0) + i128::from(n) * i128::from(self.period.0);
        if self.jitter == Time::ZERO {
            return Some(at);
        }
        let span = 2 * u128::from(self.jitter.0) + 1;
        let shift = (u128::from(random(self.seed, n as u64)) * span) >> 64;
        let at = at + shift as i128 - i128::from(self.jitter.0);
        Some(if n == 0 && !self.before { at.max(0) } else { at })
    }

    /// The last frame that may have begun at `time`, by the period alone.
    fn nearest(&self, time: Time) -> i64 {
        let since = i128::from(time.0) - i128::from(self.first.0);
        i64::try_from(since.div_euclid(i128::from(self.period.0.max(1)))).unwrap_or(i64::MAX - 2)
    }
}

impl Wave for Train {
    fn at(&self, time: Time) -> Drive {
        let near = self.nearest(time);
        // Jitter may have brought the next one forward, or put this one off.
        for n in [near + 1, near, near - 1] {
            if let Some(begin) = self.begin(n)
                && begin <= i128::from(time.0)
            {
                let offset = Time(u64::try_from(i128::from(time.0) - begin).unwrap_or(u64::MAX));
                let past = self.frame.partition_point(|(t, _)| *t <= offset);
                return past.checked_sub(1).map_or(self.rest, |i| self.frame[i].1);
            }
        }
        self.rest
    }

    fn next_change(&self, time: Time) -> Option<Time> {
        let near = self.nearest(time).max(if self.before { i64::MIN + 2 } else { 1 });
        for n in [near - 1, near, near + 1, near + 2] {
            let Some(begin) = self.begin(n) else { continue };
            let change = if begin > i128::from(time.0) {
                Some(begin)
            } else {
                let offset = Time(u64::try_from(i128::from(time.0) - begin).unwrap_or(u64::MAX));
                self.frame.get(self.frame.partition_point(|(t, _)| *t <= offset)).map(|(t, _)| begin + i128::from(t.0))
            };
            if let Some(change) = change {
                return u64::try_from(change).ok().map(Time);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn train(period: u64, first: u64, before: bool, jitter: u64, seed: u64) -> Train {
        let frame = [(0, Drive::High), (20, Drive::Low), (30, Drive::High), (70, Drive::Low)];
        let frame = frame.map(|(t, d)| (Time(t), d)).into();
        Train { rest: Drive::Low, frame, period: Time(period), first: Time(first), before, jitter: Time(jitter), seed }
    }

    #[test]
    fn a_frame_comes_once_in_a_period() {
        let t = train(100, 10, false, 0, 0);
        let high: Vec<u64> = (0..220).filter(|n| t.at(Time(*n)) == Drive::High).collect();
        let once: Vec<u64> = (10..30).chain(40..80).collect();
        assert_eq!(high, [once.clone(), once.iter().map(|n| n + 100).collect(), (210..220).collect()].concat());
        assert_eq!(train(100, 90, true, 0, 0).at(Time(0)), Drive::High, "the frame before is still on");
    }

    proptest! {
        #[test]
        fn changes_are_where_the_level_changes(
            spare in 0u64..50, first in 0u64..200, before: bool, jitter in 0u64..25, seed: u64,
        ) {
            let t = train(70 + 2 * jitter + 1 + spare, first, before, jitter, seed);
            let mut at = Time(0);
            while at.0 < 2_000 {
                let next = t.next_change(at).unwrap();
                prop_assert!(next > at);
                for between in at.0..next.0 {
                    prop_assert_eq!(t.at(Time(between)), t.at(at), "{} to {}", at.0, next.0);
                }
                prop_assert_ne!(t.at(next), t.at(at), "at {}", next.0);
                at = next;
            }
        }
    }
}
