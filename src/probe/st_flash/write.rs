//! `write`: a file into flash, SRAM or the option area.

use super::error::StFlashError;
use super::ihex::{self, Hex};
use super::note::Note;
use super::session::{FLASH, RUN, SRAM, Session};
use crate::bus::Width;
use crate::cpu::debug::DHCSR;
use crate::cpu::debug::dhcsr::C_MASKINTS;
use crate::flash::diff::Lost;
use crate::flash::{Contents, REGISTERS};
use crate::plural::thousands;
use crate::probe::stlink::Status;
use std::ops::Range;
use std::path::Path;

/// DMA1EN and DMA2EN in AHBENR.
const DMA: u32 = 3;

/// SRAM is written so many bytes at a time.
const SRAM_BLOCK: usize = 1024;

impl Session<'_> {
    /// `write FILE ADDR`, and `write FILE` for Intel HEX.
    pub fn write_file(&mut self, file: &str, address: Option<u32>) -> Result<(), StFlashError> {
        let path = self.host.path(file);
        let mut hex = None;
        let address = match address {
            Some(address) => address,
            None => {
                let text = self.host.load(&path)?;
                match ihex::parse(&path, &text)? {
                    Hex::Wide { address, bytes } => return Err(self.too_wide(address, bytes)),
                    Hex::Block(block) => hex.insert(block).address,
                }
            }
        };
        let known = self.known;
        if known.flash_holds(address) {
            let mut other_form = None;
            let (data, named) = match hex {
                Some(block) => {
                    block.notes.iter().for_each(|note| self.note(note.clone()));
                    (block.data, block.named)
                }
                None => {
                    let data = self.bytes_of(&path)?;
                    other_form = crate::image::file_in_bytes(&data);
                    let all = 0..data.len() as u32;
                    (data, vec![all])
                }
            };
            let before = self.contents();
            let result = self.write_flash(address, data);
            // What was refused is not started: st-flash lets the core run all the same.
            let refused = matches!(result, Err(StFlashError::Unaligned { .. } | StFlashError::TooHigh { .. }));
            if let Some(format) = other_form.filter(|_| !refused) {
                self.note(Note::WrittenAsItStands { format });
            }
            let started = self.finish(address);
            if !refused {
                started.into_iter().for_each(|note| self.note(note));
            }
            result?;
            self.tell_lost(&before, address, &named);
            Ok(())
        } else if known.sram_holds(address) {
            let (data, compare) = match hex {
                Some(block) => (block.data, false),
                None => (self.bytes_of(&path)?, true),
            };
            self.write_to_sram(address, &data, compare)
        } else if known.options_hold(address) {
            let data = self.bytes_of(&path)?;
            let result = self.write_option_bytes(address, &data);
            self.finish(address).into_iter().for_each(|note| self.note(note));
            result
        } else {
            Err(self.no_such_region(address))
        }
    }

    fn bytes_of(&self, path: &Path) -> Result<Vec<u8>, StFlashError> {
        let data = self.host.load(path)?;
        if data.is_empty() { Err(StFlashError::Empty(path.to_owned())) } else { Ok(data) }
    }

    /// The last address that st-flash takes for flash.
    fn flash_end(&self) -> u32 {
        FLASH.saturating_add(self.known.flash_size.saturating_sub(1))
    }

    fn too_wide(&self, address: u32, bytes: u64) -> StFlashError {
        match self.known.flash_holds(address) {
            true => self.too_high(address, bytes, "flash", self.flash_end()),
            false => self.no_such_region(address),
        }
    }

    fn too_high(&self, address: u32, bytes: u64, memory: &'static str, last: u32) -> StFlashError {
        StFlashError::TooHigh { address, bytes, end: u64::from(address) + bytes.max(1) - 1, memory, last }
    }

    fn no_such_region(&self, address: u32) -> StFlashError {
        let known = self.known;
        let digit_less = address << 4;
        let digit_more = address >> 4;
        let hint = if known.flash_holds(digit_less) {
            format!("; a digit is missing: 0x{digit_less:08X} may be meant")
        } else if known.flash_holds(digit_more) {
            format!("; a digit is too much: 0x{digit_more:08X} may be meant")
        } else if address < known.flash_size {
            format!("; flash begins at 0x{FLASH:08X}: 0x{:08X} may be meant", FLASH.wrapping_add(address))
        } else if address.wrapping_sub(FLASH) < 0x10_0000 {
            format!("; this chip has {} bytes of flash: is the file for another part?", thousands(known.flash_size))
        } else {
            String::new()
        };
        let flash_end = self.flash_end();
        StFlashError::Region { address, flash: FLASH, flash_end, hint }
    }

    /// Whether so many bytes at an address lie in flash as st-flash sees it.
    pub fn fits_flash(&self, address: u32, bytes: u32) -> Result<(), StFlashError> {
        let end = u64::from(address) + u64::from(bytes);
        if !self.known.flash_holds(address) {
            return Err(self.no_such_region(address));
        }
        // --flash may name an end beyond all addresses.
        if end > (u64::from(FLASH) + u64::from(self.known.flash_size)).min(1 << 32) {
            return Err(self.too_high(address, bytes.into(), "flash", self.flash_end()));
        }
        Ok(())
    }

    fn write_flash(&mut self, address: u32, mut data: Vec<u8>) -> Result<(), StFlashError> {
        let known = self.known;
        let length = data.len() as u32;
        let mut erase_only = false;
        if self.arguments.skip_blank_end {
            let blank = data.iter().rev().take_while(|b| **b == 0xFF).count() & !3;
            erase_only = blank == data.len();
            if blank > 0 {
                self.note(Note::BlankEnd { bytes: blank as u32, all: erase_only });
            }
            if !erase_only {
                data.truncate(data.len() - blank);
            }
        }
        self.fits_flash(address, data.len() as u32)?;
        if !self.is_newer() && !address.is_multiple_of(2) {
            return Err(StFlashError::Unaligned { address, multiple: "an even address".to_owned() });
        }
        let inside_page = || {
            let multiple = format!("the start of a page ({} bytes)", thousands(known.page));
            Err(StFlashError::Unaligned { address, multiple })
        };
        let is_inside = !address.is_multiple_of(known.page);
        if data.len().is_multiple_of(2) {
            if is_inside {
                return inside_page();
            }
        } else {
            self.note(Note::Padded { address: address + data.len() as u32 });
            if is_inside && !self.is_newer() {
                self.note(Note::InsidePage { address });
            }
            data.push(0);
        }
        self.core_id();
        // Since 1.8 the erase looks at it once more.
        if is_inside && self.is_newer() {
            return inside_page();
        }
        for offset in (0..data.len() as u32).step_by(known.page as usize) {
            self.erase_page(address + offset)?;
            self.outcome.erased_pages += 1;
        }
        let pages = self.outcome.erased_pages;
        let s = if pages == 1 { "" } else { "s" };
        self.say(&format!("erased {pages} page{s} of {} bytes from 0x{address:08X} on", thousands(known.page)));
        if erase_only {
            return Ok(());
        }
        self.program(address, &data)?;
        self.outcome.written = Some((address, length));
        self.say(&format!("wrote {} bytes at 0x{address:08X}", thousands(data.len() as u32)));
        self.compare(address, &data)?;
        self.outcome.verified = true;
        self.say("read it back: equal");
        Ok(())
    }

    /// From the halted core to the last word.
    fn program(&mut self, address: u32, data: &[u8]) -> Result<(), StFlashError> {
        if !self.is_newer() {
            self.halt_masked();
        }
        let dma = self.dma_enable();
        let clocks = self.read(dma);
        self.write(dma, clocks & !DMA);
        self.wait_for_flash()?;
        self.clear_flags();
        let flash = self.flash();
        match flash.store {
            // The probe has no command that stores half-words for st-flash: code in SRAM does.
            Width::Byte | Width::Half => {
                self.load_loader();
                if self.is_newer() {
                    self.unlock();
                    self.read(REGISTERS + flash.cr);
                    self.write(REGISTERS + flash.cr, flash.pg);
                }
                self.program_f0(address, data)?;
                if self.is_newer() {
                    // It is locked already: as with the real one, PG stays set in a locked register.
                    self.close_programming();
                }
            }
            Width::Word => {
                self.open_programming();
                self.program_g0(address, data)?;
                self.close_programming();
            }
        }
        let status = self.read(DHCSR);
        // As st-flash has it: the status bits go into the key's half.
        self.write(DHCSR, RUN | status & !C_MASKINTS);
        let value = self.read(dma);
        self.write(dma, value & !DMA | clocks & DMA);
        Ok(())
    }

    /// Reads back a page at a time, in whole words.
    fn compare(&mut self, address: u32, data: &[u8]) -> Result<(), StFlashError> {
        let mut at = address;
        for wanted in data.chunks(self.known.page as usize) {
            let found = self.read_words(at, wanted.len() as u32, "reading back");
            if let Some(offset) = wanted.iter().zip(&found).position(|(a, b)| a != b) {
                let (found, wanted) = (found[offset], wanted[offset]);
                return Err(StFlashError::Verify { address: at + offset as u32, found, wanted, why: self.why() });
            }
            at = at.wrapping_add(wanted.len() as u32);
        }
        Ok(())
    }

    /// A block as st-flash reads it: rounded up to words. A fault is told, once a run.
    pub fn read_words(&mut self, address: u32, length: u32, what: &'static str) -> Vec<u8> {
        let whole = if length.is_multiple_of(4) { length } else { (length + 4) & !3 };
        let bytes = self.read_block(address, whole);
        let told = self.outcome.notes.iter().any(|n| matches!(n, Note::Fault { .. }));
        if self.probe.last_status() != Status::Ok && !told {
            let level = self.probe.target.chip.board.flash.rdp_level();
            // Away from flash it is something else that is wrong.
            let level = if self.known.flash_holds(address) || address < self.known.flash_size { level } else { 0 };
            self.note(Note::Fault { what, address, level });
        }
        bytes
    }

    fn write_to_sram(&mut self, address: u32, data: &[u8], compare: bool) -> Result<(), StFlashError> {
        let known = self.known;
        if u64::from(address) + data.len() as u64 > u64::from(SRAM) + u64::from(known.sram_size) {
            return Err(self.too_high(address, data.len() as u64, "SRAM", SRAM + (known.sram_size - 1)));
        }
        if !address.is_multiple_of(4) {
            return Err(StFlashError::Unaligned { address, multiple: "a multiple of 4".to_owned() });
        }
        let (whole, rest) = data.split_at(data.len() & !3);
        let mut at = address;
        for block in whole.chunks(SRAM_BLOCK) {
            self.write_block(at, block);
            at += block.len() as u32;
        }
        if !rest.is_empty() {
            self.write_bytes(at, rest);
        }
        self.outcome.written = Some((address, data.len() as u32));
        self.say(&format!("wrote {} bytes at 0x{address:08X}, in SRAM", thousands(data.len() as u32)));
        if compare {
            self.compare(address, data)?;
            self.outcome.verified = true;
            self.say("read it back: equal");
        }
        self.finish(address).into_iter().for_each(|note| self.note(note));
        Ok(())
    }

    /// SP (1.7) and PC from the first two words, and the core runs. What is worth a note.
    fn finish(&mut self, address: u32) -> Option<Note> {
        if !self.is_newer() {
            let stack = self.read(address);
            self.write_register(13, stack);
        }
        let pc = self.read(address.wrapping_add(4));
        self.write_register(15, pc);
        self.run_core(RUN);
        let code = pc & !1;
        let nowhere = !self.arguments.reset && !self.known.flash_holds(code) && !self.known.sram_holds(code);
        let registers = if self.is_newer() { "PC" } else { "SP and PC" };
        nowhere.then_some(Note::StartsNowhere { address, registers, pc })
    }

    fn contents(&self) -> Contents {
        Contents::of(self.probe.target.chip.board.flash.cells())
    }

    /// Says what stood around the data and does not any more.
    fn tell_lost(&mut self, before: &Contents, address: u32, named: &[Range<u32>]) {
        let after = self.contents();
        // What lies between the ranges that the file names, from the start of flash to its end.
        let begins = std::iter::once(0).chain(named.iter().map(|r| address.saturating_add(r.end)));
        let ends = named.iter().map(|r| address.saturating_add(r.start)).chain(std::iter::once(u32::MAX));
        for (from, to) in begins.zip(ends) {
            if let Some(Lost { address, bytes }) = before.lost(&after, from..to) {
                self.note(Note::Lost { address, bytes });
            }
        }
    }

    /// The address of AHBENR (RM0091 6.4.6, RM0444 5.4.13).
    fn dma_enable(&self) -> u32 {
        let part = self.probe.target.chip.part();
        let gate = part.peripheral("DMA1").and_then(|dma| dma.gate);
        part.peripheral("RCC").map_or(0, |rcc| rcc.base) + gate.map_or(0, |gate| gate.enable)
    }
}
