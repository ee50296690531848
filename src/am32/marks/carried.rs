//! A bootloader that an app carries: what makes a bootloader updater of it, whatever its file is called.
//!
//! The updater (AM32-bootloader, bl_update/main.c) holds the whole bootloader as data. It shows by its vector table,
//! whose entries lie in the bootloader's area, where no app's do; or by the magic words with device bytes behind them
//! (apps hold the words too, to compare with, but never the bytes).

use super::bootloader::{BootloaderMarks, bootloader, device_bytes_after_magic};
use super::{View, shape};
use crate::am32::layout::{FLASH_BASE, Mcu};
use crate::image::Image;

/// The bootloader inside an updater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Carried {
    /// Where its first byte stands, counted from the image's own first byte.
    pub offset: u32,
    /// What it tells about itself, at the addresses where it will stand.
    pub marks: BootloaderMarks,
    /// The MCU whose start-up file made its vector table: a hint.
    pub shape: Option<Mcu>,
}

/// Stack pointers of AM32's bootloaders lie in the first 64 KB of SRAM.
const SRAM: std::ops::RangeInclusive<u32> = 0x2000_0100..=0x2001_0000;
/// Without CAN; with CAN the area has 16 KB, and the updater starts behind it.
const AREA: u32 = 0x1000;
const CAN_AREA: u32 = 0x4000;
/// Where the magic words stand in a bootloader from V13 on.
const MAGIC_OFFSET: u32 = 0xFE0;

/// The bootloader that `image`, an app, carries.
pub fn carried(image: &Image) -> Option<Carried> {
    by_vectors(image).or_else(|| by_device_bytes(image))
}

fn by_vectors(image: &Image) -> Option<Carried> {
    for segment in &image.segments {
        let first = segment.address.wrapping_sub(image.start());
        for (i, window) in segment.data.windows(16).enumerate() {
            let words: Vec<u32> = match window {
                // Cheap first: the high bytes of a stack pointer and of two vectors.
                [_, _, _, 0x20, _, _, _, 8, _, _, _, 8, ..] => {
                    window.chunks_exact(4).map(|w| w.iter().rev().fold(0, |v, b| v << 8 | u32::from(*b))).collect()
                }
                _ => continue,
            };
            let offset = first.wrapping_add(u32::try_from(i).ok()?);
            let [sp, vectors @ ..] = words.as_slice() else { continue };
            let area = if *sp == 0x2000_4000 { CAN_AREA } else { AREA };
            let inside = vectors.iter().all(|v| v & 1 == 1 && v.wrapping_sub(FLASH_BASE) < area);
            if offset > 0 && SRAM.contains(sp) && sp.is_multiple_of(4) && inside {
                return at(image, offset);
            }
        }
    }
    None
}

fn by_device_bytes(image: &Image) -> Option<Carried> {
    for segment in &image.segments {
        let first = segment.address.wrapping_sub(image.start());
        let Some(i) = device_bytes_after_magic(&segment.data) else { continue };
        let offset = first.wrapping_add(u32::try_from(i).ok()?).checked_sub(MAGIC_OFFSET)?;
        return at(image, offset).filter(|_| offset > 0);
    }
    None
}

/// The image seen so that what stands at `offset` is at the start of flash.
fn at(image: &Image, offset: u32) -> Option<Carried> {
    let view = View::at(image, FLASH_BASE.checked_sub(offset)?);
    let marks = bootloader(&view, FLASH_BASE)?;
    Some(Carried { offset, marks, shape: shape(&view, FLASH_BASE) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::fixtures as f;
    use crate::am32::marks::BootVersion;

    /// An updater: an app with `inside` as data, at an odd offset on purpose.
    fn updater(inside: &[u8], odd: usize) -> Image {
        let mut data = f::start(0x2000_2000, 0x0800_1115);
        data.resize(0x400 + odd, 0xBF);
        data.extend(inside);
        f::image("u.bin", &data, None)
    }

    /// A bootloader with the handlers' entries that every real one has.
    fn whole(mut bootloader: Vec<u8>) -> Vec<u8> {
        for entry in [8, 12] {
            bootloader[entry..entry + 4].copy_from_slice(&0x0800_0231u32.to_le_bytes());
        }
        bootloader
    }

    #[test]
    fn by_vectors_and_by_device_bytes() {
        for odd in [0, 1] {
            let c = carried(&updater(&whole(f::bootloader("PA2", 0x2B, 2)), odd)).unwrap();
            let info = c.marks.info.unwrap();
            assert_eq!((c.offset, info.flash_code, info.address), (0x400 + odd as u32, 0x2B, 0x0800_0FE8));
            assert_eq!((info.pin.unwrap().to_string().as_str(), c.marks.version), ("PA2", BootVersion::V14OrNewer));
        }
        // The fixture itself has no handlers: only its device bytes tell.
        let c = carried(&updater(&f::bootloader("PB4", 0x1F, 1), 0)).unwrap();
        assert_eq!((c.offset, c.marks.version), (0x400, BootVersion::V13));
        let c = carried(&updater(&whole(f::old_bootloader(12)), 0)).unwrap();
        assert_eq!((c.marks.version, c.marks.info.unwrap().pin), (BootVersion::LikeV12, None));
        let c = carried(&updater(&whole(f::can_bootloader()), 0)).unwrap();
        assert!(c.marks.can);
    }

    #[test]
    fn apps_carry_none() {
        assert_eq!(carried(&f::image("a.bin", &f::app("X_F051", 0x7BE0), None)), None);
        // An app from 2.16 on compares with the magic words.
        let mut app = f::app("X_F051", 0x7BE0);
        app[0x300..0x308].copy_from_slice(&[0xDA, 0xE3, 0x25, 0x59, 0xD9, 0x63, 0xB8, 0x4E]);
        assert_eq!(carried(&f::image("a.bin", &app, None)), None);
        assert_eq!(carried(&f::image("a.bin", &[0x20; 64], None)), None);
        assert_eq!(carried(&f::image("a.bin", &whole(f::bootloader("PB4", 0x1F, 2)), None)), None, "not inside");
    }
}
