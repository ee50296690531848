//! The G0's flash as a programmer drives it (RM0444 3.3.7, 3.3.8, 3.4.2).

use super::registers::{CR, ECC_FLAGS, ECCR, KEYR, KEYS, OPTION_KEYS, OPTKEYR, OPTR, SR, STATUS_FLAGS, cr, sr};
use crate::bus::Width;
use crate::flash::driver::{self, DriverError, Level, Port};
use crate::flash::flags::Flags;
use crate::flash::interface::{Interface, OptionPath, OptionRegisters, PageSelect};
use crate::part::{Flash, OptionBytes, Part, Region};

pub(in crate::flash) const INTERFACE: Interface = Interface {
    keyr: KEYR,
    optkeyr: OPTKEYR,
    sr: SR,
    cr: CR,
    keys: KEYS,
    option_keys: OPTION_KEYS,
    busy: sr::BSY1,
    errors: sr::OPERR | sr::PENDING | sr::RDERR | sr::OPTVERR,
    clearable: sr::CLEARABLE,
    pg: cr::PG,
    per: cr::PER,
    mer: cr::MER1,
    strt: cr::STRT,
    lock: cr::LOCK,
    optlock: cr::OPTLOCK,
    optwre: 0,
    obl_launch: cr::OBL_LAUNCH,
    store: Width::Word,
    page: PageSelect::Number { shift: cr::PNB_SHIFT },
    options: OptionPath::Registers(OptionRegisters { optr: OPTR, optstrt: cr::OPTSTRT }),
    flags: &STATUS_FLAGS,
};

/// Of one part.
#[derive(Debug)]
pub(in crate::flash) struct Driver {
    flash: Flash,
    option_bytes: OptionBytes,
}

impl Driver {
    pub(in crate::flash) fn new(part: &Part) -> Driver {
        Driver { flash: part.flash, option_bytes: part.option_bytes.clone() }
    }
}

impl<P: Port> driver::Driver<P> for Driver {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    fn option_area(&self) -> Region {
        self.option_bytes.region()
    }

    fn unit(&self) -> u32 {
        self.flash.program_unit
    }

    fn erase_page(&self, port: &mut P, page: u32) -> Result<(), DriverError<P::Error>> {
        let number = page.wrapping_sub(self.flash.base) / self.flash.page;
        self.set(port, CR, cr::PER | number << cr::PNB_SHIFT | cr::STRT)?;
        self.set(port, CR, 0)?;
        self.check(port, page)
    }

    fn store_unit(&self, port: &mut P, address: u32, byte: &dyn Fn(u32) -> u8) -> Result<(), P::Error> {
        for half in [0, 4] {
            let word = u32::from_le_bytes([byte(half), byte(half + 1), byte(half + 2), byte(half + 3)]);
            port.store(address + half, Width::Word, word)?;
        }
        Ok(())
    }

    fn change_options(&self, port: &mut P, address: u32, data: &[u8]) -> Result<(), DriverError<P::Error>> {
        // Each double word of the area is the value, then its complement; the registers take the value.
        for word in self.option_bytes.words.values() {
            let place = self.option_bytes.base + word.offset;
            let bytes = place.checked_sub(address).and_then(|index| data.get(index as usize..index as usize + 4));
            if let (Some(b), Some(register)) = (bytes, word.register) {
                self.set(port, register, u32::from_le_bytes([b[0], b[1], b[2], b[3]]))?;
            }
        }
        self.set(port, CR, cr::OPTSTRT)?;
        self.check(port, address)
    }

    /// Those of SR, and what ECC has found.
    fn flags(&self, port: &mut P) -> Result<Flags, P::Error> {
        let status = INTERFACE.flags_of(self.get(port, SR)?);
        let ecc = Flags::of(&ECC_FLAGS, self.get(port, ECCR)?);
        Ok(status.iter().chain(ecc.iter()).collect())
    }

    fn protection(&self, port: &mut P) -> Result<u8, P::Error> {
        let [rdp, ..] = self.get(port, OPTR)?.to_le_bytes();
        Ok(Level::number(rdp))
    }
}
