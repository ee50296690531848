//! Two ESCs side by side.

use super::super::columns::{visible, wrap};
use super::super::{Detail, Style};
use super::{Grid, LABEL, MANY, cells, in_use, legend, marker, row, title};
use crate::layout::map::{Beside, Kind};
use crate::plural::thousands;
use std::fmt::Write;
use std::ops::Range;

/// Columns between two maps.
const BETWEEN: usize = 2;

/// Two ESCs: rows side by side, a mark below each cell that differs, and the list of what differs.
pub(super) fn two(both: &Beside, style: Style, out: &mut String) {
    let [a, b] = &both.maps;
    let between = " ".repeat(BETWEEN);
    let length = a.length.max(b.length);
    // Address, two grids, and what is between them.
    let grid = Grid::fitting(a.address, length, style.width.saturating_sub(LABEL + BETWEEN) / 2);
    if style.detail != Detail::Quiet {
        for (n, map) in both.maps.iter().enumerate() {
            let side = if n == 0 { "left " } else { "right" };
            let text = format!("{side}  {}: {}, {}", map.state().unwrap_or_default(), title(map), in_use(map.sizes));
            wrap(&text, "", "       ", style.width, out);
        }
        let _ = writeln!(out, "each cell is {} bytes\n", grid.cell);
        let differs = |cell: &Range<u32>| {
            both.differing.iter().any(|d| d.address < cell.end && d.address + d.length > cell.start)
        };
        for row in grid.rows() {
            let (left, right) = (cells(a, &grid, row.clone(), style), cells(b, &grid, row.clone(), style));
            let blank = " ".repeat(grid.columns.saturating_sub(visible(&left)));
            let line = format!("  0x{:08X}  {left}{blank}{between}{right}", row.start);
            let _ = writeln!(out, "{}", line.trim_end());
            let mut marks = String::new();
            marker(&grid, row.clone(), &differs, 0, &mut marks);
            let marks = marks.trim_end();
            if !marks.is_empty() {
                let _ = writeln!(out, "{}{marks:<width$}{between}{marks}", " ".repeat(LABEL), width = grid.columns);
            }
        }
        let below = (!both.differing.is_empty()).then_some("^ differs");
        legend(&[a, b], below, style, out);
        differences(both, style, out);
        out.push('\n');
    }
    wrap(&style.heading(&answer(both)), "", "", style.width, out);
}

fn answer(both: &Beside) -> String {
    let bytes: u32 = both.differing.iter().map(|d| d.bytes).sum();
    let flash = match bytes {
        0 => "Both hold the same in flash".to_owned(),
        1 => "One byte of flash differs".to_owned(),
        n => format!("{} bytes of flash differ", thousands(n)),
    };
    match both.differing_options.is_empty() {
        true => format!("{flash}."),
        false => format!("{flash}, and option bytes are not the same."),
    }
}

fn differences(both: &Beside, style: Style, out: &mut String) {
    if both.differing.is_empty() && both.differing_options.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n{}", style.heading("differences"));
    let listed = if style.detail == Detail::Verbose { usize::MAX } else { MANY };
    for run in both.differing.iter().take(listed) {
        let head = format!("  0x{:08X}  {:>7}  ", run.address, thousands(run.length));
        let sides = both.maps.each_ref().map(|map| map.at(run.address).kind.map_or("no flash", Kind::name));
        let what =
            if sides[0] == sides[1] { sides[0].to_owned() } else { format!("{} left, {} right", sides[0], sides[1]) };
        row(&head, &format!("{what}; {} not the same", thousands(run.bytes)), style, out);
    }
    if let Some(more) = both.differing.len().checked_sub(listed).filter(|n| *n > 0) {
        let _ = writeln!(out, "  and {more} more: --verbose lists all");
    }
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    for option in &both.differing_options {
        let (left, right) = (value(&option.first), value(&option.second));
        wrap(&format!("option byte {}: {left} left, {right} right", option.name), "  ", "    ", style.width, out);
    }
}
