//! Random loops over a counter, a level and a word of memory, with skipping and without: every stop at every limit has
//! to find the same.

use crate::bus::{BusFault, Width, fault};
use crate::cpu::block::FetchCost;
use crate::cpu::interpreter::Interpreter;
use crate::cpu::{Bus, Core, Plain, Poll, Registers, Reply, T};
use crate::memory::HostMemory;
use crate::part;
use crate::periph::{Due, Forecast};
use proptest::prelude::*;

const FLASH: u32 = 0x0800_0000;
const SRAM: u32 = 0x2000_0000;
const IO: u32 = 0x4000_0000;

/// A register at IO that counts, one at IO + 4 that changes once, one at IO + 8 that nobody can foresee.
struct World {
    flash: HostMemory,
    sram: HostMemory,
    start: u32,
    period: u64,
    phase: u64,
    last: u32,
    change: u64,
    cost: FetchCost,
    /// Loads of each, those that were skipped included.
    loads: [u64; 3],
    /// Loads that were not made.
    skipped: u64,
}

impl World {
    fn counts(&self, cycle: u64) -> u64 {
        (cycle + self.phase) / self.period
    }

    fn counter(&self, cycle: u64) -> u32 {
        let span = u64::from(self.last) + 1;
        ((u64::from(self.start) + self.counts(cycle)) % span) as u32
    }
}

impl Bus for World {
    fn read(&mut self, address: u32, width: Width, _: u32, cycle: u64) -> Result<Reply, BusFault> {
        let value = match address & !3 {
            IO => self.counter(cycle),
            a if a == IO + 4 => u32::from(cycle >= self.change),
            a if a == IO + 8 => cycle as u32 & 0x10,
            _ => return Err(fault("nothing is there")),
        };
        self.loads[(address as usize & 0xF) / 4] += 1;
        let value = value >> (8 * (address & 3)) & width.mask();
        Ok(Reply { value, ..Reply::default() })
    }

    fn write(&mut self, _: u32, _: Width, _: u32, _: u32, _: u64) -> Result<Reply, BusFault> {
        Err(fault("nothing is there"))
    }

    fn guard(&mut self, _: u32, _: Width, _: u32, _: u64) -> Result<Reply, BusFault> {
        Ok(Reply::default())
    }

    fn watched(&mut self, _: u32, _: Width, _: u32, _: u32, _: u64) {}

    fn forecast(&self, address: u32, width: Width, cycle: u64) -> Forecast {
        match address {
            IO => {
                let next = (self.counts(cycle) + 1) * self.period - self.phase;
                Forecast::Counts { next, period: self.period, last: self.last.min(width.mask()) }
            }
            a if a == IO + 4 && cycle < self.change => Forecast::Until(Due::Cycle(self.change)),
            a if a == IO + 4 => Forecast::Constant,
            _ => Forecast::Unknown,
        }
    }

    fn repeated(&mut self, round: &[Poll], times: u64, _: u64) {
        for poll in round {
            self.loads[(poll.address as usize & 0xF) / 4] += times;
            self.skipped += times;
        }
    }

    fn map(&self) -> Vec<Plain> {
        let plain = |address, memory: &HostMemory, flash: bool| Plain {
            address,
            size: 0x1000,
            pointer: memory.pointer(),
            writable: !flash,
            guarded: false,
            flash,
        };
        vec![plain(FLASH, &self.flash, true), plain(SRAM, &self.sram, false)]
    }

    fn fetch_cost(&self) -> FetchCost {
        self.cost
    }
}

/// One instruction of a loop: r6 points to SRAM, r7 to the registers, r0 to r5 are anybody's.
fn instruction() -> impl Strategy<Value = u16> {
    let r = 0u16..6;
    let load = prop_oneof![4 => Just(0x6838u16), 3 => Just(0x6878), 1 => Just(0x8838), 1 => Just(0x68B8)];
    prop_oneof![
        // ldr rd, [r7, #0 or 4], ldrh rd, [r7], seldom ldr rd, [r7, #8]
        6 => (load, r.clone()).prop_map(|(h, d)| h | d),
        // ldr rd, [r6]; str rd, [r6]
        1 => r.clone().prop_map(|d| 0x6830 | d),
        1 => r.clone().prop_map(|d| 0x6030 | d),
        // subs rd, rn, rm; adds rd, rn, rm
        3 => (r.clone(), r.clone(), r.clone(), any::<bool>())
            .prop_map(|(d, n, m, sub)| 0x1800 | u16::from(sub) << 9 | m << 6 | n << 3 | d),
        // adds, subs rd, #imm3; movs rd, rm; uxth, sxth, uxtb
        1 => (r.clone(), 0u16..8, any::<bool>()).prop_map(|(d, i, sub)| 0x1C00 | u16::from(sub) << 9 | i << 6 | d << 3 | d),
        2 => (r.clone(), r.clone()).prop_map(|(d, m)| m << 3 | d),
        2 => (r.clone(), r.clone(), prop_oneof![Just(0xB280u16), Just(0xB200), Just(0xB2C0)])
            .prop_map(|(d, m, h)| h | m << 3 | d),
        // lsls, lsrs, asrs rd, rm, #n
        2 => (r.clone(), r.clone(), 0u16..3, prop_oneof![Just(1u16), Just(16), Just(4), Just(31)])
            .prop_map(|(d, m, way, n)| way << 11 | n << 6 | m << 3 | d),
        // ands, rsbs, mvns, tst, orrs
        1 => (r.clone(), r.clone(), prop_oneof![Just(0x4000u16), Just(0x4240), Just(0x43C0), Just(0x4200), Just(0x4300)])
            .prop_map(|(d, m, h)| h | m << 3 | d),
        // cmp rn, rm; cmp rn, #imm8
        4 => (r.clone(), r.clone()).prop_map(|(n, m)| 0x4280 | m << 3 | n),
        2 => (r, 0u16..256).prop_map(|(n, i)| 0x2800 | n << 8 | i),
    ]
}

#[derive(Clone, Debug)]
struct Setting {
    body: Vec<u16>,
    /// Where a branch out of the loop stands, and its condition; the condition to go round again.
    exit: (usize, u16),
    again: u16,
    registers: [u32; 6],
    counter: (u32, u64, u64, u32),
    change: u64,
    wait_states: bool,
    limits: Vec<u64>,
}

fn number() -> impl Strategy<Value = u32> {
    prop_oneof![0u32..400, 0xFFF0u32..0x1_0010, 0x7FFF_FFF0u32..0x8000_0010, 0xFFFF_FFF0u32..=u32::MAX]
}

fn setting() -> impl Strategy<Value = Setting> {
    let counter = (number(), 1u64..90, 0u64..90, prop_oneof![Just(0xFFFFu32), Just(u32::MAX), Just(299u32)]);
    let body = prop::collection::vec(instruction(), 1..6);
    let limits = prop::collection::vec(1u64..2_500, 1..8);
    let registers = prop::array::uniform6(number());
    (
        body,
        (0usize..7, 0u16..14),
        prop_oneof![2 => Just(14u16), 1 => 0u16..14],
        registers,
        counter,
        0u64..6_000,
        any::<bool>(),
        limits,
    )
        .prop_map(|(body, exit, again, registers, counter, change, wait_states, limits)| {
            let (start, period, phase, last) = counter;
            let counter = (start.min(last), period, phase % period, last);
            Setting { body, exit, again, registers, counter, change, wait_states, limits }
        })
}

/// The program: the body with its exit, the branch back, and `bkpt`.
fn program(s: &Setting) -> Vec<u16> {
    let mut code = s.body.clone();
    let at = s.exit.0.min(code.len());
    code.insert(at, 0);
    let back = code.len() as u16;
    // Offsets count from two half-words on.
    code[at] = 0xD000 | s.exit.1 << 8 | (back + 1 - at as u16).wrapping_sub(2) & 0xFF;
    let offset = (0u16.wrapping_sub(back)).wrapping_sub(2);
    code.push(if s.again == 14 { 0xE000 | offset & 0x7FF } else { 0xD000 | s.again << 8 | offset & 0xFF });
    code.push(0xBE00);
    code
}

/// What stands at a limit: registers, cycle, instructions, loads of each register, and a word of SRAM.
type Seen = (Registers, u64, u64, [u64; 3], u32);

/// What stands at each limit, loads counted, and how many loads were skipped.
fn run(s: &Setting, skipping: bool) -> (Vec<Seen>, u64) {
    let mut flash = HostMemory::new(0x1000, 0xFF);
    let bytes: Vec<u8> = program(s).iter().flat_map(|h| h.to_le_bytes()).collect();
    flash.write(0, &bytes);
    let (start, period, phase, last) = s.counter;
    let cost = if s.wait_states { FetchCost { sequential: 1, target: 2, literal: 2 } } else { FetchCost::default() };
    let sram = HostMemory::new(0x1000, 0x5A);
    let mut world =
        World { flash, sram, start, period, phase, last, change: s.change, cost, loads: [0; 3], skipped: 0 };
    let mut core = Interpreter::new(part::Core::M0, 4);
    core.set_skipping(skipping);
    core.remap(&world);
    let mut registers = Registers { pc: FLASH, msp: SRAM + 0x800, xpsr: T, ..Registers::default() };
    registers.r[..6].copy_from_slice(&s.registers);
    (registers.r[6], registers.r[7]) = (SRAM, IO);
    core.set_registers(&registers);
    let mut seen = Vec::new();
    let mut limit = 0;
    for step in &s.limits {
        limit += step;
        core.run(&mut world, limit);
        seen.push((core.registers(), core.cycle(), core.instructions(), world.loads, world.sram.word(0)));
    }
    (seen, world.skipped)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]
    #[test]
    fn skipping_changes_nothing(s in setting()) {
        prop_assert_eq!(run(&s, true).0, run(&s, false).0, "{:04x?}", program(&s));
    }
}

/// Loops that are polls but for one thing, at every instant at which the level may change.
#[test]
fn what_makes_a_round_another_is_seen() {
    let loops: [(&str, &[u16], (usize, u16)); 4] = [
        // ldr r0,[r7,#4]; cmp r0,#1; beq out; ldr r1,[r7]; adds r2,r1,r3
        ("left before its registers are written", &[0x6878, 0x2801, 0x6839, 0x18CA], (2, 0)),
        // ldr r0,[r6]; mvns r0,r0; str r0,[r6]; ldr r1,[r7,#4]; cmp r1,#1; beq out
        ("memory goes to and fro", &[0x6830, 0x43C0, 0x6030, 0x6879, 0x2901], (5, 0)),
        // bcs out; ldr r0,[r7,#4]; cmp r0,#1
        ("flags from the round before", &[0x6878, 0x2801], (0, 2)),
        // ldr r0,[r7]; cmp r0,r4; bne out; mov r4,r0 (movs); ldr r1,[r7,#4]
        ("the count of the round before", &[0x6838, 0x42A0, 0x0004, 0x6879], (2, 1)),
    ];
    for (name, body, exit) in loops {
        for change in 200..330 {
            let s = Setting {
                body: body.to_vec(),
                exit,
                again: 14,
                registers: [5, 5, 5, 5, 100, 5],
                counter: (100, 48, 7, u32::MAX),
                change,
                wait_states: false,
                limits: vec![40, 900],
            };
            assert_eq!(run(&s, true).0, run(&s, false).0, "{name}, the level changes at {change}");
        }
    }
}

/// Skips are common among such loops: else the property above would say little.
#[test]
fn loops_are_skipped() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let skipped = (0..500).filter(|_| run(&setting().new_tree(&mut runner).unwrap().current(), true).1 > 0).count();
    assert!(skipped > 50, "{skipped} of 500");
}

/// A delay of 10,000 counts costs as many steps as one of ten.
#[test]
fn a_delay_is_one_jump() {
    // loop: ldr r0,[r7]; subs r0,r0,r1; uxth r0,r0; cmp r0,r2; bcc loop; bkpt
    let s = Setting {
        body: vec![0x6838, 0x1A40, 0xB280, 0x4290],
        exit: (4, 2),
        again: 14,
        registers: [0, 90, 10_000, 0, 0, 0],
        counter: (100, 48, 0, u32::MAX),
        change: 0,
        wait_states: false,
        limits: vec![10_000_000],
    };
    let (seen, skipped) = run(&s, true);
    let made = seen[0].3[0] - skipped;
    assert!(skipped > 20_000 && made < 10, "{skipped} skipped, {made} made");
}
