//! The DWT's comparators on every engine: what they match, where the core stops, and that looking costs no time.

use dryflash::bus::Width;
use dryflash::chip::{Chip, Halt};
use dryflash::cpu::hybrid::Engine;
use dryflash::flash::Factory;
use dryflash::part;
use dryflash::periph::signal::{Drive, Signal};
use dryflash::probe::Target;
use dryflash::time::Time;

const ENGINES: [Engine; 3] = [Engine::Interpreter, Engine::Unicorn, Engine::Auto];

const DFSR: u32 = 0xE000_ED30;
const DWTTRAP: u32 = 1 << 2;
const DHCSR: u32 = 0xE000_EDF0;
const RUN: u32 = 0xA05F_0001;
const HALT: u32 = 0xA05F_0003;
const DEMCR: u32 = 0xE000_EDFC;
const TRCENA: u32 = 1 << 24;
const COMP0: u32 = 0xE000_1020;
const MATCHED: u32 = 1 << 24;

const CODE: u32 = 0x2000_0100;
const LOOP: u32 = CODE + 0x0A;
const STACK: u32 = 0x2000_1000;

/// r0 = 0x2000_0200, and then round and round: str, ldr, strb, ldrh, stm, push, pop.
const PROGRAM: [u16; 15] = [
    0x2020, 0x0600, 0x2180, 0x0089, 0x1840, // movs r0, #32; lsls r0, #24; movs r1, #128; lsls r1, #2; adds r0, r1
    0x6002, 0x6803, 0x7142, 0x8883, // str r2, [r0]; ldr r3, [r0]; strb r2, [r0, #5]; ldrh r3, [r0, #4]
    0xC00C, 0x3808, // stmia r0!, {r2, r3}; subs r0, #8
    0xB40C, 0xBC0C, // push {r2, r3}; pop {r2, r3}
    0x3201, 0xE7F5, // adds r2, #1; b LOOP
];

fn put(target: &mut Target, address: u32, value: u32) {
    target.write(address, Width::Word, value).unwrap();
}

fn get(target: &mut Target, address: u32) -> u32 {
    target.read(address, Width::Word).unwrap()
}

/// A halted core before the program.
fn target(name: &str, engine: Engine) -> Target {
    let mut chip = Chip::with_engine(&part::find(name).unwrap(), 1, engine).unwrap();
    chip.power_on();
    let mut target = Target::new(chip);
    put(&mut target, DHCSR, HALT);
    put(&mut target, DEMCR, TRCENA);
    for (n, half) in (0u32..).zip(PROGRAM) {
        target.write(CODE + 2 * n, Width::Half, half.into()).unwrap();
    }
    target.set_register(13, STACK);
    target.set_register(15, CODE);
    target.set_register(16, 1 << 24);
    target
}

fn watch(target: &mut Target, n: u32, address: u32, mask: u32, function: u32) {
    put(target, COMP0 + 0x10 * n, address);
    put(target, COMP0 + 0x10 * n + 4, mask);
    put(target, COMP0 + 0x10 * n + 8, function);
}

/// Runs to the next stop: PC and cycle.
fn stop(target: &mut Target) -> Option<(u32, u64)> {
    put(target, DFSR, 0x1F);
    put(target, DHCSR, RUN);
    target.run(20_000);
    if !target.is_halted() {
        put(target, DHCSR, HALT);
        return None;
    }
    assert_eq!(get(target, DFSR), DWTTRAP);
    Some((target.register(15), target.chip.now().cycle))
}

#[test]
fn what_is_matched_and_where_the_core_stops() {
    let word = 0x2000_0200;
    // Address, mask, function; where the core stops, from the loop's head, in two rounds.
    let cases: &[(u32, u32, u32, &[u32])] = &[
        (word, 2, 6, &[2, 10, 2, 10]),
        (word, 2, 5, &[4, 4]),
        (word, 2, 7, &[2, 4, 10, 2, 4, 10]),
        (word + 5, 0, 7, &[6, 8, 10, 6, 8, 10]),
        (word + 4, 2, 5, &[8, 8]),
        (word + 6, 0, 6, &[10, 10]),
        (STACK - 4, 2, 6, &[14, 14]),
        (STACK - 8, 3, 7, &[14, 16, 14, 16]),
        (LOOP + 0x10, 0, 4, &[18, 18]),
        (word + 8, 3, 7, &[]),
        // Reserved functions match nothing.
        (word, 2, 8, &[]),
    ];
    for name in ["F051", "G071"] {
        for (address, mask, function, stops) in cases {
            let mut seen = Vec::new();
            for engine in ENGINES {
                let mut target = target(name, engine);
                watch(&mut target, 1, *address, *mask, *function);
                assert_eq!(get(&mut target, COMP0 + 0x18), *function, "nothing has matched yet");
                let mut all = Vec::new();
                for at in *stops {
                    let (pc, cycle) = stop(&mut target).expect("it stops");
                    assert_eq!(pc, LOOP + at, "{name}, {engine:?}: {address:08x}, function {function}");
                    assert_eq!(get(&mut target, COMP0 + 0x18), function | MATCHED);
                    assert_eq!(get(&mut target, COMP0 + 0x18), *function, "the load has cleared it");
                    assert_eq!(get(&mut target, COMP0 + 0x08), 0, "the other has not matched");
                    all.push(cycle);
                }
                if stops.is_empty() {
                    assert_eq!(stop(&mut target), None, "{name}, {engine:?}: {address:08x}, function {function}");
                }
                seen.push(all);
            }
            assert!(seen.iter().all(|s| *s == seen[0]), "{name}: the engines differ: {seen:?}");
        }
    }
}

#[test]
fn it_takes_debugging_and_trcena() {
    for engine in ENGINES {
        let mut target = target("F051", engine);
        watch(&mut target, 0, 0x2000_0200, 2, 7);
        put(&mut target, DEMCR, 0);
        assert_eq!(stop(&mut target), None, "{engine:?}");
        put(&mut target, DEMCR, TRCENA);
        assert!(stop(&mut target).is_some(), "{engine:?}");
        // Stepping matches as well.
        target.set_register(15, LOOP);
        put(&mut target, DHCSR, 0xA05F_0005);
        assert_eq!((target.register(15), get(&mut target, COMP0 + 8)), (LOOP + 2, 7 | MATCHED), "{engine:?}");
        assert_eq!(get(&mut target, DFSR) & DWTTRAP, DWTTRAP);
        // Nobody debugs: nobody stops.
        put(&mut target, DHCSR, 0xA05F_0000);
        target.run(20_000);
        assert!(!target.is_halted(), "{engine:?}");
    }
}

/// A stand-in ESC that left the factory whole, before its power-on, with the wire low.
fn esc(engine: Engine) -> Chip {
    let part = part::find("F051").unwrap();
    let mut chip = Chip::with_engine(&part, 1, engine).unwrap();
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built");
    let image = std::fs::read(path.join("STANDIN_DRYFLASH_F051_2.20_FULL.bin")).unwrap();
    let factory = Factory::of(chip.board.flash.as_ref(), part.flash.wrp_pages).cells(part.flash.base, &image).unwrap();
    factory.install(chip.board.flash.as_mut()).unwrap();
    chip.drive('B', 4, Signal::steady(Drive::Low));
    chip
}

/// The bootloader polls and is skipped through; a watchpoint sees every access all the same, at the same time, and one
/// that never matches changes nothing.
#[test]
fn polls_are_not_skipped_over_and_time_is_the_same() {
    let boot_byte = 0x0800_7C00;
    let app = 0x0800_10C0;
    let mut plain = esc(Engine::Auto);
    plain.watch(std::slice::from_ref(&(boot_byte..boot_byte + 1)));
    plain.power_on();
    plain.stop_at(&[app]);
    assert_eq!(plain.run(Time::from_millis(400)), Halt::Inside);
    let load = plain.board.watched[0];
    for engine in ENGINES {
        let mut chip = esc(engine);
        chip.power_on();
        let mut target = Target::new(chip);
        put(&mut target, DHCSR, HALT);
        put(&mut target, DEMCR, TRCENA);
        watch(&mut target, 0, boot_byte, 0, 5);
        put(&mut target, DHCSR, RUN);
        target.run(10_000_000);
        assert!(target.is_halted(), "{engine:?}");
        assert_eq!(target.register(15), load.pc + 2, "{engine:?}");
        assert!(target.chip.now().time.since(load.time) < Time::from_micros(2), "{engine:?}");
        // On to the app, with a watch that never matches.
        watch(&mut target, 0, 0x4800_0410, 2, 6);
        put(&mut target, 0xE000_2000, 3);
        put(&mut target, 0xE000_2008, app | 1 << 30 | 1);
        put(&mut target, DHCSR, RUN);
        target.run(10_000_000);
        assert_eq!(target.register(15), app, "{engine:?}");
        assert_eq!(target.chip.now(), plain.now(), "{engine:?}: looking took time");
        assert_eq!(target.chip.instructions(), plain.instructions(), "{engine:?}");
    }
}
