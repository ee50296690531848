//! st-flash's command line, without st-flash: the same ST-LINK commands, on a virtual chip.
//!
//! [`arguments::parse`] reads a command line, [`run`] carries it out, [`Script`] is a file with several. What goes over the
//! wire is what st-flash 1.7.0 sends, command by command, or 1.8.0 where that is asked for; only the code that writes
//! flash from SRAM on the F0 is dryflash's own. What st-flash does not say, a [`Note`] does. `docs/st-flash.md` has the rest.

pub mod arguments;
mod error;
mod flash;
mod flash_f0;
mod flash_g0;
mod ihex;
mod loader;
mod note;
mod options;
mod read;
mod script;
mod session;
mod write;

pub use arguments::{Arguments, Parsed, Version, parse};
pub use error::{FAILED, StFlashError};
pub use note::Note;
pub use script::{Done, Line, Script, ScriptError, ScriptOutcome, Step, run_script};

use super::recording::Exchange;
use super::stlink::StLink;
use crate::files;
use arguments::{Command, Format};
use session::Session;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// No image for these parts is larger.
const LONGEST_FILE: u64 = 16 << 20;

/// Sees what goes on.
pub trait Watch {
    /// A command has been carried out by the probe.
    fn exchange(&mut self, _exchange: &Exchange) {}

    /// Something is done, such as `erased 4 pages`.
    fn said(&mut self, _text: &str) {}

    /// Something that st-flash does not say.
    fn note(&mut self, _note: &Note) {}

    /// A command of a script begins.
    fn line(&mut self, _line: &Line) {}

    /// It has ended, or was left out.
    fn done(&mut self, _line: &Line, _done: &Done) {}
}

/// Nobody looks.
impl Watch for () {}

/// The files that st-flash's lines name.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// What relative paths begin at; empty for the process's own folder.
    pub folder: PathBuf,
    /// Whether `read` replaces a file that is there.
    pub force: bool,
    /// Files in use, which `read` never replaces: the state, the recording.
    pub kept: Vec<PathBuf>,
    /// Files whose names are not UTF-8, by what stands for them in the lines.
    pub names: Vec<(String, PathBuf)>,
}

impl Host {
    fn path(&self, file: &str) -> PathBuf {
        let named = self.names.iter().find(|(text, _)| text == file);
        self.folder.join(named.map_or(Path::new(file), |(_, path)| path))
    }

    fn load(&self, path: &Path) -> Result<Vec<u8>, StFlashError> {
        let trouble = |source| StFlashError::File { path: path.to_owned(), source };
        // A pipe would be waited for.
        let file = files::regular(path).and_then(|_| File::open(path)).map_err(trouble)?;
        let mut bytes = Vec::new();
        file.take(LONGEST_FILE + 1).read_to_end(&mut bytes).map_err(trouble)?;
        if bytes.len() as u64 > LONGEST_FILE {
            let bytes = std::fs::metadata(path).map_or(bytes.len() as u64, |m| m.len());
            return Err(StFlashError::TooLarge { path: path.to_owned(), bytes });
        }
        Ok(bytes)
    }

    fn may_write(&self, path: &Path) -> Result<(), StFlashError> {
        if self.kept.iter().any(|kept| files::same(kept, path)) {
            return Err(StFlashError::InUse(path.to_owned()));
        }
        match self.force || std::fs::symlink_metadata(path).is_err() {
            true => Ok(()),
            false => Err(StFlashError::Exists(path.to_owned())),
        }
    }

    fn save(&self, path: &Path, bytes: &[u8]) -> Result<(), StFlashError> {
        // A device or a pipe takes the bytes; a file is replaced whole.
        let stream = std::fs::metadata(path).is_ok_and(|m| !m.is_file());
        let made = match self.force {
            true if stream => File::create(path).and_then(|mut file| file.write_all(bytes)),
            true => files::replace(path, bytes),
            false => File::create_new(path).and_then(|mut file| file.write_all(bytes)),
        };
        made.map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => StFlashError::Exists(path.to_owned()),
            _ => StFlashError::Output { path: path.to_owned(), source },
        })
    }
}

/// What a line has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Pages erased for a write.
    pub erased_pages: u32,
    /// All of flash was erased.
    pub erased_all: bool,
    /// What was written: address and bytes of the file.
    pub written: Option<(u32, u32)>,
    /// It was read back, and was the same.
    pub verified: bool,
    /// The file that was read into, and its bytes of memory.
    pub read: Option<(PathBuf, u32)>,
    /// The word that `read` prints.
    pub printed: Option<u32>,
    /// The chip was reset at the end, or by `reset`.
    pub reset: bool,
    /// What st-flash does not say.
    pub notes: Vec<Note>,
}

/// Carries out a command line of st-flash on the chip at `probe`. Power stays on.
///
/// # Errors
/// What st-flash fails at, and a file to be made that is there already. What was done before stays done.
pub fn run(
    probe: &mut StLink,
    arguments: &Arguments,
    host: &Host,
    watch: &mut dyn Watch,
) -> Result<Outcome, StFlashError> {
    if let Command::Read { file, .. } | Command::ReadOptions { file, .. } = &arguments.command {
        host.may_write(&host.path(file))?;
    }
    let mut session = Session::connect(probe, arguments, host, watch)?;
    let result = session.carry_out();
    session.close(result.is_ok());
    result.map(|()| session.outcome)
}

impl Session<'_> {
    fn carry_out(&mut self) -> Result<(), StFlashError> {
        let arguments = self.arguments;
        match &arguments.command {
            Command::WriteWord(word, _) if arguments.format == Format::Ihex => {
                let what = format!("--format=ihex and --area={}: st-flash looks for a file, and fails", word.name());
                return Err(StFlashError::Unsupported(what));
            }
            Command::Write { file, address } => self.write_file(file, *address)?,
            Command::WriteWord(word, value) => self.write_word(*word, *value)?,
            Command::Read { file, address, size } => self.read_file(file, *address, *size)?,
            Command::ReadOptions { file, size } => self.read_options(file, *size)?,
            Command::ReadOtp => {
                let what =
                    "st-flash 1.8 knows of no OTP area of this part; `read FILE ADDR SIZE` reads whatever is there";
                return Err(StFlashError::Unsupported(what.to_owned()));
            }
            Command::Print(word) => self.print_word(*word)?,
            Command::Erase => {
                self.erase_all()?;
                self.reset_after_erase()?;
            }
            Command::EraseRange { address, size } => {
                self.erase_range(*address, *size)?;
                self.reset_after_erase()?;
            }
            Command::Reset => self.reset_and_say()?,
        }
        if arguments.reset {
            // st-flash does not ask what came of it.
            if let Err(error) = self.reset_and_say() {
                self.say(&error.to_string());
            }
        }
        Ok(())
    }

    /// Since 1.8 an erase ends with a reset.
    fn reset_after_erase(&mut self) -> Result<(), StFlashError> {
        if self.is_newer() { self.reset_and_say() } else { Ok(()) }
    }

    fn reset_and_say(&mut self) -> Result<(), StFlashError> {
        self.reset()?;
        self.outcome.reset = true;
        self.say("reset the chip");
        Ok(())
    }
}
