//! Reads a part: its family's file, and over it the part's own.
//!
//! Tables are merged field by field. Of `[[peripheral]]`, a block of the same name takes over what the part's file says
//! of it, others are added; `without` leaves blocks out; what is `unknown` of either is.

use super::schema::Part;
use serde::Deserialize;
use std::fmt;
use toml::{Table, Value};

/// Why files make no part.
#[derive(Debug)]
pub struct ReadError {
    /// The file.
    pub file: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "part file {}: {}", self.file, self.message)
    }
}

impl std::error::Error for ReadError {}

/// Reads a part from the texts of its family's file and of its own, each with its name.
///
/// # Errors
/// With the file: no TOML, a field that is unknown or missing, a block that is left out or changed but not there; what
/// [`Part::check`] refuses.
pub fn read((family, family_text): (&str, &str), (file, text): (&str, &str)) -> Result<Part, ReadError> {
    let parse = |file: &str, text: &str| {
        text.parse::<Table>().map_err(|e| ReadError { file: file.to_owned(), message: e.to_string() })
    };
    let (mut whole, mut own) = (parse(family, family_text)?, parse(file, text)?);
    let refused = |message: String| ReadError { file: file.to_owned(), message };
    let (mut blocks, changes) = (blocks(&mut whole), self::blocks(&mut own));
    if let Some(without) = own.remove("without") {
        let names: Vec<String> = without.try_into().map_err(|e| refused(format!("without: {e}")))?;
        for name in names {
            let at = blocks.iter().position(|b| called(b) == Some(&name));
            blocks.remove(at.ok_or_else(|| refused(format!("without: the family has no block {name}")))?);
        }
    }
    for change in changes {
        match blocks.iter_mut().find(|b| called(b).is_some() && called(b) == called(&change)) {
            Some(block) => merge(block, change),
            None => blocks.push(change),
        }
    }
    // In the order of their addresses.
    blocks.sort_by_key(|b| b.get("base").and_then(Value::as_integer));
    if let (Some(Value::Array(all)), Some(Value::Array(more))) = (whole.get_mut("unknown"), own.get_mut("unknown")) {
        all.append(more);
        own.remove("unknown");
    }
    merge(&mut whole, own);
    whole.insert("peripheral".to_owned(), Value::Array(blocks.into_iter().map(Value::Table).collect()));
    let part = Part::deserialize(whole).map_err(|e| refused(e.to_string().trim_end().to_owned()))?;
    part.check().map_err(refused)?;
    Ok(part)
}

fn blocks(table: &mut Table) -> Vec<Table> {
    match table.remove("peripheral") {
        Some(Value::Array(blocks)) => blocks.into_iter().filter_map(|b| b.try_into().ok()).collect(),
        _ => Vec::new(),
    }
}

fn called(block: &Table) -> Option<&str> {
    block.get("name").and_then(Value::as_str)
}

fn merge(whole: &mut Table, own: Table) {
    for (key, value) in own {
        match (whole.get_mut(&key), value) {
            (Some(Value::Table(whole)), Value::Table(own)) => merge(whole, own),
            (_, value) => {
                whole.insert(key, value);
            }
        }
    }
}
