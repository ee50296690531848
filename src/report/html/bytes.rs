//! Bytes of flash, where they are worth a look.

use askama::Template;
use std::ops::Range;

/// Bytes on a line: as many as a phone is wide.
const ROW: u32 = 8;

/// Stretches of flash.
#[derive(Template)]
#[template(path = "bytes.html", config = "src/report/html/askama.toml")]
pub struct Bytes {
    all: Vec<Dump>,
}

/// A stretch of flash.
struct Dump {
    name: String,
    range: String,
    lines: String,
}

impl Bytes {
    /// Of `flash`, which begins at `base`, these stretches by name. What does not lie in flash is left out, and so is a
    /// stretch that begins in one before it.
    pub fn of(flash: &[u8], base: u32, wanted: impl IntoIterator<Item = (String, Range<u32>)>) -> Bytes {
        let end = base.saturating_add(u32::try_from(flash.len()).unwrap_or(u32::MAX));
        let mut shown: Vec<Range<u32>> = Vec::new();
        let mut all = Vec::new();
        for (name, range) in wanted {
            let range = range.start / ROW * ROW..range.end.min(end);
            let Some(bytes) = slice(flash, base, &range) else { continue };
            if shown.iter().any(|before| before.contains(&range.start)) {
                continue;
            }
            let told = format!("0x{:08X} to 0x{:08X}", range.start, range.end - 1);
            all.push(Dump { name, range: told, lines: lines(bytes, range.start) });
            shown.push(range);
        }
        Bytes { all }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

fn slice<'f>(flash: &'f [u8], base: u32, range: &Range<u32>) -> Option<&'f [u8]> {
    let start = usize::try_from(range.start.checked_sub(base)?).ok()?;
    let length = usize::try_from(range.end.checked_sub(range.start)?).ok()?;
    flash.get(start..start.checked_add(length)?).filter(|bytes| !bytes.is_empty())
}

/// Lines of an address, bytes and characters; one `*` for lines that are like the one before them.
fn lines(bytes: &[u8], start: u32) -> String {
    let mut out = String::new();
    let mut before: Option<&[u8]> = None;
    let mut alike = false;
    for (row, at) in bytes.chunks(ROW as usize).zip((start..).step_by(ROW as usize)) {
        if before == Some(row) {
            if !alike {
                out.push_str("*\n");
            }
            alike = true;
            continue;
        }
        (before, alike) = (Some(row), false);
        let hex: Vec<String> = row.iter().map(|b| format!("{b:02X}")).collect();
        let text: String =
            row.iter().map(|b| if b.is_ascii_graphic() || *b == b' ' { char::from(*b) } else { '.' }).collect();
        out.push_str(&format!("{at:08X}  {:<23}  {text}\n", hex.join(" ")));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_once() {
        let mut bytes = [0xFF; 44];
        bytes[0] = b'A';
        assert_eq!(
            lines(&bytes, 0x0800_7C00),
            "08007C00  41 FF FF FF FF FF FF FF  A.......\n\
             08007C08  FF FF FF FF FF FF FF FF  ........\n\
             *\n\
             08007C28  FF FF FF FF              ....\n"
        );
    }

    #[test]
    fn what_is_no_flash_is_left_out() {
        let named = |range: Range<u32>| ("page".to_owned(), range);
        let of = |ranges: &[Range<u32>]| Bytes::of(&[0; 64], 0x0800_0000, ranges.iter().cloned().map(named)).all.len();
        assert_eq!(of(&[0x0800_0000..0x0800_0010, 0x0800_0008..0x0800_0018]), 1, "the second begins in the first");
        let beyond = 0x0800_0030..0x0800_0100;
        assert_eq!(of(std::slice::from_ref(&beyond)), 1, "cut at the end of flash");
        assert_eq!(of(&[0x0800_0040..0x0800_0050, 0x07FF_FFF0..0x0800_0000, 0x2000_0000..0x2000_0010]), 0);
    }
}
