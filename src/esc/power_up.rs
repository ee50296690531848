//! What is done to a chip for one power-up: what is on the signal wire, and a reset that follows.

use crate::periph::signal::Signal;
use crate::time::Time;
use crate::wire::{Level, Waveform};
use serde::ser::{SerializeStruct, Serializer};

/// A reset that follows a power-on at once, before any code has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterPowerOn {
    /// None.
    Nothing,
    /// By SYSRESETREQ, as an app does that has lost its signal.
    SoftwareReset,
    /// By the NRST pin, as a probe does.
    PinReset,
}

/// One power-up to try.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PowerUp {
    /// What is on the signal wire, from power-on.
    pub wire: Waveform,
    /// A reset that follows at once.
    pub reset: AfterPowerOn,
}

impl PowerUp {
    /// A power-on with the wire at this level all the time.
    pub fn steady(level: Level) -> PowerUp {
        PowerUp::with(Waveform::steady(level))
    }

    /// A power-on with this on the wire.
    pub const fn with(wire: Waveform) -> PowerUp {
        PowerUp { wire, reset: AfterPowerOn::Nothing }
    }

    /// The one that decides: a power-on with the signal low.
    pub fn decisive() -> PowerUp {
        PowerUp::steady(Level::Low)
    }

    /// The four that are tried unless one asks for others: signal low, floating, high, and low after a software reset.
    pub fn usual() -> Vec<PowerUp> {
        let after = PowerUp { reset: AfterPowerOn::SoftwareReset, ..PowerUp::decisive() };
        vec![PowerUp::decisive(), PowerUp::steady(Level::Floating), PowerUp::steady(Level::High), after]
    }

    /// The level of a wire that stays as it is and has no name, where no reset follows.
    pub fn steady_level(&self) -> Option<Level> {
        let (level, changes) = self.wire.as_levels()?;
        let nothing_else = changes.is_empty() && self.reset == AfterPowerOn::Nothing && self.wire.name().is_none();
        nothing_else.then_some(level)
    }

    /// The level that the wire stays at in the end; none where it goes on changing.
    pub fn last_level(&self) -> Option<Level> {
        self.wire.last_level()
    }

    pub(super) fn signal(&self) -> Signal {
        self.wire.signal(Time::ZERO)
    }
}

/// A change of the signal wire.
#[derive(serde::Serialize)]
struct Change {
    time_us: Time,
    signal: Level,
}

impl serde::Serialize for PowerUp {
    /// Levels as `signal` and `changes`; anything else as `signal`, its name or title, with the text as `waveform` where
    /// that is another; and the `name`, where it has one.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("PowerUp", 4)?;
        match self.wire.as_levels() {
            Some((level, changes)) => {
                fields.serialize_field("signal", &level)?;
                let changes: Vec<Change> =
                    changes.into_iter().map(|(time_us, signal)| Change { time_us, signal }).collect();
                if !changes.is_empty() {
                    fields.serialize_field("changes", &changes)?;
                }
            }
            None => {
                let (title, text) = (self.wire.title(), self.wire.text());
                fields.serialize_field("signal", &title)?;
                if title != text {
                    fields.serialize_field("waveform", &text)?;
                }
            }
        }
        if let Some(name) = self.wire.name() {
            fields.serialize_field("name", name)?;
        }
        fields.serialize_field("reset", &self.reset)?;
        fields.end()
    }
}

impl std::fmt::Display for PowerUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.wire.as_levels().filter(|_| self.wire.name().is_none()) {
            Some((level, changes)) => {
                write!(f, "signal {level}")?;
                for (time, level) in changes {
                    write!(f, ", {level} at {} ms", time.micros() / 1e3)?;
                }
            }
            None => write!(f, "signal {}", self.wire.title())?,
        }
        f.write_str(match self.reset {
            AfterPowerOn::Nothing => "",
            AfterPowerOn::SoftwareReset => ", software reset",
            AfterPowerOn::PinReset => ", pin reset",
        })
    }
}
