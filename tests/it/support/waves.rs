//! What flight controllers send, as functions of time.

use dryflash::periph::signal::{Drive, Signal, Wave};
use dryflash::time::Time;
use std::sync::Arc;

/// Throttle over time, from 0 to 2,047 as DShot counts it: each value from its time on, the first from the beginning.
#[derive(Clone, Debug)]
pub struct Throttle(Vec<(Time, u16)>);

/// The same all the time.
pub fn steady(value: u16) -> Throttle {
    Throttle(vec![(Time::ZERO, value)])
}

/// Idle up to this time, then this.
pub fn idle_then(time: Time, value: u16) -> Throttle {
    Throttle(vec![(Time::ZERO, 0), (time, value)])
}

impl Throttle {
    /// Values from these times on, in milliseconds.
    pub fn steps(steps: &[(u64, u16)]) -> Throttle {
        Throttle(steps.iter().map(|(ms, value)| (Time::from_millis(*ms), *value)).collect())
    }

    fn at(&self, time: Time) -> u16 {
        let past = self.0.partition_point(|(t, _)| *t <= time);
        self.0[past.saturating_sub(1)].1
    }
}

/// Frames that come again and again, each a row of levels; the other level between them.
#[derive(Debug)]
struct Frames {
    period: Time,
    idle: Drive,
    active: Drive,
    throttle: Throttle,
    kind: Kind,
    /// Nothing comes any more from this time on.
    end: Time,
}

#[derive(Debug)]
enum Kind {
    /// Its bit.
    Dshot(Time, bool),
    Servo,
}

impl Frames {
    /// The changes in the frame that begins at `begin`, from its beginning.
    fn changes(&self, begin: Time) -> Vec<(Time, Drive)> {
        let value = self.throttle.at(begin);
        match self.kind {
            Kind::Servo => {
                let width = if value == 0 { 1_000 } else { 1_000 + u64::from(value) * 1_000 / 2_047 };
                vec![(begin, self.active), (begin + Time::from_micros(width), self.idle)]
            }
            Kind::Dshot(bit, inverted) => {
                let word = value << 1;
                let check = (word ^ word >> 4 ^ word >> 8) & 0xF;
                let word = word << 4 | if inverted { check ^ 0xF } else { check };
                let mut all = Vec::new();
                for n in 0..16u64 {
                    let at = begin + Time(bit.0 * n);
                    let share = if word & (0x8000 >> n) != 0 { 6 } else { 3 };
                    all.push((at, self.active));
                    all.push((at + Time(bit.0 * share / 8), self.idle));
                }
                all
            }
        }
    }

    fn begin(&self, time: Time) -> Time {
        Time(time.0 / self.period.0 * self.period.0)
    }
}

impl Wave for Frames {
    fn at(&self, time: Time) -> Drive {
        if time >= self.end {
            return Drive::Low;
        }
        let changes = self.changes(self.begin(time));
        let past = changes.partition_point(|(t, _)| *t <= time);
        past.checked_sub(1).map_or(self.idle, |i| changes[i].1)
    }

    fn next_change(&self, time: Time) -> Option<Time> {
        if time >= self.end {
            return None;
        }
        let begin = self.begin(time);
        let next = self.changes(begin).into_iter().map(|(t, _)| t).find(|t| *t > time);
        Some(next.unwrap_or(begin + self.period).min(self.end))
    }
}

/// DShot of so many kbit/s, frames so many microseconds apart.
pub fn dshot(kbit: u64, inverted: bool, frame_us: u64, throttle: Throttle, end: Time) -> Signal {
    let (idle, active) = if inverted { (Drive::High, Drive::Low) } else { (Drive::Low, Drive::High) };
    let kind = Kind::Dshot(Time(1_000_000_000 / kbit), inverted);
    Signal::wave(Arc::new(Frames { period: Time::from_micros(frame_us), idle, active, throttle, kind, end }))
}

/// Servo pulses of 1 to 2 ms, at 50 Hz.
pub fn servo(throttle: Throttle, end: Time) -> Signal {
    let kind = Kind::Servo;
    let period = Time::from_millis(20);
    Signal::wave(Arc::new(Frames { period, idle: Drive::Low, active: Drive::High, throttle, kind, end }))
}
