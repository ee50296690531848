//! `dryflash explain`: a finding at length.

use super::{Format, OK, Outcome, Output};
use crate::am32;
use anyhow::{Context, bail};
use serde::Serialize;
use std::fmt::Write;

/// Explain a finding at length, or list all of them
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
    let text = match (output.format, chosen.is_empty()) {
        (Format::Json, true) => as_json(&am32::all().iter().collect::<Vec<_>>())?,
        (Format::Json, false) => as_json(&chosen)?,
        (Format::Text, true) => list(),
        (Format::Text, false) => {
            let one = |e: &&am32::Explanation| {
                format!("{} ({}): {}\n\n{}", output.style.heading(&e.id.to_string()), e.severity, e.title, e.text)
            };
            chosen.iter().map(one).collect::<Vec<_>>().join("\n")
        }
    };
    Ok(Outcome { text, code: OK })
}

fn list() -> String {
    let mut out = String::new();
    for e in am32::all() {
        let _ = writeln!(out, "{}  {:<8} {}", e.id, e.severity.to_string(), e.title);
    }
    out
}

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    findings: &'a [&'a am32::Explanation],
}

fn as_json(explanations: &[&am32::Explanation]) -> anyhow::Result<String> {
    let text =
        serde_json::to_string_pretty(&Document { format: "dryflash-explain", version: 1, findings: explanations })
            .context("the list could not be written as JSON")?;
    Ok(text + "\n")
}
