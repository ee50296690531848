//! What a client's program is, by its file: whether the dynamic loader will put the libusb stand-in before it.

use goblin::elf::header::{EM_386, EM_AARCH64, EM_ARM, EM_X86_64};
use goblin::elf::program_header::PT_INTERP;
use goblin::elf::{Elf, ProgramHeader};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Program headers and a script's first line are before this.
const HEAD: u64 = 64 << 10;

/// The longest first line of a script that is looked at; the kernel takes 255 bytes.
const LINE: usize = 4 << 10;

/// A program's file.
#[derive(Debug, PartialEq, Eq)]
pub enum Program {
    /// The loader will preload into it.
    Dynamic,
    /// A script, and the words of its first line.
    Script(Vec<OsString>),
    /// Nothing is preloaded into it, and why.
    OutOfReach(String),
    /// Executable, but neither: a shell would take it for a script without a first line.
    NoFirstLine,
    /// It cannot be read; the kernel may run it all the same.
    Unknown,
}

/// The file that would be run: as the system looks for it.
pub fn find(program: &OsStr) -> Option<PathBuf> {
    let runs = |path: &Path| path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
    if program.as_bytes().contains(&b'/') {
        return Some(PathBuf::from(program)).filter(|path| runs(path));
    }
    let folders = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/bin:/usr/bin".into());
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| runs(path))
}

/// Looks at a program's file.
pub fn inspect(path: &Path) -> Program {
    let Ok(mut file) = File::open(path) else { return Program::Unknown };
    let Ok(meta) = file.metadata() else { return Program::Unknown };
    let mut head = Vec::new();
    if file.by_ref().take(HEAD).read_to_end(&mut head).is_err() {
        return Program::Unknown;
    }
    if let Some(line) = head.strip_prefix(b"#!") {
        return script(line);
    }
    if !head.starts_with(b"\x7fELF") {
        return Program::NoFirstLine;
    }
    // The loader ignores LD_PRELOAD where a program has other rights than its caller.
    let (user, group) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
    let others = meta.mode() & 0o4000 != 0 && meta.uid() != user || meta.mode() & 0o2000 != 0 && meta.gid() != group;
    if others {
        return Program::OutOfReach("it is setuid or setgid, and the system then ignores LD_PRELOAD".to_owned());
    }
    if user != 0 && rustix::fs::getxattr(path, "security.capability", &mut [0u8; 64][..]).is_ok_and(|n| n > 0) {
        return Program::OutOfReach("it has file capabilities, and the system then ignores LD_PRELOAD".to_owned());
    }
    elf(&mut file, &head, path)
}

fn script(rest: &[u8]) -> Program {
    let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()).min(LINE);
    let line = rest[..end].trim_ascii();
    // As Linux has it: the interpreter, and all that is behind it as one word.
    let (interpreter, argument) = match line.iter().position(u8::is_ascii_whitespace) {
        Some(at) => (&line[..at], line[at..].trim_ascii()),
        None => (line, &[][..]),
    };
    if interpreter.is_empty() {
        return Program::NoFirstLine;
    }
    let words = [interpreter, argument].into_iter().filter(|w| !w.is_empty());
    Program::Script(words.map(|w| OsString::from_vec(w.to_vec())).collect())
}

/// What of an ELF decides whether this very stand-in is loaded before it.
#[derive(PartialEq, Eq)]
struct Loading {
    machine: u16,
    wide: bool,
    interpreter: Option<Vec<u8>>,
}

fn loading(file: &mut (impl Read + Seek), head: &[u8]) -> Option<Loading> {
    let header = Elf::parse_header(head).ok()?;
    let context = goblin::container::Ctx::new(header.container().ok()?, header.endianness().ok()?);
    let headers = usize::try_from(header.e_phoff).ok()?;
    let headers = ProgramHeader::parse(head, headers, usize::from(header.e_phnum), context).ok()?;
    let interpreter = match headers.iter().find(|h| h.p_type == PT_INTERP) {
        None => None,
        Some(interp) => {
            let mut name = Vec::new();
            file.seek(SeekFrom::Start(interp.p_offset)).ok()?;
            file.take(interp.p_filesz.min(4_096)).read_to_end(&mut name).ok()?;
            name.retain(|b| *b != 0);
            Some(name)
        }
    };
    Some(Loading { machine: header.e_machine, wide: context.container.is_big(), interpreter })
}

fn elf(file: &mut File, head: &[u8], path: &Path) -> Program {
    let Some(client) = loading(file, head) else { return Program::Unknown };
    let own = own();
    let Some(interpreter) = &client.interpreter else {
        // The loader itself, by its name before a program.
        let canonical = std::fs::canonicalize(path).ok();
        let loader = own.as_ref().and_then(|o| o.interpreter.as_ref()).map(|i| PathBuf::from(OsStr::from_bytes(i)));
        if loader.and_then(|l| std::fs::canonicalize(l).ok()).is_some_and(|l| Some(l) == canonical) {
            return Program::Dynamic;
        }
        return Program::OutOfReach("it is linked statically, so nothing can be loaded before it".to_owned());
    };
    let Some(own) = own else { return Program::Dynamic };
    if client.machine != own.machine || client.wide != own.wide {
        let (theirs, ours) = (machine(client.machine), machine(own.machine));
        return Program::OutOfReach(format!("it is a program for {theirs}, and the stand-in for libusb is for {ours}"));
    }
    let name = |path: &[u8]| path.rsplit(|b| *b == b'/').next().unwrap_or_default().to_vec();
    if own.interpreter.as_ref().is_some_and(|own| name(own) != name(interpreter)) {
        let loader = String::from_utf8_lossy(interpreter);
        return Program::OutOfReach(format!(
            "it wants the loader {loader}, which does not load the stand-in for libusb"
        ));
    }
    Program::Dynamic
}

fn own() -> Option<Loading> {
    let mut file = File::open("/proc/self/exe").ok()?;
    let mut head = Vec::new();
    file.by_ref().take(HEAD).read_to_end(&mut head).ok()?;
    loading(&mut file, &head)
}

fn machine(code: u16) -> String {
    match code {
        EM_X86_64 => "x86-64".to_owned(),
        EM_386 => "x86 with 32 bits".to_owned(),
        EM_AARCH64 => "ARM with 64 bits".to_owned(),
        EM_ARM => "ARM with 32 bits".to_owned(),
        code => format!("another machine (ELF's number {code})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_is_taken_apart_as_linux_does() {
        let words = |line: &str| match script(line.as_bytes()) {
            Program::Script(words) => words.into_iter().map(|w| w.into_string().unwrap()).collect(),
            _ => Vec::new(),
        };
        assert_eq!(words(" /bin/sh\nst-flash"), ["/bin/sh"]);
        assert_eq!(words("/usr/bin/env -S sudo sh \n"), ["/usr/bin/env", "-S sudo sh"]);
        assert_eq!(words("\n"), [""; 0]);
    }

    #[test]
    fn this_test_itself_is_dynamic() {
        assert_eq!(inspect(&std::env::current_exe().unwrap()), Program::Dynamic);
    }
}
