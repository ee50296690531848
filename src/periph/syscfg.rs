//! SYSCFG: what stands at address 0 (MEM_MODE), and registers that are kept.
//!
//! RM0091 chapter 9, RM0444 chapter 8. On the F05x the comparators' word stands here as well.

use super::comp::{self, Comp};
use super::registers::{Map, registers};
use super::{Clocks, Context, Due, Forecast, Peripheral, masked};
use crate::bus::{BootSource, ResetCause};
use crate::time::Now;

/// Which controller it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// The F0's, with the ports behind EXTI's lines, and the comparators of the F05x.
    F0,
    /// The G0's.
    G0,
}

registers! {
    /// RM0091 9.1. COMP_CSR is the comparators' (15.5), where there are any.
    pub mod f0 {
        0x00 CFGR1    rw 0x0000_0000 0xFFFF_FFFF;
        0x08 EXTICR1  rw 0x0000_0000 0x0000_FFFF;
        0x0C EXTICR2  rw 0x0000_0000 0x0000_FFFF;
        0x10 EXTICR3  rw 0x0000_0000 0x0000_FFFF;
        0x14 EXTICR4  rw 0x0000_0000 0x0000_FFFF;
        0x18 CFGR2    rw 0x0000_0000 0x0000_0107;
        0x1C COMP_CSR x  0x0000_0000 0xBFFD_BF7F;
        reserved 0x04..0x08;
        reserved 0x20..0x400;
    }
}

registers! {
    /// RM0444 8.1.
    pub mod g0 {
        0x00 CFGR1 rw 0x0000_0000 0xFFFF_FFFF;
        0x18 CFGR2 rw 0x0000_0000 0x0000_0107;
        reserved 0x04..0x18;
        reserved 0x1C..0x30;
        reserved 0x38..0x80;
        reserved 0x100..0x400;
    }
}

/// CFGR1; UCPD2's is the next bit.
const UCPD1_STROBE: u32 = 1 << 9;

/// The system configuration controller of either family.
#[derive(Clone, Debug)]
pub struct Syscfg {
    model: Model,
    /// The F05x's, with their CSR at 0x1C.
    pub comparators: Option<Comp>,
    cfgr1: u32,
    /// F0: EXTICR1 to 4 at 0x08, CFGR2 at 0x18. G0: CFGR2 at 0x18.
    exticr: [u32; 4],
    cfgr2: u32,
    /// UCPD1_STROBE and UCPD2_STROBE of a G0, once written: they last until power goes, and read as CFGR1 does.
    strobes: [bool; 2],
}

impl Syscfg {
    /// As after reset from main flash.
    pub fn new(model: Model, comparators: bool) -> Syscfg {
        let comparators = (comparators && model == Model::F0).then(|| Comp::new(comp::Model::F0));
        Syscfg { model, comparators, cfgr1: 0, exticr: [0; 4], cfgr2: 0, strobes: [false; 2] }
    }

    /// What stands at address 0.
    pub const fn at_zero(&self) -> BootSource {
        match self.cfgr1 & 3 {
            1 => BootSource::SystemMemory,
            3 => BootSource::Sram,
            _ => BootSource::Flash,
        }
    }

    /// Which of a G0's dead-battery pull-downs have been let go (RM0444 8.1.1).
    pub const fn strobes(&self) -> [bool; 2] {
        self.strobes
    }

    /// CFGR1: on the F0 it also remaps DMA requests.
    pub const fn cfgr1(&self) -> u32 {
        self.cfgr1
    }

    /// MEM_MODE resets to the boot source (RM0091 9.1.1).
    pub fn booted(&mut self, from: BootSource) {
        self.cfgr1 = match from {
            BootSource::Flash => 0,
            BootSource::SystemMemory => 1,
            BootSource::Sram => 3,
        };
    }

    const fn map(&self) -> &'static Map {
        match self.model {
            Model::F0 => &f0::MAP,
            Model::G0 => &g0::MAP,
        }
    }

    /// The F0's line sources: 4 bits a line.
    pub const fn exticr(&self) -> [u32; 4] {
        self.exticr
    }
}

impl Peripheral for Syscfg {
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32 {
        match (self.model, offset) {
            (Model::F0, f0::CFGR1) | (Model::G0, g0::CFGR1) => self.cfgr1,
            (Model::F0, f0::EXTICR1..=f0::EXTICR4) => self.exticr[((offset - f0::EXTICR1) / 4) as usize],
            (Model::F0, f0::CFGR2) | (Model::G0, g0::CFGR2) => self.cfgr2,
            (Model::F0, f0::COMP_CSR) => self.comparators.as_ref().map_or(0, |c| c.read_f0(cx.now.time)),
            _ => cx.other_load(offset, self.map()),
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        match (self.model, offset) {
            (Model::F0, f0::CFGR1) | (Model::G0, g0::CFGR1) => {
                let before = self.at_zero();
                self.cfgr1 = masked(self.cfgr1, value, mask);
                if self.model == Model::G0 {
                    for (n, strobe) in self.strobes.iter_mut().enumerate() {
                        *strobe |= self.cfgr1 & UCPD1_STROBE << n != 0;
                    }
                    cx.fx.pins();
                }
                if before != self.at_zero() {
                    cx.fx.remap();
                }
            }
            (Model::F0, f0::EXTICR1..=f0::EXTICR4) => {
                let n = ((offset - f0::EXTICR1) / 4) as usize;
                self.exticr[n] = masked(self.exticr[n], value, mask & f0::writes::EXTICR1);
                cx.fx.pins();
            }
            (Model::F0, f0::CFGR2) | (Model::G0, g0::CFGR2) => {
                self.cfgr2 = masked(self.cfgr2, value, mask & f0::writes::CFGR2);
            }
            (Model::F0, f0::COMP_CSR) => {
                if let Some(comparators) = &mut self.comparators {
                    comparators.write_f0(value, mask, cx);
                }
            }
            _ => cx.other_store(offset, self.map()),
        }
    }

    fn reset(&mut self, cause: ResetCause) {
        if let Some(comparators) = &mut self.comparators {
            comparators.reset(cause);
        }
        if cause == ResetCause::PowerOn {
            self.strobes = [false; 2];
        }
        self.cfgr1 = 0;
        self.exticr = [0; 4];
        self.cfgr2 = 0;
    }

    fn next_event(&self, clocks: &Clocks) -> Option<Due> {
        self.comparators.as_ref().and_then(|c| c.next_event(clocks))
    }

    fn forecast(&self, offset: u32, now: Now, clocks: &Clocks) -> Forecast {
        match (&self.comparators, offset) {
            (Some(comparators), f0::COMP_CSR) => comparators.forecast(0, now, clocks),
            _ => Forecast::Constant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Effects;

    #[test]
    fn mem_mode_asks_for_a_remap_only_when_it_changes() {
        let mut s = Syscfg::new(Model::F0, false);
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
