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
    /// The longest span that is read unless there are other bounds: an hour, far more than anything waits for.
    pub const LONGEST: Time = Time::from_millis(3_600_000);
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

    /// As [`Time::parse`], from `least` to `most`.
    ///
    /// # Errors
    /// As for [`Time::parse`], with these bounds.
    pub fn parse_between(text: &str, least: Time, most: Time) -> Result<Time, String> {
        Time::read_between(text, Some("ms"), least, most)
    }

    fn read(text: &str, usual: Option<&str>) -> Result<Time, String> {
        Time::read_between(text, usual, Time::ZERO, Time::LONGEST)
    }

    fn read_between(text: &str, usual: Option<&str>, least: Time, most: Time) -> Result<Time, String> {
        let write = match usual {
            Some(_) => "write a number and ns, us, ms or s, such as 50ms; without a unit it is milliseconds",
            None => "write a number and ns, us, ms or s, such as \"50 ms\"",
        };
        let text = text.trim();
        if text.is_empty() {
            return Err(format!("there is no time in it: {write}"));
        }
        let at = text.find(|c: char| c.is_alphabetic()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(at);
        let unit: u64 = match (unit, usual) {
            ("ns", _) => 1_000,
            // The micro sign, and the Greek letter.
            ("us" | "\u{b5}s" | "\u{3bc}s", _) => 1_000_000,
            ("ms", _) | ("", Some("ms")) => 1_000_000_000,
            ("s", _) => 1_000_000_000_000,
            _ => return Err(format!("'{text}' is not a time: {write}")),
        };
        let digits = digits.trim().replace('_', "");
        let (below, digits) = match digits.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, digits.strip_prefix('+').unwrap_or(&digits)),
        };
        let time = picoseconds(digits, unit).ok_or_else(|| format!("'{text}' is not a time: {write}"))?;
        // Below 0 it is none, even where 0 may be.
        if (below && time != Time::ZERO) || time < least || time > most {
            return Err(format!("'{text}' is not between {} and {}", least.bound(), most.bound()));
        }
        Ok(time)
    }

    /// Without digits that say nothing: `0`, `1 ms`, `60 s`.
    fn bound(self) -> String {
        const UNITS: [(u64, &str); 3] = [(1_000_000_000_000, "s"), (1_000_000_000, "ms"), (1_000_000, "us")];
        match UNITS.iter().find(|(unit, _)| self.0.is_multiple_of(*unit)) {
            _ if self == Time::ZERO => "0".to_owned(),
            Some((unit, name)) => format!("{} {name}", self.0 / unit),
            None => self.to_string(),
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

/// So many units of `unit` picoseconds, to the nearest picosecond; digits with at most one point. Beyond 2^64 it stays
/// there.
fn picoseconds(digits: &str, unit: u64) -> Option<Time> {
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
    if !number(whole) || !number(part) || whole.len() + part.len() == 0 {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u128>().unwrap_or(u128::MAX) };
    // A second has twelve places of picoseconds; one more decides how it is rounded.
    let part = part.get(..part.len().min(13)).unwrap_or_default();
    let places = 10u128.pow(part.len() as u32);
    let part = part.parse::<u128>().unwrap_or(0) * u128::from(unit);
    let all = whole.saturating_mul(u128::from(unit)).saturating_add((part + places / 2) / places);
    Some(Time(u64::try_from(all).unwrap_or(u64::MAX)))
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
            ("5\u{b5}s", Time::from_micros(5)),
            ("5 \u{3bc}s", Time::from_micros(5)),
            ("0.0005ns", Time(1)),
            ("1234567.890123us", Time(1_234_567_890_123)),
            (".5ms", Time::from_micros(500)),
            ("-0", Time::ZERO),
        ] {
            assert_eq!(Time::parse(text), Ok(time), "{text}");
        }
        assert_eq!(Time::parse_with_unit("2 s"), Ok(Time::from_millis(2_000)));
        assert!(Time::parse_with_unit("400").unwrap_err().contains("ns, us, ms or s"));
        for text in ["", "ms", "-1", "-1ms", "1h", "1e9s", "3601s", "nan", "inf", "1 MS", "1..2", "0x10", ".", "1-2"] {
            assert!(Time::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_wrong_span_is_told_with_its_bounds_and_units() {
        let (least, most) = (Time::from_millis(1), Time::from_millis(60_000));
        let told = |text: &str| Time::parse_between(text, least, most).unwrap_err();
        assert_eq!(told("61s"), "'61s' is not between 1 ms and 60 s");
        assert_eq!(told("-1"), "'-1' is not between 1 ms and 60 s");
        assert_eq!(told("0.5"), "'0.5' is not between 1 ms and 60 s");
        assert_eq!(told("99999999999s"), "'99999999999s' is not between 1 ms and 60 s");
        for text in ["1h", "5min", "1e3", "fast", "1Ms", "inf", "NaN"] {
            assert!(told(text).starts_with(&format!("'{text}' is not a time: write a number and ns, us, ms or s")));
        }
        assert!(told("").starts_with("there is no time in it: write") && told(" ").starts_with("there is no time"));
        assert_eq!(Time::parse_between("60s", least, most), Ok(most));
        assert_eq!(Time::parse("3601s").unwrap_err(), "'3601s' is not between 0 and 3600 s");
    }

    #[test]
    fn people_read_the_fitting_unit() {
        assert_eq!(Time::from_micros(999).to_string(), "999.0 us");
        assert_eq!(Time::from_micros(5_370).to_string(), "5.37 ms");
        assert_eq!(Time::from_millis(1_250).to_string(), "1.250 s");
    }
}
