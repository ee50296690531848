//! The memory that an instruction reads or writes, told before it runs (DDI0419 A6.7).
//!
//! Every ARMv6-M instruction with a data access makes one, or several at adjacent words.

use super::Registers;

/// The bytes that one instruction accesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataAccess {
    /// The first.
    pub first: u32,
    /// The last.
    pub last: u32,
    /// It stores.
    pub store: bool,
}

/// Whether the half-word may begin an instruction with a data access: a quick look that needs no registers.
pub const fn may_access(half: u16) -> bool {
    match half >> 11 {
        // `ldr` from the code, loads and stores, `stm` and `ldm`.
        0b01001 | 0b01010..=0b10011 | 0b11000 | 0b11001 => true,
        // `push` and `pop`.
        _ => half & 0xF600 == 0xB400,
    }
}

/// What the instruction `half` accesses at `pc` with these registers; none where it accesses no data, or is no whole
/// instruction.
pub fn data_access(half: u16, pc: u32, registers: &Registers) -> Option<DataAccess> {
    let field = |shift: u16| usize::from(half >> shift & 7);
    let low = |shift: u16| registers.r[field(shift)];
    let imm5 = u32::from(half >> 6 & 0x1F);
    let imm8 = u32::from(half & 0xFF);
    let (first, bytes, store) = match half >> 11 {
        0b01001 => ((pc.wrapping_add(4) & !3).wrapping_add(4 * imm8), 4, false),
        0b01010 | 0b01011 => {
            let (bytes, store) = match half >> 9 & 7 {
                0 => (4, true),
                1 => (2, true),
                2 => (1, true),
                3 => (1, false),
                4 => (4, false),
                5 => (2, false),
                6 => (1, false),
                _ => (2, false),
            };
            (low(3).wrapping_add(low(6)), bytes, store)
        }
        0b01100 => (low(3).wrapping_add(4 * imm5), 4, true),
        0b01101 => (low(3).wrapping_add(4 * imm5), 4, false),
        0b01110 => (low(3).wrapping_add(imm5), 1, true),
        0b01111 => (low(3).wrapping_add(imm5), 1, false),
        0b10000 => (low(3).wrapping_add(2 * imm5), 2, true),
        0b10001 => (low(3).wrapping_add(2 * imm5), 2, false),
        0b10010 => (registers.sp().wrapping_add(4 * imm8), 4, true),
        0b10011 => (registers.sp().wrapping_add(4 * imm8), 4, false),
        0b11000 => (low(8), 4 * imm8.count_ones(), true),
        0b11001 => (low(8), 4 * imm8.count_ones(), false),
        _ if half & 0xF600 == 0xB400 => {
            let bytes = 4 * (half & 0x1FF).count_ones();
            let pop = half & 0x0800 != 0;
            (if pop { registers.sp() } else { registers.sp().wrapping_sub(bytes) }, bytes, !pop)
        }
        _ => return None,
    };
    (bytes > 0).then(|| DataAccess { first, last: first.wrapping_add(bytes - 1), store })
}

/// The register that the instruction `half` loads or stores, where it is one.
pub const fn access_register(half: u16) -> Option<usize> {
    match half >> 11 {
        0b01001 | 0b10010 | 0b10011 => Some((half >> 8 & 7) as usize),
        0b01010..=0b10001 => Some((half & 7) as usize),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_load_and_store() {
        let mut r = Registers { msp: 0x2000_0100, ..Registers::default() };
        r.r[0] = 0x2000_0000;
        r.r[1] = 0x10;
        // Encodings as an assembler gives them.
        let cases: &[(u16, u32, u32, bool)] = &[
            (0x4801, 0x0800_0008, 4, false), // ldr r0, [pc, #4] at 0x08000002
            (0x5042, 0x2000_0010, 4, true),  // str r2, [r0, r1]
            (0x5242, 0x2000_0010, 2, true),  // strh r2, [r0, r1]
            (0x5442, 0x2000_0010, 1, true),  // strb r2, [r0, r1]
            (0x5642, 0x2000_0010, 1, false), // ldrsb r2, [r0, r1]
            (0x5842, 0x2000_0010, 4, false), // ldr r2, [r0, r1]
            (0x5A42, 0x2000_0010, 2, false), // ldrh r2, [r0, r1]
            (0x5C42, 0x2000_0010, 1, false), // ldrb r2, [r0, r1]
            (0x5E42, 0x2000_0010, 2, false), // ldrsh r2, [r0, r1]
            (0x6042, 0x2000_0004, 4, true),  // str r2, [r0, #4]
            (0x6842, 0x2000_0004, 4, false), // ldr r2, [r0, #4]
            (0x7042, 0x2000_0001, 1, true),  // strb r2, [r0, #1]
            (0x7842, 0x2000_0001, 1, false), // ldrb r2, [r0, #1]
            (0x8042, 0x2000_0002, 2, true),  // strh r2, [r0, #2]
            (0x8842, 0x2000_0002, 2, false), // ldrh r2, [r0, #2]
            (0x9202, 0x2000_0108, 4, true),  // str r2, [sp, #8]
            (0x9A02, 0x2000_0108, 4, false), // ldr r2, [sp, #8]
            (0xC00C, 0x2000_0000, 8, true),  // stmia r0!, {r2, r3}
            (0xC80C, 0x2000_0000, 8, false), // ldmia r0!, {r2, r3}
            (0xB510, 0x2000_00F8, 8, true),  // push {r4, lr}
            (0xBD10, 0x2000_0100, 8, false), // pop {r4, pc}
        ];
        for (half, first, bytes, store) in cases {
            let wanted = DataAccess { first: *first, last: first + bytes - 1, store: *store };
            assert_eq!(data_access(*half, 0x0800_0002, &r), Some(wanted), "{half:04x}");
        }
    }

    #[test]
    fn the_register_of_each_form() {
        // ldr r1, [pc, #4]; str r2, [r0, r1]; ldrh r2, [r0, #2]; str r2, [sp, #8]; push {r4, lr}; movs r0, #1
        let half = [0x4901, 0x5042, 0x8842, 0x9202, 0xB510, 0x2001];
        assert_eq!(half.map(access_register), [Some(1), Some(2), Some(2), Some(2), None, None]);
    }

    #[test]
    fn the_quick_look_misses_nothing() {
        let r = Registers::default();
        for half in 0..=u16::MAX {
            assert!(may_access(half) || data_access(half, 0, &r).is_none(), "{half:04x}");
        }
        // movs, add sp, bl, cps, nop: no data.
        for half in [0x2001, 0xB001, 0xF000, 0xB672, 0xBF00, 0x4770, 0xA001] {
            assert!(!may_access(half), "{half:04x}");
        }
    }
}
