//! A small ARMv6-M assembler for tests: a program is a list of [`Item`]s, with labels and a literal pool.
//!
//! Encodings: DDI0419 A6.7.

use std::collections::HashMap;

/// Registers with names of their own.
pub const SP: u16 = 13;
pub const LR: u16 = 14;
pub const PC: u16 = 15;

/// SYSm of `mrs` and `msr` (DDI0419 B5.1.1).
pub const APSR: u16 = 0;
pub const XPSR: u16 = 3;
pub const IPSR: u16 = 5;
pub const EPSR: u16 = 6;
pub const MSP: u16 = 8;
pub const PSP: u16 = 9;
pub const PRIMASK: u16 = 16;
pub const CONTROL: u16 = 20;

/// A piece of a program.
#[derive(Clone, Debug)]
pub enum Item {
    /// Finished half-words.
    Code(Vec<u16>),
    /// The next instruction's name.
    Label(&'static str),
    /// `b<cond>`, or `b` with condition 14.
    Branch(u16, &'static str),
    /// `bl`.
    Call(&'static str),
    /// `ldr Rt, =value`, from the pool behind the program.
    Literal(u16, Value),
    /// Several.
    Many(Vec<Item>),
}

/// A number, or a label's address with the Thumb bit.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    Number(u32),
    Code(&'static str),
}

impl From<u32> for Value {
    fn from(number: u32) -> Value {
        Value::Number(number)
    }
}

impl From<&'static str> for Value {
    fn from(label: &'static str) -> Value {
        Value::Code(label)
    }
}

/// A program at its place.
pub struct Assembled {
    pub code: Vec<u8>,
    pub labels: HashMap<&'static str, u32>,
}

/// Lays the program out from `base` on.
pub fn assemble(base: u32, program: &[Item]) -> Assembled {
    let mut flat = Vec::new();
    flatten(program, &mut flat);
    let mut labels = HashMap::new();
    let mut at = base;
    for item in &flat {
        match item {
            Item::Label(name) => assert!(labels.insert(*name, at).is_none(), "{name} stands twice"),
            Item::Code(halves) => at += 2 * halves.len() as u32,
            Item::Branch(..) | Item::Literal(..) => at += 2,
            Item::Call(_) => at += 4,
            Item::Many(_) => {}
        }
    }
    let pool_at = at.next_multiple_of(4);
    let find = |name: &&'static str| *labels.get(name).unwrap_or_else(|| panic!("no label {name}"));
    let (mut halves, mut pool): (Vec<u16>, Vec<u32>) = Default::default();
    for item in &flat {
        let pc = base + 2 * halves.len() as u32 + 4;
        match item {
            Item::Code(code) => halves.extend(code),
            Item::Branch(14, to) => halves.push(0xE000 | reach(find(to), pc, 11)),
            Item::Branch(condition, to) => halves.push(0xD000 | condition << 8 | reach(find(to), pc, 8)),
            Item::Call(to) => halves.extend(call(find(to).wrapping_sub(pc))),
            Item::Literal(rt, value) => {
                let word = match value {
                    Value::Number(number) => *number,
                    Value::Code(label) => find(label) | 1,
                };
                let slot = pool.iter().position(|w| *w == word).unwrap_or_else(|| {
                    pool.push(word);
                    pool.len() - 1
                });
                let distance = (pool_at + 4 * slot as u32 - (pc & !3)) / 4;
                assert!(distance < 256, "the pool is too far");
                halves.push(0x4800 | rt << 8 | distance as u16);
            }
            Item::Label(_) | Item::Many(_) => {}
        }
    }
    if halves.len() % 2 != 0 {
        halves.extend(one(nop()));
    }
    let mut code: Vec<u8> = halves.into_iter().flat_map(u16::to_le_bytes).collect();
    code.resize((pool_at - base) as usize, 0);
    code.extend(pool.into_iter().flat_map(u32::to_le_bytes));
    Assembled { code, labels }
}

fn flatten(items: &[Item], out: &mut Vec<Item>) {
    for item in items {
        match item {
            Item::Many(inner) => flatten(inner, out),
            other => out.push(other.clone()),
        }
    }
}

/// The offset field of a branch, in half-words.
fn reach(to: u32, pc: u32, bits: u32) -> u16 {
    let distance = to.wrapping_sub(pc) as i32 / 2;
    assert!((-(1 << (bits - 1))..1 << (bits - 1)).contains(&distance), "the branch is too far");
    distance as u16 & ((1 << bits) - 1)
}

fn call(offset: u32) -> [u16; 2] {
    let bit = |n: u32| (offset >> n) as u16 & 1;
    let (s, i1, i2) = (bit(24), bit(23), bit(22));
    let (j1, j2) = (i1 ^ s ^ 1, i2 ^ s ^ 1);
    [0xF000 | s << 10 | (offset >> 12) as u16 & 0x3FF, 0xD000 | j1 << 13 | j2 << 11 | (offset >> 1) as u16 & 0x7FF]
}

/// The half-words of an item that needs no labels.
pub fn one(item: Item) -> Vec<u16> {
    match item {
        Item::Code(code) => code,
        other => panic!("{other:?} needs its place"),
    }
}

fn half(code: u16) -> Item {
    Item::Code(vec![code])
}

/// Bits of the registers listed.
fn list(registers: &[u16]) -> u16 {
    registers.iter().fold(0, |bits, r| bits | 1 << r)
}

pub fn raw(code: u16) -> Item {
    half(code)
}
pub fn label(name: &'static str) -> Item {
    Item::Label(name)
}
pub fn lit(rt: u16, value: impl Into<Value>) -> Item {
    Item::Literal(rt, value.into())
}
pub fn b(to: &'static str) -> Item {
    Item::Branch(14, to)
}
pub fn beq(to: &'static str) -> Item {
    Item::Branch(0, to)
}
pub fn bne(to: &'static str) -> Item {
    Item::Branch(1, to)
}
pub fn bl(to: &'static str) -> Item {
    Item::Call(to)
}
pub fn bx(rm: u16) -> Item {
    half(0x4700 | rm << 3)
}
pub fn movs(rd: u16, imm: u16) -> Item {
    half(0x2000 | rd << 8 | imm)
}
pub fn mov(rd: u16, rm: u16) -> Item {
    half(0x4600 | (rd & 8) << 4 | rm << 3 | rd & 7)
}
pub fn adds(rdn: u16, imm: u16) -> Item {
    half(0x3000 | rdn << 8 | imm)
}
pub fn subs(rdn: u16, imm: u16) -> Item {
    half(0x3800 | rdn << 8 | imm)
}
pub fn cmp(rn: u16, imm: u16) -> Item {
    half(0x2800 | rn << 8 | imm)
}
pub fn lsls(rd: u16, rm: u16, imm: u16) -> Item {
    half(imm << 6 | rm << 3 | rd)
}
pub fn ldr(rt: u16, rn: u16, offset: u16) -> Item {
    half(0x6800 | (offset / 4) << 6 | rn << 3 | rt)
}
pub fn str(rt: u16, rn: u16, offset: u16) -> Item {
    half(0x6000 | (offset / 4) << 6 | rn << 3 | rt)
}
pub fn ldrh(rt: u16, rn: u16, offset: u16) -> Item {
    half(0x8800 | (offset / 2) << 6 | rn << 3 | rt)
}
pub fn strh(rt: u16, rn: u16, offset: u16) -> Item {
    half(0x8000 | (offset / 2) << 6 | rn << 3 | rt)
}
pub fn strb(rt: u16, rn: u16, offset: u16) -> Item {
    half(0x7000 | offset << 6 | rn << 3 | rt)
}
pub fn ldr_sp(rt: u16, offset: u16) -> Item {
    half(0x9800 | rt << 8 | (offset / 4))
}
pub fn str_sp(rt: u16, offset: u16) -> Item {
    half(0x9000 | rt << 8 | (offset / 4))
}
pub fn sub_sp(imm: u16) -> Item {
    half(0xB080 | (imm / 4))
}
pub fn push(registers: &[u16]) -> Item {
    let bits = list(registers);
    half(0xB400 | (bits & 0xFF) | ((bits >> LR) & 1) << 8)
}
pub fn pop(registers: &[u16]) -> Item {
    let bits = list(registers);
    half(0xBC00 | (bits & 0xFF) | ((bits >> PC) & 1) << 8)
}
pub fn ldm(rn: u16, registers: &[u16]) -> Item {
    half(0xC800 | rn << 8 | list(registers))
}
pub fn stm(rn: u16, registers: &[u16]) -> Item {
    half(0xC000 | rn << 8 | list(registers))
}
pub fn svc(imm: u16) -> Item {
    half(0xDF00 | imm)
}
pub fn bkpt(imm: u16) -> Item {
    half(0xBE00 | imm)
}
pub fn udf(imm: u16) -> Item {
    half(0xDE00 | imm)
}
pub fn nop() -> Item {
    half(0xBF00)
}
pub fn wfe() -> Item {
    half(0xBF20)
}
pub fn wfi() -> Item {
    half(0xBF30)
}
pub fn sev() -> Item {
    half(0xBF40)
}
pub fn cpsie() -> Item {
    half(0xB662)
}
pub fn cpsid() -> Item {
    half(0xB672)
}
pub fn mrs(rd: u16, special: u16) -> Item {
    Item::Code(vec![0xF3EF, 0x8000 | rd << 8 | special])
}
pub fn msr(special: u16, rn: u16) -> Item {
    Item::Code(vec![0xF380 | rn, 0x8800 | special])
}
pub fn isb() -> Item {
    Item::Code(vec![0xF3BF, 0x8F6F])
}

/// `[address] = value`; uses R0 and R1.
pub fn poke(address: u32, value: impl Into<Value>) -> Item {
    Item::Many(vec![lit(0, address), lit(1, value), str(1, 0, 0)])
}

/// `Rt = [address]`; uses R0.
pub fn peek(rt: u16, address: u32) -> Item {
    Item::Many(vec![lit(0, address), ldr(rt, 0, 0)])
}

#[test]
fn encodings_are_those_of_the_manual() {
    let halves = |item| one(item);
    assert_eq!(halves(movs(1, 0x12)), [0x2112]);
    assert_eq!(halves(mov(8, 1)), [0x4688]);
    assert_eq!(halves(mov(1, SP)), [0x4669]);
    assert_eq!(halves(ldr(1, 0, 4)), [0x6841]);
    assert_eq!(halves(str(2, 5, 0x2C)), [0x62EA]);
    assert_eq!(halves(ldrh(1, 0, 2)), [0x8841]);
    assert_eq!(halves(strb(0, 7, 0)), [0x7038]);
    assert_eq!(halves(ldr_sp(0, 24)), [0x9806]);
    assert_eq!(halves(sub_sp(4)), [0xB081]);
    assert_eq!(halves(push(&[4, LR])), [0xB510]);
    assert_eq!(halves(pop(&[0, PC])), [0xBD01]);
    assert_eq!(halves(stm(4, &[0])), [0xC401]);
    assert_eq!(halves(bx(LR)), [0x4770]);
    assert_eq!(halves(lsls(2, 2, 24)), [0x0612]);
    assert_eq!(halves(mrs(0, PRIMASK)), [0xF3EF, 0x8010]);
    assert_eq!(halves(msr(MSP, 0)), [0xF380, 0x8808]);
}

#[test]
fn labels_and_literals_find_their_place() {
    let out = assemble(
        0x100,
        &[label("a"), b("a"), beq("z"), bl("a"), bl("z"), lit(3, 0x1234_5678), lit(4, "z"), label("z"), nop()],
    );
    let halves: Vec<u16> = out.code.chunks(2).map(|c| u16::from_le_bytes([c[0], c[1]])).collect();
    // beq at 102 to 110; bl at 104 to 100; bl at 108 to 110; ldr at 10C from 114; ldr at 10E from 118.
    assert_eq!(halves[..2], [0xE7FE, 0xD005]);
    assert_eq!(halves[2..6], [0xF7FF, 0xFFFC, 0xF000, 0xF802]);
    assert_eq!(halves[6..10], [0x4B01, 0x4C02, 0xBF00, 0xBF00]);
    assert_eq!(halves[10..], [0x5678, 0x1234, 0x0111, 0x0000]);
    assert_eq!(out.labels["z"], 0x110);
}
