//! A set of interrupts: as many as an NVIC can have.

use std::ops::{BitAnd, BitOr, BitOrAssign, Not};

/// Interrupts that the NVIC of an ARMv7-M core has at most; ARMv6-M's has 32 (DDI0403 B3.4.1, DDI0419 B3.4.1).
pub const MOST: usize = 240;

/// Interrupts by number, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Irqs([u64; 4]);

impl Irqs {
    /// None.
    pub const NONE: Irqs = Irqs([0; 4]);

    /// The first so many.
    pub fn first(count: usize) -> Irqs {
        (0..count.min(MOST)).fold(Irqs::NONE, |mut all, n| {
            all.insert(n);
            all
        })
    }

    /// 32 of them, from 32 * `n` on: as one word of the NVIC's registers.
    pub const fn from_word(n: usize, word: u32) -> Irqs {
        let mut words = [0; 4];
        words[n / 2 % 4] = (word as u64) << (32 * (n % 2));
        Irqs(words)
    }

    /// The 32 from 32 * `n` on.
    pub const fn word(&self, n: usize) -> u32 {
        (self.0[n / 2 % 4] >> (32 * (n % 2))) as u32
    }

    /// Puts one in.
    pub const fn insert(&mut self, n: usize) {
        self.0[n / 64 % 4] |= 1 << (n % 64);
    }

    /// Takes one out.
    pub const fn remove(&mut self, n: usize) {
        self.0[n / 64 % 4] &= !(1 << (n % 64));
    }

    /// Whether it is in.
    pub const fn contains(&self, n: usize) -> bool {
        self.0[n / 64 % 4] >> (n % 64) & 1 != 0
    }

    /// Whether there are any.
    pub const fn any(&self) -> bool {
        self.0[0] | self.0[1] | self.0[2] | self.0[3] != 0
    }

    /// Their numbers, in ascending order.
    pub fn iter(self) -> impl Iterator<Item = u32> {
        self.0.into_iter().zip([0, 64, 128, 192]).flat_map(|(mut word, base)| {
            std::iter::from_fn(move || {
                let bit = word.trailing_zeros();
                word &= word.wrapping_sub(1);
                (bit < 64).then_some(base + bit)
            })
        })
    }
}

impl BitAnd for Irqs {
    type Output = Irqs;

    fn bitand(self, other: Irqs) -> Irqs {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Irqs([a & e, b & f, c & g, d & h])
    }
}

impl BitOr for Irqs {
    type Output = Irqs;

    fn bitor(self, other: Irqs) -> Irqs {
        let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
        Irqs([a | e, b | f, c | g, d | h])
    }
}

impl BitOrAssign for Irqs {
    fn bitor_assign(&mut self, other: Irqs) {
        *self = *self | other;
    }
}

impl Not for Irqs {
    type Output = Irqs;

    fn not(self) -> Irqs {
        let [a, b, c, d] = self.0;
        Irqs([!a, !b, !c, !d])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words() {
        let mut irqs = Irqs::from_word(1, 1 << 8);
        irqs.insert(239);
        irqs.insert(0);
        assert_eq!(irqs.iter().collect::<Vec<_>>(), [0, 40, 239]);
        assert_eq!([0, 1, 2, 7].map(|n| irqs.word(n)), [1, 1 << 8, 0, 1 << 15]);
        irqs.remove(40);
        assert!(irqs.contains(239) && !irqs.contains(40) && irqs.any());
        assert!(!(irqs & !irqs).any());
        assert_eq!(Irqs::first(33).word(1), 1);
    }
}
