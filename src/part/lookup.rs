//! The part that a name means: in full, AM32's short form, or the order code that stands on the chip.

use super::{Part, PartError, all};
use crate::near::nearest;
use std::sync::Arc;

/// MCUs of ESCs that no part file describes: the series as people call it, and its maker's name for it.
const NOT_MODELLED: [(&str, &str); 8] = [
    ("E230", "GD32E230"),
    ("F350", "GD32F350"),
    ("F415", "AT32F415"),
    ("F421", "AT32F421"),
    ("G431", "STM32G431"),
    ("L431", "STM32L431"),
    ("V203", "CH32V203"),
    ("A153", "MCXA153"),
];

/// The part with this name, whatever the case: in full (STM32F051K6), in AM32's short form (F051), or by its order code
/// (STM32F051K6T6, F051K6, STM32G071CB), of which series and flash size count: the package decides nothing here.
///
/// Flash sizes in order codes: ST's datasheets of the STM32F031, F051, G031 and G071, "ordering information".
///
/// # Errors
/// [`PartError::Unknown`] with the nearest name, [`PartError::NotModelled`], [`PartError::OtherSize`].
pub fn find(name: &str) -> Result<Arc<Part>, PartError> {
    let parts = all();
    let word = name.trim().to_ascii_uppercase().replace('-', "_");
    let short = |word: &str| parts.iter().find(|p| p.short.as_deref() == Some(word)).cloned();
    let full = || parts.iter().find(|p| p.name.eq_ignore_ascii_case(&word)).cloned();
    if let Some(part) = short(&word).or_else(full) {
        return Ok(part);
    }
    for (series, full) in NOT_MODELLED {
        if word.starts_with(series) || word.starts_with(full) {
            return Err(PartError::NotModelled { name: name.to_owned(), full, known: known(parts) });
        }
    }
    let bare = word.strip_prefix("STM32").unwrap_or(&word);
    if let Some(series) = bare.get(..4)
        && let Some(usual) = short(series)
    {
        let of_series: Vec<&Arc<Part>> = parts.iter().filter(|p| series_of(p) == series).collect();
        return match flash_kb(&bare[4..]) {
            Some(Size::Unsaid) => Ok(usual),
            Some(Size::Kb(kb)) => {
                let fits = of_series.iter().find(|p| p.flash.size == kb * 1024);
                fits.map(|p| Arc::clone(p)).ok_or_else(|| PartError::OtherSize {
                    name: name.to_owned(),
                    kb,
                    known: of_series.iter().map(|p| p.name.clone()).collect::<Vec<_>>().join(" and "),
                })
            }
            None => Err(unknown(name, parts)),
        };
    }
    Err(unknown(name, parts))
}

/// `F051` of STM32F051K6.
fn series_of(part: &Part) -> &str {
    part.name.get(5..9).unwrap_or_default()
}

/// What stands behind the series.
enum Size {
    /// Nothing.
    Unsaid,
    /// The flash size in KB.
    Kb(u32),
}

/// Reads what stands behind the series: nothing, `_64K`, or pins, flash size, package and temperature as in `K6T6`.
fn flash_kb(rest: &str) -> Option<Size> {
    if rest.is_empty() {
        return Some(Size::Unsaid);
    }
    if let Some(size) = rest.strip_prefix('_') {
        return size.strip_suffix('K')?.parse().ok().map(Size::Kb);
    }
    let mut letters = rest.chars();
    // Pins: 20, 28, 32, 36, 48, 64, 80, 81; an x stands for any.
    letters.next().filter(|pins| "FGKTECRMNJX".contains(*pins))?;
    let kb = match letters.next()? {
        '4' => 16,
        '6' => 32,
        '8' => 64,
        'B' => 128,
        _ => return None,
    };
    // Package, temperature, options: T6, U6TR, Y6.
    let fits = rest.len() <= 8 && letters.all(|c| c.is_ascii_alphanumeric());
    fits.then_some(Size::Kb(kb))
}

fn known(parts: &[Arc<Part>]) -> String {
    let known = parts.iter().map(|p| p.short.as_ref().map_or(p.name.clone(), |s| format!("{} ({s})", p.name)));
    known.collect::<Vec<_>>().join(", ")
}

fn unknown(name: &str, parts: &[Arc<Part>]) -> PartError {
    let word = name.trim().to_ascii_uppercase();
    let names = parts.iter().flat_map(|p| p.short.as_deref().into_iter().chain([p.name.as_str()]));
    let near = nearest(&word, names).map(str::to_owned);
    PartError::Unknown { name: name.to_owned(), near, known: known(parts) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::Mcu;

    #[test]
    fn names_that_stand_on_chips_and_in_other_tools() {
        for (name, full) in [
            ("F051", "STM32F051K6"),
            ("stm32f051k8", "STM32F051K8"),
            ("STM32F051K6T6", "STM32F051K6"),
            ("stm32f051k6u6tr", "STM32F051K6"),
            ("F051K6", "STM32F051K6"),
            ("F051C8", "STM32F051K8"),
            ("STM32F051x8", "STM32F051K8"),
            ("STM32F051", "STM32F051K6"),
            ("STM32F031F6P6", "STM32F031K6"),
            ("STM32G031K8T6", "STM32G031K8"),
            ("STM32G071KB", "STM32G071xB"),
            ("STM32G071CB", "STM32G071xB"),
            ("STM32G071K8U6", "STM32G071x8"),
            ("G071-64K", "STM32G071x8"),
            ("G071_128K", "STM32G071xB"),
            ("g071", "STM32G071xB"),
        ] {
            assert_eq!(find(name).map(|p| p.name.clone()).map_err(|e| e.to_string()), Ok(full.to_owned()), "{name}");
        }
    }

    #[test]
    fn what_is_known_and_not_modelled_is_told() {
        for name in ["L431", "STM32L431KB", "at32f421", "F421", "GD32E230"] {
            assert!(matches!(find(name), Err(PartError::NotModelled { .. })), "{name}");
        }
        let error = find("STM32G031K6").unwrap_err().to_string();
        assert!(error.contains("32 KB") && error.contains("STM32G031K8"), "{error}");
        let here = Mcu::ALL.into_iter().filter(|m| !m.is_modelled()).map(Mcu::name).collect::<Vec<_>>();
        let mut listed: Vec<&str> = NOT_MODELLED.iter().map(|(series, _)| *series).collect();
        listed.sort_by_key(|s| here.iter().position(|h| h == s));
        assert_eq!(listed, here, "the AM32 side knows the same MCUs");
    }

    #[test]
    fn a_near_miss_is_suggested() {
        for (name, near) in [("F052", "F051"), ("STM32F052K6", "STM32F051K6"), ("g071_6k4", "G071_64K")] {
            let Err(PartError::Unknown { near: found, .. }) = find(name) else { panic!("{name}: {:?}", find(name)) };
            assert_eq!(found.as_deref(), Some(near), "{name}");
        }
        for name in ["", "Z80", "ATMEGA328P", "F051K6T6TR12345", "F051ZZ", "STM32F0511"] {
            let error = find(name).unwrap_err();
            assert!(matches!(error, PartError::Unknown { .. }), "{name}: {error}");
        }
    }
}
