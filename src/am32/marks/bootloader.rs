//! A bootloader's marks.
//!
//! Every AM32 bootloader holds its answer to a configurator: the nine device bytes '4' '7' '1' pin flash-code
//! 06 06 protocol 30. From V13 on two magic words stand before them, and without CAN they stand at +0xFE0.

use super::{Vectors, View, vectors};
use crate::am32::layout;
use crate::am32::pin::Pin;
use std::fmt;

const MAGIC: [u8; 8] = [0xDA, 0xE3, 0x25, 0x59, 0xD9, 0x63, 0xB8, 0x4E];

/// The device bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DeviceInfo {
    /// Where they stand.
    pub address: u32,
    /// Whether the magic words stand before them: V13 or newer. Without, the pin is filled in at run time.
    pub magic: bool,
    /// The signal pin; none where it is filled in at run time.
    pub pin: Option<Pin>,
    /// What they say of the flash's size: 1F, 35, 2B, ...
    pub flash_code: u8,
    /// The serial protocol: 1 is V13, 2 is V14 and newer.
    pub protocol: u8,
}

/// What is known of a bootloader's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BootVersion {
    /// A version byte stands at `address` (V6 to V11).
    Byte {
        /// The version.
        version: u8,
        /// Where it stands.
        address: u32,
    },
    /// V13, by protocol 1.
    V13,
    /// V14 or newer, by protocol 2 or above.
    V14OrNewer,
    /// No version byte, and the short stack that came with V12.
    LikeV12,
    /// No mark: up to V5, or another MCU's early one.
    Unmarked,
}

impl BootVersion {
    /// The lowest version it can be.
    pub const fn at_least(self) -> u8 {
        match self {
            BootVersion::Byte { version, .. } => version,
            BootVersion::V13 => 13,
            BootVersion::V14OrNewer => 14,
            BootVersion::LikeV12 | BootVersion::Unmarked => 0,
        }
    }

    /// Whether it is one version and no other.
    pub const fn is_exact(self) -> bool {
        matches!(self, BootVersion::Byte { .. } | BootVersion::V13)
    }

    /// Whether the marks allow this version.
    pub const fn allows(self, version: u8) -> bool {
        match self {
            BootVersion::Byte { version: own, .. } => own == version,
            BootVersion::V13 => version == 13,
            BootVersion::V14OrNewer => version >= 14,
            BootVersion::LikeV12 | BootVersion::Unmarked => version <= 12,
        }
    }
}

impl fmt::Display for BootVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BootVersion::Byte { version, .. } => write!(f, "V{version}"),
            BootVersion::V13 => f.write_str("V13"),
            BootVersion::V14OrNewer => f.write_str("V14 or newer"),
            BootVersion::LikeV12 => f.write_str("V12 or older"),
            BootVersion::Unmarked => f.write_str("version unknown"),
        }
    }
}

/// What a bootloader tells about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct BootloaderMarks {
    /// Its first two words.
    pub vectors: Option<Vectors>,
    /// The device bytes.
    pub info: Option<DeviceInfo>,
    /// Its version, as far as marks tell.
    pub version: BootVersion,
    /// It is one of the CAN bootloaders, with their area of 16K.
    pub can: bool,
    /// Its area has 16K: the CAN bootloaders', and the A153's, which has no CAN.
    pub long: bool,
    /// It starts like RISC-V code, with a jump.
    pub riscv: bool,
}

impl BootloaderMarks {
    /// What to tell people about it, a phrase each: `V14 or newer`, `pin PB4`, `flash code 1F`, `protocol 2`.
    pub fn phrases(&self) -> Vec<String> {
        let mut phrases = vec![self.version.to_string()];
        if let Some(pin) = self.info.and_then(|i| i.pin) {
            phrases.push(format!("pin {pin}"));
        }
        if let Some(info) = self.info {
            phrases.push(format!("flash code {:02X}", info.flash_code));
            if info.magic {
                phrases.push(format!("protocol {}", info.protocol));
            }
        }
        if self.can {
            phrases.push("CAN".to_owned());
        }
        phrases
    }
}

/// The CAN bootloaders' stack pointer.
const CAN_SP: u32 = 0x2000_4000;

/// The marks of a bootloader at `base`, or none where nothing there speaks for one.
pub fn bootloader(view: &View, base: u32) -> Option<BootloaderMarks> {
    let first = vectors(view, base);
    let starts = first.filter(|v| v.plausible() && v.offset() < 0x4000);
    // `jal x0`, the first instruction of the V203's.
    let riscv = first.is_some_and(|v| v.sp & 0xFFF == 0x06F);
    let info = device_info(view, base);
    if starts.is_none() && info.is_none() {
        return None;
    }
    // An app in flash may hold the magic words too, to compare with: what starts elsewhere is no bootloader.
    if first.is_some_and(|v| v.plausible()) && starts.is_none() {
        return None;
    }
    let beyond = info.is_some_and(|i| i.address.wrapping_sub(base) >= 0x1000);
    let long = view.byte(base.saturating_add(0x1000)).is_some_and(|b| b != 0xFF);
    // An updater starts as an app does, and holds a bootloader with its device bytes as data.
    let long = (beyond && starts.is_none_or(|v| v.sp == CAN_SP || v.offset() < 0x1000))
        || (long && starts.is_some_and(|v| v.sp == CAN_SP));
    // Elsewhere, nothing of a bootloader is linked beyond 4K.
    if starts.is_some_and(|v| v.offset() >= 0x1000) && !long {
        return None;
    }
    // The A153's bootloader has 16K as well, and no CAN.
    let can = long && !info.is_some_and(|i| layout::is_of_the_a153(i.flash_code));
    Some(BootloaderMarks { vectors: starts, info, version: version(view, base, starts, info), can, long, riscv })
}

fn version(view: &View, base: u32, starts: Option<Vectors>, info: Option<DeviceInfo>) -> BootVersion {
    if let Some(info) = info.filter(|i| i.magic) {
        return if info.protocol == 1 { BootVersion::V13 } else { BootVersion::V14OrNewer };
    }
    let sp = starts.map_or(0, |v| v.sp);
    // The byte ends the image, or is followed by what fills a gap.
    let last = base.saturating_add(0xFFC);
    let filled = (1..4).all(|i| matches!(view.byte(last.saturating_add(i)), None | Some(0 | 0xFF)));
    if let Some(version) = view.byte(last).filter(|v| (8..=11).contains(v) && filled) {
        return BootVersion::Byte { version, address: last };
    }
    // Only the F051 had it there, right after its vector table.
    let early = base.saturating_add(0xC0);
    if let Some(version) = view.byte(early).filter(|v| (6..=8).contains(v) && sp == 0x2000_2000) {
        return BootVersion::Byte { version, address: early };
    }
    if sp == 0x2000_1000 { BootVersion::LikeV12 } else { BootVersion::Unmarked }
}

/// The device bytes: at +0xFE8 behind their magic words, else after magic words anywhere in the area, else bare.
fn device_info(view: &View, base: u32) -> Option<DeviceInfo> {
    // The area of the CAN bootloaders is the longest.
    let area = base..base.saturating_add(0x4000);
    let mut bare = None;
    for (address, data) in view.segments() {
        for (i, window) in data.windows(9).enumerate() {
            let Some(at) = u32::try_from(i).ok().and_then(|i| address.checked_add(i)).filter(|a| area.contains(a))
            else {
                continue;
            };
            let [b'4', b'7', b'1', pin, flash_code, 6, 6, protocol, 0x30] = *window else { continue };
            if !layout::is_flash_code(flash_code) {
                continue;
            }
            let magic = i.checked_sub(8).and_then(|m| data.get(m..i)) == Some(&MAGIC[..]);
            let pin = Pin::from_code(pin).filter(|_| magic);
            let found = DeviceInfo { address: at, magic, pin, flash_code, protocol };
            if magic {
                return Some(found);
            }
            bare = bare.or(Some(found));
        }
    }
    bare
}

/// Where in `data` the magic words stand with device bytes behind them.
pub(super) fn device_bytes_after_magic(data: &[u8]) -> Option<usize> {
    data.windows(17).position(|window| {
        let (magic, device) = window.split_at(MAGIC.len());
        magic == MAGIC && matches!(device, [b'4', b'7', b'1', _, code, 6, 6, _, 0x30] if layout::is_flash_code(*code))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::fixtures;
    use crate::image::Image;

    fn marks(data: &[u8]) -> Option<BootloaderMarks> {
        let image = Image::parse("a.bin", data, None).unwrap();
        bootloader(&View::at(&image, 0x0800_0000), 0x0800_0000)
    }

    #[test]
    fn v13_and_newer() {
        let m = marks(&fixtures::bootloader("PB4", 0x1F, 1)).unwrap();
        assert_eq!(m.version, BootVersion::V13);
        let info = m.info.unwrap();
        assert_eq!((info.address, info.pin.unwrap().to_string().as_str()), (0x0800_0FE8, "PB4"));
        assert_eq!(marks(&fixtures::bootloader("PA0", 0x35, 2)).unwrap().version, BootVersion::V14OrNewer);
        assert!(!m.can);
    }

    #[test]
    fn version_bytes() {
        let m = marks(&fixtures::old_bootloader(11)).unwrap();
        assert_eq!(m.version, BootVersion::Byte { version: 11, address: 0x0800_0FFC });
        assert_eq!(m.info.unwrap().pin, None);
        let m = marks(&fixtures::old_bootloader(7)).unwrap();
        assert_eq!(m.version, BootVersion::Byte { version: 7, address: 0x0800_00C0 });
        assert_eq!(marks(&fixtures::old_bootloader(12)).unwrap().version, BootVersion::LikeV12);
        assert_eq!(marks(&fixtures::old_bootloader(5)).unwrap().version, BootVersion::Unmarked);
    }

    #[test]
    fn others_are_none() {
        assert!(marks(&fixtures::app("TEST_F051", 0x7BE0)).is_none());
        assert!(marks(&[0xFF; 4096]).is_none());
        assert!(marks(&[1, 2, 3]).is_none());
        let image = Image::parse("a.bin", &[b'4'; 16], Some(0xFFFF_FFF0)).unwrap();
        assert!(bootloader(&View::new(&image), 0xFFFF_FFF0).is_none());
    }
}
