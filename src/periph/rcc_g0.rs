//! Reset and clock control of the STM32G0x1 (RM0444 chapter 5).

use super::clocks::{Clocks, Oscillator, ahb_divisor};
use super::registers::registers;
use super::{Context, Due, Forecast, Peripheral, masked};
use crate::bus::ResetCause;
use crate::part;
use crate::time::{Now, Time};

const HSION: u32 = 1 << 8;
const HSIRDY: u32 = 1 << 10;
const HSEON: u32 = 1 << 16;
const HSERDY: u32 = 1 << 17;
const PLLON: u32 = 1 << 24;
const PLLRDY: u32 = 1 << 25;
const PLL_R_ENABLE: u32 = 1 << 28;
const LSION: u32 = 1 << 0;
const RMVF: u32 = 1 << 23;

registers! {
    /// RM0444 5.4. The flags in CIFR never come: interrupts of the clocks are left out.
    pub mod reg {
        0x00 CR        x  0x0000_0500 0x010D_3B00;
        0x04 ICSCR     rw 0x0000_4000 0x0000_7F00;
        0x08 CFGR      rw 0x0000_0000 0x7700_7F07;
        0x0C PLLCFGR   rw 0x0000_1000 0xFF3F_7F73;
        0x18 CIER      rw 0x0000_0000 0x0000_003B;
        0x1C CIFR      r  0x0000_0000 0x0000_0000;
        0x20 CICR      w  0x0000_0000 0x0000_0000;
        0x24 IOPRSTR   rw 0x0000_0000 0xFFFF_FFFF;
        0x28 AHBRSTR   rw 0x0000_0000 0xFFFF_FFFF;
        0x2C APBRSTR1  rw 0x0000_0000 0xFFFF_FFFF;
        0x30 APBRSTR2  rw 0x0000_0000 0xFFFF_FFFF;
        0x34 IOPENR    rw 0x0000_0000 0xFFFF_FFFF;
        0x38 AHBENR    rw 0x0000_0100 0xFFFF_FFFF;
        0x3C APBENR1   rw 0x0000_0000 0xFFFF_FFFF;
        0x40 APBENR2   rw 0x0000_0000 0xFFFF_FFFF;
        0x44 IOPSMENR  rw 0x0000_002F 0xFFFF_FFFF;
        0x48 AHBSMENR  rw 0x0005_1303 0xFFFF_FFFF;
        0x4C APBSMENR1 rw 0xFFFF_FFB7 0xFFFF_FFFF;
        0x50 APBSMENR2 rw 0x0017_D801 0xFFFF_FFFF;
        0x54 CCIPR     rw 0x0000_0000 0xFFFF_FFFF;
        0x5C BDCR      rw 0x0000_0000 0x0301_833D;
        0x60 CSR       x  0x0C00_0000 0x0080_0001;
        reserved 0x10..0x18;
        reserved 0x58..0x5C;
        reserved 0x64..0x400;
    }
}
use reg::{resets, writes};

/// The reset flags that each cause sets; PINRSTF comes with every one (5.4.24).
const fn flags(cause: ResetCause) -> u32 {
    match cause {
        ResetCause::PowerOn => 0x0C00_0000,
        ResetCause::Pin => 0x0400_0000,
        ResetCause::Software => 0x1400_0000,
        ResetCause::Iwdg => 0x2400_0000,
        ResetCause::Wwdg => 0x4400_0000,
        ResetCause::OptionBytes => 0x0600_0000,
        ResetCause::LowPower => 0x8400_0000,
    }
}

/// The G0's RCC.
#[derive(Clone, Debug)]
pub struct RccG0 {
    clock: part::Clock,
    cr: u32,
    icscr: u32,
    cfgr: u32,
    pllcfgr: u32,
    cier: u32,
    ccipr: u32,
    bdcr: u32,
    csr_flags: u32,
    /// IOPRSTR, AHBRSTR, APBRSTR1, APBRSTR2.
    resets: [u32; 4],
    /// IOPENR, AHBENR, APBENR1, APBENR2.
    enables: [u32; 4],
    /// IOPSMENR, AHBSMENR, APBSMENR1, APBSMENR2.
    sleep_enables: [u32; 4],
    hsi: Oscillator,
    hse: Oscillator,
    pll: Oscillator,
    lsi: Oscillator,
    lse: Oscillator,
    lsi_forced: bool,
    /// LSION as software set it.
    lsion: bool,
    /// The source in use: 0 HSISYS, 1 HSE, 2 PLLRCLK, 3 LSI, 4 LSE.
    source: u32,
}

impl RccG0 {
    /// As after power-on.
    pub fn new(clock: part::Clock) -> RccG0 {
        let mut rcc = RccG0 {
            clock,
            cr: 0,
            icscr: 0,
            cfgr: 0,
            pllcfgr: 0,
            cier: 0,
            ccipr: 0,
            bdcr: 0,
            csr_flags: 0,
            resets: [0; 4],
            enables: [0; 4],
            sleep_enables: [0; 4],
            hsi: Oscillator::running(),
            hse: Oscillator::default(),
            pll: Oscillator::default(),
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
        Clocks::new(self.sysclk() / ahb_divisor(self.cfgr >> 8), self.cfgr >> 12, self.clock.lsi_hz)
    }

    fn sysclk(&self) -> u64 {
        match self.source {
            1 => self.clock.hse_hz,
            2 => self.pll_hz(),
            3 => self.clock.lsi_hz,
            4 => 32_768,
            _ => self.clock.reset_hz >> ((self.cr >> 11) & 7),
        }
    }

    /// VCO = input / M * N; PLLRCLK = VCO / R.
    fn pll_hz(&self) -> u64 {
        let input = if self.pllcfgr & 3 == 3 { self.clock.hse_hz } else { self.clock.reset_hz };
        let m = u64::from((self.pllcfgr >> 4) & 7) + 1;
        let n = u64::from((self.pllcfgr >> 8) & 0x7F);
        let r = u64::from(self.pllcfgr >> 29) + 1;
        (input / m * n / r).max(1)
    }

    /// Whether the clock of a block with this gate runs.
    pub fn enabled(&self, gate: &part::Gate) -> bool {
        let index = (gate.enable.wrapping_sub(reg::IOPENR) / 4) as usize;
        self.enables.get(index).is_some_and(|r| r & (1 << gate.bit) != 0)
    }

    /// Whether a block is held in reset by its reset bit.
    pub fn held(&self, gate: &part::Gate) -> bool {
        let index = (gate.reset.wrapping_sub(reg::IOPRSTR) / 4) as usize;
        self.resets.get(index).is_some_and(|r| r & (1 << gate.bit) != 0)
    }

    /// The watchdog runs and needs LSI.
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

    /// Without a source (PLLSRC 0 or 1) there is nothing to lock to.
    fn pll_locked(&self, now: Time) -> bool {
        self.pllcfgr & 3 >= 2 && self.pll.is_ready(now)
    }

    fn wanted_ready(&self, now: Time) -> bool {
        match self.cfgr & 7 {
            0 => self.hsi.is_ready(now),
            1 => self.hse.is_ready(now),
            2 => self.pll_locked(now) && self.pllcfgr & PLL_R_ENABLE != 0,
            3 => self.lsi.is_ready(now),
            4 => self.lse.is_ready(now),
            _ => false,
        }
    }

    fn switch(&mut self, cx: &mut Context<'_>) {
        if self.source != self.cfgr & 7 && self.wanted_ready(cx.now.time) {
            self.source = self.cfgr & 7;
            cx.fx.clock();
        }
    }

    fn write_cr(&mut self, value: u32, mask: u32, cx: &mut Context<'_>) {
        let now = cx.now.time;
        let mut wanted = masked(self.cr, value, mask & writes::CR);
        let pll_on_hse = self.pllcfgr & 3 == 3;
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
        // HSIDIV rescales HSISYS at once.
        cx.fx.clock();
        self.switch(cx);
    }
}

impl Peripheral for RccG0 {
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32 {
        let now = cx.now.time;
        let ready = |o: &Oscillator, bit: u32| if o.is_ready(now) { bit } else { 0 };
        match offset {
            reg::CR => {
                self.cr
                    | ready(&self.hsi, HSIRDY)
                    | ready(&self.hse, HSERDY)
                    | if self.pll_locked(now) { PLLRDY } else { 0 }
            }
            reg::ICSCR => self.icscr,
            reg::CFGR => {
                self.switch(cx);
                self.cfgr | (self.source << 3)
            }
            reg::PLLCFGR => self.pllcfgr,
            reg::CIER => self.cier,
            reg::IOPRSTR..=reg::APBRSTR2 => self.resets[((offset - reg::IOPRSTR) / 4) as usize],
            reg::IOPENR..=reg::APBENR2 => self.enables[((offset - reg::IOPENR) / 4) as usize],
            reg::IOPSMENR..=reg::APBSMENR2 => self.sleep_enables[((offset - reg::IOPSMENR) / 4) as usize],
            reg::CCIPR => self.ccipr,
            reg::BDCR => self.bdcr | ready(&self.lse, 2),
            reg::CSR => self.csr_flags | u32::from(self.lsion) | ready(&self.lsi, 2),
            _ => cx.other_load(offset, &reg::MAP),
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        let now = cx.now.time;
        match offset {
            reg::CR => self.write_cr(value, mask, cx),
            reg::ICSCR => self.icscr = masked(self.icscr, value, mask & writes::ICSCR),
            reg::CFGR => {
                self.cfgr = masked(self.cfgr, value, mask & writes::CFGR);
                self.switch(cx);
                cx.fx.clock();
            }
            reg::PLLCFGR => {
                // With the PLL on its dividers are frozen, with PLLRCLK in use so is its output enable (5.4.4).
                let mut writable = writes::PLLCFGR;
                if self.cr & PLLON != 0 {
                    writable = 1 << 16 | 1 << 24 | PLL_R_ENABLE;
                }
                if self.source == 2 {
                    writable &= !PLL_R_ENABLE;
                }
                self.pllcfgr = masked(self.pllcfgr, value, mask & writable);
                self.switch(cx);
            }
            reg::CIER => self.cier = masked(self.cier, value, mask & writes::CIER),
            reg::IOPRSTR..=reg::APBRSTR2 => {
                let n = ((offset - reg::IOPRSTR) / 4) as usize;
                self.resets[n] = masked(self.resets[n], value, mask);
                cx.fx.clock();
            }
            reg::IOPENR..=reg::APBENR2 => {
                let n = ((offset - reg::IOPENR) / 4) as usize;
                self.enables[n] = masked(self.enables[n], value, mask);
                cx.fx.clock();
            }
            reg::IOPSMENR..=reg::APBSMENR2 => {
                let n = ((offset - reg::IOPSMENR) / 4) as usize;
                self.sleep_enables[n] = masked(self.sleep_enables[n], value, mask);
            }
            reg::CCIPR => self.ccipr = masked(self.ccipr, value, mask),
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
            _ => cx.other_store(offset, &reg::MAP),
        }
        cx.fx.events();
    }

    fn reset(&mut self, cause: ResetCause) {
        self.cr = resets::CR & !HSIRDY;
        self.icscr = resets::ICSCR;
        self.cfgr = resets::CFGR;
        self.pllcfgr = resets::PLLCFGR;
        self.cier = resets::CIER;
        self.ccipr = resets::CCIPR;
        self.resets = [0; 4];
        self.enables = [resets::IOPENR, resets::AHBENR, resets::APBENR1, resets::APBENR2];
        self.sleep_enables = [resets::IOPSMENR, resets::AHBSMENR, resets::APBSMENR1, resets::APBSMENR2];
        self.hsi = Oscillator::running();
        self.hse = Oscillator::default();
        self.pll = Oscillator::default();
        self.source = 0;
        if cause == ResetCause::PowerOn {
            self.lse = Oscillator::default();
            self.bdcr = resets::BDCR;
            self.csr_flags = 0;
        }
        // CSR is reset by every system reset, but for the flags (RM0444 5.4.24).
        self.lsion = false;
        self.lsi_forced = false;
        self.lsi = Oscillator::default();
        self.csr_flags |= flags(cause);
    }

    fn next_event(&self, _: &Clocks) -> Option<Due> {
        let waiting = match self.cfgr & 7 {
            wanted if wanted == self.source => None,
            0 => self.hsi.pending(Time::ZERO),
            1 => self.hse.pending(Time::ZERO),
            2 if self.pllcfgr & PLL_R_ENABLE != 0 => self.pll.pending(Time::ZERO),
            3 => self.lsi.pending(Time::ZERO),
            4 => self.lse.pending(Time::ZERO),
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
            reg::CR | reg::CFGR => start(&[&self.hsi, &self.hse, &self.pll, &self.lsi, &self.lse]),
            reg::BDCR => start(&[&self.lse]),
            reg::CSR => start(&[&self.lsi]),
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
        let part = part::find("STM32G071xB").unwrap();
        for (offset, kept) in [(reg::BDCR, 0x0301_833D), (reg::CFGR, 0x7700_7F07)] {
            let mut rcc = RccG0::new(part.clock);
            check::write(&mut rcc, offset, u32::MAX, 0, check::clocks(0));
            assert_eq!(check::read(&mut rcc, offset, 0, check::clocks(0)), kept, "0x{offset:02X}");
        }
    }

    proptest! {
        #[test]
        fn forecasts_hold(
            cr in prop::bits::u32::masked(HSION | HSEON | PLLON), pll in prop::bits::u32::masked(0x1000_0003),
            sw in 0u32..5, csr in 0u32..2, asked in 1u64..40, far in 0u64..200,
        ) {
            let part = part::find("STM32G071xB").unwrap();
            let clocks = check::clocks(0);
            let mut rcc = RccG0::new(part.clock);
            for (offset, value) in [
                (reg::PLLCFGR, pll | 0x1000), (reg::CR, cr), (reg::CFGR, sw), (reg::CSR, csr), (reg::BDCR, 1),
            ] {
                check::write(&mut rcc, offset, value, 0, clocks);
            }
            for offset in (0..0x64).step_by(4) {
                let forecast = check::forecast(&rcc, offset, asked + 48 * far, 3_000, clocks)?;
                prop_assert_ne!(forecast, Forecast::Unknown);
            }
        }
    }
}
