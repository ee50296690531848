//! One file of a plan: its bytes where they go, what it is, what it tells about itself.

use super::eeprom;
use super::marks::{AppMarks, BootloaderMarks, Carried, Vectors};
use super::names::{FileName, Firmware};
use super::roles::{Evidence, Recognised, Role};
use super::settings::{self, Settings};
use super::{Layout, Mcu, Pin};
use crate::image::Image;

/// Who said where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlacedBy {
    /// The file holds its addresses.
    File,
    /// The user gave an address.
    User,
    /// It has its role's address.
    Role,
}

/// What a piece tells about itself.
#[derive(Clone, Debug)]
pub struct Info {
    /// Its bootloader's marks.
    pub bootloader: Option<BootloaderMarks>,
    /// Its app's marks. Addresses are those the app is linked for.
    pub app: Option<AppMarks>,
    /// The bootloader that an updater carries.
    pub carried: Option<Carried>,
    /// Its EEPROM page.
    pub eeprom: Option<Settings>,
    /// The MCU whose start-up file made its vector table: a hint.
    pub shape: Option<Mcu>,
    /// What its file's name tells.
    pub name: FileName,
    /// What a run has shown; nothing before one.
    pub seen: Seen,
}

/// What only a run can show of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Seen {
    /// The version that the bootloader wrote into the settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootloader: Option<u8>,
    /// The pin that the bootloader sampled, where its marks tell none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin: Option<Pin>,
    /// The version that the app wrote into the settings.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "in_words")]
    pub firmware: Option<Firmware>,
}

/// `2.20`, as `tells` has it.
fn in_words<S: serde::Serializer>(firmware: &Option<Firmware>, serializer: S) -> Result<S::Ok, S::Error> {
    match firmware {
        Some(firmware) => serializer.collect_str(firmware),
        None => serializer.serialize_none(),
    }
}

impl Seen {
    /// What to tell people, a phrase each.
    pub fn phrases(&self) -> Vec<String> {
        let bootloader = self.bootloader.map(|v| format!("V{v}"));
        let pin = self.pin.map(|p| format!("pin {p}"));
        let firmware = self.firmware.map(|f| format!("firmware {f}"));
        [bootloader, pin, firmware].into_iter().flatten().collect()
    }
}

impl Info {
    /// The bootloader's version: exact by its marks, else as a run has shown it, else by the file's name where the
    /// marks allow it.
    pub fn bootloader_version(&self) -> Option<u8> {
        let marks = self.bootloader?;
        match marks.version {
            super::marks::BootVersion::Byte { version, .. } => Some(version),
            super::marks::BootVersion::V13 => Some(13),
            other => self.seen.bootloader.or_else(|| self.name.bootloader.filter(|v| other.allows(*v))),
        }
    }

    /// The app's version: from its bytes up to 2.16, else as a run has shown it, else from the file's name.
    pub fn firmware(&self) -> Option<Firmware> {
        let old = self.app.as_ref()?.old_version.as_ref();
        old.map(|v| v.firmware).or(self.seen.firmware).or(self.name.firmware)
    }

    /// What its name claims and its bytes do not tell, a phrase each. What a run has shown is not repeated.
    pub fn named(&self) -> Vec<String> {
        let exact = self.bootloader.is_some_and(|b| b.version.is_exact());
        let marked = self.bootloader.and_then(|b| b.info).is_some_and(|i| i.pin.is_some());
        let old = self.app.as_ref().is_some_and(|a| a.old_version.is_some());
        let name = FileName {
            bootloader: self.name.bootloader.filter(|v| !exact && self.seen.bootloader != Some(*v)),
            pin: self.name.pin.filter(|p| !marked && self.seen.pin != Some(*p)),
            firmware: self.name.firmware.filter(|v| !old && self.seen.firmware != Some(*v)),
            ..FileName::default()
        };
        name.phrases()
    }

    /// What its bytes tell, a phrase each: `V14 or newer`, `pin PB4`, `name tag AM32REF_F051`.
    pub fn phrases(&self) -> Vec<String> {
        let mut phrases = Vec::new();
        if let Some(b) = self.bootloader {
            phrases.extend(b.phrases());
        }
        if let Some(carried) = &self.carried {
            phrases.push(format!("carries a bootloader: {}", carried.marks.phrases().join(", ")));
        }
        if let Some(app) = &self.app {
            if let Some(tag) = &app.tag {
                phrases.push(format!("name tag {}", tag.text));
            }
            if let Some(old) = &app.old_version {
                phrases.push(format!("firmware {}", old.firmware));
            }
            if app.can_signature.is_some() {
                phrases.push("CAN signature".to_owned());
            }
        }
        phrases.extend(self.eeprom.as_ref().map(Settings::to_string));
        phrases
    }
}

/// One file of a plan.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Its bytes, at the addresses where they would be programmed.
    pub image: Image,
    /// What it is.
    pub role: Role,
    /// What says so.
    pub evidence: Evidence,
    /// Who said where it goes.
    pub placed_by: PlacedBy,
    /// What it tells about itself.
    pub info: Info,
    /// What its bytes alone say that it is.
    pub(super) by_bytes: Option<Role>,
}

impl Piece {
    pub(super) fn new(image: Image, known: Recognised, placed_by: PlacedBy, layout: &Layout) -> Piece {
        let page = match known.role {
            Role::Eeprom => image.segments.first().map(|s| s.data.clone()),
            Role::Full | Role::Bootloader | Role::App => page_at(&image, layout),
            Role::Unknown => None,
        };
        let info = Info {
            bootloader: known.bootloader,
            app: known.app,
            carried: known.carried,
            eeprom: page.as_deref().and_then(|page| Settings::read(page).ok()),
            shape: known.shape,
            name: known.name,
            seen: Seen::default(),
        };
        let mut piece =
            Piece { image, role: known.role, evidence: known.evidence, placed_by, info, by_bytes: known.by_bytes };
        // An app's bytes that reach the page need not be one.
        if matches!(piece.role, Role::Bootloader | Role::App) && !page.as_deref().is_some_and(eeprom::sane) {
            piece.info.eeprom = None;
        }
        piece
    }

    /// Whether it is a bootloader updater: by the bootloader that it carries, else by its file's name.
    pub fn is_updater(&self) -> bool {
        let named = self.info.name.kind == Some(super::names::Kind::Updater);
        self.role == Role::App && (self.info.carried.is_some() || named)
    }

    /// The vectors of an app that is linked for the start of flash; none where it is not, or holds more than an app.
    pub fn linked_for_base(&self) -> Option<Vectors> {
        let app = self.info.app.as_ref().filter(|a| a.at_base && self.role == Role::App)?;
        app.vectors
    }

    /// Whether it is to be flashed after a full image, to replace what that holds: its role was given.
    pub(super) fn replaces(&self) -> bool {
        self.evidence == Evidence::Given && self.role != Role::Full
    }

    /// What it is by its bytes, where the command line takes it for another of an ESC's three files. A full image that
    /// is taken for one of them counts where it would go to that one's place.
    pub(super) fn is_mistaken(&self) -> Option<Role> {
        let one = |role: Role| matches!(role, Role::Bootloader | Role::App | Role::Eeprom);
        let moved = matches!(self.role, Role::App | Role::Eeprom) && self.placed_by != PlacedBy::File;
        let other = |b: Role| one(b) && one(self.role) || b == Role::Full && moved;
        self.by_bytes.filter(|b| self.evidence == Evidence::Given && *b != self.role && other(*b))
    }

    /// Whether it brings what `role` stands for: a full image brings all that is not blank in it.
    pub fn brings(&self, role: Role, layout: &Layout) -> bool {
        if self.role == role {
            return true;
        }
        match (self.role, role) {
            (Role::Full, Role::Bootloader) => written(&self.image, layout.base, layout.app),
            (Role::Full, Role::App) => written(&self.image, layout.app, layout.eeprom),
            (Role::Full, Role::Eeprom) => self.image.byte(layout.eeprom).is_some(),
            (Role::Bootloader | Role::App, Role::Eeprom) => self.info.eeprom.is_some(),
            _ => false,
        }
    }
}

/// The EEPROM page amid an image: as many bytes of it as the image holds, at most those that an app reads.
fn page_at(image: &Image, layout: &Layout) -> Option<Vec<u8>> {
    let page = image.slice(layout.eeprom..layout.eeprom_end());
    let first = page.segments.first().filter(|s| s.address == layout.eeprom)?;
    Some(first.data.iter().take(settings::LENGTH).copied().collect())
}

/// Whether `image` holds anything but FF from `start` up to `end`.
pub(super) fn written(image: &Image, start: u32, end: u32) -> bool {
    image.slice(start..end).segments.iter().any(|s| s.data.iter().any(|b| *b != 0xFF))
}
