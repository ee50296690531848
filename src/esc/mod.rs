//! A chip on a bench: files flashed the way a programmer would, power-ups with a signal wire, and what was seen.
//!
//! [`check()`] is the main job: [`crate::am32::plan`] says what the files are, [`crate::chip::program`] puts them into the chip,
//! [`boot`] runs the shipped code for each [`PowerUp`], [`verdict`] says what it means.
//! [`changes`] tells what a session with a probe has left.

pub mod alive;
mod answer;
pub mod arming;
pub mod bench;
mod blame;
pub mod boot;
mod bridge;
mod by_running;
pub mod changes;
mod check;
pub mod evidence;
pub mod fit;
pub mod input;
mod kept;
pub mod last;
pub mod migrate;
mod next_start;
pub mod places;
pub mod power_up;
pub mod ready;
mod reason;
pub mod rests;
pub mod settings_pages;
pub mod signal_pin;
pub mod signals;
pub mod state;
pub mod trace;
pub mod updater;
pub mod verdict;
pub mod words;

pub use alive::{Alive, Loop};
pub use answer::Answer;
pub use arming::{AppSeen, Arming, Throttles, arming, watch_app};
pub use bench::Bench;
pub use check::{CheckError, Options, check};
pub use evidence::{AppRun, BootRun, ClockChange, Ending, Handling, Jump};
pub use input::AppInput;
pub use kept::{Kept, KeptError};
pub use last::Last;
pub use power_up::{AfterPowerOn, PowerUp};
pub use reason::Reason;
pub use state::{StateError, StateFile};
pub use verdict::{Held, Verdict};
pub use words::{Hopes, Told};
