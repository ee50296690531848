//! What `pack` says: which file went where, and what came of it. Format `dryflash-pack`, version 1.

use super::columns::wrap;
use super::{Detail, Render, RenderError, Style, json, text};
use crate::am32::{Finding, Severity};
use crate::layout::{Form, Packed, Packing, Placed, Refusal, Stretch};
use crate::plural::{thousands, verb};
use serde::Serialize;
use std::fmt::Write;

/// Files that were packed, or were not.
#[derive(Debug)]
pub struct Report<'a> {
    /// What came of it.
    pub packing: &'a Packing,
    /// The file that is written where it came to that.
    pub output: &'a str,
    /// How it is written.
    pub form: Form,
}

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    written: Option<Written<'a>>,
    refusal: Option<String>,
    part: Option<&'a str>,
    part_evidence: &'a str,
    starts: bool,
    files: &'a [Placed],
    left_out: &'a [Stretch],
    findings: &'a [Finding],
}

#[derive(Serialize)]
struct Written<'a> {
    file: &'a str,
    form: Form,
    address: u32,
    length: usize,
}

impl Render for Report<'_> {
    fn text(&self, style: Style) -> String {
        let mut out = String::new();
        let verdict = &self.packing.verdict;
        let told = |f: &&Finding| match style.detail {
            Detail::Quiet => f.severity == Severity::Error,
            Detail::Usual | Detail::Thorough => f.severity > Severity::Note,
            Detail::Verbose => true,
        };
        if style.detail != Detail::Quiet {
            let part = verdict.part.as_ref().map_or("no part that is modelled", |part| &part.name);
            wrap(&format!("{}, {}", style.heading(part), verdict.part_evidence), "", "  ", style.width, &mut out);
            if let Ok(packed) = &self.packing.result {
                files(packed, style, &mut out);
            }
        }
        for finding in verdict.findings.iter().filter(told) {
            text::one_finding(finding, "", style, &mut out);
        }
        match &self.packing.result {
            Ok(packed) => {
                let _ = writeln!(out, "{}", self.written(packed));
                let _ = match self.packing.starts {
                    true => writeln!(out, "{}", style.good("An ESC with it would start.")),
                    false => writeln!(out, "{}", style.bad("An ESC with it would not start.")),
                };
            }
            Err(refusal) => wrap(&format!("{}: {refusal}", style.bad("not packed")), "", "  ", style.width, &mut out),
        }
        out
    }

    fn json(&self) -> Result<String, RenderError> {
        let (verdict, packed) = (&self.packing.verdict, self.packing.result.as_ref().ok());
        json::document(&Document {
            format: "dryflash-pack",
            version: 1,
            written: packed.map(|p| Written {
                file: self.output,
                form: self.form,
                address: p.base,
                length: p.bytes.len(),
            }),
            refusal: self.packing.result.as_ref().err().map(Refusal::to_string),
            part: verdict.part.as_ref().map(|part| part.name.as_str()),
            part_evidence: &verdict.part_evidence,
            starts: self.packing.starts,
            files: packed.map_or(&[], |p| &p.placed),
            left_out: packed.map_or(&[], |p| &p.left_out),
            findings: &verdict.findings,
        })
    }
}

impl Report<'_> {
    fn written(&self, packed: &Packed) -> String {
        let gaps = match self.form {
            Form::Bin => "gaps are FF",
            Form::Hex => "gaps between the files are left out",
        };
        let last = packed.base + (packed.bytes.len() as u32).saturating_sub(1);
        format!("{}: 0x{:08X} to 0x{last:08X}, {gaps}", self.output, packed.base)
    }
}

fn files(packed: &Packed, style: Style, out: &mut String) {
    let indent = " ".repeat(15);
    for Placed { role, stretch, room } in &packed.placed {
        let of = room.map_or_else(String::new, |room| format!(" of {}", thousands(room)));
        let place = format!(
            "0x{:08X} to 0x{:08X}, {}{of} bytes: {}",
            stretch.first,
            stretch.last,
            thousands(stretch.bytes),
            stretch.file
        );
        wrap(&place, &format!("  {:<12} ", role.to_string()), &indent, style.width, out);
    }
    for Stretch { file, first, last, bytes } in &packed.left_out {
        let text = format!(
            "{} byte{} of {file} outside of flash, 0x{first:08X} to 0x{last:08X}, {} left out",
            thousands(*bytes),
            verb(*bytes as u64, "", "s"),
            verb(*bytes as u64, "is", "are")
        );
        wrap(&text, "  ", "    ", style.width, out);
    }
}
