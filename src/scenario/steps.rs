//! The steps that there are. Each has one key, which says what is done, and one file, with what it holds and what it does:
//! its `Step`. A new one is a file and its line in the list below; what a scenario may hold, what an editor is told,
//! soundness and running follow from it.

use super::short::Or;
use super::step::Step;
use schemars::JsonSchema;
use serde::Deserialize;
use std::borrow::Borrow;

/// `key: Step(how a scenario holds it)`; the key is the file, too.
macro_rules! steps {
    ($($(#[$doc:meta])* $key:ident: $step:ident($held:ty),)*) => {
        $(pub mod $key;)*
        $(pub use $key::$step;)*

        /// One step.
        #[derive(Clone, Debug, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        #[schemars(rename = "Step")]
        pub enum AnyStep {
            $($(#[$doc])* $step($held),)*
        }

        impl AnyStep {
            /// The keys that a step may have.
            pub const KEYS: &'static [&'static str] = &[$(stringify!($key)),*];

            /// Its key.
            pub const fn key(&self) -> &'static str {
                match self {
                    $(AnyStep::$step(_) => stringify!($key),)*
                }
            }

            /// What it needs, gives and does.
            pub(super) fn step(&self) -> &dyn Step {
                match self {
                    $(AnyStep::$step(held) => {
                        let step: &$step = held.borrow();
                        step
                    })*
                }
            }
        }
    };
}

steps! {
    /// What `dryflash check` says of some files, on a blank chip of its own.
    check: Check(Or<Check>),
    /// A probe programs a file: only touched pages are erased.
    program: Program(Or<Program>),
    /// A probe erases: `"all"`, or pages.
    erase: Erase(Or<Erase>),
    /// A line of st-flash, without the word `st-flash`.
    st_flash: StFlash(Or<StFlash>),
    /// A recorded ST-LINK session.
    replay: Replay(Or<Replay>),
    /// A probe writes option bytes. They are in force after the next power-on, or, while power is on, after
    /// `reset = "option_bytes"`.
    options: Options(Options),
    /// The power switch.
    power: Power(Power),
    /// A reset with the power kept.
    reset: Reset(Reset),
    /// The signal wire: `"low"`, `"high, low@100ms"`. Times count from power-on, or from now where power is on.
    wire: Wire(Or<Wire>),
    /// The power comes on, and the boot is watched until the app runs or the chip is seen to stay.
    boot: Boot(Or<Boot>),
    /// The powered chip runs on: for a time (`"50 ms"`), or until something happens.
    run: Run(Or<Run>),
    /// What has to be so now.
    expect: Expect(Box<Expect>),
    /// What goes into the case's snapshot: the state of flash, the events so far, or what `check` reports.
    snapshot: Snapshot(Snapshot),
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of serde, of the schema and of the documentation are those of the list.
    #[test]
    fn every_step_is_read_shown_and_documented() {
        let schema = super::super::schema::text().unwrap();
        let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
        let shown: Vec<&str> =
            schema["$defs"]["Step"]["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let mut keys = AnyStep::KEYS.to_vec();
        keys.sort_unstable();
        assert_eq!(shown, keys);
        let docs = include_str!("../../docs/scenarios.md");
        let steps = docs.split("\n## ").find(|section| section.starts_with("Steps\n")).unwrap();
        let mut told: Vec<&str> =
            steps.lines().filter_map(|line| line.strip_prefix("| `")?.split_once(" =").map(|(key, _)| key)).collect();
        told.sort_unstable();
        assert_eq!(told, keys);
    }
}
