//! Words on standard error that nobody has to hear.
//!
//! `eprintln!` panics where standard error is full or gone, and a panic in the middle of a session loses what was to be
//! saved. Clippy keeps it, and `println!`, out of this crate (`lib.rs`).

use crate::shell;
use std::fmt;
use std::io::Write;

/// As `eprintln!`, but what cannot be written is dropped.
macro_rules! tell {
    ($($argument:tt)*) => { $crate::tell::line(format_args!($($argument)*)) };
}
pub(crate) use tell;

/// A line on standard error, in one write where the system takes it so. What it quotes plays no tricks with a terminal.
pub fn line(what: fmt::Arguments) {
    let _ = std::io::stderr().lock().write_all(format!("{}\n", shell::lines(&what.to_string())).as_bytes());
}
