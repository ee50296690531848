//! What stands at an address.

use super::super::Style;
use super::super::columns::wrap;
use super::base;
use crate::image::Symbol;
use crate::layout::map::{Found, Kind};
use std::fmt::Write;

/// What stands at an address, in some lines.
pub(super) fn found(found: &Found, state: Option<&str>, style: Style, out: &mut String) {
    let head = style.heading(&format!("0x{:08X}", found.address));
    let side = state.map_or_else(String::new, |name| format!(" in {}", base(name)));
    // Outside of flash nothing reads it, and the file has it all the same.
    let held = || found.stands.as_ref().map_or_else(String::new, |byte| format!(": {:02X}", byte.value));
    let value = found.value.map_or_else(held, |v| format!(" is {v:02X}"));
    let source = match (&found.stands, found.kind) {
        (Some(byte), _) => format!("from {} {}", byte.file, byte.place),
        (None, Some(Kind::Lost)) => "erased by a later file".to_owned(),
        (None, Some(_)) => "from no file: it is blank".to_owned(),
        (None, None) => "not in flash, and in no file".to_owned(),
    };
    wrap(&format!("{head}{side}{value}, {source}"), "", "  ", style.width, out);
    let mut place = Vec::new();
    if let Some(kind) = found.kind {
        let area =
            found.area.filter(|area| *area != kind).map_or_else(String::new, |a| format!(" in the {} area", a.name()));
        place.push(format!("{}{area}", kind.name()));
    }
    if let (Some(page), Some(offset)) = (found.page, found.page_offset) {
        place.push(format!("page {page}, byte 0x{offset:X} of it"));
    }
    if found.protected {
        place.push("write-protected".to_owned());
    }
    if let Some(setting) = &found.setting {
        place.push(format!("{}: {}", setting.name, setting.text));
    }
    if let Some(symbol) = &found.symbol {
        place.push(code(symbol));
    }
    if let Some(object) = &found.object {
        place.push(format!("data: {}+0x{:X}", object.name, object.offset));
    }
    if !place.is_empty() {
        wrap(&place.join("; "), "  ", "    ", style.width, out);
    }
    if let Some(before) = &found.before {
        let text = format!("{:02X} stood there before, from {} {}", before.value, before.file, before.place);
        wrap(&text, "  ", "    ", style.width, out);
    }
    for other in &found.others {
        let text = format!("{:02X} was to stand there, from {} {}", other.value, other.file, other.place);
        wrap(&text, "  ", "    ", style.width, out);
    }
}

/// `in main+0x12, app.c:9`; `in wait, inlined into main+0x12, wait.h:7`.
fn code(symbol: &Symbol) -> String {
    let inlined =
        symbol.inlined_into.as_ref().map_or_else(String::new, |_| format!("{}, inlined into ", symbol.function));
    let mut text = format!("in {inlined}{}+0x{:X}", symbol.compiled(), symbol.offset);
    if let (Some(file), Some(line)) = (symbol.file_name(), symbol.line) {
        let _ = write!(text, ", {file}:{line}");
    }
    text
}
