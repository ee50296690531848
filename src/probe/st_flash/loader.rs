//! The code that writes flash from SRAM on the F0. It is dryflash's own, and stands where st-flash's would.

use super::arguments::Version;

/// Where it is loaded.
pub(super) const AT: u32 = super::session::SRAM;

/// Bytes of st-flash's own loader: the data begins behind it.
pub(super) const fn size(version: Version) -> usize {
    match version {
        Version::V1_7 => 76,
        Version::V1_8 => 56,
    }
}

/// Half-words of [`CODE`] that set PG and clear it: since 1.8 st-flash itself does so.
const OF_PG: [usize; 4] = [4, 16, 17, 18];
const NOP: u16 = 0xBF00;

/// Half-words from r0 to r1 until r2, the count of bytes, is used up or flash reports an error. r3 is added to the
/// address of the flash registers. r2 is not counted down for a half-word that failed. (RM0091 3.2.2.)
///
/// ```text
///  0: 4C09  ldr  r4, [pc, #36]    @ 40022000, the flash registers
///  2: 18E4  adds r4, r4, r3
///  4: 2501  movs r5, #1           @ PG in CR, BSY in SR
///  6: 2614  movs r6, #0x14        @ PGERR, WRPRTERR in SR
///  8: 6125  str  r5, [r4, #0x10]  @ CR
///  A: 8807  ldrh r7, [r0, #0]     @ next
///  C: 800F  strh r7, [r1, #0]
///  E: 3002  adds r0, #2
/// 10: 3102  adds r1, #2
/// 12: 68E7  ldr  r7, [r4, #0x0C]  @ busy: SR
/// 14: 422F  tst  r7, r5
/// 16: D1FC  bne  12
/// 18: 4237  tst  r7, r6
/// 1A: D101  bne  20
/// 1C: 3A02  subs r2, #2
/// 1E: DCF4  bgt  A
/// 20: 6927  ldr  r7, [r4, #0x10]  @ end: PG off again
/// 22: 43AF  bics r7, r5
/// 24: 6127  str  r7, [r4, #0x10]
/// 26: BE00  bkpt 0
/// 28: 40022000
/// ```
const CODE: [u16; 22] = [
    0x4C09, 0x18E4, 0x2501, 0x2614, 0x6125, 0x8807, 0x800F, 0x3002, 0x3102, 0x68E7, 0x422F, 0xD1FC, 0x4237, 0xD101,
    0x3A02, 0xDCF4, 0x6927, 0x43AF, 0x6127, 0xBE00, 0x2000, 0x4002,
];

/// What is loaded: behind the code there are breakpoints, up to [`size`].
pub(super) fn bytes(version: Version) -> Vec<u8> {
    const BKPT: u16 = 0xBE00;
    let mut code = CODE;
    if version == Version::V1_8 {
        for at in OF_PG {
            code[at] = NOP;
        }
    }
    code.into_iter().chain(std::iter::repeat(BKPT)).flat_map(u16::to_le_bytes).take(size(version)).collect()
}
