//! What the reports of sessions have in common: what a session changed, and whether the ESC starts after it.

use super::{Style, text};
use crate::esc::Verdict;
use crate::esc::changes::Changes;
use serde::Serializer;
use std::fmt::Write;

/// The changes, indented, a line each.
pub(super) fn changes(changes: &Changes, out: &mut String) {
    for line in changes.to_string().lines() {
        let _ = writeln!(out, "  {line}");
    }
}

/// Notes, below the changes.
pub(super) fn notes(notes: &[String], out: &mut String) {
    for note in notes {
        let _ = writeln!(out, "  note: {note}");
    }
}

/// The verdict of the power cycle that was asked for, if one was, behind `gap`.
pub(super) fn verdict(verdict: Option<&Verdict>, gap: &str, style: Style, out: &mut String) {
    if let Some(verdict) = verdict {
        out.push_str(gap);
        out.push_str(&text::verdict(verdict, style));
    }
}

/// That verdict as JSON has it: whether the ESC starts.
pub(super) fn starts<S: Serializer>(verdict: &Option<&Verdict>, serializer: S) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&verdict.map(Verdict::starts), serializer)
}
