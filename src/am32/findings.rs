//! What is told about files or a run: findings, each with a stable id and an explanation of its own.

use super::advice::Advice;
use crate::image::Position;
use std::fmt;
use std::sync::Arc;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// It works, with a risk.
    Warning,
    /// The ESC would not work, or the input contradicts itself.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// A finding's stable id: DF012. An id is never given to anything else, even when its finding is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(pub(super) u16);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DF{:03}", self.0)
    }
}

impl serde::Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// What kind it is.
    pub id: Id,
    /// How bad it is, here.
    pub severity: Severity,
    /// The file that it is about.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    pub file: Option<Arc<str>>,
    /// Where in the file: "line 7", "offset 0x40".
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_printed")]
    pub place: Option<Position>,
    /// The flash address that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<u32>,
    /// What is so, in one or two sentences.
    pub message: String,
    /// Of the message, what was seen in a run, where the rest is what it comes to.
    #[serde(skip)]
    pub seen: Option<String>,
    /// What to do about it.
    #[serde(flatten)]
    pub advice: Advice,
}

fn as_text<S: serde::Serializer>(file: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&file.as_deref(), serializer)
}

fn as_printed<S: serde::Serializer>(place: &Option<Position>, serializer: S) -> Result<S::Ok, S::Error> {
    match place {
        Some(place) => serializer.collect_str(place),
        None => serializer.serialize_none(),
    }
}

impl Finding {
    /// A finding with its id's usual severity, about no file or address yet.
    pub fn new(id: Id, message: impl Into<String>, advice: impl Into<Advice>) -> Finding {
        let (message, advice) = (message.into(), advice.into());
        Finding { id, severity: id.severity(), file: None, place: None, address: None, message, seen: None, advice }
    }

    /// One that a run shows: what it comes to, and what was seen.
    pub fn seen(id: Id, claim: &str, seen: String, advice: impl Into<Advice>) -> Finding {
        Finding { seen: Some(seen.clone()), ..Finding::new(id, format!("{claim}: {seen}"), advice) }
    }

    /// About this file.
    #[must_use]
    pub fn file(mut self, file: &Arc<str>) -> Finding {
        self.file = Some(file.clone());
        self
    }

    /// At this place in the file.
    #[must_use]
    pub fn place(mut self, place: Position) -> Finding {
        self.place = Some(place);
        self
    }

    /// About this address.
    #[must_use]
    pub fn at(mut self, address: u32) -> Finding {
        self.address = Some(address);
        self
    }

    /// As bad as this, other than usual.
    #[must_use]
    pub fn as_bad_as(mut self, severity: Severity) -> Finding {
        self.severity = severity;
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.severity, self.id)?;
        if let Some(file) = &self.file {
            write!(f, "{file}")?;
            if let Some(place) = &self.place {
                write!(f, " {place}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_text_and_json() {
        let finding =
            Finding::new(Id::EEPROM_MISSING, "no page at 0x08007C00", "add one").file(&"a.hex".into()).at(0x0800_7C00);
        assert_eq!(finding.to_string(), "error DF012: a.hex: no page at 0x08007C00");
        let json = serde_json::to_value(&finding).unwrap();
        assert_eq!((json["id"].as_str(), json["severity"].as_str()), (Some("DF012"), Some("error")));
        assert_eq!(json["address"], 0x0800_7C00);
        assert!(json.get("place").is_none());
    }
}
