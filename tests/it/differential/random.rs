//! A fixed sequence for each seed, and the values that are worth trying.

/// xorshift64*.
#[derive(Clone)]
pub struct Random(u64);

/// Values at the edges of signed and unsigned arithmetic, and shift amounts at theirs.
const EDGES: [u32; 16] =
    [0, 1, 2, 31, 32, 33, 255, 256, 0x7F, 0x80, 0x7FFF, 0x8000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF];

impl Random {
    pub fn new(seed: u64, stream: u64) -> Random {
        // Odd factors: no two seeds, and no two streams, begin alike. The state must not be 0.
        let mixed = ((seed << 32) ^ stream).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut random = Random(mixed.max(1));
        for _ in 0..4 {
            random.next();
        }
        random
    }

    pub fn next(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32) as u32
    }

    /// Below `end`.
    pub fn below(&mut self, end: u32) -> u32 {
        ((u64::from(self.next()) * u64::from(end)) >> 32) as u32
    }

    /// Once in `n`.
    pub fn once_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u32) as usize]
    }

    /// A value, of the edges more often than not.
    pub fn value(&mut self) -> u32 {
        if self.once_in(3) { self.next() } else { self.pick(&EDGES) }
    }

    /// A half-word with these bits free.
    pub fn bits(&mut self, mask: u16) -> u16 {
        self.next() as u16 & mask
    }
}
