//! Scenario files: which are some, what they are called, and where their snapshots belong, however a folder is spelled.
//!
//! A scenario's *root* is the nearest folder called `scenarios` above it; without one, the folder that it lies in. Its
//! name is its path below the root without `.toml`, and snapshots lie in `snapshots` beside the root. So `run .`,
//! `run scenarios`, `run scenarios/a.toml` and `run /the/whole/path` give the same names.

use super::error::ScenarioError;
use crate::files::{absolute, relative};
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// The folder that is a root by its name, and that `run` looks for where no path is given.
pub const FOLDER: &str = "scenarios";
/// The largest scenario that is read, in bytes.
pub const MAX_SIZE: u64 = 1 << 20;

/// A scenario's file and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The file, as short as it can be named from the current folder.
    pub path: PathBuf,
    /// Its path below the root, without `.toml`, with `/` between folders.
    pub stem: String,
    /// The root's name and the path below it, as snapshots name their source.
    pub label: String,
    /// The root, absolute.
    pub root: PathBuf,
    /// The folder of its snapshots, beside the root, named as `path` is.
    pub snapshots: PathBuf,
}

/// The scenarios of a path. A file that is named is one, whatever it holds; in folders those are taken that hold what
/// a scenario does. Hidden folders, folders with `CACHEDIR.TAG` and other file systems are left out.
///
/// # Errors
/// A path that cannot be read, or a folder that holds none.
pub fn find(path: &Path) -> Result<Vec<Found>, ScenarioError> {
    let unreadable = |reason| ScenarioError::Unreadable { path: path.to_owned(), reason };
    let meta = std::fs::metadata(path).map_err(unreadable)?;
    if !meta.is_dir() {
        return Ok(vec![found(path).map_err(unreadable)?]);
    }
    let mut files = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        let unreadable = |reason| ScenarioError::Unreadable { path: folder.clone(), reason };
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let here = entry.path();
            // A link to a folder could lead in a circle.
            if entry.file_type().map_err(unreadable)?.is_dir() {
                if is_walked(&here, &meta) {
                    folders.push(here);
                }
            } else if here.extension().is_some_and(|e| e == "toml") && is_scenario(&here) {
                files.push(found(&here).map_err(unreadable)?);
            }
        }
    }
    if files.is_empty() {
        let text = format!("{} holds no scenario: no *.toml with a [[step]]", path.display());
        return Err(ScenarioError::Usage(text));
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Whether a folder may hold scenarios.
fn is_walked(folder: &Path, start: &std::fs::Metadata) -> bool {
    let hidden = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    !hidden && !folder.join("CACHEDIR.TAG").exists() && on_the_same_disk(folder, start)
}

/// /proc and the like hold no scenarios.
#[cfg(unix)]
fn on_the_same_disk(folder: &Path, start: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(folder).is_ok_and(|meta| meta.dev() == start.dev())
}

#[cfg(not(unix))]
fn on_the_same_disk(_: &Path, _: &std::fs::Metadata) -> bool {
    true
}

/// Whether a file in a folder is a scenario, by what it holds: `step` or `about`. What is no TOML at all is one where
/// it has steps or lies below a folder `scenarios`: its flaw has to be told.
fn is_scenario(path: &Path) -> bool {
    let readable = std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() <= MAX_SIZE);
    if !readable {
        return false;
    }
    let Ok(bytes) = std::fs::read(path) else { return true };
    let below = || absolute(path).is_ok_and(|p| p.parent().is_some_and(|p| named_root(p).is_some()));
    let Ok(text) = String::from_utf8(bytes) else { return below() };
    match DeTable::parse(&text) {
        Ok(table) => table.get_ref().contains_key("step") || table.get_ref().contains_key("about"),
        Err(_) => text.lines().any(|line| line.trim_start().starts_with("[[step]]")) || below(),
    }
}

/// The nearest folder called `scenarios`, this one among them.
fn named_root(folder: &Path) -> Option<&Path> {
    folder.ancestors().find(|f| f.file_name().is_some_and(|name| name == FOLDER))
}

/// Names a scenario's file.
fn found(path: &Path) -> std::io::Result<Found> {
    let whole = absolute(path)?;
    let own = whole.parent().unwrap_or(Path::new(""));
    let root = named_root(own).unwrap_or(own).to_owned();
    let below = whole.strip_prefix(&root).unwrap_or(&whole);
    let slashes = |path: &Path| path.to_string_lossy().replace('\\', "/");
    let label = match root.file_name() {
        Some(name) => slashes(&Path::new(name).join(below)),
        None => slashes(below),
    };
    let here = absolute(Path::new("."))?;
    // Below the current folder from there; any other as it was given.
    let path = whole.strip_prefix(&here).map_or_else(|_| path.to_owned(), Path::to_owned);
    let mut snapshots = root.parent().unwrap_or(&root).join("snapshots");
    if let Some(way) = relative(&here, &snapshots).filter(|_| path.is_relative()) {
        snapshots = way.into();
    }
    Ok(Found { path, stem: slashes(&below.with_extension("")), label, root, snapshots })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &str) -> (String, String) {
        let found = found(Path::new(path)).unwrap();
        (found.stem, found.label)
    }

    #[test]
    fn names_hang_on_the_root_alone() {
        for path in ["/x/scenarios/sub/a.toml", "/x/y/../scenarios/./sub/a.toml", "/scenarios/z/scenarios/sub/a.toml"] {
            assert_eq!(named(path), ("sub/a".to_owned(), "scenarios/sub/a.toml".to_owned()), "{path}");
        }
        assert_eq!(named("/x/tries/sub/a.b.toml"), ("a.b".to_owned(), "sub/a.b.toml".to_owned()));
        assert_eq!(named("/a.toml"), ("a".to_owned(), "a.toml".to_owned()));
        assert_eq!(found(Path::new("src/../Cargo.toml")).unwrap().path, Path::new("Cargo.toml"));
        assert_eq!(found(Path::new("../other/a.toml")).unwrap().path, Path::new("../other/a.toml"));
        for (scenario, folder) in [
            ("scenarios/a.toml", "snapshots"),
            ("scenarios/sub/a.toml", "snapshots"),
            ("/x/scenarios/a.toml", "/x/snapshots"),
            ("a.toml", "../snapshots"),
            ("../a.toml", "../../snapshots"),
        ] {
            assert_eq!(found(Path::new(scenario)).unwrap().snapshots, Path::new(folder), "{scenario}");
        }
    }

    #[test]
    fn ways_between_folders() {
        let way = |a: &str, b: &str| relative(Path::new(a), Path::new(b)).unwrap();
        assert_eq!(way("/p/scenarios", "/p/build/x.hex"), "../build/x.hex");
        assert_eq!(way("/p/build", "/p/build/x.hex"), "x.hex");
    }

    #[test]
    fn a_scenario_is_known_by_what_it_holds() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
        };
        write("Cargo.toml", "[package]\nname = 'x'\n");
        write("rustfmt.toml", "edition = '2024'\n");
        write("broken.toml", "a = [\n");
        write(".cargo/config.toml", "about = ''\n");
        write("target/CACHEDIR.TAG", "");
        write("target/old.toml", "[[step]]\n");
        write("deep/a.toml", "[[step]]\nboot = 'low'\n");
        write("deep/b.toml", "[[step]]\nboot = 'low\n");
        write("scenarios/c.toml", "a = [\n");
        let stems = |path: &Path| find(path).unwrap().into_iter().map(|f| f.stem).collect::<Vec<_>>();
        assert_eq!(stems(dir.path()), ["a", "b", "c"]);
        assert_eq!(stems(&dir.path().join("Cargo.toml")), ["Cargo"], "what is named is taken");
        assert!(find(&dir.path().join("target")).is_ok(), "what is named is walked");
        std::fs::remove_file(dir.path().join("deep/a.toml")).unwrap();
        std::fs::remove_file(dir.path().join("deep/b.toml")).unwrap();
        assert!(find(&dir.path().join("deep")).unwrap_err().to_string().contains("holds no scenario"));
    }
}
