//! What lay where in flash as the power came on.

use crate::esc::{Kept, Verdict};
use crate::layout::map::Region;
use crate::layout::{Map as FlashMap, Source};
use crate::plural::thousands;
use crate::report::svg;
use askama::Template;

/// The drawing, and the same as a table.
#[derive(Template)]
#[template(path = "map.html", config = "src/report/html/askama.toml")]
pub struct Map {
    drawing: String,
    /// Used, filled, gaps, free.
    sizes: String,
    regions: Vec<Row>,
}

struct Row {
    range: String,
    what: &'static str,
    length: String,
    files: String,
    note: String,
}

/// What the chip held that is of none of the files.
const HELD: &str = "the ESC";

impl Map {
    /// Of the chip that a verdict is about; none where AM32 has no layout for its part.
    pub fn of(verdict: &Verdict) -> Option<Map> {
        let map = map(verdict)?;
        let sizes = map.sizes;
        let setting = svg::Setting { prefix: "map", keyboard: true, style: true };
        Some(Map {
            drawing: svg::element(&map, setting),
            sizes: format!(
                "{} bytes in use,{} {} blank in pages that are in use, {} free.",
                thousands(sizes.used),
                match sizes.filled {
                    0 => String::new(),
                    bytes => format!(" {} filled with 00,", thousands(bytes)),
                },
                thousands(sizes.gaps),
                thousands(sizes.free)
            ),
            regions: map.regions.iter().map(Row::of).collect(),
        })
    }
}

impl Row {
    fn of(region: &Region) -> Row {
        Row {
            range: format!("0x{:08X} to 0x{:08X}", region.address, region.end() - 1),
            what: region.kind.name(),
            length: thousands(region.length),
            files: region.files.join(", then "),
            note: region.note.clone().unwrap_or_default(),
        }
    }
}

/// The files that were programmed, and below them, where flash held anything else, the chip.
fn map(verdict: &Verdict) -> Option<FlashMap> {
    let (part, held) = (verdict.part.as_ref()?, verdict.held.as_ref()?);
    let programmed = verdict.pieces.get(..verdict.programmed.len())?;
    let alone = FlashMap::of(part, programmed, None).ok()?;
    let non_volatile = &held.non_volatile;
    let same = (non_volatile.base..).zip(&non_volatile.bytes).all(|(at, byte)| alone.byte(at) == Some(*byte));
    if same && !programmed.is_empty() {
        return Some(alone);
    }
    let kept = Kept { part: part.clone(), non_volatile: non_volatile.clone() };
    let chip = Source::of_kept(HELD, kept).ok()?;
    FlashMap::of(part, programmed, Some(&chip)).ok()
}
