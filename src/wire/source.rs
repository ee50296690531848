//! One source: what is sent, and when its frames come.

use super::dshot::Dshot;
use super::noise::Noise;
use super::pulses::{self, Protocol};
use super::recorded::{Played, Recording};
use super::sequence::Piece;
use super::serial;
use super::timing::Timing;
use super::train::Train;
use super::units::{ClockError, Micros, Millihertz, Span};
use crate::periph::signal::{Drive, Ohms};
use crate::time::Time;
use std::fmt;
use std::sync::Arc;

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A level.
    Level(Drive),
    /// Pulses.
    Pulses {
        /// The protocol.
        protocol: Protocol,
        /// The pulse.
        width: Time,
        /// Low pulses on a high line.
        inverted: bool,
    },
    /// DShot.
    Dshot(Dshot),
    /// Serial bytes, 8N1.
    Serial {
        /// Bits in a second.
        baud: u32,
        /// At least one.
        bytes: Arc<[u8]>,
        /// From the end of the last byte to the begin of the first.
        gap: Time,
        /// The line idles low.
        inverted: bool,
    },
    /// Short pulses.
    Glitches {
        /// Upward.
        high: bool,
        /// How long.
        width: Time,
    },
    /// Random levels.
    Noise,
    /// What was recorded.
    Recorded {
        /// The recording.
        recording: Arc<Recording>,
        /// What of its begin is left out.
        skip: Time,
    },
}

/// The pull of the other end where none is given: that of an STM32's pin (DS8668 table 53, 25 to 55 kOhm).
pub const USUAL_PULL: Ohms = Ohms(40_000);
/// The gap between serial frames where none is given.
const USUAL_GAP: Time = Time::from_millis(1);
/// The rates of glitches and of noise where none is given.
const USUAL_GLITCHES_HZ: u64 = 1_000;
const USUAL_NOISE_HZ: u64 = 20_000;

/// One source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    kind: Kind,
    timing: Timing,
}

impl Source {
    /// A source whose frames fit into their period.
    ///
    /// # Errors
    /// What does not fit, and what would.
    pub fn new(kind: Kind, timing: Timing) -> Result<Source, String> {
        let source = Source { kind, timing };
        source.judge().map(|()| source)
    }

    /// A level.
    pub const fn level(drive: Drive) -> Source {
        let timing =
            Timing { rate: None, after: None, phase: Time::ZERO, jitter: Time::ZERO, clock: ClockError(0), seed: 0 };
        Source { kind: Kind::Level(drive), timing }
    }

    /// What is sent.
    pub const fn kind(&self) -> &Kind {
        &self.kind
    }

    /// When its frames come.
    pub const fn timing(&self) -> &Timing {
        &self.timing
    }

    /// The same with frames that come later by `phase`, from a sender whose clock is wrong by `clock` in addition. A level
    /// stays what it is.
    #[must_use]
    pub fn varied(&self, phase: Time, clock: ClockError) -> Source {
        if matches!(self.kind, Kind::Level(_)) {
            return self.clone();
        }
        let own = self.timing;
        let clock = ClockError(own.clock.0.saturating_add(clock.0).clamp(-100_000, 100_000));
        // No later than can be read.
        let phase = (own.phase + phase).min(Time::LONGEST);
        Source { kind: self.kind.clone(), timing: Timing { phase, clock, ..own } }
    }

    /// The time from frame to frame, by the sender's own clock; none where nothing is repeated.
    pub fn period(&self) -> Option<Time> {
        let usual = match &self.kind {
            Kind::Level(_) | Kind::Recorded { .. } => return None,
            Kind::Pulses { protocol, .. } => protocol.rates_hz().0,
            Kind::Dshot(dshot) => dshot.usual_hz(),
            Kind::Serial { baud, bytes, gap, .. } => {
                return Some(serial::bits(bytes.len() as u64 * serial::BITS, *baud) + *gap);
            }
            Kind::Glitches { .. } => USUAL_GLITCHES_HZ,
            Kind::Noise => USUAL_NOISE_HZ,
        };
        Some(self.timing.rate.unwrap_or(Millihertz::hz(usual)).period())
    }

    /// When the first and the last change of a recording come, since its part's begin.
    pub(super) fn recorded_changes(&self) -> Option<(Time, Time)> {
        let Kind::Recorded { recording, skip } = &self.kind else { return None };
        let Timing { after, phase, clock, .. } = self.timing;
        let when = |at: Time| after.unwrap_or(Time::ZERO) + phase + clock.of(at.since(*skip));
        recording.changes_after(*skip).map(|(first, last)| (when(first), when(last)))
    }

    /// The shortest period that a frame fits into.
    fn shortest(&self) -> Time {
        match &self.kind {
            Kind::Level(_) | Kind::Recorded { .. } | Kind::Noise => Time::ZERO,
            // What is left at rest has to be seen as such.
            Kind::Pulses { width, .. } | Kind::Glitches { width, .. } => *width + Time::from_nanos(500),
            Kind::Dshot(dshot) => dshot.shortest(),
            Kind::Serial { baud, bytes, .. } => serial::bits(bytes.len() as u64 * serial::BITS, *baud),
        }
    }

    fn judge(&self) -> Result<(), String> {
        let Timing { jitter, .. } = self.timing;
        if let Kind::Pulses { protocol, width, .. } = &self.kind {
            let (least, most) = protocol.widths();
            if *width < least || *width > most {
                let (name, least, most) = (protocol.name(), Micros(least), Micros(most));
                return Err(format!("{} is no pulse of {name}: it goes from {least} to {most}", Micros(*width)));
            }
            let (_, least, most) = protocol.rates_hz();
            if let Some(rate) = self.timing.rate.filter(|r| *r < Millihertz::hz(least) || *r > Millihertz::hz(most)) {
                return Err(format!("{} is sent {least} to {most} times in a second, not at {rate}", protocol.name()));
            }
        }
        let Some(period) = self.period() else { return Ok(()) };
        let needed = self.shortest() + jitter + jitter;
        if period < needed {
            let (what, by) = match jitter {
                Time::ZERO => ("a frame of this", String::new()),
                _ => ("with its jitter a frame of this", " or less jitter".to_owned()),
            };
            let most = Millihertz(1_000_000_000_000_000 / needed.0.max(1));
            return Err(match self.kind {
                Kind::Serial { .. } => format!("{what} takes longer than its gap allows: give it a longer gap{by}"),
                _ if most < Millihertz::hz(1) => format!(
                    "{what} takes {needed}, more than the lowest rate, 1Hz, has between two: make it shorter{by}"
                ),
                _ => {
                    // As people read it; rounded it would be too fast.
                    let most = if most > Millihertz::hz(1_000) {
                        format!("{}kHz", (most.0 / 1_000) as f64 / 1e3)
                    } else {
                        most.to_string()
                    };
                    format!("{what} takes {needed}, and comes at {most} at most: give it a lower rate{by}")
                }
            });
        }
        Ok(())
    }

    /// As a part of a line; `on` where the stream runs already when its part begins.
    pub(super) fn piece(&self, on: bool) -> Piece {
        let Timing { after, phase, jitter, clock, seed, .. } = self.timing;
        let first = after.unwrap_or(Time::ZERO) + phase;
        let train = match &self.kind {
            Kind::Level(drive) => return Piece::Level(*drive),
            Kind::Recorded { recording, skip } => {
                return Piece::Wave(Arc::new(Played { recording: Arc::clone(recording), skip: *skip, first, clock }));
            }
            Kind::Noise => {
                let step = clock.of(self.period().unwrap_or(Time::from_micros(50)));
                return Piece::Wave(Arc::new(Noise { step, first, seed }));
            }
            Kind::Pulses { width, inverted, .. } => {
                let (rest, active) = if *inverted { (Drive::High, Drive::Low) } else { (Drive::Low, Drive::High) };
                pulses::train(*width, active, rest, clock)
            }
            Kind::Glitches { high, width } => {
                let (rest, active) = if *high { (Drive::Low, Drive::High) } else { (Drive::High, Drive::Low) };
                pulses::train(*width, active, rest, clock)
            }
            Kind::Dshot(dshot) => dshot.train(clock),
            Kind::Serial { baud, bytes, inverted, .. } => Train {
                rest: serial::levels(*inverted).0,
                frame: serial::frame(bytes, *baud, *inverted, clock).into(),
                ..pulses::train(Time::ZERO, Drive::Low, Drive::Low, clock)
            },
        };
        let period = clock.of(self.period().unwrap_or(train.period));
        let before = on && after.is_none();
        Piece::Wave(Arc::new(Train { period, first, before, jitter, seed, ..train }))
    }
}

impl fmt::Display for Source {
    /// As it is read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Level(Drive::Low) => write!(f, "low")?,
            Kind::Level(Drive::High) => write!(f, "high")?,
            Kind::Level(Drive::Floating) => write!(f, "floating")?,
            Kind::Level(Drive::PulledLow(ohms)) => write!(f, "pulldown {ohms}")?,
            Kind::Level(Drive::PulledHigh(ohms)) => write!(f, "pullup {ohms}")?,
            Kind::Pulses { protocol, width, .. } => write!(f, "{} {}", protocol.name(), Micros(*width))?,
            Kind::Dshot(dshot) => write!(f, "{dshot}")?,
            Kind::Serial { baud, bytes, gap, .. } => {
                write!(f, "serial {baud} bytes")?;
                for byte in bytes.iter() {
                    write!(f, " {byte:02X}")?;
                }
                if *gap != USUAL_GAP {
                    write!(f, " gap {}", Span(*gap))?;
                }
            }
            Kind::Glitches { high, width } => {
                write!(f, "glitches {} {}", if *high { "high" } else { "low" }, Micros(*width))?;
            }
            Kind::Noise => write!(f, "noise")?,
            Kind::Recorded { recording, skip } => {
                write!(f, "vcd {}", Quoted(recording.path()))?;
                if let Some(line) = recording.asked() {
                    write!(f, " signal {}", Quoted(line))?;
                }
                if *skip != Time::ZERO {
                    write!(f, " skip {}", Span(*skip))?;
                }
            }
        }
        if matches!(self.kind, Kind::Pulses { inverted: true, .. } | Kind::Serial { inverted: true, .. }) {
            write!(f, " inverted")?;
        }
        let Timing { rate, after, phase, jitter, clock, seed } = self.timing;
        if let Some(rate) = rate {
            write!(f, " at {rate}")?;
        }
        if let Some(after) = after {
            write!(f, " after {}", Span(after))?;
        }
        for (word, time) in [("phase", phase), ("jitter", jitter)] {
            if time != Time::ZERO {
                write!(f, " {word} {}", Span(time))?;
            }
        }
        if clock != ClockError(0) {
            write!(f, " clock {clock}")?;
        }
        if seed != 0 {
            write!(f, " seed {seed}")?;
        }
        Ok(())
    }
}

impl Source {
    /// The gap of a serial source that names none.
    pub(super) const fn usual_gap() -> Time {
        USUAL_GAP
    }
}

/// In quotation marks where it would not be one word.
pub(super) struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = !self.0.is_empty() && self.0.chars().all(|c| !c.is_whitespace() && !",@\"".contains(c));
        if plain { f.write_str(self.0) } else { write!(f, "\"{}\"", self.0) }
    }
}
