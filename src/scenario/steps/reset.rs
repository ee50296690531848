//! `reset`: a reset with the power kept.

use crate::bus::ResetCause;
use crate::scenario::error::ScenarioError;
use crate::scenario::look::Look;
use crate::scenario::run::{Session, Troubles};
use crate::scenario::step::{Need, Step};
use schemars::JsonSchema;
use serde::Deserialize;
use std::ops::Range;

/// A reset's cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reset {
    /// The NRST pin.
    Pin,
    /// SYSRESETREQ, as an app does that has lost its signal.
    Software,
    /// The independent watchdog.
    Watchdog,
    /// The window watchdog.
    WindowWatchdog,
    /// OBL_LAUNCH: option bytes are loaded anew.
    OptionBytes,
    /// Stop or Standby entered against the option bytes.
    LowPower,
}

impl Reset {
    /// As the chip names it.
    pub const fn cause(self) -> ResetCause {
        match self {
            Reset::Pin => ResetCause::Pin,
            Reset::Software => ResetCause::Software,
            Reset::Watchdog => ResetCause::Iwdg,
            Reset::WindowWatchdog => ResetCause::Wwdg,
            Reset::OptionBytes => ResetCause::OptionBytes,
            Reset::LowPower => ResetCause::LowPower,
        }
    }
}

impl Step for Reset {
    fn needs(&self) -> Vec<Need<'_>> {
        vec![Need::Chip, Need::Power]
    }

    fn look(&self, _: &Look<'_>, _: &Range<usize>) -> Result<(), ScenarioError> {
        Ok(())
    }

    fn run(&self, session: &mut Session<'_>, span: &Range<usize>) -> Result<(), Troubles> {
        session.chip(span)?.reset(self.cause());
        Ok(())
    }
}
