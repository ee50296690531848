//! The command line that an advice names: the one that was given, with what is to change.

use super::Context;
use crate::am32::advice::{Advice, Span};
use crate::am32::command::{Command, Word};
use crate::am32::layout::Layout;
use crate::am32::names::Firmware;
use crate::am32::piece::{Piece, PlacedBy};
use crate::am32::roles::{Evidence, Role};
use crate::part;
use std::path::Path;

/// A piece as a file, with its address where that was given.
fn file(piece: &Piece) -> Word {
    let at = (piece.placed_by == PlacedBy::User).then(|| piece.image.start());
    Word::File { name: piece.image.name.to_string(), at }
}

/// How a piece was given: role, name and address.
pub(in crate::am32) fn argument(piece: &Piece) -> Vec<Word> {
    with_option(piece, file(piece))
}

/// A piece as it was given, but for the address.
pub(super) fn argument_at(piece: &Piece, address: u32) -> Vec<Word> {
    with_option(piece, Word::File { name: piece.image.name.to_string(), at: Some(address) })
}

fn with_option(piece: &Piece, word: Word) -> Vec<Word> {
    match piece.evidence {
        Evidence::Given => vec![Word::plain(piece.role.option()), word],
        _ => vec![word],
    }
}

/// A piece as it was given, but with this role.
pub(super) fn as_role(role: Role, piece: &Piece) -> Vec<Word> {
    option(role, file(piece))
}

/// A file with its role.
pub(super) fn option(role: Role, file: Word) -> Vec<Word> {
    vec![Word::plain(role.option()), file]
}

/// `dryflash check` with every piece as `edit` writes it, none to leave it out, and `more` at the end.
pub(super) fn check(context: &Context, edit: impl Fn(&Piece) -> Option<Vec<Word>>, more: &[Word]) -> Command {
    let part = context.wish.part.as_ref().map(|part| part.nick());
    for_part(context, part, edit, more)
}

/// As it was given, but on this part.
pub(super) fn on_part(context: &Context, part: &str) -> Command {
    for_part(context, Some(part), |piece| Some(argument(piece)), &[])
}

fn for_part(
    context: &Context,
    part: Option<&str>,
    edit: impl Fn(&Piece) -> Option<Vec<Word>>,
    more: &[Word],
) -> Command {
    let mut words = ["dryflash", "check"].map(Word::plain).to_vec();
    if let Some(part) = part {
        words.extend(["--part", part].map(Word::plain));
    }
    if let Some(state) = &context.wish.state {
        words.extend([Word::plain("--state"), Word::file(state)]);
    }
    words.extend(context.pieces.iter().filter_map(edit).flatten());
    words.extend_from_slice(more);
    Command::new(words)
}

/// What a page of settings is called that is made by the way.
pub(super) const NEW_PAGE: &str = "eeprom.bin";

/// Makes a page of settings for `part`, such as `firmware` would write.
pub(super) fn new_page(part: Word, firmware: Option<Firmware>, file: &str) -> Command {
    let version = firmware.map(|f| f.to_string());
    let words = ["dryflash", "eeprom", "new", "--part"].map(Word::plain).into_iter().chain([part]);
    let firmware = version.iter().flat_map(|v| ["--firmware", v].map(Word::plain));
    Command::new(words.chain(firmware).chain([Word::plain("-o"), Word::file(file)]))
}

/// Makes a page of settings for the part that has this layout; none where dryflash has none.
pub(in crate::am32) fn new_page_of(layout: &Layout, firmware: Option<Firmware>) -> Option<Command> {
    let part = part::all().iter().find(|part| Layout::of(part) == Some(layout))?;
    Some(new_page(Word::plain(part.nick()), firmware, NEW_PAGE))
}

/// The command that makes a page of settings, and `check` with it, by `line`: what is to be given instead or as well.
pub(super) fn with_new_page(context: &Context, line: impl FnOnce(&[Word]) -> Command) -> Advice {
    // Not under the name of a file that is there.
    let taken = context.pieces.iter().any(|p| Path::new(&*p.image.name).ends_with(NEW_PAGE));
    let file = if taken { "eeprom_new.bin" } else { NEW_PAGE };
    let firmware = context.bringing(Role::App).and_then(|app| app.info.firmware());
    let part = context.part.map_or(context.layout.name, |part| part.nick());
    Advice::from(new_page(Word::plain(part), firmware, file))
        + ", then "
        + line(&option(Role::Eeprom, Word::file(file)))
}

/// Where else a page of settings is to be had, in a parenthesis behind what was said.
pub(super) fn settings_source(context: &Context) -> Advice {
    let layout = context.layout;
    let (address, length) = (format!("0x{:08X}", layout.eeprom), format!("{:#X}", layout.page));
    let read = ["st-flash", "read", "eeprom.bin", &address, &length].map(Word::plain);
    Advice::from(" (or read the page of a working ESC: ") + Span::Aside(Command::new(read)) + ")"
}

/// As it was given, and `more`.
pub(super) fn with(context: &Context, more: &[Word]) -> Command {
    check(context, |piece| Some(argument(piece)), more)
}

/// As it was given, with `words` for `role` in place of the files that have it.
pub(super) fn with_role(context: &Context, role: Role, words: &[Word]) -> Command {
    check(context, |piece| (piece.role != role).then(|| argument(piece)), words)
}

/// As it was given, but `changed` written as `words`.
pub(super) fn replacing(context: &Context, changed: &Piece, words: &[Word]) -> Command {
    let edit = |piece: &Piece| Some(if std::ptr::eq(piece, changed) { words.to_vec() } else { argument(piece) });
    check(context, edit, &[])
}

/// As it was given, without `piece`, and `more`.
pub(super) fn without(context: &Context, left_out: &Piece, more: &[Word]) -> Command {
    check(context, |piece| (!std::ptr::eq(piece, left_out)).then(|| argument(piece)), more)
}
