//! The project file, `dryflash.toml`: what a project's commands have in common. Found in the current folder or above.

use crate::files::{self, FileError};
use crate::part::{self, PartError};
use crate::scenario::error::{ScenarioError, Source, hint_for};
use crate::scenario::signals::judge_all;
use crate::tell::tell;
use crate::wire::Named;
use serde::Deserialize;
use serde_spanned::Spanned;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Its name.
pub const NAME: &str = "dryflash.toml";

/// The largest that is read, in bytes.
const MAX_SIZE: u64 = 1 << 20;

/// The file's content.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    /// The part.
    part: Option<Spanned<String>>,
    /// A virtual ESC that is kept.
    state: Option<String>,
    /// Scenario files and folders.
    #[serde(default)]
    scenarios: Vec<String>,
    /// What `check` takes.
    #[serde(default)]
    files: Files,
    /// Signals by name.
    #[serde(default)]
    signals: BTreeMap<Spanned<String>, Spanned<String>>,
}

/// Files, each as `FILE` or `FILE@ADDR`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Files {
    bootloader: Option<String>,
    app: Option<String>,
    eeprom: Option<String>,
    full: Option<String>,
    /// Files whose role is found.
    #[serde(default)]
    other: Vec<String>,
}

/// What a project says. Paths are from the current folder on.
#[derive(Debug)]
pub struct Project {
    /// The file itself.
    pub path: PathBuf,
    /// The part's name.
    pub part: Option<String>,
    /// Where the ESC is kept.
    pub state: Option<PathBuf>,
    /// Scenario files and folders.
    pub scenarios: Vec<PathBuf>,
    /// Its signals.
    pub signals: Named,
    /// Files with their option of `check`, none where the role is to be found.
    pub files: Vec<(Option<Role>, String)>,
}

/// The option of `check` that a file belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `--bootloader`.
    Bootloader,
    /// `--app`.
    App,
    /// `--eeprom`.
    Eeprom,
    /// `--full`.
    Full,
}

impl Project {
    /// The project of the current folder: its `dryflash.toml`, or that of the nearest folder above that has one.
    ///
    /// # Errors
    /// The file cannot be read, or is wrong: with line, column and a hint.
    pub fn find() -> anyhow::Result<Option<Project>> {
        let Ok(here) = std::env::current_dir() else { return Ok(None) };
        let Some(up) = here.ancestors().position(|folder| folder.join(NAME).exists()) else { return Ok(None) };
        let to: PathBuf = std::iter::repeat_n("..", up).collect();
        Project::read(&to.join(NAME), &to).map(Some)
    }

    /// Reads the file at `path`; what it names is in `folder`.
    fn read(path: &Path, folder: &Path) -> anyhow::Result<Project> {
        let name = path.display().to_string();
        let refused = "it is no project file; give it another name, or say --no-project";
        let size = match files::regular(path) {
            Ok(meta) => meta.len(),
            Err(e) if std::fs::metadata(path).is_ok_and(|m| m.is_dir()) => {
                drop(e);
                anyhow::bail!("{name} is a folder, and so {refused}");
            }
            Err(e) => return Err(FileError::new(path, e).into()),
        };
        if size > MAX_SIZE {
            anyhow::bail!("{name} has {size} bytes, and so {refused}");
        }
        let text = files::read_text(path, MAX_SIZE).map_err(|e| FileError::new(path, e))?;
        let source = Arc::new(Source { path: path.to_owned(), name, text });
        let contents = parse(&source)?;
        let signals = signals(&source, &contents, folder)?;
        let inside = |file: String| folder.join(file);
        let files = contents.files;
        let with_role = [
            (Role::Bootloader, files.bootloader),
            (Role::App, files.app),
            (Role::Eeprom, files.eeprom),
            (Role::Full, files.full),
        ];
        let named = with_role.into_iter().filter_map(|(role, file)| Some((Some(role), file?)));
        let listed = named.chain(files.other.into_iter().map(|file| (None, file)));
        // An address behind the name stays there.
        let listed = listed.map(|(role, file)| (role, inside(file).to_string_lossy().into_owned()));
        Ok(Project {
            path: path.to_owned(),
            part: contents.part.map(Spanned::into_inner),
            state: contents.state.map(inside),
            scenarios: contents.scenarios.into_iter().map(inside).collect(),
            signals,
            files: listed.collect(),
        })
    }

    /// Says on standard error what was taken from it; nothing where nothing was.
    pub fn tell(&self, taken: &[String]) {
        if !taken.is_empty() && !super::terminal::is_quiet() {
            tell!("dryflash: note: from {}: {}", self.path.display(), taken.join(", "));
        }
    }
}

fn parse(source: &Arc<Source>) -> Result<Contents, ScenarioError> {
    let contents: Contents = toml::from_str(&source.text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        let flaw = source.flaw(&span, error.message());
        match hint_for(error.message()) {
            Some(hint) => flaw.hint(hint),
            None => flaw.hint("docs/project.md tells what it may say"),
        }
    })?;
    if let Some(name) = &contents.part {
        let span: Range<usize> = name.span();
        part::find(name.get_ref()).map_err(|error| match error {
            PartError::Unknown { near: Some(near), .. } => source
                .flaw(&span, format!("no part is called '{}'", name.get_ref()))
                .hint(format!("did you mean \"{near}\"?")),
            error => source.flaw(&span, error.to_string()),
        })?;
    }
    Ok(contents)
}

/// The signals, whose files are in `folder`.
///
/// # Errors
/// All that is wrong with them.
fn signals(source: &Arc<Source>, contents: &Contents, folder: &Path) -> Result<Named, ScenarioError> {
    let mut named = Named::new("");
    for (name, text) in &contents.signals {
        named.insert(name.get_ref(), text.get_ref(), folder);
    }
    let all = contents.signals.iter();
    let all = all.map(|(name, text)| ((name.get_ref().as_str(), name.span()), (text.get_ref().as_str(), text.span())));
    let wrong = judge_all(source, &named, all).into_iter().map(|(_, error)| error).collect();
    ScenarioError::all(wrong).map_or(Ok(named), Err)
}
