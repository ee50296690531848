//! Debian's own st-flash, st-info and st-util, unmodified, at the virtual probe through the libusb stand-in. Those of
//! 1.8.0 as well, where `DRYFLASH_STFLASH_18` says where its st-flash is.

use crate::support::clients::{APP, BENCHES, Bench, FLASH, built, is_there, starts};
use crate::support::openocd;
use crate::support::serve::Serve;
use crate::support::stlink::{Tools, tools};
use dryflash::probe::st_flash::Version;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Every part with the programs of each version; none, and a word about it, where they are missing and that is allowed.
fn every_bench() -> Vec<(Tools, Bench)> {
    tools().into_iter().flat_map(|tools| BENCHES.map(|bench| (tools.clone(), bench))).collect()
}

/// A virtual ESC in a folder of its own.
struct Esc {
    bench: Bench,
    /// Where programs are looked for, if not where they always are.
    programs: Option<OsString>,
    folder: TempDir,
}

impl Esc {
    fn new(bench: Bench) -> Esc {
        Esc { bench, programs: None, folder: tempfile::tempdir().unwrap() }
    }

    fn of(tools: &Tools, bench: Bench) -> Esc {
        Esc { programs: Some(tools.path.clone()), ..Esc::new(bench) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn state(&self) -> PathBuf {
        self.path("esc.json")
    }

    /// `dryflash with -- COMMAND`, with what it printed.
    fn try_with(&self, more: &[&str], command: &[&str]) -> (String, i32) {
        let mut dryflash = Command::new(env!("CARGO_BIN_EXE_dryflash"));
        dryflash.args(["with", "--part", self.bench.part, "--state"]).arg(self.state()).args(more).arg("--");
        if let Some(path) = &self.programs {
            dryflash.env("PATH", path);
        }
        let output = dryflash.args(command).current_dir(self.folder.path()).output().expect("dryflash starts");
        (told(&output), output.status.code().expect("an exit code"))
    }

    fn with(&self, more: &[&str], command: &[&str]) -> String {
        let (text, code) = self.try_with(more, command);
        assert_eq!(code, 0, "{}: {command:?}\n{text}", self.bench.part);
        text
    }

    fn st_flash(&self, arguments: &[&str]) -> String {
        self.with(&[], &[&["st-flash"], arguments].concat())
    }

    fn flash(&self) -> Vec<u8> {
        self.bench.chip(&self.state()).board.flash.cells().bytes(FLASH, self.bench.size())
    }
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

fn hex(address: u32) -> String {
    format!("0x{address:08x}")
}

/// Where the first difference is; whole images would fill the screen.
fn first_difference(a: &[u8], b: &[u8]) -> Option<usize> {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).position(|(a, b)| a != b)
}

#[test]
fn the_probe_and_the_chip_are_found() {
    for (tools, bench) in every_bench() {
        let text = Esc::of(&tools, bench).with(&[], &["st-info", "--probe"]);
        let chip = match bench.part {
            "F031" => 0x444,
            "F051" => 0x440,
            _ => 0x460,
        };
        let chip = match tools.version {
            Version::V1_7 => format!("{chip:#06x}"),
            Version::V1_8 => format!("{chip:#x}"),
        };
        assert!(text.contains("Found 1 stlink programmers") && text.contains("066DFF494857808667123456"), "{text}");
        assert!(text.contains(&chip) && text.contains(&bench.size().to_string()), "{}\n{text}", bench.part);
        let text = Esc::of(&tools, bench).with(&["--v3"], &["st-info", "--probe"]);
        assert!(text.contains("V3J13"), "{text}");
    }
}

#[test]
fn three_files_from_a_script_make_an_esc() {
    for (tools, bench) in every_bench() {
        let esc = Esc::of(&tools, bench);
        let (eeprom, at) = bench.eeprom;
        let line = |name: &str, address: u32| {
            format!("st-flash --format='binary' write '{}' {}\n", built(name).display(), hex(address))
        };
        let script = [line(bench.bootloader, FLASH), line(bench.app, APP), line(eeprom, at)].concat();
        std::fs::write(esc.path("steps.sh"), format!("set -e\n{script}st-flash reset\n")).unwrap();
        let text = esc.with(&["--boot"], &["sh", "steps.sh"]);
        assert_eq!(text.matches("jolly good").count(), 3, "{text}");
        assert!(text.contains("This ESC would start."), "{text}");
        assert_eq!(first_difference(&esc.flash(), &bench.after_st_flash()), None, "{}", bench.part);
        assert!(starts(&esc.state()));
    }
}

#[test]
fn a_dump_makes_a_second_esc() {
    for (tools, bench) in every_bench() {
        let first = Esc::of(&tools, bench);
        bench.factory(&first.state(), |f| f);
        let size = format!("0x{:x}", bench.size());
        let (dump, hex_dump) = (first.path("dump.bin"), first.path("dump.hex"));
        let (dump, hex_dump) = (dump.to_str().unwrap(), hex_dump.to_str().unwrap());
        first.st_flash(&["--format=binary", "read", dump, &hex(FLASH), &size]);
        first.st_flash(&["--format=ihex", "read", hex_dump, &hex(FLASH), &size]);
        assert_eq!(first_difference(&std::fs::read(dump).unwrap(), &first.flash()), None, "{}", bench.part);
        let (second, third) = (Esc::of(&tools, bench), Esc::of(&tools, bench));
        second.st_flash(&["--format=binary", "write", dump, &hex(FLASH)]);
        third.st_flash(&["--format=ihex", "write", hex_dump]);
        for copy in [&second, &third] {
            assert_eq!(first_difference(&copy.flash(), &first.flash()), None, "{}", bench.part);
            assert!(starts(&copy.state()), "{}", bench.part);
        }
    }
}

#[test]
fn erase_leaves_nothing() {
    for (tools, bench) in every_bench() {
        let esc = Esc::of(&tools, bench);
        bench.factory(&esc.state(), |f| f);
        let text = esc.st_flash(&["erase"]);
        assert!(text.contains("erased"), "{text}");
        assert!(esc.flash().iter().all(|b| *b == 0xFF), "{}", bench.part);
    }
}

#[test]
fn connecting_under_reset_and_resetting_work() {
    for (tools, bench) in every_bench() {
        let esc = Esc::of(&tools, bench);
        let full = built(bench.full);
        esc.st_flash(&["--connect-under-reset", "--reset", "write", full.to_str().unwrap(), &hex(FLASH)]);
        assert!(starts(&esc.state()), "{}", bench.part);
        esc.st_flash(&["--hot-plug", "reset"]);
        esc.st_flash(&["--connect-under-reset", "reset"]);
    }
}

#[test]
fn odd_lengths_and_neighbours() {
    for (tools, bench) in every_bench() {
        let esc = Esc::of(&tools, bench);
        bench.factory(&esc.state(), |f| f);
        let before = esc.flash();
        // Two pages and a bit, behind the app's first.
        let bytes: Vec<u8> = (0..2 * bench.sector + 13).map(|n| (n * 7 + 3) as u8).collect();
        std::fs::write(esc.path("odd.bin"), &bytes).unwrap();
        let at = APP + bench.sector;
        esc.st_flash(&["write", "odd.bin", &hex(at)]);
        let after = esc.flash();
        let start = (at - FLASH) as usize;
        assert_eq!(after[start..start + bytes.len()], bytes, "{}", bench.part);
        assert_eq!(after[..start], before[..start], "{}", bench.part);
        let end = start + 3 * bench.sector as usize;
        assert_eq!(after[end..], before[end..], "{}", bench.part);
    }
}

#[test]
fn option_bytes() {
    for (tools, bench) in every_bench() {
        let esc = Esc::of(&tools, bench);
        bench.factory(&esc.state(), |f| f);
        if bench.is_g0() {
            let word = |esc: &Esc| bench.chip(&esc.state()).board.flash.option_bytes()[0].1;
            // nBOOT_SEL off: the pin decides again.
            let wanted = word(&esc) & !(1 << 24);
            let text = esc.st_flash(&["--area=option", "write", &hex(wanted)]);
            assert_eq!(word(&esc), wanted, "{text}");
            assert!(text.contains("nBOOT_SEL"), "{text}");
            let text = esc.st_flash(&["--area=option", "read"]);
            assert!(text.to_lowercase().contains(&format!("{wanted:08x}")), "{text}");
        } else {
            let (text, code) = esc.try_with(&[], &["st-flash", "--area=option", "write", "0x00ff55aa"]);
            assert_ne!(code, 0, "{text}");
            assert!(text.contains("nothing in flash or option bytes changed"), "{text}");
            if tools.version == Version::V1_7 {
                assert!(text.contains("currently not supported for connected chip"), "{text}");
                continue;
            }
            // 1.8 writes them all from a word in OBR's order: here DATA0 becomes 5A.
            let word = |esc: &Esc| bench.chip(&esc.state()).board.flash.option_bytes()[1].1;
            let obr = esc.st_flash(&["--area=optcr", "read"]);
            let obr = obr.lines().find_map(|l| u32::from_str_radix(l.trim(), 16).ok()).expect("a word");
            let text = esc.st_flash(&["--area=optcr", "write", &hex(obr & 0xFF00_FFFF | 0x005A_0000)]);
            assert_eq!(word(&esc) & 0xFFFF, 0xA55A, "{text}");
        }
    }
}

#[test]
fn a_locked_chip_reads_as_zeros_and_nobody_says_so() {
    for (tools, bench) in every_bench() {
        let esc = Esc::of(&tools, bench);
        bench.factory(&esc.state(), |f| f.rdp(1).unwrap());
        let (text, code) = esc.try_with(&[], &["st-flash", "read", "dump.bin", &hex(FLASH), "0x400"]);
        assert_eq!(code, 0, "{}\n{text}", bench.part);
        assert!(std::fs::read(esc.path("dump.bin")).unwrap().iter().all(|b| *b == 0), "{}", bench.part);
    }
}

#[test]
fn a_write_protected_page_stays() {
    for (tools, bench) in every_bench() {
        let esc = Esc::of(&tools, bench);
        let pages = if bench.is_g0() { 2 } else { 4 };
        bench.factory(&esc.state(), |f| f.wrp(0, pages - 1).unwrap());
        let before = esc.flash();
        let (text, code) =
            esc.try_with(&[], &["st-flash", "write", built(bench.eeprom.0).to_str().unwrap(), &hex(FLASH)]);
        assert_ne!(code, 0, "{}\n{text}", bench.part);
        assert_eq!(first_difference(&esc.flash(), &before), None, "{}", bench.part);
    }
}

#[test]
fn what_with_returns() {
    if !is_there("st-flash") {
        return;
    }
    let esc = Esc::new(BENCHES[1]);
    let (text, code) = esc.try_with(&[], &["sh", "-c", "st-info --probe; exit 7"]);
    assert_eq!(code, 7, "{text}");
    let (text, code) = esc.try_with(&[], &["sh", "-c", "st-info --probe; kill -TERM $$"]);
    assert_eq!(code, 128 + 15, "{text}");
    let (text, code) = esc.try_with(&[], &["true"]);
    assert_eq!(code, 0, "its own code\n{text}");
    assert!(text.contains("came to the virtual probe"), "{text}");
    // One that looked, and one that failed, have no need of that.
    let (text, code) = esc.try_with(&[], &["st-info", "--serial"]);
    assert!(code == 0 && !text.contains("came to the virtual probe"), "{text}");
    let (text, code) = esc.try_with(&[], &["st-flash", "erase", "0x0"]);
    assert!(code != 0 && code != 125 && !text.contains("came to the virtual probe"), "{text}");
    let (text, code) = esc.try_with(&[], &["there-is-no-such-program"]);
    assert_eq!(code, 125, "{text}");
    assert!(text.contains("there-is-no-such-program"), "{text}");
    // A blank ESC does not start.
    let (text, code) = esc.try_with(&["--boot"], &["st-info", "--probe"]);
    assert_eq!(code, 1, "{text}");
    let (text, code) = esc.try_with(&["--format", "json"], &["st-info", "--chipid"]);
    assert_eq!(code, 0);
    let json = &text[text.find('{').unwrap()..=text.rfind('}').unwrap()];
    let report: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!((&report["format"], &report["exit_code"]), (&"dryflash-with".into(), &0.into()), "{text}");
}

#[test]
fn st_util_and_gdb_load_and_stop() {
    if !is_there("gdb-multiarch") {
        return;
    }
    for tools in tools() {
        let esc = Esc::of(&tools, BENCHES[1]);
        let elf = built("STANDIN_DRYFLASH_F051_2.20.elf");
        let script = format!(
            "st-util -p 4217 >util.log 2>&1 & util=$!; \
             for n in $(seq 100); do grep -q Listening util.log && break; sleep 0.05; done; \
             gdb-multiarch -batch -ex 'target extended-remote :4217' -ex load -ex 'info registers pc' \
             -ex compare-sections {}; kill $util; wait $util; true",
            elf.display()
        );
        let text = esc.with(&[], &["bash", "-c", &script]);
        assert!(text.contains("Loading section .text") && text.matches("matched").count() >= 3, "{text}");
        assert!(!text.contains("MIS-MATCHED"), "{text}");
        let image = std::fs::read(built(BENCHES[1].app)).unwrap();
        let start = (APP - FLASH) as usize;
        assert_eq!(esc.flash()[start..start + 0x400], image[..0x400], "{text}");
    }
}

#[test]
fn openocd_finds_the_same_probe() {
    for driver in openocd::drivers() {
        for bench in BENCHES {
            let esc = Esc::new(bench);
            let (client, interface) = (driver.program(), driver.interface());
            let program = format!("program {} {} verify reset exit", built(bench.full).display(), hex(FLASH));
            let ports = "gdb_port disabled; tcl_port disabled; telnet_port disabled";
            let command = [client.to_str().unwrap(), "-f", interface, "-f", bench.config, "-c", ports, "-c", &program];
            let text = esc.with(&["--boot"], &command);
            assert!(text.contains("** Verified OK **"), "{}, {driver:?}\n{text}", bench.part);
            // What each calls its usual driver.
            let command = [command[0], "-f", "interface/stlink.cfg", "-f", bench.config, "-c", ports];
            let text = esc.with(&["--boot"], &[&command[..], &["-c", &program]].concat());
            assert!(text.contains("** Verified OK **"), "{}, {driver:?}\n{text}", bench.part);
        }
    }
}

/// What `serve --socket` prints is run in a shell as it stands, but for the file; so is the example of `with --help`.
#[test]
fn the_lines_that_serve_and_with_print_work() {
    let programs = openocd::programs();
    let folders = programs.iter().map(|p| Path::new(p).parent().unwrap_or(Path::new("")).to_owned());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = Path::new(env!("CARGO_BIN_EXE_dryflash")).parent().unwrap().to_owned();
    let beside = |folder: PathBuf| {
        let first = [folder, own.clone()].into_iter().filter(|f| !f.as_os_str().is_empty());
        std::env::join_paths(first.chain(std::env::split_paths(&path))).unwrap()
    };
    // Each OpenOCD alone, and each st-flash.
    let openocds = folders.map(|f| (beside(f), "openocd "));
    let st_flashes = tools().into_iter().flat_map(|t| [(t.path.clone(), "st-flash "), (t.path, "st-info ")]);
    for (path, client) in openocds.chain(st_flashes) {
        for bench in BENCHES {
            let folder = tempfile::tempdir().unwrap();
            let state = folder.path().join("esc.json");
            let socket = format!("--socket={}", folder.path().join("probe.sock").display());
            let mut serve = Serve::with(bench.part, &state, &[&socket, "--once"]);
            let line = |begins: &str| {
                let line = serve.text.lines().map(str::trim).find(|l| l.starts_with(begins)).unwrap();
                line.replace("FILE.bin", built(bench.full).to_str().unwrap())
            };
            let script = format!("{}\n{}\n", line("export "), line(client));
            let output = Command::new("sh").args(["-c", &script]).env("PATH", &path).output().unwrap();
            let text = told(&output);
            assert!(output.status.success(), "{script}\n{text}");
            assert_eq!(serve.ended(), 0, "{script}\n{text}");
            assert_eq!(starts(&state), client != "st-info ", "{}: {script}\n{text}", bench.part);
        }
    }
    let help = Command::new(env!("CARGO_BIN_EXE_dryflash")).args(["with", "--help"]).output().unwrap();
    let help = told(&help).split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, example) = help.split_once("dryflash with --part G071 -- openocd ").unwrap();
    let hex = built(BENCHES[2].full).with_extension("hex");
    for program in programs {
        let line = format!("dryflash with --part G071 --boot -- {} {example}", program.to_str().unwrap());
        let line = line.replace("app.hex", hex.to_str().unwrap());
        let output = Command::new("sh").args(["-c", &line]).env("PATH", beside(PathBuf::new())).output().unwrap();
        let text = told(&output);
        assert!(output.status.success() && text.contains("This ESC would start."), "{line}\n{text}");
    }
}

/// pyOCD comes from PyPI: `DRYFLASH_PYOCD=path/to/pyocd cargo test --test it stlink_tools::`.
#[test]
fn pyocd_flashes_an_f051() {
    let Some(pyocd) = std::env::var_os("DRYFLASH_PYOCD") else {
        let _ = writeln!(std::io::stderr(), "SKIPPED: DRYFLASH_PYOCD does not say where pyocd is");
        return;
    };
    let esc = Esc::new(BENCHES[1]);
    let full = built("STANDIN_DRYFLASH_F051_2.20_FULL.hex");
    let pyocd = Path::new(&pyocd).to_str().unwrap();
    esc.with(&["--boot"], &[pyocd, "flash", "-t", "stm32f051", full.to_str().unwrap()]);
}
