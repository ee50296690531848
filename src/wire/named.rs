//! The signals that a project names, and files beside it.

use super::error::SignalError;
use super::spec::{DEEPEST, Names, Spec, made_of_itself, text_of, too_deep, unknown};
use crate::files::{self, FileError, LONGEST_RECORDING};
use std::collections::{BTreeMap, BTreeSet};
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

    /// Whether what the text of this signal names is there. Of names in a circle the first by the alphabet is the wrong
    /// one; what is wrong in another signal's text is that one's. No file is looked for.
    ///
    /// # Errors
    /// A name that nobody knows, one that leads back to this one, names that stand for names too deep.
    pub fn judge(&self, name: &str) -> Result<(), SignalError> {
        let Some((text, _)) = self.texts.get(name) else { return Ok(()) };
        let spec: Spec = text.parse()?;
        for (called, at) in spec.names() {
            let wrong = |message: String| Err(SignalError::new(text, at.clone(), message));
            if text_of(called, self).is_none() {
                return wrong(unknown(called, self));
            }
            match self.way(called, name) {
                Some(way) if way.iter().all(|other| name <= other.as_str()) => {
                    return wrong(made_of_itself(name, &way[..way.len() - 1]));
                }
                Some(_) => return Ok(()),
                None => {}
            }
            let mut levels = vec![BTreeSet::from([called.to_owned()])];
            for _ in 1..DEEPEST {
                let next = levels.last().into_iter().flatten().flat_map(|name| self.called_by(name)).collect();
                levels.push(next);
            }
            let circle = || levels.iter().flatten().any(|name| self.is_in_circle(name));
            if levels.last().is_some_and(|level| !level.is_empty()) && !circle() {
                return wrong(too_deep());
            }
        }
        Ok(())
    }

    fn is_in_circle(&self, name: &str) -> bool {
        self.called_by(name).iter().any(|called| self.way(called, name).is_some())
    }

    /// The names in a signal's text.
    fn called_by(&self, name: &str) -> Vec<String> {
        let spec = text_of(name, self).and_then(|text| text.parse::<Spec>().ok());
        spec.map_or_else(Vec::new, |spec| spec.names().map(|(called, _)| called.to_owned()).collect())
    }

    /// The names by which one leads to another, itself first and the other last: the shortest way, of no step where they
    /// are the same. One that is longer than names may be deep is none.
    fn way(&self, from: &str, to: &str) -> Option<Vec<String>> {
        let mut ways = vec![vec![from.to_owned()]];
        let mut seen = BTreeSet::new();
        for _ in 0..DEEPEST {
            if let Some(way) = ways.iter().find(|way| way.last().is_some_and(|last| last == to)) {
                return Some(way.clone());
            }
            let mut next = Vec::new();
            for way in ways {
                let called = way.last().map_or_else(Vec::new, |last| self.called_by(last));
                let new: Vec<String> = called.into_iter().filter(|name| seen.insert(name.clone())).collect();
                next.extend(new.into_iter().map(|name| [way.clone(), vec![name]].concat()));
            }
            ways = next;
        }
        None
    }

    /// The files that a signal is played from, its own and those of the names in it.
    pub fn files_of(&self, spec: &Spec) -> Vec<PathBuf> {
        let mut files = Vec::new();
        let (mut left, mut seen) = (vec![(None, spec.clone())], BTreeSet::new());
        while let Some((within, spec)) = left.pop() {
            files.extend(spec.files().map(|path| self.place(path, within.as_deref())));
            for (name, _) in spec.names().filter(|(name, _)| seen.insert((*name).to_owned())) {
                let text = text_of(name, self).and_then(|text| text.parse().ok());
                left.extend(text.map(|spec| (Some(name.to_owned()), spec)));
            }
        }
        files
    }

    /// Where a file is that a signal names.
    fn place(&self, path: &str, within: Option<&str>) -> PathBuf {
        within.and_then(|name| self.texts.get(name)).map_or(&self.folder, |(_, folder)| folder).join(path)
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
        let place = self.place(path, within);
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
        let played = names.files_of(&"vcd boot.vcd, fc@1ms, fc@9s".parse().unwrap());
        assert_eq!(played, [scenario.path().join("boot.vcd"), project.path().join("boot.vcd")]);
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

    #[test]
    fn what_names_lead_to_is_judged_where_it_is_wrong() {
        let mut names = Named::new("");
        for (name, text) in [
            ("good", "held-low"),
            ("bad", "low, nothing-such@5ms"),
            ("user", "high, bad@1ms"),
            ("b", "low, c@5ms"),
            ("c", "high, b@5ms"),
            ("a", "c"),
            ("self", "self"),
            ("file", "vcd not-there.vcd"),
            ("n0", "low"),
        ] {
            names.insert(name, text, Path::new(""));
        }
        for n in 1..=9 {
            names.insert(format!("n{n}"), format!("n{}", n - 1), Path::new(""));
        }
        let told = |name: &str| names.judge(name).map_err(|e| e.to_string());
        for name in ["good", "user", "file", "a", "c", "n7", "not-there"] {
            assert_eq!(told(name), Ok(()), "{name}");
        }
        for (name, error) in [
            ("bad", "there is no signal 'nothing-such'"),
            ("b", "the signal 'b' is made of itself, by c (at character 6 of 'low, c@5ms')"),
            ("self", "the signal 'self' is made of itself"),
            ("n8", "names stand for names more than 8 deep"),
            ("n9", "names stand for names more than 8 deep"),
        ] {
            assert!(told(name).unwrap_err().starts_with(error), "{name}: {:?}", told(name));
        }
        let used = |name: &str| title(name, &names).is_err();
        assert!(
            names.texts.keys().all(|name| names.judge(name).is_ok() || used(name)),
            "each is refused in use as well"
        );
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
