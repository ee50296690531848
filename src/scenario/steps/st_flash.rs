//! `st_flash`: a line of st-flash, carried out as st-flash does.

use crate::files::{self, Scratch};
use crate::probe::st_flash::arguments::Command;
use crate::probe::st_flash::{self, Arguments, Host, Line, Note, Script, Watch};
use crate::scenario::error::ScenarioError;
use crate::scenario::look::Look;
use crate::scenario::run::{Session, Trouble, Troubles, real};
use crate::scenario::scalar::At;
use crate::scenario::short::Short;
use crate::scenario::step::{Fact, Gives, Step};
use schemars::JsonSchema;
use serde::Deserialize;
use std::ops::Range;
use std::path::PathBuf;

/// A line of st-flash.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StFlash {
    /// What would stand behind `st-flash`.
    pub line: At<String>,
    /// It has to fail, with this text in what it prints.
    #[serde(default)]
    pub fails: Option<At<String>>,
}

impl Short for StFlash {
    fn from_text(text: &str) -> Result<StFlash, String> {
        Ok(StFlash { line: At { value: text.to_owned(), span: 0..0 }, fails: None })
    }
}

impl Step for StFlash {
    fn gives(&self) -> Gives {
        let into = st_flash_line(&self.line.value).ok().and_then(|mut a| files_of(&mut a).1.map(|file| flat(file)));
        Gives { adds: &[Fact::Words], dumps: into.into_iter().collect(), ..Gives::default() }
    }

    fn fails(&self) -> Option<&At<String>> {
        self.fails.as_ref()
    }

    fn look(&self, look: &Look<'_>, span: &Range<usize>) -> Result<(), ScenarioError> {
        let place = if self.line.span.is_empty() { span } else { &self.line.span };
        let mut arguments = match st_flash_line(&self.line.value) {
            Ok(arguments) => arguments,
            // A line that st-flash does not take may be what is tried.
            Err(_) if self.fails.is_some() => return Ok(()),
            Err(text) => return Err(look.flaw(place, text)),
        };
        match files_of(&mut arguments).0 {
            Some(file) if !look.dumps.contains(&flat(file)) => look.named(file, place),
            _ => Ok(()),
        }
    }

    fn run(&self, session: &mut Session<'_>, span: &Range<usize>) -> Result<(), Troubles> {
        let place = real(&self.line.span, span);
        let mut arguments = match st_flash_line(&self.line.value) {
            Ok(arguments) => arguments,
            Err(text) => return session.outcome(Err(text), self.fails.as_ref(), &place),
        };
        let folder = scratch(session, &place)?;
        let (from, into) = files_of(&mut arguments);
        let mut name = String::from("st-flash");
        if let Some(file) = from {
            name = std::mem::replace(file, flat(file));
            let path = folder.join(&*file);
            if !path.exists() {
                let bytes = session.setup.files.bytes(session.source, &session.settings.cache, &name, &place)?;
                std::fs::write(&path, bytes)
                    .map_err(|e| Trouble::step(&place, format!("{}: {}", path.display(), files::why(&e))))?;
            }
        }
        if let Some(file) = into {
            *file = flat(file);
        }
        let host = Host { folder, force: true, ..Host::default() };
        let (result, said) = session.with_probe(span, |probe| {
            let mut said = Said::default();
            let result = st_flash::run(probe, &arguments, &host, &mut said);
            (result, said.lines)
        })?;
        session.own_changed(&name);
        let mut lines = said;
        let result = match result {
            Ok(outcome) => {
                lines.extend(outcome.printed.map(|word| format!("{word:08x}")));
                Ok(lines.join("\n"))
            }
            Err(error) => {
                // The folder of the case is nobody's business.
                let text = error.to_string().replace(&format!("{}/", host.folder.display()), "");
                lines.push(text);
                Err(lines.join("\n"))
            }
        };
        session.outcome(result, self.fails.as_ref(), &place)
    }
}

/// What a line of st-flash says, beside what it does.
#[derive(Default)]
struct Said {
    lines: Vec<String>,
}

impl Watch for Said {
    fn said(&mut self, text: &str) {
        self.lines.push(text.to_owned());
    }

    fn note(&mut self, note: &Note) {
        self.lines.push(format!("note: {note}"));
    }
}

/// A folder of the case's own.
fn scratch(session: &mut Session<'_>, span: &Range<usize>) -> Result<PathBuf, Trouble> {
    let folder = match session.scratch.take() {
        Some(folder) => folder,
        None => Scratch::inside(&std::env::temp_dir())
            .map_err(|e| Trouble::step(span, format!("no folder for files that are read: {}", files::why(&e))))?,
    };
    let path = folder.path().to_owned();
    session.scratch = Some(folder);
    Ok(path)
}

/// Reads a line of st-flash, with or without the word itself.
///
/// # Errors
/// What st-flash would not take, or more than one command.
pub fn st_flash_line(line: &str) -> Result<Arguments, String> {
    let line = line.trim();
    let whole =
        if line.split_whitespace().next() == Some("st-flash") { line.to_owned() } else { format!("st-flash {line}") };
    let script = Script::parse(&whole).map_err(|e| e.what)?;
    match script.lines.as_slice() {
        [Line { step: st_flash::Step::StFlash(arguments), .. }] => Ok(arguments.clone()),
        [_] => Err("this does nothing to a chip".to_owned()),
        _ => Err("a step is one command of st-flash; put a [[step]] for each".to_owned()),
    }
}

/// The file that a line writes from, and the one that it reads into.
pub fn files_of(arguments: &mut Arguments) -> (Option<&mut String>, Option<&mut String>) {
    match &mut arguments.command {
        Command::Write { file, .. } => (Some(file), None),
        Command::Read { file, .. } | Command::ReadOptions { file, .. } => (None, Some(file)),
        Command::ReadOtp
        | Command::Print(_)
        | Command::WriteWord(..)
        | Command::Erase
        | Command::EraseRange { .. }
        | Command::Reset => (None, None),
    }
}

/// A name without folders: a case has one folder for all.
pub fn flat(name: &str) -> String {
    name.replace(['/', '\\'], "_")
}
