//! Erasing and programming main flash and OTP of a G0 (RM0444 3.3.7, 3.3.8).

use super::registers::{cr, sr};
use super::{G0, Half, MASS_TIME, PAGE_TIME, PROGRAM_TIME};
use crate::bus::{Access, BusFault, Effects, Width, fault, lane};
use crate::flash::cells::{DOUBLE_WORD, PROGRAMMED};
use crate::flash::cut::{self, Operation, Work};
use crate::time::Time;

impl G0 {
    /// STRT was written: what CR says is begun (G30, G31).
    pub(super) fn launch(&mut self, at: Time, by: Access, fx: &mut Effects) -> Result<(), BusFault> {
        let control = self.live.cr;
        let (page, mass) = (control & cr::PER != 0, control & cr::MER1 != 0);
        if !page && !mass {
            return Ok(()); // G36
        }
        // G33, G34
        if self.live.sr & sr::PENDING != 0 || control & (cr::PG | cr::FSTPG) != 0 || (page && mass) {
            self.fail(sr::PGSERR, fx);
            return Ok(());
        }
        if self.shuts_out(by.master) {
            self.fail(sr::WRPERR, fx); // G50
            return Ok(());
        }
        let secured = (self.secured_end() - self.flash.base) / self.flash.page;
        let number = (control & cr::PNB) >> cr::PNB_SHIFT;
        let pages = if mass { 0..self.flash.pages() } else { number..number + 1 };
        if pages.start < secured {
            return Err(fault("the securable area is closed (SEC_PROT)")); // G39
        }
        if pages.end > self.flash.pages() {
            return Ok(()); // G35
        }
        if pages.clone().any(|p| self.page_is_protected(p)) {
            self.fail(sr::WRPERR, fx); // G37, G38
            return Ok(());
        }
        let start = |p: u32| self.flash.base + p * self.flash.page;
        fx.changed(start(pages.start)..start(pages.end));
        let work = cut::erase(&mut self.cells, pages);
        self.live.cr |= cr::STRT;
        self.live.fresh = true;
        let ends = at + self.live.settings.speed.span(if mass { MASS_TIME } else { PAGE_TIME });
        self.start(Operation { started: at, ends, first: None, work }, fx);
        Ok(())
    }

    /// A store to main flash, OTP, or what cannot be written.
    pub(super) fn store(
        &mut self,
        address: u32,
        width: Width,
        value: u32,
        by: Access,
        fx: &mut Effects,
    ) -> Result<(), BusFault> {
        let at = self.wait(by.now.time, fx); // G28
        let (main, otp) = (self.flash.contains(address), self.otp.contains(address));
        if !main && !otp {
            if !self.option_bytes.contains(address) {
                return Err(fault("no flash at this address"));
            }
            self.fail(sr::WRPERR, fx); // G50: option bytes are written through registers only.
            return Ok(());
        }
        let ready = self.live.cr & (cr::PG | cr::FSTPG) != 0 && self.live.cr & cr::LOCK == 0;
        if self.shuts_out(by.master) {
            if ready {
                self.fail(sr::WRPERR, fx);
            }
            return Err(fault("main flash is read-protected (level 1)")); // G81
        }
        if main {
            self.admit_flash(address, by)?;
        }
        if self.live.cr & cr::LOCK != 0 {
            self.store_locked(address, width, value, fx);
            return Ok(());
        }
        if !ready {
            self.fail(sr::PGSERR, fx); // G47
            return Ok(());
        }
        if let Some(flags) = self.refusal(address, width) {
            self.fail(flags, fx);
            return Ok(());
        }
        match self.live.half.take() {
            None => {
                // G25: CFGBSY from the first word on.
                self.live.half = Some(Half { address, word: value, refused: false });
                fx.events();
            }
            Some(half) if self.live.cr & cr::FSTPG != 0 => self.fast_double_word(half, value, at, fx),
            Some(half) => self.double_word(half, value, at, fx),
        }
        Ok(())
    }

    /// Why a word cannot be taken, as flags: order, width, alignment.
    fn refusal(&self, address: u32, width: Width) -> Option<u32> {
        let control = self.live.cr;
        let both = control & cr::PG != 0 && control & cr::FSTPG != 0;
        if self.live.sr & sr::PENDING != 0 || control & (cr::PER | cr::MER1) != 0 || both {
            return Some(sr::PGSERR); // G33, G34, G51
        }
        if width != Width::Word {
            return Some(sr::SIZERR); // G42
        }
        let expected = match self.live.half {
            Some(half) => address == half.address + 4,
            None => address.is_multiple_of(DOUBLE_WORD),
        };
        (!expected).then_some(sr::PGAERR) // G43
    }

    /// A store to locked flash: refused, and CFGBSY stays until a second word has come (G26, G48).
    fn store_locked(&mut self, address: u32, width: Width, value: u32, fx: &mut Effects) {
        let first = self.live.half.is_none();
        let aligned = address.is_multiple_of(DOUBLE_WORD) || !first;
        self.fail(
            sr::PGSERR | if aligned { 0 } else { sr::PGAERR } | if width == Width::Word { 0 } else { sr::SIZERR },
            fx,
        );
        if first {
            self.live.half = Some(Half { address, word: value, refused: true });
        }
    }

    /// Both words are there: checks, and the launch (G41).
    fn double_word(&mut self, half: Half, second: u32, at: Time, fx: &mut Effects) {
        let address = half.address;
        let data = u64::from(half.word) | u64::from(second) << 32;
        if half.refused {
            return self.fail(sr::PGSERR, fx); // unlocked between the words
        }
        let ends = at + self.live.settings.speed.span(PROGRAM_TIME);
        if self.otp.contains(address) {
            let offset = (address - self.otp.base) as usize;
            let index = offset / DOUBLE_WORD as usize;
            // G3: once written, not even zeros.
            if self.live.otp_marks.get(index).is_none_or(|m| m & PROGRAMMED != 0) {
                return self.fail(sr::PROGERR, fx);
            }
            for (cell, byte) in self.live.otp.iter_mut().skip(offset).zip(data.to_le_bytes()) {
                *cell &= byte;
            }
            self.live.otp_marks[index] = PROGRAMMED;
            return self.start(Operation { started: at, ends, first: None, work: Work::Otp { offset } }, fx);
        }
        if self.address_is_protected(address) {
            return self.fail(sr::WRPERR, fx); // G49
        }
        if self.cells.is_programmed(address) {
            // G44: zeros go over anything; G45: except over ones that were programmed.
            let ones = self.cells.is_blank(address..address + DOUBLE_WORD);
            if data != 0 || ones {
                return self.fail(sr::PROGERR, fx);
            }
        }
        let work = cut::program(&mut self.cells, address, &data.to_le_bytes(), PROGRAMMED);
        self.live.fresh = false;
        fx.changed(address..address + DOUBLE_WORD);
        self.start(Operation { started: at, ends, first: None, work }, fx);
    }

    /// The bytes of OTP.
    pub(super) fn otp_bytes(&self, address: u32, width: Width) -> u32 {
        let start = ((address & !3) - self.otp.base) as usize;
        let byte = |i: usize| u32::from(self.live.otp.get(start + i).copied().unwrap_or(0xFF));
        lane((0..4).map(|i| byte(i) << (8 * i)).sum(), address, width)
    }
}
