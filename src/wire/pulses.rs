//! Throttle as the width of a pulse.

use super::train::Train;
use super::units::ClockError;
use crate::periph::signal::Drive;
use crate::time::Time;

/// The protocols whose throttle is a pulse's width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// 1000 to 2000 us, 50 to 490 in a second.
    Servo,
    /// An eighth of these.
    OneShot125,
    /// 42 to 84 us.
    OneShot42,
    /// 5 to 25 us.
    Multishot,
}

/// What a protocol allows.
struct Facts {
    name: &'static str,
    /// Idle and full throttle.
    idle: Time,
    full: Time,
    /// What may be asked for: senders are set up beyond both ends.
    least: Time,
    most: Time,
    /// Pulses in a second: unless told otherwise, at least, and at most.
    rates_hz: (u64, u64, u64),
}

impl Protocol {
    /// All of them.
    pub const ALL: [Protocol; 4] = [Protocol::Servo, Protocol::OneShot125, Protocol::OneShot42, Protocol::Multishot];

    const fn facts(self) -> Facts {
        /// Widths in tenths of a microsecond, rates in hertz.
        const fn facts(name: &'static str, ends: [u64; 2], limits: [u64; 2], rates_hz: [u64; 3]) -> Facts {
            const fn time(tenths: u64) -> Time {
                Time::from_nanos(tenths * 100)
            }
            Facts {
                name,
                idle: time(ends[0]),
                full: time(ends[1]),
                least: time(limits[0]),
                most: time(limits[1]),
                rates_hz: (rates_hz[0], rates_hz[1], rates_hz[2]),
            }
        }
        match self {
            Protocol::Servo => facts("servo", [10_000, 20_000], [5_000, 25_000], [50, 50, 490]),
            Protocol::OneShot125 => facts("oneshot125", [1_250, 2_500], [600, 3_200], [1_000, 50, 3_000]),
            Protocol::OneShot42 => facts("oneshot42", [420, 840], [200, 1_100], [4_000, 50, 9_000]),
            Protocol::Multishot => facts("multishot", [50, 250], [20, 320], [8_000, 50, 30_000]),
        }
    }

    /// As it is written.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// The pulse for a share of the throttle in thousandths.
    pub const fn width(self, permille: u32) -> Time {
        let Facts { idle, full, .. } = self.facts();
        Time(idle.0 + (full.0 - idle.0) / 1_000 * permille as u64)
    }

    /// The widths that may be asked for.
    pub const fn widths(self) -> (Time, Time) {
        let Facts { least, most, .. } = self.facts();
        (least, most)
    }

    /// Pulses in a second: unless told otherwise, at least, and at most.
    pub const fn rates_hz(self) -> (u64, u64, u64) {
        self.facts().rates_hz
    }
}

/// The line as it carries pulses of this width.
pub(super) fn train(width: Time, active: Drive, rest: Drive, clock: ClockError) -> Train {
    let frame = [(Time::ZERO, active), (clock.of(width), rest)];
    Train { rest, frame: frame.into(), period: width, first: Time::ZERO, before: false, jitter: Time::ZERO, seed: 0 }
}
