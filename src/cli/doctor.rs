//! `dryflash doctor`: what is installed, and what of it can be rehearsed. Nothing is changed, and no client is run but
//! for its version, with the libusb stand-in before it.

mod clients;
mod linked;
mod system;

use super::{Format, OK, Outcome, Output, WOULD_NOT};
use crate::report::{Detail, Style};
use anyhow::Context;
use clients::{Client, Way};
use serde::Serialize;
use std::fmt::Write;
use system::{Here, Port};

/// Tell what is installed, which flashing tools can be rehearsed, and what stands in the way
///
/// Looks for st-flash, OpenOCD, pyOCD, probe-rs, gdb and others on the PATH, and whether `dryflash with` can put the
/// virtual ST-LINK before them; whether the temporary folder, the ports and the kernel fit. Exit code 1 where no tool
/// that flashes can be rehearsed. docs/doctor.md has the JSON.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash doctor
  dryflash doctor --format json")]
pub struct Args {}

#[derive(Serialize)]
struct Report {
    format: &'static str,
    version: u32,
    /// dryflash's own.
    dryflash: &'static str,
    /// A tool that flashes can be rehearsed.
    ready: bool,
    clients: Vec<Client>,
    here: Vec<Here>,
    ports: Vec<Port>,
}

/// Runs the verb.
///
/// # Errors
/// None that input can cause.
pub fn run(_: &Args, output: Output) -> anyhow::Result<Outcome> {
    let here = system::look();
    let stands = here.iter().all(|h| h.good || !h.needed);
    let clients = clients::look(stands);
    let ready = clients.iter().any(|c| c.flashes && c.way.is_some());
    let report = Report {
        format: "dryflash-doctor",
        version: 1,
        dryflash: env!("CARGO_PKG_VERSION"),
        ready,
        clients,
        here,
        ports: system::ports(),
    };
    let text = match output.format {
        Format::Text => text(&report, output.style),
        Format::Json => serde_json::to_string_pretty(&report).context("the report could not be written")? + "\n",
    };
    Ok(Outcome { text, code: if ready { OK } else { WOULD_NOT } })
}

fn text(report: &Report, style: Style) -> String {
    let mut out = String::new();
    if style.detail == Detail::Quiet {
        answer(report, style, &mut out);
        return out;
    }
    let _ = writeln!(out, "{}", style.heading("clients"));
    let width = report.clients.iter().map(|c| c.name.len()).max().unwrap_or(0);
    for client in &report.clients {
        let _ = writeln!(out, "  {:<width$}  {}", client.name, told(client, style));
    }
    let _ = writeln!(out, "\n{}", style.heading("here"));
    let width = report.here.iter().map(|h| h.name.len()).max().unwrap_or(0);
    for here in &report.here {
        let told = if here.good || !here.needed { here.told.clone() } else { style.bad(&here.told) };
        let advice = if here.advice.is_empty() { String::new() } else { format!(" -> {}", here.advice) };
        let _ = writeln!(out, "  {:<width$}  {told}{advice}", here.name);
    }
    let _ = writeln!(out, "\n{}", style.heading("ports"));
    for port in &report.ports {
        let state = if port.free { "free" } else { "taken: name another one, or 0 for any that is free" };
        let _ = writeln!(out, "  {}  {state} ({})", port.address, port.option);
    }
    out.push('\n');
    answer(report, style, &mut out);
    out
}

/// What can be rehearsed, in a sentence.
fn answer(report: &Report, style: Style, out: &mut String) {
    let ready: Vec<&str> = report.clients.iter().filter(|c| c.flashes && c.way.is_some()).map(|c| c.name).collect();
    let _ = match ready.as_slice() {
        [] => writeln!(out, "{}", style.bad("No tool that flashes can be rehearsed here.")),
        ready => writeln!(out, "{}", style.good(&format!("Can be rehearsed: {}.", ready.join(", ")))),
    };
    if ready.is_empty() {
        let _ = writeln!(out, "`dryflash st-flash` takes st-flash's lines without st-flash.");
    }
}

fn told(client: &Client, style: Style) -> String {
    let Some(path) = &client.path else { return "not installed".to_owned() };
    let version = client.version.as_ref().map_or_else(String::new, |v| format!("{v}, "));
    let way = match &client.way {
        Some(Way::With) => format!("{} `dryflash with -- {} ...`", style.good("yes:"), client.name),
        Some(Way::Gdb) => format!("{} with `dryflash serve --gdb`", style.good("yes:")),
        None => style.bad("no"),
    };
    let why = if client.why.is_empty() { String::new() } else { format!(": {}", client.why) };
    format!("{version}{path}; {way}{why}")
}
