//! The debug port and its one access port (ARM IHI0031: SW-DP of DPv1, AHB-AP).

use super::components;
use super::target::Target;
use crate::bus::{BusFault, Width};
use crate::part::Core;

/// CTRL/STAT: power-up requests, their acknowledgements one bit above, and the sticky error.
const POWER_REQUESTS: u32 = 1 << 30 | 1 << 28;
const STICKYERR: u32 = 1 << 5;
const CTRL_WRITABLE: u32 = 0x5000_0F01;
/// ABORT: clears STICKYERR.
const STKERRCLR: u32 = 1 << 2;

const CSW_SIZE: u32 = 7;
const CSW_INCREMENT: u32 = 3 << 4;
const CSW_SINGLE: u32 = 1 << 4;
const CSW_ENABLED: u32 = 1 << 6;
const CSW_PROTECTION: u32 = 0x7F00_0000;
const CSW_RESET: u32 = 0x0300_0002;

/// TAR counts within blocks of this size (IHI0031 8.2.2: the least that is allowed, and what these cores do).
const WRAP: u32 = 0x400;

/// Why an access port gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DapFault {
    /// The port has no power, or an error from before still stands.
    Refused,
    /// The bus refused.
    Bus(BusFault),
}

/// The registers of DP and AP.
#[derive(Clone, Debug)]
pub struct Dap {
    ctrl: u32,
    sticky: bool,
    buffer: u32,
    csw: u32,
    tar: u32,
}

impl Default for Dap {
    fn default() -> Dap {
        Dap { ctrl: 0, sticky: false, buffer: 0, csw: CSW_RESET, tar: 0 }
    }
}

impl Dap {
    /// Asks for power, as a probe does when it connects.
    pub const fn power_up(&mut self) {
        self.ctrl |= POWER_REQUESTS;
        self.sticky = false;
    }

    /// Clears the sticky error.
    pub const fn clear_error(&mut self) {
        self.sticky = false;
    }

    /// Takes what a memory command says of CSW's protection bits.
    pub const fn set_protection(&mut self, csw: u32) {
        self.csw = (self.csw & !CSW_PROTECTION) | (csw & CSW_PROTECTION);
    }

    /// Where an access to a register of AP 0 would go, and whether the next one would go further.
    pub const fn place(&self, register: u32) -> (u32, bool) {
        match register & 0xFC {
            0x10..=0x1C => (self.banked(register), false),
            _ => (self.tar, self.csw & CSW_INCREMENT != 0),
        }
    }

    /// Reads a register of the DP; its bank in bits 7:4.
    pub fn read_dp(&self, register: u32, target: &Target) -> u32 {
        match (register & 0xC, register >> 4 & 0xF) {
            (0x0, _) => target.chip.part().identity.dpidr,
            (0x4, 0) => self.ctrl | (self.ctrl & POWER_REQUESTS) << 1 | if self.sticky { STICKYERR } else { 0 },
            (0xC, _) => self.buffer,
            _ => 0,
        }
    }

    /// Writes a register of the DP; its bank in bits 7:4.
    pub const fn write_dp(&mut self, register: u32, value: u32) {
        match (register & 0xC, register >> 4 & 0xF) {
            (0x0, _) if value & STKERRCLR != 0 => self.sticky = false,
            (0x4, 0) => self.ctrl = value & CTRL_WRITABLE,
            // SELECT is the probe's own: its commands name port and bank.
            _ => {}
        }
    }

    /// Reads a register of AP 0 by its whole offset.
    ///
    /// # Errors
    /// No power, an error that stands, or the bus.
    pub fn read_ap(&mut self, register: u32, target: &mut Target) -> Result<u32, DapFault> {
        self.ready()?;
        let value = match register & 0xFC {
            0x00 => self.csw | CSW_ENABLED,
            0x04 => self.tar,
            0x0C => {
                let value = self.load(self.tar, self.width(), target)?;
                self.count();
                value
            }
            banked @ 0x10..=0x1C => self.load(self.banked(banked), Width::Word, target)?,
            0xF8 => components::table(target.chip.part().core) | 3,
            0xFC => match target.chip.part().core {
                Core::M0 => 0x0477_0021,
                Core::M0Plus => 0x0477_0031,
            },
            _ => 0,
        };
        self.buffer = value;
        Ok(value)
    }

    /// Writes a register of AP 0.
    ///
    /// # Errors
    /// As for [`Dap::read_ap`].
    pub fn write_ap(&mut self, register: u32, value: u32, target: &mut Target) -> Result<(), DapFault> {
        self.ready()?;
        match register & 0xFC {
            0x00 => {
                // Larger sizes and packed transfers are not there.
                let size = (value & CSW_SIZE).min(2);
                let increment = if value & CSW_INCREMENT == CSW_SINGLE { CSW_SINGLE } else { 0 };
                self.csw = (value & CSW_PROTECTION) | increment | size;
            }
            0x04 => self.tar = value,
            0x0C => {
                self.store(self.tar, self.width(), value, target)?;
                self.count();
            }
            banked @ 0x10..=0x1C => self.store(self.banked(banked), Width::Word, value, target)?,
            _ => {}
        }
        Ok(())
    }

    /// Reads a register of an access port that is not there: 0 (IHI0031 7.2).
    ///
    /// # Errors
    /// No power, or an error that stands.
    pub fn read_absent_ap(&mut self) -> Result<u32, DapFault> {
        self.ready()?;
        self.buffer = 0;
        Ok(0)
    }

    /// Writes a register of an access port that is not there: nothing happens.
    ///
    /// # Errors
    /// As for [`Dap::read_absent_ap`].
    pub const fn write_absent_ap(&self) -> Result<(), DapFault> {
        self.ready()
    }

    const fn ready(&self) -> Result<(), DapFault> {
        if self.ctrl & POWER_REQUESTS != POWER_REQUESTS || self.sticky {
            return Err(DapFault::Refused);
        }
        Ok(())
    }

    const fn width(&self) -> Width {
        Width::from_bytes(1 << (self.csw & CSW_SIZE))
    }

    const fn banked(&self, register: u32) -> u32 {
        (self.tar & !0xF) | (register & 0xC)
    }

    const fn count(&mut self) {
        if self.csw & CSW_INCREMENT != 0 {
            self.tar = (self.tar & !(WRAP - 1)) | (self.tar.wrapping_add(self.width().bytes()) & (WRAP - 1));
        }
    }

    /// Data stand in the byte lanes of their address.
    fn load(&mut self, address: u32, width: Width, target: &mut Target) -> Result<u32, DapFault> {
        let shift = 8 * (address & 3);
        let result = target.read(address, width).map(|value| value << shift);
        self.judge(result)
    }

    fn store(&mut self, address: u32, width: Width, value: u32, target: &mut Target) -> Result<(), DapFault> {
        let result = target.write(address, width, (value >> (8 * (address & 3))) & width.mask());
        self.judge(result)
    }

    fn judge<T>(&mut self, result: Result<T, BusFault>) -> Result<T, DapFault> {
        result.map_err(|fault| {
            self.sticky = true;
            DapFault::Bus(fault)
        })
    }
}
