//! Programming as a debug probe does it: unlock, erase the touched pages, program, lock; errors as the flags say.
//!
//! Every access goes through the flash controller with the core halted. What is not in a file stays as it was, but
//! for pages that the file touches: they are erased whole.

use crate::bus::{Access, BusFault, Effects, Master, Width};
use crate::chip::Chip;
use crate::image::Image;
use crate::part::Family;
use crate::time::Time;
use std::ops::Range;

const KEYS: [u32; 2] = [0x4567_0123, 0xCDEF_89AB];
const OPTION_KEYS_G0: [u32; 2] = [0x0819_2A3B, 0x4C5D_6E7F];

/// Why flash did not take what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProgramError {
    /// Read protection: a probe can neither read nor write.
    #[error("read protection level {level} is active: the flash cannot be programmed from outside")]
    Locked {
        /// 1, which can be lifted by erasing everything, or 2, which is final.
        level: u8,
    },
    /// A status flag after an erase.
    #[error("the page at 0x{address:08X} was not erased: {flags}")]
    Erase {
        /// The page's first address.
        address: u32,
        /// The flags of the status register.
        flags: String,
    },
    /// A status flag after a write.
    #[error("0x{address:08X} was not programmed: {flags}")]
    Write {
        /// The address.
        address: u32,
        /// The flags of the status register.
        flags: String,
    },
    /// The bytes read back differ.
    #[error("0x{address:08X} reads {found:02X} after {wanted:02X} was written")]
    Verify {
        /// The first address that differs.
        address: u32,
        /// What was written.
        wanted: u8,
        /// What stands there.
        found: u8,
    },
    /// The bus refused an access.
    #[error("the access to 0x{address:08X} ended in a bus error: {reason}")]
    Bus {
        /// The address.
        address: u32,
        /// The bus's reason.
        reason: &'static str,
    },
}

/// What programming one file did.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Programmed {
    /// First addresses of the pages that were erased.
    pub erased: Vec<u32>,
    /// Bytes written to main flash.
    pub bytes: u32,
    /// Virtual time that it took on the chip.
    pub time_us: Time,
    /// Option bytes were written; they are in force after the next power-on.
    pub option_bytes: bool,
}

/// Puts the part of `image` that lies in main flash into a powered chip, and its option bytes where `options` asks.
///
/// # Errors
/// The first operation that the flash did not carry out; what came before it stays done, as on a real chip.
pub fn program(chip: &mut Chip, image: &Image, options: bool) -> Result<Programmed, ProgramError> {
    let part = chip.part().clone();
    let flash = part.flash;
    unlocked(chip, |probe| {
        let mut done = Programmed::default();
        let inside = image.slice(flash.base..flash.end());
        probe.unlock(&KEYS, key_offset(part.family))?;
        for segment in &inside.segments {
            let (first, last) = (segment.address, segment.address + (segment.data.len() as u32).saturating_sub(1));
            for page in flash.pages_of(first, last) {
                if done.erased.last() != Some(&page) {
                    probe.erase(page)?;
                    done.erased.push(page);
                }
            }
        }
        for (address, data) in runs(inside.segments.iter().map(|s| (s.address, s.data.as_slice())), flash.program_unit)
        {
            probe.write(address, &data)?;
        }
        done.bytes = inside.segments.iter().map(|s| s.data.len() as u32).sum();
        probe.lock()?;
        for segment in &inside.segments {
            probe.verify(segment.address, &segment.data)?;
        }
        if options {
            let area = part.option_bytes;
            for segment in &image.slice(area.base..area.end()).segments {
                probe.option_bytes(segment.address, &segment.data)?;
                done.option_bytes = true;
            }
        }
        Ok(done)
    })
    .map(|(done, time_us)| Programmed { time_us, ..done })
}

/// Erases these pages (the last included), or all of main flash by one mass erase, in a powered chip.
///
/// # Errors
/// Read protection, or a flag after the erase; pages before it stay erased.
pub fn erase_pages(chip: &mut Chip, pages: Option<std::ops::RangeInclusive<u32>>) -> Result<Programmed, ProgramError> {
    let part = chip.part().clone();
    let flash = part.flash;
    unlocked(chip, |probe| {
        let mut done = Programmed::default();
        probe.unlock(&KEYS, key_offset(part.family))?;
        match pages {
            Some(pages) => {
                for page in pages {
                    let address = flash.base.saturating_add(page.saturating_mul(flash.page));
                    probe.erase(address)?;
                    done.erased.push(address);
                }
            }
            None => {
                probe.erase_all()?;
                done.erased.extend((0..flash.pages()).map(|page| flash.base + page * flash.page));
            }
        }
        probe.lock()?;
        Ok(done)
    })
    .map(|(done, time_us)| Programmed { time_us, ..done })
}

/// Writes the option bytes of a powered chip, so that the option area holds `area`; complements in it are made by the
/// hardware. They are in force after the next load. At read-protection level 1 this is the way out: a load of level 0
/// erases main flash.
///
/// # Errors
/// Read-protection level 2, or a flag after an operation.
pub fn write_options(chip: &mut Chip, area: &[u8]) -> Result<Programmed, ProgramError> {
    let base = chip.part().option_bytes.base;
    let mut probe = Probe::attach(chip);
    let started = probe.now.time;
    let result = match probe.chip.board.flash.rdp_level() {
        level @ 2.. => Err(ProgramError::Locked { level }),
        _ => probe.option_bytes(base, area),
    };
    let ended = probe.detach();
    result.map(|()| Programmed { time_us: ended.since(started), option_bytes: true, ..Programmed::default() })
}

/// Erases the pages of main flash that `range` touches, in a powered chip. How many.
///
/// # Errors
/// As for [`program`].
pub fn erase(chip: &mut Chip, range: Range<u32>) -> Result<usize, ProgramError> {
    let (family, flash) = (chip.part().family, chip.part().flash);
    if range.is_empty() {
        return Ok(0);
    }
    unlocked(chip, |probe| {
        probe.unlock(&KEYS, key_offset(family))?;
        let mut pages = 0;
        for page in flash.pages_of(range.start.max(flash.base), (range.end - 1).min(flash.end() - 1)) {
            probe.erase(page)?;
            pages += 1;
        }
        probe.lock()?;
        Ok(pages)
    })
    .map(|(pages, _)| pages)
}

/// Programs blocks of bytes in main flash, ascending and without overlap, into a powered chip, without erasing, and
/// reads them back. Bytes written.
///
/// # Errors
/// As for [`program`].
pub fn write(chip: &mut Chip, blocks: &[(u32, Vec<u8>)]) -> Result<u32, ProgramError> {
    let (family, unit) = (chip.part().family, chip.part().flash.program_unit);
    unlocked(chip, |probe| {
        probe.unlock(&KEYS, key_offset(family))?;
        for (address, data) in runs(blocks.iter().map(|(a, d)| (*a, d.as_slice())), unit) {
            probe.write(address, &data)?;
        }
        probe.lock()?;
        for (address, data) in blocks {
            probe.verify(*address, data)?;
        }
        Ok(blocks.iter().map(|(_, data)| data.len() as u32).sum())
    })
    .map(|(bytes, _)| bytes)
}

/// Does something as a probe, unless the chip is locked, and says how long it took; the rest of the chip follows.
fn unlocked<T>(
    chip: &mut Chip,
    work: impl FnOnce(&mut Probe<'_>) -> Result<T, ProgramError>,
) -> Result<(T, Time), ProgramError> {
    let mut probe = Probe::attach(chip);
    let started = probe.now.time;
    let result = match probe.chip.board.flash.rdp_level() {
        0 => work(&mut probe),
        level => Err(ProgramError::Locked { level }),
    };
    let ended = probe.detach();
    result.map(|done| (done, ended.since(started)))
}

/// The blocks, joined where two share a unit: a unit can be programmed but once. Gaps inside are FF.
fn runs<'a>(blocks: impl Iterator<Item = (u32, &'a [u8])>, unit: u32) -> Vec<(u32, Vec<u8>)> {
    let mut runs: Vec<(u32, Vec<u8>)> = Vec::new();
    for (address, bytes) in blocks {
        if let Some((start, data)) = runs.last_mut()
            && (*start + data.len() as u32).next_multiple_of(unit) > address
        {
            data.resize((address - *start) as usize, 0xFF);
            data.extend(bytes);
            continue;
        }
        runs.push((address, bytes.to_vec()));
    }
    runs
}

const fn key_offset(family: Family) -> u32 {
    match family {
        Family::F0 => 0x04,
        Family::G0 => 0x08,
    }
}

/// A debug probe on the flash interface, with the core halted.
struct Probe<'a> {
    chip: &'a mut Chip,
    family: Family,
    now: crate::time::Now,
    fx: Effects,
}

impl<'a> Probe<'a> {
    fn attach(chip: &'a mut Chip) -> Probe<'a> {
        chip.probe_seen();
        let (family, now) = (chip.part().family, chip.now());
        Probe { chip, family, now, fx: Effects::default() }
    }

    /// Lets the rest of the chip follow. Returns the time.
    fn detach(self) -> Time {
        self.chip.catch_up(self.now);
        self.now.time
    }

    fn by(&self) -> Access {
        Access { master: Master::Debug, now: self.now }
    }

    /// Waits for the operation in flight.
    fn wait(&mut self) {
        if let Some(end) = self.chip.board.flash.busy_until()
            && end > self.now.time
        {
            self.now = self.chip.board.hclk.at(self.chip.board.hclk.cycle_at(end));
        }
        self.chip.board.flash.advance(self.now, &mut self.fx);
    }

    fn set(&mut self, offset: u32, value: u32) -> Result<(), ProgramError> {
        self.wait();
        let by = self.by();
        let address = crate::flash::REGISTERS + offset;
        let result = self.chip.board.flash.write_register(offset, Width::Word, value, by, &mut self.fx);
        result.map_err(|e| bus(address, e))
    }

    fn get(&mut self, offset: u32) -> Result<u32, ProgramError> {
        self.wait();
        let by = self.by();
        let address = crate::flash::REGISTERS + offset;
        self.chip.board.flash.read_register(offset, Width::Word, by, &mut self.fx).map_err(|e| bus(address, e))
    }

    fn cell(&mut self, address: u32, width: Width, value: u32) -> Result<(), ProgramError> {
        let by = self.by();
        self.chip.board.flash.write(address, width, value, by, &mut self.fx).map_err(|e| bus(address, e))
    }

    /// CR's offset.
    const fn cr(&self) -> u32 {
        match self.family {
            Family::F0 => 0x10,
            Family::G0 => 0x14,
        }
    }

    /// SR's offset and its error flags.
    const fn sr(&self) -> (u32, u32) {
        match self.family {
            Family::F0 => (0x0C, 0x14),
            Family::G0 => (0x10, 0xC3FA),
        }
    }

    fn unlock(&mut self, keys: &[u32; 2], offset: u32) -> Result<(), ProgramError> {
        let locked = match self.family {
            Family::F0 => 1 << 7,
            Family::G0 => 1 << 31,
        };
        let (sr, errors) = self.sr();
        let cr = self.cr();
        // Keys sent to an unlocked G0 are a fault; stale flags fail its next operation.
        if self.get(cr)? & locked != 0 {
            for key in keys {
                self.set(offset, *key)?;
            }
        }
        self.set(sr, errors | 0x21)
    }

    fn lock(&mut self) -> Result<(), ProgramError> {
        match self.family {
            Family::F0 => self.set(0x10, 1 << 7),
            Family::G0 => self.set(0x14, 1 << 31),
        }
    }

    /// The names of the error flags that are set; they are cleared.
    fn failed(&mut self) -> Result<Option<String>, ProgramError> {
        let (sr, errors) = self.sr();
        if self.get(sr)? & errors == 0 {
            return Ok(None);
        }
        let flags = self.chip.board.flash.flags().join(", ");
        self.set(sr, errors)?;
        Ok(Some(flags))
    }

    fn erase(&mut self, page: u32) -> Result<(), ProgramError> {
        let flash = self.chip.part().flash;
        match self.family {
            Family::F0 => {
                self.set(0x10, 1 << 1)?;
                self.set(0x14, page)?;
                self.set(0x10, 1 << 1 | 1 << 6)?;
                self.set(0x10, 0)?;
            }
            Family::G0 => {
                let number = (page - flash.base) / flash.page;
                self.set(0x14, 1 << 1 | number << 3 | 1 << 16)?;
                self.set(0x14, 0)?;
            }
        }
        match self.failed()? {
            Some(flags) => Err(ProgramError::Erase { address: page, flags }),
            None => Ok(()),
        }
    }

    /// A mass erase.
    fn erase_all(&mut self) -> Result<(), ProgramError> {
        match self.family {
            Family::F0 => {
                self.set(0x10, 1 << 2)?;
                self.set(0x10, 1 << 2 | 1 << 6)?;
                self.set(0x10, 0)?;
            }
            Family::G0 => {
                self.set(0x14, 1 << 2 | 1 << 16)?;
                self.set(0x14, 0)?;
            }
        }
        match self.failed()? {
            Some(flags) => Err(ProgramError::Erase { address: self.chip.part().flash.base, flags }),
            None => Ok(()),
        }
    }

    /// Programs in the family's unit; bytes of a unit that the data does not cover stay erased.
    fn write(&mut self, address: u32, data: &[u8]) -> Result<(), ProgramError> {
        let unit = self.chip.part().flash.program_unit;
        let cr = self.cr();
        self.set(cr, 1)?;
        let start = address - address % unit;
        let end = address + data.len() as u32;
        let mut at = start;
        while at < end {
            let byte = |n: u32| {
                let index = (at + n).wrapping_sub(address) as usize;
                if at + n < address { 0xFF } else { data.get(index).copied().unwrap_or(0xFF) }
            };
            match self.family {
                Family::F0 => {
                    let value = u32::from(byte(0)) | u32::from(byte(1)) << 8;
                    self.cell(at, Width::Half, value)?;
                }
                Family::G0 => {
                    for half in [0, 4] {
                        let word = (0..4).fold(0, |w, n| w | u32::from(byte(half + n)) << (8 * n));
                        self.cell(at + half, Width::Word, word)?;
                    }
                }
            }
            self.wait();
            let (sr, errors) = self.sr();
            if self.get(sr)? & errors != 0 {
                let flags = self.failed()?.unwrap_or_default();
                return Err(ProgramError::Write { address: at, flags });
            }
            at += unit;
        }
        self.set(cr, 0)
    }

    fn verify(&mut self, address: u32, data: &[u8]) -> Result<(), ProgramError> {
        let stands = self.chip.board.flash.cells().bytes(address, data.len() as u32);
        match data.iter().zip(&stands).position(|(a, b)| a != b) {
            Some(n) => Err(ProgramError::Verify { address: address + n as u32, wanted: data[n], found: stands[n] }),
            None => Ok(()),
        }
    }

    /// Erases the option area and writes what the file holds of it, as the option-byte sequences do (RM0091 3.2.2,
    /// RM0444 3.4.2). On the F0 half-words; on the G0 through the option registers.
    fn option_bytes(&mut self, address: u32, data: &[u8]) -> Result<(), ProgramError> {
        let base = self.chip.part().option_bytes.base;
        match self.family {
            Family::F0 => {
                self.unlock(&KEYS, 0x04)?;
                for key in KEYS {
                    self.set(0x08, key)?;
                }
                self.set(0x10, 1 << 9 | 1 << 5)?;
                self.set(0x10, 1 << 9 | 1 << 5 | 1 << 6)?;
                self.set(0x10, 1 << 9 | 1 << 4)?;
                for (n, pair) in data.chunks(2).enumerate() {
                    let at = address + 2 * n as u32;
                    // A blank half-word is left out: an erased area reads the same.
                    if pair != [0xFF, 0xFF] {
                        self.cell(at, Width::Half, u32::from(pair[0]))?;
                        self.wait();
                        if let Some(flags) = self.failed()? {
                            return Err(ProgramError::Write { address: at, flags });
                        }
                    }
                }
                self.set(0x10, 1 << 7)
            }
            Family::G0 => {
                self.unlock(&KEYS, 0x08)?;
                for key in OPTION_KEYS_G0 {
                    self.set(0x0C, key)?;
                }
                // Each double word: the value, then its complement; the registers take the value.
                const REGISTERS: [(u32, u32); 8] = [
                    (0x00, 0x20),
                    (0x08, 0x24),
                    (0x10, 0x28),
                    (0x18, 0x2C),
                    (0x20, 0x30),
                    (0x28, 0x34),
                    (0x30, 0x38),
                    (0x70, 0x80),
                ];
                for (offset, register) in REGISTERS {
                    let index = (base + offset).wrapping_sub(address) as usize;
                    if base + offset >= address
                        && let Some(b) = data.get(index..index + 4)
                    {
                        self.set(register, u32::from_le_bytes([b[0], b[1], b[2], b[3]]))?;
                    }
                }
                self.set(0x14, 1 << 17)?;
                self.wait();
                if let Some(flags) = self.failed()? {
                    return Err(ProgramError::Write { address, flags });
                }
                self.set(0x14, 1 << 31)
            }
        }
    }
}

fn bus(address: u32, fault: BusFault) -> ProgramError {
    ProgramError::Bus { address, reason: fault.reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::part;

    #[test]
    fn segments_that_share_a_double_word_go_in_as_one() {
        let text = crate::image::write::hex(
            &[(0x0800_10A1u32, vec![0x11u8]), (0x0800_10A4, vec![0x22, 0x33])]
                .map(|(a, d)| crate::image::Segment::new(a, d, crate::image::Position::Offset(0)).unwrap()),
        );
        let image = Image::parse("two.hex", text.as_bytes(), None).unwrap();
        assert_eq!(image.segments.len(), 2);
        for name in ["G071", "F051"] {
            let mut chip = Chip::new(&part::find(name).unwrap(), 1).unwrap();
            chip.power_on();
            let done = program(&mut chip, &image, false).unwrap();
            assert_eq!((done.bytes, done.erased.len()), (3, 1), "{name}");
            assert_eq!(
                chip.board.flash.cells().bytes(0x0800_10A0, 8),
                [0xFF, 0x11, 0xFF, 0xFF, 0x22, 0x33, 0xFF, 0xFF]
            );
        }
    }
}
