//! What verbs that only look take: FILE, FILE@ADDR, or the state of a virtual ESC.

use super::{PART_VARIABLE, given};
use crate::esc::StateError;
use crate::layout::Source;
use crate::part::{self, Part};
use std::ffi::OsStr;
use std::sync::Arc;

/// Reads what a word of the command line names.
///
/// # Errors
/// It cannot be read, or is neither an image nor a state.
pub fn load(arg: &OsStr) -> anyhow::Result<Source> {
    let (path, at) = given::place(arg)?;
    Ok(Source::load(&path, at)?)
}

/// The part, for what does not tell it.
#[derive(Debug, clap::Args)]
pub struct OfPart {
    /// The part: full name, order code, or AM32's short name. As the state or the image tells it where absent.
    #[arg(long, env = PART_VARIABLE, hide_env_values = true, help_heading = super::ESC)]
    part: Option<String>,
    /// It was named for no command in particular: what a state says of itself wins.
    #[arg(skip)]
    pub by_default: bool,
}

impl OfPart {
    /// The part that was named.
    ///
    /// # Errors
    /// There is none of that name, or one of the sources is a state of another part.
    pub fn find<'a>(&self, sources: impl IntoIterator<Item = &'a Source>) -> anyhow::Result<Option<Arc<Part>>> {
        let Some(part) = self.part.as_deref().map(part::find).transpose()? else { return Ok(None) };
        for source in sources {
            if let Some(found) = source.part.as_ref().filter(|found| !self.by_default && found.name != part.name) {
                let (path, found, wanted) = (source.name.as_ref().into(), found.name.clone(), part.name.clone());
                return Err(StateError::OtherPart { path, found, wanted }.into());
            }
        }
        Ok(Some(part))
    }
}
