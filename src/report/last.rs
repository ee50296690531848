//! What ran last before a fault, in lines.

use super::Detail;
use crate::esc::{BootRun, Last};
use crate::image::Symbols;

/// Instructions that are told unless more is wanted.
const USUAL: usize = 4;

/// Who called, and the last instructions; nothing where there was no fault. Bare addresses are for those who want all.
pub(super) fn lines(run: &BootRun, symbols: &Symbols, detail: Detail) -> Vec<String> {
    let mut lines = handling(run, symbols);
    let Some(last) = &run.last else { return lines };
    let Last { lr, instructions } = last;
    let named = instructions.last().is_some_and(|i| symbols.at(i.pc).is_some());
    if !named && detail != Detail::Verbose {
        return lines;
    }
    let caller = match last.caller(symbols) {
        Some(caller) => format!("called from {caller} (LR 0x{lr:08X})"),
        None => format!("LR 0x{lr:08X}"),
    };
    let told = if detail == Detail::Verbose { instructions.len() } else { USUAL };
    let told = &instructions[instructions.len().saturating_sub(told)..];
    let each: Vec<String> = told.iter().map(|i| format!("0x{:08X} {}", i.pc, i.text)).collect();
    lines.extend([caller, format!("the last instructions: {}", each.join("; "))]);
    lines
}

/// In which handler the code was, where it did not get further in one.
pub(super) fn handling(run: &BootRun, symbols: &Symbols) -> Vec<String> {
    let Some(handling) = &run.handling else { return Vec::new() };
    let name = symbols.at(handling.pc).map_or_else(String::new, |s| format!(": {}", s.compiled()));
    vec![format!("in the handler of {handling}{name}")]
}
