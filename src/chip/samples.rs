//! What code saw when it looked at its pins: each load of a port's input register, with the pull that was on.
//!
//! A [`Sampler`] is looked after where the bus carries out a load. Rounds of a poll that are skipped count as if each had
//! been made, so a run with one is as quick as without.

use super::Board;
use super::device::Device;
use crate::cpu::Poll;
use crate::periph::gpio::{self, Pull};
use crate::time::Time;

/// A pin: port letter and number.
pub type Place = (char, u8);

/// Equal looks at a pin, one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The first of them.
    pub time: Time,
    /// How many.
    pub times: u64,
    /// The time from one to the next, where there are several.
    pub spacing: Time,
    /// What was read.
    pub high: bool,
    /// The pin's own pull.
    pub pull: Pull,
    /// The instruction.
    pub pc: u32,
}

/// Looks at a pin with the same pull, one after another.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Stretch {
    /// The pin's own pull.
    pub pull: Pull,
    /// All looks.
    #[serde(flatten)]
    pub all: Counted,
    /// The longest time that it was seen low without a break.
    #[serde(rename = "longest_low_us")]
    pub longest_low: Time,
    /// The same by the instruction that looked, in the order of their first looks.
    pub by_place: Vec<ByPlace>,
}

/// Looks by one instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ByPlace {
    /// The instruction.
    pub pc: u32,
    /// Its looks.
    #[serde(flatten)]
    pub looks: Counted,
}

/// Looks, counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Counted {
    /// The first look.
    #[serde(rename = "from_us")]
    pub from: Time,
    /// The last look.
    #[serde(rename = "to_us")]
    pub to: Time,
    /// Looks that saw it low.
    pub low: u64,
    /// Looks that saw it high.
    pub high: u64,
}

impl Counted {
    /// All looks.
    pub const fn looks(&self) -> u64 {
        self.low + self.high
    }

    /// The usual time from one look to the next.
    pub fn spacing(&self) -> Option<Time> {
        let gaps = self.looks().checked_sub(1).filter(|n| *n > 0)?;
        Some(Time(self.to.since(self.from).0 / gaps))
    }

    const fn of(look: &Look) -> Counted {
        let (low, high) = if look.high { (0, look.times) } else { (look.times, 0) };
        Counted { from: look.time, to: look.last(), low, high }
    }

    fn add(&mut self, look: &Look) {
        let more = Counted::of(look);
        self.low += more.low;
        self.high += more.high;
        self.to = self.to.max(more.to);
    }
}

impl Look {
    /// When the last of them was.
    const fn last(&self) -> Time {
        Time(self.time.0 + self.spacing.0 * self.times.saturating_sub(1))
    }
}

/// Stretches that are kept of a pin: code that changes its pull for ever must not fill memory.
const MOST_STRETCHES: usize = 1_000;

/// What was seen of one pin.
#[derive(Clone, Debug)]
pub struct Sampled {
    /// The pin.
    pub pin: Place,
    /// By pull, in order of time.
    pub stretches: Vec<Stretch>,
    /// Each look, where that was asked for; those of skipped rounds in one.
    pub looks: Vec<Look>,
    /// There were more of these, or of stretches, than are kept.
    pub cut_off: bool,
    low_since: Option<Time>,
}

/// Keeps looks at pins.
#[derive(Clone, Debug)]
pub struct Sampler {
    pins: Vec<Sampled>,
    /// What was last read of a port by an instruction: what it reads again and again.
    seen: Vec<(u32, u32)>,
    most: usize,
}

impl Sampler {
    /// One that looks after these pins and keeps at most so many looks of each one by one.
    pub fn new(pins: &[Place], most: usize) -> Sampler {
        let none = |pin: &Place| Sampled {
            pin: *pin,
            stretches: Vec::new(),
            looks: Vec::new(),
            cut_off: false,
            low_since: None,
        };
        Sampler { pins: pins.iter().map(none).collect(), seen: Vec::new(), most }
    }

    /// The pin that code looked at most.
    pub fn into_most(self) -> Option<Sampled> {
        let looks = |s: &Sampled| s.stretches.iter().map(|s| s.all.looks()).sum::<u64>();
        let mut pins: Vec<Sampled> = self.pins.into_iter().filter(|s| looks(s) > 0).collect();
        pins.sort_by_key(|s| std::cmp::Reverse(looks(s)));
        let mut first = pins.into_iter().next()?;
        first.looks.sort_by_key(|l| l.time);
        Some(first)
    }
}

impl Sampled {
    fn push(&mut self, look: Look, most: usize) {
        if self.stretches.last().is_none_or(|s| s.pull != look.pull) {
            if self.stretches.len() == MOST_STRETCHES {
                self.cut_off = true;
                return;
            }
            self.low_since = None;
            self.stretches.push(Stretch {
                pull: look.pull,
                all: Counted { from: look.time, to: look.time, low: 0, high: 0 },
                longest_low: Time::ZERO,
                by_place: Vec::new(),
            });
        }
        if let Some(stretch) = self.stretches.last_mut() {
            stretch.all.add(&look);
            match stretch.by_place.iter_mut().find(|p| p.pc == look.pc) {
                Some(place) => place.looks.add(&look),
                None => stretch.by_place.push(ByPlace { pc: look.pc, looks: Counted::of(&look) }),
            }
            // It was low at most until the look that saw it high.
            let since = *self.low_since.get_or_insert(look.time);
            let until = if look.high { look.time } else { look.last() };
            stretch.longest_low = stretch.longest_low.max(until.since(since));
            if look.high {
                self.low_since = None;
            }
        }
        if self.looks.len() < most {
            self.looks.push(look);
        } else {
            self.cut_off |= most > 0;
        }
    }
}

/// Of a load: the port's letter, and which of its sixteen levels the value has.
struct Loaded {
    letter: char,
    shift: u32,
    bits: u32,
}

impl Board {
    /// Puts a sampler on the board.
    pub fn put_sampler(&mut self, sampler: Sampler) {
        self.sampler = Some(Box::new(sampler));
    }

    /// Takes the sampler off.
    pub fn take_sampler(&mut self) -> Option<Sampler> {
        self.sampler.take().map(|s| *s)
    }

    fn loaded(&self, poll: &Poll) -> Option<Loaded> {
        let n = self.devices.at(poll.address)?;
        let slot = &self.devices.slots[n];
        if !matches!(slot.device, Device::Gpio(_)) || (poll.address - slot.base) & !3 != gpio::reg::IDR {
            return None;
        }
        let letter = char::from(b'A'.wrapping_add(slot.number));
        Some(Loaded { letter, shift: 8 * (poll.address & 3), bits: 8 * poll.width.bytes() })
    }

    /// A load by the core has given this.
    #[cold]
    pub(super) fn sample(&mut self, poll: Poll, value: u32) {
        // Taken out, so that it can be filled while the board is read.
        let Some(mut sampler) = self.sampler.take() else { return };
        if let Some(loaded) = self.loaded(&poll) {
            match sampler.seen.iter_mut().find(|(pc, _)| *pc == poll.pc) {
                Some(seen) => seen.1 = value,
                None => sampler.seen.push((poll.pc, value)),
            }
            self.looks(&mut sampler, &loaded, poll, value, 1, Time::ZERO);
        }
        self.sampler = Some(sampler);
    }

    /// A round was made `times` times more, `period` cycles apart.
    pub(super) fn sample_repeated(&mut self, round: &[Poll], times: u64, period: u64) {
        if times == 0 {
            return;
        }
        let Some(mut sampler) = self.sampler.take() else { return };
        for poll in round {
            if let Some(loaded) = self.loaded(poll) {
                let value = sampler.seen.iter().find(|(pc, _)| *pc == poll.pc).map_or(0, |(_, value)| *value);
                let first = self.hclk.at(poll.cycle + period).time;
                let spacing = self.hclk.at(poll.cycle + 2 * period).time.since(first);
                let next = Poll { cycle: poll.cycle + period, ..*poll };
                self.looks(&mut sampler, &loaded, next, value, times, spacing);
            }
        }
        self.sampler = Some(sampler);
    }

    fn looks(&mut self, sampler: &mut Sampler, at: &Loaded, poll: Poll, value: u32, times: u64, spacing: Time) {
        let time = self.hclk.at(poll.cycle).time;
        let most = sampler.most;
        let Some(gpio) = self.devices.gpio(at.letter) else { return };
        for sampled in sampler.pins.iter_mut().filter(|s| s.pin.0 == at.letter) {
            let bit = u32::from(sampled.pin.1);
            // What the code has not set up it does not look at.
            let Some(pull) = gpio.pull_of_input(sampled.pin.1) else { continue };
            if (at.shift..at.shift + at.bits).contains(&bit) {
                let high = value >> (bit - at.shift) & 1 != 0;
                sampled.push(Look { time, times, spacing, high, pull, pc: poll.pc }, most);
            }
        }
    }
}
