//! What is known of versions, and remarks about single files.

use super::Context;
use super::updater::mislabelled;
use crate::am32::findings::{Finding, Id, Severity};
use crate::am32::layout::{Layout, Mcu};
use crate::am32::names::Firmware;
use crate::am32::piece::Piece;
use crate::am32::roles::{Role, wrong_base};
use crate::image::Remark;

pub(super) fn judge(context: &Context, findings: &mut Vec<Finding>) {
    for piece in context.pieces {
        for remark in &piece.image.remarks {
            // Where a file is not what it says of itself, that is told instead.
            if matches!(remark, Remark::MadeFor { .. }) && !mislabelled(piece).is_empty() {
                continue;
            }
            // Those that a real programmer would take otherwise than dryflash does.
            let (severity, advice) = match remark {
                Remark::Misnamed { format, .. } => {
                    let end = format.extension();
                    (Severity::Warning, format!("rename it so that it ends in .{end} before it is flashed"))
                }
                Remark::HeadersInside { .. } => (Severity::Warning, "mend the file before it is flashed".to_owned()),
                _ => (Severity::Note, "nothing has to be done, if the file comes from where you expect".to_owned()),
            };
            let finding = Finding::new(Id::REMARK, remark.to_string(), advice);
            findings.push(finding.file(&piece.image.name).as_bad_as(severity));
        }
        // Other MCUs count their versions in their own way.
        if context.foreign.is_none() {
            findings.extend(by_bootloader_version(piece, context.layout));
        }
        if piece.role == Role::App || piece.info.app.is_some() {
            findings.extend(no_tag(piece));
            findings.extend(no_vectors(context, piece));
        }
    }
    findings.extend(g071_v7(context));
}

/// What is known of a bootloader of this version.
pub(in crate::am32) fn by_bootloader_version(piece: &Piece, layout: &Layout) -> Option<Finding> {
    let marks = piece.info.bootloader?;
    let (message, advice, id) = match piece.info.bootloader_version() {
        // The G071's V7 decides and rewrites as the F051's V10 does (seen by running it).
        Some(version @ 7) if layout.mcu == Mcu::G071 => (
            format!(
                "bootloader V{version} of the G071 rewrites the EEPROM page with 48 bytes when it stays, \
                 and wipes the rest of the settings"
            ),
            "take V13 or newer, which keeps the whole page, or save the settings before",
            Id::WIPES_SETTINGS,
        ),
        Some(version @ 8..=12) => (
            format!("bootloader V{version} rewrites the EEPROM page with 48 bytes, and wipes the rest of the settings"),
            "take V13 or newer, which keeps the whole page, or save the settings before",
            Id::WIPES_SETTINGS,
        ),
        Some(version @ ..=5) => (
            format!("bootloader V{version} sends its device info unasked, and starts whatever is in the app's place"),
            "take V13 or newer, where the ESC's signal pin allows it",
            Id::OLD_BOOTLOADER,
        ),
        Some(version @ 6..=7) => (
            format!("bootloader V{version} does not check the app's first words: it starts whatever is in its place"),
            "take V13 or newer, which checks them",
            Id::OLD_BOOTLOADER,
        ),
        Some(_) => return None,
        None if matches!(marks.version, crate::am32::marks::BootVersion::LikeV12) => (
            "neither a mark nor the name tells its version; by its stack it is V12 or an old one of another MCU, \
             which rewrite the EEPROM page with 48 bytes and wipe the rest"
                .to_owned(),
            "take V13 or newer, which keeps the whole page",
            Id::WIPES_SETTINGS,
        ),
        None => return None,
    };
    Some(Finding::new(id, message, advice).file(&piece.image.name))
}

fn no_tag(piece: &Piece) -> Option<Finding> {
    let app = piece.info.app.as_ref()?;
    if app.tag.is_some() || piece.is_updater() {
        return None;
    }
    let message = "it has no name tag: configurators refuse it (\"32 bytes block not found in hex file!\")";
    let advice = "take a release file for your target; an ESC flashed with a probe starts without a tag all the same";
    Some(Finding::new(Id::TAG_MISSING, message, advice).file(&piece.image.name))
}

/// What V12 and newer check, and everything else should.
fn no_vectors(context: &Context, piece: &Piece) -> Option<Finding> {
    let (part, start, layout) = (context.part?, piece.image.start(), context.layout);
    let blank = piece.image.segments.iter().all(|s| s.data.iter().all(|b| *b == 0xFF));
    // An app at a wrong place has its own finding.
    let elsewhere = start != layout.app && piece.role != Role::Full;
    if elsewhere
        || blank
        || piece.is_mistaken().is_some()
        || piece.linked_for_base().is_some()
        || wrong_base(start).is_some()
    {
        return None;
    }
    let sp = piece.image.word(layout.app);
    let pc = layout.app.checked_add(4).and_then(|a| piece.image.word(a));
    let in_sram = sp.is_some_and(|sp| (0x2000_0000..=0x2001_0000).contains(&sp));
    let in_flash = pc.is_some_and(|pc| pc.wrapping_sub(layout.app) <= 0x4_0000);
    if in_sram && in_flash {
        return None;
    }
    let word = |w: Option<u32>| w.map_or("missing".to_owned(), |w| format!("0x{w:08X}"));
    let message = format!(
        "its first words at 0x{:08X} are no vector table: stack pointer {}, reset vector {}; bootloaders from V12 on refuse to start it",
        layout.app,
        word(sp),
        word(pc)
    );
    let advice = format!("check that it is an app for the {}, and that it is whole", part.nick());
    Some(Finding::new(Id::NO_VECTORS, message, advice).file(&piece.image.name).at(layout.app))
}

fn g071_v7(context: &Context) -> Option<Finding> {
    let from = Firmware { major: 2, minor: 19 };
    let piece = context.bringing(Role::Bootloader)?;
    // Its marks do not tell the G071's early versions; its name does.
    let version = piece.info.bootloader_version().filter(|v| *v <= 7)?;
    let app = context.bringing(Role::App)?;
    let firmware = app.info.firmware().filter(|f| *f >= from && context.layout.mcu == Mcu::G071)?;
    let message = format!(
        "reported from the field: firmware 2.19 and newer stayed dead behind bootloader V{version} on a G071 (this is {firmware})"
    );
    let advice = "should yours not start: take a newer bootloader (V13 or newer), or firmware 2.18";
    Some(Finding::new(Id::G071_V7, message, advice).file(&piece.image.name))
}
