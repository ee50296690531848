//! Option bytes: st-flash 1.7 writes the G0's OPTR, and knows none of the F0's.

use super::arguments::Word;
use super::error::StFlashError;
use super::note::Note;
use super::session::{FLASH, Session};
use crate::part::Family;

/// The G0's option register, and bits of its CR (RM0444 3.7.5, 3.7.8).
const OPTR: u32 = 0x4002_2020;
const OPTSTRT: u32 = 1 << 17;
const OBL_LAUNCH: u32 = 1 << 27;

impl Session<'_> {
    /// `--area=... write VALUE`.
    pub fn write_word(&mut self, word: Word, value: u32) -> Result<(), StFlashError> {
        if word == Word::Option {
            if value == 0 {
                let what = "st-flash refuses to write option bytes of 0".to_owned();
                return Err(StFlashError::Unsupported(what));
            }
            return self.write_option_bytes(self.known.option_base, &value.to_le_bytes());
        }
        self.wait_for_flash()?;
        let failed = if !self.unlock() {
            "flash cannot be unlocked".to_owned()
        } else if !self.unlock_options() {
            "the option bytes cannot be unlocked".to_owned()
        } else {
            self.lock_options();
            self.lock();
            format!("this part has no {}, and nothing was written", word.name())
        };
        // Of these areas st-flash does not ask what came of them.
        self.note(Note::NothingDone { what: failed });
        Ok(())
    }

    /// `--area=... read` without a file.
    pub fn print_word(&mut self, word: Word) -> Result<(), StFlashError> {
        if word == Word::Option && self.known.option_base != 0 {
            self.outcome.printed = Some(self.read(OPTR));
            return Ok(());
        }
        Err(match word {
            Word::Option => self.no_options("read"),
            word => StFlashError::Unsupported(format!("this part has no {}", word.name())),
        })
    }

    fn no_options(&self, verb: &str) -> StFlashError {
        StFlashError::Unsupported(format!(
            "st-flash 1.7 cannot {verb} the option bytes of this part (\"currently not supported for connected chip\"); \
             OpenOCD can, by `dryflash serve`"
        ))
    }

    /// Bytes to the option area. Whatever the address in it, they become OPTR.
    pub fn write_option_bytes(&mut self, address: u32, data: &[u8]) -> Result<(), StFlashError> {
        let known = self.known;
        if known.option_base == 0 {
            return Err(self.no_options("write"));
        }
        let end = u64::from(address) + data.len() as u64;
        if end > u64::from(known.option_base) + u64::from(known.option_size) {
            return Err(StFlashError::Unsupported(format!(
                "{} bytes at 0x{address:08X}: st-flash 1.7 knows 4 option bytes of this part, those at 0x{:08X}",
                data.len(),
                known.option_base
            )));
        }
        self.wait_for_flash()?;
        if !self.unlock() {
            let why = "a wrong key was written; reset the chip, and try again".to_owned();
            return Err(StFlashError::Locked { why });
        }
        if !self.unlock_options() {
            let why = "the option bytes stay locked; reset the chip, and try again".to_owned();
            return Err(StFlashError::Locked { why });
        }
        let result = match known.family {
            Family::G0 => self.program_options(data),
            Family::F0 => Err(self.no_options("write")),
        };
        self.lock_options();
        self.lock();
        result
    }

    fn program_options(&mut self, data: &[u8]) -> Result<(), StFlashError> {
        let value = data.iter().take(4).rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
        let control = self.flash().control;
        let (before, was_blank) = self.protection();
        self.clear_flags();
        self.write(OPTR, value);
        self.change_control(0, OPTSTRT);
        self.wait_for_flash()?;
        let result = self.check_flags("the option bytes were not written");
        let loading = self.read(control);
        self.write(control, loading | OBL_LAUNCH);
        if result.is_ok() {
            self.say(&format!("wrote 0x{value:08X} to the option bytes, and had them loaded, which resets the chip"));
        }
        let (now, is_blank) = self.protection();
        if before != now {
            self.note(Note::Level { before, now, erased: is_blank && !was_blank });
        }
        result
    }

    /// The read protection level, and whether flash is blank.
    fn protection(&self) -> (u8, bool) {
        let flash = &self.probe.target.chip.board.flash;
        (flash.rdp_level(), flash.cells().is_blank(FLASH..FLASH + flash.cells().size()))
    }
}
