//! G0: registers, locks, keys, busy (G1 to G28).

use crate::bench::Bench;
use crate::{Rule, g0, holds, same};
use dryflash::bus::{ResetCause, Width};
use dryflash::flash::{Purpose, REGISTERS};
use dryflash::time::Time;

pub const ACR: u32 = 0x00;
pub const KEYR: u32 = 0x08;
pub const OPTKEYR: u32 = 0x0C;
pub const SR: u32 = 0x10;
pub const CR: u32 = 0x14;
pub const ECCR: u32 = 0x18;
pub const OPTR: u32 = 0x20;
pub const PCROP1ASR: u32 = 0x24;
pub const PCROP1AER: u32 = 0x28;
pub const WRP1AR: u32 = 0x2C;
pub const WRP1BR: u32 = 0x30;
pub const PCROP1BSR: u32 = 0x34;
pub const PCROP1BER: u32 = 0x38;
pub const SECR: u32 = 0x80;

pub const KEY1: u32 = 0x4567_0123;
pub const KEY2: u32 = 0xCDEF_89AB;
pub const OPTKEY1: u32 = 0x0819_2A3B;
pub const OPTKEY2: u32 = 0x4C5D_6E7F;

pub const PG: u32 = 1;
pub const PER: u32 = 2;
pub const MER1: u32 = 4;
pub const STRT: u32 = 1 << 16;
pub const OPTSTRT: u32 = 1 << 17;
pub const FSTPG: u32 = 1 << 18;
pub const EOPIE: u32 = 1 << 24;
pub const ERRIE: u32 = 1 << 25;
pub const RDERRIE: u32 = 1 << 26;
pub const OBL_LAUNCH: u32 = 1 << 27;
pub const SEC_PROT: u32 = 1 << 28;
pub const OPTLOCK: u32 = 1 << 30;
pub const LOCK: u32 = 1 << 31;

pub const EOP: u32 = 1;
pub const OPERR: u32 = 2;
pub const PROGERR: u32 = 8;
pub const WRPERR: u32 = 0x10;
pub const PGAERR: u32 = 0x20;
pub const SIZERR: u32 = 0x40;
pub const PGSERR: u32 = 0x80;
pub const MISERR: u32 = 0x100;
pub const FASTERR: u32 = 0x200;
pub const RDERR: u32 = 0x4000;
pub const OPTVERR: u32 = 0x8000;
pub const BSY1: u32 = 1 << 16;
pub const CFGBSY: u32 = 1 << 18;

pub const FLASH: u32 = 0x0800_0000;
pub const OPTIONS: u32 = 0x1FFF_7800;
pub const OTP: u32 = 0x1FFF_7000;

const NAMES: [(u32, &str); 13] = [
    (EOP, "EOP"),
    (OPERR, "OPERR"),
    (PROGERR, "PROGERR"),
    (WRPERR, "WRPERR"),
    (PGAERR, "PGAERR"),
    (SIZERR, "SIZERR"),
    (PGSERR, "PGSERR"),
    (MISERR, "MISERR"),
    (FASTERR, "FASTERR"),
    (RDERR, "RDERR"),
    (OPTVERR, "OPTVERR"),
    (BSY1, "BSY1"),
    (CFGBSY, "CFGBSY"),
];

pub fn unlock(b: &mut Bench) {
    if b.r(CR) & LOCK != 0 {
        b.w(KEYR, KEY1);
        b.w(KEYR, KEY2);
    }
}

pub fn unlock_options(b: &mut Bench) {
    unlock(b);
    if b.r(CR) & OPTLOCK != 0 {
        b.w(OPTKEYR, OPTKEY1);
        b.w(OPTKEYR, OPTKEY2);
    }
}

/// Waits, and returns and clears the flags; CR's operation bits too.
pub fn finish(b: &mut Bench) -> u32 {
    b.wait();
    let flags = b.r(SR);
    let set: Vec<&str> = NAMES.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name).collect();
    assert_eq!(b.chip.flags().names(), set);
    b.w(SR, flags);
    let keep = b.r(CR) & (EOPIE | ERRIE | RDERRIE);
    b.w(CR, keep);
    flags
}

/// Programs a double word and waits; the flags of SR, which are cleared.
pub fn program(b: &mut Bench, address: u32, low: u32, high: u32) -> u32 {
    unlock(b);
    let keep = b.r(CR) & (EOPIE | ERRIE);
    b.w(CR, keep | PG);
    b.word(address, low).expect("the bus takes it");
    b.word(address + 4, high).expect("the bus takes it");
    finish(b)
}

/// Erases a page and waits; the flags of SR, which are cleared.
pub fn erase(b: &mut Bench, page: u32) -> u32 {
    unlock(b);
    let keep = b.r(CR) & (EOPIE | ERRIE);
    b.w(CR, keep | PER | page << 3 | STRT);
    finish(b)
}

pub fn rules() -> Vec<Rule> {
    let mut rules = locks();
    rules.extend(registers());
    rules
}

fn registers() -> Vec<Rule> {
    vec![
        g0("G1", "RM0444 3.3.1", "M", "pages of 2 KB, double words", |b| {
            b.factory(|f| f.cells(FLASH, &[0x11; 0x2000]));
            same!(erase(b, 1), 0);
            same!(b.peek(FLASH + 0x7FF, 2), vec![0x11, 0xFF]);
            same!(b.peek(FLASH + 0xFFF, 2), vec![0xFF, 0x11]);
            let pages = ["G031", "G071_64K", "G071"].map(|p| Bench::of(p).chip.cells().pages());
            same!(pages, [32, 32, 64]);
            Ok(())
        }),
        g0("G2", "RM0444 3.3.1", "M", "option bytes, OTP and engineering bytes in their places", |b| {
            holds!(b.load(OPTIONS).is_ok() && b.load(OPTIONS + 0x7C).is_ok() && b.load(OPTIONS + 0x80).is_err());
            holds!(b.load(OTP).is_ok() && b.load(OTP + 0x3FC).is_ok() && b.load(OTP + 0x400).is_err());
            same!((b.part.engineering.base, b.part.engineering.size), (0x1FFF_7500, 0x300));
            same!(b.part.identity.flash_size_address, 0x1FFF_75E0);
            Ok(())
        }),
        g0("G3", "RM0444 3.3.1", "M", "an OTP double word is written once, then not even with zeros", |b| {
            same!(program(b, OTP + 8, 0xFFFF_FFFE, u32::MAX), 0);
            same!(b.load(OTP + 8), Ok(0xFFFF_FFFE));
            same!(program(b, OTP + 8, 0, 0), PROGERR);
            same!((b.load(OTP + 8), b.load(OTP + 16)), (Ok(0xFFFF_FFFE), Ok(u32::MAX)));
            unlock(b);
            b.w(CR, MER1 | STRT);
            same!(finish(b), 0);
            same!(b.load(OTP + 8), Ok(0xFFFF_FFFE));
            Ok(())
        }),
        g0("G4", "CMSIS", "D", "the register block and its holes", |b| {
            same!(b.part.peripheral("FLASH").map(|p| (p.base, p.irq.clone())), Some((REGISTERS, vec![3])));
            let words: Vec<u32> = (0..15).map(|i| b.r(4 * i)).collect();
            let cr = 0xC000_0000;
            same!(words, vec![0x5_0600, 0, 0, 0, 0, cr, 0, 0, 0xFFFF_FEAA, 0xFF, 0, 0x3F, 0x3F, 0xFF, 0]);
            same!((b.r(SECR), b.r(0x84)), (0, 0));
            Ok(())
        }),
        g0("G5", "RM0490 4.7", "M*", "CR, OPTR and WRP take any width, PCROP and SECR no bytes", |b| {
            unlock_options(b);
            let at = |o| REGISTERS + o;
            b.store_as(at(CR), Width::Byte, PG).unwrap();
            same!(b.r(CR), PG);
            b.store_as(at(CR) + 3, Width::Byte, 0x02).unwrap();
            same!(b.r(CR), PG | ERRIE);
            b.store_as(at(CR), Width::Half, 0).unwrap();
            same!(b.r(CR), ERRIE);
            b.store_as(at(OPTR) + 2, Width::Byte, 0xFE).unwrap();
            same!(b.r(OPTR), 0xFFFE_FEAA);
            b.store_as(at(WRP1AR) + 2, Width::Byte, 5).unwrap();
            same!(b.r(WRP1AR), 0x0005_003F);
            for register in [PCROP1ASR, PCROP1BSR] {
                b.store_as(at(register), Width::Byte, 1).unwrap();
                same!(b.r(register), 0xFF);
                b.store_as(at(register), Width::Half, 1).unwrap();
                same!(b.r(register), 1);
            }
            b.store_as(at(SECR), Width::Byte, 3).unwrap();
            same!(b.r(SECR), 0);
            b.store_as(at(SECR), Width::Half, 3).unwrap();
            same!(b.r(SECR), 3);
            same!(b.load_as(at(OPTR) + 2, Width::Half, Purpose::Data), Ok(0xFFFE));
            Ok(())
        }),
        g0("G6", "RM0490 4.7.1", "M*", "ACR: reset value, writable bits, ICRST only with the cache off", |b| {
            same!(b.r(ACR), 0x5_0600); // blank: EMPTY
            b.w(ACR, u32::MAX);
            same!(b.r(ACR), 0x5_0707);
            b.w(ACR, 0);
            same!(b.r(ACR), 0x400);
            b.w(ACR, 0x800);
            same!(b.r(ACR), 0xC00);
            Ok(())
        }),
        g0("G7", "RM0490 4.3.2", "M*", "no wait state after reset; a new latency reads back at once", |b| {
            same!((b.chip.latency().wait_states, b.chip.latency().prefetch, b.chip.latency().cache), (0, false, true));
            b.w(ACR, 0x4_0702);
            same!(b.r(ACR), 0x4_0702);
            same!((b.chip.latency().wait_states, b.chip.latency().prefetch), (2, true));
            b.reset(ResetCause::Software);
            same!(b.chip.latency().wait_states, 0);
            Ok(())
        }),
        g0("G9", "RM0490 4.7.4", "M*", "SR's flags clear on writing 1, BSY1 and CFGBSY do not", |b| {
            same!(b.r(SR), 0);
            unlock(b);
            b.word(FLASH, 0).unwrap();
            b.word(FLASH + 4, 0).unwrap();
            same!(b.r(SR), PGSERR);
            b.w(SR, !PGSERR);
            same!(b.r(SR), PGSERR);
            b.w(SR, PGSERR);
            same!(b.r(SR), 0);
            b.w(CR, PG);
            b.word(FLASH, 0).unwrap();
            b.w(SR, u32::MAX);
            same!(b.r(SR), CFGBSY);
            Ok(())
        }),
        g0("G10", "RM0490 4.7.5", "M*", "CR: reset value, reserved bits stay 0", |b| {
            same!(b.r(CR), 0xC000_0000);
            unlock_options(b);
            same!(b.r(CR), 0);
            b.w(CR, !(LOCK | OPTLOCK | STRT | OPTSTRT | OBL_LAUNCH | SEC_PROT));
            same!(b.r(CR), 0x0704_1FFF);
            Ok(())
        }),
        g0("G11", "CMSIS", "D", "ECCR: ECCCIE is kept, the flags clear on writing 1", |b| {
            same!(b.r(ECCR), 0);
            b.w(ECCR, u32::MAX);
            same!(b.r(ECCR), 1 << 24);
            b.factory(|f| f.mark(FLASH + 0x50, 1 | 4));
            holds!(b.load(FLASH + 0x54).is_ok());
            same!(b.r(ECCR), 1 << 31 | 10);
            b.w(ECCR, 0);
            same!(b.r(ECCR), 1 << 31 | 10);
            b.w(ECCR, 1 << 31);
            same!(b.r(ECCR) >> 14, 0);
            Ok(())
        }),
        g0("G12", "RM0490 4.7.2", "M*", "KEYR and OPTKEYR read 0", |b| {
            b.w(KEYR, KEY1);
            same!((b.r(KEYR), b.r(OPTKEYR)), (0, 0));
            Ok(())
        }),
        g0("G23", "RM0490 4.3.6", "M*", "BSY1 rises with the second word and falls at the end", |b| {
            unlock(b);
            b.w(CR, PG);
            b.word(FLASH, 1).unwrap();
            same!(b.r(SR), CFGBSY);
            b.word(FLASH + 4, 2).unwrap();
            same!(b.r(SR), BSY1 | CFGBSY);
            b.wait();
            same!(b.r(SR), 0);
            Ok(())
        }),
        g0("G24", "RM0490 4.3.4", "M*", "a CR write during BSY1 waits, then takes effect", |b| {
            unlock(b);
            let from = b.now.time;
            b.w(CR, PER | STRT);
            b.w(CR, PG);
            same!((b.r(CR), b.r(SR)), (PG | OPTLOCK, 0));
            holds!(b.now.time.since(from) >= Time::from_millis(22));
            Ok(())
        }),
        g0(
            "G25",
            "RM0490 4.7.4",
            "M*",
            "CFGBSY from the first word or STRT to the end; a CR write then is a fault",
            |b| {
                unlock(b);
                b.w(CR, PER | STRT);
                same!(b.r(SR), BSY1 | CFGBSY);
                same!(finish(b), 0);
                b.w(CR, PG);
                b.word(FLASH, 1).unwrap();
                holds!(b.try_w(CR, 0).is_err());
                holds!(b.try_w(CR, LOCK).is_err());
                same!((b.r(CR), b.r(SR)), (PG | OPTLOCK, CFGBSY));
                b.word(FLASH + 4, 2).unwrap();
                b.wait();
                same!(b.try_w(CR, 0), Ok(()));
                b.w(CR, PG);
                b.word(FLASH + 8, 1).unwrap();
                b.reset(ResetCause::Software);
                same!(b.r(SR), 0);
                Ok(())
            },
        ),
        g0("G26", "RM0490 4.7.4", "M*", "locked flash written: CFGBSY until a double word has come", |b| {
            b.word(FLASH, 1).unwrap();
            same!(b.r(SR), PGSERR | CFGBSY);
            holds!(b.try_w(CR, LOCK).is_err());
            b.word(FLASH + 4, 1).unwrap();
            same!(b.r(SR), PGSERR);
            same!((b.try_w(CR, LOCK), b.peek_word(FLASH)), (Ok(()), u32::MAX));
            Ok(())
        }),
        g0("G27", "RM0490 4.3.4", "M*", "a read of flash waits for the end and is right", |b| {
            same!(program(b, FLASH + 0x800, 0x1234, 5), 0);
            let from = b.now.time;
            b.w(CR, PER | STRT);
            holds!(!b.chip.plain(b.now));
            same!(b.fetch(FLASH + 0x800), Ok(0x1234));
            same!(b.now.time.since(from), Time::from_millis(22));
            holds!(b.chip.plain(b.now));
            Ok(())
        }),
        g0("G28", "BMP stm32g0", "T", "words written during BSY1 wait, and all are programmed", |b| {
            unlock(b);
            b.w(CR, PG);
            for i in 0..6 {
                same!(b.word(FLASH + 4 * i, i), Ok(()));
            }
            b.wait();
            same!(b.r(SR), 0);
            same!((0..6).map(|i| b.peek_word(FLASH + 4 * i)).collect::<Vec<_>>(), (0..6).collect::<Vec<_>>());
            holds!(b.now.time >= Time::from_micros(3 * 85));
            b.word(FLASH + 24, 1).unwrap();
            b.word(FLASH + 28, 1).unwrap();
            b.pass_unseen(Time::from_millis(1));
            b.word(FLASH + 32, 1).unwrap();
            let from = b.now.time;
            b.word(FLASH + 36, 1).unwrap();
            same!(b.chip.busy_until(), Some(from + Time::from_micros(85)));
            Ok(())
        }),
    ]
}

fn locks() -> Vec<Rule> {
    vec![
        g0("G13", "RM0490 4.3.4", "M*", "CR is locked after reset; the two keys open it", |b| {
            b.w(CR, PG);
            same!(b.r(CR), LOCK | OPTLOCK);
            b.w(KEYR, KEY1);
            same!(b.r(CR), LOCK | OPTLOCK);
            b.w(KEYR, KEY2);
            same!(b.r(CR), OPTLOCK);
            Ok(())
        }),
        g0("G14", "RM0490 4.3.4", "M*", "a wrong key is a bus error and locks until reset", |b| {
            holds!(b.try_w(KEYR, KEY2).is_err());
            let _ = b.try_w(KEYR, KEY1);
            let _ = b.try_w(KEYR, KEY2);
            same!(b.r(CR), LOCK | OPTLOCK);
            b.reset(ResetCause::Software);
            same!(b.try_w(KEYR, KEY1), Ok(()));
            holds!(b.try_w(KEYR, KEY1).is_err());
            b.reset(ResetCause::Software);
            unlock(b);
            same!(b.r(CR), OPTLOCK);
            Ok(())
        }),
        g0("G15", "RM0444 3.4.2", "M", "the option keys clear OPTLOCK; a wrong one is a bus error until reset", |b| {
            unlock(b);
            b.w(OPTKEYR, OPTKEY1);
            same!(b.r(CR), OPTLOCK);
            b.w(OPTKEYR, OPTKEY2);
            same!(b.r(CR), 0);
            b.reset(ResetCause::Software);
            unlock(b);
            holds!(b.try_w(OPTKEYR, KEY1).is_err());
            let _ = b.try_w(OPTKEYR, OPTKEY1);
            let _ = b.try_w(OPTKEYR, OPTKEY2);
            same!(b.r(CR), OPTLOCK);
            same!(program(b, FLASH, 1, 2), 0); // main flash is not concerned
            Ok(())
        }),
        g0("G16", "embassy, OpenOCD", "T", "a key while unlocked is a bus error, and locks until reset", |b| {
            unlock(b);
            holds!(b.try_w(KEYR, KEY1).is_err());
            same!(b.r(CR), LOCK | OPTLOCK);
            let _ = b.try_w(KEYR, KEY1);
            let _ = b.try_w(KEYR, KEY2);
            same!(b.r(CR), LOCK | OPTLOCK);
            Ok(())
        }),
        g0("G17", "ST forum 251705", "T", "OPTKEYR while LOCK is set is a bus error", |b| {
            holds!(b.try_w(OPTKEYR, OPTKEY1).is_err());
            unlock(b);
            let _ = b.try_w(OPTKEYR, OPTKEY1);
            let _ = b.try_w(OPTKEYR, OPTKEY2);
            same!(b.r(CR), OPTLOCK);
            Ok(())
        }),
        g0("G18", "RM0444 3.4.2", "M", "LOCK and OPTLOCK are set only; LOCK sets OPTLOCK", |b| {
            unlock_options(b);
            b.w(CR, OPTLOCK);
            same!(b.r(CR), OPTLOCK);
            b.w(CR, 0);
            same!(b.r(CR), OPTLOCK);
            unlock_options(b);
            same!(b.r(CR), 0);
            b.w(CR, LOCK);
            same!(b.r(CR), LOCK | OPTLOCK);
            Ok(())
        }),
        g0(
            "G19",
            "RM0490 4.7.5",
            "M*",
            "LOCK shuts CR, OBL_LAUNCH too; OPTLOCK shuts the option bits and registers",
            |b| {
                b.w(CR, MER1 | STRT | OBL_LAUNCH | OPTSTRT);
                same!((b.r(CR), b.r(SR), b.resets.len()), (LOCK | OPTLOCK, 0, 0));
                unlock(b);
                b.w(CR, OPTSTRT);
                b.w(CR, OBL_LAUNCH);
                same!((b.r(CR), b.r(SR), b.resets.len()), (OPTLOCK, 0, 0));
                unlock_options(b);
                b.w(CR, OPTLOCK | OBL_LAUNCH);
                same!((b.r(CR), b.resets.len()), (OPTLOCK, 0));
                for (register, value) in [(OPTR, 0xFFFF_FEBB), (WRP1AR, 0), (SECR, 5), (PCROP1ASR, 0)] {
                    let before = b.r(register);
                    b.w(register, value);
                    same!(b.r(register), before);
                }
                Ok(())
            },
        ),
        g0("G20", "RM0490 4.7.5", "M*", "OBL_LAUNCH is cleared by the load, not by software", |b| {
            unlock_options(b);
            b.w(CR, OBL_LAUNCH);
            same!(b.resets.clone(), vec![ResetCause::OptionBytes]);
            same!(b.r(CR), LOCK | OPTLOCK);
            Ok(())
        }),
        g0("G21", "RM0490 4.7.5", "M*", "SEC_PROT and PCROP_RDP are set only", |b| {
            unlock_options(b);
            b.w(CR, SEC_PROT);
            b.w(CR, 0);
            same!(b.r(CR), SEC_PROT);
            b.reset(ResetCause::Software);
            same!(b.r(CR) & SEC_PROT, 0);
            b.factory(|f| f.option(OPTIONS + 0x10, 1 << 31));
            unlock_options(b);
            b.w(PCROP1AER, 0);
            same!(b.r(PCROP1AER), 1 << 31);
            Ok(())
        }),
    ]
}
