//! The signals that a project names, and files beside it.

use super::spec::Names;
use crate::files::{self, FileError, LONGEST_RECORDING};
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
        let place = folder.join(path);
        // A pipe would be waited for.
        let read = files::regular(&place).and_then(|_| files::read(&place, LONGEST_RECORDING));
        read.map_err(|e| FileError::new(&place, e).to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Spec;

    const D0: &str = "$timescale 1 us $end $var wire 1 ! D0 $end $enddefinitions $end #0 1! #5 0!";

    fn title(text: &str, names: &Named) -> Result<String, String> {
        let spec: Spec = text.parse().unwrap();
        spec.resolve(names).map(|w| format!("{} is {}", w.title(), w.text())).map_err(|e| e.to_string())
    }

    #[test]
    fn files_are_beside_what_names_them() {
        let (project, scenario) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(project.path().join("boot.vcd"), D0).unwrap();
        let mut names = Named::new(scenario.path());
        names.insert("fc", "low, vcd boot.vcd@5ms", project.path());
        assert_eq!(title("fc", &names).unwrap(), "fc is low, vcd boot.vcd@5ms");
        assert!(title("vcd boot.vcd", &names).unwrap_err().contains("there is no such file"), "it is the project's");
        std::fs::write(scenario.path().join("boot.vcd"), D0).unwrap();
        assert_eq!(title("vcd boot.vcd", &names).unwrap(), "vcd boot.vcd is vcd boot.vcd");
        assert_eq!(
            title("high, fc@1ms", &names).unwrap(),
            "high, low@1ms, vcd boot.vcd@6ms is high, low@1ms, vcd boot.vcd@6ms"
        );
    }

    #[test]
    fn an_own_name_comes_before_the_projects_and_the_catalogues() {
        let mut names = Named::new("");
        names.insert("fc", "high", Path::new(""));
        let mut project = Named::new("");
        project.insert("fc", "low", Path::new(""));
        project.insert("held-low", "high", Path::new(""));
        names.extend(&project);
        assert_eq!(title("fc", &names).unwrap(), "fc is high");
        assert_eq!(title("held-low", &names).unwrap(), "held-low is high");
        names.insert("around", "low, fc@1ms, round@5ms", Path::new(""));
        names.insert("round", "around", Path::new(""));
        assert!(title("around", &names).unwrap_err().contains("the signal 'around' is made of itself"));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_file_with_an_end_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let names = Named::new(folder.path());
        assert!(title("vcd pipe", &names).unwrap_err().contains("pipe: it is a device or a pipe, not a file"));
        assert!(title("vcd .", &names).unwrap_err().contains("it is a folder; name a file in it"));
        let long = std::fs::File::create(folder.path().join("long")).unwrap();
        long.set_len(LONGEST_RECORDING + 1).unwrap();
        assert!(title("vcd long", &names).unwrap_err().contains("long: it has more than 256 MB"));
    }
}
