//! st-flash at the flash controllers: locks, erasing, and what both families have in common.

use super::error::StFlashError;
use super::note::Note;
use super::session::{FLASH, Session};
use crate::bus::Width;
use crate::part::Family;
use crate::plural::thousands;

const KEYS: [u32; 2] = [0x4567_0123, 0xCDEF_89AB];
const OPTION_KEYS_G0: [u32; 2] = [0x0819_2A3B, 0x4C5D_6E7F];

pub(super) const PG: u32 = 1 << 0;
const PER: u32 = 1 << 1;
const MER: u32 = 1 << 2;
const AR: u32 = 0x4002_2014;
/// PNB in the G0's CR (RM0444 3.7.5).
const PNB: u32 = 0x3F << 3;

/// The registers of a family's controller.
#[derive(Clone, Copy)]
pub(super) struct Registers {
    key: u32,
    option_key: u32,
    pub status: u32,
    pub control: u32,
    /// Of SR: what st-flash clears, and takes for an error.
    errors: u32,
    /// Of SR.
    busy: u32,
    /// Of CR.
    lock: u32,
    start: u32,
    /// Of CR: the option lock where it is 1 while locked, and its opposite where it is 0.
    option_lock: u32,
    option_write_enable: u32,
    option_keys: [u32; 2],
}

const F0: Registers = Registers {
    key: 0x4002_2004,
    option_key: 0x4002_2008,
    status: 0x4002_200C,
    control: 0x4002_2010,
    errors: 0x14,
    busy: 1 << 0,
    lock: 1 << 7,
    start: 1 << 6,
    option_lock: 0,
    option_write_enable: 1 << 9,
    option_keys: KEYS,
};

const G0: Registers = Registers {
    key: 0x4002_2008,
    option_key: 0x4002_200C,
    status: 0x4002_2010,
    control: 0x4002_2014,
    errors: 0x3FA,
    busy: 1 << 16,
    lock: 1 << 31,
    start: 1 << 16,
    option_lock: 1 << 30,
    option_write_enable: 0,
    option_keys: OPTION_KEYS_G0,
};

impl Session<'_> {
    pub fn flash(&self) -> Registers {
        match self.known.family {
            Family::F0 => F0,
            Family::G0 => G0,
        }
    }

    pub fn wait_for_flash(&mut self) -> Result<(), StFlashError> {
        let flash = self.flash();
        self.poll(flash.status, |status| status & flash.busy == 0).map(|_| ())
    }

    pub fn clear_flags(&mut self) {
        let flash = self.flash();
        self.write(flash.status, flash.errors);
    }

    /// Unlocks where it is locked. Whether it is open now.
    pub fn unlock(&mut self) -> bool {
        let flash = self.flash();
        if self.read(flash.control) & flash.lock == 0 {
            return true;
        }
        for key in KEYS {
            self.write(flash.key, key);
        }
        self.read(flash.control) & flash.lock == 0
    }

    pub fn lock(&mut self) {
        let flash = self.flash();
        self.change_control(0, flash.lock);
    }

    fn options_are_locked(&mut self) -> bool {
        let flash = self.flash();
        let control = self.read(flash.control);
        control & flash.option_lock != 0 || control & flash.option_write_enable != flash.option_write_enable
    }

    /// Unlocks option bytes where they are locked. Whether they are open now.
    pub fn unlock_options(&mut self) -> bool {
        if !self.options_are_locked() {
            return true;
        }
        let flash = self.flash();
        for key in flash.option_keys {
            self.write(flash.option_key, key);
        }
        !self.options_are_locked()
    }

    pub fn lock_options(&mut self) {
        let flash = self.flash();
        self.change_control(flash.option_write_enable, flash.option_lock);
    }

    /// Reads CR, and writes it with some bits cleared and some set.
    pub fn change_control(&mut self, clear: u32, set: u32) {
        let control = self.flash().control;
        let value = self.read(control);
        self.write(control, value & !clear | set);
    }

    /// What the error flags of SR come to.
    pub fn check_flags(&mut self, what: &str) -> Result<(), StFlashError> {
        let flash = self.flash();
        let flags = self.read(flash.status) & flash.errors;
        if flags == 0 {
            return Ok(());
        }
        let (flags, why) = (flag_names(self.known.family, flags), self.why());
        Err(StFlashError::Flags { what: what.to_owned(), flags, why })
    }

    /// What is behind refused writes, as the chip knows it.
    pub fn why(&mut self) -> String {
        let flash = &self.probe.target.chip.board.flash;
        let pages = flash.cells().pages();
        let protected = (0..pages).any(|page| flash.protected(page));
        match flash.rdp_level() {
            0 if self.mass_erase_bit_is_set() => {
                "; the mass erase bit is still set, from an erase before: reset the chip first".to_owned()
            }
            0 if protected => "; pages of this chip are write-protected".to_owned(),
            0 => String::new(),
            level => format!("; read protection level {level} is active, and no probe writes or erases flash"),
        }
    }

    /// Erases the page with `address` in it.
    pub fn erase_page(&mut self, address: u32) -> Result<(), StFlashError> {
        self.wait_for_flash()?;
        self.clear_flags();
        self.unlock();
        let flash = self.flash();
        match self.known.family {
            Family::F0 => {
                self.change_control(PG, 0);
                self.change_control(0, PER);
                self.write(AR, address);
            }
            Family::G0 => {
                self.change_control(0, PER);
                let page = address.wrapping_sub(FLASH) / self.known.page;
                self.change_control(PNB, page << 3 & PNB | PER);
            }
        }
        self.change_control(0, flash.start);
        self.wait_for_flash()?;
        self.change_control(PER, 0);
        self.lock();
        self.check_flags(&format!("the page at 0x{:08X} was not erased", address & !(self.known.page - 1)))
    }

    /// `erase ADDR SIZE`, as 1.8 has it.
    pub fn erase_range(&mut self, address: u32, size: u32) -> Result<(), StFlashError> {
        let page = self.known.page;
        self.fits_flash(address, size)?;
        let whole = |n: u32| n.is_multiple_of(page);
        if !whole(address) {
            let multiple = format!("the start of a page ({} bytes)", thousands(page));
            return Err(StFlashError::Unaligned { address, multiple });
        }
        let mut at = address;
        while at - address < size {
            // Pages before the one that is too short are gone already, as with st-flash.
            if size - (at - address) < page {
                return Err(StFlashError::Unsupported(format!(
                    "{} bytes are not a number of whole pages of {} bytes: the page at 0x{at:08X} is not erased, those \
                     before it are",
                    thousands(size),
                    thousands(page)
                )));
            }
            self.erase_page(at)?;
            self.outcome.erased_pages += 1;
            at += page;
        }
        let pages = self.outcome.erased_pages;
        let s = if pages == 1 { "" } else { "s" };
        self.say(&format!("erased {pages} page{s} of {} bytes from 0x{address:08X} on", thousands(page)));
        Ok(())
    }

    /// Erases all of flash.
    pub fn erase_all(&mut self) -> Result<(), StFlashError> {
        self.wait_for_flash()?;
        self.clear_flags();
        self.unlock();
        self.mass_erase_bit(true);
        let start = self.flash().start;
        self.change_control(0, start);
        self.wait_for_flash()?;
        self.lock();
        self.mass_erase_bit(false);
        self.check_flags("flash was not erased")?;
        self.outcome.erased_all = true;
        self.say("erased all of flash");
        // 1.8 resets the chip next.
        if !self.is_newer() && self.mass_erase_bit_is_set() {
            self.note(Note::MassEraseLeft);
        }
        Ok(())
    }

    /// A look at the register that no client takes.
    fn mass_erase_bit_is_set(&mut self) -> bool {
        let control = self.flash().control;
        self.probe.target.read(control, Width::Word).is_ok_and(|value| value & MER != 0)
    }

    fn mass_erase_bit(&mut self, on: bool) {
        let control = self.flash().control;
        let mut value = self.read(control);
        if value & PG != 0 {
            value &= !PG;
            self.write(control, value);
        }
        self.write(control, if on { value | MER } else { value & !MER });
    }
}

/// Error flags by their names (RM0091 3.5.4, RM0444 3.7.4).
pub(super) fn flag_names(family: Family, flags: u32) -> String {
    let names: &[(u32, &str)] = match family {
        Family::F0 => &[(2, "PGERR (not erased, or protected)"), (4, "WRPRTERR (write-protected)")],
        Family::G0 => &[
            (1, "OPERR"),
            (3, "PROGERR (not erased)"),
            (4, "WRPERR (write-protected)"),
            (5, "PGAERR (alignment)"),
            (6, "SIZERR (width)"),
            (7, "PGSERR (sequence)"),
            (8, "MISERR"),
            (9, "FASTERR"),
        ],
    };
    let set: Vec<&str> = names.iter().filter(|(bit, _)| flags & 1 << bit != 0).map(|(_, name)| *name).collect();
    if set.is_empty() { "no error flag".to_owned() } else { set.join(", ") }
}
