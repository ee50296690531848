//! `dryflash parts`: the parts that are known, and what the model does not know.

use super::{Format, OK, Outcome, Output};
use crate::chip::choices::CHOICES;
use crate::flash::choices;
use crate::part::{self, Part};
use crate::report::Detail;
use anyhow::Context;
use std::fmt::Write;

/// List the parts that are modelled, show one, or list what the model does not know
///
/// With --quiet, only the parts' short names, or the list without its headings.
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
    let text = match output.format {
        Format::Json => {
            let document = Document {
                format: "dryflash-parts",
                version: 1,
                parts: parts.iter().map(AsRef::as_ref).collect(),
                model_choices: args.unknowns.then_some(CHOICES),
                flash_choices: args.unknowns.then(choices::all),
            };
            serde_json::to_string_pretty(&document).context("the list could not be written as JSON")? + "\n"
        }
        Format::Text if output.style.detail == Detail::Quiet && !args.unknowns => {
            parts.iter().map(|p| format!("{}\n", p.nick())).collect()
        }
        Format::Text if args.unknowns => unknowns(&parts, output),
        Format::Text if args.part.is_some() => parts.iter().map(|p| one(p, output)).collect(),
        Format::Text => table(&parts, output),
    };
    Ok(Outcome { text, code: OK })
}

#[derive(serde::Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    parts: Vec<&'a Part>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_choices: Option<&'static [&'static str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flash_choices: Option<&'static [choices::Choice]>,
}

fn table(parts: &[std::sync::Arc<Part>], output: Output) -> String {
    let mut out = String::new();
    let heading = format!(
        "{:<12} {:<9} {:<10} {:>6} {:>6} {:>6} {:>7}",
        "part", "short", "core", "flash", "page", "SRAM", "DEV_ID"
    );
    let _ = writeln!(out, "{}", output.style.heading(&heading));
    for p in parts {
        let core = match p.core {
            part::Core::M0 => "Cortex-M0",
            part::Core::M0Plus => "Cortex-M0+",
        };
        let (flash, page, sram) = (kb(p.flash.size), kb(p.flash.page), kb(p.sram.size));
        let (short, id) = (p.short.as_deref().unwrap_or("-"), p.dev_id());
        let _ = writeln!(out, "{:<12} {short:<9} {core:<10} {flash:>6} {page:>6} {sram:>6}   0x{id:03X}", p.name);
    }
    out
}

fn one(p: &Part, output: Output) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", output.style.heading(&p.name));
    let mut row = |name: &str, value: String| {
        let _ = writeln!(out, "  {name:<15} {value}");
    };
    let region = |base: u32, size: u32| {
        format!("0x{base:08X}, {}", if size < 1024 { format!("{size} bytes") } else { kb(size) })
    };
    row("flash", format!("{}, pages of {}", region(p.flash.base, p.flash.size), kb(p.flash.page)));
    row("SRAM", region(p.sram.base, p.sram.size));
    row("system memory", region(p.system_memory.base, p.system_memory.size));
    row("option bytes", region(p.option_bytes.base, p.option_bytes.size));
    row("id code", format!("0x{:08X} at 0x{:08X}", p.identity.idcode, p.identity.idcode_address));
    row("CPUID", format!("0x{:08X}", p.identity.cpuid));
    row(
        "clock",
        format!("{} MHz after reset, {} MHz at most", p.clock.reset_hz / 1_000_000, p.clock.max_hz / 1_000_000),
    );
    let modelled = |k: &&part::PeripheralSpec| k.kind != part::Kind::Unmodelled;
    let names = |list: Vec<&str>| list.join(" ");
    row("modelled", names(p.peripherals.iter().filter(modelled).map(|k| k.name.as_str()).collect()));
    row("not modelled", names(p.peripherals.iter().filter(|k| !modelled(k)).map(|k| k.name.as_str()).collect()));
    out
}

fn unknowns(parts: &[std::sync::Arc<Part>], output: Output) -> String {
    let mut out = String::new();
    let heading = |out: &mut String, text: &str| {
        if output.style.detail != Detail::Quiet {
            let _ = writeln!(out, "{}", output.style.heading(text));
        }
    };
    for p in parts.iter().filter(|p| !p.unknown.is_empty()) {
        heading(&mut out, &p.name);
        for line in &p.unknown {
            let _ = writeln!(out, "  {line}");
        }
    }
    heading(&mut out, "core, bus and peripherals");
    for line in CHOICES {
        let _ = writeln!(out, "  {line}");
    }
    heading(&mut out, "flash controllers");
    for choice in choices::all() {
        let _ = writeln!(out, "  {:<5} {} ({})", choice.rule, choice.choice, choice.reason);
    }
    out
}

fn kb(bytes: u32) -> String {
    if bytes < 1024 { format!("{bytes} B") } else { format!("{} KB", bytes / 1024) }
}
