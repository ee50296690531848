//! What a G0 forbids to whom: levels, write protection, PCROP, the securable area (RM0444 3.5).

use super::G0;
use super::registers::cr;
use crate::bus::{Access, BootSource, BusFault, Master, fault};
use std::ops::Range;

impl G0 {
    /// The debug port is off at level 2 (G83).
    pub(super) fn admit(&self, by: Access) -> Result<(), BusFault> {
        if self.level() == 2 && by.master == Master::Debug {
            Err(fault("the debug port is off at level 2"))
        } else {
            Ok(())
        }
    }

    /// Level 1 with a debugger, or booted from elsewhere (G81, G82).
    pub(super) fn locks_out(&self, master: Master) -> bool {
        self.level() == 1 && (self.live.debugger || self.live.boot != BootSource::Flash || master == Master::Debug)
    }

    /// Whether this address of main flash may be touched at all.
    pub(super) fn admit_flash(&self, address: u32, by: Access) -> Result<(), BusFault> {
        if self.locks_out(by.master) {
            return Err(fault("main flash is read-protected (level 1)"));
        }
        if address < self.secured_end() {
            return Err(fault("the securable area is closed (SEC_PROT)")); // G92
        }
        Ok(())
    }

    /// The address after the closed securable area; the start of flash where none is closed.
    pub(super) fn secured_end(&self) -> u32 {
        if self.live.cr & cr::SEC_PROT == 0 {
            return self.flash.base;
        }
        let pages = self.live.loaded.secured_pages().min(self.flash.pages());
        self.flash.base + pages * self.flash.page
    }

    /// The PCROP areas as addresses.
    pub(super) fn pcrop_areas(&self) -> [Range<u32>; 2] {
        self.live.loaded.pcrop(&self.shape).map(|r| self.flash.base + r.start..self.flash.base + r.end)
    }

    /// Whether any of `range` is in a PCROP area (G90).
    pub(super) fn in_pcrop(&self, range: Range<u32>) -> bool {
        self.pcrop_areas().iter().any(|a| a.start < range.end && range.start < a.end)
    }

    /// Whether WRP or PCROP forbids to erase `page` (G37).
    pub(super) fn page_is_protected(&self, page: u32) -> bool {
        let start = self.flash.base + page * self.flash.page;
        self.live.loaded.write_protects(page) || self.in_pcrop(start..start + self.flash.page)
    }

    /// Whether WRP or PCROP forbids to program at `address` (G49).
    pub(super) fn address_is_protected(&self, address: u32) -> bool {
        let page = (address - self.flash.base) / self.flash.page;
        self.live.loaded.write_protects(page) || self.in_pcrop(address..address + 8)
    }
}
