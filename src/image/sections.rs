//! The sections of an ELF: what a linker tells beside the bytes to flash.
//!
//! They are no part of what is flashed, so a file whose table of sections is damaged, or that has none, is as good as
//! any other: it tells nothing more, and that is all.

use goblin::container::{Container, Ctx, Endian};
use goblin::elf::section_header::{SHT_NOBITS, SectionHeader};
use std::ops::Range;

/// A section that has a name, with its bytes in the file.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub name: String,
    /// `sh_type`.
    pub kind: u32,
    /// `sh_flags`.
    pub flags: u64,
    /// Where its bytes are when the program runs.
    pub address: u32,
    /// The section that it refers to, by number.
    pub link: usize,
    /// Where its bytes stand in the file.
    pub bytes: Range<usize>,
}

/// How numbers stand in a file for ARM.
pub(super) const CONTEXT: Ctx = Ctx { container: Container::Little, le: Endian::Little };

/// The sections of the file, numbered as in it; those without bytes, or with bytes beyond its end, are empty.
pub(super) fn of(file: &[u8]) -> Vec<Section> {
    let Ok(header) = goblin::elf::Elf::parse_header(file) else { return Vec::new() };
    let size = SectionHeader::size(CONTEXT);
    if header.e_shoff == 0 || usize::from(header.e_shentsize) != size {
        return Vec::new();
    }
    let count = usize::from(header.e_shnum);
    let Ok(headers) = SectionHeader::parse(file, header.e_shoff as usize, count, CONTEXT) else { return Vec::new() };
    let bytes = |s: &SectionHeader| {
        let range = s.sh_offset as usize..(s.sh_offset as usize).saturating_add(s.sh_size as usize);
        if s.sh_type == SHT_NOBITS || range.end > file.len() { 0..0 } else { range }
    };
    let names = headers.get(usize::from(header.e_shstrndx)).map_or(0..0, bytes);
    let names = &file[names];
    headers
        .iter()
        .map(|s| Section {
            name: string(names, s.sh_name).unwrap_or_default().to_owned(),
            kind: s.sh_type,
            flags: s.sh_flags,
            address: s.sh_addr as u32,
            link: s.sh_link as usize,
            bytes: bytes(s),
        })
        .collect()
}

/// The text that begins at an offset of a table of strings.
pub(super) fn string(table: &[u8], at: usize) -> Option<&str> {
    let text = table.get(at..)?;
    let end = text.iter().position(|b| *b == 0)?;
    std::str::from_utf8(&text[..end]).ok()
}
