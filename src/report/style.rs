//! How text is to look: colour, columns, and how much of it.

use super::columns;
use crate::am32::Severity;
use anstyle::{AnsiColor, Style as Ansi};

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// The answer and errors.
    Quiet,
    /// What one wants to know.
    #[default]
    Usual,
    /// And how what is as hoped came about: for snapshots, where it must not change unseen.
    Thorough,
    /// All that there is.
    Verbose,
}

/// How text is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Escape sequences may be written.
    pub colour: bool,
    /// Columns of wrapped text, from [`columns::NARROWEST`] to [`columns::WIDEST`].
    pub width: usize,
    /// How much is told.
    pub detail: Detail,
    /// Drawings may have characters beyond ASCII.
    pub unicode: bool,
}

impl Default for Style {
    /// No colour, the usual columns, the usual detail, ASCII: what does not hang on a terminal.
    fn default() -> Style {
        Style { colour: false, width: columns::WIDEST, detail: Detail::Usual, unicode: false }
    }
}

impl Style {
    /// For snapshots of a report.
    pub fn thorough() -> Style {
        Style { detail: Detail::Thorough, ..Style::default() }
    }

    pub(super) fn paint(self, style: Ansi, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// Headings.
    pub fn heading(self, text: &str) -> String {
        self.paint(Ansi::new().bold(), text)
    }

    /// What is as hoped.
    pub fn good(self, text: &str) -> String {
        self.paint(AnsiColor::Green.on_default().bold(), text)
    }

    /// What is not.
    pub fn bad(self, text: &str) -> String {
        self.paint(AnsiColor::Red.on_default().bold(), text)
    }

    /// A finding's severity.
    pub fn severity(self, severity: Severity) -> String {
        let colour = match severity {
            Severity::Error => AnsiColor::Red,
            Severity::Warning => AnsiColor::Yellow,
            Severity::Note => AnsiColor::Cyan,
        };
        self.paint(colour.on_default().bold(), &severity.to_string())
    }
}
