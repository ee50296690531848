//! The CRC calculation unit (RM0091 chapter 12, RM0444 chapter 16). The F0's polynomial is fixed, the G0's is not.

use super::registers::registers;
use super::{Clocks, Context, Forecast, Peripheral, masked};
use crate::bus::ResetCause;
use crate::time::Now;

const RESET: u32 = 1 << 0;
const REV_OUT: u32 = 1 << 7;

/// Which unit it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// The F0's: one polynomial, of 32 bits.
    F0,
    /// The G0's: any of 7, 8, 16 or 32 bits.
    G0,
}

registers! {
    /// RM0091 12.4.
    pub mod f0 {
        0x00 DR   x  0xFFFF_FFFF 0xFFFF_FFFF;
        0x04 IDR  rw 0x0000_0000 0x0000_00FF;
        0x08 CR   rw 0x0000_0000 0x0000_00E0;
        0x10 INIT rw 0xFFFF_FFFF 0xFFFF_FFFF;
        0x14 POL  r  0x04C1_1DB7 0x0000_0000;
        reserved 0x0C..0x10;
        reserved 0x18..0x400;
    }
}

registers! {
    /// RM0444 16.4.
    pub mod g0 {
        0x00 DR   x  0xFFFF_FFFF 0xFFFF_FFFF;
        0x04 IDR  rw 0x0000_0000 0xFFFF_FFFF;
        0x08 CR   rw 0x0000_0000 0x0000_00F8;
        0x10 INIT rw 0xFFFF_FFFF 0xFFFF_FFFF;
        0x14 POL  rw 0x04C1_1DB7 0xFFFF_FFFF;
        reserved 0x0C..0x10;
        reserved 0x18..0x400;
    }
}
/// The offsets are the same on both.
use f0 as reg;
use reg::resets;

/// The unit.
#[derive(Clone, Debug)]
pub struct Crc {
    model: Model,
    crc: u32,
    idr: u32,
    cr: u32,
    init: u32,
    polynomial: u32,
}

impl Crc {
    /// As after reset.
    pub const fn new(model: Model) -> Crc {
        Crc { model, crc: resets::DR, idr: resets::IDR, cr: resets::CR, init: resets::INIT, polynomial: resets::POL }
    }

    /// POLYSIZE in bits.
    const fn size(&self) -> u32 {
        match self.cr >> 3 & 3 {
            0 => 32,
            1 => 16,
            2 => 8,
            _ => 7,
        }
    }

    /// `data` of `bits` with REV_IN applied: over bytes, half-words, or the whole (12.4.3).
    fn turned(&self, data: u32, bits: u32) -> u32 {
        let group = match self.cr >> 5 & 3 {
            0 => return data,
            1 => 8,
            2 => bits.min(16),
            _ => bits,
        };
        let reversed = |part: u32| part.reverse_bits() >> (32 - group);
        let mask = u32::MAX >> (32 - group);
        (0..bits / group).fold(0, |v, n| v | reversed(data >> (n * group) & mask) << (n * group))
    }

    fn feed(&mut self, data: u32, bits: u32) {
        let (size, data) = (self.size(), self.turned(data, bits));
        let mask = u32::MAX >> (32 - size);
        for n in (0..bits).rev() {
            let out = (self.crc >> (size - 1) ^ data >> n) & 1;
            self.crc = (self.crc << 1 ^ if out != 0 { self.polynomial } else { 0 }) & mask;
        }
    }
}

impl Peripheral for Crc {
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32 {
        match offset {
            reg::DR if self.cr & REV_OUT != 0 => self.crc.reverse_bits() >> (32 - self.size()),
            reg::DR => self.crc,
            reg::IDR => self.idr,
            reg::CR => self.cr,
            reg::INIT => self.init,
            reg::POL => self.polynomial,
            _ => cx.other_load(offset, &reg::MAP),
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        let (idr, cr, polynomial) = match self.model {
            Model::F0 => (f0::writes::IDR, f0::writes::CR, f0::writes::POL),
            Model::G0 => (g0::writes::IDR, g0::writes::CR, g0::writes::POL),
        };
        match offset {
            // The width of the store is the width of the data.
            reg::DR => {
                let first = mask.trailing_zeros().min(31);
                self.feed((value & mask) >> first, mask.count_ones().clamp(8, 32));
            }
            reg::IDR => self.idr = masked(self.idr, value, mask & idr),
            reg::CR => {
                // POLYSIZE is the G0's alone; RESET clears itself.
                self.cr = masked(self.cr, value, mask & cr);
                if value & mask & RESET != 0 {
                    self.crc = self.init & (u32::MAX >> (32 - self.size()));
                }
            }
            reg::INIT => self.init = masked(self.init, value, mask),
            reg::POL => self.polynomial = masked(self.polynomial, value, mask & polynomial),
            _ => cx.other_store(offset, &reg::MAP),
        }
    }

    fn reset(&mut self, _: ResetCause) {
        *self = Crc::new(self.model);
    }

    fn forecast(&self, _: u32, _: Now, _: &Clocks) -> Forecast {
        Forecast::Constant
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Effects;
    use crate::periph::check::{at, clocks, read, write};

    fn bytes(crc: &mut Crc, text: &[u8]) {
        let mut fx = Effects::default();
        for byte in text {
            let mut cx = Context { now: at(0), clocks: clocks(0), base: 0, fx: &mut fx };
            crc.write(0, u32::from(*byte), 0xFF, &mut cx);
        }
    }

    #[test]
    fn words_and_bytes_of_both_families() {
        for model in [Model::F0, Model::G0] {
            let mut crc = Crc::new(model);
            write(&mut crc, reg::DR, 0x1234_5678, 0, clocks(0));
            assert_eq!(read(&mut crc, reg::DR, 0, clocks(0)), 0xDF8A_8A2B);
            // The check value of CRC-32: bits turned on both sides, the result inverted.
            write(&mut crc, reg::CR, 0xA1, 0, clocks(0));
            assert_eq!(read(&mut crc, reg::CR, 0, clocks(0)), 0xA0);
            bytes(&mut crc, b"123456789");
            assert_eq!(!read(&mut crc, reg::DR, 0, clocks(0)), 0xCBF4_3926);
        }
    }

    #[test]
    fn the_g0_takes_shorter_polynomials() {
        // CRC-16/XMODEM.
        let mut crc = Crc::new(Model::G0);
        for (offset, value) in [(reg::POL, 0x1021), (reg::INIT, 0), (reg::CR, 0x09)] {
            write(&mut crc, offset, value, 0, clocks(0));
        }
        bytes(&mut crc, b"123456789");
        assert_eq!(read(&mut crc, reg::DR, 0, clocks(0)), 0x31C3);
        let mut f0 = Crc::new(Model::F0);
        write(&mut f0, 0x14, 0x1021, 0, clocks(0));
        assert_eq!(read(&mut f0, 0x14, 0, clocks(0)), resets::POL);
    }
}
