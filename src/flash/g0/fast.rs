//! Fast programming of a G0: a row of 32 double words in one go (RM0444 3.3.8).
//!
//! No blank check is made; what was not erased becomes a bad ECC word. HCLK of at least 8 MHz is not checked,
//! since the controller does not know it.

use super::registers::sr;
use super::{G0, Half};
use crate::bus::Effects;
use crate::flash::cells::{DOUBLE_WORD, PROGRAMMED, TWO_BAD};
use crate::flash::cut::{self, Operation};
use crate::time::Time;

/// A row in bytes (G55).
const ROW: u32 = 256;
/// One double word in a row (G98): 683 us a row of 32 were measured on a G0B1 (uliano/brio, docs/stm32g0/nvm.md); the
/// datasheet has 1.7 ms.
const STEP: Time = Time::from_micros(21);
/// The second word of a double word has to follow its first within this time.
const PATIENCE: Time = STEP;
/// FSTPG may be set for so long (G59).
const WINDOW: Time = Time::from_millis(7);

/// A row under way.
#[derive(Clone, Debug)]
pub(super) struct Fast {
    row: u32,
    /// The address of the last double word.
    last: u32,
    /// When it is too late for what comes next.
    deadline: Time,
}

impl Fast {
    /// When it is too late for the next word: new data has to be there before the current is programmed (MISSERR in
    /// RM0490 4.7.4, G58).
    pub(super) const fn deadline(&self) -> Time {
        self.deadline
    }

    /// The first word of the next double word has come.
    pub(super) fn half_is_there(&mut self, at: Time) {
        self.deadline = at + PATIENCE;
    }
}

impl G0 {
    /// A whole double word with FSTPG set.
    pub(super) fn fast_double_word(&mut self, half: Half, second: u32, at: Time, fx: &mut Effects) {
        let address = half.address;
        if !self.flash.contains(address) || !self.live.fresh {
            return self.fail(sr::PGSERR, fx); // G55, G56
        }
        let row = address & !(ROW - 1);
        if let Some(fast) = &self.live.fast
            && (fast.row != row || address <= fast.last)
        {
            return self.fail(sr::PGAERR | sr::FASTERR, fx); // G57
        }
        if self.live.fast_since.is_none_or(|t| at.since(t) > WINDOW) {
            return self.fail(sr::FASTERR, fx); // G59
        }
        if self.address_is_protected(address) {
            return self.fail(sr::WRPERR | sr::FASTERR, fx); // G49
        }
        let data = u64::from(half.word) | u64::from(second) << 32;
        let mark = if self.cells.is_programmed(address) && data != 0 { PROGRAMMED | TWO_BAD } else { PROGRAMMED };
        let work = cut::program(&mut self.cells, address, &data.to_le_bytes(), mark);
        fx.changed(address..address + DOUBLE_WORD);
        let ends = at + self.live.settings.speed.span(STEP);
        self.start(Operation { started: at, ends, first: None, work }, fx);
        let done = address + DOUBLE_WORD == row + ROW;
        self.live.fast = (!done).then_some(Fast { row, last: address, deadline: ends });
    }

    /// The row ends in error where the next double word did not come in time (G58).
    pub(super) fn settle_fast(&mut self, now: Time, fx: &mut Effects) {
        if self.live.fast.as_ref().is_some_and(|f| f.deadline() <= now) {
            if self.live.operation.is_some() {
                self.finish(fx);
            }
            self.fail(sr::MISERR | sr::FASTERR, fx);
        }
    }

    /// A store that waits for BSY1 waits until the row gives up.
    pub(super) fn wait_for_row(&mut self, now: Time, fx: &mut Effects) -> Time {
        let Some(deadline) = self.live.fast.as_ref().map(Fast::deadline) else { return now };
        fx.stall_until(deadline);
        self.settle_fast(deadline, fx);
        now.max(deadline)
    }

    /// A read ends the row with no flag (G60).
    pub(super) fn abort_fast(&mut self, fx: &mut Effects) {
        if self.live.fast.take().is_some() {
            fx.events();
        }
    }
}
