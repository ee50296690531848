//! Debug support: the id code and the freeze bits (RM0091 32.4, RM0444 40.10).

use super::{Clocks, Context, Forecast, Peripheral, masked};
use crate::bus::ResetCause;
use crate::time::Now;

/// DBGMCU (F0) or DBG (G0): IDCODE at 0, CR at 4, APB freeze registers at 8 and 12.
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
    fn read(&mut self, offset: u32, _: &mut Context<'_>) -> u32 {
        match offset {
            0 => self.idcode,
            4..=0xC => self.registers[(offset / 4 - 1) as usize],
            _ => 0,
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, _: &mut Context<'_>) {
        if let 4..=0xC = offset {
            let n = (offset / 4 - 1) as usize;
            self.registers[n] = masked(self.registers[n], value, mask);
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
