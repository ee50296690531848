//! Blocks of which only the registers are kept: they read back what was written, and say where that is not enough.

use super::{Clocks, Context, Forecast, Peripheral, masked};
use crate::bus::ResetCause;
use crate::part::Kind;
use crate::time::Now;

/// A register that is kept: offset, reset value, writable bits.
type Kept = (u32, u32, u32);

/// What a kind of block keeps, and which written bits start something that is not modelled.
struct Description {
    kept: &'static [Kept],
    /// Offset, bits, and what does not happen.
    starts: &'static [(u32, u32, &'static str)],
    /// Registers that only power clears (backup domain).
    backup: std::ops::Range<u32>,
}

const ALL: u32 = u32::MAX;

const PWR_F0: Description = Description { kept: &[(0, 0, 0x1FF), (4, 0, 0x700)], starts: &[], backup: 0..0 };
const PWR_G0: Description = Description {
    kept: &[
        (0x00, 0x208, 0x475F),
        (0x04, 0, 0x1FF),
        (0x08, 0x8000, 0x8437),
        (0x0C, 0, 0x33F),
        (0x10, 0, 0),
        (0x14, 0, 0),
        (0x20, 0, 0xFFFF),
        (0x24, 0, 0xFFFF),
        (0x28, 0, 0xFFFF),
        (0x2C, 0, 0xFFFF),
        (0x30, 0, 0xFFFF),
        (0x34, 0, 0xFFFF),
        (0x38, 0, 0xFFFF),
        (0x3C, 0, 0xFFFF),
        (0x48, 0, 0xFFFF),
        (0x4C, 0, 0xFFFF),
    ],
    starts: &[],
    backup: 0..0,
};
const RTC: Description = Description {
    kept: &[
        (0x00, 0, 0x007F_7F7F),
        (0x04, 0x2101, 0x00FF_FF3F),
        (0x08, 0, ALL),
        (0x0C, 7, 0x0001_7F9F),
        (0x10, 0x007F_00FF, ALL),
        (0x14, 0xFFFF, ALL),
        (0x1C, 0, ALL),
        (0x40, 0, ALL),
        (0x44, 0, ALL),
        (0x50, 0, ALL),
        (0x54, 0, ALL),
        (0x58, 0, ALL),
        (0x5C, 0, ALL),
        (0x60, 0, ALL),
    ],
    starts: &[(0x0C, 0x80, "the RTC is to be set: it does not count, and INITF does not come")],
    backup: 0..0x400,
};
const TAMP: Description = Description {
    kept: &[
        (0x00, 0xFFFF_0000, ALL),
        (0x04, 0, ALL),
        (0x0C, 0, ALL),
        (0x2C, 0, ALL),
        (0x100, 0, ALL),
        (0x104, 0, ALL),
        (0x108, 0, ALL),
        (0x10C, 0, ALL),
        (0x110, 0, ALL),
    ],
    starts: &[],
    backup: 0..0x400,
};

/// A block that keeps registers.
#[derive(Clone, Debug)]
pub struct Plain {
    kind: Kind,
    name: String,
    values: Vec<(u32, u32)>,
}

impl Plain {
    /// A block of this kind, as after power-on.
    pub fn new(kind: Kind, family: crate::part::Family, name: &str) -> Plain {
        let values: Vec<(u32, u32)> = match Self::describe(kind, family) {
            Some(d) => d.kept.iter().map(|(offset, reset, _)| (*offset, *reset)).collect(),
            None => Vec::new(),
        };
        Plain { kind, name: name.to_owned(), values }
    }

    fn describe(kind: Kind, family: crate::part::Family) -> Option<&'static Description> {
        use crate::part::Family;
        Some(match (kind, family) {
            (Kind::Pwr, Family::F0) => &PWR_F0,
            (Kind::Pwr, Family::G0) => &PWR_G0,
            (Kind::Rtc, _) => &RTC,
            (Kind::Tamp, _) => &TAMP,
            _ => return None,
        })
    }

    fn family(&self) -> crate::part::Family {
        // Only PWR differs, and its block on the G0 keeps more registers.
        if self.values.len() > 2 { crate::part::Family::G0 } else { crate::part::Family::F0 }
    }

    /// Clears what only power clears.
    pub fn clear_backup(&mut self) {
        if Self::describe(self.kind, self.family()).is_some_and(|d| !d.backup.is_empty()) {
            self.reset(ResetCause::PowerOn);
        }
    }

    fn slot(&mut self, offset: u32) -> Option<&mut u32> {
        self.values.iter_mut().find(|(o, _)| *o == offset).map(|(_, v)| v)
    }
}

impl Peripheral for Plain {
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32 {
        match self.slot(offset) {
            Some(value) => *value,
            None => {
                if self.kind == Kind::Unmodelled {
                    let text = format!("{} is not modelled: reads 0", self.name);
                    cx.unmodelled(offset, &text);
                }
                0
            }
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        let description = Self::describe(self.kind, self.family());
        let writable = description
            .and_then(|d| d.kept.iter().find(|(o, ..)| *o == offset))
            .map_or(ALL, |(_, _, writable)| *writable);
        if let Some(slot) = self.slot(offset) {
            *slot = masked(*slot, value, mask & writable);
        }
        let starts = description.map_or(&[][..], |d| d.starts);
        for (_, _, text) in starts.iter().filter(|(o, bits, _)| *o == offset && value & mask & bits != 0) {
            cx.unmodelled(offset, text);
        }
        if self.kind == Kind::Unmodelled {
            let text = format!("{} is not modelled: the write is dropped", self.name);
            cx.unmodelled(offset, &text);
        }
    }

    fn reset(&mut self, cause: ResetCause) {
        let Some(description) = Self::describe(self.kind, self.family()) else {
            self.values.iter_mut().for_each(|(_, v)| *v = 0);
            return;
        };
        for (offset, reset, _) in description.kept {
            if cause != ResetCause::PowerOn && description.backup.contains(offset) {
                continue;
            }
            if let Some(slot) = self.slot(*offset) {
                *slot = *reset;
            }
        }
    }

    fn forecast(&self, _: u32, _: Now, _: &Clocks) -> Forecast {
        if self.kind == Kind::Unmodelled { Forecast::Unknown } else { Forecast::Constant }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Effects;
    use crate::part::Family;

    fn cx(fx: &mut Effects) -> Context<'_> {
        Context { now: Now::default(), clocks: Clocks::new(1, 0, 1), base: 0x4000_0000, fx }
    }

    #[test]
    fn backup_registers_outlive_a_system_reset() {
        let mut fx = Effects::default();
        let mut rtc = Plain::new(Kind::Rtc, Family::F0, "RTC");
        rtc.write(0x50, 0xCAFE, ALL, &mut cx(&mut fx));
        rtc.reset(ResetCause::Software);
        assert_eq!(rtc.read(0x50, &mut cx(&mut fx)), 0xCAFE);
        rtc.reset(ResetCause::PowerOn);
        assert_eq!(rtc.read(0x50, &mut cx(&mut fx)), 0);
    }

    #[test]
    fn what_is_not_modelled_is_told() {
        let mut fx = Effects::default();
        let mut spi = Plain::new(Kind::Unmodelled, Family::F0, "SPI1");
        spi.read(0, &mut cx(&mut fx));
        spi.write(4, 1, ALL, &mut cx(&mut fx));
        assert_eq!(fx.notes.len(), 2);
        assert_eq!(fx.notes[1].address, 0x4000_0004);
    }

    #[test]
    fn pwr_of_both_families() {
        let mut fx = Effects::default();
        let mut g0 = Plain::new(Kind::Pwr, Family::G0, "PWR");
        assert_eq!(g0.read(0, &mut cx(&mut fx)), 0x208);
        g0.write(0, 0xFFFF_FFFF, ALL, &mut cx(&mut fx));
        assert_eq!(g0.read(0, &mut cx(&mut fx)), 0x475F);
        let mut f0 = Plain::new(Kind::Pwr, Family::F0, "PWR");
        assert_eq!(f0.read(0, &mut cx(&mut fx)), 0);
    }
}
