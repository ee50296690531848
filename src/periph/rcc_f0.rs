//! Reset and clock control of the STM32F03x and F05x (RM0091 chapter 6).

use super::clocks::{Clocks, Oscillator, ahb_divisor};
use super::registers::registers;
use super::{Context, Due, Forecast, Peripheral, masked};
use crate::bus::ResetCause;
use crate::part;
use crate::time::{Now, Time};

const HSION: u32 = 1 << 0;
const HSIRDY: u32 = 1 << 1;
const HSEON: u32 = 1 << 16;
const HSERDY: u32 = 1 << 17;
const PLLON: u32 = 1 << 24;
const PLLRDY: u32 = 1 << 25;
const PLL_FIELDS: u32 = 0x003F_0000;
const LSION: u32 = 1 << 0;
const RMVF: u32 = 1 << 24;

registers! {
    /// RM0091 6.4. CR's and CR2's calibration values are typical ones.
    pub mod reg {
        0x00 CR       x  0x0000_5A83 0x010D_00F9;
        0x04 CFGR     rw 0x0000_0000 0xFF3F_47F3;
        0x08 CIR      rw 0x0000_0000 0x0000_3F00;
        0x0C APB2RSTR rw 0x0000_0000 0xFFFF_FFFF;
        0x10 APB1RSTR rw 0x0000_0000 0xFFFF_FFFF;
        0x14 AHBENR   rw 0x0000_0014 0xFFFF_FFFF;
        0x18 APB2ENR  rw 0x0000_0000 0xFFFF_FFFF;
        0x1C APB1ENR  rw 0x0000_0000 0xFFFF_FFFF;
        0x20 BDCR     rw 0x0000_0018 0x0001_831D;
        0x24 CSR      x  0x0C80_0000 0x0100_0001;
        0x28 AHBRSTR  rw 0x0000_0000 0xFFFF_FFFF;
        0x2C CFGR2    rw 0x0000_0000 0x0000_000F;
        0x30 CFGR3    rw 0x0000_0000 0x000F_01F3;
        0x34 CR2      rw 0x0000_5A80 0x0000_00FD;
        reserved 0x38..0x400;
    }
}
use reg::{resets, writes};

/// The reset flags that each cause sets; internal sources also pull NRST (6.1.2).
const fn flags(cause: ResetCause) -> u32 {
    match cause {
        // With V18PWRRSTF: the 1.8 V domain comes up with the others (6.4.10).
        ResetCause::PowerOn => 0x0C80_0000,
        ResetCause::Pin => 0x0400_0000,
        ResetCause::Software => 0x1400_0000,
        ResetCause::Iwdg => 0x2400_0000,
        ResetCause::Wwdg => 0x4400_0000,
        ResetCause::OptionBytes => 0x0600_0000,
        ResetCause::LowPower => 0x8400_0000,
    }
}

/// The F0's RCC.
#[derive(Clone, Debug)]
pub struct RccF0 {
    clock: part::Clock,
    cr: u32,
    cfgr: u32,
    cfgr2: u32,
    cfgr3: u32,
    cir: u32,
    cr2: u32,
    bdcr: u32,
    csr_flags: u32,
    /// AHBENR, APB2ENR, APB1ENR.
    enables: [u32; 3],
    /// AHBRSTR, APB2RSTR, APB1RSTR.
    resets: [u32; 3],
    hsi: Oscillator,
    hse: Oscillator,
    pll: Oscillator,
    hsi14: Oscillator,
    lsi: Oscillator,
    lse: Oscillator,
    /// The watchdog keeps LSI on.
    lsi_forced: bool,
    /// LSION as software set it.
    lsion: bool,
    /// The source in use: 0 HSI, 1 HSE, 2 PLL.
    source: u32,
}

impl RccF0 {
    /// As after power-on.
    pub fn new(clock: part::Clock) -> RccF0 {
        let mut rcc = RccF0 {
            clock,
            cr: 0,
            cfgr: 0,
            cfgr2: 0,
            cfgr3: 0,
            cir: 0,
            cr2: 0,
            bdcr: resets::BDCR,
            csr_flags: 0,
            enables: [0; 3],
            resets: [0; 3],
            hsi: Oscillator::running(),
            hse: Oscillator::default(),
            pll: Oscillator::default(),
            hsi14: Oscillator::default(),
            lsi: Oscillator::default(),
            lse: Oscillator::default(),
            lsi_forced: false,
            lsion: false,
            source: 0,
        };
        rcc.reset(ResetCause::PowerOn);
        rcc
    }

    /// The clocks as they run.
    pub fn clocks(&self) -> Clocks {
        Clocks::new(self.sysclk() / ahb_divisor(self.cfgr >> 4), self.cfgr >> 8, self.clock.lsi_hz)
    }

    fn sysclk(&self) -> u64 {
        match self.source {
            1 => self.clock.hse_hz,
            2 => self.pll_hz(),
            _ => self.clock.reset_hz,
        }
    }

    /// PLLSRC 0 is HSI / 2, 1 is HSE / PREDIV; PLLMUL is n + 2, with 14 and 15 both 16.
    fn pll_hz(&self) -> u64 {
        let factor = u64::from((self.cfgr >> 18) & 0xF) + 2;
        let input = if self.cfgr & (1 << 16) == 0 {
            self.clock.reset_hz / 2
        } else {
            self.clock.hse_hz / (u64::from(self.cfgr2 & 0xF) + 1)
        };
        input * factor.min(16)
    }

    /// Whether the clock of a block with this gate runs.
    pub fn enabled(&self, gate: &part::Gate) -> bool {
        self.enable(gate.enable) & (1 << gate.bit) != 0
    }

    fn enable(&self, offset: u32) -> u32 {
        match offset {
            reg::AHBENR => self.enables[0],
            reg::APB2ENR => self.enables[1],
            reg::APB1ENR => self.enables[2],
            _ => 0,
        }
    }

    /// Whether a block is held in reset by its reset bit.
    pub fn held(&self, gate: &part::Gate) -> bool {
        let register = match gate.reset {
            reg::AHBRSTR => self.resets[0],
            reg::APB2RSTR => self.resets[1],
            _ => self.resets[2],
        };
        register & (1 << gate.bit) != 0
    }

    /// The watchdog runs and needs LSI (6.2.10: it cannot be turned off then).
    pub fn force_lsi(&mut self, now: Time) {
        self.lsi_forced = true;
        self.lsi.set(true, now, Time::from_nanos(self.clock.start_up.lsi));
    }

    /// The reset flags as they stand, in CSR's positions.
    pub const fn reset_flags(&self) -> u32 {
        self.csr_flags
    }

    fn start(&self, which: fn(&part::StartUp) -> u64) -> Time {
        Time::from_nanos(which(&self.clock.start_up))
    }

    fn wanted_ready(&self, now: Time) -> bool {
        match self.cfgr & 3 {
            0 => self.hsi.is_ready(now),
            1 => self.hse.is_ready(now),
            2 => self.pll.is_ready(now),
            _ => false,
        }
    }

    /// Switches to the wanted source once it is ready; a request that came early waits (6.2.6).
    fn switch(&mut self, cx: &mut Context<'_>) {
        if self.source != self.cfgr & 3 && self.wanted_ready(cx.now.time) {
            self.source = self.cfgr & 3;
            cx.fx.clock();
        }
    }

    fn write_cr(&mut self, value: u32, mask: u32, cx: &mut Context<'_>) {
        let now = cx.now.time;
        let mut wanted = masked(self.cr, value, mask & writes::CR);
        // A source in use, directly or through the PLL, stays on (6.4.1).
        let pll_on_hse = self.cfgr & (1 << 16) != 0;
        let pll_used = self.source == 2;
        if self.source == 0 || (pll_used && !pll_on_hse) {
            wanted |= HSION;
        }
        if self.source == 1 || (pll_used && pll_on_hse) {
            wanted |= HSEON;
        }
        if pll_used {
            wanted |= PLLON;
        }
        self.cr = wanted;
        self.hsi.set(wanted & HSION != 0, now, self.start(|s| s.hsi));
        self.hse.set(wanted & HSEON != 0, now, self.start(|s| s.hse));
        self.pll.set(wanted & PLLON != 0, now, self.start(|s| s.pll));
        cx.fx.events();
        self.switch(cx);
    }
}

impl Peripheral for RccF0 {
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32 {
        let now = cx.now.time;
        let ready = |o: &Oscillator, bit: u32| if o.is_ready(now) { bit } else { 0 };
        match offset {
            reg::CR => self.cr | ready(&self.hsi, HSIRDY) | ready(&self.hse, HSERDY) | ready(&self.pll, PLLRDY),
            reg::CFGR => {
                self.switch(cx);
                self.cfgr | (self.source << 2)
            }
            reg::CIR => self.cir,
            reg::APB2RSTR => self.resets[1],
            reg::APB1RSTR => self.resets[2],
            reg::AHBENR | reg::APB2ENR | reg::APB1ENR => self.enable(offset),
            reg::BDCR => self.bdcr | ready(&self.lse, 2),
            reg::CSR => self.csr_flags | u32::from(self.lsion) | ready(&self.lsi, 2),
            reg::AHBRSTR => self.resets[0],
            reg::CFGR2 => self.cfgr2,
            reg::CFGR3 => self.cfgr3,
            reg::CR2 => self.cr2 | ready(&self.hsi14, 2),
            _ => cx.other_load(offset, &reg::MAP),
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        let now = cx.now.time;
        match offset {
            reg::CR => self.write_cr(value, mask, cx),
            reg::CFGR => {
                let frozen = if self.cr & PLLON != 0 { PLL_FIELDS } else { 0 };
                self.cfgr = masked(self.cfgr, value, mask & writes::CFGR & !frozen);
                // PLLXTPRE is the low bit of PREDIV, seen from both sides.
                self.cfgr2 = masked(self.cfgr2, self.cfgr >> 17, 1);
                self.switch(cx);
                cx.fx.clock();
            }
            reg::CIR => self.cir = masked(self.cir, value, mask & writes::CIR),
            reg::APB2RSTR | reg::APB1RSTR | reg::AHBRSTR => {
                let n = [reg::AHBRSTR, reg::APB2RSTR, reg::APB1RSTR].iter().position(|o| *o == offset).unwrap_or(0);
                self.resets[n] = masked(self.resets[n], value, mask);
                cx.fx.clock();
            }
            reg::AHBENR | reg::APB2ENR | reg::APB1ENR => {
                let n = ((offset - reg::AHBENR) / 4) as usize;
                self.enables[n] = masked(self.enables[n], value, mask);
                cx.fx.clock();
            }
            reg::BDCR => {
                self.bdcr = masked(self.bdcr, value, mask & writes::BDCR);
                self.lse.set(self.bdcr & 1 != 0, now, self.start(|s| s.lse));
            }
            reg::CSR => {
                if mask & LSION != 0 {
                    self.lsion = value & LSION != 0;
                    self.lsi.set(self.lsion || self.lsi_forced, now, self.start(|s| s.lsi));
                }
                if value & mask & RMVF != 0 {
                    self.csr_flags = 0;
                }
            }
            reg::CFGR2 if self.cr & PLLON == 0 => {
                self.cfgr2 = masked(self.cfgr2, value, mask & writes::CFGR2);
                self.cfgr = masked(self.cfgr, self.cfgr2 << 17, 1 << 17);
            }
            reg::CFGR3 => self.cfgr3 = masked(self.cfgr3, value, mask & writes::CFGR3),
            reg::CR2 => {
                self.cr2 = masked(self.cr2, value, mask & writes::CR2);
                self.hsi14.set(self.cr2 & 1 != 0, now, self.start(|s| s.hsi14));
            }
            _ => cx.other_store(offset, &reg::MAP),
        }
    }

    fn reset(&mut self, cause: ResetCause) {
        self.cr = resets::CR & !HSIRDY;
        self.cfgr = resets::CFGR;
        self.cfgr2 = resets::CFGR2;
        self.cfgr3 = resets::CFGR3;
        self.cir = resets::CIR;
        self.cr2 = resets::CR2;
        self.enables = [resets::AHBENR, resets::APB2ENR, resets::APB1ENR];
        self.resets = [0; 3];
        self.hsi = Oscillator::running();
        self.hse = Oscillator::default();
        self.pll = Oscillator::default();
        self.hsi14 = Oscillator::default();
        self.source = 0;
        if cause == ResetCause::PowerOn {
            self.lse = Oscillator::default();
            self.bdcr = resets::BDCR;
            self.csr_flags = 0;
        }
        // CSR is reset by every system reset, but for the flags (RM0091 6.4.10).
        self.lsion = false;
        self.lsi_forced = false;
        self.lsi = Oscillator::default();
        self.csr_flags |= flags(cause);
    }

    fn next_event(&self, _: &Clocks) -> Option<Due> {
        // Only a switch that waits for its source changes anything by itself.
        let waiting = match self.cfgr & 3 {
            wanted if wanted == self.source => None,
            0 => self.hsi.pending(Time::ZERO),
            1 => self.hse.pending(Time::ZERO),
            2 => self.pll.pending(Time::ZERO),
            _ => None,
        };
        waiting.map(Due::Time)
    }

    fn advance(&mut self, cx: &mut Context<'_>) {
        self.switch(cx);
    }

    fn forecast(&self, offset: u32, now: Now, _: &Clocks) -> Forecast {
        let start = |oscillators: &[&Oscillator]| {
            Forecast::until_first(now.time, oscillators.iter().filter_map(|o| o.pending(now.time)))
        };
        match offset {
            // The source in use follows the one that is waited for.
            reg::CR | reg::CFGR => start(&[&self.hsi, &self.hse, &self.pll]),
            reg::BDCR => start(&[&self.lse]),
            reg::CSR => start(&[&self.lsi]),
            reg::CR2 => start(&[&self.hsi14]),
            _ => Forecast::Constant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::periph::check;
    use proptest::prelude::*;

    /// Ones are stored at the instant of power-on, when nothing is ready.
    #[test]
    fn bits_that_are_reserved_or_read_only_stay_0() {
        let part = part::find("STM32F051K6").unwrap();
        let mut rcc = RccF0::new(part.clock);
        check::write(&mut rcc, reg::BDCR, u32::MAX, 0, check::clocks(0));
        assert_eq!(check::read(&mut rcc, reg::BDCR, 0, check::clocks(0)), 0x1_831D);
    }

    proptest! {
        #[test]
        fn forecasts_hold(
            cr in prop::bits::u32::masked(HSION | HSEON | PLLON), sw in 0u32..4, csr in 0u32..2, cr2 in 0u32..2,
            asked in 1u64..40, far in 0u64..200,
        ) {
            let part = part::find("STM32F051K6").unwrap();
            let clocks = check::clocks(0);
            let mut rcc = RccF0::new(part.clock);
            for (offset, value) in [(reg::CR, cr), (reg::CFGR, sw), (reg::CSR, csr), (reg::CR2, cr2), (reg::BDCR, 1)] {
                check::write(&mut rcc, offset, value, 0, clocks);
            }
            for offset in (0..0x38).step_by(4) {
                let forecast = check::forecast(&rcc, offset, asked + 48 * far, 3_000, clocks)?;
                prop_assert_ne!(forecast, Forecast::Unknown);
            }
        }
    }
}
