//! probe-rs's way in, by a small client of the test's own: frames, the applet, the SWD line, recordings, cut-offs.
//! `tests/it/probe_rs.rs` drives the real one.

use crate::support::serve::Serve;
use std::io::{Read, Write};
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const ROOT: u8 = 0;
const SWD: u8 = 1;

const SILENCE: u8 = 0x20;
const OK: u8 = 0x11;
const FAULT: u8 = 0x14;

const DHCSR: u32 = 0xE000_EDF0;

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

struct Client {
    stream: Box<dyn Stream>,
}

fn frame(stream: u8, bytes: &[u8]) -> Vec<u8> {
    // Each run of bytes between zeros with its length before it; none here is as long as 254.
    let all = [&[stream], bytes].concat();
    let mut out: Vec<u8> = all.split(|b| *b == 0).flat_map(|run| [&[run.len() as u8 + 1], run].concat()).collect();
    out.push(0);
    out
}

impl Client {
    fn tcp(serve: &Serve) -> Client {
        let place = serve.said("20b7:9db1:tcp:", '\n').to_owned();
        let stream = TcpStream::connect(place).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream: Box::new(stream) }
    }

    fn send(&mut self, stream: u8, bytes: &[u8]) {
        for piece in bytes.chunks(200) {
            self.stream.write_all(&frame(stream, piece)).unwrap();
        }
    }

    /// The next frame that comes, if one does.
    fn frame(&mut self) -> Option<Vec<u8>> {
        let (mut coded, mut byte) = (Vec::new(), [0]);
        loop {
            if self.stream.read(&mut byte).ok()? == 0 {
                return None;
            }
            if byte[0] == 0 {
                break;
            }
            coded.push(byte[0]);
        }
        let mut bytes = Vec::new();
        let mut rest = coded.as_slice();
        while let Some((code, after)) = rest.split_first() {
            let (run, after) = after.split_at(usize::from(*code) - 1);
            bytes.extend(run);
            if *code != 0xFF && !after.is_empty() {
                bytes.push(0);
            }
            rest = after;
        }
        Some(bytes)
    }

    fn ask(&mut self, stream: u8, bytes: &[u8], length: usize) -> Vec<u8> {
        self.send(stream, bytes);
        let mut answer = Vec::new();
        while answer.len() < length {
            let frame = self.frame().expect("an answer");
            assert_eq!(frame[0], stream);
            answer.extend(&frame[1..]);
        }
        assert_eq!(answer.len(), length, "{answer:02x?}");
        answer
    }

    fn line_reset(&mut self) {
        let ones = [0x20, 0xFF, 0xFF, 0xFF, 0xFF];
        self.send(SWD, &[&ones[..], &ones].concat());
        // A sequence of four zeros: the line is idle.
        self.send(SWD, &[0x24, 0, 0, 0, 0]);
    }

    fn read(&mut self, ap: bool, address: u8) -> Result<u32, u8> {
        self.send(SWD, &[2 | u8::from(ap) | address]);
        let mut answer = self.frame().expect("an answer").split_off(1);
        let code = answer.remove(0);
        if code != 1 {
            return Err(code);
        }
        Ok(u32::from_le_bytes(answer.try_into().unwrap()))
    }

    fn write(&mut self, ap: bool, address: u8, value: u32) -> u8 {
        let bytes = [&[u8::from(ap) | address], &value.to_le_bytes()[..]].concat();
        self.ask(SWD, &bytes, 1)[0]
    }

    /// Takes the probe and connects, as probe-rs does.
    fn connect(&mut self) {
        assert_eq!(self.ask(ROOT, &[0], 12), b"probe-rs,v01");
        self.line_reset();
        assert_eq!(self.read(false, 0), Ok(0x0BB1_1477));
        assert_eq!(self.write(false, 4, 0x5000_0000), OK);
        assert_eq!(self.read(false, 4), Ok(0xF000_0000));
        assert_eq!(self.write(false, 8, 0), OK);
        assert_eq!(self.write(true, 0, 0x2300_0052), OK);
    }

    fn load(&mut self, address: u32) -> u32 {
        assert_eq!(self.write(true, 4, address), OK);
        self.read(true, 0xC).unwrap();
        self.read(false, 0xC).unwrap()
    }

    fn store(&mut self, address: u32, value: u32) {
        assert_eq!(self.write(true, 4, address), OK);
        assert_eq!(self.write(true, 0xC, value), OK);
    }
}

fn state() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("esc.json");
    (folder, path)
}

fn built(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built").join(name).display().to_string()
}

const GLASGOW: &str = "--glasgow=127.0.0.1:0";

#[test]
fn the_applet_answers() {
    let (_folder, state) = state();
    let serve = Serve::with("F051", &state, &[GLASGOW]);
    assert!(serve.text.contains("probe-rs download --chip STM32F051K6 "), "{}", serve.text);
    let mut client = Client::tcp(&serve);
    assert_eq!(client.ask(ROOT, &[0], 12), b"probe-rs,v01");
    assert_eq!(client.ask(ROOT, &[0x10], 4), 48_000_000u32.to_le_bytes());
    // A command may come in two frames, and two may come in one.
    client.send(ROOT, &[0x12, 0x34]);
    assert_eq!(client.ask(ROOT, &[0x12, 0x11, 0x11], 4), [0x34, 0x12, 0x34, 0x12]);
}

#[test]
fn the_line_answers_as_a_debug_port_does() {
    let (_folder, state) = state();
    let serve = Serve::with("F051", &state, &[GLASGOW]);
    let mut client = Client::tcp(&serve);
    assert_eq!(client.ask(ROOT, &[0], 12), b"probe-rs,v01");
    assert_eq!(client.read(false, 0), Err(SILENCE), "before a line reset");
    client.line_reset();
    assert_eq!(client.read(false, 4), Err(SILENCE), "before DPIDR");
    client.connect();
    assert_eq!(client.load(0xE000_ED00), 0x410C_C200, "CPUID");
    // Reads come one transfer late.
    client.store(0x2000_0100, 0x1111_1111);
    client.store(0x2000_0104, 0x2222_2222);
    assert_eq!(client.write(true, 4, 0x2000_0100), OK);
    let before = client.read(false, 0xC).unwrap();
    let words = client.ask(SWD, &[0x0F, 0x0F, 0x0E], 15);
    let words: Vec<u32> = words.chunks(5).map(|w| u32::from_le_bytes(w[1..].try_into().unwrap())).collect();
    assert_eq!(words, [before, 0x1111_1111, 0x2222_2222]);
    // SELECT chooses the bank; other access ports read 0.
    assert_eq!(client.write(false, 8, 0xF0), OK);
    client.read(true, 0xC).unwrap();
    assert_eq!(client.read(false, 0xC), Ok(0x0477_0021), "IDR");
    assert_eq!(client.write(false, 8, 0x0100_00F0), OK);
    client.read(true, 0xC).unwrap();
    assert_eq!(client.read(false, 0xC), Ok(0), "there is no AP 1");
    assert_eq!(client.write(false, 8, 0), OK);
}

#[test]
fn a_fault_is_told_by_the_next_transfer_until_it_is_cleared() {
    let (_folder, state) = state();
    let serve = Serve::with("F051", &state, &[GLASGOW]);
    let mut client = Client::tcp(&serve);
    client.connect();
    assert_eq!(client.write(true, 4, 0x1000_0000), OK);
    assert!(client.read(true, 0xC).is_ok(), "the access itself is acknowledged");
    assert_eq!(client.read(false, 0xC), Err(FAULT));
    assert_eq!(client.write(false, 8, 0), FAULT);
    assert_eq!(client.write(true, 4, 0), FAULT);
    assert_eq!(client.read(false, 4).unwrap() & 1 << 5, 1 << 5, "STICKYERR");
    assert_eq!(client.read(false, 0), Ok(0x0BB1_1477));
    assert_eq!(client.write(false, 0, 1 << 2), OK, "ABORT");
    assert_eq!(client.load(0xE000_ED00), 0x410C_C200);
}

#[test]
fn one_client_at_a_time_and_the_other_is_told() {
    let (_folder, state) = state();
    let serve = Serve::with("F051", &state, &[GLASGOW]);
    let mut first = Client::tcp(&serve);
    first.connect();
    let mut second = Client::tcp(&serve);
    assert_eq!(second.ask(ROOT, &[0], 12), b"busy: in use");
    assert_eq!(second.read(false, 0), Err(SILENCE));
    assert_eq!(first.load(0xE000_ED00), 0x410C_C200, "the first goes on");
    // Cut off in the middle of a frame: the next one has the probe.
    first.stream.write_all(&frame(SWD, &[0x03])[..2]).unwrap();
    drop(first);
    second.connect();
}

#[test]
fn what_is_no_frame_ends_its_client_alone() {
    let (_folder, state) = state();
    let serve = Serve::with("F051", &state, &[GLASGOW]);
    for bytes in [&[9, 1, 0][..], &frame(7, &[0]), &frame(ROOT, &[0x99]), &frame(ROOT, &[0, 0x77])] {
        let mut client = Client::tcp(&serve);
        client.stream.write_all(bytes).unwrap();
        // It is told by a frame for nobody: at a mere end of the stream probe-rs would wait for good.
        let last = std::iter::from_fn(|| client.frame()).last();
        assert_eq!(last, Some(vec![0xFF, 0]), "{bytes:02x?}");
    }
    Client::tcp(&serve).connect();
}

#[test]
fn flash_is_programmed_and_the_session_replays() {
    let (folder, state) = state();
    let recording = folder.path().join("session.jsonl");
    let (recorded, full) = (recording.to_str().unwrap(), built("STANDIN_DRYFLASH_F051_2.20_FULL.bin"));
    let mut serve = Serve::with("F051", &state, &[GLASGOW, "--once", "--record", recorded, &full]);
    let mut client = Client::tcp(&serve);
    client.connect();
    client.store(DHCSR, 0xA05F_0003);
    assert_eq!(client.load(DHCSR) & 1 << 17, 1 << 17, "halted");
    let (keyr, cr, ar) = (0x4002_2004, 0x4002_2010, 0x4002_2014);
    client.store(keyr, 0x4567_0123);
    client.store(keyr, 0xCDEF_89AB);
    // The page of the settings, and a half-word there.
    for (register, value) in [(cr, 2), (ar, 0x0800_7C00), (cr, 0x42)] {
        client.store(register, value);
    }
    client.store(cr, 1);
    assert_eq!(client.write(true, 0, 0x2300_0051), OK, "half-words");
    client.store(0x0800_7C02, 0xBEEF_0000);
    assert_eq!(client.write(true, 0, 0x2300_0052), OK);
    assert_eq!(client.load(0x0800_7C00), 0xBEEF_FFFF);
    // Read back in one go, as probe-rs does: the same command 32 times, each with another word.
    assert_eq!(client.write(true, 4, 0x0800_0000), OK);
    let block = client.ask(SWD, &[0x0F; 33], 33 * 5);
    let file = std::fs::read(&full).unwrap();
    let words: Vec<u8> = block.chunks(5).skip(1).flat_map(|w| w[1..].to_vec()).collect();
    assert_eq!(words, file[..128]);
    client.send(ROOT, &[0x20, 0x21]);
    assert_eq!(client.load(DHCSR) & 1 << 25, 1 << 25, "it was reset");
    drop(client);
    assert_eq!(serve.ended(), 0);

    let replay = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
        let output = command.args(["replay", recorded, &full]).args(more).output().unwrap();
        (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
    };
    for strength in [&["--strict"][..], &[], &["--effects"]] {
        let (text, code) = replay(strength);
        assert_eq!(code, Some(0), "{text}");
        assert!(text.contains("no reply differs"), "{text}");
        for told in ["halts the core", "unlocks the flash", "erases page 31", "reads 0x08000000..", "resets the chip"] {
            assert!(text.contains(told), "{told}\n{text}");
        }
    }
    // One word of the block that was read is another: each of them counts, though the command is the same.
    let text = std::fs::read_to_string(&recording).unwrap();
    let hex = |at: usize| file[at..at + 4].iter().map(|b| format!("{b:02x}")).collect::<String>();
    let wrong = text.replacen(&format!("80000000{}", hex(40)), "8000000078563412", 1);
    assert_ne!(wrong, text);
    std::fs::write(&recording, wrong).unwrap();
    let (text, code) = replay(&[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("1 of") && text.contains("0x12345678"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_unix_socket_will_do() {
    let (folder, state) = state();
    let socket = folder.path().join("glasgow.sock");
    let place = format!("--glasgow=unix:{}", socket.display());
    let serve = Serve::with("F031", &state, &[&place]);
    assert_eq!(serve.said("20b7:9db1:unix:", '\n'), socket.display().to_string());
    let stream = UnixStream::connect(&socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    Client { stream: Box::new(stream) }.connect();
}

#[cfg(unix)]
#[test]
fn with_lends_the_probe_and_lets_no_other_be_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let with = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
        command.args(["with", "--part", "F051", "--"]).args(words).current_dir(&folder);
        let output = command.env("PROBE_RS_REMOTE_HOST", "ws://elsewhere").output().unwrap();
        (String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(), output.status.code())
    };
    // A client of this name, which tells what it was given.
    let client = folder.path().join("probe-rs");
    std::fs::write(&client, "#!/bin/sh\necho \"$* $PROBE_RS_PROBE $PROBE_RS_REMOTE_HOST.\"\nexit 7\n").unwrap();
    Command::new("chmod").args(["+x", "probe-rs"]).current_dir(&folder).status().unwrap();
    let (text, code) = with(&["./probe-rs", "reset", "--chip", "X"]);
    assert_eq!(code, Some(7), "{text}");
    let line = text.lines().next().unwrap();
    let (probe, variables) = line.strip_prefix("reset --probe ").and_then(|l| l.split_once(" --chip X ")).unwrap();
    assert!(probe.starts_with("20b7:9db1:unix:/"), "{line}");
    assert_eq!(variables, format!("{probe} ."));
    // One that does not look, such as `probe-rs list`, is told of by what it is.
    std::fs::write(&client, "#!/bin/sh\nexit 0\n").unwrap();
    let (text, code) = with(&["./probe-rs", "list"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("is in no list of its own") && !text.contains("libusb"), "{text}");
    let (text, code) = with(&["./probe-rs", "reset", "--probe", "0483:374b"]);
    assert_eq!(code, Some(125), "{text}");
    assert!(text.contains("would look elsewhere") && text.contains("--probe"), "{text}");
}
