//! ARMv6-M encodings: which exist, how long they are, what they cost.
//!
//! Unicorn's Cortex-M0 runs 1,266 16-bit encodings that ARMv6-M leaves undefined (`cbz`, `it`, `setend`) and
//! refuses two legal hints (`wfe`, `yield`). Each block is checked here once, when it is first seen, and the
//! engine handles what differs. Encodings: DDI0419 A5 and A6. Cycles: DDI0432C 3.3 (M0), DDI0484 3.3 (M0+).

use crate::part::Core;

/// What an instruction is, as far as time and control flow go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Runs on to the next instruction.
    Plain,
    /// `ldr Rt, [pc, #imm]`: reads memory next to the code.
    LoadLiteral,
    /// `b<cond>`.
    Conditional,
    /// Leaves the sequence always: `b`, `bl`, `bx`, `blx`, `pop {.., pc}`, `mov pc`, `add pc`.
    Branch,
    /// `wfi`.
    Wfi,
    /// `wfe`.
    Wfe,
    /// `sev`.
    Sev,
    /// `yield`, which Unicorn refuses and a single core treats as `nop`.
    Yield,
    /// `svc #imm`.
    Svc,
    /// `bkpt #imm`.
    Bkpt,
    /// `add sp, Rm` or `mov sp, Rm`: Unicorn lets the low two bits of SP be set, which are always 0 (DDI0419 B1.4.1).
    SetSp,
    /// `msr spec_reg, Rn`: Unicorn has a Q flag, and low bits in the stack pointers.
    Msr,
    /// Not an ARMv6-M instruction.
    Undefined,
    /// An encoding that ARMv6-M calls UNPREDICTABLE; the model faults rather than guess.
    Unpredictable,
}

impl Kind {
    /// Whether Unicorn's host handles it in the engine's place.
    pub const fn is_special(self) -> bool {
        !matches!(self, Kind::Plain | Kind::LoadLiteral | Kind::Conditional | Kind::Branch)
    }
}

/// One decoded instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// What it is.
    pub kind: Kind,
    /// Bytes: 2 or 4.
    pub length: u8,
    /// Cycles at zero wait states; a conditional branch that is not taken.
    pub cycles: u8,
    /// Further cycles of a conditional branch that is taken.
    pub taken: u8,
}

/// Whether the half-word begins a 32-bit instruction.
pub const fn is_wide(first: u16) -> bool {
    first >> 11 >= 0b11101
}

/// Whether the instruction may clear PRIMASK and is left to Unicorn: `cpsie i`.
pub const fn may_unmask(first: u16) -> bool {
    first == 0xB662
}

/// Whether its target may be an EXC_RETURN value: `bx`, `pop {.., pc}` (DDI0419 B1.5.8).
pub const fn may_return(first: u16) -> bool {
    first & 0xFF87 == 0x4700 || first >> 8 == 0xBD
}

/// Decodes the instruction that begins with `first`; `second` is read for 32-bit encodings only.
pub fn decode(first: u16, second: u16, core: Core) -> Instruction {
    let m0 = matches!(core, Core::M0);
    let (kind, cycles) = if is_wide(first) { wide(first, second, m0) } else { narrow(first, m0) };
    let taken = if kind == Kind::Conditional { if m0 { 2 } else { 1 } } else { 0 };
    Instruction { kind, length: if is_wide(first) { 4 } else { 2 }, cycles, taken }
}

fn narrow(h: u16, m0: bool) -> (Kind, u8) {
    let branch = if m0 { 3 } else { 2 };
    match h >> 12 {
        0b0000..=0b0011 => (Kind::Plain, 1),
        0b0100 if h >> 10 == 0b010000 => (Kind::Plain, 1),
        0b0100 if h >> 10 == 0b010001 => special_data(h, branch),
        0b0100 => (Kind::LoadLiteral, 2),
        0b0101..=0b1001 => (Kind::Plain, 2),
        0b1010 => (Kind::Plain, 1),
        0b1011 => miscellaneous(h, m0),
        0b1100 if h & 0xFF == 0 => (Kind::Unpredictable, 1),
        0b1100 => (Kind::Plain, 1 + (h & 0xFF).count_ones() as u8),
        0b1101 => match (h >> 8) & 0xF {
            14 => (Kind::Undefined, 1),
            15 => (Kind::Svc, 1),
            _ => (Kind::Conditional, 1),
        },
        _ => (Kind::Branch, branch),
    }
}

/// `add`, `cmp`, `mov` with high registers, `bx`, `blx`.
fn special_data(h: u16, branch: u8) -> (Kind, u8) {
    let destination = ((h >> 4) & 8) | (h & 7);
    match (h >> 8) & 3 {
        0 | 2 if destination == 15 => (Kind::Branch, branch),
        0 | 2 if destination == 13 => (Kind::SetSp, 1),
        0..=2 => (Kind::Plain, 1),
        _ if h & 7 != 0 => (Kind::Unpredictable, 1),
        _ => (Kind::Branch, branch),
    }
}

fn miscellaneous(h: u16, m0: bool) -> (Kind, u8) {
    let listed = (h & 0xFF).count_ones() as u8;
    match (h >> 5) & 0x7F {
        // add/sub sp; sxth, sxtb, uxth, uxtb
        0b0000000..=0b0000111 | 0b0010000..=0b0010111 => (Kind::Plain, 1),
        // push
        0b0100000..=0b0101111 if h & 0x1FF == 0 => (Kind::Unpredictable, 1),
        0b0100000..=0b0101111 => (Kind::Plain, 1 + listed + u8::from(h & 0x100 != 0)),
        // cps: only `cpsie i` and `cpsid i` are defined
        0b0110011 if h & 0xF == 2 => (Kind::Plain, 1),
        0b0110011 => (Kind::Unpredictable, 1),
        // rev, rev16, revsh
        0b1010000..=0b1010011 | 0b1010110 | 0b1010111 => (Kind::Plain, 1),
        // pop
        0b1100000..=0b1101111 if h & 0x1FF == 0 => (Kind::Unpredictable, 1),
        0b1100000..=0b1101111 if h & 0x100 != 0 => (Kind::Branch, if m0 { 4 } else { 3 } + listed),
        0b1100000..=0b1101111 => (Kind::Plain, 1 + listed),
        0b1110000..=0b1110111 => (Kind::Bkpt, 1),
        // hints; with a mask they would be `it`
        0b1111000..=0b1111111 if h & 0xF == 0 => match (h >> 4) & 0xF {
            1 => (Kind::Yield, 1),
            2 => (Kind::Wfe, 2),
            3 => (Kind::Wfi, 2),
            4 => (Kind::Sev, 1),
            _ => (Kind::Plain, 1),
        },
        _ => (Kind::Undefined, 1),
    }
}

fn wide(first: u16, second: u16, m0: bool) -> (Kind, u8) {
    let slow = if m0 { 4 } else { 3 };
    if first >> 11 != 0b11110 || second & 0x8000 == 0 {
        return (Kind::Undefined, 1);
    }
    let op1 = (first >> 4) & 0x7F;
    match (second >> 12) & 7 {
        5 | 7 => (Kind::Branch, slow),
        0 | 2 => match op1 {
            // msr spec_reg, Rn
            0b0111000 if second & 0xFF00 == 0x8800 && known_special(second) && general(first) => (Kind::Msr, slow),
            0b0111000 | 0b0111001 => (Kind::Unpredictable, 1),
            // dsb, dmb, isb
            0b0111011 if matches!((second >> 4) & 0xF, 4..=6) => (Kind::Plain, slow),
            // mrs Rd, spec_reg
            0b0111110
                if first & 0xF == 0xF && second & 0xF000 == 0x8000 && known_special(second) && general(second >> 8) =>
            {
                (Kind::Plain, slow)
            }
            0b0111110 | 0b0111111 => (Kind::Unpredictable, 1),
            _ => (Kind::Undefined, 1),
        },
        _ => (Kind::Undefined, 1),
    }
}

/// Whether the register in the low four bits is neither SP nor PC.
const fn general(field: u16) -> bool {
    !matches!(field & 0xF, 13 | 15)
}

/// The special registers that ARMv6-M has (DDI0419 B5.1.1); BASEPRI and FAULTMASK are ARMv7-M's.
const fn known_special(second: u16) -> bool {
    matches!(second & 0xFF, 0 | 1 | 2 | 3 | 5 | 6 | 7 | 8 | 9 | 16 | 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(h: u16) -> Kind {
        decode(h, 0, Core::M0).kind
    }

    #[test]
    fn the_undefined_halfwords_are_2064() {
        let narrow = (0..=0xFFFFu16).filter(|h| !is_wide(*h));
        let undefined: Vec<u16> = narrow.filter(|h| kind(*h) == Kind::Undefined && h >> 8 != 0xDE).collect();
        assert_eq!(undefined.len(), 2064);
        let inside = |h: u16| {
            matches!(h, 0xB100..=0xB1FF | 0xB300..=0xB3FF | 0xB600..=0xB65F | 0xB680..=0xB9FF | 0xBA80..=0xBABF | 0xBB00..=0xBBFF)
                || (h >> 8 == 0xBF && h & 0xF != 0)
        };
        assert!(undefined.iter().all(|h| inside(*h)));
    }

    #[test]
    fn unpredictable_halfwords() {
        let narrow = (0..=0xFFFFu16).filter(|h| !is_wide(*h));
        let count = narrow.filter(|h| kind(*h) == Kind::Unpredictable).count();
        // bx/blx with low bits 224, cps 30, push/pop of nothing 2, stm/ldm of nothing 16
        assert_eq!(count, 224 + 30 + 2 + 16);
    }

    #[test]
    fn what_unicorn_gets_wrong() {
        for h in [0xB100, 0xB9FF, 0xBB08, 0xB650, 0xB658, 0xBF08] {
            assert_eq!(kind(h), Kind::Undefined, "{h:#06x}");
        }
        assert_eq!(
            (kind(0xBF10), kind(0xBF20), kind(0xBF30), kind(0xBF40)),
            (Kind::Yield, Kind::Wfe, Kind::Wfi, Kind::Sev)
        );
        assert_eq!(kind(0xBF50), Kind::Plain, "an unallocated hint is a nop");
    }

    #[test]
    fn wide_encodings() {
        let of = |a, b| decode(a, b, Core::M0Plus).kind;
        assert_eq!(of(0xF000, 0xF801), Kind::Branch, "bl");
        assert_eq!(of(0xF3BF, 0x8F4F), Kind::Plain, "dsb");
        assert_eq!(of(0xF380, 0x8808), Kind::Msr, "msr msp, r0");
        assert_eq!(of(0xF3EF, 0x8010), Kind::Plain, "mrs r0, primask");
        assert_eq!(of(0xF3EF, 0x8011), Kind::Unpredictable, "mrs r0, basepri");
        assert_eq!(of(0xF240, 0x0001), Kind::Undefined, "movw");
        assert_eq!(of(0xFBB0, 0xF0F1), Kind::Undefined, "udiv");
        assert_eq!(of(0xE8BD, 0x8000), Kind::Undefined, "ldm.w");
    }

    #[test]
    fn cycles_of_both_cores() {
        let of = |h: u16, core| {
            let i = decode(h, 0xF801, core);
            (i.cycles, i.taken)
        };
        assert_eq!((of(0xD0FE, Core::M0), of(0xD0FE, Core::M0Plus)), ((1, 2), (1, 1)), "beq");
        assert_eq!((of(0xE7FE, Core::M0), of(0xE7FE, Core::M0Plus)), ((3, 0), (2, 0)), "b");
        assert_eq!((of(0xBD10, Core::M0), of(0xBD10, Core::M0Plus)), ((5, 0), (4, 0)), "pop {{r4, pc}}");
        assert_eq!(
            (of(0xB510, Core::M0), of(0xC80F, Core::M0)),
            ((3, 0), (5, 0)),
            "push {{r4, lr}}, ldm r0!, {{r0-r3}}"
        );
        assert_eq!((of(0xF000, Core::M0), of(0xF000, Core::M0Plus)), ((4, 0), (3, 0)), "bl");
        assert_eq!(of(0x6808, Core::M0), (2, 0), "ldr");
    }
}
