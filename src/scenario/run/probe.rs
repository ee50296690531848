//! Steps that go through the virtual ST-LINK. The chip moves to the probe, and back.

use super::actions::real;
use super::{Session, Trouble};
use crate::files::{self, Scratch};
use crate::probe::recording::Recording;
use crate::probe::replay::replay;
use crate::probe::st_flash::arguments::Command;
use crate::probe::st_flash::{self, Arguments, Host, Line, Note, Script, Watch};
use crate::probe::story::Story;
use crate::probe::{Model, StLink};
use crate::scenario::steps::{Replay, StFlash};
use std::ops::Range;
use std::path::PathBuf;

/// Divergences that are told one by one.
const TOLD: usize = 5;

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

impl Session<'_> {
    /// Lets a probe work on the chip, with power for as long as it needs.
    fn with_probe<R>(&mut self, span: &Range<usize>, work: impl FnOnce(&mut StLink) -> R) -> Result<R, Trouble> {
        let Some(mut chip) = self.chip.take() else { return Err(Trouble::step(span, "the scenario names no part")) };
        let was_on = chip.is_powered();
        if !was_on {
            chip.power_on();
        }
        let mut probe = StLink::new(chip, Model::default());
        let result = work(&mut probe);
        let broken = probe.target.take_broken();
        let mut chip = probe.target.chip;
        chip.set_debug(crate::chip::Debug::default());
        chip.stop_inside(&[]);
        if !was_on {
            chip.power_off(self.settings.seed);
            self.story.forget(Some(&chip));
        }
        self.chip = Some(chip);
        match broken {
            Some(text) => Err(Trouble::step(span, format!("dryflash failed: {text}"))),
            None => Ok(result),
        }
    }

    /// A line of st-flash. Files that it reads into live as long as the case.
    pub(super) fn st_flash(&mut self, step: &StFlash, span: &Range<usize>) -> Result<(), Trouble> {
        let place = real(&step.line.span, span);
        let mut arguments = match st_flash_line(&step.line.value) {
            Ok(arguments) => arguments,
            Err(text) => return self.outcome(Err(text), step.fails.as_ref(), &place),
        };
        let folder = self.scratch(&place)?;
        let (from, into) = files_of(&mut arguments);
        let mut name = String::from("st-flash");
        if let Some(file) = from {
            name = std::mem::replace(file, flat(file));
            let path = folder.join(&*file);
            if !path.exists() {
                let bytes = self.built.files.bytes(self.source, &self.settings.cache, &name, &place)?;
                std::fs::write(&path, bytes)
                    .map_err(|e| Trouble::step(&place, format!("{}: {}", path.display(), files::why(&e))))?;
            }
        }
        if let Some(file) = into {
            *file = flat(file);
        }
        let host = Host { folder, force: true, ..Host::default() };
        let (result, said) = self.with_probe(span, |probe| {
            let mut said = Said::default();
            let result = st_flash::run(probe, &arguments, &host, &mut said);
            (result, said.lines)
        })?;
        self.own_changed(&name);
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
        self.outcome(result, step.fails.as_ref(), &place)
    }

    /// A folder of the case's own.
    fn scratch(&mut self, span: &Range<usize>) -> Result<PathBuf, Trouble> {
        let folder = match self.scratch.take() {
            Some(folder) => folder,
            None => Scratch::inside(&std::env::temp_dir())
                .map_err(|e| Trouble::step(span, format!("no folder for files that are read: {}", files::why(&e))))?,
        };
        let path = folder.path().to_owned();
        self.scratch = Some(folder);
        Ok(path)
    }

    /// A recorded session.
    pub(super) fn replay(&mut self, step: &Replay, span: &Range<usize>) -> Result<(), Trouble> {
        let place = real(&step.file.span, span);
        let bytes = self.built.files.bytes(self.source, &self.settings.cache, &step.file.value, &place)?;
        let recording = match Recording::from_jsonl(&bytes) {
            Ok(recording) if recording.flaws.is_empty() => recording,
            Ok(recording) => {
                let flaw =
                    recording.flaws.first().map_or_else(String::new, |f| format!("line {}: {}", f.packet, f.what));
                return Err(Trouble::step(&place, format!("the recording is not whole: {flaw}")));
            }
            Err(error) => return Err(Trouble::step(&place, format!("{}: {error}", step.file.value))),
        };
        let strength = step.compare.strength();
        let (replayed, lines) = self.with_probe(span, |probe| {
            let mut story = Story::new(probe);
            let replayed = replay(probe, &recording, strength, &mut story);
            let lines: Vec<String> = story.lines().into_iter().map(|line| line.text).collect();
            (replayed, lines)
        })?;
        self.own_changed(&step.file.value);
        let mut text = lines.join("\n");
        for d in replayed.divergences.iter().take(TOLD) {
            text.push_str(&format!("\ncommand {}: recorded {}, replayed {}", d.command, d.recorded, d.replayed));
        }
        let more = replayed.divergences.len().saturating_sub(TOLD);
        if more > 0 {
            text.push_str(&format!("\nand {more} more replies differ"));
        }
        if replayed.ends_alike == Some(false) {
            text.push_str("\nflash holds something else than at the end of the recording");
        }
        let result = if replayed.is_faithful() { Ok(text) } else { Err(text) };
        self.outcome(result, step.fails.as_ref(), &place)
    }
}

/// A name without folders: a case has one folder for all.
pub fn flat(name: &str) -> String {
    name.replace(['/', '\\'], "_")
}
