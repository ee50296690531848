//! Snapshots in the file format of insta, so that `cargo insta review` works on them.

use super::outcome::Snapshot;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Snapshots of scenarios begin so: others may lie in the same folder.
const PREFIX: &str = "scenario__";

/// What becomes of a snapshot that is missing or differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A missing one is written; beside one that differs, the new one is put as `.snap.new`.
    Usual,
    /// Nothing is written: a missing one is a failure. For CI.
    Strict,
    /// Both are written.
    Update,
}

/// Where snapshots are.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Given on the command line; else `snapshots`, beside the folder that the scenario lies in.
    pub given: Option<PathBuf>,
    /// What becomes of them.
    pub mode: Mode,
}

/// Why a snapshot could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", .path.display())]
pub struct SnapshotError {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    pub reason: std::io::Error,
}

impl Folder {
    /// The folder for a scenario.
    pub fn of(&self, scenario: &Path) -> PathBuf {
        if let Some(folder) = &self.given {
            return folder.clone();
        }
        let here = scenario.parent().unwrap_or(Path::new(""));
        match here.parent() {
            // `run app.toml` in the folder itself.
            None => PathBuf::from("../snapshots"),
            Some(_) if here.ends_with("..") || here.ends_with(".") => here.join("../snapshots"),
            Some(parent) => parent.join("snapshots"),
        }
    }

    /// The file for a case.
    pub fn file(&self, scenario: &Path, id: &str) -> PathBuf {
        self.of(scenario).join(format!("{}.snap", file_stem(id)))
    }

    /// Holds the content against the snapshot's file.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn compare(&self, scenario: &Path, source: &str, id: &str, content: &str) -> Result<Snapshot, SnapshotError> {
        let path = self.file(scenario, id);
        let content = content.trim_end();
        let text = format!("---\nsource: {}\nexpression: {}\n---\n{content}\n", quoted(source), quoted(id));
        let pending = path.with_extension("snap.new");
        let old = match std::fs::read_to_string(&path) {
            Ok(old) => Some(old.replace("\r\n", "\n")),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(reason) => return Err(SnapshotError { path, reason }),
        };
        let Some(old) = old else {
            if self.mode == Mode::Strict {
                return Ok(Snapshot::Missing);
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

    /// Snapshots in the folders of these scenarios that belong to none of these cases. `stems` are the scenarios that
    /// were loaded; with `whole` a snapshot of any other scenario is stale, too.
    pub fn stale<'a>(&self, cases: impl IntoIterator<Item = (&'a Path, &'a str, &'a str)>, whole: bool) -> Vec<String> {
        let mut folders = BTreeSet::new();
        let mut wanted = BTreeSet::new();
        let mut stems = BTreeSet::new();
        for (scenario, stem, id) in cases {
            let file = self.file(scenario, id);
            folders.insert(self.of(scenario));
            wanted.insert(file);
            stems.insert(file_stem(stem));
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
                if !wanted.contains(&path) && (whole || stems.iter().any(of)) {
                    stale.push(path.to_string_lossy().replace('\\', "/"));
                }
            }
        }
        stale.sort();
        stale
    }
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
        let scenario = Path::new("scenarios/a.toml");
        let mut now = |mode, text: &str| {
            folder.mode = mode;
            folder.compare(scenario, "scenarios/a.toml", "a/F051", text).unwrap()
        };
        let file = dir.path().join("snapshots/scenario__a__F051.snap");
        let pending = file.with_extension("snap.new");
        assert_eq!(now(Mode::Strict, "one\ntwo\n"), Snapshot::Missing);
        assert!(!file.exists());
        assert_eq!(now(Mode::Usual, "one\ntwo\n"), Snapshot::Written);
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
        let (dir, folder) = folder(Mode::Usual);
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
        let names = |whole| -> Vec<String> {
            let cases = [(Path::new("scenarios/a.toml"), "a", "a/F031")];
            let stale = folder.stale(cases, whole);
            stale.iter().map(|s| s.rsplit('/').next().unwrap().to_owned()).collect()
        };
        assert_eq!(names(false), ["scenario__a.snap"]);
        assert_eq!(names(true), ["scenario__a.snap", "scenario__ab.snap"]);
    }

    #[test]
    fn folders() {
        let folder = Folder { given: None, mode: Mode::Usual };
        for (scenario, expected) in [
            ("scenarios/a.toml", "snapshots"),
            ("/x/scenarios/a.toml", "/x/snapshots"),
            ("a.toml", "../snapshots"),
            ("../a.toml", "../../snapshots"),
        ] {
            assert_eq!(folder.of(Path::new(scenario)), Path::new(expected), "{scenario}");
        }
    }
}
