//! What tells a debugger which debug components there are: the ROM table and the identification registers
//! (DDI0419 C1.2, IHI0031 chapters 13 and 14 for their form).

use crate::cpu::debug::{BPU, DWT, ROM_TABLE, SCS, VENDOR_ROM_TABLE as VENDOR_TABLE};
use crate::part::{Core, Part};

/// The entries of ST's table: ARM's, and one that is not present.
const VENDOR_ENTRIES: [u32; 2] = [ROM_TABLE.wrapping_sub(VENDOR_TABLE) | 3, 0x0020_0002];

/// Offsets of the components from the table, each with "present" and "32 bits" set.
const ENTRIES: [u32; 3] =
    [SCS.wrapping_sub(ROM_TABLE) | 3, DWT.wrapping_sub(ROM_TABLE) | 3, BPU.wrapping_sub(ROM_TABLE) | 3];

/// MEMTYPE: system memory is on the same bus.
const MEMTYPE: u32 = 0xFCC;

/// The table that the access port names: on an M0 ARM's is the only one, with the part's own number in it.
pub const fn table(core: Core) -> u32 {
    match core {
        Core::M0 => ROM_TABLE,
        Core::M0Plus => VENDOR_TABLE,
    }
}

/// Whether it is inside ST's ROM table on a core that has one: outside of the private peripherals.
pub const fn in_vendor_table(core: Core, address: u32) -> bool {
    matches!(core, Core::M0Plus) && address & !0xFFF == VENDOR_TABLE
}

/// The word at an aligned address, where it belongs to a table or to an identification register.
pub fn read(part: &Part, address: u32) -> Option<u32> {
    let (block, offset) = (address & !0xFFF, address & 0xFFF);
    let entries: &[u32] = match block {
        ROM_TABLE => &ENTRIES,
        VENDOR_TABLE if part.core == Core::M0Plus => &VENDOR_ENTRIES,
        SCS | DWT | BPU => &[],
        _ => return None,
    };
    let is_table = !entries.is_empty();
    match offset {
        0..MEMTYPE if is_table => Some(entries.get((offset / 4) as usize).copied().unwrap_or(0)),
        MEMTYPE if is_table => Some(1),
        0xFD0 => Some(peripheral(part, block)[4]),
        0xFE0..=0xFEC => Some(peripheral(part, block)[((offset - 0xFE0) / 4) as usize]),
        0xFF0..=0xFFC => Some([0x0D, if is_table { 0x10 } else { 0xE0 }, 0x05, 0xB1][((offset - 0xFF0) / 4) as usize]),
        0xFD4..=0xFDC => Some(0),
        _ => None,
    }
}

/// PIDR0 to PIDR4: a number with its designer, ARM (0x3B, bank 5) or ST (0x20, bank 1).
fn peripheral(part: &Part, block: u32) -> [u32; 5] {
    match block {
        SCS => [0x08, 0xB0, 0x0B, 0, 4],
        DWT => [0x0A, 0xB0, 0x0B, 0, 4],
        BPU => [0x0B, 0xB0, 0x0B, 0, 4],
        ROM_TABLE if part.core == Core::M0Plus => [0xC0, 0xB4, 0x0B, 0, 4],
        _ => {
            let id = part.dev_id();
            [id & 0xFF, id >> 8 & 0xF, 0x0A, 0, 0]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_leads_to_the_components() {
        let part = crate::part::find("F051").unwrap();
        let read = |address| read(&part, address).unwrap();
        for (n, block) in [SCS, DWT, BPU].into_iter().enumerate() {
            let entry = read(ROM_TABLE + 4 * n as u32);
            assert_eq!(ROM_TABLE.wrapping_add(entry & !0xFFF), block);
            assert_eq!(read(block + 0xFF4), 0xE0);
        }
        assert_eq!(read(ROM_TABLE + 12), 0, "the table ends");
        assert_eq!([0xFE0, 0xFE4, 0xFE8].map(|o| read(ROM_TABLE + o)), [0x40, 0x04, 0x0A]);
    }

    #[test]
    fn on_an_m0_plus_st_s_table_leads_to_arms() {
        let part = crate::part::find("G071").unwrap();
        let read = |address| read(&part, address).unwrap();
        assert_eq!(table(part.core), 0xF000_0000);
        assert_eq!([0, 4, 8].map(|o| read(VENDOR_TABLE + o)), [0xF00F_F003, 0x0020_0002, 0]);
        assert_eq!([0xFE0, 0xFE4, 0xFE8, 0xFD0].map(|o| read(VENDOR_TABLE + o)), [0x60, 0x04, 0x0A, 0]);
        assert_eq!([0xFE0, 0xFE4, 0xFE8, 0xFD0].map(|o| read(ROM_TABLE + o)), [0xC0, 0xB4, 0x0B, 4]);
        assert_eq!(read(VENDOR_TABLE + 0xFF4), 0x10);
        let f051 = crate::part::find("F051").unwrap();
        assert_eq!((super::read(&f051, VENDOR_TABLE), table(f051.core)), (None, ROM_TABLE));
    }
}
