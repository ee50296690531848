//! Engines against each other: the same code on the same operands has to come to the same end.
//!
//! `DRYFLASH_SEED` picks other cases than those of every day, `DRYFLASH_CASES` how many. A difference names its
//! case by seed and number, and `DRYFLASH_CASE` shows that one. `DRYFLASH_QEMU=1` asks QEMU as well.

mod arithmetic;
mod bench;
mod case;
mod flash;
mod gdb;
mod generate;
mod qemu;
pub mod random;

use case::{Case, Outcome, Subject};
use dryflash::cpu::decode::{self, Kind};
use dryflash::part;

/// From the environment, or the default.
fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => default,
    }
}

/// Runs the cases on every engine and shows what differs from the first.
fn agree(core: part::Core, cases: impl Iterator<Item = Case>, look: impl Fn(&Case, &Outcome) -> Vec<String>) {
    let mut engines = bench::engines(core);
    let (mut run, mut wrong) = (0, 0);
    for case in cases {
        let mut first: Option<Outcome> = None;
        for engine in &mut engines {
            let outcome = comparable(engine.run(&case));
            let Some(outcome) = outcome else { break };
            let found = match &first {
                None => look(&case, &outcome),
                Some(first) => first.differences(&outcome),
            };
            if !found.is_empty() {
                wrong += 1;
                println!("{}: {core:?}, {}\n  {:04x?}\n  {:x?}", engine.name(), case.name, case.code, case.registers);
                println!("  {}", found.join("\n  "));
            }
            first.get_or_insert(outcome);
        }
        run += 1;
        assert!(wrong < 10, "{wrong} differences after {run} cases; no more are tried");
    }
    assert_eq!(wrong, 0, "differences in {run} cases");
}

/// The outcome without what engines may differ in; none where nothing is left.
fn comparable(outcome: Outcome) -> Option<Outcome> {
    // Code that ran into scratch memory may have stored into its own next instruction: without a barrier
    // nobody knows which one runs.
    if (case::SCRATCH..case::SRAM + case::SRAM_SIZE).contains(&outcome.registers.pc) {
        return None;
    }
    // An endless loop: where exactly it is left depends on how far an engine overruns its limit.
    if outcome.end == "Limit" {
        return None;
    }
    Some(outcome)
}

#[test]
fn sequences_of_every_class() {
    let seed = setting("DRYFLASH_SEED", 1);
    println!("seed {seed}");
    for core in [part::Core::M0, part::Core::M0Plus] {
        let cases = (0..setting("DRYFLASH_CASES", 6_000) as u32).map(|n| generate::case(seed, n));
        agree(core, cases, |_, _| Vec::new());
    }
}

/// Every 16-bit instruction that works on registers alone and goes on to the next.
#[test]
fn every_data_processing_instruction() {
    let seed = setting("DRYFLASH_SEED", 1);
    println!("seed {seed}");
    let instructions = (0..=u16::MAX).filter(|h| is_data_processing(*h));
    agree(part::Core::M0, instructions.map(|h| generate::single(seed, h)), |case, outcome| {
        let Some(registers) = arithmetic::expected(case.code[0], &case.registers) else { return Vec::new() };
        let expected = Outcome { registers, end: "Breakpoint".into(), cycle: 1, ..outcome.clone() };
        expected.differences(outcome)
    });
}

fn is_data_processing(h: u16) -> bool {
    let registers_only = match h >> 12 {
        0..=3 | 0xA => true,
        4 => h < 0x4800,
        0xB => matches!(h >> 8, 0xB0 | 0xB2 | 0xBA),
        _ => false,
    };
    // CMP of high registers: UNPREDICTABLE with two low ones, or with PC.
    let (rm, rn) = (h >> 3 & 15, (h >> 4 & 8) | h & 7);
    let odd_cmp = h >> 8 == 0x45 && ((rm < 8 && rn < 8) || rm == 15 || rn == 15);
    let kind = decode::decode(h, 0, part::Core::M0).kind;
    registers_only && !odd_cmp && !decode::is_wide(h) && matches!(kind, Kind::Plain | Kind::SetSp)
}

#[test]
fn there_are_as_many_of_them_as_there_should_be() {
    // 0000 to 43FF; ADD, CMP, MOV of high registers without PC as destination; ADR and ADD from SP; ADD/SUB SP;
    // extensions; reversals.
    let high = 2 * (256 - 16) + (256 - 64 - 31);
    assert_eq!((0..=u16::MAX).filter(|h| is_data_processing(*h)).count(), 0x4400 + high + 0x1000 + 256 + 256 + 192);
}

/// Half of all cases get to their end, so that what they come to says something.
#[test]
fn cases_are_neither_all_faults_nor_all_plain() {
    let mut unicorn = bench::reference(part::Core::M0);
    let ends: Vec<String> = (0..1_000).map(|n| unicorn.run(&generate::case(1, n)).end).collect();
    let count = |word: &str| ends.iter().filter(|e| e.contains(word)).count();
    assert!(count("Breakpoint") > 400, "{}", count("Breakpoint"));
    for word in ["Undefined", "Unaligned", "NotThumb", "read", "write", "fetch", "Svc", "WaitForEvent", "SendEvent"] {
        assert!(count(word) > 5, "{word}: {}", count(word));
    }
    // Some loop for ever.
    assert!(count("Limit") < 30, "{}", count("Limit"));
    assert_eq!(count("Broken"), 0);
}

/// For whoever looks into a difference: `DRYFLASH_CASE=7 cargo test --test it differential::shown -- --nocapture`.
#[test]
fn one_case_shown() {
    if std::env::var("DRYFLASH_CASE").is_err() {
        return;
    }
    let case = generate::case(setting("DRYFLASH_SEED", 1), setting("DRYFLASH_CASE", 0) as u32);
    println!("{case:x?}");
    for engine in &mut bench::engines(part::Core::M0) {
        println!("{}: {:?}", engine.name(), engine.run(&case));
    }
}
