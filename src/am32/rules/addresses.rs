//! Is everything where it belongs?

use super::Context;
use super::lines;
use super::option_bytes;
use crate::am32::advice::Advice;
use crate::am32::command::{Command, Word};
use crate::am32::findings::{Finding, Id, Severity};
use crate::am32::piece::{Piece, PlacedBy, written};
use crate::am32::roles::{Role, wrong_base};
use crate::am32::settings::SHORTEST;
use crate::am32::{eeprom, layout};
use crate::image::{Format, Image, Segment};
use crate::part::Part;
use crate::plural::{count, verb};
use crate::shell;
use std::sync::Arc;

pub(super) fn judge(context: &Context, part: &Arc<Part>, findings: &mut Vec<Finding>) {
    for piece in context.pieces {
        if let Some(meant) = wrong_base(piece.image.start()) {
            findings.push(wrong(context, piece, meant));
        } else {
            // Why it is elsewhere comes first.
            misplaced(context, piece, findings);
            // One that has to be built anew, or given as what it is, is not told to be elsewhere as well.
            if piece.linked_for_base().is_none() && piece.is_mistaken().is_none() {
                outside(context, part, piece, findings);
            }
            too_long(context, piece, findings);
        }
        odd(part, piece, findings);
    }
}

fn wrong(context: &Context, piece: &Piece, meant: u32) -> Finding {
    let image = &piece.image;
    let start = image.start();
    let what = if start < 0x0800_0000 { "a zero is missing" } else { "there is a zero too many" };
    let advice = match piece.placed_by {
        PlacedBy::User => {
            let line = lines::replacing(context, piece, &lines::argument_at(piece, meant));
            Advice::from(format!("did you mean 0x{meant:08X}? ")) + line
        }
        _ => format!("the file was written with a wrong base: build it again, to start at 0x{meant:08X}").into(),
    };
    let message = format!("it would go to 0x{start:08X}, where there is no flash: {what}");
    about(Finding::new(Id::WRONG_BASE, message, advice), image, start)
}

pub(super) fn about(finding: Finding, image: &Image, address: u32) -> Finding {
    let finding = finding.file(&image.name).at(address);
    match image.origin(address) {
        Some(origin) => finding.place(origin.position),
        None => finding,
    }
}

fn outside(context: &Context, part: &Arc<Part>, piece: &Piece, findings: &mut Vec<Finding>) {
    let image = &piece.image;
    let flash = part.flash;
    option_bytes::judge(context, part, piece, findings);
    for segment in image.segments.iter().filter(|s| !option_bytes::are_at(part, s.address)) {
        let Some((address, bytes)) = beyond(segment, flash.base, flash.end()) else { continue };
        let message = format!(
            "{} from 0x{address:08X} on {} outside of the {}'s flash (0x{:08X} to 0x{:08X})",
            count(bytes, "byte"),
            verb(bytes, "lies", "lie"),
            part.nick(),
            flash.base,
            flash.end() - 1
        );
        if let Some(finding) = excess(part, piece, segment, &message) {
            findings.push(about(finding, image, address));
            continue;
        }
        let at_home = piece.role.home(context.layout) == Some(image.start());
        let advice = match (piece.role, piece.placed_by) {
            (Role::Eeprom, _) => {
                format!("the EEPROM page of the {} goes to 0x{:08X}", part.nick(), context.layout.eeprom).into()
            }
            (Role::Unknown, PlacedBy::User) => {
                "give an address in flash, or say what it is with --bootloader, --app, --eeprom or --full".into()
            }
            (_, PlacedBy::User) if !at_home => {
                Advice::from("give the address that it is linked for, e.g. ") + home(context, piece)
            }
            _ if address >= flash.end() => {
                let other = if context.wish.part.is_some() { "another part" } else { "the part" };
                format!("it is for a part with more flash: take the file for this one, or name {other} with --part")
                    .into()
            }
            _ => format!("build the file again so that it starts in flash, at 0x{:08X}", flash.base).into(),
        };
        findings.push(about(Finding::new(Id::OUT_OF_RANGE, message, advice), image, address));
    }
}

/// A read-out of all of flash that went on behind its end: there it holds nothing of its own.
fn excess(part: &Part, piece: &Piece, segment: &Segment, message: &str) -> Option<Finding> {
    let (base, size) = (part.flash.base, part.flash.size as usize);
    if piece.image.format != Format::Bin || segment.address != base {
        return None;
    }
    let (own, rest) = segment.data.split_at_checked(size).filter(|(_, rest)| !rest.is_empty())?;
    let all = |byte| rest.iter().all(|b| *b == byte);
    let (what, severity) = if all(0xFF) {
        ("all of them FF", Severity::Warning)
    } else if all(0) {
        ("all of them 00", Severity::Error)
    } else if rest.chunks(size).all(|chunk| own.starts_with(chunk)) {
        ("and repeat what stands in flash", Severity::Error)
    } else {
        return None;
    };
    let name = shell::file(&piece.image.name);
    let advice = format!(
        "it was read out beyond the end of flash: cut it to its first {} KB (head -c {size} {name} > cut.bin), or a tool \
         may refuse it",
        size / 1024
    );
    Some(Finding::new(Id::OUT_OF_RANGE, format!("{message}, {what}"), advice).as_bad_as(severity))
}

/// The first address of `segment` outside of a range, and how many bytes are.
fn beyond(segment: &Segment, start: u32, end: u32) -> Option<(u32, u64)> {
    let (from, to) = (u64::from(segment.address), segment.end());
    let inside = to.min(u64::from(end)).saturating_sub(from.max(u64::from(start)));
    let bytes = (to - from) - inside;
    let first = if segment.address >= start && segment.address < end { end } else { segment.address };
    (bytes > 0).then_some((first, bytes))
}

fn home(context: &Context, piece: &Piece) -> Command {
    match piece.role.home(context.layout) {
        Some(home) => lines::replacing(context, piece, &lines::argument_at(piece, home)),
        None => lines::with(context, &[]),
    }
}

fn misplaced(context: &Context, piece: &Piece, findings: &mut Vec<Finding>) {
    // It has to be given as what it is first, which is another rule's.
    if piece.is_mistaken().is_some() {
        return;
    }
    let (layout, image) = (context.layout, &piece.image);
    let start = image.start();
    if let Some(vectors) = piece.linked_for_base() {
        let tag = piece.info.app.as_ref().and_then(|a| a.tag.as_ref()).filter(|t| t.usual);
        let sign = match tag {
            Some(tag) => {
                format!(
                    "its name tag, which belongs to 0x{:08X}, stands {:#X} behind its first byte",
                    tag.address,
                    tag.address - layout.base
                )
            }
            None => format!("its reset vector is 0x{:08X}", vectors.pc),
        };
        let message =
            format!("it is an app that is linked for 0x{:08X}, where the bootloader stands: {sign}", layout.base);
        let advice = format!(
            "behind a bootloader it has to be linked for 0x{:08X}: ORIGIN of FLASH in the linker script; build it again, or \
             take the release's file, as at another address it does not run",
            layout.app
        );
        findings.push(about(Finding::new(Id::LINKED_FOR_BASE, message, advice), image, start));
        return;
    }
    let is_app = piece.by_bytes == Some(Role::App);
    // An app for the CAN layouts is where it belongs there; that it does not fit is another rule's.
    let can = piece.info.app.as_ref().is_some_and(|a| a.can_signature.is_some());
    if is_app && start == layout.base {
        let advice = match piece.placed_by {
            PlacedBy::File => format!("the file's addresses are wrong; it has to start at 0x{:08X}", layout.app).into(),
            _ => {
                let file = Word::File { name: image.name.to_string(), at: Some(layout.app) };
                let line = lines::replacing(context, piece, &lines::option(Role::App, file));
                Advice::from(format!("an app goes to 0x{:08X}: ", layout.app)) + line
            }
        };
        let pc = piece.info.app.as_ref().and_then(|a| a.vectors).map_or(0, |v| v.pc);
        let message = format!(
            "an app would go to the bootloader's place at 0x{start:08X}; its reset vector is 0x{pc:08X}, \
             so all its code would be {:#X} bytes too low",
            layout.app - layout.base
        );
        findings.push(about(Finding::new(Id::APP_AT_BOOTLOADER, message, advice), image, start));
        return;
    }
    match piece.role {
        Role::Eeprom if start != layout.eeprom => findings.push(eeprom_elsewhere(context, piece)),
        Role::Eeprom => findings.extend(called_elsewhere(context, piece)),
        Role::Bootloader | Role::Full if start != layout.base => findings.push(moved(context, piece, layout.base)),
        Role::App if start != layout.app && !(can && start == 0x0800_4000) => {
            findings.push(moved(context, piece, layout.app));
        }
        _ => (),
    }
    let Some(address) = stray_page(context, piece) else { return };
    let owners = layout::eeprom_owners(address);
    let (whose, advice) = if owners.is_empty() {
        let advice = format!("put the settings at 0x{:08X}, and build the image again", layout.eeprom);
        ("where no layout keeps them".to_owned(), advice)
    } else {
        let advice = format!("take the full image for the {layout}, or name the part that it is for with --part");
        (format!("where {} keep them", owners.join(", ")), advice)
    };
    let message =
        format!("the settings in it are at 0x{address:08X}, {whose}; the {layout} looks at 0x{:08X}", layout.eeprom);
    findings.push(about(Finding::new(Id::EEPROM_ELSEWHERE, message, advice), image, address));
}

fn moved(context: &Context, piece: &Piece, home: u32) -> Finding {
    let start = piece.image.start();
    let vectors = piece.info.app.as_ref().and_then(|a| a.vectors).or(piece.info.bootloader.and_then(|b| b.vectors));
    let why = match vectors.filter(|v| v.offset() >> 17 == 0 && v.pc >= home) {
        Some(v) => format!("its reset vector is 0x{:08X}, and the {}'s place is 0x{home:08X}", v.pc, piece.role),
        None => format!("its place is 0x{home:08X}"),
    };
    let message = format!("the {} would go to 0x{start:08X}; {why}", piece.role);
    let advice = match piece.placed_by {
        PlacedBy::User => Advice::from("give it its own address: ") + self::home(context, piece),
        _ => format!(
            "the file has to start at 0x{home:08X}; if it is no {}, say what it is with --bootloader, --app, --eeprom or --full",
            piece.role
        )
        .into(),
    };
    about(Finding::new(Id::MISPLACED, message, advice), &piece.image, start)
}

fn eeprom_elsewhere(context: &Context, piece: &Piece) -> Finding {
    let (layout, start) = (context.layout, piece.image.start());
    let owners = layout::eeprom_owners(start);
    let whose = if owners.is_empty() { String::new() } else { format!(" (as on {})", owners.join(", ")) };
    let message = format!(
        "the EEPROM page would go to 0x{start:08X}{whose}; the bootloader of the {layout} looks at 0x{:08X}",
        layout.eeprom
    );
    let advice = match piece.placed_by {
        PlacedBy::User => Advice::from(format!("give it the {layout}'s address: ")) + home(context, piece),
        _ => format!(
            "take the page for the {layout}, or the .bin of it, which goes to 0x{:08X} by itself",
            layout.eeprom
        )
        .into(),
    };
    about(Finding::new(Id::EEPROM_ELSEWHERE, message, advice), &piece.image, start)
}

/// A page that goes to its role's place, while its name tells another.
fn called_elsewhere(context: &Context, piece: &Piece) -> Option<Finding> {
    let layout = context.layout;
    let address = layout.base.checked_add(piece.info.name.eeprom_offset?)?;
    let owners = layout::eeprom_owners(address);
    if address == layout.eeprom || owners.is_empty() {
        return None;
    }
    let message = format!(
        "its name says 0x{address:08X} (as on {}); it goes to 0x{:08X}, where the {layout} keeps it",
        owners.join(", "),
        layout.eeprom
    );
    let advice = format!("check that it is the page for the {layout}, or name the part that it is for with --part");
    let finding = Finding::new(Id::EEPROM_ELSEWHERE, message, advice).as_bad_as(Severity::Warning);
    Some(finding.file(&piece.image.name).at(address))
}

/// Where a full image has its settings, while this layout's page is empty: at another layout's address, else near by.
pub(super) fn stray_page(context: &Context, piece: &Piece) -> Option<u32> {
    let (layout, image) = (context.layout, &piece.image);
    if piece.role != Role::Full {
        return None;
    }
    let page = image.bytes(layout.eeprom..layout.eeprom + SHORTEST as u32);
    if page.is_some_and(|p| eeprom::surely(&p)) {
        return None;
    }
    let others = layout::LAYOUTS.iter().filter(|l| l.eeprom != layout.eeprom && l.base == layout.base);
    let near = (layout.eeprom.saturating_sub(NEAR)..layout.eeprom.saturating_add(NEAR)).step_by(2);
    others.map(|l| l.eeprom).chain(near).find(|address| {
        let settings = image.bytes(*address..address.saturating_add(SHORTEST as u32));
        // Settings are not amid other data.
        let before = address.checked_sub(4).and_then(|b| image.bytes(b..*address));
        let alone = before.is_none_or(|b| b.iter().all(|b| *b == 0xFF) || b.iter().all(|b| *b == 0));
        *address != layout.eeprom && alone && settings.is_some_and(|p| eeprom::surely(&p))
    })
}

/// How far from their place stray settings are looked for, in bytes.
const NEAR: u32 = 0x1000;

fn too_long(context: &Context, piece: &Piece, findings: &mut Vec<Finding>) {
    let (layout, image) = (context.layout, &piece.image);
    if piece.is_mistaken().is_some() || piece.linked_for_base().is_some() {
        return;
    }
    if piece.role == Role::Bootloader && image.start() == layout.base && written(image, layout.app, layout.eeprom) {
        let last = image.slice(layout.base..layout.eeprom).end();
        let message = format!(
            "the bootloader reaches up to 0x{:08X}, into the app, which starts at 0x{:08X}",
            last.saturating_sub(1),
            layout.app
        );
        let (most, place) = (layout.bootloader_len(), layout.app);
        let advice = if piece.info.bootloader.is_some_and(|b| b.can) {
            format!("it is for CAN, with 16K; the {layout} needs one of at most {most} bytes").into()
        } else {
            let or = match piece.by_bytes {
                Some(Role::Full) => {
                    Advice::from("if it is a full image, say so: ")
                        + lines::replacing(context, piece, &lines::as_role(Role::Full, piece))
                }
                _ => {
                    format!("if it is a full image, no whole app stands behind 0x{place:08X}: take another copy").into()
                }
            };
            Advice::from(format!("take a bootloader of at most {most} bytes; "))
                + or
                + format!("; if it is an app, it has to be linked for 0x{place:08X}")
        };
        findings.push(about(Finding::new(Id::BOOTLOADER_TOO_LONG, message, advice), image, layout.app));
    }
    let page = image.bytes(layout.eeprom..layout.eeprom + 48);
    let settings = page.is_none_or(|p| crate::am32::eeprom::sane(&p) || p.iter().all(|b| *b == 0xFF));
    let reaches = image.byte(layout.eeprom).is_some() && !settings || page_cut(image, layout.eeprom);
    if piece.role == Role::App && reaches {
        let message = format!(
            "the app reaches into the EEPROM page at 0x{:08X}, where the bootloader looks for its boot byte",
            layout.eeprom
        );
        let advice = "take an app for this part; one that is too long for it cannot be flashed";
        findings.push(about(Finding::new(Id::APP_IN_EEPROM, message, advice), image, layout.eeprom));
    }
}

/// Whether bytes run on from below into the page and end before settings could.
fn page_cut(image: &Image, eeprom: u32) -> bool {
    let runs_on = image.segment_at(eeprom).is_some_and(|s| s.address < eeprom);
    runs_on && image.bytes(eeprom..eeprom + 48).is_none()
}

fn odd(part: &Part, piece: &Piece, findings: &mut Vec<Finding>) {
    // What the controller takes at once: a half-word on the F0, a double word on the G0.
    let unit = part.flash.program_unit;
    for segment in &piece.image.segments {
        let (start, end) = (segment.address % unit, segment.end() % u64::from(unit));
        // A G0 is padded by every tool, a length that is no multiple of 8 is everyday.
        if start == 0 && (end == 0 || unit == 8 && end % 2 == 0) {
            continue;
        }
        let message = format!(
            "{} at 0x{:08X}: the {} is programmed {unit} bytes at a time",
            count(segment.data.len() as u64, "byte"),
            segment.address,
            part.nick()
        );
        let advice = "tools fill up with FF or refuse; the virtual programmer fills up with FF";
        let severity = if start == 0 { Severity::Note } else { Severity::Warning };
        findings.push(
            about(Finding::new(Id::ODD_BYTES, message, advice), &piece.image, segment.address).as_bad_as(severity),
        );
    }
}
