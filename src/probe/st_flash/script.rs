//! Files with st-flash lines: shell scripts as simple as those of wikis and forums.
//!
//! A line is `st-flash` with its arguments, `cd DIR`, `set -e` and the like, or a comment; `&&` and `;` join them. What needs
//! a shell is refused with its line: then `dryflash with -- sh FILE` runs the file itself.

use super::arguments::{self, Arguments, Parsed};
use super::{FAILED, Host, Outcome, StFlashError, Watch, run};
use crate::probe::stlink::StLink;
use std::iter::Peekable;
use std::str::Chars;

/// What a command of a script does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `st-flash ...`, by whatever path, with or without `sudo`.
    StFlash(Arguments),
    /// `st-flash --version`.
    Version,
    /// `cd DIR`.
    Folder(String),
    /// `set -e` (true), `set +e` (false).
    StopAtFailure(bool),
    /// `set` with nothing that matters here.
    Nothing,
}

/// A command of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The line that it begins on, from 1.
    pub line: usize,
    /// Its words, for people.
    pub text: String,
    /// What it does.
    pub step: Step,
    /// It is done only if the one before succeeded (`&&`).
    pub only_after_success: bool,
}

/// A script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Its commands, in their order.
    pub lines: Vec<Line>,
}

/// Why a script is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ScriptError {
    /// From 1.
    pub line: usize,
    /// What is wrong, and what to do.
    pub what: String,
}

const NEEDS_A_SHELL: &str = "write it out, or run the file itself: `dryflash with -- sh FILE`";

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// Something that needs a shell, another program, or arguments that st-flash does not take.
    pub fn parse(text: &str) -> Result<Script, ScriptError> {
        // Windows editors put a byte-order mark before the first line.
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let mut reader = Reader { rest: text.chars().peekable(), line: 1 };
        let mut script = Script::default();
        let mut after_and = None;
        while let Some(command) = reader.command()? {
            if command.words.is_empty() {
                // Nothing on the line; what follows an && may stand on a later one.
                if command.end == End::Line {
                    continue;
                }
                return Err(at(command.line, "there is nothing before the && or ;"));
            }
            let text = command.words.join(" ");
            let step = step(&command.words).map_err(|what| at(command.line, &what))?;
            let only_after_success = after_and.take().is_some();
            script.lines.push(Line { line: command.line, text, step, only_after_success });
            if command.end == End::And {
                after_and = Some(command.line);
            }
        }
        match after_and {
            Some(line) => Err(at(line, "there is nothing behind the &&")),
            None => Ok(script),
        }
    }
}

fn at(line: usize, what: &str) -> ScriptError {
    ScriptError { line, what: what.to_owned() }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The line, or the file.
    Line,
    Semicolon,
    And,
}

struct Words {
    line: usize,
    words: Vec<String>,
    end: End,
}

/// Splits text into commands and words as sh does, and refuses what sh would expand.
struct Reader<'a> {
    rest: Peekable<Chars<'a>>,
    line: usize,
}

impl Reader<'_> {
    /// The next command; none at the end of the file.
    fn command(&mut self) -> Result<Option<Words>, ScriptError> {
        if self.rest.peek().is_none() {
            return Ok(None);
        }
        let mut words = Vec::new();
        let mut first_line = None;
        loop {
            let end = match self.rest.peek().copied() {
                None => Some(End::Line),
                Some('\n') => {
                    self.advance();
                    Some(End::Line)
                }
                Some('#') => {
                    while self.rest.next_if(|c| *c != '\n').is_some() {}
                    continue;
                }
                Some(' ' | '\t' | '\r') => {
                    self.advance();
                    continue;
                }
                Some('\\') if self.is_continued() => continue,
                Some(';') => {
                    self.advance();
                    Some(End::Semicolon)
                }
                Some('&') => {
                    self.advance();
                    if self.rest.next_if_eq(&'&').is_none() {
                        return Err(self.refused("`&`, which starts something in the background, needs a shell"));
                    }
                    Some(End::And)
                }
                Some(_) => None,
            };
            if let Some(end) = end {
                // The line break that ends it is behind it.
                let ended = self.line - usize::from(end == End::Line && self.line > 1);
                return Ok(Some(Words { line: first_line.unwrap_or(ended), words, end }));
            }
            first_line.get_or_insert(self.line);
            words.push(self.word()?);
        }
    }

    fn advance(&mut self) -> Option<char> {
        let next = self.rest.next();
        self.line += usize::from(next == Some('\n'));
        next
    }

    /// Takes a backslash and the line break behind it; leaves any other backslash.
    fn is_continued(&mut self) -> bool {
        let mut ahead = self.rest.clone();
        ahead.next();
        ahead.next_if_eq(&'\r');
        if ahead.next() != Some('\n') {
            return false;
        }
        self.rest = ahead;
        self.line += 1;
        true
    }

    fn word(&mut self) -> Result<String, ScriptError> {
        let mut word = String::new();
        let mut begun = false;
        while let Some(c) = self.rest.peek().copied() {
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' => break,
                '\'' => self.quoted(&mut word)?,
                '"' => self.double_quoted(&mut word)?,
                '\\' if self.is_continued() => {}
                '\\' => {
                    self.advance();
                    word.extend(self.advance());
                }
                '$' | '`' => {
                    return Err(self.refused("a variable or a command in its place (`$` or a back-tick) needs a shell"));
                }
                '*' | '?' | '[' => {
                    return Err(self.refused(&format!("`{c}`, which stands for names of files, needs a shell")));
                }
                '|' | '<' | '>' | '(' | ')' => return Err(self.refused(&format!("`{c}` needs a shell"))),
                '~' if !begun => return Err(self.refused("`~`, which stands for a folder, needs a shell")),
                c => {
                    self.advance();
                    word.push(c);
                }
            }
            begun = true;
        }
        Ok(word)
    }

    fn quoted(&mut self, word: &mut String) -> Result<(), ScriptError> {
        self.advance();
        loop {
            match self.rest.peek() {
                Some('\'') => {
                    self.advance();
                    return Ok(());
                }
                None | Some('\n') => return Err(at(self.line, "the quote ' is not closed on its line")),
                Some(_) => word.extend(self.advance()),
            }
        }
    }

    fn double_quoted(&mut self, word: &mut String) -> Result<(), ScriptError> {
        self.advance();
        loop {
            match self.rest.peek().copied() {
                Some('"') => {
                    self.advance();
                    return Ok(());
                }
                None | Some('\n') => return Err(at(self.line, "the quote \" is not closed on its line")),
                Some('$' | '`') => {
                    return Err(self.refused("a variable or a command in its place (`$` or a back-tick) needs a shell"));
                }
                Some('\\') if self.is_continued() => {}
                Some('\\') => {
                    self.advance();
                    match self.rest.next_if(|c| matches!(c, '$' | '`' | '"' | '\\')) {
                        Some(c) => word.push(c),
                        None => word.push('\\'),
                    }
                }
                Some(_) => word.extend(self.advance()),
            }
        }
    }

    fn refused(&self, what: &str) -> ScriptError {
        at(self.line, &format!("{what}; {NEEDS_A_SHELL}"))
    }
}

/// What a command does.
fn step(words: &[String]) -> Result<Step, String> {
    let mut rest = words;
    if let [first, more @ ..] = rest
        && file_name(first) == "sudo"
    {
        rest = more;
        if rest.first().is_some_and(|w| w.starts_with('-')) {
            return Err(format!("sudo with options is not known here; leave them out, or {NEEDS_A_SHELL}"));
        }
    }
    let Some((program, arguments)) = rest.split_first() else {
        return Err("sudo has nothing to run".to_owned());
    };
    match (file_name(program), arguments) {
        ("st-flash" | "st-flash.exe", words) => match arguments::parse(words).map_err(|e| e.to_string())? {
            Parsed::Run(arguments) => Ok(Step::StFlash(arguments)),
            Parsed::Version => Ok(Step::Version),
        },
        ("cd", [folder]) => Ok(Step::Folder(folder.clone())),
        ("cd", _) => Err("`cd` wants one folder".to_owned()),
        ("set", flags) => set(flags),
        _ if is_assignment(program) => {
            Err(format!("`{program}` sets a variable, which needs a shell; {NEEDS_A_SHELL}"))
        }
        _ => Err(format!(
            "`{program}` is not st-flash: only st-flash, cd and set are carried out here. Take the line out, or run the \
             file itself: `dryflash with -- sh FILE`"
        )),
    }
}

fn file_name(program: &str) -> &str {
    program.rsplit(['/', '\\']).next().unwrap_or(program)
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=')
        .is_some_and(|(name, _)| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

/// The flags of `set`: -e is carried out, those that change nothing here are let pass.
fn set(flags: &[String]) -> Result<Step, String> {
    let mut stop = None;
    let mut flags = flags.iter();
    let unknown = |flag: &str| format!("`set {flag}` is not known here; {NEEDS_A_SHELL}");
    while let Some(flag) = flags.next() {
        let (on, letters) = match flag.strip_prefix('-') {
            Some(letters) => (true, letters),
            None => (false, flag.strip_prefix('+').ok_or_else(|| unknown(flag))?),
        };
        for letter in letters.chars() {
            match letter {
                'e' => stop = Some(on),
                'u' | 'x' | 'v' => {}
                'o' => match flags.next().map(String::as_str) {
                    Some("errexit") => stop = Some(on),
                    Some("nounset" | "pipefail" | "xtrace" | "verbose") => {}
                    other => return Err(unknown(&format!("{flag} {}", other.unwrap_or_default()))),
                },
                _ => return Err(unknown(flag)),
            }
        }
    }
    Ok(stop.map_or(Step::Nothing, Step::StopAtFailure))
}

/// What became of a command.
#[derive(Debug)]
pub enum Done {
    /// st-flash would have ended with 0.
    StFlash(Outcome),
    /// st-flash, or dryflash, failed.
    Failed(StFlashError),
    /// `cd` to where there is no folder.
    NoFolder(std::path::PathBuf),
    /// Nothing that leaves a trace.
    Quiet,
    /// It was not done, because the one before failed.
    Skipped,
}

impl Done {
    /// The exit code that a shell would see; none where it was not done.
    pub const fn exit_code(&self) -> Option<u8> {
        match self {
            Done::StFlash(_) | Done::Quiet => Some(0),
            Done::Failed(error) => Some(error.exit_code()),
            Done::NoFolder(_) => Some(2),
            Done::Skipped => None,
        }
    }
}

/// What became of a script.
#[derive(Debug, Default)]
pub struct ScriptOutcome {
    /// Of each command that was reached, in their order.
    pub done: Vec<Done>,
    /// What the script's shell would end with: the code of the last command that was done.
    pub exit_code: u8,
    /// A command failed, whatever came behind it.
    pub failed: bool,
}

/// Carries out a script at one probe: power stays on from line to line. As in a shell, a failure ends it only after
/// `set -e`.
pub fn run_script(probe: &mut StLink, script: &Script, host: &Host, watch: &mut dyn Watch) -> ScriptOutcome {
    let mut host = host.clone();
    let mut outcome = ScriptOutcome::default();
    let mut stop = false;
    for (index, line) in script.lines.iter().enumerate() {
        let done = if line.only_after_success && outcome.exit_code != 0 {
            Done::Skipped
        } else {
            watch.line(line);
            carry_out(probe, &line.step, &mut host, &mut stop, watch)
        };
        watch.done(line, &done);
        let code = done.exit_code();
        outcome.done.push(done);
        let Some(code) = code else { continue };
        outcome.exit_code = code;
        outcome.failed |= code != 0;
        // The parts of an && but the last one do not end a script.
        let is_last = script.lines.get(index + 1).is_none_or(|next| !next.only_after_success);
        if code != 0 && stop && is_last {
            break;
        }
    }
    outcome
}

fn carry_out(probe: &mut StLink, step: &Step, host: &mut Host, stop: &mut bool, watch: &mut dyn Watch) -> Done {
    match step {
        Step::StFlash(arguments) => match run(probe, arguments, host, watch) {
            Ok(outcome) => Done::StFlash(outcome),
            Err(error) => Done::Failed(error),
        },
        Step::Version => {
            watch.said(&format!("v{}", super::Version::V1_7.number()));
            Done::Quiet
        }
        Step::Folder(folder) => {
            let folder = host.folder.join(folder);
            if !folder.is_dir() {
                return Done::NoFolder(folder);
            }
            host.folder = folder;
            Done::Quiet
        }
        Step::StopAtFailure(on) => {
            *stop = *on;
            Done::Quiet
        }
        Step::Nothing => Done::Quiet,
    }
}

const _: () = assert!(FAILED == 255, "as a shell sees -1");

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<(usize, String)> {
        let script = Script::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        script.lines.into_iter().map(|l| (l.line, l.text)).collect()
    }

    fn refused(text: &str) -> String {
        match Script::parse(text) {
            Err(error) => error.to_string(),
            Ok(script) => panic!("{text}: {script:?}"),
        }
    }

    #[test]
    fn a_script_as_wikis_have_it() {
        let text = "#!/bin/sh\nset -e\n\n# the bootloader\nst-flash --format='binary' write PB4.bin 0x08000000\n\
                    sudo /usr/bin/st-flash --format=ihex \\\n  write \"my app.hex\"   # the app\ncd ../x\r\n\
                    st-flash erase && st-flash reset; st-flash --version\n";
        let told = lines(text);
        let expected = [
            (2, "set -e"),
            (5, "st-flash --format=binary write PB4.bin 0x08000000"),
            (6, "sudo /usr/bin/st-flash --format=ihex write my app.hex"),
            (8, "cd ../x"),
            (9, "st-flash erase"),
            (9, "st-flash reset"),
            (9, "st-flash --version"),
        ];
        assert_eq!(told, expected.map(|(line, text)| (line, text.to_owned())));
        let script = Script::parse(text).unwrap();
        assert_eq!(script.lines[0].step, Step::StopAtFailure(true));
        assert_eq!(script.lines[3].step, Step::Folder("../x".to_owned()));
        assert_eq!(script.lines[6].step, Step::Version);
        let after: Vec<bool> = script.lines.iter().map(|l| l.only_after_success).collect();
        assert_eq!(after, [false, false, false, false, false, true, false]);
        let Step::StFlash(hex) = &script.lines[2].step else { panic!() };
        assert_eq!(hex.command, arguments::Command::Write { file: "my app.hex".to_owned(), address: None });
    }

    #[test]
    fn words_are_split_as_sh_splits_them() {
        let file = |text: &str| match &Script::parse(text).unwrap().lines[0].step {
            Step::Folder(folder) => folder.clone(),
            other => panic!("{other:?}"),
        };
        let table = [
            (r"cd a\ b", "a b"),
            (r#"cd 'a$b'"c d"e"#, "a$bc de"),
            (r#"cd "a\"b\\c\d""#, r#"a"b\c\d"#),
            ("cd a#b", "a#b"),
            ("cd a~", "a~"),
            ("cd ''", ""),
            ("cd a\\\nb", "ab"),
        ];
        for (text, folder) in table {
            assert_eq!(file(text), folder, "{text}");
        }
    }

    #[test]
    fn an_and_may_go_on_in_the_next_line() {
        let script = Script::parse("st-flash erase &&\n\n  st-flash reset").unwrap();
        assert_eq!(script.lines.len(), 2);
        assert!(script.lines[1].only_after_success && script.lines[1].line == 3);
    }

    #[test]
    fn sets_that_matter_and_sets_that_do_not() {
        let steps = |text: &str| Script::parse(text).unwrap().lines[0].step.clone();
        assert_eq!(steps("set -euo pipefail"), Step::StopAtFailure(true));
        assert_eq!(steps("set +e"), Step::StopAtFailure(false));
        assert_eq!(steps("set -o errexit"), Step::StopAtFailure(true));
        assert_eq!(steps("set -x"), Step::Nothing);
        assert!(refused("set -f").starts_with("line 1: `set -f`"));
    }

    #[test]
    fn what_needs_a_shell_is_refused_with_its_line() {
        let table = [
            ("set -e\nst-flash write $FW 0x08000000", "line 2: a variable"),
            ("st-flash write \"$FW\" 0x08000000", "line 1: a variable"),
            ("FW=a.bin\n", "line 1: `FW=a.bin` sets a variable"),
            ("\n\nst-flash write *.bin 0x08000000", "line 3: `*`"),
            ("st-flash write ~/a.bin 0x08000000", "line 1: `~`"),
            ("st-flash erase > log", "line 1: `>` needs a shell"),
            ("st-flash erase | tee log", "line 1: `|` needs a shell"),
            ("st-flash erase || exit 1", "line 1: `|` needs a shell"),
            ("st-flash erase &", "line 1: `&`"),
            ("openocd -f x.cfg", "line 1: `openocd` is not st-flash"),
            ("for f in a b; do\nst-flash erase\ndone", "line 1: `for` is not st-flash"),
            ("sudo -u me st-flash erase", "line 1: sudo with options"),
            ("st-flash write a.bin", "line 1: `write` wants FILE ADDR"),
            ("# x\nst-flash \\\n write a.bin", "line 2: `write` wants FILE ADDR"),
            ("st-flash write 'a.bin 0x08000000\n", "line 1: the quote ' is not closed"),
            ("st-flash write \"a.bin 0x08000000", "line 1: the quote \" is not closed"),
            ("st-flash erase &&", "line 1: there is nothing behind the &&"),
            ("&& st-flash erase", "line 1: there is nothing before"),
            ("cd", "line 1: `cd` wants one folder"),
        ];
        for (text, told) in table {
            let error = refused(text);
            assert!(error.starts_with(told), "{text}: {error}");
        }
        assert!(refused("openocd").contains("dryflash with -- sh FILE"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(st-flash|sudo|cd|set|[-&;#'\"\\\\ \n\r$a-z=0-9é])*") {
            let _ = Script::parse(&text);
        }
    }
}
