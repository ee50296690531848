//! Files of the user's: read with a limit, replaced whole or not at all, never one for another.

use crate::leftovers::{self, Kind, Leftover};
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use tempfile::{NamedTempFile, TempDir};

/// The longest state, script or scenario that is read, in bytes; as for images.
pub const LONGEST: u64 = 16 << 20;
/// The longest recording, capture or report, in bytes. A whole G071 written by st-flash makes 10 MB.
pub const LONGEST_RECORDING: u64 = 256 << 20;

/// Links that are followed, as the kernel has it.
const LINKS: usize = 40;

/// A file or folder of the user's that could not be used: which, why, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {}", why(.cause), path = .path.display())]
pub struct FileError {
    /// Which.
    pub path: PathBuf,
    /// What the system said, or the functions here. No `source`: the text says it.
    pub cause: io::Error,
}

impl FileError {
    /// Of this file.
    pub fn new(path: &Path, cause: io::Error) -> FileError {
        FileError { path: path.to_owned(), cause }
    }
}

/// What the system says, in words that say what to do.
pub fn why(cause: &io::Error) -> String {
    use io::ErrorKind as Kind;
    let words = match cause.kind() {
        // Words of our own.
        _ if cause.get_ref().is_some() => return cause.to_string(),
        Kind::NotFound => "there is no such file or folder; check the name, and from which folder it is seen",
        Kind::PermissionDenied => "the system does not allow it; `ls -l` shows who may",
        Kind::IsADirectory => "it is a folder; name a file in it",
        Kind::NotADirectory => "something in that path is a file, not a folder; check the path",
        Kind::ReadOnlyFilesystem => "that disk may only be read; choose another place",
        Kind::StorageFull | Kind::QuotaExceeded => "the disk is full; make room, or choose another place",
        Kind::FileTooLarge => "files may not be so long there; raise the limit (`ulimit -f`), or choose another place",
        Kind::InvalidFilename => "the name is too long, or has something in it that the system does not take",
        _ => return cause.to_string(),
    };
    words.to_owned()
}

/// All of a file that is not longer than `limit` bytes.
///
/// # Errors
/// It cannot be read, or is longer.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        let what = format!("it has more than {} MB, and nothing that belongs here is so long", limit >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, what));
    }
    Ok(bytes)
}

/// As [`read`], as text.
///
/// # Errors
/// As [`read`], or it is not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    let not_text = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not text");
    String::from_utf8(read(path, limit)?).map_err(not_text)
}

/// Refuses what is no file with an end: devices, pipes, folders. Opening a pipe would wait for good.
///
/// # Errors
/// It is one, or cannot be looked at.
pub fn regular(path: &Path) -> io::Result<Metadata> {
    let meta = fs::metadata(path)?;
    if meta.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder; name a file in it"));
    }
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is a device or a pipe, not a file"));
    }
    Ok(meta)
}

/// What a path leads to behind links, though that may not be there yet.
///
/// # Errors
/// The links lead in a circle.
pub fn followed(path: &Path) -> io::Result<PathBuf> {
    if let Ok(there) = fs::canonicalize(path) {
        return Ok(there);
    }
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let Ok(target) = fs::read_link(&path) else { return Ok(path) };
        path = folder(&path).join(target);
    }
    Err(io::Error::other("the links lead in a circle"))
}

/// The folder that a path is in.
pub fn folder(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether two paths lead to one file, whether it is there yet or not.
pub fn same(a: &Path, b: &Path) -> bool {
    let place = |path: &Path| {
        let path = followed(path).unwrap_or_else(|_| path.to_owned());
        let name = path.file_name().map(ToOwned::to_owned);
        (fs::canonicalize(folder(&path)).unwrap_or_else(|_| folder(&path).to_owned()), name)
    };
    place(a) == place(b) || matches!((fs::metadata(a), fs::metadata(b)), (Ok(a), Ok(b)) if linked(&a, &b))
}

#[cfg(unix)]
fn linked(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    a.is_file() && (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn linked(_: &Metadata, _: &Metadata) -> bool {
    false
}

/// A new file that is to take another's place. It goes with the value, or with the process, where it does not come to that.
#[derive(Debug)]
pub struct Beside {
    // In this order: removed first, then noted no more.
    file: NamedTempFile,
    _noted: Leftover,
}

impl Beside {
    /// Takes the place of `path`, whole.
    ///
    /// # Errors
    /// It cannot be renamed.
    pub fn take_place_of(self, path: &Path) -> io::Result<()> {
        self.file.persist(path).map(drop).map_err(|e| e.error)
    }
}

impl Write for Beside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(bare)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(bare)
    }
}

impl Seek for Beside {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to).map_err(bare)
    }
}

/// A new file beside `path`, to take its place later. It may be read by those who may read the old one.
///
/// # Errors
/// The folder cannot be written.
pub fn beside(path: &Path) -> io::Result<Beside> {
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push(".");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".new");
    #[cfg(unix)]
    let builder = builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut list = leftovers::hold();
    let file = builder.tempfile_in(folder(path)).map_err(bare)?;
    let noted = list.note(file.path(), Kind::File);
    drop(list);
    if let Ok(old) = fs::metadata(path) {
        // Where the system has no such rights, the file is still the user's.
        let _ = file.as_file().set_permissions(old.permissions());
    }
    Ok(Beside { file, _noted: noted })
}

/// What the system said, without the name of a temporary file, which is nobody's business.
fn bare(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::Other => error,
        kind => kind.into(),
    }
}

/// A folder for what is needed meanwhile. It goes with the value, or with the process.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
    _noted: Leftover,
}

impl Scratch {
    /// A new folder in `place`.
    ///
    /// # Errors
    /// It cannot be made there.
    pub fn inside(place: &Path) -> io::Result<Scratch> {
        let mut list = leftovers::hold();
        let folder = tempfile::Builder::new().prefix("dryflash-").tempdir_in(place).map_err(bare)?;
        let noted = list.note(folder.path(), Kind::Folder);
        Ok(Scratch { folder, _noted: noted })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Replaces a file whole, or leaves it as it is. What is behind a link is replaced, not the link.
///
/// # Errors
/// It cannot be written, or is a device or a folder.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = followed(path)?;
    if path.exists() {
        regular(&path)?;
    }
    let mut file = beside(&path)?;
    file.write_all(bytes)?;
    file.file.as_file().sync_all()?;
    file.take_place_of(&path)
}

/// A path from the root of the file system, without `.` and `..`; links are as they are named.
///
/// # Errors
/// There is no current folder.
pub fn absolute(path: &Path) -> std::io::Result<PathBuf> {
    let mut out = PathBuf::new();
    for component in std::path::absolute(path)?.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    Ok(out)
}

/// The way from a folder to a file, with `..` where it has to go up; both absolute. `None` between two drives.
pub fn relative(from: &Path, to: &Path) -> Option<String> {
    let (a, b): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let same = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    if same == 0 {
        return None;
    }
    let up = std::iter::repeat_n("..".to_owned(), a.len() - same);
    let down = b[same..].iter().map(|c| c.as_os_str().to_string_lossy().into_owned());
    Some(up.chain(down).collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_past_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, [7; 10]).unwrap();
        assert_eq!(read(&path, 10).unwrap(), [7; 10]);
        assert_eq!(read(&path, 9).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_full_disk_is_told_without_the_name_of_a_temporary_file() {
        let full =
            io::Error::new(io::ErrorKind::StorageFull, "No space left on device (os error 28) at path \"/x/.a.new\"");
        assert_eq!(why(&bare(full)), "the disk is full; make room, or choose another place");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_to_what_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let (link, target) = (dir.path().join("link"), dir.path().join("target"));
        std::os::unix::fs::symlink("target", &link).unwrap();
        assert!(same(&link, &target));
        replace(&link, b"new").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let circle = dir.path().join("circle");
        std::os::unix::fs::symlink("circle", &circle).unwrap();
        assert!(replace(&circle, b"x").unwrap_err().to_string().contains("circle"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "nothing else is left");
    }

    #[cfg(unix)]
    #[test]
    fn two_names_of_one_file_are_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        fs::write(&a, "a").unwrap();
        fs::hard_link(&a, &b).unwrap();
        assert!(same(&a, &b) && same(&a, &dir.path().join("./a")) && !same(&a, &dir.path().join("c")));
    }
}
