//! Erasing and programming main flash and OTP of a G0 (RM0444 3.3.7, 3.3.8).

use super::registers::{self, cr, sr};
use super::{G0, Half, MASS_TIME, PAGE_TIME, PROGRAM_TIME};
use crate::bus::{Access, BusFault, Effects, Width, fault, lane};
use crate::flash::REGISTERS;
use crate::flash::cells::{DOUBLE_WORD, PROGRAMMED};
use crate::flash::cut::{self, Operation, Work};
use crate::time::Time;

/// A store into flash.
#[derive(Clone, Copy)]
struct Store {
    address: u32,
    width: Width,
    value: u32,
    /// Flash is unlocked, and PG or FSTPG is set.
    ready: bool,
}

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
        if self.locks_out(by.master) {
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
            fx.choice("G35", REGISTERS + registers::CR, "an erase of a page beyond flash: nothing, and no flag");
            return Ok(());
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
            if !self.part.option_bytes.contains(address) {
                return Err(fault("no flash at this address"));
            }
            self.fail(sr::WRPERR, fx); // G50: option bytes are written through registers only.
            return Ok(());
        }
        let unlocked = self.live.cr & cr::LOCK == 0;
        let ready = unlocked && self.live.cr & (cr::PG | cr::FSTPG) != 0;
        if self.locks_out(by.master) {
            if ready {
                self.fail(sr::WRPERR, fx);
            }
            return Err(fault("main flash is read-protected (level 1)")); // G81
        }
        if main {
            self.admit_flash(address, by)?;
        }
        self.take(Store { address, width, value, ready }, at, fx);
        Ok(())
    }

    /// One of the two stores that make a double word. CFGBSY goes by pairs of stores, whatever is wrong with them (G25,
    /// G26): the first of a pair raises it, the second lowers it and has the pair judged. So half a double word, a
    /// refused one too, leaves CR out of reach until a second store or a reset.
    ///
    /// Silicon: on a G0B1 (uliano/brio, docs/stm32g0/nvm.md, one provocation a boot) a legal first word alone leaves
    /// CFGBSY and no flag, words at +4 and +8 give PGAERR alone, a double word with PG = 0 PGSERR alone, four
    /// half-words SIZERR, PGAERR and PGSERR, all with CFGBSY down; on a G0B0 (stlink, issue 1491) words after an error
    /// give SR = 0x00040088, then 0x00000088. Pairs of stores, and PGSERR for a pending flag from the next pair on,
    /// explain all of these.
    fn take(&mut self, store: Store, at: Time, fx: &mut Effects) {
        let Store { address, width, value, .. } = store;
        let flags = self.refusal(&store);
        if flags != 0 {
            self.fail(flags | self.fast_error(flags), fx);
        }
        match self.live.half.take() {
            None => {
                let half = Half { address, word: value, refused: flags };
                self.live.half = Some(half);
                if let Some(fast) = &mut self.live.fast {
                    fast.half_is_there(at);
                }
                fx.events();
            }
            // What was wrong with the first word is wrong with the pair.
            Some(half) if half.refused != 0 => self.fail(half.refused | self.fast_error(half.refused), fx),
            Some(_) if flags != 0 => {}
            Some(half) if self.live.cr & cr::FSTPG != 0 && width == Width::Word => {
                self.fast_double_word(half, value, at, fx);
            }
            Some(half) => self.double_word(half, value, at, fx),
        }
    }

    /// What is wrong with a store, as flags; 0 where it can be taken.
    fn refusal(&self, store: &Store) -> u32 {
        let control = self.live.cr;
        let both = control & cr::PG != 0 && control & cr::FSTPG != 0;
        let mut flags = 0;
        // G33, G34, G47, G48, G51: judged where a pair begins, so that a pair's first flag is none that was pending.
        let first = self.live.half.is_none();
        if !store.ready || control & (cr::PER | cr::MER1) != 0 || both || (first && self.live.sr & sr::PENDING != 0) {
            flags |= sr::PGSERR;
        }
        if store.width != Width::Word {
            flags |= sr::SIZERR; // G42
        }
        let expected = match self.live.half {
            Some(half) => store.address == half.address.wrapping_add(4),
            None => store.address.is_multiple_of(DOUBLE_WORD),
        };
        if !expected {
            flags |= sr::PGAERR; // G43, G48, G101
        }
        flags
    }

    /// FASTERR, which comes with what interrupts fast programming: MISERR, PGAERR, SIZERR or WRPERR (RM0490 4.3.6, and
    /// 4.7.4 bit 9: the corresponding status bit is set at the same time).
    pub(super) const fn fast_error(&self, flags: u32) -> u32 {
        const INTERRUPTS: u32 = sr::MISERR | sr::PGAERR | sr::SIZERR | sr::WRPERR;
        let fast = self.live.cr & (cr::FSTPG | cr::LOCK) == cr::FSTPG;
        if fast && flags & INTERRUPTS != 0 { sr::FASTERR } else { 0 }
    }

    /// Both words are there: checks, and the launch (G41).
    fn double_word(&mut self, half: Half, second: u32, at: Time, fx: &mut Effects) {
        let address = half.address;
        let data = u64::from(half.word) | u64::from(second) << 32;
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
