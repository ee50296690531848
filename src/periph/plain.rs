//! Blocks of which only the registers are kept: they read back what was written, and say where that is not enough.

use super::registers::{Map, Register, registers};
use super::{Clocks, Context, Forecast, Peripheral, masked};
use crate::bus::ResetCause;
use crate::part::PeripheralSpec;
use crate::time::Now;
use std::sync::Arc;

registers! {
    /// RM0091 5.4. CWUF and CSBF in CR read 0; of the wake-up pins the two of the device headers.
    pub mod pwr_f0 {
        0x00 CR  rw 0x0000_0000 0x0000_01F3;
        0x04 CSR rw 0x0000_0000 0x0000_0300;
        reserved 0x08..0x400;
    }
}

registers! {
    /// RM0444 4.4, with the bits of ST's device headers; the G031 has no WKUP5.
    pub mod pwr_g0 {
        0x00 CR1   rw 0x0000_0208 0x0000_473F;
        0x04 CR2   rw 0x0000_0000 0x0000_007F;
        0x08 CR3   rw 0x0000_8000 0x0000_873B;
        0x0C CR4   rw 0x0000_0000 0x0000_033B;
        0x10 SR1   r  0x0000_0000 0x0000_0000;
        0x14 SR2   r  0x0000_0000 0x0000_0000;
        0x18 SCR   w  0x0000_0000 0x0000_0000;
        0x20 PUCRA rw 0x0000_0000 0x0000_FFFF;
        0x24 PDCRA rw 0x0000_0000 0x0000_FFFF;
        0x28 PUCRB rw 0x0000_0000 0x0000_FFFF;
        0x2C PDCRB rw 0x0000_0000 0x0000_FFFF;
        0x30 PUCRC rw 0x0000_0000 0x0000_FFFF;
        0x34 PDCRC rw 0x0000_0000 0x0000_FFFF;
        0x38 PUCRD rw 0x0000_0000 0x0000_FFFF;
        0x3C PDCRD rw 0x0000_0000 0x0000_FFFF;
        0x48 PUCRF rw 0x0000_0000 0x0000_FFFF;
        0x4C PDCRF rw 0x0000_0000 0x0000_FFFF;
        reserved 0x1C..0x20;
        reserved 0x40..0x48;
        reserved 0x50..0x400;
    }
}

registers! {
    /// RM0091 25.7. Of ISR a store sets INIT alone: RSF and the flags in bits 8 to 14 it can only clear, with a 0
    /// (25.7.4), and here they never come.
    pub mod rtc_f0 {
        0x00 TR       rw 0x0000_0000 0x007F_7F7F;
        0x04 DR       rw 0x0000_2101 0x00FF_FF3F;
        0x08 CR       rw 0x0000_0000 0xFFFF_FFFF;
        0x0C ISR      rw 0x0000_0007 0x0000_0080;
        0x10 PRER     rw 0x007F_00FF 0xFFFF_FFFF;
        0x14 WUTR     rw 0x0000_FFFF 0xFFFF_FFFF;
        0x1C ALRMAR   rw 0x0000_0000 0xFFFF_FFFF;
        0x24 WPR      w  0x0000_0000 0x0000_0000;
        0x28 SSR      r  0x0000_0000 0x0000_0000;
        0x2C SHIFTR   w  0x0000_0000 0x0000_0000;
        0x30 TSTR     r  0x0000_0000 0x0000_0000;
        0x34 TSDR     r  0x0000_0000 0x0000_0000;
        0x38 TSSSR    r  0x0000_0000 0x0000_0000;
        0x3C CALR     rw 0x0000_0000 0x0000_E1FF;
        0x40 TAFCR    rw 0x0000_0000 0xFFFF_FFFF;
        0x44 ALRMASSR rw 0x0000_0000 0xFFFF_FFFF;
        0x50 BKP0R    rw 0x0000_0000 0xFFFF_FFFF;
        0x54 BKP1R    rw 0x0000_0000 0xFFFF_FFFF;
        0x58 BKP2R    rw 0x0000_0000 0xFFFF_FFFF;
        0x5C BKP3R    rw 0x0000_0000 0xFFFF_FFFF;
        0x60 BKP4R    rw 0x0000_0000 0xFFFF_FFFF;
        reserved 0x18..0x1C;
        reserved 0x20..0x24;
        reserved 0x48..0x50;
        reserved 0x64..0x400;
    }
}

registers! {
    /// RM0444 30.6. Of ICSR a store sets INIT alone: RSF it can only clear, with a 0, and here that never comes.
    pub mod rtc_g0 {
        0x00 TR       rw 0x0000_0000 0x007F_7F7F;
        0x04 DR       rw 0x0000_2101 0x00FF_FF3F;
        0x08 SSR      r  0x0000_0000 0x0000_0000;
        0x0C ICSR     rw 0x0000_0007 0x0000_0080;
        0x10 PRER     rw 0x007F_00FF 0xFFFF_FFFF;
        0x14 WUTR     rw 0x0000_FFFF 0xFFFF_FFFF;
        0x18 CR       rw 0x0000_0000 0xFFFF_FFFF;
        0x24 WPR      w  0x0000_0000 0x0000_0000;
        0x28 CALR     rw 0x0000_0000 0x0000_E1FF;
        0x2C SHIFTR   w  0x0000_0000 0x0000_0000;
        0x30 TSTR     r  0x0000_0000 0x0000_0000;
        0x34 TSDR     r  0x0000_0000 0x0000_0000;
        0x38 TSSSR    r  0x0000_0000 0x0000_0000;
        0x40 ALRMAR   rw 0x0000_0000 0xFFFF_FFFF;
        0x44 ALRMASSR rw 0x0000_0000 0xFFFF_FFFF;
        0x48 ALRMBR   rw 0x0000_0000 0xFFFF_FFFF;
        0x4C ALRMBSSR rw 0x0000_0000 0xFFFF_FFFF;
        0x50 SR       r  0x0000_0000 0x0000_0000;
        0x54 MISR     r  0x0000_0000 0x0000_0000;
        0x5C SCR      w  0x0000_0000 0x0000_0000;
        reserved 0x1C..0x24;
        reserved 0x3C..0x40;
        reserved 0x58..0x5C;
        reserved 0x60..0x400;
    }
}

registers! {
    /// RM0444 31.6.
    pub mod tamp {
        0x00  CR1    rw 0xFFFF_0000 0xFFFF_FFFF;
        0x04  CR2    rw 0x0000_0000 0xFFFF_FFFF;
        0x0C  FLTCR  rw 0x0000_0000 0xFFFF_FFFF;
        0x2C  IER    rw 0x0000_0000 0xFFFF_FFFF;
        0x30  SR     r  0x0000_0000 0x0000_0000;
        0x34  MISR   r  0x0000_0000 0x0000_0000;
        0x3C  SCR    w  0x0000_0000 0x0000_0000;
        0x100 BKP0R  rw 0x0000_0000 0xFFFF_FFFF;
        0x104 BKP1R  rw 0x0000_0000 0xFFFF_FFFF;
        0x108 BKP2R  rw 0x0000_0000 0xFFFF_FFFF;
        0x10C BKP3R  rw 0x0000_0000 0xFFFF_FFFF;
        0x110 BKP4R  rw 0x0000_0000 0xFFFF_FFFF;
        reserved 0x08..0x0C;
        reserved 0x10..0x2C;
        reserved 0x38..0x3C;
        reserved 0x40..0x100;
        reserved 0x114..0x400;
    }
}

/// What a block has to do with the backup domain, which stores reach only while DBP is set (RM0091 6.1.3, RM0444 4.1.3;
/// measured on a G0, where backup registers and BDCR stayed as they were).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Backup {
    /// It holds DBP.
    Opens,
    /// It is of it: only power clears it.
    Inside,
}

/// DBP: in CR of the F0's PWR and in CR1 of the G0's, the first register of either.
const DBP: (u32, u32) = (pwr_f0::CR, 1 << 8);

/// What such a block is.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    map: &'static Map,
    /// Offset, bits that start something when written, and what does not happen.
    starts: &'static [(u32, u32, &'static str)],
    /// Offset, flags that code clears with a 0 to wait for them, and what does not happen.
    awaits: &'static [(u32, u32, &'static str)],
    /// The registers that take stores only once [`KEYS`] were stored into the first of them.
    keyed: &'static [u32],
    backup: Backup,
}

const COPIED: &str = "the RTC's RSF is waited for: it does not count, and RSF does not come";
const CALENDAR: &str = "the RTC is to be set: it does not count, and INITF does not come";
/// What opens the RTC, one after the other; anything else shuts it. A system reset changes nothing (RM0091 25.4.7,
/// RM0444 30.3.9).
const KEYS: [u32; 2] = [0xCA, 0x53];
/// WPR, and what it opens: not TAFCR and the backup registers.
const KEYED_F0: [u32; 10] = {
    use rtc_f0::*;
    [WPR, TR, DR, CR, ISR, PRER, WUTR, ALRMAR, CALR, ALRMASSR]
};
const KEYED_G0: [u32; 12] = {
    use rtc_g0::*;
    [WPR, TR, DR, ICSR, PRER, WUTR, CR, CALR, ALRMAR, ALRMASSR, ALRMBR, ALRMBSSR]
};
/// ISR or ICSR.
const INIT: u32 = 1 << 7;
/// ISR or ICSR: the calendar was copied to where it is read.
const RSF: u32 = 1 << 5;

/// The F0's power control.
pub const PWR_F0: Description =
    Description { map: &pwr_f0::MAP, starts: &[], awaits: &[], keyed: &[], backup: Backup::Opens };
/// The G0's power control.
pub const PWR_G0: Description =
    Description { map: &pwr_g0::MAP, starts: &[], awaits: &[], keyed: &[], backup: Backup::Opens };
/// The F0's calendar and backup registers.
pub const RTC_F0: Description = Description {
    map: &rtc_f0::MAP,
    starts: &[(rtc_f0::ISR, INIT, CALENDAR)],
    awaits: &[(rtc_f0::ISR, RSF, COPIED)],
    keyed: &KEYED_F0,
    backup: Backup::Inside,
};
/// The G0's calendar.
pub const RTC_G0: Description = Description {
    map: &rtc_g0::MAP,
    starts: &[(rtc_g0::ICSR, INIT, CALENDAR)],
    awaits: &[(rtc_g0::ICSR, RSF, COPIED)],
    keyed: &KEYED_G0,
    backup: Backup::Inside,
};
/// The G0's tamper block and backup registers.
pub const TAMP: Description =
    Description { map: &tamp::MAP, starts: &[], awaits: &[], keyed: &[], backup: Backup::Inside };

/// A block that keeps registers, or one of which nothing is modelled.
#[derive(Clone, Debug)]
pub struct Plain {
    description: Option<&'static Description>,
    /// Its name, where nothing of it is modelled.
    name: Arc<str>,
    /// What each register of the description's table holds.
    values: Box<[u32]>,
    /// The bits of each that can be written.
    writable: Arc<[u32]>,
    /// How many of [`KEYS`] were stored.
    keys: usize,
}

impl Plain {
    /// A block as after power-on.
    pub fn new(description: &'static Description, spec: &PeripheralSpec) -> Plain {
        let map = description.map;
        Plain {
            description: Some(description),
            name: Arc::default(),
            values: map.registers.iter().map(|r| r.reset.unwrap_or(0)).collect(),
            writable: map.registers.iter().map(|r| r.writable_in(spec)).collect(),
            keys: 0,
        }
    }

    /// A block that is there on the chip, of which nothing is modelled.
    pub fn unmodelled(name: &str) -> Plain {
        Plain { description: None, name: name.into(), values: Box::default(), writable: Arc::default(), keys: 0 }
    }

    fn registers(&self) -> &'static [Register] {
        self.description.map_or(&[], |d| d.map.registers)
    }

    fn fill(&mut self) {
        let registers = self.registers();
        for (value, register) in self.values.iter_mut().zip(registers) {
            *value = register.reset.unwrap_or(0);
        }
        self.keys = 0;
    }

    /// Where in `values` the register at `offset` stands.
    fn index(&self, offset: u32) -> Option<usize> {
        self.registers().iter().position(|r| r.offset == offset)
    }

    /// Whether it is of the backup domain.
    pub fn is_backup(&self) -> bool {
        self.description.is_some_and(|d| d.backup == Backup::Inside)
    }

    /// Whether it is the power control, which holds DBP.
    pub fn is_power(&self) -> bool {
        self.description.is_some_and(|d| d.backup == Backup::Opens)
    }

    /// Whether it is the power control, and lets stores into the backup domain.
    pub fn opens_backup(&self) -> bool {
        let (offset, bit) = DBP;
        self.is_power() && self.index(offset).is_some_and(|n| self.values[n] & bit != 0)
    }

    /// Clears what only power clears.
    pub fn clear_backup(&mut self) {
        if self.is_backup() {
            self.fill();
        }
    }
}

impl Peripheral for Plain {
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32 {
        if let Some(n) = self.index(offset) {
            return self.values[n];
        }
        match self.description {
            Some(d) => cx.other_load(offset, d.map),
            None => {
                let text = format!("{} is not modelled: reads 0", self.name);
                cx.unmodelled(offset, &text);
                0
            }
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        let Some(d) = self.description else {
            let text = format!("{} is not modelled: the write is dropped", self.name);
            cx.unmodelled(offset, &text);
            return;
        };
        match d.keyed.iter().position(|o| *o == offset) {
            Some(0) => {
                let fits = KEYS.get(self.keys) == Some(&(value & mask & 0xFF));
                self.keys = if fits { self.keys + 1 } else { 0 };
            }
            Some(_) if self.keys < KEYS.len() => {
                cx.fx.note(cx.base + offset, "the RTC's key (WPR) was not given: the write is dropped");
                return;
            }
            _ => {}
        }
        match self.index(offset) {
            Some(n) => self.values[n] = masked(self.values[n], value, mask & self.writable[n]),
            None => cx.other_store(offset, d.map),
        }
        let starts = d.starts.iter().map(|(o, bits, text)| (o, value & mask & bits, text));
        let awaits = d.awaits.iter().map(|(o, bits, text)| (o, !value & mask & bits, text));
        for (_, _, text) in starts.chain(awaits).filter(|(o, bits, _)| **o == offset && *bits != 0) {
            cx.unmodelled(offset, text);
        }
    }

    fn reset(&mut self, cause: ResetCause) {
        if cause == ResetCause::PowerOn || !self.is_backup() {
            self.fill();
        }
    }

    fn forecast(&self, _: u32, _: Now, _: &Clocks) -> Forecast {
        if self.description.is_none() { Forecast::Unknown } else { Forecast::Constant }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Effects;

    /// A block as a part has it.
    fn block(description: &'static Description, part: &str, name: &str) -> Plain {
        Plain::new(description, crate::part::find(part).unwrap().peripheral(name).unwrap())
    }

    fn cx(fx: &mut Effects) -> Context<'_> {
        Context { now: Now::default(), clocks: Clocks::new(1, 0, 1), base: 0x4000_0000, fx }
    }

    #[test]
    fn backup_registers_outlive_a_system_reset() {
        let mut fx = Effects::default();
        let mut rtc = block(&RTC_F0, "F051", "RTC");
        rtc.write(0x50, 0xCAFE, u32::MAX, &mut cx(&mut fx));
        rtc.reset(ResetCause::Software);
        assert_eq!(rtc.read(0x50, &mut cx(&mut fx)), 0xCAFE);
        rtc.reset(ResetCause::PowerOn);
        assert_eq!(rtc.read(0x50, &mut cx(&mut fx)), 0);
    }

    /// Hardware sets the flags of the F0's ISR, and RSF of either; a store clears them at most.
    #[test]
    fn no_store_sets_a_flag_of_the_rtc() {
        for (description, part) in [(&RTC_F0, "F051"), (&RTC_G0, "G071")] {
            let mut fx = Effects::default();
            let mut rtc = block(description, part, "RTC");
            for key in KEYS {
                rtc.write(rtc_f0::WPR, key, u32::MAX, &mut cx(&mut fx));
            }
            rtc.write(rtc_f0::ISR, u32::MAX, u32::MAX, &mut cx(&mut fx));
            assert_eq!(rtc.read(rtc_f0::ISR, &mut cx(&mut fx)), 0x87, "{part}: INIT alone");
            assert_eq!(fx.notes.iter().map(|n| &*n.text).collect::<Vec<_>>(), [CALENDAR], "{part}");
            fx.notes.clear();
            rtc.write(rtc_f0::ISR, !(RSF | INIT), u32::MAX, &mut cx(&mut fx));
            assert_eq!(rtc.read(rtc_f0::ISR, &mut cx(&mut fx)), 0x07, "{part}");
            assert_eq!(fx.notes.iter().map(|n| &*n.text).collect::<Vec<_>>(), [COPIED], "{part}");
        }
    }

    #[test]
    fn the_rtc_takes_stores_between_its_key_and_a_wrong_one() {
        for (description, part) in [(&RTC_F0, "F051"), (&RTC_G0, "G071")] {
            let mut fx = Effects::default();
            let mut rtc = block(description, part, "RTC");
            let mut store = |rtc: &mut Plain, offset, value| {
                rtc.write(offset, value, u32::MAX, &mut cx(&mut fx));
                rtc.read(rtc_f0::PRER, &mut cx(&mut fx))
            };
            let shut = rtc_f0::resets::PRER;
            store(&mut rtc, rtc_f0::WPR, KEYS[1]);
            store(&mut rtc, rtc_f0::WPR, KEYS[0]);
            assert_eq!(store(&mut rtc, rtc_f0::PRER, 7), shut, "{part}: half a key");
            store(&mut rtc, rtc_f0::WPR, KEYS[1]);
            assert_eq!(store(&mut rtc, rtc_f0::PRER, 7), 7, "{part}");
            rtc.reset(ResetCause::Software);
            assert_eq!(store(&mut rtc, rtc_f0::PRER, 8), 8, "{part}: a system reset leaves it open");
            store(&mut rtc, rtc_f0::WPR, 0xFF);
            assert_eq!(store(&mut rtc, rtc_f0::PRER, 9), 8, "{part}: shut again");
            assert!(fx.notes.iter().all(|n| n.as_on_the_chip) && !fx.notes.is_empty(), "{part}");
        }
    }

    #[test]
    fn what_is_not_modelled_is_told() {
        let mut fx = Effects::default();
        let mut spi = Plain::unmodelled("SPI1");
        spi.read(0, &mut cx(&mut fx));
        spi.write(4, 1, u32::MAX, &mut cx(&mut fx));
        assert_eq!(fx.notes.len(), 2);
        assert_eq!(fx.notes[1].address, 0x4000_0004);
    }

    /// What registers read once all ones were stored.
    fn kept(mut block: Plain, offsets: &[u32]) -> Vec<u32> {
        let mut fx = Effects::default();
        let mut keep = |offset: &u32| {
            block.write(*offset, u32::MAX, u32::MAX, &mut cx(&mut fx));
            block.read(*offset, &mut cx(&mut fx))
        };
        offsets.iter().map(&mut keep).collect()
    }

    #[test]
    fn pwr_of_each_part() {
        assert_eq!(kept(block(&PWR_F0, "F051", "PWR"), &[0, 4]), [0x1F3, 0x300]);
        for (part, cr3, cr4) in [("G071", 0x873B, 0x33B), ("G031", 0x872B, 0x32B)] {
            let pwr = block(&PWR_G0, part, "PWR");
            assert_eq!(pwr.clone().read(0, &mut cx(&mut Effects::default())), 0x208);
            assert_eq!(kept(pwr, &[0, 4, 8, 12]), [0x473F, 0x7F, cr3, cr4], "{part}");
        }
    }
}
