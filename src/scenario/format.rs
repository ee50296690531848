//! A scenario file: what it is about, on which part, the chip's condition before, variables, and the steps.

use super::axes::{Axis, Variable};
use super::factory::Factory;
use super::make::Make;
use super::scalar::{At, SignalPin};
use super::steps::AnyStep;
use super::timeline::Timeline;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_spanned::Spanned;
use std::collections::BTreeMap;

/// One scenario: steps on a virtual ESC, and what is expected of it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "dryflash scenario")]
pub struct Scenario {
    /// What it is about, in one line.
    pub about: String,
    /// The part: F031, F051, G031, G071, G071_64K, or a full name. Several belong into `matrix.part`. A scenario
    /// of nothing but `check` steps needs none.
    #[serde(default)]
    pub part: Option<At<String>>,
    /// The pin of the signal wire. Without it: the pin in the marks of the bootloader that was programmed, or all
    /// pins that AM32 uses.
    #[serde(default)]
    pub pin: Option<At<SignalPin>>,
    /// The folder that names of files are relative to, relative to the scenario; without it the scenario's own.
    #[serde(default)]
    pub files: Option<At<String>>,
    /// Variables and their values, for `{name}` in any text; `--set name=value` on the command line wins.
    #[serde(default)]
    pub vars: BTreeMap<String, Variable>,
    /// Signals by name, for `wire`, `boot` and `check`. Those of the project are there as well.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Timeline>")]
    pub signals: BTreeMap<Spanned<String>, At<String>>,
    /// Axes: the scenario runs once for each combination of their values, as a case with a name of its own.
    #[serde(default)]
    pub matrix: BTreeMap<String, Axis>,
    /// Combinations of the matrix to leave out: axis and value.
    #[serde(default)]
    pub except: Vec<BTreeMap<String, String>>,
    /// The chip's condition before the first step. Blank, with factory option bytes, where absent.
    #[serde(default)]
    pub factory: Option<At<Factory>>,
    /// Files that are made from others, by changing some of their bytes.
    #[serde(default)]
    pub make: Vec<At<Make>>,
    /// What is done and expected, in order.
    pub step: Vec<At<AnyStep>>,
}
