//! The chip's condition before the first step.

use super::many::{self, Many};
use super::scalar::{Address, At, Bytes, Num, Pages};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

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
