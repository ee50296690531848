//! A map as SVG: rows of flash to scale, hatched as well as coloured, light or dark as its reader wants it. Nothing is fetched.

mod look;

pub use look::sheet;

use super::map::{Grid, Maps, base};
use crate::layout::Map;
use crate::layout::map::{Differing, Kind, Region};
use crate::plural::{count, thousands};
use look::{class, hatch, hatches, on};
use std::fmt::Write;
use std::ops::Range;

/// Cells in a row; a row is as long as in the widest text.
const CELLS: usize = 64;
/// All lengths are in units of the drawing's own coordinates.
const LEFT: f64 = 96.0;
const ROW: f64 = 640.0;
const HEIGHT: f64 = 26.0;
const STEP: f64 = 34.0;
const TOP: f64 = 30.0;
const RIGHT: f64 = 14.0;
/// No region is narrower: a mark of some bytes would not be seen.
const NARROWEST: f64 = 2.5;
/// Columns of the legend, and the height of its rows.
const LEGEND_COLUMNS: usize = 4;
const LEGEND_ROW: f64 = 22.0;
/// Regions outside of flash that are told, at most.
const MANY: usize = 12;
/// Letters of a label, at most, in a range so wide.
const LETTER: f64 = 7.0;

/// How an element is to behave.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// What its ids begin with: two in one page have two of them. Letters, digits and `-`.
    pub prefix: &'a str,
    /// Regions can be reached by keyboard. Else the drawing is one image to those who do not see it.
    pub keyboard: bool,
    /// The styles stand in it; else whoever takes it puts [`sheet()`] into the page.
    pub style: bool,
}

/// A file of its own: one map, or two below each other.
pub fn document(maps: &Maps) -> String {
    let differing = match maps {
        Maps::One(_) => &[][..],
        Maps::Two(both) => &both.differing,
    };
    let alone = Alone { differing, ground: true };
    let one = |map, prefix| drawing(map, Setting { prefix, keyboard: false, style: true }, &alone);
    let both = match maps {
        Maps::One(map) => return format!("{HEAD}{}\n", one(map, "map")),
        Maps::Two(both) => both,
    };
    let [a, b] = &both.maps;
    let (first, second) = (height(a, &alone), height(b, &alone));
    let (width, all) = (LEFT + ROW + RIGHT, first + second);
    let mut out =
        format!("{HEAD}<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {all}\" role=\"group\">\n");
    let _ = writeln!(out, "<title>{} and {}</title>", escaped(&name(a)), escaped(&name(b)));
    let below = one(b, "second").replacen("<svg ", &format!("<svg y=\"{first}\" "), 1);
    let _ = writeln!(out, "{}\n{below}\n</svg>", one(a, "first"));
    out
}

/// What a drawing has that stands in no page.
struct Alone<'a> {
    /// Where another ESC's flash is not the same.
    differing: &'a [Differing],
    /// It has a ground of its own.
    ground: bool,
}

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

fn name(map: &Map) -> String {
    let what: Vec<&str> = map.files.iter().map(|f| base(&f.name)).collect();
    format!("Flash of the {}: {}", map.part.nick(), what.join(", "))
}

fn grid(map: &Map) -> Grid {
    Grid::fitting(map.address, map.length, CELLS)
}

fn below_rows(map: &Map) -> f64 {
    TOP + STEP * grid(map).rows().count() as f64
}

fn height(map: &Map, alone: &Alone) -> f64 {
    let entries = kinds(map).len() + lines(map, alone).len();
    let legend = entries.div_ceil(LEGEND_COLUMNS) as f64 * LEGEND_ROW;
    let outside = beside(map).len() as f64 * LEGEND_ROW;
    below_rows(map) + legend + outside + 14.0
}

/// The `<svg>` element, to stand alone or in a page. Each region has a title, and is a group of class `dfm-region`.
pub fn element(map: &Map, setting: Setting) -> String {
    drawing(map, setting, &Alone { differing: &[], ground: false })
}

fn drawing(map: &Map, setting: Setting, alone: &Alone) -> String {
    let Setting { prefix, keyboard, style } = setting;
    let (width, height) = (LEFT + ROW + RIGHT, height(map, alone));
    let role = if keyboard { "group" } else { "img" };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"dfm\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" role=\"{role}\" aria-labelledby=\"{prefix}-title {prefix}-desc\">\n"
    );
    let _ = writeln!(out, "<title id=\"{prefix}-title\">{}</title>", escaped(&name(map)));
    let _ = writeln!(out, "<desc id=\"{prefix}-desc\">{}</desc>", escaped(&described(map)));
    if style {
        let _ = writeln!(out, "<style>{}</style>", sheet());
    }
    if alone.ground {
        out.push_str("<rect class=\"dfm-ground\" width=\"100%\" height=\"100%\"/>\n");
    }
    hatches(prefix, &mut out);
    let grid = grid(map);
    let scale = format!(
        "{}{}: {} KB of flash, {} of {} bytes; a row is {} bytes",
        map.state().map_or_else(String::new, |state| format!("{}, ", base(state))),
        map.part.nick(),
        map.length / 1024,
        count(u64::from(map.length / map.page), "page"),
        thousands(map.page),
        thousands(grid.row())
    );
    let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"18\" aria-hidden=\"true\">{}</text>", escaped(&scale));
    for (n, row) in grid.rows().enumerate() {
        let y = TOP + STEP * n as f64 + HEIGHT * 0.68;
        let _ = writeln!(
            out,
            "<text class=\"dfm-dim\" x=\"4\" y=\"{y:.1}\" aria-hidden=\"true\">0x{:08X}</text>",
            row.start
        );
    }
    for region in map.regions.iter().filter(|r| in_flash(r)) {
        drawn(region, &grid, setting, &mut out);
    }
    for p in &map.protected {
        let title = format!("write-protected: pages {} to {}", p.first_page, p.last_page);
        underlined(p.address..p.address + p.length, "dfm-lock", &title, &grid, &mut out);
    }
    for d in alone.differing {
        let title = format!("differs: {} from 0x{:08X} on", count(u64::from(d.bytes), "byte"), d.address);
        underlined(d.address..d.address + d.length, "dfm-differs", &title, &grid, &mut out);
    }
    legend(map, prefix, alone, &mut out);
    out.push_str("</svg>");
    out
}

fn in_flash(region: &Region) -> bool {
    !matches!(region.kind, Kind::Outside | Kind::OptionBytes)
}

/// What is told of what lies outside of flash.
fn beside(map: &Map) -> Vec<String> {
    let mut list: Vec<String> = map.regions.iter().filter(|r| !in_flash(r)).map(told).collect();
    let more = list.len().saturating_sub(MANY);
    if more > 0 {
        list.truncate(MANY);
        list.push(format!("and {more} more"));
    }
    list
}

/// A region's rows, as one group with its title.
fn drawn(region: &Region, grid: &Grid, setting: Setting, out: &mut String) {
    let focus = if setting.keyboard { " tabindex=\"0\" role=\"img\"" } else { "" };
    let told = escaped(&told(region));
    let label = if setting.keyboard { format!(" aria-label=\"{told}\"") } else { String::new() };
    let class = class(region.kind);
    let _ = write!(
        out,
        "<g class=\"dfm-region\" data-kind=\"{class}\" data-address=\"{}\" data-length=\"{}\"{focus}{label}><title>{told}</title>",
        region.address, region.length
    );
    let places = places(region.address, region.end(), grid);
    for (x, y, w) in &places {
        let _ =
            write!(out, "<rect class=\"dfm-{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{HEIGHT}\"/>");
        if let Some(hatch) = hatch(region.kind) {
            let prefix = setting.prefix;
            let _ = write!(
                out,
                "<rect fill=\"url(#{prefix}-{hatch})\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{HEIGHT}\"/>"
            );
        }
    }
    // Where there is room, and once.
    let name = region.kind.name();
    if let Some((x, y, _)) = places.iter().find(|(_, _, w)| *w > LETTER * (name.len() + 2) as f64) {
        let on = on(region.kind);
        let baseline = y + HEIGHT * 0.68;
        let _ = write!(
            out,
            "<text class=\"{on}\" x=\"{:.1}\" y=\"{baseline:.1}\" aria-hidden=\"true\">{name}</text>",
            x + LETTER
        );
    }
    out.push_str("</g>\n");
}

/// A line below a range.
fn underlined(range: Range<u32>, class: &str, title: &str, grid: &Grid, out: &mut String) {
    for (x, y, w) in places(range.start, u64::from(range.end), grid) {
        let (end, y) = (x + w, y + HEIGHT + 3.5);
        let _ = writeln!(
            out,
            "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{end:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"><title>{title}</title></line>"
        );
    }
}

/// Where a range is drawn: left, top and width, row by row.
fn places(address: u32, end: u64, grid: &Grid) -> Vec<(f64, f64, f64)> {
    let per_byte = ROW / f64::from(grid.row());
    let one = |(n, row): (usize, Range<u32>)| {
        let (from, to) = (row.start.max(address), u64::from(row.end).min(end));
        let bytes = to.checked_sub(u64::from(from)).filter(|n| *n > 0)?;
        let width = (bytes as f64 * per_byte).max(NARROWEST);
        let left = (f64::from(from - row.start) * per_byte).min(ROW - width);
        Some((LEFT + left, TOP + STEP * n as f64, width))
    };
    grid.rows().enumerate().filter_map(one).collect()
}

fn told(region: &Region) -> String {
    let last = region.end() - 1;
    let mut text = format!(
        "{}: 0x{:08X} to 0x{last:08X}, {} {}",
        region.kind.name(),
        region.address,
        thousands(region.length),
        if region.length == 1 { "byte" } else { "bytes" }
    );
    if !region.files.is_empty() {
        let _ = write!(text, ", {}", region.files.join(", then "));
    }
    if let Some(note) = &region.note {
        let _ = write!(text, "; {note}");
    }
    text
}

fn described(map: &Map) -> String {
    let list: Vec<String> = map.regions.iter().filter(|r| in_flash(r)).map(told).chain(beside(map)).collect();
    let sizes = map.sizes;
    format!(
        "{} bytes used, {} in gaps, {} free. {}",
        thousands(sizes.used),
        thousands(sizes.gaps),
        thousands(sizes.free),
        list.join(". ")
    )
}

fn kinds(map: &Map) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = map.regions.iter().filter(|r| in_flash(r)).map(|r| r.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// The lines that are drawn below regions, by class, and what each means.
fn lines(map: &Map, alone: &Alone) -> Vec<(&'static str, &'static str)> {
    let protected = (!map.protected.is_empty()).then_some(("dfm-lock", "write-protected"));
    let differing = (!alone.differing.is_empty()).then_some(("dfm-differs", "differs"));
    protected.into_iter().chain(differing).collect()
}

/// What colours, hatches and lines mean; below it what lies outside of flash.
fn legend(map: &Map, prefix: &str, alone: &Alone, out: &mut String) {
    let top = below_rows(map) + 4.0;
    let place = |n: usize| {
        let x = LEFT + (n % LEGEND_COLUMNS) as f64 * (ROW / LEGEND_COLUMNS as f64);
        (x, top + (n / LEGEND_COLUMNS) as f64 * LEGEND_ROW)
    };
    let kinds = kinds(map);
    for (n, kind) in kinds.iter().enumerate() {
        let (x, y) = place(n);
        let bar = format!("x=\"{x:.1}\" y=\"{y:.1}\" width=\"18\" height=\"14\"");
        let _ = write!(out, "<g aria-hidden=\"true\"><rect class=\"dfm-{}\" {bar}/>", class(*kind));
        if let Some(hatch) = hatch(*kind) {
            let _ = write!(out, "<rect fill=\"url(#{prefix}-{hatch})\" {bar}/>");
        }
        let bytes: u32 = map.regions.iter().filter(|r| r.kind == *kind).map(|r| r.length).sum();
        let text = format!("{} ({})", kind.name(), thousands(bytes));
        let _ = writeln!(out, "<text x=\"{:.1}\" y=\"{:.1}\">{text}</text></g>", x + 24.0, y + 11.5);
    }
    let lines = lines(map, alone);
    for (n, (class, text)) in lines.iter().enumerate() {
        let (x, y) = place(kinds.len() + n);
        let (end, middle) = (x + 18.0, y + 7.0);
        let _ = writeln!(
            out,
            "<g aria-hidden=\"true\"><line class=\"{class}\" x1=\"{x:.1}\" x2=\"{end:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{text}</text></g>",
            x + 24.0,
            y + 11.5
        );
    }
    let (_, below) = place((kinds.len() + lines.len()).next_multiple_of(LEGEND_COLUMNS));
    for (n, text) in beside(map).iter().enumerate() {
        let y = below + n as f64 * LEGEND_ROW + 11.5;
        let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"{y:.1}\">{}</text>", escaped(text));
    }
}

/// Text and the values of attributes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // XML has no other control characters, escaped or not.
            '\u{FFFE}' | '\u{FFFF}' => out.push('\u{FFFD}'),
            c if c.is_control() && !matches!(c, '\t' | '\n' | '\r') => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}
