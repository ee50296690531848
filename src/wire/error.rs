//! What is wrong with the text of a signal, and where.

use std::ops::Range;

/// A signal that cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", place(.text, .at))]
pub struct SignalError {
    /// What is wrong, and how it is written.
    pub message: String,
    /// The whole text.
    pub text: String,
    /// The bytes of it that are meant; empty at its end where something is missing.
    pub at: Range<usize>,
}

impl SignalError {
    /// About these bytes of the text.
    pub fn new(text: &str, at: Range<usize>, message: impl Into<String>) -> SignalError {
        SignalError { message: message.into(), text: text.to_owned(), at }
    }
}

/// Where it is, unless the text is but one word.
fn place(text: &str, at: &Range<usize>) -> String {
    let before = text.get(..at.start).unwrap_or(text);
    if before.trim().is_empty() && text.get(at.end..).is_none_or(|rest| rest.trim().is_empty()) {
        return String::new();
    }
    format!(" (at character {} of '{text}')", before.chars().count() + 1)
}
