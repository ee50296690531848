//! The command line that an advice names: the one that was given, with what is to change.

use super::piece::{Piece, PlacedBy};
use super::roles::{Evidence, Role};
use super::rules::Context;
use crate::shell;

/// A file's name as a shell takes it for one word.
pub(super) fn quote(name: &str) -> String {
    shell::file(name)
}

/// How a piece was given: role, name and address.
pub(super) fn argument(piece: &Piece) -> String {
    match piece.placed_by {
        PlacedBy::User => argument_at(piece, piece.image.start()),
        PlacedBy::File | PlacedBy::Role => with_option(piece, quote(&piece.image.name)),
    }
}

/// A piece as it was given, but for the address.
pub(super) fn argument_at(piece: &Piece, address: u32) -> String {
    with_option(piece, format!("{}@{address:#010X}", quote(&piece.image.name)))
}

fn with_option(piece: &Piece, text: String) -> String {
    match piece.evidence {
        Evidence::Given => format!("{} {text}", piece.role.option()),
        _ => text,
    }
}

/// `dryflash check` with every piece as `edit` writes it, none to leave it out, and `more` at the end.
pub(super) fn check(context: &Context, edit: impl Fn(&Piece) -> Option<String>, more: &str) -> String {
    let mut words = vec!["dryflash check".to_owned()];
    if let Some(part) = &context.wish.part {
        words.push(format!("--part {}", part.nick()));
    }
    if let Some(state) = &context.wish.state {
        words.push(format!("--state {}", shell::file(state)));
    }
    words.extend(context.pieces.iter().filter_map(edit));
    if !more.is_empty() {
        words.push(more.to_owned());
    }
    format!("`{}`", words.join(" "))
}

/// Where a page of settings is to be had, in a parenthesis.
pub(super) fn settings_source(context: &Context) -> String {
    let layout = context.layout;
    format!(
        "(the file is in AM32's web configurator; or read the page of a working ESC: \
         st-flash read eeprom.bin {:#010X} {:#X})",
        layout.eeprom, layout.page
    )
}

/// As it was given, and `more`.
pub(super) fn with(context: &Context, more: &str) -> String {
    check(context, |piece| Some(argument(piece)), more)
}

/// As it was given, with `text` for `role` in place of the files that have it.
pub(super) fn with_role(context: &Context, role: Role, text: &str) -> String {
    check(context, |piece| (piece.role != role).then(|| argument(piece)), text)
}

/// As it was given, but `changed` written as `text`.
pub(super) fn replacing(context: &Context, changed: &Piece, text: &str) -> String {
    let edit = |piece: &Piece| Some(if std::ptr::eq(piece, changed) { text.to_owned() } else { argument(piece) });
    check(context, edit, "")
}

/// As it was given, without `piece`, and `more`.
pub(super) fn without(context: &Context, left_out: &Piece, more: &str) -> String {
    check(context, |piece| (!std::ptr::eq(piece, left_out)).then(|| argument(piece)), more)
}
