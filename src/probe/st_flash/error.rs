//! Why an st-flash line failed: what st-flash 1.7 would have called a failure, and a few of our own.

use crate::files;
use std::path::PathBuf;

/// The exit code of st-flash when it fails: its main returns -1.
pub const FAILED: u8 = 255;

/// Why an st-flash line failed. Its text is complete on its own.
#[derive(Debug, thiserror::Error)]
pub enum StFlashError {
    /// Nothing that st-flash knows answers.
    #[error("no chip that st-flash knows answers: {why}")]
    NoTarget {
        /// What was read, and what to do.
        why: String,
    },
    /// A file that cannot be read.
    #[error("{}: cannot be read: {}", .path.display(), files::why(.source))]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file without bytes.
    #[error("{}: is empty; download or build it again", .0.display())]
    Empty(PathBuf),
    /// A file that is larger than any flash here.
    #[error("{}: is larger than any flash here: more than {} MB{}", .path.display(), super::LONGEST_FILE >> 20, length(*.bytes))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its bytes.
        bytes: u64,
    },
    /// An Intel HEX that st-flash does not take.
    #[error("{}:{line}: {what}", .path.display())]
    Hex {
        /// The file.
        path: PathBuf,
        /// The line, from 1; the last one where the end is missing.
        line: usize,
        /// What is wrong, and what to do.
        what: String,
    },
    /// An address where nothing is that st-flash writes to.
    #[error("0x{address:08X} is neither in flash (0x{flash:08X} to 0x{flash_end:08X}) nor in SRAM{hint}")]
    Region {
        /// The address.
        address: u32,
        /// Where flash begins.
        flash: u32,
        /// Its last address.
        flash_end: u32,
        /// What may be meant; begins with a separator where it is there.
        hint: String,
    },
    /// The data does not end inside of its memory.
    #[error("{bytes} bytes at 0x{address:08X} end at 0x{end:08X}, beyond the {memory} (last address 0x{last:08X})")]
    TooHigh {
        /// Where they begin.
        address: u32,
        /// How many they are.
        bytes: u64,
        /// Their last address.
        end: u64,
        /// `flash` or `SRAM`.
        memory: &'static str,
        /// Its last address.
        last: u32,
    },
    /// An address that is no multiple of what it has to be.
    #[error("0x{address:08X} is not at {multiple}: st-flash refuses it; write the whole page, from its start")]
    Unaligned {
        /// The address.
        address: u32,
        /// Such as `the start of a page (1,024 bytes)`.
        multiple: String,
    },
    /// Flash did not do as told.
    #[error("{what}: {flags}{why}")]
    Flags {
        /// What was tried, with the address.
        what: String,
        /// The error flags.
        flags: String,
        /// Why it is so; begins with a separator where it is known.
        why: String,
    },
    /// Flash stays locked.
    #[error("flash cannot be unlocked: {why}")]
    Locked {
        /// What is behind it, and what to do.
        why: String,
    },
    /// The code in SRAM that writes did not come back.
    #[error("the loader in SRAM, writing from 0x{address:08X} on, did not end: {state}")]
    LoaderHangs {
        /// Of the page.
        address: u32,
        /// Where the core is.
        state: String,
    },
    /// The code in SRAM that writes gave up.
    #[error("the loader in SRAM stopped at 0x{address:08X} with {left} bytes left: {flags}{why}")]
    LoaderStopped {
        /// Where it was.
        address: u32,
        /// Bytes of the page that were not written.
        left: u32,
        /// The error flags.
        flags: String,
        /// Why it is so; begins with a separator where it is known.
        why: String,
    },
    /// What was read back is not what was written.
    #[error("0x{address:08X} reads back as {found:02X}, not {wanted:02X}{why}")]
    Verify {
        /// The first byte that differs.
        address: u32,
        /// What is there.
        found: u8,
        /// What was written.
        wanted: u8,
        /// Why it is so; begins with a separator where it is known.
        why: String,
    },
    /// The chip has no such thing, or st-flash does not know how.
    #[error("{0}")]
    Unsupported(String),
    /// The chip did not come out of reset.
    #[error("the chip does not show that it was reset: {0}")]
    Reset(String),
    /// Flash never becomes idle.
    #[error("flash stays busy (SR 0x{0:08X})")]
    Busy(u32),
    /// The file to be made is there already.
    #[error("{}: exists, and is replaced only with --force (st-flash itself would replace it)", .0.display())]
    Exists(PathBuf),
    /// The file to be made is this session's state or recording.
    #[error("{}: is this session's own state or recording; give another name", .0.display())]
    InUse(PathBuf),
    /// The file to be made cannot be.
    #[error("{}: cannot be written: {}", .path.display(), files::why(.source))]
    Output {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl StFlashError {
    /// The exit code: st-flash's own where st-flash would fail as well, 2 where only dryflash does.
    pub const fn exit_code(&self) -> u8 {
        match self {
            StFlashError::Exists(_)
            | StFlashError::InUse(_)
            | StFlashError::TooLarge { .. }
            | StFlashError::Busy(_) => 2,
            _ => FAILED,
        }
    }
}

/// What the system says of a file's length; a device has none.
fn length(bytes: u64) -> String {
    if bytes > super::LONGEST_FILE { format!(" ({bytes} bytes)") } else { String::new() }
}
