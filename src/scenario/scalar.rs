//! The small values of a scenario: addresses, spans of time, bytes. Each may be written as text, so that a variable
//! can stand for it.

use crate::am32::Pin;
use crate::image::split_address;
use crate::time::Time;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde_spanned::Spanned;
use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, Range};

/// A value, and the bytes of the scenario's text that it stands in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// From where to where, in bytes.
    pub span: Range<usize>,
}

impl<T> Deref for At<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<At<T>, D::Error> {
        let spanned = Spanned::<T>::deserialize(deserializer)?;
        let span = spanned.span();
        Ok(At { value: spanned.into_inner(), span })
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// What a number may be written as.
struct Scalar<F>(&'static str, F);

impl<T, F: FnOnce(&str) -> Result<T, String>> Visitor<'_> for Scalar<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        self.1(text.trim()).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.1(&number.to_string()).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.1(&number.to_string()).map_err(E::custom)
    }

    fn visit_bool<E: Error>(self, on: bool) -> Result<T, E> {
        self.1(if on { "true" } else { "false" }).map_err(E::custom)
    }
}

/// `0x2A`, `42` or `1_000`.
fn number(text: &str) -> Option<u64> {
    let text = text.replace('_', "");
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

macro_rules! scalar {
    ($(#[$doc:meta])* $name:ident($inner:ty), $expecting:literal, $schema:expr, $parse:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub $inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                let parse: fn(&str) -> Result<$inner, String> = $parse;
                deserializer.deserialize_any(Scalar($expecting, parse)).map($name)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

scalar!(
    /// An address: `"0x08001000"`.
    Address(u32),
    "an address such as \"0x08001000\"",
    json_schema!({"type": ["string", "integer"], "description": "an address such as \"0x08001000\""}),
    address
);

scalar!(
    /// A span of time, or a point in it since power-on: `"1.5 ms"`.
    Span(Time),
    "a time such as \"50 ms\"",
    json_schema!({"type": "string", "description": "a time such as \"50 ms\"; ns, us, ms, s"}),
    Time::parse_with_unit
);

scalar!(
    /// A whole number.
    Num(u64),
    "a whole number",
    json_schema!({"type": ["integer", "string"], "description": "a whole number"}),
    |text| number(text).ok_or_else(|| format!("'{text}' is not a whole number"))
);

scalar!(
    /// Yes or no.
    Flag(bool),
    "true or false",
    json_schema!({"type": ["boolean", "string"], "description": "true or false"}),
    |text| match text {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(format!("'{other}' is neither true nor false")),
    }
);

/// Reads an address.
pub fn address(text: &str) -> Result<u32, String> {
    let hint = || format!("'{text}' is not an address: write it as 0x08001000");
    // Decimal addresses are slips of the keyboard, but for 0.
    if !text.starts_with("0x") && !text.starts_with("0X") && text != "0" && text.parse::<u64>().is_err() {
        return Err(hint());
    }
    number(text).and_then(|n| u32::try_from(n).ok()).ok_or_else(hint)
}

/// Bytes as text: `"01 02 FF"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let parse =
            |text: &str| bytes(text).ok_or_else(|| format!("'{text}' is not bytes: write them as \"01 02 FF\""));
        deserializer.deserialize_any(Scalar("bytes such as \"01 02 FF\"", parse)).map(Bytes)
    }
}

impl JsonSchema for Bytes {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Bytes".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "description": "bytes such as \"01 02 FF\""})
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if digits.is_empty() || !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return None;
    }
    (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).ok()).collect()
}

/// Pages: `"4"` or `"4..7"`, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pages {
    /// The first.
    pub first: u32,
    /// The last.
    pub last: u32,
}

impl<'de> Deserialize<'de> for Pages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pages, D::Error> {
        let parse = |text: &str| {
            let (first, last) = text.split_once("..").unwrap_or((text, text));
            let page = |t: &str| number(t.trim()).and_then(|n| u32::try_from(n).ok());
            match (page(first), page(last)) {
                (Some(first), Some(last)) if first <= last => Ok(Pages { first, last }),
                _ => Err(format!("'{text}' is not pages: write \"4\" or \"4..7\", the last included")),
            }
        };
        deserializer.deserialize_any(Scalar("pages such as \"4..7\"", parse))
    }
}

impl JsonSchema for Pages {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Pages".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "integer"], "description": "pages: \"4\", or \"4..7\" with both ends"})
    }
}

impl fmt::Display for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.first, self.last)
    }
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

/// `FILE@ADDR` or `FILE`, as on the command line of `check`. A slip in the address is an error.
pub fn file_and_address(text: &str) -> Result<(&str, Option<u32>), String> {
    split_address(text).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct All {
        a: Vec<Address>,
        t: Vec<Span>,
        n: Vec<Num>,
        b: Bytes,
        p: Vec<Pages>,
        f: At<Flag>,
    }

    #[test]
    fn values_may_be_text() {
        let text = "a = ['0x08001000', 0x10]\nt = ['1.5 ms', '20us', '2 s']\nn = [3, '0x10', '1_000']\n\
                    b = '01 fF'\np = ['4..7', 3]\nf = 'true'";
        let all: All = toml::from_str(text).unwrap();
        assert_eq!(all.a, [Address(0x0800_1000), Address(16)]);
        assert_eq!(all.t.iter().map(|t| t.0.as_micros()).collect::<Vec<_>>(), [1_500, 20, 2_000_000]);
        assert_eq!(all.n, [Num(3), Num(16), Num(1000)]);
        assert_eq!(all.b.0, [1, 255]);
        assert_eq!(all.p, [Pages { first: 4, last: 7 }, Pages { first: 3, last: 3 }]);
        assert!(all.f.value.0);
        assert_eq!(&text[all.f.span.clone()], "'true'");
    }

    #[test]
    fn slips_are_told() {
        for text in ["5", "5 m", "-1 ms", "1e99 s", "ms"] {
            assert!(Time::parse_with_unit(text).is_err(), "{text}");
        }
        for text in ["08001000x", "0x1_0000_0000", "app", ""] {
            assert!(address(text).is_err(), "{text}");
        }
        assert!(bytes("0").is_none() && bytes("0g").is_none() && bytes("").is_none() && bytes("ää").is_none());
    }
}
