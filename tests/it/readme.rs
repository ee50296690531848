//! The README shows what the program prints: its transcripts are run again, and its options are those of `--help`.
//!
//! `UPDATE_README=1 cargo test --test it readme::` writes the README anew from what is printed now.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const FENCE: &str = "```console";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Runs dryflash where the stand-in firmware lies, so that names are short. What it prints, and its exit code.
fn dryflash(args: &[&str]) -> (String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_dryflash"))
        .args(args)
        .current_dir(root().join("firmware/built"))
        .env_remove("COLUMNS")
        .env_remove("FORCE_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .env_remove("DRYFLASH_PART")
        .env_remove("DRYFLASH_STATE")
        .output()
        .expect("dryflash starts");
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).expect("UTF-8"), output.status.code().expect("an exit code"))
}

/// The transcript of a command as it is now: the command as the README has it, what it prints, its exit code.
fn transcript(command: &str) -> String {
    // Quotes are for the shell; no word here has a space in it.
    let line = command.replace("\\\n", " ").replace('\'', "");
    let mut words = line.split_whitespace();
    assert_eq!((words.next(), words.next()), (Some("$"), Some("dryflash")), "{command}");
    let (printed, code) = dryflash(&words.collect::<Vec<_>>());
    let mut out = format!("{command}\n{printed}");
    if line.contains(" check ") {
        let _ = write!(out, "$ echo $?\n{code}\n");
    }
    out
}

/// The README with its transcripts made anew.
fn renewed(readme: &str) -> String {
    let mut out = String::new();
    let mut rest = readme;
    while let Some(at) = rest.find(FENCE) {
        let (before, block) = rest.split_at(at);
        let body = &block[FENCE.len() + 1..];
        let end = body.find("```").expect("the fence is closed");
        let mut command = Vec::new();
        for line in body[..end].lines() {
            command.push(line);
            if !line.ends_with('\\') {
                break;
            }
        }
        let _ = write!(out, "{before}{FENCE}\n{}```", transcript(&command.join("\n")));
        rest = &body[end + 3..];
    }
    out + rest
}

#[test]
fn transcripts_are_what_is_printed_now() {
    let path = root().join("README.md");
    let readme = read(&path);
    let now = renewed(&readme);
    assert!(now.matches(FENCE).count() >= 3, "the examples are gone");
    assert!(now.contains("This ESC would start.") && now.contains("This ESC would not start."));
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(&path, now).expect("README.md can be written");
        return;
    }
    for (n, (old, new)) in readme.lines().zip(now.lines()).enumerate() {
        assert_eq!(old, new, "README.md line {}; UPDATE_README=1 cargo test --test it readme:: writes it anew", n + 1);
    }
    assert_eq!(readme.len(), now.len(), "UPDATE_README=1 cargo test --test it readme:: writes it anew");
}

#[test]
fn every_option_of_check_is_told() {
    let readme = read(&root().join("README.md"));
    let (help, _) = dryflash(&["check", "--help"]);
    let options: Vec<&str> =
        help.lines().filter_map(|l| l.trim().strip_prefix("--")?.split([' ', ',']).next()).collect();
    assert!(options.len() > 10, "{help}");
    for option in options {
        assert!(readme.contains(&format!("--{option}")), "README.md does not tell of --{option}");
    }
}
