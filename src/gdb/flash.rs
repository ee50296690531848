//! gdb's `load`: erasing, gathering what is written, and programming it, through the flash controller.
//!
//! gdb names the pages first, then sends the bytes in pieces of any length, then says that it is done. A flash takes
//! half-words or double words, each once, so the pieces are put together before they are programmed.

use super::session::{EACCES, EINVAL, Session};
use gdbstub::target::ext::flash::Flash;
use gdbstub::target::{TargetError, TargetResult};
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

impl Flash for Session {
    fn flash_erase(&mut self, start: u32, length: u32) -> TargetResult<(), Self> {
        let flash = self.part.flash;
        let Some(end) = start.checked_add(length).filter(|end| start >= flash.base && *end <= flash.end()) else {
            self.note(format!("0x{length:X} bytes from 0x{start:08X} on are not all flash, and were not erased"));
            return Err(TargetError::Errno(EINVAL));
        };
        self.load = Load::default();
        match self.with(move |core| core.erase(start..end))? {
            Ok(_) => Ok(()),
            Err(error) => {
                self.note(error.to_string());
                Err(TargetError::Errno(EACCES))
            }
        }
    }

    fn flash_write(&mut self, start: u32, data: &[u8]) -> TargetResult<(), Self> {
        let flash = self.part.flash.base..self.part.flash.end();
        if self.load.add(&flash, start, data) {
            return Ok(());
        }
        self.note(format!("{} bytes for 0x{start:08X} are outside of flash, or were sent before", data.len()));
        Err(TargetError::Errno(EINVAL))
    }

    fn flash_done(&mut self) -> TargetResult<(), Self> {
        let blocks = self.load.take();
        match self.with(move |core| core.program(blocks))? {
            Ok(_) => Ok(()),
            Err(error) => {
                self.note(error.to_string());
                Err(TargetError::Errno(EACCES))
            }
        }
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
