//! Bad sequences: each ends in the flag or fault that the manual names, and changes nothing else.

use crate::bench::{Bench, Check};
use crate::{Rule, f0, g0, same};
use crate::{f0_registers as f, g0_registers as g};
use dryflash::bus::Width;

/// A chip with data and a protected first sector, unlocked, ready to program.
fn f0_ready(b: &mut Bench) {
    b.factory(|x| x.cells(f::FLASH, &[0x78, 0x56])?.cells(f::FLASH + 0x2000, &[0x78, 0x56])?.wrp(0, 3));
    f::unlock(b);
    b.w(f::CR, f::PG);
}

fn g0_ready(b: &mut Bench) {
    b.factory(|x| x.cells(g::FLASH, &[1; 8])?.cells(g::FLASH + 0x2000, &[1; 8])?.wrp(0, 0));
    g::unlock(b);
    b.w(g::CR, g::PG);
}

/// Runs `act`; then SR and CR read as wanted, a fault came or not, and nothing that outlives power changed.
fn refused(
    b: &mut Bench,
    registers: (u32, u32),
    act: impl FnOnce(&mut Bench) -> bool,
    fault: bool,
    sr: u32,
    cr: u32,
) -> Check {
    let before = b.non_volatile();
    let loaded = b.chip.option_fields();
    same!(act(b), fault);
    same!((b.r(registers.0), b.r(registers.1)), (sr, cr));
    if b.non_volatile() != before || b.chip.option_fields() != loaded || b.chip.busy_until().is_some() {
        return Err("something else changed".to_owned());
    }
    Ok(())
}

fn f0_refused(b: &mut Bench, act: impl FnOnce(&mut Bench) -> bool, fault: bool, sr: u32, cr: u32) -> Check {
    refused(b, (f::SR, f::CR), act, fault, sr, cr)
}

fn g0_refused(b: &mut Bench, act: impl FnOnce(&mut Bench) -> bool, fault: bool, sr: u32, cr: u32) -> Check {
    refused(b, (g::SR, g::CR), act, fault, sr, cr)
}

pub fn rules() -> Vec<Rule> {
    vec![
        f0("F17", "refusals", "M", "a wrong key", |b| {
            f0_refused(b, |b| b.try_w(f::KEYR, 1).is_err(), true, 0, f::LOCK)
        }),
        f0("F17", "refusals", "M", "the first key twice", |b| {
            b.w(f::KEYR, f::KEY1);
            f0_refused(b, |b| b.try_w(f::KEYR, f::KEY1).is_err(), true, 0, f::LOCK)
        }),
        f0("F39", "refusals", "M", "a byte, a word, an unaligned half-word", |b| {
            f0_ready(b);
            for (at, width) in [(0x2010, Width::Byte), (0x2010, Width::Word), (0x2011, Width::Half)] {
                f0_refused(b, |b| b.store_as(f::FLASH + at, width, 0).is_err(), true, 0, f::PG)?;
            }
            Ok(())
        }),
        f0("F40", "refusals", "M", "0x1234 over 0x5678", |b| {
            f0_ready(b);
            f0_refused(b, |b| b.half(f::FLASH + 0x2000, 0x1234).is_err(), false, f::PGERR, f::PG)
        }),
        f0("F42", "refusals", "M", "over a protected page", |b| {
            f0_ready(b);
            f0_refused(b, |b| b.half(f::FLASH + 0x10, 0x1234).is_err(), false, f::WRPRTERR, f::PG)
        }),
        f0("F26", "refusals", "M", "an erase asked for while busy", |b| {
            f0_ready(b);
            b.half(f::FLASH + 0x2010, 1).unwrap();
            b.w(f::CR, f::MER | f::STRT);
            b.wait();
            same!((b.r(f::SR), b.r(f::CR)), (f::EOP, f::PG));
            same!((b.peek_word(f::FLASH), b.peek_word(f::FLASH + 0x2010)), (0xFFFF_5678, 0xFFFF_0001));
            Ok(())
        }),
        f0("F21", "refusals", "U", "option bytes with OPTWRE not set", |b| {
            b.factory(|x| x.option_raw(f::OPTIONS + 4, &[0xFF, 0xFF]));
            f::unlock(b);
            b.w(f::CR, f::OPTPG);
            f0_refused(b, |b| b.half(f::OPTIONS + 4, 0x12).is_err(), false, f::WRPRTERR, f::OPTPG)?;
            b.w(f::SR, f::WRPRTERR);
            b.w(f::CR, f::OPTER);
            f0_refused(b, |b| b.try_w(f::CR, f::OPTER | f::STRT).is_err(), false, f::WRPRTERR, f::OPTER)
        }),
        f0("F52", "refusals", "M", "an option byte that is not erased", |b| {
            f::unlock_options(b);
            let cr = f::OPTWRE | f::OPTPG;
            b.w(f::CR, cr);
            f0_refused(b, |b| b.half(f::OPTIONS, 0xBB).is_err(), false, f::WRPRTERR, cr)
        }),
        f0("F51", "refusals", "M", "an option byte with OPTPG not set, or CR locked", |b| {
            b.factory(|x| x.option_raw(f::OPTIONS + 4, &[0xFF, 0xFF]));
            f::unlock_options(b);
            b.w(f::CR, f::OPTWRE | f::PG);
            f0_refused(b, |b| b.half(f::OPTIONS + 4, 0).is_err(), false, f::WRPRTERR, f::OPTWRE | f::PG)?;
            b.w(f::SR, f::WRPRTERR);
            let cr = f::OPTWRE | f::OPTPG | f::LOCK;
            b.w(f::CR, cr);
            f0_refused(b, |b| b.half(f::OPTIONS + 4, 0).is_err(), false, f::WRPRTERR, cr)
        }),
        g0("G14", "refusals", "M*", "a wrong key", |b| {
            g0_refused(b, |b| b.try_w(g::KEYR, 1).is_err(), true, 0, g::LOCK | g::OPTLOCK)
        }),
        g0("G14", "refusals", "M*", "the first key twice", |b| {
            b.w(g::KEYR, g::KEY1);
            g0_refused(b, |b| b.try_w(g::KEYR, g::KEY1).is_err(), true, 0, g::LOCK | g::OPTLOCK)
        }),
        g0("G42", "refusals", "M*", "a byte or half-word", |b| {
            g0_ready(b);
            for width in [Width::Byte, Width::Half] {
                let at = g::FLASH + 0x2010;
                let half = |b: &mut Bench| b.store_as(at, width, 0).is_err();
                g0_refused(b, half, false, g::SIZERR | g::CFGBSY, g::PG | g::OPTLOCK)?;
                let second = |b: &mut Bench| b.word(at + 4, 0).is_err();
                g0_refused(b, second, false, g::SIZERR, g::PG | g::OPTLOCK)?;
                b.w(g::SR, g::SIZERR);
            }
            Ok(())
        }),
        g0("G43", "refusals", "M*", "an unaligned word", |b| {
            g0_ready(b);
            let first = |b: &mut Bench| b.word(g::FLASH + 0x2014, 0).is_err();
            g0_refused(b, first, false, g::PGAERR | g::CFGBSY, g::PG | g::OPTLOCK)?;
            let second = |b: &mut Bench| b.word(g::FLASH + 0x2018, 0).is_err();
            g0_refused(b, second, false, g::PGAERR, g::PG | g::OPTLOCK)
        }),
        g0("G44", "refusals", "M*", "over a double word that is not erased", |b| {
            g0_ready(b);
            let act = |b: &mut Bench| [0x2000, 0x2004].into_iter().any(|a| b.word(g::FLASH + a, 0x1234).is_err());
            g0_refused(b, act, false, g::PROGERR, g::PG | g::OPTLOCK)
        }),
        g0("G49", "refusals", "M*", "over a protected page", |b| {
            g0_ready(b);
            let act = |b: &mut Bench| [0x10, 0x14].into_iter().any(|a| b.word(g::FLASH + a, 0x1234).is_err());
            g0_refused(b, act, false, g::WRPERR, g::PG | g::OPTLOCK)
        }),
        g0("G17", "refusals", "T", "option keys while locked", |b| {
            g0_refused(b, |b| b.try_w(g::OPTKEYR, g::OPTKEY1).is_err(), true, 0, g::LOCK | g::OPTLOCK)
        }),
        g0("G19", "refusals", "M*", "OPTSTRT with OPTLOCK set", |b| {
            g::unlock(b);
            g0_refused(b, |b| b.try_w(g::CR, g::OPTSTRT).is_err(), false, 0, g::OPTLOCK)
        }),
    ]
}
