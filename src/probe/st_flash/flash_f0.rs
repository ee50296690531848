//! Writing on the F0: page by page, by code in SRAM.

use super::error::StFlashError;
use super::flash::flag_names;
use super::loader;
use super::session::{RUN_MASKED, Session};
use crate::bus::Width;
use crate::cpu::debug::{CFSR, DFSR, DHCSR, HFSR};
use crate::flash::REGISTERS;

/// The independent watchdog's key register, and the word that reloads it.
const IWDG_KR: u32 = 0x4000_3000;
const RELOAD: u32 = 0xAAAA;

impl Session<'_> {
    /// Puts the loader into SRAM, and clears what earlier faults left.
    pub fn load_loader(&mut self) {
        // 1.7 has done so before, and for a G0 as well.
        if self.is_newer() {
            self.halt_masked();
        }
        self.write_block(loader::AT, &loader::bytes(self.arguments.version));
        for register in [DFSR, CFSR, HFSR] {
            let set = self.read(register);
            if set != 0 {
                self.write(register, set);
            }
        }
    }

    /// Writes erased pages.
    pub fn program_f0(&mut self, address: u32, data: &[u8]) -> Result<(), StFlashError> {
        let mut at = address;
        for page in data.chunks(self.known.page as usize) {
            // Where it stays locked, st-flash does not mind, and the loader faults.
            self.unlock();
            if let Err(error) = self.run_loader(at, page) {
                // st-flash looks at the flags to print them.
                let _ = self.check_flags("");
                return Err(error);
            }
            self.lock();
            at = at.wrapping_add(page.len() as u32);
        }
        self.check_flags("flash was not written")
    }

    /// Data of a page at most, or the option bytes.
    pub fn run_loader(&mut self, target: u32, data: &[u8]) -> Result<(), StFlashError> {
        let buffer = loader::AT + loader::size(self.arguments.version) as u32;
        self.write_sram(buffer, data);
        for (register, value) in [(0, buffer), (1, target), (2, data.len() as u32), (3, 0), (15, loader::AT)] {
            self.write_register(register, value);
        }
        self.write(IWDG_KR, RELOAD);
        self.run_core(RUN_MASKED);
        let error = if !self.wait_for_halt() {
            let state = match self.probe.target.chip.is_locked_up() {
                true => format!("the core is locked up; a store to flash was refused{}", self.why()),
                false => format!("PC 0x{:08X} after half a second", self.probe.target.chip.registers().pc),
            };
            StFlashError::LoaderHangs { address: target, state }
        } else {
            let left = self.read_register(2) as i32;
            // The last step may go below 0.
            if (-7..=0).contains(&left) {
                return Ok(());
            }
            let left = left.clamp(0, data.len() as i32) as u32;
            let flash = self.flash();
            let status = self.probe.target.read(REGISTERS + flash.sr, Width::Word).unwrap_or_default();
            StFlashError::LoaderStopped {
                address: target + (data.len() as u32 - left),
                left,
                flags: flag_names(flash.flags_of(status & flash.errors)),
                why: self.why(),
            }
        };
        for register in [DHCSR, DFSR, CFSR, HFSR] {
            self.read(register);
        }
        self.read_all_registers();
        Err(error)
    }
}
