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
    if !text.chars().any(char::is_control) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.into() }).collect())
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
    }
}
