//! The options that write what a check records: `--trace`, `--vcd`.

use super::outputs;
use crate::esc::Verdict;
use crate::esc::trace::{Filter, Wish};
use crate::report::{trace, vcd};
use clap::ArgAction;
use std::path::{Path, PathBuf};

/// Lines of a trace, unless told otherwise.
const LINES: usize = 100_000;
/// And at most: some 2 GB.
const MOST_LINES: u64 = 20_000_000;

/// What is recorded, and where it goes.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = super::OUTPUT)]
pub struct Recorded {
    /// Write what ran into a file, a line for each instruction: what it changed and accessed, registers by name.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// What --trace keeps: addresses (0x08001000-0x08001FFF), a block (RCC), code, loads, stores or exceptions, times
    /// (10ms-12ms); may be repeated. What sorts of these say has to agree.
    #[arg(long, value_name = "WHAT", requires = "trace", action = ArgAction::Append)]
    trace_only: Vec<Filter>,
    /// The most lines of a trace; power-ups have equal shares.
    #[arg(long, value_name = "N", requires = "trace", default_value_t = LINES as u64, value_parser = clap::value_parser!(u64).range(1..=MOST_LINES))]
    trace_lines: u64,
    /// Write wire, pins, clock, flash and resets over time into a value change dump, for PulseView and GTKWave.
    #[arg(long, value_name = "FILE")]
    vcd: Option<PathBuf>,
    /// Replace files of --trace and --vcd that are there.
    #[arg(long)]
    force: bool,
}

impl Recorded {
    /// The files that are written.
    pub fn outputs(&self) -> impl Iterator<Item = &PathBuf> {
        self.trace.iter().chain(&self.vcd)
    }

    /// What a check is to record for them.
    pub fn wish(&self) -> Wish {
        let lines = usize::try_from(self.trace_lines).unwrap_or(LINES);
        Wish { steps: self.trace.as_ref().map(|_| (self.trace_only.clone(), lines)), lines: self.vcd.is_some() }
    }

    /// Refuses what could not be written in the end, before anything runs.
    ///
    /// # Errors
    /// A file that is used, that is there, or that cannot be made.
    pub fn look(&self, inputs: impl Iterator<Item = PathBuf>) -> anyhow::Result<()> {
        let mut taken: Vec<PathBuf> = inputs.collect();
        for (option, file) in [("--trace", &self.trace), ("--vcd", &self.vcd)] {
            if let Some(file) = file {
                outputs::apart(option, file, &taken)?;
                outputs::may_make(file, self.force)?;
                taken.push(file.clone());
            }
        }
        Ok(())
    }

    /// Writes them.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, verdict: &Verdict) -> anyhow::Result<()> {
        let put = |file: &Path, bytes: &[u8]| outputs::write(file, self.force, bytes);
        if let Some(file) = &self.trace {
            put(file, trace::text(verdict).as_bytes())?;
        }
        if let Some(file) = &self.vcd {
            put(file, &vcd::dump(verdict)?)?;
        }
        Ok(())
    }
}
