//! Erasing and programming main flash of an F0 (RM0091 3.2.2, 3.3).

use super::registers::{cr, sr};
use super::{ERASE_TIME, F0, PROGRAM_TIME, without_pg};
use crate::bus::{Access, BusFault, Effects};
use crate::flash::cut::{self, Operation, Work};
use crate::time::Time;

impl F0 {
    /// STRT was written: what CR says is begun (F30, F31, F53).
    pub(super) fn launch(&mut self, by: Access, fx: &mut Effects) {
        let control = self.live.cr;
        // F35: with PG (or OPTPG) set no erase happens.
        if control & (cr::PG | cr::OPTPG) != 0 {
            return;
        }
        if control & cr::OPTER != 0 {
            self.erase_options(by.now.time, fx);
        } else if control & cr::PER != 0 {
            // F36: MER beside it does not count.
            self.erase_page(by, fx);
        } else if control & cr::MER != 0 {
            self.mass_erase(by, fx);
        }
    }

    fn erase_page(&mut self, by: Access, fx: &mut Effects) {
        if self.shuts_out(by.master) {
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
        if self.shuts_out(by.master) {
            return self.fail(sr::PGERR, fx); // F62
        }
        if (0..self.flash.pages()).any(|p| self.page_is_protected(p)) {
            return self.fail(sr::WRPRTERR, fx); // F38: nothing is erased at all.
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
            return without_pg(self.live.settings.f0_write_without_pg); // F45
        }
        self.live.ar = address; // F10
        let page = self.cells.page_of(address).unwrap_or(u32::MAX);
        if self.shuts_out(by.master) {
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
