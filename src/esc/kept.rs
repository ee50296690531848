//! What is left of an ESC when its power is off: flash, wear, programmed marks, option bytes.

use crate::chip::Chip;
use crate::flash::{FactoryError, NonVolatile};
use crate::part::Part;
use std::sync::Arc;

/// An ESC without power.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// The part.
    pub part: Arc<Part>,
    /// What its flash and option bytes hold.
    pub non_volatile: NonVolatile,
}

/// Why it does not go into a chip.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeptError {
    /// The chip is another part.
    #[error("the ESC is an {found}, not an {wanted}")]
    OtherPart {
        /// The part that was kept.
        found: String,
        /// The chip's.
        wanted: String,
    },
    /// It holds something that the part does not have.
    #[error(transparent)]
    Malformed(#[from] FactoryError),
}

impl Kept {
    /// What outlives power-off of `chip`.
    pub fn of(chip: &Chip) -> Kept {
        Kept { part: Arc::clone(chip.part()), non_volatile: chip.board.flash.non_volatile() }
    }

    /// Puts it into a chip of the same part.
    ///
    /// # Errors
    /// The chip is another part, or does not have what is to be put there.
    pub fn install(&self, chip: &mut Chip) -> Result<(), KeptError> {
        if self.part.name != chip.part().name {
            return Err(KeptError::OtherPart { found: self.part.name.clone(), wanted: chip.part().name.clone() });
        }
        Ok(chip.board.flash.install(&self.non_volatile)?)
    }
}
