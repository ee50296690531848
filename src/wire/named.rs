//! The signals that a project names, and files beside it.

use super::spec::Names;
use crate::files::{self, LONGEST_RECORDING};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Signals by name, as a project's file has them, and where files are.
#[derive(Clone, Debug, Default)]
pub struct Named {
    texts: BTreeMap<String, (String, PathBuf)>,
    folder: PathBuf,
}

impl Named {
    /// None yet; files that a signal names are looked for in `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Named {
        Named { texts: BTreeMap::new(), folder: folder.into() }
    }

    /// Another one; the files of its text are in `folder`.
    pub fn insert(&mut self, name: impl Into<String>, text: impl Into<String>, folder: &Path) {
        self.texts.insert(name.into(), (text.into(), folder.to_owned()));
    }

    /// All of another set; its own are looked for first.
    pub fn extend(&mut self, others: &Named) {
        for (name, text) in &others.texts {
            self.texts.entry(name.clone()).or_insert_with(|| text.clone());
        }
    }

    /// Whether there is one of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.texts.contains_key(name)
    }
}

impl Names for Named {
    fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(|(text, _)| text.as_str())
    }

    fn names(&self) -> Vec<&str> {
        self.texts.keys().map(String::as_str).collect()
    }

    fn read(&self, path: &str, within: Option<&str>) -> Result<Vec<u8>, String> {
        let folder = within.and_then(|name| self.texts.get(name)).map_or(&self.folder, |(_, folder)| folder);
        files::read(&folder.join(path), LONGEST_RECORDING).map_err(|e| format!("{path}: {e}"))
    }
}
