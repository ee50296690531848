//! A settings page changed field by field, and the file around it written anew with nothing else touched.

use super::Source;
use super::page::Page;
use crate::am32::settings::{Field, SetError, Settings, UnknownField, is_rounded, set};
use crate::am32::{Finding, Layout, SettingsPage, eeprom};
use crate::image::{PatchError, patch};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why a page is not changed. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// No field has this name.
    #[error("{0}; `dryflash eeprom show` lists the settings of a page")]
    Unknown(UnknownField),
    /// The page does not have the field, or the value makes no sense.
    #[error("{0}{hint}", hint = hint(.0))]
    Set(SetError),
    /// Not `FIELD=VALUE`.
    #[error("'{0}' sets nothing: write FIELD=VALUE, such as motor_kv=1980")]
    NoValue(String),
    /// One field, two values.
    #[error("{field} is set twice, to '{first}' and to '{second}'; leave one out")]
    Twice {
        /// The field.
        field: &'static str,
        /// The first value.
        first: String,
        /// The second one.
        second: String,
    },
    /// The page was never written.
    #[error(
        "{file}: the page holds no settings, and one that is set would stand amid FF, which firmware takes as values; \
             make a page first: dryflash eeprom new"
    )]
    Blank {
        /// The file.
        file: Arc<str>,
    },
    /// What stands there is something else.
    #[error(
        "{file}: what stands{at} is no settings page, and a byte of it would be changed; say where the page is with \
             --at or --part; --anyway changes it all the same", at = at(*address))]
    NoPage {
        /// The file.
        file: Arc<str>,
        /// Where it was looked for.
        address: Option<u32>,
    },
    /// The file cannot be written with these bytes.
    #[error(transparent)]
    Patch(#[from] PatchError),
}

fn hint(error: &SetError) -> &'static str {
    match error {
        SetError::Refused { field, .. } if Field::named(field).is_ok_and(|f| f.size == 1) => {
            "; --anyway takes any byte, written as 0x00 to 0xFF"
        }
        _ => "",
    }
}

fn at(address: Option<u32>) -> String {
    address.map_or_else(|| " there".to_owned(), |address| format!(" at 0x{address:08X}"))
}

/// A value that is none of a setting's steps, and became the nearest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rounded {
    /// The setting, by dryflash's name.
    pub setting: &'static str,
    /// What was asked for.
    pub asked: String,
    /// What the page holds, with its unit.
    pub taken: String,
}

/// A field and what it is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The field.
    pub field: &'static Field,
    /// The value, as people write it.
    pub value: String,
}

/// Reads `FIELD=VALUE`s.
///
/// # Errors
/// A word is none, no field has its name, or one has two values.
pub fn settings(words: &[String]) -> Result<Vec<Setting>, EditError> {
    let mut all: Vec<Setting> = Vec::new();
    for word in words {
        let (name, value) = word.split_once('=').ok_or_else(|| EditError::NoValue(word.clone()))?;
        let (field, value) = (Field::named(name.trim()).map_err(EditError::Unknown)?, value.trim().to_owned());
        if let Some(first) = all.iter().find(|s| s.field.name == field.name) {
            return Err(EditError::Twice { field: field.name, first: first.value.clone(), second: value });
        }
        all.push(Setting { field, value });
    }
    Ok(all)
}

/// Puts values into a page's bytes, and tells which of them were rounded. With `anyway`, a raw byte in hex is taken
/// whatever it means.
///
/// # Errors
/// The page does not have a field, or a value makes no sense.
pub fn put(bytes: &mut [u8], settings: &[Setting], anyway: bool) -> Result<Vec<Rounded>, EditError> {
    let mut rounded = Vec::new();
    for Setting { field, value } in settings {
        match set(bytes, field, value) {
            Ok(taken) if is_rounded(&taken, value) => {
                rounded.push(Rounded { setting: field.name, asked: value.clone(), taken: taken.text });
            }
            Ok(_) => {}
            Err(error) => {
                let raw = value.strip_prefix("0x").or_else(|| value.strip_prefix("0X"));
                let raw = raw.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                let one = field.size == 1 && matches!(error, SetError::Refused { .. });
                match (raw.filter(|_| anyway && one), bytes.get_mut(field.at)) {
                    (Some(raw), Some(byte)) => *byte = raw,
                    _ => return Err(EditError::Set(error)),
                }
            }
        }
    }
    Ok(rounded)
}

/// The page with these values, and which of them were rounded. With `anyway`, also one that was never written or is none, and raw
/// bytes that make no sense.
///
/// # Errors
/// As [`put`]; the page holds no settings.
pub fn edited(page: &Page, settings: &[Setting], anyway: bool) -> Result<(Vec<u8>, Vec<Rounded>), EditError> {
    if !anyway {
        if Settings::read(&page.bytes).is_ok_and(|s| s.is_blank()) {
            return Err(EditError::Blank { file: page.file.clone() });
        }
        if !eeprom::may_be_mended(&page.bytes) {
            return Err(EditError::NoPage { file: page.file.clone(), address: page.address });
        }
    }
    let mut bytes = page.bytes.clone();
    let rounded = put(&mut bytes, settings, anyway)?;
    Ok((bytes, rounded))
}

/// The file that `page` was found in, with `bytes` for the page: all else is as in `raw`. Of a virtual ESC, whose flash
/// changes by being flashed only, it is the page alone.
///
/// # Errors
/// The bytes cannot be changed where they stand.
pub fn file_with(raw: &[u8], source: &Source, page: &Page, bytes: &[u8]) -> Result<Vec<u8>, EditError> {
    if source.is_state() {
        return Ok(bytes.to_vec());
    }
    let first = page.address.unwrap_or(page.image.start());
    let changed = bytes.iter().zip(&page.bytes).enumerate().filter(|(_, (new, old))| new != old);
    // A page never reaches past 2^32.
    let values: BTreeMap<u32, u8> = changed.map(|(index, (new, _))| (first + index as u32, *new)).collect();
    Ok(patch(raw, &page.image, &values)?)
}

/// What is wrong with a page alone, in a file that has this name, if it is in one; `layout` is that of its part, where that is
/// known.
pub fn findings(
    file: Option<&str>,
    settings: &Settings,
    address: Option<u32>,
    layout: Option<&Layout>,
) -> Vec<Finding> {
    let page = SettingsPage { settings, firmware: None, file, layout };
    let mut findings = page.alone();
    for finding in &mut findings {
        let mut told = finding.clone();
        if let Some(file) = file {
            told = told.file(&file.into());
        }
        if let Some(address) = address {
            told = told.at(address);
        }
        *finding = told;
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::Firmware;
    use crate::am32::settings::default_page;

    fn words(words: &[&str]) -> Result<Vec<Setting>, String> {
        settings(&words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>()).map_err(|e| e.to_string())
    }

    #[test]
    fn words_set_fields() {
        let found = words(&["motor_kv = 1980", "name=a=b"]).unwrap();
        let told: Vec<_> = found.iter().map(|s| (s.field.name, s.value.as_str())).collect();
        assert_eq!(told, [("motor_kv", "1980"), ("name", "a=b")]);
        assert!(words(&["motor_kv"]).unwrap_err().contains("FIELD=VALUE"));
        assert!(words(&["motor_kw=1"]).unwrap_err().contains("did you mean motor_kv?"));
        assert!(words(&["motor_kv=1980", "motorKv=2020"]).unwrap_err().contains("set twice, to '1980' and to '2020'"));
    }

    #[test]
    fn bytes_that_make_no_sense_are_for_those_who_insist() {
        let mut page = default_page(4, Firmware { major: 2, minor: 21 });
        let fresh = page.clone();
        let ramp = words(&["max_ramp=0x00"]).unwrap();
        let error = put(&mut page, &ramp, false).unwrap_err().to_string();
        assert!(error.contains("0.1 to 20.0 %/ms") && error.contains("--anyway"), "{error}");
        assert_eq!(page, fresh);
        assert_eq!(put(&mut page, &ramp, true).unwrap(), []);
        assert_eq!((page[5], &page[6..]), (0, &fresh[6..]));
        assert!(put(&mut page, &words(&["max_ramp=0"]).unwrap(), true).is_err(), "in hex only");
        let error = put(&mut page, &words(&["tune=0x00"]).unwrap(), true).unwrap_err().to_string();
        assert!(!error.contains("--anyway"), "{error}");
    }

    #[test]
    fn what_is_rounded_is_told() {
        let mut page = default_page(4, Firmware { major: 2, minor: 21 });
        let told = put(&mut page, &words(&["motor_kv=1990", "startup_power=99"]).unwrap(), false).unwrap();
        let wanted = Rounded { setting: "motor_kv", asked: "1990".to_owned(), taken: "1980 KV".to_owned() };
        assert_eq!(told, [wanted]);
    }
}
