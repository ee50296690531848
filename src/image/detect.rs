//! What a file is. Its content decides; the extension only where the content leaves it open.

use super::{Format, ImageError, Origin, Position, Remark};
use std::sync::Arc;

/// Archives by their first bytes. None of these is the start of an image: as a stack pointer each would be odd,
/// or far outside any SRAM.
const ARCHIVES: [(&[u8], &str); 10] = [
    (b"!<arch>\n", "static library"),
    (b"PK\x03\x04", "ZIP"),
    (b"PK\x05\x06", "ZIP"),
    (b"\x1F\x8B\x08", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xFD7zXZ\0", "xz"),
    (b"7z\xBC\xAF\x27\x1C", "7-Zip"),
    (b"Rar!\x1A\x07", "RAR"),
    (b"\x28\xB5\x2F\xFD", "Zstandard"),
    (b"\x04\x22\x4D\x18", "LZ4"),
];

/// Files of other kinds by their first bytes, none of which begins an image: as a stack pointer each would be odd, or
/// far outside any SRAM.
const STRANGERS: [(&[u8], &str); 9] = [
    (b"\x89PNG\r\n\x1A\n", "a PNG picture"),
    (b"\xFF\xD8\xFF", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF-", "a PDF document"),
    (b"MZ", "a Windows program"),
    (b"\xCF\xFA\xED\xFE", "a macOS program"),
    (b"\xCA\xFE\xBA\xBE", "a macOS program or Java class"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"RIFF", "a sound or video file"),
];

/// What `bytes` are, or why they cannot be an image at all.
pub(super) fn detect(file: &Arc<str>, bytes: &[u8]) -> Result<Format, ImageError> {
    let named = extension(file).and_then(expected);
    let file = || file.clone();
    let (text, _) = without_mark(bytes);
    let start = text.trim_ascii_start();
    if bytes.is_empty() {
        return Err(ImageError::Empty { file: file() });
    }
    if bytes.starts_with(b"\x7FELF") {
        return Ok(Format::Elf);
    }
    if let Some((_, kind)) = ARCHIVES.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(ImageError::Archive { file: file(), kind });
    }
    if let Some((_, kind)) = STRANGERS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(ImageError::Stranger { file: file(), kind });
    }
    if start.starts_with(b"version https://git-lfs") {
        return Err(ImageError::LfsPointer { file: file() });
    }
    if let Some(kind) = unsupported(bytes) {
        return Err(ImageError::Unsupported { file: file(), kind });
    }
    if starts_like(start, b"<!doctype") || starts_like(start, b"<html") {
        return Err(ImageError::Html { file: file() });
    }
    if bytes.starts_with(b"\xFF\xFE:\0") || bytes.starts_with(b"\xFE\xFF\0:") {
        return Err(ImageError::Utf16 { file: file() });
    }
    if is_record(start) || (named == Some(Format::Hex) && start.starts_with(b":")) {
        return Ok(Format::Hex);
    }
    let is_text = is_text(text);
    if named == Some(Format::Amj) || (is_text && start.starts_with(b"{")) {
        return Ok(Format::Amj);
    }
    match named {
        Some(Format::Hex) if start.is_empty() => Err(ImageError::Text { file: file() }),
        Some(Format::Hex) => {
            let line = 1 + text[..text.len() - start.len()].iter().filter(|b| **b == b'\n').count();
            let at = Origin { file: file(), position: Position::Line(line) };
            Err(ImageError::NotHex { at, binary: !is_text })
        }
        Some(Format::Elf) => Err(ImageError::NotElf { file: file() }),
        _ if is_text => Err(ImageError::Text { file: file() }),
        _ => Ok(Format::Bin),
    }
}

/// A remark when the extension names another format than the content has.
pub(super) fn misnamed(name: &str, format: Format) -> Option<Remark> {
    let extension = extension(name)?;
    let named = expected(extension).filter(|named| *named != format)?;
    // A programmer that expects an ELF or an .amj refuses anything else by itself.
    matches!(named, Format::Bin | Format::Hex).then(|| Remark::Misnamed { extension: extension.to_owned(), format })
}

/// Without a UTF-8 byte-order mark, and whether there was one.
pub(super) fn without_mark(bytes: &[u8]) -> (&[u8], bool) {
    bytes.strip_prefix(b"\xEF\xBB\xBF").map_or((bytes, false), |rest| (rest, true))
}

fn extension(name: &str) -> Option<&str> {
    let last = name.rsplit(['/', '\\']).next()?;
    last.rsplit_once('.').map(|(_, extension)| extension)
}

fn expected(extension: &str) -> Option<Format> {
    match extension.to_ascii_lowercase().as_str() {
        "bin" => Some(Format::Bin),
        "hex" | "ihex" | "ihx" => Some(Format::Hex),
        "elf" | "axf" => Some(Format::Elf),
        "amj" => Some(Format::Amj),
        _ => None,
    }
}

fn starts_like(bytes: &[u8], lower: &[u8]) -> bool {
    bytes.get(..lower.len()).is_some_and(|start| start.eq_ignore_ascii_case(lower))
}

/// Whether `bytes`, which are to be or were put into flash as they stand, are the beginning of a file that holds an
/// image in some other way: Intel HEX, ELF or .amj. No code begins like one of them: as a stack pointer each would be
/// far outside any SRAM.
pub fn file_in_bytes(bytes: &[u8]) -> Option<Format> {
    if bytes.starts_with(b"\x7FELF") {
        return Some(Format::Elf);
    }
    if is_record(bytes) {
        return Some(Format::Hex);
    }
    let head = bytes.get(..256).unwrap_or(bytes);
    // A short file ends in flash that is blank.
    let head = &head[..head.iter().rposition(|b| *b != 0xFF).map_or(0, |last| last + 1)];
    let start = head.trim_ascii_start();
    let json = start.starts_with(b"{") && start.contains(&b'"') && is_text(head);
    json.then_some(Format::Amj)
}

/// Begins as a line of Intel HEX does. A binary may begin with ':', but hardly goes on with eight hex digits.
fn is_record(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b":").and_then(|rest| rest.get(..8)).is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit))
}

/// Formats that are known, but not read.
fn unsupported(bytes: &[u8]) -> Option<&'static str> {
    // A DFU file ends in a suffix of 16 bytes: .. 'U' 'F' 'D', its length, a CRC of 4 bytes.
    let suffix = bytes.len().checked_sub(8).and_then(|at| bytes.get(at..at + 4));
    if bytes.starts_with(b"UF2\n\x57\x51\x5D\x9E") {
        Some("UF2")
    } else if bytes.starts_with(b"DfuSe\x01") || suffix == Some(b"UFD\x10") {
        Some("DFU")
    } else if bytes.starts_with(b"S0") && is_text(bytes) && bytes.get(2..10)?.iter().all(u8::is_ascii_hexdigit) {
        Some("Motorola S-record")
    } else {
        None
    }
}

/// Text all through: UTF-8 without control characters. One byte over and over is rather a pattern of memory.
fn is_text(bytes: &[u8]) -> bool {
    let pattern = bytes.len() > 1 && bytes.windows(2).all(|pair| pair[0] == pair[1]);
    let plain = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\x0C' | '\x1A');
    !pattern && std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(plain))
}

#[cfg(test)]
mod tests;
