//! Parts one after another.

use crate::periph::signal::{Drive, Wave};
use crate::time::Time;
use std::sync::Arc;

/// One part of a sequence, in its own time.
#[derive(Clone, Debug)]
pub enum Piece {
    /// A level.
    Level(Drive),
    /// Something that changes.
    Wave(Arc<dyn Wave>),
}

/// Parts, each from its time on, the first from the beginning.
#[derive(Clone, Debug)]
pub struct Sequence {
    /// Where each begins, in ascending order; times count from there.
    pub pieces: Vec<(Time, Piece)>,
}

impl Sequence {
    fn index(&self, time: Time) -> usize {
        self.pieces.partition_point(|(t, _)| *t <= time).saturating_sub(1)
    }
}

impl Wave for Sequence {
    fn at(&self, time: Time) -> Drive {
        match self.pieces.get(self.index(time)) {
            None => Drive::Floating,
            Some((_, Piece::Level(drive))) => *drive,
            Some((from, Piece::Wave(wave))) => wave.at(time.since(*from)),
        }
    }

    fn next_change(&self, time: Time) -> Option<Time> {
        let index = self.index(time);
        let boundary = match self.pieces.get(index) {
            // Before the first begins it stands as at its begin.
            Some((from, _)) if *from > time => Some(*from),
            _ => self.pieces.get(index + 1).map(|(from, _)| *from),
        };
        let within = match self.pieces.get(index) {
            Some((from, Piece::Wave(wave))) if *from <= time => wave.next_change(time.since(*from)).map(|t| *from + t),
            _ => None,
        };
        match (within, boundary) {
            (Some(within), Some(boundary)) => Some(within.min(boundary)),
            (within, boundary) => within.or(boundary),
        }
    }
}
