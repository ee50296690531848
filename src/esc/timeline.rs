//! The signal wire in time, as text: one grammar for the command line and for scenarios.

use super::power_up::{AfterPowerOn, Change, PowerUp, Wire};
use crate::periph::signal::Signal;
use crate::time::Time;
use std::fmt;
use std::str::FromStr;

/// A wire's level at power-on and its changes: `high, low@100ms`, in order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// At first.
    pub start: Wire,
    /// Later, each after the one before it.
    pub changes: Vec<Change>,
}

impl Default for Timeline {
    /// Low, as a flight controller holds it.
    fn default() -> Timeline {
        Timeline { start: Wire::Low, changes: Vec::new() }
    }
}

impl FromStr for Timeline {
    type Err = String;

    /// Reads `LEVEL[, LEVEL@TIME]...`. A time is since power-on, a number with ns, us, ms or s; without a unit it is
    /// milliseconds. A change that does not come after the one before it is refused: what was meant is not known.
    fn from_str(text: &str) -> Result<Timeline, String> {
        let mut words = text.split(',');
        let start = words.next().unwrap_or_default().trim().parse()?;
        let mut changes: Vec<Change> = Vec::new();
        for word in words {
            let Some((level, time)) = word.split_once('@') else {
                return Err(format!("'{}' has no time: write it as LEVEL@TIME, such as low@100ms", word.trim()));
            };
            let change = Change { time_us: Time::parse(time)?, signal: level.trim().parse()? };
            if changes.last().is_some_and(|c| c.time_us >= change.time_us) {
                return Err(format!("the change at {} does not come after the one before it", change.time_us));
            }
            changes.push(change);
        }
        Ok(Timeline { start, changes })
    }
}

impl FromStr for Wire {
    type Err = String;

    /// Reads `low`, `floating` or `high`.
    fn from_str(text: &str) -> Result<Wire, String> {
        match text {
            "low" => Ok(Wire::Low),
            "floating" => Ok(Wire::Floating),
            "high" => Ok(Wire::High),
            other => Err(format!("'{other}' is not low, floating or high")),
        }
    }
}

impl Timeline {
    /// The power-up with this wire, and the reset that follows it at once.
    pub fn power_up(&self, reset: AfterPowerOn) -> PowerUp {
        PowerUp { signal: self.start, changes: self.changes.clone(), reset }
    }

    /// What drives the pin, with times that count from `from` (since power-on).
    pub fn signal(&self, from: Time) -> Signal {
        signal(self.start, &self.changes, from)
    }
}

/// A wire as what drives a pin; the times of its changes count from `from`.
pub(super) fn signal(start: Wire, changes: &[Change], from: Time) -> Signal {
    Signal::timeline(start.drive(), changes.iter().map(|c| (from + c.time_us, c.signal.drive())).collect())
}

impl fmt::Display for Timeline {
    /// As it is read: `high,low@100ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.start)?;
        for Change { time_us, signal } in &self.changes {
            let nanos = time_us.0 / 1_000;
            let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")];
            let (size, unit) = units.into_iter().find(|(size, _)| nanos % size == 0).unwrap_or((1, "ns"));
            write!(f, ",{signal}@{}{unit}", nanos / size)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_changes() {
        let read: Timeline = "high, low@100, floating@0.2s,low@ 250_000us".parse().unwrap();
        assert_eq!(read.start, Wire::High);
        let at = |ms, signal| Change { time_us: Time::from_millis(ms), signal };
        assert_eq!(read.changes, [at(100, Wire::Low), at(200, Wire::Floating), at(250, Wire::Low)]);
        assert_eq!("low".parse(), Ok(Timeline { start: Wire::Low, changes: vec![] }));
    }

    #[test]
    fn a_wire_is_written_as_it_is_read() {
        for text in ["low", "high,low@100ms", "floating,high@1ns,low@1500us,high@2s,low@61s"] {
            assert_eq!(text.parse::<Timeline>().unwrap().to_string(), text);
        }
        assert_eq!("high, low@0.1s".parse::<Timeline>().unwrap().to_string(), "high,low@100ms");
    }

    #[test]
    fn times_count_from_where_one_says() {
        let wire: Timeline = "high, low@1ms".parse().unwrap();
        let signal = wire.signal(Time::from_millis(5));
        assert_eq!(signal.next_change(Time::ZERO), Some(Time::from_millis(6)));
        assert_eq!((signal.at(Time::ZERO), signal.at(Time::from_millis(6))), (Wire::High.drive(), Wire::Low.drive()));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (text, told) in [
            ("", "'' is not low, floating or high"),
            ("up", "'up' is not low, floating or high"),
            ("high,low", "'low' has no time: write it as LEVEL@TIME, such as low@100ms"),
            ("high,low@soon", "'soon' is not a time"),
            ("high,high@399,low@398", "the change at 398.00 ms does not come after the one before it"),
            ("high,low@1s,high@1000", "the change at 1.000 s does not come after"),
        ] {
            let error = text.parse::<Timeline>().unwrap_err();
            assert!(error.starts_with(told), "{text}: {error}");
        }
    }
}
