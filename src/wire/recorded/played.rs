//! A recording as it is on the wire.

use super::Recording;
use crate::periph::signal::{Drive, Wave};
use crate::time::Time;
use crate::wire::units::ClockError;
use std::sync::Arc;

/// A recording as a part of a line.
#[derive(Clone, Debug)]
pub(in crate::wire) struct Played {
    pub recording: Arc<Recording>,
    /// What of its begin is left out.
    pub skip: Time,
    /// When the rest begins.
    pub first: Time,
    /// The clock of whoever plays it.
    pub clock: ClockError,
}

impl Played {
    /// How many of the changes have come at `time`, and when the next one comes.
    fn come(&self, time: Time) -> (usize, Option<Time>) {
        let changes = &self.recording.changes;
        let when = |at: Time| self.first + self.clock.of(at.since(self.skip));
        let come = changes.partition_point(|(at, _)| *at <= self.skip || when(*at) <= time);
        (come, changes.get(come).map(|(at, _)| when(*at)))
    }
}

impl Wave for Played {
    fn at(&self, time: Time) -> Drive {
        self.recording.after(self.come(time).0)
    }

    fn next_change(&self, time: Time) -> Option<Time> {
        self.come(time).1
    }
}
