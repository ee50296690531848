//! Why a file is refused: which file, where in it, and what to do.

use super::{Format, MAX_SIZE, Origin, Position};
use crate::{files, shell};
use std::sync::Arc;

/// A file that cannot be taken. Its text is one or two sentences for the user, complete on its own.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "`file` is always the file as the user named it")]
pub enum ImageError {
    /// An address that looks hexadecimal and does not say so.
    #[error("{file}@{text} looks like a hexadecimal address without its 0x; write {}", shell::file(&format!("{file}@0x{text}")))]
    AddressWithoutPrefix { file: Arc<str>, text: String },
    /// `FILE@TEXT` with a file that is there, and a text that is no address.
    #[error("{file}@{text}: {file} is there, but '{text}' is no address; write one as {}", shell::file(&format!("{file}@0x08007C00")))]
    NotAnAddress { file: Arc<str>, text: String },
    /// `FILE@ADDRESS` with an address of more than 32 bits.
    #[error("{file}@{text}: the address has more than 32 bits; give one up to 0xFFFFFFFF")]
    AddressTooLarge { file: Arc<str>, text: String },
    /// Nothing of that name, and what may have been meant.
    #[error("{file}: there is no such file; {meant}")]
    NotFound { file: Arc<str>, meant: String },
    /// A directory.
    #[error("{file}: is a directory, not a file")]
    Directory { file: Arc<str> },
    /// The operating system refused.
    #[error("{file}: cannot be read: {}", files::why(.reason))]
    Unreadable { file: Arc<str>, reason: std::io::Error },
    /// More than [`MAX_SIZE`] bytes.
    #[error("{file}: is larger than {} MB, so it is no image for an ESC", MAX_SIZE >> 20)]
    TooLarge { file: Arc<str> },
    /// No bytes at all.
    #[error("{file}: is empty; download or build it again")]
    Empty { file: Arc<str> },

    /// A web page.
    #[error("{file}: is an HTML page: the download went wrong; download the raw file")]
    Html { file: Arc<str> },
    /// Something packed; `kind` says how.
    #[error("{file}: is an archive ({kind}): unpack it first")]
    Archive { file: Arc<str>, kind: &'static str },
    /// A known format that is not read.
    #[error("{file}: is a {kind} file, which is not supported; use the .bin, .hex or .elf of the same build{}", converter(.kind))]
    Unsupported { file: Arc<str>, kind: &'static str },
    /// A file of another kind altogether.
    #[error("{file}: is {kind}, not an image for an ESC; check that it is the file you meant")]
    Stranger { file: Arc<str>, kind: &'static str },
    /// What Git LFS keeps in a file's place.
    #[error("{file}: is a Git LFS pointer, not the file itself; fetch the file with `git lfs pull`")]
    LfsPointer { file: Arc<str> },
    /// Text where bytes should be.
    #[error("{file}: is text, not an image; look at what it says, and download or build the image again")]
    Text { file: Arc<str> },
    /// Text of two bytes a character, as some Windows shells write it.
    #[error("{file}: is UTF-16 text, as some shells write it when output is redirected; save it as plain ASCII")]
    Utf16 { file: Arc<str> },
    /// Named as Intel HEX, but does not begin like it.
    #[error("{at}: does not begin with ':', as every line of an Intel HEX does; {}", hint(*.binary))]
    NotHex {
        at: Origin,
        /// It is not even text.
        binary: bool,
    },
    /// Named as ELF, but does not begin like it.
    #[error("{file}: is named as ELF, but does not begin with an ELF header; if it is a raw binary, call it .bin")]
    NotElf { file: Arc<str> },

    /// An address given with `@` to a file that has its own.
    #[error("{file}: as {format} it has addresses of its own; leave out @0x{address:08X}")]
    HasAddresses { file: Arc<str>, format: Format, address: u32 },
    /// [`Image::place`](super::Image::place) on an image that has its place.
    #[error("{file}: starts at 0x{start:08X} already, and cannot be moved to 0x{address:08X}")]
    AlreadyPlaced { file: Arc<str>, start: u32, address: u32 },
    /// Bytes past the last address there is.
    #[error("{at}: {bytes} bytes at 0x{address:08X} would pass the end of the address space (0xFFFFFFFF)")]
    PastEnd {
        /// Where the bytes are, or the first one that does not fit.
        at: Origin,
        address: u32,
        bytes: usize,
    },
    /// Well formed, but with nothing to flash.
    #[error("{file}: has nothing to flash: no data in this {format} file")]
    NoData { file: Arc<str>, format: Format },
    /// One address, two values.
    #[error(
        "{file}: gives 0x{address:08X} twice: 0x{first_value:02X} at {first}, 0x{second_value:02X} at {second}; \
         two images seem to be joined in it"
    )]
    Clash { file: Arc<str>, address: u32, first: Position, first_value: u8, second: Position, second_value: u8 },
    /// A raw binary of it would be mostly gaps.
    #[error(
        "{file}: reaches from 0x{start:08X} to 0x{:08X}, too far for a raw binary; write Intel HEX, or a part of it",
        .end.saturating_sub(1)
    )]
    TooSparse {
        file: Arc<str>,
        start: u32,
        /// One past the last address.
        end: u64,
    },

    /// A line of an Intel HEX that is wrong.
    #[error("{at}: {flaw}; the file is damaged, so download or build it again")]
    Line { at: Origin, flaw: Flaw },
    /// The last line of an Intel HEX ends too early.
    #[error("{at}: the file is cut off in the middle of this line ({flaw}); download or build it again")]
    CutLine { at: Origin, flaw: Flaw },
    /// No end-of-file record; `at` is the last line.
    #[error("{at}: the file ends here without an end-of-file record, so it is cut off; download or build it again")]
    MissingEnd { at: Origin },
    /// A record behind the end-of-file record. Programmers differ in whether they would write it.
    #[error(
        "{at}: a record after the end-of-file record in {end}; programmers differ in what they do with it. \
         If two files were joined, give them one by one"
    )]
    AfterEnd { at: Origin, end: Position },

    /// An ELF header or table that cannot be decoded.
    #[error("{file}: is a damaged ELF: {reason}")]
    Elf { file: Arc<str>, reason: goblin::error::Error },
    /// An ELF for another processor.
    #[error("{file}: is an ELF for {machine}; dryflash needs one for 32-bit ARM, little-endian")]
    WrongMachine { file: Arc<str>, machine: String },
    /// An object file or library.
    #[error("{file}: is {kind}, not linked to addresses; give the linked .elf")]
    NotLinked { file: Arc<str>, kind: &'static str },
    /// An ELF that ends before what its headers announce.
    #[error("{file}: is cut off: {what} ends at 0x{needs:X}, but the file at 0x{has:X}; download or build it again")]
    ElfCut {
        file: Arc<str>,
        what: String,
        /// Where that part ends, as an offset.
        needs: u64,
        /// The file's length.
        has: u64,
    },
    /// Two segments of an ELF over the same addresses.
    #[error(
        "{file}: two of its segments overlap at 0x{address:08X} (from {first} and {second}); check the linker script"
    )]
    ElfOverlap { file: Arc<str>, address: u32, first: Position, second: Position },

    /// JSON that is not.
    #[error("{file}: is no valid JSON at line {line} column {column}: {reason}")]
    Json { file: Arc<str>, line: usize, column: usize, reason: String },
    /// JSON, but no `.amj`.
    #[error("{file}: is JSON, but {missing}, as an .amj has; download it again")]
    NotAmj { file: Arc<str>, missing: &'static str },
    /// `hex` is not in base64.
    #[error("{file}: its `hex` is not valid base64: {reason}")]
    Base64 { file: Arc<str>, reason: base64::DecodeError },
}

fn converter(kind: &str) -> &'static str {
    match kind {
        "Motorola S-record" => ", or make a .hex of it: arm-none-eabi-objcopy -I srec -O ihex FILE app.hex",
        "DFU" => ", or make a .bin of it with dfu-util's dfu-suffix or dfuse-pack",
        _ => "",
    }
}

fn hint(binary: bool) -> &'static str {
    if binary { "if it is a raw binary, call it .bin and give its address" } else { "this is some other text" }
}

/// What is wrong with one line of an Intel HEX.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "said by the texts")]
pub enum Flaw {
    /// Something else than a record.
    #[error("does not begin with ':'")]
    NoColon,
    /// Something else than a hexadecimal digit; columns count from 1.
    #[error("column {column} has {} where a hex digit should be", shown(*.found))]
    NotADigit { column: usize, found: u8 },
    /// Fewer digits than its length asks for, or than any record has.
    #[error("has {found} hex digits, but should have {expected}")]
    TooShort { found: usize, expected: usize },
    /// More digits than its length asks for.
    #[error("has {found} hex digits, but should have only {expected}")]
    TooLong { found: usize, expected: usize },
    /// The line's sum is wrong.
    #[error("has the checksum {found:02X}, but its bytes give {expected:02X}")]
    Checksum { found: u8, expected: u8 },
    /// A type that Intel HEX does not have.
    #[error("has the record type {0:02X}; Intel HEX knows 00 to 05")]
    Type(u8),
    /// An address record with too few or too many bytes.
    #[error("has {found} bytes of data, which a record of type {kind:02X} cannot have")]
    Length { kind: u8, found: u8 },
    /// What the decoder says of anything else.
    #[error("{0}")]
    Other(ihex::ReaderError),
}

fn shown(byte: u8) -> String {
    if byte.is_ascii_graphic() { format!("'{}'", char::from(byte)) } else { format!("the byte 0x{byte:02X}") }
}
