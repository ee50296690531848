//! What is done to a chip for one power-up: the level of the signal wire and its changes, and a reset that follows.

use super::timeline;
use crate::periph::signal::{Drive, Signal};
use crate::time::Time;

/// The signal wire during a power-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wire {
    /// Held low, as a flight controller does.
    Low,
    /// Nothing connected.
    Floating,
    /// Held high, as a configurator does.
    High,
}

impl Wire {
    /// As what drives a pin.
    pub const fn drive(self) -> Drive {
        match self {
            Wire::Low => Drive::Low,
            Wire::Floating => Drive::Floating,
            Wire::High => Drive::High,
        }
    }
}

/// A change of the signal wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Change {
    /// Time since power-on.
    pub time_us: Time,
    /// The level from then on.
    pub signal: Wire,
}

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
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct PowerUp {
    /// The signal wire at power-on.
    pub signal: Wire,
    /// How it changes, in order of time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// A reset that follows at once.
    pub reset: AfterPowerOn,
}

impl PowerUp {
    /// A power-on with the wire at this level all the time.
    pub const fn steady(signal: Wire) -> PowerUp {
        PowerUp { signal, changes: Vec::new(), reset: AfterPowerOn::Nothing }
    }

    /// The four that are tried unless one asks for others: signal low, floating, high, and low after a software reset.
    pub fn usual() -> Vec<PowerUp> {
        let after = PowerUp { reset: AfterPowerOn::SoftwareReset, ..PowerUp::steady(Wire::Low) };
        vec![PowerUp::DECISIVE, PowerUp::steady(Wire::Floating), PowerUp::steady(Wire::High), after]
    }

    /// The one that decides: a power-on with the signal low.
    pub const DECISIVE: PowerUp = PowerUp::steady(Wire::Low);

    /// Whether the wire stays as it is and no reset follows.
    pub fn is_steady(&self) -> bool {
        self.changes.is_empty() && self.reset == AfterPowerOn::Nothing
    }

    /// The level at the end: that of the latest change, as the wire itself goes by time.
    pub fn last_level(&self) -> Wire {
        self.changes.iter().max_by_key(|c| c.time_us).map_or(self.signal, |c| c.signal)
    }

    pub(super) fn wire(&self) -> Signal {
        timeline::signal(self.signal, &self.changes, Time::ZERO)
    }
}

impl std::fmt::Display for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Wire::Low => "low",
            Wire::Floating => "floating",
            Wire::High => "high",
        })
    }
}

impl std::fmt::Display for PowerUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "signal {}", self.signal)?;
        for change in &self.changes {
            write!(f, ", {} at {} ms", change.signal, change.time_us.micros() / 1e3)?;
        }
        f.write_str(match self.reset {
            AfterPowerOn::Nothing => "",
            AfterPowerOn::SoftwareReset => ", software reset",
            AfterPowerOn::PinReset => ", pin reset",
        })
    }
}
