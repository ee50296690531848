//! Bytes to regions: each byte's kind, neighbours joined, blanks told apart.

use super::flash::{Came, Flash};
use super::{Kind, Region};
use crate::am32::{Layout, Piece, Role};
use crate::flash::BLANK;
use crate::image::Segment;
use crate::part::Part;
use crate::plural::count;
use std::ops::Range;

/// Fewer blank bytes than this amid others are data. So it is in the flash's own view.
const SHORTEST_GAP: usize = 64;
/// Fewer bytes of 00 than this are data: a table may have some.
const SHORTEST_FILL: usize = 256;
/// The name tag's length in bytes.
const TAG: u32 = 32;
/// The device bytes' length; that of the magic words before them, and of both in whole words.
const DEVICE_BYTES: u32 = 9;
const MAGIC: u32 = 8;
const WITH_MAGIC: u32 = 20;

/// A run of bytes of one kind, of the same files.
struct Run {
    start: usize,
    kind: Kind,
    came: Came,
    values: Vec<u8>,
}

/// All regions: flash from its first byte to its last, then what lies outside.
pub(super) fn of(flash: &Flash, part: &Part, layout: &Layout) -> Vec<Region> {
    let mut regions: Vec<Region> = Vec::new();
    for run in runs(flash, layout) {
        for (range, holds) in split(&run) {
            let address = flash.base + (run.start + range.start) as u32;
            let length = range.len() as u32;
            match holds {
                Holds::Blank => push_blank(&mut regions, flash, part, address..address + length),
                Holds::Something => push(&mut regions, region(flash, part, layout, &run, address, length)),
                Holds::Zeros => {
                    let region = region(flash, part, layout, &run, address, length);
                    push(
                        &mut regions,
                        Region { kind: Kind::Filled, note: Some("nothing but 00".to_owned()), ..region },
                    );
                }
            }
        }
    }
    for piece in &flash.pieces {
        regions.extend(piece.image.segments.iter().flat_map(|s| beside(piece, s, part)));
    }
    regions
}

/// Neighbours of the same kind and files are one.
fn push(regions: &mut Vec<Region>, new: Region) {
    match regions.last_mut() {
        Some(last) if last.kind == new.kind && last.files == new.files && last.end() == u64::from(new.address) => {
            last.length += new.length;
        }
        _ => regions.push(new),
    }
}

fn runs(flash: &Flash, layout: &Layout) -> Vec<Run> {
    let marks: Vec<Vec<(Range<u32>, Kind)>> = flash.pieces.iter().map(|p| marks(p, layout)).collect();
    let mut runs: Vec<Run> = Vec::new();
    for (at, (value, came)) in flash.bytes().enumerate() {
        let address = flash.base + at as u32;
        let kind = match came {
            Came::Erased => Kind::Gap,
            Came::Twice { .. } => Kind::Overlap,
            Came::Lost { .. } => Kind::Lost,
            Came::By(n) => {
                let marked =
                    marks.get(usize::from(n)).into_iter().flatten().find(|(range, _)| range.contains(&address));
                marked
                    .map_or_else(|| flash.piece(n).map_or(Kind::Data, |p| kind(p, layout, address)), |(_, kind)| *kind)
            }
        };
        match runs.last_mut() {
            Some(run) if run.kind == kind && run.came == came => run.values.push(value),
            _ => runs.push(Run { start: at, kind, came, values: vec![value] }),
        }
    }
    runs
}

/// What a byte of a piece is by its place, where no mark stands there.
fn kind(piece: &Piece, layout: &Layout, address: u32) -> Kind {
    let settings = (layout.eeprom..layout.eeprom_end()).contains(&address);
    match piece.role {
        Role::Eeprom => Kind::Settings,
        Role::Bootloader | Role::App if settings && piece.info.eeprom.is_some() => Kind::Settings,
        Role::Bootloader => Kind::Bootloader,
        Role::App => Kind::App,
        Role::Full if address < layout.app => Kind::Bootloader,
        Role::Full if address < layout.eeprom => Kind::App,
        Role::Full if settings => Kind::Settings,
        Role::Full | Role::Unknown => Kind::Data,
    }
}

/// Where a piece's marks stand.
fn marks(piece: &Piece, layout: &Layout) -> Vec<(Range<u32>, Kind)> {
    let mut marks = Vec::new();
    if let Some(info) = piece.info.bootloader.and_then(|b| b.info).filter(|i| i.address < layout.eeprom) {
        let (before, length) = if info.magic { (MAGIC, WITH_MAGIC) } else { (0, DEVICE_BYTES) };
        let start = info.address.saturating_sub(before);
        marks.push((start..start.saturating_add(length), Kind::DeviceInfo));
    }
    // Addresses of an app's marks are those that it is linked for, which need not be where it lies.
    let tag = piece.info.app.as_ref().and_then(|app| app.tag.as_ref());
    if let Some(tag) = tag.filter(|t| stands(piece, t.address, t.text.as_bytes())) {
        marks.push((tag.address..tag.address.saturating_add(TAG), Kind::NameTag));
    }
    marks
}

fn stands(piece: &Piece, address: u32, text: &[u8]) -> bool {
    let end = u32::try_from(text.len()).ok().and_then(|len| address.checked_add(len));
    end.and_then(|end| piece.image.bytes(address..end)).is_some_and(|found| found == text)
}

/// What a part of a run holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    /// What the run is.
    Something,
    /// Nothing.
    Blank,
    /// 00, many times.
    Zeros,
}

/// The parts of a run. At its ends, blanks are blank however few they are; inside settings and marks they are values.
fn split(run: &Run) -> Vec<(Range<usize>, Holds)> {
    let all = run.values.len();
    match run.kind {
        Kind::Gap => return vec![(0..all, Holds::Blank)],
        Kind::Lost | Kind::Overlap | Kind::NameTag | Kind::DeviceInfo => return vec![(0..all, Holds::Something)],
        _ => {}
    }
    let last = run.values.iter().rposition(|b| *b != BLANK).map_or(0, |last| last + 1);
    if run.kind == Kind::Settings {
        return with_length(vec![(0..last, Holds::Something), (last..all, Holds::Blank)]);
    }
    let first = run.values.iter().position(|b| *b != BLANK).unwrap_or(0);
    let mut parts = vec![(0..first, Holds::Blank)];
    let (mut from, mut at) = (first, first);
    for same in run.values.get(first..last).unwrap_or_default().chunk_by(|a, b| a == b) {
        let holds = match same.first() {
            Some(&BLANK) if same.len() >= SHORTEST_GAP => Holds::Blank,
            Some(0) if same.len() >= SHORTEST_FILL => Holds::Zeros,
            _ => Holds::Something,
        };
        let end = at + same.len();
        if holds != Holds::Something {
            parts.extend([(from..at, Holds::Something), (at..end, holds)]);
            from = end;
        }
        at = end;
    }
    parts.extend([(from..last, Holds::Something), (last..all, Holds::Blank)]);
    with_length(parts)
}

fn with_length(mut parts: Vec<(Range<usize>, Holds)>) -> Vec<(Range<usize>, Holds)> {
    parts.retain(|(range, _)| !range.is_empty());
    parts
}

/// Blank bytes, page by page: those of pages in use are gaps, the others free.
fn push_blank(regions: &mut Vec<Region>, flash: &Flash, part: &Part, range: Range<u32>) {
    let page = part.flash.page;
    let mut address = range.start;
    while address < range.end {
        let end = (address - (address - flash.base) % page).saturating_add(page).min(range.end);
        let kind = if flash.page_in_use(address) { Kind::Gap } else { Kind::Free };
        push(regions, Region { address, length: end - address, kind, files: Vec::new(), note: None });
        address = end;
    }
}

fn region(flash: &Flash, part: &Part, layout: &Layout, run: &Run, address: u32, length: u32) -> Region {
    let of = |n: &u16| flash.piece(*n).map(|p| p.image.name.to_string());
    let (who, note) = match run.came {
        Came::Erased => (Vec::new(), None),
        Came::By(n) => (vec![n], flash.piece(n).and_then(|p| told(p, layout, run.kind, address))),
        Came::Twice { first, later } => (vec![first, later], Some(met(flash, first, later, address..address + length))),
        Came::Lost { of, by } => {
            let start = address - (address - part.flash.base) % part.flash.page;
            (vec![of, by], Some(format!("the later file erases the page at 0x{start:08X}, and does not write them")))
        }
    };
    Region { address, length, kind: run.kind, files: who.iter().filter_map(of).collect(), note }
}

/// How many bytes of two pieces differ.
fn met(flash: &Flash, first: u16, later: u16, range: Range<u32>) -> String {
    let byte = |n: u16, address| flash.piece(n).and_then(|p| p.image.byte(address));
    let differing = range.filter(|a| byte(first, *a) != byte(later, *a)).count();
    match differing {
        0 => "the same bytes in both files".to_owned(),
        n => format!("{} with another value; the later file's stand", count(n as u64, "byte")),
    }
}

/// What a region's bytes tell, at the first region of its kind.
fn told(piece: &Piece, layout: &Layout, kind: Kind, address: u32) -> Option<String> {
    let info = &piece.info;
    match kind {
        Kind::Bootloader if address == layout.base => info.bootloader.map(|b| b.phrases().join(", ")),
        Kind::DeviceInfo => info.bootloader?.info.map(|i| format!("flash code {:02X}", i.flash_code)),
        Kind::NameTag => info.app.as_ref()?.tag.as_ref().map(|t| t.text.clone()),
        Kind::Settings if address == layout.eeprom => info.eeprom.as_ref().map(ToString::to_string),
        Kind::Settings => Some(format!("the part's settings page is at 0x{:08X}", layout.eeprom)),
        Kind::App if address >= layout.eeprom && address < layout.eeprom_end() => {
            Some("the app's bytes in the settings page".to_owned())
        }
        Kind::App if address < layout.app => Some("an app's bytes in the bootloader's area".to_owned()),
        Kind::Bootloader if address >= layout.app => Some("a bootloader's bytes behind its area".to_owned()),
        _ => None,
    }
}

/// What of a segment lies outside of flash.
fn beside(piece: &Piece, segment: &Segment, part: &Part) -> Vec<Region> {
    let (base, end) = (u64::from(part.flash.base), u64::from(part.flash.end()));
    let (from, to) = (u64::from(segment.address), segment.end());
    let option_bytes = part.option_bytes.contains(segment.address);
    let ranges = if option_bytes { [(from, to), (to, to)] } else { [(from, to.min(base)), (from.max(end), to)] };
    let region = |(first, after): (u64, u64)| {
        let (address, length) = (u32::try_from(first).ok()?, u32::try_from(after - first).ok()?);
        let kind = if option_bytes { Kind::OptionBytes } else { Kind::Outside };
        Some(Region { address, length, kind, files: vec![piece.image.name.to_string()], note: None })
    };
    ranges.into_iter().filter(|(first, after)| first < after).filter_map(region).collect()
}
