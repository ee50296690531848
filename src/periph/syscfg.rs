//! SYSCFG: what stands at address 0 (MEM_MODE), and registers that are kept.
//!
//! RM0091 chapter 9, RM0444 chapter 8. On the F05x the comparators' word stands here as well.

use super::comp::{self, Comp};
use super::registers::{Map, registers};
use super::{Clocks, Context, Due, Forecast, Peripheral, masked};
use crate::bus::{BootSource, ResetCause};
use crate::part::PeripheralSpec;
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
    /// RM0091 9.1. COMP_CSR is the comparators' (15.5), where there are any. CFGR2's locks stay until a reset, and a 1
    /// clears its parity flag (9.1.6).
    pub mod f0 {
        0x00 CFGR1    rw 0x0000_0000 0xFFFF_FFFF;
        0x08 EXTICR1  rw 0x0000_0000 0x0000_FFFF;
        0x0C EXTICR2  rw 0x0000_0000 0x0000_FFFF;
        0x10 EXTICR3  rw 0x0000_0000 0x0000_FFFF;
        0x14 EXTICR4  rw 0x0000_0000 0x0000_FFFF;
        0x18 CFGR2    x  0x0000_0000 0x0000_0107;
        0x1C COMP_CSR x  0x0000_0000 0xBFFD_BF7F;
        reserved 0x04..0x08;
        reserved 0x20..0x400;
    }
}

registers! {
    /// RM0444 8.1. CFGR2 as the F0's, with ECC_LOCK, and on the G031 the clamping diodes of eight pins (ST's device
    /// headers).
    pub mod g0 {
        0x00 CFGR1 rw 0x0000_0000 0xFFFF_FFFF;
        0x18 CFGR2 x  0x0000_0000 0x0000_010F;
        reserved 0x04..0x18;
        reserved 0x1C..0x30;
        reserved 0x38..0x80;
        reserved 0x100..0x400;
    }
}

/// CFGR2: set until a reset.
const LOCKS: u32 = 0xF;
/// CFGR2: SRAM_PEF, which a 1 clears. Nothing sets it: the model's SRAM has no parity errors.
const SRAM_PEF: u32 = 1 << 8;
/// CFGR1; UCPD2's is the next bit.
const UCPD1_STROBE: u32 = 1 << 9;

const fn map(model: Model) -> &'static Map {
    match model {
        Model::F0 => &f0::MAP,
        Model::G0 => &g0::MAP,
    }
}

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
    /// The bits of CFGR2 that a store sets or clears as it likes, and those that it only sets.
    cfgr2_writes: u32,
    /// UCPD1_STROBE and UCPD2_STROBE of a G0, once written: they last until power goes, and read as CFGR1 does.
    strobes: [bool; 2],
}

impl Syscfg {
    /// As after reset from main flash.
    pub fn new(model: Model, spec: &PeripheralSpec) -> Syscfg {
        let comparators = (spec.comparators > 0 && model == Model::F0).then(|| Comp::new(comp::Model::F0));
        let cfgr2_writes = map(model).writable(spec, f0::CFGR2) & !SRAM_PEF;
        Syscfg { model, comparators, cfgr1: 0, exticr: [0; 4], cfgr2: 0, cfgr2_writes, strobes: [false; 2] }
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
        map(self.model)
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
                let locked = self.cfgr2 & LOCKS;
                self.cfgr2 = masked(self.cfgr2, value, mask & self.cfgr2_writes) | locked;
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
    use crate::periph::check::{clocks, read, write};

    /// The block as a part has it.
    fn block(model: Model, part: &str) -> Syscfg {
        Syscfg::new(model, crate::part::find(part).unwrap().peripheral("SYSCFG").unwrap())
    }

    #[test]
    fn locks_stay_and_no_store_makes_a_parity_error() {
        for (model, part, whole) in
            [(Model::F0, "F051", 0x7), (Model::G0, "G071", 0xF), (Model::G0, "G031", 0x00FF_000F)]
        {
            let mut s = block(model, part);
            write(&mut s, 0x18, u32::MAX, 0, clocks(0));
            assert_eq!(read(&mut s, 0x18, 0, clocks(0)), whole, "{part}");
            write(&mut s, 0x18, 0, 0, clocks(0));
            assert_eq!(read(&mut s, 0x18, 0, clocks(0)), whole & 0xF, "{part}: the locks stay");
            s.reset(ResetCause::Software);
            assert_eq!(read(&mut s, 0x18, 0, clocks(0)), 0, "{part}");
        }
    }

    #[test]
    fn mem_mode_asks_for_a_remap_only_when_it_changes() {
        let mut s = block(Model::F0, "F031");
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
