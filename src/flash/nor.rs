//! The flash as storage crates know it: embedded-storage's `NorFlash`, blocking and asynchronous.
//!
//! [`Nor`] is a powered flash with nothing else of its chip, driven by the family's own [`Driver`] as firmware drives it. A key-value
//! store, a file system or an update scheme that is generic over `NorFlash` runs on it as it stands, and power can be
//! cut in the middle of any operation: what is left then is what the model leaves ([`super::cut`]).
//!
//! ```
//! use dryflash::flash::nor::{F0, NorError};
//! use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
//!
//! let part = dryflash::part::find("F051")?;
//! let mut flash = F0::new(&part)?;
//! flash.write(0x7C00, &[1, 2])?;
//! flash.cut_power(1, 7);
//! assert_eq!(flash.erase(0x7C00, 0x8000), Err(NorError::Dark));
//!
//! flash.power_on();
//! let mut page = [0; 1024];
//! flash.read(0x7C00, &mut page)?;
//! assert_eq!(flash.controller().cells().wear(31), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use super::{Controller, Driver, DriverError, Flags, Port, Purpose, REGISTERS, REGISTERS_SIZE, driver, for_part};
use crate::bus::{Access, BusFault, Effects, Master, Width};
use crate::part::{Part, Region};
use crate::time::{Now, Time};
use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use embedded_storage_async::nor_flash as asynchronous;
use std::sync::Arc;

/// An F0's: half-words, pages of 1 KB (RM0091 3.2.1).
pub type F0 = Nor<2, 1024>;
/// A G0's: double words, pages of 2 KB (RM0444 3.3.1).
pub type G0 = Nor<8, 2048>;

/// Why the flash did not do as told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NorError {
    /// The part's flash is of another kind than the type says.
    #[error("{part} programs {unit} bytes at once, and erases {page}")]
    OtherKind {
        /// The part.
        part: String,
        /// Bytes that are programmed at once.
        unit: u32,
        /// Bytes of a page.
        page: u32,
    },
    /// An offset or a length that the trait's contract rules out; the flash was not asked.
    #[error("not allowed: {0:?}")]
    Contract(NorFlashErrorKind),
    /// A bus fault.
    #[error("the access at 0x{address:08X} was refused: {reason}")]
    Refused {
        /// Where.
        address: u32,
        /// Why.
        reason: &'static str,
    },
    /// Error flags after an operation.
    #[error("the operation at 0x{address:08X} was not carried out: {flags}")]
    Flags {
        /// What was erased or programmed.
        address: u32,
        /// The flags.
        flags: Flags,
    },
    /// ECC found two bad bits, which on a chip is a non-maskable interrupt (RM0444 3.3.4).
    #[error("what stands at 0x{address:08X} is beyond correction")]
    Uncorrectable {
        /// Where.
        address: u32,
    },
    /// Power is off.
    #[error("power is off")]
    Dark,
}

impl NorFlashError for NorError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            NorError::Contract(kind) => *kind,
            _ => NorFlashErrorKind::Other,
        }
    }
}

impl From<DriverError<NorError>> for NorError {
    fn from(error: DriverError<NorError>) -> NorError {
        match error {
            DriverError::Port(error) => error,
            DriverError::Flags { address, flags } => NorError::Flags { address, flags },
        }
    }
}

/// When power goes.
#[derive(Clone, Copy, Debug)]
struct Outage {
    /// The operation, counted as [`Powered::operations`] is.
    operation: u32,
    seed: u64,
}

/// A controller with power, a clock, and a count of its operations.
#[derive(Debug)]
struct Powered {
    controller: Box<dyn Controller>,
    now: Now,
    operations: u32,
    outage: Option<Outage>,
    dark: bool,
}

impl Powered {
    fn access<T>(
        &mut self,
        address: u32,
        act: impl FnOnce(&mut dyn Controller, Access, &mut Effects) -> Result<T, BusFault>,
    ) -> Result<T, NorError> {
        if self.dark {
            return Err(NorError::Dark);
        }
        let mut fx = Effects::default();
        let by = Access { master: Master::Cpu, now: self.now };
        let done = act(self.controller.as_mut(), by, &mut fx);
        if let Some(end) = fx.stall_until {
            self.now.time = self.now.time.max(end);
        }
        let value = done.map_err(|fault| NorError::Refused { address, reason: fault.reason })?;
        if fx.nmi { Err(NorError::Uncorrectable { address }) } else { Ok(value) }
    }
}

impl Port for Powered {
    type Error = NorError;

    fn load(&mut self, address: u32, width: Width) -> Result<u32, NorError> {
        self.access(address, |c, by, fx| match address.wrapping_sub(REGISTERS) {
            offset @ 0..REGISTERS_SIZE => c.read_register(offset, width, by, fx),
            _ => c.read(address, width, Purpose::Data, by, fx),
        })
    }

    fn store(&mut self, address: u32, width: Width, value: u32) -> Result<(), NorError> {
        self.access(address, |c, by, fx| match address.wrapping_sub(REGISTERS) {
            offset @ 0..REGISTERS_SIZE => c.write_register(offset, width, value, by, fx),
            _ => c.write(address, width, value, by, fx),
        })
    }

    fn wait(&mut self) -> Result<(), NorError> {
        if self.dark {
            return Err(NorError::Dark);
        }
        if let Some(end) = self.controller.busy_until().filter(|end| *end > self.now.time) {
            self.operations += 1;
            if let Some(Outage { seed, .. }) = self.outage.take_if(|o| o.operation == self.operations) {
                // Anywhere in it.
                let span = end.since(self.now.time).0;
                self.now.time = self.now.time + Time(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) % span);
                self.controller.power_off(self.now, seed);
                self.dark = true;
                return Err(NorError::Dark);
            }
            self.now.time = end;
        }
        self.controller.advance(self.now, &mut Effects::default());
        Ok(())
    }
}

/// A flash, from its first byte on, that programs `WRITE` bytes at once and erases pages of `ERASE`.
pub struct Nor<const WRITE: usize, const ERASE: usize> {
    port: Powered,
    driver: Box<dyn Driver<Powered>>,
    flash: Region,
}

impl<const WRITE: usize, const ERASE: usize> Nor<WRITE, ERASE> {
    /// A part's flash as it comes from the factory, with power on.
    ///
    /// # Errors
    /// [`NorError::OtherKind`]: the part's units or pages are of another size.
    pub fn new(part: &Arc<Part>) -> Result<Nor<WRITE, ERASE>, NorError> {
        let (driver, page) = (driver(part), part.flash.page);
        let unit = Driver::<Powered>::unit(driver.as_ref());
        if (unit as usize, page as usize) != (WRITE, ERASE) {
            return Err(NorError::OtherKind { part: part.name.clone(), unit, page });
        }
        let (controller, now) = (for_part(part), Now::default());
        let port = Powered { controller, now, operations: 0, outage: None, dark: false };
        Ok(Nor { port, driver, flash: Region { base: part.flash.base, size: part.flash.size } })
    }

    /// Power goes in the middle of an operation: the next is number 1. `seed` decides when in it, and what is left of
    /// the cells. From then on all is [`NorError::Dark`].
    pub fn cut_power(&mut self, operation: u32, seed: u64) {
        self.port.outage = Some(Outage { operation: self.port.operations.saturating_add(operation), seed });
    }

    /// Power comes back, where it is off.
    pub fn power_on(&mut self) {
        if self.port.dark {
            self.port.dark = false;
            self.port.controller.power_on(self.port.now);
        }
    }

    /// Operations begun so far: each unit that was programmed, each page that was erased.
    pub const fn operations(&self) -> u32 {
        self.port.operations
    }

    /// The controller, to look at cells and wear.
    pub fn controller(&self) -> &dyn Controller {
        self.port.controller.as_ref()
    }

    fn load(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorError> {
        check_read(self, offset, bytes.len()).map_err(NorError::Contract)?;
        for (at, byte) in (self.flash.base + offset..).zip(bytes) {
            *byte = self.port.load(at, Width::Byte)? as u8;
        }
        Ok(())
    }

    fn erase_pages(&mut self, from: u32, to: u32) -> Result<(), NorError> {
        check_erase(self, from, to).map_err(NorError::Contract)?;
        self.driver.unlock(&mut self.port)?;
        for page in (from..to).step_by(ERASE) {
            self.driver.erase_page(&mut self.port, self.flash.base + page)?;
        }
        self.driver.lock(&mut self.port)
    }

    fn program(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorError> {
        check_write(self, offset, bytes.len()).map_err(NorError::Contract)?;
        self.driver.unlock(&mut self.port)?;
        self.driver.program(&mut self.port, self.flash.base + offset, bytes)?;
        self.driver.lock(&mut self.port)
    }
}

impl<const WRITE: usize, const ERASE: usize> ErrorType for Nor<WRITE, ERASE> {
    type Error = NorError;
}

impl<const WRITE: usize, const ERASE: usize> ReadNorFlash for Nor<WRITE, ERASE> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorError> {
        self.load(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.flash.size as usize
    }
}

impl<const WRITE: usize, const ERASE: usize> NorFlash for Nor<WRITE, ERASE> {
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorError> {
        self.erase_pages(from, to)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorError> {
        self.program(offset, bytes)
    }
}

/// It never waits.
impl<const WRITE: usize, const ERASE: usize> asynchronous::ReadNorFlash for Nor<WRITE, ERASE> {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorError> {
        self.load(offset, bytes)
    }

    fn capacity(&self) -> usize {
        self.flash.size as usize
    }
}

/// It never waits.
impl<const WRITE: usize, const ERASE: usize> asynchronous::NorFlash for Nor<WRITE, ERASE> {
    const WRITE_SIZE: usize = WRITE;
    const ERASE_SIZE: usize = ERASE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), NorError> {
        self.erase_pages(from, to)
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorError> {
        self.program(offset, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::part;

    #[test]
    fn what_is_written_is_there_and_is_written_once() {
        let mut flash = G0::new(&part::find("G071").unwrap()).unwrap();
        NorFlash::write(&mut flash, 0x1_F000, &[7; 16]).unwrap();
        let mut read = [0; 20];
        ReadNorFlash::read(&mut flash, 0x1_EFFE, &mut read).unwrap();
        assert_eq!((read[1], read[2], read[17], read[18]), (0xFF, 7, 7, 0xFF));
        assert_eq!(flash.operations(), 2);
        let again = NorFlash::write(&mut flash, 0x1_F008, &[1; 8]).unwrap_err();
        assert!(matches!(again, NorError::Flags { address: 0x0801_F008, .. }), "{again}");
        NorFlash::erase(&mut flash, 0x1_F000, 0x1_F800).unwrap();
        NorFlash::write(&mut flash, 0x1_F008, &[1; 8]).unwrap();
        assert_eq!(flash.controller().cells().wear(62), 1);
    }

    #[test]
    fn the_traits_contract_is_kept() {
        let mut flash = F0::new(&part::find("F051").unwrap()).unwrap();
        let kinds = [
            NorFlash::write(&mut flash, 1, &[0; 2]),
            NorFlash::write(&mut flash, 0x8000, &[0; 2]),
            NorFlash::erase(&mut flash, 0, 512),
            ReadNorFlash::read(&mut flash, 0x7FFF, &mut [0; 2]),
        ]
        .map(|r| r.unwrap_err().kind());
        use NorFlashErrorKind::{NotAligned, OutOfBounds};
        assert_eq!(kinds, [NotAligned, OutOfBounds, NotAligned, OutOfBounds]);
        assert_eq!(flash.operations(), 0);
        let other = G0::new(&part::find("F051").unwrap()).err().unwrap();
        assert_eq!(other.to_string(), "STM32F051K6 programs 2 bytes at once, and erases 1024");
    }

    #[test]
    fn power_goes_in_the_operation_that_was_named() {
        for operation in 1..=4 {
            let mut flash = F0::new(&part::find("F051").unwrap()).unwrap();
            NorFlash::write(&mut flash, 0x100, &[0; 2]).unwrap();
            flash.cut_power(operation, 3);
            assert_eq!(NorFlash::write(&mut flash, 0x200, &[0; 8]), Err(NorError::Dark));
            assert_eq!(flash.operations(), 1 + operation);
            assert_eq!(ReadNorFlash::read(&mut flash, 0, &mut [0]), Err(NorError::Dark));
            flash.power_on();
            let mut bytes = [0; 8];
            ReadNorFlash::read(&mut flash, 0x200, &mut bytes).unwrap();
            let done = 2 * (operation as usize - 1);
            assert_eq!(bytes[..done], [0; 8][..done], "what was done before stays");
            assert_eq!(bytes[done + 2..], [0xFF; 8][done + 2..], "what was not begun is not there");
        }
    }
}
