//! F0: erase and program (F30 to F47), times (F78, F79).

use crate::f0_registers::*;
use crate::{Rule, f0, holds, same};
use dryflash::bus::Width;
use dryflash::flash::{Settings, Speed, WriteWithoutPg};
use dryflash::time::Time;

pub fn rules() -> Vec<Rule> {
    vec![
        f0("F30", "RM0091 3.2.2", "M", "page erase: PER, AR anywhere in the page, STRT, EOP", |b| {
            same!(program(b, FLASH + 0x400, 0), EOP);
            same!(erase(b, FLASH + 0x7FF), EOP);
            same!(b.peek_word(FLASH + 0x400), u32::MAX);
            same!(b.chip.cells().wear(1), 1);
            Ok(())
        }),
        f0("F31", "RM0091 3.2.2", "M", "mass erase takes all of main flash and leaves the option bytes", |b| {
            b.factory(|f| f.cells(FLASH, &[0; 0x1_0000])?.option(OPTIONS + 4, 0x77));
            unlock(b);
            b.w(CR, MER);
            b.w(CR, MER | STRT);
            same!(b.r(SR), BSY);
            same!(finish(b), EOP);
            holds!(b.chip.cells().is_blank(b.chip.cells().range()));
            same!((b.chip.cells().wear(0), b.chip.cells().wear(63)), (1, 1));
            same!(b.load(OPTIONS + 4), Ok(0x00FF_8877));
            Ok(())
        }),
        f0("F32", "RM0091 3.5.5", "M", "hardware clears STRT; the operation bits stay", |b| {
            unlock(b);
            b.w(CR, PER);
            b.w(AR, FLASH);
            b.w(CR, PER | STRT);
            same!(b.r(CR), PER | STRT);
            b.wait();
            same!(b.r(CR), PER);
            b.w(CR, PG);
            b.half(FLASH, 1).unwrap();
            b.wait();
            same!(b.r(CR), PG);
            Ok(())
        }),
        f0("F33", "RM0091 3.5.4", "M", "STRT is 0 again when a program operation can start", |b| {
            same!(erase(b, FLASH), EOP);
            same!(b.r(CR) & STRT, 0);
            same!(program(b, FLASH, 0xABCD), EOP);
            Ok(())
        }),
        f0("F34", "RM0091 3.5.4", "M", "erase sets EOP without EOPIE", |b| {
            same!(b.r(CR) & 0x1000, 0);
            same!(erase(b, FLASH), EOP);
            Ok(())
        }),
        f0("F35", "libopencm3 253", "T", "with PG left set, no erase happens", |b| {
            same!(program(b, FLASH, 0x1234), EOP);
            b.w(AR, FLASH);
            b.w(CR, PG | PER);
            b.w(CR, PG | PER | STRT);
            same!((b.r(SR), b.r(CR), b.peek_word(FLASH)), (0, PG | PER, 0xFFFF_1234));
            same!(b.chip.cells().wear(0), 0);
            Ok(())
        }),
        // The one field statement: stlink, pull request 489 ("all subsequent erases ... will be mass erases").
        f0("F36", "stlink 489", "T", "PER and MER together erase everything, and that is told as a choice", |b| {
            same!(program(b, FLASH, 0x1234), EOP);
            same!(program(b, FLASH + 0x400, 0x1234), EOP);
            b.w(CR, 0);
            b.w(AR, FLASH + 0x400);
            b.w(CR, PER | MER | STRT);
            same!(finish(b), EOP);
            same!((b.peek_word(FLASH), b.peek_word(FLASH + 0x400)), (u32::MAX, u32::MAX));
            same!(b.choices.clone(), vec!["F36"]);
            Ok(())
        }),
        // Seen on an STM32F030: stlink, pull request 442.
        f0("F36", "stlink 442", "S", "MER cannot be set while PG is", |b| {
            unlock(b);
            b.w(CR, PG);
            b.w(CR, PG | MER);
            same!(b.r(CR), PG);
            b.w(CR, MER);
            same!(b.r(CR), 0);
            b.w(CR, MER);
            same!(b.r(CR), MER);
            Ok(())
        }),
        // Seen on an F103, an F107 and an F072 (stackoverflow 28498191; RIOT, pull request 15914).
        f0("F35", "F072, F103", "T", "with an erase bit left set nothing is programmed, and no flag says so", |b| {
            unlock(b);
            for left in [PER, MER, OPTER | OPTWRE, OPTPG | OPTWRE] {
                b.w(OPTKEYR, KEY1);
                b.w(OPTKEYR, KEY2);
                b.choices.clear();
                b.w(CR, left);
                b.w(CR, left | PG);
                same!(b.r(CR), left | PG);
                same!(b.half(FLASH, 0xAAAA), Ok(()));
                same!((b.r(SR), b.peek_word(FLASH), b.choices.clone()), (0, u32::MAX, vec!["F35"]));
                b.w(CR, OPTWRE);
            }
            same!(program(b, FLASH, 0xAAAA), EOP);
            Ok(())
        }),
        f0("F36", "not stated", "U", "an AR outside of flash, or STRT alone: nothing, and no flag", |b| {
            unlock(b);
            for ar in [0, FLASH - 1, FLASH + 0x1_0000, OPTIONS, 0x2000_0000] {
                b.w(CR, PER);
                b.w(AR, ar);
                b.w(CR, PER | STRT);
                same!((b.r(SR), b.r(CR)), (0, PER));
            }
            b.w(CR, STRT);
            same!((b.r(SR), b.r(CR)), (0, 0));
            Ok(())
        }),
        f0("F37", "RM0091 3.3.2", "M", "a page of a protected sector is not erased: WRPRTERR, no EOP", |b| {
            b.factory(|f| f.cells(FLASH + 0x1400, &[1, 2])?.wrp(4, 7));
            same!(erase(b, FLASH + 0x1400), WRPRTERR);
            same!(b.peek(FLASH + 0x1400, 2), vec![1, 2]);
            same!(b.chip.cells().wear(5), 0);
            same!(erase(b, FLASH + 0x0FFF), EOP);
            same!(erase(b, FLASH + 0x2000), EOP);
            Ok(())
        }),
        f0("F38", "RM0091 3.3.2", "U", "mass erase with a protected sector: WRPRTERR, nothing erased", |b| {
            b.factory(|f| f.cells(FLASH + 0x8000, &[1, 2])?.wrp(60, 63));
            let before = b.non_volatile();
            unlock(b);
            b.w(CR, MER | STRT);
            same!((finish(b), b.non_volatile() == before), (WRPRTERR, true));
            Ok(())
        }),
        f0("F39", "RM0091 3.2.2", "M", "only half-words: a byte or word is a bus error", |b| {
            unlock(b);
            b.w(CR, PG);
            for (address, width) in [(FLASH, Width::Byte), (FLASH, Width::Word), (FLASH + 1, Width::Half)] {
                holds!(b.store_as(address, width, 0).is_err());
            }
            same!((b.r(SR), b.peek_word(FLASH)), (0, u32::MAX));
            same!(b.half(FLASH, 0xBEEF), Ok(()));
            b.wait();
            same!(b.peek_word(FLASH), 0xFFFF_BEEF);
            Ok(())
        }),
        f0("F40", "RM0091 3.2.2", "M", "a cell that is not erased: skipped with PGERR", |b| {
            same!(program(b, FLASH, 0x5678), EOP);
            same!(program(b, FLASH, 0x1234), PGERR);
            same!(program(b, FLASH, 0x5670), PGERR); // even where only bits would be cleared
            same!(program(b, FLASH, 0x5678), PGERR);
            same!(b.peek_word(FLASH), 0xFFFF_5678);
            Ok(())
        }),
        f0("F40", "RM0091 3.2.2", "M", "0x0000 goes over anything", |b| {
            same!(program(b, FLASH, 0x5678), EOP);
            same!(program(b, FLASH, 0), EOP);
            same!(program(b, FLASH, 0), EOP);
            same!(b.peek_word(FLASH), 0xFFFF_0000);
            Ok(())
        }),
        f0("F41", "RM0091 3.2.2", "I", "0xFFFF into an erased cell succeeds and changes nothing", |b| {
            same!(program(b, FLASH, 0xFFFF), EOP);
            same!(program(b, FLASH, 0x1234), EOP);
            Ok(())
        }),
        f0("F42", "RM0091 3.2.2", "M", "a protected sector is not programmed: WRPRTERR, looked at first", |b| {
            b.factory(|f| f.cells(FLASH, &[1, 2])?.wrp(0, 3));
            same!(program(b, FLASH + 4, 0x1234), WRPRTERR);
            same!(program(b, FLASH, 0x1234), WRPRTERR);
            same!(program(b, FLASH, 0), WRPRTERR);
            same!((b.peek_word(FLASH), b.peek_word(FLASH + 4)), (0xFFFF_0201, u32::MAX));
            same!(program(b, FLASH + 0x1000, 0x1234), EOP);
            Ok(())
        }),
        f0("F43", "RM0091 3.4", "M", "interrupts: EOP with EOPIE, the error flags with ERRIE, until cleared", |b| {
            unlock(b);
            b.w(CR, PG);
            b.half(FLASH, 1).unwrap();
            b.wait();
            holds!(!b.chip.interrupt());
            b.w(CR, PG | 0x1000);
            holds!(b.chip.interrupt());
            b.w(SR, EOP);
            holds!(!b.chip.interrupt());
            b.half(FLASH, 2).unwrap();
            holds!(!b.chip.interrupt());
            b.w(CR, PG | 0x400);
            holds!(b.chip.interrupt());
            b.w(SR, PGERR);
            holds!(!b.chip.interrupt());
            b.factory(|f| f.wrp(0, 3));
            unlock(b);
            b.w(CR, PG | 0x400);
            b.half(FLASH, 2).unwrap();
            holds!(b.chip.interrupt());
            Ok(())
        }),
        f0("F44", "F0-HAL", "I", "a pending error flag does not stop the next operation", |b| {
            unlock(b);
            b.w(CR, PG);
            for v in [0x1111, 0x2222] {
                b.half(FLASH, v).unwrap();
                b.wait();
            }
            b.w(SR, EOP);
            b.half(FLASH + 2, 0x3333).unwrap();
            b.wait();
            same!((b.r(SR), b.peek_word(FLASH)), (PGERR | EOP, 0x3333_1111));
            Ok(())
        }),
        f0("F45", "not stated", "U", "a store with PG = 0 is a bus error, or nothing by a switch", |b| {
            holds!(b.half(FLASH, 0).is_err());
            unlock(b);
            holds!(b.half(FLASH, 0).is_err());
            b.chip.set_settings(Settings { f0_write_without_pg: WriteWithoutPg::Ignored, ..b.chip.settings() });
            same!(b.half(FLASH, 0), Ok(()));
            b.w(CR, PG);
            b.w(CR, PG | LOCK);
            same!(b.half(FLASH, 0), Ok(()));
            same!((b.r(SR), b.peek_word(FLASH)), (0, u32::MAX));
            Ok(())
        }),
        f0("F78", "datasheet", "T", "a half-word takes 53.5 us, an erase 30 ms", |b| {
            unlock(b);
            b.w(CR, PG);
            let from = b.now.time;
            b.half(FLASH, 1).unwrap();
            same!(b.chip.busy_until(), Some(from + Time::from_nanos(53_500)));
            b.pass(Time::from_micros(53));
            same!(b.r(SR), BSY);
            b.pass(Time::from_micros(1));
            same!(b.r(SR), EOP);
            for bits in [PER, MER] {
                b.w(CR, bits);
                b.w(AR, FLASH);
                let from = b.now.time;
                b.w(CR, bits | STRT);
                same!(b.chip.next_event(), Some(from + Time::from_millis(30)));
                b.wait();
            }
            b.chip.set_settings(Settings { speed: Speed::Fast, ..b.chip.settings() });
            let from = b.now.time;
            b.w(CR, PER | STRT);
            same!(b.chip.busy_until(), Some(from + Time::from_micros(1)));
            Ok(())
        }),
        f0("F79", "inferred", "I", "an option byte takes a half-word's time, their erase a page's", |b| {
            unlock_options(b);
            b.w(CR, OPTWRE | OPTER);
            let from = b.now.time;
            b.w(CR, OPTWRE | OPTER | STRT);
            same!(b.chip.busy_until(), Some(from + Time::from_millis(30)));
            b.wait();
            b.w(CR, OPTWRE | OPTPG);
            let from = b.now.time;
            b.half(OPTIONS, 0xAA).unwrap();
            same!(b.chip.busy_until(), Some(from + Time::from_nanos(53_500)));
            Ok(())
        }),
    ]
}
