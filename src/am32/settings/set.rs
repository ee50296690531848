//! A field of a page set to what people write.

use super::field::{Field, Kind, NEWEST, Scale};
use super::page::{PageError, Settings};
use super::value::Value;

/// Why a field was not set. The page is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    /// The bytes are no page.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The page does not have the field.
    #[error("{field} is not on this page: {why}")]
    NotThere {
        /// The field.
        field: &'static str,
        /// What of the page does not reach to it.
        why: String,
    },
    /// What is written means nothing for this field, or is out of its range.
    #[error("{field} cannot be '{text}': it is {allowed}{hint}")]
    Refused {
        /// The field.
        field: &'static str,
        /// What was written.
        text: String,
        /// What can be.
        allowed: String,
        /// What may be meant.
        hint: String,
    },
}

/// Sets a field of a page to what `text` says, and tells what the page holds then: of a number, that is the nearest step that a
/// byte can hold ([`is_rounded`] tells). Whole numbers are not rounded, nor steps that are few.
///
/// A number is in the field's unit, which may stand behind it (`2220`, `2220 KV`), or a raw byte in hex (`0x37`); a switch is `on` or `off`;
/// a choice goes by its name or number; `off` switches off what can be; a name is ASCII; other bytes are in hex (`00 01 02`); a
/// tune may be `default`.
///
/// # Errors
/// [`SetError`]: what is written is out of range or means nothing, or the page does not have the field.
pub fn set(page: &mut [u8], field: &'static Field, text: &str) -> Result<Value, SetError> {
    let settings = Settings::read(page)?;
    let (layout, bytes, end) = (settings.layout(), page.len(), field.at + field.size);
    let not_there = || {
        let why = if field.is_in(layout) {
            format!("the page ends after {bytes} bytes, and {} goes up to byte {}", field.name, end - 1)
        } else {
            let (first, last) = (field.layouts.first, field.layouts.last);
            let layouts =
                if first == last { format!("layout {first} has") } else { format!("layouts {first} to {last} have") };
            format!("its layout is {layout}, and only {layouts} it")
        };
        SetError::NotThere { field: field.name, why }
    };
    let place = page.get_mut(field.at..end).filter(|_| settings.has(field)).ok_or_else(not_there)?;
    let text = text.trim();
    let bytes = read(field, layout, text).ok_or_else(|| SetError::Refused {
        field: field.name,
        text: text.to_owned(),
        allowed: field.allowed(layout),
        hint: hint(field, layout, text),
    })?;
    place.copy_from_slice(&bytes);
    Value::of(&Settings::read(page)?, field).ok_or_else(not_there)
}

/// The bytes that `text` means for a field, on a page of any layout, written as for [`set`]; none where it means nothing. A plain
/// number for a byte without a unit need not make sense, nor one in hex: it may be what is to be found.
pub fn meant(field: &Field, text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let sensible = (0..=NEWEST).rev().find_map(|layout| read(field, layout, text));
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let as_stored = || match digits {
        Some(digits) => u8::from_str_radix(digits, 16).ok(),
        None if field.scales.iter().all(|s| s.factor == 1.0 && s.base == 0.0) => text.parse().ok(),
        None => None,
    };
    sensible.or_else(|| as_stored().filter(|_| field.size == 1).map(|raw| vec![raw]))
}

fn read(field: &Field, layout: u8, text: &str) -> Option<Vec<u8>> {
    match field.kind {
        Kind::Text => {
            let fits = text.len() <= field.size && text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
            let fill = std::iter::repeat(b' ');
            fits.then(|| text.bytes().chain(fill).take(field.size).collect())
        }
        Kind::Tune if text.eq_ignore_ascii_case("default") => Some(vec![0xFF; field.size]),
        Kind::Tune | Kind::Bytes => hex_bytes(text).filter(|bytes| bytes.len() == field.size),
        Kind::Number | Kind::Switch | Kind::Choice => one(field, layout, text).map(|raw| vec![raw]),
    }
}

fn one(field: &Field, layout: u8, text: &str) -> Option<u8> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u8::from_str_radix(digits, 16).ok().filter(|raw| makes_sense(field, layout, *raw));
    }
    let word = text.to_ascii_lowercase().replace(['-', '_'], " ");
    if field.blank.is_some_and(|blank| blank == word) {
        return Some(0xFF);
    }
    match field.kind {
        Kind::Switch => match word.as_str() {
            "on" | "1" | "true" | "yes" => Some(1),
            "off" | "0" | "false" | "no" => Some(0),
            _ => None,
        },
        Kind::Choice => {
            let by_number = || word.parse().ok().filter(|raw| makes_sense(field, layout, *raw));
            field.choices.iter().find(|c| c.name == word).map(|c| c.raw).or_else(by_number)
        }
        _ if word == "off" => field.off.first().map(|span| span.first),
        _ => {
            let value = number(field, text)?;
            let step = |scale: &Scale| {
                let raw = scale.raw(value)?;
                (!scale.is_exact() || is_near(scale.value(raw), value)).then_some(raw)
            };
            field.scales_in(layout).find_map(step)
        }
    }
}

fn number(field: &Field, text: &str) -> Option<f64> {
    let (unit, word) = (field.unit.unwrap_or_default().to_ascii_lowercase(), text.trim().to_ascii_lowercase());
    word.strip_suffix(&unit).unwrap_or(&word).trim().parse().ok()
}

/// Whether two values are the same but for what binary fractions lose.
fn is_near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6
}

/// Whether `text`, which a field was set to, is a number that is none of the field's steps, so that `value` is the nearest to it.
/// A number as it is printed is a step.
pub fn is_rounded(value: &Value, text: &str) -> bool {
    let (Some(asked), Some(taken)) = (number(value.field, text), value.number) else { return false };
    let printed = number(value.field, &value.text);
    value.field.kind == Kind::Number && !is_near(asked, taken) && printed.is_none_or(|p| !is_near(asked, p))
}

/// Whether a raw value makes sense.
fn makes_sense(field: &Field, layout: u8, raw: u8) -> bool {
    match field.kind {
        _ if raw == 0xFF && field.blank.is_some() => true,
        Kind::Switch => raw <= 1,
        Kind::Choice => field.choices.iter().any(|c| c.raw == raw),
        _ => field.is_off(raw) || field.scales_in(layout).any(|s| s.holds(raw)),
    }
}

/// The step that is nearest, or that a number is the raw byte of something else.
fn hint(field: &Field, layout: u8, text: &str) -> String {
    let asked = number(field, text).filter(|_| field.kind == Kind::Number);
    let exact = |s: &&Scale| s.is_exact() && s.raw.last > s.raw.first;
    let near = asked.and_then(|a| field.scales_in(layout).filter(exact).find_map(|s| Some((s, s.raw(a)?))));
    if let Some((scale, raw)) = near {
        let (value, decimals) = (scale.value(raw), scale.decimals());
        let unit = field.unit.map_or_else(String::new, |unit| format!(" {unit}"));
        return format!("; {value:.decimals$}{unit} is the nearest");
    }
    let raw = text.parse::<u8>().ok().filter(|raw| field.kind == Kind::Number && makes_sense(field, layout, *raw));
    let told = raw.and_then(|raw| field.scales_in(layout).find(|s| s.holds(raw)).map(|s| (raw, s)));
    told.map_or_else(String::new, |(raw, scale)| {
        let (value, decimals, unit) = (scale.value(raw), scale.decimals(), field.unit.unwrap_or_default());
        format!("; the byte {raw} is {value:.decimals$} {unit}, or 0x{raw:02X}")
    })
}

fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let plain = digits.len().is_multiple_of(2) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let byte = |at| digits.get(at..at + 2).and_then(|d| u8::from_str_radix(d, 16).ok());
    plain.then(|| (0..digits.len()).step_by(2).map_while(byte).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::Firmware;
    use crate::am32::settings::default_page;

    fn page(layout: u8) -> Vec<u8> {
        default_page(layout, Firmware { major: 2, minor: 21 })
    }

    fn put(name: &str, text: &str) -> Result<(u8, String), String> {
        let field = Field::named(name).unwrap();
        let mut page = page(4);
        let value = set(&mut page, field, text).map_err(|e| e.to_string())?;
        assert_eq!(page[field.at], value.byte());
        Ok((value.byte(), value.text))
    }

    #[test]
    fn what_people_write() {
        for (name, text, raw, says) in [
            ("motor_kv", "2220", 0x37, "2220 KV"),
            ("motor_kv", "2400 kv", 60, "2420 KV"),
            ("motor_kv", "0x37", 0x37, "2220 KV"),
            ("max_ramp", "16", 160, "16.0 %/ms"),
            ("max_ramp", "0.1%/ms", 1, "0.1 %/ms"),
            ("minimum_duty_cycle", "off", 0, "off"),
            ("advance_level", "15", 26, "15.0 degrees"),
            ("advance_level", "0", 10, "0.0 degrees"),
            ("variable_pwm", "by-rpm", 2, "by rpm"),
            ("brake_on_zero_throttle", "9", 9, "brake after 7 s"),
            ("comp_pwm", "Off", 0, "off"),
            ("temperature_limit", "off", 141, "off"),
            ("low_cell_volt_cutoff", "3.3", 80, "3.30 V"),
            ("motor_poles", "12", 12, "12"),
            ("can_node", "not set", 0xFF, "not set"),
            ("boot", "start", 1, "start"),
        ] {
            assert_eq!(put(name, text), Ok((raw, says.to_owned())), "{name}={text}");
        }
    }

    #[test]
    fn what_is_refused() {
        for (name, text, message) in [
            ("max_ramp", "0", "max_ramp cannot be '0': it is 0.1 to 20.0 %/ms"),
            ("max_ramp", "160", "max_ramp cannot be '160': it is 0.1 to 20.0 %/ms; the byte 160 is 16.0 %/ms, or 0xA0"),
            ("motor_poles", "0x00", "motor_poles cannot be '0x00': it is 2 to 32, even"),
            ("motor_poles", "13", "motor_poles cannot be '13': it is 2 to 32, even; 14 is the nearest"),
            ("motor_poles", "12.4", "motor_poles cannot be '12.4': it is 2 to 32, even; 12 is the nearest"),
            ("startup_power", "99.5", "startup_power cannot be '99.5': it is 50 to 150 %; 100 % is the nearest"),
            ("motor_poles", "34", "motor_poles cannot be '34': it is 2 to 32, even"),
            ("comp_pwm", "2", "comp_pwm cannot be '2': it is on or off"),
            ("motor_kv", "fast", "motor_kv cannot be 'fast': it is 20 to 10220 KV"),
            ("motor_kv", "-100", "motor_kv cannot be '-100': it is 20 to 10220 KV"),
            ("motor_kv", "NaN", "motor_kv cannot be 'NaN': it is 20 to 10220 KV"),
            ("motor_kv", "", "motor_kv cannot be '': it is 20 to 10220 KV"),
            ("tune", "00", "tune cannot be '00': it is default, or 128 bytes in hex"),
            ("name", "x", "name is not on this page: its layout is 4, and only layouts 0 to 2 have it"),
        ] {
            assert_eq!(put(name, text).unwrap_err(), message);
        }
        let node = Field::named("can_node").unwrap();
        let mut short = page(4);
        short.truncate(48);
        let before = short.clone();
        let error = set(&mut short, node, "3").unwrap_err().to_string();
        assert_eq!((error.contains("ends after 48 bytes"), short), (true, before));
        assert_eq!(set(&mut [0; 47], node, "3"), Err(SetError::Page(PageError::TooShort { bytes: 47 })));
    }

    #[test]
    fn advance_has_four_steps_up_to_layout_2() {
        let field = Field::named("advance_level").unwrap();
        let mut page = page(2);
        assert_eq!(page[23], 2);
        for (text, raw) in [("0", 0), ("7.5 degrees", 1), ("15", 2), ("22.5", 3), ("0x03", 3)] {
            set(&mut page, field, text).unwrap();
            assert_eq!(page[23], raw, "{text}");
        }
        let error = set(&mut page, field, "10").unwrap_err().to_string();
        assert_eq!(
            error,
            "advance_level cannot be '10': it is 0.0 to 22.5 degrees, in steps of 7.5; 7.5 degrees is the nearest"
        );
        assert!(set(&mut page, field, "0x1A").is_err());
    }

    #[test]
    fn what_is_rounded_is_known() {
        for (name, text, is) in [
            ("motor_kv", "1990", true),
            ("motor_kv", "1980 KV", false),
            ("motor_kv", "0x31", false),
            ("advance_level", "10.3", false),
            ("advance_level", "10", true),
            ("low_cell_volt_cutoff", "3.304", true),
            ("temperature_limit", "off", false),
            ("comp_pwm", "1", false),
        ] {
            let value = set(&mut page(4), Field::named(name).unwrap(), text).unwrap();
            assert_eq!(is_rounded(&value, text), is, "{name}={text}");
        }
    }

    #[test]
    fn names_and_bytes() {
        let field = Field::named("name").unwrap();
        let mut page = page(2);
        assert_eq!(set(&mut page, field, "Left motor").unwrap().text, "'Left motor'");
        assert_eq!(page[5..17], *b"Left motor  ");
        assert!(set(&mut page, field, "thirteen char").is_err() && set(&mut page, field, "\u{e9}").is_err());
        let tune = Field::named("startupMelody").unwrap();
        assert_eq!(set(&mut page, tune, &"00".repeat(128)).unwrap().text, "0 notes, 0.0 s");
        assert_eq!(set(&mut page, tune, "default").unwrap().text, "default");
    }

    #[test]
    fn every_value_that_is_told_is_taken() {
        for layout in 0..=4 {
            let fresh = page(layout);
            let settings = Settings::read(&fresh).unwrap();
            for field in Field::all().iter().filter(|f| settings.has(f) && f.size == 1 && f.name != "layout") {
                for raw in (0..=255).filter(|r| makes_sense(field, layout, *r)) {
                    let mut page = fresh.clone();
                    page[field.at] = raw;
                    let value = Value::of(&Settings::read(&page).unwrap(), field).unwrap();
                    let again = set(&mut page, field, &value.text).unwrap();
                    assert_eq!((&again.text, again.doubt), (&value.text, value.doubt), "{} {raw}", field.name);
                }
            }
        }
    }
}
