//! What is on the signal wire over time: levels, pulses, DShot, serial bytes, what a logic analyser caught; and the small
//! language in which people write it.
//!
//! A signal is one or more parts, each from its time on: `SOURCE[, SOURCE@TIME]...`. Times after an `@` count from
//! power-on.
//!
//! | source | what it is |
//! |---|---|
//! | `low`, `high`, `floating` | a level, driven; or nothing |
//! | `pulldown [OHM]`, `pullup [OHM]` | a resistor at the other end, 40k where none is given |
//! | `servo`, `oneshot125`, `oneshot42`, `multishot` `[WIDTH or PERCENT%]` | pulses; the shortest (idle) where no width is given |
//! | `dshot150`, `dshot300`, `dshot600`, `dshot1200` `[idle, PERCENT%, throttle N or command N]` | DShot frames; `bidirectional`, `telemetry` |
//! | `serial BAUD bytes HEX... [gap TIME]` | bytes, 8N1, over and over; `inverted` |
//! | `glitches high\|low WIDTH` | short pulses on a line that is otherwise at the other level |
//! | `noise` | random levels, anew with each step |
//! | `vcd FILE [signal NAME] [skip TIME]` | what was recorded |
//! | a name | a signal of the catalogue, or of the project's file |
//!
//! Each may go on with `at FREQUENCY` (frames in a second), `after TIME` (the line is at rest before; without it the first
//! part's stream is on already at power-on, and a later one's begins with its part), `phase TIME` (frames come later by this), `jitter TIME` (each frame by up to this, either way),
//! `clock +1%` or `clock -200ppm` (the sender's clock is fast or slow), `seed N` (of jitter and noise); and once in a signal
//! `via OHM`: the resistance between whatever drives the wire and the pin.
//!
//! ```
//! use dryflash::wire::Waveform;
//!
//! let boot: Waveform = "floating, pulldown 10k@5ms, low@80ms, dshot300 idle at 4kHz@1.2s".parse()?;
//! assert_eq!(boot.to_string(), "floating, pulldown 10k@5ms, low@80ms, dshot300 idle at 4kHz@1200ms");
//! # Ok::<(), dryflash::wire::SignalError>(())
//! ```

pub mod catalogue;
mod dshot;
mod error;
mod meant;
mod named;
mod noise;
mod parse;
mod pulses;
mod recorded;
mod sequence;
mod serial;
mod source;
mod spec;
mod timing;
mod train;
mod units;
mod waveform;

#[cfg(test)]
mod tests;

pub use dshot::{Dshot, DshotRate};
pub use error::SignalError;
pub use named::Named;
pub use pulses::Protocol;
pub use recorded::{RecordedError, Recording};
pub use source::{Kind, Source};
pub use spec::{Builtin, Names, Spec};
pub use timing::Timing;
pub use units::{ClockError, Millihertz, Span};
pub use waveform::{Level, Part, Waveform};
