//! `dryflash merge`: the shares of a run to one report.

use super::forms::Reports;
use super::{Outcome, Output};
use crate::files::{self, FileError};
use crate::scenario::outcome::Report;
use anyhow::{Context, bail};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Reports of `dryflash run --shard I/N --format json`.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    reports: Reports,
}

/// Runs the verb.
///
/// # Errors
/// Files that are no reports, or not the shares of one run.
pub(super) fn run(args: &Args, output: Output) -> anyhow::Result<Outcome> {
    args.reports.look("merge", [])?;
    let mut reports = Vec::new();
    for path in &args.files {
        let name = path.display().to_string();
        let text = files::read_text(path, files::LONGEST_RECORDING).map_err(|e| FileError::new(path, e))?;
        let report: Report = serde_json::from_str(&text)
            .with_context(|| format!("{name} is no report of `dryflash run --format json`"))?;
        reports.push((name, report));
    }
    match Report::merge(reports) {
        Ok(report) => super::run::print(&report, output, output.style.detail, &args.reports),
        Err(reason) => bail!(reason),
    }
}
