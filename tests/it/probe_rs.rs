//! An unmodified probe-rs at the virtual ESC, on three parts. Opt-in: it is no package of Debian's, and long to build.
//! `DRYFLASH_PROBE_RS=path/to/probe-rs cargo test --test it probe_rs::`; cargo-flash and cargo-embed lie beside it.

use crate::support::clients::{self, APP, BENCHES, Bench, FLASH, built, starts};
use crate::support::serve::Serve;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where probe-rs is; none where nobody says so.
fn probe_rs() -> Option<PathBuf> {
    std::env::var_os("DRYFLASH_PROBE_RS").map(PathBuf::from)
}

fn chip(bench: Bench) -> &'static str {
    match bench.part {
        "F031" => "STM32F031K6",
        "F051" => "STM32F051K6",
        _ => "STM32G071KB",
    }
}

/// A command on the ESC in `esc.json`: what it printed, and its code. For a page probe-rs waits 100 ms by the clock,
/// which a busy machine may need for an unoptimised dryflash: then it is tried again, on an ESC as it was.
fn patiently(folder: &Path, mut command: Command) -> (String, i32) {
    let (state, recording) = (folder.join("esc.json"), folder.join("session.jsonl"));
    let before = std::fs::read(&state).ok();
    command.current_dir(folder).env("RUST_BACKTRACE", "0").env("NO_COLOR", "1");
    for _ in 0..20 {
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        if output.status.success() || !text.contains("A timeout occurred") {
            return (text, output.status.code().unwrap());
        }
        let _ = std::fs::remove_file(&recording);
        match &before {
            Some(bytes) => std::fs::write(&state, bytes).unwrap(),
            None => std::fs::remove_file(&state).unwrap(),
        }
    }
    panic!("probe-rs's time is never enough here: {command:?}");
}

/// Some other ESC's probe, which it must not look for: what the surroundings say of probes is not heard.
fn probe_rs_with(bench: Bench, folder: &Path, more: &[&str], words: &[&str]) -> (String, i32) {
    let client = probe_rs().unwrap();
    let mut dryflash = Command::new(env!("CARGO_BIN_EXE_dryflash"));
    dryflash.args(["with", "--part", bench.part, "--state", "esc.json"]).args(more).arg("--").arg(client);
    let (verb, rest) = words.split_first().unwrap();
    dryflash.arg(verb).args(["--chip", chip(bench)]).args(rest).env("PROBE_RS_PROBE", "0483:374b");
    patiently(folder, dryflash)
}

#[test]
fn probe_rs_flashes_an_esc_that_starts() {
    if probe_rs().is_none() {
        return;
    }
    for bench in BENCHES {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("esc.json");
        let run = |more: &[&str], words: &[&str]| {
            let (text, code) = probe_rs_with(bench, folder.path(), more, words);
            assert_eq!(code, 0, "{}: {words:?}\n{text}", bench.part);
            text
        };
        let cells = || bench.chip(&state).board.flash.cells().bytes(FLASH, bench.size());
        let full = built(bench.full);
        let binary = ["--binary-format", "bin", "--base-address", "0x08000000", full.to_str().unwrap()];
        run(&["--record", "session.jsonl"], &[&["download", "--verify"], &binary[..]].concat());
        assert!(cells() == std::fs::read(&full).unwrap(), "{}", bench.part);
        assert!(starts(&state), "{}", bench.part);
        // On a blank ESC the session is the same once more.
        let replay = Command::new(env!("CARGO_BIN_EXE_dryflash"))
            .args(["replay", "--strict", "session.jsonl"])
            .current_dir(&folder)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&replay.stdout).into_owned();
        assert_eq!(replay.status.code(), Some(0), "{}\n{text}", bench.part);
        assert!(text.contains("programs 0x08000000"), "{text}");

        run(&[], &[&["verify"], &binary[..]].concat());
        let words = run(&[], &["read", "b32", "0x08000000", "4"]);
        let expected: Vec<String> = std::fs::read(&full).unwrap()[..16]
            .chunks(4)
            .map(|w| format!("{:08x}", u32::from_le_bytes(w.try_into().unwrap())))
            .collect();
        assert!(words.to_lowercase().contains(&expected.join(" ")), "{}: {expected:?}\n{words}", bench.part);
        run(&[], &["reset"]);
        assert!(starts(&state), "{}", bench.part);
        // One file alone replaces its pages and no other.
        let app = built(bench.app);
        let app = ["--binary-format", "bin", "--base-address", &format!("0x{APP:08x}"), app.to_str().unwrap()];
        run(&[], &[&["download", "--verify"], &app[..]].concat());
        assert!(starts(&state), "{}", bench.part);
        run(&[], &["erase"]);
        assert!(cells().iter().all(|b| *b == 0xFF), "{}", bench.part);
        // What is not there any more does not verify, with which probe-rs 0.32 ends with 0.
        let text = run(&[], &[&["verify"], &binary[..]].concat());
        assert!(text.contains("contents do not match"), "{}\n{text}", bench.part);
        // What fails hands its code on.
        let (text, code) = probe_rs_with(bench, folder.path(), &[], &["download", "there-is-no-such-file.elf"]);
        assert_eq!(code, 1, "{}\n{text}", bench.part);
    }
}

/// A command at the ESC in `esc.json`, with probe-rs's folder before all others. What it printed, and its code.
fn with(bench: Bench, folder: &Path, words: &[&str]) -> (String, i32) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let first = probe_rs().unwrap().canonicalize().unwrap().parent().unwrap().to_owned();
    let path = std::env::join_paths(std::iter::once(first).chain(std::env::split_paths(&path))).unwrap();
    let mut dryflash = Command::new(env!("CARGO_BIN_EXE_dryflash"));
    dryflash.args(["with", "--part", bench.part, "--state", "esc.json", "--"]).args(words).env("PATH", path);
    patiently(folder, dryflash)
}

/// What the chip is, as probe-rs finds it by itself: by the tables behind its access port.
#[test]
fn probe_rs_finds_out_what_it_is() {
    if probe_rs().is_none() {
        return;
    }
    for bench in BENCHES {
        let folder = tempfile::tempdir().unwrap();
        bench.factory(&folder.path().join("esc.json"), |f| f);
        let (text, code) = with(bench, folder.path(), &["probe-rs", "info", "--protocol", "swd", "--verbose"]);
        assert_eq!(code, 0, "{}\n{text}", bench.part);
        // One access port, with ST's table behind it, and on a G0 ARM's behind that.
        assert_eq!(text.matches("MemoryAP (AmbaAhb3)").count(), 1, "{text}");
        let tables = match bench.is_g0() {
            false => &["0xe00ff000 ROM Table (Class 1), Designer: STMicroelectronics"][..],
            true => &[
                "0xf0000000 ROM Table (Class 1), Designer: STMicroelectronics",
                "0xe00ff000 ROM Table (Class 1), Designer: ARM Ltd",
            ],
        };
        for table in tables {
            assert!(text.contains(table), "{}: {table}\n{text}", bench.part);
        }
        assert!(!text.contains("anicked") && !text.contains("rror while"), "{}\n{text}", bench.part);
        // Probes that are given by their place are in no list: this is said, instead of something of libusb.
        let (text, code) = with(bench, folder.path(), &["probe-rs", "list"]);
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("No debug probes were found"), "{text}");
        assert!(text.contains("is in no list") && !text.contains("libusb"), "{text}");
    }
}

#[test]
fn a_script_and_cargos_own_words_reach_it_too() {
    if probe_rs().is_none() {
        return;
    }
    for bench in BENCHES {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("esc.json");
        let full = built(bench.full);
        let cells = || bench.chip(&state).board.flash.cells().bytes(FLASH, bench.size());
        let script = format!(
            "set -e\nprobe-rs download --chip {0} --binary-format bin --base-address 0x08000000 {1}\nprobe-rs reset --chip {0}\n",
            chip(bench),
            full.display()
        );
        std::fs::write(folder.path().join("steps.sh"), script).unwrap();
        let (text, code) = with(bench, folder.path(), &["sh", "steps.sh"]);
        assert_eq!(code, 0, "{}\n{text}", bench.part);
        assert!(cells() == std::fs::read(&full).unwrap(), "{}\n{text}", bench.part);
        assert!(starts(&state), "{}", bench.part);

        // cargo-flash, of a hex file, over what is there already: page by page to flash's end, and all at once.
        bench.factory(&state, |f| f);
        let hex = full.with_extension("hex");
        let hex = ["--binary-format", "hex", "--path", hex.to_str().unwrap()];
        for more in [&[][..], &["--chip-erase"]] {
            let flash = [&["cargo-flash", "--chip", chip(bench)], &hex[..], more].concat();
            let (text, code) = with(bench, folder.path(), &flash);
            assert_eq!(code, 0, "{}\n{text}", bench.part);
            assert!(cells() == std::fs::read(&full).unwrap(), "{}\n{text}", bench.part);
        }
    }
    // cargo-embed, and both of them with what cargo builds, which is an ELF.
    let bench = BENCHES[1];
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("esc.json");
    bench.factory(&state, |f| f);
    let before = bench.chip(&state).board.flash.cells().bytes(FLASH, bench.size());
    let elf = built("STANDIN_DRYFLASH_F051_2.20.elf");
    for name in ["cargo-embed", "cargo-flash"] {
        let words = [name, "--chip", chip(bench), "--path", elf.to_str().unwrap()];
        let (text, code) = with(bench, folder.path(), &words);
        assert_eq!(code, 0, "{name}\n{text}");
        assert!(text.contains("written again with the same bytes"), "{name}\n{text}");
        let after = bench.chip(&state).board.flash.cells().bytes(FLASH, bench.size());
        assert!(after == before, "{name}: the same app is there once more\n{text}");
        assert!(starts(&state), "{name}");
    }
}

/// Ended when dropped.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn gdb_debugs_through_probe_rss_server() {
    let Some(client) = probe_rs() else { return };
    if !clients::is_there("gdb-multiarch") {
        return;
    }
    for bench in BENCHES {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("esc.json");
        bench.factory(&state, |f| f);
        let serve = Serve::with(bench.part, &state, &["--glasgow=127.0.0.1:0"]);
        let probe = format!("20b7:9db1:tcp:{}", serve.said("20b7:9db1:tcp:", '\n'));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let place = format!("127.0.0.1:{port}");
        let mut server = Command::new(&client);
        server.args(["gdb", "--chip", chip(bench), "--gdb-connection-string", &place]).env("PROBE_RS_PROBE", probe);
        let _server = Ending(server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let start = Instant::now();
        while std::net::TcpListener::bind(&place).is_ok() {
            assert!(start.elapsed() < Duration::from_secs(30), "{}: no server", bench.part);
            std::thread::sleep(Duration::from_millis(50));
        }
        let commands = [
            &format!("target extended-remote {place}"),
            "monitor reset halt",
            // gdb does not know that it was reset.
            "maintenance flush register-cache",
            "printf \"PC %#x\\n\", $pc",
            "stepi",
            "printf \"WORD %#x\\n\", *(unsigned*)0x08000004",
            "detach",
        ];
        let mut gdb = Command::new("gdb-multiarch");
        gdb.args(["-nx", "-batch", "-ex", "set architecture armv6-m"]);
        for command in commands {
            gdb.args(["-ex", command]);
        }
        let output = gdb.output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let image = std::fs::read(built(bench.full)).unwrap();
        let reset = u32::from_le_bytes(image[4..8].try_into().unwrap());
        assert!(text.contains(&format!("PC {:#x}", reset & !1)), "{}\n{text}", bench.part);
        assert!(text.contains(&format!("WORD {reset:#x}")), "{}\n{text}", bench.part);
    }
}
