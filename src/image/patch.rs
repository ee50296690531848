//! Bytes of a file changed where they stand: format, line ends, order and everything else stay as they are.

use super::{Format, Image, ImageError, Position, detect, hex};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Why a file's bytes cannot be changed where they stand.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "`file` is the file as the user named it, `address` that of the byte")]
pub enum PatchError {
    /// The file has no such byte.
    #[error(
        "{file}: has no byte at 0x{address:08X}, so there is none to change; take a file that holds the whole page"
    )]
    NotThere { file: Arc<str>, address: u32 },
    /// The bytes are packed into the file.
    #[error("{file}: its bytes are packed into JSON; take the .hex or .bin of the same release")]
    Packed { file: Arc<str> },
    /// The byte is there twice, or its place is not that of its line.
    #[error(
        "{file}: the byte at 0x{address:08X} stands in it more than once, or not in one place; make a plain file of it \
             first: arm-none-eabi-objcopy -I ihex -O ihex FILE new.hex"
    )]
    NotInOnePlace { file: Arc<str>, address: u32 },
    /// What came out is not readable. A bug in dryflash.
    #[error(
        "{file}: what came out is not the file that it should be ({reason}); this is a bug: please report it with the file"
    )]
    Broken { file: Arc<str>, reason: Box<ImageError> },
}

/// The file `raw`, which was read as `image`, with other values at these addresses. `image` may have been placed since.
///
/// # Errors
/// A byte is not there, or cannot be changed where it stands.
pub fn patch(raw: &[u8], image: &Image, values: &BTreeMap<u32, u8>) -> Result<Vec<u8>, PatchError> {
    let file = || image.name.clone();
    let mut out = raw.to_vec();
    for (address, value) in values {
        let address = *address;
        let (Some(old), Some(origin)) = (image.byte(address), image.origin(address)) else {
            return Err(PatchError::NotThere { file: file(), address });
        };
        let done = match origin.position {
            Position::InnerLine(_) => return Err(PatchError::Packed { file: file() }),
            Position::Offset(offset) => usize::try_from(offset).ok().and_then(|at| replace(&mut out, at, old, *value)),
            Position::Line(line) => {
                // A line's bytes stand together.
                let before = (0..address).rev().take_while(|a| image.origin(*a).is_some_and(|o| o == origin)).count();
                in_line(&mut out, line, before, old, *value)
            }
        };
        done.ok_or_else(|| PatchError::NotInOnePlace { file: file(), address })?;
    }
    seen_again(&out, image, values)?;
    Ok(out)
}

/// Puts one byte into a binary, where the old one stands.
fn replace(bytes: &mut [u8], at: usize, old: u8, new: u8) -> Option<()> {
    let byte = bytes.get_mut(at).filter(|b| **b == old)?;
    *byte = new;
    Some(())
}

/// Puts one byte into a line of Intel HEX, `index` bytes behind its first, and mends its checksum.
fn in_line(text: &mut [u8], line: usize, index: usize, old: u8, new: u8) -> Option<()> {
    let start = start_of(text, line)?;
    let colon = start + text.get(start..)?.iter().position(|b| *b == b':')?;
    let count = usize::from(digits(text, colon + 1)?);
    if index >= count || digits(text, colon + 9 + 2 * index)? != old {
        return None;
    }
    let sum_at = colon + 9 + 2 * count;
    let sum = digits(text, sum_at)?.wrapping_add(old).wrapping_sub(new);
    let lower = text.get(colon..sum_at + 2)?.iter().any(|b| matches!(b, b'a'..=b'f'));
    for (at, byte) in [(colon + 9 + 2 * index, new), (sum_at, sum)] {
        let written = if lower { format!("{byte:02x}") } else { format!("{byte:02X}") };
        text.get_mut(at..at + 2)?.copy_from_slice(written.as_bytes());
    }
    Some(())
}

/// Where a line begins.
fn start_of(text: &[u8], line: usize) -> Option<usize> {
    let (unmarked, _) = detect::without_mark(text);
    let mut at = text.len() - unmarked.len();
    for (number, content) in hex::lines(unmarked) {
        if number == line {
            return Some(at);
        }
        let end = at + content.len();
        at = end + if text.get(end..)?.starts_with(b"\r\n") { 2 } else { 1 };
    }
    None
}

fn digits(text: &[u8], at: usize) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(text.get(at..at + 2)?).ok()?, 16).ok()
}

/// Reads what came out, and holds it against what was to come out.
fn seen_again(out: &[u8], image: &Image, values: &BTreeMap<u32, u8>) -> Result<(), PatchError> {
    let at = (image.format == Format::Bin).then(|| image.start());
    let again = Image::parse(&image.name, out, at).map_err(|error| match error {
        ImageError::Clash { file, address, .. } | ImageError::ElfOverlap { file, address, .. } => {
            PatchError::NotInOnePlace { file, address }
        }
        reason => PatchError::Broken { file: image.name.clone(), reason: Box::new(reason) },
    })?;
    for segment in &image.segments {
        for (index, old) in segment.data.iter().enumerate() {
            // A segment never reaches past 2^32.
            let address = segment.address + index as u32;
            let wanted = values.get(&address).unwrap_or(old);
            if again.byte(address) != Some(*wanted) {
                return Err(PatchError::NotInOnePlace { file: image.name.clone(), address });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(name: &str, raw: &[u8], at: Option<u32>, values: &[(u32, u8)]) -> Result<Vec<u8>, PatchError> {
        let image = Image::parse(name, raw, at).unwrap();
        patch(raw, &image, &values.iter().copied().collect())
    }

    #[test]
    fn a_binary() {
        assert_eq!(patched("a.bin", &[0, 1, 2, 3], Some(0x100), &[(0x102, 9)]).unwrap(), [0, 1, 9, 3]);
        let error = patched("a.bin", &[0, 1], Some(0x100), &[(0x102, 9)]).unwrap_err().to_string();
        assert!(error.starts_with("a.bin: has no byte at 0x00000102"), "{error}");
    }

    #[test]
    fn a_hex_keeps_its_lines_order_case_and_ends() {
        // Unusual in every way that there is: order, length, case, ends of lines, blank lines, white space, a mark.
        let raw = b"\xEF\xBB\xBF:020000040800f2\r\n  :0400200005060708c2\r\n\n:0400100001020304E2 \r:00000001FF\n";
        let out = patched("a.hex", raw, None, &[(0x0800_0022, 0xFE), (0x0800_0010, 0)]).unwrap();
        let wanted = b"\xEF\xBB\xBF:020000040800f2\r\n  :040020000506fe08cb\r\n\n:0400100000020304E3 \r:00000001FF\n";
        assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(wanted));
        assert_eq!(patched("a.hex", raw, None, &[]).unwrap(), raw);
    }

    #[test]
    fn what_stands_twice_or_packed_is_left_alone() {
        // The first two bytes again, with equal values.
        let twice = b":0400100001020304E2\n:020010000102EB\n:00000001FF\n";
        let error = patched("a.hex", twice, None, &[(0x10, 7)]).unwrap_err();
        assert!(matches!(error, PatchError::NotInOnePlace { .. }), "{error}");
        let amj = br#"{"hex": "OjAyMDAwMDA0MDgwMEYyCjowNDAwMTAwMDAxMDIwMzA0RTIKOjAwMDAwMDAxRkYK"}"#;
        let error = patched("a.amj", amj, None, &[(0x0800_0010, 7)]).unwrap_err();
        assert!(matches!(error, PatchError::Packed { .. }), "{error}");
    }
}
