//! Pages in `docs/` show what the program prints: every block that begins with "```console tested" is run again, in a
//! folder with copies of the stand-in firmware, a page's blocks one after another.
//!
//! `UPDATE_DOCS=1 cargo test --test it pages::` writes them anew from what is printed now.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const FENCE: &str = "```console tested\n";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Where a page's commands run, and how the last of them ended.
struct Shell {
    folder: TempDir,
    path: std::ffi::OsString,
    code: i32,
}

impl Shell {
    fn new() -> Shell {
        let folder = TempDir::new().unwrap();
        for entry in std::fs::read_dir(root().join("firmware/built")).unwrap() {
            let file = entry.unwrap().path();
            std::fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
        }
        let program = Path::new(env!("CARGO_BIN_EXE_dryflash")).parent().unwrap().to_owned();
        let others = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(program).chain(std::env::split_paths(&others))).unwrap();
        Shell { folder, path, code: 0 }
    }

    /// What a command prints; `echo $?` tells of the one before.
    fn run(&mut self, command: &str) -> String {
        if command == "echo $?" {
            return format!("{}\n", self.code);
        }
        let output = Command::new("sh")
            .args(["-c", &format!("exec 2>&1\n{command}")])
            .current_dir(self.folder.path())
            .env("PATH", &self.path)
            .env("LC_ALL", "C.UTF-8")
            .env("COLUMNS", "100")
            .env_remove("DRYFLASH_PART")
            .env_remove("DRYFLASH_STATE")
            .env_remove("FORCE_COLOR")
            .env_remove("CLICOLOR_FORCE")
            .output()
            .expect("sh starts");
        self.code = output.status.code().expect("an exit code");
        String::from_utf8(output.stdout).expect("UTF-8")
    }
}

/// The commands of a block, as they stand there; lines of output between them are left out.
fn commands(block: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in block.lines() {
        match line.strip_prefix("$ ") {
            Some(command) => commands.push(command.to_owned()),
            None if goes_on => {
                let command = commands.last_mut().expect("a command goes on");
                command.push('\n');
                command.push_str(line);
            }
            None => continue,
        }
        goes_on = line.ends_with('\\');
    }
    commands
}

/// The page with its blocks made anew, and how many there are.
fn renewed(page: &str) -> (String, usize) {
    let (mut out, mut rest, mut blocks) = (String::new(), page, 0);
    let mut shell = None;
    while let Some(at) = rest.find(FENCE) {
        let (before, block) = rest.split_at(at);
        let body = &block[FENCE.len()..];
        let end = body.find("```").expect("the fence is closed");
        let shell = shell.get_or_insert_with(Shell::new);
        out.push_str(before);
        out.push_str(FENCE);
        for command in commands(&body[..end]) {
            let printed = shell.run(&command);
            let _ = write!(out, "$ {command}\n{printed}");
        }
        out.push_str("```");
        rest = &body[end + 3..];
        blocks += 1;
    }
    (out + rest, blocks)
}

#[test]
fn pages_show_what_is_printed_now() {
    let mut tested = 0;
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "md") {
            continue;
        }
        let page = std::fs::read_to_string(&path).unwrap();
        let (now, blocks) = renewed(&page);
        tested += blocks;
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, now).expect("the page can be written");
            continue;
        }
        let name = path.file_name().unwrap().display();
        for (n, (old, new)) in page.lines().zip(now.lines()).enumerate() {
            assert_eq!(old, new, "{name} line {}; UPDATE_DOCS=1 cargo test --test it pages:: writes it anew", n + 1);
        }
        assert_eq!(page.len(), now.len(), "{name}: UPDATE_DOCS=1 cargo test --test it pages:: writes it anew");
    }
    assert!(tested >= 8, "the worked pages are gone: {tested}");
}
