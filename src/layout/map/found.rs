//! What one byte is: `map --at`.

use super::flash::Came;
use super::{Kind, Map};
use crate::am32::settings::Settings;
use crate::image::{Holds, Object, Origin, Symbol, Symbols};
use serde::Serialize;

/// A byte of a file at an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Byte {
    /// The file; the state, where it is the ESC's own.
    pub file: String,
    /// Where in the file: `line 7`, `offset 0x40`. Of a state, where in flash.
    pub place: String,
    /// Its value there.
    pub value: u8,
}

/// A setting, as the page has it in the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// Its value with its unit, for people.
    pub text: String,
}

/// What stands at an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The address.
    pub address: u32,
    /// What the region is that it lies in; none where nothing is there.
    pub kind: Option<Kind>,
    /// The area of AM32's that it lies in.
    pub area: Option<Kind>,
    /// The page's number; none outside of flash.
    pub page: Option<u32>,
    /// Bytes from the start of that page.
    pub page_offset: Option<u32>,
    /// Whether the page is write-protected.
    pub protected: bool,
    /// What is read there in the end; none outside of flash.
    pub value: Option<u8>,
    /// The byte that stands there; none where nobody wrote it, or it was lost.
    pub stands: Option<Byte>,
    /// What the ESC held there before the files came; none where there is no ESC, or that byte still stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Byte>,
    /// Bytes of other files that were to stand there, in the order of flashing.
    pub others: Vec<Byte>,
    /// The setting that it belongs to, where it lies in a settings page that can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<Setting>,
    /// The function that it belongs to, where the file is an ELF with symbols.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<Symbol>,
    /// The data that it belongs to, where the file is an ELF with symbols.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
}

impl Found {
    /// Whether something can be at that address: it is in flash, or a file has a byte for it.
    pub fn is_somewhere(&self) -> bool {
        self.value.is_some() || self.stands.is_some()
    }
}

impl Map {
    /// What stands at `address`.
    pub fn at(&self, address: u32) -> Found {
        let region = self.regions.iter().find(|r| r.contains(address));
        let inside = self.byte(address).map(|_| address - self.address);
        let area = self.areas.iter().find(|a| address >= a.address && address - a.address < a.length);
        let stands = match self.flash.came(address) {
            Some(Came::By(n) | Came::Twice { later: n, .. }) => Some(usize::from(n)),
            Some(Came::Erased | Came::Lost { .. }) => None,
            // Outside, the last file that has it.
            None => self.flash.pieces.iter().rposition(|p| p.image.byte(address).is_some()),
        };
        let holds = stands.and_then(|n| self.flash.pieces.get(n)?.image.holds(address));
        let byte = |n: usize| self.held(n, address);
        let own = usize::from(self.state().is_some());
        let others = (own..self.flash.pieces.len()).filter(|n| Some(*n) != stands);
        Found {
            address,
            kind: region.map(|r| r.kind),
            area: area.map(|a| a.kind),
            page: inside.map(|offset| offset / self.page),
            page_offset: inside.map(|offset| offset % self.page),
            protected: self.protected.iter().any(|p| address >= p.address && address - p.address < p.length),
            value: self.byte(address),
            stands: stands.and_then(byte),
            before: Some(0).filter(|n| own > 0 && stands != Some(*n)).and_then(byte),
            setting: self.setting(address),
            symbol: match holds {
                Some(Holds::Code(runs_at)) => Symbols::of(self.flash.pieces.iter().map(|p| &p.image)).at(runs_at),
                _ => None,
            },
            object: match holds {
                Some(Holds::Object(object)) => Some(object),
                _ => None,
            },
            others: others.filter_map(byte).collect(),
        }
    }

    /// The setting that the byte at `address` belongs to.
    fn setting(&self, address: u32) -> Option<Setting> {
        let page = self.areas.iter().find(|a| a.kind == Kind::Settings)?;
        let offset = address.checked_sub(page.address)? as usize;
        let bytes: Vec<u8> = (page.address..page.address + page.length).filter_map(|at| self.byte(at)).collect();
        let settings = Settings::read(&bytes).ok().filter(|s| !s.is_blank())?;
        let value =
            settings.values().into_iter().find(|v| (v.field.at..v.field.at + v.field.size).contains(&offset))?;
        Some(Setting { name: value.field.name, text: value.text })
    }

    /// The byte that a piece has for `address`.
    fn held(&self, piece: usize, address: u32) -> Option<Byte> {
        let image = &self.flash.pieces.get(piece)?.image;
        let Origin { file, position } = image.origin(address)?;
        let own = piece == 0 && self.state().is_some();
        let place = if own { format!("{position} of its flash") } else { position.to_string() };
        Some(Byte { file: file.to_string(), place, value: image.byte(address)? })
    }
}
