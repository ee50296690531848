//! A scenario file: what it is about, on which part, the chip's condition before, variables, and the steps.

use super::many::{self, Many};
use super::scalar::{Address, At, Bytes, Flag, Num, Pages};
use super::steps::Step;
use crate::am32::Pin;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// One scenario: steps on a virtual ESC, and what is expected of it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "dryflash scenario")]
pub struct Scenario {
    /// What it is about, in one line.
    pub about: String,
    /// The part: F031, F051, G031, G071, G071_64K, or a full name. Several belong into `matrix.part`. A scenario
    /// of nothing but `check` steps needs none.
    #[serde(default)]
    pub part: Option<At<String>>,
    /// The pin of the signal wire. Without it: the pin in the marks of the bootloader that was programmed, or all
    /// pins that AM32 uses.
    #[serde(default)]
    pub pin: Option<At<SignalPin>>,
    /// The folder that names of files are relative to, relative to the scenario; without it the scenario's own.
    #[serde(default)]
    pub files: Option<At<String>>,
    /// Variables and their values, for `{name}` in any text; `--set name=value` on the command line wins.
    #[serde(default)]
    pub vars: BTreeMap<String, Variable>,
    /// Axes: the scenario runs once for each combination of their values, as a case with a name of its own.
    #[serde(default)]
    pub matrix: BTreeMap<String, Axis>,
    /// Combinations of the matrix to leave out: axis and value.
    #[serde(default)]
    pub except: Vec<BTreeMap<String, String>>,
    /// The chip's condition before the first step. Blank, with factory option bytes, where absent.
    #[serde(default)]
    pub factory: Option<At<Factory>>,
    /// Files that are made from others, by changing some of their bytes.
    #[serde(default)]
    pub make: Vec<At<Make>>,
    /// What is done and expected, in order.
    pub step: Vec<At<Step>>,
}

/// A variable.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a text, or { file = \"...\" }")]
pub enum Variable {
    /// A text.
    Text(String),
    /// A file: relative to the scenario here, and to the current folder in `--set`.
    File(FileVariable),
}

/// A variable that is a file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileVariable {
    /// The file; may be empty, where `--set` has to give one.
    pub file: String,
}

/// The values of an axis.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a list of values, or { glob = \"build/*.hex\" }")]
pub enum Axis {
    /// One by one.
    Values(Vec<AxisValue>),
    /// A value for each file that matches.
    Files(FileAxis),
}

/// An axis over files.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileAxis {
    /// The pattern, such as `"build/*.hex"`; a case is named after the file, without its extension.
    pub glob: String,
}

/// One value of an axis.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a text, a number, or a table with `name` and further texts")]
pub enum AxisValue {
    /// A text: `{axis}`.
    Text(String),
    /// A number.
    Number(i64),
    /// Several variables at once: `name` is `{axis}` and names the case, the others are `{axis.key}`.
    Row(BTreeMap<String, RowValue>),
}

/// A value in a row of an axis.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a text, a number, true or false")]
pub enum RowValue {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
}

/// The chip's condition before the first step, as whoever had it before left it. The one place where flash is
/// changed without its controller.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Factory {
    /// A state file, as `--state` keeps it; the rest comes on top.
    pub state: Option<At<String>>,
    /// Files that stand in flash already: `FILE` or `FILE@ADDR`, as of step `program`.
    #[serde(deserialize_with = "many::list")]
    #[schemars(with = "Many<String>")]
    pub holds: Vec<At<String>>,
    /// Bytes that stand in flash already, by address.
    pub bytes: BTreeMap<String, At<Bytes>>,
    /// The read-protection level.
    pub rdp: Option<At<Num>>,
    /// Pages that are write-protected.
    #[serde(deserialize_with = "many::list")]
    #[schemars(with = "Many<Pages>")]
    pub wrp: Vec<At<Pages>>,
    /// Option bytes (F0: one byte) or option words (G0), by address; complements are added.
    pub option_bytes: BTreeMap<String, At<Address>>,
}

/// A file that is made from another one, in memory.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Make {
    /// What it is called in the steps.
    pub name: String,
    /// The file that it begins as.
    pub from: At<String>,
    /// Bytes that take other bytes' places.
    #[serde(default)]
    pub patch: Vec<At<Patch>>,
    /// Bytes of B5 are added up to this length.
    #[serde(default)]
    pub pad_to: Option<At<Num>>,
    /// It ends after this many bytes.
    #[serde(default)]
    pub cut_to: Option<At<Num>>,
    /// A text, and what takes its place.
    #[serde(default)]
    pub replace: Option<At<[String; 2]>>,
}

/// Bytes at an offset.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Patch {
    /// The offset in the file.
    pub at: Num,
    /// The bytes.
    pub bytes: Bytes,
    /// Only where this holds: `"{axis.key}"` of a row.
    #[serde(default)]
    pub when: Option<Flag>,
}

/// A pin, such as `PB4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalPin(pub Pin);

impl<'de> Deserialize<'de> for SignalPin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<SignalPin, D::Error> {
        let text = String::deserialize(deserializer)?;
        let pin = text.parse().map_err(|()| D::Error::custom(format!("'{text}' is not a pin: write it as PB4")))?;
        Ok(SignalPin(pin))
    }
}

impl JsonSchema for SignalPin {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "SignalPin".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "description": "a pin such as \"PB4\""})
    }
}
