//! The short form of a step: a text or a list, where a table would say more.

use super::scalar::At;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_spanned::Spanned;
use std::borrow::{Borrow, Cow};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

/// A step that has a short form, a text or a list, beside its table.
#[derive(Clone, Debug)]
pub struct Or<T>(pub T);

impl<T> Borrow<T> for Or<T> {
    fn borrow(&self) -> &T {
        &self.0
    }
}

/// The short form of a step.
pub trait Short: Sized {
    /// From a text.
    ///
    /// # Errors
    /// What is wrong with it.
    fn from_text(text: &str) -> Result<Self, String>;

    /// From a list of texts.
    ///
    /// # Errors
    /// What is wrong with it.
    fn from_list(_: Vec<At<String>>) -> Result<Self, String> {
        Err("a list does not fit here".to_owned())
    }

    /// With the place of its text, where what is wrong with it is told there and not at the step's key.
    #[must_use]
    fn at(self, _: Range<usize>) -> Self {
        self
    }

    /// The schema of the short form.
    fn short_schema() -> Schema {
        json_schema!({"type": "string"})
    }
}

/// A step as it is written, and whether that is the short form.
struct Written<T> {
    step: T,
    is_text: bool,
}

impl<'de, T: Short + Deserialize<'de>> Deserialize<'de> for Or<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Or<T>, D::Error> {
        let written = Spanned::<Written<T>>::deserialize(deserializer)?;
        let span = written.span();
        let Written { step, is_text } = written.into_inner();
        Ok(Or(if is_text { step.at(span) } else { step }))
    }
}

impl<'de, T: Short + Deserialize<'de>> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Written<T>, D::Error> {
        struct Either<T>(PhantomData<T>);

        impl<'de, T: Short + Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = Written<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a table")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Written<T>, E> {
                T::from_text(text).map(|step| Written { step, is_text: true }).map_err(E::custom)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Written<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(text) = list.next_element::<At<String>>()? {
                    all.push(text);
                }
                T::from_list(all).map(|step| Written { step, is_text: false }).map_err(A::Error::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Written<T>, A::Error> {
                let step = T::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Written { step, is_text: false })
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl<T: Short + JsonSchema> JsonSchema for Or<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}OrShort", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = generator.subschema_for::<T>();
        json_schema!({"anyOf": [T::short_schema(), long]})
    }
}
