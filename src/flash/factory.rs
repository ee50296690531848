//! What outlives power-off, and the door for stating it before power-on.
//!
//! Scenarios and tests use [`Factory`] to say how the chip left the hand of whoever had it before. Nothing else
//! sets cells or option bytes past the controller.

use super::Controller;
use super::cells::{Cells, DOUBLE_WORD, Mark, PROGRAMMED};
use super::driver::Level;
use crate::part::{Family, OptionBytes, Protects};
use serde::{Deserialize, Serialize};

/// What outlives power-off: cells, wear, marks, option bytes, OTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NonVolatile {
    /// The family, which decides how the option bytes are laid out.
    pub family: Family,
    /// First address of main flash.
    pub base: u32,
    /// Main flash.
    #[serde(with = "base64_bytes")]
    pub bytes: Vec<u8>,
    /// Erases of each page.
    pub wear: Vec<u32>,
    /// One mark a double word (G0): 1 programmed, 2 one bad bit, 4 two bad bits.
    #[serde(with = "base64_bytes")]
    pub marks: Vec<u8>,
    /// First address of the option bytes.
    pub option_base: u32,
    /// The option area as stored, complements included.
    #[serde(with = "base64_bytes")]
    pub options: Vec<u8>,
    /// First address of OTP.
    pub otp_base: u32,
    /// OTP; empty where there is none.
    #[serde(with = "base64_bytes")]
    pub otp: Vec<u8>,
    /// One mark a double word of OTP.
    #[serde(with = "base64_bytes")]
    pub otp_marks: Vec<u8>,
}

impl NonVolatile {
    /// A digest of flash, marks, option bytes and OTP; wear is left out. 16 hexadecimal digits.
    pub fn digest(&self) -> String {
        let all = [&self.bytes, &self.marks, &self.options, &self.otp, &self.otp_marks].map(|b| b.as_slice()).concat();
        format!("{:016x}", crate::digest::fnv1a(&all))
    }
}

/// Why a factory condition cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactoryError {
    /// Bytes outside main flash and OTP.
    #[error("{len} bytes at 0x{address:08X} do not lie in flash")]
    Outside {
        /// First address.
        address: u32,
        /// How many.
        len: usize,
    },
    /// An address that holds no option byte or register.
    #[error("0x{address:08X} is no option byte of this part")]
    NoOption {
        /// The address as given.
        address: u32,
    },
    /// There is no such level.
    #[error("there is no read-protection level {0}")]
    Level(u8),
    /// Pages that cannot be write-protected as asked.
    #[error("pages {first} to {last} cannot be write-protected: {reason}")]
    Pages {
        /// First page.
        first: u32,
        /// Last page.
        last: u32,
        /// Why.
        reason: &'static str,
    },
    /// The state is of another part.
    #[error("the state is of another part")]
    OtherPart,
}

/// A condition under construction: changes to what a controller holds, put into force all at once.
#[derive(Clone, Debug)]
pub struct Factory {
    non_volatile: NonVolatile,
    layout: OptionBytes,
    page: u32,
    wrp_pages: u32,
}

impl Factory {
    /// Starts from what `controller` holds. `wrp_pages` is the part's write-protection unit.
    pub fn of(controller: &dyn Controller, wrp_pages: u32) -> Factory {
        Factory {
            non_volatile: controller.non_volatile(),
            layout: controller.option_layout().clone(),
            page: controller.cells().page_size(),
            wrp_pages: wrp_pages.max(1),
        }
    }

    /// Bytes in main flash or OTP. Double words that are not all ones count as programmed.
    ///
    /// # Errors
    /// Where they do not fit.
    pub fn cells(mut self, address: u32, bytes: &[u8]) -> Result<Factory, FactoryError> {
        let l = &mut self.non_volatile;
        let outside = FactoryError::Outside { address, len: bytes.len() };
        let (base, area, marks) = if address >= l.base && (address - l.base) as usize <= l.bytes.len() {
            (l.base, &mut l.bytes, &mut l.marks)
        } else if !l.otp.is_empty() && address >= l.otp_base {
            (l.otp_base, &mut l.otp, &mut l.otp_marks)
        } else {
            return Err(outside);
        };
        let start = (address - base) as usize;
        area.get_mut(start..start.saturating_add(bytes.len())).ok_or(outside)?.copy_from_slice(bytes);
        let unit = DOUBLE_WORD as usize;
        for index in start / unit..(start + bytes.len()).div_ceil(unit) {
            let blank = area.iter().skip(index * unit).take(unit).all(|b| *b == 0xFF);
            if let Some(mark) = marks.get_mut(index) {
                *mark = if blank { 0 } else { PROGRAMMED };
            }
        }
        Ok(self)
    }

    /// The mark of a double word (G0): as of [`NonVolatile::marks`].
    ///
    /// # Errors
    /// Outside of main flash.
    pub fn mark(mut self, address: u32, mark: Mark) -> Result<Factory, FactoryError> {
        let index = (address.wrapping_sub(self.non_volatile.base) / DOUBLE_WORD) as usize;
        *self.non_volatile.marks.get_mut(index).ok_or(FactoryError::Outside { address, len: 8 })? = mark;
        Ok(self)
    }

    /// Bytes of the option area exactly as stored, complements as given.
    ///
    /// # Errors
    /// Outside of the option area.
    pub fn option_raw(mut self, address: u32, bytes: &[u8]) -> Result<Factory, FactoryError> {
        let start = address.wrapping_sub(self.non_volatile.option_base) as usize;
        let end = start.saturating_add(bytes.len());
        let area = self.non_volatile.options.get_mut(start..end).ok_or(FactoryError::NoOption { address })?;
        area.copy_from_slice(bytes);
        Ok(self)
    }

    /// An option byte (F0: one byte at an even address) or word (G0: at a multiple of 8), complemented as the
    /// hardware does.
    ///
    /// # Errors
    /// Outside of the option area, or not at its start.
    pub fn option(self, address: u32, value: u32) -> Result<Factory, FactoryError> {
        let width = self.layout.width.clamp(1, 4) as usize;
        if !address.is_multiple_of(2 * width as u32) {
            return Err(FactoryError::NoOption { address });
        }
        let both = [&value.to_le_bytes()[..width], &(!value).to_le_bytes()[..width]].concat();
        self.option_raw(address, &both)
    }

    /// The value at an offset.
    fn value(&self, offset: u32) -> u32 {
        let byte = |at: u32| u32::from(self.non_volatile.options.get(at as usize).copied().unwrap_or(0xFF));
        (0..self.layout.width.min(4)).map(|i| byte(offset + i) << (8 * i)).sum()
    }

    /// The read-protection level.
    ///
    /// # Errors
    /// For levels above 2.
    pub fn rdp(self, level: u8) -> Result<Factory, FactoryError> {
        let byte = Level::of(level).ok_or(FactoryError::Level(level))?.byte();
        let (base, first) = (self.non_volatile.option_base, self.value(0));
        self.option(base, (first & !0xFF) | u32::from(byte))
    }

    /// Takes all write protection off.
    ///
    /// # Errors
    /// None on a part that has write protection.
    pub fn no_wrp(self) -> Result<Factory, FactoryError> {
        let base = self.non_volatile.option_base;
        let words = self.layout.protecting();
        words.iter().try_fold(self, |this, (word, protects)| {
            let none = match protects {
                Protects::Sectors => 0xFF,
                // The start behind the end.
                Protects::Pages => 0x00FF,
            };
            this.option(base + word.offset, none)
        })
    }

    /// Write-protects the pages `first` to `last`; on an F0 whole sectors, on a G0 the next free one of the two
    /// areas.
    ///
    /// # Errors
    /// Where sectors do not fit, or both areas are taken.
    pub fn wrp(self, first: u32, last: u32) -> Result<Factory, FactoryError> {
        let refused = |reason| FactoryError::Pages { first, last, reason };
        let pages = self.non_volatile.bytes.len() as u32 / self.page.max(1);
        if first > last || last >= pages {
            return Err(refused("there are no such pages"));
        }
        let base = self.non_volatile.option_base;
        let words = self.layout.protecting();
        if let Some((_, Protects::Pages)) = words.first() {
            let free = |value: u32| value & 0xFF > value >> 16 & 0xFF;
            let area = words.iter().find(|(word, _)| free(self.value(word.offset)));
            let (area, _) = area.ok_or(refused("both areas are taken"))?;
            return self.option(base + area.offset, first | last << 16);
        }
        if !first.is_multiple_of(self.wrp_pages) || !(last + 1).is_multiple_of(self.wrp_pages) {
            return Err(refused("protection goes by whole sectors"));
        }
        let mut this = self;
        for sector in first / this.wrp_pages..=last / this.wrp_pages {
            let (word, _) = words.get(sector as usize / 8).ok_or(refused("there are no such sectors"))?;
            let bits = this.value(word.offset) & !(1 << (sector % 8));
            this = this.option(base + word.offset, bits)?;
        }
        Ok(this)
    }

    /// The condition.
    pub fn non_volatile(self) -> NonVolatile {
        self.non_volatile
    }

    /// Puts it into force: the chip is powered on with it.
    ///
    /// # Errors
    /// Where `controller` is of another part.
    pub fn install(self, controller: &mut dyn Controller) -> Result<(), FactoryError> {
        controller.install(&self.non_volatile)
    }
}

impl Cells {
    /// Takes over bytes, wear and marks.
    pub(super) fn install(&mut self, non_volatile: &NonVolatile) -> Result<(), FactoryError> {
        let fits = non_volatile.base == self.base()
            && non_volatile.bytes.len() == self.size() as usize
            && non_volatile.wear.len() == self.all_wear().len()
            && non_volatile.marks.len() == self.all_marks().len();
        if !fits {
            return Err(FactoryError::OtherPart);
        }
        self.force(self.base(), &non_volatile.bytes);
        for (page, wear) in (0..).zip(&non_volatile.wear) {
            self.set_wear(page, *wear);
        }
        for (i, mark) in (0..).zip(&non_volatile.marks) {
            self.set_mark(self.base() + i * DOUBLE_WORD, *mark);
        }
        Ok(())
    }
}

mod base64_bytes {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(d)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flash::for_part;
    use crate::part;

    fn factory(name: &str) -> Factory {
        let part = part::find(name).unwrap();
        Factory::of(for_part(&part).as_ref(), part.flash.wrp_pages)
    }

    #[test]
    fn what_lasts_survives_a_file() {
        let part = part::find("G031").unwrap();
        let mut chip = for_part(&part);
        let bytes: Vec<u8> = (0..=255).collect();
        let made = factory("G031").cells(0x0800_0800, &bytes).unwrap().cells(0x1FFF_7008, &[1, 2]).unwrap();
        let made = made.mark(0x0800_0800, PROGRAMMED | 4).unwrap().wrp(3, 4).unwrap().rdp(1).unwrap();
        made.clone().install(chip.as_mut()).unwrap();
        let text = serde_json::to_string(&chip.non_volatile()).unwrap();
        let read: NonVolatile = serde_json::from_str(&text).unwrap();
        assert_eq!(read, made.non_volatile());
        let mut other = for_part(&part);
        other.install(&read).unwrap();
        assert_eq!((other.non_volatile(), other.cells().flawed(), other.rdp_level()), (read, 1, 1));
        assert!(other.protected(3) && other.protected(4) && !other.protected(5));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let f = || factory("F051");
        assert_eq!(
            f().cells(0x0800_7FFF, &[1, 2]).unwrap_err(),
            FactoryError::Outside { address: 0x0800_7FFF, len: 2 }
        );
        assert!(f().cells(0x0800_7FFF, &[1]).is_ok() && f().cells(0, &[1]).is_err());
        assert_eq!(f().rdp(3).unwrap_err(), FactoryError::Level(3));
        assert!(f().wrp(0, 2).is_err() && f().wrp(3, 0).is_err() && f().wrp(28, 35).is_err());
        assert!(f().option(0x1FFF_F801, 0).is_err() && f().option(0x1FFF_F810, 0).is_err());
        let g = || factory("G071").wrp(0, 1).unwrap().wrp(5, 6).unwrap();
        assert_eq!(
            g().wrp(8, 9).unwrap_err().to_string(),
            "pages 8 to 9 cannot be write-protected: both areas are taken"
        );
        let mut chip = for_part(&part::find("F031").unwrap());
        assert_eq!(g().install(chip.as_mut()), Err(FactoryError::OtherPart));
        let mut chip = for_part(&part::find("STM32F051K8").unwrap());
        assert_eq!(f().install(chip.as_mut()), Err(FactoryError::OtherPart));
    }
}
