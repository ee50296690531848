//! A virtual ESC in a file, between commands: flash, wear, programmed marks, option bytes.

use crate::chip::Chip;
use crate::flash::{FactoryError, Lasting};
use crate::part::{self, Part};
use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const FORMAT: &str = "dryflash-state";
const VERSION: u32 = 1;

/// Why a state file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// It could not be read or written.
    #[error("{path}: {what}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
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
    #[error("{} holds a {found}, not a {wanted}; use another --state file, or leave --part out", .path.display())]
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
    lasting: Lasting,
}

/// An opened state file, locked against other commands until dropped.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    /// Beside the file: the file itself is replaced by rename.
    _lock: File,
    held: Option<(Arc<Part>, Lasting)>,
}

impl StateFile {
    /// Opens and locks `path`; a file that does not exist yet is a blank chip, and is made by [`StateFile::save`].
    ///
    /// # Errors
    /// It cannot be read, is in use, or is no state file.
    pub fn open(path: &Path) -> Result<StateFile, StateError> {
        let behind = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let path = behind.as_path();
        let io = |what| move |source| StateError::Io { path: path.to_owned(), what, source };
        let mut beside = path.as_os_str().to_owned();
        beside.push(".lock");
        let lock = loop {
            let lock = File::options().create(true).truncate(false).write(true).open(&beside);
            let lock = lock.map_err(io("cannot be locked"))?;
            match lock.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(StateError::InUse(path.to_owned())),
                Err(TryLockError::Error(source)) => return Err(io("cannot be locked")(source)),
            }
            // Whoever held it before may have removed it meanwhile: then it guards nothing.
            if same_file(&lock, Path::new(&beside)) {
                break lock;
            }
        };
        // From here on the lock file goes with it, whatever is wrong with the state.
        let mut state = StateFile { path: path.to_owned(), _lock: lock, held: None };
        match File::open(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(io("cannot be read")(e)),
            Ok(mut file) => {
                let mut text = String::new();
                file.read_to_string(&mut text).map_err(io("cannot be read"))?;
                state.held = Some(parse(path, &text)?);
            }
        }
        Ok(state)
    }

    /// Puts the state in a file into a chip of the same part, without a lock: nothing will be written back, and what is
    /// replaced by rename reads whole.
    ///
    /// # Errors
    /// It cannot be read, is no state file, or holds another part.
    pub fn install_copy(path: &Path, chip: &mut Chip) -> Result<(), StateError> {
        let text = std::fs::read_to_string(path).map_err(|source| StateError::Io {
            path: path.to_owned(),
            what: "cannot be read",
            source,
        })?;
        install(path, &parse(path, &text)?, chip)
    }

    /// The part it holds; none where it is new.
    pub fn part(&self) -> Option<&Arc<Part>> {
        self.held.as_ref().map(|(part, _)| part)
    }

    /// Puts the state into a chip of the same part. A new file leaves the chip blank.
    ///
    /// # Errors
    /// It holds another part, or something that the part does not have.
    pub fn install(&self, chip: &mut Chip) -> Result<(), StateError> {
        self.held.as_ref().map_or(Ok(()), |held| install(&self.path, held, chip))
    }

    /// Writes what outlives power-off of `chip`.
    ///
    /// # Errors
    /// As [`StateFile::save_lasting`].
    pub fn save(&mut self, chip: &Chip) -> Result<(), StateError> {
        self.save_lasting(chip.part(), chip.board.flash.lasting())
    }

    /// Writes what outlives power-off, by rename, so that a cut-off write leaves the old state.
    ///
    /// # Errors
    /// The file or its neighbour cannot be written.
    pub fn save_lasting(&mut self, part: &Arc<Part>, lasting: Lasting) -> Result<(), StateError> {
        let contents = Contents { format: FORMAT.to_owned(), version: VERSION, part: part.name.clone(), lasting };
        let path = &self.path;
        let io = |what| move |source| StateError::Io { path: path.clone(), what, source };
        let text = serde_json::to_string(&contents)
            .map_err(|e| StateError::Malformed { path: self.path.clone(), message: e.to_string() })?;
        let mut beside = self.path.as_os_str().to_owned();
        // A name that nobody else uses; what is behind a link is replaced, not the link.
        beside.push(format!(".{}.new", std::process::id()));
        let mut file = File::create_new(&beside).map_err(io("cannot be written"))?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io("cannot be written"))?;
        drop(file);
        std::fs::rename(&beside, &self.path).map_err(io("cannot be replaced"))?;
        self.held = Some((Arc::clone(part), contents.lasting));
        Ok(())
    }
}

impl Drop for StateFile {
    fn drop(&mut self) {
        // Removed while still locked; elsewhere than on Unix an open file cannot be, and stays.
        if cfg!(unix) {
            let mut beside = self.path.as_os_str().to_owned();
            beside.push(".lock");
            // A lock is empty: whatever else has that name is somebody's file.
            if std::fs::metadata(&beside).is_ok_and(|m| m.len() == 0) {
                let _ = std::fs::remove_file(beside);
            }
        }
    }
}

fn install(path: &Path, (part, lasting): &(Arc<Part>, Lasting), chip: &mut Chip) -> Result<(), StateError> {
    if part.name != chip.part().name {
        return Err(StateError::OtherPart {
            path: path.to_owned(),
            found: part.name.clone(),
            wanted: chip.part().name.clone(),
        });
    }
    let malformed = |e: FactoryError| StateError::Malformed { path: path.to_owned(), message: e.to_string() };
    chip.board.flash.install(lasting).map_err(malformed)
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

fn parse(path: &Path, text: &str) -> Result<(Arc<Part>, Lasting), StateError> {
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
    Ok((part, contents.lasting))
}
