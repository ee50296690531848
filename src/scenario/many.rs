//! Lists of which one alone may be written without its brackets: `blank = "0..31"`.

use super::scalar::At;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{I64Deserializer, StrDeserializer};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use serde_spanned::Spanned;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// One, or a list.
#[derive(Clone, Debug)]
pub enum Many<T> {
    /// One alone; its place is that of the whole.
    One(T),
    /// A list.
    List(Vec<At<T>>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Many<T>, D::Error> {
        struct Either<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = Many<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list, or one alone")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Many<T>, E> {
                T::deserialize(StrDeserializer::new(text)).map(Many::One)
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Many<T>, E> {
                T::deserialize(I64Deserializer::new(number)).map(Many::One)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Many<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = list.next_element()? {
                    all.push(one);
                }
                Ok(Many::List(all))
            }
        }
        deserializer.deserialize_any(Either(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Many<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("Many{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({"anyOf": [one, {"type": "array", "items": one}]})
    }
}

/// Reads a list, for serde's `deserialize_with`.
///
/// # Errors
/// What is wrong with it.
pub fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<At<T>>, D::Error> {
    let read = Spanned::<Many<T>>::deserialize(deserializer)?;
    let span = read.span();
    Ok(match read.into_inner() {
        Many::One(value) => vec![At { value, span }],
        Many::List(all) => all,
    })
}

/// Reads a list that may be left out.
///
/// # Errors
/// What is wrong with it.
pub fn maybe<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Vec<At<T>>>, D::Error> {
    list(deserializer).map(Some)
}

/// Reads a list of values without their places.
///
/// # Errors
/// What is wrong with it.
pub fn plain<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(list(deserializer)?.into_iter().map(|at| at.value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::scalar::Pages;

    #[derive(serde::Deserialize)]
    struct All {
        #[serde(deserialize_with = "list")]
        a: Vec<At<Pages>>,
        #[serde(deserialize_with = "list")]
        b: Vec<At<String>>,
        #[serde(deserialize_with = "list")]
        c: Vec<At<Pages>>,
    }

    #[test]
    fn one_alone_is_a_list_and_has_its_place() {
        let text = "a = '0..3'\nb = ['x', 'y']\nc = 7\n";
        let all: All = toml::from_str(text).unwrap();
        assert_eq!((all.a[0].last, &text[all.a[0].span.clone()]), (3, "'0..3'"));
        assert_eq!((all.b.len(), &text[all.b[1].span.clone()]), (2, "'y'"));
        assert_eq!((all.c[0].first, &text[all.c[0].span.clone()]), (7, "7"));
        assert!(toml::from_str::<All>("a = true\nb = []\nc = []").is_err_and(|e| e.message().contains("one alone")));
    }
}
