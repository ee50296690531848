//! Bootloader updaters: what they are, and whether the bootloader inside fits the ESC.

use super::Context;
use crate::am32::findings::{Finding, Id};
use crate::am32::layout;
use crate::am32::piece::Piece;
use crate::am32::roles::Role;

pub(super) fn judge(context: &Context, findings: &mut Vec<Finding>) {
    for piece in context.pieces.iter().filter(|p| p.is_updater()) {
        findings.push(told(piece));
        if context.part.is_some() {
            findings.extend(mismatch(context, piece));
        }
    }
}

fn told(piece: &Piece) -> Finding {
    let inside = piece.info.carried.map_or(String::new(), |c| format!(" ({})", c.marks.phrases().join(", ")));
    let message = format!(
        "it is a bootloader updater: it runs in the app's place, writes the bootloader that it carries{inside} after 1.5 s, and resets"
    );
    let advice =
        "flash the app again afterwards; do not cut the power meanwhile, and unlock write-protected pages before";
    Finding::new(Id::UPDATER, message, advice).file(&piece.image.name)
}

/// What the carried bootloader's bytes say against the part, and against the pin of the bootloader that is there.
fn mismatch(context: &Context, piece: &Piece) -> Option<Finding> {
    let carried = piece.info.carried?;
    let info = carried.marks.info;
    let mut wrong = Vec::new();
    if let Some(mcu) = carried.shape.filter(|mcu| *mcu != context.layout.mcu) {
        wrong.push(format!("its vector table is filled in as the {mcu}'s, and the part is the {}", context.layout));
    }
    if let Some((info, own)) = info.zip(context.layout.flash_code).filter(|(info, own)| info.flash_code != *own) {
        let owners = layout::flash_code_owners(info.flash_code).join(", ");
        wrong.push(format!(
            "its flash code is {:02X} ({owners}), and the {}'s is {own:02X}",
            info.flash_code, context.layout
        ));
    }
    let there = context.bringing(Role::Bootloader).and_then(|b| b.info.bootloader?.info?.pin);
    if let Some((new, old)) = info.and_then(|i| i.pin).zip(there).filter(|(new, old)| new != old) {
        wrong.push(format!("it listens on {new}, and the bootloader that is there on {old}"));
    }
    if wrong.is_empty() {
        return None;
    }
    let message = format!("the bootloader that it carries is for another ESC: {}", wrong.join("; "));
    let advice = format!(
        "do not run it; take the updater for the {} and your signal pin: AM32_<MCU>_BL_UPDATER_<PIN>_V<n>",
        context.layout
    );
    Some(Finding::new(Id::UPDATER_MISMATCH, message, advice).file(&piece.image.name))
}
