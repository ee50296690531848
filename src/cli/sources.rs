//! What verbs that only look take: FILE, FILE@ADDR, or the state of a virtual ESC.

use super::check;
use crate::layout::Source;
use std::ffi::OsStr;

/// Reads what a word of the command line names.
///
/// # Errors
/// It cannot be read, or is neither an image nor a state.
pub fn load(arg: &OsStr) -> anyhow::Result<Source> {
    let (path, at) = check::place(arg)?;
    Ok(Source::load(&path, at)?)
}
