//! Random levels, and the randomness of jitter: the same for the same seed.

use crate::periph::signal::{Drive, Wave};
use crate::time::Time;

/// The `n`th of the 64-bit numbers that a seed stands for: SplitMix64 (Steele, Lea, Flood 2014), any of which can be had
/// without those before it.
pub const fn random(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A level that is drawn anew with each step.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    /// The length of a step.
    pub step: Time,
    /// Steps begin this long after the part; low before.
    pub first: Time,
    /// Decides the levels.
    pub seed: u64,
}

/// Steps without a change that are looked through; a coin does not fall so often on one side.
const ALIKE: u64 = 256;

impl Noise {
    fn step_at(&self, time: Time) -> Option<u64> {
        time.0.checked_sub(self.first.0).map(|since| since / self.step.0.max(1))
    }

    fn level(&self, n: u64) -> Drive {
        if random(self.seed, n) >> 63 == 0 { Drive::Low } else { Drive::High }
    }
}

impl Wave for Noise {
    fn at(&self, time: Time) -> Drive {
        self.step_at(time).map_or(Drive::Low, |n| self.level(n))
    }

    fn next_change(&self, time: Time) -> Option<Time> {
        let Some(now) = self.step_at(time) else { return Some(self.first) };
        let next = (now + 1..=now + ALIKE).find(|n| self.level(*n) != self.level(now)).unwrap_or(now + ALIKE);
        Some(self.first + Time(next.saturating_mul(self.step.0.max(1))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_where_the_level_changes() {
        let noise = Noise { step: Time(10), first: Time(25), seed: 3 };
        let mut at = Time(0);
        for _ in 0..50 {
            let next = noise.next_change(at).unwrap();
            assert!((at.0..next.0).all(|t| noise.at(Time(t)) == noise.at(at)));
            assert!(at == Time(0) || noise.at(next) != noise.at(at));
            at = next;
        }
        let high = (0..1_000).filter(|n| noise.level(*n) == Drive::High).count();
        assert!((400..600).contains(&high), "{high}");
    }
}
