//! Erasing and programming main flash of an F0 (RM0091 3.2.2, 3.3).

use super::registers::{self, cr, sr};
use super::{ERASE_TIME, F0, PROGRAM_TIME, without_pg};
use crate::bus::{Access, BusFault, Effects};
use crate::flash::REGISTERS;
use crate::flash::cut::{self, Operation, Work};
use crate::time::Time;

/// With one of these set beside PG nothing is programmed, and no error flag comes (F35). Seen on an F103, an F107 and an
/// F072 whose drivers left PER set after an erase (a question at stackoverflow, 28498191, with the F072 in a comment;
/// RIOT pull request 15914): the driver reports success, the cell stays FFFF. That MER, OPTER and OPTPG do as PER does
/// is inferred, and so is that EOP does not come.
const OTHER_OPERATIONS: u32 = cr::PER | cr::MER | cr::OPTER | cr::OPTPG;

impl F0 {
    /// STRT was written: what CR says is begun (F30, F31, F53).
    ///
    /// PER with MER is a mass erase (F36): stlink's pull request 489 clears MER after a mass erase, "otherwise all
    /// subsequent erases before turning off the power will be mass erases". No measurement says which parts that was
    /// seen on; of the two outcomes it is the one that hurts.
    pub(super) fn launch(&mut self, by: Access, fx: &mut Effects) {
        let control = self.live.cr;
        // F35: with PG (or OPTPG) set no erase happens.
        if control & (cr::PG | cr::OPTPG) != 0 {
            return;
        }
        if control & cr::OPTER != 0 {
            self.erase_options(by.now.time, fx);
        } else if control & cr::MER != 0 {
            if control & cr::PER != 0 {
                fx.choice("F36", REGISTERS + registers::CR, "STRT with PER and MER set: all of flash was erased");
            }
            self.mass_erase(by, fx);
        } else if control & cr::PER != 0 {
            self.erase_page(by, fx);
        }
    }

    fn erase_page(&mut self, by: Access, fx: &mut Effects) {
        if self.locks_out(by.master) {
            return self.fail(sr::PGERR, fx); // F62
        }
        // F36: an address outside of main flash erases nothing and says nothing.
        let Some(page) = self.cells.page_of(self.live.ar) else { return };
        if self.page_is_protected(page) {
            return self.fail(sr::WRPRTERR, fx); // F37
        }
        let start = self.flash.base + page * self.flash.page;
        let work = cut::erase(&mut self.cells, [page]);
        fx.changed(start..start + self.flash.page);
        self.begin_erase(work, by.now.time, fx);
    }

    fn mass_erase(&mut self, by: Access, fx: &mut Effects) {
        if self.locks_out(by.master) {
            return self.fail(sr::PGERR, fx); // F62
        }
        if (0..self.flash.pages()).any(|p| self.page_is_protected(p)) {
            let control = REGISTERS + registers::CR;
            fx.choice("F38", control, "a mass erase with a write-protected page in flash: nothing was erased");
            return self.fail(sr::WRPRTERR, fx); // F38
        }
        let work = self.erase_everything(fx);
        self.begin_erase(work, by.now.time, fx);
    }

    /// All of main flash, whatever is protected (F31, F68).
    pub(super) fn erase_everything(&mut self, fx: &mut Effects) -> Work {
        fx.changed(self.cells.range());
        cut::erase(&mut self.cells, 0..self.flash.pages())
    }

    pub(super) fn begin_erase(&mut self, work: Work, at: Time, fx: &mut Effects) {
        self.live.cr |= cr::STRT;
        let ends = at + self.live.settings.speed.span(ERASE_TIME);
        self.start(Operation { started: at, ends, first: None, work }, fx);
    }

    fn page_is_protected(&self, page: u32) -> bool {
        self.live.loaded.protects(page / self.flash.wrp_pages.max(1))
    }

    /// A half-word to main flash.
    pub(super) fn program(
        &mut self,
        address: u32,
        value: u16,
        at: Time,
        by: Access,
        fx: &mut Effects,
    ) -> Result<(), BusFault> {
        if self.live.cr & cr::PG == 0 || self.live.cr & cr::LOCK != 0 {
            return without_pg(self.live.settings.f0_write_without_pg, address, fx); // F45
        }
        if self.live.cr & OTHER_OPERATIONS != 0 {
            fx.choice(
                "F35",
                address,
                "a half-word was written with PG and an erase bit set in FLASH_CR: it was not programmed, and no flag \
                 says so",
            );
            return Ok(());
        }
        self.live.ar = address; // F10
        let page = self.cells.page_of(address).unwrap_or(u32::MAX);
        if self.locks_out(by.master) {
            self.fail(sr::PGERR, fx); // F62
        } else if self.page_is_protected(page) {
            self.fail(sr::WRPRTERR, fx); // F42: protection is looked at first.
        } else if self.cells.read(address, crate::bus::Width::Half) != 0xFFFF && value != 0 {
            self.fail(sr::PGERR, fx); // F40
        } else {
            let work = cut::program(&mut self.cells, address, &value.to_le_bytes(), 0);
            fx.changed(address..address + 2);
            let ends = at + self.live.settings.speed.span(PROGRAM_TIME);
            self.start(Operation { started: at, ends, first: None, work }, fx);
        }
        Ok(())
    }
}
