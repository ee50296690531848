//! Intel HEX as st-flash 1.7 reads and writes it: one block from the first address to the last, gaps filled with FF.
//!
//! It is laxer than [`crate::image`] in places (values given twice, records behind the end) and stricter in others
//! (no segment addresses). What is lax is told as a note.

use super::error::StFlashError;
use super::note::Note;
use std::fmt::Write;
use std::ops::Range;
use std::path::Path;

/// More than any flash here: st-flash would take the memory, and then find the end too high.
const LONGEST: u64 = 16 << 20;

/// A hex file as one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub address: u32,
    pub data: Vec<u8>,
    /// What the file names of it, as offsets.
    pub named: Vec<Range<u32>>,
    pub notes: Vec<Note>,
}

/// What a hex file comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hex {
    Block(Block),
    /// From the first to the last address there is too much: flash and option bytes in one file, say.
    Wide {
        address: u32,
        bytes: u64,
    },
}

struct Record<'a> {
    line: usize,
    address: u32,
    data: &'a [u8],
}

/// Reads a hex file.
pub(super) fn parse(path: &Path, text: &[u8]) -> Result<Hex, StFlashError> {
    let wrong = |line: usize, what: &str| StFlashError::Hex { path: path.to_owned(), line, what: what.to_owned() };
    let mut lines: Vec<(usize, Vec<u8>)> = Vec::new();
    let mut last = 1;
    for (number, line) in (1..).zip(text.split_inclusive(|b| *b == b'\n')) {
        last = number;
        if matches!(line.first(), Some(b'\n' | b'\r')) {
            continue;
        }
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let end = line.iter().rposition(|b| *b != b'\r').map_or(0, |at| at + 1);
        lines.push((number, record(&line[..end]).map_err(|what| wrong(number, &what))?));
    }
    let (mut records, mut base, mut ended, mut after_end) = (Vec::new(), 0u32, false, None);
    for (line, bytes) in &lines {
        if ended {
            after_end.get_or_insert(*line);
        }
        let data = &bytes[4..bytes.len() - 1];
        match bytes[3] {
            0 => {
                let address = base.wrapping_add(u32::from(bytes[1]) << 8 | u32::from(bytes[2]));
                records.push(Record { line: *line, address, data });
            }
            1 => ended = true,
            4 => match data {
                [high, low] => base = u32::from(*high) << 24 | u32::from(*low) << 16,
                _ => return Err(wrong(*line, "an address record (04) has two bytes; build the file again")),
            },
            // The entry: st-flash does not use it.
            5 => {}
            2 | 3 => {
                return Err(wrong(
                    *line,
                    "st-flash knows no segment addresses (02, 03); write the file with records 04",
                ));
            }
            kind => return Err(wrong(*line, &format!("Intel HEX has no record type {kind:02X}"))),
        }
    }
    if !ended {
        return Err(wrong(last, "the file ends here without an end-of-file record: it is cut off"));
    }
    let first = records.iter().map(|r| r.address).min().unwrap_or(u32::MAX);
    // As st-flash reckons: the end of a record without data is before it.
    let end = records.iter().map(|r| r.address.wrapping_add(r.data.len() as u32).wrapping_sub(1)).max().unwrap_or(0);
    if first >= end {
        return Err(wrong(last, "there is no data in it (st-flash wants two bytes at least)"));
    }
    let bytes = u64::from(end - first) + 1;
    if bytes > LONGEST {
        return Ok(Hex::Wide { address: first, bytes });
    }
    let mut block = Block { address: first, data: vec![0xFF; bytes as usize], named: Vec::new(), notes: Vec::new() };
    block.fill(&records);
    block.notes.extend(after_end.map(|line| Note::AfterEnd { line }));
    Ok(Hex::Block(block))
}

impl Block {
    fn fill(&mut self, records: &[Record<'_>]) {
        let mut known = vec![false; self.data.len()];
        let mut twice = None;
        for record in records {
            for (offset, byte) in (0..).zip(record.data) {
                let at = record.address.wrapping_add(offset).wrapping_sub(self.address) as usize;
                let Some(known) = known.get_mut(at) else { continue };
                if *known && self.data[at] != *byte && twice.is_none() {
                    twice = Some(Note::Twice { address: self.address + at as u32, line: record.line });
                }
                *known = true;
                self.data[at] = *byte;
            }
        }
        let mut at = 0;
        for run in known.chunk_by(|a, b| a == b) {
            let range = at..at + run.len() as u32;
            at = range.end;
            match run.first() {
                Some(true) => self.named.push(range),
                _ => self.notes.push(Note::Gap { address: self.address + range.start, bytes: run.len() as u32 }),
            }
        }
        self.notes.extend(twice);
    }
}

/// A line's bytes, with its length and sum looked at.
fn record(line: &[u8]) -> Result<Vec<u8>, String> {
    let digits = line.strip_prefix(b":").ok_or("does not begin with ':', as every line of an Intel HEX does")?;
    if digits.len() < 10 || digits.len() % 2 != 0 {
        return Err("the line is cut off; download or build the file again".to_owned());
    }
    let digit = |b: u8| (b as char).to_digit(16).ok_or("has something that is no hex digit");
    let pairs = digits.chunks_exact(2);
    let bytes = pairs.map(|p| Ok((digit(p[0])? << 4 | digit(p[1])?) as u8)).collect::<Result<Vec<u8>, &str>>()?;
    let sum = bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    if usize::from(bytes[0]) + 5 != bytes.len() {
        return Err(format!("says {} bytes of data, and has {}", bytes[0], bytes.len() - 5));
    }
    match sum {
        0 => Ok(bytes),
        _ => Err("its checksum is wrong; download or build the file again".to_owned()),
    }
}

/// Writes `data` as st-flash's `read` does: 16 bytes a line from its very address on, lines ended as on Windows.
pub(super) fn write(address: u32, data: &[u8]) -> String {
    let mut text = String::new();
    let mut upper = 0;
    for (line, bytes) in data.chunks(16).enumerate() {
        let at = address.wrapping_add(16 * line as u32);
        if at >> 16 != upper {
            upper = at >> 16;
            put(&mut text, 0, 4, &(upper as u16).to_be_bytes());
        }
        put(&mut text, at as u16, 0, bytes);
    }
    put(&mut text, 0, 1, &[]);
    text
}

fn put(text: &mut String, offset: u16, kind: u8, data: &[u8]) {
    let [high, low] = offset.to_be_bytes();
    let mut bytes = vec![data.len() as u8, high, low, kind];
    bytes.extend(data);
    bytes.push(bytes.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte)));
    text.push(':');
    for byte in bytes {
        let _ = write!(text, "{byte:02X}");
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> Block {
        match parse(Path::new("a.hex"), text.as_bytes()) {
            Ok(Hex::Block(block)) => block,
            other => panic!("{other:?}"),
        }
    }

    fn refused(text: &str) -> String {
        parse(Path::new("a.hex"), text.as_bytes()).unwrap_err().to_string()
    }

    const UPPER: &str = ":020000040800F2\n";
    const END: &str = ":00000001FF\n";

    #[test]
    fn gaps_are_ff_and_told() {
        let block = block(&format!("{UPPER}:02000000AABB99\n:02000600CCDD4F\r\n\n{END}"));
        assert_eq!((block.address, block.data.len()), (0x0800_0000, 8));
        assert_eq!(block.data, [0xAA, 0xBB, 0xFF, 0xFF, 0xFF, 0xFF, 0xCC, 0xDD]);
        assert_eq!(block.named, [0..2, 6..8]);
        assert_eq!(block.notes, [Note::Gap { address: 0x0800_0002, bytes: 4 }]);
    }

    #[test]
    fn what_is_lax_is_told() {
        let block = block(&format!("{UPPER}:02000000AABB99\n{END}:02000000AACC88\n"));
        assert_eq!(block.data, [0xAA, 0xCC]);
        assert_eq!(block.notes, [Note::Twice { address: 0x0800_0001, line: 4 }, Note::AfterEnd { line: 4 }]);
    }

    #[test]
    fn what_st_flash_refuses_is_refused_with_its_line() {
        let table = [
            (format!("{UPPER}:02000000AABB99\n"), "a.hex:2: the file ends here"),
            (format!("{UPPER}:02000000AABB98\n{END}"), "a.hex:2: its checksum"),
            (format!("{UPPER}:02000000AAB\n{END}"), "a.hex:2: the line is cut off"),
            (format!("{UPPER}:03000000AABB98\n{END}"), "a.hex:2: says 3 bytes of data, and has 2"),
            (format!("hello\n{END}"), "a.hex:1: does not begin with ':'"),
            (format!(":020000020800F4\n{END}"), "a.hex:1: st-flash knows no segment"),
            (format!(":00000009F7\n{END}"), "a.hex:1: Intel HEX has no record type 09"),
            (format!(":0100000408F3\n{END}"), "a.hex:1: an address record"),
            (END.to_owned(), "a.hex:1: there is no data"),
            (format!("{UPPER}:01000000AA55\n{END}"), "a.hex:3: there is no data"),
            (String::new(), "a.hex:1: the file ends here"),
            (format!("{UPPER}:02000000GGBB99\n{END}"), "a.hex:2: has something that is no hex digit"),
        ];
        for (text, told) in table {
            let error = refused(&text);
            assert!(error.starts_with(told), "{text}: {error}");
        }
    }

    #[test]
    fn flash_and_option_bytes_in_one_file_are_too_wide() {
        let text = format!("{UPPER}:02000000AABB99\n:020000041FFFDC\n:02F80000AA55??\n{END}").replace("??", "07");
        let Ok(Hex::Wide { address, bytes }) = parse(Path::new("a.hex"), text.as_bytes()) else { panic!() };
        assert_eq!((address, bytes), (0x0800_0000, 0x17FF_F802));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let data: Vec<u8> = (0..40).collect();
        let text = write(0x0800_FFE0, &data);
        assert!(text.starts_with(":020000040800F2\r\n:10FFE000") && text.ends_with(":00000001FF\r\n"), "{text}");
        let block = block(&text);
        assert_eq!((block.address, block.data), (0x0800_FFE0, data));
        // In the lowest 64 KB st-flash leaves the address record out.
        assert!(write(0, &[1]).starts_with(":0100000001FE"));
    }

    proptest::proptest! {
        #[test]
        fn no_records_make_it_panic(
            records in proptest::collection::vec((proptest::prelude::any::<u16>(), 0u8..6, proptest::collection::vec(0u8.., 0..20)), 0..8)
        ) {
            let mut text = String::new();
            for (offset, kind, data) in records {
                put(&mut text, offset, kind, &data);
            }
            let _ = parse(Path::new("a.hex"), text.as_bytes());
            put(&mut text, 0, 1, &[]);
            let _ = parse(Path::new("a.hex"), text.as_bytes());
        }
    }
}
