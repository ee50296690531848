//! What one byte is: `map --at`.

use super::flash::Came;
use super::{Kind, Map};
use crate::am32::Piece;
use crate::image::{Origin, Symbol, Symbols};
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
    /// Other bytes that were to stand there, in the order of flashing.
    pub others: Vec<Byte>,
    /// The function that it belongs to, where the file is an ELF with symbols.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<Symbol>,
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
        let others = (self.flash.pieces.iter().enumerate()).filter(|(n, _)| Some(*n) != stands);
        Found {
            address,
            kind: region.map(|r| r.kind),
            area: area.map(|a| a.kind),
            page: inside.map(|offset| offset / self.page),
            page_offset: inside.map(|offset| offset % self.page),
            protected: self.protected.iter().any(|p| address >= p.address && address - p.address < p.length),
            value: self.byte(address),
            stands: stands.and_then(|n| byte(self.flash.pieces.get(n)?, address)),
            symbol: stands.and_then(|_| Symbols::of(self.flash.pieces.iter().map(|p| &p.image)).at(address)),
            others: others.filter_map(|(_, piece)| byte(piece, address)).collect(),
        }
    }
}

fn byte(piece: &Piece, address: u32) -> Option<Byte> {
    let Origin { file, position } = piece.image.origin(address)?;
    Some(Byte { file: file.to_string(), place: position.to_string(), value: piece.image.byte(address)? })
}
