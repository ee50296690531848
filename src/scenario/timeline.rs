//! A signal in a scenario: the grammar is `wire`'s. It is read when the case is looked at, so that what is wrong is told at
//! its place.

use crate::wire::{Named, SignalError, Spec, Waveform};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::borrow::Cow;

/// A signal as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Timeline(pub String);

impl Timeline {
    /// The signal, with its names and files looked up.
    ///
    /// # Errors
    /// What is wrong with the text, a name that nobody knows, a file that cannot be played.
    pub fn read(&self, names: &Named) -> Result<Waveform, SignalError> {
        self.0.parse::<Spec>()?.resolve(names)
    }
}

impl JsonSchema for Timeline {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Timeline".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "description": "what is on the wire: \"low\", \"high, low@100ms\", \"dshot600 idle after 40ms\", or a name of [signals]"})
    }
}
