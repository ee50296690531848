//! Is everything there that an ESC needs, and is each file what it is said to be?

use super::Context;
use super::lines;
use crate::am32::advice::Advice;
use crate::am32::command::{Command, Word};
use crate::am32::findings::{Finding, Id, Severity};
use crate::am32::names::Kind;
use crate::am32::piece::{Piece, written};
use crate::am32::roles::{Evidence, Role, wrong_base};

pub(super) fn judge(context: &Context, findings: &mut Vec<Finding>) {
    for piece in context.pieces {
        findings.extend(contradiction(context, piece));
        findings.extend(unclear(piece));
        findings.extend(blank(piece));
    }
    if !context.wish.has_state {
        missing(context, findings);
    }
}

fn contradiction(context: &Context, piece: &Piece) -> Option<Finding> {
    let called = piece.info.name.kind.map(Kind::role);
    let bytes = piece.by_bytes?;
    let (says, said) = if piece.evidence == Evidence::Given && piece.role != bytes {
        ("it was given as", piece.role)
    } else {
        ("its name says", called.filter(|c| *c != piece.role && *c != bytes)?)
    };
    // A copy of all of flash is called after what it holds: by a version alone that says nothing.
    let all = bytes == Role::Full && piece.evidence != Evidence::Given;
    if all && piece.info.name.by_version_only {
        return None;
    }
    let severity = match piece.is_mistaken() {
        Some(_) => Severity::Error,
        None if all => Severity::Note,
        None => Id::CONTRADICTION.severity(),
    };
    let message = format!("{says} {said}, but its bytes are those of {}", bytes.article());
    let advice = match piece.evidence {
        Evidence::Given if piece.role == bytes => format!(
            "it is taken as {}, as it was given; check that it is the file you meant, and rename it",
            bytes.article()
        )
        .into(),
        Evidence::Given if cut_off(context, piece) => {
            "it is cut off within the app: take a whole copy of the full image".into()
        }
        Evidence::Given => Advice::from("give it as what it is: ") + as_it_is(context, piece, bytes),
        _ => format!("it is taken as {}; check that it is the file you meant", bytes.article()).into(),
    };
    Some(Finding::new(Id::CONTRADICTION, message, advice).file(&piece.image.name).as_bad_as(severity))
}

/// The command with `piece` as what its bytes say. Where others are mistaken as well, each is put right.
fn as_it_is(context: &Context, piece: &Piece, bytes: Role) -> Command {
    let whole = bytes == Role::Full;
    let edit = |p: &Piece| {
        // It brings these itself.
        if whole && !std::ptr::eq(p, piece) && matches!(p.role, Role::Bootloader | Role::App) {
            return None;
        }
        let role = if std::ptr::eq(p, piece) { Some(bytes) } else { p.is_mistaken() };
        Some(role.map_or_else(|| lines::argument(p), |r| lines::option(r, Word::file(&*p.image.name))))
    };
    lines::check(context, edit, &[])
}

/// A full image of which there is little more than the bootloader.
fn cut_off(context: &Context, piece: &Piece) -> bool {
    let layout = context.layout;
    let bootloader = piece.by_bytes == Some(Role::Bootloader);
    piece.role == Role::Full && bootloader && written(&piece.image, layout.app, layout.eeprom)
}

/// A file with an address but without a role is programmed as it is.
fn unclear(piece: &Piece) -> Option<Finding> {
    let start = piece.image.start();
    let info = &piece.info;
    if piece.role == Role::Full && piece.evidence == Evidence::Size {
        let blank = piece.image.segments.iter().all(|s| s.data.iter().all(|b| *b == 0xFF));
        let known = info.bootloader.is_some() || info.app.is_some() || blank;
        let message = "it is as long as all of flash, but nothing in it reads as a bootloader or an app";
        let advice = "check that it is the file you meant";
        return (!known).then(|| Finding::new(Id::UNCLEAR, message, advice).file(&piece.image.name).at(start));
    }
    let in_flash = (0x0800_0000..0x0808_0000).contains(&start);
    if piece.role != Role::Unknown || !in_flash {
        return None;
    }
    let message = format!("nothing tells what it is; it goes to 0x{start:08X} as its address says");
    let advice = "say what it is with --bootloader, --app, --eeprom or --full";
    Some(Finding::new(Id::UNCLEAR, message, advice).file(&piece.image.name).at(start).as_bad_as(Severity::Warning))
}

fn blank(piece: &Piece) -> Option<Finding> {
    let all = |byte| piece.image.segments.iter().all(|s| s.data.iter().all(|b| *b == byte));
    let byte = if all(0xFF) {
        "FF, as erased flash is"
    } else if all(0) {
        "00"
    } else {
        return None;
    };
    if !matches!(piece.role, Role::Bootloader | Role::App | Role::Full) {
        return None;
    }
    let message = match piece.image.len() {
        1 => format!("its one byte is {byte}; it holds no {}", piece.role),
        bytes => format!("all its {bytes} bytes are {byte}; it holds no {}", piece.role),
    };
    let advice = "take another copy of the file; a protected chip that was read out gives such files";
    Some(Finding::new(Id::BLANK_FILE, message, advice).file(&piece.image.name))
}

/// Where nothing has `role`, but a file is called so: that file has to be replaced, not one added. `instead` gets to know the command
/// with other words in its place.
fn named_only(
    context: &Context,
    role: Role,
    instead: impl FnOnce(&dyn Fn(&[Word]) -> Command) -> Advice,
) -> Option<Advice> {
    let piece = context.pieces.iter().find(|p| {
        p.evidence != Evidence::Given
            && p.by_bytes.is_some_and(|b| b != role)
            && p.info.name.kind.map(Kind::role) == Some(role)
    })?;
    let (name, is) = (&piece.image.name, piece.role.article());
    // One of two apps has to go.
    let twice = context.pieces.iter().any(|p| p.role == piece.role && !std::ptr::eq(p, piece));
    let line = |words: &[Word]| match twice {
        true => lines::without(context, piece, words),
        false => lines::with(context, words),
    };
    let called = role.article();
    Some(
        Advice::from(format!("{name} is called {called}, but its bytes are those of {is}; take the file you meant: "))
            + instead(&line),
    )
}

fn missing(context: &Context, findings: &mut Vec<Finding>) {
    let layout = context.layout;
    // What is taken for something else is there all the same.
    let mistaken = |role| context.pieces.iter().any(|p| p.is_mistaken().is_some_and(|m| m == role || m == Role::Full));
    let has = |role| context.bringing(role).is_some() || mistaken(role);
    let code = |role| context.pieces.iter().any(|p| p.role == role && wrong_base(p.image.start()).is_some());
    let (bootloader, app) = (has(Role::Bootloader) || code(Role::Bootloader), has(Role::App) || code(Role::App));
    let part = context.part.map_or("part", |p| p.nick());
    if !bootloader && !context.wish.from_app {
        let message = if app {
            "there is no bootloader: an app alone is an update, and a blank chip would not start it".to_owned()
        } else {
            "there is no bootloader: nothing would run".to_owned()
        };
        let file = Word::Blank(format!("AM32_{}_BOOTLOADER_<PIN>_V<N>.hex", layout.mcu));
        let it = lines::option(Role::Bootloader, file);
        let app_only =
            || Advice::from("; to look at the app only: ") + lines::with(context, &[Word::plain("--from-app")]);
        let app_only = if app { app_only() } else { Advice::default() };
        let advice = if let Some(named) = named_only(context, Role::Bootloader, |line| line(&it).into()) {
            named
        } else if layout.flash_code.is_some() {
            Advice::from("add it: ") + lines::with(context, &it) + app_only
        } else {
            Advice::from(format!("none is published for the {part}")) + app_only
        };
        findings.push(Finding::new(Id::BOOTLOADER_MISSING, message, advice).at(layout.base));
    }
    if !app {
        let message = format!("there is no app: the bootloader has nothing to start at 0x{:08X}", layout.app);
        let it = lines::option(Role::App, Word::Blank(format!("AM32_<TARGET>_{}_<VERSION>.hex", layout.mcu)));
        let advice = named_only(context, Role::App, |line| line(&it).into())
            .unwrap_or_else(|| Advice::from("add it: ") + lines::with(context, &it));
        findings.push(Finding::new(Id::APP_MISSING, message, advice).at(layout.app));
    }
    // A page at a wrong address is told by itself.
    if bootloader && !has(Role::Eeprom) && !context.wish.from_app {
        let message = format!(
            "nothing goes to the EEPROM page at 0x{:08X}: the bootloader reads FF there, expects 01, and never starts the app",
            layout.eeprom
        );
        let ends = |p: &&Piece| p.role == Role::Full && p.image.end() <= u64::from(layout.eeprom);
        let whole = context.pieces.iter().rev().find(ends).map_or(String::new(), |p| {
            format!("see that {} is whole, it ends at 0x{:08X}; or ", p.image.name, p.image.end().saturating_sub(1))
        });
        let named = named_only(context, Role::Eeprom, |line| lines::with_new_page(context, line));
        let add = || lines::with_new_page(context, |page| lines::with(context, page));
        let advice = named.unwrap_or_else(|| Advice::from(format!("{whole}make a page and add it: ")) + add())
            + lines::settings_source(context);
        findings.push(Finding::new(Id::EEPROM_MISSING, message, advice).at(layout.eeprom));
    }
}
