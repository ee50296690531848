//! Is an app's code whole? A record that was lost from a hex, or a page that was blank when it was read out.

use super::Context;
use crate::am32::findings::{Finding, Id};
use crate::am32::piece::Piece;
use crate::am32::roles::Role;
use crate::image::Segment;
use crate::part::Part;
use crate::plural::{count, verb};

/// Behind the vector table, builds leave gaps of up to 40 bytes for sections with addresses of their own.
const HEAD: u32 = 0x200;
/// Linkers align sections to up to 8 bytes; the shortest record of a hex has 16.
const LEAST: u64 = 9;
/// What follows a hole has to be code, and not a few constants with an address of their own.
const CODE: usize = 64;

pub(super) fn judge(context: &Context, part: &Part, findings: &mut Vec<Finding>) {
    for piece in context.pieces.iter().filter(|p| p.is_mistaken().is_none()) {
        let app = match piece.role {
            Role::App => piece.image.start(),
            Role::Full if piece.info.app.is_some() => context.layout.app,
            _ => continue,
        };
        findings.extend(missing(piece, app).or_else(|| blank(part, piece, app)));
    }
}

/// The part of `segment` that is code: what lies below the name tag, which stands alone at the end.
fn code<'a>(piece: &Piece, segment: &'a Segment) -> &'a [u8] {
    let tag = piece.info.app.as_ref().and_then(|a| a.tag.as_ref()).filter(|t| t.usual);
    let below = tag.map_or(usize::MAX, |t| t.address.saturating_sub(segment.address) as usize);
    segment.data.get(..below).unwrap_or(&segment.data)
}

/// Bytes that the file does not hold, between two pieces of the code that starts at `app`.
fn missing(piece: &Piece, app: u32) -> Option<Finding> {
    let image = &piece.image;
    let head = app.saturating_add(HEAD);
    let gap = image.segments.windows(2).find_map(|pair| {
        let [before, after] = pair else { return None };
        let from = u32::try_from(before.end()).ok().filter(|from| *from >= head)?;
        let bytes = u64::from(after.address).saturating_sub(before.end());
        (bytes >= LEAST && code(piece, after).len() >= CODE).then_some((from, bytes, after.address))
    });
    let (from, bytes, next) = gap?;
    let message = format!(
        "its code has a hole: {} from 0x{from:08X} on {} missing, and it goes on at 0x{next:08X}",
        count(bytes, "byte"),
        verb(bytes, "is", "are")
    );
    let finding = told(message, piece, from);
    Some(match image.origin(next) {
        Some(origin) => finding.place(origin.position),
        None => finding,
    })
}

/// A whole page of FF with code behind it.
fn blank(part: &Part, piece: &Piece, app: u32) -> Option<Finding> {
    let page = part.flash.page;
    let head = app.saturating_add(HEAD);
    for segment in &piece.image.segments {
        let code = code(piece, segment);
        let Some(next) = segment.address.checked_next_multiple_of(page) else { continue };
        let first = next - segment.address;
        let pages = code.get(first as usize..).unwrap_or_default().chunks_exact(page as usize).enumerate();
        for (n, _) in pages.filter(|(_, bytes)| bytes.iter().all(|b| *b == 0xFF)) {
            let at = first as usize + n * page as usize;
            let address = segment.address.saturating_add(at as u32);
            let behind = code.get(at + page as usize..).unwrap_or_default();
            // A build may fill the gap up to the name tag with FF.
            if behind.iter().filter(|b| !matches!(b, 0 | 0xFF)).count() < CODE || address < head {
                continue;
            }
            let message = format!(
                "its code has a hole: the page from 0x{address:08X} to 0x{:08X} is blank, and code stands behind it",
                address.saturating_add(page - 1)
            );
            return Some(told(message, piece, address));
        }
    }
    None
}

fn told(message: String, piece: &Piece, address: u32) -> Finding {
    let advice = "take another copy of the file: it may start all the same, and fails once it runs into the hole";
    Finding::new(Id::HOLE, message, advice).file(&piece.image.name).at(address)
}
