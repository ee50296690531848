//! What `eeprom diff`, `set` and `migrate` say: two settings pages by name. Format `dryflash-eeprom-changes`, version 1.

use super::columns::wrap;
use super::eeprom::{Head, Place, Setting, Written, has_room, name_column, raw, rounded, summary};
use super::{Detail, Render, RenderError, Style, json, text};
use crate::am32::settings::{self, Change, Settings, Value};
use crate::am32::{Finding, Severity};
use crate::esc::{BootRun, Hopes};
use crate::layout::edit::Rounded;
use crate::plural::{count, verb};
use serde::Serialize;
use std::fmt::Write;

/// Two pages, or one before and after something.
#[derive(Debug)]
pub struct Changes {
    /// The first, or that before.
    pub before: Side,
    /// The second, or that after.
    pub after: Side,
    /// The app that made the second of the first.
    pub app: Option<App>,
    /// What is wrong with the second.
    pub findings: Vec<Finding>,
    /// Values that were rounded on the way.
    pub rounded: Vec<Rounded>,
    /// The file that the second was written to.
    pub written: Option<Written>,
}

/// A page.
#[derive(Debug)]
pub struct Side {
    /// Where it is.
    pub place: Place,
    /// What it holds.
    pub settings: Settings,
}

/// An app that was run on a page.
#[derive(Debug)]
pub struct App {
    /// Its file.
    pub file: String,
    /// The part, and how it was found.
    pub part: String,
    /// What was seen; none where the files could not be flashed.
    pub run: Option<BootRun>,
    /// It came to its main loop, and the page is its own.
    pub done: bool,
}

impl Changes {
    /// Bytes that differ; behind the end of the shorter page, FF is what blank flash has.
    pub fn bytes(&self) -> usize {
        let (a, b) = (&self.before.settings, &self.after.settings);
        let longest = a.bytes().len().max(b.bytes().len());
        (0..longest).filter(|at| a.byte(*at) != b.byte(*at)).count()
    }

    fn changes(&self) -> Vec<Change> {
        settings::diff(&self.before.settings, &self.after.settings)
    }
}

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    equal: bool,
    before: Head<'a>,
    after: Head<'a>,
    bytes: usize,
    changes: Vec<ChangeOut<'a>>,
    app: Option<AppOut<'a>>,
    findings: &'a [Finding],
    rounded: &'a [Rounded],
    written: &'a Option<Written>,
}

#[derive(Serialize)]
struct ChangeOut<'a> {
    setting: &'static str,
    before: Option<Setting<'a>>,
    after: Option<Setting<'a>>,
}

#[derive(Serialize)]
struct AppOut<'a> {
    file: &'a str,
    part: &'a str,
    done: bool,
    ending: Option<String>,
}

impl App {
    /// How the run ended, in words.
    fn ending(&self) -> Option<String> {
        let told = self.run.as_ref()?.told(Hopes::default());
        Some(format!("{}{}", told.head, told.rest))
    }
}

impl Render for Changes {
    fn text(&self, style: Style) -> String {
        let mut out = String::new();
        let changes = self.changes();
        let quiet = style.detail == Detail::Quiet;
        if !quiet {
            self.heads(style, &mut out);
            if !changes.is_empty() {
                out.push('\n');
            }
            for change in &changes {
                row(change, style, &mut out);
            }
            if !self.findings.is_empty() {
                let _ = writeln!(out, "\n{}", style.heading("findings"));
            }
        }
        let told = |f: &&Finding| !quiet || f.severity == Severity::Error;
        self.findings.iter().filter(told).for_each(|f| text::one_finding(f, "  ", style, &mut out));
        if !quiet {
            out.push('\n');
        }
        let (settings, bytes) = (changes.len() as u64, self.bytes() as u64);
        let line = match (settings, bytes) {
            (_, 0) => "The settings are the same.".to_owned(),
            (0, _) => format!("{} {}, and no setting.", count(bytes, "byte"), verb(bytes, "differs", "differ")),
            _ => format!(
                "{} {} ({}).",
                count(settings, "setting"),
                verb(settings, "differs", "differ"),
                count(bytes, "byte")
            ),
        };
        wrap(&line, "", "  ", style.width, &mut out);
        if let Some(app) = self.app.as_ref().filter(|app| !app.done) {
            let line = format!("{} did not take this page over: see the errors above.", app.file);
            wrap(&style.bad(&line), "", "  ", style.width, &mut out);
        }
        rounded(&self.rounded, style, &mut out);
        if let Some(written) = &self.written {
            written.tell(style, &mut out);
        }
        out
    }

    fn json(&self) -> Result<String, RenderError> {
        let changes = self.changes();
        json::document(&Document {
            format: "dryflash-eeprom-changes",
            version: 1,
            equal: self.bytes() == 0,
            before: Head::of(&self.before.place, &self.before.settings),
            after: Head::of(&self.after.place, &self.after.settings),
            bytes: self.bytes(),
            changes: changes
                .iter()
                .map(|c| ChangeOut {
                    setting: c.field.json_name(),
                    before: c.before.as_ref().map(Setting::of),
                    after: c.after.as_ref().map(Setting::of),
                })
                .collect(),
            app: self.app.as_ref().map(|app| AppOut {
                file: &app.file,
                part: &app.part,
                done: app.done,
                ending: app.ending(),
            }),
            findings: &self.findings,
            rounded: &self.rounded,
            written: &self.written,
        })
    }
}

impl Changes {
    fn heads(&self, style: Style, out: &mut String) {
        let (before, after) = (&self.before, &self.after);
        match &self.app {
            Some(app) => {
                let line = format!("{} on {}, with {}", style.heading(&app.file), app.part, before.place.file);
                wrap(&line, "", "  ", style.width, out);
                if let Some(ending) = app.ending() {
                    wrap(&ending, "  ", "    ", style.width, out);
                }
                for (word, side) in [("before", before), ("after", after)] {
                    wrap(&format!("{word:<7} {}", summary(&side.settings)), "  ", "          ", style.width, out);
                }
            }
            None => {
                for side in [before, after] {
                    let line = format!("{}: {}", style.heading(&side.place.file), summary(&side.settings));
                    wrap(&line, "", "  ", style.width, out);
                }
            }
        }
    }
}

/// A setting: its name, what it was, what it is, and why that is in doubt.
fn row(change: &Change, style: Style, out: &mut String) {
    let text = |value: &Option<Value>| value.as_ref().map(|v| v.text.clone());
    // Two bytes that mean the same.
    let alike = text(&change.before) == text(&change.after);
    let told = |value: &Option<Value>| match value {
        None => "(none)".to_owned(),
        Some(value) if alike => format!("{} ({})", value.text, raw(value)),
        Some(value) => value.text.clone(),
    };
    let line = match (&change.before, &change.after) {
        (Some(before), Some(after)) if alike && before.raw.len() > 1 => {
            let differ = before.raw.iter().zip(&after.raw).filter(|(a, b)| a != b).count();
            let which = before.raw.iter().zip(&after.raw).position(|(a, b)| a != b).unwrap_or_default();
            let (bytes, a, b) = (before.raw.len(), before.raw[which], after.raw[which]);
            let at = change.field.at + which;
            format!("{}: {differ} of {bytes} bytes, the first at {at}: {a:02X} -> {b:02X}", after.text)
        }
        (before, after) => format!("{} -> {}", told(before), told(after)),
    };
    let name = name_column(change.field);
    if has_room(style) {
        wrap(&line, &name, &" ".repeat(name.len()), style.width, out);
    } else {
        let _ = writeln!(out, "{}", name.trim_end());
        wrap(&line, "    ", "      ", style.width, out);
    }
    if let Some(doubt) = change.after.as_ref().and_then(|v| v.doubt.as_ref()) {
        wrap(&format!("{} {doubt}", style.bad("doubt:")), "    ", "      ", style.width, out);
    }
}
