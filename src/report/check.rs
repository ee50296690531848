//! What `check` says: the verdict.

use super::{Render, RenderError, Style, Subject, json, text};
use crate::esc::Verdict;

impl Render for Verdict {
    fn text(&self, style: Style) -> String {
        text::verdict(self, style)
    }

    fn json(&self) -> Result<String, RenderError> {
        json::verdict(self).map_err(RenderError::of(json::WORDS))
    }

    fn subject(&self) -> Subject<'_> {
        Subject::Check(self)
    }
}
