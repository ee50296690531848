//! A virtual ESC in a folder of its own, and `dryflash st-flash` at it.

use super::clients::{Bench, FLASH};
use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;

pub struct Esc {
    pub bench: Bench,
    folder: TempDir,
}

/// What a command came to.
#[derive(Debug)]
pub struct Ran {
    pub out: String,
    pub err: String,
    pub code: i32,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().expect("an exit code");
        Ran { out: text(&output.stdout), err: text(&output.stderr), code }
    }
}

impl Esc {
    pub fn new(bench: Bench) -> Esc {
        Esc { bench, folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn state(&self) -> PathBuf {
        self.path("esc.json")
    }

    /// `dryflash`, with nothing of the surroundings that could change what it does.
    pub fn dryflash(&self, words: &[&str]) -> Command {
        let mut dryflash = Command::new(env!("CARGO_BIN_EXE_dryflash"));
        dryflash.args(words).current_dir(self.folder.path());
        dryflash.env_remove("DRYFLASH_PART").env_remove("DRYFLASH_STATE");
        dryflash
    }

    /// `dryflash st-flash`, on the ESC in the state file.
    pub fn try_st_flash(&self, arguments: &[&str]) -> Ran {
        let mut dryflash = self.dryflash(&["st-flash", "--part", self.bench.part, "--state", "esc.json"]);
        dryflash.args(arguments).output().expect("dryflash starts").into()
    }

    pub fn st_flash(&self, arguments: &[&str]) -> Ran {
        let ran = self.try_st_flash(arguments);
        assert_eq!(ran.code, 0, "{}: {arguments:?}\n{ran:?}", self.bench.part);
        ran
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub fn flash(&self) -> Vec<u8> {
        self.bench.chip(&self.state()).board.flash.cells().bytes(FLASH, self.bench.size())
    }
}

/// `0x` and eight digits.
pub fn hex(address: u32) -> String {
    format!("0x{address:08x}")
}

/// Where the first difference is; whole images would fill the screen.
pub fn first_difference(a: &[u8], b: &[u8]) -> Option<usize> {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).position(|(a, b)| a != b)
}
