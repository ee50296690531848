//! What gdb has sent of a load, put together before it is programmed.

use std::collections::BTreeMap;
use std::ops::Range;

/// The most bytes that wait, were gdb to send without end: above any part's flash.
const MOST: usize = 1 << 20;

/// What gdb has sent of a load.
#[derive(Debug, Default)]
pub(super) struct Load {
    blocks: BTreeMap<u32, Vec<u8>>,
    bytes: usize,
}

impl Load {
    /// Adds bytes. Whether they lie in `flash` and beside, not over, what is there.
    pub(super) fn add(&mut self, flash: &Range<u32>, address: u32, data: &[u8]) -> bool {
        let Some(end) = u32::try_from(data.len()).ok().and_then(|n| address.checked_add(n)) else { return false };
        let fits = flash.contains(&address) && end <= flash.end && self.bytes + data.len() <= MOST;
        let before = self.blocks.range(..end).next_back();
        let clashes = before.is_some_and(|(a, d)| u64::from(*a) + d.len() as u64 > u64::from(address));
        if !fits || clashes {
            return false;
        }
        self.bytes += data.len();
        match self.blocks.range_mut(..address).next_back() {
            Some((a, block)) if *a + block.len() as u32 == address => block.extend(data),
            _ => {
                self.blocks.insert(address, data.to_vec());
            }
        }
        true
    }

    /// What was added, to be programmed.
    pub(super) fn take(&mut self) -> Vec<(u32, Vec<u8>)> {
        std::mem::take(self).blocks.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_put_together_and_clashes_refused() {
        let flash = 0x0800_0000..0x0800_8000;
        let mut load = Load::default();
        assert!(load.add(&flash, 0x0800_0000, &[1, 2, 3]));
        assert!(load.add(&flash, 0x0800_0003, &[4]));
        assert!(load.add(&flash, 0x0800_0010, &[5]));
        assert!(load.add(&flash, 0x0800_000F, &[6]));
        assert!(!load.add(&flash, 0x0800_0002, &[0]), "over what is there");
        assert!(!load.add(&flash, 0x0800_000E, &[0, 0]));
        assert!(!load.add(&flash, 0x0800_7FFF, &[0, 0]), "over the end");
        assert!(!load.add(&flash, 0x0700_0000, &[0]));
        assert!(!load.add(&flash, u32::MAX, &[0, 0]));
        let blocks: Vec<(u32, usize)> = load.blocks.iter().map(|(a, d)| (*a, d.len())).collect();
        assert_eq!(blocks, [(0x0800_0000, 4), (0x0800_000F, 1), (0x0800_0010, 1)]);
    }
}
