//! What `split` says: which files a full image was taken apart into. Format `dryflash-split`, version 1.

use super::columns::wrap;
use super::{Detail, Render, RenderError, Style, json};
use crate::am32::Role;
use crate::layout::{Form, Split};
use crate::plural::thousands;
use serde::Serialize;

/// A full image that was taken apart.
#[derive(Debug)]
pub struct Report<'a> {
    /// The image or state.
    pub source: &'a str,
    /// What it was taken apart into.
    pub split: &'a Split,
    /// The files that were written, one for each of the split's.
    pub written: &'a [String],
    /// How they are written.
    pub form: Form,
}

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    source: &'a str,
    part: &'a str,
    part_evidence: &'a str,
    files: Vec<FileOut<'a>>,
    left_out: Vec<Stretch>,
}

#[derive(Serialize)]
struct FileOut<'a> {
    file: &'a str,
    form: Form,
    role: Role,
    address: u32,
    length: usize,
    tells: &'a [String],
}

#[derive(Serialize)]
struct Stretch {
    first: u32,
    last: u32,
}

impl Render for Report<'_> {
    fn text(&self, style: Style) -> String {
        let mut out = String::new();
        let Split { part, part_evidence, files, left_out } = self.split;
        if style.detail != Detail::Quiet {
            wrap(&format!("{}, {part_evidence}", style.heading(&part.name)), "", "  ", style.width, &mut out);
        }
        let indent = " ".repeat(15);
        for (file, name) in files.iter().zip(self.written) {
            let last = file.address + (file.bytes.len() as u32).saturating_sub(1);
            let place = format!("0x{:08X} to 0x{last:08X}, {} bytes", file.address, thousands(file.bytes.len()));
            wrap(
                &format!("{place}: {name}"),
                &format!("  {:<12} ", file.role.to_string()),
                &indent,
                style.width,
                &mut out,
            );
            if !file.tells.is_empty() && style.detail != Detail::Quiet {
                wrap(&file.tells.join(", "), &indent, &indent, style.width, &mut out);
            }
        }
        for role in [Role::Bootloader, Role::App, Role::Eeprom] {
            if files.iter().all(|file| file.role != role) {
                wrap(
                    &format!("{} holds nothing there", self.source),
                    &format!("  {:<12} ", role.to_string()),
                    &indent,
                    style.width,
                    &mut out,
                );
            }
        }
        for range in left_out {
            let text = format!(
                "0x{:08X} to 0x{:08X} belongs to none of these, and is left out: it is not all FF",
                range.start(),
                range.end()
            );
            wrap(&text, "  ", "    ", style.width, &mut out);
        }
        out
    }

    fn json(&self) -> Result<String, RenderError> {
        let Split { part, part_evidence, files, left_out } = self.split;
        json::document(&Document {
            format: "dryflash-split",
            version: 1,
            source: self.source,
            part: &part.name,
            part_evidence,
            files: files
                .iter()
                .zip(self.written)
                .map(|(file, name)| FileOut {
                    file: name,
                    form: self.form,
                    role: file.role,
                    address: file.address,
                    length: file.bytes.len(),
                    tells: &file.tells,
                })
                .collect(),
            left_out: left_out.iter().map(|r| Stretch { first: *r.start(), last: *r.end() }).collect(),
        })
    }
}
