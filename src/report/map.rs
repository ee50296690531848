//! What `map` says: flash to scale, its regions, areas and files. Format `dryflash-map`, version 1.

mod at;
mod grid;
mod two;

pub use grid::{Grid, shown};

use super::columns::wrap;
use super::text::one_finding;
use super::{Detail, Render, RenderError, Style, json};
use crate::am32::Severity;
use crate::layout::Map;
use crate::layout::map::{Beside, Differing, DifferingOption, Found, Holder, Kind, Region, Sizes};
use crate::plural::{count, thousands};
use anstyle::{AnsiColor, Color, Style as Ansi};
use serde::Serialize;
use std::fmt::Write;
use std::ops::Range;

/// Regions that are listed where not all are asked for.
const MANY: usize = 40;

/// One map, or two side by side.
#[derive(Debug)]
pub struct Report {
    /// What is shown.
    pub maps: Maps,
    /// The addresses that were asked for: what stands there is told instead of the map.
    pub asked: Vec<u32>,
}

/// What is shown.
#[derive(Debug)]
pub enum Maps {
    /// One ESC.
    One(Box<Map>),
    /// Two, and where they differ.
    Two(Box<Beside>),
}

impl Report {
    fn maps(&self) -> &[Map] {
        match &self.maps {
            Maps::One(map) => std::slice::from_ref(map),
            Maps::Two(beside) => &beside.maps,
        }
    }

    /// Whether everything is where it belongs, and each address that was asked for is one where something can be.
    pub fn is_as_hoped(&self) -> bool {
        let somewhere = |map: &Map| self.asked.iter().all(|at| map.at(*at).is_somewhere());
        self.maps().iter().all(|map| map.is_sound() && somewhere(map))
    }
}

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    sound: bool,
    maps: Vec<Out<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    differing: Option<&'a [Differing]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    differing_options: Option<&'a [DifferingOption]>,
}

#[derive(Serialize)]
struct Out<'a> {
    #[serde(flatten)]
    map: &'a Map,
    at: Vec<Found>,
}

impl Render for Report {
    fn text(&self, style: Style) -> String {
        let mut out = String::new();
        if !self.asked.is_empty() {
            for map in self.maps() {
                let name = map.state().filter(|_| self.maps().len() > 1);
                for address in &self.asked {
                    at::found(&map.at(*address), name, style, &mut out);
                }
            }
            return out;
        }
        match &self.maps {
            Maps::One(map) => one(map, style, &mut out),
            Maps::Two(both) => two::two(both, style, &mut out),
        }
        out
    }

    fn json(&self) -> Result<String, RenderError> {
        let at = |map: &Map| self.asked.iter().map(|at| map.at(*at)).collect();
        let both = match &self.maps {
            Maps::One(_) => None,
            Maps::Two(both) => Some(both),
        };
        json::document(&Document {
            format: "dryflash-map",
            version: 1,
            sound: self.maps().iter().all(Map::is_sound),
            maps: self.maps().iter().map(|map| Out { map, at: at(map) }).collect(),
            differing: both.map(|both| &*both.differing),
            differing_options: both.map(|both| &*both.differing_options),
        })
    }
}

fn one(map: &Map, style: Style, out: &mut String) {
    if style.detail != Detail::Quiet {
        wrap(&format!("{}, {}", style.heading(&title(map)), map.part_evidence), "", "  ", style.width, out);
        let grid = Grid::fitting(map.address, map.length, style.width.saturating_sub(LABEL));
        wrap(&scale(map, &grid), "", "  ", style.width, out);
        out.push('\n');
        drawn(map, &grid, style, out);
        tables(map, style, out);
    }
    told(map, style, out);
    answer(map, style, out);
}

fn title(map: &Map) -> String {
    match &map.part.short {
        Some(_) => format!("{} ({})", map.part.name, map.part.nick()),
        None => map.part.name.clone(),
    }
}

fn scale(map: &Map, grid: &Grid) -> String {
    format!(
        "{} KB of flash from 0x{:08X} on, in {} of {} bytes; each cell is {} bytes",
        map.length / 1024,
        map.address,
        count(u64::from(map.length / map.page), "page"),
        thousands(map.page),
        grid.cell
    )
}

/// Columns before the cells of a row.
const LABEL: usize = 14;

/// The rows of cells, each with its address, and what the cells mean.
fn drawn(map: &Map, grid: &Grid, style: Style, out: &mut String) {
    let protected =
        |cell: &Range<u32>| map.protected.iter().any(|p| p.address < cell.end && p.address + p.length > cell.start);
    for row in grid.rows() {
        let _ = writeln!(out, "  0x{:08X}  {}", row.start, cells(map, grid, row.clone(), style));
        marker(grid, row, &protected, LABEL, out);
    }
    let below = (!map.protected.is_empty()).then_some("^ write-protected");
    legend(&[map], below, style, out);
}

fn cells(map: &Map, grid: &Grid, row: Range<u32>, style: Style) -> String {
    let mut text = String::new();
    let kinds: Vec<Kind> = grid.cells(row).filter_map(|cell| shown(map, &cell)).collect();
    for run in kinds.chunk_by(|a, b| a == b) {
        let Some(kind) = run.first() else { continue };
        text += &painted(*kind, &sign(*kind, style).to_string().repeat(run.len()), style);
    }
    text
}

/// A line with a mark below each of the cells that have something; no line where none has.
fn marker(grid: &Grid, row: Range<u32>, marked: &dyn Fn(&Range<u32>) -> bool, indent: usize, out: &mut String) {
    let line: String = grid.cells(row).map(|cell| if marked(&cell) { '^' } else { ' ' }).collect();
    if line.contains('^') {
        let _ = writeln!(out, "{}{}", " ".repeat(indent), line.trim_end());
    }
}

fn sign(kind: Kind, style: Style) -> char {
    let (block, letter) = match kind {
        Kind::Bootloader => ('\u{2588}', 'B'),
        Kind::DeviceInfo => ('\u{25C6}', 'i'),
        Kind::App => ('\u{2593}', 'A'),
        Kind::NameTag => ('\u{25CF}', 'n'),
        Kind::Settings => ('\u{2592}', 'S'),
        Kind::Data => ('\u{25A4}', 'd'),
        Kind::Filled => ('\u{2504}', '0'),
        Kind::Overlap => ('\u{2573}', 'X'),
        Kind::Lost => ('\u{2715}', '!'),
        Kind::Gap => ('\u{2591}', ':'),
        Kind::Free => ('\u{00B7}', '.'),
        Kind::Outside => ('>', '>'),
        Kind::OptionBytes => ('o', 'o'),
    };
    if style.unicode { block } else { letter }
}

fn painted(kind: Kind, text: &str, style: Style) -> String {
    let of = |colour: AnsiColor| Ansi::new().fg_color(Some(Color::Ansi(colour)));
    let ansi = match kind {
        Kind::Bootloader => of(AnsiColor::Blue),
        Kind::App => of(AnsiColor::Green),
        Kind::Settings => of(AnsiColor::Yellow),
        Kind::DeviceInfo | Kind::NameTag => of(AnsiColor::Magenta),
        Kind::OptionBytes | Kind::Data => of(AnsiColor::Cyan),
        Kind::Overlap | Kind::Lost | Kind::Outside => of(AnsiColor::Red).bold(),
        Kind::Gap | Kind::Free | Kind::Filled => Ansi::new().dimmed(),
    };
    style.paint(ansi, text)
}

/// What the cells mean: of each kind that is there, its sign and its name.
fn legend(maps: &[&Map], below: Option<&str>, style: Style, out: &mut String) {
    let mut kinds: Vec<Kind> = maps.iter().flat_map(|m| m.regions.iter().map(|r| r.kind)).collect();
    kinds.retain(|kind| !matches!(kind, Kind::Outside | Kind::OptionBytes));
    kinds.sort_unstable();
    kinds.dedup();
    // A name keeps its blanks where lines are wrapped.
    let entry = |kind: &Kind| {
        format!(
            "{}\u{a0}{}",
            painted(*kind, &sign(*kind, style).to_string(), style),
            kind.name().replace(' ', "\u{a0}")
        )
    };
    let entries: Vec<String> = kinds.iter().map(entry).chain(below.map(|b| b.replace(' ', "\u{a0}"))).collect();
    let mut text = String::new();
    wrap(&entries.join("  "), "  ", "  ", style.width, &mut text);
    out.push_str(&text.replace('\u{a0}', " "));
}

fn tables(map: &Map, style: Style, out: &mut String) {
    let _ = writeln!(out, "\n{}", style.heading("areas"));
    for area in &map.areas {
        let head = format!("  0x{:08X}  {:>7}  {:<12}  ", area.address, thousands(area.length), area.kind.name());
        row(&head, &in_use(area.sizes), style, out);
    }
    if !map.files.is_empty() {
        let _ = writeln!(out, "\n{}", style.heading("files"));
        for file in &map.files {
            let role = if file.format.is_some() { file.role.to_string() } else { "virtual ESC".to_owned() };
            let head = format!("  0x{:08X}  {:>7}  {role:<12}  ", file.address, thousands(file.length));
            row(&head, &format!("{}: {}", file.name, of_file(file)), style, out);
        }
    }
    for file in &map.refused {
        wrap(&format!("{}: not drawn, as the ESC does not take it", base(file)), "  ", "    ", style.width, out);
    }
    let _ = writeln!(out, "\n{}", style.heading("regions"));
    let listed = if style.detail == Detail::Verbose { usize::MAX } else { MANY };
    for region in map.regions.iter().take(listed) {
        region_row(region, style, out);
    }
    if let Some(more) = map.regions.len().checked_sub(listed).filter(|n| *n > 0) {
        let _ = writeln!(out, "  and {more} more: --verbose lists all");
    }
    protection(map, style, out);
}

fn in_use(sizes: Sizes) -> String {
    let filled = match sizes.filled {
        0 => String::new(),
        bytes => format!(" {} filled with 00,", thousands(bytes)),
    };
    let (used, gaps, free) = (thousands(sizes.used), thousands(sizes.gaps), thousands(sizes.free));
    format!("{used} used,{filled} {gaps} in gaps, {free} free")
}

fn of_file(file: &Holder) -> String {
    let mut text = format!("{} used", thousands(file.used));
    for (bytes, what) in [(file.lost, "lost"), (file.outside, "outside of flash")] {
        if bytes > 0 {
            let _ = write!(text, ", {} {what}", thousands(bytes));
        }
    }
    text
}

fn region_row(region: &Region, style: Style, out: &mut String) {
    let name = format!("{:<12}", region.kind.name());
    let name = if region.kind.is_wrong() { style.bad(&name) } else { name };
    let head = format!("  0x{:08X}  {:>7}  {name}  ", region.address, thousands(region.length));
    let files: Vec<&str> = region.files.iter().map(|f| base(f)).collect();
    let blank = " ".repeat(super::columns::visible(&head));
    match files.as_slice() {
        [] => {
            let _ = writeln!(out, "{}", head.trim_end());
        }
        files => row(&head, &files.join(", then "), style, out),
    }
    if let Some(note) = &region.note {
        row(&blank, note, style, out);
    }
}

/// A file's name without its folders.
pub(super) fn base(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

/// Text behind a head, or below it where there is no room.
fn row(head: &str, text: &str, style: Style, out: &mut String) {
    let used = super::columns::visible(head);
    if used + ROOM <= style.width {
        wrap(text, head, &" ".repeat(used), style.width, out);
        return;
    }
    if !head.trim().is_empty() {
        let _ = writeln!(out, "{}", head.trim_end());
    }
    wrap(text, "    ", "      ", style.width, out);
}

/// Columns that a text wants beside its head.
const ROOM: usize = 24;

fn protection(map: &Map, style: Style, out: &mut String) {
    let Some(options) = &map.options else { return };
    let heading = match &map.options_from {
        None => "option bytes".to_owned(),
        Some(file) => format!("option bytes in {}, not programmed", base(file)),
    };
    let mut lines = String::new();
    wrap(&heading, "", "  ", style.width, &mut lines);
    let _ = write!(out, "\n{}\n", style.heading(lines.trim_end()));
    let fields: Vec<String> = options.fields.iter().map(|f| format!("{} {}", f.name, f.loaded)).collect();
    wrap(&fields.join(", "), "  ", "  ", style.width, out);
    if map.options_from.is_some() {
        let read = (options.rdp_level > 0).then(|| format!("read protection level {}", options.rdp_level));
        let write =
            options.protected.iter().map(|(first, last)| format!("write protection of {}", pages(*first, *last)));
        let both: Vec<String> = read.into_iter().chain(write).collect();
        if !both.is_empty() {
            wrap(&format!("once programmed: {}", both.join(", ")), "  ", "    ", style.width, out);
        }
    }
    for p in &map.protected {
        let pages = pages(p.first_page, p.last_page);
        let mut text =
            format!("{pages} are write-protected (0x{:08X} to 0x{:08X})", p.address, p.address + p.length - 1);
        if p.first_page == p.last_page {
            text = text.replacen(" are ", " is ", 1);
        }
        if !p.refuses.is_empty() {
            let names: Vec<&str> = p.refuses.iter().map(|f| base(f)).collect();
            let _ = write!(text, ": the flash does not take {}", names.join(", "));
        }
        wrap(&text, "  ", "    ", style.width, out);
    }
}

fn pages(first: u32, last: u32) -> String {
    if first == last { format!("page {first}") } else { format!("pages {first} to {last}") }
}

fn told(map: &Map, style: Style, out: &mut String) {
    let told: Vec<_> =
        map.findings.iter().filter(|f| style.detail != Detail::Quiet || f.severity == Severity::Error).collect();
    if told.is_empty() {
        return;
    }
    if style.detail != Detail::Quiet {
        let _ = writeln!(out, "\n{}", style.heading("findings"));
    }
    for finding in told {
        one_finding(finding, "  ", style, out);
    }
}

fn answer(map: &Map, style: Style, out: &mut String) {
    if style.detail != Detail::Quiet {
        out.push('\n');
    }
    let refused = map.protected.iter().any(|p| !p.refuses.is_empty());
    let text = if map.is_sound() {
        let (sizes, of) = (in_use(map.sizes), thousands(map.length));
        // What a virtual ESC holds came there by itself: whether it starts is `check`'s to say.
        match map.has_files() {
            true => style.good(&format!("Every file lies where it belongs: {sizes}, of {of} bytes.")),
            false => format!("In flash: {sizes}, of {of} bytes; `dryflash check` says whether it starts."),
        }
    } else if map.is_locked() {
        let off = match map.options.as_ref().map_or(0, |o| o.rdp_level) {
            0 | 1 => "Whoever takes it off erases everything.",
            _ => "Nothing takes level 2 off.",
        };
        style.bad(&format!("The flash takes no file: read protection is on. {off}"))
    } else if refused {
        style.bad("The flash does not take these files: pages of theirs are write-protected.")
    } else {
        style.bad("Not everything lies where it belongs: see the errors above.")
    };
    wrap(&text, "", "", style.width, out);
}
