//! The registers of the timers, a table for each kind: what a smaller timer lacks reads 0, and stores into it lead
//! nowhere.

use crate::part::Kind;
use crate::periph::registers::{Map, Register, registers};

registers! {
    /// TIM1's (RM0091 17.4, RM0444 21.4): it has all of them, and at these offsets the smaller timers have theirs. The
    /// tables are the G0's; what the F0's lack stands in its file.
    pub mod reg {
        0x00 CR1   rw 0x0000_0000 0x0000_0BFF;
        0x04 CR2   rw 0x0000_0000 0xFFFF_FFFF;
        0x08 SMCR  rw 0x0000_0000 0xFFFF_FFFF;
        0x0C DIER  rw 0x0000_0000 0x0000_7FFF;
        0x10 SR    rc 0x0000_0000 0xFFFF_FFFF;
        0x14 EGR   w  0x0000_0000 0x0000_00FF;
        0x18 CCMR1 rw 0x0000_0000 0xFFFF_FFFF;
        0x1C CCMR2 rw 0x0000_0000 0xFFFF_FFFF;
        0x20 CCER  rw 0x0000_0000 0xFFFF_FFFF;
        0x24 CNT   x  0x0000_0000 0xFFFF_FFFF;
        0x28 PSC   rw 0x0000_0000 0x0000_FFFF;
        0x2C ARR   x  varies      0xFFFF_FFFF;
        0x30 RCR   x  0x0000_0000 0x0000_FFFF;
        0x34 CCR1  x  0x0000_0000 0xFFFF_FFFF;
        0x38 CCR2  x  0x0000_0000 0xFFFF_FFFF;
        0x3C CCR3  x  0x0000_0000 0xFFFF_FFFF;
        0x40 CCR4  x  0x0000_0000 0xFFFF_FFFF;
        0x44 BDTR  rw 0x0000_0000 0xFFFF_FFFF;
        0x48 DCR   rw 0x0000_0000 0xFFFF_FFFF;
        0x4C DMAR  x  0x0000_0000 0xFFFF_FFFF;
        0x50 OR1   rw 0x0000_0000 0xFFFF_FFFF;
        0x54 CCMR3 rw 0x0000_0000 0xFFFF_FFFF;
        0x58 CCR5  rw 0x0000_0000 0xFFFF_FFFF;
        0x5C CCR6  rw 0x0000_0000 0xFFFF_FFFF;
        0x60 AF1   rw varies      0xFFFF_FFFF;
        0x64 AF2   rw varies      0xFFFF_FFFF;
        0x68 TISEL rw 0x0000_0000 0xFFFF_FFFF;
        reserved 0x6C..0x400;
    }
}

registers! {
    /// TIM2's and TIM3's (RM0091 18.4, RM0444 22.4): neither a repetition counter nor a break.
    pub mod general {
        0x00 CR1   rw 0x0000_0000 0x0000_0BFF;
        0x04 CR2   rw 0x0000_0000 0x0000_00F8;
        0x08 SMCR  rw 0x0000_0000 0xFFFF_FFFF;
        0x0C DIER  rw 0x0000_0000 0x0000_5F5F;
        0x10 SR    rc 0x0000_0000 0xFFFF_FFFF;
        0x14 EGR   w  0x0000_0000 0x0000_005F;
        0x18 CCMR1 rw 0x0000_0000 0xFFFF_FFFF;
        0x1C CCMR2 rw 0x0000_0000 0xFFFF_FFFF;
        0x20 CCER  rw 0x0000_0000 0xFFFF_FFFF;
        0x24 CNT   x  0x0000_0000 0xFFFF_FFFF;
        0x28 PSC   rw 0x0000_0000 0x0000_FFFF;
        0x2C ARR   x  varies      0xFFFF_FFFF;
        0x34 CCR1  x  0x0000_0000 0xFFFF_FFFF;
        0x38 CCR2  x  0x0000_0000 0xFFFF_FFFF;
        0x3C CCR3  x  0x0000_0000 0xFFFF_FFFF;
        0x40 CCR4  x  0x0000_0000 0xFFFF_FFFF;
        0x48 DCR   rw 0x0000_0000 0xFFFF_FFFF;
        0x4C DMAR  x  0x0000_0000 0xFFFF_FFFF;
        0x50 OR1   rw 0x0000_0000 0xFFFF_FFFF;
        0x60 AF1   rw varies      0xFFFF_FFFF;
        0x68 TISEL rw 0x0000_0000 0xFFFF_FFFF;
        reserved 0x30..0x34;
        reserved 0x44..0x48;
        reserved 0x54..0x60;
        reserved 0x64..0x68;
        reserved 0x6C..0x400;
    }
}

registers! {
    /// TIM6's and TIM7's (RM0091 21.4, RM0444 23.4).
    pub mod basic {
        0x00 CR1   rw 0x0000_0000 0x0000_088F;
        0x04 CR2   rw 0x0000_0000 0x0000_0070;
        0x0C DIER  rw 0x0000_0000 0x0000_0101;
        0x10 SR    rc 0x0000_0000 0xFFFF_FFFF;
        0x14 EGR   w  0x0000_0000 0x0000_0001;
        0x24 CNT   x  0x0000_0000 0xFFFF_FFFF;
        0x28 PSC   rw 0x0000_0000 0x0000_FFFF;
        0x2C ARR   x  varies      0xFFFF_FFFF;
        reserved 0x08..0x0C;
        reserved 0x18..0x24;
        reserved 0x30..0x400;
    }
}

registers! {
    /// TIM14's (RM0091 19.4, RM0444 24.4): one channel, no outputs of a bridge. OR1, named OR, is the F0's.
    pub mod one {
        0x00 CR1   rw 0x0000_0000 0x0000_0B8F;
        0x0C DIER  rw 0x0000_0000 0x0000_0003;
        0x10 SR    rc 0x0000_0000 0xFFFF_FFFF;
        0x14 EGR   w  0x0000_0000 0x0000_0003;
        0x18 CCMR1 rw 0x0000_0000 0x0001_00FF;
        0x20 CCER  rw 0x0000_0000 0x0000_000B;
        0x24 CNT   x  0x0000_0000 0xFFFF_FFFF;
        0x28 PSC   rw 0x0000_0000 0x0000_FFFF;
        0x2C ARR   x  varies      0xFFFF_FFFF;
        0x34 CCR1  x  0x0000_0000 0xFFFF_FFFF;
        0x50 OR1   rw 0x0000_0000 0x0000_0003;
        0x68 TISEL rw 0x0000_0000 0x0000_000F;
        reserved 0x04..0x0C;
        reserved 0x1C..0x20;
        reserved 0x30..0x34;
        reserved 0x38..0x50;
        reserved 0x54..0x68;
        reserved 0x6C..0x400;
    }
}

registers! {
    /// TIM15's (RM0091 20.5, RM0444 25.5): two channels.
    pub mod two {
        0x00 CR1   rw 0x0000_0000 0x0000_0B8F;
        0x04 CR2   rw 0x0000_0000 0x0000_07FD;
        0x08 SMCR  rw 0x0000_0000 0xFFFF_FFFF;
        0x0C DIER  rw 0x0000_0000 0x0000_67E7;
        0x10 SR    rc 0x0000_0000 0xFFFF_FFFF;
        0x14 EGR   w  0x0000_0000 0x0000_00E7;
        0x18 CCMR1 rw 0x0000_0000 0x0101_FFFF;
        0x20 CCER  rw 0x0000_0000 0x0000_00BF;
        0x24 CNT   x  0x0000_0000 0xFFFF_FFFF;
        0x28 PSC   rw 0x0000_0000 0x0000_FFFF;
        0x2C ARR   x  varies      0xFFFF_FFFF;
        0x30 RCR   x  0x0000_0000 0x0000_00FF;
        0x34 CCR1  x  0x0000_0000 0xFFFF_FFFF;
        0x38 CCR2  x  0x0000_0000 0xFFFF_FFFF;
        0x44 BDTR  rw 0x0000_0000 0xFFFF_FFFF;
        0x48 DCR   rw 0x0000_0000 0xFFFF_FFFF;
        0x4C DMAR  x  0x0000_0000 0xFFFF_FFFF;
        0x50 OR1   rw 0x0000_0000 0xFFFF_FFFF;
        0x60 AF1   rw varies      0xFFFF_FFFF;
        0x68 TISEL rw 0x0000_0000 0xFFFF_FFFF;
        reserved 0x1C..0x20;
        reserved 0x3C..0x44;
        reserved 0x54..0x60;
        reserved 0x64..0x68;
        reserved 0x6C..0x400;
    }
}

registers! {
    /// TIM16's and TIM17's (RM0091 20.6, RM0444 25.6): one channel.
    pub mod repeat {
        0x00 CR1   rw 0x0000_0000 0x0000_0B8F;
        0x04 CR2   rw 0x0000_0000 0x0000_030D;
        0x0C DIER  rw 0x0000_0000 0x0000_63E3;
        0x10 SR    rc 0x0000_0000 0xFFFF_FFFF;
        0x14 EGR   w  0x0000_0000 0x0000_00E3;
        0x18 CCMR1 rw 0x0000_0000 0x0001_00FF;
        0x20 CCER  rw 0x0000_0000 0x0000_000F;
        0x24 CNT   x  0x0000_0000 0xFFFF_FFFF;
        0x28 PSC   rw 0x0000_0000 0x0000_FFFF;
        0x2C ARR   x  varies      0xFFFF_FFFF;
        0x30 RCR   x  0x0000_0000 0x0000_00FF;
        0x34 CCR1  x  0x0000_0000 0xFFFF_FFFF;
        0x44 BDTR  rw 0x0000_0000 0xFFFF_FFFF;
        0x48 DCR   rw 0x0000_0000 0xFFFF_FFFF;
        0x4C DMAR  x  0x0000_0000 0xFFFF_FFFF;
        0x50 OR1   rw 0x0000_0000 0xFFFF_FFFF;
        0x60 AF1   rw varies      0xFFFF_FFFF;
        0x68 TISEL rw 0x0000_0000 0xFFFF_FFFF;
        reserved 0x08..0x0C;
        reserved 0x1C..0x20;
        reserved 0x38..0x44;
        reserved 0x54..0x60;
        reserved 0x64..0x68;
        reserved 0x6C..0x400;
    }
}

/// Words of registers.
pub const WORDS: usize = (reg::TISEL / 4 + 1) as usize;

/// Something of each register, by offset / 4; 0 where the timer lacks it.
pub fn words(map: &Map, value: impl Fn(&Register) -> u32) -> [u32; WORDS] {
    let mut words = [0; WORDS];
    for register in map.registers {
        words[(register.offset / 4) as usize] = value(register);
    }
    words
}

/// The table of a kind of timer; of what is none, TIM1's.
pub const fn map(kind: Kind) -> &'static Map {
    match kind {
        Kind::Tim32 | Kind::Tim16 => &general::MAP,
        Kind::TimBasic => &basic::MAP,
        Kind::Tim1ch => &one::MAP,
        Kind::Tim2ch => &two::MAP,
        Kind::TimRepeat => &repeat::MAP,
        _ => &reg::MAP,
    }
}
