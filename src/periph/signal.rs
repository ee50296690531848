//! What drives a pin from outside: a level, nothing, a timeline of these, or any function of time.

use crate::time::Time;
use std::fmt;
use std::sync::Arc;

/// A resistance in ohms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ohms(pub u32);

/// What stands on a wire from outside the chip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Drive {
    /// Nothing: the pin follows its pull resistor, and keeps its last level without one.
    #[default]
    Floating,
    /// Driven low.
    Low,
    /// Driven high.
    High,
    /// Pulled low by a resistor.
    PulledLow(Ohms),
    /// Pulled high by a resistor.
    PulledHigh(Ohms),
}

/// A wire in time, as a function of it: the same answer for the same time, whoever asks, in whatever order.
pub trait Wave: fmt::Debug + Send + Sync {
    /// The drive at this time.
    fn at(&self, time: Time) -> Drive;

    /// When it next changes after this time; that what follows is the same as what was does no harm.
    fn next_change(&self, time: Time) -> Option<Time>;
}

/// What drives a pin from outside, for all of a run.
#[derive(Clone, Debug)]
pub struct Signal {
    shape: Shape,
    /// The resistance of what drives it low or high.
    source: Ohms,
}

#[derive(Clone, Debug)]
enum Shape {
    Timeline { start: Drive, changes: Arc<[(Time, Drive)]> },
    Wave(Arc<dyn Wave>),
}

impl Default for Signal {
    fn default() -> Signal {
        Signal::steady(Drive::Floating)
    }
}

impl Signal {
    /// The output of a microcontroller: at most 0.4 V of drop at 8 mA (STM32F051 data sheet, DS8668, table 54: VOL), so 50.
    pub const SOURCE: Ohms = Ohms(50);

    /// The same drive for ever.
    pub fn steady(drive: Drive) -> Signal {
        Signal { shape: Shape::Timeline { start: drive, changes: Arc::default() }, source: Signal::SOURCE }
    }

    /// A drive with changes; they are put in order of time.
    pub fn timeline(start: Drive, mut changes: Vec<(Time, Drive)>) -> Signal {
        changes.sort_by_key(|(time, _)| *time);
        Signal { shape: Shape::Timeline { start, changes: changes.into() }, source: Signal::SOURCE }
    }

    /// A function of time.
    pub fn wave(wave: Arc<dyn Wave>) -> Signal {
        Signal { shape: Shape::Wave(wave), source: Signal::SOURCE }
    }

    /// The same, with another resistance between what drives it and the pin.
    pub fn through(self, source: Ohms) -> Signal {
        Signal { source, ..self }
    }

    /// The resistance of what drives it low or high.
    pub const fn source(&self) -> Ohms {
        self.source
    }

    /// Whether nothing ever drives it.
    pub fn is_nothing(&self) -> bool {
        matches!(&self.shape, Shape::Timeline { start: Drive::Floating, changes } if changes.is_empty())
    }

    /// Whether it is a level and its changes.
    pub(crate) const fn is_timeline(&self) -> bool {
        matches!(self.shape, Shape::Timeline { .. })
    }

    /// The drive at this time.
    pub fn at(&self, time: Time) -> Drive {
        match &self.shape {
            Shape::Timeline { start, changes } => {
                let past = changes.partition_point(|(t, _)| *t <= time);
                past.checked_sub(1).map_or(*start, |i| changes[i].1)
            }
            Shape::Wave(wave) => wave.at(time),
        }
    }

    /// When it next changes after this time.
    pub fn next_change(&self, time: Time) -> Option<Time> {
        match &self.shape {
            Shape::Timeline { changes, .. } => {
                changes.get(changes.partition_point(|(t, _)| *t <= time)).map(|(t, _)| *t)
            }
            Shape::Wave(wave) => wave.next_change(time),
        }
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
