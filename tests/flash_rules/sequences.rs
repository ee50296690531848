//! What the flashing programs do, write by write (the order of their accesses, as seen on the wire).

use crate::bench::{Bench, Check};
use crate::{Rule, f0, g0, holds, same};
use crate::{f0_registers as f, g0_registers as g};
use dryflash::bus::ResetCause;

/// st-flash's page erase on an F0; ends locked, as it does.
fn st_flash_erase_f0(b: &mut Bench, page: u32) -> Check {
    b.debugger();
    b.r(f::SR);
    b.w(f::SR, f::PGERR | f::WRPRTERR);
    b.w(f::KEYR, f::KEY1);
    b.w(f::KEYR, f::KEY2);
    let cr = b.r(f::CR);
    b.w(f::CR, cr & !f::PG);
    let cr = b.r(f::CR);
    b.w(f::CR, cr | f::PER);
    b.w(f::AR, page);
    let cr = b.r(f::CR);
    b.w(f::CR, cr | f::STRT);
    while b.r(f::SR) & f::BSY != 0 {
        b.pass(dryflash::time::Time::from_micros(1000));
    }
    let cr = b.r(f::CR);
    b.w(f::CR, cr & !f::PER);
    let cr = b.r(f::CR);
    b.w(f::CR, cr | f::LOCK);
    Ok(())
}

/// Its loader's half-words, which run on the core.
fn st_flash_loader_f0(b: &mut Bench, address: u32, data: &[u16]) -> Check {
    b.w(f::KEYR, f::KEY1);
    b.w(f::KEYR, f::KEY2);
    b.core();
    for (i, value) in (0..).zip(data) {
        b.w(f::CR, f::PG);
        b.half(address + 2 * i, u32::from(*value)).map_err(|e| e.to_string())?;
        while b.r(f::SR) & f::BSY != 0 {
            b.pass(dryflash::time::Time::from_micros(10));
        }
        same!(b.r(f::SR) & 0x14, 0);
    }
    b.debugger();
    b.w(f::CR, f::LOCK);
    Ok(())
}

/// OpenOCD's steps of CR on a G0, a fault ending them.
fn openocd_g0(b: &mut Bench, page: u32) -> Check {
    b.w(g::CR, g::PER | page << 3 | g::STRT);
    b.wait();
    same!(b.r(g::SR) & 0x3FA, 0);
    Ok(())
}

pub fn rules() -> Vec<Rule> {
    vec![
        f0("F30", "st-flash", "T", "st-flash erases and writes pages of an F0", |b| {
            let data: Vec<u16> = (0..512).collect();
            for page in [f::FLASH, f::FLASH + 0x400] {
                st_flash_erase_f0(b, page)?;
                st_flash_loader_f0(b, page, &data)?;
                same!((b.load(page), b.load(page + 0x3FC)), (Ok(0x0001_0000), Ok(0x01FF_01FE)));
            }
            Ok(())
        }),
        f0("F36", "st-flash", "U", "st-flash's mass erase leaves MER set; three files after it come out whole", |b| {
            b.factory(|x| x.cells(f::FLASH, &[0; 0x1_0000]));
            b.debugger();
            f::unlock(b);
            b.w(f::CR, f::MER);
            b.w(f::CR, f::MER | f::STRT);
            b.wait();
            b.w(f::CR, f::MER | f::LOCK);
            b.w(f::CR, f::LOCK); // MER cleared too late: CR is locked
            same!(b.r(f::CR), f::MER | f::LOCK);
            holds!(b.chip.cells().is_blank(b.chip.cells().range()));
            // A file's pages are all erased before the first is written: each of these erases takes all of flash, which
            // is blank. The loader writes CR = PG, which drops MER.
            for file in [[0u32, 0x400], [0x800, 0xC00], [0x7800, 0x7C00]] {
                for page in file {
                    st_flash_erase_f0(b, f::FLASH + page)?;
                }
                for page in file {
                    st_flash_loader_f0(b, f::FLASH + page, &[0x1234])?;
                }
            }
            let words = [0u32, 0x400, 0x800, 0xC00, 0x7800, 0x7C00].map(|a| b.peek_word(f::FLASH + a));
            same!(words, [0xFFFF_1234; 6]);
            same!(b.choices.clone(), vec!["F36"; 2]);
            Ok(())
        }),
        f0("F53", "OpenOCD", "T", "OpenOCD unlocks an F0: options erased, all eight written, OBL_LAUNCH", |b| {
            b.factory(|x| x.cells(f::FLASH, &[1, 2, 3, 4])?.rdp(1)?.wrp(0, 3));
            b.debugger();
            f::unlock(b);
            b.w(f::OPTKEYR, f::KEY1);
            b.w(f::OPTKEYR, f::KEY2);
            b.w(f::CR, f::OPTER | f::OPTWRE);
            b.w(f::CR, f::OPTER | f::OPTWRE | f::STRT);
            b.wait();
            b.w(f::CR, f::OPTPG | f::OPTWRE);
            for (i, value) in (0..).zip([0xAA, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]) {
                b.half(f::OPTIONS + 2 * i, value).map_err(|e| e.to_string())?;
                b.wait();
                same!(b.r(f::SR) & 0x14, 0);
            }
            b.w(f::CR, f::LOCK);
            f::unlock(b);
            b.w(f::CR, f::OBL_LAUNCH);
            same!((b.chip.rdp_level(), b.load(f::FLASH), b.r(f::OBR) & 1), (0, Ok(u32::MAX), 0));
            Ok(())
        }),
        f0("F31", "OpenOCD", "T", "OpenOCD's mass erase and page erase of an F0", |b| {
            b.debugger();
            f::unlock(b);
            b.w(f::CR, f::MER);
            b.w(f::CR, f::MER | f::STRT);
            b.wait();
            b.w(f::CR, f::LOCK);
            f::unlock(b);
            b.w(f::CR, 2);
            b.w(f::AR, f::FLASH + 0x400);
            b.w(f::CR, 0x42);
            b.wait();
            b.w(f::CR, 0x80);
            same!((b.chip.cells().wear(0), b.chip.cells().wear(1), b.r(f::CR)), (1, 2, f::LOCK));
            Ok(())
        }),
        f0("F18", "BMP", "T", "Black Magic's mass erase sends the keys twice", |b| {
            b.debugger();
            f::unlock(b);
            f::unlock(b);
            same!(b.r(f::CR) & f::LOCK, 0);
            b.w(f::CR, f::MER);
            b.w(f::CR, f::STRT | f::MER);
            b.wait();
            same!((b.r(f::SR), b.chip.cells().wear(5)), (f::EOP, 1));
            Ok(())
        }),
        g0("G30", "st-flash", "T", "st-flash erases a page of a G0 and writes it word by word", |b| {
            b.debugger();
            b.w(g::SR, 0x3FA);
            g::unlock(b);
            let cr = b.r(g::CR);
            b.w(g::CR, (cr & !0x1FF8) | g::PER | 3 << 3);
            let cr = b.r(g::CR);
            b.w(g::CR, cr | g::STRT);
            while b.r(g::SR) & g::BSY1 != 0 {
                b.pass(dryflash::time::Time::from_micros(500));
            }
            let cr = b.r(g::CR);
            b.w(g::CR, (cr & !g::PER) | g::PG);
            // An odd number of words: it adds one of zeros.
            for (i, value) in (0..).zip([1, 2, 3, 4, 5, 0]) {
                b.word(g::FLASH + 0x1800 + 4 * i, value).map_err(|e| e.to_string())?;
                let sr = b.r(g::SR);
                same!(sr & 0x3FA, 0);
            }
            b.wait();
            b.w(g::CR, g::LOCK);
            same!((b.load(g::FLASH + 0x1810), b.load(g::FLASH + 0x1814)), (Ok(5), Ok(0)));
            same!(b.r(g::CR), g::LOCK | g::OPTLOCK);
            Ok(())
        }),
        g0("G73", "st-flash", "T", "st-flash writes a G0's OPTR, and goes on after OBL_LAUNCH", |b| {
            b.debugger();
            g::unlock(b);
            b.w(g::OPTKEYR, g::OPTKEY1);
            b.w(g::OPTKEYR, g::OPTKEY2);
            b.w(g::SR, 0x3FA);
            b.w(g::OPTR, 0xDFFF_E1AA);
            let cr = b.r(g::CR);
            b.w(g::CR, cr | g::OPTSTRT);
            while b.r(g::SR) & g::BSY1 != 0 {
                b.pass(dryflash::time::Time::from_micros(500));
            }
            let cr = b.r(g::CR);
            b.w(g::CR, cr | g::OBL_LAUNCH);
            same!(b.resets.clone(), vec![ResetCause::OptionBytes]);
            let cr = b.r(g::CR);
            b.w(g::CR, cr | g::LOCK | g::OPTLOCK);
            same!((b.r(g::OPTR), b.r(g::CR), b.r(g::SR)), (0xDFFF_E1AA, g::LOCK | g::OPTLOCK, 0));
            Ok(())
        }),
        g0("G30", "OpenOCD", "T", "OpenOCD erases a G0's pages in one store each and locks", |b| {
            b.factory(|x| x.cells(g::FLASH, &[0; 0x1000]));
            b.debugger();
            g::unlock(b);
            openocd_g0(b, 0)?;
            openocd_g0(b, 1)?;
            b.w(g::CR, 0x8000_0000);
            same!(b.r(g::CR), g::LOCK | g::OPTLOCK);
            holds!(b.chip.cells().is_blank(g::FLASH..g::FLASH + 0x1000));
            Ok(())
        }),
        g0("G28", "BMP", "T", "Black Magic streams a buffer with PG set once", |b| {
            b.debugger();
            g::unlock(b);
            b.w(g::CR, g::PG);
            for i in 0..64 {
                b.word(g::FLASH + 4 * i, i * 3).map_err(|e| e.to_string())?;
            }
            b.wait();
            same!(b.r(g::SR), 0);
            same!((b.peek_word(g::FLASH + 4), b.peek_word(g::FLASH + 252)), (3, 189));
            b.store_as(0x4002_2014, dryflash::bus::Width::Half, 0).map_err(|e| e.to_string())?;
            b.w(g::ACR, 0x4_0600); // it clears EMPTY after page 0
            holds!(!b.chip.boot_options().empty);
            Ok(())
        }),
        g0("G95", "BMP", "T", "a virgin chip programmed and only reset still counts as empty", |b| {
            same!(g::program(b, g::FLASH, 0x2000_2000, 0x0800_00C1), 0);
            b.reset(ResetCause::Pin);
            holds!(b.chip.boot_options().empty);
            b.power_cycle();
            holds!(!b.chip.boot_options().empty);
            Ok(())
        }),
    ]
}
