//! What the option bytes of an ESC keep from being erased and programmed.

use crate::am32::Piece;
use crate::layout::OptionBytes;
use crate::part::Part;
use serde::Serialize;

/// Pages that the option bytes protect against erase and programming.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Protected {
    /// The first page's number.
    pub first_page: u32,
    /// The last page's number.
    pub last_page: u32,
    /// The first address.
    pub address: u32,
    /// Bytes.
    pub length: u32,
    /// The files that were to go there: the flash does not take them.
    pub refuses: Vec<String>,
}

/// Whether an ESC with these option bytes does not take a piece.
pub(super) fn refuses(part: &Part, options: Option<&OptionBytes>, piece: &Piece) -> bool {
    let meets = |p: &Protected| piece.image.touches(p.address..p.address + p.length);
    options.is_some_and(|o| o.rdp_level > 0) || protected(part, options).iter().any(meets)
}

/// The pages that option bytes protect.
pub(super) fn protected(part: &Part, options: Option<&OptionBytes>) -> Vec<Protected> {
    let runs = options.map(|o| o.protected.clone()).unwrap_or_default();
    let one = |(first_page, last_page): (u32, u32)| {
        let address = part.flash.base + first_page * part.flash.page;
        let length = (last_page - first_page + 1) * part.flash.page;
        Protected { first_page, last_page, address, length, refuses: Vec::new() }
    };
    runs.into_iter().map(one).collect()
}
