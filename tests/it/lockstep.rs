//! Two engines, one answer: Unicorn and the interpreter go through the same images side by side, and the interpreter
//! goes through them with and without skipping polls.
//!
//! `DRYFLASH_REAL_IMAGES=DIR cargo test --release --test it lockstep::` takes the images under DIR as well: every
//! bootloader (`*BOOTLOADER*.bin`) with a stand-in app, and every app (`.hex`) behind a stand-in bootloader.

use crate::support::bench::{Case, cases, real_cases};
use dryflash::bus::ResetCause;
use dryflash::chip::{Chip, Halt};
use dryflash::cpu::hybrid::Engine;
use dryflash::periph::signal::Drive;
use dryflash::time::Time;

/// How the engines are told apart in messages, and everything that a run leaves behind.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    halt: Halt,
    cycle: u64,
    registers: dryflash::cpu::Registers,
    events: Vec<dryflash::chip::Event>,
    sampled: Vec<dryflash::chip::SampledPin>,
    polled: Vec<dryflash::chip::Polled>,
    watched: Vec<dryflash::chip::WatchedLoad>,
    instructions: u64,
    memory: (u64, u64),
}

/// A hash of SRAM and one of flash.
fn memory(chip: &Chip) -> (u64, u64) {
    let hash = |bytes: Vec<u8>| {
        // FNV-1a over words: any change shows.
        bytes.chunks(8).fold(0xCBF2_9CE4_8422_2325u64, |h, c| {
            let word = c.iter().rev().fold(0u64, |w, b| w << 8 | u64::from(*b));
            (h ^ word).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(29)
        })
    };
    let flash = chip.part().flash;
    let sram = &chip.board.sram;
    (hash(sram.bytes(0, sram.len())), hash(chip.board.flash.cells().bytes(flash.base, flash.size)))
}

pub fn outcome(chip: &mut Chip, halt: Halt) -> Outcome {
    Outcome {
        halt,
        cycle: chip.now().cycle,
        registers: chip.registers(),
        events: chip.board.log.events.clone(),
        sampled: chip.sampled_pins(),
        polled: chip.board.polled(chip.now().cycle),
        watched: chip.board.watched.clone(),
        instructions: chip.instructions(),
        memory: memory(chip),
    }
}

/// Ways to power up: the wire, a software reset right after, and how long to watch.
const POWER_UPS: [(Drive, bool, u64); 3] = [(Drive::Low, false, 12), (Drive::High, false, 25), (Drive::Low, true, 25)];

fn power_up(case: &Case, engine: Engine, skipping: bool, (drive, reset, _): (Drive, bool, u64)) -> Chip {
    let mut chip = case.chip(engine);
    chip.set_skipping(skipping);
    let boot_byte = case.eeprom..case.eeprom + 1;
    chip.watch(std::slice::from_ref(&boot_byte));
    case.drive(&mut chip, drive);
    chip.power_on();
    if reset {
        chip.reset(ResetCause::Software);
    }
    chip
}

/// Runs on, through resets and faults, as a chip does.
pub fn run_on(chip: &mut Chip, until: Time) -> Halt {
    for _ in 0..20 {
        match chip.run(until) {
            Halt::Reset(_) | Halt::Fault(_) => {}
            halt => return halt,
        }
    }
    Halt::Time
}

/// Block by block where the code is new, in long strides later.
fn in_lockstep(case: &Case, power: (Drive, bool, u64), blocks: usize) {
    let mut record = power_up(case, Engine::Unicorn, false, power);
    let mut second = power_up(case, Engine::Interpreter, false, power);
    let end = Time::from_millis(power.2);
    let mut step = 0usize;
    let mut random = 0x9E37_79B9u32;
    loop {
        let before = second.now().cycle;
        let mut halt = Halt::Time;
        if step < blocks {
            // To the end of a block: the next PC is not the next address.
            for _ in 0..40 {
                let pc = second.registers().pc;
                halt = second.run_to_cycle(second.now().cycle + 1);
                let after = second.registers().pc;
                if halt != Halt::Time || !matches!(after.wrapping_sub(pc), 2 | 4) {
                    break;
                }
            }
        } else {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            halt = second.run_to_cycle(before + u64::from(random >> 16) + 500);
        }
        let same = record.run_to_cycle(second.now().cycle);
        let at = format!("{case}, {power:?}, step {step}, from cycle {before}");
        assert_eq!(same, halt, "{at}");
        assert_eq!(record.now(), second.now(), "{at}");
        assert_eq!(record.registers(), second.registers(), "{at}");
        assert_eq!(record.instructions(), second.instructions(), "{at}");
        if step.is_multiple_of(256) {
            assert_eq!(memory(&record), memory(&second), "{at}");
        }
        step += 1;
        let over = second.now().time >= end || second.now().cycle == before;
        if over || !matches!(halt, Halt::Time | Halt::Reset(_) | Halt::Fault(_)) {
            assert_eq!(outcome(&mut record, same), outcome(&mut second, halt), "{case}, {power:?}, at the end");
            return;
        }
    }
}

#[test]
fn both_engines_do_the_same_block_by_block() {
    for case in cases() {
        for power in POWER_UPS {
            in_lockstep(&case, power, 1_500);
        }
    }
}

#[test]
fn both_engines_do_the_same_with_real_images() {
    for case in real_cases() {
        for power in POWER_UPS {
            in_lockstep(&case, (power.0, power.1, 60), 30_000);
        }
    }
}

/// With and without skipping, with Unicorn alone, and as chips usually run.
fn every_way(case: &Case, power: (Drive, bool, u64), millis: u64, unicorn: bool) {
    let end = Time::from_millis(millis);
    let run = |engine, skipping| {
        let mut chip = power_up(case, engine, skipping, power);
        let halt = run_on(&mut chip, end);
        outcome(&mut chip, halt)
    };
    let skipped = run(Engine::Interpreter, true);
    assert_eq!(skipped, run(Engine::Interpreter, false), "{case}, {power:?}: skipping changes nothing");
    assert_eq!(skipped, run(Engine::Auto, true), "{case}, {power:?}: engines that hand over change nothing");
    if unicorn {
        assert_eq!(skipped, run(Engine::Unicorn, false), "{case}, {power:?}: Unicorn does the same");
    }
}

#[test]
fn skipping_and_handing_over_change_nothing() {
    for (n, case) in cases().iter().enumerate() {
        for power in POWER_UPS {
            every_way(case, power, 150, n.is_multiple_of(8));
        }
    }
}

#[test]
fn skipping_changes_nothing_with_real_images() {
    for case in real_cases() {
        for power in POWER_UPS {
            every_way(&case, power, 1_500, true);
        }
    }
}
