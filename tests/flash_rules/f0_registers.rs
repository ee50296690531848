//! F0: registers, locks, keys, busy (F1 to F29).

use crate::bench::Bench;
use crate::{Rule, f0, holds, same};
use dryflash::bus::{ResetCause, Width};
use dryflash::flash::{Purpose, REGISTERS};
use dryflash::part;
use dryflash::time::Time;

pub const ACR: u32 = 0x00;
pub const KEYR: u32 = 0x04;
pub const OPTKEYR: u32 = 0x08;
pub const SR: u32 = 0x0C;
pub const CR: u32 = 0x10;
pub const AR: u32 = 0x14;
pub const OBR: u32 = 0x1C;
pub const WRPR: u32 = 0x20;

pub const KEY1: u32 = 0x4567_0123;
pub const KEY2: u32 = 0xCDEF_89AB;

pub const PG: u32 = 1;
pub const PER: u32 = 2;
pub const MER: u32 = 4;
pub const OPTPG: u32 = 0x10;
pub const OPTER: u32 = 0x20;
pub const STRT: u32 = 0x40;
pub const LOCK: u32 = 0x80;
pub const OPTWRE: u32 = 0x200;
pub const OBL_LAUNCH: u32 = 0x2000;

pub const BSY: u32 = 1;
pub const PGERR: u32 = 4;
pub const WRPRTERR: u32 = 0x10;
pub const EOP: u32 = 0x20;

pub const FLASH: u32 = 0x0800_0000;
pub const OPTIONS: u32 = 0x1FFF_F800;

pub fn unlock(b: &mut Bench) {
    b.w(KEYR, KEY1);
    b.w(KEYR, KEY2);
}

pub fn unlock_options(b: &mut Bench) {
    unlock(b);
    b.w(OPTKEYR, KEY1);
    b.w(OPTKEYR, KEY2);
}

/// Programs a half-word and waits; the flags of SR, which are cleared.
pub fn program(b: &mut Bench, address: u32, value: u32) -> u32 {
    if b.r(CR) & LOCK != 0 {
        unlock(b);
    }
    b.w(CR, PG);
    b.half(address, value).expect("the bus takes it");
    finish(b)
}

/// Erases the page at `address` and waits; the flags of SR, which are cleared.
pub fn erase(b: &mut Bench, address: u32) -> u32 {
    if b.r(CR) & LOCK != 0 {
        unlock(b);
    }
    b.w(CR, PER);
    b.w(AR, address);
    b.w(CR, PER | STRT);
    finish(b)
}

/// Waits, and returns and clears the flags; CR's operation bits too.
pub fn finish(b: &mut Bench) -> u32 {
    b.wait();
    let flags = b.r(SR);
    let names = [(BSY, "BSY"), (PGERR, "PGERR"), (WRPRTERR, "WRPRTERR"), (EOP, "EOP")];
    let set: Vec<&str> = names.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name).collect();
    assert_eq!(b.chip.flags().names(), set);
    b.w(SR, flags);
    let keep = b.r(CR) & OPTWRE;
    b.w(CR, keep);
    flags
}

pub fn rules() -> Vec<Rule> {
    vec![
        f0("F1", "RM0091 3.2.1", "M", "an erase takes one page of 1 KB", |b| {
            for a in [0x3FE, 0x400, 0x7FE, 0x800] {
                same!(program(b, FLASH + a, 0x1111), EOP);
            }
            same!(erase(b, FLASH + 0x400), EOP);
            same!(b.peek(FLASH + 0x3FE, 4), vec![0x11, 0x11, 0xFF, 0xFF]);
            same!(b.peek(FLASH + 0x7FE, 4), vec![0xFF, 0xFF, 0x11, 0x11]);
            let pages = ["F031", "F051", "STM32F051K8"].map(|p| Bench::of(p).chip.cells().pages());
            same!(pages, [32, 32, 64]);
            Ok(())
        }),
        f0("F2", "RM0091 3.2.1", "M", "option bytes at 0x1FFFF800 to F80F", |b| {
            same!(b.load(OPTIONS), Ok(0x00FF_55AA));
            holds!(b.load(OPTIONS + 12).is_ok() && b.load(OPTIONS + 16).is_err());
            same!((b.part.system_memory.base, b.part.system_memory.size), (0x1FFF_EC00, 0xC00));
            same!(b.part.identity.flash_size_address, 0x1FFF_F7CC);
            Ok(())
        }),
        f0("F3", "RM0091 3.5", "M", "the register block and its holes", |b| {
            same!(b.part.peripheral("FLASH").map(|p| (p.base, p.irq.clone())), Some((REGISTERS, vec![3])));
            let words: Vec<u32> = (0..10).map(|i| b.r(4 * i)).collect();
            same!(words, vec![0, 0, 0, 0, 0x80, 0, 0, 0xFFFF_FF00, 0xFFFF_FFFF, 0]);
            Ok(())
        }),
        f0("F4", "RM0091 3.5", "U", "a narrow write to a register is dropped, a narrow read gives the lane", |b| {
            let at = |o| REGISTERS + o;
            same!(b.store_as(at(ACR), Width::Byte, 1), Ok(()));
            same!(b.store_as(at(ACR), Width::Half, 1), Ok(()));
            same!(b.r(ACR), 0);
            same!(b.load_as(at(OBR) + 1, Width::Byte, Purpose::Data), Ok(0xFF));
            same!(b.load_as(at(OBR) + 2, Width::Half, Purpose::Data), Ok(0xFFFF));
            holds!(b.notes.iter().any(|n| n.contains("words only")));
            Ok(())
        }),
        f0("F5", "RM0091 3.5.1", "M", "ACR resets to 0 and keeps LATENCY and PRFTBE only", |b| {
            same!(b.r(ACR), 0);
            b.w(ACR, 0xFFFF_FFCF);
            same!(b.r(ACR) & !0x20, 7);
            b.w(ACR, 0xFFFF_FFFF);
            same!(b.r(ACR) & !0x20, 0x17);
            Ok(())
        }),
        f0("F6", "RM0091 3.5.1", "M", "no wait state after reset; PRFTBS follows PRFTBE", |b| {
            same!((b.chip.latency().wait_states, b.chip.latency().prefetch), (0, false));
            b.w(ACR, 0x11);
            same!((b.chip.latency().wait_states, b.chip.latency().prefetch), (1, true));
            same!(b.r(ACR), 0x31);
            b.reset(ResetCause::Software);
            same!(b.r(ACR), 0);
            Ok(())
        }),
        f0("F7", "RM0091 3.5.2", "M", "KEYR and OPTKEYR read 0", |b| {
            b.w(KEYR, KEY1);
            b.w(OPTKEYR, KEY1);
            same!((b.r(KEYR), b.r(OPTKEYR)), (0, 0));
            Ok(())
        }),
        f0("F8", "RM0091 3.5.4", "M", "SR's flags clear on writing 1 and stay on writing 0", |b| {
            unlock(b);
            b.w(CR, PG);
            for v in [0x1234, 0x5678] {
                b.half(FLASH, v).unwrap();
                b.wait();
            }
            same!(b.r(SR), PGERR | EOP);
            b.w(SR, 0);
            same!(b.r(SR), PGERR | EOP);
            b.w(SR, EOP);
            same!(b.r(SR), PGERR);
            b.w(SR, 0xFFFF_FFFF);
            same!(b.r(SR), 0);
            Ok(())
        }),
        f0("F9", "RM0091 3.5.5", "M", "CR resets to 0x80; reserved bits stay 0", |b| {
            same!(b.r(CR), 0x80);
            unlock(b);
            b.w(CR, !(STRT | LOCK | OBL_LAUNCH));
            same!(b.r(CR), 0x1437);
            Ok(())
        }),
        f0("F10", "RM0091 3.5.6", "M", "hardware puts the address last programmed into AR", |b| {
            same!(program(b, FLASH + 0x1400, 0x1234), EOP);
            b.w(CR, PER | STRT);
            same!(finish(b), EOP);
            same!(b.peek_word(FLASH + 0x1400), u32::MAX);
            same!(b.chip.cells().wear(5), 1);
            Ok(())
        }),
        f0("F10", "RM0091 3.5.6", "M", "AR is blocked while BSY", |b| {
            unlock(b);
            b.w(CR, PER);
            b.w(AR, FLASH + 0x400);
            b.w(CR, PER | STRT);
            b.w(AR, FLASH + 0x800);
            b.wait();
            b.w(CR, PER | STRT);
            b.wait();
            same!((b.chip.cells().wear(1), b.chip.cells().wear(2)), (2, 0));
            Ok(())
        }),
        f0("F11", "RM0091 3.5.7", "M", "OBR: level, user and data bytes in their places", |b| {
            b.factory(|f| f.option(OPTIONS + 2, 0xFE)?.option(OPTIONS + 4, 0x12)?.option(OPTIONS + 6, 0x34));
            same!(b.r(OBR), 0x3412_FE00);
            b.factory(|f| f.rdp(1));
            same!(b.r(OBR) & 7, 0b010);
            b.factory(|f| f.rdp(2));
            same!(b.r(OBR) & 7, 0b110);
            Ok(())
        }),
        f0("F12", "RM0091 4", "I", "OBR as delivered is 0xFFFFFF00; absent USER bits read 1", |b| {
            same!(b.r(OBR), 0xFFFF_FF00);
            b.factory(|f| f.option(OPTIONS + 2, 0));
            same!(b.r(OBR), 0xFFFF_8800);
            Ok(())
        }),
        f0("F13", "RM0091 3.5.8", "M", "WRPR copies the WRP bytes; absent ones read 1", |b| {
            b.factory(|f| f.option(OPTIONS + 8, 0x12)?.option(OPTIONS + 10, 0x34)?.option(OPTIONS + 12, 0));
            same!(b.r(WRPR), 0xFFFF_3412);
            let mut small = Bench::of("F031");
            small.factory(|f| f.option(OPTIONS + 8, 0x12)?.option(OPTIONS + 10, 0x34));
            same!(small.r(WRPR), 0xFFFF_FF12);
            Ok(())
        }),
        f0("F14", "RM0091 3.2.2", "M", "after reset CR is not writable", |b| {
            b.w(CR, PG | PER | LOCK);
            b.w(CR, PG);
            same!(b.r(CR), LOCK);
            Ok(())
        }),
        f0("F15", "RM0091 3.2.2", "M", "the two keys clear LOCK", |b| {
            b.w(KEYR, KEY1);
            same!(b.r(CR), LOCK);
            b.w(KEYR, KEY2);
            same!(b.r(CR), 0);
            Ok(())
        }),
        f0("F16", "RM0091 3.2.2", "M", "a wrong key locks CR until reset; right keys no longer help", |b| {
            holds!(b.try_w(KEYR, 1).is_err());
            let _ = b.try_w(KEYR, KEY1);
            let _ = b.try_w(KEYR, KEY2);
            same!(b.r(CR), LOCK);
            b.reset(ResetCause::Software);
            unlock(b);
            same!(b.r(CR), 0);
            Ok(())
        }),
        f0("F17", "RM0091 3.2.2", "M", "a wrong first or second key is a bus error", |b| {
            holds!(b.try_w(KEYR, KEY2).is_err());
            b.reset(ResetCause::Software);
            holds!(b.try_w(KEYR, KEY1).is_ok());
            holds!(b.try_w(KEYR, KEY1).is_err());
            b.reset(ResetCause::Pin);
            holds!(b.try_w(KEYR, 0).is_err());
            same!(b.r(CR), LOCK);
            Ok(())
        }),
        f0("F18", "BMP stm32f1", "T", "keys sent while unlocked do no harm", |b| {
            unlock(b);
            unlock(b);
            same!(b.r(CR), 0);
            b.w(KEYR, KEY2);
            b.w(KEYR, 1);
            same!(b.r(CR), 0);
            b.w(CR, LOCK);
            unlock(b);
            same!(b.r(CR), 0);
            Ok(())
        }),
        f0("F19", "RM0091 3.5.5", "M", "LOCK takes 1 only; right keys open again", |b| {
            unlock(b);
            b.w(CR, LOCK);
            same!(b.r(CR), LOCK);
            b.w(CR, 0);
            same!(b.r(CR), LOCK);
            unlock(b);
            same!(b.r(CR), 0);
            Ok(())
        }),
        f0("F20", "RM0091 3.3.3", "M", "OPTKEYR takes the same keys and sets OPTWRE", |b| {
            unlock_options(b);
            same!(b.r(CR), OPTWRE);
            Ok(())
        }),
        f0("F20", "RM0091 3.3.3", "U", "a wrong option key is a bus error and locks CR until reset", |b| {
            unlock(b);
            holds!(b.try_w(OPTKEYR, 0x0819_2A3B).is_err());
            same!(b.r(CR), LOCK);
            let _ = b.try_w(KEYR, KEY1);
            let _ = b.try_w(KEYR, KEY2);
            same!(b.r(CR), LOCK);
            Ok(())
        }),
        f0("F21", "RM0091 3.5.5", "M", "OPTWRE cannot be written 1, and a plain CR write drops it", |b| {
            unlock(b);
            b.w(CR, OPTWRE);
            same!(b.r(CR), 0);
            b.w(OPTKEYR, KEY1);
            b.w(OPTKEYR, KEY2);
            b.w(CR, OPTWRE | OPTPG);
            same!(b.r(CR), OPTWRE | OPTPG);
            b.w(CR, OPTPG);
            same!(b.r(CR), OPTPG);
            Ok(())
        }),
        f0("F22", "RM0091 3.5.5", "U", "LOCK leaves OPTWRE as it was written", |b| {
            unlock_options(b);
            b.w(CR, LOCK | OPTWRE);
            same!(b.r(CR), LOCK | OPTWRE);
            unlock(b);
            same!(b.r(CR), OPTWRE);
            Ok(())
        }),
        f0("F23", "RM0091 3.2.2", "M", "a locked CR takes OBL_LAUNCH and nothing else, without a flag", |b| {
            b.w(CR, MER | STRT);
            same!((b.r(CR), b.r(SR), b.chip.is_busy(b.now)), (LOCK, 0, false));
            b.w(CR, OBL_LAUNCH | PG);
            same!(b.resets.clone(), vec![ResetCause::OptionBytes]);
            same!(b.r(CR), LOCK);
            Ok(())
        }),
        f0("F24", "RM0091 3.5.5", "M", "a reset locks, clears CR, SR and the memory of wrong keys", |b| {
            same!(program(b, FLASH, 1), EOP);
            unlock_options(b);
            b.w(CR, OPTWRE | PER | 0x1400);
            b.w(AR, FLASH + 0x400);
            b.half(FLASH, 2).unwrap_err();
            b.reset(ResetCause::Software);
            same!((b.r(CR), b.r(SR)), (LOCK, 0));
            unlock(b);
            b.w(CR, PER | STRT); // AR is 0 again: no page
            same!((b.r(CR), b.r(SR)), (PER, 0));
            Ok(())
        }),
        f0("F25", "RM0091 3.5.4", "M", "BSY rises with the operation and falls at its end or on an error", |b| {
            unlock(b);
            b.w(CR, PG);
            b.half(FLASH, 0x1234).unwrap();
            same!(b.r(SR), BSY);
            b.wait();
            same!(b.r(SR), EOP);
            b.half(FLASH, 0x5678).unwrap();
            same!(b.r(SR) & BSY, 0);
            Ok(())
        }),
        f0("F26", "RM0091 3.2.2", "U", "register writes while BSY are dropped", |b| {
            unlock(b);
            b.w(CR, PER);
            b.w(AR, FLASH);
            b.w(CR, PER | STRT);
            for (register, value) in [(CR, LOCK), (ACR, 0x11), (KEYR, 7), (CR, OBL_LAUNCH)] {
                same!(b.try_w(register, value), Ok(()));
            }
            same!((b.r(CR), b.r(ACR), b.resets.len()), (PER | STRT, 0, 0));
            b.wait();
            same!((b.r(CR), b.r(SR)), (PER, EOP));
            Ok(())
        }),
        f0("F27", "RM0091 3.2.2", "M", "a read of flash waits for the end and is right", |b| {
            same!(program(b, FLASH + 0x800, 0x1234), EOP);
            unlock(b);
            b.w(CR, PER);
            b.w(AR, FLASH);
            let from = b.now.time;
            b.w(CR, PER | STRT);
            holds!(!b.chip.plain(b.now));
            same!(b.load(FLASH + 0x800), Ok(0xFFFF_1234));
            same!(b.now.time.since(from), Time::from_millis(30));
            holds!(b.chip.plain(b.now));
            same!(b.r(SR), EOP);
            Ok(())
        }),
        f0("F28", "BMP, embassy", "T", "a second half-word during BSY waits, then is programmed", |b| {
            unlock(b);
            b.w(CR, PG);
            let from = b.now.time;
            for (i, value) in [(0, 0x1111), (2, 0x2222), (4, 0x3333)] {
                same!(b.half(FLASH + i, value), Ok(()));
            }
            b.wait();
            same!(b.now.time.since(from), Time::from_nanos(3 * 53_500));
            same!((b.peek_word(FLASH), b.peek_word(FLASH + 4)), (0x2222_1111, 0xFFFF_3333));
            b.pass_unseen(Time::from_millis(1));
            let from = b.now.time;
            b.half(FLASH + 6, 1).unwrap();
            same!(b.chip.busy_until(), Some(from + Time::from_nanos(53_500)));
            same!(b.now.time.since(from), Time::from_nanos(62));
            Ok(())
        }),
        f0("F1", "RM0091 3.2.1", "D", "the parts' sizes agree with the size registers' places", |_| {
            for p in part::all() {
                same!(p.flash.pages() * p.flash.page, p.flash.size);
            }
            Ok(())
        }),
    ]
}
