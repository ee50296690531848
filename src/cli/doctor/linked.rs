//! What a program is made of, by its file alone: an ELF and the libraries that it loads, or a script.

use goblin::elf::Elf;
use std::collections::{BTreeSet, VecDeque};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The largest file that is read, in bytes.
const MAX_SIZE: u64 = 256 << 20;
/// Libraries that are followed at most.
const MOST: usize = 400;

/// A program's kind.
#[derive(Debug, PartialEq, Eq)]
pub enum Program {
    /// An ELF that loads these libraries, by their names, those of its libraries included.
    Dynamic(BTreeSet<String>),
    /// An ELF that loads none.
    Static,
    /// A script, and the program that carries it out.
    Script(PathBuf),
    /// Neither, or it cannot be read.
    Unknown,
}

impl Program {
    /// Whether one of its libraries has this name, whatever its version.
    pub fn loads(&self, name: &str) -> bool {
        matches!(self, Program::Dynamic(all) if all.iter().any(|l| l.starts_with(name)))
    }
}

/// Looks at the file.
pub fn look(path: &Path) -> Program {
    let Some(bytes) = read(path) else { return Program::Unknown };
    if let Some(line) = bytes.strip_prefix(b"#!") {
        let line = line.split(|b| *b == b'\n').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let mut words = line.split_whitespace();
        return match (words.next(), words.find(|w| !w.starts_with('-'))) {
            (Some(env), Some(name)) if env.ends_with("/env") => on_path(name).map_or(Program::Unknown, Program::Script),
            (Some(interpreter), _) => Program::Script(interpreter.into()),
            _ => Program::Unknown,
        };
    }
    let Ok(elf) = Elf::parse(&bytes) else { return Program::Unknown };
    if elf.interpreter.is_none() {
        return Program::Static;
    }
    let mut all = BTreeSet::new();
    let mut queue: VecDeque<(String, Vec<PathBuf>)> = needed(&elf, path).collect();
    let system = system_folders();
    while let Some((name, own)) = queue.pop_front() {
        if all.len() >= MOST || !all.insert(name.clone()) {
            continue;
        }
        let found = own.iter().chain(&system).map(|folder| folder.join(&name)).find(|file| file.is_file());
        let Some((file, bytes)) = found.and_then(|file| read(&file).map(|bytes| (file, bytes))) else { continue };
        if let Ok(elf) = Elf::parse(&bytes) {
            queue.extend(needed(&elf, &file));
        }
    }
    Program::Dynamic(all)
}

/// The libraries that a file names, with the folders of its own in which they are looked for.
fn needed(elf: &Elf, path: &Path) -> impl Iterator<Item = (String, Vec<PathBuf>)> + use<> {
    let origin = path.parent().map_or_else(String::new, |p| p.to_string_lossy().into_owned());
    let folders: Vec<PathBuf> = elf
        .runpaths
        .iter()
        .chain(&elf.rpaths)
        .flat_map(|list| list.split(':'))
        .filter(|folder| !folder.is_empty())
        .map(|folder| folder.replace("$ORIGIN", &origin).replace("${ORIGIN}", &origin).into())
        .collect();
    let names: Vec<String> = elf.libraries.iter().map(|name| (*name).to_owned()).collect();
    names.into_iter().map(move |name| (name, folders.clone()))
}

/// Where the loader looks (ld.so(8)): LD_LIBRARY_PATH, what /etc/ld.so.conf says, the usual folders.
fn system_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    if let Some(list) = std::env::var_os("LD_LIBRARY_PATH") {
        folders.extend(std::env::split_paths(&list).filter(|f| !f.as_os_str().is_empty()));
    }
    let mut files = vec![PathBuf::from("/etc/ld.so.conf")];
    if let Ok(more) = glob::glob("/etc/ld.so.conf.d/*.conf") {
        files.extend(more.flatten());
    }
    for file in files {
        let text = read(&file).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().map(str::trim).filter(|l| l.starts_with('/'));
        folders.extend(lines.map(PathBuf::from));
    }
    folders.extend(["/lib", "/usr/lib", "/lib64", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from));
    folders
}

fn read(path: &Path) -> Option<Vec<u8>> {
    let file = std::fs::File::open(path).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(MAX_SIZE).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// The program that a shell would take.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| can_be_run(file))
}

#[cfg(unix)]
fn can_be_run(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn can_be_run(file: &Path) -> bool {
    file.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn programs_are_told_apart_by_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("tool");
        std::fs::write(&script, "#!/bin/sh -e\nexit\n").unwrap();
        assert_eq!(look(&script), Program::Script("/bin/sh".into()));
        std::fs::write(&script, "#!/usr/bin/env -S sh\n").unwrap();
        assert_eq!(look(&script), on_path("sh").map_or(Program::Unknown, Program::Script));
        std::fs::write(&script, "no program").unwrap();
        assert_eq!(look(&script), Program::Unknown);
        assert_eq!(look(folder.path()), Program::Unknown);
        // This very test is a dynamic ELF, and what it loads loads more.
        let own = look(&std::env::current_exe().unwrap());
        assert!(own.loads("libc.so") && !own.loads("libusb"), "{own:?}");
    }
}
