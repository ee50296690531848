//! Cases: short sequences that together hold every encoding class of ARMv6-M, on operands at the edges.
//!
//! What the architecture calls UNPREDICTABLE is left out, but for what dryflash promises to fault on: no two
//! engines have to agree there. `CMP` with PC or of two low registers by its high encoding, `STM` with its base
//! in the list but not first, `MRS`/`MSR` with SP or PC, `BLX PC`, and the like (DDI0419 A6.7).

use super::case::{BKPT, CODE, Case, IO, NOWHERE, SCRATCH, SRAM, SRAM_SIZE};
use super::random::Random;
use dryflash::cpu::{Registers, T};

/// A class: its name, and one instruction of it.
type Class = (&'static str, fn(&mut Maker) -> Vec<u16>);

pub const CLASSES: [Class; 30] = [
    ("shift by immediate", |m| vec![m.random.below(0x1800) as u16]),
    ("add/sub three", |m| vec![0x1800 | m.random.bits(0x7FF)]),
    ("immediate 8", |m| vec![0x2000 | m.random.bits(0x1FFF)]),
    ("data processing", |m| vec![0x4000 | m.random.bits(0x3FF)]),
    ("shift by register", |m| vec![m.random.pick(&[0x4080u16, 0x40C0, 0x4100, 0x41C0]) | m.random.bits(0x3F)]),
    ("high registers", Maker::high),
    ("bx, blx", Maker::exchange),
    ("mov pc, add pc", |m| vec![m.random.pick(&[0x4487u16, 0x4687]) | m.target << 3]),
    ("load literal", |m| vec![0x4800 | m.random.bits(0x7FF)]),
    ("load/store by register", Maker::by_register),
    ("load/store word, byte", |m| vec![0x6000 | m.random.bits(0x1FC0) | m.base() << 3 | m.data()]),
    ("load/store half", |m| vec![0x8000 | m.random.bits(0x0FC0) | m.base() << 3 | m.data()]),
    ("load/store by sp", |m| vec![0x9000 | m.random.bits(0x081F) | m.data() << 8]),
    ("adr, add from sp", |m| vec![0xA000 | m.random.bits(0x0FFF)]),
    ("add/sub sp", |m| vec![0xB000 | m.random.bits(0x0087)]),
    ("extend", |m| vec![0xB200 | m.random.bits(0x00FF)]),
    ("reverse", |m| vec![0xBA00 | m.random.pick(&[0u16, 0x40, 0xC0]) | m.random.bits(0x3F)]),
    ("push", |m| vec![0xB400 | m.list(0x1FF)]),
    ("pop", |m| vec![0xBC00 | m.list(0xFF)]),
    ("pop pc", |m| vec![0xBD00 | m.random.bits(0xFF)]),
    ("store multiple", Maker::store_multiple),
    ("load multiple", |m| vec![0xC800 | m.base() << 8 | m.list(0xFF)]),
    ("cps", |m| vec![m.random.pick(&[0xB662u16, 0xB672])]),
    ("hints", |m| vec![0xBF00 | m.random.pick(&[0u16, 1, 2, 3, 4, 5, 0xF]) << 4]),
    ("branch", |m| vec![0xE000 | m.random.bits(3)]),
    ("conditional branch", |m| vec![0xD000 | (m.random.below(14) as u16) << 8 | m.random.bits(3)]),
    ("bl", |m| vec![0xF000, 0xF800 | m.random.bits(3)]),
    ("mrs, msr", Maker::special),
    ("barriers", |m| vec![0xF3BF, m.random.pick(&[0x8F4Fu16, 0x8F5F, 0x8F6F])]),
    ("undefined, svc, bkpt", Maker::trap),
];

/// SYSm of the special registers (DDI0419 B5.1.1).
const SPECIAL: [u16; 11] = [0, 1, 2, 3, 5, 6, 7, 8, 9, 16, 20];

/// Makes one case. Four registers have a part to play, drawn anew for each.
pub struct Maker {
    random: Random,
    registers: Registers,
    bases: [u16; 2],
    offset: u16,
    target: u16,
}

/// The case of this number: its first instruction is of class `number % 30`, what follows of any.
pub fn case(seed: u64, number: u32) -> Case {
    let mut maker = Maker::new(Random::new(seed, u64::from(number)));
    let mut name = String::new();
    let mut code = Vec::new();
    let length = if number % 4 == 3 { 1 } else { 1 + maker.random.below(8) };
    for n in 0..length {
        let class = if n == 0 { number as usize % CLASSES.len() } else { maker.random.below(30) as usize };
        let (class, make) = CLASSES[class];
        name.push_str(if n == 0 { "" } else { " / " });
        name.push_str(class);
        code.extend(make(&mut maker));
    }
    code.extend([BKPT; 2]);
    let scratch = maker.scratch();
    let Maker { mut random, registers, .. } = maker;
    Case { name: format!("{name} #{number}"), code, registers, scratch, slow: random.once_in(3) }
}

/// One instruction alone, on seeded operands.
pub fn single(seed: u64, instruction: u16) -> Case {
    let mut maker = Maker::new(Random::new(seed, u64::from(instruction)));
    let scratch = maker.scratch();
    Case {
        name: format!("{instruction:04x}"),
        code: vec![instruction, BKPT],
        registers: maker.registers,
        scratch,
        slow: false,
    }
}

impl Maker {
    fn new(mut random: Random) -> Maker {
        let mut roles = [0u16, 1, 2, 3, 4, 5, 6, 7];
        for n in (1..8).rev() {
            roles.swap(n, random.below(n as u32 + 1) as usize);
        }
        let [a, b, offset, target, ..] = roles;
        let mut registers = Registers {
            lr: CODE + 9,
            pc: CODE,
            xpsr: T | random.below(16) << 28,
            primask: random.once_in(4),
            ..Registers::default()
        };
        registers.r = std::array::from_fn(|_| random.value());
        for base in [a, b] {
            registers.r[usize::from(base)] = address(&mut random);
        }
        registers.r[usize::from(offset)] = random.pick(&[0, 4, 8, 16, 2, 1, u32::MAX, -4i32 as u32, 0x3FC, 64]);
        registers.r[usize::from(target)] = target_address(&mut random);
        registers.r[8 + random.below(5) as usize] = address(&mut random);
        registers.msp = SCRATCH + 4 * random.below(0x100);
        registers.psp = SCRATCH + 4 * random.below(0x80);
        registers.control = if random.once_in(4) { 2 } else { 0 };
        Maker { random, registers, bases: [a, b], offset, target }
    }

    /// Scratch memory: values, with addresses among them for what is popped.
    fn scratch(&mut self) -> Vec<u8> {
        let random = &mut self.random;
        let word = |random: &mut Random| if random.once_in(4) { target_address(random) } else { random.value() };
        (0..0x100).flat_map(|_| word(random).to_le_bytes()).collect()
    }

    fn base(&mut self) -> u16 {
        self.random.pick(&self.bases)
    }

    /// A register for data: rarely one that has a part.
    fn data(&mut self) -> u16 {
        loop {
            let r = self.random.bits(7);
            if !(self.bases.contains(&r) || r == self.target || r == self.offset) || self.random.once_in(8) {
                return r;
            }
        }
    }

    /// A list of registers that is not empty.
    fn list(&mut self, mask: u16) -> u16 {
        loop {
            let list = self.random.bits(mask);
            if list != 0 {
                return list;
            }
        }
    }

    fn high(&mut self) -> Vec<u16> {
        let op = self.random.below(3) as u16;
        let rm = self.random.bits(15);
        let rd = self.random.bits(15);
        let both_low = rm < 8 && rd < 8;
        // A write to PC has a class of its own; CMP has no PC and no two low registers.
        if rd == 15 || (op == 1 && (both_low || rm == 15)) {
            return self.high();
        }
        vec![0x4400 | op << 8 | (rd & 8) << 4 | rm << 3 | (rd & 7)]
    }

    fn exchange(&mut self) -> Vec<u16> {
        let register = if self.random.once_in(4) { 14 } else { self.target };
        vec![self.random.pick(&[0x4700u16, 0x4780]) | register << 3]
    }

    fn by_register(&mut self) -> Vec<u16> {
        let offset = if self.random.once_in(8) { self.random.bits(7) } else { self.offset };
        vec![0x5000 | self.random.bits(0x0E00) | offset << 6 | self.base() << 3 | self.data()]
    }

    fn store_multiple(&mut self) -> Vec<u16> {
        let (base, mut list) = (self.base(), self.list(0xFF));
        // A base in the list has to be the first of it.
        if list & (1 << base) != 0 && list & ((1 << base) - 1) != 0 {
            list &= !(1 << base);
        }
        vec![0xC000 | base << 8 | list]
    }

    fn special(&mut self) -> Vec<u16> {
        let special = self.random.pick(&SPECIAL);
        let register = self.random.pick(&[0u16, 1, 2, 3, 4, 5, 6, 7, 8, 12, 14]);
        if self.random.once_in(2) {
            return vec![0xF3EF, 0x8000 | register << 8 | special];
        }
        // Stack pointers come from a base.
        let register = if matches!(special, 8 | 9) { self.base() } else { register };
        vec![0xF380 | register, 0x8800 | special]
    }

    fn trap(&mut self) -> Vec<u16> {
        match self.random.below(7) {
            0 => vec![0xDF00 | self.random.bits(0xFF)],
            1 => vec![0xBE00 | self.random.bits(0xFF)],
            2 => vec![0xDE00 | self.random.bits(0xFF)],
            // cbz, it, setend, hlt
            3 => vec![self.random.pick(&[0xB100u16, 0xB908, 0xBF08, 0xB650, 0xBA80, 0xB6FF])],
            // movw, udiv, ldm.w, ldr.w, mul, vadd
            4 => vec![
                self.random.pick(&[0xF240u16, 0xFBB0, 0xE8BD, 0xF8D0, 0xFB00, 0xEE30]),
                self.random.pick(&[0x0001u16, 0xF0F1, 0x0000, 0x1004]),
            ],
            // udf.w
            5 => vec![0xF7F0 | self.random.bits(0xF), 0xA000 | self.random.bits(0xFFF)],
            // cps and bx with bits that have to be 0
            _ => vec![self.random.pick(&[0xB661u16, 0xB673, 0x4701, 0x4783])],
        }
    }
}

/// Mostly in scratch memory and aligned; at its ends, unaligned, in the device or nowhere now and then.
fn address(random: &mut Random) -> u32 {
    match random.below(16) {
        0 => SCRATCH + random.below(0x400),
        1 => SRAM + SRAM_SIZE - 4 * random.below(9),
        2 => NOWHERE + 4 * random.below(4),
        3 | 4 => IO + 4 * random.below(0x100),
        5 => SRAM + 4 * random.below(4),
        6 => CODE + 4 * random.below(4),
        _ => SCRATCH + 4 * random.below(0xC0),
    }
}

/// Mostly a place in the code, or behind it; even, in SRAM or nowhere now and then.
fn target_address(random: &mut Random) -> u32 {
    match random.below(12) {
        0 => CODE + 2 * random.below(8),
        1 => NOWHERE | 1,
        2 => IO | 1,
        3 => SCRATCH | 1,
        _ => CODE + 2 * random.below(12) + 1,
    }
}
