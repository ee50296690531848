//! Watchpoints: the comparators of the DWT (DDI0419 C1.8), as the core sees them.
//!
//! While one is enabled, the core goes instruction by instruction, on any engine; what the next one accesses is told
//! from its encoding before it runs. Without one there is nothing to pay, but for a look at each run.

use super::Chip;
use crate::bus::Width;
use crate::cpu::Stop;
use crate::cpu::access::{DataAccess, data_access, may_access};

/// What a comparator looks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Match {
    /// Nothing.
    #[default]
    Nothing,
    /// An instruction at its address.
    Instruction,
    /// Loads.
    Read,
    /// Stores.
    Write,
    /// Loads and stores.
    Access,
}

/// A comparator. It matches what touches any byte from `first` to `last`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watchpoint {
    /// The first address.
    pub first: u32,
    /// The last address.
    pub last: u32,
    /// What it looks for.
    pub matches: Match,
}

/// Comparators of the DWT.
pub const WATCHPOINTS: usize = 2;

impl Watchpoint {
    fn sees(&self, pc: u32, access: Option<DataAccess>) -> bool {
        let data = |a: DataAccess| a.first <= self.last && a.last >= self.first;
        match self.matches {
            Match::Nothing => false,
            Match::Instruction => (self.first..=self.last).contains(&pc),
            Match::Read => access.is_some_and(|a| !a.store && data(a)),
            Match::Write => access.is_some_and(|a| a.store && data(a)),
            Match::Access => access.is_some_and(data),
        }
    }
}

impl Chip {
    /// The comparators that the next instruction will match, one bit each, once it has run.
    pub(super) fn next_matches(&self) -> u8 {
        let pc = self.core.registers().pc;
        let half = self.board.code(pc).unwrap_or(0);
        let access = if may_access(half) { data_access(half, pc, &self.core.registers()) } else { None };
        let watch = self.debug.watch.iter().enumerate();
        watch.fold(0, |bits, (n, w)| if w.sees(pc, access) { bits | 1 << n } else { bits })
    }

    /// Keeps what was matched by an instruction that ran to its end. Whether there was anything.
    pub(super) fn matched(&mut self, matches: u8, stop: &Stop) -> bool {
        let ran = !matches!(stop, Stop::Inside | Stop::Fault(_) | Stop::Breakpoint | Stop::Broken(_));
        if ran {
            self.watch_hits |= matches;
        }
        ran && matches != 0
    }

    /// The comparators that have matched since the last call, one bit each.
    pub const fn take_watch_hits(&mut self) -> u8 {
        std::mem::replace(&mut self.watch_hits, 0)
    }
}

impl super::Board {
    /// The half-word of code at `address`, read without any effect; none where no code can be.
    pub fn code(&self, address: u32) -> Option<u16> {
        let at = self.resolve(address);
        let part = &self.part;
        if part.flash.contains(at) {
            return Some(self.flash.cells().read(at, Width::Half) as u16);
        }
        part.sram.contains(at).then(|| self.sram.half((at - part.sram.base) as usize))
    }
}
