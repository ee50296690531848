//! USB transfers to the probe, at a chip whose code runs.

#![no_main]

use dryflash::fuzzing::Decoder;
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;

thread_local! {
    static DECODER: RefCell<Decoder> = RefCell::new(Decoder::new("F031").expect("the part is known"));
}

fuzz_target!(|bytes: &[u8]| DECODER.with_borrow_mut(|decoder| decoder.run(bytes)));
