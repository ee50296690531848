//! The state of flash as text: small, and such that one changed byte shows where it is.

use crate::chip::Chip;
use crate::flash::view::fnv1a;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Slices of a page that have a checksum of their own.
const SLICES: usize = 16;

/// What last wrote a page: a name, and the page's digest then.
pub type Owners = BTreeMap<u32, (String, u64)>;

/// The digest of the page at this address.
pub fn digest(chip: &Chip, page: u32) -> u64 {
    fnv1a(&chip.board.flash.cells().bytes(page, chip.part().flash.page))
}

/// Flash page by page, the option bytes, protection and wear. A line of a page has its address, how many of its bytes
/// are not blank, a digest, a checksum for each sixteenth of it, and what wrote it.
pub fn text(chip: &Chip, owners: &Owners) -> String {
    let mut out = String::from("flash\n");
    let flash = chip.part().flash;
    let cells = chip.board.flash.cells();
    let mut blank: Option<(u32, u32)> = None;
    let tell_blank = |blank: &mut Option<(u32, u32)>, out: &mut String| {
        if let Some((first, last)) = blank.take() {
            let _ = writeln!(out, "  0x{first:08X} to 0x{last:08X}  blank");
        }
    };
    for page in (0..flash.pages()).map(|n| flash.base + n * flash.page) {
        let bytes = cells.bytes(page, flash.page);
        let end = page + flash.page - 1;
        if bytes.iter().all(|b| *b == 0xFF) {
            blank = Some((blank.map_or(page, |(first, _)| first), end));
            continue;
        }
        tell_blank(&mut blank, &mut out);
        let used = bytes.iter().filter(|b| **b != 0xFF).count();
        let whole = fnv1a(&bytes);
        let slices: Vec<String> = bytes.chunks(bytes.len().div_ceil(SLICES)).map(checksum).collect();
        let by = match owners.get(&page) {
            Some((name, then)) if *then == whole => name.clone(),
            Some((name, _)) => format!("{name}, changed since"),
            None => "written by the code".to_owned(),
        };
        let _ = writeln!(
            out,
            "  0x{page:08X} {used:5} {:08x}  {}  {by}",
            whole as u32 ^ (whole >> 32) as u32,
            slices.join(" ")
        );
    }
    tell_blank(&mut blank, &mut out);
    let state = crate::flash::State::of(chip.board.flash.as_ref()).to_string();
    if let Some(at) = state.find("option bytes\n") {
        out.push_str(&state[at..]);
    }
    out
}

/// Two digits for a slice; dots for a blank one.
fn checksum(slice: &[u8]) -> String {
    if slice.iter().all(|b| *b == 0xFF) {
        return "..".to_owned();
    }
    let digest = fnv1a(slice);
    format!("{:02x}", digest.to_le_bytes().iter().fold(0, |sum, b| sum ^ b))
}
