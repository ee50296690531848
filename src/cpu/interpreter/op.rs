//! Instructions in the form in which the interpreter runs them: decoded once, kept beside the memory they came from.

use crate::cpu::decode::{self, Kind};
use crate::part::Core;

/// What an instruction does. Names follow DDI0419 A6.7.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    /// Not looked at yet: all zeros, so that fresh memory needs no filling.
    #[default]
    Unseen,
    LslImm,
    LsrImm,
    AsrImm,
    AddReg,
    SubReg,
    AddImm,
    SubImm,
    MovImm,
    CmpImm,
    And,
    Eor,
    LslReg,
    LsrReg,
    AsrReg,
    Adc,
    Sbc,
    RorReg,
    Tst,
    Rsb,
    CmpReg,
    Cmn,
    Orr,
    Mul,
    Bic,
    Mvn,
    /// `add Rd, Rm` with high registers: no flags.
    AddHigh,
    CmpHigh,
    MovHigh,
    /// `mov pc, Rm` and `add pc, Rm`.
    MovPc,
    AddPc,
    Bx,
    Blx,
    LdrLiteral,
    StrReg,
    StrhReg,
    StrbReg,
    LdrsbReg,
    LdrReg,
    LdrhReg,
    LdrbReg,
    LdrshReg,
    StrImm,
    StrhImm,
    StrbImm,
    LdrImm,
    LdrhImm,
    LdrbImm,
    Adr,
    /// `add Rd, sp, #imm`; with Rd = 13 `add sp, #imm`.
    AddSp,
    SubSp,
    Sxth,
    Sxtb,
    Uxth,
    Uxtb,
    Push,
    Pop,
    Rev,
    Rev16,
    Revsh,
    Stm,
    Ldm,
    Cpsie,
    Cpsid,
    /// Hints without effect, and barriers.
    Nop,
    /// `b<cond>`; the condition is in `n`.
    BCond,
    B,
    Bl,
    Mrs,
    Msr,
    /// What the chip handles, or what is no instruction: [`Kind`] tells.
    Special,
}

/// One instruction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Op {
    /// What it does.
    pub code: Code,
    /// Destination, or the register transferred.
    pub d: u8,
    /// First operand or base; the condition of `BCond`.
    pub n: u8,
    /// Second operand.
    pub m: u8,
    /// Immediate, branch offset or register list.
    pub imm: u32,
    /// Cycles at zero wait states.
    pub cycles: u8,
    /// Further cycles when it branches.
    pub taken: u8,
    /// Bytes: 2 or 4.
    pub length: u8,
    /// Its fetch reaches a new line of flash.
    pub line: bool,
    /// The half-word itself, where memory may change without the engine's knowing.
    pub raw: u16,
}

/// Decodes the instruction at `address`; `line` is the length of a flash line in bytes, none outside of flash.
pub fn decode(address: u32, first: u16, second: u16, core: Core, line: Option<u32>) -> Op {
    let known = decode::decode(first, second, core);
    let line = line.is_some_and(|line| {
        let last = address.wrapping_add(u32::from(known.length) - 1);
        address.is_multiple_of(line) || address / line != last / line
    });
    let unicorns = matches!(known.kind, Kind::SetSp | Kind::Msr);
    let shape = if known.kind.is_special() && !unicorns {
        Op { code: Code::Special, ..Op::default() }
    } else if known.length == 4 {
        wide(first, second)
    } else {
        narrow(first)
    };
    Op { cycles: known.cycles, taken: known.taken, length: known.length, line, raw: first, ..shape }
}

/// What a [`Code::Special`] is.
pub fn special(first: u16, second: u16, core: Core) -> Kind {
    decode::decode(first, second, core).kind
}

fn op(code: Code, d: u16, n: u16, m: u16, imm: u32) -> Op {
    Op { code, d: d as u8, n: n as u8, m: m as u8, imm, ..Op::default() }
}

/// Sign-extends the low `bits` bits.
fn sign(value: u32, bits: u32) -> u32 {
    ((value << (32 - bits)) as i32 >> (32 - bits)) as u32
}

fn narrow(h: u16) -> Op {
    let (low, mid, high) = (h & 7, (h >> 3) & 7, (h >> 6) & 7);
    let imm5 = u32::from((h >> 6) & 0x1F);
    let (reg8, imm8) = ((h >> 8) & 7, u32::from(h & 0xFF));
    match h >> 11 {
        0b00000 => op(Code::LslImm, low, 0, mid, imm5),
        0b00001 => op(Code::LsrImm, low, 0, mid, if imm5 == 0 { 32 } else { imm5 }),
        0b00010 => op(Code::AsrImm, low, 0, mid, if imm5 == 0 { 32 } else { imm5 }),
        0b00011 => match (h >> 9) & 3 {
            0 => op(Code::AddReg, low, mid, high, 0),
            1 => op(Code::SubReg, low, mid, high, 0),
            2 => op(Code::AddImm, low, mid, 0, u32::from(high)),
            _ => op(Code::SubImm, low, mid, 0, u32::from(high)),
        },
        0b00100 => op(Code::MovImm, reg8, 0, 0, imm8),
        0b00101 => op(Code::CmpImm, 0, reg8, 0, imm8),
        0b00110 => op(Code::AddImm, reg8, reg8, 0, imm8),
        0b00111 => op(Code::SubImm, reg8, reg8, 0, imm8),
        0b01000 if h & 0x400 == 0 => data(h, low, mid),
        0b01000 => high_registers(h),
        0b01001 => op(Code::LdrLiteral, reg8, 0, 0, imm8 * 4),
        0b01010 | 0b01011 => {
            const CODES: [Code; 8] = [
                Code::StrReg,
                Code::StrhReg,
                Code::StrbReg,
                Code::LdrsbReg,
                Code::LdrReg,
                Code::LdrhReg,
                Code::LdrbReg,
                Code::LdrshReg,
            ];
            op(CODES[usize::from((h >> 9) & 7)], low, mid, high, 0)
        }
        0b01100 => op(Code::StrImm, low, mid, 0, imm5 * 4),
        0b01101 => op(Code::LdrImm, low, mid, 0, imm5 * 4),
        0b01110 => op(Code::StrbImm, low, mid, 0, imm5),
        0b01111 => op(Code::LdrbImm, low, mid, 0, imm5),
        0b10000 => op(Code::StrhImm, low, mid, 0, imm5 * 2),
        0b10001 => op(Code::LdrhImm, low, mid, 0, imm5 * 2),
        0b10010 => op(Code::StrImm, reg8, 13, 0, imm8 * 4),
        0b10011 => op(Code::LdrImm, reg8, 13, 0, imm8 * 4),
        0b10100 => op(Code::Adr, reg8, 0, 0, imm8 * 4),
        0b10101 => op(Code::AddSp, reg8, 0, 0, imm8 * 4),
        0b10110 | 0b10111 => miscellaneous(h, low, mid),
        0b11000 => op(Code::Stm, 0, reg8, 0, imm8),
        0b11001 => op(Code::Ldm, 0, reg8, 0, imm8),
        0b11010 | 0b11011 => op(Code::BCond, 0, (h >> 8) & 0xF, 0, sign(imm8 << 1, 9)),
        _ => op(Code::B, 0, 0, 0, sign(u32::from(h & 0x7FF) << 1, 12)),
    }
}

fn data(h: u16, low: u16, mid: u16) -> Op {
    const CODES: [Code; 16] = [
        Code::And,
        Code::Eor,
        Code::LslReg,
        Code::LsrReg,
        Code::AsrReg,
        Code::Adc,
        Code::Sbc,
        Code::RorReg,
        Code::Tst,
        Code::Rsb,
        Code::CmpReg,
        Code::Cmn,
        Code::Orr,
        Code::Mul,
        Code::Bic,
        Code::Mvn,
    ];
    op(CODES[usize::from((h >> 6) & 0xF)], low, low, mid, 0)
}

fn high_registers(h: u16) -> Op {
    let (d, m) = (((h >> 4) & 8) | (h & 7), (h >> 3) & 0xF);
    match (h >> 8) & 3 {
        0 if d == 15 => op(Code::AddPc, d, d, m, 0),
        0 => op(Code::AddHigh, d, d, m, 0),
        1 => op(Code::CmpHigh, 0, d, m, 0),
        2 if d == 15 => op(Code::MovPc, d, 0, m, 0),
        2 => op(Code::MovHigh, d, 0, m, 0),
        _ if h & 0x80 != 0 => op(Code::Blx, 0, 0, m, 0),
        _ => op(Code::Bx, 0, 0, m, 0),
    }
}

fn miscellaneous(h: u16, low: u16, mid: u16) -> Op {
    let list = u32::from(h & 0xFF);
    let imm7 = u32::from(h & 0x7F) * 4;
    match (h >> 6) & 0x3F {
        0b000000 | 0b000001 => op(Code::AddSp, 13, 0, 0, imm7),
        0b000010 | 0b000011 => op(Code::SubSp, 13, 0, 0, imm7),
        0b001000 => op(Code::Sxth, low, 0, mid, 0),
        0b001001 => op(Code::Sxtb, low, 0, mid, 0),
        0b001010 => op(Code::Uxth, low, 0, mid, 0),
        0b001011 => op(Code::Uxtb, low, 0, mid, 0),
        // LR is bit 14 of the list, PC bit 15.
        0b010000..=0b010111 => op(Code::Push, 0, 13, 0, list | u32::from(h & 0x100) << 6),
        0b110000..=0b110111 => op(Code::Pop, 0, 13, 0, list | u32::from(h & 0x100) << 7),
        0b101000 => op(Code::Rev, low, 0, mid, 0),
        0b101001 => op(Code::Rev16, low, 0, mid, 0),
        0b101011 => op(Code::Revsh, low, 0, mid, 0),
        0b011001 if h & 0x10 != 0 => op(Code::Cpsid, 0, 0, 0, 0),
        0b011001 => op(Code::Cpsie, 0, 0, 0, 0),
        _ => op(Code::Nop, 0, 0, 0, 0),
    }
}

fn wide(first: u16, second: u16) -> Op {
    if second & 0x5000 == 0x5000 {
        let s = u32::from((first >> 10) & 1);
        let j = |bit: u16| u32::from((second >> bit) & 1) ^ s ^ 1;
        let imm = s << 24 | j(13) << 23 | j(11) << 22 | u32::from(first & 0x3FF) << 12 | u32::from(second & 0x7FF) << 1;
        return op(Code::Bl, 0, 0, 0, sign(imm, 25));
    }
    match (first >> 4) & 0x7F {
        0b0111000 => op(Code::Msr, 0, first & 0xF, 0, u32::from(second & 0xFF)),
        0b0111110 => op(Code::Mrs, (second >> 8) & 0xF, 0, 0, u32::from(second & 0xFF)),
        _ => op(Code::Nop, 0, 0, 0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(h: u16) -> Op {
        decode(0x0800_0000, h, 0xF801, Core::M0, Some(4))
    }

    #[test]
    fn every_legal_encoding_has_a_code_and_no_other() {
        for h in 0..=0xFFFFu16 {
            let o = of(h);
            let known = decode::decode(h, 0xF801, Core::M0);
            assert_ne!(o.code, Code::Unseen, "{h:04x}");
            assert_eq!(
                o.code == Code::Special,
                known.kind.is_special() && !matches!(known.kind, Kind::SetSp | Kind::Msr),
                "{h:04x}"
            );
            let branches = matches!(o.code, Code::B | Code::Bl | Code::Bx | Code::Blx | Code::MovPc | Code::AddPc)
                || (o.code == Code::Pop && o.imm & 0x8000 != 0);
            assert_eq!(branches, known.kind == Kind::Branch, "{h:04x}");
            assert_eq!(o.code == Code::Nop && known.length == 2, h >> 8 == 0xBF && !known.kind.is_special(), "{h:04x}");
        }
    }

    #[test]
    fn immediates_and_lists() {
        assert_eq!((of(0xE7FE).code, of(0xE7FE).imm), (Code::B, 0xFFFF_FFFC));
        assert_eq!((of(0xD0FD).n, of(0xD0FD).imm), (0, 0xFFFF_FFFA));
        assert_eq!((of(0xB510).imm, of(0xBD10).imm), (0x4010, 0x8010));
        assert_eq!((of(0x0801).imm, of(0x0041).imm), (32, 1), "lsrs #0 shifts by 32");
        let bl = decode(0, 0xF7FF, 0xFFFE, Core::M0, None);
        assert_eq!((bl.code, bl.imm), (Code::Bl, 0xFFFF_FFFC));
        let bl = decode(0, 0xF000, 0xF801, Core::M0, None);
        assert_eq!((bl.code, bl.imm), (Code::Bl, 2));
    }
}
