//! `dryflash explain`: a finding at length.

use super::{OK, Outcome, Output};
use crate::am32;
use crate::report::explain::Explained;
use anyhow::bail;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ids, such as DF012; none lists all.
    #[arg(value_name = "ID")]
    ids: Vec<String>,
}

/// Runs the verb.
///
/// # Errors
/// An id that does not exist.
pub fn run(args: &Args, output: Output) -> anyhow::Result<Outcome> {
    let mut chosen = Vec::new();
    for id in &args.ids {
        match am32::explain(id) {
            Some(explanation) => chosen.push(explanation),
            None => bail!("no finding is called '{id}'; `dryflash explain` lists them"),
        }
    }
    output.outcome(&Explained { chosen }, OK)
}
