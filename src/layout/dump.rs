//! What a probe reads of a virtual ESC.

use crate::am32::Mcu;
use crate::bus::Width;
use crate::chip::Chip;
use crate::cpu::unicorn::EngineError;
use crate::esc::{Kept, KeptError};
use crate::part::Part;
use std::ops::Range;
use std::sync::Arc;

/// Bytes that were read.
#[derive(Clone, Debug, PartialEq)]
pub struct Dump {
    /// The part.
    pub part: Arc<Part>,
    /// The address of the first byte.
    pub address: u32,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Why there is no dump.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The chip lets no probe read.
    #[error(transparent)]
    Refused(#[from] Unread),
    /// It is another part's, or none.
    #[error(transparent)]
    Kept(#[from] KeptError),
    /// The chip could not be set up.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Why a chip does not give what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Level 1: flash is closed to probes.
    #[error(
        "read protection level 1 is active: no probe reads 0x{address:08X}. {way} sets level 0, which erases all of its \
         flash"
    )]
    Level1 {
        /// The first address that was asked for.
        address: u32,
        /// The command that sets level 0 on this part.
        way: &'static str,
    },
    /// Level 2: there is no debug port.
    #[error("read protection level 2 is active: no probe reaches this chip any more, and nothing undoes that")]
    Level2,
    /// Some of it lies elsewhere than in flash.
    #[error(
        "0x{first:08X} to 0x{last:08X} is not in {part}'s flash, 0x{flash:08X} to 0x{flash_last:08X}, nor in what else it \
         keeps without power; ask for less, or start elsewhere"
    )]
    Outside {
        /// The first address that was asked for.
        first: u32,
        /// The last one.
        last: u64,
        /// The part.
        part: String,
        /// The first address of main flash.
        flash: u32,
        /// Its last one.
        flash_last: u32,
    },
    /// The bus refused it.
    #[error("the chip refuses to read 0x{address:08X}: {why}")]
    Bus {
        /// The address of the word.
        address: u32,
        /// The bus's reason.
        why: &'static str,
    },
}

/// Level 0, and all other option bytes as they leave the factory.
fn opening(part: &Part) -> &'static str {
    match Mcu::from_word(&part.name) {
        // What st-flash 1.7 can write of the F0's option bytes leaves the level as it is.
        Some(Mcu::F031 | Mcu::F051) => "`stm32f1x unlock 0; stm32f1x options_load 0` in OpenOCD",
        _ => "`st-flash --area=option write 0xFFFFFEAA`",
    }
}

/// Reads `length` bytes from `address` on, as a probe does after a power-on; all of main flash where no place is given.
/// Option bytes and OTP may be read, too: what is kept without power.
///
/// # Errors
/// The chip lets no probe read it, or it does not lie there.
pub fn dump(kept: &Kept, place: Option<(u32, u32)>) -> Result<Dump, DumpError> {
    let part = Arc::clone(&kept.part);
    let mut chip = Chip::new(&part, 1)?;
    kept.install(&mut chip)?;
    chip.power_on();
    let (address, length) = place.unwrap_or((part.flash.base, part.flash.size));
    let end = u64::from(address) + u64::from(length);
    let holds = |r: &Range<u32>| r.contains(&address) && end <= u64::from(r.end);
    if !chip.board.flash.ranges().iter().any(holds) {
        return Err(Unread::Outside {
            first: address,
            last: end.saturating_sub(1),
            part: part.name.clone(),
            flash: part.flash.base,
            flash_last: part.flash.end() - 1,
        }
        .into());
    }
    let level = chip.board.flash.rdp_level();
    if level == 2 {
        return Err(Unread::Level2.into());
    }
    let mut bytes = Vec::new();
    // By words, as st-flash reads.
    let first = address & !3;
    for at in (first..address + length).step_by(4) {
        let refused = |why| match level {
            1 => Unread::Level1 { address, way: opening(&part) },
            _ => Unread::Bus { address: at, why },
        };
        let word = chip.debug_read(at, Width::Word).map_err(|fault| refused(fault.reason))?;
        bytes.extend(word.to_le_bytes());
    }
    bytes.drain(..(address - first) as usize);
    bytes.truncate(length as usize);
    Ok(Dump { part, address, bytes })
}
