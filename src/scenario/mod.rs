//! Scenarios: a virtual ESC, steps on it, and what is expected, in a file. `docs/scenarios.md` is the language.
//!
//! [`load()`] expands what [`mod@find`] finds: [`mod@format`], [`steps`] and [`expect`] are what they may hold, [`matrix`] makes
//! cases of them, and what is wrong becomes a [`ScenarioError`] with line, column and hint. [`run()`] goes through the cases:
//! [`pool`] spreads them over workers, [`worker::Worker`] carries one out on a chip, [`snapshot`] holds what it
//! shows against a file, and an [`outcome::Report`] says what came of all.
//!
//! ```
//! use dryflash::report::{self, Style};
//! use dryflash::scenario::{self, Suite, files, pool::Plan, run::Settings, snapshot};
//!
//! let cases = scenario::load(&["scenarios/three_files.toml".into()], &Default::default())?;
//! let suite = Suite {
//!     settings: Settings {
//!         seed: 1,
//!         report: |verdict| report::text::sections(verdict, Style::thorough()),
//!         cache: files::Cache::default(),
//!         engine: Default::default(),
//!         f0_write_without_pg: Default::default(),
//!     },
//!     snapshots: snapshot::Folder { given: None, mode: snapshot::Mode::Strict },
//!     plan: Plan { jobs: 2, fail_fast: false },
//!     repeat: 1,
//!     isolated: None,
//! };
//! let report = scenario::run(&suite, &cases, cases.len(), None, Vec::new(), |_, _| {});
//! assert!(report.passed, "{}", report::run::text(&report, Style::default()));
//! # Ok::<(), dryflash::scenario::ScenarioError>(())
//! ```

pub mod arming;
pub mod axes;
pub mod eeprom;
pub mod error;
pub mod expect;
pub mod factory;
pub mod files;
pub mod find;
pub mod format;
pub mod load;
mod look;
pub mod make;
pub mod many;
pub mod matrix;
pub mod outcome;
pub mod pool;
pub mod run;
pub mod scalar;
pub mod schema;
pub mod setup;
pub mod shard;
pub mod short;
pub mod signals;
pub mod snapshot;
mod sound;
pub mod state;
mod step;
pub mod steps;
pub mod suite;
pub mod timeline;
pub mod words;
pub mod worker;

pub use error::ScenarioError;
pub use load::{Case, load};
pub use suite::{Suite, run};

/// How long something is waited for unless a scenario says otherwise.
pub const PATIENCE: crate::time::Time = crate::time::Time::from_millis(400);
