//! Debug support: the id code and the freeze bits (RM0091 32.4, RM0444 40.10).

use super::registers::registers;
use super::{Clocks, Context, Forecast, Peripheral, masked};
use crate::bus::ResetCause;
use crate::time::Now;

registers! {
    /// RM0091 32.4, RM0444 40.10 (APB_FZ1 and APB_FZ2 there).
    pub mod reg {
        0x00 IDCODE  r  varies      0x0000_0000;
        0x04 CR      rw 0x0000_0000 0xFFFF_FFFF;
        0x08 APB1_FZ rw 0x0000_0000 0xFFFF_FFFF;
        0x0C APB2_FZ rw 0x0000_0000 0xFFFF_FFFF;
        reserved 0x10..0x400;
    }
}

/// DBGMCU (F0) or DBG (G0).
#[derive(Clone, Debug)]
pub struct Dbgmcu {
    idcode: u32,
    registers: [u32; 3],
}

impl Dbgmcu {
    /// One with this id code.
    pub const fn new(idcode: u32) -> Dbgmcu {
        Dbgmcu { idcode, registers: [0; 3] }
    }
}

impl Peripheral for Dbgmcu {
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32 {
        match offset {
            reg::IDCODE => self.idcode,
            reg::CR..=reg::APB2_FZ => self.registers[(offset / 4 - 1) as usize],
            _ => cx.other_load(offset, &reg::MAP),
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        match offset {
            reg::CR..=reg::APB2_FZ => {
                let n = (offset / 4 - 1) as usize;
                self.registers[n] = masked(self.registers[n], value, mask);
            }
            _ => cx.other_store(offset, &reg::MAP),
        }
    }

    fn reset(&mut self, cause: ResetCause) {
        // A system reset leaves the debug registers alone.
        if cause == ResetCause::PowerOn {
            self.registers = [0; 3];
        }
    }

    fn forecast(&self, _: u32, _: Now, _: &Clocks) -> Forecast {
        Forecast::Constant
    }
}
