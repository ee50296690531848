//! Variables, and the axes that a scenario is run over.

use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

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
