//! How a report for a forge names a file: relative to the root of the repository.

use crate::files::{absolute, relative};
use std::path::{Path, PathBuf};

/// The root that paths are relative to.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// The folder that the forge knows the repository by; absolute.
    root: Option<PathBuf>,
}

impl Places {
    /// Relative to this folder.
    pub fn below(root: &Path) -> Places {
        Places { root: absolute(root).ok() }
    }

    /// Relative to the workspace that a forge names, else to the repository around the current folder.
    pub fn found(workspace: Option<PathBuf>) -> Places {
        let named = workspace.filter(|w| !w.as_os_str().is_empty());
        let here = absolute(Path::new(".")).ok();
        let around = || here.as_ref().and_then(|here| here.ancestors().find(|f| f.join(".git").exists()));
        Places { root: named.and_then(|w| absolute(&w).ok()).or_else(|| around().map(Path::to_owned)) }
    }

    /// A file that is named from the current folder: from the root where it lies below it, else as it is.
    pub fn of(&self, file: &str) -> String {
        let whole = absolute(Path::new(file)).ok();
        let below = self.root.as_ref().zip(whole).filter(|(root, whole)| whole.starts_with(root));
        below.and_then(|(root, whole)| relative(root, &whole)).unwrap_or_else(|| file.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_from_the_root() {
        let here = absolute(Path::new(".")).unwrap();
        let above = Places::below(here.parent().unwrap());
        let name = here.file_name().unwrap().to_string_lossy();
        for file in ["scenarios/a.toml", "./scenarios/x/../a.toml", &format!("{}/scenarios/a.toml", here.display())] {
            assert_eq!(above.of(file), format!("{name}/scenarios/a.toml"));
        }
        let elsewhere = Places::below(Path::new("/elsewhere"));
        assert_eq!(elsewhere.of("scenarios/a.toml"), "scenarios/a.toml");
        assert_eq!(Places::found(Some("/elsewhere".into())).of("/elsewhere/a.toml"), "a.toml");
    }
}
