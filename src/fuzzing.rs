//! What the fuzz targets in `fuzz/` do with bytes; ordinary tests do the same with fewer of them.
//!
//! These functions panic where a promise is broken: that is the finding.

use crate::chip::program::program;
use crate::chip::{Chip, SavedChip};
use crate::image::Image;
use crate::part;
use crate::periph::signal::Drive;
use crate::probe::capture::{Form, form, read, read_as, to_pcap};
use crate::probe::recording::{Entry, Recording};
use crate::probe::stlink::Command;
use crate::probe::usb::Assembler;
use crate::probe::{Model, StLink};
use crate::time::Time;
use crate::wire::{self, Waveform};
use std::error::Error;

/// A probe at a small chip whose code counts in SRAM, brought back to its power-on before each input.
pub struct Decoder {
    /// Always there between two inputs.
    chip: Option<Chip>,
    begin: SavedChip,
}

/// Stack, reset vector, `movs r0, #0; ldr r1, =0x20000200`, then for ever `adds r0, #1; str r0, [r1]`.
const COUNTER: [u8; 24] = [
    0x00, 0x04, 0x00, 0x20, 0x09, 0x00, 0x00, 0x08, 0x00, 0x20, 0x02, 0x49, 0x01, 0x30, 0x08, 0x60, 0xFC, 0xE7, 0xC0,
    0x46, 0x00, 0x02, 0x00, 0x20,
];

impl Decoder {
    /// With this part, `F031` say.
    ///
    /// # Errors
    /// There is no such part, or no engine.
    pub fn new(part: &str) -> Result<Decoder, Box<dyn Error>> {
        let mut chip = Chip::new(&part::find(part)?, 1)?;
        chip.power_on();
        program(&mut chip, &Image::parse("counter.bin", &COUNTER, Some(0x0800_0000))?, false)?;
        chip.power_off(1);
        chip.power_on();
        Ok(Decoder { begin: chip.save(), chip: Some(chip) })
    }

    /// Takes bytes for a session: the model, then USB OUT transfers, each with its length in front. Runs it twice.
    ///
    /// # Panics
    /// A reply has a length that no client expects, something broke inside, the probe does not answer any more, or the second run
    /// differs from the first.
    pub fn run(&mut self, input: &[u8]) {
        let Some((model, transfers)) = input.split_first() else { return };
        let model = if model & 1 == 0 { Model::V2 } else { Model::V3 };
        let first = self.session(model, transfers);
        assert_eq!(first, self.session(model, transfers), "the same session went differently");
    }

    fn session(&mut self, model: Model, mut transfers: &[u8]) -> Vec<Vec<u8>> {
        /// Enough for anything, and still quick.
        const MOST: usize = 48;
        let mut chip = self.chip.take().expect("an input panicked before");
        chip.restore(&self.begin).expect("it is of the same part");
        let mut probe = StLink::new(chip, model);
        let mut assembler = Assembler::default();
        let mut replies = Vec::new();
        while let Some((length, rest)) = transfers.split_first()
            && replies.len() < MOST
        {
            let (transfer, rest) = rest.split_at(usize::from(*length).min(rest.len()));
            transfers = rest;
            if let Ok(Some(command)) = assembler.push(transfer) {
                let reply = probe.command(&command.command, &command.data);
                assert!(reply.len() <= 0x1_0000, "{} bytes of reply", reply.len());
                assert_eq!(probe.target.take_broken(), None);
                replies.push(reply);
            }
        }
        let last = probe.command(&Command::GetVersion.encode(), &[]);
        assert_eq!(last.len(), 6, "the version is {last:02x?}");
        self.chip = Some(probe.target.chip);
        replies
    }
}

/// Reads bytes as a recording of this form, whatever they look like, and writes what was found in both of our forms.
///
/// # Panics
/// What was written is read as something else.
pub fn recording(bytes: &[u8], form: Form) {
    if let Ok(recording) = read_as(bytes, form, None) {
        keeps(&recording);
    }
}

/// As [`recording`], for the form that the bytes begin with.
///
/// # Panics
/// As [`recording`].
pub fn any_recording(bytes: &[u8]) {
    if let Ok(form) = form(bytes) {
        recording(bytes, form);
    }
}

/// Reads a text as a signal; what was read is written and read again.
///
/// # Panics
/// What was written is another signal, or its changes are no changes.
pub fn signal(text: &str) {
    if let Ok(wire) = text.parse::<Waveform>() {
        // A name is no part of what is on the wire.
        let again: Result<Waveform, _> = wire.to_string().parse();
        let again = again.unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!((again.parts(), again.via()), (wire.parts(), wire.via()), "{text}");
        changes(&wire);
    }
}

/// Reads bytes as a VCD file, and plays the line that the text names, or the only one.
///
/// # Panics
/// Its changes are no changes.
pub fn vcd(bytes: &[u8], line: Option<&str>) {
    struct One<'a>(&'a [u8]);

    impl wire::Names for One<'_> {
        fn text(&self, _: &str) -> Option<&str> {
            None
        }
        fn names(&self) -> Vec<&str> {
            Vec::new()
        }
        fn read(&self, _: &str, _: Option<&str>) -> Result<Vec<u8>, String> {
            Ok(self.0.to_vec())
        }
    }

    let line = line.map_or_else(String::new, |line| format!(" signal \"{}\"", line.replace('"', "")));
    for skip in ["", " skip 10us"] {
        let text = format!("vcd a.vcd{line}{skip} clock +1%");
        if let Ok(wire) = text.parse::<wire::Spec>().and_then(|spec| spec.resolve(&One(bytes))) {
            changes(&wire);
        }
    }
}

/// The first of a signal's changes are in order, and the line is at each what it is said to become.
fn changes(wire: &Waveform) {
    let signal = wire.signal(Time::ZERO);
    let (mut level, changes): (Drive, _) = wire.changes(Time::from_millis(20), 200);
    let mut last = Time::ZERO;
    for (time, drive) in changes {
        assert!(time > last, "{wire}: a change at {time} comes after one at {last}");
        assert_eq!(signal.at(Time(time.0 - 1)), level, "{wire}: just before {time}");
        assert_eq!(signal.at(time), drive, "{wire}: at {time}");
        (last, level) = (time, drive);
    }
}

fn keeps(recording: &Recording) {
    for exchange in recording.exchanges() {
        assert_eq!(exchange.data.len(), Command::decode(&exchange.command).data_length(), "{exchange:?}");
    }
    let plain = |recording: &Recording| Recording {
        entries: recording.entries.iter().map(Entry::without_place).collect(),
        ..recording.clone()
    };
    // Operations are no transfers on an ST-LINK's bus.
    let pcap = recording.operations().next().is_none().then(|| to_pcap(recording));
    for written in [Some(recording.to_jsonl()), pcap].into_iter().flatten() {
        let again = read(&written).expect("what is written can be read");
        assert_eq!(plain(&again), plain(recording));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::stlink::command::Interface;
    use proptest::prelude::*;
    use std::cell::RefCell;

    thread_local! {
        static DECODER: RefCell<Decoder> = RefCell::new(Decoder::new("F031").unwrap());
    }

    /// Commands that exist, with addresses that do; and bytes that are none.
    fn transfer() -> impl Strategy<Value = Vec<u8>> {
        let opcode = prop::sample::select(vec![
            0x07_u8, 0x08, 0x0C, 0x0D, 0x21, 0x22, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x3A, 0x3B, 0x3C, 0x3E,
            0x43, 0x45, 0x46, 0x47, 0x48, 0x4B, 0x4C, 0x50, 0x51, 0x52, 0x54, 0x56, 0x61, 0x62, 0x63,
        ]);
        let base = prop::sample::select(vec![0_u32, 0x0800_0000, 0x1FFF_F800, 0x2000_0000, 0x4002_2000, 0xE000_ED00]);
        let debug = (opcode, base, 0..0x100_u32, any::<[u8; 10]>()).prop_map(|(opcode, base, offset, rest)| {
            [&[0xF2, opcode][..], &(base + offset).to_le_bytes(), &rest].concat()
        });
        prop_oneof![3 => debug, 1 => prop::collection::vec(any::<u8>(), 0..80)]
    }

    fn session(transfers: &[Vec<u8>]) -> Vec<u8> {
        let framed = transfers.iter().flat_map(|t| [&[t.len() as u8][..], t].concat());
        [0].into_iter().chain(framed).collect()
    }

    #[test]
    fn the_counter_counts_and_begins_anew() {
        let mut decoder = Decoder::new("F031").unwrap();
        let enter = Command::Enter(Interface::Swd).encode().to_vec();
        let word = Command::ReadDebugReg(0x2000_0200).encode().to_vec();
        let transfers = session(&[enter, word.clone(), word]);
        let replies = decoder.session(Model::V2, &transfers[1..]);
        let count = |n: usize| u32::from_le_bytes(replies[n][4..8].try_into().unwrap());
        assert!(count(1) > 1_000 && count(2) > count(1) + 1_000, "{replies:02x?}");
        decoder.run(&transfers);
        assert_eq!(decoder.session(Model::V2, &transfers[1..]), replies);
    }

    /// The kept inputs, and what is found in them by chance.
    #[test]
    fn the_corpus_has_no_finding() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        let inputs = |target: &str| -> Vec<Vec<u8>> {
            let files = std::fs::read_dir(folder.join(target)).unwrap();
            let inputs: Vec<_> = files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
            assert!(!inputs.is_empty(), "no corpus for {target}");
            inputs
        };
        let mut decoder = Decoder::new("F031").unwrap();
        inputs("commands").iter().for_each(|input| decoder.run(input));
        let signals = inputs("signal");
        assert!(signals.iter().any(|text| String::from_utf8_lossy(text).parse::<Waveform>().is_ok()));
        signals.iter().for_each(|text| signal(&String::from_utf8_lossy(text)));
        // A fuzzer's: a name that stands for something.
        signal("inav");
        inputs("vcd")
            .iter()
            .for_each(|bytes| [None, Some("D0"), Some("PB4")].iter().for_each(|line| vcd(bytes, *line)));
        for target in ["pcap", "pcapng", "pyocd", "jsonl"] {
            let inputs = inputs(target);
            assert!(inputs.iter().any(|input| read(input).is_ok()), "nothing of {target} can be read");
            inputs.iter().for_each(|input| any_recording(input));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn no_session_breaks_the_probe(transfers in prop::collection::vec(transfer(), 0..24)) {
            DECODER.with_borrow_mut(|decoder| decoder.run(&session(&transfers)));
        }

        #[test]
        fn no_change_of_a_vcd_file_breaks_its_reader(
            changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"$#01xzb! 9\n".to_vec())), 0..8),
            end in any::<prop::sample::Index>(),
            which in any::<prop::sample::Index>(),
        ) {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/vcd");
            let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
            files.sort();
            let mut bytes = std::fs::read(&files[which.index(files.len())]).unwrap();
            bytes.truncate(bytes.len() - end.index(bytes.len() / 2 + 1));
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            [None, Some("D0"), Some("PB4")].into_iter().for_each(|line| vcd(&bytes, line));
        }

        #[test]
        fn no_change_of_a_recording_breaks_its_reader(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
            end in any::<prop::sample::Index>(),
            target in prop::sample::select(vec!["pcap", "pcapng", "pyocd", "jsonl"]),
            which in any::<prop::sample::Index>(),
        ) {
            let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
            let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
            files.sort();
            let mut bytes = std::fs::read(&files[which.index(files.len())]).unwrap();
            bytes.truncate(bytes.len() - end.index(bytes.len() / 4 + 1));
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            any_recording(&bytes);
            recording(&bytes, Form::PyOcd);
            recording(&bytes, Form::JsonLines);
        }
    }
}
