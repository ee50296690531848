//! The parts, as data: one TOML file a part, in `data/`, read through a schema that refuses unknown fields.
//!
//! Adding a part is adding a file and its line in `FILES`. Sources: RM0091 Rev 10 and RM0444 chapters 2 and 3,
//! ST's device headers; what was inferred is in the files' `unknown` lists.

mod lookup;
mod schema;

pub use lookup::find;
pub use schema::{
    Calibration, Clock, Core, Family, Flash, Gate, Identity, Kind, Part, PeripheralSpec, Region, StartUp,
};

use std::sync::{Arc, OnceLock};

/// Each part's file, as shipped in the binary.
const FILES: &[(&str, &str)] = &[
    ("stm32f031k6.toml", include_str!("data/stm32f031k6.toml")),
    ("stm32f051k6.toml", include_str!("data/stm32f051k6.toml")),
    ("stm32f051k8.toml", include_str!("data/stm32f051k8.toml")),
    ("stm32g031k8.toml", include_str!("data/stm32g031k8.toml")),
    ("stm32g071x8.toml", include_str!("data/stm32g071x8.toml")),
    ("stm32g071xb.toml", include_str!("data/stm32g071xb.toml")),
];

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
    /// A part file does not fit the schema. With shipped files, a test has seen that this cannot happen.
    #[error("part file {file}: {message}")]
    File {
        /// The file's name.
        file: String,
        /// What is wrong, with its line.
        message: String,
    },
}

fn suggestion(near: &Option<String>) -> String {
    near.as_ref().map_or_else(String::new, |near| format!("; did you mean {near}"))
}

/// Every shipped part, in the order of the list above.
///
/// # Errors
/// [`PartError::File`] where a file does not fit the schema.
pub fn all() -> Result<Vec<Arc<Part>>, PartError> {
    static PARTS: OnceLock<Vec<Arc<Part>>> = OnceLock::new();
    if let Some(parts) = PARTS.get() {
        return Ok(parts.clone());
    }
    let parts =
        FILES.iter().map(|(file, text)| Part::from_toml(file, text).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
    Ok(PARTS.get_or_init(|| parts).clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_file_fits_the_schema() {
        let parts = all().unwrap();
        assert_eq!(parts.len(), FILES.len());
        for (part, (file, _)) in parts.iter().zip(FILES) {
            assert_eq!(format!("{}.toml", part.name.to_lowercase()), *file, "the file is named after its part");
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
    fn unknown_fields_are_refused() {
        let text = FILES[1].1.replace("[flash]\n", "[flash]\nwings = 2\n");
        let error = Part::from_toml("x.toml", &text).unwrap_err().to_string();
        assert!(error.contains("wings"), "{error}");
        let text = FILES[1].1.replace("kind = \"tim", "kind = \"tum");
        assert!(Part::from_toml("x.toml", &text).is_err());
    }
}
