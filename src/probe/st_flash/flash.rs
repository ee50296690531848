//! st-flash at the flash controllers: locks, erasing, and what both families have in common.

use super::error::StFlashError;
use super::note::Note;
use super::session::{FLASH, Session};
use crate::bus::Width;
use crate::flash::{Flag, Flags, Interface, PageSelect, REGISTERS, interface};
use crate::plural::thousands;

/// The bits of PNB that st-flash clears and sets; the G0s that are modelled have no more.
const PAGES: u32 = 0x3F;

impl Session<'_> {
    /// The registers of this chip's flash.
    pub fn flash(&self) -> &'static Interface {
        interface(self.known.family)
    }

    /// What st-flash clears of SR, and takes for an error: of what the manual lists it knows no RDERR and no OPTVERR.
    fn errors(&self) -> u32 {
        let flash = self.flash();
        let unknown = |flag| matches!(flag, Flag::Rderr | Flag::Optverr);
        let ignored = flash.flags.iter().filter(|(_, flag)| unknown(*flag)).fold(0, |bits, (bit, _)| bits | bit);
        flash.errors & !ignored
    }

    pub fn wait_for_flash(&mut self) -> Result<(), StFlashError> {
        let flash = self.flash();
        self.poll(REGISTERS + flash.sr, |status| status & flash.busy == 0).map(|_| ())
    }

    pub fn clear_flags(&mut self) {
        self.write(REGISTERS + self.flash().sr, self.errors());
    }

    /// Unlocks where it is locked. Whether it is open now.
    pub fn unlock(&mut self) -> bool {
        let flash = self.flash();
        if self.read(REGISTERS + flash.cr) & flash.lock == 0 {
            return true;
        }
        for key in flash.keys {
            self.write(REGISTERS + flash.keyr, key);
        }
        self.read(REGISTERS + flash.cr) & flash.lock == 0
    }

    pub fn lock(&mut self) {
        let flash = self.flash();
        self.change_control(0, flash.lock);
    }

    fn options_are_locked(&mut self) -> bool {
        let flash = self.flash();
        let control = self.read(REGISTERS + flash.cr);
        flash.options_are_locked(control)
    }

    /// Unlocks option bytes where they are locked. Whether they are open now.
    pub fn unlock_options(&mut self) -> bool {
        if !self.options_are_locked() {
            return true;
        }
        let flash = self.flash();
        for key in flash.option_keys {
            self.write(REGISTERS + flash.optkeyr, key);
        }
        !self.options_are_locked()
    }

    pub fn lock_options(&mut self) {
        let flash = self.flash();
        self.change_control(flash.optwre, flash.optlock);
    }

    /// Reads CR, and writes it with some bits cleared and some set.
    pub fn change_control(&mut self, clear: u32, set: u32) {
        let control = REGISTERS + self.flash().cr;
        let value = self.read(control);
        self.write(control, value & !clear | set);
    }

    /// What the error flags of SR come to.
    pub fn check_flags(&mut self, what: &str) -> Result<(), StFlashError> {
        let flash = self.flash();
        let flags = flash.flags_of(self.read(REGISTERS + flash.sr) & self.errors());
        if flags.is_empty() {
            return Ok(());
        }
        let (flags, why) = (flag_names(flags), self.why());
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
        match flash.page {
            PageSelect::Address { ar } => {
                self.change_control(flash.pg, 0);
                self.change_control(0, flash.per);
                self.write(REGISTERS + ar, address);
            }
            PageSelect::Number { shift } => {
                self.change_control(0, flash.per);
                let page = address.wrapping_sub(FLASH) / self.known.page;
                self.change_control(PAGES << shift, (page & PAGES) << shift | flash.per);
            }
        }
        self.change_control(0, flash.strt);
        self.wait_for_flash()?;
        self.change_control(flash.per, 0);
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
        self.change_control(0, self.flash().strt);
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
        let flash = self.flash();
        self.probe.target.read(REGISTERS + flash.cr, Width::Word).is_ok_and(|value| value & flash.mer != 0)
    }

    fn mass_erase_bit(&mut self, on: bool) {
        let flash = self.flash();
        let control = REGISTERS + flash.cr;
        let mut value = self.read(control);
        if value & flash.pg != 0 {
            value &= !flash.pg;
            self.write(control, value);
        }
        self.write(control, if on { value | flash.mer } else { value & !flash.mer });
    }
}

/// Error flags by their names, and what they mean (RM0091 3.5.4, RM0444 3.7.4).
pub(super) fn flag_names(flags: Flags) -> String {
    let meaning = |flag| match flag {
        Flag::Pgerr => " (not erased, or protected)",
        Flag::Progerr => " (not erased)",
        Flag::Wrprterr | Flag::Wrperr => " (write-protected)",
        Flag::Pgaerr => " (alignment)",
        Flag::Sizerr => " (width)",
        Flag::Pgserr => " (sequence)",
        _ => "",
    };
    let set: Vec<String> = flags.iter().map(|flag| format!("{flag}{}", meaning(flag))).collect();
    if set.is_empty() { "no error flag".to_owned() } else { set.join(", ") }
}
