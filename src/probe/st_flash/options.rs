//! Option bytes: st-flash writes the G0's OPTR. Of the F0's 1.7 knows none; 1.8 writes them all, by `--area=optcr`.

use super::arguments::Word;
use super::error::StFlashError;
use super::note::Note;
use super::session::{F0_OPTIONS, FLASH, Session};
use crate::flash::{Level, OptionCells, OptionPath, OptionRegisters, REGISTERS};

/// In a word in OBR's order: read protection at level 1.
const RDPRT: u32 = 1 << 1;

impl Session<'_> {
    /// The registers that tell the option bytes of an F0, which 1.8 knows.
    fn optcr(&self) -> Option<OptionCells> {
        match self.flash().options {
            OptionPath::Cells(cells) if self.is_newer() => Some(cells),
            _ => None,
        }
    }

    /// `--area=... write VALUE`.
    pub fn write_word(&mut self, word: Word, value: u32) -> Result<(), StFlashError> {
        if word == Word::Option {
            if value == 0 {
                let what = "st-flash refuses to write option bytes of 0".to_owned();
                return Err(StFlashError::Unsupported(what));
            }
            return self.write_option_bytes(self.known.option_base, &value.to_le_bytes());
        }
        if word == Word::Optcr
            && let Some(cells) = self.optcr()
        {
            if let Err(error) = self.write_optcr(cells, value) {
                // st-flash does not look at what came of it.
                self.note(Note::NothingDone { what: error.to_string() });
            }
            return Ok(());
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
        if let Some(address) = self.word_at(word) {
            self.outcome.printed = Some(self.read(address));
            return Ok(());
        }
        Err(match word {
            Word::Option => self.no_options("read"),
            word => StFlashError::Unsupported(format!("this part has no {}", word.name())),
        })
    }

    /// Where a word is read from that the part has.
    pub fn word_at(&self, word: Word) -> Option<u32> {
        match (word, self.flash().options) {
            (Word::Option, OptionPath::Registers(registers)) => Some(REGISTERS + registers.optr),
            (Word::Option, OptionPath::Cells(_)) if self.is_newer() => Some(self.known.option_base),
            (Word::Optcr, OptionPath::Cells(cells)) if self.is_newer() => Some(REGISTERS + cells.obr),
            _ => None,
        }
    }

    /// A word in OBR's order becomes the option bytes; write protection stays as it was.
    fn write_optcr(&mut self, cells: OptionCells, value: u32) -> Result<(), StFlashError> {
        self.open_options()?;
        self.clear_flags();
        self.read(REGISTERS + cells.obr);
        let protection = self.read(REGISTERS + cells.wrpr);
        let (user, data) = (value >> 8, value >> 16);
        let open = Level::Zero.byte();
        let mut bytes = if value & RDPRT == 0 { vec![open, !open] } else { vec![0xFF, 0xFF] };
        for byte in [user, data, data >> 8, protection, protection >> 8, protection >> 16, protection >> 24] {
            let [byte, ..] = byte.to_le_bytes();
            bytes.extend([byte, !byte]);
        }
        let result = self.program_option_cells(cells, &bytes);
        let result = result.and_then(|()| self.check_flags("the option bytes were not written"));
        self.lock_options();
        self.lock();
        if result.is_ok() {
            self.say(&format!("wrote 0x{value:08X} to the option bytes, and had them loaded, which resets the chip"));
        }
        result
    }

    /// Erases the option bytes and writes all of them, by the loader in SRAM.
    fn program_option_cells(&mut self, cells: OptionCells, bytes: &[u8]) -> Result<(), StFlashError> {
        let flash = self.flash();
        let control = REGISTERS + flash.cr;
        let (before, was_blank) = self.protection();
        self.clear_flags();
        self.write(control, cells.opter | flash.optwre);
        self.write(control, cells.opter | flash.strt | flash.optwre);
        self.wait_for_flash()?;
        self.check_flags("the option bytes were not erased")?;
        self.write(control, cells.optpg | flash.optwre);
        self.load_loader();
        self.run_loader(F0_OPTIONS, bytes)?;
        self.write(control, flash.obl_launch);
        let result = self.check_flags("the option bytes were not written");
        let (now, is_blank) = self.protection();
        if before != now {
            self.note(Note::Level { before, now, erased: is_blank && !was_blank });
        }
        result
    }

    /// Unlocks flash and its option bytes.
    fn open_options(&mut self) -> Result<(), StFlashError> {
        self.wait_for_flash()?;
        let why = if !self.unlock() {
            "a wrong key was written"
        } else if !self.unlock_options() {
            "the option bytes stay locked"
        } else {
            return Ok(());
        };
        Err(StFlashError::Locked { why: format!("{why}; reset the chip, and try again") })
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
                "{} bytes at 0x{address:08X}: st-flash {} knows {} option bytes of this part, those at 0x{:08X}",
                data.len(),
                self.arguments.version.number().trim_end_matches(".0"),
                known.option_size,
                known.option_base
            )));
        }
        self.open_options()?;
        let result = match self.flash().options {
            OptionPath::Registers(registers) => self.program_option_register(registers, data),
            OptionPath::Cells(_) if data.len() < 12 || address != F0_OPTIONS => {
                Err(StFlashError::Unsupported(format!(
                    "{} bytes at 0x{address:08X}: st-flash 1.8 writes the option bytes of this part all at once, 12 bytes or \
                 more from 0x{F0_OPTIONS:08X} on; --area=optcr write VALUE takes a word",
                    data.len()
                )))
            }
            OptionPath::Cells(cells) => self.program_option_cells(cells, data),
        };
        self.lock_options();
        self.lock();
        result
    }

    fn program_option_register(&mut self, registers: OptionRegisters, data: &[u8]) -> Result<(), StFlashError> {
        let value = data.iter().take(4).rev().fold(0, |value, byte| value << 8 | u32::from(*byte));
        let flash = self.flash();
        let control = REGISTERS + flash.cr;
        let (before, was_blank) = self.protection();
        self.clear_flags();
        self.write(REGISTERS + registers.optr, value);
        self.change_control(0, registers.optstrt);
        self.wait_for_flash()?;
        let result = self.check_flags("the option bytes were not written");
        let loading = self.read(control);
        self.write(control, loading | flash.obl_launch);
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
