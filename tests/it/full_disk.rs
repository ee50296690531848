//! What was found out is printed, whatever becomes of the files beside it.
#![cfg(unix)]

use std::path::Path;
use std::process::Command;

const FULL: &str = "STANDIN_DRYFLASH_F051_2.20_FULL.bin";

/// No file can have more than a block, as on a disk that is full.
#[test]
fn a_verdict_outlives_outputs_that_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built");
    for (verb, option) in [("check", "--trace"), ("check", "--html"), ("check", "--report=json"), ("map", "--svg")] {
        let file = dir.path().join("out");
        let words = match option.split_once('=') {
            Some((option, form)) => format!("{option} {form}={}", file.display()),
            None => format!("{option} {}", file.display()),
        };
        let line = format!("ulimit -f 1; trap '' XFSZ; exec \"$0\" {verb} {FULL} {words}");
        let mut command = Command::new("sh");
        command.args(["-c", &line, env!("CARGO_BIN_EXE_dryflash")]).current_dir(&built);
        let output = command.env_remove("DRYFLASH_PART").env_remove("DRYFLASH_STATE").output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(2), "{line}\n{out}{err}");
        let answer = if verb == "check" { "would start" } else { "Every file lies where it belongs" };
        assert!(out.contains(answer), "{line}\n{out}{err}");
        assert!(err.contains("files may not be so long there") && !err.contains("os error"), "{line}\n{err}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left");
    }
}
