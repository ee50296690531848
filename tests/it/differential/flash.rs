//! What flash holds beside a case's code: vectors, and what QEMU needs to reach the special registers.

use super::case::{BKPT, FLASH_SIZE};

/// Sets the stack pointers, CONTROL and PRIMASK from R0 to R3.
pub const SET: u32 = 0x200;
/// Reads them into R0 to R3.
pub const GET: u32 = 0x220;
/// `bx lr`.
pub const LEAVE: u32 = 0x240;
/// Where every exception goes.
const HANDLER: u32 = 0x300;
/// Vectors, the helpers, and `bkpt` everywhere else.
pub fn flash() -> Vec<u8> {
    let mut flash = BKPT.to_le_bytes().repeat(FLASH_SIZE as usize / 2);
    let mut put = |at: u32, halves: &[u16]| {
        for (n, half) in halves.iter().enumerate() {
            flash[at as usize + 2 * n..][..2].copy_from_slice(&half.to_le_bytes());
        }
    };
    put(0, &[0x4000, 0x2000]);
    (1..48).for_each(|n| put(4 * n, &[HANDLER as u16 | 1, 0]));
    put(SET, &[0xF380, 0x8808, 0xF381, 0x8809, 0xF382, 0x8814, 0xF383, 0x8810]);
    put(GET, &[0xF3EF, 0x8008, 0xF3EF, 0x8109, 0xF3EF, 0x8214, 0xF3EF, 0x8310]);
    put(LEAVE, &[0x4770]);
    put(HANDLER, &[0xE7FE]);
    flash
}
