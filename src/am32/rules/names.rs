//! Is a file what its name claims: version, target, flash size? Pin and MCU are compared beside the part.

use super::Context;
use crate::am32::findings::{Finding, Id, Severity};
use crate::am32::layout::flash_kb;
use crate::am32::marks::BootVersion;
use crate::am32::names::Firmware;
use crate::am32::piece::Piece;
use crate::am32::roles::Role;

/// From here on a release's file name is made from the version in its sources; before, both were set by hand.
const NAMED_BY_BUILD: Firmware = Firmware { major: 2, minor: 16 };
/// A release whose own images say another version than its name: (name, bytes).
const OWN_SLIPS: [(Firmware, Firmware); 1] = [(Firmware { major: 2, minor: 12 }, Firmware { major: 2, minor: 8 })];

pub(super) fn judge(context: &Context, findings: &mut Vec<Finding>) {
    // Other MCUs count their versions in their own way.
    if context.foreign.is_some() {
        return;
    }
    for piece in context.pieces {
        findings.extend(bootloader_version(piece));
        findings.extend(firmware(piece));
        findings.extend(target(piece));
        findings.extend(flash_size(piece));
    }
}

fn bootloader_version(piece: &Piece) -> Option<Finding> {
    let marks = piece.info.bootloader?;
    let named = piece.info.name.bootloader.filter(|v| !marks.version.allows(*v))?;
    let place = match marks.version {
        BootVersion::Byte { address, .. } => Some(address),
        BootVersion::V13 | BootVersion::V14OrNewer => marks.info.map(|i| i.address),
        BootVersion::LikeV12 => None,
        // Nothing speaks for or against a version.
        BootVersion::Unmarked => return None,
    };
    let at = place.map_or(String::new(), |a| format!(" at 0x{a:08X}"));
    let message = format!("its name says V{named}, but its bytes{at} say {}", marks.version);
    let advice = "the bytes are believed; check that it is the file you meant";
    let finding = Finding::new(Id::NAME_VERSION, message, advice).file(&piece.image.name);
    Some(match place {
        Some(address) => finding.at(address),
        None => finding,
    })
}

fn firmware(piece: &Piece) -> Option<Finding> {
    let old = piece.info.app.as_ref()?.old_version.as_ref()?;
    let named = piece.info.name.firmware.filter(|v| *v != old.firmware)?;
    if OWN_SLIPS.contains(&(named, old.firmware)) {
        return None;
    }
    let message =
        format!("its name says firmware {named}, but its bytes at 0x{:08X} say {}", old.address, old.firmware);
    let (advice, severity) = if named < NAMED_BY_BUILD {
        ("the bytes are believed; up to 2.15 both were set by hand, and did not always agree", Severity::Note)
    } else {
        ("the bytes are believed; check that it is the file you meant", Severity::Warning)
    };
    let finding = Finding::new(Id::NAME_VERSION, message, advice).as_bad_as(severity);
    Some(finding.file(&piece.image.name).at(old.address))
}

/// AM32 builds an app's file name from its name tag.
fn target(piece: &Piece) -> Option<Finding> {
    let tag = piece.info.app.as_ref()?.tag.as_ref().filter(|_| piece.role == Role::App)?;
    let named = piece.info.name.target.as_ref()?;
    let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
    let (told, claimed) = (plain(&tag.text), plain(named));
    // The tag has 30 characters at most, and copies get words of their own.
    if claimed.contains(&told) || told.contains(&claimed) {
        return None;
    }
    let message = format!("its name says {named}, but its name tag at 0x{:08X} is '{}'", tag.address, tag.text);
    let advice =
        "the bytes are believed; take the app for your ESC's target: another's starts, and its motor pins may differ";
    Some(Finding::new(Id::NAME_TARGET, message, advice).file(&piece.image.name).at(tag.address))
}

fn flash_size(piece: &Piece) -> Option<Finding> {
    let info = piece.info.bootloader?.info?;
    let told = flash_kb(info.flash_code)?;
    let named = piece.info.name.flash_kb.filter(|kb| *kb != told)?;
    let address = info.address.saturating_add(4);
    let message =
        format!("its name says {named}K, but its flash code at 0x{address:08X} is {:02X}: {told}K", info.flash_code);
    let advice = "the bytes are believed; take the bootloader for the flash that your ESC's MCU has";
    Some(Finding::new(Id::NAME_FLASH_SIZE, message, advice).file(&piece.image.name).at(address))
}
