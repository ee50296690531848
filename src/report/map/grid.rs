//! Flash to scale: cells of the same number of bytes in rows of the same number of cells.

use crate::layout::Map;
use crate::layout::map::{Kind, Region};
use std::ops::Range;

/// Cells in a row, at most and at least.
const MOST: usize = 64;
const LEAST: usize = 8;
/// A row of [`MOST`] cells is one of so many; where rows are shorter, there are more.
const ROWS: usize = 8;
/// Bytes of a cell, at least.
const SMALLEST: u32 = 16;

/// How flash is cut into cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// The first address.
    pub address: u32,
    /// Bytes of flash.
    pub length: u32,
    /// Bytes of a cell: a power of two.
    pub cell: u32,
    /// Cells in a row: a power of two.
    pub columns: usize,
}

impl Grid {
    /// The grid for `length` bytes of flash where there is room for so many cells in a row.
    pub fn fitting(address: u32, length: u32, room: usize) -> Grid {
        let room = room.clamp(LEAST, MOST);
        let columns = if room.is_power_of_two() { room } else { room.next_power_of_two() / 2 };
        let rows = if columns == MOST { ROWS } else { 2 * ROWS };
        let cells = (columns * rows) as u32;
        Grid { address, length, cell: length.div_ceil(cells).next_power_of_two().max(SMALLEST), columns }
    }

    /// Bytes of a row.
    pub const fn row(&self) -> u32 {
        self.cell * self.columns as u32
    }

    /// The rows: the addresses of each, the last one perhaps a short one.
    pub fn rows(&self) -> impl Iterator<Item = Range<u32>> + use<> {
        let (address, length, row) = (self.address, self.length, self.row());
        (0..length.div_ceil(row)).map(move |n| address + n * row..address + ((n + 1) * row).min(length))
    }

    /// The cells of a row.
    pub fn cells(&self, row: Range<u32>) -> impl Iterator<Item = Range<u32>> + use<> {
        let cell = self.cell;
        (row.start..row.end).step_by(cell as usize).map(move |start| start..row.end.min(start + cell))
    }
}

/// What a cell shows: of the regions that reach into it, the most telling one. Nothing is too small to be seen.
pub fn shown(map: &Map, cell: &Range<u32>) -> Option<Kind> {
    let inside = |r: &&Region| r.address < cell.end && r.end() > u64::from(cell.start);
    let flash = map.regions.iter().filter(|r| !matches!(r.kind, Kind::Outside | Kind::OptionBytes));
    flash.filter(inside).map(|r| r.kind).max_by_key(|kind| TELLING.iter().position(|k| k == kind))
}

/// Kinds, the most telling last.
const TELLING: [Kind; 13] = [
    Kind::Free,
    Kind::Gap,
    Kind::Filled,
    Kind::Data,
    Kind::Bootloader,
    Kind::App,
    Kind::Settings,
    Kind::DeviceInfo,
    Kind::NameTag,
    Kind::OptionBytes,
    Kind::Outside,
    Kind::Lost,
    Kind::Overlap,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_to_scale_and_leave_nothing_out() {
        for kb in [16, 32, 48, 64, 128, 256] {
            for room in [1, 8, 13, 28, 33, 63, 64, 88, 200] {
                let grid = Grid::fitting(0x0800_0000, kb * 1024, room);
                let cells: Vec<_> = grid.rows().flat_map(|row| grid.cells(row)).collect();
                assert!(cells.iter().all(|c| c.end - c.start == grid.cell), "{kb} {room}");
                assert!(cells.windows(2).all(|w| w[0].end == w[1].start), "{kb} {room}");
                let ends = (cells.first().unwrap().start, cells.last().unwrap().end);
                assert_eq!(ends, (0x0800_0000, 0x0800_0000 + kb * 1024), "{kb} {room}");
                assert!(grid.columns <= room.max(LEAST) && grid.rows().count() <= 2 * ROWS, "{grid:?}");
            }
        }
        let wide = Grid::fitting(0x0800_0000, 0x8000, 88);
        assert_eq!((wide.cell, wide.columns, wide.rows().count()), (64, 64, 8));
        let narrow = Grid::fitting(0x0800_0000, 0x8000, 28);
        assert_eq!((narrow.cell, narrow.columns, narrow.rows().count()), (128, 16, 16));
    }
}
