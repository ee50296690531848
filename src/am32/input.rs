//! Which signal an app listens for, from how it has set its input up.
//!
//! AM32 captures both edges of its signal and lets DMA fetch them: 32 at a time with the timer at the core's clock or half
//! of it once it knows that DShot comes, 2 or 3 at a time with a timer at 1 MHz for pulses. Before, it fetches 32 with
//! the core's clock divided by 9 (48 MHz) or 11 (64 MHz).

use std::fmt;

/// A signal that carries a throttle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case", tag = "signal")]
pub enum InputKind {
    /// DShot.
    Dshot {
        /// Its rate in kbit/s.
        kbit: u32,
    },
    /// Pulses whose width is the throttle, of servos or OneShot.
    Pulses,
    /// It is not known yet, or of another kind.
    Unknown,
}

/// How an input that captures is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureSetup<'a> {
    /// Ticks of the timer in a second.
    pub tick_hz: u64,
    /// Captures that DMA fetches before it stops or begins anew.
    pub block: u32,
    /// The captures of a block that is complete.
    pub captures: Option<&'a [u16]>,
}

/// The edges of a frame of DShot.
const FRAME: u32 = 32;
/// Ticks of 1 us tell pulses of milliseconds apart, and no bits of DShot.
const PULSE_HZ: u64 = 1_000_000;
/// AM32 looks for a signal at 5.3 or 5.8 MHz, and reads DShot at 24 MHz at least.
const DSHOT_HZ: u64 = 12_000_000;
/// From here on the timer runs at the core's own clock, which AM32 does for DShot 600 and half of it for DShot 300.
const DSHOT_600_HZ: u64 = 40_000_000;
/// DShot's rates in kbit/s.
const RATES: [u32; 4] = [150, 300, 600, 1_200];

impl InputKind {
    /// Whether it is DShot, of any rate.
    pub const fn is_dshot(self) -> bool {
        matches!(self, InputKind::Dshot { .. })
    }

    /// What an input that is set up so is for.
    pub fn of(setup: &CaptureSetup<'_>) -> InputKind {
        let CaptureSetup { tick_hz, block, captures } = *setup;
        if block >= FRAME && tick_hz >= DSHOT_HZ {
            let by_prescaler = if tick_hz >= DSHOT_600_HZ { 600 } else { 300 };
            let kbit = captures.and_then(|c| rate(c, tick_hz)).unwrap_or(by_prescaler);
            InputKind::Dshot { kbit }
        } else if block < FRAME && tick_hz.abs_diff(PULSE_HZ) < PULSE_HZ / 50 {
            InputKind::Pulses
        } else {
            InputKind::Unknown
        }
    }
}

/// The rate of the frame whose edges were captured; none where these are not those of one frame.
fn rate(captures: &[u16], tick_hz: u64) -> Option<u32> {
    let frame = captures.get(..FRAME as usize)?;
    // 15 bits, and the last one's pulse: 3/8 or 3/4 of a bit. In eighths of a tick.
    let length = u64::from(frame[FRAME as usize - 1].wrapping_sub(frame[0])) * 8;
    let bit = length / (15 * 8 + 4);
    let longest = frame.windows(2).map(|w| u64::from(w[1].wrapping_sub(w[0]))).max()?;
    if bit == 0 || longest > bit {
        return None;
    }
    let kbit = tick_hz / bit / 1_000;
    RATES.into_iter().find(|r| kbit.abs_diff(u64::from(*r)) < u64::from(*r) / 5)
}

/// `DShot 600`, `pulses`, `an unknown signal`.
impl fmt::Display for InputKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InputKind::Dshot { kbit } => write!(f, "DShot {kbit}"),
            InputKind::Pulses => f.write_str("pulses"),
            InputKind::Unknown => f.write_str("an unknown signal"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(tick_hz: u64, block: u32, captures: Option<&[u16]>) -> InputKind {
        InputKind::of(&CaptureSetup { tick_hz, block, captures })
    }

    /// Edges of a frame of zeros with so many ticks a bit.
    fn frame(bit: u32, begin: u16) -> Vec<u16> {
        (0..32).map(|n| begin.wrapping_add((n / 2 * bit + n % 2 * bit * 3 / 8) as u16)).collect()
    }

    #[test]
    fn the_setups_of_am32_are_told_apart() {
        for (tick_hz, block, expected) in [
            (5_333_333, 32, InputKind::Unknown),
            (5_818_181, 32, InputKind::Unknown),
            (48_000_000, 32, InputKind::Dshot { kbit: 600 }),
            (64_000_000, 32, InputKind::Dshot { kbit: 600 }),
            (24_000_000, 32, InputKind::Dshot { kbit: 300 }),
            (32_000_000, 32, InputKind::Dshot { kbit: 300 }),
            (1_000_000, 2, InputKind::Pulses),
            (1_000_000, 3, InputKind::Pulses),
            (1_000_000, 32, InputKind::Unknown),
            (48_000_000, 2, InputKind::Unknown),
        ] {
            assert_eq!(kind(tick_hz, block, None), expected, "{tick_hz} {block}");
        }
    }

    #[test]
    fn the_captures_of_a_frame_tell_its_rate() {
        for (bit, kbit) in [(40, 1_200), (80, 600), (160, 300), (320, 150)] {
            for begin in [0, 65_000] {
                assert_eq!(kind(48_000_000, 32, Some(&frame(bit, begin))), InputKind::Dshot { kbit });
            }
        }
        // Half of a frame, a pause, and half of the next.
        let mut two = frame(40, 0);
        two.iter_mut().skip(16).for_each(|c| *c += 300);
        assert_eq!(kind(48_000_000, 32, Some(&two)), InputKind::Dshot { kbit: 600 });
        assert_eq!(kind(48_000_000, 32, Some(&[7; 32])), InputKind::Dshot { kbit: 600 });
        assert_eq!(kind(48_000_000, 32, Some(&[])), InputKind::Dshot { kbit: 600 });
    }
}
