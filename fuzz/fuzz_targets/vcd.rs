//! VCD files that are played on the signal wire.

#![no_main]

use dryflash::fuzzing::vcd;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    vcd(bytes, None);
    vcd(bytes, Some("D0"));
});
