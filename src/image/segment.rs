//! Contiguous bytes that know where they came from, and how pieces of a file become such segments.

use super::{ADDRESS_END, Position};
use std::ops::Range;

/// Contiguous bytes at an address. It never reaches past 2^32.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The address of the first byte.
    pub address: u32,
    /// The bytes; never none.
    pub data: Vec<u8>,
    /// Ascending by start, the first at 0.
    spans: Vec<Span>,
}

/// From `start` (an index into the data) to the next span: where the bytes came from.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: usize,
    position: Position,
}

impl Span {
    /// Where the byte at `index` came from. Offsets count on from byte to byte, a line is one for all its bytes.
    fn position(self, index: usize) -> Position {
        match self.position {
            Position::Offset(offset) => Position::Offset(offset + (index - self.start) as u64),
            line => line,
        }
    }
}

impl Segment {
    /// `data` at `address`, from `position` on. None when there is no data, or it would pass 2^32.
    pub fn new(address: u32, data: Vec<u8>, position: Position) -> Option<Segment> {
        let fits = !data.is_empty() && u64::from(address) + data.len() as u64 <= ADDRESS_END;
        fits.then(|| Segment { address, data, spans: vec![Span { start: 0, position }] })
    }

    /// One past the address of the last byte.
    pub fn end(&self) -> u64 {
        u64::from(self.address) + self.data.len() as u64
    }

    /// The byte at `address`.
    pub fn byte(&self, address: u32) -> Option<u8> {
        self.data.get(address.checked_sub(self.address)? as usize).copied()
    }

    /// The bytes of `range`, when all of them are in this segment.
    pub fn bytes(&self, range: Range<u32>) -> Option<&[u8]> {
        let start = range.start.checked_sub(self.address)? as usize;
        let end = range.end.checked_sub(self.address)? as usize;
        self.data.get(start..end)
    }

    /// Where in the file the byte at `address` came from.
    pub fn position(&self, address: u32) -> Option<Position> {
        let index = address.checked_sub(self.address)? as usize;
        (index < self.data.len()).then(|| self.span(index)).flatten().map(|span| span.position(index))
    }

    fn span(&self, index: usize) -> Option<Span> {
        let next = self.spans.partition_point(|s| s.start <= index);
        self.spans.get(next.checked_sub(1)?).copied()
    }

    /// The part inside `range`, if any.
    pub(super) fn slice(&self, range: &Range<u64>) -> Option<Segment> {
        let start = u32::try_from(range.start).ok()?.max(self.address);
        let end = range.end.min(self.end());
        if u64::from(start) >= end {
            return None;
        }
        let from = (start - self.address) as usize;
        let to = (end - u64::from(self.address)) as usize;
        let first = self.span(from).map(|s| Span { start: 0, position: s.position(from) });
        let rest = self.spans.iter().filter(|s| s.start > from && s.start < to);
        let spans = first.into_iter().chain(rest.map(|s| Span { start: s.start - from, ..*s })).collect();
        Some(Segment { address: start, data: self.data.get(from..to)?.to_vec(), spans })
    }

    /// Appends bytes that follow on directly.
    fn append(&mut self, data: &[u8], position: Position) {
        // Offsets that count on need no span of their own.
        let index = self.data.len();
        if self.spans.last().is_none_or(|last| last.position(index) != position) {
            self.spans.push(Span { start: index, position });
        }
        self.data.extend_from_slice(data);
    }
}

/// Bytes that stand together in a file, on their way into segments.
#[derive(Debug)]
pub(super) struct Piece {
    pub address: u32,
    /// Never none, and never past 2^32: whoever makes a piece has seen to that.
    pub data: Vec<u8>,
    pub position: Position,
}

/// Bytes given more than once, each time with the same value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Repeated {
    /// The lowest such address.
    pub address: u32,
    pub bytes: usize,
    /// The two places that give the byte at `address`, as they stand in the file.
    pub first: Position,
    pub second: Position,
}

/// A byte given twice with different values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clash {
    pub address: u32,
    /// Place and value, as they stand in the file.
    pub first: (Position, u8),
    pub second: (Position, u8),
}

/// Pieces in any order, joined into ascending segments that neither overlap nor touch.
pub(super) fn join(mut pieces: Vec<Piece>) -> Result<(Vec<Segment>, Option<Repeated>), Clash> {
    pieces.sort_by_key(|p| (p.address, p.position));
    let mut segments: Vec<Segment> = Vec::new();
    let mut repeated: Option<Repeated> = None;
    for piece in pieces {
        let last = segments.last_mut().filter(|s| u64::from(piece.address) <= s.end());
        let Some(last) = last else {
            segments.extend(Segment::new(piece.address, piece.data, piece.position));
            continue;
        };
        let index = (piece.address - last.address) as usize;
        let known = last.data.get(index..).unwrap_or_default();
        let common = known.len().min(piece.data.len());
        if let Some(i) = known.iter().zip(&piece.data).position(|(a, b)| a != b) {
            return Err(clash(last, index + i, &piece, i));
        }
        if common > 0 {
            let entry = repeated.get_or_insert_with(|| {
                let (first, second) = in_order(place(last, index), piece.position);
                Repeated { address: piece.address, bytes: 0, first, second }
            });
            entry.bytes += common;
        }
        if let Some(rest) = piece.data.get(common..).filter(|rest| !rest.is_empty()) {
            let position = Span { start: 0, position: piece.position }.position(common);
            last.append(rest, position);
        }
    }
    Ok((segments, repeated))
}

fn clash(known: &Segment, index: usize, piece: &Piece, i: usize) -> Clash {
    let a = (place(known, index), known.data.get(index).copied().unwrap_or_default());
    let b = (Span { start: 0, position: piece.position }.position(i), piece.data.get(i).copied().unwrap_or_default());
    let (first, second) = if a.0 <= b.0 { (a, b) } else { (b, a) };
    Clash { address: known.address.wrapping_add(index as u32), first, second }
}

fn place(segment: &Segment, index: usize) -> Position {
    segment.span(index).map_or(Position::Offset(0), |s| s.position(index))
}

fn in_order(a: Position, b: Position) -> (Position, Position) {
    if a <= b { (a, b) } else { (b, a) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(address: u32, data: &[u8], line: usize) -> Piece {
        Piece { address, data: data.to_vec(), position: Position::Line(line) }
    }

    #[test]
    fn neighbours_become_one_and_gaps_stay() {
        let (segments, repeated) = join(vec![piece(12, &[3], 3), piece(8, &[1, 2], 2), piece(10, &[9], 1)]).unwrap();
        let found: Vec<_> = segments.iter().map(|s| (s.address, s.data.as_slice())).collect();
        assert_eq!(found, [(8, &[1, 2, 9][..]), (12, &[3][..])]);
        assert_eq!(segments[0].position(9), Some(Position::Line(2)));
        assert_eq!(segments[0].position(10), Some(Position::Line(1)));
        assert_eq!(segments[0].position(11), None);
        assert_eq!(repeated, None);
    }

    #[test]
    fn equal_bytes_are_counted_and_the_rest_is_kept() {
        let (segments, repeated) =
            join(vec![piece(0, &[1, 2, 3, 4], 5), piece(2, &[3, 4, 5], 2), piece(1, &[2], 9)]).unwrap();
        assert_eq!(segments[0].data, [1, 2, 3, 4, 5]);
        assert_eq!(segments[0].position(4), Some(Position::Line(2)));
        let (first, second) = (Position::Line(5), Position::Line(9));
        assert_eq!(repeated, Some(Repeated { address: 1, bytes: 3, first, second }));
    }

    #[test]
    fn a_clash_names_the_byte_and_both_places() {
        let clash = join(vec![piece(0, &[1, 2, 3], 7), piece(1, &[2, 4], 3)]).unwrap_err();
        let (first, second) = ((Position::Line(3), 4), (Position::Line(7), 3));
        assert_eq!(clash, Clash { address: 2, first, second });
    }

    #[test]
    fn the_last_address_can_be_used_and_no_later_one() {
        let (segments, _) = join(vec![piece(0xFFFF_FFFF, &[7], 2), piece(0xFFFF_FFFE, &[6], 1)]).unwrap();
        assert_eq!((segments.len(), segments[0].end()), (1, 1 << 32));
        assert!(Segment::new(0xFFFF_FFFF, vec![1, 2], Position::Offset(0)).is_none());
    }

    #[test]
    fn a_slice_keeps_where_bytes_came_from() {
        let mut segment = Segment::new(100, vec![0, 1, 2, 3], Position::Offset(0x40)).unwrap();
        segment.append(&[4, 5], Position::Offset(0x44));
        segment.append(&[6, 7], Position::Offset(0x80));
        assert_eq!(segment.spans.len(), 2);
        let part = segment.slice(&(103..107)).unwrap();
        assert_eq!((part.address, part.data.as_slice()), (103, &[3, 4, 5, 6][..]));
        assert_eq!(part.position(103), Some(Position::Offset(0x43)));
        assert_eq!(part.position(106), Some(Position::Offset(0x80)));
        assert!(segment.slice(&(108..200)).is_none());
        assert!(segment.slice(&(0..100)).is_none());
    }
}
