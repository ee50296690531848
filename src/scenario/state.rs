//! The state of flash as text: small, and such that one changed byte shows where it is.

use crate::chip::Chip;
use crate::digest::fnv1a;
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
/// are not blank, a digest, a checksum for each sixteenth of it, and what wrote it. Pages that hold one byte over and
/// over share a line.
pub fn text(chip: &Chip, owners: &Owners) -> String {
    let mut out = String::from("flash\n");
    let flash = chip.part().flash;
    let cells = chip.board.flash.cells();
    // Neighbours that hold the same byte over and over: first and last address, and what is said of them.
    let mut same: Option<(u32, u32, String)> = None;
    let tell = |same: &mut Option<(u32, u32, String)>, out: &mut String| {
        if let Some((first, last, what)) = same.take() {
            let _ = writeln!(out, "  0x{first:08X} to 0x{last:08X}  {what}");
        }
    };
    for page in (0..flash.pages()).map(|n| flash.base + n * flash.page) {
        let bytes = cells.bytes(page, flash.page);
        let end = page + flash.page - 1;
        let whole = fnv1a(&bytes);
        let by = match owners.get(&page) {
            Some((name, then)) if *then == whole => name.clone(),
            Some((name, _)) => format!("{name}, changed since"),
            None => "written by the code".to_owned(),
        };
        if let Some(byte) = uniform(&bytes) {
            let what = if byte == 0xFF { "blank".to_owned() } else { format!("all {byte:02X}  {by}") };
            match &mut same {
                Some((_, last, before)) if *before == what => *last = end,
                _ => {
                    tell(&mut same, &mut out);
                    same = Some((page, end, what));
                }
            }
            continue;
        }
        tell(&mut same, &mut out);
        let used = bytes.iter().filter(|b| **b != 0xFF).count();
        let slices: Vec<String> = bytes.chunks(bytes.len().div_ceil(SLICES)).map(checksum).collect();
        let digest = whole as u32 ^ (whole >> 32) as u32;
        let _ = writeln!(out, "  0x{page:08X} {used:5} {digest:08x}  {}  {by}", slices.join(" "));
    }
    tell(&mut same, &mut out);
    let [_, options] = crate::flash::State::of(chip.board.flash.as_ref()).sections();
    out.push_str(&options.text);
    out
}

/// The byte that stands everywhere, where one does.
fn uniform(bytes: &[u8]) -> Option<u8> {
    let first = *bytes.first()?;
    bytes.iter().all(|b| *b == first).then_some(first)
}

/// Two digits for a slice; dots for a blank one.
fn checksum(slice: &[u8]) -> String {
    if uniform(slice) == Some(0xFF) {
        return "..".to_owned();
    }
    let digest = fnv1a(slice);
    format!("{:02x}", digest.to_le_bytes().iter().fold(0, |sum, b| sum ^ b))
}
