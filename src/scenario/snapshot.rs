//! Snapshots in the file format of insta, so that `cargo insta review` works on them.

use super::outcome::Snapshot;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Snapshots of scenarios begin so: others may lie in the same folder.
const PREFIX: &str = "scenario__";

/// What becomes of a snapshot that is missing or differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Nothing is accepted: what is new is put as `.snap.new` beside the old one, if there is one. For people.
    Usual,
    /// Nothing is written at all. For CI.
    Strict,
    /// Both are written.
    Update,
}

/// Where snapshots are.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Given on the command line; else `snapshots`, beside the scenarios' root ([`super::find::Found::snapshots`]).
    pub given: Option<PathBuf>,
    /// What becomes of them.
    pub mode: Mode,
}

/// Why a snapshot could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", .path.display(), crate::files::why(.reason))]
pub struct SnapshotError {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub reason: std::io::Error,
}

impl Folder {
    /// The folder for a scenario with this usual one.
    pub fn of(&self, usual: &Path) -> PathBuf {
        self.given.clone().unwrap_or_else(|| usual.to_owned())
    }

    /// The file for a case.
    pub fn file(&self, usual: &Path, id: &str) -> PathBuf {
        self.of(usual).join(format!("{}.snap", file_stem(id)))
    }

    /// Holds the content against the snapshot's file. `usual` is the scenario's usual folder, `source` what names it.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn compare(&self, usual: &Path, source: &str, id: &str, content: &str) -> Result<Snapshot, SnapshotError> {
        let path = self.file(usual, id);
        let content = content.trim_end();
        let text = format!("---\nsource: {}\nexpression: {}\n---\n{content}\n", quoted(source), quoted(id));
        let pending = path.with_extension("snap.new");
        let old = match std::fs::read_to_string(&path) {
            Ok(old) => Some(old.replace("\r\n", "\n")),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(reason) => return Err(SnapshotError { path, reason }),
        };
        let Some(old) = old else {
            match self.mode {
                Mode::Strict => return Ok(Snapshot::Missing),
                Mode::Usual => {
                    write(&pending, &text)?;
                    return Ok(Snapshot::Missing);
                }
                Mode::Update => {}
            }
            write(&path, &text)?;
            remove(&pending)?;
            return Ok(Snapshot::Written);
        };
        if body(&old).trim_end() == content {
            if self.mode != Mode::Strict {
                remove(&pending)?;
            }
            return Ok(Snapshot::Same);
        }
        match self.mode {
            Mode::Update => {
                write(&path, &text)?;
                remove(&pending)?;
                return Ok(Snapshot::Written);
            }
            Mode::Usual => write(&pending, &text)?,
            Mode::Strict => {}
        }
        Ok(Snapshot::Differs { diff: diff(body(&old).trim_end(), content) })
    }

    /// Snapshots in the folders of these cases that belong to none of them: those of the scenarios that were loaded,
    /// and of any other scenario under a root all of which was loaded.
    pub fn stale<'a>(&self, cases: impl IntoIterator<Item = Taker<'a>>) -> Vec<String> {
        let mut folders = BTreeSet::new();
        let mut wanted = BTreeSet::new();
        let mut stems = BTreeSet::new();
        let mut whole = BTreeSet::new();
        for case in cases {
            folders.insert(self.of(case.usual));
            wanted.insert(self.file(case.usual, case.id));
            stems.insert(file_stem(case.stem));
            let root = case.label.split_once('/').map(|(root, _)| format!("{root}/"));
            whole.extend(root.filter(|_| case.whole));
        }
        let mut stale = Vec::new();
        for folder in folders {
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            for path in entries.filter_map(|e| e.ok().map(|e| e.path())) {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let Some(rest) = name.strip_prefix(PREFIX).and_then(|n| n.strip_suffix(".snap")) else { continue };
                let of = |stem: &String| {
                    let stem = stem.strip_prefix(PREFIX).unwrap_or(stem);
                    rest == stem || rest.strip_prefix(stem).is_some_and(|r| r.starts_with("__"))
                };
                let below = || source_of(&path).is_none_or(|source| whole.iter().any(|root| source.starts_with(root)));
                if !wanted.contains(&path) && (stems.iter().any(of) || !whole.is_empty() && below()) {
                    stale.push(path.to_string_lossy().replace('\\', "/"));
                }
            }
        }
        stale.sort();
        stale
    }
}

/// A case that takes a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct Taker<'a> {
    /// Its scenario's usual folder of snapshots.
    pub usual: &'a Path,
    /// Its scenario's name.
    pub stem: &'a str,
    /// Its scenario's root and path, as snapshots name it.
    pub label: &'a str,
    /// Its name.
    pub id: &'a str,
    /// All scenarios of its root were loaded.
    pub whole: bool,
}

/// The scenario that a snapshot says it is of.
fn source_of(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.strip_prefix("---\n")?.lines().next()?.strip_prefix("source: ")?.to_owned();
    Some(line.trim_matches('"').to_owned())
}

/// The name of a case's file, without extension.
fn file_stem(id: &str) -> String {
    format!("{PREFIX}{}", id.replace('/', "__"))
}

/// The content behind insta's header.
fn body(text: &str) -> &str {
    let Some(rest) = text.strip_prefix("---\n") else { return text };
    match rest.split_once("\n---\n") {
        Some((_, body)) => body,
        None => text,
    }
}

/// A YAML scalar.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    if starts && text.chars().all(plain) { text.to_owned() } else { format!("{text:?}") }
}

/// A unified diff, old to new.
fn diff(old: &str, new: &str) -> String {
    let (old, new) = (format!("{old}\n"), format!("{new}\n"));
    let patch = diffy::DiffOptions::new().set_context_len(2).create_patch(&old, &new).to_string();
    // The first two lines name files that do not exist.
    patch.lines().skip(2).map(|line| format!("{line}\n")).collect()
}

/// By rename, so that a cut-off write leaves the old one.
fn write(path: &Path, text: &str) -> Result<(), SnapshotError> {
    let failed = |reason| SnapshotError { path: path.to_owned(), reason };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    crate::files::replace(path, text.as_bytes()).map_err(failed)
}

fn remove(path: &Path) -> Result<(), SnapshotError> {
    match std::fs::remove_file(path) {
        Err(reason) if reason.kind() != std::io::ErrorKind::NotFound => {
            Err(SnapshotError { path: path.to_owned(), reason })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(mode: Mode) -> (tempfile::TempDir, Folder) {
        let dir = tempfile::tempdir().unwrap();
        let given = Some(dir.path().join("snapshots"));
        (dir, Folder { given, mode })
    }

    #[test]
    fn a_life_of_a_snapshot() {
        let (dir, mut folder) = folder(Mode::Strict);
        let scenario = Path::new("unused");
        let mut now = |mode, text: &str| {
            folder.mode = mode;
            folder.compare(scenario, "scenarios/a.toml", "a/F051", text).unwrap()
        };
        let file = dir.path().join("snapshots/scenario__a__F051.snap");
        let pending = file.with_extension("snap.new");
        assert_eq!(now(Mode::Strict, "one\ntwo\n"), Snapshot::Missing);
        assert!(!file.exists());
        assert_eq!(now(Mode::Usual, "one\ntwo\n"), Snapshot::Missing, "nothing is accepted unseen");
        assert!(!file.exists() && pending.exists());
        assert_eq!(now(Mode::Update, "one\ntwo\n"), Snapshot::Written);
        assert!(!pending.exists());
        assert_eq!(now(Mode::Strict, "one\ntwo"), Snapshot::Same);
        let Snapshot::Differs { diff } = now(Mode::Usual, "one\nTWO") else { panic!("it differs") };
        assert!(diff.contains("-two\n+TWO\n") && !diff.contains("---"), "{diff}");
        assert!(pending.exists());
        assert_eq!(now(Mode::Usual, "one\ntwo"), Snapshot::Same);
        assert!(!pending.exists(), "what is as it was needs no review");
        assert_eq!(now(Mode::Update, "one\nTWO"), Snapshot::Written);
        assert_eq!(
            std::fs::read_to_string(&file).unwrap(),
            "---\nsource: scenarios/a.toml\nexpression: a/F051\n---\none\nTWO\n"
        );
    }

    /// What insta itself takes for the same.
    #[test]
    fn insta_reads_what_is_written() {
        let (dir, folder) = folder(Mode::Update);
        let content = "about: a\n\n---\nflash\n  0x08000000  x\n";
        folder.compare(Path::new("scenarios/a.toml"), "scenarios/a.toml", "a/F051", content).unwrap();
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(dir.path().join("snapshots"));
        settings.set_prepend_module_to_snapshot(false);
        settings.bind(|| insta::assert_snapshot!("scenario__a__F051", content));
    }

    #[test]
    fn stale_ones_are_named() {
        let (dir, folder) = folder(Mode::Usual);
        let snapshots = dir.path().join("snapshots");
        std::fs::create_dir(&snapshots).unwrap();
        for name in
            ["scenario__a.snap", "scenario__a__F031.snap", "scenario__ab.snap", "check_a.snap", "scenario__a.snap.new"]
        {
            std::fs::write(snapshots.join(name), "").unwrap();
        }
        std::fs::write(snapshots.join("scenario__x.snap"), "---\nsource: others/x.toml\n").unwrap();
        let names = |whole| -> Vec<String> {
            let label = "scenarios/a.toml";
            let stale = folder.stale([Taker { usual: Path::new(""), stem: "a", label, id: "a/F031", whole }]);
            stale.iter().map(|s| s.rsplit('/').next().unwrap().to_owned()).collect()
        };
        assert_eq!(names(false), ["scenario__a.snap"]);
        assert_eq!(names(true), ["scenario__a.snap", "scenario__ab.snap"]);
    }
}
