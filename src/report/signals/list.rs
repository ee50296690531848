//! `signals --list`: the signals that have names. Format `dryflash-signals-list`, version 1.

use crate::esc::signals::Sent;
use crate::report::columns::wrap;
use crate::report::{Render, RenderError, Style, json};
use serde::Serialize;
use std::fmt::Write;

/// Signals with names.
#[derive(Debug)]
pub struct Catalogue(pub Vec<Sent>);

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    signals: Vec<SentOut<'a>>,
}

/// A signal.
#[derive(Serialize)]
pub(super) struct SentOut<'a> {
    name: &'a str,
    signal: String,
    about: Option<&'a str>,
    usual: bool,
}

impl SentOut<'_> {
    pub fn of(sent: &Sent) -> SentOut<'_> {
        SentOut { name: &sent.title, signal: sent.wire.text(), about: sent.about, usual: sent.usual }
    }
}

impl Render for Catalogue {
    fn text(&self, style: Style) -> String {
        let mut out = String::new();
        let groups =
            [(true, "what flight controllers are known to send"), (false, "other signals, which decide nothing")];
        for (usual, heading) in groups {
            let signals: Vec<&Sent> = self.0.iter().filter(|s| s.usual == usual).collect();
            if signals.is_empty() {
                continue;
            }
            let gap = if out.is_empty() { "" } else { "\n" };
            let _ = writeln!(out, "{gap}{}", style.heading(heading));
            for sent in signals {
                let about = sent.about.unwrap_or("of the project");
                wrap(&format!("{}  {about}", style.heading(&sent.title)), "  ", "      ", style.width, &mut out);
                wrap(&sent.wire.text(), "      ", "        ", style.width, &mut out);
            }
        }
        out
    }

    fn json(&self) -> Result<String, RenderError> {
        let signals = self.0.iter().map(SentOut::of).collect();
        json::document(&Document { format: "dryflash-signals-list", version: 1, signals })
    }
}
