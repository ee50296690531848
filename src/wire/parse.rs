//! The grammar: text to a [`Spec`].

use super::catalogue;
use super::dshot::{Dshot, DshotRate};
use super::error::SignalError;
use super::meant;
use super::pulses::Protocol;
use super::source::{Kind, Source, USUAL_PULL};
use super::spec::{Item, Spec, SpecPart};
use super::timing::Timing;
use super::units;
use crate::periph::signal::{Drive, Ohms};
use crate::time::Time;
use std::ops::Range;

/// A word of the text, without its quotation marks.
#[derive(Clone, Debug)]
struct Word<'a> {
    text: &'a str,
    at: Range<usize>,
    quoted: bool,
}

/// The longest text that is read, in bytes: more than any signal is printed with (see [`super::spec`]).
const LONGEST: usize = 96 << 10;

/// Reads a signal.
pub(super) fn spec(text: &str) -> Result<Spec, SignalError> {
    if text.len() > LONGEST {
        let message = format!("a text of {} bytes is no signal: at most {LONGEST}", text.len());
        return Err(SignalError::new(text, 0..text.len(), message));
    }
    let mut parts: Vec<SpecPart> = Vec::new();
    let mut via: Option<Ohms> = None;
    for (n, at) in split(text, 0..text.len(), ',')?.into_iter().enumerate() {
        let mut halves = split(text, at.clone(), '@')?.into_iter();
        let source = halves.next().unwrap_or(at.clone());
        let from = match (n, halves.next()) {
            (0, None) => Time::ZERO,
            (_, Some(time)) => {
                let from = moment(text, &source, &time)?;
                if n == 0 && from != Time::ZERO {
                    let hint = "the first part is there from power-on: let it begin later with 'after', or put a level before it";
                    return Err(SignalError::new(text, trim(text, &time), hint));
                }
                from
            }
            (_, None) => {
                let at = trim(text, &source);
                let message = match &text[at.clone()] {
                    "" => "there is nothing between the commas: write SIGNAL@TIME, such as low@100ms".to_owned(),
                    word => format!("'{word}' has no time: write it as SIGNAL@TIME, such as low@100ms"),
                };
                return Err(SignalError::new(text, at, message));
            }
        };
        if let Some(second) = halves.next() {
            return Err(SignalError::new(text, trim(text, &second), "a part has but one time"));
        }
        if parts.last().is_some_and(|p| n > 0 && p.from >= from) {
            let message = format!("the change at {from} does not come after the one before it");
            return Err(SignalError::new(text, trim(text, &at), message));
        }
        let at = trim(text, &source);
        let (item, through) = part(text, source)?;
        if let Some(ohms) = through {
            if via.is_some() {
                return Err(SignalError::new(text, at, "a wire has but one 'via'"));
            }
            via = Some(ohms);
        }
        parts.push(SpecPart { from, at, item });
    }
    Ok(Spec { text: text.to_owned(), parts, via })
}

/// The time behind an `@`, alone.
fn moment(text: &str, source: &Range<usize>, time: &Range<usize>) -> Result<Time, SignalError> {
    let at = trim(text, time);
    let words = &text[at.clone()];
    Time::parse(words).map_err(|e| {
        let spaces = words.char_indices().filter(|(_, c)| c.is_whitespace());
        // A time is two words at most.
        let split: Vec<(&str, &str)> = spaces.take(4).map(|(n, _)| words.split_at(n)).collect();
        let mut split = split.into_iter().map(|(time, rest)| (time, rest.trim()));
        match split.rfind(|(time, _)| Time::parse(time).is_ok()) {
            Some((time, rest)) => {
                let source = &text[trim(text, source)];
                let message = format!("'{rest}' has to stand before the time: {source} {rest}@{time}");
                SignalError::new(text, at.end - rest.len()..at.end, message)
            }
            None => SignalError::new(text, at, e),
        }
    })
}

/// The stretches between these separators, which do not count inside quotation marks.
fn split(text: &str, within: Range<usize>, by: char) -> Result<Vec<Range<usize>>, SignalError> {
    let (mut pieces, mut begin, mut quote) = (Vec::new(), within.start, None);
    for (at, c) in text[within.clone()].char_indices().map(|(at, c)| (within.start + at, c)) {
        match quote {
            None if c == by => {
                pieces.push(begin..at);
                begin = at + c.len_utf8();
            }
            None if c == '"' => quote = Some(at),
            Some(_) if c == '"' => quote = None,
            _ => {}
        }
    }
    if let Some(at) = quote {
        return Err(SignalError::new(text, at..within.end, "this quotation mark has no second one"));
    }
    pieces.push(begin..within.end);
    Ok(pieces)
}

fn trim(text: &str, at: &Range<usize>) -> Range<usize> {
    let inside = &text[at.clone()];
    let start = at.start + inside.len() - inside.trim_start().len();
    start..start + inside.trim().len()
}

/// Words of the grammar that a part cannot begin with, with what they come after.
const INNER: [(&str, &str); 18] = [
    ("at", "servo at 400Hz"),
    ("after", "dshot600 after 40ms"),
    ("phase", "dshot600 phase 30us"),
    ("jitter", "servo jitter 2us"),
    ("clock", "dshot600 clock +1%"),
    ("seed", "noise seed 7"),
    ("via", "high via 1k"),
    ("gap", "serial 19200 bytes 00 gap 5ms"),
    ("inverted", "servo inverted"),
    ("bidirectional", "dshot600 bidirectional"),
    ("telemetry", "dshot600 telemetry"),
    ("signal", "vcd FILE signal CH3"),
    ("skip", "vcd FILE skip 12ms"),
    ("bytes", "serial 19200 bytes 00"),
    ("idle", "dshot600 idle"),
    ("throttle", "dshot600 throttle 1046"),
    ("command", "dshot600 command 21"),
    ("dshot", "dshot600"),
];

/// The words of a stretch. A number and the unit behind it are one.
fn words(text: &str, within: Range<usize>) -> Vec<Word<'_>> {
    const UNITS: [&str; 22] = [
        "ns",
        "us",
        "\u{b5}s",
        "\u{3bc}s",
        "ms",
        "s",
        "Hz",
        "kHz",
        "MHz",
        "ppm",
        "%",
        "k",
        "M",
        "ohm",
        "kohm",
        "Ohm",
        "kOhm",
        "MOhm",
        "\u{3a9}",
        "k\u{3a9}",
        "\u{2126}",
        "k\u{2126}",
    ];
    let mut words: Vec<Word<'_>> = Vec::new();
    let mut at = within.start;
    while at < within.end {
        let rest = &text[at..within.end];
        let skipped = rest.len() - rest.trim_start().len();
        if skipped > 0 {
            at += skipped;
            continue;
        }
        let word = if let Some(inside) = rest.strip_prefix('"') {
            let end = inside.find('"').unwrap_or(inside.len());
            Word { text: &inside[..end], at: at..(at + end + 2).min(within.end), quoted: true }
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(rest.len());
            Word { text: &rest[..end], at: at..at + end, quoted: false }
        };
        at = word.at.end;
        match words.last_mut() {
            Some(last)
                if !last.quoted
                    && !word.quoted
                    && UNITS.contains(&word.text)
                    && last.text.ends_with(|c: char| c.is_ascii_digit())
                    && last.text.chars().all(|c| c.is_ascii_digit() || "+-._".contains(c)) =>
            {
                last.text = &text[last.at.start..word.at.end];
                last.at.end = word.at.end;
            }
            _ => words.push(word),
        }
    }
    words
}

/// The words of one part, as they are taken one by one.
struct Words<'a> {
    text: &'a str,
    words: std::iter::Peekable<std::vec::IntoIter<Word<'a>>>,
    /// Where the part ends.
    end: usize,
}

impl<'a> Words<'a> {
    fn take_if(&mut self, wanted: impl FnOnce(&str) -> bool) -> Option<Word<'a>> {
        self.words.next_if(|w| !w.quoted && wanted(w.text))
    }

    /// The word after `option`.
    fn after(&mut self, option: &Word<'_>, what: &str) -> Result<Word<'a>, SignalError> {
        let (text, end) = (self.text, self.end);
        self.words
            .next()
            .ok_or_else(|| SignalError::new(text, end..end, format!("after '{}' there has to be {what}", option.text)))
    }

    /// The same, read.
    fn read<T>(
        &mut self,
        option: &Word<'_>,
        what: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, SignalError> {
        let word = self.after(option, what)?;
        read(word.text).map_err(|e| self.wrong(&word, e))
    }

    fn wrong(&self, word: &Word<'_>, message: impl Into<String>) -> SignalError {
        SignalError::new(self.text, word.at.clone(), message)
    }
}

/// The sources that send something.
const SENDERS: &str =
    "servo, oneshot125, oneshot42, multishot, dshot150, dshot300, dshot600, dshot1200, serial, glitches, noise and vcd";

/// Whether a word is one that sources go on with.
fn is_option(word: &str) -> bool {
    INNER.iter().any(|(inner, _)| *inner == word)
}

/// Whether a word begins as a number does.
fn numeric(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit() || c == '.')
}

fn part(text: &str, within: Range<usize>) -> Result<(Item, Option<Ohms>), SignalError> {
    let at = trim(text, &within);
    let mut words = Words { text, words: words(text, within).into_iter().peekable(), end: at.end };
    let Some(first) = words.words.next() else {
        return Err(SignalError::new(text, at, "there is no signal: write low, high, floating, servo, dshot600, ..."));
    };
    let mut draft = Draft { item: head(&mut words, &first)?, timing: Timing::default(), via: None };
    let mut given: Vec<&str> = Vec::new();
    while let Some(word) = words.words.next() {
        if given.contains(&word.text) {
            return Err(words.wrong(&word, format!("'{}' is there twice", word.text)));
        }
        draft.option(&mut words, &word)?;
        given.push(word.text);
    }
    let Draft { item, timing, via } = draft;
    let item = match item {
        Begun::Kind(kind) => Item::Source(Source::new(kind, timing).map_err(|e| SignalError::new(text, at, e))?),
        Begun::Named(name) => Item::Named(name),
        Begun::File { path, line, skip } => Item::File { path, line, skip, timing },
    };
    Ok((item, via))
}

/// A part whose options are still to come.
enum Begun {
    Kind(Kind),
    Named(String),
    File { path: String, line: Option<String>, skip: Time },
}

struct Draft {
    item: Begun,
    timing: Timing,
    via: Option<Ohms>,
}

/// The source's own words.
fn head(words: &mut Words<'_>, first: &Word<'_>) -> Result<Begun, SignalError> {
    if first.quoted {
        return Err(words.wrong(first, "only the names of files and lines are written in quotation marks"));
    }
    let pull = |words: &mut Words<'_>| match words.take_if(numeric) {
        Some(word) => units::ohms(word.text).map_err(|e| words.wrong(&word, e)),
        None => Ok(USUAL_PULL),
    };
    let kind = match first.text {
        "low" => Kind::Level(Drive::Low),
        "high" => Kind::Level(Drive::High),
        "floating" => Kind::Level(Drive::Floating),
        "pulldown" => Kind::Level(Drive::PulledLow(pull(words)?)),
        "pullup" => Kind::Level(Drive::PulledHigh(pull(words)?)),
        "noise" => Kind::Noise,
        "serial" => serial(words, first)?,
        "glitches" => glitches(words, first)?,
        "vcd" => {
            let path = words.after(first, "a file")?.text.to_owned();
            return Ok(Begun::File { path, line: None, skip: Time::ZERO });
        }
        other => match (Protocol::ALL.iter().find(|p| p.name() == other), other.strip_prefix("dshot")) {
            (Some(protocol), _) => pulses(words, *protocol)?,
            (None, Some(rate)) if !rate.is_empty() && rate.chars().all(|c| c.is_ascii_digit()) => {
                dshot(words, first, rate)?
            }
            _ => match INNER.iter().find(|(word, _)| *word == other) {
                Some((_, example)) => {
                    let message = format!("no signal begins with '{other}': it is written as in '{example}'");
                    return Err(words.wrong(first, message));
                }
                None => return Ok(Begun::Named(other.to_owned())),
            },
        },
    };
    Ok(Begun::Kind(kind))
}

fn pulses(words: &mut Words<'_>, protocol: Protocol) -> Result<Kind, SignalError> {
    let width = match words.take_if(|w| w == "idle" || numeric(w)) {
        None => protocol.width(0),
        Some(word) if word.text == "idle" => protocol.width(0),
        Some(word) if word.text.ends_with('%') => {
            protocol.width(units::permille(word.text).map_err(|e| words.wrong(&word, e))?)
        }
        Some(word) => Time::parse_with_unit(word.text).map_err(|e| words.wrong(&word, e))?,
    };
    Ok(Kind::Pulses { protocol, width, inverted: false })
}

fn dshot(words: &mut Words<'_>, first: &Word<'_>, rate: &str) -> Result<Kind, SignalError> {
    let Some(rate) = DshotRate::ALL.into_iter().find(|r| r.kbit().to_string() == rate) else {
        return Err(
            words.wrong(first, format!("there is no dshot{rate}: it is dshot150, dshot300, dshot600 or dshot1200"))
        );
    };
    let number = |words: &Words<'_>, word: &Word<'_>, what: &str, good: &dyn Fn(u16) -> bool| {
        let number = word.text.parse().ok().filter(|n| good(*n));
        number.ok_or_else(|| words.wrong(word, format!("'{}' is not {what}", word.text)))
    };
    let value = match words.take_if(|w| ["idle", "throttle", "command"].contains(&w) || numeric(w)) {
        None => Dshot::IDLE,
        Some(word) => match word.text {
            "idle" => Dshot::IDLE,
            "throttle" => {
                let what = "a throttle: 0, or 48 to 2047";
                let value = words.after(&word, what)?;
                number(words, &value, what, &|n| n == 0 || (48..=Dshot::FULL).contains(&n))?
            }
            "command" => {
                let what = "a command: 1 to 47";
                let value = words.after(&word, what)?;
                number(words, &value, what, &|n| (1..=Dshot::LAST_COMMAND).contains(&n))?
            }
            text if text.ends_with('%') => Dshot::throttle(units::permille(text).map_err(|e| words.wrong(&word, e))?),
            text => {
                let hint =
                    format!("'{text}' is no share of the throttle: write 10%, throttle 48 to 2047, or command 1 to 47");
                return Err(words.wrong(&word, hint));
            }
        },
    };
    Ok(Kind::Dshot(Dshot { rate, value, telemetry: false, bidirectional: false }))
}

fn serial(words: &mut Words<'_>, first: &Word<'_>) -> Result<Kind, SignalError> {
    let baud = words.read(first, "a baud rate, such as 19200", |text| {
        text.parse()
            .ok()
            .filter(|n| (300..=4_000_000).contains(n))
            .ok_or_else(|| format!("'{text}' is not a baud rate from 300 to 4000000"))
    })?;
    let Some(keyword) = words.take_if(|w| w == "bytes") else {
        let end = words.end;
        return Err(SignalError::new(
            words.text,
            end..end,
            "after the baud rate there has to be 'bytes' and the bytes, such as bytes 00 0D 42",
        ));
    };
    let mut bytes: Vec<u8> = Vec::new();
    let hex = |w: &str| w.len() >= 2 && w.chars().all(|c| c.is_ascii_hexdigit());
    while let Some(word) = words.take_if(hex) {
        if !word.text.len().is_multiple_of(2) {
            return Err(words.wrong(&word, format!("'{}' is half a byte too much: a byte has two digits", word.text)));
        }
        bytes.extend((0..word.text.len()).step_by(2).filter_map(|i| u8::from_str_radix(&word.text[i..i + 2], 16).ok()));
    }
    if bytes.is_empty() {
        return Err(words.wrong(&keyword, "after 'bytes' there have to be bytes, such as 00 0D 42"));
    }
    if bytes.len() > 4_096 {
        return Err(words.wrong(&keyword, format!("these are {} bytes: at most 4096", bytes.len())));
    }
    Ok(Kind::Serial { baud, bytes: bytes.into(), gap: Source::usual_gap(), inverted: false })
}

fn glitches(words: &mut Words<'_>, first: &Word<'_>) -> Result<Kind, SignalError> {
    let high = words.read(first, "'high' or 'low', and how long they are", |text| match text {
        "high" => Ok(true),
        "low" => Ok(false),
        other => Err(format!("'{other}' is not high or low: glitches high 2us are pulses on a low line")),
    })?;
    let width = words.read(first, "how long they are, such as 2us", Time::parse_with_unit)?;
    if width == Time::ZERO {
        return Err(words.wrong(first, "a glitch lasts longer than 0"));
    }
    Ok(Kind::Glitches { high, width })
}

impl Draft {
    /// Takes one option.
    fn option(&mut self, words: &mut Words<'_>, word: &Word<'_>) -> Result<(), SignalError> {
        let known = !word.quoted;
        if known && word.text == "via" {
            self.via = Some(words.read(word, "a resistance, such as 1k", units::ohms)?);
            return Ok(());
        }
        if !known || matches!(self.item, Begun::Named(_) | Begun::Kind(Kind::Level(_))) {
            return Err(self.unknown(words, word));
        }
        let timing = &mut self.timing;
        match (word.text, &mut self.item) {
            ("at", Begun::Kind(kind)) if !matches!(kind, Kind::Serial { .. }) => {
                timing.rate = Some(words.read(word, "a frequency, such as 4kHz", units::frequency)?);
            }
            ("after", _) => timing.after = Some(words.read(word, "a time, such as 40ms", Time::parse_with_unit)?),
            ("phase", _) => timing.phase = words.read(word, "a time, such as 30us", Time::parse_with_unit)?,
            ("jitter", Begun::Kind(kind)) if !matches!(kind, Kind::Noise) => {
                timing.jitter = words.read(word, "a time, such as 2us", Time::parse_with_unit)?;
            }
            ("clock", _) => {
                timing.clock = words.read(word, "the clock's error, such as +1% or -200ppm", units::clock_error)?;
            }
            ("seed", Begun::Kind(_)) => {
                timing.seed = words.read(word, "a whole number", |text| {
                    text.parse().map_err(|_| format!("'{text}' is not a whole number"))
                })?;
            }
            ("gap", Begun::Kind(Kind::Serial { gap, .. })) => {
                *gap = words.read(word, "a time, such as 5ms", Time::parse_with_unit)?;
            }
            ("inverted", Begun::Kind(Kind::Serial { inverted, .. } | Kind::Pulses { inverted, .. })) => {
                *inverted = true
            }
            ("bidirectional", Begun::Kind(Kind::Dshot(dshot))) => dshot.bidirectional = true,
            ("telemetry", Begun::Kind(Kind::Dshot(dshot))) => dshot.telemetry = true,
            ("signal", Begun::File { line, .. }) => *line = Some(words.after(word, "the line's name")?.text.to_owned()),
            ("skip", Begun::File { skip, .. }) => {
                *skip = words.read(word, "a time, such as 12ms", Time::parse_with_unit)?;
            }
            _ => return Err(self.unknown(words, word)),
        }
        Ok(())
    }

    fn unknown(&self, words: &Words<'_>, word: &Word<'_>) -> SignalError {
        let options = match &self.item {
            Begun::Named(name) => {
                // Whoever goes on with a number means no name.
                let sends = catalogue::find(name).is_none() && (numeric(word.text) || is_option(word.text));
                let (meant, what) = (meant::instead_of(name), word.text);
                let wrong = match meant {
                    Some(meant) => format!("'{name}' takes nothing after it but 'via': did you mean {meant}?"),
                    None if sends => {
                        format!("'{name}' sends nothing that '{what}' could be of: what sends is {SENDERS}")
                    }
                    None => format!("'{name}' is a name, and takes nothing after it but 'via'; what is '{what}'?"),
                };
                return words.wrong(word, wrong);
            }
            Begun::Kind(Kind::Level(_)) => "via",
            Begun::Kind(Kind::Pulses { .. }) => "at, after, phase, jitter, clock, seed, inverted, via",
            Begun::Kind(Kind::Dshot(_)) => "at, after, phase, jitter, clock, seed, bidirectional, telemetry, via",
            Begun::Kind(Kind::Serial { .. }) => "gap, after, phase, jitter, clock, seed, inverted, via",
            Begun::Kind(Kind::Glitches { .. }) => "at, after, phase, jitter, clock, seed, via",
            Begun::Kind(Kind::Noise) => "at, after, phase, clock, seed, via",
            Begun::Kind(Kind::Recorded { .. }) | Begun::File { .. } => "signal, skip, after, phase, clock, via",
        };
        words.wrong(word, format!("'{}' does not belong here; what can follow is {options}", word.text))
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::Waveform;

    fn error(text: &str) -> String {
        text.parse::<Waveform>().unwrap_err().to_string()
    }

    #[test]
    fn a_signal_is_written_as_it_is_read() {
        for text in [
            "low",
            "high,low@100ms",
            "floating,high@1ns,low@1500us,high@2s,low@61s",
            "pulldown 10k, low@80ms, dshot300 idle at 4kHz@1200ms",
            "servo 1500us at 50Hz phase 3ms jitter 2us clock +1% seed 7",
            "servo 1000us inverted",
            "oneshot125 187.5us at 2kHz",
            "oneshot42 42us after 40ms",
            "multishot 5us clock -200ppm",
            "dshot600 throttle 1046 bidirectional telemetry at 4kHz",
            "dshot150 command 21",
            "serial 19200 bytes 00 0D 42 gap 5ms inverted",
            "glitches high 2us at 0.5kHz via 4.7k",
            "noise at 100kHz seed 3",
        ] {
            let read: Waveform = text.parse().unwrap();
            assert_eq!(read.to_string(), text.replace("0.5kHz", "500Hz"));
            assert_eq!(read.to_string().parse(), Ok(read), "{text}");
        }
    }

    #[test]
    fn what_is_left_out_is_what_is_usual() {
        for (short, long) in [
            ("high, low@0.1s", "high,low@100ms"),
            ("high,low@100", "high,low@100ms"),
            ("pullup", "pullup 40k"),
            ("servo", "servo 1000us"),
            ("servo 10%", "servo 1100us"),
            ("dshot600", "dshot600 idle"),
            ("dshot300 10%", "dshot300 throttle 247"),
            ("dshot300 0%", "dshot300 idle"),
            ("multishot 100 %", "multishot 25us"),
            ("dshot600 idle at 8 kHz after 40 ms", "dshot600 idle at 8kHz after 40ms"),
            ("serial 115200 bytes 55aa01 gap 1 ms", "serial 115200 bytes 55 AA 01"),
            ("low via 1kohm", "low via 1k"),
        ] {
            assert_eq!(short.parse::<Waveform>().unwrap().to_string(), long);
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (text, told) in [
            ("", "there is no signal: write low, high, floating, servo, dshot600, ..."),
            ("hihg", "there is no signal 'hihg': did you mean high?"),
            (
                "high,low",
                "'low' has no time: write it as SIGNAL@TIME, such as low@100ms (at character 6 of 'high,low')",
            ),
            ("high,,low@3", "there is nothing between the commas"),
            ("high,low@soon", "'soon' is not a time: write a number and ns, us, ms or s"),
            ("high,high@399,low@398", "the change at 398.00 ms does not come after the one before it (at character 15"),
            ("low@1ms", "the first part is there from power-on"),
            ("low,high@1@2", "a part has but one time"),
            ("low 5", "'5' does not belong here; what can follow is via"),
            ("servo 5ms", "5000us is no pulse of servo: it goes from 500us to 2500us"),
            ("servo at 500Hz", "servo is sent 50 to 490 times in a second, not at 500Hz"),
            ("servo 1500", "'1500' is not a time"),
            ("dshot500", "there is no dshot500: it is dshot150"),
            ("dshot600 throttle 47", "'47' is not a throttle: 0, or 48 to 2047"),
            ("dshot600 command 48", "'48' is not a command: 1 to 47"),
            ("dshot600 1000", "'1000' is no share of the throttle"),
            (
                "dshot600 idle at 40kHz",
                "a frame of this takes 30.0 us, and comes at 33.333kHz at most: give it a lower rate",
            ),
            (
                "glitches high 2s",
                "a frame of this takes 2.000 s, more than the lowest rate, 1Hz, has between two: make it shorter",
            ),
            ("low, high@5ms via 1k", "'via 1k' has to stand before the time: high via 1k@5ms (at character 15"),
            ("servo@0 at 50 Hz", "'at 50 Hz' has to stand before the time: servo at 50 Hz@0 (at character 9"),
            ("LOW", "there is no signal 'LOW': did you mean low?"),
            ("float", "there is no signal 'float': did you mean floating?"),
            ("pull-up", "there is no signal 'pull-up': did you mean pullup?"),
            ("DSHOT600 idle", "'DSHOT600' takes nothing after it but 'via': did you mean dshot600?"),
            ("dshot150 bidirectional at 4kHz", "a frame of this takes 278.7 us"),
            ("dshot600 at 8kHz jitter 60us", "with its jitter a frame of this takes 150.0 us"),
            ("dshot600 at", "after 'at' there has to be a frequency, such as 4kHz"),
            ("dshot600 at 8kHz at 4kHz", "'at' is there twice (at character 18"),
            ("dshot600 gap 5ms", "'gap' does not belong here; what can follow is at, after"),
            ("serial 19200", "after the baud rate there has to be 'bytes'"),
            ("serial 100 bytes 00", "'100' is not a baud rate from 300 to 4000000"),
            ("serial 19200 bytes", "after 'bytes' there have to be bytes"),
            ("serial 19200 bytes 012", "'012' is half a byte too much"),
            ("glitches up 2us", "'up' is not high or low"),
            ("glitches high 2ms", "a frame of this takes 2.00 ms"),
            ("pullup 1G", "'1G' is not a resistance"),
            ("low via 1k, high via 2k@5ms", "a wire has but one 'via'"),
            ("held-low at 5kHz", "'held-low' is a name, and takes nothing after it but 'via'"),
            ("via 1k", "no signal begins with 'via': it is written as in 'high via 1k' (at character 1 of 'via 1k')"),
            ("low, after 40ms@1ms", "no signal begins with 'after': it is written as in 'dshot600 after 40ms'"),
            ("idle", "no signal begins with 'idle': it is written as in 'dshot600 idle'"),
            ("pwm 1500us", "'pwm' takes nothing after it but 'via': did you mean servo?"),
            ("dshot-300 at 4kHz", "'dshot-300' sends nothing that 'at' could be of: what sends is servo"),
            ("fc loud", "'fc' is a name, and takes nothing after it but 'via'; what is 'loud'?"),
            ("vcd \"a b.vcd", "this quotation mark has no second one"),
            ("vcd missing.vcd", "missing.vcd cannot be read"),
            ("\"low\"", "only the names of files and lines are written in quotation marks"),
            ("noise clock +50%", "'+50%' is not between -10% and +10%"),
        ] {
            let error = error(text);
            assert!(error.starts_with(told), "{text}: {error}");
        }
    }

    #[test]
    fn nothing_that_is_typed_panics() {
        use proptest::prelude::*;
        let word = prop::sample::select(vec![
            "low",
            "dshot600",
            "servo",
            "serial",
            "vcd",
            "glitches",
            "noise",
            "at",
            "after",
            "via",
            "bytes",
            "@",
            ",",
            "\"",
            "5",
            "5ms",
            "4kHz",
            "1k",
            "10%",
            "FF",
            "é",
            "-1",
            "idle",
            "0",
            "bidirectional",
            " ",
            "999999999999999999999",
        ]);
        proptest!(|(words in prop::collection::vec(word, 0..9), glue in prop::sample::select(vec!["", " "]))| {
            if let Ok(signal) = words.join(glue).parse::<Waveform>() {
                prop_assert_eq!(signal.to_string().parse::<Waveform>(), Ok(signal));
            }
        });
    }
}
