//! Programming as a debug probe does it: unlock, erase the touched pages, program, lock; errors as the flags say.
//!
//! Every access goes through the flash controller with the core halted. What is not in a file stays as it was, but
//! for pages that the file touches: they are erased whole.

use super::Chip;
use crate::bus::{Access, BusFault, Effects, Master, Width};
use crate::flash::{Driver, DriverError, Flags, Port, Purpose, REGISTERS, REGISTERS_SIZE, driver};
use crate::image::Image;
use crate::time::{Now, Time};
use std::ops::Range;

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
        /// The flags that were set.
        flags: Flags,
    },
    /// A status flag after a write.
    #[error("0x{address:08X} was not programmed: {flags}")]
    Write {
        /// The address.
        address: u32,
        /// The flags that were set.
        flags: Flags,
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
    unlocked(chip, |driver, probe| {
        let mut done = Programmed::default();
        let inside = image.slice(flash.base..flash.end());
        driver.unlock(probe)?;
        for segment in &inside.segments {
            let (first, last) = (segment.address, segment.address + (segment.data.len() as u32).saturating_sub(1));
            for page in flash.pages_of(first, last) {
                if done.erased.last() != Some(&page) {
                    driver.erase_page(probe, page).map_err(erasing)?;
                    done.erased.push(page);
                }
            }
        }
        for (address, data) in runs(inside.segments.iter().map(|s| (s.address, s.data.as_slice())), flash.program_unit)
        {
            driver.program(probe, address, &data).map_err(writing)?;
        }
        done.bytes = inside.segments.iter().map(|s| s.data.len() as u32).sum();
        driver.lock(probe)?;
        for segment in &inside.segments {
            probe.verify(segment.address, &segment.data)?;
        }
        if options {
            let area = part.option_bytes.region();
            for segment in &image.slice(area.base..area.end()).segments {
                driver.options(probe, segment.address, &segment.data).map_err(writing)?;
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
    let flash = chip.part().flash;
    unlocked(chip, |driver, probe| {
        let mut done = Programmed::default();
        driver.unlock(probe)?;
        match pages {
            Some(pages) => {
                for page in pages {
                    let address = flash.base.saturating_add(page.saturating_mul(flash.page));
                    driver.erase_page(probe, address).map_err(erasing)?;
                    done.erased.push(address);
                }
            }
            None => {
                driver.erase_all(probe, flash.base).map_err(erasing)?;
                done.erased.extend((0..flash.pages()).map(|page| flash.base + page * flash.page));
            }
        }
        driver.lock(probe)?;
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
    let driver = driver(chip.part());
    let base = chip.part().option_bytes.base;
    let mut probe = Probe::attach(chip);
    let started = probe.now.time;
    let result = match probe.chip.board.flash.rdp_level() {
        level @ 2.. => Err(ProgramError::Locked { level }),
        _ => driver.options(&mut probe, base, area).map_err(writing),
    };
    let ended = probe.detach();
    result.map(|()| Programmed { time_us: ended.since(started), option_bytes: true, ..Programmed::default() })
}

/// Erases the pages of main flash that `range` touches, in a powered chip. How many.
///
/// # Errors
/// As for [`program`].
pub fn erase(chip: &mut Chip, range: Range<u32>) -> Result<usize, ProgramError> {
    let flash = chip.part().flash;
    if range.is_empty() {
        return Ok(0);
    }
    unlocked(chip, |driver, probe| {
        driver.unlock(probe)?;
        let mut pages = 0;
        for page in flash.pages_of(range.start.max(flash.base), (range.end - 1).min(flash.end() - 1)) {
            driver.erase_page(probe, page).map_err(erasing)?;
            pages += 1;
        }
        driver.lock(probe)?;
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
    let unit = chip.part().flash.program_unit;
    unlocked(chip, |driver, probe| {
        driver.unlock(probe)?;
        for (address, data) in runs(blocks.iter().map(|(a, d)| (*a, d.as_slice())), unit) {
            driver.program(probe, address, &data).map_err(writing)?;
        }
        driver.lock(probe)?;
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
    work: impl for<'p> FnOnce(&dyn Driver<Probe<'p>>, &mut Probe<'p>) -> Result<T, ProgramError>,
) -> Result<(T, Time), ProgramError> {
    let driver = driver(chip.part());
    let mut probe = Probe::attach(chip);
    let started = probe.now.time;
    let result = match probe.chip.board.flash.rdp_level() {
        0 => work(driver.as_ref(), &mut probe),
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

/// A debug probe on the flash interface, with the core halted.
struct Probe<'a> {
    chip: &'a mut Chip,
    now: Now,
    fx: Effects,
}

impl<'a> Probe<'a> {
    fn attach(chip: &'a mut Chip) -> Probe<'a> {
        chip.probe_seen();
        let now = chip.now();
        Probe { chip, now, fx: Effects::default() }
    }

    /// Lets the rest of the chip follow. Returns the time.
    fn detach(self) -> Time {
        self.chip.catch_up(self.now);
        self.now.time
    }

    fn by(&self) -> Access {
        Access { master: Master::Debug, now: self.now }
    }

    fn verify(&self, address: u32, data: &[u8]) -> Result<(), ProgramError> {
        let stands = self.chip.board.flash.cells().bytes(address, data.len() as u32);
        match data.iter().zip(&stands).position(|(a, b)| a != b) {
            Some(n) => Err(ProgramError::Verify { address: address + n as u32, wanted: data[n], found: stands[n] }),
            None => Ok(()),
        }
    }
}

/// No access takes time of its own: only operations do.
impl Port for Probe<'_> {
    type Error = ProgramError;

    fn load(&mut self, address: u32, width: Width) -> Result<u32, ProgramError> {
        let by = self.by();
        let flash = &mut self.chip.board.flash;
        let loaded = match register(address) {
            Some(offset) => flash.read_register(offset, width, by, &mut self.fx),
            None => flash.read(address, width, Purpose::Data, by, &mut self.fx),
        };
        loaded.map_err(|fault| bus(address, fault))
    }

    fn store(&mut self, address: u32, width: Width, value: u32) -> Result<(), ProgramError> {
        let by = self.by();
        let flash = &mut self.chip.board.flash;
        let stored = match register(address) {
            Some(offset) => flash.write_register(offset, width, value, by, &mut self.fx),
            None => flash.write(address, width, value, by, &mut self.fx),
        };
        stored.map_err(|fault| bus(address, fault))
    }

    fn wait(&mut self) -> Result<(), ProgramError> {
        if let Some(end) = self.chip.board.flash.busy_until()
            && end > self.now.time
        {
            self.now = self.chip.board.hclk.at(self.chip.board.hclk.cycle_at(end));
        }
        self.chip.board.flash.advance(self.now, &mut self.fx);
        Ok(())
    }
}

/// The offset of a register of the flash interface.
fn register(address: u32) -> Option<u32> {
    Some(address.wrapping_sub(REGISTERS)).filter(|offset| *offset < REGISTERS_SIZE)
}

fn bus(address: u32, fault: BusFault) -> ProgramError {
    ProgramError::Bus { address, reason: fault.reason }
}

/// An erase that failed.
fn erasing(error: DriverError<ProgramError>) -> ProgramError {
    match error {
        DriverError::Port(error) => error,
        DriverError::Flags { address, flags } => ProgramError::Erase { address, flags },
    }
}

/// A write that failed.
fn writing(error: DriverError<ProgramError>) -> ProgramError {
    match error {
        DriverError::Port(error) => error,
        DriverError::Flags { address, flags } => ProgramError::Write { address, flags },
    }
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
