//! Reloads of the watchdog, by the instruction that makes them: an app's heartbeat.

use crate::time::Time;

/// Reloads from one place after which it counts as a loop.
const STEADY: u64 = 10;
/// Places that are told apart; code has a handful.
const PLACES: usize = 32;

/// Reloads from one instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Beat {
    /// The instruction.
    pub pc: u32,
    /// How many.
    pub count: u64,
    /// The first.
    pub first: Time,
    /// The last.
    pub last: Time,
    /// The longest time from one to the next.
    pub longest: Time,
}

impl Beat {
    /// The mean time from one to the next.
    pub fn interval(&self) -> Time {
        Time(self.last.since(self.first).0 / self.count.saturating_sub(1).max(1))
    }
}

/// All reloads since they were last forgotten.
#[derive(Clone, Debug, Default)]
pub struct Heartbeat {
    places: Vec<Beat>,
    total: u64,
    first: Option<Time>,
    last: Option<Time>,
}

impl Heartbeat {
    /// A reload.
    pub fn beat(&mut self, pc: u32, now: Time) {
        self.total += 1;
        self.first.get_or_insert(now);
        self.last = Some(now);
        if let Some(b) = self.places.iter_mut().find(|b| b.pc == pc) {
            b.longest = b.longest.max(now.since(b.last));
            b.last = now;
            b.count += 1;
        } else if self.places.len() < PLACES {
            self.places.push(Beat { pc, count: 1, first: now, last: now, longest: Time::ZERO });
        }
    }

    /// Reloads in all.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The first of all.
    pub const fn first(&self) -> Option<Time> {
        self.first
    }

    /// The last of all.
    pub const fn last(&self) -> Option<Time> {
        self.last
    }

    /// The place that reloads again and again, where there is one: a main loop.
    pub fn steady(&self) -> Option<Beat> {
        self.places.iter().copied().filter(|b| b.count >= STEADY).max_by_key(|b| b.count)
    }

    /// Forgets all.
    pub fn forget(&mut self) {
        *self = Heartbeat::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_one_place_again_and_again() {
        let mut h = Heartbeat::default();
        for n in 0..9 {
            h.beat(0x100, Time(n));
            h.beat(0x200 + n as u32, Time(n));
        }
        assert_eq!(h.steady(), None, "places of their own are no loop");
        h.beat(0x100, Time(28));
        let beat = h.steady().unwrap();
        assert_eq!((beat.pc, beat.count, beat.longest, beat.interval()), (0x100, 10, Time(20), Time(3)));
        assert_eq!((h.total(), h.first(), h.last()), (19, Some(Time(0)), Some(Time(28))));
    }
}
