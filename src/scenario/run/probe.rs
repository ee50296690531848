//! Steps that go through the virtual ST-LINK.

use super::actions::real;
use super::{Session, Trouble};
use crate::scenario::steps::{Replay, StFlash};
use std::ops::Range;

/// What this dryflash cannot do yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not built into this dryflash")]
pub struct NotBuiltIn(pub &'static str);

impl Session<'_> {
    /// A line of st-flash.
    pub(super) fn st_flash(&mut self, step: &StFlash, span: &Range<usize>) -> Result<(), Trouble> {
        let place = real(&step.line.span, span);
        let result = Err(NotBuiltIn("the step `st_flash`").to_string());
        self.outcome(result, step.fails.as_ref(), &place)
    }

    /// A recorded session.
    pub(super) fn replay(&mut self, step: &Replay, span: &Range<usize>) -> Result<(), Trouble> {
        let place = real(&step.file.span, span);
        let result = Err(NotBuiltIn("the step `replay`").to_string());
        self.outcome(result, step.fails.as_ref(), &place)
    }
}
