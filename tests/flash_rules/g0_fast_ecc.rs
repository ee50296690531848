//! G0: fast programming and ECC (G55 to G67).

use crate::bench::{Bench, Check};
use crate::g0_registers::*;
use crate::{Rule, g0, holds, same};
use dryflash::time::Time;

pub fn rules() -> Vec<Rule> {
    let mut rules = fast();
    rules.extend(ecc());
    rules
}

/// Erases page 0 and sets FSTPG.
fn begin_fast(b: &mut Bench) -> Check {
    same!(erase(b, 0), 0);
    b.w(CR, FSTPG);
    Ok(())
}

fn row(b: &mut Bench, base: u32, words: std::ops::Range<u32>) {
    for i in words {
        b.word(base + 4 * i, i).unwrap();
    }
}

fn fast() -> Vec<Rule> {
    vec![
        g0("G55", "RM0490 4.3.6", "M*", "a row of 32 double words goes in one run, in main flash only", |b| {
            begin_fast(b)?;
            let from = b.now.time;
            row(b, FLASH, 0..64);
            same!(finish(b), 0);
            same!((b.peek_word(FLASH), b.peek_word(FLASH + 252)), (0, 63));
            let took = b.now.time.since(from);
            // 683 us on a G0B1, the time of the stores included (uliano/brio, docs/stm32g0/nvm.md).
            holds!(took >= Time::from_micros(32 * 21) && took < Time::from_micros(690));
            b.w(CR, FSTPG);
            b.word(OTP, 0).unwrap();
            b.word(OTP + 4, 0).unwrap();
            same!((finish(b), b.load(OTP)), (PGSERR, Ok(u32::MAX)));
            Ok(())
        }),
        g0("G56", "RM0490 4.3.6", "M*", "without a fresh erase: PGSERR", |b| {
            unlock(b);
            b.w(CR, FSTPG);
            row(b, FLASH, 0..2);
            same!(finish(b), PGSERR);
            begin_fast(b)?;
            row(b, FLASH, 0..64);
            row(b, FLASH + 256, 0..64);
            same!(finish(b), 0);
            same!(program(b, FLASH + 0x400, 1, 1), 0);
            b.w(CR, FSTPG);
            row(b, FLASH + 0x200, 0..2);
            same!((finish(b), b.peek_word(FLASH + 0x200)), (PGSERR, u32::MAX));
            Ok(())
        }),
        g0("G57", "RM0490 4.3.6", "M*", "addresses must rise within the row: PGAERR and FASTERR", |b| {
            for wrong in [0, 256] {
                begin_fast(b)?;
                row(b, FLASH, 0..4);
                row(b, FLASH + wrong, 0..2);
                same!(finish(b), PGAERR | FASTERR);
            }
            Ok(())
        }),
        g0("G57", "RM0490 4.3.6", "M*", "no blank check: what was not erased goes bad", |b| {
            same!(program(b, FLASH, 0xF0, 0xF0), 0);
            same!(erase(b, 1), 0);
            b.w(CR, FSTPG);
            row(b, FLASH, 0..64);
            same!((finish(b), b.chip.cells().flawed()), (0, 1));
            same!(b.chip.cells().ecc(FLASH), dryflash::flash::cells::Ecc::Bad);
            Ok(())
        }),
        g0("G55", "RM0490 4.3.6", "M*", "an error in the row ends it, BSY1 falls", |b| {
            begin_fast(b)?;
            row(b, FLASH, 0..4);
            b.half(FLASH + 16, 0).unwrap();
            b.wait();
            // The status bit comes with FASTERR (RM0490 4.7.4 bit 9); the half-word is half a pair.
            same!((b.r(SR), b.chip.next_event()), (SIZERR | FASTERR | CFGBSY, None));
            b.word(FLASH + 20, 0).unwrap();
            same!(finish(b), SIZERR | FASTERR);
            Ok(())
        }),
        g0("G55", "RM0490 4.3.6", "M*", "write protection holds in fast programming too: WRPERR", |b| {
            b.factory(|f| f.wrp(1, 1));
            begin_fast(b)?;
            row(b, FLASH + 0x800, 0..2);
            same!((finish(b), b.peek_word(FLASH + 0x800)), (WRPERR | FASTERR, u32::MAX));
            Ok(())
        }),
        g0(
            "G58",
            "RM0490 4.3.6",
            "M*",
            "the next double word too late: MISERR and FASTERR, those before are good",
            |b| {
                begin_fast(b)?;
                row(b, FLASH, 0..4);
                b.pass(Time::from_micros(19));
                same!(b.r(SR), BSY1 | CFGBSY);
                b.pass(Time::from_micros(2));
                same!(b.r(SR), MISERR | FASTERR);
                same!((finish(b), b.peek_word(FLASH + 12)), (MISERR | FASTERR, 3));
                // The event at the deadline does end it.
                begin_fast(b)?;
                row(b, FLASH, 0..2);
                let deadline = b.chip.next_event().ok_or("no event at the deadline")?;
                b.pass(deadline.since(b.now.time));
                same!((b.chip.next_event(), b.r(SR)), (None, MISERR | FASTERR));
                Ok(())
            },
        ),
        g0("G59", "RM0490 4.3.6", "M*", "FSTPG set for more than 7 ms: FASTERR", |b| {
            begin_fast(b)?;
            b.pass(Time::from_micros(5_000));
            row(b, FLASH, 0..64);
            same!(finish(b), 0);
            begin_fast(b)?;
            b.pass(Time::from_micros(7_100));
            row(b, FLASH, 0..2);
            same!((finish(b), b.peek_word(FLASH)), (FASTERR, u32::MAX));
            Ok(())
        }),
        g0("G60", "RM0490 4.3.6", "M*", "a read of flash ends the row with no flag", |b| {
            begin_fast(b)?;
            row(b, FLASH, 0..4);
            same!(b.fetch(FLASH + 0x1000), Ok(u32::MAX));
            b.wait();
            same!(b.r(SR), 0);
            b.pass(Time::from_millis(1));
            same!(b.r(SR), 0);
            Ok(())
        }),
        g0("G61", "RM0490 4.3.6", "M*", "BSY1 from the first double word to the last", |b| {
            begin_fast(b)?;
            row(b, FLASH, 0..2);
            b.pass(Time::from_micros(20));
            same!(b.r(SR), BSY1 | CFGBSY);
            row(b, FLASH, 2..64);
            b.wait();
            same!(b.r(SR), 0);
            Ok(())
        }),
    ]
}

fn ecc() -> Vec<Rule> {
    vec![
        g0("G62", "RM0440 4.3.2", "M*", "one bad bit: ECCC; two: ECCD and NMI; the first address stays", |b| {
            b.factory(|f| f.cells(FLASH, &[7; 64])?.mark(FLASH + 8, 1 | 2)?.mark(FLASH + 24, 1 | 4));
            holds!(!b.chip.plain(b.now));
            same!(b.load(FLASH), Ok(0x0707_0707));
            same!(b.r(ECCR), 0);
            same!(b.load(FLASH + 12), Ok(0x0707_0707));
            same!((b.r(ECCR), b.nmi), (1 << 30 | 1, false));
            same!(b.load(FLASH + 24), Ok(0x0707_0707));
            same!((b.r(ECCR), b.nmi, b.chip.nmi()), (3 << 30 | 1, true, true));
            b.w(ECCR, 3 << 30);
            holds!(!b.chip.nmi());
            b.load(FLASH + 24).unwrap();
            same!(b.r(ECCR), 1 << 31 | 3);
            Ok(())
        }),
        g0("G63", "U0 metapac, RM0440", "M*", "ADDR_ECC counts double words from the start of flash", |b| {
            b.factory(|f| f.mark(FLASH + 0x1_FFF8, 1 | 4));
            b.load(FLASH + 0x1_FFFC).unwrap();
            same!(b.r(ECCR), 1 << 31 | 0x3FFF);
            Ok(())
        }),
        g0("G64", "RM0440 4.3.2", "M*", "an erased double word reads without complaint", |b| {
            same!((b.load(FLASH), b.r(ECCR), b.nmi), (Ok(u32::MAX), 0, false));
            Ok(())
        }),
        g0("G66", "ST forum 686058", "T", "a read of a bad word gives data and NMI, no bus error; a fetch too", |b| {
            b.factory(|f| f.cells(FLASH, &[7; 8])?.mark(FLASH, 1 | 4));
            same!((b.fetch(FLASH), b.nmi), (Ok(0x0707_0707), true));
            Ok(())
        }),
        g0("G67", "inferred", "I", "zeros heal a bad word, other data is refused", |b| {
            b.factory(|f| f.cells(FLASH, &[7; 8])?.mark(FLASH, 1 | 4));
            same!((program(b, FLASH, 1, 1), b.chip.cells().flawed()), (PROGERR, 1));
            same!((program(b, FLASH, 0, 0), b.chip.cells().flawed()), (0, 0));
            Ok(())
        }),
    ]
}
