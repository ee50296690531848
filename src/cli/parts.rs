//! `dryflash parts`: the parts that are known, and what the model does not know.

use super::{OK, Outcome, Output};
use crate::part;
use crate::report::parts::Parts;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A part to show: its full name, or AM32's short one.
    #[arg(value_name = "PART")]
    part: Option<String>,
    /// List what is inferred, chosen or unknown.
    #[arg(long, help_heading = TOLD)]
    unknowns: bool,
}

/// A heading of the help.
const TOLD: &str = "What is told";

/// Runs the verb.
///
/// # Errors
/// A part that does not exist.
pub fn run(args: &Args, output: Output) -> anyhow::Result<Outcome> {
    let parts = match &args.part {
        Some(name) => vec![part::find(name)?],
        None => part::all().to_vec(),
    };
    let report = Parts { parts, one: args.part.is_some(), unknowns: args.unknowns };
    output.outcome(&report, OK)
}
