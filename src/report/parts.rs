//! What `parts` says: the parts that are known, and what the model does not know. Format `dryflash-parts`, version 1.

use super::{Detail, Render, RenderError, Style, json};
use crate::chip::choices::CHOICES;
use crate::flash::choices;
use crate::part::{self, Part};
use serde::Serialize;
use std::fmt::Write;
use std::sync::Arc;

/// Parts.
#[derive(Debug)]
pub struct Parts {
    /// Those that were asked for.
    pub parts: Vec<Arc<Part>>,
    /// One was named, and is shown at length.
    pub one: bool,
    /// What is inferred, chosen or unknown is listed instead.
    pub unknowns: bool,
}

impl Render for Parts {
    fn text(&self, style: Style) -> String {
        match (self.unknowns, self.one) {
            (false, _) if style.detail == Detail::Quiet => {
                self.parts.iter().map(|p| format!("{}\n", p.nick())).collect()
            }
            (true, _) => unknowns(&self.parts, style),
            (false, true) => self.parts.iter().map(|p| one(p, style)).collect(),
            (false, false) => table(&self.parts, style),
        }
    }

    fn json(&self) -> Result<String, RenderError> {
        json::document(&Document {
            format: "dryflash-parts",
            version: 1,
            parts: self.parts.iter().map(AsRef::as_ref).collect(),
            model_choices: self.unknowns.then_some(CHOICES),
            flash_choices: self.unknowns.then(choices::all),
        })
    }
}

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    parts: Vec<&'a Part>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_choices: Option<&'static [&'static str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flash_choices: Option<&'static [choices::Choice]>,
}

fn table(parts: &[Arc<Part>], style: Style) -> String {
    let mut out = String::new();
    let heading = format!(
        "{:<12} {:<9} {:<10} {:>6} {:>6} {:>6} {:>7}",
        "part", "short", "core", "flash", "page", "SRAM", "DEV_ID"
    );
    let _ = writeln!(out, "{}", style.heading(&heading));
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

fn one(p: &Part, style: Style) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}", style.heading(&p.name));
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

fn unknowns(parts: &[Arc<Part>], style: Style) -> String {
    let mut out = String::new();
    let heading = |out: &mut String, text: &str| {
        if style.detail != Detail::Quiet {
            let _ = writeln!(out, "{}", style.heading(text));
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
