//! The socket behind the libusb stand-in, when clients do wrong: killed, cut off, two at once, out of step.

#[allow(dead_code, reason = "the stand-in's side needs the rest")]
#[path = "../../shim/src/wire.rs"]
mod wire;

use crate::support::clients::{BENCHES, Bench, FLASH, built, is_there, starts};
use crate::support::serve::Serve;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const OUT: u8 = 0x01;
const IN: u8 = 0x81;

/// A probe with a socket, and an ESC in a file.
struct Table {
    bench: Bench,
    serve: Serve,
    folder: TempDir,
}

impl Table {
    fn new(bench: Bench) -> Table {
        let folder = tempfile::tempdir().unwrap();
        bench.factory(&folder.path().join("esc.json"), |f| f);
        let socket = format!("--socket={}", folder.path().join("probe.sock").display());
        let serve = Serve::with(bench.part, &folder.path().join("esc.json"), &[&socket]);
        Table { bench, serve, folder }
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("esc.json")
    }

    fn dial(&self) -> Handle {
        let stream = UnixStream::connect(self.folder.path().join("probe.sock")).expect("the server is there");
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Handle { stream }
    }

    /// A handle that has the probe, once it is free.
    fn claim(&self) -> Handle {
        let start = Instant::now();
        loop {
            let mut handle = self.dial();
            if handle.ask(wire::CLAIM, 0, 0, &[]).0 == wire::OK {
                return handle;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "the probe never came free");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn st_flash(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("st-flash");
        let library = self.serve.said("LD_PRELOAD=", ' ');
        command.args(arguments).env("LD_PRELOAD", library);
        command.env("DRYFLASH_SOCKET", self.folder.path().join("probe.sock")).current_dir(self.folder.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What flash holds once the server has seen that its clients are gone, by way of its file.
    fn settled(&self) -> Vec<u8> {
        drop(self.claim());
        drop(self.claim());
        // The file itself is the server's until it ends.
        let copy = self.folder.path().join("copy.json");
        std::fs::copy(self.state(), &copy).unwrap();
        self.bench.chip(&copy).board.flash.cells().bytes(FLASH, self.bench.size())
    }
}

struct Handle {
    stream: UnixStream,
}

impl Handle {
    fn ask(&mut self, what: u8, endpoint: u8, length: u32, data: &[u8]) -> (u32, Vec<u8>) {
        let head = wire::head(u32::from(what) | u32::from(endpoint) << 8, length);
        self.stream.write_all(&[&head, data].concat()).unwrap();
        let mut head = [0; wire::HEAD];
        self.stream.read_exact(&mut head).unwrap();
        let (code, length) = wire::numbers(head);
        let mut bytes = vec![0; length as usize];
        self.stream.read_exact(&mut bytes).unwrap();
        (code, bytes)
    }

    fn out(&mut self, data: &[u8]) -> u32 {
        self.ask(wire::BULK_OUT, OUT, data.len() as u32, data).0
    }

    fn fetch(&mut self, length: u32) -> (u32, Vec<u8>) {
        self.ask(wire::BULK_IN, IN, length, &[])
    }

    fn write(&mut self, address: u32, value: u32) {
        assert_eq!(self.out(&[&[0xF2, 0x35][..], &address.to_le_bytes(), &value.to_le_bytes()].concat()), wire::OK);
        assert_eq!(self.fetch(2), (wire::OK, vec![0x80, 0]));
    }

    /// Connects, halts, unlocks, and lets flash be programmed (F0).
    fn ready(&mut self) {
        assert_eq!(self.out(&[0xF2, 0x30, 0xA3]), wire::OK);
        assert_eq!(self.fetch(2).0, wire::OK);
        for (address, value) in
            [(0xE000_EDF0, 0xA05F_0003), (0x4002_2004, 0x4567_0123), (0x4002_2004, 0xCDEF_89AB), (0x4002_2010, 1)]
        {
            self.write(address, value);
        }
    }
}

#[test]
fn a_client_killed_in_the_middle_leaves_a_consistent_esc() {
    if !is_there("st-flash") {
        return;
    }
    for bench in BENCHES {
        let table = Table::new(bench);
        let full = built(bench.full);
        let before = std::fs::read(&full).unwrap();
        let write = ["write", full.to_str().unwrap(), "0x08000000"];
        for milliseconds in [20, 60, 130, 300, 700, 1500] {
            let mut child = table.st_flash(&write).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(milliseconds));
            let _ = child.kill();
            let _ = child.wait();
            // Every byte is the file's or blank: nothing else was ever written.
            let flash = table.settled();
            let wrong = flash.iter().zip(before.iter().chain(std::iter::repeat(&0xFF)));
            let wrong = wrong.filter(|(now, file)| now != file && **now != 0xFF && **now != 0);
            assert_eq!(wrong.count(), 0, "{}, killed after {milliseconds} ms", bench.part);
        }
        // What a killed client leaves (PG set, half a double word) makes a G0 refuse the next erase; a reset clears it.
        let output = table.st_flash(&[&["--connect-under-reset"][..], &write].concat()).output().unwrap();
        assert!(output.status.success(), "{}: {}", bench.part, String::from_utf8_lossy(&output.stderr));
        table.settled();
        assert!(starts(&table.folder.path().join("copy.json")), "{}", bench.part);
    }
}

#[test]
fn a_connection_cut_anywhere_carries_out_what_came_whole() {
    let table = Table::new(BENCHES[1]);
    // A command with its data in two transfers, as they go over the socket.
    let command = [0xF2, 0x48, 0, 0x40, 0, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let data = [0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17];
    let out = |bytes: &[u8]| {
        let head = wire::head(u32::from(wire::BULK_OUT) | u32::from(OUT) << 8, bytes.len() as u32);
        [&head, bytes].concat()
    };
    let (command, data) = (out(&command), out(&data));
    for cut in 0..command.len() + data.len() {
        let mut handle = table.claim();
        handle.ready();
        let blank = table_word(&mut handle, 0x0800_4000);
        assert_eq!(blank, 0xFFFF_FFFF, "after a cut at {}", cut.saturating_sub(1));
        handle.stream.write_all(&command[..cut.min(command.len())]).unwrap();
        if cut >= command.len() {
            handle.stream.read_exact(&mut [0; wire::HEAD]).unwrap();
            handle.stream.write_all(&data[..cut - command.len()]).unwrap();
        }
    }
    let mut handle = table.claim();
    handle.ready();
    assert_eq!(handle.out(&command[wire::HEAD..]), wire::OK);
    handle.stream.write_all(&data).unwrap();
    drop(handle);
    let mut handle = table.claim();
    assert_eq!(table_word(&mut handle, 0x0800_4000), 0x1312_1110, "the last one was whole");
}

fn table_word(handle: &mut Handle, address: u32) -> u32 {
    assert_eq!(handle.out(&[&[0xF2, 0x36][..], &address.to_le_bytes()].concat()), wire::OK);
    let (code, reply) = handle.fetch(8);
    assert_eq!((code, reply[0]), (wire::OK, 0x80));
    u32::from_le_bytes(reply[4..].try_into().unwrap())
}

#[test]
fn a_second_client_is_told_that_the_probe_is_busy() {
    let table = Table::new(BENCHES[1]);
    let mut first = table.claim();
    let mut second = table.dial();
    assert_eq!(second.ask(wire::CLAIM, 0, 0, &[]).0, wire::BUSY);
    assert_eq!(second.out(&[0xF1]), wire::BUSY);
    assert_eq!(second.fetch(6).0, wire::BUSY);
    assert_eq!(first.out(&[0xF1]), wire::OK);
    assert_eq!(first.fetch(6).1.len(), 6);
    if is_there("st-flash") {
        let output = table.st_flash(&["erase"]).output().unwrap();
        assert!(!output.status.success());
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.to_lowercase().contains("busy") || text.contains("claim"), "{text}");
    }
    assert_eq!(first.ask(wire::RELEASE, 0, 0, &[]).0, wire::OK);
    assert_eq!(second.out(&[0xF1]), wire::OK);
}

/// The stand-in waits for no answer to an OUT: a command costs one round trip, not two.
#[test]
fn an_out_that_is_not_answered_is_told_of_by_the_next_in() {
    let table = Table::new(BENCHES[1]);
    let mut handle = table.claim();
    let only = |bytes: &[u8]| {
        let head = wire::head(u32::from(wire::BULK_OUT_ONLY) | u32::from(OUT) << 8, bytes.len() as u32);
        [&head, bytes].concat()
    };
    handle.stream.write_all(&only(&[0xF1])).unwrap();
    assert_eq!(handle.fetch(6), (wire::OK, vec![0x29, 0x5B, 0x83, 0x04, 0x4B, 0x37]));
    // Too long for a command, which nobody is told of before the IN; then it goes on.
    handle.stream.write_all(&[only(&[0; 17]), only(&[0xF5])].concat()).unwrap();
    assert_eq!(handle.fetch(2).0, wire::STALL);
    assert_eq!(handle.fetch(2), (wire::OK, vec![1, 0]));
    // A command, its data, and gone: what came whole is carried out.
    handle.ready();
    let data = [0x10, 0x11, 0x12, 0x13];
    handle.stream.write_all(&[only(&[0xF2, 0x08, 0, 8, 0, 0x20, 4, 0]), only(&data)].concat()).unwrap();
    drop(handle);
    let mut handle = table.claim();
    handle.ready();
    assert_eq!(table_word(&mut handle, 0x2000_0800), 0x1312_1110);
    // Another has the probe: that is told as well.
    let mut second = table.dial();
    second.stream.write_all(&only(&[0xF1])).unwrap();
    assert_eq!(second.fetch(6).0, wire::BUSY);
}

#[test]
fn requests_of_no_meaning() {
    let table = Table::new(BENCHES[1]);
    {
        let mut handle = table.claim();
        assert_eq!(handle.fetch(6).0, wire::NOTHING, "nothing was asked for");
        assert_eq!(handle.ask(wire::BULK_IN, 0x82, 64, &[]).0, wire::NOTHING, "no trace data");
        assert_eq!(handle.ask(wire::BULK_IN, 0x84, 64, &[]).0, wire::REFUSED);
        assert_eq!(handle.ask(wire::BULK_OUT, 0x02, 1, &[0xF1]).0, wire::REFUSED);
        assert_eq!(handle.out(&[0; 17]), wire::STALL);
        assert_eq!(handle.out(&[]), wire::OK);
        assert_eq!(handle.out(&[0xF1]), wire::OK);
        assert_eq!(handle.fetch(2).1.len(), 2);
        assert_eq!(handle.fetch(64).1.len(), 4, "the rest");
        let (code, description) = handle.ask(wire::DESCRIBE, 0, 0, &[]);
        assert_eq!((code, description[8..12].to_vec()), (wire::OK, vec![0x83, 0x04, 0x4B, 0x37]));
    }
    // What cannot be followed ends the connection.
    for head in [wire::head(77, 0), wire::head(u32::from(wire::BULK_OUT) | 0x100, 0x7FFF_FFFF)] {
        let mut handle = table.dial();
        handle.stream.write_all(&head).unwrap();
        let mut rest = Vec::new();
        handle.stream.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, wire::head(wire::REFUSED, 0));
    }
    assert_eq!(table.claim().out(&[0xF1]), wire::OK);
}

#[test]
fn a_socket_that_nobody_listens_at_is_replaced_and_a_file_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (path, state) = (folder.path().join("probe.sock"), folder.path().join("esc.json"));
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let option = format!("--socket={}", path.display());
    let serve = Serve::with("F051", &state, &[&option]);
    UnixStream::connect(&path).unwrap();
    let second = |state: &str| {
        let mut dryflash = Command::new(env!("CARGO_BIN_EXE_dryflash"));
        dryflash.args(["serve", "--part", "F051", &option, "--state"]).arg(folder.path().join(state));
        let output = dryflash.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, text) = second("other.json");
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("probe.sock"), "{text}");
    drop(serve);
    let _ = std::fs::remove_file(&path);
    std::fs::write(&path, "mine").unwrap();
    assert_eq!(second("third.json").0, Some(2));
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
}
