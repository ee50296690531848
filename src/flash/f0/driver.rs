//! The F0's flash as a programmer drives it (RM0091 3.2.2).

use super::registers::{AR, CR, KEYR, KEYS, OBR, OPTKEYR, SR, STATUS_FLAGS, WRPR, cr, sr};
use crate::bus::Width;
use crate::flash::driver::{self, DriverError, Port};
use crate::flash::interface::{Interface, OptionCells, OptionPath, PageSelect};
use crate::part::{Part, Region};

pub(in crate::flash) const INTERFACE: Interface = Interface {
    keyr: KEYR,
    optkeyr: OPTKEYR,
    sr: SR,
    cr: CR,
    keys: KEYS,
    option_keys: KEYS,
    busy: sr::BSY,
    errors: sr::PGERR | sr::WRPRTERR,
    clearable: sr::CLEARABLE,
    pg: cr::PG,
    per: cr::PER,
    mer: cr::MER,
    strt: cr::STRT,
    lock: cr::LOCK,
    optlock: 0,
    optwre: cr::OPTWRE,
    obl_launch: cr::OBL_LAUNCH,
    store: Width::Half,
    page: PageSelect::Address { ar: AR },
    options: OptionPath::Cells(OptionCells { obr: OBR, wrpr: WRPR, opter: cr::OPTER, optpg: cr::OPTPG }),
    flags: &STATUS_FLAGS,
};

/// RDPRT in OBR (F11).
const RDPRT_SHIFT: u32 = 1;

/// Of one part.
#[derive(Debug)]
pub(in crate::flash) struct Driver {
    option_bytes: Region,
    unit: u32,
}

impl Driver {
    pub(in crate::flash) const fn new(part: &Part) -> Driver {
        Driver { option_bytes: part.option_bytes.region(), unit: part.flash.program_unit }
    }
}

impl<P: Port> driver::Driver<P> for Driver {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    fn option_area(&self) -> Region {
        self.option_bytes
    }

    fn unit(&self) -> u32 {
        self.unit
    }

    fn erase_page(&self, port: &mut P, page: u32) -> Result<(), DriverError<P::Error>> {
        self.set(port, CR, cr::PER)?;
        self.set(port, AR, page)?;
        self.set(port, CR, cr::PER | cr::STRT)?;
        self.set(port, CR, 0)?;
        self.check(port, page)
    }

    fn store_unit(&self, port: &mut P, address: u32, byte: &dyn Fn(u32) -> u8) -> Result<(), P::Error> {
        port.store(address, Width::Half, u32::from(byte(0)) | u32::from(byte(1)) << 8)
    }

    fn change_options(&self, port: &mut P, address: u32, data: &[u8]) -> Result<(), DriverError<P::Error>> {
        self.set(port, CR, cr::OPTWRE | cr::OPTER)?;
        self.set(port, CR, cr::OPTWRE | cr::OPTER | cr::STRT)?;
        self.set(port, CR, cr::OPTWRE | cr::OPTPG)?;
        for (pair, at) in data.chunks(2).zip((address..).step_by(2)) {
            // A blank half-word is left out: an erased area reads the same.
            if pair != [0xFF, 0xFF] {
                port.store(at, Width::Half, u32::from(pair[0]))?;
                self.check(port, at)?;
            }
        }
        Ok(())
    }

    fn protection(&self, port: &mut P) -> Result<u8, P::Error> {
        Ok(match self.get(port, OBR)? >> RDPRT_SHIFT & 0b11 {
            0b00 => 0,
            0b11 => 2,
            _ => 1,
        })
    }
}
