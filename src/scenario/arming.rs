//! What may be expected of the app's side of the signal wire: which signal it takes, and whether it arms.

use super::expect::TimeRange;
use super::scalar::{At, Flag, SignalPin, Span};
use super::short::Short;
use crate::am32::InputKind;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// Whether the app arms: `true`, `false`, the time since power-on that it may take, or a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArmedExpect {
    /// Whether it does.
    Any(bool),
    /// When.
    When(TimeRange),
}

impl ArmedExpect {
    /// The time, where one is named.
    pub const fn when(&self) -> Option<&TimeRange> {
        match self {
            ArmedExpect::Any(_) => None,
            ArmedExpect::When(range) => Some(range),
        }
    }
}

impl<'de> Deserialize<'de> for ArmedExpect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ArmedExpect, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = ArmedExpect;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, a time such as \"2 s\", or { after, before }")
            }
            fn visit_bool<E: Error>(self, any: bool) -> Result<ArmedExpect, E> {
                Ok(ArmedExpect::Any(any))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<ArmedExpect, E> {
                match text {
                    "true" => Ok(ArmedExpect::Any(true)),
                    "false" => Ok(ArmedExpect::Any(false)),
                    text => {
                        let value = Span::deserialize(StrDeserializer::<E>::new(text))?;
                        let before = Some(At { value, span: 0..0 });
                        Ok(ArmedExpect::When(TimeRange { after: None, before }))
                    }
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ArmedExpect, A::Error> {
                TimeRange::deserialize(MapAccessDeserializer::new(map)).map(ArmedExpect::When)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for ArmedExpect {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "ArmedExpect".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let range = generator.subschema_for::<TimeRange>();
        json_schema!({"anyOf": [
            {"type": ["boolean", "string"], "description": "true, false, or the time since power-on that it may take"},
            range,
        ]})
    }
}

/// A signal that an app takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// None: its input is not set up, or for nothing that is known.
    None,
    /// Pulses, of servos or OneShot.
    Servo,
    /// DShot of 150 kbit/s.
    Dshot150,
    /// DShot of 300 kbit/s.
    Dshot300,
    /// DShot of 600 kbit/s.
    Dshot600,
    /// DShot of 1200 kbit/s.
    Dshot1200,
}

impl Input {
    /// What an app's input is for.
    pub const fn of(kind: InputKind) -> Input {
        match kind {
            InputKind::Pulses => Input::Servo,
            InputKind::Dshot { kbit: 150 } => Input::Dshot150,
            InputKind::Dshot { kbit: 300 } => Input::Dshot300,
            InputKind::Dshot { kbit: 600 } => Input::Dshot600,
            InputKind::Dshot { kbit: 1_200 } => Input::Dshot1200,
            InputKind::Dshot { .. } | InputKind::Unknown => Input::None,
        }
    }
}

/// The signal that the app takes: a word, or a table that says more.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InputTable")]
pub struct InputExpect {
    /// The signal.
    pub signal: Input,
    /// The pin that it is on.
    #[serde(default)]
    pub pin: Option<SignalPin>,
    /// Whether it answers on its pin, as for bidirectional DShot.
    #[serde(default)]
    pub bidirectional: Option<At<Flag>>,
}

impl Short for InputExpect {
    fn from_text(text: &str) -> Result<InputExpect, String> {
        let signal = Input::deserialize(StrDeserializer::<serde::de::value::Error>::new(text));
        Ok(InputExpect { signal: signal.map_err(|e| e.to_string())?, pin: None, bidirectional: None })
    }
    fn short_schema() -> Schema {
        json_schema!({"enum": ["none", "servo", "dshot150", "dshot300", "dshot600", "dshot1200"]})
    }
}
