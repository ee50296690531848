//! What `replay` says of st-flash lines: format `dryflash-script`, version 1, which `docs/st-flash.md` describes.

use super::{Render, RenderError, Style, Subject, after, json};
use crate::esc::Verdict;
use crate::esc::changes::Changes;
use serde::Serialize;
use std::fmt::Write;

/// Lines that were carried out.
#[derive(Debug, Serialize)]
pub struct Script<'a> {
    /// Always `dryflash-script`.
    pub format: &'static str,
    /// Raised when a field changes its meaning or goes.
    pub version: u32,
    /// The script's file.
    pub script: String,
    /// The part's name.
    pub part: &'a str,
    /// The lines, in their order.
    pub lines: &'a [Told],
    /// Commands that a failure left undone.
    pub lines_left: usize,
    /// Of the ST-LINK.
    pub commands: u64,
    /// What they did to flash and option bytes.
    pub changes: &'a Changes,
    /// Choices of the model that something rested on, and what was left standing.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub notes: &'a [String],
    /// Whether the ESC starts afterwards, where that was asked for.
    #[serde(rename = "starts", skip_serializing_if = "Option::is_none", serialize_with = "after::starts")]
    pub verdict: Option<&'a Verdict>,
}

/// What became of a line.
#[derive(Debug, Serialize)]
pub struct Told {
    /// Its number, from 1.
    pub line: usize,
    /// The line.
    pub text: String,
    /// What st-flash would have printed.
    pub said: Vec<String>,
    /// What st-flash is silent about.
    pub notes: Vec<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// None where it was not done.
    pub exit_code: Option<u8>,
}

impl Render for Script<'_> {
    fn text(&self, style: Style) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "{} on an {}, {} commands of the ST-LINK", self.script, self.part, self.commands);
        // `cd` and `set` have nothing to tell.
        let quiet = |l: &&Told| l.said.is_empty() && l.notes.is_empty() && l.error.is_none() && l.exit_code.is_some();
        for line in self.lines.iter().filter(|l| !quiet(l)) {
            one(line, style, &mut out);
        }
        if self.lines_left > 0 {
            let _ = writeln!(out, "\nthe script ends there: {} commands are left undone", self.lines_left);
        }
        let _ = writeln!(out, "\n{}", style.heading("changes"));
        after::changes(self.changes, &mut out);
        after::notes(self.notes, &mut out);
        after::verdict(self.verdict, "\n", style, &mut out);
        out
    }

    fn json(&self) -> Result<String, RenderError> {
        json::document(self)
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Script(self)
    }
}

fn one(line: &Told, style: Style, out: &mut String) {
    let _ = writeln!(out, "\n{}", style.heading(&format!("line {}: {}", line.line, line.text)));
    for said in &line.said {
        let _ = writeln!(out, "  {said}");
    }
    after::notes(&line.notes, out);
    match (&line.error, line.exit_code) {
        (Some(error), code) => {
            let code = code.unwrap_or_default();
            let _ = writeln!(out, "  {}: {error}", style.bad(&format!("fails with exit code {code}")));
        }
        (None, None) => {
            let _ = writeln!(out, "  not done: the command before it failed");
        }
        (None, Some(_)) => {}
    }
}
