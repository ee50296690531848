//! What stands at a PC: function, file and line, where an ELF is among the files.
//!
//! Functions come from the table of symbols, files and lines from DWARF. A stripped ELF has neither, and tells nothing;
//! so does one whose tables are damaged. Tables are read when the first PC is asked for.

use super::Image;
use super::sections::{self, CONTEXT, Section};
use crate::shell;
use addr2line::Context;
use gimli::{EndianArcSlice, LittleEndian, SectionId};
use goblin::elf::program_header::{PF_X, PT_LOAD, ProgramHeader};
use goblin::elf::section_header::{SHF_COMPRESSED, SHT_SYMTAB};
use goblin::elf::sym::{STB_LOCAL, STB_WEAK, STT_FUNC, STT_NOTYPE, Sym, Symtab};
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What stands at a PC.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Symbol {
    /// The function that the instruction is written in, as the linker or the compiler names it.
    pub function: String,
    /// The function that it was compiled into, where that is another one: the first is inlined there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inlined_into: Option<String>,
    /// Bytes from the start of the function that it was compiled into.
    pub offset: u32,
    /// The source file, as the compiler was told it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in it, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

impl Symbol {
    /// The source file's name without its folders.
    pub fn file_name(&self) -> Option<&str> {
        self.file.as_deref().map(|f| f.rsplit(['/', '\\']).next().unwrap_or(f))
    }

    /// The function that was compiled, be it inlined into or not.
    pub fn compiled(&self) -> &str {
        self.inlined_into.as_deref().unwrap_or(&self.function)
    }
}

/// `main, app.c:9`; `main+0x12` without a line; `wait in main, wait.h:7` where `wait` is inlined into `main`.
impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.function)?;
        if let Some(outer) = &self.inlined_into {
            write!(f, " in {outer}")?;
        }
        match (self.file_name(), self.line) {
            (Some(file), Some(line)) => write!(f, ", {file}:{line}"),
            _ if self.offset > 0 => write!(f, "+0x{:X}", self.offset),
            _ => Ok(()),
        }
    }
}

/// The symbols of the ELFs among files. Copies share what was read.
#[derive(Clone, Debug, Default)]
pub struct Symbols {
    files: Vec<File>,
}

/// One of the files, in the order in which they are flashed.
#[derive(Clone, Debug)]
struct File {
    /// Where its bytes go.
    covers: Vec<Range<u64>>,
    elf: Option<Arc<Elf>>,
}

/// An ELF, and its tables once they were asked for.
struct Elf {
    file: Arc<[u8]>,
    tables: OnceLock<Tables>,
}

impl fmt::Debug for Elf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Elf({} bytes)", self.file.len())
    }
}

type Reader = EndianArcSlice<LittleEndian>;

struct Tables {
    /// Where its code is when it runs: code for SRAM stands in flash elsewhere.
    code: Vec<Range<u32>>,
    /// By start.
    functions: Vec<Function>,
    lines: Option<Mutex<Context<Reader>>>,
}

struct Function {
    start: u32,
    end: u32,
    name: String,
}

impl Symbols {
    /// The symbols of these files, which are flashed in this order: of two at the same address, the later one is there.
    pub fn of<'a>(images: impl IntoIterator<Item = &'a Image>) -> Symbols {
        let file = |image: &Image| File {
            covers: image.segments.iter().map(|s| u64::from(s.address)..s.end()).collect(),
            elf: image.elf.clone().map(|file| Arc::new(Elf { file, tables: OnceLock::new() })),
        };
        let files: Vec<File> = images.into_iter().map(file).collect();
        // Without an ELF nobody need keep the rest.
        Symbols { files: if files.iter().any(|f| f.elf.is_some()) { files } else { Vec::new() } }
    }

    /// Whether no file can tell anything.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// What stands at the instruction at `pc`, with or without its Thumb bit.
    pub fn at(&self, pc: u32) -> Option<Symbol> {
        let pc = pc & !1;
        for file in self.files.iter().rev() {
            let covers = file.covers.iter().any(|r| r.contains(&u64::from(pc)));
            match &file.elf {
                Some(elf) if covers || elf.tables().code.iter().any(|r| r.contains(&pc)) => return elf.tables().at(pc),
                // What it puts there is not the ELFs' before it any more.
                None if covers => return None,
                _ => {}
            }
        }
        None
    }

    /// The text with each `PC 0x08001234` in it told by name as well: `PC 0x08001234 (main, app.c:9)`.
    pub fn name_places<'t>(&self, text: &'t str) -> Cow<'t, str> {
        const BEFORE: &str = "PC 0x";
        if self.is_empty() || !text.contains(BEFORE) {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len() + 32);
        let mut rest = text;
        while let Some(at) = rest.find(BEFORE) {
            let digits = at + BEFORE.len();
            let pc = rest.get(digits..digits + 8).and_then(|d| u32::from_str_radix(d, 16).ok());
            let end = if pc.is_some() { digits + 8 } else { digits };
            out.push_str(&rest[..end]);
            rest = &rest[end..];
            if let Some(symbol) = pc.and_then(|pc| self.at(pc))
                && !rest.starts_with(" (")
            {
                out.push_str(&format!(" ({symbol})"));
            }
        }
        out.push_str(rest);
        Cow::Owned(out)
    }
}

impl Elf {
    fn tables(&self) -> &Tables {
        self.tables.get_or_init(|| {
            let sections = sections::of(&self.file);
            Tables {
                code: code(&self.file),
                functions: functions(&self.file, &sections),
                lines: lines(&self.file, &sections).map(Mutex::new),
            }
        })
    }
}

impl Tables {
    fn at(&self, pc: u32) -> Option<Symbol> {
        let next = self.functions.partition_point(|f| f.start <= pc);
        let function = next.checked_sub(1).and_then(|n| self.functions.get(n)).filter(|f| pc < f.end);
        let mut names = Vec::new();
        let mut place = None;
        if let Some(lines) = &self.lines {
            // A lookup that failed leaves nothing half-done.
            let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            let mut frames = lines.find_frames(u64::from(pc)).skip_all_loads().ok();
            while let Some(Ok(Some(frame))) = frames.as_mut().map(|f| f.next()) {
                if place.is_none() {
                    place = frame.location.map(|l| (l.file.map(|f| shell::plain(f).into_owned()), l.line));
                }
                names.extend(frame.function.and_then(|f| f.raw_name().ok().map(|n| shell::plain(&n).into_owned())));
            }
        }
        let (file, line) = place.unwrap_or_default();
        let compiled = function.map(|f| f.name.clone()).or_else(|| names.last().cloned())?;
        let inner = if names.len() > 1 { names.into_iter().next() } else { None };
        let (function_name, inlined_into) = match inner {
            Some(inner) if inner != compiled => (inner, Some(compiled)),
            _ => (compiled, None),
        };
        let offset = function.map_or(0, |f| pc - f.start);
        Some(Symbol { function: function_name, inlined_into, offset, file, line })
    }
}

/// Where the file's code is when it runs.
fn code(file: &[u8]) -> Vec<Range<u32>> {
    let Ok(header) = goblin::elf::Elf::parse_header(file) else { return Vec::new() };
    let headers = ProgramHeader::parse(file, header.e_phoff as usize, usize::from(header.e_phnum), CONTEXT);
    let code = headers.unwrap_or_default().into_iter().filter(|h| h.p_type == PT_LOAD && h.p_flags & PF_X != 0);
    code.map(|h| h.p_vaddr as u32..(h.p_vaddr as u32).saturating_add(h.p_filesz as u32)).collect()
}

/// The functions of the table of symbols, by start, one at each address; one without a size reaches to the next.
fn functions(file: &[u8], sections: &[Section]) -> Vec<Function> {
    let Some(table) = sections.iter().find(|s| s.kind == SHT_SYMTAB) else { return Vec::new() };
    let names = sections.get(table.link).map_or(0..0, |s| s.bytes.clone());
    let names = &file[names];
    let count = table.bytes.len() / Sym::size(CONTEXT.container);
    let Ok(symbols) = Symtab::parse(file, table.bytes.start, count, CONTEXT) else { return Vec::new() };
    let named = |s: &Sym| sections::string(names, s.st_name).filter(|n| !n.is_empty() && !n.starts_with('$'));
    let rank = |s: &Sym| {
        let label = s.st_type() != STT_FUNC;
        // A weak alias is a name for many: a vector that nobody serves is the one handler of all such.
        (label && s.st_size == 0, s.st_bind() == STB_WEAK, label, s.st_size == 0, s.st_bind() == STB_LOCAL)
    };
    let mut found: Vec<(u32, u32, _, &str)> = symbols
        .iter()
        .filter(|s| matches!(s.st_type(), STT_FUNC | STT_NOTYPE) && s.st_shndx != 0)
        // A label of data is no function: those of code have a type, or stand in code.
        .filter(|s| s.st_type() == STT_FUNC || sections.get(s.st_shndx).is_some_and(is_code))
        .filter_map(|s| Some((s.st_value as u32 & !1, s.st_size as u32, rank(&s), named(&s)?)))
        .collect();
    // Of several names of an address the best is that of a function with a size that is not weak, then the first by name.
    found.sort_by_key(|(start, _, rank, name)| (*start, *rank, *name));
    found.dedup_by_key(|(start, ..)| *start);
    let ends: Vec<u32> = found.iter().skip(1).map(|(start, ..)| *start).chain([u32::MAX]).collect();
    let end = |start: u32, size: u32, next: u32| if size > 0 { start.saturating_add(size) } else { next };
    found
        .iter()
        .zip(ends)
        .map(|(f, next)| Function { start: f.0, end: end(f.0, f.1, next), name: shell::plain(f.3).into_owned() })
        .collect()
}

/// Whether it holds instructions.
fn is_code(section: &Section) -> bool {
    use goblin::elf::section_header::{SHF_ALLOC, SHF_EXECINSTR};
    let wanted = u64::from(SHF_ALLOC | SHF_EXECINSTR);
    section.flags & wanted == wanted
}

/// The lines of DWARF, where there are any.
fn lines(file: &Arc<[u8]>, sections: &[Section]) -> Option<Context<Reader>> {
    let all = Reader::new(Arc::clone(file), LittleEndian);
    let find = |name: &str| sections.iter().find(|s| s.name == name && s.flags & u64::from(SHF_COMPRESSED) == 0);
    find(SectionId::DebugInfo.name())?;
    let section = |id: SectionId| {
        let range = find(id.name()).map_or(0..0, |s| s.bytes.clone());
        Ok::<_, gimli::Error>(all.range(range))
    };
    Context::from_dwarf(gimli::Dwarf::load(section).ok()?).ok()
}

#[cfg(test)]
mod tests;
