//! Files that are flashed, read into bytes at addresses: raw binaries, Intel HEX, ELF and AM32's `.amj`.
//!
//! ```
//! use dryflash::image::Image;
//!
//! let hex = b":020000040800F2\n:0400100001020304E2\n:00000001FF\n";
//! let image = Image::parse("app.hex", hex, None)?;
//! assert_eq!(image.word(0x0800_0010), Some(0x0403_0201));
//! assert_eq!(image.origin(0x0800_0010).map(|o| o.to_string()).as_deref(), Some("app.hex line 2"));
//! # Ok::<(), dryflash::image::ImageError>(())
//! ```
//!
//! A file is taken as a whole or refused: a cut-off, damaged or ambiguous one is an [`ImageError`] that names
//! the line or offset. What is accepted but worth telling is a [`Remark`]. The content decides what a file
//! is, and its extension only where the content leaves it open. Nothing here knows chips or AM32.

mod address;
mod amj;
mod attributes;
mod detect;
mod elf;
mod error;
mod hex;
mod objects;
mod patch;
mod remark;
mod sections;
mod segment;
mod symbols;
pub mod write;

pub use address::split_address;
pub use attributes::Build;
pub use detect::file_in_bytes;
pub use error::{Flaw, ImageError};
pub use objects::{Holds, Object};
pub use patch::{PatchError, patch};
pub use remark::Remark;
pub use segment::Segment;
pub use symbols::{Symbol, Symbols};

use crate::files;
use crate::near;
use crate::shell;
use std::fmt;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// The largest file that is read, in bytes. An ESC's flash has a quarter of a megabyte at most.
pub const MAX_SIZE: usize = 16 << 20;

/// One past the last address.
const ADDRESS_END: u64 = 1 << 32;

/// What kind of file an image came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Bytes as they stand, without addresses.
    Bin,
    /// Intel HEX.
    Hex,
    /// ELF, 32 bits, for ARM.
    Elf,
    /// AM32's JSON around an Intel HEX.
    Amj,
}

impl Format {
    /// What names of such files end in, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Format::Bin => "bin",
            Format::Hex => "hex",
            Format::Elf => "elf",
            Format::Amj => "amj",
        }
    }

    /// What is wrong with a file of this kind that was written to flash as it stands, and what to do.
    pub fn as_it_stands(self) -> String {
        let way = match self {
            Format::Hex => {
                return "this is the text of an Intel HEX file, written as it stands, and no code: st-flash reads its \
                        addresses and data with --format=ihex (before write, and without an address)"
                    .to_owned();
            }
            Format::Elf => "make one of it: arm-none-eabi-objcopy -O ihex",
            _ => "take the .hex or .bin of the same release",
        };
        format!(
            "this is a file in {self} form, written as it stands, and no code: st-flash takes binaries and Intel HEX; {way}"
        )
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Bin => "binary",
            Format::Hex => "Intel HEX",
            Format::Elf => "ELF",
            Format::Amj => ".amj",
        })
    }
}

/// Where in a file something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Position {
    /// Bytes from the start of the file.
    Offset(u64),
    /// A line of a text file, counted from 1.
    Line(usize),
    /// A line of the Intel HEX inside an `.amj`, counted from 1.
    InnerLine(usize),
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Position::Offset(offset) => write!(f, "offset 0x{offset:X}"),
            Position::Line(line) => write!(f, "line {line}"),
            Position::InnerLine(line) => write!(f, "line {line} of the hex inside"),
        }
    }
}

/// The file and the place in it that something came from: `app.hex line 7`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The file, as the user named it.
    pub file: Arc<str>,
    /// Where in it.
    pub position: Position,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.file, self.position)
    }
}

/// What an `.amj` says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amj {
    /// `mcuType`: the MCU it is made for.
    pub mcu_type: Option<String>,
    /// `pin`: the signal pin it is made for.
    pub pin: Option<String>,
    /// `flashSize`: the flash it is made for, such as `64K`.
    pub flash_size: Option<String>,
    /// `type`: what it is, `bl_update` for a bootloader updater.
    pub kind: Option<String>,
}

/// A file's bytes at their addresses.
#[derive(Clone, Debug)]
pub struct Image {
    /// The file, as the user named it.
    pub name: Arc<str>,
    /// What kind of file it was.
    pub format: Format,
    /// False for a binary that nobody gave an address: its one segment is at 0 until [`Image::place`].
    pub placed: bool,
    /// Ascending, neither overlapping nor adjacent.
    pub segments: Vec<Segment>,
    /// Where it says that it starts: an ELF's entry, or an Intel HEX's start address (type 03 or 05).
    pub entry: Option<u32>,
    /// What was accepted, but is worth telling.
    pub remarks: Vec<Remark>,
    /// What the `.amj` around it says.
    pub amj: Option<Amj>,
    /// The whole file where it is an ELF: its symbols and attributes are read when they are asked for.
    pub(crate) elf: Option<Arc<[u8]>>,
}

/// What to do about a file that is not there: another one of its folder may have been meant.
fn meant(path: &Path) -> String {
    let folder = files::folder(path);
    let names =
        std::fs::read_dir(folder).into_iter().flatten().flatten().filter_map(|e| e.file_name().into_string().ok());
    // What a terminal would obey is nobody's meaning.
    let names: Vec<String> = names.take(MOST_NAMES).filter(|name| !name.contains(char::is_control)).collect();
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    match near::nearest(&name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {}?", shell::path(&path.with_file_name(near))),
        None => "check the name, and from which folder it is seen".to_owned(),
    }
}

/// Names of a folder that are looked at.
const MOST_NAMES: usize = 10_000;

impl Image {
    /// Reads the file at `path`; `at` is where a binary goes.
    pub fn load(path: &Path, at: Option<u32>) -> Result<Image, ImageError> {
        // What a terminal would obey does not reach a report.
        let name = shell::plain(&path.to_string_lossy()).into_owned();
        let file = || Arc::from(name.as_str());
        let unreadable = |reason: std::io::Error| match reason.kind() {
            std::io::ErrorKind::NotFound => ImageError::NotFound { file: file(), meant: meant(path) },
            // Not every system opens a directory before it says what it is.
            _ if path.is_dir() => ImageError::Directory { file: file() },
            _ => ImageError::Unreadable { file: file(), reason },
        };
        // A pipe would be waited for.
        let opened = files::regular(path).and_then(|_| std::fs::File::open(path)).map_err(unreadable)?;
        let mut bytes = Vec::new();
        // One byte more than allowed is enough to know; a file may grow meanwhile.
        opened.take(MAX_SIZE as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        Image::parse(&name, &bytes, at)
    }

    /// Reads `bytes` as the content of a file called `name`; `at` is where a binary goes.
    pub fn parse(name: &str, bytes: &[u8], at: Option<u32>) -> Result<Image, ImageError> {
        let file: Arc<str> = Arc::from(name);
        if bytes.len() > MAX_SIZE {
            return Err(ImageError::TooLarge { file });
        }
        let format = detect::detect(&file, bytes)?;
        if let (Some(address), true) = (at, format != Format::Bin) {
            return Err(ImageError::HasAddresses { file, format, address });
        }
        let mut image = match format {
            Format::Bin => Image::binary(&file, bytes, at)?,
            Format::Hex => hex::parse(&file, bytes, Position::Line)?,
            Format::Elf => elf::parse(&file, bytes)?,
            Format::Amj => amj::parse(&file, bytes)?,
        };
        image.remarks.extend(detect::misnamed(name, format));
        Ok(image)
    }

    fn binary(file: &Arc<str>, bytes: &[u8], at: Option<u32>) -> Result<Image, ImageError> {
        let address = at.unwrap_or(0);
        let segment =
            Segment::new(address, bytes.to_vec(), Position::Offset(0)).ok_or_else(|| ImageError::PastEnd {
                at: Origin { file: file.clone(), position: Position::Offset(ADDRESS_END - u64::from(address)) },
                address,
                bytes: bytes.len(),
            })?;
        Ok(Image { placed: at.is_some(), ..Image::new(file, Format::Bin, vec![segment]) })
    }

    fn new(file: &Arc<str>, format: Format, segments: Vec<Segment>) -> Image {
        Image {
            name: file.clone(),
            format,
            placed: true,
            segments,
            entry: None,
            remarks: Vec::new(),
            amj: None,
            elf: None,
        }
    }

    /// Moves a binary that has no address yet to `base`. On an error nothing has changed.
    pub fn place(&mut self, base: u32) -> Result<(), ImageError> {
        if self.placed {
            return Err(ImageError::AlreadyPlaced { file: self.name.clone(), start: self.start(), address: base });
        }
        if u64::from(base) + self.end() > ADDRESS_END {
            return Err(ImageError::PastEnd {
                at: Origin { file: self.name.clone(), position: Position::Offset(ADDRESS_END - u64::from(base)) },
                address: base,
                bytes: self.len(),
            });
        }
        for segment in &mut self.segments {
            segment.address += base;
        }
        self.placed = true;
        Ok(())
    }

    /// The file's name without its folder.
    pub fn base_name(&self) -> &str {
        self.name.rsplit(['/', '\\']).next().unwrap_or(&self.name)
    }

    /// How many bytes it has; gaps do not count.
    pub fn len(&self) -> usize {
        self.segments.iter().map(|s| s.data.len()).sum()
    }

    /// Whether it has no bytes, as only a slice can.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The address of its first byte; 0 when empty.
    pub fn start(&self) -> u32 {
        self.segments.first().map_or(0, |s| s.address)
    }

    /// One past the address of its last byte; 0 when empty.
    pub fn end(&self) -> u64 {
        self.segments.last().map_or(0, Segment::end)
    }

    /// The segment that has a byte at `address`.
    pub fn segment_at(&self, address: u32) -> Option<&Segment> {
        let next = self.segments.partition_point(|s| s.address <= address);
        let segment = self.segments.get(next.checked_sub(1)?)?;
        (u64::from(address) < segment.end()).then_some(segment)
    }

    /// The byte at `address`.
    pub fn byte(&self, address: u32) -> Option<u8> {
        self.segment_at(address)?.byte(address)
    }

    /// The little-endian word at `address`, when all four bytes are there. It need not be aligned.
    pub fn word(&self, address: u32) -> Option<u32> {
        let segment = self.segment_at(address)?;
        let from = (address - segment.address) as usize;
        let bytes = segment.data.get(from..from.checked_add(4)?)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    /// The bytes of `range`, when all of them are there.
    pub fn bytes(&self, range: Range<u32>) -> Option<Vec<u8>> {
        if range.is_empty() {
            return Some(Vec::new());
        }
        Some(self.segment_at(range.start)?.bytes(range)?.to_vec())
    }

    /// Whether every byte of `range` is there. So it is for an empty range.
    pub fn covers(&self, range: Range<u32>) -> bool {
        range.is_empty() || self.segment_at(range.start).is_some_and(|s| u64::from(range.end) <= s.end())
    }

    /// Whether any byte of `range` is there.
    pub fn touches(&self, range: Range<u32>) -> bool {
        let first = self.segments.partition_point(|s| s.end() <= u64::from(range.start));
        !range.is_empty() && self.segments.get(first).is_some_and(|s| s.address < range.end)
    }

    /// Where the byte at `address` came from.
    pub fn origin(&self, address: u32) -> Option<Origin> {
        let position = self.segment_at(address)?.position(address)?;
        Some(Origin { file: self.name.clone(), position })
    }

    /// The part of it inside `range`. Bytes keep their addresses and origins, and the entry goes where it lies
    /// outside; remarks, which are about the file, stay.
    pub fn slice(&self, range: Range<u32>) -> Image {
        self.inside(&(range.start.into()..range.end.into()))
    }

    /// As [`Image::slice`], from `start` to the last of all addresses, which no `Range<u32>` includes.
    pub fn slice_from(&self, start: u32) -> Image {
        self.inside(&(start.into()..ADDRESS_END))
    }

    fn inside(&self, range: &Range<u64>) -> Image {
        Image {
            segments: self.segments.iter().filter_map(|s| s.slice(range)).collect(),
            entry: self.entry.filter(|entry| range.contains(&u64::from(*entry))),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests;
