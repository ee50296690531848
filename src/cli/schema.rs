//! `dryflash schema`: the JSON schemas of scenarios, and of what is printed as JSON.

use super::{OK, Outcome};
use crate::scenario::schema;
use anyhow::Context;
use clap::ValueEnum;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which.
    #[arg(value_enum, value_name = "NAME", default_value_t = Name::Scenario)]
    name: Name,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// Scenario files.
    Scenario,
    /// `check`.
    Check,
    /// `run` and `merge`.
    Run,
    /// `run --list`.
    Cases,
    /// `signals`.
    Signals,
    /// `signals --list`.
    SignalsList,
    /// `signals --explain`.
    SignalsCase,
    /// `replay` of a recording.
    Replay,
    /// `replay` of a script.
    Script,
    /// `with`.
    With,
    /// `map`.
    Map,
    /// `parts`.
    Parts,
    /// `diff`.
    Diff,
    /// `pack`.
    Pack,
    /// `split`.
    Split,
    /// `dump`.
    Dump,
    /// `explain`.
    Explain,
    /// `doctor`.
    Doctor,
    /// `eeprom show` and `eeprom new`.
    Eeprom,
    /// `eeprom diff`, `eeprom set` and `eeprom migrate`.
    EepromChanges,
}

/// Runs the verb.
///
/// # Errors
/// None that input can cause.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let written = |text: Result<String, serde_json::Error>| text.context("the schema could not be written");
    let text = match args.name {
        Name::Scenario => written(schema::text())?,
        Name::Run => written(schema::of_run())?,
        Name::Cases => written(schema::of_cases())?,
        Name::Check => include_str!("../../docs/schemas/check.schema.json").to_owned(),
        Name::Signals => include_str!("../../docs/schemas/signals.schema.json").to_owned(),
        Name::SignalsList => include_str!("../../docs/schemas/signals-list.schema.json").to_owned(),
        Name::SignalsCase => include_str!("../../docs/schemas/signals-case.schema.json").to_owned(),
        Name::Replay => include_str!("../../docs/schemas/replay.schema.json").to_owned(),
        Name::Script => include_str!("../../docs/schemas/script.schema.json").to_owned(),
        Name::With => include_str!("../../docs/schemas/with.schema.json").to_owned(),
        Name::Map => include_str!("../../docs/schemas/map.schema.json").to_owned(),
        Name::Parts => include_str!("../../docs/schemas/parts.schema.json").to_owned(),
        Name::Doctor => include_str!("../../docs/schemas/doctor.schema.json").to_owned(),
        Name::Diff => include_str!("../../docs/schemas/diff.schema.json").to_owned(),
        Name::Pack => include_str!("../../docs/schemas/pack.schema.json").to_owned(),
        Name::Split => include_str!("../../docs/schemas/split.schema.json").to_owned(),
        Name::Dump => include_str!("../../docs/schemas/dump.schema.json").to_owned(),
        Name::Explain => include_str!("../../docs/schemas/explain.schema.json").to_owned(),
        Name::Eeprom => include_str!("../../docs/schemas/eeprom.schema.json").to_owned(),
        Name::EepromChanges => include_str!("../../docs/schemas/eeprom-changes.schema.json").to_owned(),
    };
    Ok(Outcome { text, code: OK })
}
