//! The registers and bits of the flash controllers as a programmer meets them, by the manuals' names.
//!
//! Each family says once what it has, in its `driver.rs`, with the constants that its controller uses.

use super::flags::{Flag, Flags};
use super::{f0, g0};
use crate::bus::Width;
use crate::part::Family;

/// What a page erase is told of its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageSelect {
    /// An address in it goes to this register (RM0091 3.5.6).
    Address {
        /// Offset of AR.
        ar: u32,
    },
    /// Its number goes into CR (RM0444 3.7.5).
    Number {
        /// The lowest bit of PNB.
        shift: u32,
    },
}

/// How option bytes are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionPath {
    /// The area is erased and programmed, a byte and its complement at a time (RM0091 3.2.2).
    Cells(OptionCells),
    /// Registers are written, and the hardware changes the area (RM0444 3.4.2).
    Registers(OptionRegisters),
}

/// For [`OptionPath::Cells`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionCells {
    /// Offset of OBR, where most of them are read as loaded.
    pub obr: u32,
    /// Offset of WRPR, where write protection is.
    pub wrpr: u32,
    /// CR: erases the area.
    pub opter: u32,
    /// CR: allows programming it.
    pub optpg: u32,
}

/// For [`OptionPath::Registers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionRegisters {
    /// Offset of OPTR, the first of them.
    pub optr: u32,
    /// CR: changes the area to what they say.
    pub optstrt: u32,
}

/// The registers and bits of a family's controller as far as a programmer meets them. Offsets are from [`super::REGISTERS`].
#[derive(Clone, Copy, Debug)]
pub struct Interface {
    /// Offset of KEYR.
    pub keyr: u32,
    /// Offset of OPTKEYR.
    pub optkeyr: u32,
    /// Offset of SR.
    pub sr: u32,
    /// Offset of CR.
    pub cr: u32,
    /// What unlocks CR, in this order.
    pub keys: [u32; 2],
    /// What unlocks the option bytes.
    pub option_keys: [u32; 2],
    /// SR: an operation is in flight.
    pub busy: u32,
    /// SR: what tells that an operation failed.
    pub errors: u32,
    /// SR: what clears on writing 1.
    pub clearable: u32,
    /// CR: programming.
    pub pg: u32,
    /// CR: page erase.
    pub per: u32,
    /// CR: mass erase.
    pub mer: u32,
    /// CR: starts an erase.
    pub strt: u32,
    /// CR: 1 while locked.
    pub lock: u32,
    /// CR: 1 while the option bytes are locked; 0 where there is no such bit.
    pub optlock: u32,
    /// CR: 0 while the option bytes are locked; 0 where there is no such bit.
    pub optwre: u32,
    /// CR: loads the option bytes, which resets the chip.
    pub obl_launch: u32,
    /// The width of a store that programs.
    pub store: Width,
    /// What a page erase is told.
    pub page: PageSelect,
    /// How option bytes are changed.
    pub options: OptionPath,
    /// The bits of SR.
    pub flags: &'static [(u32, Flag)],
}

impl Interface {
    /// The flags in a value of SR.
    pub fn flags_of(&self, status: u32) -> Flags {
        Flags::of(self.flags, status)
    }

    /// Whether the option bytes are locked, by a value of CR.
    pub const fn options_are_locked(&self, control: u32) -> bool {
        control & self.optlock != 0 || control & self.optwre != self.optwre
    }
}

/// The registers of a family's flash.
pub const fn interface(family: Family) -> &'static Interface {
    match family {
        Family::F0 => &f0::driver::INTERFACE,
        Family::G0 => &g0::driver::INTERFACE,
    }
}
