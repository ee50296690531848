//! Millions of instructions a second, in loops of ALU instructions, loads and stores: the chip with each engine and all
//! its rules, beside Unicorn with nothing around it. And one second of an app's life.
//!
//! The loops count down, so that no round is like the one before: none is skipped. An app's rounds are, where it waits:
//! what it does in a second of the host's time is measured both with that and without.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dryflash::chip::program::program;
use dryflash::chip::{Chip, Halt};
use dryflash::cpu::hybrid::Engine;
use dryflash::image::Image;
use dryflash::part;
use dryflash::periph::signal::{Drive, Signal};
use dryflash::time::Time;
use std::path::{Path, PathBuf};
use std::time::Duration;
use unicorn_engine::unicorn_const::{Arch, Mode, Prot};
use unicorn_engine::{ArmCpuModel, RegisterARM, Unicorn};

const FLASH: u32 = 0x0800_0000;

/// Instructions of one round of each loop, the branch back included.
const ROUND: u64 = 8;

/// A program's name and its half-words behind the vector table: set-up, then a loop of [`ROUND`] instructions that
/// counts r7 down, and a `b .`.
const LOOPS: [(&str, &[u16]); 3] = [
    // adds, eors, lsls, subs, muls, rors; subs r7; bne
    ("ALU", &[0x3001, 0x4041, 0x0042, 0x1A83, 0x4351, 0x41C8, 0x3F01, 0xD1F7, 0xE7FE]),
    // ldr r0..r5, [r6, #..]; subs r7; bne
    ("loads", &[0x6830, 0x6871, 0x68B2, 0x68F3, 0x6934, 0x6975, 0x3F01, 0xD1F7, 0xE7FE]),
    // str r0..r5, [r6, #..]; subs r7; bne
    ("stores", &[0x6030, 0x6071, 0x60B2, 0x60F3, 0x6134, 0x6175, 0x3F01, 0xD1F7, 0xE7FE]),
];

const ROUNDS: u64 = 200_000;

/// The loop at the reset vector, as a flash image.
fn image_of(code: &[u16]) -> Vec<u8> {
    let vectors: [u32; 2] = [0x2000_1000, FLASH + 9];
    vectors.iter().flat_map(|w| w.to_le_bytes()).chain(code.iter().flat_map(|h| h.to_le_bytes())).collect()
}

fn chip_with(code: &[u16], engine: Engine) -> Chip {
    let part = part::find("F051").expect("a part that is modelled");
    let mut chip = Chip::with_engine(&part, 1, engine).expect("the engine starts");
    chip.power_on();
    let image = Image::parse("loop.bin", &image_of(code), Some(FLASH)).expect("a .bin");
    program(&mut chip, &image, false).expect("a blank chip takes it");
    chip.power_off(1);
    chip.power_on();
    chip
}

fn run_chip(chip: &mut Chip) {
    chip.set_registers(|r| {
        r.r[6] = 0x2000_0100;
        r.r[7] = ROUNDS as u32;
        r.pc = FLASH + 8;
    });
    let first = chip.instructions();
    // At least a cycle an instruction, and no more than three.
    let end = chip.now().cycle + ROUNDS * ROUND;
    assert_eq!(chip.run_to_cycle(end), Halt::Time);
    assert!(chip.instructions() - first > ROUNDS * ROUND / 3);
}

/// How many instructions [`run_chip`] executes.
fn executed(code: &[u16]) -> u64 {
    let mut chip = chip_with(code, Engine::Interpreter);
    let first = chip.instructions();
    run_chip(&mut chip);
    chip.instructions() - first
}

fn bare(code: &[u16]) -> Unicorn<'static, ()> {
    let mut uc = Unicorn::new(Arch::ARM, Mode::THUMB).expect("Unicorn opens");
    uc.ctl_set_cpu_model(ArmCpuModel::CORTEX_M0 as i32).expect("a model that it has");
    uc.mem_map(u64::from(FLASH), 0x8000, Prot::ALL).expect("flash");
    uc.mem_map(0x2000_0000, 0x2000, Prot::ALL).expect("SRAM");
    uc.mem_write(u64::from(FLASH), &image_of(code)).expect("the loop");
    uc
}

fn run_bare(uc: &mut Unicorn<'static, ()>) {
    uc.reg_write(RegisterARM::R6, 0x2000_0100).expect("a register");
    uc.reg_write(RegisterARM::R7, ROUNDS).expect("a register");
    uc.emu_start(u64::from(FLASH + 9), u64::from(FLASH + 8 + 2 * ROUND as u32), 0, 0).expect("it runs");
}

fn loops(c: &mut Criterion) {
    let mut group = c.benchmark_group("engines");
    group.sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for (name, code) in LOOPS {
        group.throughput(Throughput::Elements(executed(code)));
        for (engine, with) in [
            (Engine::Auto, "as chips run"),
            (Engine::Interpreter, "interpreter"),
            (Engine::Unicorn, "Unicorn with all rules"),
        ] {
            let mut chip = chip_with(code, engine);
            group.bench_function(format!("{name}, {with}"), |b| b.iter(|| run_chip(&mut chip)));
        }
        group.throughput(Throughput::Elements(ROUNDS * ROUND));
        let mut uc = bare(code);
        group.bench_function(format!("{name}, bare Unicorn"), |b| b.iter(|| run_bare(&mut uc)));
    }
    group.finish();
}

/// The stand-in, and a real app where `DRYFLASH_REAL_APP` names a _FULL image or an app's hex for the F051.
fn apps() -> Vec<(String, PathBuf)> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built");
    let mut apps = vec![("stand-in".to_owned(), built.join("STANDIN_DRYFLASH_F051_2.20.hex"))];
    if let Some(path) = std::env::var_os("DRYFLASH_REAL_APP") {
        apps.push(("DRYFLASH_REAL_APP".to_owned(), path.into()));
    }
    apps
}

fn one_second(c: &mut Criterion) {
    let mut group = c.benchmark_group("one second of an app");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built");
    for (name, path) in apps() {
        let part = part::find("F051").expect("a part that is modelled");
        for (engine, skips, with) in [
            (Engine::Auto, true, "as chips run"),
            (Engine::Auto, false, "every round executed"),
            (Engine::Unicorn, true, "Unicorn alone"),
        ] {
            let mut chip = Chip::with_engine(&part, 1, engine).expect("the engine starts");
            chip.set_skipping(skips);
            chip.power_on();
            let files = [
                (built.join("STANDIN_F051_BOOTLOADER_PB4_V14.bin"), FLASH),
                (path.clone(), FLASH),
                (built.join("STANDIN_EEPROM_V2_1K.bin"), 0x0800_7C00),
            ];
            for (file, at) in files {
                let bin = file.extension().is_some_and(|e| e == "bin");
                let image = Image::load(&file, bin.then_some(at)).expect("an image");
                program(&mut chip, &image, false).expect("a blank chip takes it");
            }
            chip.power_off(1);
            chip.drive('B', 4, Signal::steady(Drive::Low));
            // To the main loop, past bootloader and tune.
            chip.power_on();
            assert_eq!(chip.run(Time::from_millis(800)), Halt::Time, "{name}");
            let code = 0x0800_1000..chip.part().flash.end();
            assert!(chip.board.heartbeat.steady(&code).is_some(), "{name} has reached its loop");
            let saved = chip.save();
            let first = chip.instructions();
            assert_eq!(chip.run(Time::from_millis(1_800)), Halt::Time, "{name}");
            // Rounds that were skipped count as executed: with skipping it is no measure of the engine.
            group.throughput(Throughput::Elements(chip.instructions() - first));
            group.bench_function(format!("{name}, {with}"), |b| {
                b.iter(|| {
                    chip.restore(&saved).expect("the same part");
                    assert_eq!(chip.run(Time::from_millis(1_800)), Halt::Time);
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, loops, one_second);
criterion_main!(benches);
