//! What the EEPROM page says, where the bootloader will look for it.

use super::Context;
use super::addresses::stray_page;
use super::lines;
use crate::am32::advice::Advice;
use crate::am32::eeprom::{self, BootByte};
use crate::am32::findings::{Finding, Id, Severity};
use crate::am32::piece::Piece;
use crate::am32::roles::Role;
use crate::am32::settings::SHORTEST;

pub(super) fn judge(context: &Context, findings: &mut Vec<Finding>) {
    let address = context.layout.eeprom;
    let Some(piece) = context.pieces.iter().rev().find(|p| p.image.byte(address).is_some()) else { return };
    // Code that runs into the page is another rule's.
    if !piece.brings(Role::Eeprom, context.layout) || piece.is_mistaken().is_some() {
        return;
    }
    let byte = piece.image.byte(address).unwrap_or(0xFF);
    let finding = match BootByte::new(byte) {
        BootByte::Ready => {
            findings.extend(rewritten(context, piece));
            return;
        }
        // Settings that are near by have a finding of their own.
        BootByte::Blank if stray_page(context, piece).is_some() => return,
        BootByte::Blank => Finding::new(
            Id::EEPROM_BLANK,
            format!("the boot byte at 0x{address:08X} is FF: the bootloader expects 01 and never starts the app"),
            Advice::from("put written settings there: ") + with_default(context),
        ),
        BootByte::CutOff if is_zero(context, piece) => Finding::new(
            Id::BOOT_BYTE_OTHER,
            format!(
                "the page at 0x{address:08X} is 00 all through, the boot byte as well: it holds no settings, and the app is not started"
            ),
            Advice::from("put written settings there: ") + with_default(context),
        ),
        BootByte::CutOff => Finding::new(
            Id::BOOT_BYTE_CUT_OFF,
            format!(
                "the boot byte at 0x{address:08X} is 00, as an update leaves it that was cut off: the app is not started"
            ),
            Advice::from("let a configurator flash the app again, or put sound settings there: ")
                + with_default(context),
        ),
        BootByte::Other(_) => Finding::new(
            Id::BOOT_BYTE_OTHER,
            format!(
                "the boot byte at 0x{address:08X} is {byte:02X}: the bootloader expects 01 and never starts the app"
            ),
            Advice::from("this is no settings page; put one there: ") + with_default(context),
        ),
    };
    findings.push(finding.file(&piece.image.name).at(address));
}

/// Whether the page holds nothing but 00, which no configurator leaves.
fn is_zero(context: &Context, piece: &Piece) -> bool {
    let layout = context.layout;
    let page = piece.image.slice(layout.eeprom..layout.eeprom_end());
    page.len() >= SHORTEST && page.segments.iter().all(|s| s.data.iter().all(|b| *b == 0))
}

fn with_default(context: &Context) -> Advice {
    lines::with_new_page(context, |page| lines::with_role(context, Role::Eeprom, page))
        + lines::settings_source(context)
}

fn rewritten(context: &Context, piece: &Piece) -> Option<Finding> {
    let page = piece.info.eeprom.as_ref()?;
    let firmware = context.bringing(Role::App)?.info.firmware()?;
    let wanted = eeprom::layout_of(firmware);
    if page.layout() == wanted {
        return None;
    }
    let message = match page.layout() {
        0xFF => {
            format!("the page holds no settings; firmware {firmware} writes layout {wanted} when it starts")
        }
        layout => format!(
            "the settings have layout {layout}{}; firmware {firmware} writes layout {wanted}, and rewrites the page when it starts",
            if layout > wanted { ", which is newer than the firmware" } else { "" }
        ),
    };
    let finding = if eeprom::loses_tuning(page.layout(), wanted) {
        let message = format!("{message}; {}", eeprom::TUNING_LOST);
        Finding::new(Id::EEPROM_REWRITTEN, message, eeprom::KEEP_TUNING).as_bad_as(Severity::Warning)
    } else {
        let advice = "nothing has to be done; look at the settings with a configurator after the first start";
        Finding::new(Id::EEPROM_REWRITTEN, message, advice)
    };
    Some(finding.file(&piece.image.name).at(context.layout.eeprom))
}
