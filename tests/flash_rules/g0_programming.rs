//! G0: erase, program, times (G30 to G54, G98 to G102).

use crate::g0_registers::*;
use crate::{Rule, g0, holds, same};
use dryflash::bus::{ResetCause, Width};
use dryflash::flash::cut::Progress;
use dryflash::time::Time;

pub fn rules() -> Vec<Rule> {
    let mut rules = erasing();
    rules.extend(programming());
    rules
}

fn erasing() -> Vec<Rule> {
    vec![
        g0("G30", "RM0490 4.3.5", "M*", "page erase: PER, PNB, STRT, in one write or in steps", |b| {
            b.factory(|f| f.cells(FLASH, &[0; 0x2000]));
            same!(erase(b, 1), 0);
            b.w(CR, PER);
            b.w(CR, PER | 3 << 3);
            b.w(CR, PER | 3 << 3 | STRT);
            same!(finish(b), 0);
            let blank: Vec<bool> = (0..4).map(|p| b.peek_word(FLASH + p * 0x800) == u32::MAX).collect();
            same!(blank, vec![false, true, false, true]);
            same!((0..4).map(|p| b.chip.cells().wear(p)).collect::<Vec<_>>(), vec![0, 1, 0, 1]);
            holds!(!b.chip.cells().is_programmed(FLASH + 0x800));
            Ok(())
        }),
        g0("G31", "RM0490 4.3.5", "M*", "mass erase takes main flash only", |b| {
            b.factory(|f| f.cells(FLASH, &[0; 0x2_0000])?.cells(OTP, &[0; 8])?.option(OPTIONS, 0xFFFE_FEAA));
            unlock(b);
            b.w(CR, MER1 | STRT);
            same!(finish(b), 0);
            holds!(b.chip.cells().is_blank(b.chip.cells().range()));
            same!((b.load(OTP), b.load(OPTIONS)), (Ok(0), Ok(0xFFFE_FEAA)));
            Ok(())
        }),
        g0("G32", "RM0490 4.7.5", "M*", "hardware clears STRT; PER and MER1 stay", |b| {
            unlock(b);
            for bits in [PER, MER1] {
                b.w(CR, bits | STRT);
                same!(b.r(CR), bits | STRT | OPTLOCK);
                b.wait();
                same!(b.r(CR), bits | OPTLOCK);
            }
            Ok(())
        }),
        g0("G33", "RM0490 4.3.6", "M*", "a pending error flag makes the next erase or program fail with PGSERR", |b| {
            same!(program(b, FLASH, 1, 2), 0);
            unlock(b);
            b.w(CR, PG);
            b.word(FLASH + 4, 1).unwrap();
            same!(b.r(SR), PGAERR | CFGBSY);
            b.word(FLASH + 8, 1).unwrap();
            same!(b.r(SR), PGAERR);
            b.w(CR, PER | STRT);
            same!((b.r(SR), b.peek_word(FLASH), b.chip.is_busy(b.now)), (PGAERR | PGSERR, 1, false));
            b.w(SR, PGAERR);
            b.w(CR, MER1 | STRT);
            same!((b.r(SR), b.peek_word(FLASH)), (PGSERR, 1));
            b.w(CR, PG);
            b.word(FLASH + 8, 1).unwrap();
            b.word(FLASH + 12, 1).unwrap();
            same!((b.r(SR), b.peek_word(FLASH + 8)), (PGSERR, u32::MAX));
            Ok(())
        }),
        g0("G34", "RM0490 4.3.6", "M*", "operation bits that exclude each other: PGSERR", |b| {
            b.factory(|f| f.cells(FLASH, &[0; 8]));
            unlock(b);
            for bits in [PER | PG, PER | FSTPG, PER | MER1, MER1 | PG, MER1 | FSTPG] {
                b.w(CR, bits);
                b.w(CR, bits | STRT);
                same!((b.r(SR), b.r(CR)), (PGSERR, bits | OPTLOCK));
                b.w(SR, PGSERR);
            }
            for bits in [PER | PG, PER | FSTPG, MER1 | PG, MER1 | FSTPG, PG | FSTPG] {
                b.w(CR, bits);
                b.word(FLASH + 8, 0).unwrap();
                same!(b.r(SR), PGSERR | CFGBSY);
                b.word(FLASH + 12, 0).unwrap();
                same!(b.r(SR), PGSERR);
                b.w(SR, PGSERR);
            }
            same!(b.peek(FLASH, 9), vec![0, 0, 0, 0, 0, 0, 0, 0, 0xFF]);
            Ok(())
        }),
        g0("G35", "RM0490 4.7.5", "U", "a page number beyond flash: nothing, and no flag", |b| {
            let before = b.non_volatile();
            for page in [64, 127, 0x3FF] {
                unlock(b);
                b.w(CR, EOPIE | PER | page << 3 | STRT);
                same!((b.chip.is_busy(b.now), b.r(SR), b.r(CR) & STRT), (false, 0, 0));
                b.w(CR, 0);
            }
            holds!(b.non_volatile() == before);
            same!(erase(b, 63), 0);
            same!(b.chip.cells().wear(63), 1);
            Ok(())
        }),
        g0("G36", "not stated", "U", "STRT alone does nothing and falls", |b| {
            unlock(b);
            b.w(CR, STRT | PG);
            same!((b.r(CR), b.r(SR)), (PG | OPTLOCK, 0));
            Ok(())
        }),
        g0("G40", "RM0490 4.3.4", "M*", "a reset in flight leaves what the seed decides, and says so", |b| {
            let mut seen = Vec::new();
            for seed in 0..40 {
                b.factory(|f| f.cells(FLASH, &[0x55; 0x800]));
                b.chip.set_settings(dryflash::flash::Settings { seed, ..b.chip.settings() });
                unlock(b);
                b.w(CR, PER | STRT);
                b.reset(ResetCause::Iwdg);
                let cut = b.chip.broken_off().ok_or("no cut was told")?;
                same!((cut.changed.clone(), b.chip.broken_off()), (FLASH..FLASH + 0x800, None));
                let blank = b.chip.cells().is_blank(FLASH..FLASH + 0x800);
                let whole = b.peek(FLASH, 0x800) == vec![0x55; 0x800];
                let half = b.chip.cells().flawed() > 0;
                same!(
                    (blank, whole, half),
                    match cut.progress {
                        Progress::All => (true, false, false),
                        Progress::None => (false, true, false),
                        _ => (false, false, true),
                    }
                );
                same!(b.r(SR), 0);
                if !seen.contains(&cut.progress) {
                    seen.push(cut.progress);
                }
            }
            same!(seen.len(), 3);
            Ok(())
        }),
        g0("G98", "datasheet", "T", "a double word takes 85 us, a page 22 ms, all 22.1 ms", |b| {
            unlock(b);
            b.w(CR, PG);
            b.word(FLASH, 1).unwrap();
            let from = b.now.time;
            b.word(FLASH + 4, 1).unwrap();
            same!(b.chip.busy_until(), Some(from + Time::from_micros(85)));
            b.wait();
            for (bits, micros) in [(PER, 22_000), (MER1, 22_100)] {
                b.w(CR, bits);
                let from = b.now.time;
                b.w(CR, bits | STRT);
                same!(b.chip.next_event(), Some(from + Time::from_micros(micros)));
                b.wait();
            }
            Ok(())
        }),
        g0("G99", "inferred", "I", "an option change takes 23 ms", |b| {
            unlock_options(b);
            let from = b.now.time;
            b.w(CR, OPTSTRT);
            same!(b.chip.busy_until(), Some(from + Time::from_millis(23)));
            Ok(())
        }),
    ]
}

fn programming() -> Vec<Rule> {
    vec![
        g0("G41", "RM0490 4.3.6", "M*", "two words make a double word; the second launches it", |b| {
            unlock(b);
            b.w(CR, PG);
            b.word(FLASH + 8, 0x1111_2222).unwrap();
            same!(b.peek_word(FLASH + 8), u32::MAX);
            b.word(FLASH + 12, 0x3333_4444).unwrap();
            same!(finish(b), 0);
            same!((b.load(FLASH + 8), b.load(FLASH + 12)), (Ok(0x1111_2222), Ok(0x3333_4444)));
            Ok(())
        }),
        g0("G42", "RM0490 4.3.6", "M*", "a byte or half-word: SIZERR, aborted", |b| {
            for width in [Width::Byte, Width::Half] {
                unlock(b);
                b.w(CR, PG);
                same!(b.store_as(FLASH, width, 0), Ok(()));
                same!(b.r(SR), SIZERR | CFGBSY);
                b.word(FLASH + 4, 0).unwrap();
                same!(finish(b), SIZERR);
                b.w(CR, PG);
                b.word(FLASH, 0).unwrap();
                b.store_as(FLASH + 4, width, 0).unwrap();
                same!((finish(b), b.peek_word(FLASH)), (SIZERR, u32::MAX));
            }
            Ok(())
        }),
        // Seen on a G0B1: uliano/brio, docs/stm32g0/nvm.md.
        g0("G42", "G0B1 bench", "S", "four half-words: SIZERR, PGAERR and PGSERR, CFGBSY down", |b| {
            unlock(b);
            b.w(CR, PG);
            for i in 0..4 {
                b.half(FLASH + 2 * i, 0).unwrap();
            }
            same!((b.r(SR), b.peek_word(FLASH)), (SIZERR | PGAERR | PGSERR, u32::MAX));
            b.w(CR, 0);
            Ok(())
        }),
        // Seen on the same G0B1: +4 and +8 give PGAERR and nothing else.
        g0("G43", "RM0490 4.3.6", "M*", "words that make no double word: PGAERR, aborted", |b| {
            unlock(b);
            for words in [[4, 8], [0, 8], [0, 0], [8, 4], [4, 0]] {
                b.w(CR, PG);
                b.word(FLASH + words[0], 0).unwrap();
                same!(b.r(SR), CFGBSY | if words[0] % 8 == 0 { 0 } else { PGAERR });
                b.word(FLASH + words[1], 0).unwrap();
                same!(finish(b), PGAERR);
            }
            holds!(b.chip.cells().is_blank(FLASH..FLASH + 16));
            Ok(())
        }),
        // Seen on a G0B0 (stlink, issue 1491) and the G0B1: half a double word keeps CFGBSY up, whatever is wrong with
        // it, and nothing but a second store or a reset gets CR back.
        g0("G26", "stlink 1491", "S", "a refused first word leaves CFGBSY, a store to CR faults", |b| {
            same!(program(b, FLASH, 1, 1), 0);
            unlock(b);
            b.w(CR, PG);
            for _ in 0..2 {
                b.word(FLASH, 2).unwrap();
                b.word(FLASH + 4, 2).unwrap();
            }
            same!(b.r(SR), PROGERR | PGSERR);
            b.word(FLASH + 8, 1).unwrap();
            same!(b.r(SR), PROGERR | PGSERR | CFGBSY);
            b.w(SR, PROGERR | PGSERR);
            holds!(b.try_w(CR, LOCK).is_err());
            b.word(FLASH + 12, 1).unwrap();
            same!((b.r(SR), b.peek_word(FLASH + 8)), (PGSERR, u32::MAX));
            b.w(CR, LOCK);
            b.half(FLASH + 8, 1).unwrap();
            holds!(b.try_w(CR, LOCK).is_err());
            b.reset(ResetCause::Software);
            same!(b.r(SR), 0);
            same!(program(b, FLASH + 8, 1, 1), 0);
            Ok(())
        }),
        g0("G44", "RM0490 4.3.6", "M*", "a double word that is not erased: PROGERR, skipped", |b| {
            same!(program(b, FLASH, u32::MAX, 0x7FFF_FFFF), 0);
            same!(program(b, FLASH, 0x1234, 0), PROGERR);
            same!(program(b, FLASH, u32::MAX, 0x7FFF_FFFF), PROGERR);
            same!((b.peek_word(FLASH), b.peek_word(FLASH + 4)), (u32::MAX, 0x7FFF_FFFF));
            Ok(())
        }),
        g0("G44", "RM0490 4.3.6", "M*", "all zeros go over anything in main flash", |b| {
            same!(program(b, FLASH, 1, 2), 0);
            same!(program(b, FLASH, 0, 0), 0);
            same!(program(b, FLASH, 0, 0), 0);
            same!((b.peek_word(FLASH), b.peek_word(FLASH + 4), b.chip.cells().flawed()), (0, 0, 0));
            same!(program(b, FLASH + 8, 0, 0), 0);
            Ok(())
        }),
        g0("G45", "ST forum 207093", "T", "zeros over a double word programmed with ones: PROGERR", |b| {
            same!(program(b, FLASH, u32::MAX, u32::MAX), 0);
            same!(program(b, FLASH, 0, 0), PROGERR);
            same!(erase(b, 0), 0);
            same!(program(b, FLASH, 0, 0), 0);
            Ok(())
        }),
        g0("G46", "inferred", "T", "ones into an erased double word are taken, and use it up", |b| {
            same!(program(b, FLASH, u32::MAX, u32::MAX), 0);
            holds!(b.chip.cells().is_programmed(FLASH) && b.chip.cells().is_blank(FLASH..FLASH + 8));
            same!(program(b, FLASH, 1, 1), PROGERR);
            Ok(())
        }),
        g0("G47", "RM0490 4.3.6", "M*", "a store with PG = 0: PGSERR, no bus error, nothing written", |b| {
            unlock(b);
            same!(b.word(FLASH, 0), Ok(()));
            same!(b.word(FLASH + 4, 0), Ok(()));
            same!((b.r(SR), b.peek_word(FLASH)), (PGSERR, u32::MAX));
            Ok(())
        }),
        g0(
            "G48",
            "RM0490 4.7.4",
            "M*",
            "a store to locked flash: PGSERR and CFGBSY; off a double word PGAERR too",
            |b| {
                same!(b.word(FLASH + 4, 0), Ok(()));
                same!((b.r(SR), b.peek_word(FLASH + 4)), (PGSERR | PGAERR | CFGBSY, u32::MAX));
                same!(b.word(FLASH + 8, 0), Ok(()));
                same!(b.r(SR), PGSERR | PGAERR);
                Ok(())
            },
        ),
        g0("G48", "RM0490 4.7.4", "I", "unlocked between the two words: still refused", |b| {
            unlock(b);
            b.w(CR, PG);
            b.w(CR, PG | LOCK);
            b.word(FLASH, 1).unwrap();
            unlock(b);
            b.w(SR, PGSERR);
            b.word(FLASH + 4, 1).unwrap();
            same!((b.r(SR), b.peek_word(FLASH)), (PGSERR, u32::MAX));
            Ok(())
        }),
        g0("G51", "RM0490 4.3.6", "M*", "each of the seven error flags stands in the way, others do not", |b| {
            b.factory(|f| f.wrp(1, 1));
            unlock(b);
            // WRPERR from a protected page.
            b.w(CR, PER | 1 << 3 | STRT);
            b.w(CR, PER | STRT);
            same!(finish(b), WRPERR | PGSERR);
            // PROGERR.
            same!(program(b, FLASH, 1, 1), 0);
            b.w(CR, PG);
            for _ in 0..2 {
                b.word(FLASH, 1).unwrap();
                b.word(FLASH + 4, 1).unwrap();
            }
            same!(finish(b), PROGERR | PGSERR);
            // SIZERR.
            b.w(CR, PG);
            b.half(FLASH + 8, 1).unwrap();
            b.word(FLASH + 12, 1).unwrap();
            same!(b.r(SR), SIZERR);
            b.word(FLASH + 8, 1).unwrap();
            b.word(FLASH + 12, 1).unwrap();
            same!(finish(b), SIZERR | PGSERR);
            // EOP does not matter.
            b.w(CR, EOPIE | PG);
            for i in 0..4 {
                b.word(FLASH + 16 + 4 * i, i).unwrap();
            }
            b.wait();
            same!((b.r(SR), b.peek_word(FLASH + 28)), (EOP, 3));
            Ok(())
        }),
        g0("G52", "RM0490 4.7.4", "M*", "EOP only with EOPIE, OPERR only with ERRIE", |b| {
            same!(program(b, FLASH, 1, 1), 0);
            same!(erase(b, 3), 0);
            same!(program(b, FLASH, 1, 1), PROGERR);
            unlock(b);
            b.w(CR, EOPIE | ERRIE);
            same!(program(b, FLASH + 8, 1, 1), EOP);
            same!(program(b, FLASH + 8, 1, 1), PROGERR | OPERR);
            same!(erase(b, 3), EOP);
            Ok(())
        }),
        g0("G53", "RM0490 4.6", "M*", "interrupts: EOP, OPERR, RDERR, ECCC, each with its enable", |b| {
            unlock(b);
            b.w(CR, PER | EOPIE | STRT);
            holds!(!b.chip.interrupt());
            b.wait();
            holds!(b.chip.interrupt());
            b.w(SR, EOP);
            holds!(!b.chip.interrupt());
            b.w(CR, ERRIE);
            b.word(FLASH, 0).unwrap();
            b.word(FLASH + 4, 0).unwrap();
            holds!(b.chip.interrupt());
            b.w(SR, PGSERR);
            holds!(b.chip.interrupt());
            b.w(SR, OPERR);
            holds!(!b.chip.interrupt());
            b.factory(|f| f.mark(FLASH + 8, 1 | 2)?.option(OPTIONS + 8, 2)?.option(OPTIONS + 16, 3));
            unlock(b);
            b.load(FLASH + 8).unwrap();
            holds!(!b.chip.interrupt() && !b.nmi);
            b.w(ECCR, 1 << 24);
            holds!(b.chip.interrupt());
            b.w(ECCR, 1 << 30 | 1 << 24);
            b.load(FLASH + 1024).unwrap();
            same!((b.r(SR), b.chip.interrupt()), (RDERR, false));
            b.w(CR, RDERRIE);
            holds!(b.chip.interrupt());
            Ok(())
        }),
        g0("G100", "BMP stm32g0", "T", "the debugger too programs by words only; CR takes half-words", |b| {
            b.debugger();
            unlock(b);
            b.w(CR, PG);
            b.half(FLASH, 1).unwrap();
            b.word(FLASH + 4, 1).unwrap();
            same!(b.r(SR), SIZERR);
            b.w(SR, SIZERR);
            same!(b.store_as(0x4002_2014, Width::Half, 0), Ok(()));
            same!(b.r(CR), OPTLOCK);
            same!(program(b, FLASH, 1, 2), 0);
            same!(b.load(FLASH), Ok(1));
            Ok(())
        }),
        g0("G101", "G0-HAL", "D", "words in the wrong order, as a 64-bit store may send them: PGAERR", |b| {
            unlock(b);
            b.w(CR, PG);
            b.word(FLASH + 4, 2).unwrap();
            b.word(FLASH, 1).unwrap();
            same!((b.r(SR), b.peek_word(FLASH)), (PGAERR, u32::MAX));
            Ok(())
        }),
        g0("G102", "stlink 1473", "T", "a stale flag makes an erase end at once with PGSERR", |b| {
            same!(program(b, FLASH, 1, 1), 0);
            unlock(b);
            b.w(CR, PG);
            b.word(FLASH, 1).unwrap();
            b.word(FLASH + 4, 1).unwrap();
            b.w(CR, PER | STRT);
            same!((b.r(SR), b.chip.is_busy(b.now), b.peek_word(FLASH)), (PROGERR | PGSERR, false, 1));
            Ok(())
        }),
    ]
}
