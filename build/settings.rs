//! Reads the fields of AM32's EEPROM page and writes them as a Rust expression. What is read prints, by `Debug`, as the
//! library's types of the same names (`src/am32/settings/field.rs`): where the two differ, it does not compile.

use serde::{Deserialize, Deserializer, de::Error};
use std::fmt;
use std::fs;
use std::path::Path;

const DATA: &str = "src/am32/settings/fields.toml";

pub fn build(out: &Path) {
    println!("cargo::rerun-if-changed={DATA}");
    let text = fs::read_to_string(DATA).unwrap_or_else(|e| panic!("{DATA}: {e}"));
    let file: File = toml::from_str(&text).unwrap_or_else(|e| panic!("{DATA}: {e}"));
    let code = format!("pub(super) static FIELDS: &[Field] = {:?};\n", file.field);
    fs::write(out.join("settings.rs"), code).expect("the output folder can be written");
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    field: List<Field>,
}

/// A list that prints as a slice.
#[derive(Deserialize)]
#[serde(transparent)]
struct List<T>(Vec<T>);

impl<T> Default for List<T> {
    fn default() -> List<T> {
        List(Vec::new())
    }
}

impl<T: fmt::Debug> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "&{:?}", self.0)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    name: String,
    json: Option<String>,
    #[serde(rename = "c")]
    c_name: String,
    dronecan: Option<String>,
    about: String,
    at: usize,
    #[serde(default = "one")]
    size: usize,
    #[serde(default = "any_layout")]
    layouts: Span,
    since: Option<Firmware>,
    kind: Kind,
    unit: Option<String>,
    #[serde(rename = "scale", default)]
    scales: List<Scale>,
    #[serde(default)]
    choices: List<Choice>,
    #[serde(default)]
    off: List<Span>,
    #[serde(default)]
    outside: List<Outside>,
    blank: Option<String>,
    default: Option<u8>,
    old: Option<u8>,
    migrated: Option<u8>,
    can: Option<u8>,
}

fn one() -> usize {
    1
}

fn any_layout() -> Span {
    Span { first: 0, last: u8::MAX }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Number,
    Switch,
    Choice,
    Text,
    Bytes,
    Tune,
}

/// `[first, last]`.
#[derive(Debug)]
struct Span {
    first: u8,
    last: u8,
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
        let [first, last] = <[u8; 2]>::deserialize(deserializer)?;
        if first > last {
            return Err(D::Error::custom(format!("[{first}, {last}] ends before it begins")));
        }
        Ok(Span { first, last })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scale {
    raw: Span,
    #[serde(default = "once")]
    factor: f64,
    #[serde(default)]
    base: f64,
    #[serde(default = "step")]
    step: u8,
    #[serde(default = "any_layout")]
    layouts: Span,
}

fn once() -> f64 {
    1.0
}

fn step() -> u8 {
    1
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    raw: u8,
    name: String,
    since: Option<Firmware>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outside {
    raw: Span,
    before: Option<Firmware>,
    does: String,
}

/// `"2.16"`.
#[derive(Debug)]
struct Firmware {
    major: u8,
    minor: u8,
}

impl<'de> Deserialize<'de> for Firmware {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Firmware, D::Error> {
        let text = String::deserialize(deserializer)?;
        let version = text.split_once('.').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        let (major, minor) = version.ok_or_else(|| D::Error::custom(format!("{text} is no version such as 2.16")))?;
        Ok(Firmware { major, minor })
    }
}
