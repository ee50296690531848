//! A whole signal: parts one after another.

use super::sequence::Sequence;
use super::source::{Kind, Source};
use super::units::{ClockError, Span};
use crate::periph::signal::{Drive, Ohms, Signal};
use crate::plural;
use crate::time::Time;
use std::fmt;
use std::sync::Arc;

/// The levels that a wire can be held at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Held low, as a flight controller does.
    Low,
    /// Nothing connected.
    Floating,
    /// Held high, as a configurator does.
    High,
}

impl Level {
    /// As what drives a pin.
    pub const fn drive(self) -> Drive {
        match self {
            Level::Low => Drive::Low,
            Level::Floating => Drive::Floating,
            Level::High => Drive::High,
        }
    }

    /// The level of a drive: a pull holds a wire that nothing else does.
    pub const fn of(drive: Drive) -> Level {
        match drive {
            Drive::Low | Drive::PulledLow(_) => Level::Low,
            Drive::High | Drive::PulledHigh(_) => Level::High,
            Drive::Floating => Level::Floating,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Low => "low",
            Level::Floating => "floating",
            Level::High => "high",
        })
    }
}

/// A source from its time on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    /// Since power-on.
    pub from: Time,
    /// What is on the wire from then on.
    pub source: Source,
}

/// A signal: parts in order of time, the first from power-on. Read from text (see [`crate::wire`]).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Waveform {
    name: Option<String>,
    parts: Vec<Part>,
    via: Option<Ohms>,
}

impl Default for Waveform {
    /// Low, as a flight controller holds it.
    fn default() -> Waveform {
        Waveform::steady(Level::Low)
    }
}

impl Waveform {
    /// A level for ever.
    pub fn steady(level: Level) -> Waveform {
        Waveform::levels(level, [])
    }

    /// A level, and others from later times on, in ascending order.
    pub fn levels(start: Level, changes: impl IntoIterator<Item = (Time, Level)>) -> Waveform {
        let mut parts: Vec<Part> =
            changes.into_iter().map(|(from, level)| Part { from, source: Source::level(level.drive()) }).collect();
        parts.sort_by_key(|p| p.from);
        parts.insert(0, Part { from: Time::ZERO, source: Source::level(start.drive()) });
        Waveform { name: None, parts, via: None }
    }

    /// One source for ever.
    pub fn of(source: Source) -> Waveform {
        Waveform { name: None, parts: vec![Part { from: Time::ZERO, source }], via: None }
    }

    /// Parts in ascending order, the first at 0.
    pub(super) fn new(name: Option<String>, parts: Vec<Part>, via: Option<Ohms>) -> Waveform {
        Waveform { name, parts, via }
    }

    /// The same under a name.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Waveform {
        Waveform { name: Some(name.into()), ..self }
    }

    /// Its name, where it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Its parts: at least one.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The resistance between what drives the wire and the pin, where it was given.
    pub const fn via(&self) -> Option<Ohms> {
        self.via
    }

    /// The level at first and its changes, where it is nothing but levels.
    pub fn as_levels(&self) -> Option<(Level, Vec<(Time, Level)>)> {
        let level = |part: &Part| match part.source.kind() {
            Kind::Level(drive @ (Drive::Low | Drive::High | Drive::Floating)) => Some(Level::of(*drive)),
            _ => None,
        };
        let (first, rest) = self.parts.split_first()?;
        let changes = rest.iter().map(|p| Some((p.from, level(p)?))).collect::<Option<Vec<_>>>()?;
        if self.via.is_some() { None } else { Some((level(first)?, changes)) }
    }

    /// The level that it stays at in the end; none where it goes on changing.
    pub fn last_level(&self) -> Option<Level> {
        match self.parts.last()?.source.kind() {
            Kind::Level(drive) => Some(Level::of(*drive)),
            _ => None,
        }
    }

    /// When its last part begins.
    pub fn last_part(&self) -> Time {
        self.parts.last().map_or(Time::ZERO, |p| p.from)
    }

    /// When the last of its parts is on the wire: a stream's first frame, or a recording's first change, may come later
    /// than its part.
    pub fn begins(&self) -> Time {
        let ends = self.parts.iter().skip(1).map(|p| p.from).chain([Time::NEVER]);
        let begins = |(p, end): (&Part, Time)| {
            let change = p.source.recorded_changes().map(|(first, _)| p.from + first).filter(|first| *first < end);
            change.unwrap_or(p.from + p.source.timing().after.unwrap_or(Time::ZERO))
        };
        self.parts.iter().zip(ends).map(begins).max().unwrap_or(Time::ZERO)
    }

    /// The last change, where the wire ends with a recording: whoever has not watched until then has not seen all of it.
    pub fn recorded_until(&self) -> Option<Time> {
        let last = self.parts.last()?;
        last.source.recorded_changes().map(|(_, end)| last.from + end)
    }

    /// Whether frames are sent in any part of it.
    pub fn is_stream(&self) -> bool {
        self.parts.iter().any(|p| !matches!(p.source.kind(), Kind::Level(_)))
    }

    /// The longest period of its frames, by a good clock.
    pub fn period(&self) -> Option<Time> {
        self.parts.iter().filter_map(|p| p.source.period()).max()
    }

    /// The same with all frames later by `phase`, and a sender whose clock is wrong by `clock` in addition.
    #[must_use]
    pub fn varied(&self, phase: Time, clock: ClockError) -> Waveform {
        let parts = self.parts.iter().map(|p| Part { source: p.source.varied(phase, clock), ..p.clone() }).collect();
        Waveform { parts, ..self.clone() }
    }

    /// What drives the pin, with times that count from `from` (since power-on).
    pub fn signal(&self, from: Time) -> Signal {
        let signal = match self.as_levels() {
            Some((start, changes)) => {
                Signal::timeline(start.drive(), changes.iter().map(|(t, l)| (from + *t, l.drive())).collect())
            }
            None => {
                let piece = |(n, p): (usize, &Part)| (from + p.from, p.source.piece(n == 0));
                Signal::wave(Arc::new(Sequence { pieces: self.parts.iter().enumerate().map(piece).collect() }))
            }
        };
        match self.via {
            Some(ohms) => signal.through(ohms),
            None => signal,
        }
    }

    /// What drives the wire at first, and its changes up to `until`, at most `most` of them.
    pub fn changes(&self, until: Time, most: usize) -> (Drive, Vec<(Time, Drive)>) {
        let signal = self.signal(Time::ZERO);
        let start = signal.at(Time::ZERO);
        let (mut now, mut level, mut changes) = (Time::ZERO, start, Vec::new());
        while let Some(next) = signal.next_change(now).filter(|t| *t <= until && changes.len() < most) {
            let drive = signal.at(next);
            if drive != level {
                changes.push((next, drive));
                level = drive;
            }
            now = next;
        }
        (start, changes)
    }

    /// The text, whatever its name.
    pub fn text(&self) -> String {
        // Levels alone need no quotation marks in a shell.
        let between = if self.as_levels().is_some() { "," } else { ", " };
        let mut text = String::new();
        for (n, part) in self.parts.iter().enumerate() {
            if n > 0 {
                text.push_str(between);
            }
            text.push_str(&part.source.to_string());
            if n == 0
                && let Some(ohms) = self.via
            {
                text.push_str(&format!(" via {ohms}"));
            }
            if n > 0 {
                text.push_str(&format!("@{}", Span(part.from)));
            }
        }
        text
    }

    /// Its name, or its text; where that is long, its begin and how many parts it has.
    pub fn title(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.short())
    }

    fn short(&self) -> String {
        /// Letters of a text that is its own title, and of the begin of one that is not.
        const MOST: usize = 80;
        const BEGIN: usize = 60;
        let text = self.text();
        if text.chars().count() <= MOST {
            return text;
        }
        let begin: String = text.chars().take(BEGIN).collect();
        // Between two parts, else between two words.
        let end = begin.rfind(',').or_else(|| begin.rfind(char::is_whitespace)).unwrap_or(begin.len());
        format!("{} ... ({})", begin[..end].trim_end(), plural::count(self.parts.len() as u64, "part"))
    }
}

impl fmt::Display for Waveform {
    /// As it is read: `high,low@100ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::periph::signal::Drive::{Floating, High, Low, PulledLow};

    fn at(text: &str, us: &[u64]) -> Vec<Drive> {
        let signal = text.parse::<Waveform>().unwrap().signal(Time::ZERO);
        us.iter().map(|us| signal.at(Time::from_micros(*us))).collect()
    }

    #[test]
    fn parts_come_one_after_another() {
        let boot = "floating, pulldown 10k@5us, high@10us, servo 1000us at 400Hz@20us";
        let seen = at(boot, &[0, 4, 5, 10, 19, 20, 1_019, 1_020, 2_519, 2_520]);
        assert_eq!(seen, [Floating, Floating, PulledLow(Ohms(10_000)), High, High, High, High, Low, Low, High]);
    }

    #[test]
    fn a_stream_is_on_unless_it_begins_after() {
        // A pulse every 2.5 ms, 1 ms long, 2 ms later: at power-on the one before has 0.5 ms to go.
        assert_eq!(at("servo at 400Hz phase 2ms", &[0, 499, 500, 1_999, 2_000]), [High, High, Low, Low, High]);
        assert_eq!(at("servo at 400Hz after 2ms", &[0, 499, 1_999, 2_000, 3_000]), [Low, Low, Low, High, Low]);
    }

    #[test]
    fn a_fast_clock_brings_all_of_it_forward() {
        let seen = at("servo at 50Hz clock +1%", &[990, 991, 19_801, 19_802]);
        assert_eq!(seen, [High, Low, Low, High]);
        let varied =
            "low, servo at 50Hz@5ms".parse::<Waveform>().unwrap().varied(Time::from_micros(7), ClockError(-100));
        assert_eq!(varied.to_string(), "low, servo 1000us at 50Hz phase 7us clock -100ppm@5ms");
    }

    #[test]
    fn times_count_from_where_one_says() {
        let wire: Waveform = "high, low@1ms".parse().unwrap();
        let signal = wire.signal(Time::from_millis(5));
        assert_eq!(signal.next_change(Time::ZERO), Some(Time::from_millis(6)));
        assert_eq!((signal.at(Time::ZERO), signal.at(Time::from_millis(6))), (High, Low));
    }

    #[test]
    fn a_long_text_has_a_short_title() {
        let title = |text: &str| text.parse::<Waveform>().unwrap().title();
        let levels: String = (1..200).map(|n| format!(",{}@{n}", if n % 2 == 0 { "low" } else { "high" })).collect();
        let short = "low,high@1ms,low@2ms,high@3ms,low@4ms,high@5ms,low@6ms ... (200 parts)";
        assert_eq!(title(&format!("low{levels}")), short);
        let bytes = format!("serial 19200 bytes{}", " 00".repeat(99));
        assert_eq!(title(&bytes), format!("serial 19200 bytes{} ... (1 part)", " 00".repeat(13)));
        let fits = format!("serial 19200 bytes{}", " 00".repeat(20));
        assert_eq!(title(&fits), fits);
    }

    #[test]
    fn changes_are_listed_up_to_a_time() {
        let (start, changes) = "servo at 400Hz".parse::<Waveform>().unwrap().changes(Time::from_micros(2_500), 99);
        assert_eq!(start, High);
        assert_eq!(changes, [(Time::from_micros(1_000), Low), (Time::from_micros(2_500), High)]);
    }
}
