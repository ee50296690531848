//! gdb's protocol by hand: packets that no gdb sends, cut connections, and what must never be.

use crate::support::gdb::{self, PATIENCE, Serve};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

struct Client {
    stream: TcpStream,
    got: Vec<u8>,
}

fn packet(body: &[u8]) -> Vec<u8> {
    let sum = body.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    [b"$", body, format!("#{sum:02x}").as_bytes()].concat()
}

/// Without run lengths: `*` and a character say how often the one before comes again.
fn expand(body: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        match (byte, out.last(), bytes.clone().next()) {
            (b'*', Some(last), Some(times)) => {
                let (last, times) = (*last, usize::from(times - 29));
                out.extend(std::iter::repeat_n(last, times));
                bytes.next();
            }
            _ => out.push(*byte),
        }
    }
    out
}

impl Client {
    /// A connection that holds the probe.
    fn connect(serve: &Serve) -> Client {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let stream = TcpStream::connect(("127.0.0.1", serve.port)).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut client = Client { stream, got: Vec::new() };
            // One before may just be on its way out: then this one is cut.
            if client.stream.write_all(&packet(b"?")).is_ok()
                && client.reply().is_some_and(|reply| reply.starts_with(b"T05"))
            {
                return client;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("nobody got the probe");
    }

    fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The body of the next packet; none where the connection is cut.
    fn reply(&mut self) -> Option<Vec<u8>> {
        loop {
            let start = self.got.iter().position(|b| *b == b'$');
            let end = start.and_then(|s| self.got[s..].iter().position(|b| *b == b'#').map(|e| s + e));
            if let (Some(start), Some(end)) = (start, end)
                && self.got.len() >= end + 3
            {
                let whole: Vec<u8> = self.got.drain(..end + 3).collect();
                let body = &whole[start + 1..end];
                assert_eq!(packet(body), whole[start..], "its checksum");
                return Some(expand(body));
            }
            let mut bytes = [0; 1024];
            match self.stream.read(&mut bytes) {
                Ok(0) => return None,
                Ok(n) => self.got.extend(&bytes[..n]),
                Err(e) if matches!(e.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => return None,
                Err(e) => panic!("{e}: nothing came"),
            }
        }
    }

    /// What a packet is answered with.
    fn ask(&mut self, body: &str) -> String {
        self.send(&packet(body.as_bytes()));
        String::from_utf8_lossy(&self.reply().unwrap_or_else(|| panic!("cut after {body}"))).into_owned()
    }

    /// How the core stops after a packet; what is printed before is passed over.
    fn stops_after(&mut self, body: &str) -> String {
        let mut reply = self.ask(body);
        while reply.starts_with('O') {
            reply = String::from_utf8_lossy(&self.reply().expect("a stop")).into_owned();
        }
        reply
    }

    fn is_cut(&mut self) -> bool {
        while self.reply().is_some() {}
        true
    }
}

fn state() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("esc.json");
    (folder, path)
}

/// A client can do what clients do.
fn works(serve: &Serve) {
    let mut client = Client::connect(serve);
    assert_eq!(client.ask("me000ed00,4"), "00c20c41", "CPUID");
    assert_eq!(client.ask("D"), "OK");
}

#[test]
fn what_is_damaged_is_asked_for_again() {
    let (_folder, path) = state();
    let serve = Serve::start("F051", &path, &[]);
    let mut client = Client::connect(&serve);
    client.got.clear();
    client.send(b"$m20000000,4#00");
    let mut minus = [0; 1];
    client.stream.read_exact(&mut minus).unwrap();
    assert_eq!(minus, *b"-");
    let word = client.ask("m20000000,4");
    assert_eq!(word.len(), 8);
    // The reply got lost.
    client.send(b"-");
    assert_eq!(client.reply().unwrap(), word.as_bytes());
    client.send(b"+++garbage between packets+");
    assert_eq!(client.ask("m20000000,4"), word);
}

#[test]
fn packets_of_no_meaning_end_nothing_but_their_client() {
    let (_folder, path) = state();
    let serve = Serve::start("F051", &path, &[]);
    let mut client = Client::connect(&serve);
    // Unknown ones are answered with nothing.
    for unknown in ["", "yes", "qCRC:8000000,10", "vMustReplyEmpty", "Qnonsense", "\u{3c0}"] {
        assert_eq!(client.ask(unknown), "", "{unknown}");
    }
    // More memory than there is, or than fits.
    assert_eq!(client.ask("mffffffff,ffffffff"), "E16");
    assert_eq!(client.ask("m0,ffffffffffffffffff"), "E16");
    assert!(client.ask("mfffffffe,4").starts_with('E'));
    assert_eq!(client.ask("m20001ffe,8").len(), 4, "as far as there is");
    assert_eq!(client.ask("m70000000,4"), "E0e");
    assert!(client.ask("Mfffffffc,8:0000000000000000").starts_with('E'));
    // Registers that there are not, breakpoints of no kind.
    assert_eq!(client.ask("p99"), "");
    assert_eq!(client.ask("Z9,8000000,2"), "");
    assert!(client.ask("Z1,20000000,2").starts_with('E'), "out of the comparators' reach");
    assert!(client.ask("Z2,20000001,4").starts_with('E'), "not a multiple");
    assert!(client.ask("Z2,20000000,3").starts_with('E'));
    assert_eq!(client.ask("z1,8000000,2"), "E16", "there is none");
    // A packet without end.
    client.send(&[b"$".as_slice(), &[b'x'; 0x5000]].concat());
    assert!(client.is_cut());
    serve.waits_to_say("longer than");
    for nonsense in ["M8000000", "Z1,zz", "vFlashErase:", "m,,,", "Hx"] {
        let mut client = Client::connect(&serve);
        client.send(&packet(nonsense.as_bytes()));
        // It is refused, or the connection is cut; the next one is as good as new.
        let _ = client.reply();
        drop(client);
    }
    works(&serve);
}

#[test]
fn flash_is_written_by_load_alone() {
    let (_folder, path) = state();
    let full = gdb::built("STANDIN_DRYFLASH_F051_2.20_FULL.bin");
    let serve = Serve::start("F051", &path, &[full.to_str().unwrap()]);
    let mut client = Client::connect(&serve);
    let before = client.ask("m8000000,10");
    assert_eq!(client.ask("M8000000,4:00000000"), "E0d");
    assert_eq!(client.ask("M0,4:00000000"), "E0d", "nor through the alias");
    serve.waits_to_say("use `load`");
    // Without an erase, the flash refuses; outside of it, nobody takes it.
    assert_eq!(client.ask("vFlashWrite:8000000:abcd"), "OK");
    assert_eq!(client.ask("vFlashDone"), "E0d");
    assert!(serve.waits_to_say("0x08000000").contains("PGERR"));
    assert!(client.ask("vFlashErase:8008000,400").starts_with('E'));
    assert!(client.ask("vFlashErase:fffffc00,400").starts_with('E'));
    assert!(client.ask("vFlashWrite:8007ffe:abcd").starts_with('E'));
    assert_eq!(client.ask("m8000000,10"), before);
    // Pieces that share a half-word, out of order.
    assert_eq!(client.ask("vFlashErase:8007c00,400"), "OK");
    for piece in ["8007c03:wx", "8007c00:abc", "8007c10:z"] {
        assert_eq!(client.ask(&format!("vFlashWrite:{piece}")), "OK");
    }
    assert!(client.ask("vFlashWrite:8007c02:q").starts_with('E'), "sent before");
    assert_eq!(client.ask("vFlashDone"), "OK");
    assert_eq!(client.ask("m8007c00,6"), "6162637778ff");
    assert_eq!(client.ask("m8007c10,2"), "7aff");
}

#[test]
fn a_cut_connection_leaves_the_esc_as_it_was() {
    let (_folder, path) = state();
    let serve = Serve::start("F051", &path, &[]);
    let ram = |serve: &Serve| Client::connect(serve).ask("m20000200,10");
    let before = ram(&serve);
    let whole = packet(b"M20000200,4:deadbeef");
    for cut in 0..whole.len() {
        let mut client = Client::connect(&serve);
        client.send(&whole[..cut]);
        drop(client);
        assert_eq!(ram(&serve), before, "cut after {cut} bytes");
    }
    // In the middle of a load: what was erased stays erased, and nothing half-written comes later.
    let mut client = Client::connect(&serve);
    assert_eq!(client.ask("vFlashErase:8000000,400"), "OK");
    assert_eq!(client.ask("vFlashWrite:8000000:abcd"), "OK");
    drop(client);
    let mut client = Client::connect(&serve);
    assert_eq!(client.ask("vFlashDone"), "OK");
    assert_eq!(client.ask("m8000000,4"), "ffffffff");
}

#[test]
fn breakpoints_do_not_outlive_their_client() {
    let (_folder, path) = state();
    // A blank chip: no code changes SRAM.
    let serve = Serve::start("F051", &path, &[]);
    let mut client = Client::connect(&serve);
    assert_eq!(client.ask("Z1,80000c2,2"), "OK");
    assert_eq!(client.ask("Z0,20000100,2"), "OK");
    let hidden = client.ask("m20000100,2");
    assert_ne!(hidden, "00be");
    assert_eq!(client.ask("Z2,20000200,4"), "OK");
    drop(client);
    let mut client = Client::connect(&serve);
    assert_eq!(client.ask("m20000100,2"), hidden, "the code there is whole");
    assert_eq!(client.ask("me0002008,4"), "00000000", "FP_COMP0");
    assert_eq!(client.ask("me0001028,4"), "00000000", "DWT_FUNCTION0");
    assert_eq!(client.ask("me0001000,4"), "00000020", "DWT_CTRL: two comparators");
}

#[test]
fn ctrl_c_comes_at_any_time() {
    let (_folder, path) = state();
    let full = gdb::built("STANDIN_DRYFLASH_F051_2.20_FULL.bin");
    let serve = Serve::start("F051", &path, &[full.to_str().unwrap()]);
    let mut client = Client::connect(&serve);
    // While it stands, it means nothing.
    client.send(b"\x03\x03");
    assert_eq!(client.ask("vCont;s").get(..3), Some("S05"));
    for together in [false, true] {
        client.send(&packet(b"vCont;c"));
        if !together {
            std::thread::sleep(Duration::from_millis(50));
        }
        client.send(b"\x03");
        // On a quick machine two seconds of the chip's time may pass, and the app, without a signal, resets the chip: console
        // output tells of it.
        let stop = std::iter::from_fn(|| client.reply()).find(|reply| !reply.starts_with(b"O"));
        assert_eq!(stop.as_deref(), Some(&b"S02"[..]));
    }
    assert_eq!(client.ask("D"), "OK");
}

#[test]
fn once_ends_with_the_first_gdb() {
    let (_folder, path) = state();
    let mut serve = Serve::start("F031", &path, &["--once"]);
    let mut client = Client::connect(&serve);
    assert_eq!(client.ask("D"), "OK");
    serve.ends();
    assert!(path.exists());
}

#[test]
fn wrong_usage_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (address, word) in [("0.0.0.0:0", "--listen-anywhere"), (taken.as_str(), "cannot listen"), ("a port", "a port")]
    {
        let mut serve = std::process::Command::new(env!("CARGO_BIN_EXE_dryflash"));
        serve.args(["serve", "--part", "F051", "--tcp", "127.0.0.1:0", &format!("--gdb={address}")]);
        let output = serve.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{address}: {said}");
        assert!(said.contains(word), "{address}: {said}");
    }
}

/// For a core that stands still time does not pass; that is said once.
#[test]
fn a_core_that_stands_still_can_be_halted() {
    let (_folder, path) = state();
    let serve = Serve::start("G071", &path, &[]);
    let mut client = Client::connect(&serve);
    // wfi, with nothing that could wake it
    assert_eq!(client.ask("M20000100,4:30bffee7"), "OK");
    for (pc, word) in [(None, "ST's boot loader"), (Some("f=00010020"), "nothing will wake it")] {
        if let Some(pc) = pc {
            assert_eq!(client.ask("P10=00000001"), "OK");
            assert_eq!(client.ask(&format!("P{pc}")), "OK");
        }
        client.send(&packet(b"vCont;c"));
        serve.waits_to_say(word);
        std::thread::sleep(Duration::from_millis(100));
        client.send(b"\x03");
        let console = client.reply().unwrap();
        let text: Vec<u8> =
            console[1..].chunks(2).map(|h| u8::from_str_radix(str::from_utf8(h).unwrap(), 16).unwrap()).collect();
        assert!(console[0] == b'O' && String::from_utf8_lossy(&text).contains(word));
        assert_eq!(client.reply().unwrap(), b"S02", "{word}");
        assert!(serve.has_said().is_empty(), "once is enough");
    }
}

/// Whatever comes, nothing fails but the connection that it came by.
#[test]
fn any_packets_at_all() {
    let (_folder, path) = state();
    let full = gdb::built("STANDIN_DRYFLASH_F051_2.20_FULL.bin");
    let serve = Serve::start("F051", &path, &[full.to_str().unwrap()]);
    let start = prop::sample::select(vec![
        "g",
        "G",
        "m",
        "M",
        "X",
        "p",
        "P",
        "Z0",
        "Z1,",
        "Z2,",
        "z1,",
        "z3,",
        "?",
        "!",
        "H",
        "k",
        "D",
        "R",
        "s",
        "qRcmd,",
        "qSupported",
        "qXfer:features:read:",
        "qXfer:memory-map:read::",
        "vCont",
        "vCont;s",
        "vFlashErase:",
        "vFlashWrite:",
        "vFlashDone",
        "vRun",
        "vAttach;",
        "vKill;",
        "QStartNoAckMode",
        "qC",
        "T",
        "",
    ]);
    let rest = prop_oneof![
        "[0-9a-f,:;]{0,24}",
        prop::collection::vec(any::<u8>(), 0..24).prop_map(|b| b.iter().map(|b| char::from(b & 0x7F)).collect()),
    ];
    let one = (start, rest, any::<bool>()).prop_map(|(start, rest, right)| {
        let mut bytes = packet(format!("{start}{rest}").replace('#', "").as_bytes());
        if !right {
            bytes.pop();
        }
        bytes
    });
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let strategy = prop::collection::vec(one, 1..8);
    runner
        .run(&strategy, |packets| {
            let mut client = Client::connect(&serve);
            for bytes in packets {
                // A cut connection is an answer.
                if client.stream.write_all(&bytes).is_err() {
                    break;
                }
            }
            // All of it is read before the next comes.
            let _ = client.stream.shutdown(Shutdown::Write);
            prop_assert!(client.is_cut());
            Ok(())
        })
        .unwrap();
    works(&serve);
    assert!(serve.has_said().iter().all(|line| !line.contains("bug") && !line.contains("panicked")));
}

/// What gdb does goes into the recording as operations, and comes out once more.
#[test]
fn a_session_is_recorded_and_replayed() {
    let (folder, path) = state();
    let tape = folder.path().join("session.jsonl");
    let serve = Serve::start("F051", &path, &["--record", tape.to_str().unwrap()]);
    let mut client = Client::connect(&serve);
    assert_eq!(client.ask("vFlashErase:8000000,400"), "OK");
    // Stack and reset vector; `movs r0, #1; adds r0, #1; b` to the second.
    let piece = [&b"vFlashWrite:8000000:"[..], &[0, 4, 0, 0x20, 9, 0, 0, 8, 1, 0x20, 1, 0x30, 0xFD, 0xE7]].concat();
    client.send(&packet(&piece));
    assert_eq!(client.reply().unwrap(), b"OK");
    assert_eq!(client.ask("vFlashDone"), "OK");
    assert!(client.ask("vFlashErase:8000400,400").starts_with("OK"));
    assert_eq!(client.ask("M20000100,4:11223344"), "OK");
    assert_eq!(client.ask("m20000100,4"), "11223344");
    assert!(client.ask("M8000000,4:11223344").starts_with('E'), "flash takes no plain writes");
    // A blank chip was locked up: `monitor reset halt` starts it.
    client.send(&packet(b"qRcmd,72657365742068616c74"));
    while client.reply().unwrap() != b"OK" {}
    assert_eq!(client.ask("Pf=0a000008"), "OK", "the PC");
    assert_eq!(client.ask("P0=2a000000"), "OK");
    assert_eq!(client.ask("Z1,800000c,2"), "OK");
    assert!(client.stops_after("c").starts_with("T05"));
    assert_eq!(client.ask("p0"), "2b000000", "counted once");
    assert_eq!(client.stops_after("vCont;s:1"), "S05");
    assert_eq!(client.ask("pf"), "0a000008", "and gone round");
    assert_eq!(client.ask("D"), "OK");
    serve.end();

    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_dryflash"))
            .arg("replay")
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (text, output.status.code())
    };
    let (text, code) = run(&["--strict", "--state", "again.json", "--keep", "session.jsonl"]);
    assert_eq!(code, Some(0), "{text}");
    for told in [
        "on an STM32F051K6, by gdb",
        "gdb attaches",
        "erases pages 0 to 1",
        "programs 0x08000000..0x0800000D",
        "sets breakpoints at 0x0800000C",
        "lets the core run",
        "single steps",
        "gdb detaches",
        "no reply differs",
        "flash and option bytes end as recorded",
    ] {
        assert!(text.contains(told), "{told}\n{text}");
    }
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("again.json"), read("esc.json"), "the same ESC at the end");
    for strength in [&[][..], &["--effects"]] {
        let (text, code) = run(&[strength, &["session.jsonl"]].concat());
        assert_eq!(code, Some(0), "{text}");
    }

    let lines = read("session.jsonl");
    assert!(lines.starts_with(r#"{"format":"dryflash-recording","version":2,"#), "{lines}");
    assert!(lines.lines().skip(1).all(|line| line.contains(r#""by":"gdb""#)), "{lines}");
    // One byte less is programmed: the end is another, and a later read tells.
    let changed = lines.replacen("01200130fde7", "01200230fde7", 1);
    assert_ne!(changed, lines);
    std::fs::write(folder.path().join("changed.jsonl"), changed).unwrap();
    let (text, code) = run(&["changed.jsonl"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("recorded: read register r0 -> 0x0000002B"), "{text}");
    assert!(text.contains("replayed: read register r0 -> 0x0000002C"), "{text}");

    let (text, code) = run(&["--decode", "session.jsonl"]);
    assert!(code == Some(0) && text.contains("gdb attaches"), "{text}");
    assert!(text.contains("write 0x20000100 <- 0x44332211"), "{text}");
    let (text, code) = run(&["--to", "pcap", "-o", "session.pcap", "session.jsonl"]);
    assert!(code == Some(2) && text.contains("what gdb did is no ST-LINK command"), "{text}");
    assert_eq!(run(&["--to", "jsonl", "-o", "again.jsonl", "session.jsonl"]).1, Some(0));
    assert_eq!(read("again.jsonl"), lines);
}
