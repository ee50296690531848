//! What is looked at in a scenario before it runs, as far as steps share it: files, pages, addresses, texts.

use super::error::ScenarioError;
use super::scalar::{At, Span};
use super::setup::Setup;
use super::timeline::Timeline;
use crate::part::Part;
use crate::plural;
use crate::wire::Waveform;
use std::ops::Range;

/// A look at one step of a case.
pub(super) struct Look<'a> {
    /// The case but for its steps.
    pub setup: &'a Setup,
    /// Files that steps before have made.
    pub dumps: &'a [String],
}

impl Look<'_> {
    /// A flaw at a place.
    pub fn flaw(&self, span: &Range<usize>, message: impl Into<String>) -> ScenarioError {
        self.setup.source.flaw(span, message)
    }

    /// A flaw at a place in a step; at the step where the short form has no place of its own.
    pub fn flaw_in(&self, span: &Range<usize>, step: &Range<usize>, message: impl Into<String>) -> ScenarioError {
        self.flaw(if span.is_empty() { step } else { span }, message)
    }

    /// The part, where there is one.
    pub fn part(&self) -> Option<&Part> {
        self.setup.part.as_deref()
    }

    /// A file that is there.
    pub fn file(&self, file: &At<String>, step: &Range<usize>) -> Result<(), ScenarioError> {
        let span = if file.span.is_empty() { step } else { &file.span };
        let (name, _) = self.setup.files.split(&self.setup.source, &file.value, span)?;
        self.named(name, span)
    }

    /// A file that is there, by its name alone.
    pub fn named(&self, name: &str, span: &Range<usize>) -> Result<(), ScenarioError> {
        self.setup.files.find(&self.setup.source, name, span).map(|_| ())
    }

    /// A file whose address, where one stands with it, has to lie in flash or in the option area.
    pub fn placed(&self, file: &At<String>, step: &Range<usize>) -> Result<(), ScenarioError> {
        self.file(file, step)?;
        let span = if file.span.is_empty() { step } else { &file.span };
        match self.setup.files.split(&self.setup.source, &file.value, span)? {
            (_, Some(address)) => self.inside(address, 1, span),
            (_, None) => Ok(()),
        }
    }

    /// A signal whose names and files are there.
    pub fn waveform(&self, signal: &At<Timeline>, step: &Range<usize>) -> Result<Waveform, ScenarioError> {
        let span = if signal.span.is_empty() { step } else { &signal.span };
        self.setup.waveform(&signal.value, span)
    }

    /// A change of the wire that comes while somebody watches. What has a name is what it is.
    pub fn in_time(
        &self,
        signal: &At<Timeline>,
        limit: Option<&At<Span>>,
        step: &Range<usize>,
    ) -> Result<(), ScenarioError> {
        let limit = limit.map_or(super::PATIENCE, |l| l.0);
        let wire = self.waveform(signal, step)?;
        // A stream's first frame may come later than its part.
        match wire.begins() {
            change if change >= limit && wire.name().is_none() => {
                let message = format!("the wire changes at {change}, after the {limit} that are watched");
                Err(self.flaw_in(&signal.span, step, message).hint("raise `for`"))
            }
            _ => Ok(()),
        }
    }

    /// A page that the part has.
    pub fn page(&self, page: u32, span: &Range<usize>) -> Result<(), ScenarioError> {
        match self.part() {
            Some(part) if page >= part.flash.pages() => {
                let last = part.flash.pages() - 1;
                Err(self
                    .flaw(span, format!("there is no page {page}: the last of {} is {last}", plural::a(part.nick()))))
            }
            _ => Ok(()),
        }
    }

    /// A read-protection level that there is.
    pub fn level(&self, level: Option<(u64, &Range<usize>)>) -> Result<(), ScenarioError> {
        match level {
            Some((level, span)) if level > 2 => {
                Err(self.flaw(span, format!("there is no read-protection level {level}: 0, 1 or 2")))
            }
            _ => Ok(()),
        }
    }

    /// An address that is a key: in flash or in the option area.
    pub fn place(&self, text: &str, length: u64, span: &Range<usize>) -> Result<(), ScenarioError> {
        let address = super::scalar::address(text).map_err(|e| self.flaw(span, e))?;
        self.inside(address, length, span)
    }

    /// Bytes in flash or in the option area.
    pub fn inside(&self, address: u32, length: u64, span: &Range<usize>) -> Result<(), ScenarioError> {
        let Some(part) = self.part() else { return Ok(()) };
        let end = u64::from(address) + length;
        let inside = |start: u32, stop: u32| start <= address && end <= u64::from(stop);
        let options = &part.option_bytes;
        if inside(part.flash.base, part.flash.end()) || inside(options.base, options.end()) {
            return Ok(());
        }
        let message =
            format!("0x{address:08X} can never hold anything: it is not in the flash of {}", plural::a(part.nick()));
        let ends = part.flash.end() - 1;
        Err(self.flaw(span, message).hint(format!("flash is 0x{:08X} to 0x{ends:08X}", part.flash.base)))
    }

    /// A text that has to be found has something in it.
    pub fn not_empty(&self, text: &At<String>, step: &Range<usize>) -> Result<(), ScenarioError> {
        if !text.trim().is_empty() {
            return Ok(());
        }
        let error = self.flaw_in(&text.span, step, "this text is empty: any would do");
        Err(error.hint("write some of the text that has to be there"))
    }
}
