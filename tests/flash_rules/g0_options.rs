//! G0: option bytes, levels, boot (G68 to G87, G94 to G97).

use crate::bench::Bench;
use crate::g0_registers::*;
use crate::{Rule, g0, holds, same};
use dryflash::bus::{BootSource, ResetCause};
use dryflash::time::Time;

/// Writes option registers and starts the change; the flags of SR.
pub fn change(b: &mut Bench, registers: &[(u32, u32)]) -> u32 {
    unlock_options(b);
    for (register, value) in registers {
        b.w(*register, *value);
    }
    b.w(CR, OPTSTRT);
    b.wait();
    let flags = b.r(SR);
    b.w(SR, flags);
    flags
}

/// Loads the option bytes by OBL_LAUNCH.
pub fn launch(b: &mut Bench) {
    unlock_options(b);
    b.w(CR, OBL_LAUNCH);
}

/// OPTR as delivered, with this RDP byte.
pub fn optr(rdp: u32) -> u32 {
    0xFFFF_FE00 | rdp
}

pub fn rules() -> Vec<Rule> {
    let mut rules = bytes();
    rules.extend(levels());
    rules.extend(boot());
    rules
}

fn bytes() -> Vec<Rule> {
    vec![
        g0("G68", "RM0490 4.4", "M*", "each register's word and its inverse in the manual's places", |b| {
            let edits = [
                (OPTR, 0xFFFE_FEAA),
                (PCROP1ASR, 0x80),
                (PCROP1AER, 0x02),
                (WRP1AR, 0x0003_0004),
                (WRP1BR, 0x0005_0006),
                (PCROP1BSR, 0x81),
                (PCROP1BER, 0x07),
                (SECR, 0x08),
            ];
            same!(change(b, &edits), 0);
            for ((_, value), place) in edits.into_iter().zip([0, 8, 0x10, 0x18, 0x20, 0x28, 0x30, 0x70]) {
                same!((b.load(OPTIONS + place), b.load(OPTIONS + place + 4)), (Ok(value), Ok(!value)));
            }
            same!(b.load(OPTIONS + 0x38), Ok(u32::MAX));
            launch(b);
            for (register, value) in edits {
                same!(b.r(register), value);
            }
            Ok(())
        }),
        g0("G69", "CMSIS", "D", "OPTR's fields by name", |b| {
            let fields = [
                ("BOR_EN", 8, 1),
                ("BORR_LEV", 9, 3),
                ("BORF_LEV", 11, 3),
                ("nRST_STOP", 13, 1),
                ("nRST_STDBY", 14, 1),
                ("nRST_SHDW", 15, 1),
                ("IWDG_SW", 16, 1),
                ("IWDG_STOP", 17, 1),
                ("IWDG_STDBY", 18, 1),
                ("WWDG_SW", 19, 1),
                ("RAM_PARITY_CHECK", 22, 1),
                ("nBOOT_SEL", 24, 1),
                ("nBOOT1", 25, 1),
                ("nBOOT0", 26, 1),
                ("NRST_MODE", 27, 3),
                ("IRHEN", 29, 1),
            ];
            for (name, shift, mask) in fields {
                b.factory(|f| f.option(OPTIONS, 0xAA | mask << shift));
                let set = b.chip.option_fields().into_iter().take(17).filter(|o| o.loaded == mask.to_string());
                same!(set.map(|o| o.name).collect::<Vec<_>>(), vec![name]);
            }
            Ok(())
        }),
        g0("G71", "BMP, ST forum", "T", "OPTR as delivered is 0xFFFFFEAA", |b| {
            same!((b.r(OPTR), b.load(OPTIONS)), (0xFFFF_FEAA, Ok(0xFFFF_FEAA)));
            same!(Bench::of("G031").r(OPTR), 0xFFFF_FEAA);
            Ok(())
        }),
        g0("G72", "CMSIS", "I", "as delivered nothing is protected; widths by part", |b| {
            same!((b.r(PCROP1ASR), b.r(PCROP1AER), b.r(WRP1AR), b.r(SECR)), (0xFF, 0, 0x3F, 0));
            holds!((0..64).all(|p| !b.chip.protected(p)) && b.chip.plain(b.now));
            let mut small = Bench::of("G031");
            same!((small.r(PCROP1ASR), small.r(PCROP1BER), small.r(WRP1BR), small.r(SECR)), (0x7F, 0, 0x1F, 0));
            unlock_options(&mut small);
            for register in [PCROP1ASR, PCROP1AER, WRP1AR, SECR] {
                small.w(register, u32::MAX);
            }
            same!((small.r(PCROP1ASR), small.r(PCROP1AER)), (0x7F, 0x8000_007F));
            same!((small.r(WRP1AR), small.r(SECR)), (0x001F_001F, 0x0001_003F));
            Ok(())
        }),
        g0("G73", "RM0444 3.4.2", "M", "OPTSTRT erases and writes the option bytes, with BSY1 and CFGBSY", |b| {
            unlock_options(b);
            b.w(OPTR, 0xFFFE_FEAA);
            b.w(CR, OPTSTRT);
            same!((b.r(SR), b.r(CR)), (BSY1 | CFGBSY, OPTSTRT));
            b.wait();
            same!((b.r(SR), b.r(CR), b.load(OPTIONS)), (0, 0, Ok(0xFFFE_FEAA)));
            Ok(())
        }),
        g0("G74", "RM0444 3.4.2", "M", "an edit reads back until OPTSTRT, then the loaded value until a load", |b| {
            unlock_options(b);
            b.w(WRP1AR, 0);
            same!((b.r(WRP1AR), b.chip.protected(0)), (0, false));
            b.w(CR, OPTSTRT);
            b.wait();
            same!((b.r(WRP1AR), b.chip.protected(0)), (0x3F, false));
            same!(erase(b, 0), 0);
            launch(b);
            same!((b.r(WRP1AR), b.chip.protected(0), b.chip.protected(1)), (0, true, false));
            Ok(())
        }),
        g0(
            "G74",
            "RM0444 3.4.2",
            "I",
            "what was programmed is programmed again by a further OPTSTRT before a load",
            |b| {
                unlock_options(b);
                b.w(WRP1AR, 0);
                b.w(CR, OPTSTRT);
                b.wait();
                b.w(WRP1BR, 0x0002_0002);
                same!((b.r(WRP1AR), b.r(WRP1BR)), (0x3F, 0x0002_0002));
                b.w(CR, OPTSTRT);
                b.wait();
                launch(b);
                same!([0, 1, 2].map(|page| b.chip.protected(page)), [true, false, true]);
                Ok(())
            },
        ),
        g0("G75", "RM0490 4.4.2", "M*", "loaded at OBL_LAUNCH and power-on; a system reset loses edits", |b| {
            unlock_options(b);
            b.w(WRP1AR, 0);
            b.reset(ResetCause::Software);
            same!(b.r(WRP1AR), 0x3F);
            same!(change(b, &[(WRP1AR, 0)]), 0);
            for cause in [ResetCause::Software, ResetCause::Pin, ResetCause::Iwdg, ResetCause::Wwdg] {
                b.reset(cause);
                same!(b.r(WRP1AR), 0x3F);
            }
            b.reset(ResetCause::PowerOn);
            same!(b.r(WRP1AR), 0);
            same!(change(b, &[(WRP1AR, 0x0001_0000)]), 0);
            b.power_cycle();
            same!(b.r(WRP1AR), 0x0001_0000);
            Ok(())
        }),
        g0("G76", "RM0490 4.4.2", "M*", "OBL_LAUNCH resets the chip, by the debugger too", |b| {
            b.debugger();
            same!(change(b, &[(OPTR, 0xFFFE_FEAA)]), 0);
            launch(b);
            same!(b.resets.clone(), vec![ResetCause::OptionBytes]);
            same!((b.r(OPTR), b.r(CR)), (0xFFFE_FEAA, LOCK | OPTLOCK));
            Ok(())
        }),
        g0("G77", "RM0490 4.4.2", "M*", "a mismatch: OPTVERR and the strictest values, after each reset", |b| {
            b.factory(|f| f.cells(FLASH, &[1; 8])?.option_raw(OPTIONS, &[0xFF; 128]));
            same!((b.r(SR), b.chip.rdp_level(), b.r(OPTR)), (OPTVERR, 1, 0xFFFF_FEFF));
            holds!((0..64).all(|p| b.chip.protected(p)));
            same!((b.r(WRP1AR), b.r(WRP1BR), b.r(SECR)), (0x3F, 0x3F, 1 << 16));
            holds!(b.chip.boot_options().boot_lock && b.chip.debug_open());
            b.w(SR, OPTVERR);
            same!(b.r(SR), 0);
            b.reset(ResetCause::Software);
            same!(b.r(SR), OPTVERR);
            b.factory(|f| f.option(OPTIONS, 0xFFFF_FEAA)?.option_raw(OPTIONS + 0x18, &[1, 0, 2, 0, 0, 0, 0, 0]));
            same!((b.r(SR), b.r(WRP1AR)), (OPTVERR, 0x3F));
            b.factory(|f| f.option(OPTIONS + 0x18, 0x3F));
            same!(b.r(SR), OPTVERR); // the others are still wrong
            for wrong in [0x08, 0x10, 0x28, 0x30] {
                let mut other = Bench::of("G071");
                other.factory(|f| f.option_raw(OPTIONS + wrong, &[3, 0, 0, 0, 0, 0, 0, 0]));
                same!(((0..64).all(|p| other.chip.protected(p)), other.r(SR)), (true, OPTVERR));
            }
            Ok(())
        }),
        g0("G77", "RM0490 4.4.2", "M*", "the way out of a mismatch: write all, back to level 0", |b| {
            b.factory(|f| f.cells(FLASH, &[1; 8])?.option_raw(OPTIONS, &[0xFF; 128]));
            let factory = [(OPTR, 0xFFFF_FEAA), (WRP1AR, 0x3F), (WRP1BR, 0x3F), (SECR, 0)];
            same!(change(b, &factory), OPTVERR);
            launch(b);
            same!((b.r(SR), b.chip.rdp_level(), b.r(PCROP1ASR), b.r(PCROP1AER)), (0, 0, 0xFF, 0));
            holds!(b.chip.plain(b.now) && b.peek_word(FLASH) == u32::MAX && !b.chip.boot_options().boot_lock);
            Ok(())
        }),
        g0("G78", "RM0490 4.3.6", "M*", "level 2: an option change is refused with WRPERR", |b| {
            b.factory(|f| f.rdp(2));
            let before = b.non_volatile();
            same!(change(b, &[(OPTR, optr(0xAA))]), WRPERR);
            holds!(b.non_volatile() == before);
            Ok(())
        }),
        g0("G79", "RM0490 4.5.6", "M*", "BOOT_LOCK is set at any level, cleared at level 0 or going there", |b| {
            b.factory(|f| f.rdp(1));
            same!(change(b, &[(SECR, 1 << 16)]), 0);
            launch(b);
            same!(b.r(SECR), 1 << 16);
            same!(change(b, &[(SECR, 0)]), 0);
            launch(b);
            same!(b.r(SECR), 1 << 16);
            same!(change(b, &[(SECR, 0), (OPTR, optr(0xAA))]), 0);
            launch(b);
            same!((b.r(SECR), b.chip.rdp_level()), (0, 0));
            same!(change(b, &[(SECR, 1 << 16)]), 0);
            launch(b);
            same!(change(b, &[(SECR, 0)]), 0);
            launch(b);
            same!(b.r(SECR), 0);
            Ok(())
        }),
        g0("G79", "RM0490 4.5.4", "M*", "SEC_SIZE changes at level 0, and at level 1 unless SEC_PROT", |b| {
            b.factory(|f| f.rdp(1)?.option(OPTIONS + 0x70, 2));
            same!(change(b, &[(SECR, 3)]), 0);
            launch(b);
            same!(b.r(SECR), 3);
            unlock(b);
            b.w(CR, SEC_PROT);
            same!(change(b, &[(SECR, 5)]), 0);
            launch(b);
            same!(b.r(SECR), 3);
            Ok(())
        }),
    ]
}

fn levels() -> Vec<Rule> {
    vec![
        g0("G80", "RM0490 4.5.1", "M*", "AA is level 0, CC level 2, all else level 1", |b| {
            for (byte, level) in [(0xAA, 0), (0xCC, 2), (0xBB, 1), (0, 1), (0xFF, 1), (0x55, 1)] {
                b.factory(|f| f.option(OPTIONS, optr(byte)));
                same!(b.chip.rdp_level(), level);
            }
            Ok(())
        }),
        g0("G81", "RM0490 4.5.1", "M*", "level 1, booted from flash, no debugger: everything is allowed", |b| {
            b.factory(|f| f.cells(FLASH, &[1; 8])?.rdp(1));
            same!((b.load(FLASH), b.fetch(FLASH), b.load(OTP)), (Ok(0x0101_0101), Ok(0x0101_0101), Ok(u32::MAX)));
            same!((program(b, FLASH + 8, 1, 1), erase(b, 0)), (0, 0));
            Ok(())
        }),
        g0("G81", "RM0490 4.5.1", "M*", "level 1 with a debugger: reads and writes are bus errors, with WRPERR", |b| {
            b.factory(|f| f.cells(FLASH, &[1; 8])?.rdp(1));
            let before = b.non_volatile();
            b.debugger();
            holds!(b.load(FLASH).is_err() && !b.chip.plain(b.now));
            same!(erase(b, 0), WRPERR);
            b.w(CR, MER1 | STRT);
            same!(finish(b), WRPERR);
            b.w(CR, PG);
            holds!(b.word(FLASH + 8, 1).is_err());
            same!(finish(b), WRPERR);
            holds!(b.load(OTP).is_err() && b.load(OPTIONS).is_ok());
            b.core();
            holds!(b.fetch(FLASH).is_err() && b.non_volatile() == before);
            holds!(b.chip.locked_out());
            Ok(())
        }),
        g0("G81", "RM0490 4.5.1", "M*", "level 1, booted from SRAM or system memory: locked out too", |b| {
            for source in [BootSource::Sram, BootSource::SystemMemory] {
                b.factory(|f| f.cells(FLASH, &[1; 8])?.rdp(1));
                b.chip.booted(source);
                holds!(b.load(FLASH).is_err() && b.load(OTP).is_err());
                same!(erase(b, 0), WRPERR);
                same!(b.peek_word(FLASH), 0x0101_0101);
                b.power_cycle();
                same!(b.load(FLASH), Ok(0x0101_0101));
            }
            Ok(())
        }),
        g0("G82", "RM0490 4.5.1", "M*", "level 1 set under a debugger shuts flash until power-on", |b| {
            b.factory(|f| f.cells(FLASH, &[1; 8]));
            b.debugger();
            same!(change(b, &[(OPTR, optr(0xBB))]), 0);
            launch(b);
            b.core();
            holds!(b.load(FLASH).is_err());
            b.power_cycle();
            same!(b.load(FLASH), Ok(0x0101_0101));
            Ok(())
        }),
        g0("G83", "RM0444 3.5.1", "M", "level 2: no debug port, no other boot, flash still works", |b| {
            b.factory(|f| f.rdp(2));
            holds!(!b.chip.debug_open() && b.chip.boot_options().boot_lock);
            unlock(b);
            b.w(CR, PG);
            b.debugger();
            holds!(b.word(FLASH, 0).is_err());
            same!(b.core().r(SR), 0);
            b.w(CR, LOCK);
            b.debugger();
            holds!(b.load(FLASH).is_err() && b.load(0x4002_2014).is_err() && b.try_w(KEYR, KEY1).is_err());
            b.core();
            same!((program(b, FLASH, 1, 1), erase(b, 0)), (0, 0));
            Ok(())
        }),
        g0("G84", "RM0444 3.5.1", "M", "level 1 to 0 erases main flash and the backup registers, OTP stays", |b| {
            b.factory(|f| f.cells(FLASH, &[1; 0x1000])?.cells(OTP, &[1; 8])?.option(OPTIONS, 0xFFFE_FEBB));
            b.debugger();
            unlock_options(b);
            b.w(OPTR, 0xFFFE_FEAA);
            let from = b.now.time;
            b.w(CR, OPTSTRT);
            same!(b.chip.busy_until(), Some(from + Time::from_micros(45_100)));
            holds!(b.backup_reset);
            b.wait();
            holds!(b.chip.cells().is_blank(b.chip.cells().range()));
            launch(b);
            same!((b.chip.rdp_level(), b.r(OPTR), b.load(OTP)), (0, 0xFFFE_FEAA, Ok(0x0101_0101)));
            Ok(())
        }),
        g0("G84", "RM0444 3.5.1", "M", "PCROP_RDP = 0 keeps PCROP pages; = 1 erases all and drops PCROP", |b| {
            for (keep, end) in [(true, 9), (false, 1 << 31 | 9)] {
                b.factory(|f| f.cells(FLASH, &[1; 0x3000])?.rdp(1)?.option(OPTIONS + 8, 8)?.option(OPTIONS + 16, end));
                same!(change(b, &[(OPTR, optr(0xAA))]), 0);
                same!((b.peek_word(FLASH + 0x800), b.peek_word(FLASH + 0x1800)), (u32::MAX, u32::MAX));
                same!(b.peek_word(FLASH + 0x1000) == 0x0101_0101, keep);
                launch(b);
                same!((b.r(PCROP1ASR), b.r(PCROP1AER)), if keep { (8, 9) } else { (0xFF, 0) });
            }
            Ok(())
        }),
        g0("G84", "RM0444 3.5.1", "M", "all flash under PCROP with PCROP_RDP = 0: nothing is erased", |b| {
            b.factory(|f| f.cells(FLASH, &[1; 8])?.rdp(1)?.option(OPTIONS + 8, 3)?.option(OPTIONS + 16, 3));
            same!(change(b, &[(OPTR, optr(0xAA))]), 0);
            launch(b);
            same!((b.chip.rdp_level(), b.peek_word(FLASH)), (0, 0x0101_0101));
            Ok(())
        }),
        g0("G85", "RM0444 3.5.1", "M", "raising the level erases nothing and counts after a load", |b| {
            for (from, rdp, level) in [(0, 0xBB, 1), (0, 0xCC, 2), (1, 0xCC, 2)] {
                b.factory(|f| f.cells(FLASH, &[1; 8])?.rdp(from));
                same!(change(b, &[(OPTR, optr(rdp))]), 0);
                same!((b.chip.rdp_level(), b.peek_word(FLASH)), (from, 0x0101_0101));
                launch(b);
                same!((b.chip.rdp_level(), b.peek_word(FLASH), b.backup_reset), (level, 0x0101_0101, false));
            }
            Ok(())
        }),
        g0("G86", "as F68", "I", "write protection does not stop the erase of level 1 to 0", |b| {
            b.factory(|f| f.cells(FLASH, &[1; 8])?.rdp(1)?.wrp(0, 63));
            same!(change(b, &[(OPTR, optr(0xAA))]), 0);
            same!(b.peek_word(FLASH), u32::MAX);
            Ok(())
        }),
        g0("G87", "RM0490 4.5.4", "M*", "level 1 to 0 erases the securable area even under PCROP", |b| {
            b.factory(|f| {
                let f = f.cells(FLASH, &[1; 0x3000])?.rdp(1)?.option(OPTIONS + 8, 0)?.option(OPTIONS + 16, 11)?;
                f.option(OPTIONS + 0x70, 2)
            });
            same!(change(b, &[(OPTR, optr(0xAA))]), 0);
            let words = [0u32, 0x800, 0x1000, 0x1800].map(|a| b.peek_word(FLASH + a));
            same!(words, [u32::MAX, u32::MAX, 0x0101_0101, u32::MAX]);
            Ok(())
        }),
    ]
}

fn boot() -> Vec<Rule> {
    vec![
        g0("G94", "RM0490 3.1.4", "M*", "EMPTY is set by an option load alone, and software writes it", |b| {
            holds!(b.r(ACR) & 1 << 16 != 0);
            same!(program(b, FLASH, 1, 2), 0);
            b.reset(ResetCause::Software);
            holds!(b.r(ACR) & 1 << 16 != 0);
            launch(b);
            holds!(b.r(ACR) & 1 << 16 == 0);
            same!(erase(b, 0), 0);
            b.reset(ResetCause::Pin);
            holds!(b.r(ACR) & 1 << 16 == 0);
            b.power_cycle();
            holds!(b.r(ACR) & 1 << 16 != 0);
            b.w(ACR, 0x4_0600);
            holds!(b.r(ACR) & 1 << 16 == 0 && !b.chip.boot_options().empty);
            b.reset(ResetCause::Software);
            holds!(b.r(ACR) & 1 << 16 == 0);
            Ok(())
        }),
        g0("G95", "RM0490 3.1.4", "M*", "EMPTY diverts the boot, unless BOOT_LOCK", |b| {
            holds!(b.chip.boot_options().empty);
            b.factory(|f| f.option(OPTIONS + 0x70, 1 << 16));
            holds!(!b.chip.boot_options().empty && b.chip.boot_options().boot_lock);
            b.factory(|f| f.option(OPTIONS + 0x70, 0)?.cells(FLASH, &[0]));
            holds!(!b.chip.boot_options().empty);
            Ok(())
        }),
        g0("G97", "RM0490 3.1", "M*", "nBOOT_SEL chooses between nBOOT0 and the pin; nBOOT1; BOOT_LOCK", |b| {
            let o = b.chip.boot_options();
            same!((o.boot0, o.nboot1, o.boot_lock, o.hardware_iwdg), (Some(false), true, false, false));
            b.factory(|f| f.option(OPTIONS, optr(0xAA) & !(1 << 26)));
            same!(b.chip.boot_options().boot0, Some(true));
            b.factory(|f| f.option(OPTIONS, optr(0xAA) & !(1 << 24)));
            same!(b.chip.boot_options().boot0, None);
            b.factory(|f| f.option(OPTIONS, optr(0xAA) & !(1 << 25) & !(1 << 16)));
            let o = b.chip.boot_options();
            same!((o.boot0, o.nboot1, o.hardware_iwdg), (Some(false), false, true));
            Ok(())
        }),
    ]
}
