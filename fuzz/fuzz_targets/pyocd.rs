//! pyOCD's trace log.

#![no_main]

use dryflash::fuzzing::recording;
use dryflash::probe::capture::Form;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| recording(bytes, Form::PyOcd));
