//! Intel HEX, line by line.
//!
//! - Types 00 to 05, in any order of addresses, upper or lower case, any line ends, blank lines.
//! - After a type 02 record, offsets wrap within the 64 KB of that segment, as on the 8086. After a type 04
//!   record, and before any of the two, a record that crosses a 64 KB boundary goes on in the next 64 KB, as
//!   programmers do it.
//! - The end-of-file record must be there: without it a cut-off file could not be told from a whole one.
//! - A record after it is refused, since some programmers stop there and others go on. Anything else after
//!   it is left out with a remark.
//! - The same byte twice with equal values is remarked, with different ones refused.

use super::segment::{self, Piece};
use super::{ADDRESS_END, Flaw, Format, Image, ImageError, Origin, Position, Remark, detect};
use ihex::{ReaderError, Record};
use std::sync::Arc;

/// Reads a whole Intel HEX. `position` makes a place of a line number.
pub(super) fn parse(file: &Arc<str>, bytes: &[u8], position: fn(usize) -> Position) -> Result<Image, ImageError> {
    let (text, marked) = detect::without_mark(bytes);
    let mut reader = Reader::new(file, position);
    if marked {
        reader.remarks.push(Remark::ByteOrderMark);
    }
    // Blank lines at the end do not make the last record any less the last.
    let last = lines(text).filter(|(_, line)| !line.trim_ascii().is_empty()).last().map_or(1, |(n, _)| n);
    for (number, line) in lines(text) {
        reader.line(number, line, number == last)?;
    }
    if reader.end.is_none() {
        return Err(ImageError::MissingEnd { at: reader.at(last) });
    }
    reader.finish()
}

/// Lines with their numbers, whether they end in LF, CR LF or CR.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut rest = Some(text);
    let lines = std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.iter().position(|b| matches!(b, b'\r' | b'\n')) else {
            rest = None;
            return Some(text);
        };
        let (line, tail) = text.split_at(end);
        rest = tail.strip_prefix(b"\r\n").or_else(|| tail.get(1..));
        Some(line)
    });
    (1..).zip(lines)
}

/// What the offsets of data records are added to.
#[derive(Clone, Copy)]
enum Base {
    /// Type 02: offsets wrap at 64 KB.
    Segment(u32),
    /// Type 04.
    Linear(u32),
}

struct Reader<'a> {
    file: &'a Arc<str>,
    position: fn(usize) -> Position,
    base: Base,
    pieces: Vec<Piece>,
    entry: Option<u32>,
    /// The line of the end-of-file record.
    end: Option<Position>,
    /// The first line with white space around it, and how many there are.
    spaces: Option<(Position, usize)>,
    after_end: Option<Position>,
    remarks: Vec<Remark>,
}

impl<'a> Reader<'a> {
    fn new(file: &'a Arc<str>, position: fn(usize) -> Position) -> Reader<'a> {
        Reader {
            file,
            position,
            base: Base::Linear(0),
            pieces: Vec::new(),
            entry: None,
            end: None,
            spaces: None,
            after_end: None,
            remarks: Vec::new(),
        }
    }

    fn at(&self, number: usize) -> Origin {
        Origin { file: self.file.clone(), position: (self.position)(number) }
    }

    fn line(&mut self, number: usize, line: &[u8], last: bool) -> Result<(), ImageError> {
        let position = (self.position)(number);
        let trimmed = line.trim_ascii();
        if trimmed.is_empty() {
            return Ok(());
        }
        if let Some(end) = self.end {
            if trimmed.starts_with(b":") && decode(trimmed) != Ok(Record::EndOfFile) {
                return Err(ImageError::AfterEnd { at: self.at(number), end });
            }
            self.after_end.get_or_insert(position);
            return Ok(());
        }
        if trimmed.len() != line.len() {
            self.spaces.get_or_insert((position, 0)).1 += 1;
        }
        match decode(trimmed) {
            Ok(record) => self.record(number, record),
            Err(flaw @ Flaw::TooShort { .. }) if last => Err(ImageError::CutLine { at: self.at(number), flaw }),
            Err(flaw) => Err(ImageError::Line { at: self.at(number), flaw }),
        }
    }

    fn record(&mut self, number: usize, record: Record) -> Result<(), ImageError> {
        match record {
            Record::Data { offset, value } => return self.data(number, offset, value),
            Record::EndOfFile => self.end = Some((self.position)(number)),
            Record::ExtendedSegmentAddress(paragraph) => self.base = Base::Segment(u32::from(paragraph) << 4),
            Record::ExtendedLinearAddress(upper) => self.base = Base::Linear(u32::from(upper) << 16),
            Record::StartSegmentAddress { cs, ip } => self.start(number, (u32::from(cs) << 4) + u32::from(ip)),
            Record::StartLinearAddress(entry) => self.start(number, entry),
        }
        Ok(())
    }

    fn start(&mut self, number: usize, entry: u32) {
        match self.entry {
            None => self.entry = Some(entry),
            Some(kept) if kept == entry => {}
            Some(kept) => {
                // One is enough to know that something is odd.
                if !self.remarks.iter().any(|r| matches!(r, Remark::EntryTwice { .. })) {
                    self.remarks.push(Remark::EntryTwice { kept, dropped: entry, at: (self.position)(number) });
                }
            }
        }
    }

    fn data(&mut self, number: usize, offset: u16, mut data: Vec<u8>) -> Result<(), ImageError> {
        let position = (self.position)(number);
        let offset = u32::from(offset);
        match self.base {
            Base::Segment(base) => {
                let room = (0x1_0000 - offset) as usize;
                let wrapped = data.split_off(room.min(data.len()));
                self.piece(base + offset, data, position);
                self.piece(base, wrapped, position);
            }
            Base::Linear(base) => {
                let address = base + offset;
                if u64::from(address) + data.len() as u64 > ADDRESS_END {
                    return Err(ImageError::PastEnd { at: self.at(number), address, bytes: data.len() });
                }
                self.piece(address, data, position);
            }
        }
        Ok(())
    }

    fn piece(&mut self, address: u32, data: Vec<u8>, position: Position) {
        if !data.is_empty() {
            self.pieces.push(Piece { address, data, position });
        }
    }

    fn finish(self) -> Result<Image, ImageError> {
        let Reader { file, pieces, entry, mut remarks, .. } = self;
        if pieces.is_empty() {
            return Err(ImageError::NoData { file: file.clone(), format: Format::Hex });
        }
        let (segments, repeated) = segment::join(pieces).map_err(|clash| ImageError::Clash {
            file: file.clone(),
            address: clash.address,
            first: clash.first.0,
            first_value: clash.first.1,
            second: clash.second.0,
            second_value: clash.second.1,
        })?;
        remarks.extend(self.spaces.map(|(first, lines)| Remark::Whitespace { first, lines }));
        remarks.extend(repeated.map(|r| Remark::Repeated {
            address: r.address,
            bytes: r.bytes,
            first: r.first,
            second: r.second,
        }));
        remarks.extend(self.after_end.map(|first| Remark::AfterEnd { first }));
        Ok(Image { entry, remarks, ..Image::new(file, Format::Hex, segments) })
    }
}

/// One record. The decoder looks at the checksum first; here the length comes before it, so that a line which
/// was cut off is told as one.
fn decode(line: &[u8]) -> Result<Record, Flaw> {
    let digits = line.strip_prefix(b":").ok_or(Flaw::NoColon)?;
    if let Some(index) = digits.iter().position(|b| !b.is_ascii_hexdigit()) {
        return Err(Flaw::NotADigit { column: index + 2, found: digits.get(index).copied().unwrap_or_default() });
    }
    // Only ASCII from here on.
    let text = std::str::from_utf8(line).unwrap_or_default();
    let field = |range| text.get(range).and_then(|t| u8::from_str_radix(t, 16).ok());
    // A length, two bytes of offset, a type and a checksum are in every record.
    let length = field(1..3).unwrap_or_default();
    let (found, expected) = (digits.len(), 2 * (5 + usize::from(length)));
    if found < expected {
        return Err(Flaw::TooShort { found, expected });
    }
    if found > expected {
        return Err(Flaw::TooLong { found, expected });
    }
    Record::from_record_string(text).map_err(|error| match error {
        // The decoder's first value is what the bytes give, its second what the line has.
        ReaderError::ChecksumMismatch(expected, found) => Flaw::Checksum { found, expected },
        ReaderError::UnsupportedRecordType(kind) => Flaw::Type(kind),
        ReaderError::InvalidLengthForType => Flaw::Length { kind: field(7..9).unwrap_or_default(), found: length },
        other => Flaw::Other(other),
    })
}

#[cfg(test)]
mod tests;
