//! Driving a flash as firmware and probes do: unlock, erase, program, option bytes, protection.
//!
//! A [`Driver`] goes through a [`Port`], which may be the controller itself, a chip's debug port or a probe. What the
//! families share stands here, by way of their [`Interface`]; what they do not, in `f0/driver.rs` and `g0/driver.rs`.

use super::flags::Flags;
use super::interface::Interface;
use super::{REGISTERS, f0, g0};
use crate::bus::Width;
use crate::part::{Family, Part, Region};

/// A way to the registers and cells of a flash.
pub trait Port {
    /// An access that was refused.
    type Error;

    /// A load.
    ///
    /// # Errors
    /// The access was refused.
    fn load(&mut self, address: u32, width: Width) -> Result<u32, Self::Error>;

    /// A store.
    ///
    /// # Errors
    /// The access was refused.
    fn store(&mut self, address: u32, width: Width, value: u32) -> Result<(), Self::Error>;

    /// Lets the operation in flight come to its end.
    ///
    /// # Errors
    /// It cannot be waited for.
    fn wait(&mut self) -> Result<(), Self::Error>;
}

/// The driver for a part's flash.
pub fn driver<P: Port>(part: &Part) -> Box<dyn Driver<P>> {
    match part.family {
        Family::F0 => Box::new(f0::driver::Driver::new(part)),
        Family::G0 => Box::new(g0::driver::Driver::new(part)),
    }
}

/// Why a flash did not do as told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DriverError<E> {
    /// An access was refused.
    #[error(transparent)]
    Port(#[from] E),
    /// Error flags after an operation; they are cleared.
    #[error("the operation at 0x{address:08X} was not carried out: {flags}")]
    Flags {
        /// What was erased or programmed.
        address: u32,
        /// All flags that were set.
        flags: Flags,
    },
}

/// A driver for one part's flash. Every function begins with no operation in flight, and ends so.
pub trait Driver<P: Port> {
    /// The registers.
    fn interface(&self) -> &'static Interface;

    /// The option area.
    fn option_area(&self) -> Region;

    /// Erases the page that begins at `page`.
    ///
    /// # Errors
    /// An access that was refused, or error flags.
    fn erase_page(&self, port: &mut P, page: u32) -> Result<(), DriverError<P::Error>>;

    /// Programs one unit at `address`; `byte` gives the bytes of it.
    ///
    /// # Errors
    /// An access that was refused.
    fn store_unit(&self, port: &mut P, address: u32, byte: &dyn Fn(u32) -> u8) -> Result<(), P::Error>;

    /// Bytes that are programmed at once.
    fn unit(&self) -> u32;

    /// With the option bytes unlocked: erases the option area and writes `data` from `address` on. Complements in it
    /// are the hardware's to make. In force after the next load.
    ///
    /// # Errors
    /// An access that was refused, or error flags.
    fn change_options(&self, port: &mut P, address: u32, data: &[u8]) -> Result<(), DriverError<P::Error>>;

    /// The read-protection level in force: 0, 1 or 2 (RM0091 3.3.1, RM0444 3.5.1).
    ///
    /// # Errors
    /// An access that was refused.
    fn protection(&self, port: &mut P) -> Result<u8, P::Error>;

    /// Loads the register at `offset`, with nothing in flight.
    ///
    /// # Errors
    /// The access was refused.
    fn get(&self, port: &mut P, offset: u32) -> Result<u32, P::Error> {
        port.wait()?;
        port.load(REGISTERS + offset, Width::Word)
    }

    /// Stores to the register at `offset`, with nothing in flight.
    ///
    /// # Errors
    /// The access was refused.
    fn set(&self, port: &mut P, offset: u32, value: u32) -> Result<(), P::Error> {
        port.wait()?;
        port.store(REGISTERS + offset, Width::Word, value)
    }

    /// Whether CR is locked.
    ///
    /// # Errors
    /// An access that was refused.
    fn is_locked(&self, port: &mut P) -> Result<bool, P::Error> {
        let registers = self.interface();
        Ok(self.get(port, registers.cr)? & registers.lock != 0)
    }

    /// Unlocks CR where it is locked, and clears what flags are left of earlier operations: they would fail the next
    /// one on a G0, where keys for an unlocked CR are a fault, too.
    ///
    /// # Errors
    /// An access that was refused: after a wrong key CR stays locked until the next reset.
    fn unlock(&self, port: &mut P) -> Result<(), P::Error> {
        if self.is_locked(port)? {
            let registers = self.interface();
            for key in registers.keys {
                self.set(port, registers.keyr, key)?;
            }
        }
        self.clear_flags(port)
    }

    /// Locks CR, and the option bytes.
    ///
    /// # Errors
    /// An access that was refused.
    fn lock(&self, port: &mut P) -> Result<(), P::Error> {
        let registers = self.interface();
        self.set(port, registers.cr, registers.lock)
    }

    /// Unlocks CR and the option bytes, where they are locked.
    ///
    /// # Errors
    /// As for [`Driver::unlock`].
    fn unlock_options(&self, port: &mut P) -> Result<(), P::Error> {
        self.unlock(port)?;
        let registers = self.interface();
        if registers.options_are_locked(self.get(port, registers.cr)?) {
            for key in registers.option_keys {
                self.set(port, registers.optkeyr, key)?;
            }
        }
        Ok(())
    }

    /// Clears the flags of SR.
    ///
    /// # Errors
    /// An access that was refused.
    fn clear_flags(&self, port: &mut P) -> Result<(), P::Error> {
        let registers = self.interface();
        self.set(port, registers.sr, registers.clearable)
    }

    /// The flags of SR.
    ///
    /// # Errors
    /// An access that was refused.
    fn flags(&self, port: &mut P) -> Result<Flags, P::Error> {
        let registers = self.interface();
        Ok(registers.flags_of(self.get(port, registers.sr)?))
    }

    /// Whether the operation that went before failed: then the error flags are cleared.
    ///
    /// # Errors
    /// An access that was refused, or error flags.
    fn check(&self, port: &mut P, address: u32) -> Result<(), DriverError<P::Error>> {
        let registers = self.interface();
        let status = self.get(port, registers.sr)?;
        if status & registers.errors == 0 {
            return Ok(());
        }
        let flags = self.flags(port)?;
        self.set(port, registers.sr, registers.errors)?;
        Err(DriverError::Flags { address, flags })
    }

    /// Erases all of main flash, which begins at `base`.
    ///
    /// # Errors
    /// An access that was refused, or error flags.
    fn erase_all(&self, port: &mut P, base: u32) -> Result<(), DriverError<P::Error>> {
        let registers = self.interface();
        self.set(port, registers.cr, registers.mer)?;
        self.set(port, registers.cr, registers.mer | registers.strt)?;
        self.set(port, registers.cr, 0)?;
        self.check(port, base)
    }

    /// Programs `data` into erased flash from `address` on, which need not begin a unit: the rest of a unit stays
    /// erased, and is spent all the same.
    ///
    /// # Errors
    /// An access that was refused, or error flags at the unit's address. PG stays set in CR then.
    fn program(&self, port: &mut P, address: u32, data: &[u8]) -> Result<(), DriverError<P::Error>> {
        let (registers, unit) = (self.interface(), self.unit());
        self.set(port, registers.cr, registers.pg)?;
        let end = address.saturating_add(data.len() as u32);
        let mut at = address - address % unit;
        while at < end {
            let byte = |n: u32| {
                let index = (at + n).wrapping_sub(address) as usize;
                if at + n < address { 0xFF } else { data.get(index).copied().unwrap_or(0xFF) }
            };
            self.store_unit(port, at, &byte)?;
            self.check(port, at)?;
            at += unit;
        }
        Ok(self.set(port, registers.cr, 0)?)
    }

    /// Erases the option area and writes `data` from `address` on, as [`Driver::change_options`]; unlocks before, and
    /// locks after.
    ///
    /// # Errors
    /// An access that was refused, or error flags.
    fn options(&self, port: &mut P, address: u32, data: &[u8]) -> Result<(), DriverError<P::Error>> {
        self.unlock_options(port)?;
        self.change_options(port, address, data)?;
        Ok(self.lock(port)?)
    }

    /// Sets the read-protection level, or lifts it; the other option bytes stay. In force after the next load.
    ///
    /// From level 1 to 0 main flash is erased; level 2 is for good.
    ///
    /// # Errors
    /// An access that was refused, or error flags.
    fn set_protection(&self, port: &mut P, level: Level) -> Result<(), DriverError<P::Error>> {
        let area = self.option_area();
        let mut bytes = Vec::new();
        for address in (area.base..area.end()).step_by(4) {
            bytes.extend(port.load(address, Width::Word)?.to_le_bytes());
        }
        // On both families the lowest byte of the area is RDP (RM0091 4.1, RM0444 3.4.1).
        if let Some(rdp) = bytes.first_mut() {
            *rdp = level.byte();
        }
        self.options(port, area.base, &bytes)
    }

    /// Loads the option bytes, with them unlocked; the chip is reset.
    ///
    /// # Errors
    /// An access that was refused.
    fn launch_options(&self, port: &mut P) -> Result<(), P::Error> {
        self.unlock_options(port)?;
        let registers = self.interface();
        let control = self.get(port, registers.cr)?;
        self.set(port, registers.cr, control | registers.obl_launch)
    }
}

/// A read-protection level (RM0091 table 7, RM0444 table 20).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// None.
    Zero,
    /// Flash is out of reach of a debugger.
    One,
    /// The debug port is closed, for good.
    Two,
}

impl Level {
    /// The level of this number.
    pub const fn of(number: u8) -> Option<Level> {
        match number {
            0 => Some(Level::Zero),
            1 => Some(Level::One),
            2 => Some(Level::Two),
            _ => None,
        }
    }

    /// RDP. Of level 1 it may be any byte but the other two.
    pub const fn byte(self) -> u8 {
        match self {
            Level::Zero => 0xAA,
            Level::One => 0xBB,
            Level::Two => 0xCC,
        }
    }

    /// The number of the level that a byte stands for.
    pub const fn number(rdp: u8) -> u8 {
        match rdp {
            0xAA => 0,
            0xCC => 2,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::{Access, BusFault, Effects, Master, ResetCause};
    use crate::flash::Flag;
    use crate::flash::{Controller, Factory, Purpose, for_part};
    use crate::part;
    use crate::time::{Now, Time};

    const FLASH: u32 = 0x0800_0000;

    /// A controller and nothing else; a load of the option bytes is its reset.
    struct Bare {
        controller: Box<dyn Controller>,
        now: Now,
    }

    impl Bare {
        fn done<T>(&mut self, access: impl FnOnce(&mut dyn Controller, Access, &mut Effects) -> T) -> T {
            let mut fx = Effects::default();
            let by = Access { master: Master::Debug, now: self.now };
            let done = access(self.controller.as_mut(), by, &mut fx);
            if fx.reset == Some(ResetCause::OptionBytes) {
                self.controller.reset(ResetCause::OptionBytes, self.now);
            }
            done
        }

        fn bytes(&self, address: u32, length: u32) -> Vec<u8> {
            self.controller.cells().bytes(address, length)
        }
    }

    impl Port for Bare {
        type Error = BusFault;

        fn load(&mut self, address: u32, width: Width) -> Result<u32, BusFault> {
            self.done(|c, by, fx| match address.wrapping_sub(REGISTERS) {
                offset @ 0..0x400 => c.read_register(offset, width, by, fx),
                _ => c.read(address, width, Purpose::Data, by, fx),
            })
        }

        fn store(&mut self, address: u32, width: Width, value: u32) -> Result<(), BusFault> {
            self.done(|c, by, fx| match address.wrapping_sub(REGISTERS) {
                offset @ 0..0x400 => c.write_register(offset, width, value, by, fx),
                _ => c.write(address, width, value, by, fx),
            })
        }

        fn wait(&mut self) -> Result<(), BusFault> {
            if let Some(end) = self.controller.busy_until() {
                self.now = Now { time: end.max(self.now.time), ..self.now };
            }
            self.done(|c, by, fx| c.advance(by.now, fx));
            Ok(())
        }
    }

    fn each(test: impl Fn(&Part, &dyn Driver<Bare>, &mut Bare)) {
        for name in ["F031", "F051", "G031", "G071"] {
            let part = part::find(name).unwrap();
            let mut bare = Bare { controller: for_part(&part), now: Now { cycle: 0, time: Time::ZERO } };
            test(&part, driver(&part).as_ref(), &mut bare);
        }
    }

    #[test]
    fn pages_are_erased_and_programmed_on_every_part() {
        each(|part, driver, port| {
            let page = FLASH + part.flash.page;
            assert!(driver.is_locked(port).unwrap());
            driver.unlock(port).unwrap();
            driver.unlock(port).unwrap();
            assert!(!driver.is_locked(port).unwrap());
            // Begins and ends inside a unit.
            driver.program(port, page + 9, &[1, 2, 3]).unwrap();
            assert_eq!(port.bytes(page + 8, 6), [0xFF, 1, 2, 3, 0xFF, 0xFF], "{}", part.name);
            let error = driver.program(port, page + 8, &[0x55]).unwrap_err();
            let DriverError::Flags { address, flags } = error else { panic!("{error:?}") };
            assert_eq!(address, page + 8);
            assert!(flags.contains(Flag::Pgerr) || flags.contains(Flag::Progerr), "{flags}");
            let left = driver.flags(port).unwrap();
            assert!(!left.contains(Flag::Pgerr) && !left.contains(Flag::Progerr), "a failure clears its flags: {left}");
            driver.erase_page(port, page).unwrap();
            assert_eq!(port.bytes(page + 8, 6), [0xFF; 6]);
            assert_eq!((port.controller.cells().wear(1), port.controller.cells().wear(0)), (1, 0));
            driver.program(port, page, &[7; 8]).unwrap();
            driver.erase_all(port, FLASH).unwrap();
            assert!(port.controller.cells().is_blank(part.flash.base..part.flash.end()));
            driver.lock(port).unwrap();
            assert!(driver.is_locked(port).unwrap());
        });
    }

    #[test]
    fn write_protection_is_a_flag_with_the_page() {
        each(|part, driver, port| {
            let pages = part.flash.wrp_pages;
            let factory = Factory::of(port.controller.as_ref(), pages).wrp(0, pages - 1).unwrap();
            factory.install(port.controller.as_mut()).unwrap();
            driver.unlock(port).unwrap();
            let error = driver.erase_page(port, FLASH).unwrap_err();
            assert!(matches!(error, DriverError::Flags { address: FLASH, flags } if flags.is_write_protected()));
            driver.erase_page(port, FLASH + pages * part.flash.page).unwrap();
        });
    }

    #[test]
    fn protection_is_set_and_lifted_and_the_rest_stays() {
        each(|part, driver, port| {
            let pages = part.flash.wrp_pages;
            Factory::of(port.controller.as_ref(), pages)
                .wrp(0, pages - 1)
                .unwrap()
                .cells(FLASH, &[5; 8])
                .unwrap()
                .install(port.controller.as_mut())
                .unwrap();
            assert_eq!(driver.protection(port).unwrap(), 0);
            driver.set_protection(port, Level::One).unwrap();
            assert_eq!(driver.protection(port).unwrap(), 0, "not before a load");
            driver.launch_options(port).unwrap();
            assert_eq!((driver.protection(port).unwrap(), port.controller.rdp_level()), (1, 1));
            assert_eq!(port.bytes(FLASH, 8), [5; 8]);
            driver.set_protection(port, Level::Zero).unwrap();
            driver.launch_options(port).unwrap();
            assert_eq!(driver.protection(port).unwrap(), 0);
            assert_eq!(port.bytes(FLASH, 8), [0xFF; 8], "{}: the way out erases", part.name);
            assert!(port.controller.protected(0) && !port.controller.protected(pages));
        });
    }
}
