//! Scenarios: a virtual ESC, steps on it, and what is expected, in a file.

pub mod error;
pub mod expect;
pub mod files;
pub mod format;
pub mod load;
pub mod matrix;
pub mod outcome;
pub mod pool;
pub mod run;
pub mod scalar;
pub mod schema;
pub mod shard;
pub mod snapshot;
mod sound;
pub mod state;
pub mod steps;
pub mod suite;

pub use error::ScenarioError;
pub use load::{Case, load};
pub use suite::{Suite, run};

/// How long something is waited for unless a scenario says otherwise.
pub const PATIENCE: crate::time::Time = crate::time::Time::from_millis(400);
