//! What `doctor` says: format `dryflash-doctor`, version 1, which `docs/doctor.md` describes.

use super::{Detail, Render, RenderError, Style, json};
use serde::Serialize;
use std::fmt::Write;
use std::net::SocketAddr;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Doctor {
    /// Always `dryflash-doctor`.
    pub format: &'static str,
    /// Raised when a field changes its meaning or goes.
    pub version: u32,
    /// dryflash's own.
    pub dryflash: &'static str,
    /// A tool that flashes can be rehearsed.
    pub ready: bool,
    /// The tools.
    pub clients: Vec<Client>,
    /// What the system offers.
    pub here: Vec<Here>,
    /// What verbs listen on.
    pub ports: Vec<Port>,
}

/// How a tool can be rehearsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// `dryflash with`.
    With,
    /// `dryflash serve --gdb`.
    Gdb,
}

/// A tool.
#[derive(Debug, Serialize)]
pub struct Client {
    /// Its command.
    pub name: &'static str,
    /// It writes flash by itself.
    pub flashes: bool,
    /// Where it is; none where it is not installed.
    pub path: Option<String>,
    /// What it says of its version; none where it was not asked, or said nothing.
    pub version: Option<String>,
    /// It loads libusb as a library of its own, which can be stood in for.
    pub loads_libusb: bool,
    /// How it can be rehearsed; none where it cannot.
    pub way: Option<Way>,
    /// Why it cannot, or what to know.
    pub why: String,
}

/// Something that was looked at.
#[derive(Debug, Serialize)]
pub struct Here {
    /// What.
    pub name: &'static str,
    /// `dryflash with` does not work without it.
    pub needed: bool,
    /// It is as it should be.
    pub good: bool,
    /// What was seen.
    pub told: String,
    /// What to do.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub advice: String,
}

/// A port that a verb opens where none is named.
#[derive(Debug, Serialize)]
pub struct Port {
    /// Where.
    pub address: SocketAddr,
    /// For which option of `serve`.
    pub option: &'static str,
    /// Nobody listens there.
    pub free: bool,
}

impl Render for Doctor {
    fn text(&self, style: Style) -> String {
        let mut out = String::new();
        if style.detail == Detail::Quiet {
            answer(self, style, &mut out);
            return out;
        }
        let _ = writeln!(out, "{}", style.heading("clients"));
        let width = self.clients.iter().map(|c| c.name.len()).max().unwrap_or(0);
        for client in &self.clients {
            let _ = writeln!(out, "  {:<width$}  {}", client.name, told(client, style));
        }
        let _ = writeln!(out, "\n{}", style.heading("here"));
        let width = self.here.iter().map(|h| h.name.len()).max().unwrap_or(0);
        for here in &self.here {
            let told = if here.good || !here.needed { here.told.clone() } else { style.bad(&here.told) };
            let advice = if here.advice.is_empty() { String::new() } else { format!(" -> {}", here.advice) };
            let _ = writeln!(out, "  {:<width$}  {told}{advice}", here.name);
        }
        let _ = writeln!(out, "\n{}", style.heading("ports"));
        for port in &self.ports {
            let state = if port.free { "free" } else { "taken: name another one, or 0 for any that is free" };
            let _ = writeln!(out, "  {}  {state} ({})", port.address, port.option);
        }
        out.push('\n');
        answer(self, style, &mut out);
        out
    }

    fn json(&self) -> Result<String, RenderError> {
        json::document(self)
    }
}

/// What can be rehearsed, in a sentence.
fn answer(report: &Doctor, style: Style, out: &mut String) {
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
