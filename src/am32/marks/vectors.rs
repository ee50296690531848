//! The vector table: the first two words, and which of its entries are used.

use super::View;
use crate::am32::layout::Mcu;

/// The first two words of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Vectors {
    /// Where they stand.
    pub address: u32,
    /// The stack pointer.
    pub sp: u32,
    /// The reset vector, with its Thumb bit.
    pub pc: u32,
}

impl Vectors {
    /// Whether code could start like this: a stack in SRAM and an odd reset vector in low flash.
    ///
    /// The limits are the MCUs' own at their widest, so that a stranger's image counts as well.
    pub fn plausible(&self) -> bool {
        let sp = self.sp.wrapping_sub(0x2000_0000);
        let offset = self.pc.wrapping_sub(0x0800_0000);
        sp != 0 && sp <= 0x4_0000 && self.sp.is_multiple_of(4) && self.pc & 1 == 1 && offset < 0x8_0000
    }

    /// Distance of the reset vector from the start of flash.
    pub const fn offset(&self) -> u32 {
        self.pc.wrapping_sub(0x0800_0000)
    }
}

/// The first two words at `at`.
pub fn vectors(view: &View, at: u32) -> Option<Vectors> {
    Some(Vectors { address: at, sp: view.word(at)?, pc: view.word(at.checked_add(4)?)? })
}

/// Which entries from 1 on the MCU's start-up file fills ('1') and which it leaves zero ('0'). Read from the
/// start-up files of AM32 and seen in every release bootloader; no two are alike.
const SHAPES: &[(Mcu, &str)] = &[
    (Mcu::F031, "1110000000100111111111101111111100101110101000"),
    (Mcu::F051, "1110000000100111111111111111111110111111111101"),
    (Mcu::G031, "1110000000100111111111101111111111101111111110"),
    (Mcu::G071, "1110000000100111111111111111111111111111111111"),
    (Mcu::E230, "1110000000100111111111101111110110111111111100"),
    (Mcu::F350, "1111110000110111111111111111111110111111111101"),
    (Mcu::F421, "1111110000110111111111101111110110111111111100"),
    (Mcu::F415, "1111110000110111111111111111111111111111111111"),
    (Mcu::G431, "1111110000110111111111111111111101111111111111"),
    (Mcu::L431, "1111110000110111111111111111111111111111111100"),
];

/// The MCU whose start-up file leaves the same entries of the vector table at `at` empty.
///
/// A table that any other file made fits none, or by a rare chance another's: it supports, it does not decide.
pub fn shape(view: &View, at: u32) -> Option<Mcu> {
    let entries = SHAPES[0].1.len() as u32;
    let table = view.bytes(at.checked_add(4)?, entries * 4)?;
    let mut shape = Vec::with_capacity(entries as usize);
    for entry in table.chunks_exact(4) {
        let word = entry.iter().rev().fold(0u32, |w, b| w << 8 | u32::from(*b));
        match word {
            0 => shape.push(b'0'),
            w if w & 1 == 1 && w.wrapping_sub(0x0800_0000) < 0x8_0000 => shape.push(b'1'),
            _ => return None,
        }
    }
    SHAPES.iter().find(|(_, s)| s.as_bytes() == shape).map(|(mcu, _)| *mcu)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Image;

    fn table(shape: &str) -> Vec<u8> {
        let entries = shape.bytes().map(|b| if b == b'1' { 0x0800_0201u32 } else { 0 });
        std::iter::once(0x2000_1000).chain(entries).flat_map(u32::to_le_bytes).collect()
    }

    #[test]
    fn shapes_are_all_different_and_found() {
        for (mcu, text) in SHAPES {
            let image = Image::parse("a.bin", &table(text), None).unwrap();
            assert_eq!(shape(&View::at(&image, 0x0800_0000), 0x0800_0000), Some(*mcu));
        }
        let image = Image::parse("a.bin", &table(&"1".repeat(20)), None).unwrap();
        assert_eq!(shape(&View::new(&image), 0), None, "too short");
        let image = Image::parse("a.bin", &table(&"10".repeat(23)), None).unwrap();
        assert_eq!(shape(&View::new(&image), 0), None);
    }

    #[test]
    fn what_code_could_start_with() {
        let v = |sp, pc| Vectors { address: 0, sp, pc }.plausible();
        assert!(v(0x2000_1000, 0x0800_0221) && v(0x2000_9000, 0x0801_0001));
        assert!(!v(0x2000_1000, 0x0800_0220), "even");
        assert!(!v(0, 0) && !v(u32::MAX, u32::MAX) && !v(0x2000_0000, 0x0800_0221));
        let image = Image::parse("a.bin", &[1; 8], Some(0xFFFF_FFF8)).unwrap();
        assert!(vectors(&View::new(&image), 0xFFFF_FFF8).is_some());
        assert!(vectors(&View::new(&image), 0xFFFF_FFFC).is_none());
        assert!(vectors(&View::at(&image, u32::MAX), u32::MAX).is_none());
    }
}
