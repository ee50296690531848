//! What tells a debugger which debug components there are: the ROM table and the identification registers
//! (DDI0419 C1.2, IHI0031 chapters 13 and 14 for their form).

use crate::part::Part;

/// The ROM table.
pub const ROM_TABLE: u32 = 0xE00F_F000;
const SCS: u32 = 0xE000_E000;
const DWT: u32 = 0xE000_1000;
const BPU: u32 = 0xE000_2000;

/// Offsets of the components from the table, each with "present" and "32 bits" set.
const ENTRIES: [u32; 3] =
    [SCS.wrapping_sub(ROM_TABLE) | 3, DWT.wrapping_sub(ROM_TABLE) | 3, BPU.wrapping_sub(ROM_TABLE) | 3];

/// MEMTYPE: system memory is on the same bus.
const MEMTYPE: u32 = 0xFCC;

/// The word at an aligned address, where it belongs to the table or to an identification register.
pub fn read(part: &Part, address: u32) -> Option<u32> {
    let (block, offset) = (address & !0xFFF, address & 0xFFF);
    if block == ROM_TABLE && offset < MEMTYPE {
        return Some(ENTRIES.get((offset / 4) as usize).copied().unwrap_or(0));
    }
    if block == ROM_TABLE && offset == MEMTYPE {
        return Some(1);
    }
    // PIDR0 to PIDR4: the part's number with its designer, ARM (0x3B, bank 5) or ST (0x20, bank 1).
    let peripheral = match block {
        SCS => [0x08, 0xB0, 0x0B, 0, 4],
        DWT => [0x0A, 0xB0, 0x0B, 0, 4],
        BPU => [0x0B, 0xB0, 0x0B, 0, 4],
        ROM_TABLE => {
            let id = part.dev_id();
            [id & 0xFF, id >> 8 & 0xF, 0x0A, 0, 0]
        }
        _ => return None,
    };
    let class = if block == ROM_TABLE { 0x10 } else { 0xE0 };
    match offset {
        0xFD0 => Some(peripheral[4]),
        0xFE0..=0xFEC => Some(peripheral[((offset - 0xFE0) / 4) as usize]),
        0xFF0..=0xFFC => Some([0x0D, class, 0x05, 0xB1][((offset - 0xFF0) / 4) as usize]),
        0xFD4..=0xFDC => Some(0),
        _ => None,
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
}
