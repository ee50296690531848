//! What a field of a page holds.

use super::field::{Field, Kind, Outside, Scale};
use super::page::{self, Settings};
use super::tune::tune;
use crate::plural::count;

/// A field of a page, and what it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// The field.
    pub field: &'static Field,
    /// Its bytes.
    pub raw: Vec<u8>,
    /// For people, with the unit: `2220 KV`, `off`, `by rpm`.
    pub text: String,
    /// The number in the field's unit; none for what is none, or off, or makes no sense.
    pub number: Option<f64>,
    /// Why the value makes no sense, and what the firmware does with it.
    pub doubt: Option<String>,
    /// Whether it is what a fresh page holds, one that firmware took over, or one of a DroneCAN ESC.
    pub is_default: bool,
}

impl Value {
    /// Of this page; none where it does not have the field.
    pub(super) fn of(settings: &Settings, field: &'static Field) -> Option<Value> {
        let raw = settings.raw(field)?;
        let read = match (field.kind, raw) {
            (Kind::Number | Kind::Switch | Kind::Choice, [byte]) => one(settings, field, *byte),
            (Kind::Tune, bytes) => melody(bytes),
            (Kind::Text, bytes) => match page::text(bytes) {
                Some(text) => Read::text(format!("'{text}'")),
                None => Read { doubt: Some("these bytes are no name".to_owned()), ..Read::text(hex(bytes)) },
            },
            (_, bytes) => Read::text(hex(bytes)),
        };
        let all = |byte: Option<u8>| byte.is_some_and(|wanted| raw.iter().all(|b| *b == wanted));
        let is_default = all(field.default_in(settings.layout())) || all(field.migrated) || all(field.can);
        Some(Value { field, raw: raw.to_vec(), text: read.text, number: read.number, doubt: read.doubt, is_default })
    }

    /// Its one byte; the first where it has several.
    pub fn byte(&self) -> u8 {
        self.raw.first().copied().unwrap_or(0xFF)
    }
}

/// What bytes mean.
struct Read {
    text: String,
    number: Option<f64>,
    doubt: Option<String>,
}

impl Read {
    fn text(text: impl Into<String>) -> Read {
        Read { text: text.into(), number: None, doubt: None }
    }
}

fn one(settings: &Settings, field: &Field, raw: u8) -> Read {
    if let Some(blank) = field.blank.filter(|_| raw == 0xFF) {
        return Read::text(blank);
    }
    let layout = settings.layout();
    let known = match field.kind {
        Kind::Switch if raw <= 1 => Some(Read::text(if raw == 1 { "on" } else { "off" })),
        Kind::Choice => field.choices.iter().find(|c| c.raw == raw).map(|choice| Read {
            doubt: choice
                .since
                .filter(|since| settings.is_older_than(*since))
                .map(|since| format!("firmware before {since} does not know it")),
            ..Read::text(choice.name)
        }),
        _ if field.is_off(raw) => Some(Read::text("off")),
        _ => field.scales_in(layout).find(|s| s.holds(raw)).map(|scale| number(field, scale, raw)),
    };
    known.unwrap_or_else(|| {
        let fits = |o: &&Outside| o.raw.holds(raw) && o.before.is_none_or(|before| settings.is_older_than(before));
        let does = field.outside.iter().find(fits).map(|o| o.does.to_owned());
        let doubt = Some(does.unwrap_or_else(|| format!("it should be {}", field.allowed(layout))));
        let alike = |scale: &&Scale| field.scales.iter().all(|s| (s.factor, s.base) == (scale.factor, scale.base));
        match field.scales_in(layout).find(alike) {
            // What it would be, where one rule holds for all.
            Some(scale) => Read { doubt, number: None, ..number(field, scale, raw) },
            _ => Read { doubt, ..Read::text(format!("byte {raw}")) },
        }
    })
}

fn number(field: &Field, scale: &Scale, raw: u8) -> Read {
    let (value, decimals) = (scale.value(raw), scale.decimals());
    let unit = field.unit.map_or_else(String::new, |unit| format!(" {unit}"));
    // Without the digits that a sum of binary fractions has too many.
    let rounded = (value * 1e4).round() / 1e4;
    Read { number: Some(rounded), ..Read::text(format!("{value:.decimals$}{unit}")) }
}

fn melody(bytes: &[u8]) -> Read {
    let Some(sounds) = tune(bytes) else { return Read::text("default") };
    let notes = sounds.iter().filter(|s| s.hz.is_some()).count();
    let ms: u64 = sounds.iter().map(|s| u64::from(s.ms)).sum();
    Read::text(format!("{}, {}.{} s", count(notes as u64, "note"), ms / 1000, ms % 1000 / 100))
}

/// Bytes, in hex; many that are alike as one.
fn hex(bytes: &[u8]) -> String {
    match bytes {
        [first, .., last] if bytes.len() > 3 && bytes.iter().all(|b| b == first) => {
            format!("{last:02X} {} times", bytes.len())
        }
        _ => bytes.iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::fixtures;

    fn settings(change: impl FnOnce(&mut Vec<u8>)) -> Settings {
        let mut page = fixtures::eeprom(1, 4, (2, 21));
        page[5..17].copy_from_slice(&[0xA0, 4, 0, 10, 100, 0, 50, 2, 0, 0, 0, 0]);
        page.resize(192, 0xFF);
        change(&mut page);
        Settings::read(&page).unwrap()
    }

    fn of(name: &str, layout: u8, raw: u8) -> (String, Option<String>) {
        let at = Field::named(name).unwrap().at;
        let settings = settings(|p| (p[1], p[at]) = (layout, raw));
        let value = settings.value(name).unwrap_or_else(|| panic!("layout {layout} has {name}"));
        (value.text, value.doubt)
    }

    #[test]
    fn units_and_formulas() {
        for (name, raw, text) in [
            ("max_ramp", 160, "16.0 %/ms"),
            ("minimum_duty_cycle", 7, "3.5 %"),
            ("minimum_duty_cycle", 0, "off"),
            ("absolute_voltage_cutoff", 25, "12.5 V"),
            ("active_brake_power", 2, "2 %"),
            ("brake_on_zero_throttle", 3, "brake after 1 s"),
            ("dir_reversed", 1, "on"),
            ("variable_pwm", 2, "by rpm"),
            ("advance_level", 2, "15.0 degrees"),
            ("advance_level", 26, "15.0 degrees"),
            ("advance_level", 42, "30.0 degrees"),
            ("pwm_frequency", 96, "96 kHz"),
            ("motor_kv", 0x37, "2220 KV"),
            ("servo_low_threshold", 128, "1006 us"),
            ("servo_high_threshold", 128, "2006 us"),
            ("servo_neutral", 128, "1502 us"),
            ("low_cell_volt_cutoff", 50, "3.00 V"),
            ("temperature_limit", 100, "100 C"),
            ("temperature_limit", 0x8D, "off"),
            ("current_limit", 100, "200 A"),
            ("current_limit", 0x66, "off"),
            ("current_limit", 0, "off"),
            ("input_type", 5, "dronecan"),
            ("can_node", 0xFF, "not set"),
            ("can_node", 12, "12"),
        ] {
            assert_eq!(of(name, 4, raw), (text.to_owned(), None), "{name} {raw}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_doubted() {
        for (name, layout, raw, text, doubt) in [
            ("max_ramp", 4, 0, "0.0 %/ms", "never ramps up"),
            ("max_ramp", 3, 255, "25.5 %/ms", "as fast as the target allows"),
            ("motor_poles", 4, 0, "0", "divides by it"),
            ("motor_poles", 4, 34, "34", "32 / poles"),
            ("motor_poles", 4, 7, "7", "odd number"),
            ("advance_level", 4, 5, "byte 5", "15 degrees are used"),
            ("advance_level", 2, 26, "byte 26", "knows 0 to 3 only, and uses 15 degrees"),
            ("auto_advance", 4, 0x31, "byte 49", "counts as on"),
            ("pwm_frequency", 2, 96, "96 kHz", "before 2.19"),
            ("can_node", 4, 200, "200", "no CAN node"),
            ("servo_dead_band", 4, 200, "200 us", "it should be 0 to 100 us"),
            ("boot", 4, 0xFF, "byte 255", "the bootloader stays"),
        ] {
            let (is, why) = of(name, layout, raw);
            assert!(is == text && why.as_ref().is_some_and(|w| w.contains(doubt)), "{name} {raw}: {is} {why:?}");
        }
    }

    #[test]
    fn a_choice_that_the_firmware_is_too_old_for() {
        let of = |layout, firmware: [u8; 2]| {
            let settings = settings(|p| {
                p[1] = layout;
                p[3..5].copy_from_slice(&firmware);
                p[21] = 2;
            });
            settings.value("variable_pwm").unwrap().doubt
        };
        assert_eq!(of(2, [2, 17]).as_deref(), Some("firmware before 2.18 does not know it"));
        assert_eq!(of(2, [2, 18]), None);
        assert_eq!(of(4, [1, 0x23]), None, "a version that a tool made up says nothing");
    }

    #[test]
    fn a_doubt_is_that_of_the_firmware() {
        let of = |name, firmware: [u8; 2]| {
            let at = Field::named(name).unwrap().at;
            let settings = settings(|p| {
                p[1] = 2;
                p[3..5].copy_from_slice(&firmware);
                p[at] = 0xFF;
            });
            settings.value(name).unwrap().doubt.unwrap()
        };
        for name in ["rc_car_reverse", "brake_on_stop", "bi_direction"] {
            assert_eq!(of(name, [2, 16]), "counts as off", "{name}");
            assert!(of(name, [2, 17]).starts_with("counts as on"), "{name}");
        }
    }

    #[test]
    fn a_page_has_what_its_layout_and_length_hold() {
        let names = |layout, length| {
            let s = settings(|p| {
                p[1] = layout;
                p.truncate(length);
            });
            s.values().iter().map(|v| v.field.name).collect::<Vec<_>>()
        };
        assert!(names(0, 48).contains(&"name") && !names(0, 48).contains(&"beep_volume"));
        assert!(names(1, 48).contains(&"beep_volume") && !names(1, 48).contains(&"input_type"));
        assert!(names(2, 48).contains(&"auto_advance") && !names(2, 48).contains(&"tune"));
        assert!(names(2, 184).contains(&"can_term_enable") && !names(2, 184).contains(&"can_reserved"));
        assert!(names(3, 192).contains(&"max_ramp") && !names(3, 192).contains(&"brake_on_zero_throttle"));
        assert!(names(4, 192).contains(&"brake_on_zero_throttle") && !names(4, 192).contains(&"name"));
        assert_eq!(names(0xFF, 192), names(4, 192), "the newest rules");
    }

    #[test]
    fn defaults_are_known_as_such() {
        let s = settings(|p| p[25] = 120);
        assert!(s.value("motor_poles").unwrap().is_default && !s.value("startup_power").unwrap().is_default);
        assert!(s.value("tune").unwrap().is_default);
        assert_eq!(s.value("tune").unwrap().text, "default");
    }

    #[test]
    fn names_and_bytes() {
        let s = settings(|p| {
            p[1] = 2;
            p[5..17].copy_from_slice(b"NEOESC f051 ");
        });
        assert_eq!(s.value("name").unwrap().text, "'NEOESC f051'");
        let s = settings(|p| (p[1], p[5]) = (2, 3));
        assert!(s.value("name").unwrap().doubt.is_some());
        assert_eq!(settings(|_| ()).value("can_reserved").unwrap().text, "FF 8 times");
        assert_eq!(settings(|p| p[15] = 7).value("reserved_14").unwrap().text, "00 07 00");
    }
}
