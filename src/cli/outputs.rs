//! Files that are written: never over one that is used, over one that exists only where that is asked for.

use crate::files::{self, FileError};
use crate::layout::Form;
use crate::shell;
use anyhow::{Context, bail};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// Refuses an output that would take the place of something that is read or kept, whatever else is allowed.
///
/// # Errors
/// It would.
pub fn apart(option: &str, output: &Path, inputs: impl IntoIterator<Item = impl AsRef<Path>>) -> anyhow::Result<()> {
    match inputs.into_iter().find(|input| files::same(output, input.as_ref())) {
        None => Ok(()),
        Some(input) if input.as_ref() == output => {
            bail!("{option} {0}: {0} is used as it is; give another name", output.display())
        }
        Some(input) => {
            bail!(
                "{option} {}: that is {}, which is used as it is; give another name",
                output.display(),
                input.as_ref().display()
            )
        }
    }
}

/// What of a command's words may be files: each word, and what stands behind a `=`.
pub fn files_in<'a>(words: impl IntoIterator<Item = &'a OsString>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for word in words {
        found.push(PathBuf::from(word));
        if let Some((_, value)) = word.to_str().and_then(|w| w.split_once('=')) {
            found.push(PathBuf::from(value));
        }
        // Words within words: OpenOCD's commands, a shell's.
        if let Some(text) = word.to_str().filter(|t| t.contains(char::is_whitespace)) {
            let pieces = text.split(|c: char| c.is_whitespace() || "{}\"';".contains(c));
            found.extend(pieces.filter(|p| !p.is_empty()).map(PathBuf::from));
        }
    }
    found
}

/// Standard output is for what a verb says. That is refused, and not taken for a file of that name.
fn refuse_standard_output(path: &Path) -> anyhow::Result<()> {
    if path.as_os_str() == "-" {
        bail!("-: this goes into a file, and standard output is for what is said about it; name a file");
    }
    Ok(())
}

/// Refuses an output before anything is done for it: it exists, has no folder, or cannot be written there.
///
/// # Errors
/// It does, has none, or cannot.
pub fn may_make(path: &Path, force: bool) -> anyhow::Result<()> {
    refuse_standard_output(path)?;
    if std::fs::symlink_metadata(path).is_ok() {
        if !force {
            bail!("{} exists; --force replaces it", path.display());
        }
        files::regular(&files::followed(path)?)
            .map(drop)
            .or_else(|e| if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) })
            .with_context(|| format!("{} cannot be replaced", path.display()))?;
    }
    let folder = files::folder(path);
    if !folder.is_dir() {
        bail!("{}: there is no folder {}; make it first", path.display(), folder.display());
    }
    // Rights and read-only disks: what the system lets one do is known when it was tried.
    Ok(files::beside(path).map(drop).map_err(|e| FileError::new(path, e))?)
}

/// Writes an output whole; one that exists is replaced with `force` only.
///
/// # Errors
/// It exists, or cannot be made.
pub fn write(path: &Path, force: bool, bytes: &[u8]) -> anyhow::Result<()> {
    may_make(path, force)?;
    Ok(files::replace(path, bytes).map_err(|e| FileError::new(path, e))?)
}

/// The heading of options about what is written.
pub const WRITTEN: &str = "What is written";

/// An image that a verb writes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = WRITTEN)]
pub struct Target {
    /// The file to write: .bin for a binary, .hex for Intel HEX.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Replace a file that exists.
    #[arg(long)]
    force: bool,
}

impl Target {
    /// How it is written; refused before anything is done for it, as by [`apart`] and [`may_make`].
    ///
    /// # Errors
    /// The name tells no form, it would take the place of an input, or cannot be made.
    pub fn look(&self, inputs: impl IntoIterator<Item = impl AsRef<Path>>) -> anyhow::Result<Form> {
        refuse_standard_output(&self.output)?;
        let form = Form::of(&self.name())?;
        apart("--output", &self.output, inputs)?;
        may_make(&self.output, self.force)?;
        Ok(form)
    }

    /// Its name, for people.
    pub fn name(&self) -> String {
        shell::plain(&self.output.to_string_lossy()).into_owned()
    }

    /// Writes it whole.
    ///
    /// # Errors
    /// As [`write`].
    pub fn write(&self, bytes: &[u8]) -> anyhow::Result<()> {
        write(&self.output, self.force, bytes)
    }
}
