//! Plain arithmetic, worked out apart from any engine: shifts, sums, logic, and their flags.
//!
//! Only what takes a line: it is a check of the engines, not another one (DDI0419 A2.2.1, A6.7).

use dryflash::cpu::Registers;

const N: u32 = 1 << 31;
const Z: u32 = 1 << 30;
const C: u32 = 1 << 29;
const V: u32 = 1 << 28;

/// The registers after the instruction, where it is one of those known here.
pub fn expected(instruction: u16, before: &Registers) -> Option<Registers> {
    let h = u32::from(instruction);
    let mut after = *before;
    after.pc = before.pc.wrapping_add(2);
    let field = |low: u32| (h >> low & 7) as usize;
    let low = |low: u32| before.r[field(low)];
    let carry = before.xpsr & C != 0;
    let v = before.xpsr & V != 0;
    let imm8 = h & 0xFF;
    // Destination, result, carry, overflow; flags go with every one.
    let (rd, (result, c, v)) = match h >> 11 {
        0b00000 if h >> 6 & 31 == 0 => (Some(field(0)), (low(3), carry, v)),
        0b00000..=0b00010 => {
            // The encoding says 32 with 0.
            let amount = if h >> 6 & 31 == 0 { 32 } else { h >> 6 & 31 };
            let (result, c) = shift(h >> 11, low(3), amount, carry);
            (Some(field(0)), (result, c, v))
        }
        0b00011 => {
            let operand = if h & 1 << 10 != 0 { field(6) as u32 } else { low(6) };
            (Some(field(0)), if h & 1 << 9 != 0 { sum(low(3), !operand, true) } else { sum(low(3), operand, false) })
        }
        0b00100 => (Some(field(8)), (imm8, carry, v)),
        0b00101 => (None, sum(low(8), !imm8, true)),
        0b00110 => (Some(field(8)), sum(low(8), imm8, false)),
        0b00111 => (Some(field(8)), sum(low(8), !imm8, true)),
        0b01000 if h < 0x4400 => {
            let (a, b) = (low(0), low(3));
            let logic = |result| (result, carry, v);
            let shifted = |op| {
                let (result, c) = shift(op, a, b & 0xFF, carry);
                (result, c, v)
            };
            match h >> 6 & 15 {
                0 => (Some(field(0)), logic(a & b)),
                1 => (Some(field(0)), logic(a ^ b)),
                2 => (Some(field(0)), shifted(0)),
                3 => (Some(field(0)), shifted(1)),
                4 => (Some(field(0)), shifted(2)),
                5 => (Some(field(0)), sum(a, b, carry)),
                6 => (Some(field(0)), sum(a, !b, carry)),
                7 => (Some(field(0)), shifted(3)),
                8 => (None, logic(a & b)),
                9 => (Some(field(0)), sum(0, !b, true)),
                10 => (None, sum(a, !b, true)),
                11 => (None, sum(a, b, false)),
                12 => (Some(field(0)), logic(a | b)),
                13 => (Some(field(0)), logic(a.wrapping_mul(b))),
                14 => (Some(field(0)), logic(a & !b)),
                _ => (Some(field(0)), logic(!b)),
            }
        }
        _ => return None,
    };
    if let Some(rd) = rd {
        after.r[rd] = result;
    }
    let flag = |set: bool, bit| if set { bit } else { 0 };
    after.xpsr = before.xpsr & 0x0FFF_FFFF | flag(result & N != 0, N) | flag(result == 0, Z) | flag(c, C) | flag(v, V);
    Some(after)
}

fn sum(a: u32, b: u32, carry: bool) -> (u32, bool, bool) {
    let unsigned = u64::from(a) + u64::from(b) + u64::from(carry);
    let signed = i64::from(a as i32) + i64::from(b as i32) + i64::from(carry);
    let result = unsigned as u32;
    (result, unsigned >> 32 != 0, signed != i64::from(result as i32))
}

/// `lsl`, `lsr`, `asr`, `ror` by 0 to 255, bit by bit; the carry is the last bit out.
fn shift(op: u32, value: u32, amount: u32, carry: bool) -> (u32, bool) {
    (0..amount).fold((value, carry), |(value, _), _| match op {
        0 => (value << 1, value & N != 0),
        1 => (value >> 1, value & 1 != 0),
        2 => ((value as i32 >> 1) as u32, value & 1 != 0),
        _ => (value.rotate_right(1), value & 1 != 0),
    })
}
