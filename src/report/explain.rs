//! What `explain` says: findings at length, or the list of all. Format `dryflash-explain`, version 1.

use super::{Render, RenderError, Style, json};
use crate::am32::{self, Explanation};
use serde::Serialize;

/// Findings, explained.
#[derive(Debug)]
pub struct Explained<'a> {
    /// Those that were asked for; none lists all.
    pub chosen: Vec<&'a Explanation>,
}

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    findings: &'a [&'a Explanation],
}

impl Render for Explained<'_> {
    fn text(&self, style: Style) -> String {
        if self.chosen.is_empty() {
            let line = |e: &Explanation| format!("{}  {:<8} {}\n", e.id, e.severity.to_string(), e.title);
            return am32::all().iter().map(line).collect();
        }
        let one = |e: &&Explanation| {
            format!("{} ({}): {}\n\n{}", style.heading(&e.id.to_string()), e.severity, e.title, e.text)
        };
        self.chosen.iter().map(one).collect::<Vec<_>>().join("\n")
    }

    fn json(&self) -> Result<String, RenderError> {
        let all: Vec<&Explanation>;
        let findings = match self.chosen.as_slice() {
            [] => {
                all = am32::all().iter().collect();
                &all
            }
            chosen => chosen,
        };
        json::document(&Document { format: "dryflash-explain", version: 1, findings })
    }
}
