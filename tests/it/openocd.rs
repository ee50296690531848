//! Debian's own OpenOCD, unmodified, at the virtual probe: both of its ST-LINK drivers, on three parts. A newer one as
//! well, where `DRYFLASH_OPENOCD_HEAD` says where it is.

use crate::support::clients::{APP, BENCHES, Bench, FLASH, built, starts};
use crate::support::openocd::{Driver, drivers, programs};
use crate::support::serve::Serve;
use std::path::Path;
use std::process::Command;

/// Every part with every driver; none, and a word about it, where OpenOCD is missing and that is allowed.
fn every_bench() -> Vec<(Bench, Driver)> {
    let drivers = drivers();
    BENCHES.into_iter().flat_map(|b| drivers.iter().map(move |d| (b, *d))).collect()
}

impl Bench {
    /// One OpenOCD at one `dryflash serve --once`. What OpenOCD printed, and whether it was content.
    fn try_openocd(&self, driver: Driver, state: &Path, more: &[&str], commands: &str) -> (String, bool) {
        let mut serve = Serve::start(self.part, state, &[&["--once"], more].concat());
        let port = serve.port;
        let mut openocd = Command::new(driver.program());
        openocd.args(["-f", driver.interface(), "-c", &driver.backend(port)]);
        openocd.args(["-f", self.config, "-c", "gdb_port disabled; tcl_port disabled; telnet_port disabled"]);
        let output = openocd.args(["-c", commands, "-c", "shutdown"]).output().expect("openocd starts");
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(serve.ended(), 0, "{}, {driver:?}: dryflash\n{text}", self.part);
        (text, output.status.success())
    }

    fn openocd(&self, driver: Driver, state: &Path, commands: &str) -> String {
        let (text, content) = self.try_openocd(driver, state, &[], commands);
        assert!(content, "{}, {driver:?}: {commands}\n{text}", self.part);
        text
    }

    fn whole(&self, state: &Path) {
        self.factory(state, |f| f);
    }
}

/// The line that `serve` prints is what a shell needs: it is run as it stands, but for the file. So is what
/// docs/probe.md says, with the part's file and what is to be done behind it.
#[test]
fn the_lines_that_serve_and_docs_print_work() {
    let docs = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/probe.md")).unwrap();
    let documented = docs.split('`').find(|code| code.starts_with("-f interface/stlink")).unwrap();
    for program in programs() {
        for bench in BENCHES {
            let folder = tempfile::tempdir().unwrap();
            let state = folder.path().join("esc.json");
            let full = built(bench.full);
            let shell = |line: &str| {
                let program = program.to_str().unwrap();
                let ports = format!("'{program}' -c 'gdb_port disabled; tcl_port disabled; telnet_port disabled'");
                let line = line.replacen("openocd", &ports, 1);
                let output = Command::new("sh").args(["-c", &line]).output().unwrap();
                let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
                assert!(output.status.success() && text.contains("** Verified OK **"), "{line}\n{text}");
            };
            let mut serve = Serve::start(bench.part, &state, &["--once"]);
            let line = serve.text.lines().find(|l| l.trim_start().starts_with("openocd ")).unwrap_or_default();
            assert!(!line.contains("hla"), "HLA is gone from newer OpenOCDs: {line}");
            shell(&line.replace("FILE.bin", full.to_str().unwrap()));
            assert_eq!(serve.ended(), 0);
            assert!(starts(&state), "{}", bench.part);

            let mut serve = Serve::start(bench.part, &state, &["--once"]);
            let words = documented.replace("7184", &serve.port.to_string());
            let goal = format!("program {} 0x{FLASH:08x} verify reset exit", full.display());
            shell(&format!("openocd {words} -f {} -c '{goal}'", bench.config));
            assert_eq!(serve.ended(), 0);
        }
    }
}

#[test]
fn what_openocd_programs_boots() {
    for (bench, driver) in every_bench() {
        let folder = tempfile::tempdir().unwrap();
        let (state, dump) = (folder.path().join("esc.json"), folder.path().join("dump.bin"));
        let program = |name: &str, address: u32| format!("program {} 0x{address:08x} verify; ", built(name).display());
        let (eeprom, at) = bench.eeprom;
        let size = bench.size();
        let commands = [
            program(bench.bootloader, FLASH),
            program(bench.app, APP),
            program(eeprom, at),
            format!("reset halt; dump_image {} 0x{FLASH:08x} 0x{size:x}; reset run", dump.display()),
        ];
        let text = bench.openocd(driver, &state, &commands.concat());
        assert_eq!(text.matches("** Verified OK **").count(), 3, "{text}");
        let dump = std::fs::read(dump).unwrap();
        assert_eq!(dump.len(), size as usize);
        for (name, address) in [(bench.bootloader, FLASH), (bench.app, APP), bench.eeprom] {
            let bytes = std::fs::read(built(name)).unwrap();
            let start = (address - FLASH) as usize;
            assert!(
                dump[start..start + bytes.len()] == bytes,
                "{}, {driver:?}: {name} reads back otherwise",
                bench.part
            );
        }
        assert!(starts(&state), "{}, {driver:?}", bench.part);
    }
}

#[test]
fn a_v3_works_as_well() {
    for (bench, driver) in every_bench().into_iter().filter(|(b, _)| b.part == "F051") {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("esc.json");
        let commands = format!("program {} 0x{FLASH:08x} verify reset", built(bench.full).display());
        let (text, content) = bench.try_openocd(driver, &state, &["--v3"], &commands);
        assert!(content && text.contains("V3J13M3") && text.contains("** Verified OK **"), "{driver:?}\n{text}");
        assert!(starts(&state), "{driver:?}");
    }
}

#[test]
fn openocd_connects_under_reset() {
    for (bench, driver) in every_bench() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("esc.json");
        bench.whole(&state);
        let commands = "reset_config srst_only srst_nogate connect_assert_srst; init; reset halt; \
             echo \"at [reg pc]\"; flash erase_sector 0 1 1; reset run";
        let text = bench.openocd(driver, &state, commands);
        assert!(text.contains("at pc (/32): 0x080000c0"), "{}, {driver:?}\n{text}", bench.part);
        assert!(!text.contains("Error"), "{}, {driver:?}\n{text}", bench.part);
        let sector = FLASH + bench.sector..FLASH + 2 * bench.sector;
        assert!(bench.chip(&state).board.flash.cells().is_blank(sector), "{}, {driver:?}", bench.part);
    }
}

/// Without SRAM for a loader, OpenOCD writes by itself and polls between; and everything can be erased at once.
#[test]
fn mass_erase_and_writing_without_a_loader() {
    for (bench, driver) in every_bench() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("esc.json");
        bench.whole(&state);
        let (family, target) = if bench.is_g0() { ("stm32l4x", "stm32g0x") } else { ("stm32f1x", "stm32f0x") };
        let (name, at) = bench.eeprom;
        let page = built(name);
        let commands = format!(
            "{target}.cpu configure -work-area-size 0; init; reset halt; {family} mass_erase 0; \
             flash write_image {} 0x{at:08x}; verify_image {} 0x{at:08x}",
            page.display(),
            page.display()
        );
        bench.openocd(driver, &state, &commands);
        let chip = bench.chip(&state);
        let bytes = std::fs::read(page).unwrap();
        assert!(chip.board.flash.cells().is_blank(FLASH..at), "{}, {driver:?}", bench.part);
        assert!(chip.board.flash.cells().bytes(at, bytes.len() as u32) == bytes, "{}, {driver:?}", bench.part);
    }
}

#[test]
fn sectors_are_erased_alone() {
    for (bench, driver) in every_bench() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("esc.json");
        bench.whole(&state);
        bench.openocd(driver, &state, "init; reset halt; flash erase_sector 0 1 1");
        let chip = bench.chip(&state);
        let (cells, sector) = (chip.board.flash.cells(), bench.sector);
        assert!(cells.is_blank(FLASH + sector..FLASH + 2 * sector), "{}, {driver:?}", bench.part);
        assert!(!cells.is_blank(FLASH..FLASH + sector) && !cells.is_blank(APP..APP + sector), "{}", bench.part);
    }
}

#[test]
fn write_protection_holds() {
    for (bench, driver) in every_bench() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("esc.json");
        bench.whole(&state);
        // The first 4 KB. For the G0 OpenOCD writes one area in each of two goes.
        let (protect, sector) = match bench.is_g0() {
            true => ("flash protect 0 0 1 on; stm32l4x option_load 0", 2),
            false => ("flash protect 0 0 0 on; stm32f1x options_load 0", 4),
        };
        bench.openocd(driver, &state, &format!("init; reset halt; {protect}; reset halt"));
        let chip = bench.chip(&state);
        assert!(chip.board.flash.protected(0) && !chip.board.flash.protected(sector), "{}, {driver:?}", bench.part);
        let (text, content) = bench.try_openocd(driver, &state, &[], "init; reset halt; flash erase_sector 0 0 0");
        assert!(!content, "{}, {driver:?}: a protected page was erased\n{text}", bench.part);
        bench.openocd(driver, &state, &format!("init; reset halt; flash erase_sector 0 {sector} {sector}"));
        let chip = bench.chip(&state);
        let cells = chip.board.flash.cells();
        assert!(!cells.is_blank(FLASH..FLASH + bench.sector), "{}, {driver:?}", bench.part);
        let after = FLASH + sector * bench.sector;
        assert!(cells.is_blank(after..after + bench.sector), "{}, {driver:?}", bench.part);
    }
}

#[test]
fn a_locked_chip_shows_nothing_and_unlocking_erases_it() {
    for (bench, driver) in every_bench() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("esc.json");
        bench.whole(&state);
        let family = if bench.is_g0() { "stm32l4x" } else { "stm32f1x" };
        let load = if bench.is_g0() { "stm32l4x option_load 0" } else { "stm32f1x options_load 0" };
        // The load resets the chip, which a client may take for trouble.
        bench.try_openocd(driver, &state, &[], &format!("init; reset halt; {family} lock 0; {load}"));
        assert_eq!(bench.chip(&state).board.flash.rdp_level(), 1, "{}, {driver:?}", bench.part);
        assert!(starts(&state), "{}, {driver:?}: level 1 keeps probes out, not the core", bench.part);

        let secret = folder.path().join("secret.bin");
        let dump = format!("init; reset halt; dump_image {} 0x{FLASH:08x} 0x400", secret.display());
        let (text, content) = bench.try_openocd(driver, &state, &[], &dump);
        let told = std::fs::read(&secret).unwrap_or_default();
        assert!(!content || told.iter().all(|b| *b == 0), "{}, {driver:?}\n{text}", bench.part);

        bench.try_openocd(driver, &state, &[], &format!("init; reset halt; {family} unlock 0; {load}"));
        let chip = bench.chip(&state);
        let flash = chip.part().flash;
        assert_eq!(chip.board.flash.rdp_level(), 0, "{}, {driver:?}", bench.part);
        assert!(chip.board.flash.cells().is_blank(flash.base..flash.end()), "{}, {driver:?}", bench.part);
    }
}

#[test]
fn the_bootloader_can_be_debugged() {
    for (bench, driver) in every_bench() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("esc.json");
        bench.whole(&state);
        let image = std::fs::read(built(bench.full)).unwrap();
        let word = |at: usize| u32::from_le_bytes(image[at..at + 4].try_into().unwrap());
        let (reset, app) = (word(4) & !1, word(0x1004) & !1);
        // The start-up code of every stand-in calls main 0x16 bytes after its beginning.
        let main = reset + 0x16;
        // The app's start-up code pushes two words first.
        let top = word(0x1000) - 4;
        let commands = format!(
            "init; reset halt; echo \"at [reg pc]\"; step; echo \"at [reg pc]\"; \
             reg r3 0xdeadbeef; echo \"r3 [reg r3]\"; mww 0x20000200 0x12345678; echo \"ram [mdw 0x20000200]\"; \
             reg pc 0x{reset:08x}; reg sp 0x20001000; bp 0x{main:08x} 2 hw; resume; wait_halt 2000; echo \"at [reg pc]\"; \
             step; rbp 0x{main:08x}; bp 0x{app:08x} 2 hw; resume; wait_halt 4000; echo \"at [reg pc]\"; \
             rbp 0x{app:08x}; resume; sleep 20; halt; reset halt; echo \"at [reg pc]\"; \
             wp 0x{top:08x} 4 w; resume; wait_halt 4000; echo \"sp [reg sp]\"; rwp 0x{top:08x}; resume; sleep 20; \
             echo \"state [[target current] curstate]\""
        );
        let text = bench.openocd(driver, &state, &commands);
        let said = |prefix: &str| -> Vec<String> {
            text.lines().filter_map(|l| l.strip_prefix(prefix)).map(str::to_lowercase).collect()
        };
        let at = |pc: u32| format!(" pc (/32): 0x{pc:08x}");
        let path = [reset, reset + 2, main, app, reset].map(at);
        assert_eq!(said("at"), path, "{}, {driver:?}\n{text}", bench.part);
        assert_eq!(said("sp"), [format!(" sp (/32): 0x{:08x}", top - 4)], "{}, {driver:?}\n{text}", bench.part);
        assert_eq!(said("r3"), [" r3 (/32): 0xdeadbeef"], "{text}");
        assert!(said("ram")[0].contains("12345678"), "{text}");
        assert_eq!(said("state"), [" running"], "{text}");
        assert!(starts(&state), "debugging changes nothing");
    }
}
