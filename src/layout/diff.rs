//! Two images or virtual ESCs compared: by what they mean, then byte by byte.

mod meaning;
mod side;

use super::source::Source;
use crate::am32::{Layout, PlanError};
use crate::flash::BLANK;
use crate::image::Image;
use crate::part::Part;
use crate::shell;
use rangemap::RangeInclusiveSet;
use serde::Serialize;
use side::Side;
use std::fmt;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

/// What differs between two images, between two virtual ESCs, or between an image and an ESC.
#[derive(Clone, Debug)]
pub struct Diff {
    /// The two, with their bytes where they are compared.
    pub images: [Image; 2],
    /// Their parts, so far as anything tells.
    pub parts: [Option<Arc<Part>>; 2],
    /// By meaning: bootloader, app, settings by name, option bytes by field.
    pub changes: Vec<Change>,
    /// Page by page, those that differ.
    pub pages: Vec<Page>,
    /// What was not compared, since the image that an ESC is compared with holds nothing there.
    pub left_out: Vec<Area>,
    /// Whether addresses are those in flash. Where nothing tells them, they count from the start of each file.
    pub placed: bool,
}

/// What a change is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The chip: which one, and what it has besides flash and option bytes.
    Chip,
    /// The bootloader.
    Bootloader,
    /// The app.
    App,
    /// The settings.
    Settings,
    /// The option bytes.
    OptionBytes,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Subject::Chip => "chip",
            Subject::Bootloader => "bootloader",
            Subject::App => "app",
            Subject::Settings => "settings",
            Subject::OptionBytes => "option bytes",
        })
    }
}

/// Something that means another thing in the second than in the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Of what.
    pub subject: Subject,
    /// Its name: `version`, `motor_kv`, `RDP`.
    pub what: String,
    /// In the first; none where it has no such thing.
    pub before: Option<String>,
    /// In the second.
    pub after: Option<String>,
}

/// A place in flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Area {
    /// Where the bootloader is.
    Bootloader,
    /// Where the app is.
    App,
    /// The page of settings.
    Settings,
    /// What is behind it.
    Rest,
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Area::Bootloader => "bootloader",
            Area::App => "app",
            Area::Settings => "settings",
            Area::Rest => "behind the settings",
        })
    }
}

impl Area {
    /// The places of a part's flash.
    fn all(layout: &Layout, part: &Part) -> [(Area, Range<u32>); 4] {
        [
            (Area::Bootloader, layout.base..layout.app),
            (Area::App, layout.app..layout.eeprom),
            (Area::Settings, layout.eeprom..layout.eeprom_end()),
            (Area::Rest, layout.eeprom_end()..part.flash.end()),
        ]
    }
}

/// A page that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its number in flash; none outside of it.
    pub number: Option<u32>,
    /// Its first address.
    pub address: u32,
    /// Its length in bytes.
    pub size: u32,
    /// The place in flash that it belongs to, where that is known.
    pub area: Option<Area>,
    /// The addresses of the bytes that differ, ascending and apart.
    pub runs: Vec<RangeInclusive<u32>>,
}

impl Page {
    /// How many bytes differ.
    pub fn bytes(&self) -> usize {
        self.runs.iter().map(|run| (run.end() - run.start()) as usize + 1).sum()
    }
}

/// Why two things cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    /// One has its place in flash, the other none that is known.
    #[error(
        "nothing tells where {file} goes, while {other} has its place in flash; say it, such as {}@0x08001000, or name the \
         part with --part",
        shell::file(file)
    )]
    Unplaced {
        /// The file without.
        file: Arc<str>,
        /// The one that has it.
        other: Arc<str>,
    },
    /// AM32 is not known on the part.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

impl Diff {
    /// Whether nothing differs. What flash has gone through (wear) does not count.
    pub const fn is_equal(&self) -> bool {
        self.changes.is_empty() && self.pages.is_empty()
    }

    /// How many bytes of flash differ.
    pub fn bytes(&self) -> usize {
        self.pages.iter().map(Page::bytes).sum()
    }
}

/// Compares two sources. A byte that one of them does not have is equal to FF, which is what erased flash reads. Where one is
/// an ESC and the other an image, the places in flash that the image holds nothing of are left out. `part` where neither
/// tells it. Versions that bytes leave open are found by running.
///
/// # Errors
/// Nothing tells where one of them goes.
pub fn diff(before: &Source, after: &Source, part: Option<&Arc<Part>>) -> Result<Diff, DiffError> {
    let (mut a, mut b, placed) = side::both(before, after, part)?;
    let left_out = left_out(&a, &b);
    let part = a.part.clone().or(b.part.clone());
    let areas: Vec<(Area, Range<u32>)> = match part.as_ref().and_then(|p| Some((p, Layout::of(p)?))) {
        Some((part, layout)) if placed => Area::all(layout, part).into(),
        _ => Vec::new(),
    };
    let skipped = |area: &Area| left_out.contains(area);
    let skip: Vec<Range<u32>> =
        areas.iter().filter(|(area, _)| skipped(area)).map(|(_, range)| range.clone()).collect();
    let runs = runs(&a.image, &b.image, &skip);
    let pages = pages(&runs, part.as_deref().filter(|_| placed), &areas);
    let other: Vec<Area> = [Area::Bootloader, Area::App, Area::Settings]
        .into_iter()
        .filter(|area| pages.iter().any(|page| page.area.is_none_or(|of| of == *area)))
        .collect();
    if other.iter().any(|area| *area != Area::Settings) {
        a.run();
        b.run();
    }
    let changes = meaning::changes(&a, &b, &other);
    Ok(Diff { images: [a.image, b.image], parts: [a.part, b.part], changes, pages, left_out, placed })
}

/// The places that an image holds nothing of, where it is compared with an ESC.
fn left_out(a: &Side<'_>, b: &Side<'_>) -> Vec<Area> {
    let (image, esc) = match (a.source.is_state(), b.source.is_state()) {
        (false, true) => (a, b),
        (true, false) => (b, a),
        _ => return Vec::new(),
    };
    let Some((part, layout)) = esc.part.as_ref().and_then(|p| Some((p, Layout::of(p)?))) else { return Vec::new() };
    let empty = |(area, range): (Area, Range<u32>)| (!range.is_empty() && !image.image.touches(range)).then_some(area);
    Area::all(layout, part).into_iter().filter_map(empty).collect()
}

/// The addresses of bytes that differ.
fn runs(a: &Image, b: &Image, skip: &[Range<u32>]) -> Vec<RangeInclusive<u32>> {
    let mut held = RangeInclusiveSet::new();
    for segment in a.segments.iter().chain(&b.segments) {
        held.insert(segment.address..=segment.address + (segment.data.len() as u32).saturating_sub(1));
    }
    for range in skip.iter().filter(|range| !range.is_empty()) {
        held.remove(range.start..=range.end - 1);
    }
    let byte = |image: &Image, address| image.byte(address).unwrap_or(BLANK);
    let mut runs: Vec<RangeInclusive<u32>> = Vec::new();
    for address in held.iter().cloned().flatten().filter(|at| byte(a, *at) != byte(b, *at)) {
        match runs.last_mut() {
            Some(last) if last.end().checked_add(1) == Some(address) => *last = *last.start()..=address,
            _ => runs.push(address..=address),
        }
    }
    runs
}

/// The length of a page where no part is known: the shortest there is.
const PAGE: u32 = 0x400;

/// The pages that `runs` are on.
fn pages(runs: &[RangeInclusive<u32>], part: Option<&Part>, areas: &[(Area, Range<u32>)]) -> Vec<Page> {
    let size = part.map_or(PAGE, |part| part.flash.page);
    let mut pages: Vec<Page> = Vec::new();
    for run in runs {
        let (mut first, last) = (*run.start(), *run.end());
        loop {
            let address = first - first % size;
            let end = last.min(address + (size - 1));
            match pages.last_mut() {
                Some(page) if page.address == address => page.runs.push(first..=end),
                _ => pages.push(Page {
                    number: part.filter(|p| p.flash.contains(address)).map(|p| (address - p.flash.base) / size),
                    address,
                    size,
                    area: areas.iter().find(|(_, range)| range.contains(&address)).map(|(area, _)| *area),
                    runs: vec![first..=end],
                }),
            }
            if end == last {
                break;
            }
            first = end + 1;
        }
    }
    pages
}
