//! ELF: the loadable segments of a linked 32-bit ARM file, at their physical addresses.
//!
//! Physical, because that is where a programmer puts them: initialised data stands in flash there and is
//! copied to its virtual address in SRAM by the start-up code. Only `p_filesz` bytes are in the file; the rest
//! of `p_memsz` is zeroed by the program itself.

use super::sections::CONTEXT;
use super::segment::{self, Piece};
use super::{ADDRESS_END, Format, Image, ImageError, MAX_SIZE, Origin, Position, Remark};
use goblin::elf::header::header32::SIZEOF_EHDR;
use goblin::elf::header::{self, Header};
use goblin::elf::program_header::{PT_LOAD, ProgramHeader};
use std::sync::Arc;

pub(super) fn parse(file: &Arc<str>, bytes: &[u8]) -> Result<Image, ImageError> {
    let wrap = |reason| ImageError::Elf { file: file.clone(), reason };
    let has = bytes.len() as u64;
    let cut = |what: String, needs: u64| ImageError::ElfCut { file: file.clone(), what, needs, has };
    if bytes.len() < SIZEOF_EHDR {
        return Err(cut("its header".into(), SIZEOF_EHDR as u64));
    }
    let header = goblin::elf::Elf::parse_header(bytes).map_err(wrap)?;
    accept(file, &header)?;

    let count = usize::from(header.e_phnum);
    let size = ProgramHeader::size(CONTEXT);
    if count > 0 && usize::from(header.e_phentsize) != size {
        let reason = format!("entries of {} bytes in the table of its segments, not {size}", header.e_phentsize);
        return Err(wrap(goblin::error::Error::Malformed(reason)));
    }
    let table_end = header.e_phoff.saturating_add((size * count) as u64);
    if count > 0 && table_end > has {
        return Err(cut("the table of its segments".into(), table_end));
    }
    let headers = ProgramHeader::parse(bytes, header.e_phoff as usize, count, CONTEXT).map_err(wrap)?;

    let mut pieces = Vec::new();
    let mut remarks = Vec::new();
    let mut total = 0;
    for load in headers.iter().filter(|h| h.p_type == PT_LOAD && h.p_filesz > 0) {
        // An ELF32's fields are all 32 bits wide, so nothing is lost.
        let address = load.p_paddr as u32;
        let end = load.p_offset.saturating_add(load.p_filesz);
        let Some(data) = bytes.get(load.p_offset as usize..end as usize) else {
            return Err(cut(format!("the segment for 0x{address:08X}"), end));
        };
        let position = Position::Offset(load.p_offset);
        if u64::from(address) + load.p_filesz > ADDRESS_END {
            let at = Origin { file: file.clone(), position };
            return Err(ImageError::PastEnd { at, address, bytes: data.len() });
        }
        // Headers may all point at the same bytes, so a small file can announce a great deal.
        total += data.len();
        if total > MAX_SIZE {
            return Err(ImageError::TooLarge { file: file.clone() });
        }
        if load.p_offset < u64::from(header.e_ehsize) {
            remarks.push(Remark::HeadersInside { address });
        }
        pieces.push(Piece { address, data: data.to_vec(), position });
    }
    if pieces.is_empty() {
        return Err(ImageError::NoData { file: file.clone(), format: Format::Elf });
    }
    let overlap = |address, first, second| ImageError::ElfOverlap { file: file.clone(), address, first, second };
    let (segments, repeated) =
        segment::join(pieces).map_err(|clash| overlap(clash.address, clash.first.0, clash.second.0))?;
    // A linker never gives an address to two segments, not even for equal bytes.
    if let Some(r) = repeated {
        return Err(overlap(r.address, r.first, r.second));
    }
    // An entry of 0 means that there is none.
    let entry = Some(header.e_entry as u32).filter(|entry| *entry != 0);
    Ok(Image { entry, remarks, elf: Some(bytes.into()), ..Image::new(file, Format::Elf, segments) })
}

/// Whether it is a linked file for the right processor.
fn accept(file: &Arc<str>, header: &Header) -> Result<(), ImageError> {
    let class = header.e_ident[header::EI_CLASS];
    let order = header.e_ident[header::EI_DATA];
    if (header.e_machine, class, order) != (header::EM_ARM, header::ELFCLASS32, header::ELFDATA2LSB) {
        let mut machine = machine(header.e_machine);
        if order != header::ELFDATA2LSB {
            machine.push_str(" (big-endian)");
        } else if header.e_machine == header::EM_ARM {
            machine.push_str(" (64-bit file)");
        }
        return Err(ImageError::WrongMachine { file: file.clone(), machine });
    }
    let kind = match header.e_type {
        header::ET_EXEC => return Ok(()),
        header::ET_REL => "an object file",
        header::ET_DYN => "a shared library or position-independent program",
        header::ET_CORE => "a core dump",
        _ => "an ELF of unknown type",
    };
    Err(ImageError::NotLinked { file: file.clone(), kind })
}

/// The processor's everyday name.
fn machine(machine: u16) -> String {
    let name = match machine {
        header::EM_386 => "x86",
        header::EM_X86_64 => "x86-64",
        header::EM_ARM => "ARM",
        header::EM_AARCH64 => "AArch64",
        header::EM_RISCV => "RISC-V",
        header::EM_MIPS => "MIPS",
        header::EM_PPC => "PowerPC",
        header::EM_AVR => "AVR",
        header::EM_XTENSA => "Xtensa",
        header::EM_MSP430 => "MSP430",
        _ => return format!("another processor (ELF machine {machine})"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests;
