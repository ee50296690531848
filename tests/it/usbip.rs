//! The USB/IP server: Debian's `usbip list`, a small client of this test's own, and hosts that do wrong.

use crate::support::clients::is_there;
use crate::support::serve::Serve;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const VERSION: [u8; 6] = [0xF1, 0x80, 0, 0, 0, 0];
const STALL: i32 = -32;
const UNLINKED: i32 = -104;
const IN: u32 = 1;

struct Bench {
    serve: Serve,
    folder: TempDir,
}

impl Bench {
    fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let serve = Serve::with("F051", &folder.path().join("esc.json"), &["--usbip=127.0.0.1:0"]);
        Bench { serve, folder }
    }

    fn port(&self) -> u16 {
        self.serve.said("over USB/IP, on 127.0.0.1:", ';').parse().unwrap()
    }

    fn dial(&self) -> Host {
        let stream = TcpStream::connect(("127.0.0.1", self.port())).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        Host { stream, seqnum: 0 }
    }

    fn import(&self) -> Host {
        let mut host = self.dial();
        assert_eq!(host.try_import("1-1"), 0);
        let device = host.take(312);
        assert_eq!(&device[256..259], b"1-1");
        assert_eq!(device[300..304], [0x04, 0x83, 0x37, 0x4B]);
        host
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("esc.json")
    }
}

/// The host's side of the protocol.
struct Host {
    stream: TcpStream,
    seqnum: u32,
}

#[derive(Debug, PartialEq, Eq)]
struct Reply {
    command: u32,
    seqnum: u32,
    status: i32,
    actual: u32,
    data: Vec<u8>,
}

impl Host {
    fn take(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// The status of an import.
    fn try_import(&mut self, bus_id: &str) -> u32 {
        let mut request = vec![0x01, 0x11, 0x80, 0x03, 0, 0, 0, 0];
        request.extend(bus_id.as_bytes());
        request.resize(40, 0);
        self.stream.write_all(&request).unwrap();
        let answer = self.take(8);
        assert_eq!(answer[..4], [0x01, 0x11, 0x00, 0x03]);
        u32::from_be_bytes(answer[4..].try_into().unwrap())
    }

    /// Sends a request for a transfer. Its number.
    fn submit(&mut self, endpoint: u32, direction: u32, length: u32, setup: [u8; 8], data: &[u8]) -> u32 {
        self.seqnum += 1;
        let words = [1, self.seqnum, 0x0001_0001, direction, endpoint, 0, length, 0, 0xFFFF_FFFF, 0];
        let head: Vec<u8> = words.iter().flat_map(|w: &u32| w.to_be_bytes()).chain(setup).collect();
        self.stream.write_all(&[head.as_slice(), data].concat()).unwrap();
        self.seqnum
    }

    fn out(&mut self, data: &[u8]) -> u32 {
        self.submit(1, 0, data.len() as u32, [0; 8], data)
    }

    fn want(&mut self, length: u32) -> u32 {
        self.submit(1, IN, length, [0; 8], &[])
    }

    fn unlink(&mut self, victim: u32) -> u32 {
        self.seqnum += 1;
        let mut words = vec![2, self.seqnum, 0x0001_0001, 0, 0, victim];
        words.resize(12, 0);
        let head: Vec<u8> = words.iter().flat_map(|w: &u32| w.to_be_bytes()).collect();
        self.stream.write_all(&head).unwrap();
        self.seqnum
    }

    /// The next reply; `is_in` where its data is to be read.
    fn reply(&mut self, is_in: bool) -> Reply {
        let head = self.take(48);
        let word = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().unwrap());
        let (command, actual) = (word(0), word(24));
        let data = if is_in { self.take(actual as usize) } else { Vec::new() };
        Reply { command, seqnum: word(4), status: word(20) as i32, actual, data }
    }

    fn control(&mut self, setup: [u8; 8]) -> Reply {
        let wanted = u32::from(u16::from_le_bytes([setup[6], setup[7]]));
        self.submit(0, IN, wanted, setup, &[]);
        self.reply(true)
    }
}

#[test]
fn usbip_lists_the_probe() {
    let Some(usbip) = usbip() else { return };
    let bench = Bench::new();
    let port = bench.port().to_string();
    let output = Command::new(usbip).args(["--tcp-port", &port, "list", "-r", "127.0.0.1"]).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && text.contains("1-1:") && text.contains("(0483:374b)"), "{text}");
}

/// It may stand in a folder that only root has on the path.
fn usbip() -> Option<&'static str> {
    let there = |program: &&str| Command::new(program).arg("version").output().is_ok();
    ["usbip", "/usr/sbin/usbip"].into_iter().find(there).or_else(|| is_there("usbip").then_some("usbip"))
}

#[test]
fn a_host_imports_it_and_reads_its_version() {
    let bench = Bench::new();
    let mut host = bench.import();
    assert_eq!(host.control([0x80, 6, 0, 1, 0, 0, 18, 0]).data[8..12], [0x83, 0x04, 0x4B, 0x37]);
    assert_eq!(host.control([0x80, 6, 0, 2, 0, 0, 9, 0]).data, [9, 2, 39, 0, 1, 1, 0, 0x80, 50]);
    assert_eq!(host.control([0x80, 6, 3, 3, 9, 4, 255, 0]).data.len(), 50);
    assert_eq!(host.control([0x80, 6, 0, 6, 0, 0, 10, 0]).status, STALL, "there is no device qualifier");
    host.submit(0, 0, 0, [0, 9, 1, 0, 0, 0, 0, 0], &[]);
    assert_eq!(host.reply(false).status, 0);
    let out = host.out(&VERSION);
    assert_eq!(host.reply(false), Reply { command: 3, seqnum: out, status: 0, actual: 6, data: Vec::new() });
    let want = host.want(64);
    let version = host.reply(true);
    assert_eq!((version.seqnum, version.status), (want, 0));
    assert_eq!(version.data, [0x29, 0x5B, 0x83, 0x04, 0x4B, 0x37]);
}

#[test]
fn an_in_waits_until_there_is_something() {
    let bench = Bench::new();
    let mut host = bench.import();
    let first = host.want(64);
    let (second, trace) = (host.want(64), host.submit(2, IN, 64, [0; 8], &[]));
    let out = host.out(&VERSION);
    assert_eq!(host.reply(false).seqnum, out);
    let reply = host.reply(true);
    assert_eq!((reply.seqnum, reply.data.len()), (first, 6));
    // Taken back, the others are not answered; what is over cannot be taken back.
    for (victim, status) in [(second, UNLINKED), (trace, UNLINKED), (first, 0), (9_999, 0)] {
        let unlink = host.unlink(victim);
        assert_eq!(host.reply(false), Reply { command: 4, seqnum: unlink, status, actual: 0, data: Vec::new() });
    }
    host.out(&VERSION);
    host.want(4);
    host.reply(false);
    assert_eq!(host.reply(true).data.len(), 4);
    host.want(64);
    assert_eq!(host.reply(true).data.len(), 2, "the rest of it");
}

#[test]
fn one_host_at_a_time() {
    let bench = Bench::new();
    let first = bench.import();
    let mut second = bench.dial();
    assert_eq!(second.try_import("1-1"), 2, "busy");
    assert_eq!(second.try_import("7-7"), 4, "no such device");
    drop(first);
    let mut tries = 0;
    while second.try_import("1-1") != 0 {
        tries += 1;
        assert!(tries < 200, "it never came free");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn hosts_that_do_wrong_end_nothing_but_themselves() {
    let bench = Bench::new();
    let before = {
        let mut host = bench.import();
        host.out(&VERSION);
        host.reply(false)
    };
    assert_eq!(before.status, 0);
    let wrong: [&[u8]; 4] = [
        &[0x01, 0x00, 0x80, 0x05, 0, 0, 0, 0],
        &[0x01, 0x11, 0x77, 0x77, 0, 0, 0, 0],
        &[0x01, 0x11, 0x80],
        &[0x01, 0x11, 0x80, 0x03, 0, 0, 0, 0, b'1'],
    ];
    for bytes in wrong {
        bench.dial().stream.write_all(bytes).unwrap();
    }
    let endings: [fn(&mut Host); 4] = [
        |host| host.stream.write_all(&[9; 48]).unwrap(),
        |host| {
            host.submit(1, 0, 0x7FFF_FFFF, [0; 8], &[]);
        },
        // Half of the data of a write.
        |host| {
            host.out(&[0xF2, 0x08, 0, 0, 0, 0x20, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            host.submit(1, 0, 64, [0; 8], &[1; 30]);
        },
        |host| {
            host.submit(1, IN, 64, [0; 8], &[]);
        },
    ];
    for ending in endings {
        let mut tries = 0;
        let mut host = loop {
            let mut host = bench.dial();
            if host.try_import("1-1") == 0 {
                host.take(312);
                break host;
            }
            tries += 1;
            assert!(tries < 200, "it never came free");
            std::thread::sleep(Duration::from_millis(10));
        };
        // What fits nowhere stalls; the device is still there.
        host.out(&[0; 40]);
        assert_eq!(host.reply(false).status, STALL);
        host.submit(5, IN, 64, [0; 8], &[]);
        assert_eq!(host.reply(true).status, STALL);
        ending(&mut host);
    }
    drop(bench.serve);
    assert!(bench.folder.path().join("esc.json").exists());
}

#[test]
fn what_a_host_writes_is_kept() {
    let bench = Bench::new();
    {
        let mut host = bench.import();
        let padded = |bytes: &[u8]| {
            let mut command = bytes.to_vec();
            command.resize(16, 0);
            command
        };
        let mut say = |bytes: &[u8], reply: bool| {
            host.out(&padded(bytes));
            assert_eq!(host.reply(false).status, 0);
            reply.then(|| {
                host.want(64);
                host.reply(true).data
            })
        };
        say(&[0xF2, 0x30, 0xA3], true);
        let mut write = |address: u32, value: u32| {
            let command = [&[0xF2, 0x35][..], &address.to_le_bytes(), &value.to_le_bytes()].concat();
            assert_eq!(say(&command, true), Some(vec![0x80, 0]));
        };
        write(0xE000_EDF0, 0xA05F_0003);
        write(0x4002_2004, 0x4567_0123);
        write(0x4002_2004, 0xCDEF_89AB);
        write(0x4002_2010, 1);
        // A half-word into flash.
        say(&[0xF2, 0x48, 0, 0, 0, 8, 2, 0], false);
        host.out(&[0x34, 0x12]);
        assert_eq!(host.reply(false).status, 0);
    }
    let state = bench.state();
    let mut tries = 0;
    loop {
        let text = std::fs::read_to_string(&state).unwrap_or_default();
        if text.contains("NBL/") {
            break;
        }
        tries += 1;
        assert!(tries < 500, "0x1234 is not in flash");
        std::thread::sleep(Duration::from_millis(10));
    }
}
