//! Writing on the G0: word by word over the debug port, without code on the chip.

use super::error::StFlashError;
use super::note::Note;
use super::session::Session;

impl Session<'_> {
    /// Unlocks, and allows programming.
    pub fn open_programming(&mut self) {
        self.unlock();
        self.change_control(0, self.flash().pg);
    }

    /// Writes erased pages. What is missing in the last word is zeros, as in the memory behind a mapped file.
    pub fn program_g0(&mut self, address: u32, data: &[u8]) -> Result<(), StFlashError> {
        let mut at = address;
        for bytes in data.chunks(4) {
            let word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
            self.write(at, word);
            self.wait_for_flash()?;
            at = at.wrapping_add(4);
        }
        if !data.len().div_ceil(4).is_multiple_of(2) {
            self.note(Note::ExtraWord { address: at });
            self.write(at, 0);
            self.wait_for_flash()?;
        }
        self.check_flags("flash was not written")
    }

    /// No more programming.
    pub fn close_programming(&mut self) {
        self.change_control(self.flash().pg, 0);
        self.lock();
    }
}
