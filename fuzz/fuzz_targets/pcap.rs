//! pcap of every byte order, usbmon and USBPcap.

#![no_main]

use dryflash::fuzzing::recording;
use dryflash::probe::capture::{Form, form};
use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    match form(bytes) {
        Ok(form @ Form::Pcap { .. }) => recording(bytes, form),
        _ => return Corpus::Reject,
    }
    Corpus::Keep
});
