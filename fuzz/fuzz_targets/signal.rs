//! The language of signals.

#![no_main]

use dryflash::fuzzing::signal;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| signal(text));
