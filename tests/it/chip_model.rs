//! The model of a chip, driven by a few Thumb instructions at a time.

use dryflash::bus::{BootSource, ResetCause, Width};
use dryflash::chip::{Chip, EventKind, Halt, SavedChip};
use dryflash::cpu::FaultKind;
use dryflash::flash::factory::Factory;
use dryflash::part::{self, Family};
use dryflash::periph::signal::{Drive, Signal};
use dryflash::time::Time;
use std::path::Path;

const FLASH: u32 = 0x0800_0000;
/// Where a program's value goes that a test decides.
const OPEN: [u16; 2] = [0xC5C5, 0xC5C5];

/// Reads GPIOA's MODER and writes its ODR with the clock off, then with it on.
#[rustfmt::skip]
const GATED: &[u16] = &[
    0x1000, 0x2000, 0x0009, 0x0800, // vectors
    0x4808,           // start: ldr r0, =0x48000000
    0x4C09,           // ldr r4, =0x20000000
    0x6801,           // ldr r1, [r0, #0x00]
    0x6021,           // str r1, [r4, #0]
    0x2205,           // movs r2, #5
    0x6142,           // str r2, [r0, #0x14]
    0x4B07,           // ldr r3, =0x40021000
    0x2101,           // movs r1, #1
    0x0449,           // lsls r1, r1, #17
    0x6159,           // str r1, [r3, #0x14]
    0x6801,           // ldr r1, [r0, #0x00]
    0x6061,           // str r1, [r4, #4]
    0x6941,           // ldr r1, [r0, #0x14]
    0x60A1,           // str r1, [r4, #8]
    0x6142,           // str r2, [r0, #0x14]
    0x6941,           // ldr r1, [r0, #0x14]
    0x60E1,           // str r1, [r4, #12]
    0xE7FE,           // b .
    0x0000, 0x4800,   // .word 0x48000000
    0x0000, 0x2000,   // .word 0x20000000
    0x1000, 0x4002,   // .word 0x40021000
];

/// Starts the PLL for 48 MHz, waits for it, and switches to it.
#[rustfmt::skip]
const PLL: &[u16] = &[
    0x1000, 0x2000, 0x0009, 0x0800, // vectors
    0x4808,           // start: ldr r0, =0x40021000
    0x4909,           // ldr r1, =0x00280000
    0x6041,           // str r1, [r0, #0x04]
    0x6801,           // ldr r1, [r0, #0x00]
    0x2201,           // movs r2, #1
    0x0612,           // lsls r2, r2, #24
    0x4311,           // orrs r1, r2
    0x6001,           // str r1, [r0, #0x00]
    0x0052,           // lsls r2, r2, #1
    0x6801,           // wait: ldr r1, [r0, #0x00]
    0x4211,           // tst r1, r2
    0xD0FC,           // beq wait
    0x6841,           // ldr r1, [r0, #0x04]
    0x2202,           // movs r2, #2
    0x4311,           // orrs r1, r2
    0x6041,           // str r1, [r0, #0x04]
    0xE7FE,           // b .
    0x46C0,           // (padding)
    0x1000, 0x4002,   // .word 0x40021000
    0x0000, 0x0028,   // .word 0x00280000
];

/// Puts a word and an SVCall vector into SRAM, maps SRAM to 0, reads the word there and calls.
#[rustfmt::skip]
const REMAP: &[u16] = &[
    0x1000, 0x2000, 0x0039, 0x0800, 0x0000, 0x0000, 0x0000, 0x0000, // vectors
    0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000,
    0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0031, 0x0800,
    0x2601,           // flash_svc: movs r6, #1
    0x4770,           // bx lr
    0x2602,           // sram_svc: movs r6, #2
    0x4770,           // bx lr
    0x4C07,           // start: ldr r4, =0x20000000
    0x4908,           // ldr r1, =0x12345678
    0x6021,           // str r1, [r4, #0]
    0x4908,           // ldr r1, =sram_svc + 1
    0x62E1,           // str r1, [r4, #0x2C]
    0x4808,           // ldr r0, =0x40021000
    0x2101,           // movs r1, #1
    0x6181,           // str r1, [r0, #0x18]
    0x4807,           // ldr r0, =0x40010000
    0x2103,           // movs r1, #3
    0x6001,           // str r1, [r0, #0]
    0x2300,           // movs r3, #0
    0x681D,           // ldr r5, [r3, #0]
    0xDF00,           // svc #0
    0xE7FE,           // b .
    0x46C0,           // (padding)
    0x0000, 0x2000,   // .word 0x20000000
    0x5678, 0x1234,   // .word 0x12345678
    0x0035, 0x0800,   // .word 0x08000035
    0x1000, 0x4002,   // .word 0x40021000
    0x0000, 0x4001,   // .word 0x40010000
];

/// Points VTOR at SRAM, reads it back, and calls.
#[rustfmt::skip]
const VTOR: &[u16] = &[
    0x1000, 0x2000, 0x0039, 0x0800, 0x0000, 0x0000, 0x0000, 0x0000, // vectors
    0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000,
    0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0031, 0x0800,
    0x2601,           // flash_svc: movs r6, #1
    0x4770,           // bx lr
    0x2602,           // sram_svc: movs r6, #2
    0x4770,           // bx lr
    0x4C03,           // start: ldr r4, =0x20000000
    0x4904,           // ldr r1, =sram_svc + 1
    0x62E1,           // str r1, [r4, #0x2C]
    0x4804,           // ldr r0, =0xE000ED08
    0x6004,           // str r4, [r0, #0]
    0x6805,           // ldr r5, [r0, #0]
    0xDF00,           // svc #0
    0xE7FE,           // b .
    0x0000, 0x2000,   // .word 0x20000000
    0x0035, 0x0800,   // .word 0x08000035
    0xED08, 0xE000,   // .word 0xE000ED08
];

/// Two instructions that fault; the handler keeps each stacked PC, and goes on behind it.
#[rustfmt::skip]
const FAULTS: &[u16] = &[
    0x1000, 0x2000, 0x001B, 0x0800, 0x0000, 0x0000, 0x0011, 0x0800, // vectors
    0x9806,           // hard_fault: ldr r0, [sp, #24]
    0xC401,           // stmia r4!, {r0}
    0x3002,           // adds r0, #2
    0x9006,           // str r0, [sp, #24]
    0x4770,           // bx lr
    0x4C02,           // start: ldr r4, =0x20000000
    0x4D02,           // ldr r5, =0x20000101
    0xDE00,           // udf #0
    0x6829,           // ldr r1, [r5, #0]
    0xE7FE,           // b .
    0x0000, 0x2000,   // .word 0x20000000
    0x0101, 0x2000,   // .word 0x20000101
];

/// A fault whose handler faults.
#[rustfmt::skip]
const LOCKUP: &[u16] = &[
    0x1000, 0x2000, 0x0013, 0x0800, 0x0000, 0x0000, 0x0011, 0x0800, // vectors
    0xDE01,           // hard_fault: udf #1
    0xDE00,           // start: udf #0
    0xE7FE,           // b .
    0x46C0,           // (padding)
];

/// Power-on: a software reset. After that: the watchdog, and an idle loop. After that: the end.
/// RCC_CSR is kept at each start; its address is open.
#[rustfmt::skip]
const RESETS: &[u16] = &[
    0x1000, 0x2000, 0x0009, 0x0800, // vectors
    0x4809,           // start: ldr r0, =0xC5C5C5C5
    0x6801,           // ldr r1, [r0, #0]
    0x4C09,           // ldr r4, =0x20000000
    0x008A,           // lsls r2, r1, #2
    0xD40B,           // bmi after_watchdog
    0x00CA,           // lsls r2, r1, #3
    0xD404,           // bmi after_software
    0x6021,           // str r1, [r4, #0]
    0x4807,           // ldr r0, =0xE000ED0C
    0x4908,           // ldr r1, =0x05FA0004
    0x6001,           // str r1, [r0, #0]
    0xE7FE,           // b .
    0x6061,           // after_software: str r1, [r4, #4]
    0x4807,           // ldr r0, =0x40003000
    0x4907,           // ldr r1, =0xCCCC
    0x6001,           // str r1, [r0, #0]
    0xE7FE,           // b .
    0x60A1,           // after_watchdog: str r1, [r4, #8]
    0xE7FE,           // b .
    0x46C0,           // (padding)
    0xC5C5, 0xC5C5,   // .word 0xC5C5C5C5
    0x0000, 0x2000,   // .word 0x20000000
    0xED0C, 0xE000,   // .word 0xE000ED0C
    0x0004, 0x05FA,   // .word 0x05FA0004
    0x3000, 0x4000,   // .word 0x40003000
    0xCCCC, 0x0000,   // .word 0x0000CCCC
];

/// SysTick every 1,000 cycles: r6 counts the interrupts, r5 is CVR in the last, r7 counts wake-ups.
#[rustfmt::skip]
const SYSTICK: &[u16] = &[
    0x1000, 0x2000, 0x0047, 0x0800, 0x0000, 0x0000, 0x0000, 0x0000, // vectors
    0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000,
    0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000,
    0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0041, 0x0800,
    0x6885,           // systick: ldr r5, [r0, #8]
    0x3601,           // adds r6, #1
    0x4770,           // bx lr
    0x2600,           // start: movs r6, #0
    0x2700,           // movs r7, #0
    0x4804,           // ldr r0, =0xE000E010
    0x4904,           // ldr r1, =999
    0x6041,           // str r1, [r0, #4]
    0x6081,           // str r1, [r0, #8]
    0x2107,           // movs r1, #7
    0x6001,           // str r1, [r0, #0]
    0xBF30,           // sleep: wfi
    0x3701,           // adds r7, #1
    0xE7FC,           // b sleep
    0xE010, 0xE000,   // .word 0xE000E010
    0x03E7, 0x0000,   // .word 0x000003E7
];

/// SVCall pends PendSV: each writes its number, to show the order. SHPR2's value is open.
#[rustfmt::skip]
const CALLS: &[u16] = &[
    0x1000, 0x2000, 0x0059, 0x0800, 0x0000, 0x0000, 0x0000, 0x0000, // vectors
    0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000,
    0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x003D, 0x0800,
    0x0000, 0x0000, 0x0000, 0x0000, 0x0051, 0x0800,
    0x2002,           // svcall: movs r0, #2
    0x7020,           // strb r0, [r4]
    0x3401,           // adds r4, #1
    0x600A,           // str r2, [r1, #0]
    0xF3BF, 0x8F6F,   // isb
    0x2003,           // movs r0, #3
    0x7020,           // strb r0, [r4]
    0x3401,           // adds r4, #1
    0x4770,           // bx lr
    0x2009,           // pendsv: movs r0, #9
    0x7020,           // strb r0, [r4]
    0x3401,           // adds r4, #1
    0x4770,           // bx lr
    0x4C06,           // start: ldr r4, =0x20000000
    0x4907,           // ldr r1, =0xE000ED1C
    0x4A07,           // ldr r2, =0xC5C5C5C5
    0x600A,           // str r2, [r1, #0]
    0x4907,           // ldr r1, =0xE000ED04
    0x2201,           // movs r2, #1
    0x0712,           // lsls r2, r2, #28
    0x2001,           // movs r0, #1
    0x7020,           // strb r0, [r4]
    0x3401,           // adds r4, #1
    0xDF00,           // svc #0
    0x2004,           // movs r0, #4
    0x7020,           // strb r0, [r4]
    0xE7FE,           // b .
    0x0000, 0x2000,   // .word 0x20000000
    0xED1C, 0xE000,   // .word 0xE000ED1C
    0xC5C5, 0xC5C5,   // .word 0xC5C5C5C5
    0xED04, 0xE000,   // .word 0xE000ED04
];

/// Reads the words at the addresses behind it, up to a 0, and keeps them in SRAM.
#[rustfmt::skip]
const PEEK: &[u16] = &[
    0x1000, 0x2000, 0x0009, 0x0800, // vectors
    0xA404,           // start: adr r4, table
    0x4D03,           // ldr r5, =0x20000000
    0xCC02,           // next: ldmia r4!, {r1}
    0x2900,           // cmp r1, #0
    0xD0FE,           // beq .
    0x680A,           // ldr r2, [r1, #0]
    0xC504,           // stmia r5!, {r2}
    0xE7F9,           // b next
    0x0000, 0x2000,   // .word 0x20000000
];

/// A chip without power whose flash holds these bytes.
fn factory(part: &str, seed: u64, pieces: &[(u32, &[u8])]) -> Chip {
    let part = part::find(part).unwrap();
    let mut chip = Chip::new(&part, seed).unwrap();
    let blank = Factory::of(chip.board.flash.as_ref(), part.flash.wrp_pages);
    let full = pieces.iter().fold(blank, |factory, (address, bytes)| factory.cells(*address, bytes).unwrap());
    full.install(chip.board.flash.as_mut()).unwrap();
    chip
}

fn bytes(code: &[u16]) -> Vec<u8> {
    code.iter().flat_map(|half| half.to_le_bytes()).collect()
}

/// A chip at its reset vector.
fn powered(part: &str, code: &[u16]) -> Chip {
    let mut chip = factory(part, 1, &[(FLASH, &bytes(code))]);
    chip.power_on();
    chip
}

/// The program with a value in its open place.
fn filled(code: &[u16], value: u32) -> Vec<u16> {
    let at = code.windows(2).position(|pair| pair == OPEN).unwrap();
    [&code[..at], &words(&[value]), &code[at + 2..]].concat()
}

fn words(words: &[u32]) -> Vec<u16> {
    words.iter().flat_map(|w| [*w as u16, (*w >> 16) as u16]).collect()
}

/// The first words of SRAM.
fn sram<const N: usize>(chip: &Chip) -> [u32; N] {
    std::array::from_fn(|n| chip.board.sram.word(4 * n))
}

/// Runs to this time since power-on; nothing must happen before.
#[track_caller]
fn run_to(chip: &mut Chip, time: Time) {
    assert_eq!(chip.run(time), Halt::Time, "{:?}", chip.board.log.events);
}

#[test]
fn a_block_without_its_clock_reads_0_and_drops_writes() {
    let mut chip = powered("F051", GATED);
    run_to(&mut chip, Time::from_micros(50));
    // The reset value of GPIOA's MODER holds the debug pins as alternate functions.
    assert_eq!(sram(&chip), [0, 0x2800_0000, 0, 5]);
    let told: Vec<u32> = chip.board.log.notes().map(|(_, address, ..)| address).collect();
    assert_eq!(told, [0x4800_0000], "that its clock was off is told once");
}

#[test]
fn the_pll_is_ready_after_its_start_up_and_changes_the_time_of_a_cycle() {
    let mut chip = powered("F051", PLL);
    let cycles = |chip: &mut Chip, from, to| {
        run_to(chip, Time::from_micros(from));
        let start = chip.now().cycle;
        run_to(chip, Time::from_micros(to));
        chip.now().cycle - start
    };
    assert!(cycles(&mut chip, 20, 90).abs_diff(70 * 8) < 4, "8 MHz from HSI");
    assert!(cycles(&mut chip, 150, 1_150).abs_diff(1_000 * 48) < 4, "48 MHz from the PLL");
    let clocks: Vec<_> = chip.board.log.events.iter().filter(|e| matches!(e.kind, EventKind::Clock { .. })).collect();
    let [switched] = clocks[..] else { panic!("{clocks:?}") };
    assert_eq!(switched.kind, EventKind::Clock { hz: 48_000_000 });
    let start_up = Time::from_nanos(chip.part().clock.start_up.pll);
    assert!(switched.time > start_up && switched.time < start_up + Time::from_micros(12), "{}", switched.time);
}

#[test]
fn an_f0_maps_sram_to_0_and_takes_vectors_there() {
    let mut chip = powered("F051", REMAP);
    run_to(&mut chip, Time::from_micros(50));
    let r = chip.registers().r;
    assert_eq!((r[5], r[6]), (0x1234_5678, 2));
    assert_eq!(chip.board.at_zero(), BootSource::Sram);
    // A reset puts flash there again.
    chip.reset(ResetCause::Pin);
    assert_eq!((chip.board.at_zero(), chip.registers().pc), (BootSource::Flash, FLASH + 0x38));
}

#[test]
fn vtor_moves_the_vectors_of_a_g0_only() {
    let mut g0 = powered("G071", VTOR);
    run_to(&mut g0, Time::from_micros(50));
    assert_eq!((g0.registers().r[5], g0.registers().r[6]), (0x2000_0000, 2));
    let mut f0 = powered("F051", VTOR);
    run_to(&mut f0, Time::from_micros(50));
    assert_eq!((f0.registers().r[5], f0.registers().r[6]), (0, 1), "a Cortex-M0 has no VTOR");
}

#[test]
fn a_fault_enters_hard_fault_with_the_faulting_instruction_stacked() {
    for part in ["F051", "G071"] {
        let mut chip = powered(part, FAULTS);
        let end = Time::from_micros(100);
        assert_eq!(chip.run(end), Halt::Fault(FaultKind::Undefined { encoding: [0xDE00, 0] }), "{part}");
        assert_eq!((chip.registers().pc, chip.registers().exception()), (FLASH + 0x10, 3), "{part}");
        assert_eq!(chip.run(end), Halt::Fault(FaultKind::Unaligned), "{part}");
        run_to(&mut chip, end);
        assert_eq!(sram(&chip), [FLASH + 0x1E, FLASH + 0x20], "{part}");
        assert_eq!((chip.registers().exception(), chip.registers().msp), (0, 0x2000_1000), "{part}: it returned");
    }
}

#[test]
fn a_fault_in_hard_fault_is_lock_up_until_a_reset() {
    let mut chip = powered("F051", LOCKUP);
    let end = Time::from_micros(100);
    assert_eq!(chip.run(end), Halt::Fault(FaultKind::Undefined { encoding: [0xDE00, 0] }));
    assert_eq!(chip.run(end), Halt::Lockup);
    assert_eq!(chip.run(end), Halt::Lockup, "it does not come out of it");
    chip.reset(ResetCause::Pin);
    assert!(matches!(chip.run(end), Halt::Fault(_)));
}

#[test]
fn a_blank_f0_locks_up_and_a_blank_g0_runs_system_memory() {
    for (part, halt) in
        [("F031", Halt::Lockup), ("F051", Halt::Lockup), ("G031", Halt::SystemMemory), ("G071", Halt::SystemMemory)]
    {
        let mut chip = factory(part, 1, &[]);
        assert_eq!(chip.run(Time::from_millis(1)), Halt::Off, "{part}");
        chip.power_on();
        assert_eq!(chip.run(Time::from_millis(1)), halt, "{part}");
        if halt == Halt::Lockup {
            // As a blank STM32F030 stands (ST's forum, 746977).
            let r = chip.registers();
            assert_eq!((r.xpsr, r.pc, r.msp), (0xC100_0003, 0xFFFF_FFFE, 0xFFFF_FFD8), "{part}");
        }
    }
}

/// What ARM leaves open, as it was seen on chips: flags of an F030, all registers of a G0B1.
#[test]
fn registers_at_reset_are_those_of_real_chips() {
    let loops = [0xE7FE];
    let f0 = powered("F051", &loops).registers();
    assert_eq!((f0.xpsr, f0.lr), (0xC100_0000, u32::MAX));
    let mut g0 = powered("G071", &loops);
    let is = |chip: &Chip| (chip.registers().xpsr, chip.registers().r, chip.registers().psp);
    assert_eq!(is(&g0), (0xF100_0000, [u32::MAX; 13], 0xFFFF_FFFC));
    g0.set_registers(|r| r.r = [7; 13]);
    g0.reset(ResetCause::Software);
    assert_eq!(is(&g0), (0xF100_0000, [u32::MAX; 13], 0xFFFF_FFFC));
}

#[test]
fn the_watchdog_and_software_reset_the_chip_and_leave_their_flags() {
    // 4,096 counts of LSI / 4: 40 kHz on the F0, 32 kHz on the G0.
    for (part, csr, span) in [("F051", 0x4002_1024, 409_600), ("G071", 0x4002_1060, 512_000)] {
        let mut chip = powered(part, &filled(RESETS, csr));
        let end = Time::from_millis(600);
        assert_eq!(chip.run(end), Halt::Reset(ResetCause::Software), "{part}");
        let software = chip.now().time;
        assert!(software < Time::from_micros(20), "{part}: {software}");
        assert_eq!(chip.run(end), Halt::Reset(ResetCause::Iwdg), "{part}");
        let idle = chip.now().time.since(software).micros();
        assert!((f64::from(span)..f64::from(span) + 20.0).contains(&idle), "{part}: {idle} us");
        run_to(&mut chip, end);
        // IWDGRSTF, SFTRSTF, PORRSTF (PWRRSTF on the G0), PINRSTF.
        let flags = sram::<3>(&chip).map(|csr| csr >> 26 & 0xF);
        assert_eq!(flags, [0b0011, 0b0111, 0b1111], "{part}: nobody cleared them");
    }
}

#[test]
fn systick_comes_every_period_and_wakes_the_core() {
    let mut chip = powered("F051", SYSTICK);
    run_to(&mut chip, Time::from_micros(10_000));
    let r = chip.registers().r;
    // 80,000 cycles at 8 MHz, less the few before it was started.
    assert_eq!((r[6], r[7]), (79, 79), "interrupts, and instructions behind wfi");
    // 16 cycles to enter the handler, and the load itself: the counter is that far down from 999 again.
    assert!((978..=984).contains(&r[5]), "CVR was {} in the handler", r[5]);
    let late = r[5];
    run_to(&mut chip, Time::from_micros(20_000));
    assert_eq!(chip.registers().r[5], late, "from sleep each comes at the same cycle");
    assert_eq!(chip.registers().r[6], 159);
}

#[test]
fn calls_go_by_priority() {
    let order = |priority| {
        let mut chip = powered("F051", &filled(CALLS, priority));
        run_to(&mut chip, Time::from_micros(100));
        chip.board.sram.bytes(0, 5)
    };
    assert_eq!(order(0), [1, 2, 3, 9, 4], "of equal priority, PendSV waits for the end of SVCall");
    // The architecture promises it behind the ISB; the model looks for interrupts at the ends of blocks.
    assert_eq!(order(0xC000_0000), [1, 2, 9, 3, 4], "SVCall at the lowest priority is interrupted");
}

#[test]
fn who_am_i() {
    for part in ["F031", "F051", "G031", "G071_64K", "G071"] {
        let id = part::find(part).unwrap().identity;
        let uid = id.uid_address;
        let size = id.flash_size_address;
        let table = [uid, uid + 4, uid + 8, size & !3, id.idcode_address, 0xE000_ED00, 0];
        let mut chip = powered(part, &[PEEK, &words(&table)].concat());
        // DBGMCU has a clock of its own: APB2ENR bit 22 on the F0, APBENR1 bit 27 on the G0.
        let (enable, bit) = if chip.part().family == Family::F0 { (0x4002_1018, 22) } else { (0x4002_103C, 27) };
        chip.debug_write(enable, Width::Word, 1 << bit).unwrap();
        run_to(&mut chip, Time::from_micros(100));
        let [a, b, c, kb, idcode, cpuid] = sram(&chip);
        let kb = kb >> (8 * (size & 2)) & 0xFFFF;
        assert_eq!(([a, b, c], kb * 1024), (id.uid, chip.part().flash.size), "{part}");
        assert_eq!((idcode, cpuid), (id.idcode, id.cpuid), "{part}");
    }
}

#[test]
fn what_is_not_modelled_is_told_once() {
    // A register of the trace unit, which no Cortex-M0 in these parts has, twice; then one of SPI1, clock off.
    let mut chip = powered("F051", &[PEEK, &words(&[0xE000_1000, 0xE000_1000, 0x4001_3008, 0])].concat());
    run_to(&mut chip, Time::from_micros(50));
    let told: Vec<(u32, u32)> = chip.board.log.notes().map(|(_, address, pc, _)| (address, pc)).collect();
    assert_eq!(told, [(0xE000_1000, FLASH + 0x12), (0x4001_3000, FLASH + 0x12)]);
    assert_eq!(sram(&chip), [0, 0, 0]);
}

#[test]
fn sram_comes_up_as_the_seed_says_and_outlives_a_reset() {
    let pattern = |seed| {
        let mut chip = factory("F051", seed, &[(FLASH, &bytes(LOCKUP))]);
        chip.power_on();
        chip
    };
    let mut chip = pattern(1);
    let first = chip.board.sram.bytes(0, 0x2000);
    assert_eq!(pattern(1).board.sram.bytes(0, 0x2000), first);
    assert_ne!(pattern(2).board.sram.bytes(0, 0x2000), first);
    assert!(first.iter().filter(|b| **b == 0).count() < 100, "it is no blank page");
    chip.board.sram.write(0x100, &[1, 2, 3, 4]);
    chip.reset(ResetCause::Software);
    assert_eq!(chip.board.sram.bytes(0x100, 4), [1, 2, 3, 4]);
    chip.power_off(1);
    chip.power_on();
    assert_eq!(chip.board.sram.bytes(0, 0x2000), first, "power-off forgets");
}

/// A stand-in ESC with its signal low, at its reset vector.
fn esc(part: &str) -> Chip {
    let full = match part {
        "F051" => "STANDIN_DRYFLASH_F051_2.20_FULL.bin",
        _ => "STANDIN_DRYFLASH_G071_128K_2.20_FULL.bin",
    };
    let full = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built").join(full)).unwrap();
    let mut chip = factory(part, 1, &[(FLASH, &full)]);
    chip.drive('B', 4, Signal::steady(Drive::Low));
    chip.power_on();
    chip
}

/// All that can be told apart from outside.
fn state(chip: &Chip) -> impl PartialEq + std::fmt::Debug + use<> {
    let sram = chip.board.sram.bytes(0, chip.board.sram.len());
    (chip.now(), chip.registers(), chip.board.log.events.clone(), chip.board.heartbeat.total(), sram)
}

/// Long enough for the jump and some passes of the app's loop.
const BOOTED: Time = Time::from_micros(7_500);

/// An ESC that has run on its own.
fn alone(part: &str) -> Chip {
    let mut chip = esc(part);
    run_to(&mut chip, BOOTED);
    assert!(chip.board.heartbeat.total() > 3, "{part}: the app does not run yet");
    chip
}

#[test]
fn slices_of_time_change_nothing() {
    for part in ["F051", "G071"] {
        let mut chip = esc(part);
        for n in 1.. {
            let until = Time::from_micros(7 * n).0.min(BOOTED.0);
            run_to(&mut chip, Time(until));
            if until == BOOTED.0 {
                break;
            }
        }
        assert!(state(&chip) == state(&alone(part)), "{part}");
    }
}

#[test]
fn chips_in_one_process_do_not_know_of_each_other() {
    let (mut f0, mut g0, mut other) = (esc("F051"), esc("G071"), esc("F051"));
    for n in 1..=75 {
        let until = Time::from_micros(100 * n);
        run_to(&mut f0, until);
        run_to(&mut g0, until);
        if n % 3 == 0 {
            run_to(&mut other, until);
        }
    }
    assert!(state(&f0) == state(&alone("F051")));
    assert!(state(&g0) == state(&alone("G071")));
    assert!(state(&other) == state(&f0));
}

#[test]
fn a_chip_saved_amid_its_boot_goes_on_as_if_nothing_was() {
    for part in ["F051", "G071"] {
        let uninterrupted = state(&alone(part));
        let mut chip = esc(part);
        // While the PLL starts, while the bootloader samples its pin, and in the app.
        for at in [30, 3_000, 7_000] {
            run_to(&mut chip, Time::from_micros(at));
            let saved: SavedChip = chip.save();
            let mut fresh = Chip::new(chip.part(), 99).unwrap();
            fresh.restore(&saved).unwrap();
            run_to(&mut fresh, BOOTED);
            assert!(state(&fresh) == uninterrupted, "{part}, on a fresh chip, from {at} us");
            run_to(&mut chip, BOOTED);
            chip.restore(&saved).unwrap();
        }
        run_to(&mut chip, BOOTED);
        assert!(state(&chip) == uninterrupted, "{part}, back on the same chip");
    }
    let other = Chip::new(&part::find("G071").unwrap(), 1).unwrap();
    assert!(esc("F051").restore(&other.save()).is_err(), "a state of another part");
}

/// Sleep goes on when a run ends in the middle of it: how a run is sliced changes nothing.
#[test]
fn sleep_outlasts_the_end_of_a_run() {
    #[rustfmt::skip]
    let code = [
        0x1000, 0x2000, 0x0041, 0x0800, 0x0000, 0x0000, 0x0000, 0x0000, // vectors
        0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000,
        0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000,
        0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0055, 0x0800, // SysTick
        0x4805,           // start: ldr r0, =0xE000E010
        0x4906,           // ldr r1, =7999
        0x6041,           // str r1, [r0, #4]
        0x2107,           // movs r1, #7
        0x6001,           // str r1, [r0, #0]
        0x2400,           // movs r4, #0
        0xBF30,           // sleep: wfi
        0x3401,           // adds r4, #1
        0xE7FC,           // b sleep
        0x46C0,           // (padding)
        0x4770, 0x46C0,   // systick: bx lr
        0xE010, 0xE000,   // .word 0xE000E010
        0x1F3F, 0x0000,   // .word 7999
    ];
    let counts = [10_000u64, 30].map(|step| {
        let mut chip = powered("F051", &code);
        let mut time = Time::ZERO;
        while time < Time::from_micros(10_500) {
            time = (time + Time::from_micros(step)).min(Time::from_micros(10_500));
            assert_eq!(chip.run(time), Halt::Time);
        }
        (chip.registers().r[4], chip.now())
    });
    assert_eq!(counts[0].0, 10, "one round a millisecond");
    assert_eq!(counts[0], counts[1]);
}

/// Code in SRAM that loads from flash while it erases waits for the end (F27).
#[test]
fn a_load_from_flash_waits_for_an_erase() {
    // r0 = interface, r1 = a page, r7 = another page
    let code = [
        0x2302u16, // movs r3, #2
        0x6103,    // str r3, [r0, #16]   PER
        0x6141,    // str r1, [r0, #20]   AR
        0x2342,    // movs r3, #0x42
        0x6103,    // str r3, [r0, #16]   STRT
        0xE7FF,    // b .+2: a new block
        0x683A,    // ldr r2, [r7]
        0xE7FE,    // b .
    ];
    let mut chip = powered("F051", &[0x1000, 0x2000, 0x0001, 0x0800]);
    for (n, half) in code.iter().enumerate() {
        chip.debug_write(0x2000_0100 + 2 * n as u32, Width::Half, u32::from(*half)).unwrap();
    }
    for key in [0x4567_0123, 0xCDEF_89AB] {
        chip.debug_write(0x4002_2004, Width::Word, key).unwrap();
    }
    chip.set_registers(|r| {
        r.pc = 0x2000_0100;
        r.r[0] = 0x4002_2000;
        r.r[1] = FLASH + 0x1000;
        r.r[7] = FLASH + 0x2000;
    });
    let before = chip.now().time;
    // The load takes the core past the end of this short run.
    assert_eq!(chip.run(before + Time::from_millis(1)), Halt::Time);
    let took = chip.now().time.since(before);
    assert!(took > Time::from_millis(29) && took < Time::from_millis(31), "{took}");
    assert_eq!(chip.registers().r[2], u32::MAX);
}

/// A refused load amid a block is told with its own PC, outside of the register windows too.
#[test]
fn a_fault_in_system_memory_names_its_instruction() {
    // nop; nop; ldr r1, [r0]; nop; b .
    let mut chip = powered("F051", &[0x1000, 0x2000, 0x0009, 0x0800, 0x46C0, 0x46C0, 0x6801, 0x46C0, 0xE7FE]);
    chip.set_registers(|r| r.r[0] = 0x1FFF_8000);
    assert!(matches!(
        chip.run(Time::from_millis(1)),
        Halt::Fault(FaultKind::Read { address: 0x1FFF_8000, .. }) | Halt::Lockup
    ));
    assert_eq!(chip.board.log.first_fault().map(|(pc, _)| pc), Some(FLASH + 0xC));
}
