//! Debian's own gdb, unmodified, at `dryflash serve --gdb`, on three parts.

use crate::support::gdb::{self, Serve, built};
use dryflash::chip::Chip;
use dryflash::esc::{Options, PowerUp, StateFile, check};
use dryflash::flash::Factory;
use dryflash::part;
use dryflash::wire::Level;
use std::path::Path;

#[derive(Clone, Copy, Debug)]
struct Bench {
    part: &'static str,
    full: &'static str,
    image: &'static str,
    /// Where the settings stand.
    eeprom: u32,
}

const BENCHES: [Bench; 3] = [
    Bench {
        part: "F031",
        full: "STANDIN_DRYFLASH_F031_2.20_FULL.hex",
        image: "STANDIN_DRYFLASH_F031_2.20_FULL.bin",
        eeprom: 0x0800_7C00,
    },
    Bench {
        part: "F051",
        full: "STANDIN_DRYFLASH_F051_2.20_FULL.hex",
        image: "STANDIN_DRYFLASH_F051_2.20_FULL.bin",
        eeprom: 0x0800_7C00,
    },
    Bench {
        part: "G071",
        full: "STANDIN_DRYFLASH_G071_128K_2.20_FULL.hex",
        image: "STANDIN_DRYFLASH_G071_128K_2.20_FULL.bin",
        eeprom: 0x0801_F800,
    },
];

/// Every part; none, and a word about it, where gdb is missing and that is allowed.
fn every_bench() -> Vec<Bench> {
    if gdb::is_installed() { BENCHES.to_vec() } else { Vec::new() }
}

impl Bench {
    /// A state file of an ESC that left the factory whole.
    fn whole(&self, state: &Path, change: impl FnOnce(Factory) -> Factory) {
        let part = part::find(self.part).unwrap();
        let mut chip = Chip::new(&part, 1).unwrap();
        let image = std::fs::read(built(self.image)).unwrap();
        let factory = Factory::of(chip.board.flash.as_ref(), part.flash.wrp_pages);
        let factory = change(factory.cells(part.flash.base, &image).unwrap());
        factory.install(chip.board.flash.as_mut()).unwrap();
        StateFile::open(state).unwrap().save(&chip).unwrap();
    }

    /// The word at an address of the image.
    fn word(&self, address: u32) -> u32 {
        let image = std::fs::read(built(self.image)).unwrap();
        let at = (address - 0x0800_0000) as usize;
        u32::from_le_bytes(image[at..at + 4].try_into().unwrap())
    }

    /// Where the bootloader starts, and the app.
    fn entries(&self) -> (u32, u32) {
        (self.word(0x0800_0004) & !1, self.word(0x0800_1004) & !1)
    }
}

fn starts(state: &Path) -> bool {
    let options = Options { power_ups: vec![PowerUp::steady(Level::Low)], ..Options::default() };
    check(Vec::new(), &options, StateFile::open(state).unwrap().kept()).unwrap().0.starts()
}

fn state() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("esc.json");
    (folder, path)
}

/// The lines that begin with `prefix`, without it.
fn said<'a>(text: &'a str, prefix: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.strip_prefix(prefix)).map(str::trim).collect()
}

#[test]
fn what_gdb_loads_starts() {
    for bench in every_bench() {
        let (_folder, state) = state();
        let serve = Serve::start(bench.part, &state, &[]);
        // Twice: what stands there is erased before.
        let text = gdb::run(
            &serve,
            Some(&built(bench.full)),
            &["load", "load", "compare-sections", "info mem", "monitor boot"],
        );
        let (matched, sections) = (text.matches(": matched.").count(), if bench.part == "G071" { 4 } else { 3 });
        assert_eq!((matched, text.matches("MIS-MATCHED").count()), (sections, 0), "{}\n{text}", bench.part);
        let page = if bench.part == "G071" { "flash blocksize 0x800" } else { "flash blocksize 0x400" };
        assert!(text.contains(page), "{text}");
        let (_, app) = bench.entries();
        assert!(text.contains(&format!("jumps to the app at 0x{app:08X} after ")), "{text}");
        serve.end();
        assert!(starts(&state), "{}", bench.part);
    }
}

/// A real gdb's session, power cycle, breakpoints and a watchpoint among it, replays without a reply that differs.
#[test]
fn a_session_is_recorded_and_replayed() {
    for bench in every_bench() {
        let (folder, state) = state();
        let tape = folder.path().join("session.jsonl");
        let serve = Serve::start(bench.part, &state, &["--record", tape.to_str().unwrap()]);
        let (_, app) = bench.entries();
        let at_app = format!("break *0x{app:08X}");
        let text = gdb::run(
            &serve,
            Some(&built(bench.full)),
            &["load", "monitor boot", "monitor state", "maintenance flush register-cache", &at_app, "run"]
                .into_iter()
                .chain(["stepi", "info registers", "x/4xw 0x20000000", "set var *(int*)0x20000100 = 7", "detach"])
                .collect::<Vec<_>>(),
        );
        assert!(text.contains("Breakpoint 1, "), "{}\n{text}", bench.part);
        serve.end();
        for strength in ["--strict", "--effects"] {
            let output = std::process::Command::new(env!("CARGO_BIN_EXE_dryflash"))
                .args(["replay", strength, "--boot", "session.jsonl"])
                .current_dir(folder.path())
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            assert_eq!(output.status.code(), Some(0), "{}\n{text}", bench.part);
            for told in [
                "gdb attaches",
                "programs 0x08000000..",
                "switches the power off and on",
                &format!("sets breakpoints at 0x{app:08X}"),
                "gdb detaches",
                "no reply differs",
                "flash and option bytes end as recorded",
            ] {
                assert!(text.contains(told), "{}: {told}\n{text}", bench.part);
            }
        }
    }
}

/// As a firmware developer does it: the ELF, then what it needs around it.
#[test]
fn an_elf_a_hex_and_a_binary() {
    for bench in every_bench().into_iter().filter(|b| b.part == "F051") {
        let (_folder, state) = state();
        let serve = Serve::start(bench.part, &state, &[]);
        let bootloader = format!("load {}", built("STANDIN_F051_BOOTLOADER_PB4_V14.hex").display());
        let settings = format!("load {} 0x{:08x}", built("STANDIN_EEPROM_V2_1K.bin").display(), bench.eeprom);
        let commands = [
            "load",
            "compare-sections",
            "monitor boot",
            &bootloader,
            "set gnutarget binary",
            "monitor boot",
            &settings,
            "set gnutarget auto",
            "monitor boot",
            "break reset",
            "run",
            "info registers pc",
            "stepi",
            "info registers pc",
            "break take_over_vectors",
            "continue",
            "backtrace",
        ];
        let text = gdb::run(&serve, Some(&built("STANDIN_DRYFLASH_F051_2.20.elf")), &commands);
        assert_eq!(text.matches(": matched.").count(), 3, "{text}");
        let boots: Vec<usize> = ["locks up after ", "stays in the bootloader at ", "jumps to the app at 0x080010C0"]
            .iter()
            .map(|what| text.find(what).expect(&text))
            .collect();
        assert!(boots.is_sorted(), "{text}");
        let pc = |n: usize| said(&text, "pc ")[n].split_whitespace().next().unwrap().to_owned();
        // `break` goes past what looks like a prologue.
        assert_eq!((pc(0), pc(1)), ("0x80010c8".to_owned(), "0x80010ca".to_owned()), "{text}");
        assert!(text.contains("Breakpoint 2, ") && text.contains("take_over_vectors ()"), "{text}");
        serve.end();
        assert!(starts(&state));
    }
}

#[test]
fn the_bootloader_can_be_debugged() {
    for bench in every_bench() {
        let (_folder, state) = state();
        bench.whole(&state, |f| f);
        let serve = Serve::start(bench.part, &state, &[]);
        let (reset, app) = bench.entries();
        let stack = bench.word(0x0800_0000);
        // The start-up code of every stand-in calls main 0x16 bytes after its beginning.
        let main = reset + 0x16;
        let (at_main, at_app) = (format!("hbreak *0x{main:08x}"), format!("hbreak *0x{app:08x}"));
        let watch = format!("awatch *(int*)0x{:08x}", bench.word(0x0800_1000) - 4);
        let commands = [
            "monitor reset halt",
            "maintenance flush register-cache",
            "info registers pc sp xpsr msp primask control",
            "stepi",
            "info registers pc",
            "set $r3 = 0xdeadbeef",
            "set $primask = 1",
            "set $psp = 0x20000400",
            "info registers r3 primask psp",
            "set {int}0x20000200 = 0x12345678",
            "set {char}0x20000201 = 0",
            "x/1xw 0x20000200",
            "x/1xw 0xe000ed00",
            "set $primask = 0",
            &at_main,
            "continue",
            "info registers pc",
            "delete",
            &at_app,
            "continue",
            "info registers pc",
            "monitor state",
            "delete",
            &watch,
            "continue",
            "info registers sp",
        ];
        let text = gdb::run(&serve, None, &commands);
        let values = |name: &str| -> Vec<String> {
            said(&text, &format!("{name} ")).iter().map(|l| l.split_whitespace().next().unwrap().to_owned()).collect()
        };
        let hex = |n: u32| format!("0x{n:x}");
        assert_eq!(values("pc"), [reset, reset + 2, main, app].map(hex), "{}\n{text}", bench.part);
        assert_eq!(values("sp")[0], hex(stack), "{text}");
        let flags = if bench.part == "G071" { "0xf1000000" } else { "0xc1000000" };
        assert_eq!(values("xpsr"), [flags], "{text}");
        assert_eq!(
            (values("r3"), values("psp")),
            (vec!["0xdeadbeef".to_owned()], vec!["0x20000400".to_owned()]),
            "{text}"
        );
        assert_eq!(values("primask"), ["0x0", "0x1"], "{text}");
        assert!(text.contains("0x20000200:\t0x12340078"), "{text}");
        let cpuid = if bench.part == "G071" { "0x410cc601" } else { "0x410cc200" };
        assert!(text.contains(&format!("0xe000ed00:\t{cpuid}")), "{text}");
        assert_eq!(text.matches("Hardware access (read/write) watchpoint").count(), 2, "{text}");
        assert_eq!(values("sp")[1], hex(bench.word(0x0800_1000) - 8), "push {{r4, lr}}\n{text}");
        let whole = part::find(bench.part).unwrap();
        assert!(text.contains(&format!("part       {}", whole.name)), "{text}");
        assert!(text.contains(&format!("core       halted at PC 0x{app:08X}")), "{text}");
        assert!(text.contains(&format!("boot byte  01 at 0x{:08X}", bench.eeprom)), "{text}");
        serve.end();
        assert!(starts(&state), "debugging changes nothing");
    }
}

#[test]
fn a_watchpoint_stops_after_the_access() {
    for bench in every_bench().into_iter().filter(|b| b.part == "F051") {
        let (_folder, state) = state();
        bench.whole(&state, |f| f);
        let serve = Serve::start(bench.part, &state, &[]);
        let commands = [
            "monitor boot",
            "maintenance flush register-cache",
            "watch *(int*)0x20000040",
            "continue",
            "info registers pc",
            "watch *(short*)0x20000050",
            "watch *(char*)0x20000052",
            "continue",
            "delete",
            "rwatch *(int*)0x08001000",
            "watch *(long long*)0x20000004",
            "delete",
            "monitor state",
        ];
        let text = gdb::run(&serve, Some(&built("STANDIN_DRYFLASH_F051_2.20.elf")), &commands);
        // `str` at 0x080013B6; the core stops after it, and gdb lets it go one further to look.
        assert!(text.contains("New value = 134222077"), "{text}");
        assert_eq!(said(&text, "pc ")[0].split_whitespace().next(), Some("0x80013ba"), "{text}");
        assert!(text.contains("Could not insert hardware watchpoint"), "a third: {text}");
        assert!(text.contains("dryflash: nothing is watched at 0x20000052"), "{text}");
    }
}

#[test]
fn there_are_four_breakpoints() {
    for bench in every_bench() {
        let (_folder, state) = state();
        bench.whole(&state, |f| f);
        let serve = Serve::start(bench.part, &state, &[]);
        let (reset, _) = bench.entries();
        let breaks: Vec<String> = (1..6).map(|n| format!("break *0x{:08x}", reset + 2 * n)).collect();
        let mut commands: Vec<&str> = vec!["monitor reset halt", "maintenance flush register-cache"];
        commands.extend(breaks.iter().map(String::as_str));
        commands.extend([
            "continue",
            "info registers pc",
            "delete 5",
            "continue",
            "info registers pc",
            "monitor state",
        ]);
        let text = gdb::run(&serve, None, &commands);
        assert!(text.contains("Cannot insert hardware breakpoint 5"), "{text}");
        assert!(text.contains("dryflash: no breakpoint at"), "{text}");
        let pc: Vec<&str> = said(&text, "pc ").iter().filter_map(|l| l.split_whitespace().next()).collect();
        assert_eq!(pc, [format!("0x{reset:x}"), format!("0x{:x}", reset + 2)], "{text}");
    }
}

/// In SRAM there are no comparators: `bkpt` takes an instruction's place, and gdb does not see it.
#[test]
fn breakpoints_in_sram() {
    for bench in every_bench() {
        let (_folder, state) = state();
        bench.whole(&state, |f| f);
        let serve = Serve::start(bench.part, &state, &[]);
        let commands = [
            // movs r0, #1; adds r0, #1; adds r0, #1; b .
            "set {int}0x20000100 = 0x30012001",
            "set {int}0x20000104 = 0xe7fe3001",
            "set $pc = 0x20000100",
            "set $xpsr = 0x01000000",
            "break *0x20000104",
            "continue",
            "info registers r0",
            "x/1xh 0x20000104",
            "stepi",
            "info registers r0",
        ];
        let text = gdb::run(&serve, None, &commands);
        assert!(text.contains("Breakpoint 1, 0x20000104"), "{}\n{text}", bench.part);
        let r0: Vec<&str> = said(&text, "r0 ").iter().filter_map(|l| l.split_whitespace().next()).collect();
        assert_eq!(r0, ["0x2", "0x3"], "{text}");
        assert!(text.contains("0x20000104:\t0x3001"), "{text}");
    }
}

#[test]
fn protection_holds_and_is_told() {
    for bench in every_bench() {
        let (_folder, state) = state();
        bench.whole(&state, |f| f.wrp(0, 3).unwrap());
        let serve = Serve::start(bench.part, &state, &[]);
        let text = gdb::run(&serve, Some(&built(bench.full)), &["load", "monitor state"]);
        assert!(text.contains("Error erasing flash"), "{}\n{text}", bench.part);
        let flag = if bench.part == "G071" { "WRPERR" } else { "WRPRTERR" };
        assert!(text.contains(&format!("dryflash: the page at 0x08000000 was not erased: {flag}")), "{text}");
        assert!(text.contains("write-protected pages: 0 to 3"), "{text}");
        serve.waits_to_say(flag);
        serve.end();
        assert!(starts(&state), "{}: nothing was erased", bench.part);
    }
    for bench in every_bench() {
        let (_folder, state) = state();
        bench.whole(&state, |f| f.rdp(1).unwrap());
        let serve = Serve::start(bench.part, &state, &[]);
        let commands =
            ["x/1xw 0x08000000", "x/1xw 0x20000000", "load", "monitor state", "monitor boot", "x/1xw 0x08000000"];
        let text = gdb::run(&serve, Some(&built(bench.full)), &commands);
        let unseen = text.matches("Cannot access memory at address 0x8000000").count();
        assert_eq!(unseen, 2, "{}\n{text}", bench.part);
        assert!(text.contains("jumps to the app at"), "with nobody at the debug port: {text}");
        assert!(text.contains("0x20000000:\t0x"), "{text}");
        assert!(text.contains("Error erasing flash"), "{text}");
        assert!(text.contains("dryflash: read protection level 1 is active"), "{text}");
        assert!(text.contains("read protection level 1; "), "{text}");
        serve.end();
        assert!(starts(&state), "{}: level 1 keeps probes out, not the core", bench.part);
    }
    for bench in every_bench() {
        let (_folder, state) = state();
        bench.whole(&state, |f| f.rdp(2).unwrap());
        let serve = Serve::start(bench.part, &state, &[]);
        gdb::run(&serve, None, &["info registers"]);
        serve.waits_to_say("read protection level 2");
    }
}

#[test]
fn faults_and_lock_ups_are_told() {
    for bench in every_bench() {
        let (_folder, state) = state();
        bench.whole(&state, |f| f);
        let serve = Serve::start(bench.part, &state, &[]);
        let commands = [
            // udf #0; ldr r0, [r1], which is at an address where nothing is
            "set {int}0x20000100 = 0x6808de00",
            "set $xpsr = 0x01000000",
            "set $pc = 0x20000100",
            "continue",
            "info registers xpsr",
            "monitor catch",
            "monitor reset halt",
            "maintenance flush register-cache",
            "set $pc = 0x20000102",
            "set $r1 = 0x70000000",
            "continue",
            "monitor catch fault off",
            "monitor catch",
            "monitor reset halt",
            "maintenance flush register-cache",
            // A stack that is not there: the fault cannot be entered.
            "set $sp = 0x70000000",
            "set $pc = 0x20000102",
            "set $r1 = 0x70000000",
            "continue",
            "info registers pc",
        ];
        let text = gdb::run(&serve, None, &commands);
        assert!(text.contains("dryflash: HardFault at PC 0x20000100, after "), "{}\n{text}", bench.part);
        assert!(text.contains("de00 is UDF, which always faults"), "{text}");
        assert!(text.contains("dryflash: HardFault at PC 0x20000102, after "), "{text}");
        assert!(text.contains("read of 0x70000000"), "{text}");
        assert!(text.contains("dryflash: the core locked up at PC 0x20000102"), "{text}");
        assert_eq!(text.matches("Program received signal SIGSEGV").count(), 3, "{text}");
        assert!(text.contains("fault on\n") && text.contains("fault off\n"), "{text}");
        assert_eq!(said(&text, "pc ")[0].split_whitespace().next(), Some("0xfffffffe"), "{text}");
    }
}

#[test]
fn resets_are_told_and_can_be_caught() {
    for bench in every_bench() {
        let (_folder, state) = state();
        bench.whole(&state, |f| f);
        let serve = Serve::start(bench.part, &state, &[]);
        let (reset, app) = bench.entries();
        let at_app = format!("hbreak *0x{app:08x}");
        // str r0, [r1]; b .: SYSRESETREQ
        let again = [
            "set {int}0x20000100 = 0xe7fe6008",
            "set $r0 = 0x05fa0004",
            "set $r1 = 0xe000ed0c",
            "set $pc = 0x20000100",
        ];
        let mut commands = vec!["monitor reset halt", "maintenance flush register-cache", at_app.as_str()];
        commands.extend(again);
        commands.extend(["continue", "monitor catch reset on"]);
        commands.extend(again);
        commands.extend(["continue", "info registers pc"]);
        let text = gdb::run(&serve, None, &commands);
        assert_eq!(text.matches("dryflash: the chip reset itself, before PC 0x20000102, ").count(), 2, "{text}");
        assert!(text.contains("software (SYSRESETREQ)"), "{text}");
        assert!(text.contains("Breakpoint 1, "), "without the catch it runs on: {text}");
        assert_eq!(said(&text, "pc ")[0].split_whitespace().next(), Some(format!("0x{reset:x}").as_str()), "{text}");
    }
}

#[test]
fn what_monitor_answers() {
    for bench in every_bench().into_iter().filter(|b| b.part == "F051") {
        let (_folder, state) = state();
        let serve = Serve::start(bench.part, &state, &[]);
        let text = gdb::run(
            &serve,
            None,
            &[
                "monitor help",
                "monitor sing",
                "monitor boot",
                "monitor reset",
                "info registers r0",
                "monitor halt",
                "monitor halt",
                "monitor state",
            ],
        );
        assert!(text.contains("monitor reset halt  "), "{text}");
        assert!(text.contains("`sing` is not known"), "{text}");
        assert!(text.contains("locks up after "), "a blank F0 has no vectors: {text}");
        assert!(text.contains("reset; the core runs"), "{text}");
        assert!(text.contains("flash      locked; read protection level 0; write-protected pages: none"), "{text}");
        assert!(text.contains("boot byte  FF"), "{text}");
    }
    for bench in every_bench().into_iter().filter(|b| b.part == "G071") {
        let (_folder, state) = state();
        let serve = Serve::start(bench.part, &state, &[]);
        let text = gdb::run(&serve, None, &["monitor boot"]);
        assert!(text.contains("starts ST's boot loader"), "a blank G0: {text}");
    }
}

#[test]
fn detached_killed_and_taken_again() {
    for bench in every_bench() {
        let (_folder, state) = state();
        bench.whole(&state, |f| f);
        let serve = Serve::start(bench.part, &state, &[]);
        let (reset, _) = bench.entries();
        let at_reset = format!("hbreak *0x{:08x}", reset + 2);
        let commands = [
            "detach",
            "monitor state",
            &at_reset,
            "run",
            "info registers pc",
            "kill",
            "run",
            "info registers pc",
            "kill",
        ];
        let text = gdb::run(&serve, Some(&built(bench.full)), &commands);
        assert!(text.contains("detached"), "{text}");
        let pc: Vec<&str> = said(&text, "pc ").iter().filter_map(|l| l.split_whitespace().next()).collect();
        assert_eq!(pc, [format!("0x{:x}", reset + 2), format!("0x{:x}", reset + 2)], "{text}");
        // The server is there for the next.
        let text = gdb::run(&serve, None, &["monitor state"]);
        assert!(text.contains("core       halted at PC"), "{text}");
        serve.end();
        assert!(starts(&state));
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_halts_and_a_killed_gdb_lets_go() {
    use std::io::{BufRead, BufReader};
    use std::process::Command;
    use std::time::Duration;
    for bench in every_bench() {
        let (_folder, state) = state();
        bench.whole(&state, |f| f);
        let serve = Serve::start(bench.part, &state, &[]);
        // As a shell's child would have it: a test harness may ignore the signal.
        let mut child = gdb::start(&serve, None, &["echo goes on\\n", "continue"]);
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("goes on") {
            line.clear();
            assert!(out.read_line(&mut line).unwrap() > 0, "gdb ended early");
        }
        std::thread::sleep(Duration::from_millis(500));
        let signal = |name: &str, id: u32| {
            assert!(Command::new("kill").args([name, &id.to_string()]).status().unwrap().success())
        };
        signal("-INT", child.id());
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut out, &mut rest).unwrap();
        child.wait().unwrap();
        assert!(rest.contains("Program received signal SIGINT"), "{}\n{rest}", bench.part);

        let mut child = gdb::start(&serve, None, &["echo goes on\\n", "continue"]);
        let mut out = BufReader::new(child.stdout.take().unwrap());
        while !line.contains("goes on") {
            line.clear();
            assert!(out.read_line(&mut line).unwrap() > 0, "gdb ended early");
        }
        std::thread::sleep(Duration::from_millis(200));
        signal("-KILL", child.id());
        child.wait().unwrap();
        // Its place is free, at once or nearly so.
        let free = (0..50).any(|_| {
            std::thread::sleep(Duration::from_millis(50));
            gdb::run(&serve, None, &["monitor state"]).contains("core       halted at PC")
        });
        assert!(free, "{}", bench.part);
        serve.end();
        assert!(starts(&state));
    }
}

#[test]
fn one_gdb_at_a_time() {
    for bench in every_bench().into_iter().filter(|b| b.part == "F031") {
        let (_folder, state) = state();
        bench.whole(&state, |f| f);
        let serve = Serve::start(bench.part, &state, &[]);
        let first = std::net::TcpStream::connect(("127.0.0.1", serve.port)).unwrap();
        // Whoever is first has it; the second gdb comes once that is so.
        std::thread::sleep(std::time::Duration::from_millis(200));
        let text = gdb::run(&serve, None, &["info registers pc"]);
        assert!(!text.contains("pc  "), "{text}");
        serve.waits_to_say("another client holds the probe");
        drop(first);
    }
}
