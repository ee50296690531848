//! The ADC: calibration, ready, sequences of conversions with their times (RM0091 chapter 13, RM0444 chapter 15).
//!
//! Hardware triggers, analog watchdogs, oversampling and auto-off are not modelled, and told when they are turned on.

mod inputs;

pub use inputs::{CHANNELS, Calibration, Inputs};

use super::registers::{Map, registers};
use super::{Clocks, Context, Due, Forecast, Peripheral, masked};
use crate::bus::ResetCause;
use crate::time::{Now, Time};

const ADRDY: u32 = 1 << 0;
const EOSMP: u32 = 1 << 1;
const EOC: u32 = 1 << 2;
const EOS: u32 = 1 << 3;
const OVR: u32 = 1 << 4;
const EOCAL: u32 = 1 << 11;
const CCRDY: u32 = 1 << 13;
const ADEN: u32 = 1 << 0;
const ADDIS: u32 = 1 << 1;
const ADSTART: u32 = 1 << 2;
const ADSTP: u32 = 1 << 4;
const ADVREGEN: u32 = 1 << 28;
const ADCAL: u32 = 1 << 31;
const DMAEN: u32 = 1 << 0;
const DMACFG: u32 = 1 << 1;
const SCANDIR: u32 = 1 << 2;
const ALIGN: u32 = 1 << 5;
const EXTEN: u32 = 3 << 10;
const OVRMOD: u32 = 1 << 12;
const CONT: u32 = 1 << 13;
const WAIT: u32 = 1 << 14;
const AUTOFF: u32 = 1 << 15;
const DISCEN: u32 = 1 << 16;
const CHSELRMOD: u32 = 1 << 21;
const AWDEN: u32 = 1 << 23;

/// Which converter it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// The F0's.
    F0,
    /// The G0's: a regulator, a sequencer, sampling times by channel.
    G0,
}

registers! {
    /// RM0091 13.12. The watchdog's upper threshold resets to its highest, its lower one to 0.
    pub mod f0 {
        0x00  ISR    rc 0x0000_0000 0xFFFF_FFFF;
        0x04  IER    rw 0x0000_0000 0x0000_009F;
        0x08  CR     x  0x0000_0000 0xFFFF_FFFF;
        0x0C  CFGR1  rw 0x0000_0000 0xFFFF_FFFF;
        0x10  CFGR2  rw 0x0000_0000 0xFFFF_FFFF;
        0x14  SMPR   rw 0x0000_0000 0xFFFF_FFFF;
        0x20  TR     rw 0x0FFF_0000 0x0FFF_0FFF;
        0x28  CHSELR rw 0x0000_0000 0xFFFF_FFFF;
        0x40  DR     r  0x0000_0000 0x0000_0000;
        0x308 CCR    rw 0x0000_0000 0x01C0_0000;
        reserved 0x18..0x20;
        reserved 0x24..0x28;
        reserved 0x2C..0x40;
        reserved 0x44..0x308;
        reserved 0x30C..0x400;
    }
}

registers! {
    /// RM0444 15.13.
    pub mod g0 {
        0x00  ISR     rc 0x0000_0000 0xFFFF_FFFF;
        0x04  IER     rw 0x0000_0000 0x0000_2B9F;
        0x08  CR      x  0x0000_0000 0xFFFF_FFFF;
        0x0C  CFGR1   rw 0x0000_0000 0xFFFF_FFFF;
        0x10  CFGR2   rw 0x0000_0000 0xFFFF_FFFF;
        0x14  SMPR    rw 0x0000_0000 0xFFFF_FFFF;
        0x20  AWD1TR  rw 0x0FFF_0000 0x0FFF_0FFF;
        0x24  AWD2TR  rw 0x0FFF_0000 0x0FFF_0FFF;
        0x28  CHSELR  rw 0x0000_0000 0xFFFF_FFFF;
        0x2C  AWD3TR  rw 0x0FFF_0000 0x0FFF_0FFF;
        0x40  DR      r  0x0000_0000 0x0000_0000;
        0xA0  AWD2CR  rw 0x0000_0000 0xFFFF_FFFF;
        0xA4  AWD3CR  rw 0x0000_0000 0xFFFF_FFFF;
        0xB4  CALFACT rw 0x0000_0000 0xFFFF_FFFF;
        0x308 CCR     rw 0x0000_0000 0x03FC_0000;
        reserved 0x18..0x20;
        reserved 0x30..0x40;
        reserved 0x44..0xA0;
        reserved 0xA8..0xB4;
        reserved 0xB8..0x308;
        reserved 0x30C..0x400;
    }
}
/// What both have stands at the same offsets, and the G0's has more.
use g0 as reg;

/// Stabilisation after ADEN.
const STABLE: Time = Time::from_nanos(1_000);

/// The converter.
#[derive(Clone, Debug)]
pub struct Adc {
    model: Model,
    calibration: Calibration,
    /// What stands at its inputs; a reset leaves it.
    pub inputs: Inputs,
    isr: u32,
    ier: u32,
    cr: u32,
    cfgr1: u32,
    cfgr2: u32,
    smpr: u32,
    chselr: u32,
    ccr: u32,
    /// The watchdogs' thresholds and channels, and CALFACT.
    kept: [u32; KEPT.len()],
    data: u32,
    calibrated_at: Time,
    ready_at: Time,
    /// The end of the conversion that runs.
    converted_at: Time,
    sequence: [u8; CHANNELS],
    length: usize,
    position: usize,
    /// WAIT: the next conversion starts when the last value is fetched.
    held: bool,
    /// One-shot mode: the DMA channel has done its last transfer.
    dma_over: bool,
}

const KEPT: [u32; 6] = [reg::AWD1TR, reg::AWD2TR, reg::AWD3TR, reg::AWD2CR, reg::AWD3CR, reg::CALFACT];
const CALFACT: usize = 5;

const fn map(model: Model) -> &'static Map {
    match model {
        Model::F0 => &f0::MAP,
        Model::G0 => &g0::MAP,
    }
}

impl Adc {
    /// As after reset.
    pub fn new(model: Model, calibration: Calibration) -> Adc {
        let never = Time::NEVER;
        let map = map(model);
        Adc {
            model,
            calibration,
            inputs: Inputs::default(),
            isr: 0,
            ier: 0,
            cr: 0,
            cfgr1: 0,
            cfgr2: 0,
            smpr: 0,
            chselr: 0,
            ccr: 0,
            kept: KEPT.map(|offset| map.at(offset).and_then(|r| r.reset).unwrap_or(0)),
            data: 0,
            calibrated_at: never,
            ready_at: never,
            converted_at: never,
            sequence: [0; CHANNELS],
            length: 0,
            position: 0,
            held: false,
            dma_over: false,
        }
    }

    const fn map(&self) -> &'static Map {
        map(self.model)
    }

    /// The bits of a register that a store can change.
    fn writes(&self, offset: u32) -> u32 {
        self.map().at(offset).map_or(0, |r| r.writable)
    }

    /// The place in `kept` of a register that is only kept.
    fn slot(&self, offset: u32) -> Option<usize> {
        let there = self.map().at(offset).is_some();
        KEPT.iter().position(|o| *o == offset).filter(|_| there)
    }

    /// Whether it asks for a DMA transfer of its data.
    pub const fn requests(&self) -> bool {
        self.cfgr1 & DMAEN != 0 && self.isr & EOC != 0 && !self.dma_over
    }

    /// The DMA channel has come to its end; in one-shot mode no request follows (13.5.4, 15.6.5). A circular channel
    /// never gets there.
    pub const fn dma_ended(&mut self) {
        self.dma_over = self.cfgr1 & DMACFG == 0;
    }

    /// Its clock: CKMODE 0 is HSI14 (F0), or SYSCLK through PRESC (G0).
    fn hz(&self, clocks: &Clocks) -> u64 {
        const PRESC: [u64; 12] = [1, 2, 4, 6, 8, 10, 12, 16, 32, 64, 128, 256];
        match (self.cfgr2 >> 30, self.model) {
            (1, _) => clocks.pclk_hz() / 2,
            (2, _) => clocks.pclk_hz() / 4,
            (3, Model::G0) => clocks.pclk_hz(),
            (_, Model::F0) => 14_000_000,
            (_, Model::G0) => clocks.hclk_hz / PRESC.get((self.ccr >> 18 & 0xF) as usize).unwrap_or(&256),
        }
    }

    /// How long one channel takes: sampling, then successive approximation, in half cycles (13.4.8, 15.3.12).
    fn conversion(&self, channel: u8, clocks: &Clocks) -> Time {
        let resolution = (self.cfgr1 >> 3 & 3) as usize;
        let halves: u64 = match self.model {
            Model::F0 => [3, 15, 27, 57, 83, 111, 143, 479][(self.smpr & 7) as usize] + [25, 23, 19, 15][resolution],
            Model::G0 => {
                let second = self.smpr & (1 << (8 + u32::from(channel))) != 0;
                let field = if second { self.smpr >> 4 } else { self.smpr };
                [3, 7, 15, 25, 39, 79, 159, 321][(field & 7) as usize] + [25, 21, 17, 13][resolution]
            }
        };
        Time::from_cycles(halves, 2 * self.hz(clocks))
    }

    /// Lays out the sequence as the registers ask for it (13.4.5, 15.3.8).
    fn lay_out(&mut self) {
        self.length = 0;
        let mut put = |channel: u32| {
            if let Some(slot) = self.sequence.get_mut(self.length) {
                *slot = channel as u8;
                self.length += 1;
            }
        };
        if self.model == Model::G0 && self.cfgr1 & CHSELRMOD != 0 {
            // Up to eight steps of four bits; the first 1111 ends it.
            (0..8).map(|n| self.chselr >> (4 * n) & 0xF).take_while(|c| *c != 0xF).for_each(put);
        } else if self.cfgr1 & SCANDIR == 0 {
            (0..CHANNELS as u32).filter(|c| self.chselr & (1 << c) != 0).for_each(put);
        } else {
            for channel in (0..CHANNELS as u32).rev().filter(|c| self.chselr & (1 << c) != 0) {
                put(channel);
            }
        }
    }

    fn start(&mut self, now: Time, clocks: &Clocks) {
        self.cr |= ADSTART;
        self.held = false;
        if self.cfgr1 & DISCEN == 0 || self.position == 0 || self.position >= self.length {
            self.lay_out();
            self.position = 0;
        }
        self.begin(now, clocks);
    }

    /// Starts the conversion at the sequence's position.
    fn begin(&mut self, now: Time, clocks: &Clocks) {
        let channel = self.sequence.get(self.position).filter(|_| self.position < self.length);
        self.converted_at = channel.map_or(Time::NEVER, |c| now + self.conversion(*c, clocks));
    }

    fn stop(&mut self) {
        self.cr &= !ADSTART;
        self.converted_at = Time::NEVER;
        self.held = false;
        self.position = 0;
    }

    /// The conversion that runs ends at `at`.
    fn finish(&mut self, at: Time, clocks: &Clocks) {
        let channel = usize::from(self.sequence[self.position]);
        let unread = self.isr & EOC != 0;
        if !unread || self.cfgr1 & OVRMOD != 0 {
            self.data = self.shape(self.calibration.code(self.model, channel, &self.inputs, self.ccr));
        }
        self.isr |= EOSMP | EOC | if unread { OVR } else { 0 };
        self.position += 1;
        let last = self.position >= self.length;
        if last {
            self.isr |= EOS;
            self.position = 0;
        }
        self.converted_at = Time::NEVER;
        if self.cfgr1 & DISCEN != 0 || (last && self.cfgr1 & CONT == 0) {
            self.cr &= !ADSTART;
        } else if self.cfgr1 & WAIT != 0 {
            self.held = true;
        } else {
            self.begin(at, clocks);
        }
    }

    /// RES and ALIGN (13.12.4, 15.13.4).
    const fn shape(&self, code: u32) -> u32 {
        let resolution = self.cfgr1 >> 3 & 3;
        let code = code >> (2 * resolution);
        match (self.cfgr1 & ALIGN, resolution) {
            (0, _) => code,
            (_, 3) => code << 2,
            (_, _) => code << (4 + 2 * resolution),
        }
    }

    fn sync(&mut self, now: Time, clocks: &Clocks) {
        if now >= self.calibrated_at {
            self.calibrated_at = Time::NEVER;
            self.cr &= !ADCAL;
            match self.model {
                // The factor stands in DR[6:0] on the F0, in CALFACT on the G0.
                Model::F0 => self.data = 0x40,
                Model::G0 => {
                    self.isr |= EOCAL;
                    self.kept[CALFACT] = 0x32;
                }
            }
        }
        if now >= self.ready_at {
            self.ready_at = Time::NEVER;
            self.isr |= ADRDY;
        }
        let mut rounds = 0;
        while now >= self.converted_at {
            self.finish(self.converted_at, clocks);
            rounds += 1;
            // Once every flag is set, whole sequences change nothing.
            if rounds > 2 * self.length && self.position == 0 && self.converted_at <= now {
                let sequence: u64 =
                    self.sequence[..self.length].iter().map(|c| self.conversion(*c, clocks).0).sum::<u64>().max(1);
                let skipped = now.since(self.converted_at).0 / sequence;
                self.converted_at = self.converted_at + Time(skipped * sequence);
                rounds = 0;
            }
        }
    }

    fn write_cr(&mut self, value: u32, mask: u32, cx: &mut Context<'_>) {
        let now = cx.now.time;
        let set = value & mask;
        if self.model == Model::G0 {
            self.cr = masked(self.cr, value, mask & ADVREGEN);
            if set & (ADCAL | ADEN) != 0 && self.cr & ADVREGEN == 0 {
                cx.fx
                    .note(cx.base + reg::CR, "the ADC's regulator (ADVREGEN) is off: it neither calibrates nor starts");
                return;
            }
        }
        if set & ADCAL != 0 && self.cr & ADEN == 0 {
            self.cr |= ADCAL;
            // 83 cycles on the F0, 82 on the G0.
            let cycles = if self.model == Model::F0 { 83 } else { 82 };
            self.calibrated_at = now + Time::from_cycles(cycles, self.hz(&cx.clocks));
        }
        if set & ADEN != 0 && self.cr & (ADCAL | ADEN) == 0 {
            self.cr |= ADEN;
            self.ready_at = now + STABLE;
        }
        if set & ADDIS != 0 && self.cr & ADEN != 0 {
            self.stop();
            self.cr &= !ADEN;
            self.isr &= !ADRDY;
            self.ready_at = Time::NEVER;
        }
        if set & ADSTART != 0 && self.cr & ADEN != 0 && self.cr & ADSTART == 0 {
            if self.cfgr1 & EXTEN != 0 {
                cx.unmodelled(reg::CR, "ADC conversions by a hardware trigger do not start");
            } else {
                self.start(now, &cx.clocks);
            }
        }
        if set & ADSTP != 0 {
            self.stop();
        }
    }

    fn tell(&self, offset: u32, cx: &mut Context<'_>) {
        if self.cfgr1 & AUTOFF != 0 {
            cx.unmodelled(offset, "ADC auto-off is not modelled: it stays on");
        }
        if self.cfgr1 & AWDEN != 0 {
            cx.unmodelled(offset, "the ADC's analog watchdogs are not modelled: they never bark");
        }
        if self.model == Model::G0 && self.cfgr2 & 1 != 0 {
            cx.unmodelled(offset, "ADC oversampling is not modelled: single conversions");
        }
    }
}

impl Peripheral for Adc {
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32 {
        self.sync(cx.now.time, &cx.clocks);
        match offset {
            reg::ISR => self.isr,
            reg::IER => self.ier,
            reg::CR => self.cr,
            reg::CFGR1 => self.cfgr1,
            reg::CFGR2 => self.cfgr2,
            reg::SMPR => self.smpr,
            reg::CHSELR => self.chselr,
            reg::CCR => self.ccr,
            reg::DR => {
                self.isr &= !EOC;
                if std::mem::take(&mut self.held) {
                    self.begin(cx.now.time, &cx.clocks);
                }
                cx.fx.interrupts();
                self.data
            }
            _ => match self.slot(offset) {
                Some(n) => self.kept[n],
                None => cx.other_load(offset, self.map()),
            },
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        self.sync(cx.now.time, &cx.clocks);
        match offset {
            reg::ISR => self.isr &= !(value & mask),
            reg::IER => self.ier = masked(self.ier, value, mask & self.writes(offset)),
            reg::CR => self.write_cr(value, mask, cx),
            reg::CFGR1 => {
                let before = self.cfgr1;
                self.cfgr1 = masked(self.cfgr1, value, mask);
                if self.cfgr1 & DMAEN == 0 {
                    self.dma_over = false;
                }
                if self.model == Model::G0 && (before ^ self.cfgr1) & (CHSELRMOD | SCANDIR) != 0 {
                    self.isr |= CCRDY;
                }
            }
            reg::CFGR2 => self.cfgr2 = masked(self.cfgr2, value, mask),
            reg::SMPR => self.smpr = masked(self.smpr, value, mask),
            reg::CHSELR => {
                self.chselr = masked(self.chselr, value, mask);
                if self.model == Model::G0 {
                    self.isr |= CCRDY;
                }
            }
            reg::CCR => self.ccr = masked(self.ccr, value, mask & self.writes(offset)),
            _ => match self.slot(offset) {
                Some(n) => self.kept[n] = masked(self.kept[n], value, mask & self.writes(offset)),
                None => cx.other_store(offset, self.map()),
            },
        }
        self.tell(offset, cx);
        cx.fx.events();
        cx.fx.interrupts();
    }

    fn reset(&mut self, _: ResetCause) {
        *self = Adc { inputs: self.inputs.clone(), ..Adc::new(self.model, self.calibration) };
    }

    fn next_event(&self, _: &Clocks) -> Option<Due> {
        // Only an enabled interrupt or DMA makes the instant matter.
        let converted = self.ier & (EOC | EOS | EOSMP | OVR) != 0 || self.cfgr1 & DMAEN != 0;
        [
            (self.ier & ADRDY != 0, self.ready_at),
            (self.ier & EOCAL != 0, self.calibrated_at),
            (converted, self.converted_at),
        ]
        .into_iter()
        .filter(|(matters, time)| *matters && *time != Time::NEVER)
        .map(|(_, time)| time)
        .min()
        .map(Due::Time)
    }

    fn advance(&mut self, cx: &mut Context<'_>) {
        self.sync(cx.now.time, &cx.clocks);
    }

    fn lines(&self) -> u32 {
        u32::from(self.isr & self.ier != 0)
    }

    fn forecast(&self, offset: u32, now: Now, _: &Clocks) -> Forecast {
        match offset {
            reg::ISR | reg::CR => {
                Forecast::until_first(now.time, [self.calibrated_at, self.ready_at, self.converted_at])
            }
            reg::CALFACT => Forecast::until_first(now.time, [self.calibrated_at]),
            // A load of the data clears EOC.
            reg::DR => Forecast::Unknown,
            _ => Forecast::Constant,
        }
    }
}

#[cfg(test)]
mod tests;
