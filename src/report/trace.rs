//! `--trace`: what ran, a line for each instruction; `docs/trace.md` describes the lines.

use crate::chip::recorder::{Accessed, Record, Step, What};
use crate::chip::{fields, interrupt_name, register_name};
use crate::cpu::disassemble::disassemble;
use crate::esc::Verdict;
use crate::esc::trace::Recording;
use crate::image::Symbols;
use crate::part::Part;
use crate::time::Time;
use std::collections::HashMap;
use std::fmt::Write;

/// The version of the lines: raised when what a line means changes.
pub const VERSION: u32 = 1;

/// What was recorded, as text; a heading for each power-up.
pub fn text(verdict: &Verdict) -> String {
    let mut out = format!(
        "# dryflash trace, version {VERSION}: time in us, PC, instruction, what it changed and accessed, place\n"
    );
    let Some(part) = &verdict.part else { return out };
    let mut lines = Lines { part, symbols: &verdict.symbols, known: HashMap::new() };
    for (run, recording) in verdict.runs.iter().zip(&verdict.recordings) {
        let _ = writeln!(out, "\n# {}, {}", part.name, run.power_up);
        let mut jump = run.jump.map(|j| (j.time_us, j.address));
        for record in &recording.records {
            if let Some((time, address)) = jump.filter(|(time, _)| *time <= record.time) {
                lines.event(time, &format!("the bootloader has jumped to 0x{address:08X}"), &mut out);
                jump = None;
            }
            lines.record(record, &mut out);
        }
        end(recording, run.time_us, &mut out);
    }
    out
}

/// How a power-up's lines end.
fn end(recording: &Recording, ended: Time, out: &mut String) {
    let count = recording.records.len();
    let _ = match (recording.cut_off, recording.records.last()) {
        (true, last) => writeln!(
            out,
            "# cut off after {count} lines, at {} of {ended}: --trace-lines allows more, --trace-only keeps less",
            last.map_or(Time::ZERO, |r| r.time)
        ),
        (false, None) => writeln!(out, "# nothing of what was asked for, in {ended}"),
        (false, Some(_)) => writeln!(out, "# the end, {count} lines, after {ended}"),
    };
}

/// What lines are made with.
struct Lines<'a> {
    part: &'a Part,
    symbols: &'a Symbols,
    /// Instructions and places that were told before.
    known: HashMap<(u32, [u16; 2]), (String, String)>,
}

impl Lines<'_> {
    fn record(&mut self, record: &Record, out: &mut String) {
        let time = record.time;
        match &record.what {
            What::Step(step) => self.step(time, step, out),
            What::Entered { exception, handler } => {
                let name = interrupt_name(self.part, *exception);
                self.event(time, &format!("{name} is taken, its handler is at PC 0x{handler:08X}"), out);
            }
            What::Returned { pc, changed } => {
                let told: String = changed.iter().map(|change| format!(", {}", register(change))).collect();
                self.event(time, &format!("the handler returns to PC 0x{pc:08X}{told}"), out);
            }
            What::Reset { cause, pc } => self.event(time, &format!("reset ({cause}), on to PC 0x{pc:08X}"), out),
            What::Again { lines, times, until } => {
                let lines = if *lines == 1 { "the line".to_owned() } else { format!("the {lines} lines") };
                let again = if *times == 1 { "once more".to_owned() } else { format!("{times} times more") };
                self.event(time, &format!("{lines} before this one {again}, until {}", micros(*until)), out);
            }
            What::Fault { pc, fault } => self.event(time, &format!("fault at PC 0x{pc:08X}: {fault}"), out),
        }
    }

    fn event(&self, time: Time, text: &str, out: &mut String) {
        let _ = writeln!(out, "{:>14}  -- {}", micros(time), self.symbols.name_places(text));
    }

    fn step(&mut self, time: Time, step: &Step, out: &mut String) {
        let symbols = self.symbols;
        let (text, place) = self.known.entry((step.pc, step.code)).or_insert_with(|| {
            let place = symbols.at(step.pc).map_or_else(String::new, |s| format!("  ; {s}"));
            (disassemble(step.pc, step.code), place)
        });
        let mut more: Vec<String> = step.changed.iter().map(register).collect();
        more.extend(step.access.as_ref().map(|a| access(self.part, a)));
        if !step.ran {
            more.push("does not run".to_owned());
        }
        let line = format!("{:>14}  0x{:08X}  {text:<28}  {}", micros(time), step.pc, more.join(", "));
        let _ = writeln!(out, "{}{place}", line.trim_end());
    }
}

/// `r2=00000031`.
fn register((name, value): &(&'static str, u32)) -> String {
    format!("{name}={value:08X}")
}

/// `RCC.CR reads 03006E83 (HSION HSIRDY ...)`, `[20000100] writes 00000001`.
fn access(part: &Part, accessed: &Accessed) -> String {
    let Accessed { data, value } = accessed;
    let verb = if data.store { "writes" } else { "reads" };
    let Some(value) = value else { return format!("[{:08X}-{:08X}] {verb}", data.first, data.last) };
    let digits = 2 * (data.last.wrapping_sub(data.first) as usize + 1);
    let name = register_name(part, data.first);
    let place = if name.starts_with("0x") { format!("[{:08X}]", data.first) } else { name.replace(' ', ".") };
    // Of a byte of a register the fields would be another's.
    let told = if digits == 8 { fields::told(part, data.first, *value) } else { None };
    let fields = told.filter(|t| !t.is_empty()).map_or_else(String::new, |t| format!(" ({t})"));
    format!("{place} {verb} {value:0digits$X}{fields}")
}

/// Microseconds, to the nanosecond.
fn micros(time: Time) -> String {
    let nanos = time.0 / 1_000;
    format!("{}.{:03}", nanos / 1_000, nanos % 1_000)
}
