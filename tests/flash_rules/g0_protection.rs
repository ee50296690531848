//! G0: write protection, PCROP, the securable area, debug (G37 to G39, G49, G50, G88 to G93).

use crate::bench::Bench;
use crate::g0_options::{change, launch, optr};
use crate::g0_registers::*;
use crate::{Rule, g0, holds, same};
use dryflash::bus::ResetCause;

/// PCROP1A from unit `start` to `end`, with 0x55 in all of flash.
fn pcrop(b: &mut Bench, start: u32, end: u32) {
    b.factory(|f| f.cells(FLASH, &[0x55; 0x2_0000])?.option(OPTIONS + 8, start)?.option(OPTIONS + 16, end));
}

/// A securable area of two pages, with 0x55 in all of flash.
fn securable(b: &mut Bench) {
    b.factory(|f| f.cells(FLASH, &[0x55; 0x4000])?.cells(FLASH + 0x4000, &[0xFF; 8])?.option(OPTIONS + 0x70, 2));
    unlock(b);
}

pub fn rules() -> Vec<Rule> {
    vec![
        g0("G37", "RM0490 4.5.3", "M*", "a page under WRP or PCROP is not erased: WRPERR", |b| {
            b.factory(|f| f.cells(FLASH, &[1; 0x4000])?.wrp(2, 3)?.option(OPTIONS + 8, 4)?.option(OPTIONS + 16, 5));
            let before = b.non_volatile();
            for page in [2, 3, 1] {
                same!(erase(b, page), WRPERR);
            }
            holds!(b.non_volatile() == before);
            same!((erase(b, 0), erase(b, 4)), (0, 0));
            Ok(())
        }),
        g0("G38", "RM0490 4.5.3", "M*", "mass erase with any protected page: WRPERR, nothing erased", |b| {
            b.factory(|f| f.cells(FLASH, &[1; 0x4000])?.wrp(63, 63));
            let before = b.non_volatile();
            unlock(b);
            b.w(CR, MER1 | STRT);
            same!((finish(b), b.non_volatile() == before), (WRPERR, true));
            pcrop(b, 4, 5);
            let before = b.non_volatile();
            unlock(b);
            b.w(CR, MER1 | STRT);
            same!((finish(b), b.non_volatile() == before), (WRPERR, true));
            Ok(())
        }),
        g0("G39", "RM0490 4.5.4", "M*", "erase inside the closed area, or of all: bus error, no WRPERR", |b| {
            securable(b);
            b.w(CR, SEC_PROT);
            let before = b.non_volatile();
            for bits in [PER, PER | 1 << 3, MER1] {
                holds!(b.try_w(CR, bits | STRT).is_err());
                same!((b.r(SR), b.non_volatile() == before), (0, true));
            }
            same!(erase(b, 2), 0);
            same!(b.peek_word(FLASH + 0x1000), u32::MAX);
            Ok(())
        }),
        g0("G49", "RM0490 4.3.6", "M*", "programming under WRP or PCROP: WRPERR, cell unchanged", |b| {
            b.factory(|f| f.wrp(2, 3)?.option(OPTIONS + 8, 4)?.option(OPTIONS + 16, 5));
            for address in [0x1000, 0x1FF8, 0x800, 0xBF8] {
                same!(program(b, FLASH + address, 0, 0), WRPERR);
            }
            holds!(b.chip.cells().is_blank(b.chip.cells().range()));
            same!((program(b, FLASH + 0x7F8, 1, 1), program(b, FLASH + 0xC00, 1, 1)), (0, 0));
            Ok(())
        }),
        g0("G50", "RM0490 4.3.6", "M*", "a store to the option bytes themselves: WRPERR", |b| {
            unlock(b);
            b.w(CR, PG);
            let before = b.non_volatile();
            same!(b.word(OPTIONS, 0), Ok(()));
            same!((b.r(SR), b.non_volatile() == before), (WRPERR, true));
            Ok(())
        }),
        g0("G88", "RM0490 4.5.3", "M*", "WRP: start to end, equal is one page, start above end none", |b| {
            let held = |b: &Bench| (0..64).filter(|p| b.chip.protected(*p)).collect::<Vec<u32>>();
            for (word, pages) in [
                (0x0005_0003, vec![3, 4, 5]),
                (0x0003_0003, vec![3]),
                (0x0002_0003, vec![]),
                (0x0000_0000, vec![0]),
                (0x003F_003E, vec![62, 63]),
            ] {
                for place in [0x18, 0x20] {
                    b.factory(|f| {
                        f.option(OPTIONS + 0x18, 0x3F)?.option(OPTIONS + 0x20, 0x3F)?.option(OPTIONS + place, word)
                    });
                    same!(held(b), pages.clone());
                }
            }
            Ok(())
        }),
        g0("G89", "RM0490 4.5.2", "M*", "PCROP: start to end in 512 bytes, equal is all, start above end none", |b| {
            pcrop(b, 5, 6);
            let held: Vec<u32> = (0..12).filter(|u| b.load(FLASH + u * 512) == Ok(0)).collect();
            same!(held, vec![5, 6]);
            pcrop(b, 5, 5);
            same!((b.load(FLASH), b.load(FLASH + 0x1_FFFC)), (Ok(0), Ok(0)));
            holds!((0..64).all(|p| b.chip.protected(p)));
            pcrop(b, 6, 5);
            same!(b.load(FLASH + 0xA00), Ok(0x5555_5555));
            b.factory(|f| f.option(OPTIONS + 0x28, 5)?.option(OPTIONS + 0x30, 6));
            same!((b.load(FLASH + 0xA00), b.load(FLASH + 0xE00)), (Ok(0), Ok(0x5555_5555)));
            Ok(())
        }),
        g0("G90", "RM0490 4.5.2", "M*", "PCROP: fetches only; data reads set RDERR, for the debugger too", |b| {
            pcrop(b, 4, 5);
            holds!(!b.chip.plain(b.now));
            same!((b.fetch(FLASH + 0x800), b.r(SR)), (Ok(0x5555_5555), 0));
            same!((b.load(FLASH + 0xBFC), b.r(SR)), (Ok(0), RDERR));
            b.w(SR, RDERR);
            same!((b.load(FLASH + 0xC00), b.r(SR)), (Ok(0x5555_5555), 0));
            b.debugger();
            same!((b.load(FLASH + 0x800), b.r(SR)), (Ok(0), RDERR));
            Ok(())
        }),
        g0("G91", "RM0490 4.5.2", "M*", "PCROP grows and does not shrink", |b| {
            pcrop(b, 4, 5);
            for (start, end) in [(5, 6), (4, 4 - 1), (0xFF, 0), (2, 4)] {
                same!(change(b, &[(PCROP1ASR, start), (PCROP1AER, end)]), 0);
                launch(b);
                same!((b.r(PCROP1ASR), b.r(PCROP1AER)), (4, 5));
            }
            same!(change(b, &[(PCROP1ASR, 3), (PCROP1AER, 7)]), 0);
            launch(b);
            same!((b.r(PCROP1ASR), b.r(PCROP1AER)), (3, 7));
            same!(change(b, &[(PCROP1BSR, 20), (PCROP1BER, 21), (PCROP1AER, 1 << 31 | 7)]), 0);
            launch(b);
            same!((b.r(PCROP1BSR), b.r(PCROP1BER), b.r(PCROP1AER)), (20, 21, 1 << 31 | 7));
            Ok(())
        }),
        g0("G92", "RM0490 4.5.4", "M*", "the securable area closes with SEC_PROT until a reset", |b| {
            securable(b);
            same!(b.load(FLASH), Ok(0x5555_5555));
            b.w(CR, SEC_PROT | PG);
            holds!(b.load(FLASH).is_err() && b.fetch(FLASH + 0xFFC).is_err() && b.word(FLASH, 0).is_err());
            holds!(!b.chip.plain(b.now));
            same!((b.load(FLASH + 0x1000), b.r(SR)), (Ok(0x5555_5555), 0));
            same!(program(b, FLASH + 0x4000, 1, 1), 0);
            b.reset(ResetCause::Software);
            same!(b.load(FLASH), Ok(0x5555_5555));
            b.factory(|f| f.option(OPTIONS + 0x70, 0));
            unlock(b);
            b.w(CR, SEC_PROT);
            same!(b.load(FLASH), Ok(0x5555_5555));
            Ok(())
        }),
        g0(
            "G93",
            "RM0490 4.5.5",
            "M*",
            "DBG_SWEN = 0 shuts the core to the debugger; level 1 with BOOT_LOCK clears it",
            |b| {
                holds!(b.chip.debug_open());
                b.w(ACR, 0x600);
                holds!(!b.chip.debug_open());
                b.reset(ResetCause::Software);
                holds!(b.chip.debug_open());
                b.factory(|f| f.option(OPTIONS + 0x70, 1 << 16));
                holds!(b.chip.debug_open());
                b.factory(|f| f.option(OPTIONS, optr(0xBB)));
                holds!(!b.chip.debug_open());
                b.w(ACR, 0x4_0600);
                holds!(b.chip.debug_open());
                b.factory(|f| f.option(OPTIONS + 0x70, 0));
                holds!(b.chip.debug_open());
                Ok(())
            },
        ),
    ]
}
