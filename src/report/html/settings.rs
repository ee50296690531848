//! The settings that the chip held as the power came on, by name.

use crate::am32::Layout;
use crate::am32::settings::{Settings as Page, Value};
use crate::esc::{BootRun, Verdict};
use crate::plural::{count, verb};
use crate::report::text;
use askama::Template;

/// A page of settings.
#[derive(Template)]
#[template(path = "settings.html", config = "src/report/html/askama.toml")]
pub struct Settings {
    /// Where it is, and what it says of itself.
    about: String,
    /// What became of it in the power-up that decides.
    after: Vec<String>,
    /// What is not as on a fresh page, and what makes no sense.
    own: Vec<Row>,
    /// What stands before the others.
    usual_told: String,
    /// What is as on a fresh page.
    usual: Vec<Row>,
}

struct Row {
    name: String,
    /// What it is for.
    about: &'static str,
    value: String,
    /// The bytes.
    raw: String,
    /// Why it makes no sense.
    doubt: String,
}

impl Settings {
    /// Of the chip that a verdict is about; none where its part has no place for settings.
    pub fn of(verdict: &Verdict) -> Option<Settings> {
        let (part, held) = (verdict.part.as_ref()?, verdict.held.as_ref()?);
        let at = Layout::of(part)?.eeprom;
        let start = usize::try_from(at.checked_sub(held.non_volatile.base)?).ok()?;
        let page = Page::read(held.non_volatile.bytes.get(start..)?).ok()?;
        let about = format!("At 0x{at:08X}: {page}.");
        // By the newest rules a page without settings would have some.
        let values = if page.is_blank() { Vec::new() } else { page.values() };
        let (usual, own): (Vec<Value>, Vec<Value>) =
            values.into_iter().partition(|v| v.is_default && v.doubt.is_none());
        let number = usual.len() as u64;
        let is = verb(number, "is as a fresh page has it", "are as a fresh page has them");
        Some(Settings {
            about,
            after: verdict.decisive().map(after).unwrap_or_default(),
            own: own.into_iter().map(Row::of).collect(),
            usual_told: format!("{} {is}", count(number, "setting")),
            usual: usual.into_iter().map(Row::of).collect(),
        })
    }
}

/// What the code made of it, a line each.
fn after(run: &BootRun) -> Vec<String> {
    text::rewritten(run).iter().map(|line| format!("With {}: {line}.", run.power_up)).collect()
}

impl Row {
    fn of(value: Value) -> Row {
        let alike = value.raw.len() > 4 && value.raw.iter().all(|b| *b == value.byte());
        let bytes = if alike { &value.raw[..1] } else { &value.raw[..] };
        let hex: Vec<String> = bytes.iter().take(16).map(|b| format!("{b:02X}")).collect();
        let more = if alike || bytes.len() > 16 { " ..." } else { "" };
        Row {
            name: value.field.name.replace('_', " "),
            about: value.field.about,
            value: value.text,
            raw: format!("byte {}: {}{more}", value.field.at, hex.join(" ")),
            doubt: value.doubt.unwrap_or_default(),
        }
    }
}
