//! Sessions of real clients, recorded and replayed: on a fresh ESC no reply differs. They are made anew here each time;
//! what a client loads into SRAM is its own.

use crate::support::clients::{BENCHES, Bench, FLASH, built, is_there};
use crate::support::{openocd, stlink};
use dryflash::probe::recording::{Entry, Exchange, Header, Recording};
use dryflash::probe::stlink::command::padded;
use std::path::Path;
use std::process::{Command, Output};

/// One session: its command, where its client is there.
fn sessions(bench: Bench) -> Vec<(String, Vec<String>)> {
    let full = built(bench.full).display().to_string();
    let base = format!("0x{FLASH:08x}");
    let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    let program =
        format!("gdb_port disabled; tcl_port disabled; telnet_port disabled; program {full} {base} verify reset exit");
    let mut all = Vec::new();
    for tools in stlink::tools() {
        let (client, name) = (tools.program.to_str().unwrap(), format!("st-flash {}", tools.version.number()));
        all.push((name.clone(), words(&[client, "--reset", "write", &full, &base])));
        let read = ["--connect-under-reset", "read", "/dev/null", &base, "0x800"];
        all.push((name + ", under reset", words(&[&[client], &read[..]].concat())));
    }
    for driver in openocd::drivers() {
        let client = driver.program().into_string().unwrap();
        let command = [&client, "-f", driver.interface(), "-f", bench.config, "-c", &program];
        all.push((format!("openocd, {driver:?}"), words(&command)));
    }
    all
}

fn dryflash(arguments: &[&str], folder: &Path) -> (String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_dryflash")).args(arguments).current_dir(folder).output();
    let output: Output = output.expect("dryflash starts");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (text, output.status.code().expect("an exit code"))
}

/// Records a session into `session.jsonl`.
fn record(bench: Bench, command: &[String], more: &[&str], folder: &Path) {
    let with = ["with", "--part", bench.part, "--record", "session.jsonl"];
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let (text, code) = dryflash(&[&with, more, &["--"], &command].concat(), folder);
    assert_eq!(code, 0, "{}: {command:?}\n{text}", bench.part);
}

#[test]
fn no_reply_differs() {
    for bench in BENCHES {
        for (name, command) in sessions(bench) {
            let folder = tempfile::tempdir().unwrap();
            record(bench, &command, &[], folder.path());
            for strength in [&["--strict"][..], &[], &["--effects"]] {
                let (text, code) = dryflash(&[&["replay"], strength, &["session.jsonl"]].concat(), folder.path());
                assert_eq!(code, 0, "{}, {name}\n{text}", bench.part);
                assert!(text.contains("no reply differs"), "{text}");
                assert!(text.contains("flash and option bytes end as recorded"), "{text}");
            }
            as_a_capture(folder.path(), &name);
        }
    }
}

/// The session as a pcap and back.
fn as_a_capture(folder: &Path, name: &str) {
    let run = |arguments: &[&str]| {
        let (text, code) = dryflash(&[&["replay"], arguments].concat(), folder);
        assert_eq!(code, 0, "{name}: {arguments:?}\n{text}");
    };
    run(&["--to", "pcap", "-o", "session.pcap", "session.jsonl"]);
    run(&["--strict", "session.pcap"]);
    run(&["--to", "jsonl", "-o", "again.jsonl", "session.pcap"]);
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    assert!(read("session.jsonl") == read("again.jsonl"), "{name}");
    if is_there("tshark") {
        let fields = ["-T", "fields", "-e", "usb.transfer_type", "-e", "_ws.malformed"];
        let output =
            Command::new("tshark").args(["-r", "session.pcap"]).args(fields).current_dir(folder).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let bulk = text.lines().filter(|l| l.starts_with("0x03")).count();
        let commands = Recording::from_jsonl(&read("session.jsonl")).unwrap().entries.len();
        assert!(output.status.success() && bulk >= 2 * commands, "{name}: {bulk} packets of {commands} commands");
        assert!(text.lines().all(|l| l.trim_end().split('\t').count() == 1), "{name}: malformed packets");
    }
}

/// Sessions of `dryflash st-flash`, kept with the project: what they did once, they do still.
#[test]
fn kept_sessions_come_out_as_they_did() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let (text, code) = dryflash(&["replay", "--strict", &name], &folder);
        assert_eq!(code, 0, "{name}\n{text}");
        assert!(text.contains("flash and option bytes end as recorded"), "{name}\n{text}");
        count += 1;
    }
    assert!(count >= 4, "{count} recordings");
}

#[test]
fn a_script_is_carried_out_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let line =
        |name: &str, rest: &str| format!("st-flash --format='binary' write '{}' {rest}\n", built(name).display());
    let (bench, state) = (BENCHES[1], ["--state", "esc.json"]);
    let script = [line(bench.bootloader, "0x08000000"), line(bench.app, "0x08001000")].concat();
    let script = format!("#!/bin/sh\nset -e\n{script}");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("steps.sh", &format!("{script}{}", line(bench.eeprom.0, "0x08007c00")));
    let (text, code) = dryflash(&[&["replay", "--boot"], &state[..], &["steps.sh"]].concat(), folder.path());
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("This ESC would start."), "{text}");
    // Without the settings it does not start, which is told by the exit code.
    write("two.sh", &script);
    let (text, code) = dryflash(&["replay", "--boot", "two.sh"], folder.path());
    assert_eq!(code, 1, "{text}");
    // What fails ends it after `set -e`.
    write("wrong.sh", &format!("set -e\nst-flash write no-such-file.bin 0x08000000\n{script}"));
    let (text, code) = dryflash(&["replay", "--part", "F051", "wrong.sh"], folder.path());
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("no-such-file.bin") && text.contains("3 commands are left undone"), "{text}");
    // What needs a shell is refused with its line.
    write("shell.sh", "set -e\nfor f in *.bin; do st-flash write $f 0x08000000; done\n");
    let (text, code) = dryflash(&["replay", "--part", "F051", "shell.sh"], folder.path());
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("line 2") && text.contains("dryflash with -- sh"), "{text}");
    let (text, code) = dryflash(&["replay", "--format", "json", "--part", "F051", "steps.sh"], folder.path());
    let report: serde_json::Value = serde_json::from_str(text.trim_start_matches(|c| c != '{')).unwrap();
    assert_eq!((code, report["lines"].as_array().unwrap().len()), (0, 4), "{text}");
}

#[test]
fn another_esc_gives_other_replies() {
    let bench = BENCHES[1];
    let Some((_, command)) = sessions(bench).into_iter().next() else { return };
    let folder = tempfile::tempdir().unwrap();
    record(bench, &command, &[], folder.path());
    let (text, code) = dryflash(&["replay", "--part", "F031", "session.jsonl"], folder.path());
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("the session was with an STM32F051K6") && text.contains("DBGMCU"), "{text}");
    // A byte of what was read back from flash.
    let path = folder.path().join("session.jsonl");
    let mut recording = Recording::from_jsonl(&std::fs::read(&path).unwrap()).unwrap();
    let exchanges = recording.entries.iter_mut().filter_map(|entry| match entry {
        Entry::Exchange(exchange) => Some(exchange),
        Entry::Operation(_) => None,
    });
    let read = exchanges.rev().find(|e| e.command[..2] == [0xF2, 0x07] && e.reply.len() > 256).unwrap();
    read.reply[17] ^= 1;
    std::fs::write(folder.path().join("other.jsonl"), recording.to_jsonl()).unwrap();
    for strength in [&["--strict"][..], &[], &["--effects"]] {
        let (text, code) = dryflash(&[&["replay"], strength, &["other.jsonl"]].concat(), folder.path());
        assert_eq!(code, 1, "{text}");
        assert!(text.contains("from byte 17 on") && text.contains("1 of"), "{text}");
    }
}

#[test]
fn a_session_on_a_filled_esc_replays_on_the_files() {
    let bench = BENCHES[1];
    let folder = tempfile::tempdir().unwrap();
    let (full, eeprom) = (built(bench.full).display().to_string(), built(bench.eeprom.0).display().to_string());
    let prepared = ["st-flash", "--part", "F051", "--state", "esc.json"];
    let (text, code) = dryflash(&[&prepared[..], &["write", &full, "0x08000000"]].concat(), folder.path());
    assert_eq!(code, 0, "{text}");
    let session = ["--record", "session.jsonl", "write", &eeprom, "0x08007c00"];
    let (text, code) = dryflash(&[&prepared[..], &session].concat(), folder.path());
    assert_eq!(code, 0, "{text}");
    let (text, code) = dryflash(&["replay", "session.jsonl"], folder.path());
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("name the files that it held behind the recording"), "{text}");
    let at = format!("{full}@0x08000000");
    for _ in 0..2 {
        let (text, code) = dryflash(&["replay", "--strict", "session.jsonl", &at], folder.path());
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("no reply differs") && !text.contains("held something else"), "{text}");
    }
    // Lines of st-flash begin on them as well.
    let line = format!("st-flash write {eeprom} 0x08007c00\n");
    std::fs::write(folder.path().join("steps.sh"), line).unwrap();
    let (text, code) = dryflash(&["replay", "--part", "F051", "--boot", "steps.sh", &at], folder.path());
    assert_eq!(code, 0, "{text}");
    let (text, code) = dryflash(&["replay", "--decode", "session.jsonl", &at], folder.path());
    assert_eq!(code, 2, "{text}");
}

/// A recording of commands, each with its reply.
fn recording(exchanges: &[(&[u8], &[u8])]) -> Vec<u8> {
    let exchange = |(command, reply): &(&[u8], &[u8])| Exchange {
        at: 0,
        command: padded(command),
        data: Vec::new(),
        reply: reply.to_vec(),
        packet: None,
    };
    Recording::of(Header::default(), exchanges.iter().map(exchange).collect(), Vec::new()).to_jsonl()
}

const ENTER: (&[u8], &[u8]) = (&[0xF2, 0x30, 0xA3], &[0x80, 0]);

/// A client that was called by its path stands so in the recording, which is a recording all the same.
#[test]
fn a_client_may_have_been_called_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = String::from_utf8(recording(&[ENTER])).unwrap();
    let named = bytes.replacen("\"format\"", "\"client\":\"/usr/bin/st-flash reset\",\"format\"", 1);
    assert_ne!(named, bytes);
    std::fs::write(folder.path().join("s.jsonl"), named).unwrap();
    let (text, code) = dryflash(&["replay", "--strict", "--part", "F051", "s.jsonl"], folder.path());
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("no reply differs"), "{text}");
}

/// An STM32L1, by what an ST-LINK reads of it.
#[test]
fn a_foreign_chip_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let cpuid = (&[0xF2, 0x36, 0x00, 0xED, 0x00, 0xE0][..], &[0x80, 0, 0, 0, 0x30, 0xC2, 0x2F, 0x41][..]);
    let idcode = (&[0xF2, 0x36, 0x00, 0x20, 0x04, 0xE0][..], &[0x80, 0, 0, 0, 0x16, 0x64, 0x18, 0x10][..]);
    std::fs::write(folder.path().join("l1.jsonl"), recording(&[ENTER, cpuid, idcode])).unwrap();
    let told = "not one of our parts: CPUID 0x412FC230, IDCODE 0x10186416 at 0xE0042000";
    let (text, code) = dryflash(&["replay", "l1.jsonl"], folder.path());
    assert!(code == 2 && text.contains(told), "{text}");
    let (text, code) = dryflash(&["replay", "--part", "F051", "l1.jsonl"], folder.path());
    assert!(code == 1 && text.contains(told), "{text}");
    // One that tells nothing is none of these.
    std::fs::write(folder.path().join("mute.jsonl"), recording(&[ENTER])).unwrap();
    let (text, code) = dryflash(&["replay", "mute.jsonl"], folder.path());
    assert!(code == 2 && text.contains("does not tell the part"), "{text}");
}

/// DHCSR's sticky bits clear when they are read: to wait for them is to lose them.
#[test]
fn what_reading_clears_is_told_as_it_was_and_equal_words_with_their_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let halt = (&[0xF2, 0x35, 0xF0, 0xED, 0x00, 0xE0, 0x03, 0x00, 0x5F, 0xA0][..], &[0x80, 0][..]);
    // S_RETIRE_ST and S_RESET_ST: on a fresh chip that is halted only the latter can differ from what is recorded.
    let status = |top| -> Vec<u8> { vec![0x80, 0, 0, 0, 0x03, 0x00, 0x03, top] };
    let read = [0xF2, 0x36, 0xF0, 0xED, 0x00, 0xE0];
    let run = |top: u8| {
        let status = status(top);
        let bytes = recording(&[ENTER, halt, (&read, &status), (&[0xF2, 0x42], &[0, 0])]);
        std::fs::write(folder.path().join("s.jsonl"), bytes).unwrap();
        dryflash(&["replay", "--format", "json", "--part", "F051", "s.jsonl"], folder.path())
    };
    let (text, _) = run(0x00);
    let report: serde_json::Value = serde_json::from_str(text.trim_start_matches(|c| c != '{')).unwrap();
    let told = report["replayed"]["divergences"][0]["replayed"].as_str().unwrap();
    let first = u8::from_str_radix(&told.rsplit("0x").next().unwrap()[..2], 16).unwrap();
    assert!(first & 0x02 != 0, "the first answer: {told}");
    assert_eq!(report["replayed"]["extra_polls"], 0, "{text}");
    assert_eq!(run(first).1, 0);
    // The words of these are equal: the bytes are told.
    let bytes = recording(&[ENTER, halt, (&[0xF2, 0x3A], &[0x80, 0, 0, 0, 0xDE, 0xAD, 0xBE, 0xEF])]);
    std::fs::write(folder.path().join("r.jsonl"), bytes).unwrap();
    let (text, code) = dryflash(&["replay", "--part", "F051", "r.jsonl"], folder.path());
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("recorded: read all registers, bytes 80000000deadbeef"), "{text}");
    assert!(text.contains("replayed: read all registers, bytes 80000000"), "{text}");
}

#[test]
fn one_that_was_never_finished_is_refused() {
    let bench = BENCHES[1];
    let Some((_, command)) = sessions(bench).into_iter().next() else { return };
    let folder = tempfile::tempdir().unwrap();
    record(bench, &command, &[], folder.path());
    let path = folder.path().join("session.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("\"ends_with\":\"").unwrap();
    let cut = format!("{before}\"ends_with\":\"----------------{}", &rest[16..]);
    std::fs::write(&path, cut).unwrap();
    let (text, code) = dryflash(&["replay", "session.jsonl"], folder.path());
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("was never finished") && text.contains("--partial"), "{text}");
    let (text, code) = dryflash(&["replay", "--partial", "session.jsonl"], folder.path());
    assert_eq!(code, 0, "{text}");
    // A recording that is there is not overwritten.
    let with = ["with", "--part", "F051", "--record", "session.jsonl", "--", "st-info", "--probe"];
    let (text, code) = dryflash(&with, folder.path());
    assert_eq!(code, 125, "{text}");
    assert!(text.contains("session.jsonl exists; --force replaces it"), "{text}");
}

#[test]
fn the_story_is_told() {
    let bench = BENCHES[1];
    if !is_there("st-flash") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let app = built(bench.app).display().to_string();
    let command = ["st-flash", "write", &app, "0x08001000"].map(str::to_owned);
    record(bench, &command, &[], folder.path());
    let (text, code) = dryflash(&["replay", "--format", "json", "session.jsonl"], folder.path());
    assert_eq!(code, 0, "{text}");
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let story: Vec<&str> =
        report["story"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect();
    let expected = [
        "connects over SWD",
        "halts the core",
        "unlocks the flash",
        "erases pages 4 to 30",
        "puts code and data into SRAM at 0x20000000..0x2000044B",
        "lets the core run",
        "programs 0x08001000..0x08007BFF by code on the chip in SRAM at 0x20000000",
        "reads back 0x08001000..0x08007BFF",
        "leaves debug mode",
    ];
    assert_eq!(story, expected);
    let (text, code) = dryflash(&["replay", "--decode", "session.jsonl"], folder.path());
    assert_eq!(code, 0);
    assert!(text.contains("write 0x40022010 FLASH CR <- 0x00000042"), "{text}");
    assert_eq!(
        text.lines().count(),
        Recording::from_jsonl(&std::fs::read(folder.path().join("session.jsonl")).unwrap()).unwrap().entries.len()
    );
}

#[test]
fn a_replay_leaves_the_state_that_it_begins_with_unless_it_is_to_keep_it() {
    let folder = tempfile::tempdir().unwrap();
    let bench = BENCHES[1];
    let line = ["st-flash", "--part", bench.part, "--state", "esc.json"];
    let write = ["write", &built(bench.eeprom.0).display().to_string(), "0x08007c00"].map(str::to_owned);
    let write: Vec<&str> = write.iter().map(String::as_str).collect();
    let (text, code) = dryflash(&[&line[..], &["reset"]].concat(), folder.path());
    assert_eq!(code, 0, "{text}");
    let before = std::fs::read(folder.path().join("esc.json")).unwrap();
    std::fs::copy(folder.path().join("esc.json"), folder.path().join("start.json")).unwrap();
    let (text, code) = dryflash(&[&line[..], &["--record", "session.jsonl"], &write].concat(), folder.path());
    assert_eq!(code, 0, "{text}");
    for _ in 0..2 {
        let (text, code) = dryflash(&["replay", "--strict", "--state", "start.json", "session.jsonl"], folder.path());
        assert_eq!(code, 0, "{text}");
        assert_eq!(std::fs::read(folder.path().join("start.json")).unwrap(), before);
    }
    let (text, code) = dryflash(&["replay", "--state", "none.json", "session.jsonl"], folder.path());
    assert!(code == 2 && text.contains("none.json: there is no such state") && text.contains("--keep"), "{text}");
    let (text, code) = dryflash(&["replay", "--keep", "--state", "start.json", "session.jsonl"], folder.path());
    assert_eq!(code, 0, "{text}");
    let now = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert_eq!(now("start.json"), now("esc.json"));
    // Nor is a recording replaced by what it is converted to.
    let convert = ["replay", "--to", "pcap", "--force", "-o", "session.jsonl", "session.jsonl"];
    let (text, code) = dryflash(&convert, folder.path());
    assert!(code == 2 && text.contains("give another name"), "{text}");
}
