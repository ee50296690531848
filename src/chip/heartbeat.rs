//! Reloads of the watchdog, by the instruction that makes them: an app's heartbeat.

use crate::time::Time;
use std::ops::Range;

/// Reloads from one place after which it counts as a loop: more than any melody has notes.
const STEADY: u64 = 100;
/// Reloads that are further apart are not of one quick run: a main loop comes round within a millisecond.
const QUICK: Time = Time::from_millis(10);
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
    const fn new(pc: u32, now: Time) -> Beat {
        Beat { pc, count: 1, first: now, last: now, longest: Time::ZERO }
    }

    fn again(&mut self, now: Time) {
        self.longest = self.longest.max(now.since(self.last));
        self.last = now;
        self.count += 1;
    }

    /// The mean time from one to the next.
    pub fn interval(&self) -> Time {
        Time(self.last.since(self.first).0 / self.count.saturating_sub(1).max(1))
    }
}

/// One instruction's reloads: all of them, and the last ones that followed each other quickly.
#[derive(Clone, Copy, Debug)]
struct Place {
    all: Beat,
    run: Beat,
}

/// All reloads since they were last forgotten.
#[derive(Clone, Debug, Default)]
pub struct Heartbeat {
    places: Vec<Place>,
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
        if let Some(place) = self.places.iter_mut().find(|p| p.all.pc == pc) {
            place.all.again(now);
            if now.since(place.run.last) > QUICK {
                place.run = Beat::new(pc, now);
            } else {
                place.run.again(now);
            }
        } else if self.places.len() < PLACES {
            let beat = Beat::new(pc, now);
            self.places.push(Place { all: beat, run: beat });
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

    /// The place inside `code` that reloads again and again, where there is one: a main loop. A start-up melody, one
    /// reload a note, is none. Of a place whose reloads follow each other within milliseconds, those alone are told.
    pub fn steady(&self, code: &Range<u32>) -> Option<Beat> {
        let inside = || self.places.iter().filter(|p| code.contains(&p.all.pc));
        let most = |beats: &mut dyn Iterator<Item = Beat>| beats.filter(|b| b.count >= STEADY).max_by_key(|b| b.count);
        most(&mut inside().map(|p| p.run)).or_else(|| most(&mut inside().map(|p| p.all)))
    }

    /// Forgets all.
    pub fn forget(&mut self) {
        *self = Heartbeat::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: Range<u32> = 0x100..0x1000;

    fn beats(h: &mut Heartbeat, pc: u32, start: Time, count: u64, every: Time) {
        for n in 0..count {
            h.beat(pc, start + Time(n * every.0));
        }
    }

    #[test]
    fn a_loop_is_one_place_again_and_again() {
        let mut h = Heartbeat::default();
        for n in 0..99 {
            h.beat(0x100, Time(n));
            h.beat(0x200 + n as u32, Time(n));
        }
        assert_eq!(h.steady(&CODE), None, "places of their own are no loop");
        h.beat(0x100, Time(118));
        let beat = h.steady(&CODE).unwrap();
        assert_eq!((beat.pc, beat.count, beat.longest, beat.interval()), (0x100, 100, Time(20), Time(1)));
        assert_eq!((h.total(), h.first(), h.last()), (199, Some(Time(0)), Some(Time(118))));
        assert_eq!(h.steady(&(0x102..0x1000)), None, "elsewhere");
    }

    #[test]
    fn a_melody_is_no_loop_and_none_of_it_is_told_as_one() {
        let ms = Time::from_millis;
        let mut h = Heartbeat::default();
        beats(&mut h, 0x100, ms(0), 62, ms(300));
        assert_eq!(h.steady(&CODE), None);
        // The same instruction, then, a function of its own that the main loop calls, too.
        beats(&mut h, 0x100, ms(20_000), 100, ms(1));
        let beat = h.steady(&CODE).unwrap();
        assert_eq!((beat.count, beat.first, beat.longest), (100, ms(20_000), ms(1)));
    }

    #[test]
    fn a_slow_loop_is_one_in_the_end() {
        let ms = Time::from_millis;
        let mut h = Heartbeat::default();
        beats(&mut h, 0x100, ms(0), 99, ms(50));
        assert_eq!(h.steady(&CODE), None);
        h.beat(0x100, ms(5_000));
        assert_eq!(h.steady(&CODE).map(|b| (b.count, b.first)), Some((100, ms(0))));
    }
}
