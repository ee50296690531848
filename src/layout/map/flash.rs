//! Main flash, byte by byte, after the pieces were programmed one after the other.

use crate::am32::{Evidence, Piece, Role};
use crate::flash::BLANK;
use crate::part::Part;
use std::fmt;

/// How a byte of flash came to be what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Came {
    /// Nobody wrote it.
    #[default]
    Erased,
    /// A piece wrote it, by its index.
    By(u16),
    /// Two pieces hold it. The later one's stands.
    Twice {
        /// The one that came first.
        first: u16,
        /// The one that came later.
        later: u16,
    },
    /// A piece wrote it, and another one erased it.
    Lost {
        /// The one that wrote it.
        of: u16,
        /// The one that erased it.
        by: u16,
    },
}

/// The pieces, and what flash holds when all of them were programmed.
#[derive(Clone)]
pub(super) struct Flash {
    pub base: u32,
    /// The first is the ESC's state, where there is one.
    pub pieces: Vec<Piece>,
    pub has_state: bool,
    page: u32,
    values: Vec<u8>,
    came: Vec<Came>,
}

/// Without its bytes, which nobody reads.
impl fmt::Debug for Flash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.pieces.iter().map(|p| &*p.image.name).collect();
        f.debug_struct("Flash").field("pieces", &names).field("has_state", &self.has_state).finish_non_exhaustive()
    }
}

impl Flash {
    pub fn new(part: &Part, pieces: Vec<Piece>, has_state: bool) -> Flash {
        let size = part.flash.size as usize;
        let mut flash = Flash {
            base: part.flash.base,
            pieces: Vec::new(),
            has_state,
            page: part.flash.page.max(1),
            values: vec![BLANK; size],
            came: vec![Came::Erased; size],
        };
        for piece in pieces {
            flash.program(&piece);
            flash.pieces.push(piece);
        }
        flash
    }

    fn end(&self) -> u32 {
        self.base + self.values.len() as u32
    }

    fn index(&self, address: u32) -> Option<usize> {
        Some(address.checked_sub(self.base)? as usize).filter(|i| *i < self.values.len())
    }

    /// The byte at `address`.
    pub fn value(&self, address: u32) -> Option<u8> {
        self.values.get(self.index(address)?).copied()
    }

    /// How the byte at `address` came.
    pub fn came(&self, address: u32) -> Option<Came> {
        self.came.get(self.index(address)?).copied()
    }

    /// Each byte's value and how it came, ascending.
    pub fn bytes(&self) -> impl Iterator<Item = (u8, Came)> {
        self.values.iter().copied().zip(self.came.iter().copied())
    }

    pub fn piece(&self, index: u16) -> Option<&Piece> {
        self.pieces.get(usize::from(index))
    }

    /// Whether a byte of the page that `address` lies in is not blank.
    pub fn page_in_use(&self, address: u32) -> bool {
        let Some(index) = self.index(address) else { return false };
        let page = self.page as usize;
        let start = index / page * page;
        self.values.iter().skip(start).take(page).any(|b| *b != BLANK)
    }

    /// The numbers of the pages that `piece` touches.
    fn pages(&self, piece: &Piece) -> Vec<usize> {
        let inside = piece.image.slice(self.base..self.end());
        let page = |address: u64| (address - u64::from(self.base)) as usize / self.page as usize;
        let mut pages: Vec<usize> = Vec::new();
        for segment in &inside.segments {
            pages.extend(page(u64::from(segment.address))..=page(segment.end() - 1));
        }
        pages.dedup();
        pages
    }

    /// Erases the pages that it touches, and writes its bytes.
    fn program(&mut self, piece: &Piece) {
        let this = self.pieces.len() as u16;
        let page = self.page as usize;
        for at in self.pages(piece).into_iter().flat_map(|n| n * page..(n + 1) * page) {
            let (Some(value), Some(came)) = (self.values.get(at).copied(), self.came.get(at).copied()) else {
                continue;
            };
            let new = piece.image.byte(self.base + at as u32);
            let other = match came {
                Came::By(other) | Came::Twice { later: other, .. } => Some(other),
                Came::Erased | Came::Lost { .. } => None,
            };
            let meets = other.filter(|other| !self.gives_way(*other, piece, value));
            self.came[at] = match (new, meets, came) {
                (Some(_), Some(first), _) => Came::Twice { first, later: this },
                (Some(_), None, _) => Came::By(this),
                (None, Some(of), _) if value != BLANK => Came::Lost { of, by: this },
                (None, _, Came::Lost { .. }) => came,
                (None, ..) => Came::Erased,
            };
            self.values[at] = new.unwrap_or(BLANK);
        }
    }

    /// Whether a byte of an earlier piece is there to be replaced: the ESC's own, what is blank in a full image, and all of
    /// a full image where the later file's role was given.
    fn gives_way(&self, earlier: u16, later: &Piece, value: u8) -> bool {
        let full = self.piece(earlier).is_some_and(|p| p.role == Role::Full);
        let replaces = later.evidence == Evidence::Given && later.role != Role::Full;
        earlier == 0 && self.has_state || full && (replaces || value == BLANK)
    }
}
