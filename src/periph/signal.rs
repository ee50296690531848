//! What drives a pin from outside: a level, nothing, or a timeline of these.

use crate::time::Time;
use serde::{Deserialize, Serialize};

/// What stands on a wire from outside the chip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drive {
    /// Nothing: the pin follows its pull resistor, and keeps its last level without one.
    #[default]
    Floating,
    /// Driven low.
    Low,
    /// Driven high.
    High,
}

/// A drive from the start, and changes at later times in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signal {
    start: Drive,
    changes: Vec<(Time, Drive)>,
}

impl Signal {
    /// The same drive for ever.
    pub const fn steady(drive: Drive) -> Signal {
        Signal { start: drive, changes: Vec::new() }
    }

    /// A drive with changes; they are put in order of time.
    pub fn timeline(start: Drive, mut changes: Vec<(Time, Drive)>) -> Signal {
        changes.sort_by_key(|(time, _)| *time);
        Signal { start, changes }
    }

    /// The drive at this time.
    pub fn at(&self, time: Time) -> Drive {
        let past = self.changes.partition_point(|(t, _)| *t <= time);
        past.checked_sub(1).map_or(self.start, |i| self.changes[i].1)
    }

    /// When it next changes after this time.
    pub fn next_change(&self, time: Time) -> Option<Time> {
        self.changes.get(self.changes.partition_point(|(t, _)| *t <= time)).map(|(t, _)| *t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeline_holds_from_each_change_on() {
        let s = Signal::timeline(Drive::High, vec![(Time(20), Drive::Floating), (Time(10), Drive::Low)]);
        assert_eq!(
            [0, 9, 10, 19, 20, 99].map(|t| s.at(Time(t))),
            [Drive::High, Drive::High, Drive::Low, Drive::Low, Drive::Floating, Drive::Floating]
        );
        assert_eq!(s.next_change(Time(10)), Some(Time(20)));
        assert_eq!(s.next_change(Time(20)), None);
    }
}
