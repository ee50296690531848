//! What `with` says of a command: format `dryflash-with`, version 1, which `docs/clients.md` describes.

use super::{Detail, Render, RenderError, Style, Subject, after, json};
use crate::esc::Verdict;
use crate::esc::changes::Changes;
use crate::shell;
use serde::Serialize;
use std::fmt::Write;

/// The most characters of a command line that a heading shows.
const LONGEST: usize = 80;

/// A command that was run at a virtual ESC.
#[derive(Debug, Serialize)]
pub struct With<'a> {
    /// Always `dryflash-with`.
    pub format: &'static str,
    /// Raised when a field changes its meaning or goes.
    pub version: u32,
    /// The part's name.
    pub part: &'a str,
    /// The command and its arguments.
    pub command: &'a [String],
    /// The command's own.
    pub exit_code: u8,
    /// Of the ST-LINK.
    pub commands: u64,
    /// What it did to flash and option bytes.
    pub changes: &'a Changes,
    /// Choices of the model that something rested on, and what was left standing.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub notes: &'a [String],
    /// Whether the ESC starts afterwards, where that was asked for.
    #[serde(rename = "starts", skip_serializing_if = "Option::is_none", serialize_with = "after::starts")]
    pub verdict: Option<&'a Verdict>,
}

impl Render for With<'_> {
    fn text(&self, style: Style) -> String {
        let mut out = String::new();
        if style.detail == Detail::Quiet {
            after::verdict(self.verdict, "", style, &mut out);
            return out;
        }
        let line = shell::line(self.command.iter().map(String::as_str));
        let _ = writeln!(out, "{} after `{}`, {} commands:", self.part, short(&shell::plain(&line)), self.commands);
        after::changes(self.changes, &mut out);
        after::notes(self.notes, &mut out);
        if self.exit_code != 0 {
            let _ = writeln!(out, "  the command ended with exit code {}", self.exit_code);
        }
        after::verdict(self.verdict, "\n", style, &mut out);
        out
    }

    fn json(&self) -> Result<String, RenderError> {
        json::document(self)
    }

    fn subject(&self) -> Subject<'_> {
        Subject::With(self)
    }
}

/// A command line as a heading: cut where it is long, as those of OpenOCD are.
fn short(line: &str) -> String {
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", line[..end].trim_end()),
        None => line.to_owned(),
    }
}
