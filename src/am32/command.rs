//! A command line as data: its words, of which some are files, and some are to be filled in by whoever types it.

use crate::shell;
use std::fmt;

/// A command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    words: Vec<Word>,
}

/// A word of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// The program, a verb, an option, a value.
    Plain(String),
    /// A file, with the address behind it where it is given one. Never taken for an option.
    File {
        /// Its name, as the user gave it.
        name: String,
        /// Where it goes.
        at: Option<u32>,
    },
    /// A file's name of which parts in angle brackets are to be filled in: `AM32_<TARGET>_F051_<VERSION>.hex`.
    Blank(String),
}

impl Word {
    /// A plain word.
    pub fn plain(text: impl Into<String>) -> Word {
        Word::Plain(text.into())
    }

    /// A file.
    pub fn file(name: impl Into<String>) -> Word {
        Word::File { name: name.into(), at: None }
    }

    /// As the program gets it, without a shell's quotes.
    pub fn argument(&self) -> String {
        match self {
            Word::Plain(text) | Word::Blank(text) => text.clone(),
            Word::File { name, at } => {
                let at = at.map_or_else(String::new, |at| format!("@0x{at:08X}"));
                format!("{}{name}{at}", if name.starts_with('-') { "./" } else { "" })
            }
        }
    }
}

/// As it is typed: quoted where a shell would take it apart.
impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Word::Plain(text) => f.write_str(&shell::word(text)),
            Word::File { name, at } => {
                f.write_str(&shell::file(name))?;
                at.map_or(Ok(()), |at| write!(f, "@0x{at:08X}"))
            }
            Word::Blank(text) => f.write_str(text),
        }
    }
}

impl Command {
    /// A command of so many words, the program first.
    pub fn new(words: impl IntoIterator<Item = Word>) -> Command {
        Command { words: words.into_iter().collect() }
    }

    /// dryflash with these plain words.
    pub fn dryflash<'a>(words: impl IntoIterator<Item = &'a str>) -> Command {
        Command::new(["dryflash"].into_iter().chain(words).map(Word::plain))
    }

    /// Its words, the program first.
    pub fn words(&self) -> &[Word] {
        &self.words
    }

    /// The words as the program gets them, the program's name first.
    pub fn arguments(&self) -> Vec<String> {
        self.words.iter().map(Word::argument).collect()
    }
}

/// The line as it is typed.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, word) in self.words.iter().enumerate() {
            write!(f, "{}{word}", if n > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_typed_and_given() {
        let at = Word::File { name: "-my app.bin".to_owned(), at: Some(0x0800_1000) };
        let command = Command::new([
            Word::plain("dryflash"),
            Word::plain("check"),
            at,
            Word::plain("--eeprom"),
            Word::file("it's.bin"),
            Word::Blank("AM32_<TARGET>.hex".to_owned()),
        ]);
        assert_eq!(
            command.to_string(),
            r"dryflash check './-my app.bin'@0x08001000 --eeprom 'it'\''s.bin' AM32_<TARGET>.hex"
        );
        assert_eq!(
            command.arguments(),
            ["dryflash", "check", "./-my app.bin@0x08001000", "--eeprom", "it's.bin", "AM32_<TARGET>.hex"]
        );
        assert_eq!(Command::dryflash(["parts", "--unknowns"]).to_string(), "dryflash parts --unknowns");
    }
}
