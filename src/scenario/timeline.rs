//! A wire's level and its changes, as text.

use super::scalar::Span;
use crate::esc::{Change, Wire};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::borrow::Cow;

/// A wire's level and its changes: `"high, low@100ms"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// At first.
    pub start: Wire,
    /// Later.
    pub changes: Vec<Change>,
}

impl Timeline {
    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Timeline, String> {
        let level = |word: &str| match word.trim() {
            "low" => Ok(Wire::Low),
            "floating" => Ok(Wire::Floating),
            "high" => Ok(Wire::High),
            other => Err(format!("'{other}' is not low, floating or high")),
        };
        let mut words = text.split(',');
        let start = level(words.next().unwrap_or_default())?;
        let mut changes: Vec<Change> = Vec::new();
        for word in words {
            let (word, time) = word
                .split_once('@')
                .ok_or_else(|| format!("'{}' has no time: write it as LEVEL@TIME, such as low@100ms", word.trim()))?;
            let time = Span::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(time))
                .map_err(|e| e.to_string())?;
            if changes.last().is_some_and(|c| c.time_us >= time.0) {
                return Err(format!("the change at {} does not come after the one before it", time.0));
            }
            changes.push(Change { time_us: time.0, signal: level(word)? });
        }
        Ok(Timeline { start, changes })
    }
}

impl<'de> Deserialize<'de> for Timeline {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Timeline, D::Error> {
        Timeline::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
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
        json_schema!({"type": "string", "description": "low, floating or high, and changes: \"high, low@100ms\""})
    }
}
