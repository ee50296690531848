//! What lies where in the flash of one ESC: regions from its first byte to its last, and what lies beside.
//!
//! Files go onto it in the order in which `check` would flash them: pages that a file touches are erased, and what another
//! file had put there is lost. Nothing runs.

mod beside;
mod flash;
mod found;
mod protection;
mod regions;

pub use beside::{Beside, Differing, DifferingOption, beside};
pub use found::{Byte, Found, Setting};
pub use protection::Protected;

use super::source::{OptionBytes, Source};
use crate::am32::{self, Finding, Given, Id, Layout, Piece, PlanError, Request, Role, Severity};
use crate::image::Format;
use crate::part::Part;
use flash::Flash;
use protection::{protected, refuses};
use serde::Serialize;
use std::sync::Arc;

/// What a region is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The bootloader's code and data.
    Bootloader,
    /// The bytes by which a bootloader tells about itself.
    DeviceInfo,
    /// The app's code and data.
    App,
    /// The app's name tag.
    NameTag,
    /// The settings, from the boot byte to the last byte that is not blank.
    Settings,
    /// Bytes that are none of these, as far as can be seen.
    Data,
    /// Many bytes of 00 in a row: what a .bin has between its pieces.
    Filled,
    /// Bytes that two files hold. The later one's stand.
    Overlap,
    /// Bytes of a file that a later one erases, and does not write.
    Lost,
    /// Blank bytes of a page that is in use: they are erased with it.
    Gap,
    /// Pages that are blank.
    Free,
    /// Bytes of a file for which there is no flash.
    Outside,
    /// Option bytes.
    OptionBytes,
}

impl Kind {
    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Bootloader => "bootloader",
            Kind::DeviceInfo => "device info",
            Kind::App => "app",
            Kind::NameTag => "name tag",
            Kind::Settings => "settings",
            Kind::Data => "other data",
            Kind::Filled => "filled",
            Kind::Overlap => "overlap",
            Kind::Lost => "lost",
            Kind::Gap => "gap",
            Kind::Free => "free",
            Kind::Outside => "outside of flash",
            Kind::OptionBytes => "option bytes",
        }
    }

    /// Whether its bytes are blank.
    pub const fn is_blank(self) -> bool {
        matches!(self, Kind::Gap | Kind::Free | Kind::Lost)
    }

    /// Whether it is a mistake.
    pub const fn is_wrong(self) -> bool {
        matches!(self, Kind::Overlap | Kind::Lost | Kind::Outside)
    }
}

/// Bytes of a range, by use. Together they are the range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// Bytes that hold something.
    pub used: u32,
    /// Bytes of 00 that only fill: they are programmed, and hold nothing.
    pub filled: u32,
    /// Blank bytes of pages that hold something.
    pub gaps: u32,
    /// Bytes of blank pages.
    pub free: u32,
}

/// Neighbouring bytes of one kind. Inside flash, regions ascend, and leave nothing out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Region {
    /// The first address.
    pub address: u32,
    /// Bytes; never none.
    pub length: u32,
    /// What it is.
    pub kind: Kind,
    /// Whose bytes they are, by the names in [`Map::files`]. Two where two files meet: the earlier, then the later.
    pub files: Vec<String>,
    /// What its bytes tell, or what is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Region {
    /// One past the last address.
    pub fn end(&self) -> u64 {
        u64::from(self.address) + u64::from(self.length)
    }

    /// Whether `address` lies inside.
    pub fn contains(&self, address: u32) -> bool {
        address >= self.address && u64::from(address) < self.end()
    }
}

/// What AM32 keeps a range of flash for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Area {
    /// Bootloader, app, or settings.
    pub kind: Kind,
    /// The first address.
    pub address: u32,
    /// Bytes.
    pub length: u32,
    /// What of them is in use.
    pub sizes: Sizes,
}

/// A file, and what of it lies in flash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Holder {
    /// As it was named.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// Its kind of file; none for the state of an ESC.
    pub format: Option<Format>,
    /// Where its first byte goes.
    pub address: u32,
    /// Bytes that it holds.
    pub length: u32,
    /// Bytes of it that hold something, and stand in flash in the end.
    pub used: u32,
    /// Bytes of it that another file erases, and does not write.
    pub lost: u32,
    /// Bytes of it that lie outside of flash; option bytes do not count.
    pub outside: u32,
}

/// The flash of one ESC.
#[derive(Clone, Debug, Serialize)]
pub struct Map {
    /// The part.
    #[serde(serialize_with = "named")]
    pub part: Arc<Part>,
    /// What told the part.
    pub part_evidence: String,
    /// The first address of flash.
    pub address: u32,
    /// Its length in bytes.
    pub length: u32,
    /// The length of a page in bytes.
    pub page: u32,
    /// What of flash is in use.
    pub sizes: Sizes,
    /// What AM32 keeps ranges of it for, ascending.
    pub areas: Vec<Area>,
    /// The state, where there is one, and the files, in the order in which they are flashed.
    pub files: Vec<Holder>,
    /// All of flash, ascending; behind it what lies outside, file by file.
    pub regions: Vec<Region>,
    /// What is write-protected, ascending.
    pub protected: Vec<Protected>,
    /// Option bytes: the state's, else those that a file holds. None where neither has any.
    pub options: Option<OptionBytes>,
    /// The file that the option bytes are from; none where they are a state's. They are no part's until somebody programs them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options_from: Option<String>,
    /// The files that the ESC does not take, since it is protected: they do not lie in [`Map::regions`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
    /// What is wrong with where things are, errors first.
    pub findings: Vec<Finding>,
    #[serde(skip)]
    flash: Flash,
}

fn named<S: serde::Serializer>(part: &Arc<Part>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Named<'a> {
        name: &'a str,
        short: Option<&'a str>,
    }
    Named { name: &part.name, short: part.short.as_deref() }.serialize(serializer)
}

/// Why there is no map.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// Wrong use.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The files are for an MCU that is not modelled.
    #[error("there is no map of a part that is not modelled: {0}")]
    NotModelled(String),
    /// The files fit parts with different flash.
    #[error("the files fit {}, whose flash is not the same; say which with --part", .0.join(", "))]
    Ambiguous(Vec<String>),
    /// The state is of another part than was named.
    #[error("{state} holds an {found}, not an {wanted}; leave --part out, or name another state")]
    OtherPart {
        /// The state.
        state: Arc<str>,
        /// The part that it holds.
        found: String,
        /// The part that was named.
        wanted: String,
    },
}

/// The findings that are about where things are.
const ABOUT_PLACES: [Id; 15] = [
    Id::WRONG_BASE,
    Id::CLASH,
    Id::REPEATED,
    Id::ERASED,
    Id::OUT_OF_RANGE,
    Id::APP_AT_BOOTLOADER,
    Id::MISPLACED,
    Id::BOOTLOADER_TOO_LONG,
    Id::UNCLEAR,
    Id::EEPROM_ELSEWHERE,
    Id::LAYOUTS_DISAGREE,
    Id::OPTION_BYTES,
    Id::CAN_MISMATCH,
    Id::APP_IN_EEPROM,
    Id::LINKED_FOR_BASE,
];

/// The map of an ESC after these files were flashed: onto a blank part, or onto what the ESC `under` them holds. `part` and
/// `part_from` are those of [`Request`].
///
/// # Errors
/// Wrong use, or a part that is not known. What is wrong with the files is in [`Map::findings`].
pub fn map(
    files: Vec<Given>,
    under: Option<&Source>,
    part: Option<Arc<Part>>,
    part_from: Option<String>,
) -> Result<Map, MapError> {
    let held = under.and_then(|state| Some((state, state.part.clone()?)));
    if let (Some((state, held)), Some(wanted)) = (&held, &part)
        && held.name != wanted.name
    {
        let (found, wanted) = (held.name.clone(), wanted.name.clone());
        return Err(MapError::OtherPart { state: Arc::clone(&state.name), found, wanted });
    }
    let (part, part_from) = match &held {
        Some((state, held)) if part.is_none() => (Some(Arc::clone(held)), Some(state.name.to_string())),
        _ => (part, part_from),
    };
    let wish = Request {
        part,
        part_from,
        // A map of one file alone is no mistake.
        has_state: !files.is_empty() || under.is_some(),
        state: under.map(|state| state.name.to_string()),
        ..Request::default()
    };
    let plan = am32::plan(files, &wish)?;
    let Some(first) = plan.candidates.first() else {
        let told: Vec<&str> = plan.findings.iter().filter(|f| f.id == Id::FOREIGN_MCU).map(|f| &*f.message).collect();
        return Err(MapError::NotModelled(told.join("; ")));
    };
    let alike = |other: &Arc<Part>| other.flash.size == first.flash.size && Layout::of(other) == Layout::of(first);
    if !plan.candidates.iter().all(alike) {
        return Err(MapError::Ambiguous(plan.candidates.iter().map(|p| p.nick().to_owned()).collect()));
    }
    let options = under.and_then(|state| state.options(first));
    let (refused, taken): (Vec<Piece>, Vec<Piece>) =
        plan.pieces.iter().cloned().partition(|piece| refuses(first, options.as_ref(), piece));
    let mut map = Map::of(first, &taken, under)?;
    for protected in &mut map.protected {
        let meets = |piece: &&Piece| piece.image.touches(protected.address..protected.address + protected.length);
        protected.refuses = refused.iter().filter(meets).map(|p| p.image.name.to_string()).collect();
    }
    map.refused = refused.iter().map(|piece| piece.image.name.to_string()).collect();
    map.part_evidence = plan.part_evidence;
    map.findings = plan.findings.into_iter().filter(|f| ABOUT_PLACES.contains(&f.id)).collect();
    Ok(map)
}

impl Map {
    /// The map of files at their places on a part, on what the ESC `under` them holds. It has no findings, and does not know
    /// what told the part.
    ///
    /// # Errors
    /// AM32 has no layout for the part.
    pub fn of(part: &Arc<Part>, pieces: &[Piece], under: Option<&Source>) -> Result<Map, PlanError> {
        let known = || PlanError::NoLayout { part: part.name.clone(), known: String::new() };
        let layout = Layout::of(part).ok_or_else(known)?;
        let state = under.map(|state| as_piece(state, part)).transpose()?.flatten();
        let has_state = state.is_some();
        let flash = Flash::new(part, state.into_iter().chain(pieces.iter().cloned()).collect(), has_state);
        let regions = regions::of(&flash, part, layout);
        let own = under.and_then(|s| s.options(part));
        let protected = protected(part, own.as_ref());
        let in_file = |piece: &Piece| {
            let options = Source::of_image(piece.image.clone()).options(part)?;
            Some((options, Some(piece.image.name.to_string())))
        };
        let found = own.map(|own| (own, None)).or_else(|| flash.pieces.iter().rev().find_map(in_file));
        let (options, options_from) = found.map_or((None, None), |(options, from)| (Some(options), from));
        let area = |kind, address, length| Area { kind, address, length, sizes: sizes(&regions, address, length) };
        Ok(Map {
            part: Arc::clone(part),
            part_evidence: String::new(),
            address: part.flash.base,
            length: part.flash.size,
            page: part.flash.page,
            sizes: sizes(&regions, part.flash.base, part.flash.size),
            areas: vec![
                area(Kind::Bootloader, layout.base, layout.bootloader_len()),
                area(Kind::App, layout.app, layout.eeprom - layout.app),
                area(Kind::Settings, layout.eeprom, layout.page),
            ],
            files: holders(&flash, &regions),
            protected,
            options,
            options_from,
            refused: Vec::new(),
            findings: Vec::new(),
            regions,
            flash,
        })
    }

    /// The state that it is of, where it is one's.
    pub fn state(&self) -> Option<&str> {
        self.files.first().filter(|f| f.format.is_none()).map(|f| f.name.as_str())
    }

    /// One past the last address of flash.
    pub fn end(&self) -> u32 {
        self.address + self.length
    }

    /// Whether everything is where it belongs, and the flash would take it.
    pub fn is_sound(&self) -> bool {
        let errors = self.findings.iter().any(|f| f.severity == Severity::Error);
        !errors && self.refused.is_empty()
    }

    /// Whether it is of files, and not of a virtual ESC alone.
    pub fn has_files(&self) -> bool {
        !self.flash.has_state || self.files.len() > 1 || !self.refused.is_empty()
    }

    /// Whether read protection of the ESC refuses the files.
    pub fn is_locked(&self) -> bool {
        !self.refused.is_empty() && self.options.as_ref().is_some_and(|o| o.rdp_level > 0)
    }

    /// The byte of flash at `address`, as it stands in the end.
    pub fn byte(&self, address: u32) -> Option<u8> {
        self.flash.value(address)
    }
}

/// What an ESC holds, as one file.
fn as_piece(state: &Source, part: &Arc<Part>) -> Result<Option<Piece>, PlanError> {
    let given = Given { image: state.image.clone(), role: Some(Role::Full) };
    let wish = Request { part: Some(Arc::clone(part)), has_state: true, ..Request::default() };
    Ok(am32::plan(vec![given], &wish)?.pieces.into_iter().next())
}

/// What of a range is in use.
fn sizes(regions: &[Region], address: u32, length: u32) -> Sizes {
    let end = u64::from(address) + u64::from(length);
    let mut sizes = Sizes::default();
    for region in regions.iter().filter(|r| !matches!(r.kind, Kind::Outside | Kind::OptionBytes)) {
        let inside = region.end().min(end).saturating_sub(u64::from(region.address.max(address)));
        let inside = u32::try_from(inside).unwrap_or(u32::MAX);
        match region.kind {
            Kind::Free => sizes.free += inside,
            Kind::Filled => sizes.filled += inside,
            kind if kind.is_blank() => sizes.gaps += inside,
            _ => sizes.used += inside,
        }
    }
    sizes
}

fn holders(flash: &Flash, regions: &[Region]) -> Vec<Holder> {
    let holder = |(n, piece): (usize, &Piece)| {
        let of = |kind: Kind| {
            let own =
                regions.iter().filter(|r| r.kind == kind && r.files.first().is_some_and(|f| **f == *piece.image.name));
            own.map(|r| r.length).sum()
        };
        let last = |r: &&Region| r.files.last().is_some_and(|f| **f == *piece.image.name);
        let stands = |r: &&Region| {
            let elsewhere = matches!(r.kind, Kind::Outside | Kind::OptionBytes | Kind::Filled);
            last(r) && !r.kind.is_blank() && !elsewhere
        };
        Holder {
            name: piece.image.name.to_string(),
            role: piece.role,
            format: (n > 0 || !flash.has_state).then_some(piece.image.format),
            address: piece.image.start(),
            length: u32::try_from(piece.image.len()).unwrap_or(u32::MAX),
            used: regions.iter().filter(stands).map(|r| r.length).sum(),
            lost: of(Kind::Lost),
            outside: of(Kind::Outside),
        }
    };
    flash.pieces.iter().enumerate().map(holder).collect()
}
