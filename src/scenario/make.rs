//! Files that are made from others.

use super::scalar::{At, Bytes, Flag, Num};
use schemars::JsonSchema;
use serde::Deserialize;

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
