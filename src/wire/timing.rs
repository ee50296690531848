//! When the frames of a stream come.

use super::units::{ClockError, Millihertz};
use crate::time::Time;

/// When the frames of a stream come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Timing {
    /// Frames in a second; the source's own where none.
    pub rate: Option<Millihertz>,
    /// The stream begins this long after its part, the line at rest before. Without it the stream is on already.
    pub after: Option<Time>,
    /// Frames come later by this.
    pub phase: Time,
    /// Each frame comes earlier or later by up to this.
    pub jitter: Time,
    /// The sender's clock.
    pub clock: ClockError,
    /// Decides jitter and noise.
    pub seed: u64,
}
