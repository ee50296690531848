//! Virtual time: picoseconds since power-on, and the core's cycle counter.
//!
//! The core counts HCLK cycles; everything that has a rate of its own (LSI, flash operations, start-up
//! times) counts picoseconds. [`Now`] carries both, taken at the same instant.

use std::fmt;
use std::ops::{Add, Sub};

/// A point in virtual time, or a span of it, in picoseconds. 2^64 ps are 213 days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Time {
    /// Power-on.
    pub const ZERO: Time = Time(0);
    /// Later than anything that can happen.
    pub const NEVER: Time = Time(u64::MAX);

    /// A span of whole nanoseconds.
    pub const fn from_nanos(nanos: u64) -> Time {
        Time(nanos.saturating_mul(1_000))
    }

    /// A span of whole microseconds.
    pub const fn from_micros(micros: u64) -> Time {
        Time(micros.saturating_mul(1_000_000))
    }

    /// A span of whole milliseconds.
    pub const fn from_millis(millis: u64) -> Time {
        Time(millis.saturating_mul(1_000_000_000))
    }

    /// The span that `cycles` of a clock of `hz` take, rounded up to a whole picosecond.
    pub fn from_cycles(cycles: u64, hz: u64) -> Time {
        let hz = hz.max(1);
        Time(u64::try_from((u128::from(cycles) * 1_000_000_000_000).div_ceil(u128::from(hz))).unwrap_or(u64::MAX))
    }

    /// Reads a span: a number and `ns`, `us`, `ms` or `s`. A number alone is milliseconds.
    ///
    /// # Errors
    /// What is wrong with it, and how a span is written.
    pub fn parse(text: &str) -> Result<Time, String> {
        Time::read(text, Some("ms"))
    }

    /// As [`Time::parse`], but the unit has to be there.
    ///
    /// # Errors
    /// As for [`Time::parse`].
    pub fn parse_with_unit(text: &str) -> Result<Time, String> {
        Time::read(text, None)
    }

    fn read(text: &str, usual: Option<&str>) -> Result<Time, String> {
        let text = text.trim();
        let at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(at);
        let nanos = match (unit, usual) {
            ("ns", _) => 1.0,
            ("us", _) => 1e3,
            ("ms", _) | ("", Some("ms")) => 1e6,
            ("s", _) => 1e9,
            _ => {
                return Err(format!("'{text}' is not a time: write a number and ns, us, ms or s, such as \"50 ms\""));
            }
        };
        match digits.trim().replace('_', "").parse::<f64>() {
            // An hour: far more than anything waits for, and far from where f64 loses nanoseconds.
            Ok(n) if (0.0..=3.6e12).contains(&(n * nanos)) => Ok(Time::from_nanos((n * nanos).round() as u64)),
            _ => Err(format!("'{text}' is not a time between 0 and an hour")),
        }
    }

    /// In whole microseconds, rounded down.
    pub const fn as_micros(self) -> u64 {
        self.0 / 1_000_000
    }

    /// In microseconds, for people and reports.
    pub fn micros(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// The later of the two, minus the earlier; zero where `earlier` is the later one.
    pub fn since(self, earlier: Time) -> Time {
        Time(self.0.saturating_sub(earlier.0))
    }
}

impl Add for Time {
    type Output = Time;
    fn add(self, other: Time) -> Time {
        Time(self.0.saturating_add(other.0))
    }
}

impl Sub for Time {
    type Output = Time;
    fn sub(self, other: Time) -> Time {
        self.since(other)
    }
}

impl serde::Serialize for Time {
    /// Microseconds, to the nanosecond.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64((self.0 / 1_000) as f64 / 1e3)
    }
}

impl fmt::Display for Time {
    /// `12.3 us` below a millisecond, `5.37 ms` below a second, `1.250 s` above.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let us = self.micros();
        if us < 1_000.0 {
            write!(f, "{us:.1} us")
        } else if us < 1_000_000.0 {
            write!(f, "{:.2} ms", us / 1e3)
        } else {
            write!(f, "{:.3} s", us / 1e6)
        }
    }
}

/// One instant, seen on both clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// HCLK cycles since power-on (the frequency may have changed on the way).
    pub cycle: u64,
    /// Picoseconds since power-on.
    pub time: Time,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_exact_and_never_wrap() {
        assert_eq!(Time::from_cycles(48_000_000, 48_000_000), Time::from_millis(1_000));
        assert_eq!(Time::from_cycles(1, 48_000_000), Time(20_834));
        assert_eq!(Time::from_cycles(u64::MAX, 1), Time::NEVER);
        assert_eq!(Time(5).since(Time(9)), Time::ZERO);
    }

    #[test]
    fn spans_are_read_with_and_without_units() {
        for (text, time) in [
            ("400", Time::from_millis(400)),
            ("400ms", Time::from_millis(400)),
            ("1.5 ms", Time::from_micros(1_500)),
            (" 2s ", Time::from_millis(2_000)),
            ("250us", Time::from_micros(250)),
            ("1_000 ns", Time::from_micros(1)),
            ("0", Time::ZERO),
            ("3600s", Time::from_millis(3_600_000)),
        ] {
            assert_eq!(Time::parse(text), Ok(time), "{text}");
        }
        assert_eq!(Time::parse_with_unit("2 s"), Ok(Time::from_millis(2_000)));
        assert!(Time::parse_with_unit("400").unwrap_err().contains("ns, us, ms or s"));
        for text in ["", "ms", "-1", "-1ms", "1h", "1e9s", "3601s", "nan", "inf", "1 MS", "1..2", "0x10"] {
            assert!(Time::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn people_read_the_fitting_unit() {
        assert_eq!(Time::from_micros(999).to_string(), "999.0 us");
        assert_eq!(Time::from_micros(5_370).to_string(), "5.37 ms");
        assert_eq!(Time::from_millis(1_250).to_string(), "1.250 s");
    }
}
