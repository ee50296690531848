//! What is wrong with a scenario: file, line and column, the line itself, and a hint.

use crate::files;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// A scenario's text and where it came from.
#[derive(Debug)]
pub struct Source {
    /// The file, as the user named it or its folder.
    pub path: PathBuf,
    /// As text, with `/` between folders.
    pub name: String,
    /// What it holds.
    pub text: String,
}

impl Source {
    /// Line and column of a byte, both from 1; columns count characters.
    pub fn position(&self, at: usize) -> (usize, usize) {
        let at = (0..=at.min(self.text.len())).rev().find(|n| self.text.is_char_boundary(*n)).unwrap_or(0);
        let before = &self.text[..at];
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |n| n + 1);
        (line, before[start..].chars().count() + 1)
    }

    /// A flaw at these bytes.
    pub fn flaw(self: &Arc<Source>, span: &Range<usize>, message: impl Into<String>) -> ScenarioError {
        ScenarioError::Flaw {
            source: Arc::clone(self),
            span: span.clone(),
            message: message.into(),
            hint: String::new(),
        }
    }
}

/// Why scenarios cannot be run.
#[derive(Debug)]
pub enum ScenarioError {
    /// Something in a scenario is wrong.
    Flaw {
        /// The scenario.
        source: Arc<Source>,
        /// Where, in bytes.
        span: Range<usize>,
        /// What.
        message: String,
        /// What to do; may be empty.
        hint: String,
    },
    /// A file or folder cannot be read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// Wrong use, in a sentence.
    Usage(String),
    /// Several of them.
    Several(Vec<ScenarioError>),
}

impl ScenarioError {
    /// With a hint.
    #[must_use]
    pub fn hint(self, text: impl Into<String>) -> ScenarioError {
        match self {
            ScenarioError::Flaw { source, span, message, .. } => {
                ScenarioError::Flaw { source, span, message, hint: text.into() }
            }
            other => other,
        }
    }

    /// Each for itself.
    pub fn into_list(self) -> Vec<ScenarioError> {
        match self {
            ScenarioError::Several(errors) => errors.into_iter().flat_map(ScenarioError::into_list).collect(),
            other => vec![other],
        }
    }

    /// All of them as one; none where there is none.
    pub fn all(mut errors: Vec<ScenarioError>) -> Option<ScenarioError> {
        match errors.len() {
            0 | 1 => errors.pop(),
            _ => Some(ScenarioError::Several(errors)),
        }
    }
}

impl std::error::Error for ScenarioError {}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScenarioError::Flaw { source, span, message, hint } => {
                let (line, column) = source.position(span.start);
                write!(f, "{}:{line}:{column}: {message}", source.name)?;
                let text = source.text.lines().nth(line - 1).unwrap_or_default();
                let number = line.to_string();
                let length =
                    source.text.get(span.clone()).map_or(1, |t| t.lines().next().unwrap_or("").chars().count());
                let gap: String = text.chars().take(column - 1).map(|c| if c == '\t' { c } else { ' ' }).collect();
                write!(
                    f,
                    "\n  {number} | {text}\n  {} | {gap}{}",
                    " ".repeat(number.len()),
                    "^".repeat(length.max(1))
                )?;
                if !hint.is_empty() {
                    write!(f, "\n  hint: {hint}")?;
                }
                Ok(())
            }
            ScenarioError::Unreadable { path, reason } => write!(f, "{}: {}", path.display(), files::why(reason)),
            ScenarioError::Usage(text) => f.write_str(text),
            ScenarioError::Several(errors) => {
                for (n, error) in errors.iter().enumerate() {
                    write!(f, "{}{error}", if n > 0 { "\n\n" } else { "" })?;
                }
                Ok(())
            }
        }
    }
}

pub use crate::near::nearest;

/// A hint for what serde says, where it names what it would have taken.
pub fn hint_for(message: &str) -> Option<String> {
    if !message.starts_with("unknown ") {
        return None;
    }
    let mut names = message.split('`').skip(1).step_by(2);
    let word = names.next()?;
    nearest(word, names).map(|name| format!("did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_and_never_panic() {
        let source = Source { path: "a.toml".into(), name: "a.toml".into(), text: "a = 1\nü = 22\n".into() };
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position(11), (2, 5));
        assert_eq!(source.position(7), (2, 1), "inside of a character");
        assert_eq!(source.position(999), (3, 1));
        let flaw = Arc::new(source).flaw(&(11..13), "no").hint("do");
        assert_eq!(flaw.to_string(), "a.toml:2:5: no\n  2 | ü = 22\n    |     ^^\n  hint: do");
    }

    #[test]
    fn near_names() {
        assert_eq!(nearest("jmp", ["jump", "starts"]), Some("jump"));
        assert_eq!(nearest("finding", ["findings", "faults"]), Some("findings"));
        assert_eq!(nearest("x", ["jump", "pc"]), None);
        assert_eq!(hint_for("unknown field `jmp`, expected `jump` or `pc`").as_deref(), Some("did you mean `jump`?"));
        assert_eq!(hint_for("invalid type: `jmp`, `jump`"), None);
    }
}
