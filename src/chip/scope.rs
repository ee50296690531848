//! What a logic analyser at the chip would see, and a little of what is inside: pins, clock, flash, resets, over time.
//!
//! A [`Scope`] is looked after where the board settles an access or an event: nothing else changes these. So a run with
//! one is as quick as without, and skips the same polls.

use super::Board;
use crate::periph::gpio::Levels;
use crate::time::{Now, Time};
use std::collections::BTreeMap;

/// A line of the scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Line {
    /// HCLK, in Hz.
    Clock,
    /// An operation of the flash is under way: 1.
    FlashBusy,
    /// A reset: 1 for an instant.
    Reset,
    /// A pin: port letter and number.
    Pin(char, u8),
    /// The chip drives the pin itself: 1.
    Output(char, u8),
}

/// What stands on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number, or a level: 0 and 1.
    Number(u64),
    /// Nobody drives the pin, and it has no pull.
    Floats,
    /// The pin is analog, or a block drives it whose output is not modelled.
    Unknown,
}

/// Keeps what happens on the lines.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    changes: Vec<(Time, Line, Value)>,
    hz: u64,
    busy_until: Option<Time>,
    ports: BTreeMap<char, Levels>,
    looked: Time,
}

impl Scope {
    /// All changes in the order of time; those of one instant as they happened. What a line begins with is one, too.
    pub fn into_changes(mut self) -> Vec<(Time, Line, Value)> {
        self.changes.sort_by_key(|(time, ..)| *time);
        self.changes
    }

    fn port(&mut self, time: Time, letter: char, levels: Levels) {
        let begins = !self.ports.contains_key(&letter);
        let before = self.ports.insert(letter, levels).unwrap_or_default();
        if before == levels && !begins {
            return;
        }
        let value = |l: Levels, pin: u8| {
            let has = |mask: u16| mask >> pin & 1 != 0;
            match (has(l.low), has(l.high)) {
                (true, _) => Value::Number(0),
                (_, true) => Value::Number(1),
                _ if has(l.floats) => Value::Floats,
                _ => Value::Unknown,
            }
        };
        for pin in 0..16 {
            let now = value(levels, pin);
            if begins || now != value(before, pin) {
                self.changes.push((time, Line::Pin(letter, pin), now));
            }
            let output = levels.output >> pin & 1;
            if begins || output != before.output >> pin & 1 {
                self.changes.push((time, Line::Output(letter, pin), Value::Number(output.into())));
            }
        }
    }
}

impl Board {
    /// Puts a scope on the board.
    pub fn put_scope(&mut self) {
        self.scope = Some(Box::default());
    }

    /// Takes the scope off, once it has seen all up to `now`.
    pub fn take_scope(&mut self, now: Now) -> Option<Scope> {
        self.look_at_scope(now);
        self.scope.take().map(|s| *s)
    }

    /// A reset begins.
    pub(super) fn scope_reset(&mut self, now: Now) {
        if let Some(scope) = &mut self.scope {
            scope.changes.push((now.time, Line::Reset, Value::Number(1)));
            scope.changes.push((now.time + RESET_SHOWN, Line::Reset, Value::Number(0)));
        }
        self.look_at_scope(now);
    }

    /// Keeps what is not as it was, where a scope is on: accesses come by here, so without one it has to cost nothing.
    #[inline]
    pub(super) fn look_at_scope(&mut self, now: Now) {
        if self.scope.is_some() {
            self.follow_scope(now);
        }
    }

    #[cold]
    fn follow_scope(&mut self, now: Now) {
        // Taken out, so that it can be filled while the board is read.
        let Some(mut scope) = self.scope.take() else { return };
        let time = now.time;
        if scope.hz != self.clocks().hclk_hz {
            scope.hz = self.clocks().hclk_hz;
            scope.changes.push((time, Line::Clock, Value::Number(scope.hz)));
        }
        let busy = self.flash.busy_until().filter(|end| *end > time);
        match (scope.busy_until, busy) {
            (None, Some(_)) => scope.changes.push((time, Line::FlashBusy, Value::Number(1))),
            (Some(end), Some(_)) if end <= time => {
                scope.changes.push((end, Line::FlashBusy, Value::Number(0)));
                scope.changes.push((time, Line::FlashBusy, Value::Number(1)));
            }
            (Some(end), None) => scope.changes.push((end.min(time), Line::FlashBusy, Value::Number(0))),
            _ => {}
        }
        scope.busy_until = busy;
        for (letter, gpio) in self.devices.gpios() {
            // What stands on the wires changes by itself.
            let mut edge = gpio.next_change(scope.looked);
            while let Some(at) = edge.filter(|at| *at < time) {
                scope.port(at, letter, gpio.seen(at));
                edge = gpio.next_change(at);
            }
            scope.port(time, letter, gpio.seen(time));
        }
        scope.looked = time;
        self.scope = Some(scope);
    }
}

/// How long a reset is shown.
const RESET_SHOWN: Time = Time::from_nanos(1_000);
