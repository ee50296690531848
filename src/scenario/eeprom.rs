//! What a scenario expects of settings: `eeprom = { boot = 1, motor_kv = "2220 KV", comp_pwm = true }`.

use super::scalar::At;
use crate::am32::Settings;
use crate::am32::settings::{Field, Kind, meant};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

/// Settings, field by field.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub struct EepromExpect(pub BTreeMap<Key, At<Said>>);

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    name: &'static str,
}

/// Keys that stand for a field under another name, and whether their numbers are the bytes as stored.
const OTHERS: [(&str, &str, bool); 7] = [
    ("reversed", "dir_reversed", false),
    ("bidirectional", "bi_direction", false),
    ("advance", "advance_level", true),
    ("pwm_khz", "pwm_frequency", false),
    ("kv", "motor_kv", true),
    ("poles", "motor_poles", false),
    ("input", "input_type", false),
];

/// The version in two bytes, and whether there is a tune.
const FIRMWARE: &str = "firmware";
const OWN_TUNE: &str = "own_tune";

/// All keys.
static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let others = OTHERS.iter().map(|(name, ..)| *name);
    Field::all().iter().map(|f| f.name).chain(others).chain([FIRMWARE, OWN_TUNE]).collect()
});

impl Key {
    /// As the scenario has it.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Its field, and whether numbers are bytes as stored; none for what is no field.
    fn field(self) -> Option<(&'static Field, bool)> {
        let other = OTHERS.iter().find(|(name, ..)| *name == self.name);
        let (name, stored) = other.map_or((self.name, false), |(_, field, stored)| (*field, *stored));
        Field::all().iter().find(|f| f.name == name).map(|field| (field, stored))
    }

    /// Why nothing can ever be as it is `said`; none where something can.
    pub fn flaw(self, said: &Said) -> Option<String> {
        let Some((field, _)) = self.field() else {
            let wanted = if self.name == OWN_TUNE { "true or false" } else { "a version such as \"2.20\"" };
            let fits = if self.name == OWN_TUNE { said.flag().is_some() } else { said.0.contains('.') };
            return (!fits).then(|| format!("{} is {wanted}", self.name));
        };
        let one = if field.size == 1 { ", or a byte such as 0x1F" } else { "" };
        self.bytes(said)
            .is_none()
            .then(|| format!("{} is {}{one}", self.name, field.allowed(crate::am32::settings::NEWEST)))
    }

    fn bytes(self, said: &Said) -> Option<Vec<u8>> {
        match self.field()? {
            (_, true) => said.0.parse().ok().map(|raw| vec![raw]).or_else(|| meant(self.field()?.0, &said.0)),
            (field, false) => meant(field, &said.0),
        }
    }

    /// What the settings hold, where that is not what is `said`.
    pub fn differs(self, said: &Said, is: &Settings) -> Option<String> {
        let Some((field, _)) = self.field() else {
            return match self.name {
                OWN_TUNE => Some(is.has_own_tune()).filter(|is| said.flag() != Some(*is)).map(|is| is.to_string()),
                _ => {
                    let version = is.firmware().map(|f| f.to_string());
                    let same = version.as_deref() == Some(&said.0);
                    (!same).then(|| version.map_or_else(|| NOT_THERE.to_owned(), |v| format!("\"{v}\"")))
                }
            };
        };
        let wanted = self.bytes(said);
        let Some(value) = is.value(field.name) else { return Some(NOT_THERE.to_owned()) };
        if wanted.as_ref() == Some(&value.raw) {
            return None;
        }
        // A name is filled up with what the firmware likes.
        if field.kind == Kind::Text {
            let name = is.name();
            let same = name.as_deref() == Some(said.0.trim());
            return (!same).then(|| name.map_or_else(|| NOT_THERE.to_owned(), |n| format!("\"{n}\"")));
        }
        let plain = field.size > 1 || value.text == value.byte().to_string();
        Some(if plain { value.text } else { format!("{} (0x{:02X})", value.text, value.byte()) })
    }
}

const NOT_THERE: &str = "not there";

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let name = NAMES.iter().find(|name| **name == text);
        name.map(|name| Key { name }).ok_or_else(|| D::Error::unknown_field(&text, &NAMES))
    }
}

/// What is written for a field, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said(String);

impl Said {
    fn flag(&self) -> Option<bool> {
        self.0.parse().ok()
    }
}

impl<'de> Deserialize<'de> for Said {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Said, D::Error> {
        struct Any;

        impl Visitor<'_> for Any {
            type Value = Said;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, true or false, or text such as \"2220 KV\"")
            }
            fn visit_bool<E: Error>(self, value: bool) -> Result<Said, E> {
                Ok(Said(value.to_string()))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Said, E> {
                Ok(Said(value.to_string()))
            }
            fn visit_f64<E: Error>(self, value: f64) -> Result<Said, E> {
                Ok(Said(value.to_string()))
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Said, E> {
                Ok(Said(value.to_owned()))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl JsonSchema for EepromExpect {
    fn schema_name() -> Cow<'static, str> {
        "EepromExpect".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let about = |name: &'static str| match (Key { name }).field() {
            Some((field, true)) => format!("{} As stored.", field.about),
            Some((field, false)) => field.about.to_owned(),
            None if name == OWN_TUNE => "A start-up tune of its own.".to_owned(),
            None => "The firmware that last wrote the page: `\"2.20\"`.".to_owned(),
        };
        let types = ["boolean", "integer", "number", "string"];
        let property =
            |name: &&'static str| (name.to_string(), serde_json::json!({"description": about(name), "type": types}));
        let properties: serde_json::Map<String, serde_json::Value> = NAMES.iter().map(property).collect();
        json_schema!({
            "description": "Settings by name; a number is in the field's unit, a byte is written as \"0x1F\".",
            "type": "object",
            "properties": properties,
            "additionalProperties": false
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::Firmware;
    use crate::am32::settings::default_page;

    fn expect(text: &str) -> Vec<String> {
        let page = default_page(4, Firmware { major: 2, minor: 21 });
        let is = Settings::read(&page).unwrap();
        let expect: EepromExpect = toml::from_str(text).unwrap();
        expect.0.iter().filter_map(|(k, said)| k.differs(said, &is).map(|is| format!("{} is {is}", k.name()))).collect()
    }

    #[test]
    fn every_field_by_name_and_unit() {
        let holds = "boot = 1\nlayout = 4\nfirmware = '2.21'\nmax_ramp = 16\nmotor_kv = '2220 KV'\ncomp_pwm = true\n\
                     variable_pwm = 'variable'\ntemperature_limit = 'off'\nadvance_level = 15.0\nservo_neutral = '0x80'\ntune = 'default'\n\
                     can_node = 'not set'\nreserved_14 = '00 00 00'";
        assert_eq!(expect(holds), [""; 0]);
        assert_eq!(
            expect(
                "boot = 0\nmotor_kv = 2180\ncomp_pwm = false\nmotor_poles = 12\nname = 'x'\nfirmware = '2.20'\ntune = '00'"
            ),
            [
                "boot is start (0x01)",
                "comp_pwm is on (0x01)",
                "firmware is \"2.21\"",
                "motor_kv is 2220 KV (0x37)",
                "motor_poles is 14",
                "name is not there",
                "tune is default",
            ]
        );
        // What makes no sense can be expected all the same.
        assert_eq!(expect("max_ramp = '0x00'\nmotor_poles = 0"), ["max_ramp is 16.0 %/ms (0xA0)", "motor_poles is 14"]);
    }

    #[test]
    fn the_short_keys() {
        let holds = "reversed = false\nbidirectional = false\nadvance = 26\npwm_khz = 24\nstartup_power = 100\nkv = 55\npoles = 14\n\
                     beep_volume = 5\ninput = 0\nown_tune = false\nbootloader = 1";
        assert_eq!(expect(holds), [""; 0]);
        assert_eq!(expect("kv = 54\nown_tune = true"), ["kv is 2220 KV (0x37)", "own_tune is false"]);
    }

    #[test]
    fn what_can_never_hold() {
        let flaw = |text: &str| {
            let expect: EepromExpect = toml::from_str(text).unwrap();
            expect.0.iter().find_map(|(key, said)| key.flaw(said))
        };
        assert_eq!(flaw("boot = 300").as_deref(), Some("boot is start or update in progress, or a byte such as 0x1F"));
        assert_eq!(flaw("firmware = 2").as_deref(), Some("firmware is a version such as \"2.20\""));
        assert_eq!(flaw("own_tune = 'x'").as_deref(), Some("own_tune is true or false"));
        assert_eq!(flaw("kv = 0x37\nmax_ramp = '0x00'\npwm_frequency = 96\nname = 'x'\nboot = 255"), None);
        assert!(
            toml::from_str::<EepromExpect>("motor_pols = 1")
                .unwrap_err()
                .to_string()
                .contains("unknown field `motor_pols`")
        );
    }
}
