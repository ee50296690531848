//! Protection from every side at once: the core, a probe, the command line. A locked ESC's story, end to end.

use dryflash::bus::Width;
use dryflash::chip::{Chip, Halt};
use dryflash::esc::{PowerUp, StateFile};
use dryflash::flash::{Factory, Speed};
use dryflash::part;
use dryflash::time::Time;
use dryflash::wire::Level;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const FLASH: u32 = 0x0800_0000;
const IF: u32 = 0x4002_2000;

fn built(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(built(name)).unwrap()
}

/// A chip that left the factory, or BLHeli_32, like this; without power.
fn chip(part: &str, image: &[u8], with: impl FnOnce(Factory) -> Factory) -> Chip {
    let part = part::find(part).unwrap();
    let mut chip = Chip::new(&part, 1).unwrap();
    let factory = Factory::of(chip.board.flash.as_ref(), part.flash.wrp_pages).cells(FLASH, image).unwrap();
    with(factory).install(chip.board.flash.as_mut()).unwrap();
    chip
}

fn check(state: &Path, files: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
    command.current_dir(built("")).args(["check", "--signal", "low", "--state"]).arg(state).args(files);
    command.output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    // Sentences are wrapped for the eye.
    String::from_utf8(output.stdout.clone()).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The write of a word by a probe.
fn set(chip: &mut Chip, offset: u32, value: u32) {
    chip.debug_write(IF + offset, Width::Word, value).unwrap();
    chip.wait_for_flash();
}

/// RM0091 3.3.1 and 3.3.2: erase the option bytes, program RDP = AA, load them.
fn unlock_f0(chip: &mut Chip) {
    for (offset, key) in [(4, 0x4567_0123), (4, 0xCDEF_89AB), (8, 0x4567_0123), (8, 0xCDEF_89AB)] {
        set(chip, offset, key);
    }
    set(chip, 0x10, 0x220);
    set(chip, 0x10, 0x260);
    set(chip, 0x10, 0x210);
    chip.debug_write(0x1FFF_F800, Width::Half, 0xAA).unwrap();
    chip.wait_for_flash();
    set(chip, 0x10, 0x2000);
}

/// RM0444 3.4.2: OPTR with RDP = AA and no protected pages, then OBL_LAUNCH.
fn unlock_g0(chip: &mut Chip) {
    for (offset, key) in [(8, 0x4567_0123), (8, 0xCDEF_89AB), (0xC, 0x0819_2A3B), (0xC, 0x4C5D_6E7F)] {
        set(chip, offset, key);
    }
    for (offset, value) in [(0x20, 0xFFFF_FEAA), (0x2C, 0xFF), (0x30, 0xFF)] {
        set(chip, offset, value);
    }
    set(chip, 0x14, 1 << 17);
    set(chip, 0x14, 1 << 27);
}

struct Case {
    part: &'static str,
    full: &'static str,
    three: [&'static str; 3],
    /// Pages of the bootloader.
    last: u32,
    unlock: fn(&mut Chip),
}

const CASES: [Case; 2] = [
    Case {
        part: "F051",
        full: "STANDIN_DRYFLASH_F051_2.20_FULL.bin",
        three: ["STANDIN_F051_BOOTLOADER_PB4_V14.bin", "STANDIN_DRYFLASH_F051_2.20.hex", "STANDIN_EEPROM_V2_1K.bin"],
        last: 3,
        unlock: unlock_f0,
    },
    Case {
        part: "G071",
        full: "STANDIN_DRYFLASH_G071_128K_2.20_FULL.bin",
        three: [
            "STANDIN_G071_BOOTLOADER_PB4_128K_V14.bin",
            "STANDIN_DRYFLASH_G071_128K_2.20.bin",
            "STANDIN_EEPROM_V2_2K.bin",
        ],
        last: 1,
        unlock: unlock_g0,
    },
];

#[test]
fn a_locked_escs_story() {
    for case in CASES {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("esc.state");
        let mut chip = chip(case.part, &bytes(case.full), |f| f.rdp(1).unwrap().wrp(0, case.last).unwrap());
        StateFile::open(&state).unwrap().save(&chip).unwrap();

        // It runs as it is: level 1 keeps probes out, not the core.
        let as_it_is = check(&state, &[]);
        assert_eq!(as_it_is.status.code(), Some(0), "{}", text(&as_it_is));

        // It cannot be flashed.
        let locked = check(&state, &case.three);
        let said = text(&locked);
        assert_eq!(locked.status.code(), Some(1), "{said}");
        assert!(said.contains("DF062"), "{said}");
        assert!(said.starts_with("These files cannot be flashed. The flash is protected (DF062)."), "{said}");
        assert!(said.contains("cannot be flashed until it is unlocked, which erases everything"), "{said}");
        assert!(said.contains("esc.state` says whether it starts as it is now"), "{said}");

        // A probe sees nothing of flash, and the core faults from then on.
        chip.power_on();
        assert!(chip.debug_read(FLASH, Width::Word).is_err(), "{}", case.part);
        assert_eq!(chip.board.flash.rdp_level(), 1);
        assert!(matches!(chip.run(Time::from_millis(1)), Halt::Fault(_) | Halt::Lockup), "{}", case.part);

        // Unlocking erases everything, protected pages too.
        (case.unlock)(&mut chip);
        let flash = chip.part().flash;
        assert!(chip.board.flash.cells().is_blank(flash.base..flash.end()), "{}", case.part);
        chip.power_off(1);
        chip.power_on();
        assert_eq!(chip.board.flash.rdp_level(), 0, "{}", case.part);
        assert_eq!(chip.debug_read(FLASH, Width::Word).unwrap(), u32::MAX);
        assert!((0..flash.pages()).all(|p| !chip.board.flash.protected(p)), "{}", case.part);
        let mut file = StateFile::open(&state).unwrap();
        file.save(&chip).unwrap();
        drop(file);

        // The three files go in, and it boots.
        let flashed = check(&state, &case.three);
        assert_eq!(flashed.status.code(), Some(0), "{}", text(&flashed));
        let later = check(&state, &[]);
        assert_eq!(later.status.code(), Some(0), "what was flashed stays in the state: {}", text(&later));
    }
}

#[test]
fn level_2_is_for_good() {
    for case in CASES {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("esc.state");
        let mut chip = chip(case.part, &bytes(case.full), |f| f.rdp(2).unwrap());
        StateFile::open(&state).unwrap().save(&chip).unwrap();
        let before = std::fs::read(&state).unwrap();
        let locked = check(&state, &case.three);
        assert_eq!(locked.status.code(), Some(1));
        assert!(text(&locked).contains("locked for good"), "{}", text(&locked));
        assert_eq!(std::fs::read(&state).unwrap(), before, "what could not be flashed changes nothing");
        chip.power_on();
        assert!(!chip.board.flash.debug_open(), "{}", case.part);
    }
}

#[test]
fn write_protection_names_its_page() {
    for case in CASES {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("esc.state");
        let chip = chip(case.part, &bytes(case.full), |f| f.wrp(0, case.last).unwrap());
        StateFile::open(&state).unwrap().save(&chip).unwrap();
        let refused = check(&state, &case.three[..1]);
        let said = text(&refused);
        assert_eq!(refused.status.code(), Some(1));
        assert!(said.contains("0x08000000 is write-protected"), "{said}");
        let allowed = check(&state, &case.three[1..]);
        assert_eq!(allowed.status.code(), Some(0), "{}", text(&allowed));
    }
}

/// Option bytes of a file that lock the chip: what they would do is told before, and programmed they are an error.
#[test]
fn option_bytes_that_lock_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let locking = |rdp: u8| {
        let mut hex = std::fs::read_to_string(built("STANDIN_F051_BOOTLOADER_PB4_V14.hex")).unwrap();
        let end = hex.find(":00000001FF").unwrap();
        // 0x1FFFF800: RDP and its complement.
        let record = |bytes: &[u8]| {
            let sum = bytes.iter().fold(0u8, |sum, b| sum.wrapping_add(*b)).wrapping_neg();
            bytes.iter().chain([&sum]).fold(":".to_owned(), |line, b| line + &format!("{b:02X}")) + "\n"
        };
        let lines = record(&[2, 0, 0, 4, 0x1F, 0xFF]) + &record(&[2, 0xF8, 0, 0, rdp, !rdp]);
        hex.insert_str(end, &lines);
        let path = folder.path().join(format!("{rdp:02X}.hex"));
        std::fs::write(&path, hex).unwrap();
        path
    };
    let check = |rdp: u8, more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
        command.current_dir(built("")).args(["check", "--signal", "low"]).arg(locking(rdp)).args(&CASES[0].three[1..]);
        let output = command.args(more).output().unwrap();
        (output.status.code(), text(&output))
    };
    for (rdp, programmed, what, severity) in [
        (0xCC, Some(1), "locks the chip for ever", "error"),
        (0xBB, Some(0), "read protection level 1", "warning"),
        (0xAA, Some(0), "without any protection", "note"),
    ] {
        let (code, said) = check(rdp, &[]);
        assert!(code == Some(0) && said.contains("warning DF023") && said.contains(what), "{rdp:02X}: {said}");
        assert_eq!(said.contains("--option-bytes` programs them"), rdp == 0xAA, "{said}");
        let (code, said) = check(rdp, &["--option-bytes", "--verbose"]);
        assert!(code == programmed && said.contains(&format!("{severity} DF023")), "{rdp:02X}: {said}");
        assert!(said.contains(what), "{said}");
    }
}

/// What was written before the flash refused stays written, as on a real chip.
#[test]
fn a_state_holds_what_was_written_before_a_refusal() {
    let case = &CASES[0];
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("esc.state");
    let chip = chip(case.part, &bytes(case.full), |f| f.wrp(4, 7).unwrap());
    StateFile::open(&state).unwrap().save(&chip).unwrap();
    let refused = check(&state, &["STANDIN_F051_BOOTLOADER_PB4_V6.bin", case.three[1]]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
    let later = text(&check(&state, &[]));
    assert!(later.contains("after 1.4"), "the V6 bootloader runs now, and it is quick: {later}");
}

/// Code in flash programs a half-word and polls BSY: it never sees it, as its fetches wait (F27).
#[test]
fn code_in_flash_stalls_and_code_in_sram_sees_bsy() {
    // r0 = interface, r1 = target, r2 = data. Counts polls of BSY in r4.
    let program: [u16; 12] = [
        0x2301, // movs r3, #1
        0x6103, // str  r3, [r0, #16]   CR = PG
        0x800A, // strh r2, [r1]
        0x68C3, // poll: ldr r3, [r0, #12]
        0x3401, // adds r4, #1
        0x07DB, // lsls r3, r3, #31
        0xD4FB, // bmi  poll
        0xBE00, 0xBE00, 0xBE00, 0xBE00, 0xBE00,
    ];
    let mut polls = Vec::new();
    for base in [FLASH + 0x100, 0x2000_0100] {
        let image = dryflash_image(&program);
        let mut chip = chip("F051", &image, |f| f);
        chip.power_on();
        for (offset, half) in program.iter().enumerate() {
            chip.debug_write(0x2000_0100 + 2 * offset as u32, Width::Half, u32::from(*half)).unwrap();
        }
        for key in [0x4567_0123, 0xCDEF_89AB] {
            set(&mut chip, 4, key);
        }
        let before = chip.now().time;
        chip.set_registers(|r| {
            r.pc = base;
            r.r[0] = IF;
            r.r[1] = FLASH + 0x800;
            r.r[2] = 0x1234;
            r.r[4] = 0;
        });
        let halt = chip.run(Time::from_millis(5));
        // HardFault's vector is blank: the core locks up where it goes.
        let first = chip.board.log.first_fault().map(|(_, fault)| fault);
        assert_eq!((&halt, first), (&Halt::Lockup, Some(dryflash::cpu::FaultKind::Breakpoint)));
        assert_eq!(chip.board.flash.cells().read(FLASH + 0x800, Width::Half), 0x1234);
        let took = chip.now().time.since(before);
        assert!(took > Time::from_micros(53) && took < Time::from_micros(80), "{took}");
        polls.push(chip.registers().r[4]);
    }
    assert_eq!(polls[0], 1, "from flash one look, and it is over");
    assert!(polls[1] > 30, "from SRAM BSY is seen: {polls:?}");
}

/// A vector table that starts nowhere in particular, and the program at 0x100.
fn dryflash_image(program: &[u16]) -> Vec<u8> {
    let mut image = vec![0xFF; 0x200];
    image[..8].copy_from_slice(&[0, 0x10, 0, 0x20, 1, 1, 0, 8]);
    for (n, half) in program.iter().enumerate() {
        image[0x100 + 2 * n..0x102 + 2 * n].copy_from_slice(&half.to_le_bytes());
    }
    image
}

/// With the probe's view of level 1 the core's own loads from flash are refused as well; after a power cycle without
/// a probe they are not.
#[test]
fn the_lock_out_ends_with_a_power_cycle() {
    let mut chip = chip("F051", &bytes("STANDIN_DRYFLASH_F051_2.20_FULL.bin"), |f| f.rdp(1).unwrap());
    for round in 0..2 {
        chip.power_on();
        assert_eq!(chip.run(Time::from_millis(1)), Halt::Time, "round {round}: runs without a probe");
        assert!(chip.debug_read(0x2000_0000, Width::Word).is_ok(), "SRAM stays open");
        assert!(chip.debug_read(0x1FFF_F800, Width::Word).is_ok(), "so do the option bytes");
        assert!(matches!(chip.run(Time::from_millis(2)), Halt::Fault(_) | Halt::Lockup), "round {round}");
        chip.power_off(7);
    }
}

/// One setting makes flash quick; it shows.
#[test]
fn fast_flash_says_so() {
    let mut chip = chip("G071", &[], |f| f);
    let mut settings = chip.board.flash.settings();
    settings.speed = Speed::Fast;
    chip.board.flash.set_settings(settings);
    let state = dryflash::flash::State::of(chip.board.flash.as_ref()).to_string();
    assert!(state.contains("fast") || state.contains("1 us"), "{state}");
}

#[test]
fn the_usual_power_ups_begin_with_the_one_that_decides() {
    assert_eq!(PowerUp::usual()[0], PowerUp::steady(Level::Low));
}

/// A verdict that rests on a choice of the model says so (DF079), and the other outcome can be had: an F0's bootloader that
/// stores through a null pointer, with PG = 0 (F45). One that does not gets no such note.
#[test]
fn a_verdict_that_rests_on_a_choice_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let image = |name: &str, code: [u16; 3]| {
        let mut bytes: Vec<u8> = [0x2000_1000u32, 0x0800_0009].iter().flat_map(|w| w.to_le_bytes()).collect();
        bytes.extend(code.iter().flat_map(|h| h.to_le_bytes()));
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    // movs r0, #0; strh r0, [r0] or nop; b .
    let (stores, plain) = (image("null.bin", [0x2000, 0x8000, 0xE7FE]), image("plain.bin", [0x2000, 0xBF00, 0xE7FE]));
    let check = |file: &Path, more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
        command.args(["check", "--part", "F051", "--signal", "low", "--bootloader"]).arg(file).args(more);
        text(&command.output().unwrap())
    };
    let faults = check(&stores, &[]);
    assert!(faults.contains("a store to flash with PG = 0 (F45: a choice)"), "{faults}");
    assert!(faults.contains("note DF079: the outcome rests on what the model chooses"), "{faults}");
    assert!(faults.contains("F45 (0x08000000, PC 0x0800000A)"), "{faults}");
    assert!(faults.contains("--f0-store-without-pg ignored shows the other outcome"), "{faults}");
    for engine in ["auto", "unicorn", "interpreter"] {
        let ignored = check(&stores, &["--f0-store-without-pg", "ignored", "--engine", engine]);
        assert!(!ignored.contains("bus error") && !ignored.contains("DF056"), "{ignored}");
        assert!(ignored.contains("DF079") && ignored.contains("nothing happened"), "{ignored}");
    }
    assert!(!check(&plain, &[]).contains("DF079"));
}
