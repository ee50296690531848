//! The registers of the core's debug support, and those beside them that debuggers use: addresses, names, bits.
//!
//! All are words in the private peripheral bus (ARMv6-M Architecture Reference Manual, DDI0419: sections are its own).
//! Code and probe, the clients and the stories that are told of them share this one table.

/// A register that is named here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// Where it is.
    pub address: u32,
    /// What the manual calls it.
    pub name: &'static str,
}

macro_rules! registers {
    ($($(#[$doc:meta])* $name:ident = $address:literal, $text:literal;)*) => {
        $($(#[$doc])* pub const $name: u32 = $address;)*

        /// All of them, by address.
        pub const REGISTERS: &[Register] = &[$(Register { address: $name, name: $text }),*];
    };
}

registers! {
    /// DWT control: how many comparators (C1.8.1).
    DWT_CTRL = 0xE000_1000, "DWT_CTRL";
    /// The PC, sampled (C1.8.2).
    DWT_PCSR = 0xE000_101C, "DWT_PCSR";
    /// The first data comparator: its address (C1.8.3).
    DWT_COMP0 = 0xE000_1020, "DWT_COMP0";
    /// How many of its address's low bits do not matter.
    DWT_MASK0 = 0xE000_1024, "DWT_MASK0";
    /// What it looks for.
    DWT_FUNCTION0 = 0xE000_1028, "DWT_FUNCTION0";
    /// Breakpoint unit control (C1.9.3).
    BP_CTRL = 0xE000_2000, "BP_CTRL";
    /// The first of its comparators (C1.9.4).
    BP_COMP0 = 0xE000_2008, "BP_COMP0";
    /// Which core it is (B3.2.3).
    CPUID = 0xE000_ED00, "CPUID";
    /// Application Interrupt and Reset Control (B3.2.6).
    AIRCR = 0xE000_ED0C, "AIRCR";
    /// Configurable Fault Status of ARMv7-M; here nothing is at the address, and clients look all the same.
    CFSR = 0xE000_ED28, "CFSR";
    /// HardFault Status of ARMv7-M; likewise.
    HFSR = 0xE000_ED2C, "HFSR";
    /// Debug Fault Status (C1.6.1).
    DFSR = 0xE000_ED30, "DFSR";
    /// Debug Halting Control and Status (C1.6.3).
    DHCSR = 0xE000_EDF0, "DHCSR";
    /// Debug Core Register Selector (C1.6.4).
    DCRSR = 0xE000_EDF4, "DCRSR";
    /// Debug Core Register Data (C1.6.5).
    DCRDR = 0xE000_EDF8, "DCRDR";
    /// Debug Exception and Monitor Control (C1.6.6).
    DEMCR = 0xE000_EDFC, "DEMCR";
}

/// From a data comparator's registers to the next one's.
pub const DWT_STRIDE: u32 = 0x10;
/// From a breakpoint comparator to the next.
pub const BP_STRIDE: u32 = 4;

/// The system control space: SysTick, NVIC, SCB and the debug registers.
pub const SCS: u32 = 0xE000_E000;
/// The data watchpoint unit.
pub const DWT: u32 = 0xE000_1000;
/// The breakpoint unit.
pub const BPU: u32 = 0xE000_2000;
/// ARM's ROM table (C1.2).
pub const ROM_TABLE: u32 = 0xE00F_F000;
/// ST's ROM table on an M0+, outside of the private peripherals; its only present entry leads to ARM's. Seen on a G071
/// (pyOCD issue 743) and, word by word, in the M0+ of an L072 (Black Magic pull request 507, pyOCD pull request 480).
pub const VENDOR_ROM_TABLE: u32 = 0xF000_0000;

/// Of [`DHCSR`].
pub mod dhcsr {
    /// In bits 31:16 of what is written; else the write is ignored.
    pub const DBGKEY: u32 = 0xA05F << 16;
    /// Which bits hold it.
    pub const DBGKEY_MASK: u32 = 0xFFFF << 16;
    /// Halting debug.
    pub const C_DEBUGEN: u32 = 1 << 0;
    /// Halt.
    pub const C_HALT: u32 = 1 << 1;
    /// Execute one instruction.
    pub const C_STEP: u32 = 1 << 2;
    /// Hold interrupts back.
    pub const C_MASKINTS: u32 = 1 << 3;
    /// A transfer through DCRSR has ended.
    pub const S_REGRDY: u32 = 1 << 16;
    /// In debug state.
    pub const S_HALT: u32 = 1 << 17;
    /// Sleeps.
    pub const S_SLEEP: u32 = 1 << 18;
    /// Locked up.
    pub const S_LOCKUP: u32 = 1 << 19;
    /// Has executed an instruction since the last read.
    pub const S_RETIRE_ST: u32 = 1 << 24;
    /// Was reset since the last read.
    pub const S_RESET_ST: u32 = 1 << 25;
}

/// Of [`DFSR`]; a 1 clears.
pub mod dfsr {
    /// Halted by DHCSR, or a step.
    pub const HALTED: u32 = 1 << 0;
    /// `bkpt`, or a breakpoint comparator.
    pub const BKPT: u32 = 1 << 1;
    /// A data comparator.
    pub const DWTTRAP: u32 = 1 << 2;
    /// A vector that was to be caught.
    pub const VCATCH: u32 = 1 << 3;
    /// All that there are, EXTERNAL among them.
    pub const ALL: u32 = 0x1F;
}

/// Of [`DCRSR`].
pub mod dcrsr {
    /// From DCRDR to the core.
    pub const REGWNR: u32 = 1 << 16;
    /// Which register.
    pub const REGSEL_MASK: u32 = 0x1F;
}

/// The core's registers as [`DCRSR`] numbers them; 0 to 12 are R0 to R12. ST-LINK's commands do so, too.
pub mod regsel {
    /// The stack pointer in use.
    pub const SP: u8 = 13;
    /// LR.
    pub const LR: u8 = 14;
    /// The next instruction.
    pub const PC: u8 = 15;
    /// xPSR.
    pub const XPSR: u8 = 16;
    /// The main stack pointer.
    pub const MSP: u8 = 17;
    /// The process stack pointer.
    pub const PSP: u8 = 18;
    /// CONTROL in bits 31:24, PRIMASK in bit 0.
    pub const CONTROL_PRIMASK: u8 = 20;
}

/// Of [`DEMCR`].
pub mod demcr {
    /// Halt at the reset vector.
    pub const VC_CORERESET: u32 = 1 << 0;
    /// Halt at BusFaults; ARMv7-M's.
    pub const VC_BUSERR: u32 = 1 << 8;
    /// Halt at HardFault.
    pub const VC_HARDERR: u32 = 1 << 10;
    /// The DWT is on (DWTENA in DDI0419).
    pub const TRCENA: u32 = 1 << 24;
}

/// Of [`AIRCR`].
pub mod aircr {
    /// In bits 31:16 of what is written; else the write is ignored.
    pub const VECTKEY: u32 = 0x05FA << 16;
    /// Resets the chip.
    pub const SYSRESETREQ: u32 = 1 << 2;
}

/// Of [`BP_CTRL`].
pub mod bp_ctrl {
    /// The comparators are on.
    pub const ENABLE: u32 = 1 << 0;
    /// Has to be written with it; else the write is ignored.
    pub const KEY: u32 = 1 << 1;
}

/// Of `BP_COMPn`.
pub mod bp_comp {
    /// It is on.
    pub const ENABLE: u32 = 1 << 0;
    /// The word whose halves it matches.
    pub const COMP_MASK: u32 = 0x1FFF_FFFC;
    /// Matches the lower half-word.
    pub const MATCH_LOWER: u32 = 1 << 30;
    /// Matches the upper half-word.
    pub const MATCH_UPPER: u32 = 1 << 31;

    /// What matches the instruction at `address`.
    pub const fn of(address: u32) -> u32 {
        let half = if address & 2 != 0 { MATCH_UPPER } else { MATCH_LOWER };
        address & COMP_MASK | half | ENABLE
    }
}

/// Of `DWT_FUNCTIONn` (table C1-10).
pub mod dwt_function {
    /// Which bits say what it looks for; 0 is nothing.
    pub const FUNCTION_MASK: u32 = 0xF;
    /// An instruction at the address.
    pub const INSTRUCTION: u32 = 4;
    /// Loads.
    pub const READ: u32 = 5;
    /// Stores.
    pub const WRITE: u32 = 6;
    /// Loads and stores.
    pub const ACCESS: u32 = 7;
    /// It has matched since the last read.
    pub const MATCHED: u32 = 1 << 24;
}

/// The name of the register at an address, of the comparators of the first one's.
pub fn name(address: u32) -> Option<&'static str> {
    REGISTERS.iter().find(|r| r.address == address).map(|r| r.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_in_its_blocks() {
        assert!(REGISTERS.is_sorted_by(|a, b| a.address < b.address));
        for register in REGISTERS {
            assert!([SCS, DWT, BPU].contains(&(register.address & !0xFFF)), "{register:?}");
        }
        assert_eq!(name(0xE000_EDF0), Some("DHCSR"));
        assert_eq!(name(0xE000_EDF2), None);
    }

    #[test]
    fn a_comparator_matches_one_half() {
        assert_eq!([0x0800_0100, 0x0800_0102].map(bp_comp::of), [0x4800_0101, 0x8800_0101]);
    }
}
