//! Are the files for this part, and for each other?

use super::Context;
use super::lines;
use crate::am32::advice::Advice;
use crate::am32::command::{Command, Word};
use crate::am32::findings::{Finding, Id, Severity};
use crate::am32::layout::{self, Mcu};
use crate::am32::piece::Piece;
use crate::am32::roles::Role;

pub(super) fn judge(context: &Context, findings: &mut Vec<Finding>) {
    if let Some(mcu) = context.foreign {
        findings.push(not_modelled(context, mcu));
    }
    for piece in context.pieces {
        if context.part.is_some() {
            findings.extend(by_tag_or_name(context, piece));
            findings.extend(by_marks(context, piece));
            findings.extend(stack(context, piece));
            findings.extend(other_core(context, piece));
            findings.extend(other_build(context, piece));
            findings.extend(flash_size(context, piece));
        }
        findings.extend(pin(piece));
    }
    can(context, findings);
}

fn not_modelled(context: &Context, mcu: Mcu) -> Finding {
    let advice = Advice::from("take the files for your ESC's MCU; ")
        + Command::dryflash(["parts"])
        + " lists what is modelled, and --part overrides the name";
    let told: Vec<(&Piece, Mcu, String)> =
        context.pieces.iter().filter_map(|p| of_mcu(p).map(|(mcu, why)| (p, mcu, why))).collect();
    if told.iter().all(|(_, other, _)| *other == mcu) {
        let message = format!("the files are for the {mcu} ({}); dryflash has no model of it", context.evidence);
        return Finding::new(Id::FOREIGN_MCU, message, advice);
    }
    let each: Vec<String> =
        told.iter().map(|(piece, mcu, why)| format!("{} is for the {mcu} ({why})", piece.image.name)).collect();
    let message = format!("the files are for different MCUs: {}; dryflash has no model of the {mcu}", each.join(", "));
    let finding = Finding::new(Id::FOREIGN_MCU, message, advice);
    match told.iter().find(|(_, other, _)| *other == mcu) {
        Some((piece, ..)) => finding.file(&piece.image.name),
        None => finding,
    }
}

/// The MCU that one file is for, by the strongest of its signs, and which that is.
fn of_mcu(piece: &Piece) -> Option<(Mcu, String)> {
    let tag = piece.info.app.as_ref().and_then(|a| a.tag.as_ref());
    if let Some((tag, mcu)) = tag.and_then(|t| Some((t, t.mcu?))) {
        return Some((mcu, format!("by its name tag '{}'", tag.text)));
    }
    if let Some(marks) = piece.info.bootloader {
        let code = marks.info.map(|i| i.flash_code);
        if marks.riscv {
            return Some((Mcu::V203, "by its RISC-V code".to_owned()));
        }
        if let Some(code) = code.filter(|c| layout::is_of_the_a153(*c)) {
            return Some((Mcu::A153, format!("by its flash code {code:02X}")));
        }
    }
    if let Some(mcu) = piece.info.shape {
        return Some((mcu, "by its vector table".to_owned()));
    }
    let inside = piece.image.amj.as_ref().and_then(|amj| amj.mcu_type.as_deref()).and_then(Mcu::from_word);
    inside.map(|mcu| (mcu, "by its mcuType".to_owned())).or(piece.info.name.mcu.map(|m| (m, "by its name".to_owned())))
}

fn by_tag_or_name(context: &Context, piece: &Piece) -> Option<Finding> {
    let mcu = context.layout.mcu;
    let name = &piece.image.name;
    if let Some(tag) = piece.info.app.as_ref().and_then(|a| a.tag.as_ref()) {
        let other = tag.mcu.filter(|other| *other != mcu);
        if let Some(other) = other {
            let message = format!(
                "its name tag at 0x{:08X} is '{}': it is for the {other}, and the part is the {} ({})",
                tag.address, tag.text, context.layout, context.evidence
            );
            let advice = take(context, piece, "app", part_option(context, piece, other));
            return Some(Finding::new(Id::TAG_MISMATCH, message, advice).file(name).at(tag.address));
        }
    }
    let inside = piece.image.amj.as_ref().and_then(|amj| amj.mcu_type.as_deref());
    let (what, other) = match (inside.and_then(Mcu::from_word), piece.info.name.mcu) {
        (Some(other), _) if other != mcu => ("its mcuType", other),
        (_, Some(other)) if other != mcu => ("its file name", other),
        _ => return None,
    };
    let message = format!("{what} says {other}, and the part is the {} ({})", context.layout, context.evidence);
    let advice = take(context, piece, "file", part_option(context, piece, other));
    Some(Finding::new(Id::NAME_MISMATCH, message, advice).file(name))
}

/// Which file to take in place of `piece`, and the other way out, where there is one.
fn take(context: &Context, piece: &Piece, what: &str, or: Advice) -> Advice {
    match piece.role {
        Role::Bootloader if context.layout.flash_code.is_none() => {
            let line = lines::without(context, piece, &[Word::plain("--from-app")]);
            let mcu = context.layout.mcu;
            Advice::from(format!("no bootloader is published for the {mcu}; to look at the app only: ")) + line + or
        }
        _ => Advice::from(format!("take the {what} for the {}", context.layout.mcu)) + or,
    }
}

/// The way out where it is the part that is wrong: another part, or, where another file is for the one that is named,
/// another file in its place.
fn part_option(context: &Context, piece: &Piece, other: Mcu) -> Advice {
    if !other.is_modelled() {
        return Advice::default();
    }
    let for_it = |p: &&Piece| !std::ptr::eq(*p, piece) && of_mcu(p).is_some_and(|(mcu, _)| mcu == context.layout.mcu);
    if let Some(wrong) = context.pieces.iter().find(for_it) {
        return format!(", or, where the ESC has the {other}, another {} than {}", wrong.role, wrong.image.name).into();
    }
    // The part of an ESC that is kept is what it is.
    if context.wish.has_state {
        return Advice::from(format!(", or give the --state of an ESC that has the {other}"));
    }
    // The flash code tells one size of flash from another.
    let code = piece.info.bootloader.and_then(|b| b.info).map(|i| i.flash_code);
    let named = other.layouts().find(|l| code.is_some() && l.flash_code == code && !l.can);
    let named = named.and_then(|l| l.parts().next());
    let part = named.map_or_else(|| other.to_string(), |p| p.nick().to_owned());
    Advice::from(format!(", or, where the ESC has the {part}: ")) + lines::on_part(context, &part)
}

fn by_marks(context: &Context, piece: &Piece) -> Option<Finding> {
    let other = piece.info.shape.filter(|s| *s != context.layout.mcu)?;
    let message = format!(
        "its vector table is filled in as the {other}'s; the part is the {} ({})",
        context.layout, context.evidence
    );
    let advice = match piece.role {
        Role::Bootloader if context.layout.flash_code.is_none() => take(context, piece, "file", Advice::default()),
        _ => format!("check that it is the file for the {}; a run shows what it does there", context.layout).into(),
    };
    Some(Finding::new(Id::MARKS_MISMATCH, message, advice).file(&piece.image.name))
}

/// A first word beyond SRAM: harmless only where the code sets its stack before it uses it.
fn stack(context: &Context, piece: &Piece) -> Option<Finding> {
    let (part, app) = (context.part?, piece.info.app.as_ref().and_then(|a| a.vectors));
    let vectors = [piece.info.bootloader.and_then(|b| b.vectors), app];
    let vectors = vectors.into_iter().flatten().find(|v| v.sp > part.sram.end())?;
    let message = format!(
        "its stack starts at 0x{:08X}, above the {}'s SRAM, which ends at 0x{:08X}",
        vectors.sp,
        part.nick(),
        part.sram.end()
    );
    let advice = format!("check that it is the file for the {}; a run shows whether it sets another", context.layout);
    Some(Finding::new(Id::STACK_BEYOND, message, advice).file(&piece.image.name).at(vectors.address))
}

/// Code that no part here could run, though a part was named.
fn other_core(context: &Context, piece: &Piece) -> Option<Finding> {
    let marks = piece.info.bootloader?;
    let info = marks.info?;
    let owner = match info.flash_code {
        _ if marks.riscv => Mcu::V203,
        code if layout::is_of_the_a153(code) => Mcu::A153,
        _ => return None,
    };
    let message = format!(
        "by its device info (flash code {:02X}){} it is a bootloader of the {owner}, which no {} can run",
        info.flash_code,
        if marks.riscv { " and its RISC-V code" } else { "" },
        context.layout
    );
    let advice = take(context, piece, "bootloader", Advice::default());
    Some(Finding::new(Id::FOREIGN_MCU, message, advice).file(&piece.image.name).at(info.address))
}

/// What its ELF says that it was compiled for.
fn other_build(context: &Context, piece: &Piece) -> Option<Finding> {
    let built = piece.image.built_for().filter(|b| !b.is_armv6_m())?;
    let core = context.part?.core;
    let message = format!(
        "its ELF attributes say that it was compiled for {built}; the {}'s {core} executes ARMv6-M only",
        context.layout
    );
    let advice = format!(
        "compile it for this core (-mcpu={}), or take the file for the {}",
        core.compiler_name(),
        context.layout.mcu
    );
    Some(Finding::new(Id::OTHER_CORE, message, advice).file(&piece.image.name))
}

fn flash_size(context: &Context, piece: &Piece) -> Option<Finding> {
    let info = piece.info.bootloader?.info?;
    let own = context.layout.flash_code?;
    // Those are told by their core.
    if info.flash_code == own
        || piece.info.bootloader.is_some_and(|b| b.riscv)
        || layout::is_of_the_a153(info.flash_code)
    {
        return None;
    }
    let layout = context.layout;
    let code_at = info.address.saturating_add(4);
    let sibling = layout.mcu.layouts().find(|l| l.flash_code == Some(info.flash_code) && !l.can);
    let owners = layout::flash_code_owners(info.flash_code).join(", ");
    let mut message =
        format!("its flash code at 0x{code_at:08X} is {:02X} ({owners}); the {layout}'s is {own:02X}", info.flash_code);
    let mut severity = Severity::Error;
    if let Some(sibling) = sibling {
        message += &format!(": it reads the boot byte at 0x{:08X}, not at 0x{:08X}", sibling.eeprom, layout.eeprom);
        let page = context.pieces.iter().rev().find_map(|p| p.image.byte(sibling.eeprom));
        if context.part.is_some_and(|p| !p.flash.contains(sibling.eeprom)) {
            message += ", which is beyond the end of flash";
        } else if page == Some(1) {
            severity = Severity::Warning;
        }
    }
    let advice = format!(
        "take the bootloader for the {layout}{}",
        sibling.map_or(String::new(), |s| {
            s.parts().next().map_or(String::new(), |p| format!(", or name the part: --part {}", p.nick()))
        })
    );
    Some(Finding::new(Id::LAYOUTS_DISAGREE, message, advice).file(&piece.image.name).at(code_at).as_bad_as(severity))
}

fn pin(piece: &Piece) -> Option<Finding> {
    let info = piece.info.bootloader?.info?;
    let marked = info.pin?;
    let inside = piece.image.amj.as_ref().and_then(|amj| amj.pin.as_deref()).and_then(|p| p.parse().ok());
    let named = piece.info.name.pin.or(inside).filter(|named| *named != marked)?;
    let address = info.address.saturating_add(3);
    let message = format!("its name says {named}, but its device info at 0x{address:08X} says {marked}");
    let advice = format!(
        "check which pin the ESC's signal wire is on: a bootloader that listens on {marked} is not found by configurators on {named}"
    );
    Some(Finding::new(Id::PIN_MISMATCH, message, advice).file(&piece.image.name).at(address))
}

fn can(context: &Context, findings: &mut Vec<Finding>) {
    let bootloader = context.bringing(Role::Bootloader);
    let app = context.bringing(Role::App);
    let can_bootloader = bootloader.filter(|p| p.info.bootloader.is_some_and(|b| b.can));
    let is_can = |p: &&Piece| p.info.app.as_ref().is_some_and(|a| a.can_signature.is_some());
    let can_app = app.filter(is_can);
    let (piece, message) = match (bootloader, can_bootloader, app, can_app) {
        (Some(b), None, _, Some(app)) => (
            app,
            format!(
                "it is an app for CAN bootloaders, linked for 0x08004000; {} is none, and starts 0x08001000",
                b.image.name
            ),
        ),
        (None, _, _, Some(app)) if context.part.is_some() => {
            (app, format!("it is an app for CAN bootloaders, linked for 0x08004000; the {} has none", context.layout))
        }
        (_, Some(b), Some(app), None) => (
            b,
            format!(
                "it is a CAN bootloader: it starts 0x08004000, and only what has a signature; {} has none",
                app.image.name
            ),
        ),
        _ => return,
    };
    let advice = "take both files with CAN in their names, or both without";
    findings.push(Finding::new(Id::CAN_MISMATCH, message, advice).file(&piece.image.name).at(0x0800_4000));
}
