//! How an image is written: a raw binary or Intel HEX, by the end of the file's name.

use crate::flash::BLANK;
use crate::image::{Position, Segment, write};
use serde::Serialize;

/// How an image is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Bytes as they stand.
    Bin,
    /// Intel HEX.
    Hex,
}

/// The end of a name says neither.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: what is written is a binary or Intel HEX: end the name in .bin or .hex")]
pub struct UnknownForm {
    /// The name.
    pub name: String,
}

/// Blank bytes in a row that Intel HEX leaves out; fewer are written, so that a file has few records.
const GAP: usize = 64;

impl Form {
    /// By the end of a file's name, whatever the case.
    ///
    /// # Errors
    /// It is none of these.
    pub fn of(name: &str) -> Result<Form, UnknownForm> {
        let end = name.rsplit(['/', '\\']).next().and_then(|base| base.rsplit_once('.')).map(|(_, end)| end);
        match end.map(str::to_ascii_lowercase).as_deref() {
            Some("bin") => Ok(Form::Bin),
            Some("hex" | "ihex") => Ok(Form::Hex),
            _ => Err(UnknownForm { name: name.to_owned() }),
        }
    }

    /// What names of such files end in, without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Form::Bin => "bin",
            Form::Hex => "hex",
        }
    }

    /// The file for `bytes` at `address`. Intel HEX has all of them.
    pub fn file(self, address: u32, bytes: &[u8]) -> Vec<u8> {
        match self {
            Form::Bin => bytes.to_vec(),
            Form::Hex => hex([(address, bytes)]),
        }
    }

    /// The file for `bytes` at `address`, of which Intel HEX leaves out what is blank for long.
    pub fn sparse_file(self, address: u32, bytes: &[u8]) -> Vec<u8> {
        match self {
            Form::Bin => bytes.to_vec(),
            Form::Hex => hex(written(address, bytes)),
        }
    }
}

/// Intel HEX of blocks at their addresses, ascending.
pub(super) fn hex<'a>(blocks: impl IntoIterator<Item = (u32, &'a [u8])>) -> Vec<u8> {
    let segment = |(address, bytes): (u32, &[u8])| Segment::new(address, bytes.to_vec(), Position::Offset(0));
    let segments: Vec<Segment> = blocks.into_iter().filter_map(segment).collect();
    write::hex(&segments).into_bytes()
}

/// What is not blank, in blocks that are at least [`GAP`] apart.
fn written(address: u32, bytes: &[u8]) -> Vec<(u32, &[u8])> {
    let mut blocks: Vec<(usize, usize)> = Vec::new();
    for at in bytes.iter().enumerate().filter(|(_, byte)| **byte != BLANK).map(|(at, _)| at) {
        match blocks.last_mut() {
            Some((_, end)) if at - *end < GAP => *end = at + 1,
            _ => blocks.push((at, at + 1)),
        }
    }
    blocks.into_iter().filter_map(|(from, to)| Some((address + from as u32, bytes.get(from..to)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Image;

    #[test]
    fn the_end_of_the_name_decides() {
        assert_eq!((Form::of("a/b.BIN"), Form::of("b.x.hex")), (Ok(Form::Bin), Ok(Form::Hex)));
        for name in ["out", "out.elf", "a.bin/out", ".bin.", ""] {
            assert!(Form::of(name).unwrap_err().to_string().contains(".bin or .hex"), "{name}");
        }
    }

    #[test]
    fn long_gaps_are_left_out_of_hex_and_short_ones_are_not() {
        let mut bytes = vec![BLANK; 300];
        for at in [3, 3 + GAP, 4 + 2 * GAP + 1] {
            bytes[at] = 0;
        }
        let image = |file: &[u8]| Image::parse("a.hex", file, None).unwrap();
        let sparse = image(&Form::Hex.sparse_file(0x0800_0000, &bytes));
        let blocks: Vec<_> = sparse.segments.iter().map(|s| (s.address, s.data.len())).collect();
        assert_eq!(blocks, [(0x0800_0003, GAP + 1), (0x0800_0085, 1)]);
        let all = image(&Form::Hex.file(0x0800_0000, &bytes));
        assert_eq!((all.segments.len(), all.len()), (1, 300));
        assert_eq!(Form::Bin.sparse_file(0, &bytes), bytes);
    }
}
