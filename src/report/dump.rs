//! What `dump` says: what was read into which file. Format `dryflash-dump`, version 1.

use super::columns::wrap;
use super::{Render, RenderError, Style, json};
use crate::layout::{Dump, Form, Unread};
use crate::plural::{thousands, verb};
use serde::Serialize;

/// Flash that was read, or was not.
#[derive(Debug)]
pub struct Report<'a> {
    /// The state that it was read of.
    pub state: &'a str,
    /// What was read, or why nothing was.
    pub result: Result<&'a Dump, Unread>,
    /// The file that is written where it came to that.
    pub output: &'a str,
    /// How it is written.
    pub form: Form,
}

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    state: &'a str,
    written: Option<Written<'a>>,
    refusal: Option<String>,
}

#[derive(Serialize)]
struct Written<'a> {
    file: &'a str,
    form: Form,
    part: &'a str,
    address: u32,
    length: usize,
}

impl Render for Report<'_> {
    fn text(&self, style: Style) -> String {
        let mut out = String::new();
        let text = match &self.result {
            Ok(Dump { part, address, bytes }) => {
                let last = address + (bytes.len() as u32).saturating_sub(1);
                let (length, byte) = (thousands(bytes.len()), verb(bytes.len() as u64, "byte", "bytes"));
                format!("{}: {length} {byte} of the {}, 0x{address:08X} to 0x{last:08X}", self.output, part.name)
            }
            Err(unread) => format!("{}: {}: {unread}", style.bad("not read"), self.state),
        };
        wrap(&text, "", "  ", style.width, &mut out);
        out
    }

    fn json(&self) -> Result<String, RenderError> {
        let written = self.result.as_ref().ok().map(|dump| Written {
            file: self.output,
            form: self.form,
            part: &dump.part.name,
            address: dump.address,
            length: dump.bytes.len(),
        });
        let refusal = self.result.as_ref().err().map(Unread::to_string);
        json::document(&Document { format: "dryflash-dump", version: 1, state: self.state, written, refusal })
    }
}
