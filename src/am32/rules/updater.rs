//! Bootloader updaters: what they are, and whether the bootloader inside fits the ESC.

use super::Context;
use crate::am32::findings::{Finding, Id, Severity};
use crate::am32::layout::{self, Mcu};
use crate::am32::piece::Piece;
use crate::am32::pin::Pin;
use crate::am32::roles::Role;

pub(super) fn judge(context: &Context, findings: &mut Vec<Finding>) {
    for piece in context.pieces.iter().filter(|p| p.is_updater()) {
        let mismatch = context.part.and_then(|_| mismatch(context, piece));
        findings.push(told(piece, mismatch.is_some()));
        findings.extend(mismatch);
        findings.extend(mislabelled(piece));
    }
}

/// What an `.amj` says of itself, against the bootloader in it.
pub(super) fn mislabelled(piece: &Piece) -> Vec<Finding> {
    let (Some(amj), Some(carried)) = (&piece.image.amj, piece.info.carried) else { return Vec::new() };
    let mut findings = Vec::new();
    let mut say = |id, message: String| {
        let advice =
            "a configurator goes by what the file says of itself, the ESC by the bootloader in it: take another file";
        findings.push(Finding::new(id, message, advice).file(&piece.image.name).as_bad_as(Severity::Warning));
    };
    let info = carried.marks.info;
    let said = amj.pin.as_deref().and_then(|p| p.parse::<Pin>().ok());
    if let Some((said, marked)) = said.zip(info.and_then(|i| i.pin)).filter(|(said, marked)| said != marked) {
        say(Id::PIN_MISMATCH, format!("its pin says {said}, but the bootloader that it carries says {marked}"));
    }
    let kb = amj.flash_size.as_deref().and_then(|s| s.trim_end_matches(['K', 'k', 'B', 'b']).parse::<u32>().ok());
    let told = info.and_then(|i| layout::flash_kb(i.flash_code));
    if let Some((said, told)) = kb.zip(told).filter(|(said, told)| said != told) {
        say(
            Id::NAME_FLASH_SIZE,
            format!("its flashSize says {said}K, but the bootloader that it carries is for {told}K"),
        );
    }
    if let Some((said, shape)) =
        amj.mcu_type.as_deref().and_then(Mcu::from_word).zip(carried.shape).filter(|(a, b)| a != b)
    {
        say(
            Id::NAME_MISMATCH,
            format!("its mcuType says {said}, but the bootloader that it carries is filled in as the {shape}'s"),
        );
    }
    if let Some(kind) = amj.kind.as_deref().filter(|k| *k != "bl_update") {
        say(Id::CONTRADICTION, format!("its type says {kind:?}, but it carries a bootloader: it is a bl_update"));
    }
    findings
}

fn told(piece: &Piece, wrong: bool) -> Finding {
    let inside = piece.info.carried.map_or(String::new(), |c| format!(" ({})", c.marks.phrases().join(", ")));
    let message = format!(
        "it is a bootloader updater: it runs in the app's place, writes the bootloader that it carries{inside} after 1.5 s, and resets"
    );
    let advice = match wrong {
        true => "do not run it: see DF044",
        false => {
            "flash the app again afterwards; do not cut the power meanwhile, and unlock write-protected pages before"
        }
    };
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
