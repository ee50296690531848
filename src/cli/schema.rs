//! `dryflash schema`: the JSON schema of scenarios.

use super::{OK, Outcome};
use crate::scenario::schema;
use anyhow::Context;

/// Print the JSON schema of scenario files
///
/// An editor that is told of it completes keys and shows their meaning: the first line of a scenario names it,
/// `#:schema scenario.schema.json`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs the verb.
///
/// # Errors
/// None that input can cause.
pub fn run(_: &Args) -> anyhow::Result<Outcome> {
    Ok(Outcome { text: schema::text().context("the schema could not be written")?, code: OK })
}
