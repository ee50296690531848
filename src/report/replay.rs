//! What `replay` says of a recording: format `dryflash-replay`, version 1, which `docs/recordings.md` describes.

use super::{Detail, Render, RenderError, Style, Subject, after, json};
use crate::esc::Verdict;
use crate::esc::changes::Changes;
use crate::probe::operation::Kind;
use crate::probe::recording::{Flaw, Header};
use crate::probe::replay::{Replayed, Strength};
use crate::probe::story::Line;
use serde::Serialize;
use std::fmt::Write as _;

/// Divergences that are shown; the others are counted.
const SHOWN: usize = 20;

/// A replayed session.
#[derive(Debug, Serialize)]
pub struct Session<'a> {
    /// Always `dryflash-replay`.
    pub format: &'static str,
    /// Raised when a field changes its meaning or goes.
    pub version: u32,
    /// The recording's file.
    pub recording: String,
    /// What the recording says of itself.
    pub header: &'a Header,
    /// The part's name.
    pub part: &'a str,
    /// The probe's name.
    pub probe: &'static str,
    /// Who was there, where nothing went through the probe.
    #[serde(skip)]
    pub by: Option<Kind>,
    /// What was compared.
    pub strength: Strength,
    /// What to know of the comparison.
    pub notes: &'a [String],
    /// What is wrong with the recording.
    pub flaws: &'a [Flaw],
    /// What the session did.
    pub story: &'a [Line],
    /// What came out otherwise.
    pub replayed: &'a Replayed,
    /// What it did to flash and option bytes.
    pub changes: &'a Changes,
    /// The ESC at the end, a line each.
    pub state: Vec<&'a str>,
    /// Whether the ESC starts afterwards, where that was asked for.
    #[serde(rename = "starts", skip_serializing_if = "Option::is_none", serialize_with = "after::starts")]
    pub verdict: Option<&'a Verdict>,
}

impl Render for Session<'_> {
    fn text(&self, style: Style) -> String {
        let mut out = String::new();
        let quiet = style.detail == Detail::Quiet;
        if !quiet {
            begin(self, style, &mut out);
        }
        divergences(self, style, &mut out);
        if !quiet {
            end(self, style, &mut out);
        }
        let (good, result) = result(self);
        let gap = if out.is_empty() { "" } else { "\n" };
        let _ = writeln!(out, "{gap}{}", if good { style.good(&result) } else { style.bad(&result) });
        after::verdict(self.verdict, if quiet { "" } else { "\n" }, style, &mut out);
        out
    }

    fn json(&self) -> Result<String, RenderError> {
        json::document(self)
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Replay(self)
    }
}

/// What was replayed, and what it did.
fn begin(session: &Session, style: Style, out: &mut String) {
    let of = session.header.client.as_ref().map_or_else(String::new, |c| format!(" of `{c}`"));
    let _ = writeln!(out, "{}: {} commands{of}", session.recording, session.replayed.commands);
    let _ = match session.by {
        Some(by) => writeln!(out, "on an {}, by {by}", session.part),
        None => writeln!(out, "on an {}, through an {}", session.part, session.probe),
    };
    for note in session.notes {
        let _ = writeln!(out, "note: {note}");
    }
    let _ = writeln!(out, "\n{}", style.heading("story"));
    let width = session.replayed.commands.to_string().len();
    for line in session.story {
        let _ = writeln!(out, "  {:>width$} to {:>width$}  {}", line.first, line.last, line.text);
    }
}

fn divergences(session: &Session, style: Style, out: &mut String) {
    let divergences = &session.replayed.divergences;
    if divergences.is_empty() {
        return;
    }
    let gap = if out.is_empty() { "" } else { "\n" };
    let _ = writeln!(out, "{gap}{}", style.heading("divergences"));
    for d in divergences.iter().take(SHOWN) {
        let packet = d.packet.map_or_else(String::new, |p| format!(", packet {p}"));
        let _ = writeln!(out, "  command {}{packet}, from byte {} on", d.command, d.offset);
        let _ = writeln!(out, "    recorded: {}", d.recorded);
        let _ = writeln!(out, "    replayed: {}", d.replayed);
    }
    if divergences.len() > SHOWN {
        let _ = writeln!(out, "  and {} more", divergences.len() - SHOWN);
    }
}

/// What it left.
fn end(session: &Session, style: Style, out: &mut String) {
    let _ = writeln!(out, "\n{}", style.heading("changes"));
    after::changes(session.changes, out);
    let _ = writeln!(out, "\n{}", style.heading("at the end"));
    for line in &session.state {
        let _ = writeln!(out, "  {line}");
    }
}

/// Whether it went as recorded, and how alike it was.
pub(super) fn result(session: &Session) -> (bool, String) {
    let replayed = session.replayed;
    let compared = replayed.compared;
    let end = match replayed.ends_alike {
        Some(true) => "; flash and option bytes end as recorded",
        Some(false) => "; flash or option bytes end otherwise than recorded",
        None => "",
    };
    let result = match replayed.divergences.len() {
        0 => format!("no reply differs of {compared} compared{end}"),
        n => format!("{n} of {compared} replies differ{end}"),
    };
    (replayed.is_faithful(), result)
}
