//! A full image taken apart: the bootloader, the app with its name tag, the EEPROM page.

use super::form::Form;
use super::source::Source;
use super::told;
use crate::am32::{Info, Layout, Mcu, Piece, PlanError, Role};
use crate::flash::BLANK;
use crate::image::Image;
use crate::part::Part;
use crate::shell;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

/// A full image in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// What it is for.
    pub part: Arc<Part>,
    /// How that was found.
    pub part_evidence: String,
    /// The bootloader, the app, the EEPROM page: those that it holds.
    pub files: Vec<File>,
    /// Addresses of what it holds besides that is not blank, from the first to the last byte of each segment.
    pub left_out: Vec<RangeInclusive<u32>>,
}

/// One file of a full image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// What it is.
    pub role: Role,
    /// Its name without the extension: what it is, as AM32's releases write it, so far as that is known.
    pub stem: String,
    /// The address of the first byte: where its role has its place.
    pub address: u32,
    /// Its bytes. A bootloader or an app ends with its last byte that is not FF, an EEPROM page where the image ends or
    /// the page does.
    pub bytes: Vec<u8>,
    /// What it tells about itself, a phrase each.
    pub tells: Vec<String>,
}

/// Why an image is not taken apart.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    /// It is one of the three already, or nothing known.
    #[error(
        "{file} is no full image by its bytes (they say: {role}); if it holds all of flash, say where it begins: {}@0x{base:08X}",
        shell::file(file)
    )]
    NotFull {
        /// The file.
        file: Arc<str>,
        /// What it is taken as.
        role: Role,
        /// Where flash starts.
        base: u32,
    },
    /// It holds nothing in any of the three places.
    #[error(
        "{0} holds no bootloader, no app and no settings, only FF or bytes elsewhere: there is nothing to take apart"
    )]
    Nothing(Arc<str>),
    /// The parts that it fits keep their settings at different places.
    #[error("{file} fits {}, whose settings are at different places; say which with --part", .parts.join(", "))]
    Ambiguous {
        /// The file.
        file: Arc<str>,
        /// The parts.
        parts: Vec<String>,
    },
    /// It is for an MCU without a model.
    #[error(
        "{file} is for an MCU that is not modelled ({evidence}); where its flash ends is not known. `dryflash parts` lists those that are"
    )]
    NotModelled {
        /// The file.
        file: Arc<str>,
        /// What says so.
        evidence: String,
    },
    /// AM32 is not known on the part.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

impl File {
    /// The file to write. Of a bootloader or an app, Intel HEX leaves out what is blank for 64 bytes or more.
    pub fn file(&self, form: Form) -> Vec<u8> {
        match self.role {
            // What is blank in a page is part of it: a blank one is no less a page.
            Role::Eeprom => form.file(self.address, &self.bytes),
            _ => form.sparse_file(self.address, &self.bytes),
        }
    }
}

/// Takes an image, or the flash of a virtual ESC, apart. `part` where the image does not tell it. A version that its bytes
/// leave open is found by running it.
///
/// # Errors
/// It is no full image, or nothing tells which part's.
pub fn split(source: &Source, part: Option<&Arc<Part>>) -> Result<Split, SplitError> {
    let file = source.name.clone();
    let plan = told::plan(&source.image, None, source.part.as_ref().or(part))?;
    let Some(part) = plan.candidates.first() else {
        return Err(SplitError::NotModelled { file, evidence: plan.part_evidence });
    };
    let layout = layout(part)?;
    let piece = match plan.pieces.first() {
        // Bytes with addresses are where they are, whatever they look like.
        Some(piece) if piece.role == Role::Full || source.image.placed => piece.clone(),
        other => {
            let role = other.map_or(Role::Unknown, |piece| piece.role);
            return Err(SplitError::NotFull { file, role, base: layout.base });
        }
    };
    for other in &plan.candidates {
        let other = self::layout(other)?;
        if (other.app, other.eeprom, other.page) != (layout.app, layout.eeprom, layout.page) {
            let parts = plan.candidates.iter().map(|p| p.nick().to_owned()).collect();
            return Err(SplitError::Ambiguous { file, parts });
        }
    }
    let piece = told::run(piece, part);
    let files: Vec<File> = [
        (Role::Bootloader, layout.base..layout.app),
        (Role::App, layout.app..layout.eeprom),
        (Role::Eeprom, layout.eeprom..layout.eeprom_end()),
    ]
    .into_iter()
    .filter_map(|(role, area)| one(role, area, &piece, layout))
    .collect();
    if files.is_empty() {
        return Err(SplitError::Nothing(file));
    }
    let part_evidence = if source.is_state() { "as the state file holds it".to_owned() } else { plan.part_evidence };
    let left_out = left_out(&piece.image, layout);
    Ok(Split { part: Arc::clone(part), part_evidence, files, left_out })
}

fn layout(part: &Arc<Part>) -> Result<&'static Layout, SplitError> {
    let none =
        || PlanError::NoLayout { part: part.name.clone(), known: "those that `dryflash parts` lists".to_owned() };
    Ok(Layout::of(part).ok_or_else(none)?)
}

/// What `area` holds; none where that is nothing, or FF where a bootloader or an app would be.
fn one(role: Role, area: Range<u32>, piece: &Piece, layout: &Layout) -> Option<File> {
    let mut bytes = held(&piece.image, area.clone());
    if role != Role::Eeprom {
        bytes.truncate(bytes.iter().rposition(|b| *b != BLANK)? + 1);
    }
    if bytes.is_empty() {
        return None;
    }
    let info = &piece.info;
    Some(File { role, stem: stem(role, info, layout), address: area.start, bytes, tells: tells(role, info) })
}

/// The bytes of an area from its start to the last one that the image has there; gaps are FF.
pub(super) fn held(image: &Image, area: Range<u32>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for segment in image.slice(area.clone()).segments {
        bytes.resize((segment.address - area.start) as usize, BLANK);
        bytes.extend(segment.data);
    }
    bytes
}

/// A name as AM32's releases have it: `AM32_F051_BOOTLOADER_PB4_V14`, `AM32_NEOESC_F051_2.20`, `eeprom_7c00`.
fn stem(role: Role, info: &Info, layout: &Layout) -> String {
    let mcu = layout.mcu.name();
    let mut words = Vec::new();
    match role {
        Role::Bootloader => {
            words.extend(["AM32".to_owned(), mcu.to_owned(), "BOOTLOADER".to_owned()]);
            let pin = info.bootloader.and_then(|b| b.info).and_then(|i| i.pin).or(info.seen.pin);
            words.extend(pin.map(|pin| pin.to_string()));
            // The releases name the size of the smaller G071 only.
            if layout.mcu == Mcu::G071 && layout.flash_code == Some(0x35) {
                words.push("64K".to_owned());
            }
            words.extend(info.bootloader_version().map(|v| format!("V{v}")));
        }
        Role::App => {
            let tag = info.app.as_ref().and_then(|a| a.tag.as_ref());
            match tag {
                Some(tag) => words.extend(["AM32".to_owned(), tag.text.trim().replace(' ', "_")]),
                None => words.extend(["app".to_owned(), mcu.to_owned()]),
            }
            words.extend(info.firmware().map(|v| v.to_string()));
        }
        _ => words.extend(["eeprom".to_owned(), format!("{:04x}", layout.eeprom - layout.base)]),
    }
    words.join("_")
}

fn tells(role: Role, info: &Info) -> Vec<String> {
    match role {
        Role::Bootloader => {
            let seen = info.seen.bootloader.map(|v| format!("by running: V{v}"));
            info.bootloader.iter().flat_map(|b| b.phrases()).chain(seen).collect()
        }
        Role::App => {
            let tag = info.app.as_ref().and_then(|a| a.tag.as_ref()).map(|t| format!("name tag {}", t.text));
            tag.into_iter().chain(info.firmware().map(|v| format!("firmware {v}"))).collect()
        }
        _ => info.eeprom.iter().map(ToString::to_string).collect(),
    }
}

/// What is not blank outside of the three places.
fn left_out(image: &Image, layout: &Layout) -> Vec<RangeInclusive<u32>> {
    let outside = [image.slice(0..layout.base), image.slice_from(layout.eeprom_end())];
    let segments = outside.into_iter().flat_map(|image| image.segments);
    segments
        .filter_map(|s| {
            let first = s.data.iter().position(|b| *b != BLANK)?;
            let last = s.data.iter().rposition(|b| *b != BLANK)?;
            Some(s.address + first as u32..=s.address + last as u32)
        })
        .collect()
}
