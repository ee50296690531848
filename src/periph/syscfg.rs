//! SYSCFG: what stands at address 0 (MEM_MODE), and registers that are kept.
//!
//! RM0091 chapter 9 with the F05x comparators' CSR (chapter 15), RM0444 chapter 8.

use super::{Clocks, Context, Forecast, Peripheral, masked};
use crate::bus::{BootSource, ResetCause};
use crate::part::Family;
use crate::time::Now;

/// The system configuration controller of either family.
#[derive(Clone, Debug)]
pub struct Syscfg {
    family: Family,
    comparators: bool,
    cfgr1: u32,
    /// F0: EXTICR1 to 4 at 0x08, CFGR2 at 0x18, COMP_CSR at 0x1C. G0: CFGR2 at 0x18.
    exticr: [u32; 4],
    cfgr2: u32,
    comp: u32,
}

impl Syscfg {
    /// As after reset from main flash.
    pub fn new(family: Family, comparators: bool) -> Syscfg {
        Syscfg { family, comparators, cfgr1: 0, exticr: [0; 4], cfgr2: 0, comp: 0 }
    }

    /// What stands at address 0.
    pub const fn at_zero(&self) -> BootSource {
        match self.cfgr1 & 3 {
            1 => BootSource::SystemMemory,
            3 => BootSource::Sram,
            _ => BootSource::Flash,
        }
    }

    /// MEM_MODE resets to the boot source (RM0091 9.1.1).
    pub fn booted(&mut self, from: BootSource) {
        self.cfgr1 = match from {
            BootSource::Flash => 0,
            BootSource::SystemMemory => 1,
            BootSource::Sram => 3,
        };
    }

    /// The F0's line sources: 4 bits a line.
    pub const fn exticr(&self) -> [u32; 4] {
        self.exticr
    }
}

impl Peripheral for Syscfg {
    fn read(&mut self, offset: u32, _: &mut Context<'_>) -> u32 {
        match (self.family, offset) {
            (_, 0x00) => self.cfgr1,
            (Family::F0, 0x08..=0x14) => self.exticr[((offset - 8) / 4) as usize],
            (_, 0x18) => self.cfgr2,
            (Family::F0, 0x1C) if self.comparators => self.comp,
            _ => 0,
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        match (self.family, offset) {
            (_, 0x00) => {
                let before = self.at_zero();
                self.cfgr1 = masked(self.cfgr1, value, mask);
                if before != self.at_zero() {
                    cx.fx.remap();
                }
            }
            (Family::F0, 0x08..=0x14) => {
                let n = ((offset - 8) / 4) as usize;
                self.exticr[n] = masked(self.exticr[n], value, mask & 0xFFFF);
            }
            (_, 0x18) => self.cfgr2 = masked(self.cfgr2, value, mask & 0x107),
            (Family::F0, 0x1C) if self.comparators => {
                // The outputs (bits 14 and 30) are the comparators' own.
                self.comp = masked(self.comp, value, mask & !0x4000_4000);
                if self.comp & 0x1_0001 != 0 {
                    cx.unmodelled(offset, "comparator enabled: its output stays low");
                }
            }
            _ => {}
        }
    }

    fn reset(&mut self, _: ResetCause) {
        *self = Syscfg::new(self.family, self.comparators);
    }

    fn forecast(&self, _: u32, _: Now, _: &Clocks) -> Forecast {
        Forecast::Constant
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Effects;

    #[test]
    fn mem_mode_asks_for_a_remap_only_when_it_changes() {
        let mut s = Syscfg::new(Family::F0, false);
        let mut write = |value| {
            let mut fx = Effects::default();
            let clocks = Clocks::new(1, 0, 1);
            let mut cx = Context { now: Now::default(), clocks, base: 0x4001_0000, fx: &mut fx };
            s.write(0, value, u32::MAX, &mut cx);
            (fx.remap, s.at_zero())
        };
        assert_eq!(write(0), (false, BootSource::Flash));
        assert_eq!(write(3), (true, BootSource::Sram));
        assert_eq!(write(0x103), (false, BootSource::Sram));
        assert_eq!(write(2), (true, BootSource::Flash));
    }
}
