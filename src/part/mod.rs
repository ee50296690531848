//! The parts, as data: for each family a folder in `data/`, with what its parts share in `family.toml` and a file for each
//! part. `build.rs` reads them, through a schema that refuses unknown fields, and writes them as code: a start parses
//! nothing.
//!
//! Adding a part is adding its file. Sources: RM0091 Rev 10 and RM0444 chapters 2 and 3, ST's device headers; what was
//! inferred is in the files' `unknown` lists.

mod lookup;
pub mod read;
mod schema;

pub use lookup::find;
pub use schema::{
    Calibration, Clients, Clock, Core, FactoryWord, Family, Flash, Gate, Identity, Kind, OptionBytes, OptionWord, Part,
    PeripheralSpec, Protects, Region, ResetRegisters, StartUp, TimerPin,
};

use std::sync::{Arc, OnceLock};

/// What `build.rs` writes.
mod shipped {
    use super::*;
    use std::collections::BTreeMap;

    include!(concat!(env!("OUT_DIR"), "/parts.rs"));
}

/// Why a part could not be had.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// No part has that name.
    #[error("no part is called '{name}'{}; known are {known} (`dryflash parts` lists them)", suggestion(.near))]
    Unknown {
        /// The name as given.
        name: String,
        /// A name that may have been meant.
        near: Option<String>,
        /// The names there are.
        known: String,
    },
    /// An MCU of ESCs for which there is no part file.
    #[error("'{name}' is known ({full}), but not modelled; modelled are {known} (`dryflash parts` lists them)")]
    NotModelled {
        /// The name as given.
        name: String,
        /// The series, as its maker calls it.
        full: &'static str,
        /// The names there are.
        known: String,
    },
    /// A series that is modelled, with flash of another size.
    #[error("'{name}' has {kb} KB of flash; of its series, {known} are modelled (`dryflash parts` lists all)")]
    OtherSize {
        /// The name as given.
        name: String,
        /// Its flash.
        kb: u32,
        /// The parts of its series.
        known: String,
    },
}

fn suggestion(near: &Option<String>) -> String {
    near.as_ref().map_or_else(String::new, |near| format!(", but {near} is"))
}

/// Every shipped part, by name.
pub fn all() -> &'static [Arc<Part>] {
    static PARTS: OnceLock<Vec<Arc<Part>>> = OnceLock::new();
    PARTS.get_or_init(|| shipped::all().into_iter().map(Arc::new).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_do_not_overlap() {
        assert!(all().len() >= 6);
        for part in all() {
            assert_eq!(part.flash.size % part.flash.page, 0);
            for p in &part.peripherals {
                assert!(p.base % 4 == 0 && p.size > 0, "{}: {}", part.name, p.name);
                let clash = part
                    .peripherals
                    .iter()
                    .find(|q| q.name != p.name && q.base < p.base + p.size && p.base < q.base + q.size);
                assert!(clash.is_none(), "{}: {} overlaps {}", part.name, p.name, clash.unwrap().name);
            }
        }
    }

    #[test]
    fn names_long_and_short() {
        for (name, full) in [
            ("F051", "STM32F051K6"),
            ("stm32f051k8", "STM32F051K8"),
            ("g071", "STM32G071xB"),
            ("G071_64K", "STM32G071x8"),
            ("G031", "STM32G031K8"),
            ("F031", "STM32F031K6"),
        ] {
            assert_eq!(find(name).unwrap().name, full);
        }
        let error = find("F999").unwrap_err().to_string();
        assert!(error.contains("'F999'") && error.contains("STM32G071xB (G071)"), "{error}");
    }

    #[test]
    fn option_words_fill_their_area_without_overlap() {
        for part in all() {
            let options = &part.option_bytes;
            let mut places: Vec<u32> = options.words.values().map(|w| w.offset).collect();
            places.sort_unstable();
            assert_eq!(places.first(), Some(&0), "{}: RDP is the lowest byte", part.name);
            assert!(places.windows(2).all(|p| p[0] + 2 * options.width <= p[1]), "{}: {places:X?}", part.name);
            assert!(places.iter().all(|p| p + 2 * options.width <= options.size), "{}: {places:X?}", part.name);
            let most = u32::MAX >> (32 - 8 * options.width);
            assert!(options.words.values().all(|w| w.factory <= most), "{}: wider than a value", part.name);
            assert!(!options.protecting().is_empty(), "{}: no write protection", part.name);
            if let crate::flash::OptionPath::Registers(registers) = crate::flash::interface(part.family).options {
                assert_eq!(options.words["OPTR"].register, Some(registers.optr), "{}", part.name);
                assert!(options.words.values().all(|w| w.register.is_some()), "{}", part.name);
            }
        }
    }

    const FAMILY: (&str, &str) = ("family.toml", include_str!("data/f0/family.toml"));
    const F031: &str = include_str!("data/f0/stm32f031k6.toml");

    #[test]
    fn a_part_is_its_familys_file_and_its_own() {
        let part = read::read(FAMILY, ("f031.toml", F031)).unwrap();
        assert_eq!(part, *find("F031").unwrap().as_ref());
        assert!(part.peripheral("TIM15").is_none() && part.peripheral("SYSCFG").unwrap().comparators == 0);
        // A new variant is one file: here a F030K6, whose SRAM is the F031's.
        let f030 = F031.replace("STM32F031K6", "STM32F030K6").replace("short = \"F031\"\n", "");
        let f030 = format!("{f030}\n[[peripheral]]\nname = \"TIM2\"\nchannels = 0\n");
        let part = read::read(FAMILY, ("f030.toml", &f030)).unwrap();
        let mut chip = crate::chip::Chip::new(&std::sync::Arc::new(part), 1).unwrap();
        chip.power_on();
        assert_eq!(chip.part().nick(), "STM32F030K6");
    }

    #[test]
    fn what_does_not_fit_the_schema_is_refused() {
        let refused = |from: &str, to: &str, of_part: bool| {
            let (mut family, mut part) = (FAMILY.1.to_owned(), F031.to_owned());
            let text = if of_part { &mut part } else { &mut family };
            assert!(text.contains(from), "{from}");
            *text = text.replacen(from, to, 1);
            read::read((FAMILY.0, &family), ("f031.toml", &part)).unwrap_err().to_string()
        };
        for (from, to, of_part, told) in [
            ("sram.size", "sram.wings", true, "wings"),
            ("[flash]", "[flash]\nwings = 2", false, "wings"),
            ("kind = \"tim", "kind = \"tum", false, "tum"),
            ("RDP = { offset", "RDP = { wings = 1, offset", false, "wings"),
            ("width = 1\n", "", false, "width"),
            ("factory = 0xAA }", "}", false, "factory"),
            ("\"sectors\"", "\"wings\"", false, "wings"),
            ("\"TIM6\", ", "\"TIM66\", ", true, "no block TIM66"),
            ("name = \"SYSCFG\"", "name = \"SYSCFGG\"", true, "kind"),
            ("sram.size = 0x1000\n", "", true, "size"),
        ] {
            let error = refused(from, to, of_part);
            assert!(error.contains(told) && error.contains("f031.toml"), "{error}");
        }
        let error = refused("family = \"F0\"", "family = ", false);
        assert!(error.contains("family.toml"), "{error}");
    }
}
