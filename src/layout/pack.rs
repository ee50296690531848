//! Several files made one: what flash holds once they are programmed, from its start to the end of the settings page.

use super::form::{self, Form};
use crate::am32::{Given, Layout, Piece, Role};
use crate::esc::{self, CheckError, Options, Verdict};
use crate::flash::BLANK;
use crate::image::Image;
use crate::part::Part;
use rangemap::RangeSet;
use serde::Serialize;
use std::ops::Range;
use std::sync::Arc;

/// What came of packing.
#[derive(Debug)]
pub struct Packing {
    /// What would happen with these files.
    pub verdict: Verdict,
    /// Whether an ESC with the image would start, as `check` says of it; with the files, where there is no image.
    pub starts: bool,
    /// The image, or why there is none.
    pub result: Result<Packed, Refusal>,
}

/// A full image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The address of its first byte: the start of flash.
    pub base: u32,
    /// All of its bytes, up to the end of the settings page; gaps are FF.
    pub bytes: Vec<u8>,
    /// Which file went where.
    pub placed: Vec<Placed>,
    /// What the files hold outside of flash.
    pub left_out: Vec<Stretch>,
    /// Addresses that a file holds.
    held: RangeSet<u32>,
}

/// A file in a full image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Placed {
    /// What it is.
    pub role: Role,
    /// Where its bytes are.
    #[serde(flatten)]
    pub stretch: Stretch,
    /// How many there is room for, in bytes, where its role has an area of its own.
    pub room: Option<u32>,
}

/// Bytes of a file at their addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// The file, as it was named.
    #[serde(serialize_with = "text")]
    pub file: Arc<str>,
    /// The address of the first byte.
    pub first: u32,
    /// The address of the last byte.
    pub last: u32,
    /// How many bytes; gaps do not count.
    pub bytes: usize,
}

fn text<S: serde::Serializer>(file: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(file)
}

/// Why files are not packed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no part to pack them for.
    #[error(
        "the files are for an MCU that is not modelled, so nothing says whether they would start; give files for a part that `dryflash parts` lists"
    )]
    NotModelled,
    /// It would not start.
    #[error(
        "with these files an ESC would not start; mend what the findings say, or pack them all the same with --anyway"
    )]
    WouldNotStart,
    /// The flash refused a file.
    #[error("the flash does not take all of these files; leave out the one that the findings name")]
    NotProgrammed,
    /// Bytes behind the settings page, where a full image ends.
    #[error(
        "{file} holds bytes at 0x{address:08X}, and a full image ends with the settings page before 0x{end:08X}; leave that file out, or cut it there"
    )]
    Beyond {
        /// The file.
        file: Arc<str>,
        /// Its first byte there that is not blank.
        address: u32,
        /// Where a full image ends.
        end: u32,
    },
}

impl Packed {
    /// The file to write. Intel HEX holds what the files hold, and leaves the gaps between them out.
    pub fn file(&self, form: Form) -> Vec<u8> {
        let block = |range: &Range<u32>| {
            let bytes = self.bytes.get((range.start - self.base) as usize..(range.end - self.base) as usize)?;
            Some((range.start, bytes))
        };
        match form {
            Form::Bin => self.bytes.clone(),
            Form::Hex => form::hex(self.held.iter().filter_map(block)),
        }
    }
}

/// Packs `files` into a file called `output`: they are flashed onto a virtual ESC and powered as [`esc::check()`] does, and what its flash holds before
/// the first power-up is the image. What would not start is packed where `anyway` asks for it; whether the image starts is
/// then another question, since files that clash are one thing in flash.
///
/// # Errors
/// As [`esc::check()`]; or the files fit parts that keep their settings at different places.
pub fn pack(
    files: Vec<Given>,
    options: &Options,
    anyway: bool,
    output: &str,
    form: Form,
) -> Result<Packing, CheckError> {
    let (verdict, flashed) = esc::check(files, options, None)?;
    let result = match (&verdict.part, flashed) {
        (Some(part), Some(flashed)) => {
            one_place(part, &verdict.also)?;
            packed(&verdict, part, &flashed.non_volatile.bytes, anyway)
        }
        (None, _) => Err(Refusal::NotModelled),
        // No file has a place.
        (Some(_), None) => Err(Refusal::WouldNotStart),
    };
    let starts = match (&result, &verdict.part) {
        (Ok(packed), Some(part)) if !verdict.starts() => would_start(&packed.file(form), output, part, options),
        _ => verdict.starts(),
    };
    Ok(Packing { verdict, starts, result })
}

/// What `check` says of a file with these bytes.
fn would_start(bytes: &[u8], name: &str, part: &Arc<Part>, options: &Options) -> bool {
    let Ok(image) = Image::parse(name, bytes, None) else { return false };
    let options = Options { part: Some(Arc::clone(part)), ..options.clone() };
    esc::check(vec![Given { image, role: None }], &options, None).is_ok_and(|(verdict, _)| verdict.starts())
}

/// The parts that the files fit must have their settings at one place, whatever else is the same.
fn one_place(part: &Arc<Part>, also: &[Arc<Part>]) -> Result<(), CheckError> {
    let page = |part: &Part| Layout::of(part).map(|l| l.eeprom);
    if also.iter().all(|other| page(other) == page(part)) {
        return Ok(());
    }
    Err(CheckError::Ambiguous(std::iter::once(part).chain(also).map(|p| p.nick().to_owned()).collect()))
}

fn packed(verdict: &Verdict, part: &Part, flash: &[u8], anyway: bool) -> Result<Packed, Refusal> {
    let layout = Layout::of(part).ok_or(Refusal::NotModelled)?;
    if verdict.programmed.len() < verdict.pieces.len() {
        return Err(Refusal::NotProgrammed);
    }
    if !verdict.starts() && !anyway {
        return Err(Refusal::WouldNotStart);
    }
    let whole = layout.base..layout.eeprom_end();
    for piece in &verdict.pieces {
        beyond(piece, whole.end..part.flash.end())?;
    }
    let length = (whole.end - whole.start) as usize;
    let room = |role| match role {
        Role::Bootloader => Some(layout.bootloader_len()),
        Role::App => Some(layout.eeprom - layout.app),
        Role::Eeprom => Some(layout.page),
        Role::Full | Role::Unknown => None,
    };
    let place = |piece: &Piece| {
        Some(Placed { role: piece.role, stretch: stretch(&piece.image.slice(whole.clone()))?, room: room(piece.role) })
    };
    let outside = |piece: &Piece| {
        [piece.image.slice(0..part.flash.base), piece.image.slice_from(part.flash.end())].map(|image| stretch(&image))
    };
    Ok(Packed {
        base: whole.start,
        bytes: flash.iter().copied().chain(std::iter::repeat(BLANK)).take(length).collect(),
        placed: verdict.pieces.iter().filter_map(place).collect(),
        left_out: verdict.pieces.iter().flat_map(outside).flatten().collect(),
        held: verdict.pieces.iter().flat_map(|piece| held(piece, whole.clone())).collect(),
    })
}

/// Refuses a piece with bytes in `rest` that are not blank.
fn beyond(piece: &Piece, rest: Range<u32>) -> Result<(), Refusal> {
    let end = rest.start;
    for segment in piece.image.slice(rest).segments {
        if let Some(at) = segment.data.iter().position(|b| *b != BLANK) {
            let (file, address) = (piece.image.name.clone(), segment.address + at as u32);
            return Err(Refusal::Beyond { file, address, end });
        }
    }
    Ok(())
}

/// The addresses of the bytes that a piece holds in `range`.
fn held(piece: &Piece, range: Range<u32>) -> Vec<Range<u32>> {
    piece.image.slice(range).segments.iter().map(|s| s.address..s.address + s.data.len() as u32).collect()
}

/// What an image holds; none where that is nothing.
fn stretch(image: &Image) -> Option<Stretch> {
    let last = u32::try_from(image.end().checked_sub(1)?).ok()?;
    Some(Stretch { file: image.name.clone(), first: image.start(), last, bytes: image.len() })
}
