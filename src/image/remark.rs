//! What was accepted in a file, but is worth telling.

use super::{Format, Position};
use std::fmt;

/// Something about a file that is no reason to refuse it. Its text is a clause without the file's name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remark {
    /// The extension says one thing and the content another; the content was believed.
    Misnamed {
        /// The extension, as it stands.
        extension: String,
        /// What it is.
        format: Format,
    },
    /// A byte-order mark at the start.
    ByteOrderMark,
    /// Spaces or tabs around lines of an Intel HEX.
    Whitespace {
        /// The first such line.
        first: Position,
        /// How many there are.
        lines: usize,
    },
    /// Bytes given more than once, each time with the same value.
    Repeated {
        /// The lowest address.
        address: u32,
        /// How many bytes.
        bytes: usize,
        /// Where the byte at `address` stands first.
        first: Position,
        /// Where it stands again.
        second: Position,
    },
    /// Text, or one more end-of-file record, after the end-of-file record; it was left out.
    AfterEnd {
        /// The first line of it.
        first: Position,
    },
    /// Two start addresses that differ; the first was kept.
    EntryTwice {
        /// The one that was kept.
        kept: u32,
        /// The other.
        dropped: u32,
        /// Where the other stands.
        at: Position,
    },
    /// An ELF's own headers are inside a loadable segment, so they would be flashed too.
    HeadersInside {
        /// Where they would go.
        address: u32,
    },
    /// What an `.amj` says it is made for.
    MadeFor {
        /// `mcuType`.
        mcu_type: Option<String>,
        /// `pin`.
        pin: Option<String>,
    },
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remark::Misnamed { extension, format } => {
                write!(
                    f,
                    "is named .{extension}, but is {format}; a programmer that goes by names would write it wrongly"
                )
            }
            Remark::ByteOrderMark => f.write_str("begins with a byte-order mark, which some programmers refuse"),
            Remark::Whitespace { first, lines: 1 } => write!(f, "has white space around {first}"),
            Remark::Whitespace { first, lines } => write!(f, "has white space around {lines} lines, from {first} on"),
            Remark::Repeated { address, bytes, first, second } => {
                let s = if *bytes == 1 { "" } else { "s" };
                write!(f, "gives {bytes} byte{s} again with equal values, from 0x{address:08X} on ({first}, {second})")
            }
            Remark::AfterEnd { first } => {
                write!(f, "goes on after its end-of-file record, from {first} on; that was left out")
            }
            Remark::EntryTwice { kept, dropped, at } => {
                write!(f, "has a second start address, 0x{dropped:08X} in {at}; the first, 0x{kept:08X}, was kept")
            }
            Remark::HeadersInside { address } => write!(
                f,
                "would have its own ELF headers flashed at 0x{address:08X}, which objcopy leaves out; check the linker script"
            ),
            Remark::MadeFor { mcu_type, pin } => {
                f.write_str("says that it is made for ")?;
                match (mcu_type, pin) {
                    (Some(mcu), Some(pin)) => write!(f, "MCU {mcu:?} and pin {pin:?}"),
                    (Some(mcu), None) => write!(f, "MCU {mcu:?}"),
                    (None, Some(pin)) => write!(f, "pin {pin:?}"),
                    (None, None) => f.write_str("nothing in particular"),
                }
            }
        }
    }
}
