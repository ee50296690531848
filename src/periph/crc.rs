//! The CRC calculation unit (RM0091 chapter 12, RM0444 chapter 16). The F0's polynomial is fixed, the G0's is not.

use super::{Clocks, Context, Forecast, Peripheral, masked};
use crate::bus::ResetCause;
use crate::part::Family;
use crate::time::Now;

const RESET: u32 = 1 << 0;
const REV_OUT: u32 = 1 << 7;
const ETHERNET: u32 = 0x04C1_1DB7;

/// The unit.
#[derive(Clone, Debug)]
pub struct Crc {
    family: Family,
    crc: u32,
    idr: u32,
    cr: u32,
    init: u32,
    polynomial: u32,
}

impl Crc {
    /// As after reset.
    pub const fn new(family: Family) -> Crc {
        Crc { family, crc: u32::MAX, idr: 0, cr: 0, init: u32::MAX, polynomial: ETHERNET }
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
    fn read(&mut self, offset: u32, _: &mut Context<'_>) -> u32 {
        match offset {
            0x00 if self.cr & REV_OUT != 0 => self.crc.reverse_bits() >> (32 - self.size()),
            0x00 => self.crc,
            0x04 => self.idr,
            0x08 => self.cr,
            0x10 => self.init,
            0x14 => self.polynomial,
            _ => 0,
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, _: &mut Context<'_>) {
        match offset {
            // The width of the store is the width of the data.
            0x00 => {
                let first = mask.trailing_zeros().min(31);
                self.feed((value & mask) >> first, mask.count_ones().clamp(8, 32));
            }
            0x04 => self.idr = masked(self.idr, value, mask & if self.family == Family::F0 { 0xFF } else { u32::MAX }),
            0x08 => {
                // POLYSIZE is the G0's alone; RESET clears itself.
                let writable = if self.family == Family::F0 { 0xE0 } else { 0xF8 };
                self.cr = masked(self.cr, value, mask & writable);
                if value & mask & RESET != 0 {
                    self.crc = self.init & (u32::MAX >> (32 - self.size()));
                }
            }
            0x10 => self.init = masked(self.init, value, mask),
            0x14 if self.family == Family::G0 => self.polynomial = masked(self.polynomial, value, mask),
            _ => {}
        }
    }

    fn reset(&mut self, _: ResetCause) {
        *self = Crc::new(self.family);
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
        for family in [Family::F0, Family::G0] {
            let mut crc = Crc::new(family);
            write(&mut crc, 0, 0x1234_5678, 0, clocks(0));
            assert_eq!(read(&mut crc, 0, 0, clocks(0)), 0xDF8A_8A2B);
            // The check value of CRC-32: bits turned on both sides, the result inverted.
            write(&mut crc, 8, 0xA1, 0, clocks(0));
            assert_eq!(read(&mut crc, 8, 0, clocks(0)), 0xA0);
            bytes(&mut crc, b"123456789");
            assert_eq!(!read(&mut crc, 0, 0, clocks(0)), 0xCBF4_3926);
        }
    }

    #[test]
    fn the_g0_takes_shorter_polynomials() {
        // CRC-16/XMODEM.
        let mut crc = Crc::new(Family::G0);
        for (offset, value) in [(0x14, 0x1021), (0x10, 0), (8, 0x09)] {
            write(&mut crc, offset, value, 0, clocks(0));
        }
        bytes(&mut crc, b"123456789");
        assert_eq!(read(&mut crc, 0, 0, clocks(0)), 0x31C3);
        let mut f0 = Crc::new(Family::F0);
        write(&mut f0, 0x14, 0x1021, 0, clocks(0));
        assert_eq!(read(&mut f0, 0x14, 0, clocks(0)), ETHERNET);
    }
}
