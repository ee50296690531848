//! What dryflash says where st-flash is silent, or wrong.

use crate::plural::thousands;
use std::fmt;

/// Something worth knowing that st-flash does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// The probe reported a fault, which st-flash does not look at.
    Fault {
        /// What st-flash was doing.
        what: &'static str,
        /// The first address.
        address: u32,
        /// The read protection level, which is the usual reason.
        level: u8,
    },
    /// One byte was put behind the data.
    Padded {
        /// Where it is.
        address: u32,
    },
    /// An odd length: st-flash forgets to ask for the start of a page.
    InsidePage {
        /// Where the data goes.
        address: u32,
    },
    /// The G0 takes two words at once.
    ExtraWord {
        /// Where a word of zeros was written.
        address: u32,
    },
    /// Addresses that a hex does not name were written as FF.
    Gap {
        /// The first one.
        address: u32,
        /// How many.
        bytes: u32,
    },
    /// Something stood there, and is erased though the file does not name it.
    Lost {
        /// The first address of it.
        address: u32,
        /// Bytes that were not FF.
        bytes: u32,
    },
    /// A hex gives an address two values.
    Twice {
        /// The address.
        address: u32,
        /// The line whose value counts.
        line: usize,
    },
    /// A hex goes on behind its end.
    AfterEnd {
        /// The first line that does.
        line: usize,
    },
    /// The mass erase bit is still set, in a control register that is locked.
    MassEraseLeft,
    /// `--opt` left out what is blank.
    BlankEnd {
        /// How many bytes.
        bytes: u32,
        /// All of the file is blank: pages were erased, nothing was written.
        all: bool,
    },
    /// More was asked for than flash has.
    Shortened {
        /// What was asked for.
        asked: u32,
        /// What is read.
        read: u32,
    },
    /// st-flash reads words, and writes them to the file whole.
    Lengthened {
        /// What was asked for.
        asked: u32,
        /// What the file has.
        read: u32,
    },
    /// Where st-flash knows of no option bytes, it reads something else.
    NotOptions {
        /// Bytes from address 0.
        bytes: u32,
    },
    /// st-flash ends with 0, though it has done nothing.
    NothingDone {
        /// What it has not done.
        what: String,
    },
    /// After writing, st-flash sets SP (1.7) and PC from the first two words, and lets the core run.
    StartsNowhere {
        /// The address that it wrote to.
        address: u32,
        /// What it sets.
        registers: &'static str,
        /// What became PC.
        pc: u32,
    },
    /// A file that holds an image in its own way is written as it stands.
    WrittenAsItStands {
        /// What the file is.
        format: crate::image::Format,
    },
    /// The virtual probe answers, whatever serial number is asked for.
    AnySerial,
    /// Flash was taken to be of another size than it is.
    OtherSize {
        /// What `--flash` says.
        given: u32,
        /// What the chip says.
        chip: u32,
    },
    /// Option bytes were loaded, and the level is another one.
    Level {
        /// The level before.
        before: u8,
        /// The level now.
        now: u8,
        /// Flash was erased by it.
        erased: bool,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::Fault { what, address, level: level @ 1.. } => write!(
                f,
                "{what} from 0x{address:08X} on was refused by the chip: read protection level {level} is active. \
                 st-flash does not notice, and takes zeros for what stands there"
            ),
            Note::Fault { what, address, .. } => write!(
                f,
                "{what} from 0x{address:08X} on was refused by the chip; st-flash does not notice, and takes zeros for \
                 what stands there. Is the address a multiple of 4, and in a memory that the part has?"
            ),
            Note::Padded { address } => {
                write!(f, "the length is odd: st-flash puts a 00 behind the data, at 0x{address:08X}")
            }
            Note::InsidePage { address } => write!(
                f,
                "0x{address:08X} is not at the start of a page. st-flash refuses that only where the length is even: \
                 here it erases the page, and what stood before this address in it is lost"
            ),
            Note::ExtraWord { address } => write!(
                f,
                "this part takes 8 bytes at once: st-flash fills the last ones with a word of zeros at 0x{address:08X}"
            ),
            Note::Gap { address, bytes } => write!(
                f,
                "the hex has a gap of {} at 0x{address:08X}: st-flash writes FF there, and erases the pages",
                counted(*bytes)
            ),
            Note::Lost { address, bytes } => write!(
                f,
                "{} from 0x{address:08X} on {} erased that the file does not replace",
                counted(*bytes),
                crate::plural::verb(u64::from(*bytes), "is", "are")
            ),
            Note::Twice { address, line } => write!(
                f,
                "the hex gives 0x{address:08X} two values; st-flash takes the later one, of line {line}. Are two images joined?"
            ),
            Note::AfterEnd { line } => {
                write!(f, "the hex has records behind its end, from line {line} on; st-flash takes them as well")
            }
            Note::MassEraseLeft => f.write_str(
                "st-flash locks flash before it clears the mass erase bit, so the bit stays set until a reset or a \
                 power-on: do one of them before the next write",
            ),
            Note::BlankEnd { bytes, all: false } => {
                write!(f, "--opt: the last {} bytes of the file are FF, and are left out", thousands(*bytes))
            }
            Note::BlankEnd { all: true, .. } => {
                f.write_str("--opt: all of the file is FF; the pages are erased, nothing is written or compared")
            }
            Note::Shortened { asked, read } => write!(
                f,
                "{} bytes were asked for; st-flash never reads more than the size of flash, {}",
                thousands(*asked),
                thousands(*read)
            ),
            Note::Lengthened { asked, read } => write!(
                f,
                "{} bytes were asked for; st-flash reads words, and its file has {}",
                thousands(*asked),
                thousands(*read)
            ),
            Note::NotOptions { bytes } => write!(
                f,
                "st-flash 1.7 knows no option bytes on this part: the file holds {} bytes from address 0, not option bytes",
                thousands(*bytes)
            ),
            Note::NothingDone { what } => write!(f, "{what}; st-flash ends with exit code 0 all the same"),
            Note::StartsNowhere { address, registers, pc } => write!(
                f,
                "after writing, st-flash starts the core with {registers} from 0x{address:08X}; PC 0x{pc:08X} is no code, \
                 so the core hangs until a reset or a power-on"
            ),
            Note::WrittenAsItStands { format } => f.write_str(&format.as_it_stands()),
            Note::AnySerial => f.write_str("the virtual probe answers to any --serial"),
            Note::OtherSize { given, chip } => write!(
                f,
                "--flash: st-flash takes flash to have {} bytes; the chip has {}",
                thousands(*given),
                thousands(*chip)
            ),
            Note::Level { before, now, erased } => write!(
                f,
                "the read protection level was {before} and is {now}{}",
                match (now, erased) {
                    (_, true) => "; flash was erased by that",
                    (1, _) => "; until it is 0 again, which erases flash, no probe reads or writes flash",
                    (2, _) => ", for ever: no probe will reach the chip again",
                    _ => "",
                }
            ),
        }
    }
}

/// `1 byte`, `2,048 bytes`.
fn counted(bytes: u32) -> String {
    format!("{} byte{}", thousands(bytes), crate::plural::verb(u64::from(bytes), "", "s"))
}
