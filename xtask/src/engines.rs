//! Every scenario under Unicorn alone, beside the daily mixture of engines: the reports have to be the same to the byte.
//!
//! By the release build: Unicorn executes each round of a poll that the interpreter skips.

use crate::demo;
use std::path::Path;
use std::process::{Command, ExitCode};

/// Runs all scenarios twice, and fails unless both reports are the same and nothing failed.
pub fn run(root: &Path) -> Result<ExitCode, String> {
    let program = demo::build(root)?;
    let report = |engine: &str| -> Result<Vec<u8>, String> {
        println!("dryflash run scenarios --format json --engine {engine}");
        let args = ["run", "scenarios", "--no-shard", "--format", "json", "--engine", engine];
        let output = Command::new(&program).args(args).current_dir(root).env("CI", "true").output();
        let output = output.map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("with --engine {engine} it ended with {}\n{said}", output.status));
        }
        Ok(output.stdout)
    };
    let (daily, record) = (report("auto")?, report("unicorn")?);
    if daily == record {
        println!("The reports are the same: {} bytes.", daily.len());
        return Ok(ExitCode::SUCCESS);
    }
    let (daily, record) = (String::from_utf8_lossy(&daily), String::from_utf8_lossy(&record));
    let first = daily.lines().zip(record.lines()).enumerate().find(|(_, (a, b))| a != b);
    Err(match first {
        Some((n, (a, b))) => format!("the reports differ from line {} on:\n  auto    {a}\n  unicorn {b}", n + 1),
        None => "the reports differ in length".to_owned(),
    })
}
