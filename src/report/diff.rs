//! What `diff` says: what differs, by meaning and byte by byte. Format `dryflash-diff`, version 1.

use super::columns::wrap;
use super::{Detail, Render, RenderError, Style, json};
use crate::image::Image;
use crate::layout::{Area, Change, Diff, Page};
use crate::part::Part;
use crate::plural::{count, thousands};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Lines of bytes that are shown, unless all are asked for.
const LINES: usize = 24;

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    equal: bool,
    before: SideOut<'a>,
    after: SideOut<'a>,
    left_out: &'a [Area],
    changes: &'a [Change],
    addresses: bool,
    pages: Vec<PageOut>,
}

#[derive(Serialize)]
struct SideOut<'a> {
    name: &'a str,
    part: Option<&'a str>,
}

#[derive(Serialize)]
struct PageOut {
    number: Option<u32>,
    address: u32,
    size: u32,
    area: Option<Area>,
    bytes: usize,
    runs: Vec<Run>,
}

/// Bytes that differ, in hex; `--` where there is none.
#[derive(Serialize)]
struct Run {
    address: u32,
    before: String,
    after: String,
}

impl Render for Diff {
    fn text(&self, style: Style) -> String {
        let mut out = String::new();
        if style.detail != Detail::Quiet {
            heads(self, style, &mut out);
            changes(&self.changes, style, &mut out);
            pages(self, style, &mut out);
        }
        let answer = match self.is_equal() {
            true if self.left_out.is_empty() => style.good("They are equal."),
            true => style.good("They are equal, where both hold something."),
            false => style.bad(&differ(self)),
        };
        wrap(&answer, "", "  ", style.width, &mut out);
        out
    }

    fn json(&self) -> Result<String, RenderError> {
        let [before, after] = [0, 1].map(|n| SideOut {
            name: &self.images[n].name,
            part: self.parts[n].as_ref().map(|part| part.name.as_str()),
        });
        let hex = |image: &Image, run: &std::ops::RangeInclusive<u32>| {
            run.clone().map(|at| image.byte(at).map_or_else(|| "--".to_owned(), |b| format!("{b:02X}"))).collect()
        };
        let [a, b] = &self.images;
        let page = |page: &Page| PageOut {
            number: page.number,
            address: page.address,
            size: page.size,
            area: page.area,
            bytes: page.bytes(),
            runs: page
                .runs
                .iter()
                .map(|run| Run { address: *run.start(), before: hex(a, run), after: hex(b, run) })
                .collect(),
        };
        json::document(&Document {
            format: "dryflash-diff",
            version: 1,
            equal: self.is_equal(),
            before,
            after,
            left_out: &self.left_out,
            changes: &self.changes,
            addresses: self.placed,
            pages: self.pages.iter().map(page).collect(),
        })
    }
}

fn differ(diff: &Diff) -> String {
    if diff.pages.is_empty() {
        return "They differ, and their flash is equal.".to_owned();
    }
    let s = if diff.bytes() == 1 { "" } else { "s" };
    // How long pages are is the part's to say.
    let pages = match diff.pages.iter().all(|page| page.number.is_some()) {
        true => format!(" on {}", count(diff.pages.len() as u64, "page")),
        false => String::new(),
    };
    format!("They differ: {} byte{s}{pages}.", thousands(diff.bytes()))
}

/// Which is which, and what is not looked at.
fn heads(diff: &Diff, style: Style, out: &mut String) {
    for (sign, (image, part)) in ["-", "+"].iter().zip(diff.images.iter().zip(&diff.parts)) {
        let part = part.as_ref().map_or_else(String::new, |part: &std::sync::Arc<Part>| format!(" ({})", part.name));
        wrap(&format!("{}{part}", image.name), &format!("{sign} "), "    ", style.width, out);
    }
    if !diff.left_out.is_empty() {
        let names: Vec<String> = diff.left_out.iter().map(Area::to_string).collect();
        let text = format!("not compared, as the image holds nothing there: {}", names.join(", "));
        wrap(&text, "", "  ", style.width, out);
    }
}

fn changes(changes: &[Change], style: Style, out: &mut String) {
    let mut rest = changes;
    while let Some(first) = rest.first() {
        let (group, others) = rest.split_at(rest.iter().take_while(|c| c.subject == first.subject).count());
        rest = others;
        let _ = writeln!(out, "\n{}", style.heading(&first.subject.to_string()));
        let column = group.iter().map(|c| c.what.chars().count()).max().unwrap_or(0).min(style.width / 3);
        for Change { what, before, after, .. } in group {
            let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
            let text = format!("{} -> {}", value(before), value(after));
            wrap(&text, &format!("  {what:<column$}  "), &" ".repeat(column + 4), style.width, out);
        }
    }
}

/// Pages that follow each other in one place, and their bytes.
fn pages(diff: &Diff, style: Style, out: &mut String) {
    if diff.pages.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", style.heading("bytes"));
    let mut left = if style.detail == Detail::Verbose { usize::MAX } else { LINES };
    let mut hidden = 0;
    let follow = |a: &Page, b: &Page| a.area == b.area && a.address.checked_add(a.size) == Some(b.address);
    for group in diff.pages.chunk_by(follow) {
        wrap(&heading(diff, group), "  ", "    ", style.width, out);
        hidden += lines(diff, group, style, &mut left, out);
    }
    if hidden > 0 {
        let text = format!("{} more of such lines differ; -v shows them all", thousands(hidden));
        wrap(&text, "  ", "    ", style.width, out);
    }
}

fn heading(diff: &Diff, group: &[Page]) -> String {
    let ([first, ..], [.., last]) = (group, group) else { return String::new() };
    let pages = match (first.number, last.number) {
        (Some(a), Some(b)) if a == b => format!("page {a}, "),
        (Some(a), Some(b)) => format!("pages {a} to {b}, "),
        _ => String::new(),
    };
    let address = if diff.placed { "" } else { "offset " };
    let (start, end) = match (first.number, first.runs.first(), last.runs.last()) {
        // Where no page is known, no more than what differs.
        (None, Some(from), Some(to)) => (*from.start(), *to.end()),
        _ => (first.address, last.address.saturating_add(last.size - 1)),
    };
    let area = first.area.map_or_else(String::new, |area| format!(" ({area})"));
    let bytes: usize = group.iter().map(Page::bytes).sum();
    let differ = if bytes == 1 { "byte differs" } else { "bytes differ" };
    format!("{pages}{address}0x{:08X} to 0x{end:08X}{area}: {} {differ}", start, thousands(bytes))
}

/// The bytes of pages in lines, with a line around each that differs. How many that differ were not shown.
fn lines(diff: &Diff, group: &[Page], style: Style, left: &mut usize, out: &mut String) -> usize {
    // Sign, address, and three columns a byte; beside them the characters, where there is room.
    let length: u32 = if style.width >= 62 { 16 } else { 8 };
    let characters = style.width >= 80;
    let runs = group.iter().flat_map(|page| &page.runs);
    let other: BTreeSet<u32> =
        runs.flat_map(|run| (run.start() / length..=run.end() / length).map(|line| line * length)).collect();
    let shown: BTreeSet<u32> = other.iter().copied().take(*left).collect();
    *left -= shown.len();
    let [a, b] = &diff.images;
    let around = |at: &u32| [at.checked_sub(length), Some(*at), at.checked_add(length)];
    let all: BTreeSet<u32> = shown.iter().flat_map(around).flatten().collect();
    let mut end = None;
    for at in all {
        if end.replace(at.saturating_add(length)).is_some_and(|end| end < at) {
            let _ = writeln!(out, "  ...");
        }
        let line = |sign: &str, image: &Image| {
            let bytes: Vec<Option<u8>> = (0..length).map(|n| image.byte(at.saturating_add(n))).collect();
            bytes.iter().any(Option::is_some).then(|| self::line(sign, at, &bytes, characters))
        };
        if shown.contains(&at) {
            for (text, paint) in [(line("-", a), true), (line("+", b), false)] {
                let Some(text) = text else { continue };
                let _ = writeln!(out, "{}", if paint { style.bad(&text) } else { style.good(&text) });
            }
        } else if let Some(text) = line(" ", a).or_else(|| line(" ", b)).filter(|_| !other.contains(&at)) {
            let _ = writeln!(out, "{text}");
        }
    }
    other.len() - shown.len()
}

fn line(sign: &str, address: u32, bytes: &[Option<u8>], characters: bool) -> String {
    let mut text = format!("{sign} {address:08X} ");
    for byte in bytes {
        let _ = match byte {
            Some(byte) => write!(text, " {byte:02X}"),
            None => write!(text, " --"),
        };
    }
    if characters {
        let plain = |byte: &Option<u8>| match byte {
            Some(byte) if byte.is_ascii_graphic() || *byte == b' ' => char::from(*byte),
            Some(_) => '.',
            None => ' ',
        };
        let _ = write!(text, "  {}", bytes.iter().map(plain).collect::<String>());
    }
    text.trim_end().to_owned()
}
