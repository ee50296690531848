//! F0: option bytes, read and write protection, boot (F48 to F77, F81).

use crate::bench::Bench;
use crate::f0_registers::*;
use crate::{Rule, f0, holds, same};
use dryflash::bus::{BootSource, ResetCause, Width};
use dryflash::flash::Purpose;
use dryflash::time::Time;

/// Erases the option area.
pub fn erase_options(b: &mut Bench) -> u32 {
    unlock_options(b);
    b.w(CR, OPTWRE | OPTER);
    b.w(CR, OPTWRE | OPTER | STRT);
    finish(b)
}

/// Programs one option half-word.
pub fn program_option(b: &mut Bench, offset: u32, value: u32) -> u32 {
    unlock_options(b);
    b.w(CR, OPTWRE | OPTPG);
    b.half(OPTIONS + offset, value).expect("the bus takes it");
    finish(b)
}

/// A chip at `level` with a word in main flash.
fn at_level(b: &mut Bench, level: u8) {
    b.factory(|f| f.cells(FLASH, &[1, 2, 3, 4])?.rdp(level));
}

pub fn rules() -> Vec<Rule> {
    vec![
        f0("F48", "RM0091 4.1", "M", "byte and complement in each half-word, in the manual's order", |b| {
            b.factory(|f| {
                let f = f.option(OPTIONS + 2, 0xF1)?.option(OPTIONS + 4, 0x02)?.option(OPTIONS + 6, 0x03)?;
                f.option(OPTIONS + 8, 0xF4)?.option(OPTIONS + 10, 0xF5)
            });
            same!(b.load(OPTIONS), Ok(0x0EF1_55AA));
            same!(b.load(OPTIONS + 4), Ok(0xFC03_FD02));
            same!(b.load(OPTIONS + 8), Ok(0x0AF5_0BF4));
            same!((b.r(OBR), b.r(WRPR)), (0x0302_F900, 0xFFFF_F5F4));
            Ok(())
        }),
        f0("F49", "RM0091 4.1", "M", "the words as delivered", |b| {
            same!(b.load(OPTIONS), Ok(0x00FF_55AA));
            same!(b.load(OPTIONS + 4), Ok(0x00FF_00FF));
            same!(b.load(OPTIONS + 8), Ok(0x00FF_00FF));
            Ok(())
        }),
        f0("F50", "inferred", "I", "the F031's absent WRP1 can be written and protects nothing", |_| {
            let mut b = Bench::of("F031");
            same!(erase_options(&mut b), EOP);
            same!(program_option(&mut b, 0, 0xAA), EOP);
            same!(program_option(&mut b, 10, 0x00), EOP);
            b.power_cycle();
            same!((b.r(WRPR), b.r(OBR) & 7), (u32::MAX, 0));
            same!(b.load(OPTIONS + 8), Ok(0xFF00_FFFF));
            Ok(())
        }),
        f0("F51", "RM0091 3.2.2", "M", "hardware writes the complement; the high byte does not count", |b| {
            same!(erase_options(b), EOP);
            same!(program_option(b, 4, 0x3412), EOP);
            same!(b.load(OPTIONS + 4), Ok(0xFFFF_ED12));
            Ok(())
        }),
        f0("F52", "RM0091 3.2.2", "M", "an option byte that is not erased: skipped with WRPRTERR", |b| {
            let before = b.non_volatile();
            same!(program_option(b, 4, 0x12), WRPRTERR);
            same!(program_option(b, 4, 0x00), WRPRTERR);
            holds!(b.non_volatile() == before);
            Ok(())
        }),
        f0("F53", "RM0091 3.2.2", "M", "option erase takes the whole area, RDP with it", |b| {
            same!(erase_options(b), EOP);
            for i in 0..4 {
                same!(b.load(OPTIONS + 4 * i), Ok(u32::MAX));
            }
            Ok(())
        }),
        f0("F53", "RM0091 3.2.2", "M", "STRT falls and OPTER stays after an option erase", |b| {
            unlock_options(b);
            b.w(CR, OPTWRE | OPTER | STRT);
            same!(b.r(CR), OPTWRE | OPTER | STRT);
            b.wait();
            same!((b.r(CR), b.r(SR)), (OPTWRE | OPTER, EOP));
            Ok(())
        }),
        f0("F54", "RM0091 4", "M", "loaded at power-on and OBL_LAUNCH, not at a system reset", |b| {
            same!(erase_options(b), EOP);
            same!(program_option(b, 0, 0xAA), EOP);
            same!(program_option(b, 4, 0x12), EOP);
            let causes = [ResetCause::Software, ResetCause::Pin, ResetCause::Iwdg, ResetCause::Wwdg];
            for cause in causes.into_iter().chain([ResetCause::LowPower]) {
                b.reset(cause);
                same!(b.r(OBR), 0xFFFF_FF00);
            }
            let mut other = Bench::of("STM32F051K8");
            same!(other.chip.install(&b.non_volatile()), Ok(()));
            same!(other.r(OBR), 0xFF12_FF00);
            b.w(CR, OBL_LAUNCH);
            same!(b.r(OBR), 0xFF12_FF00);
            Ok(())
        }),
        f0("F54", "RM0091 4", "M", "power-on loads", |b| {
            same!(erase_options(b), EOP);
            same!(b.r(OBR) & 6, 0);
            b.chip.debugger_seen();
            b.reset(ResetCause::PowerOn);
            same!((b.r(OBR) & 7, b.chip.locked_out()), (0b010, false));
            Ok(())
        }),
        f0("F56", "RM0091 3.5.5", "M", "OBL_LAUNCH loads and resets the chip", |b| {
            same!(erase_options(b), EOP);
            same!(program_option(b, 6, 0x55), EOP);
            unlock(b);
            b.w(CR, OBL_LAUNCH);
            same!(b.resets.clone(), vec![ResetCause::OptionBytes]);
            same!((b.r(CR), b.r(OBR) >> 24), (LOCK, 0x55));
            Ok(())
        }),
        f0("F57", "RM0091 4", "M", "a wrong complement: OPTERR, and the byte counts as 0xFF", |b| {
            b.factory(|f| f.option_raw(OPTIONS + 8, &[0x00, 0x00])?.option_raw(OPTIONS + 4, &[0x12, 0x13]));
            same!((b.r(OBR), b.r(WRPR)), (0xFFFF_FF01, u32::MAX));
            b.factory(|f| f.option(OPTIONS + 4, 0x12)?.option_raw(OPTIONS + 8, &[0xFF, 0xFF]));
            same!((b.r(OBR), b.r(WRPR)), (0xFF12_FF00, u32::MAX));
            Ok(())
        }),
        f0("F58", "RM0091 3.3.3", "M", "the stored bytes are read, loaded or not, at levels 0 and 1", |b| {
            for level in [0, 1] {
                b.factory(|f| f.rdp(level));
                same!(b.load_as(OPTIONS + 3, Width::Byte, Purpose::Data), Ok(0));
                holds!(b.debugger().load(OPTIONS).is_ok());
                b.power_cycle();
            }
            same!(erase_options(b), EOP);
            same!(b.load(OPTIONS), Ok(u32::MAX));
            Ok(())
        }),
        f0("F59", "RM0091 4.1.1", "M", "USER: hardware watchdog, nBOOT1 and their fellows", |b| {
            holds!(!b.chip.boot_options().hardware_iwdg && b.chip.boot_options().nboot1);
            b.factory(|f| f.option(OPTIONS + 2, 0xFE));
            holds!(b.chip.boot_options().hardware_iwdg && b.chip.boot_options().nboot1);
            b.factory(|f| f.option(OPTIONS + 2, 0xEF));
            holds!(!b.chip.boot_options().hardware_iwdg && !b.chip.boot_options().nboot1);
            for (bit, name) in [(1, "nRST_STOP"), (2, "nRST_STDBY"), (5, "VDDA_MONITOR"), (6, "RAM_PARITY_CHECK")] {
                b.factory(|f| f.option(OPTIONS + 2, 0xFF & !(1 << bit)));
                let zero = b.chip.option_fields().into_iter().filter(|o| o.loaded == "0").map(|o| o.name);
                same!(zero.collect::<Vec<_>>(), vec![name, "OPTERR"]);
            }
            Ok(())
        }),
        f0("F60", "RM0091 3.3.1", "M", "AA/55 is level 0, CC/33 level 2, all else level 1", |b| {
            for (raw, level) in [
                ([0xAA, 0x55], 0),
                ([0xCC, 0x33], 2),
                ([0xFF, 0xFF], 1),
                ([0xAA, 0x54], 1),
                ([0xCC, 0xFF], 1),
                ([0xBB, 0x44], 1),
                ([0x00, 0xFF], 1),
            ] {
                b.factory(|f| f.option_raw(OPTIONS, &raw));
                same!(b.chip.rdp_level(), level);
            }
            Ok(())
        }),
        f0("F61", "RM0091 3.3.1", "M", "level 1, booted from flash, no debugger: everything is allowed", |b| {
            at_level(b, 1);
            same!(b.load(FLASH), Ok(0x0403_0201));
            same!(b.fetch(FLASH), Ok(0x0403_0201));
            same!(program(b, FLASH + 4, 5), EOP);
            same!(erase(b, FLASH), EOP);
            holds!(b.chip.plain(b.now) && !b.chip.locked_out());
            Ok(())
        }),
        f0("F62", "RM0091 3.3.1", "M", "level 1 with a debugger: reads are bus errors, writes PGERR", |b| {
            at_level(b, 1);
            let before = b.non_volatile();
            b.debugger();
            holds!(b.load(FLASH).is_err());
            same!(program(b, FLASH + 8, 5), PGERR);
            same!(erase(b, FLASH), PGERR);
            b.w(CR, MER | STRT);
            same!(finish(b), PGERR);
            holds!(b.non_volatile() == before);
            same!(b.load(OPTIONS + 4), Ok(0x00FF_00FF));
            b.core();
            holds!(b.fetch(FLASH).is_err() && b.load(FLASH).is_err() && !b.chip.plain(b.now));
            holds!(b.chip.locked_out());
            Ok(())
        }),
        f0("F62", "RM0091 3.3.1", "M", "level 1, booted from SRAM or system memory: locked out too", |b| {
            for source in [BootSource::Sram, BootSource::SystemMemory] {
                at_level(b, 1);
                b.chip.booted(source);
                holds!(b.load(FLASH).is_err() && !b.chip.plain(b.now));
                same!(program(b, FLASH + 8, 5), PGERR);
                b.chip.booted(BootSource::Flash);
                same!(b.load(FLASH), Ok(0x0403_0201));
                b.chip.booted(source);
                b.power_cycle();
                same!(b.load(FLASH), Ok(0x0403_0201));
            }
            at_level(b, 0);
            b.chip.booted(BootSource::Sram);
            same!(b.debugger().load(FLASH), Ok(0x0403_0201));
            Ok(())
        }),
        f0("F62", "RM0091 3.3.1", "M", "level 1 with a debugger: option bytes are erased and programmed", |b| {
            at_level(b, 1);
            b.debugger();
            same!(erase_options(b), EOP);
            same!(program_option(b, 4, 0x12), EOP);
            same!(b.load(OPTIONS + 4), Ok(0xFFFF_ED12));
            same!(b.peek_word(FLASH), 0x0403_0201);
            Ok(())
        }),
        f0("F63", "RM0091 3.3.1", "M", "a debugger once seen counts until power-on", |b| {
            at_level(b, 1);
            b.chip.debugger_seen();
            for cause in [ResetCause::Software, ResetCause::Pin, ResetCause::OptionBytes] {
                b.reset(cause);
                holds!(b.load(FLASH).is_err());
            }
            b.power_cycle();
            same!(b.load(FLASH), Ok(0x0403_0201));
            Ok(())
        }),
        f0("F65", "RM0091 3.3.1", "M", "levels are raised by programming RDP", |b| {
            for (value, level) in [(0xBB, 1), (0x00, 1), (0xCC, 2)] {
                b.factory(|f| f.cells(FLASH, &[1, 2, 3, 4])?.rdp(0));
                same!(erase_options(b), EOP);
                same!(program_option(b, 0, value), EOP);
                b.power_cycle();
                same!((b.chip.rdp_level(), b.peek_word(FLASH)), (level, 0x0403_0201));
            }
            b.factory(|f| f.rdp(1));
            same!(erase_options(b), EOP);
            same!(program_option(b, 0, 0xCC), EOP);
            b.power_cycle();
            same!(b.chip.rdp_level(), 2);
            Ok(())
        }),
        f0("F66", "RM0091 3.3.1", "M", "level 1 to 0: AA erases main flash and the backup registers", |b| {
            at_level(b, 1);
            b.debugger();
            same!(erase_options(b), EOP);
            same!(b.peek_word(FLASH), 0x0403_0201);
            unlock_options(b);
            b.w(CR, OPTWRE | OPTPG);
            let from = b.now.time;
            b.half(OPTIONS, 0xAA).unwrap();
            same!(b.chip.busy_until(), Some(from + Time::from_nanos(30_053_500)));
            holds!(b.backup_reset);
            same!(finish(b), EOP);
            holds!(b.chip.cells().is_blank(b.chip.cells().range()));
            same!(b.chip.rdp_level(), 1);
            b.w(CR, OBL_LAUNCH);
            same!((b.chip.rdp_level(), b.load(FLASH)), (0, Ok(u32::MAX)));
            Ok(())
        }),
        f0("F67", "F0-HAL", "I", "the loaded level decides: erasing options and AA at level 0 keep flash", |b| {
            at_level(b, 0);
            same!(erase_options(b), EOP);
            same!(program_option(b, 0, 0xAA), EOP);
            same!((b.peek_word(FLASH), b.backup_reset), (0x0403_0201, false));
            Ok(())
        }),
        f0("F68", "RM0091 3.3.2", "I", "the erase of level 1 to 0 goes over WRP", |b| {
            b.factory(|f| f.cells(FLASH, &[1, 2, 3, 4])?.rdp(1)?.wrp(0, 3));
            same!(erase_options(b), EOP);
            same!(b.r(WRPR), 0xFFFF_FFFE);
            same!(program_option(b, 0, 0xAA), EOP);
            same!(b.peek_word(FLASH), u32::MAX);
            same!(b.r(WRPR), 0xFFFF_FFFE);
            Ok(())
        }),
        f0("F69", "RM0091 3.3.1", "M", "a plain mass erase leaves the backup registers", |b| {
            unlock(b);
            b.w(CR, MER | STRT);
            same!((finish(b), b.backup_reset), (EOP, false));
            Ok(())
        }),
        f0("F70", "RM0091 3.3.1", "M", "level 2: no debug port, RDP refused, no option erase, no other boot", |b| {
            at_level(b, 2);
            holds!(!b.chip.debug_open() && b.chip.boot_options().boot_lock);
            unlock(b);
            b.w(CR, PG);
            b.debugger();
            holds!(b.half(FLASH + 8, 0).is_err());
            same!((b.core().r(SR), b.peek_word(FLASH + 8)), (0, u32::MAX));
            b.w(CR, LOCK);
            b.debugger();
            holds!(b.load(FLASH).is_err() && b.load(OPTIONS).is_err());
            holds!(b.load(0x4002_2010).is_err() && b.try_w(KEYR, KEY1).is_err() && b.half(FLASH, 0).is_err());
            b.core();
            same!(b.load(FLASH), Ok(0x0403_0201));
            let before = b.non_volatile();
            same!(erase_options(b), WRPRTERR);
            same!(program_option(b, 0, 0xAA), WRPRTERR);
            holds!(b.non_volatile() == before);
            Ok(())
        }),
        f0("F70", "RM0091 3.3.1", "M", "level 2: user code erases, programs flash and option bytes", |b| {
            b.factory(|f| f.rdp(2)?.option_raw(OPTIONS + 4, &[0xFF, 0xFF]));
            same!(program(b, FLASH, 7), EOP);
            same!(erase(b, FLASH), EOP);
            same!(program_option(b, 4, 0x12), EOP);
            b.factory(|f| f.option_raw(OPTIONS, &[0xCC, 0x33]));
            same!(b.chip.rdp_level(), 2);
            Ok(())
        }),
        f0("F71", "RM0091 3.3.1", "M", "system memory is not programmed through the flash interface", |b| {
            unlock(b);
            b.w(CR, PG);
            holds!(b.half(0x1FFF_EC00, 0).is_err());
            b.w(CR, PER);
            b.w(AR, 0x1FFF_EC00);
            b.w(CR, PER | STRT);
            same!((b.r(SR), b.chip.is_busy(b.now)), (0, false));
            Ok(())
        }),
        f0("F73", "RM0091 4.1.3", "M", "a 0 in WRP bit n protects the four pages of sector n", |b| {
            b.factory(|f| f.option(OPTIONS + 8, 0xFB)?.option(OPTIONS + 10, 0x7F));
            let held: Vec<u32> = (0..64).filter(|p| b.chip.protected(*p)).collect();
            same!(held, vec![8, 9, 10, 11, 60, 61, 62, 63]);
            same!(erase(b, FLASH + 0x2C00), WRPRTERR);
            same!(erase(b, FLASH + 0x3000), EOP);
            let mut small = Bench::of("F031");
            small.factory(|f| f.option(OPTIONS + 8, 0x7F));
            let held: Vec<u32> = (0..32).filter(|p| small.chip.protected(*p)).collect();
            same!(held, vec![28, 29, 30, 31]);
            Ok(())
        }),
        f0("F74", "RM0091 3.3.2", "M", "write protection works after a load, not before", |b| {
            same!(erase_options(b), EOP);
            same!(program_option(b, 0, 0xAA), EOP);
            same!(program_option(b, 8, 0xFE), EOP);
            same!(program(b, FLASH, 1), EOP);
            b.w(CR, OBL_LAUNCH);
            same!(program(b, FLASH + 2, 1), WRPRTERR);
            Ok(())
        }),
        f0("F75", "RM0091 3.3.2", "M", "protection goes with an option erase and a load", |b| {
            b.factory(|f| f.wrp(0, 63));
            same!(erase(b, FLASH), WRPRTERR);
            same!(erase_options(b), EOP);
            same!(program_option(b, 0, 0xAA), EOP);
            b.w(CR, OBL_LAUNCH);
            same!((erase(b, FLASH), b.chip.rdp_level()), (EOP, 0));
            Ok(())
        }),
        f0("F76", "RM0091 2.5", "M", "the BOOT0 pin decides, and nBOOT1 between system memory and SRAM", |b| {
            let o = b.chip.boot_options();
            same!((o.boot0, o.nboot1, o.boot_lock), (None, true, false));
            Ok(())
        }),
        f0("F77", "RM0091 2.5", "M", "no empty check", |b| {
            holds!(!b.chip.boot_options().empty && b.chip.cells().is_blank(b.chip.cells().range()));
            Ok(())
        }),
        f0("F81", "RM0091 3", "M", "none of the G0's extras", |b| {
            holds!(b.load(0x1FFF_7000).is_err());
            same!(b.chip.ranges().len(), 2);
            same!((b.r(0x24), b.r(0x80), b.chip.cells().flawed(), b.chip.nmi()), (0, 0, 0, false));
            Ok(())
        }),
    ]
}
