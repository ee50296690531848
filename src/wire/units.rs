//! Numbers with units as signals have them: frequencies, resistances, shares, clock errors, times.

use crate::periph::signal::Ohms;
use crate::time::Time;
use std::fmt;

/// Frames in a second, in thousandths of a hertz.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Millihertz(pub u64);

impl Millihertz {
    /// Whole hertz.
    pub const fn hz(hz: u64) -> Millihertz {
        Millihertz(hz * 1_000)
    }

    /// The time from one frame to the next.
    pub const fn period(self) -> Time {
        Time(1_000_000_000_000_000 / self.0)
    }
}

impl fmt::Display for Millihertz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, unit) =
            if self.0.is_multiple_of(1_000_000) { (self.0 as f64 / 1e6, "kHz") } else { (self.0 as f64 / 1e3, "Hz") };
        write!(f, "{n}{unit}")
    }
}

impl fmt::Display for Ohms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n >= 1_000_000 && n.is_multiple_of(1_000) => write!(f, "{}M", f64::from(n) / 1e6),
            n if n >= 1_000 && n.is_multiple_of(100) => write!(f, "{}k", f64::from(n) / 1e3),
            n => write!(f, "{n}"),
        }
    }
}

/// The error of a clock in parts of a million: positive is fast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClockError(pub i32);

impl ClockError {
    /// How long something takes by this clock that takes `nominal` by a good one.
    pub fn of(self, nominal: Time) -> Time {
        let by = (1_000_000 + i64::from(self.0)).max(1) as u128;
        let scaled = (u128::from(nominal.0) * 1_000_000 + by / 2) / by;
        Time(u64::try_from(scaled).unwrap_or(u64::MAX))
    }
}

impl std::str::FromStr for ClockError {
    type Err = String;

    fn from_str(text: &str) -> Result<ClockError, String> {
        clock_error(text)
    }
}

impl fmt::Display for ClockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n % 100 == 0 && n.abs() >= 1_000 => write!(f, "{:+}%", f64::from(n) / 1e4),
            n => write!(f, "{n:+}ppm"),
        }
    }
}

/// A span of time as it is read: `100ms`, `1500us`, `2s`.
pub struct Span(pub Time);

impl fmt::Display for Span {
    /// To the picosecond, so that it is read as what it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (nanos, rest) = (self.0.0 / 1_000, self.0.0 % 1_000);
        if rest != 0 {
            return write!(f, "{}ns", format!("{nanos}.{rest:03}").trim_end_matches('0'));
        }
        let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "us")];
        match units.into_iter().find(|(size, _)| nanos.is_multiple_of(*size)) {
            _ if nanos == 0 => write!(f, "0ms"),
            Some((size, unit)) => write!(f, "{}{unit}", nanos / size),
            // 5.25us, where a microsecond has a short fraction.
            None if nanos.is_multiple_of(10) => write!(f, "{}us", nanos as f64 / 1e3),
            None => write!(f, "{nanos}ns"),
        }
    }
}

/// The width of a pulse: in microseconds, as people think of it.
pub struct Micros(pub Time);

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}us", self.0.0 as f64 / 1e6)
    }
}

/// Digits with at most one point; no exponents, no infinities.
fn plain(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let good = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    if good { text.parse().ok() } else { None }
}

/// What is before one of these ends.
fn before<'a>(text: &'a str, ends: &[&str]) -> Option<&'a str> {
    ends.iter().find_map(|end| text.strip_suffix(end))
}

/// Reads `490Hz`, `2kHz`, `1.5 kHz`, `1MHz`.
pub fn frequency(text: &str) -> Result<Millihertz, String> {
    let hertz = before(text, &["Hz", "hz", "HZ"]);
    let (number, scale) = match hertz.map(|n| (n, n.strip_suffix(['k', 'K']), n.strip_suffix('M'))) {
        Some((_, Some(number), _)) => (number, 1e6),
        Some((_, None, Some(number))) => (number, 1e9),
        Some((number, None, None)) => (number, 1e3),
        None => return Err(format!("'{text}' is not a frequency: write it as 50Hz or 4kHz")),
    };
    let n = plain(number.trim()).map(|n| (n * scale).round());
    match n {
        // A frame a second to a million of them.
        Some(n) if (1e3..=1e9).contains(&n) => Ok(Millihertz(n as u64)),
        Some(_) => Err(format!("'{text}' is not between 1Hz and 1000kHz")),
        None => Err(format!("'{text}' is not a frequency: write it as 50Hz or 4kHz")),
    }
}

/// Ways to write the unit: the letter, and the sign that Unicode has beside it.
const OHM: [&str; 7] = ["ohms", "Ohms", "ohm", "Ohm", "OHM", "\u{3a9}", "\u{2126}"];

/// Reads `50`, `1k`, `4.7k`, `1M`, `10kOhm`.
pub fn ohms(text: &str) -> Result<Ohms, String> {
    let number = before(text, &OHM).unwrap_or(text).trim_end();
    let (number, scale) = match (number.strip_suffix(['k', 'K']), number.strip_suffix('M')) {
        (Some(number), _) => (number, 1e3),
        (None, Some(number)) => (number, 1e6),
        (None, None) => (number, 1.0),
    };
    match plain(number.trim()).map(|n| (n * scale).round()) {
        Some(n) if (0.0..=1e8).contains(&n) => Ok(Ohms(n as u32)),
        Some(_) => Err(format!("'{text}' is not between 0 and 100M")),
        None => Err(format!("'{text}' is not a resistance: write it as 50, 4.7k or 1M")),
    }
}

/// Reads `+1%`, `-200ppm`.
pub fn clock_error(text: &str) -> Result<ClockError, String> {
    let bad = || format!("'{text}' is not a clock's error: write it as +1%, -0.5% or +200ppm");
    let (number, scale) = match (text.strip_suffix('%'), text.strip_suffix("ppm")) {
        (Some(number), _) => (number, 1e4),
        (None, Some(number)) => (number, 1.0),
        (None, None) => return Err(bad()),
    };
    let ppm = (plain(number.trim()).ok_or_else(bad)? * scale).round();
    if ppm.abs() > 1e5 {
        return Err(format!("'{text}' is not between -10% and +10%"));
    }
    Ok(ClockError(ppm as i32))
}

/// Reads `10%` as thousandths.
pub fn permille(text: &str) -> Result<u32, String> {
    let n = text.strip_suffix('%').and_then(|n| plain(n.trim())).map(|n| (n * 10.0).round());
    match n {
        Some(n) if (0.0..=1000.0).contains(&n) => Ok(n as u32),
        _ => Err(format!("'{text}' is not between 0% and 100%")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_written_alike() {
        for text in ["50Hz", "490Hz", "4kHz", "0.5kHz"] {
            let read = frequency(text).unwrap();
            assert_eq!(frequency(&read.to_string()), Ok(read), "{text}");
        }
        for text in ["0", "50", "999", "1k", "4.7k", "1M", "2.2M", "40 k"] {
            let read = ohms(text).unwrap();
            assert_eq!(ohms(&read.to_string()), Ok(read), "{text}");
        }
        for text in ["+1%", "-0.5%", "+200ppm", "1ppm", "-250ppm"] {
            let read = clock_error(text).unwrap();
            assert_eq!(clock_error(&read.to_string()), Ok(read), "{text}");
        }
        for text in ["0ms", "1500us", "2s", "5.25us", "37ns"] {
            assert_eq!(Span(Time::parse(text).unwrap()).to_string(), text);
        }
    }

    #[test]
    fn what_can_be_meant_in_one_way_is_taken() {
        for (text, hz) in [("1MHz", 1_000_000), ("4khz", 4_000), ("4 KHz", 4_000), ("50hz", 50)] {
            assert_eq!(frequency(text), Ok(Millihertz::hz(hz)), "{text}");
        }
        for (text, number) in
            [("10kOhm", 10_000), ("10 k\u{3a9}", 10_000), ("50\u{2126}", 50), ("4.7K", 4_700), ("1MOhm", 1_000_000)]
        {
            assert_eq!(ohms(text), Ok(Ohms(number)), "{text}");
        }
        assert_eq!(Span(Time(37_500)).to_string(), "37.5ns");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "Hz", "1e3Hz", "0Hz", "2MHz", "50", "nanHz", "1001kHz", "5mHz", "kMHz"] {
            assert!(frequency(text).is_err(), "{text}");
        }
        for text in ["", "k", "-1", "1G", "1e3", "101M", "infk"] {
            assert!(ohms(text).is_err(), "{text}");
        }
        for text in ["", "1", "11%", "-10.1%", "%", "1e1%"] {
            assert!(clock_error(text).is_err(), "{text}");
        }
        for text in ["", "101%", "-1%", "5", "%"] {
            assert!(permille(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_fast_clock_takes_less_time() {
        assert_eq!(ClockError(10_000).of(Time(1_010_000)), Time(1_000_000));
        assert_eq!(ClockError(-10_000).of(Time(990_000)), Time(1_000_000));
        assert_eq!(ClockError(0).of(Time(77)), Time(77));
    }
}
