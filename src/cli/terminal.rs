//! What the terminal and the environment ask for: colour, columns, silence.

use crate::report::columns::{NARROWEST, WIDEST};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, Ordering};
use terminal_size::{Width, terminal_size};

/// The environment, as a function, so that a test can have one of its own.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Whether to colour, where nothing was said on the command line.
///
/// NO_COLOR (no-color.org) and CLICOLOR (bixense.com/clicolors) count where they are not empty; FORCE_COLOR as Node.js and
/// others have it. Whoever forbids wins.
pub fn colour(terminal: bool, env: Env) -> bool {
    let set = |name: &str| env(name).filter(|v| !v.is_empty());
    let off = |value: &OsString| value == "0" || value == "false";
    if set("NO_COLOR").is_some() {
        return false;
    }
    if let Some(force) = set("FORCE_COLOR") {
        return !off(&force);
    }
    if set("CLICOLOR_FORCE").is_some_and(|v| !off(&v)) {
        return true;
    }
    terminal && !set("CLICOLOR").is_some_and(|v| off(&v)) && !dumb(env)
}

/// A terminal that knows no escape sequences.
fn dumb(env: Env) -> bool {
    env("TERM").is_some_and(|term| term == "dumb")
}

/// Whether what is drawn may have characters beyond ASCII: whether the locale is one of UTF-8 (POSIX 8.2: the first of these
/// variables that is set and not empty counts).
pub fn draws(env: Env) -> bool {
    let set = |name| env(name).filter(|v| !v.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default();
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// Columns, where something says how many: COLUMNS, or the terminal that standard output is.
pub fn columns(terminal: Option<usize>, env: Env) -> Option<usize> {
    let said = env("COLUMNS").and_then(|v| v.into_string().ok()?.trim().parse::<usize>().ok()).filter(|n| *n > 0);
    said.or(terminal).map(|columns| columns.clamp(NARROWEST, WIDEST))
}

/// The columns of the terminal that standard output is, where it is one.
pub fn own_columns() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    terminal_size().map(|(Width(columns), _)| usize::from(columns)).filter(|n| *n > 0)
}

/// The process's environment.
pub fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on, only errors.
pub fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Whether notes are not wanted.
pub fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Whether progress can be shown on standard error: a line that is written over.
pub fn shows_progress() -> bool {
    !is_quiet() && std::io::stderr().is_terminal() && !dumb(&environment)
}

/// What brings the cursor to the beginning of a line, on a terminal where something else has left it anywhere.
pub fn fresh_line() -> String {
    from_anywhere(own_columns(), &environment)
}

/// Blanks reach into the next line from anywhere but the first column.
fn from_anywhere(terminal: Option<usize>, env: Env) -> String {
    match terminal {
        Some(columns) if !dumb(env) => format!("{}\r\x1b[K", " ".repeat(columns)),
        Some(_) => "\n".to_owned(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<OsString> {
        move |name| pairs.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value))
    }

    #[test]
    fn colour_is_as_terminal_and_environment_say() {
        for (pairs, on_terminal, elsewhere) in [
            (&[][..], true, false),
            (&[("TERM", "xterm")], true, false),
            (&[("TERM", "dumb")], false, false),
            (&[("NO_COLOR", "1")], false, false),
            (&[("NO_COLOR", "")], true, false),
            (&[("CLICOLOR", "0")], false, false),
            (&[("CLICOLOR", "1")], true, false),
            (&[("CLICOLOR_FORCE", "1")], true, true),
            (&[("CLICOLOR_FORCE", "0")], true, false),
            (&[("FORCE_COLOR", "1")], true, true),
            (&[("FORCE_COLOR", "0")], false, false),
            (&[("FORCE_COLOR", "3"), ("TERM", "dumb")], true, true),
            (&[("FORCE_COLOR", "1"), ("NO_COLOR", "1")], false, false),
            (&[("CLICOLOR_FORCE", "1"), ("CLICOLOR", "0")], true, true),
        ] {
            let env = with(pairs);
            assert_eq!((colour(true, &env), colour(false, &env)), (on_terminal, elsewhere), "{pairs:?}");
        }
    }

    #[test]
    fn only_a_locale_of_utf_8_draws_with_more_than_ascii() {
        for (pairs, draws_) in [
            (&[][..], false),
            (&[("LANG", "C.UTF-8")], true),
            (&[("LANG", "de_DE.utf8")], true),
            (&[("LANG", "de_DE.ISO-8859-1")], false),
            (&[("LC_ALL", "C"), ("LANG", "C.UTF-8")], false),
            (&[("LC_ALL", ""), ("LC_CTYPE", "C.UTF-8"), ("LANG", "C")], true),
        ] {
            assert_eq!(draws(&with(pairs)), draws_, "{pairs:?}");
        }
    }

    #[test]
    fn columns_are_those_that_are_said() {
        for (pairs, terminal, columns_) in [
            (&[][..], None, None),
            (&[], Some(80), Some(80)),
            (&[], Some(20), Some(NARROWEST)),
            (&[], Some(300), Some(WIDEST)),
            (&[("COLUMNS", "57")], Some(80), Some(57)),
            (&[("COLUMNS", "57")], None, Some(57)),
            (&[("COLUMNS", "0")], None, None),
            (&[("COLUMNS", "wide")], Some(80), Some(80)),
        ] {
            assert_eq!(columns(terminal, &with(pairs)), columns_, "{pairs:?} {terminal:?}");
        }
    }

    /// Where a line begins on a terminal of so many columns, after the cursor stood in column `at` of row 0.
    fn lands(text: &str, columns: usize, at: usize) -> (usize, usize) {
        let (mut row, mut column) = (0, at);
        let text = text.replace("\x1b[K", "");
        for c in text.chars() {
            match c {
                '\r' => column = 0,
                '\n' => (row, column) = (row + 1, 0),
                // A terminal goes to the next line only when something is to be written there.
                _ if column == columns => (row, column) = (row + 1, 1),
                _ => column += 1,
            }
        }
        (row, column)
    }

    #[test]
    fn a_report_begins_on_a_line_of_its_own() {
        let text = from_anywhere(Some(80), &with(&[("TERM", "xterm")]));
        for (at, row) in [(0, 0), (1, 1), (2, 1), (30, 1), (79, 1), (80, 1)] {
            assert_eq!(lands(&text, 80, at), (row, 0), "from column {at}");
        }
        assert_eq!(from_anywhere(Some(80), &with(&[("TERM", "dumb")])), "\n");
        assert_eq!(from_anywhere(None, &with(&[])), "");
    }
}
