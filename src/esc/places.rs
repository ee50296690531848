//! Names of places in what a chip holds now, by ELFs that it was flashed with at some time.

use crate::chip::Chip;
use crate::image::{Image, Segment, Symbols};

/// The symbols of those of the files that the chip still holds, to the last byte.
pub fn symbols<'a>(chip: &Chip, files: impl IntoIterator<Item = &'a Image>) -> Symbols {
    let cells = chip.board.flash.cells();
    let holds = |s: &Segment| {
        let inside = cells.contains(s.address) && s.end() <= u64::from(cells.range().end);
        inside && cells.bytes(s.address, s.data.len() as u32) == s.data
    };
    Symbols::of(files.into_iter().filter(|image| image.segments.iter().all(holds)))
}
