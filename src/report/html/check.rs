//! The page of a check, and its sections, which stand on other pages as well.

use super::bytes::Bytes;
use super::findings::{Advice, Findings};
use super::frame::{Answer, Page, Place, capital};
use super::map::Map;
use super::options::Options;
use super::power_up::PowerUps;
use super::settings::Settings;
use crate::am32::{Layout, Severity};
use crate::esc::Verdict;
use crate::plural::count;
use crate::report::text;
use askama::Template;
use std::ops::Range;

/// The sections of a check, each left out where it has nothing to tell.
#[derive(Template)]
#[template(path = "check.html", config = "src/report/html/askama.toml")]
pub struct Sections {
    files: Vec<File>,
    map: Option<Map>,
    power_ups: PowerUps,
    settings: Option<Settings>,
    options: Options,
    findings: Findings,
    bytes: Bytes,
}

/// A file, and where it went.
struct File {
    /// In pieces, between which a line may end.
    name: Vec<String>,
    /// Its folder, where its name has one.
    folder: String,
    role: String,
    place: String,
    tells: String,
}

/// The page.
pub fn page(verdict: &Verdict) -> Page<Sections> {
    let sections = Sections::of(verdict);
    let places = sections.places();
    Page::new("dryflash check", part(verdict), answer(verdict), places, sections)
}

/// The part, and how it was found.
pub fn part(verdict: &Verdict) -> String {
    let part = match &verdict.part {
        Some(part) if part.short.is_some() => format!("{} ({})", part.name, part.nick()),
        Some(part) => part.name.clone(),
        None => "No part that is modelled".to_owned(),
    };
    let also: Vec<&str> = verdict.also.iter().map(|p| p.nick()).collect();
    let also = if also.is_empty() { String::new() } else { format!("; the same outcome on {}", also.join(", ")) };
    format!("{part}, {}{also}", verdict.part_evidence)
}

/// The verdict, the one reason, and what to do.
pub fn answer(verdict: &Verdict) -> Answer {
    let answer = verdict.answer();
    let number = |severity| verdict.findings.iter().filter(|f| f.severity == severity).count() as u64;
    let first = verdict.findings.iter().find(|f| f.severity == Severity::Error);
    let others = [
        (number(Severity::Error).saturating_sub(u64::from(first.is_some())), "further error"),
        (number(Severity::Warning), "warning"),
        (number(Severity::Note), "note"),
    ];
    let others: Vec<String> = others.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| count(n, what)).collect();
    Answer {
        good: answer.good,
        sentence: answer.claim,
        reason: answer.reason.unwrap_or_default(),
        evidence: first.map_or_else(String::new, |f| capital(&f.message)),
        advice: first.map_or_else(Advice::none, |f| Advice::of(&f.advice)),
        besides: others.join(", "),
    }
}

impl Sections {
    /// Of a verdict.
    pub fn of(verdict: &Verdict) -> Sections {
        let files = verdict.pieces.iter().map(|piece| {
            let whole = &*piece.image.name;
            let (folder, name) = whole.rfind(['/', '\\']).map_or(("", whole), |at| whole.split_at(at + 1));
            File {
                name: name.split_inclusive(['_', '-', '.']).map(str::to_owned).collect(),
                folder: folder.to_owned(),
                role: piece.role.to_string(),
                place: text::place(piece),
                tells: text::tells(piece),
            }
        });
        Sections {
            files: files.collect(),
            map: Map::of(verdict),
            power_ups: PowerUps::of(verdict),
            settings: Settings::of(verdict),
            options: Options::of(verdict),
            findings: Findings::of(&verdict.findings),
            bytes: bytes(verdict),
        }
    }

    /// Those that there are, in the order in which they stand on the page.
    pub fn places(&self) -> Vec<Place> {
        let all = [
            (!self.files.is_empty(), "files", "Files"),
            (self.map.is_some(), "map", "Map"),
            (!self.power_ups.is_empty(), "power-ups", "Power-ups"),
            (self.settings.is_some(), "settings", "Settings"),
            (!self.options.is_empty(), "options", "Option bytes"),
            (!self.findings.is_empty(), "findings", "Findings"),
            (!self.bytes.is_empty(), "bytes", "Bytes"),
        ];
        all.into_iter().filter(|(there, _, _)| *there).map(|(_, id, name)| Place { id, name }).collect()
    }
}

/// How much of a page of settings is shown: as much as any layout has.
const PAGE: u32 = 192;
/// How much of vector tables, and about an address.
const TABLE: u32 = 64;
const ABOUT: u32 = 16;

/// What is worth a look: settings, what findings are about, where bootloader and app begin, the name tag.
fn bytes(verdict: &Verdict) -> Bytes {
    let (Some(part), Some(held)) = (&verdict.part, &verdict.held) else {
        return Bytes::of(&[], 0, []);
    };
    let mut wanted: Vec<(String, Range<u32>)> = Vec::new();
    if let Some(layout) = Layout::of(part) {
        let from = |what: &str, at: u32, length: u32| (what.to_owned(), at..at.saturating_add(length));
        wanted.push(from("Settings", layout.eeprom, PAGE));
        wanted.push(from("The bootloader's first words", layout.base, TABLE));
        wanted.push(from("The app's first words", layout.app, TABLE));
        wanted.push(from("The app's name tag", layout.tag, 32));
    }
    let about = |id: String, at: u32| (format!("About {id}"), at.saturating_sub(ABOUT)..at.saturating_add(ABOUT));
    wanted.extend(verdict.findings.iter().filter_map(|f| Some(about(f.id.to_string(), f.address?))));
    Bytes::of(&held.non_volatile.bytes, held.non_volatile.base, wanted)
}
