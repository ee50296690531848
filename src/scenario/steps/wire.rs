//! `wire`: the signal wire.

use crate::scenario::error::ScenarioError;
use crate::scenario::look::Look;
use crate::scenario::run::{Session, Trouble, Troubles};
use crate::scenario::scalar::{At, SignalPin};
use crate::scenario::short::Short;
use crate::scenario::step::Step;
use crate::scenario::timeline::Timeline;
use crate::time::Time;
use schemars::JsonSchema;
use serde::Deserialize;
use std::ops::Range;

/// The signal wire.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WireStep")]
pub struct Wire {
    /// Its level and its changes.
    pub level: At<Timeline>,
    /// The pin it is on; the scenario's where absent.
    #[serde(default)]
    pub pin: Option<SignalPin>,
}

impl Short for Wire {
    fn from_text(text: &str) -> Result<Wire, String> {
        Ok(Wire { level: At { value: Timeline(text.to_owned()), span: 0..0 }, pin: None })
    }
    fn at(self, span: Range<usize>) -> Wire {
        Wire { level: At { span, ..self.level }, ..self }
    }
}

impl Step for Wire {
    fn look(&self, look: &Look<'_>, span: &Range<usize>) -> Result<(), ScenarioError> {
        look.waveform(&self.level, span).map(|_| ())
    }

    fn run(&self, session: &mut Session<'_>, span: &Range<usize>) -> Result<(), Troubles> {
        let wire = session.waveform(&self.level, span)?;
        let chip = session.chip(span)?;
        let now = if chip.is_powered() { chip.now().time } else { Time::ZERO };
        if let Some(pin) = self.pin {
            let (port, number) = pin.0.port_and_number();
            if !chip.drive(port, number, wire.signal(now)) {
                return Err(Trouble::step(span, format!("the part has no port {port}")).into());
            }
            return Ok(());
        }
        session.wire = wire;
        Ok(session.drive(span, now)?)
    }
}
