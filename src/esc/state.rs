//! A virtual ESC in a file, between commands.

use super::kept::{Kept, KeptError};
use crate::chip::Chip;
use crate::files;
use crate::flash::NonVolatile;
use crate::leftovers::{self, Kind, Leftover};
use crate::part::{self, Part};
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const FORMAT: &str = "dryflash-state";
const VERSION: u32 = 1;

/// Why a state file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It could not be read or written.
    #[error("{path}: {what}: {}", files::why(.cause), path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What the system said. No `source`: those who print a chain of causes would print it twice.
        cause: io::Error,
    },
    /// The folder that it is to be in does not exist.
    #[error("{}: there is no folder {}; make it first", .path.display(), .folder.display())]
    NoFolder {
        /// The file.
        path: PathBuf,
        /// The folder.
        folder: PathBuf,
    },
    /// What happened to the ESC cannot be kept in it.
    #[error("{} may only be read, so what happened to this ESC is not kept; copy the file, and use the copy", .0.display())]
    ReadOnly(PathBuf),
    /// Another command is using it.
    #[error("{} is in use by another dryflash; wait for it to end", .0.display())]
    InUse(PathBuf),
    /// It is not a state file, or one of a newer dryflash.
    #[error("{}: {message}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// It holds another part.
    #[error("{} holds an {found}, not an {wanted}; use another --state file, or leave --part out", .path.display())]
    OtherPart {
        /// The file.
        path: PathBuf,
        /// The part it holds.
        found: String,
        /// The part wanted.
        wanted: String,
    },
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    format: String,
    version: u32,
    part: String,
    #[serde(rename = "lasting")]
    non_volatile: NonVolatile,
}

/// An opened state file, locked against other commands until dropped.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    /// As it was given: `path` is where a link leads.
    named: PathBuf,
    place: Place,
    held: Option<Kept>,
}

/// Where what is saved goes.
#[derive(Debug)]
enum Place {
    /// Into the file. The lock is beside it: the file itself is replaced by rename.
    File(#[allow(dead_code, reason = "held, not looked at")] Lock),
    /// Nowhere: the file may only be read.
    ReadOnly,
    /// Nowhere, as is wanted: it is kept in memory for as long as this lives.
    Memory,
}

impl StateFile {
    /// Opens and locks `path`; a file that does not exist yet is a blank chip, and is made by [`StateFile::save`]. One that
    /// may only be read is not locked, and [`StateFile::save`] fails where something has changed.
    ///
    /// # Errors
    /// It cannot be read, is in use, or is no state file.
    pub fn open(path: &Path) -> Result<StateFile, StateError> {
        let behind = files::followed(path).map_err(|cause| io(path, "cannot be found", cause))?;
        let (named, path) = (path.to_owned(), behind.as_path());
        if std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().readonly()) {
            return Ok(StateFile { path: path.to_owned(), named, place: Place::ReadOnly, held: held(path)? });
        }
        let place = match lock(path) {
            Ok(lock) => Place::File(lock),
            Err(StateError::Io { cause, .. })
                if path.is_file()
                    && matches!(cause.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) =>
            {
                Place::ReadOnly
            }
            Err(error) => return Err(error),
        };
        // From here on the lock file goes with it, whatever is wrong with the state.
        let mut state = StateFile { path: path.to_owned(), named, place, held: None };
        state.held = held(path)?;
        Ok(state)
    }

    /// What a state file holds, to go on from in memory: nothing is locked, nothing is written.
    ///
    /// # Errors
    /// It cannot be read, or is no state file.
    pub fn copy(path: &Path) -> Result<StateFile, StateError> {
        Ok(StateFile {
            path: path.to_owned(),
            named: path.to_owned(),
            place: Place::Memory,
            held: Some(parse(path, &text(path)?)?),
        })
    }

    /// Whether a file is one, or was meant as one: by its first words.
    pub fn is_one(path: &Path) -> bool {
        const HEAD: usize = 64;
        let mut head = Vec::new();
        let read = files::regular(path).and_then(|_| File::open(path));
        let read = read.and_then(|f| io::Read::read_to_end(&mut io::Read::take(f, HEAD as u64), &mut head));
        read.is_ok() && String::from_utf8_lossy(&head).contains(FORMAT)
    }

    /// Puts the state in a file into a chip of the same part, without a lock: nothing will be written back, and what is
    /// replaced by rename reads whole.
    ///
    /// # Errors
    /// It cannot be read, is no state file, or holds another part.
    pub fn install_copy(path: &Path, chip: &mut Chip) -> Result<(), StateError> {
        let kept = parse(path, &text(path)?)?;
        kept.install(chip).map_err(|error| told(path, error))
    }

    /// Whether what happens to the ESC cannot be kept, because the file may only be read.
    pub const fn is_read_only(&self) -> bool {
        matches!(self.place, Place::ReadOnly)
    }

    /// The file, as it was given; empty where there is none.
    pub fn named(&self) -> &Path {
        &self.named
    }

    /// The file; empty where there is none.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds; none where it is new.
    pub const fn kept(&self) -> Option<&Kept> {
        self.held.as_ref()
    }

    /// The part it holds; none where it is new.
    pub fn part(&self) -> Option<&Arc<Part>> {
        self.held.as_ref().map(|kept| &kept.part)
    }

    /// What is wrong with what it holds, as an error of this file.
    pub fn told(&self, error: KeptError) -> StateError {
        told(&self.path, error)
    }

    /// Puts the state into a chip of the same part. A new file leaves the chip blank.
    ///
    /// # Errors
    /// It holds another part, or something that the part does not have.
    pub fn install(&self, chip: &mut Chip) -> Result<(), StateError> {
        self.held.as_ref().map_or(Ok(()), |kept| kept.install(chip)).map_err(|error| self.told(error))
    }

    /// Writes what outlives power-off of `chip`.
    ///
    /// # Errors
    /// As [`StateFile::keep`].
    pub fn save(&mut self, chip: &Chip) -> Result<(), StateError> {
        self.keep(Kept::of(chip))
    }

    /// Writes what outlives power-off, by rename, so that a cut-off write leaves the old state. What has not changed is
    /// not written.
    ///
    /// # Errors
    /// The file or its neighbour cannot be written.
    pub fn keep(&mut self, kept: Kept) -> Result<(), StateError> {
        if self.held.as_ref() == Some(&kept) {
            return Ok(());
        }
        match self.place {
            Place::Memory => {
                self.held = Some(kept);
                return Ok(());
            }
            Place::ReadOnly => return Err(StateError::ReadOnly(self.path.clone())),
            Place::File(_) => {}
        }
        let Kept { part, non_volatile } = kept;
        let contents = Contents { format: FORMAT.to_owned(), version: VERSION, part: part.name.clone(), non_volatile };
        let text = serde_json::to_string(&contents)
            .map_err(|e| StateError::Malformed { path: self.path.clone(), message: e.to_string() })?;
        files::replace(&self.path, text.as_bytes()).map_err(|cause| io(&self.path, "cannot be written", cause))?;
        self.held = Some(Kept { part, non_volatile: contents.non_volatile });
        Ok(())
    }
}

/// Held until dropped.
#[derive(Debug)]
struct Lock {
    noted: Option<Leftover>,
    _file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while still locked; elsewhere than on Unix an open file cannot be, and stays.
        if let Some(noted) = self.noted.take().filter(|_| cfg!(unix)) {
            leftovers::hold().remove(noted);
        }
    }
}

fn io(path: &Path, what: &'static str, cause: io::Error) -> StateError {
    StateError::Io { path: path.to_owned(), what, cause }
}

fn lock_of(path: &Path) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".lock");
    PathBuf::from(beside)
}

fn lock(path: &Path) -> Result<Lock, StateError> {
    let beside = lock_of(path);
    loop {
        let mut list = leftovers::hold();
        let lock = File::options().create(true).truncate(false).write(true).open(&beside);
        let lock = lock.map_err(|cause| match cause.kind() {
            ErrorKind::NotFound => {
                StateError::NoFolder { path: path.to_owned(), folder: files::folder(path).to_owned() }
            }
            _ => io(path, "cannot be locked", cause),
        })?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::InUse(path.to_owned())),
            Err(TryLockError::Error(cause)) => return Err(io(path, "cannot be locked", cause)),
        }
        // Whoever held it before may have removed it meanwhile: then it guards nothing.
        if same_file(&lock, &beside) {
            let noted = list.note(&beside, Kind::Lock);
            return Ok(Lock { noted: Some(noted), _file: lock });
        }
    }
}

fn text(path: &Path) -> Result<String, StateError> {
    let text = files::regular(path).and_then(|_| files::read_text(path, files::LONGEST));
    text.map_err(|cause| io(path, "cannot be read", cause))
}

/// What is in the file; nothing where there is none.
fn held(path: &Path) -> Result<Option<Kept>, StateError> {
    match text(path) {
        Err(StateError::Io { cause, .. }) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
        Ok(text) => parse(path, &text).map(Some),
    }
}

fn told(path: &Path, error: KeptError) -> StateError {
    let path = path.to_owned();
    match error {
        KeptError::OtherPart { found, wanted } => StateError::OtherPart { path, found, wanted },
        KeptError::Malformed(error) => StateError::Malformed { path, message: error.to_string() },
    }
}

#[cfg(unix)]
fn same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let inode = |m: std::fs::Metadata| (m.dev(), m.ino());
    matches!((file.metadata().map(inode), std::fs::metadata(path).map(inode)), (Ok(a), Ok(b)) if a == b)
}

#[cfg(not(unix))]
fn same_file(_: &File, _: &Path) -> bool {
    true
}

fn parse(path: &Path, text: &str) -> Result<Kept, StateError> {
    let malformed = |message: String| StateError::Malformed { path: path.to_owned(), message };
    let contents: Contents = serde_json::from_str(text).map_err(|e| {
        malformed(format!("is no state of a virtual ESC ({e}); give the name of a new file to begin one"))
    })?;
    if contents.format != FORMAT || contents.version != VERSION {
        return Err(malformed(format!(
            "is of format {} version {}, and this dryflash knows {FORMAT} version {VERSION}",
            contents.format, contents.version
        )));
    }
    let part = part::find(&contents.part).map_err(|e| malformed(e.to_string()))?;
    Ok(Kept { part, non_volatile: contents.non_volatile })
}
