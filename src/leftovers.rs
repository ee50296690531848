//! What must not stay where a signal ends the process: locks, files on the way to their place, temporary folders.
//!
//! Destructors remove them else. Each is made and noted under one lock, so that whoever ends the process misses none.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How something is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A file that has nothing in it: whatever else has a lock's name is somebody's.
    Lock,
    /// A folder, with all that is in it.
    Folder,
}

impl Kind {
    fn remove(self, path: &Path) {
        // What is gone already is no trouble, and what cannot be removed has to stay.
        let _ = match self {
            Kind::Lock if !std::fs::metadata(path).is_ok_and(|m| m.len() == 0) => Ok(()),
            Kind::File | Kind::Lock => std::fs::remove_file(path),
            Kind::Folder => std::fs::remove_dir_all(path),
        };
    }
}

struct Noted {
    number: u64,
    path: PathBuf,
    kind: Kind,
}

#[derive(Default)]
struct List {
    last: u64,
    noted: Vec<Noted>,
}

static LIST: Mutex<List> = Mutex::new(List { last: 0, noted: Vec::new() });

/// The list, locked: nobody ends the process in between.
pub struct Held(MutexGuard<'static, List>);

/// Locks the list.
pub fn hold() -> Held {
    Held(LIST.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Held {
    /// Notes what was just made. It is forgotten with the value.
    pub fn note(&mut self, path: &Path, kind: Kind) -> Leftover {
        self.0.last += 1;
        let number = self.0.last;
        // From another folder, a relative path would lead elsewhere.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        self.0.noted.push(Noted { number, path, kind });
        Leftover { number, forgotten: false }
    }

    /// Removes something, which is noted no more.
    pub fn remove(&mut self, mut leftover: Leftover) {
        leftover.forgotten = true;
        if let Some(at) = self.0.noted.iter().position(|n| n.number == leftover.number) {
            let noted = self.0.noted.swap_remove(at);
            noted.kind.remove(&noted.path);
        }
    }

    /// Removes all of it. Who holds the list until the end of the process keeps others from making more.
    #[cfg(feature = "cli")]
    pub fn remove_all(&mut self) {
        for noted in self.0.noted.drain(..) {
            noted.kind.remove(&noted.path);
        }
    }
}

/// Something that is removed where a signal ends the process before this is dropped.
#[derive(Debug)]
pub struct Leftover {
    number: u64,
    forgotten: bool,
}

impl Drop for Leftover {
    fn drop(&mut self) {
        if !self.forgotten {
            hold().0.noted.retain(|n| n.number != self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_noted_and_meant_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let make = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let (lock, file, kept) = (make("lock", ""), make("file", "x"), make("kept", ""));
        let other = make("a file of somebody's", "x");
        let mut list = hold();
        let marks = [(&lock, Kind::Lock), (&file, Kind::File), (&kept, Kind::File), (&other, Kind::Lock)];
        let [lock_mark, file_mark, kept_mark, other_mark] = marks.map(|(path, kind)| list.note(path, kind));
        list.remove(lock_mark);
        list.remove(other_mark);
        drop(list);
        drop(kept_mark);
        assert!(!lock.exists() && file.exists() && other.exists());
        hold().remove(file_mark);
        assert!(!file.exists() && kept.exists());
    }
}
