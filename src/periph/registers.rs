//! The tables of registers: each stands beside the model of its block, and names, reset values and write masks are
//! told there alone.
//!
//! [`registers!`] makes of a table a module with an offset for each name, to be matched on, the same names under
//! `resets` and `writes`, and `MAP`, which people's names and the tests are looked up in.

/// How a register answers to loads and stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// `rw`: reads what was written.
    ReadWrite,
    /// `r`: writes are dropped.
    ReadOnly,
    /// `w`: reads 0; a store acts.
    WriteOnly,
    /// `rc`: flags that a store clears, with 1 or with 0 as the manual says.
    Clear,
    /// `x`: loads or stores act, by rules of the model.
    Acts,
}

/// One register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// Its offset in the block, in bytes.
    pub offset: u32,
    /// How many there are of it, one word after the other, numbered from 0; else 1.
    pub count: u32,
    /// Its name in the manual.
    pub name: &'static str,
    /// How it answers.
    pub rights: Rights,
    /// What it reads after power-on; none where that depends on the part, the port or the world outside.
    pub reset: Option<u32>,
    /// The bits that a store can change.
    pub writable: u32,
}

/// A block's registers.
#[derive(Clone, Copy, Debug)]
pub struct Map {
    /// Those that are modelled, by offset.
    pub registers: &'static [Register],
    /// First offset, and the one after the last, of what the manual reserves: reads 0, writes are dropped.
    pub reserved: &'static [(u32, u32)],
}

impl Map {
    /// The register at `offset`.
    pub fn at(&self, offset: u32) -> Option<&'static Register> {
        self.registers.iter().find(|r| offset.wrapping_sub(r.offset) < 4 * r.count && offset.is_multiple_of(4))
    }

    /// The name of the register at `offset`: `CR1`, or `ISER0` where there are many of a name.
    pub fn name(&self, offset: u32) -> Option<std::borrow::Cow<'static, str>> {
        let register = self.at(offset)?;
        let n = (offset - register.offset) / 4;
        Some(if register.count == 1 { register.name.into() } else { format!("{}{n}", register.name).into() })
    }

    /// Whether the model has something at `offset`, or the manual says that nothing is there.
    pub fn knows(&self, offset: u32) -> bool {
        self.at(offset).is_some() || self.reserved.iter().any(|(first, end)| (*first..*end).contains(&offset))
    }
}

/// The number of registers from `first` to before `end`, where there is one.
pub(crate) const fn count(first: u32, end: &[u32]) -> u32 {
    match end {
        [end] => (*end - first) / 4,
        _ => 1,
    }
}

/// A table of registers as a module: offset (or first offset and the one after the last, for many of a name), name, rights (`rw`, `r`, `w`, `rc`, `x`: [`Rights`]), reset value
/// or `varies`, and the bits that can be written. Then what the manual reserves.
macro_rules! registers {
    (
        $(#[$meta:meta])*
        $vis:vis mod $module:ident {
            $($offset:literal $(.. $after:literal)? $name:ident $rights:ident $reset:tt $writes:literal;)*
            $(reserved $first:literal .. $end:literal;)*
        }
    ) => {
        $(#[$meta])*
        #[allow(missing_docs, dead_code, reason = "a table of the manual's names; the model acts on some")]
        $vis mod $module {
            use crate::periph::registers::{Map, Register, Rights};

            $(pub const $name: u32 = $offset;)*

            /// What each reads after power-on; 0 where that varies.
            pub mod resets {
                $(pub const $name: u32 = $crate::periph::registers::reset_value!($reset);)*
            }

            /// The bits that a store can change.
            pub mod writes {
                $(pub const $name: u32 = $writes;)*
            }

            /// All of them.
            pub const MAP: Map = Map {
                registers: &[$(Register {
                    offset: $offset,
                    count: $crate::periph::registers::count($offset, &[$($after)?]),
                    name: stringify!($name),
                    rights: $crate::periph::registers::rights!($rights),
                    reset: $crate::periph::registers::reset_option!($reset),
                    writable: $writes,
                }),*],
                reserved: &[$(($first, $end)),*],
            };
        }
    };
}

macro_rules! reset_value {
    (varies) => {
        0
    };
    ($value:literal) => {
        $value
    };
}

macro_rules! reset_option {
    (varies) => {
        None
    };
    ($value:literal) => {
        Some($value)
    };
}

macro_rules! rights {
    (rw) => {
        Rights::ReadWrite
    };
    (r) => {
        Rights::ReadOnly
    };
    (w) => {
        Rights::WriteOnly
    };
    (rc) => {
        Rights::Clear
    };
    (x) => {
        Rights::Acts
    };
}

pub(crate) use {registers, reset_option, reset_value, rights};
