//! The F0's register file and its locks (RM0091 3.2.2, 3.5).

use super::F0;
use crate::bus::{Access, BusFault, Effects, ResetCause, Width, fault};
use crate::flash::REGISTERS;
use crate::flash::flags::Flag;
use crate::flash::keys::Key;

const ACR: u32 = 0x00;
pub(super) const KEYR: u32 = 0x04;
pub(super) const OPTKEYR: u32 = 0x08;
pub(super) const SR: u32 = 0x0C;
pub(super) const CR: u32 = 0x10;
pub(super) const AR: u32 = 0x14;
pub(super) const OBR: u32 = 0x1C;
pub(super) const WRPR: u32 = 0x20;

/// The same two words for both sequences (F15, F20).
pub(super) const KEYS: [u32; 2] = [0x4567_0123, 0xCDEF_89AB];

pub(super) const PRFTBE: u32 = 1 << 4;
const PRFTBS: u32 = 1 << 5;
const LATENCY: u32 = 7;

/// Bits of SR (F8).
pub(super) mod sr {
    pub const BSY: u32 = 1 << 0;
    pub const PGERR: u32 = 1 << 2;
    pub const WRPRTERR: u32 = 1 << 4;
    pub const EOP: u32 = 1 << 5;
    /// Those that clear on writing 1.
    pub const CLEARABLE: u32 = PGERR | WRPRTERR | EOP;
}

/// Bits of CR (F9).
pub(super) mod cr {
    pub const PG: u32 = 1 << 0;
    pub const PER: u32 = 1 << 1;
    pub const MER: u32 = 1 << 2;
    pub const OPTPG: u32 = 1 << 4;
    pub const OPTER: u32 = 1 << 5;
    pub const STRT: u32 = 1 << 6;
    pub const LOCK: u32 = 1 << 7;
    pub const OPTWRE: u32 = 1 << 9;
    pub const ERRIE: u32 = 1 << 10;
    pub const EOPIE: u32 = 1 << 12;
    pub const OBL_LAUNCH: u32 = 1 << 13;
    /// Those that software sets and clears as it likes.
    pub const PLAIN: u32 = PG | PER | MER | OPTPG | OPTER | ERRIE | EOPIE;
}

/// The bits of SR as flags.
pub(super) const STATUS_FLAGS: [(u32, Flag); 4] =
    [(sr::BSY, Flag::Bsy), (sr::PGERR, Flag::Pgerr), (sr::WRPRTERR, Flag::Wrprterr), (sr::EOP, Flag::Eop)];

impl F0 {
    /// The word at `offset`; reserved and write-only ones read 0 (F7, F10).
    pub(super) fn register(&self, offset: u32) -> u32 {
        let l = &self.live;
        match offset {
            // F6: PRFTBS follows the first fetch, which is at once.
            ACR => l.acr | if l.acr & PRFTBE != 0 { PRFTBS } else { 0 },
            SR => l.sr | if l.operation.is_some() { sr::BSY } else { 0 },
            CR => l.cr,
            OBR => l.loaded.obr(),
            WRPR => l.loaded.wrp,
            _ => 0,
        }
    }

    pub(super) fn store_register(
        &mut self,
        offset: u32,
        width: Width,
        value: u32,
        by: Access,
        fx: &mut Effects,
    ) -> Result<(), BusFault> {
        if width != Width::Word || !offset.is_multiple_of(4) {
            fx.note(REGISTERS + offset, "flash registers take words only; the narrow write was dropped"); // F4
            return Ok(());
        }
        if self.live.operation.is_some() {
            let text = "a flash register was written while BSY: the write was dropped";
            fx.choice("F26", REGISTERS + offset, text);
            return Ok(());
        }
        match offset {
            ACR => {
                self.live.acr = value & (LATENCY | PRFTBE);
                fx.clock();
            }
            KEYR => return self.key(value),
            OPTKEYR => return self.option_key(value),
            SR => {
                self.live.sr &= !(value & sr::CLEARABLE);
                fx.interrupts();
            }
            CR => self.store_cr(value, by, fx),
            AR => self.live.ar = value,
            _ => {}
        }
        Ok(())
    }

    fn key(&mut self, value: u32) -> Result<(), BusFault> {
        if self.live.cr & cr::LOCK == 0 {
            return Ok(()); // F18: harmless while unlocked.
        }
        match self.live.keys.write(value, KEYS) {
            Key::Unlocked => self.live.cr &= !cr::LOCK,
            Key::Wrong => return Err(self.shut()),
            Key::First | Key::Locked => {}
        }
        Ok(())
    }

    fn option_key(&mut self, value: u32) -> Result<(), BusFault> {
        if self.live.cr & cr::OPTWRE != 0 {
            return Ok(());
        }
        // F20: accepted whether LOCK is set or not; a wrong word is taken as a wrong key.
        match self.live.option_keys.write(value, KEYS) {
            Key::Unlocked => self.live.cr |= cr::OPTWRE,
            Key::Wrong => return Err(self.shut()),
            Key::First | Key::Locked => {}
        }
        Ok(())
    }

    /// A wrong key: CR stays locked until the next reset (F16), and the bus says so (F17).
    fn shut(&mut self) -> BusFault {
        self.live.cr |= cr::LOCK;
        self.live.keys.lock_up();
        self.live.option_keys.lock_up();
        fault("a wrong key: the flash stays locked until the next reset")
    }

    fn store_cr(&mut self, value: u32, by: Access, fx: &mut Effects) {
        if value & cr::OBL_LAUNCH != 0 {
            // F23, F56: the one bit that a locked CR takes.
            self.live.cr |= cr::OBL_LAUNCH;
            fx.reset(ResetCause::OptionBytes);
        }
        let old = self.live.cr;
        if old & cr::LOCK != 0 {
            if value & !(cr::OBL_LAUNCH | cr::LOCK) != 0 {
                fx.note(REGISTERS + CR, "FLASH_CR is locked; the write was ignored");
            }
            return;
        }
        // F36: MER cannot be set while PG is; seen on an STM32F030 (stlink, pull request 442).
        let plain = if old & cr::PG != 0 { cr::PLAIN & !(cr::MER & !old) } else { cr::PLAIN };
        // F19: LOCK only sets. F21: OPTWRE only clears.
        self.live.cr = (value & (plain | cr::LOCK)) | (old & value & cr::OPTWRE) | (old & cr::OBL_LAUNCH);
        fx.interrupts();
        if value & cr::STRT != 0 && value & cr::LOCK == 0 {
            self.launch(by, fx);
        }
    }
}
