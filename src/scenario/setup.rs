//! What stands around the steps of a case: the scenario's text, its part, its files, its variables.

use super::error::{ScenarioError, Source};
use super::files::Files;
use super::matrix::{self, Variables};
use super::signals;
use super::timeline::Timeline;
use crate::am32::Pin;
use crate::part::Part;
use crate::wire::{Named, Waveform};
use std::ops::Range;
use std::sync::Arc;

/// The most characters of a value that a report repeats.
const MOST_SHOWN: usize = 100;

/// A case but for its steps.
#[derive(Debug)]
pub struct Setup {
    /// The scenario's text.
    pub source: Arc<Source>,
    /// The part, where it has one.
    pub part: Option<Arc<Part>>,
    /// The pin of the signal wire, where the scenario says it.
    pub pin: Option<Pin>,
    /// Its files.
    pub files: Files,
    /// The signals that it and its project name.
    pub signals: Named,
    /// Whether a step of it asks what the app does with its signal.
    pub asks_app: bool,
    /// The values of its variables.
    pub variables: Arc<Variables>,
}

impl Setup {
    /// A signal with its names and files looked up.
    ///
    /// # Errors
    /// What is wrong with it, at its place.
    pub fn waveform(&self, signal: &Timeline, span: &Range<usize>) -> Result<Waveform, ScenarioError> {
        signal.read(&self.signals).map_err(|error| signals::flaw(&self.source, span, &error))
    }

    /// What stands at a place, on one line, with the variables filled in.
    pub fn text(&self, span: &Range<usize>) -> String {
        let text = self.source.text.get(span.clone()).unwrap_or_default();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = matrix::filled(&self.source, &text, &self.variables, span).ok().flatten().unwrap_or(text);
        match text.char_indices().nth(MOST_SHOWN) {
            Some((end, _)) => format!("{}...", &text[..end]),
            None => text,
        }
    }
}
