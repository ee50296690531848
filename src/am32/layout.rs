//! Where AM32 keeps things, MCU by MCU: bootloader, app, EEPROM page, name tag.
//!
//! The layouts of MCUs that dryflash has no model of stand here as well, so that their files are recognised
//! and a wrong EEPROM address can be explained by whose it is.

use crate::part::{self, Part};
use std::fmt;
use std::sync::Arc;

/// Where main flash starts on every MCU here but the V203 and the A153.
pub const FLASH_BASE: u32 = 0x0800_0000;

/// An MCU that AM32 is published for, by AM32's name of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[allow(missing_docs)]
pub enum Mcu {
    F031,
    F051,
    G031,
    G071,
    E230,
    F350,
    F421,
    F415,
    G431,
    L431,
    V203,
    A153,
}

impl Mcu {
    /// All of them.
    pub const ALL: [Mcu; 12] = [
        Mcu::F031,
        Mcu::F051,
        Mcu::G031,
        Mcu::G071,
        Mcu::E230,
        Mcu::F350,
        Mcu::F421,
        Mcu::F415,
        Mcu::G431,
        Mcu::L431,
        Mcu::V203,
        Mcu::A153,
    ];

    /// AM32's name, as in its files and name tags.
    pub const fn name(self) -> &'static str {
        match self {
            Mcu::F031 => "F031",
            Mcu::F051 => "F051",
            Mcu::G031 => "G031",
            Mcu::G071 => "G071",
            Mcu::E230 => "E230",
            Mcu::F350 => "F350",
            Mcu::F421 => "F421",
            Mcu::F415 => "F415",
            Mcu::G431 => "G431",
            Mcu::L431 => "L431",
            Mcu::V203 => "V203",
            Mcu::A153 => "A153",
        }
    }

    /// The MCU that a word of a file name or name tag means: `F051`, `STM32F051K6`, `GD32E230`, whatever the case.
    pub fn from_word(word: &str) -> Option<Mcu> {
        let word = word.to_ascii_uppercase();
        if let Some(mcu) = Mcu::ALL.into_iter().find(|m| m.name() == word) {
            return Some(mcu);
        }
        let maker = ["STM32", "GD32", "AT32", "CH32", "MCX"].iter().find_map(|maker| word.strip_prefix(maker))?;
        Mcu::ALL.into_iter().find(|m| maker.starts_with(m.name()))
    }

    /// Its layouts, the usual one first.
    pub fn layouts(self) -> impl Iterator<Item = &'static Layout> {
        LAYOUTS.iter().filter(move |l| l.mcu == self)
    }

    /// Whether dryflash has a part for it.
    pub fn is_modelled(self) -> bool {
        part::all().iter().any(|part| Mcu::from_word(&part.name) == Some(self))
    }
}

impl fmt::Display for Mcu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One layout. All addresses are absolute, all lengths in bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Layout {
    /// How people call it: `F051`, `G071_64K`, `L431 CAN`.
    pub name: &'static str,
    /// Its MCU.
    pub mcu: Mcu,
    /// Where flash starts, and with it the bootloader.
    pub base: u32,
    /// The app's first address; up to there the bootloader may reach.
    pub app: u32,
    /// The EEPROM page.
    pub eeprom: u32,
    /// The EEPROM page's length, which is the flash page's.
    pub page: u32,
    /// Where the app's name tag stands.
    pub tag: u32,
    /// What the bootloader's device info says of the flash; none where no bootloader is published.
    pub flash_code: Option<u8>,
    /// Whether the bootloader speaks DroneCAN.
    pub can: bool,
}

impl Layout {
    /// The layout that AM32 uses on `part`: that of its MCU and flash. Without CAN, which flash does not tell.
    pub fn of(part: &Part) -> Option<&'static Layout> {
        let fits = |l: &&Layout| !l.can && l.page == part.flash.page && l.eeprom_end() <= part.flash.end();
        Mcu::from_word(&part.name)?.layouts().filter(fits).max_by_key(|l| l.eeprom)
    }

    /// The parts of dryflash that have it, the usual one first.
    pub fn parts(&'static self) -> impl Iterator<Item = &'static Arc<Part>> {
        part::all().iter().filter(move |part| Layout::of(part) == Some(self))
    }

    /// Length of the bootloader's area in bytes.
    pub const fn bootloader_len(&self) -> u32 {
        self.app - self.base
    }

    /// The address after the EEPROM page.
    pub const fn eeprom_end(&self) -> u32 {
        self.eeprom + self.page
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The names of the layouts that keep their EEPROM at `address`.
pub fn eeprom_owners(address: u32) -> Vec<&'static str> {
    LAYOUTS.iter().filter(|l| l.eeprom == address).map(|l| l.name).collect()
}

/// The names of the layouts whose bootloaders say `code`.
pub fn flash_code_owners(code: u8) -> Vec<&'static str> {
    LAYOUTS.iter().filter(|l| l.flash_code == Some(code)).map(|l| l.name).collect()
}

/// The flash that a bootloader with this code is for, in KB; none where the code does not tell one size.
pub const fn flash_kb(code: u8) -> Option<u32> {
    match code {
        0x1F => Some(32),
        0x35 => Some(64),
        0x2B => Some(128),
        _ => None,
    }
}

/// All flash codes that a bootloader's device info may hold.
pub fn is_flash_code(code: u8) -> bool {
    code == 0x16 || LAYOUTS.iter().any(|l| l.flash_code == Some(code))
}

/// Whether only the A153's bootloader says `code`.
pub const fn is_of_the_a153(code: u8) -> bool {
    matches!(code, 0x15 | 0x16)
}

const fn layout(name: &'static str, mcu: Mcu, eeprom: u32, page: u32, tag: u32, flash_code: Option<u8>) -> Layout {
    Layout { name, mcu, base: FLASH_BASE, app: 0x0800_1000, eeprom, page, tag, flash_code, can: false }
}

const fn can(name: &'static str, mcu: Mcu, tag: u32) -> Layout {
    Layout { app: 0x0800_4000, can: true, ..layout(name, mcu, 0x0801_F800, 0x800, tag, Some(0x2B)) }
}

const K1: u32 = 0x400;
const K2: u32 = 0x800;

/// Every layout. Of the layouts of one MCU, the usual one comes first.
pub static LAYOUTS: &[Layout] = &[
    layout("F031", Mcu::F031, 0x0800_7C00, K1, 0x0800_7BE0, Some(0x1F)),
    layout("F051", Mcu::F051, 0x0800_7C00, K1, 0x0800_7BE0, Some(0x1F)),
    layout("G031", Mcu::G031, 0x0800_F800, K2, 0x0800_F7E0, None),
    // One linker script serves both sizes of the G071, so the tag stands where the 64K layout has it.
    layout("G071", Mcu::G071, 0x0801_F800, K2, 0x0800_F7E0, Some(0x2B)),
    layout("G071_64K", Mcu::G071, 0x0800_F800, K2, 0x0800_F7E0, Some(0x35)),
    layout("E230", Mcu::E230, 0x0800_7C00, K1, 0x0800_7BE0, Some(0x1F)),
    layout("F350", Mcu::F350, 0x0800_7C00, K1, 0x0800_7BE0, Some(0x1F)),
    layout("F421", Mcu::F421, 0x0800_7C00, K1, 0x0800_7BE0, Some(0x1F)),
    layout("F415", Mcu::F415, 0x0800_7C00, K2, 0x0800_F7E0, Some(0x1F)),
    layout("F415_128K", Mcu::F415, 0x0801_F800, K2, 0x0800_F7E0, Some(0x2B)),
    can("F415 CAN", Mcu::F415, 0x0800_4200),
    layout("G431", Mcu::G431, 0x0800_F800, K2, 0x0800_F7E0, Some(0x35)),
    can("G431 CAN", Mcu::G431, 0x0800_4400),
    layout("L431", Mcu::L431, 0x0800_F800, K2, 0x0800_F7E0, Some(0x35)),
    layout("L431_128K", Mcu::L431, 0x0801_F800, K2, 0x0800_F7E0, Some(0x2B)),
    can("L431 CAN", Mcu::L431, 0x0800_4200),
    Layout { base: 0, app: 0x1000, ..layout("V203", Mcu::V203, 0xF800, K2, 0xF7E0, Some(0x35)) },
    Layout { base: 0, app: 0x4000, ..layout("A153", Mcu::A153, 0xE000, 0x2000, 0xDFE0, Some(0x15)) },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_a_layout_that_fits_its_flash() {
        for part in part::all() {
            let layout = Layout::of(part).expect(&part.name);
            assert_eq!(layout.base, part.flash.base);
            assert_eq!(layout.page, part.flash.page, "{}", part.name);
            assert!(layout.eeprom_end() <= part.flash.end(), "{}", part.name);
            assert_eq!((layout.eeprom - layout.base) % layout.page, 0);
        }
        for (part, layout) in [("STM32F051K8", "F051"), ("STM32G071x8", "G071_64K"), ("STM32G071xB", "G071")] {
            assert_eq!(Layout::of(&part::find(part).unwrap()).unwrap().name, layout);
        }
        for layout in LAYOUTS {
            assert!(layout.app > layout.base && layout.eeprom > layout.app && layout.tag > layout.app);
        }
    }

    #[test]
    fn words_mean_mcus() {
        for (word, mcu) in [
            ("F051", Some(Mcu::F051)),
            ("f421", Some(Mcu::F421)),
            ("STM32F051K6", Some(Mcu::F051)),
            ("GD32E230", Some(Mcu::E230)),
            ("F051X", None),
            ("STM32F103", None),
            ("", None),
        ] {
            assert_eq!(Mcu::from_word(word), mcu, "{word}");
        }
        assert!(Mcu::G071.is_modelled() && !Mcu::F421.is_modelled());
    }

    #[test]
    fn owners_of_addresses_and_codes() {
        assert_eq!(eeprom_owners(0x0801_F800)[0], "G071");
        assert!(eeprom_owners(0x0800_7C00).contains(&"F421"));
        assert!(eeprom_owners(0x0800_0000).is_empty());
        assert!(flash_code_owners(0x35).contains(&"G071_64K"));
        assert!(is_flash_code(0x1F) && is_flash_code(0x16) && !is_flash_code(0xFF));
    }
}
