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
        SignalError { message: short(message.into()), text: text.to_owned(), at }
    }
}

/// The letters of a message, which may quote what has no end, and of the text around the place that it is about.
const MOST: usize = 600;
const AROUND: usize = 60;

/// Without the middle, where it is too long for people.
fn short(message: String) -> String {
    let letters = message.chars().count();
    if letters <= MOST {
        return message;
    }
    let begin: String = message.chars().take(MOST / 2).collect();
    let end: String = message.chars().skip(letters - MOST / 2).collect();
    format!("{begin} ... {end}")
}

/// The text, or what of it is around these letters.
fn excerpt(text: &str, at: usize) -> String {
    let letters = text.chars().count();
    if letters <= 3 * AROUND {
        return text.to_owned();
    }
    let begin = at.saturating_sub(AROUND);
    let shown: String = text.chars().skip(begin).take(2 * AROUND).collect();
    let dots = |there: bool| if there { "..." } else { "" };
    format!("{}{shown}{}", dots(begin > 0), dots(begin + 2 * AROUND < letters))
}

/// Where it is, unless the text is but one word.
fn place(text: &str, at: &Range<usize>) -> String {
    let before = text.get(..at.start).unwrap_or(text);
    if before.trim().is_empty() && text.get(at.end..).is_none_or(|rest| rest.trim().is_empty()) {
        return String::new();
    }
    let letters = before.chars().count();
    format!(" (at character {} of '{}')", letters + 1, excerpt(text, letters))
}
