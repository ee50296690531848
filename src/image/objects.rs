//! What data stands at an address, by an ELF's table of symbols.

use super::Image;
use super::sections::{self, CONTEXT};
use crate::shell;
use goblin::elf::program_header::{PT_LOAD, ProgramHeader};
use goblin::elf::section_header::{SHF_EXECINSTR, SHT_SYMTAB};
use goblin::elf::sym::{STT_OBJECT, Sym, Symtab};

/// A variable or a table, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Object {
    /// Its name, as the linker has it.
    pub name: String,
    /// Bytes from its start.
    pub offset: u32,
}

/// What an ELF says of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Data that has a name.
    Object(Object),
    /// Code that runs at this address, so far as no table of data stands amid it.
    Code(u32),
}

impl Image {
    /// What the file says of a flashed byte, where it is an ELF with a table of symbols. What is copied into SRAM goes by the
    /// name that it has there.
    pub fn holds(&self, address: u32) -> Option<Holds> {
        let file = self.elf.as_deref()?;
        let header = goblin::elf::Elf::parse_header(file).ok()?;
        let headers = ProgramHeader::parse(file, header.e_phoff as usize, usize::from(header.e_phnum), CONTEXT);
        let runs_at = |h: &ProgramHeader| {
            let offset = address.checked_sub(h.p_paddr as u32).filter(|offset| u64::from(*offset) < h.p_filesz)?;
            (h.p_type == PT_LOAD).then(|| (h.p_vaddr as u32).checked_add(offset)).flatten()
        };
        let at = headers.unwrap_or_default().iter().find_map(runs_at).unwrap_or(address);
        let sections = sections::of(file);
        let object = sections.iter().find(|s| s.kind == SHT_SYMTAB).and_then(|table| {
            let names = file.get(sections.get(table.link)?.bytes.clone())?;
            let count = table.bytes.len() / Sym::size(CONTEXT.container);
            let symbols = Symtab::parse(file, table.bytes.start, count, CONTEXT).ok()?;
            let found = symbols.iter().filter(|s| s.st_type() == STT_OBJECT && s.st_shndx != 0).find_map(|s| {
                let offset = at.checked_sub(s.st_value as u32).filter(|offset| u64::from(*offset) < s.st_size)?;
                let name = sections::string(names, s.st_name).filter(|name| !name.is_empty())?;
                Some(Object { name: shell::plain(name).into_owned(), offset })
            });
            found.map(Holds::Object)
        });
        let runs = sections.iter().any(|s| {
            let inside = at.checked_sub(s.address).is_some_and(|offset| (offset as usize) < s.bytes.len());
            inside && s.flags & u64::from(SHF_EXECINSTR) != 0
        });
        object.or(runs.then_some(Holds::Code(at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn data_has_its_name_and_code_none() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built/STANDIN_DRYFLASH_F051_2.20.elf");
        let image = Image::load(&path, None).unwrap();
        let object = |name: &str, offset| Some(Holds::Object(Object { name: name.to_owned(), offset }));
        assert_eq!(image.holds(0x0800_1A8C), object("dshot_answer", 8));
        assert_eq!(image.holds(0x0800_7BFF), object("name_tag", 31));
        assert_eq!(image.holds(0x0800_10C4), Some(Holds::Code(0x0800_10C4)));
        // No section, and a label behind the code.
        assert_eq!((image.holds(0x0800_1A9C), image.holds(0xFFFF_FFFF)), (None, None));
    }
}
