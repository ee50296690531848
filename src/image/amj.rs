//! AM32's `.amj`: a JSON object with an Intel HEX in base64, and for whom it is made.

use super::{Amj, Format, Image, ImageError, Position, Remark, detect, hex};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;
use std::sync::Arc;

/// Standard base64; its padding says nothing that the length does not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn parse(file: &Arc<str>, bytes: &[u8]) -> Result<Image, ImageError> {
    let (json, marked) = detect::without_mark(bytes);
    let value: Value = serde_json::from_slice(json).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let place = format!(" at line {line} column {column}");
        let reason = text.strip_suffix(&place).unwrap_or(&text).to_owned();
        ImageError::Json { file: file.clone(), line, column, reason }
    })?;
    let missing = |missing| ImageError::NotAmj { file: file.clone(), missing };
    let object = value.as_object().ok_or_else(|| missing("not an object with a text `hex` in it"))?;
    let encoded = object.get("hex").ok_or_else(|| missing("it lacks the text `hex`"))?;
    let encoded = encoded.as_str().ok_or_else(|| missing("its `hex` is not a text"))?;
    // Some encoders break base64 into lines.
    let dense: Vec<u8> = encoded.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let inner = BASE64.decode(dense).map_err(|reason| ImageError::Base64 { file: file.clone(), reason })?;
    let mut image = hex::parse(file, &inner, Position::InnerLine)?;

    let field = |key: &str| match object.get(key)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let amj =
        Amj { mcu_type: field("mcuType"), pin: field("pin"), flash_size: field("flashSize"), kind: field("type") };
    if marked {
        image.remarks.push(Remark::ByteOrderMark);
    }
    if amj.mcu_type.is_some() || amj.pin.is_some() {
        image.remarks.push(Remark::MadeFor { mcu_type: amj.mcu_type.clone(), pin: amj.pin.clone() });
    }
    Ok(Image { format: Format::Amj, amj: Some(amj), ..image })
}

#[cfg(test)]
mod tests;
