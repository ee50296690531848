//! Writing images: as a raw binary, and as Intel HEX.

use super::{Image, ImageError, MAX_SIZE, Segment};
use ihex::Record;

/// Data bytes on a line, as most linkers and programmers write it.
const LINE: usize = 16;

/// The bytes from the first address to the last, gaps filled with `fill` (0xFF is what erased flash has).
///
/// An image that reaches over more than [`MAX_SIZE`] is refused: a hex that holds both flash and option bytes
/// would be a raw binary of hundreds of megabytes.
pub fn bin(image: &Image, fill: u8) -> Result<Vec<u8>, ImageError> {
    let (start, end) = (image.start(), image.end());
    let length = end.saturating_sub(u64::from(start));
    if length > MAX_SIZE as u64 {
        return Err(ImageError::TooSparse { file: image.name.clone(), start, end });
    }
    let mut bytes = Vec::with_capacity(length as usize);
    for segment in &image.segments {
        bytes.resize(segment.address.saturating_sub(start) as usize, fill);
        bytes.extend_from_slice(&segment.data);
    }
    Ok(bytes)
}

/// Intel HEX: 16 bytes a line, type 04 records for the upper half of addresses, an end-of-file record.
///
/// A line never crosses a 64 KB boundary, which programmers treat in different ways.
pub fn hex(segments: &[Segment]) -> String {
    let mut text = String::new();
    // The upper half is 0 until a record says otherwise, yet it is always written: some tools want it.
    let mut upper = None;
    for segment in segments {
        let mut address = u64::from(segment.address);
        let mut data = segment.data.as_slice();
        while !data.is_empty() {
            let half = (address >> 16) as u16;
            if upper != Some(half) {
                upper = Some(half);
                line(&mut text, &Record::ExtendedLinearAddress(half));
            }
            // Full lines stand at multiples of 16, which are never across a boundary.
            let room = LINE - (address as usize % LINE);
            let (now, rest) = data.split_at(room.min(data.len()));
            line(&mut text, &Record::Data { offset: address as u16, value: now.to_vec() });
            address += now.len() as u64;
            data = rest;
        }
    }
    line(&mut text, &Record::EndOfFile);
    text
}

fn line(text: &mut String, record: &Record) {
    // It refuses only what has more than 255 bytes, which no line here has.
    if let Ok(record) = record.to_record_string() {
        text.push_str(&record);
        text.push('\n');
    }
}

#[cfg(test)]
mod tests;
