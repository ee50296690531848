//! Words as a POSIX shell takes them, for lines that people copy.

use std::borrow::Cow;
use std::path::Path;

/// A word, quoted where it has to be.
pub fn word(text: &str) -> String {
    // zsh puts something in for a word that begins with `=`.
    let plain = |c: char| c.is_alphanumeric() || "/._-+=@:,%".contains(c);
    let plain = !text.is_empty() && !text.starts_with('=') && text.chars().all(plain);
    if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// A file as the word of a command: quoted where it has to be, and never taken for an option.
pub fn path(path: &Path) -> String {
    file(&path.to_string_lossy())
}

/// As [`path`], of a name, which may have an address behind it.
pub fn file(name: &str) -> String {
    if name.starts_with('-') { word(&format!("./{name}")) } else { word(name) }
}

/// A command line.
pub fn line<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(word).collect::<Vec<_>>().join(" ")
}

/// A text with its control characters written out (`\u{1b}`): a file's name may hold any.
pub fn plain(text: &str) -> Cow<'_, str> {
    written_out(text, obeyed)
}

/// As [`plain`], of lines: their ends stay, and tabs do.
pub fn lines(text: &str) -> Cow<'_, str> {
    written_out(text, |c| obeyed(c) && !matches!(c, '\n' | '\t'))
}

/// As [`lines`], but what colours (`\u{1b}[1m`) stays as well.
pub fn coloured(text: &str) -> Cow<'_, str> {
    let mut pieces = text.split('\u{1b}');
    let mut out = lines(pieces.next().unwrap_or_default()).into_owned();
    for piece in pieces {
        let end = piece.strip_prefix('[').and_then(|p| p.find(|c: char| !c.is_ascii_digit() && c != ';'));
        // The bracket is before it, and the letter behind.
        let colour = end.map(|end| end + 2).filter(|end| piece.get(..*end).is_some_and(|p| p.ends_with('m')));
        let (colour, rest) = piece.split_at(colour.unwrap_or(0));
        out.push_str(if colour.is_empty() { r"\u{1b}" } else { "\u{1b}" });
        out.push_str(colour);
        out.push_str(&lines(rest));
    }
    if out == text { Cow::Borrowed(text) } else { Cow::Owned(out) }
}

/// Whether a terminal or a browser would do something with it, such as to write from right to left (UAX 9), other than
/// to show it.
fn obeyed(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}')
}

fn written_out(text: &str, which: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&which) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if which(c) { c.escape_default().to_string() } else { c.into() }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_take_them_apart() {
        for (text, quoted) in [
            ("a/b-c_1.bin@0x08000000", "a/b-c_1.bin@0x08000000"),
            ("", "''"),
            ("two words", "'two words'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
        ] {
            assert_eq!(word(text), quoted);
        }
        assert_eq!(line(["program", "a b", "0x0"]), "program 'a b' 0x0");
        assert_eq!((file("-v.bin"), file("- a.bin@0x0")), ("./-v.bin".to_owned(), "'./- a.bin@0x0'".to_owned()));
        assert_eq!(path("a/-v.bin".as_ref()), "a/-v.bin");
    }

    #[test]
    fn names_cannot_play_with_the_terminal() {
        assert_eq!(plain("a b.bin"), "a b.bin");
        assert_eq!(plain("a\x1b[2Jb\n\u{9b}.bin"), "a\\u{1b}[2Jb\\n\\u{9b}.bin");
        assert_eq!(plain("nib\u{202e}.a"), "nib\\u{202e}.a");
        assert_eq!(lines("a\tb\n\r\x1bc"), "a\tb\n\\r\\u{1b}c");
    }

    #[test]
    fn only_what_colours_stays() {
        let own = "\x1b[1m\x1b[32mgood\x1b[0m\n";
        assert_eq!(coloured(own), own);
        for (text, told) in [
            ("\x1b[1mthe \x1b]0;pwn\x07", "\x1b[1mthe \\u{1b}]0;pwn\\u{7}"),
            ("\x1b[2J", "\\u{1b}[2J"),
            ("\x1b[1;", "\\u{1b}[1;"),
            ("\x1b", "\\u{1b}"),
            ("\x1b[\u{e9}m", "\\u{1b}[\u{e9}m"),
            ("\x1b\x1b[0m", "\\u{1b}\x1b[0m"),
        ] {
            assert_eq!(coloured(text), told);
        }
    }
}
