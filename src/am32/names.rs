//! What the name of a file tells. Names are habits, not rules: every field is optional, and bytes weigh more.

use super::layout::Mcu;
use super::pin::Pin;
use super::roles::Role;
use std::fmt;

/// What a file is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A bootloader.
    Bootloader,
    /// An app.
    App,
    /// An EEPROM page.
    Eeprom,
    /// Bootloader, app and EEPROM together.
    Full,
    /// An app that writes a new bootloader.
    Updater,
}

impl Kind {
    /// The role that such a file has.
    pub const fn role(self) -> Role {
        match self {
            Kind::Bootloader => Role::Bootloader,
            Kind::App | Kind::Updater => Role::App,
            Kind::Eeprom => Role::Eeprom,
            Kind::Full => Role::Full,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Bootloader => "a bootloader",
            Kind::App => "an app",
            Kind::Eeprom => "an EEPROM page",
            Kind::Full => "a full image",
            Kind::Updater => "a bootloader updater",
        })
    }
}

/// A firmware version: 2.20.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Firmware {
    /// Before the dot.
    pub major: u8,
    /// After it.
    pub minor: u8,
}

impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.major, self.minor)
    }
}

/// The parts of a file name that mean something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileName {
    /// What it is called.
    pub kind: Option<Kind>,
    /// Its MCU.
    pub mcu: Option<Mcu>,
    /// Flash in KB, where the name holds 64K or 128K.
    pub flash_kb: Option<u32>,
    /// It holds CAN.
    pub can: bool,
    /// The signal pin, of a bootloader or an updater.
    pub pin: Option<Pin>,
    /// A bootloader's version: V12.
    pub bootloader: Option<u8>,
    /// An app's version: 2.20.
    pub firmware: Option<Firmware>,
    /// The end of the EEPROM's address: 0x7C00 in `eeprom_version_1_7c00.bin`.
    pub eeprom_offset: Option<u32>,
    /// The target of an app by AM32's scheme: `SISKIN_F051` in `AM32_SISKIN_F051_2.21.hex`.
    pub target: Option<String>,
    /// Only its version makes it an app: `SISKIN_F051_2.21_backup.bin` may hold anything.
    pub by_version_only: bool,
}

impl FileName {
    /// What it claims, a phrase each, where only the name says so: `V14`, `pin PB4`, `firmware 2.20`.
    pub fn phrases(&self) -> Vec<String> {
        let bootloader = self.bootloader.map(|v| format!("V{v}"));
        let pin = self.pin.map(|p| format!("pin {p}"));
        let firmware = self.firmware.map(|f| format!("firmware {f}"));
        [bootloader, pin, firmware].into_iter().flatten().collect()
    }
}

/// Reads the name of the file at `path`; directories and the extension do not count.
pub fn parse(path: &str) -> FileName {
    let base = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let upper = base.to_ascii_uppercase();
    let (stem, extension) = match upper.rsplit_once('.') {
        Some((stem, ext @ ("HEX" | "BIN" | "ELF" | "AMJ" | "AXF" | "IHEX" | "IHX"))) => (stem, ext),
        _ => (upper.as_str(), ""),
    };
    let words: Vec<&str> = stem.split(['_', '-', ' ', '(', ')', '+', '@']).filter(|w| !w.is_empty()).collect();
    let mut name = FileName {
        mcu: words.iter().rev().find_map(|w| Mcu::from_word(w)),
        flash_kb: words.iter().find_map(|w| match *w {
            "64K" => Some(64),
            "128K" => Some(128),
            _ => None,
        }),
        can: words.contains(&"CAN"),
        bootloader: words.iter().rev().find_map(|w| bootloader_version(w)),
        firmware: words.iter().rev().find_map(|w| firmware_version(w)),
        ..FileName::default()
    };
    let pin = words.iter().find_map(|w| w.parse::<Pin>().ok());
    name.kind = kind(&words, extension, &name, pin);
    match name.kind {
        Some(Kind::Bootloader | Kind::Updater) => (name.pin, name.firmware) = (pin, None),
        Some(Kind::Eeprom) => {
            name.eeprom_offset = words.iter().find_map(|w| eeprom_offset(w));
            (name.bootloader, name.firmware) = (None, None);
        }
        _ => name.bootloader = None,
    }
    if name.kind == Some(Kind::App) {
        name.target = target(stem);
        name.by_version_only = !APP_WORDS.iter().any(|w| words.contains(w)) && words.first() != Some(&"AM32");
    }
    name
}

/// Words that call a file an app.
const APP_WORDS: [&str; 3] = ["APP", "FIRMWARE", "FW"];

/// What stands between `AM32_` and the version.
fn target(stem: &str) -> Option<String> {
    let rest = stem.strip_prefix("AM32_")?;
    let (target, _) = rest.rsplit_once('_').filter(|(_, version)| firmware_version(version).is_some())?;
    (target.len() > 3).then(|| target.to_owned())
}

fn kind(words: &[&str], extension: &str, name: &FileName, pin: Option<Pin>) -> Option<Kind> {
    let has = |word: &str| words.contains(&word);
    // PB4_v5.bin: a pin and a version, perhaps an MCU, nothing else.
    let bare = |w: &&str| w.parse::<Pin>().is_ok() || Mcu::from_word(w).is_some() || bootloader_version(w).is_some();
    let is_app = |w: &&str| APP_WORDS.contains(w);
    let first = |found: &dyn Fn(&&str) -> bool| words.iter().position(found);
    // app-for-bootloader-v17.hex
    let app_first = first(&is_app).is_some_and(|app| first(&|w| matches!(*w, "BOOTLOADER" | "BL")) > Some(app));
    if has("UPDATER") || extension == "AMJ" {
        Some(Kind::Updater)
    } else if app_first {
        Some(Kind::App)
    } else if has("BOOTLOADER") || has("BL") {
        Some(Kind::Bootloader)
    } else if words.iter().any(|w| w.starts_with("EEPROM")) || has("SETTINGS") && !words.iter().any(is_app) {
        // Before BOOT alone: eeprom_boot_00.bin tells of its boot byte.
        Some(Kind::Eeprom)
    } else if has("BOOT") {
        Some(Kind::Bootloader)
    } else if has("FULL") {
        Some(Kind::Full)
    } else if name.firmware.is_some() || APP_WORDS.iter().any(|w| has(w)) {
        Some(Kind::App)
    } else if pin.is_some() && name.bootloader.is_some() && words.iter().all(bare) {
        Some(Kind::Bootloader)
    } else if words.first() == Some(&"AM32") && name.mcu.is_some() && words.len() > 2 {
        Some(Kind::App)
    } else {
        None
    }
}

/// `V12`, `V12.0.3`.
fn bootloader_version(word: &str) -> Option<u8> {
    let digits = word.strip_prefix('V')?;
    let first = digits.split('.').next()?;
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    (plain && (1..=2).contains(&first.len())).then(|| first.parse().ok())?
}

/// `2.20`, `V2.20`, `2.20.1`.
fn firmware_version(word: &str) -> Option<Firmware> {
    let mut fields = word.strip_prefix('V').unwrap_or(word).split('.');
    let (major, minor) = (fields.next()?, fields.next()?);
    let plain = [major, minor].iter().all(|f| (1..=2).contains(&f.len()) && f.bytes().all(|b| b.is_ascii_digit()));
    if !plain || !fields.all(|f| f.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    Some(Firmware { major: major.parse().ok()?, minor: minor.parse().ok()? })
}

/// `7C00`, `1F800`.
fn eeprom_offset(word: &str) -> Option<u32> {
    let ends = word.strip_prefix("0X").unwrap_or(word);
    let plain = ends.ends_with("00") && ends.len() >= 4 && ends.bytes().all(|b| b.is_ascii_hexdigit());
    plain.then(|| u32::from_str_radix(ends, 16).ok())?.map(|a| a & 0x00FF_FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(text: &str) -> Option<Pin> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn bootloaders() {
        let n = parse("AM32_F051_BOOTLOADER_PB4_V12.hex");
        assert_eq!(
            (n.kind, n.mcu, n.pin, n.bootloader),
            (Some(Kind::Bootloader), Some(Mcu::F051), pin("PB4"), Some(12))
        );
        let n = parse("dl/AM32_G071_BOOTLOADER_PA2_64K_V17.bin");
        assert_eq!((n.mcu, n.flash_kb, n.pin, n.bootloader), (Some(Mcu::G071), Some(64), pin("PA2"), Some(17)));
        let n = parse("AM32_L431_BOOTLOADER_PA2_CAN_V17.bin");
        assert!(n.can && n.mcu == Some(Mcu::L431));
        let n = parse("C:\\x\\STM32_F051_BOOTLOADER_PA2_V11.bin");
        assert_eq!(
            (n.kind, n.mcu, n.pin, n.bootloader),
            (Some(Kind::Bootloader), Some(Mcu::F051), pin("PA2"), Some(11))
        );
        let n = parse("PB4_BOOTLOADER_V6.bin");
        assert_eq!((n.kind, n.mcu, n.pin, n.bootloader), (Some(Kind::Bootloader), None, pin("PB4"), Some(6)));
        let n = parse("PB4_v5.bin");
        assert_eq!((n.kind, n.pin, n.bootloader), (Some(Kind::Bootloader), pin("PB4"), Some(5)));
        let n = parse("STANDIN_F051_BOOTLOADER_PB4_V14.bin");
        assert_eq!(
            (n.kind, n.mcu, n.pin, n.bootloader),
            (Some(Kind::Bootloader), Some(Mcu::F051), pin("PB4"), Some(14))
        );
        let n = parse("AM32_F051_BL_UPDATER_PB4_V17.amj");
        assert_eq!((n.kind, n.pin, n.bootloader), (Some(Kind::Updater), pin("PB4"), Some(17)));
        assert_eq!(parse("AM32_BOOTLOADER_F031_PA2.hex").bootloader, None);
        assert_eq!(parse("AM32_F051_BOOTLOADER_PB4_V12.0.3 (1).bin").bootloader, Some(12));
    }

    #[test]
    fn words_that_come_together() {
        assert_eq!(parse("app-for-bootloader-v17.hex").kind, Some(Kind::App));
        assert_eq!(parse("bl_app.bin").kind, Some(Kind::Bootloader));
        assert_eq!(parse("boot_settings.bin").kind, Some(Kind::Eeprom));
        assert_eq!(parse("boot.bin").kind, Some(Kind::Bootloader));
    }

    #[test]
    fn apps() {
        for (file, mcu, version) in [
            ("AM32_WRAITH32V1_F051_2.20.hex", Some(Mcu::F051), Some((2, 20))),
            ("AM32_SWAP_PB0_PA7_2.18.hex", None, Some((2, 18))),
            ("AM32_STELLAR_G071_V1_2.19.hex", Some(Mcu::G071), Some((2, 19))),
            ("STANDIN_DRYFLASH_F051_2.20.hex", Some(Mcu::F051), Some((2, 20))),
            ("FD6288_1.69.hex", None, Some((1, 69))),
            ("AM32_GEN_64K_G071_2.20.bin", Some(Mcu::G071), Some((2, 20))),
            ("AM32_AIRBOT_V203_2.20", Some(Mcu::V203), Some((2, 20))),
            ("AM32_AM32REF_F051.bin", Some(Mcu::F051), None),
        ] {
            let n = parse(file);
            assert_eq!((n.kind, n.mcu), (Some(Kind::App), mcu), "{file}");
            assert_eq!(n.firmware.map(|v| (v.major, v.minor)), version, "{file}");
            assert_eq!((n.pin, n.bootloader), (None, None), "{file}");
        }
    }

    #[test]
    fn eeproms_full_images_and_others() {
        let n = parse("eeprom_version_1_7c00.bin");
        assert_eq!((n.kind, n.eeprom_offset), (Some(Kind::Eeprom), Some(0x7C00)));
        assert_eq!(parse("eeprom_default.bin").kind, Some(Kind::Eeprom));
        assert_eq!(parse("WRAITH32_CRAWLER_FULL.bin").kind, Some(Kind::Full));
        for file in ["", ".", "a.bin", "x_V", "\u{1F600}_V\u{e9}.hex", "dump.bin", "_._", "99999999999999999999.5"] {
            assert_eq!(parse(file).kind, None, "{file}");
        }
    }
}
