//! The blocks of a part brought to life, and which stands at an address.

use crate::bus::{Master, ResetCause};
use crate::part::{self, Gate, Kind, Part, PeripheralSpec, Region};
use crate::periph::adc::{self, Adc, Calibration};
use crate::periph::comp::{self, Comp};
use crate::periph::crc::{self, Crc};
use crate::periph::dbgmcu::Dbgmcu;
use crate::periph::dma::{Dma, Dmamux};
use crate::periph::exti::{self, Exti, Lines};
use crate::periph::gpio::{Gpio, ResetValues};
use crate::periph::iwdg::Iwdg;
use crate::periph::plain::{self, Plain};
use crate::periph::rcc_f0::{self, RccF0};
use crate::periph::rcc_g0::{self, RccG0};
use crate::periph::registers::Map;
use crate::periph::syscfg::{self, Syscfg};
use crate::periph::timer::Timer;
use crate::periph::usart::Usart;
use crate::periph::wwdg::{self, Wwdg};
use crate::periph::{Clocks, Peripheral};
use crate::time::Time;
use std::sync::{Arc, OnceLock};

/// One block's model. The flash interface is the chip's own.
#[derive(Clone, Debug)]
pub enum Device {
    /// A GPIO port.
    Gpio(Gpio),
    /// A timer.
    Timer(Timer),
    /// The watchdog.
    Iwdg(Iwdg),
    /// The window watchdog.
    Wwdg(Wwdg),
    /// The CRC unit.
    Crc(Crc),
    /// SYSCFG.
    Syscfg(Syscfg),
    /// External interrupts.
    Exti(Exti),
    /// The converter.
    Adc(Adc),
    /// The G0's comparators; the F0's are part of SYSCFG.
    Comp(Comp),
    /// The DMA controller.
    Dma(Dma),
    /// What leads requests to it.
    Dmamux(Dmamux),
    /// A USART.
    Usart(Usart),
    /// Debug support.
    Dbgmcu(Dbgmcu),
    /// Registers that are kept.
    Plain(Plain),
    /// RCC: [`Devices::rcc`].
    Rcc,
    /// The flash interface.
    Flash,
}

impl Device {
    /// As a peripheral; none for RCC and the flash interface.
    pub fn peripheral(&mut self) -> Option<&mut dyn Peripheral> {
        Some(match self {
            Device::Gpio(d) => d,
            Device::Timer(d) => d,
            Device::Iwdg(d) => d,
            Device::Wwdg(d) => d,
            Device::Crc(d) => d,
            Device::Syscfg(d) => d,
            Device::Exti(d) => d,
            Device::Adc(d) => d,
            Device::Comp(d) => d,
            Device::Dma(d) => d,
            Device::Dmamux(d) => d,
            Device::Usart(d) => d,
            Device::Dbgmcu(d) => d,
            Device::Plain(d) => d,
            Device::Rcc | Device::Flash => return None,
        })
    }

    /// The same for reading its state.
    pub fn view(&self) -> Option<&dyn Peripheral> {
        Some(match self {
            Device::Gpio(d) => d,
            Device::Timer(d) => d,
            Device::Iwdg(d) => d,
            Device::Wwdg(d) => d,
            Device::Crc(d) => d,
            Device::Syscfg(d) => d,
            Device::Exti(d) => d,
            Device::Adc(d) => d,
            Device::Comp(d) => d,
            Device::Dma(d) => d,
            Device::Dmamux(d) => d,
            Device::Usart(d) => d,
            Device::Dbgmcu(d) => d,
            Device::Plain(d) => d,
            Device::Rcc | Device::Flash => return None,
        })
    }
}

/// RCC of either family.
#[derive(Clone, Debug)]
pub enum Rcc {
    /// STM32F0.
    F0(RccF0),
    /// STM32G0.
    G0(RccG0),
}

impl Rcc {
    /// As a peripheral.
    pub fn peripheral(&mut self) -> &mut dyn Peripheral {
        match self {
            Rcc::F0(r) => r,
            Rcc::G0(r) => r,
        }
    }

    /// The same for reading its state.
    pub fn view(&self) -> &dyn Peripheral {
        match self {
            Rcc::F0(r) => r,
            Rcc::G0(r) => r,
        }
    }

    /// The clocks as they run.
    pub fn clocks(&self) -> Clocks {
        match self {
            Rcc::F0(r) => r.clocks(),
            Rcc::G0(r) => r.clocks(),
        }
    }

    /// Whether a block with this gate has its clock.
    pub fn enabled(&self, gate: &Gate) -> bool {
        match self {
            Rcc::F0(r) => r.enabled(gate),
            Rcc::G0(r) => r.enabled(gate),
        }
    }

    /// Whether a block with this gate is held in reset.
    pub fn held(&self, gate: &Gate) -> bool {
        match self {
            Rcc::F0(r) => r.held(gate),
            Rcc::G0(r) => r.held(gate),
        }
    }

    /// The offset of BDCR, RCC's register in the backup domain.
    pub const fn bdcr(&self) -> u32 {
        match self {
            Rcc::F0(_) => rcc_f0::reg::BDCR,
            Rcc::G0(_) => rcc_g0::reg::BDCR,
        }
    }

    /// The watchdog needs LSI.
    pub fn force_lsi(&mut self, now: Time) {
        match self {
            Rcc::F0(r) => r.force_lsi(now),
            Rcc::G0(r) => r.force_lsi(now),
        }
    }

    /// Reset flags in RCC_CSR's positions.
    pub const fn reset_flags(&self) -> u32 {
        match self {
            Rcc::F0(r) => r.reset_flags(),
            Rcc::G0(r) => r.reset_flags(),
        }
    }
}

/// A block: what stands there and where.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Its model.
    pub device: Device,
    /// First address.
    pub base: u32,
    /// Length in bytes.
    pub size: u32,
    /// Its clock gate.
    pub gate: Option<Gate>,
    /// The number in the name of a timer or a USART, and of a port, from 0 for A; 0 for other blocks.
    pub number: u8,
    /// The APB bridge widens narrow writes by repeating them; AHB and the I/O port write single lanes.
    pub apb: bool,
}

impl Slot {
    /// Debug support answers a probe without the clock that code needs for it: OpenOCD and st-flash read the id code
    /// of an F0 before anybody has set DBGMCUEN (RM0091 6.4.7).
    pub const fn answers_without_clock(&self, master: Master) -> bool {
        matches!((&self.device, master), (Device::Dbgmcu(_), Master::Debug))
    }

    /// While a debugger holds the core, code reads the id code without that clock. ST's flash algorithm for the G0 in
    /// its CMSIS pack (Keil, pyOCD, probe-rs) relies on it: it runs after a reset, which has cleared DBGEN, and with
    /// another id code it takes a G071 for one with two banks, and erases other pages than it programs. What code
    /// reads without a debugger is not known, and stays 0.
    pub const fn tells_id_code(&self, offset: u32) -> bool {
        matches!(self.device, Device::Dbgmcu(_)) && offset == 0
    }
}

/// Bytes of address space that one entry of the look-up table covers.
const GRAIN: u32 = 0x100;
const NOBODY: u8 = u8::MAX;

/// All blocks of a part.
#[derive(Clone, Debug)]
pub struct Devices {
    /// Reset and clocks.
    pub rcc: Rcc,
    /// The blocks, in the part file's order.
    pub slots: Vec<Slot>,
    /// What never changes: a saved state shares it.
    pub layout: Arc<Layout>,
}

/// Which block stands where.
#[derive(Debug)]
pub struct Layout {
    /// Where RCC's registers stand.
    pub rcc_base: u32,
    /// Where in [`Devices::slots`] those stand that work together.
    pub index: Index,
    /// Where blocks can stand, and who stands at each [`GRAIN`] of that.
    windows: Box<[Region]>,
    table: Box<[u8]>,
    /// The part has UCPD1 and UCPD2.
    has_power_delivery: bool,
}

/// Places in [`Devices::slots`].
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// The ports A to H.
    pub gpio: [Option<usize>; 8],
    /// The timers.
    pub timers: Vec<usize>,
    /// The USARTs.
    pub usarts: Vec<usize>,
    /// SYSCFG.
    pub syscfg: Option<usize>,
    /// EXTI.
    pub exti: Option<usize>,
    /// The G0's comparators.
    pub comp: Option<usize>,
    /// The converter.
    pub adc: Option<usize>,
    /// The DMA controller.
    pub dma: Option<usize>,
    /// Its multiplexer.
    pub dmamux: Option<usize>,
    /// The power control.
    pub pwr: Option<usize>,
}

impl Index {
    fn of(slots: &[Slot]) -> Index {
        let mut index = Index::default();
        for (n, slot) in slots.iter().enumerate() {
            match &slot.device {
                Device::Gpio(_) => index.gpio[usize::from(slot.number) % 8] = Some(n),
                Device::Timer(_) => index.timers.push(n),
                Device::Usart(_) => index.usarts.push(n),
                Device::Syscfg(_) => index.syscfg = Some(n),
                Device::Exti(_) => index.exti = Some(n),
                Device::Comp(_) => index.comp = Some(n),
                Device::Adc(_) => index.adc = Some(n),
                Device::Dma(_) => index.dma = Some(n),
                Device::Dmamux(_) => index.dmamux = Some(n),
                Device::Plain(block) if block.is_power() => index.pwr = Some(n),
                _ => {}
            }
        }
        index
    }
}

/// The number in a block's name, 0 without one; of a port its letter's, from 0 for A.
fn number(name: &str) -> u8 {
    match name.strip_prefix("GPIO").map(str::as_bytes) {
        Some([letter]) => letter.wrapping_sub(b'A'),
        _ => name.trim_start_matches(char::is_alphabetic).parse().unwrap_or(0),
    }
}

impl Layout {
    fn of(part: &Part, slots: &[Slot]) -> Layout {
        let windows: Box<[Region]> = part.windows.as_slice().into();
        let entries = windows.iter().map(|w| w.size / GRAIN).sum::<u32>();
        let mut table = vec![NOBODY; entries as usize];
        for (n, slot) in slots.iter().enumerate() {
            for address in (slot.base..slot.base + slot.size).step_by(GRAIN as usize) {
                if let Some(i) = entry(&windows, address) {
                    table[i] = n as u8;
                }
            }
        }
        Layout {
            rcc_base: slots.iter().find(|s| matches!(s.device, Device::Rcc)).map_or(0, |s| s.base),
            index: Index::of(slots),
            windows,
            table: table.into(),
            has_power_delivery: part.peripheral("UCPD1").is_some(),
        }
    }
}

impl Devices {
    /// The blocks of `part`, as after power-on. Those of a shipped part are made of its data once, and copied.
    pub fn new(part: &Arc<Part>) -> Devices {
        static MADE: OnceLock<Vec<OnceLock<Devices>>> = OnceLock::new();
        let made = MADE.get_or_init(|| part::all().iter().map(|_| OnceLock::new()).collect());
        let shipped = part::all().iter().position(|p| Arc::ptr_eq(p, part)).and_then(|n| made.get(n));
        shipped.map_or_else(|| Devices::make(part), |made| made.get_or_init(|| Devices::make(part)).clone())
    }

    fn make(part: &Part) -> Devices {
        let g0 = part.peripherals.iter().any(|p| p.kind == Kind::RccG0);
        let rcc = if g0 { Rcc::G0(RccG0::new(part.clock)) } else { Rcc::F0(RccF0::new(part.clock)) };
        let mut slots = Vec::with_capacity(part.peripherals.len());
        for spec in &part.peripherals {
            let device = device(part, spec);
            slots.push(Slot {
                device,
                base: spec.base,
                size: spec.size,
                gate: spec.gate,
                number: number(&spec.name),
                apb: part.apb.contains(spec.base),
            });
        }
        let layout = Arc::new(Layout::of(part, &slots));
        let mut devices = Devices { rcc, slots, layout };
        devices.pull_for_dead_batteries([true; 2]);
        devices
    }

    /// The index of the block at `address`.
    pub fn at(&self, address: u32) -> Option<usize> {
        let layout = &self.layout;
        entry(&layout.windows, address).map(|i| layout.table[i]).filter(|n| *n != NOBODY).map(usize::from)
    }

    /// Resets every block but RCC, or by power also that.
    pub fn reset(&mut self, cause: ResetCause) {
        self.rcc.peripheral().reset(cause);
        if cause == ResetCause::PowerOn {
            self.pull_for_dead_batteries([true; 2]);
        }
        for slot in &mut self.slots {
            if let Some(p) = slot.device.peripheral() {
                p.reset(cause);
            }
        }
    }

    /// The port with this letter.
    pub fn gpio(&mut self, letter: char) -> Option<&mut Gpio> {
        self.gpios().find(|(l, _)| *l == letter).map(|(_, g)| g)
    }

    /// Sets the pull-downs of UCPD1 (PA8, PB15) and UCPD2 (PD0, PD2), on a part that has these: on from power-on to
    /// their strobes in SYSCFG_CFGR1 (RM0444 8.1.1).
    fn pull_for_dead_batteries(&mut self, on: [bool; 2]) {
        if !self.layout.has_power_delivery {
            return;
        }
        for (port, pins) in [(0, u16::from(on[0]) << 8), (1, u16::from(on[0]) << 15), (3, u16::from(on[1]) * 0b101)] {
            if let Some(gpio) = self.port(port) {
                gpio.pull_for_dead_battery(pins);
            }
        }
    }

    /// SYSCFG was written: strobes let go of the pull-downs.
    pub fn follow_strobes(&mut self) {
        if self.layout.has_power_delivery {
            let strobes = self.syscfg().map_or([false; 2], |s| s.strobes());
            self.pull_for_dead_batteries(strobes.map(|strobe| !strobe));
        }
    }

    /// Whether a store into block `n` at `offset` is dropped because DBP in PWR is not set. What stands behind it is
    /// BDCR, the RTC and the backup registers (RM0091 6.1.3, RM0444 4.1.3).
    pub fn is_shut(&self, n: usize, offset: u32) -> bool {
        let behind = match &self.slots[n].device {
            Device::Rcc => offset == self.rcc.bdcr(),
            Device::Plain(block) => block.is_backup(),
            _ => false,
        };
        behind
            && !self.layout.index.pwr.is_some_and(|pwr| match &self.slots[pwr].device {
                Device::Plain(block) => block.opens_backup(),
                _ => false,
            })
    }

    /// Clears the backup domain's registers.
    pub fn clear_backup(&mut self) {
        for slot in &mut self.slots {
            if let Device::Plain(block) = &mut slot.device {
                block.clear_backup();
            }
        }
    }

    /// The ports with their letters.
    pub fn gpios(&mut self) -> impl Iterator<Item = (char, &mut Gpio)> {
        self.slots.iter_mut().filter_map(|s| match &mut s.device {
            Device::Gpio(g) => Some((char::from(b'A'.wrapping_add(s.number)), g)),
            _ => None,
        })
    }

    /// SYSCFG.
    pub fn syscfg(&mut self) -> Option<&mut Syscfg> {
        match &mut self.slots[self.layout.index.syscfg?].device {
            Device::Syscfg(d) => Some(d),
            _ => None,
        }
    }

    /// The port with this number, from 0 for A.
    pub fn port(&mut self, n: usize) -> Option<&mut Gpio> {
        let slot = self.layout.index.gpio.get(n).copied().flatten()?;
        match &mut self.slots[slot].device {
            Device::Gpio(g) => Some(g),
            _ => None,
        }
    }

    /// The converter, whose [`Adc::inputs`] the bench sets.
    pub fn adc(&mut self) -> Option<&mut Adc> {
        match &mut self.slots[self.layout.index.adc?].device {
            Device::Adc(d) => Some(d),
            _ => None,
        }
    }

    /// The comparators, wherever the part has them.
    pub fn comparators(&mut self) -> Option<&mut Comp> {
        if self.layout.index.comp.is_none() {
            return self.syscfg().and_then(|s| s.comparators.as_mut());
        }
        match &mut self.slots[self.layout.index.comp?].device {
            Device::Comp(d) => Some(d),
            _ => None,
        }
    }

    /// EXTI.
    pub fn exti(&mut self) -> Option<&mut Exti> {
        match &mut self.slots[self.layout.index.exti?].device {
            Device::Exti(d) => Some(d),
            _ => None,
        }
    }

    /// The DMA controller.
    pub fn dma(&mut self) -> Option<&mut Dma> {
        match &mut self.slots[self.layout.index.dma?].device {
            Device::Dma(d) => Some(d),
            _ => None,
        }
    }

    /// The timers with their numbers.
    pub fn timers(&self) -> impl Iterator<Item = (u8, &Timer)> {
        self.layout.index.timers.iter().filter_map(|n| match &self.slots[*n] {
            Slot { device: Device::Timer(t), number, .. } => Some((*number, t)),
            _ => None,
        })
    }

    /// The watchdog.
    pub fn iwdg(&self) -> Option<&Iwdg> {
        self.slots.iter().find_map(|s| match &s.device {
            Device::Iwdg(d) => Some(d),
            _ => None,
        })
    }

    /// The watchdog, to start it.
    pub fn iwdg_mut(&mut self) -> Option<&mut Iwdg> {
        self.slots.iter_mut().find_map(|s| match &mut s.device {
            Device::Iwdg(d) => Some(d),
            _ => None,
        })
    }
}

fn entry(windows: &[Region], address: u32) -> Option<usize> {
    let mut first = 0;
    for window in windows {
        let offset = address.wrapping_sub(window.base);
        if offset < window.size {
            return Some((first + offset / GRAIN) as usize);
        }
        first += window.size / GRAIN;
    }
    None
}

/// The model of a block, by its kind alone.
fn device(part: &Part, spec: &PeripheralSpec) -> Device {
    let reset = |name: &str| spec.reset.get(name).copied().unwrap_or(0);
    let lines = |imr: &str, map: &Map, rtsr: u32| Lines {
        count: spec.channels,
        imr: reset(imr),
        edges: map.writable(spec, rtsr),
        vectors: spec.vectors.as_slice().into(),
    };
    match spec.kind {
        Kind::RccF0 | Kind::RccG0 => Device::Rcc,
        Kind::FlashF0 | Kind::FlashG0 => Device::Flash,
        Kind::Gpio => {
            let (moder, ospeedr, pupdr) = (reset("MODER"), reset("OSPEEDR"), reset("PUPDR"));
            let letter = spec.name.chars().next_back().unwrap_or('?');
            Device::Gpio(Gpio::new(letter, ResetValues { moder, ospeedr, pupdr }))
        }
        Kind::TimAdvanced
        | Kind::Tim32
        | Kind::Tim16
        | Kind::TimBasic
        | Kind::Tim1ch
        | Kind::Tim2ch
        | Kind::TimRepeat => Device::Timer(Timer::new(spec)),
        Kind::SyscfgF0 => Device::Syscfg(Syscfg::new(syscfg::Model::F0, spec)),
        Kind::SyscfgG0 => Device::Syscfg(Syscfg::new(syscfg::Model::G0, spec)),
        Kind::ExtiF0 => Device::Exti(Exti::new(exti::Model::F0, lines("IMR", &exti::f0::MAP, exti::f0::RTSR))),
        Kind::ExtiG0 => Device::Exti(Exti::new(exti::Model::G0, lines("IMR1", &exti::g0::MAP, exti::g0::RTSR1))),
        Kind::IwdgF0 => Device::Iwdg(Iwdg::new(false)),
        Kind::IwdgG0 => Device::Iwdg(Iwdg::new(true)),
        Kind::WwdgF0 => Device::Wwdg(Wwdg::new(wwdg::Model::F0)),
        Kind::WwdgG0 => Device::Wwdg(Wwdg::new(wwdg::Model::G0)),
        Kind::CrcF0 => Device::Crc(Crc::new(crc::Model::F0)),
        Kind::CrcG0 => Device::Crc(Crc::new(crc::Model::G0)),
        Kind::AdcF0 => Device::Adc(Adc::new(adc::Model::F0, Calibration::of(part))),
        Kind::AdcG0 => Device::Adc(Adc::new(adc::Model::G0, Calibration::of(part))),
        Kind::CompG0 => Device::Comp(Comp::new(comp::Model::G0)),
        Kind::Dma => Device::Dma(Dma::new(spec.channels, &spec.vectors)),
        Kind::Dmamux => Device::Dmamux(Dmamux::new(spec.channels)),
        Kind::Usart => Device::Usart(Usart::new(spec)),
        Kind::Dbgmcu => Device::Dbgmcu(Dbgmcu::new(part.identity.idcode)),
        Kind::PwrF0 => Device::Plain(Plain::new(&plain::PWR_F0, spec)),
        Kind::PwrG0 => Device::Plain(Plain::new(&plain::PWR_G0, spec)),
        Kind::RtcF0 => Device::Plain(Plain::new(&plain::RTC_F0, spec)),
        Kind::RtcG0 => Device::Plain(Plain::new(&plain::RTC_G0, spec)),
        Kind::Tamp => Device::Plain(Plain::new(&plain::TAMP, spec)),
        Kind::Unmodelled => Device::Plain(Plain::unmodelled(&spec.name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Effects;
    use crate::periph::registers::Rights;
    use crate::periph::signal::{Drive, Signal};
    use crate::periph::{Context, map_of};
    use crate::time::Now;

    #[test]
    fn every_register_of_every_part_is_as_its_table_says() {
        let mut seen = 0;
        for part in crate::part::all() {
            let power_on = Devices::new(part);
            for (n, spec) in part.peripherals.iter().enumerate() {
                let Some(map) = map_of(spec.kind) else { continue };
                let strays = spec
                    .reset
                    .keys()
                    .chain(spec.writable.keys())
                    .find(|name| map.registers.iter().all(|r| r.name != *name));
                assert_eq!(strays, None, "{} {}: no such register", part.name, spec.name);
                for offset in (0..spec.size.min(0x400)).step_by(4) {
                    let place = format!("{} {}+0x{offset:02X}", part.name, spec.name);
                    let mut notes = Vec::new();
                    let mut load = |stored: Option<u32>| {
                        let (mut devices, mut fx) = (power_on.clone(), Effects::default());
                        let block = devices.slots[n].device.peripheral();
                        let block = block.unwrap_or_else(|| devices.rcc.peripheral());
                        let clocks = Clocks::new(8_000_000, 0, 40_000);
                        let mut cx = Context { now: Now::default(), clocks, base: spec.base, fx: &mut fx };
                        if let Some(value) = stored {
                            // The RTC's key.
                            for (wpr, key) in
                                map.registers.iter().filter(|r| r.name == "WPR").flat_map(|r| [(r, 0xCA), (r, 0x53)])
                            {
                                block.write(wpr.offset, key, u32::MAX, &mut cx);
                            }
                            block.write(offset, value, u32::MAX, &mut cx);
                        }
                        let value = block.read(offset, &mut cx);
                        notes.extend(fx.notes.into_iter().filter(|n| n.text.starts_with("register that is not")));
                        value
                    };
                    let first = load(None);
                    let Some(register) = map.at(offset) else {
                        assert_eq!((first, notes.is_empty()), (0, map.knows(offset)), "{place}");
                        continue;
                    };
                    seen += 1;
                    let reset = register.reset.or_else(|| spec.reset.get(register.name).copied());
                    let reset = reset.or(match (register.name, spec.kind) {
                        ("IDCODE", _) => Some(part.identity.idcode),
                        ("ARR", Kind::Tim32) => Some(u32::MAX),
                        ("ARR", _) => Some(0xFFFF),
                        ("IDR", _) => Some(first),
                        ("AF1" | "AF2", _) | (_, Kind::Gpio) => Some(0),
                        _ => None,
                    });
                    assert_eq!(Some(first), reset, "{place}: {}", register.name);
                    let (ones, zeros) = (load(Some(u32::MAX)), load(Some(0)));
                    match register.rights {
                        Rights::ReadWrite => {
                            let writable = map.writable(spec, offset);
                            assert_eq!((ones, zeros), (first | writable, first & !writable), "{place}");
                        }
                        Rights::ReadOnly => assert_eq!((ones, zeros), (first, first), "{place}"),
                        Rights::WriteOnly => assert_eq!(first, 0, "{place}"),
                        Rights::Clear | Rights::Acts => {}
                    }
                    assert!(notes.is_empty(), "{place}: {notes:?}");
                }
            }
        }
        assert!(seen > 1_000, "{seen}");
    }

    #[test]
    fn what_becomes_of_one_chips_blocks_is_not_the_next_ones() {
        let part = part::find("F051").unwrap();
        let mut first = Devices::new(&part);
        first.gpio('A').unwrap().drive(3, Signal::steady(Drive::High));
        assert_eq!(first.gpio('A').unwrap().levels(Time::ZERO), 1 << 3 | 1 << 13);
        assert_eq!(Devices::new(&part).gpio('A').unwrap().levels(Time::ZERO), 1 << 13, "SWDIO's pull-up alone");
        let own = Arc::new(Part::clone(&part));
        assert_eq!(Devices::new(&own).gpio('A').unwrap().levels(Time::ZERO), 1 << 13, "a part of one's own");
    }

    #[test]
    fn every_block_of_every_part_is_found_at_its_addresses() {
        for part in crate::part::all() {
            let devices = Devices::new(part);
            for (n, spec) in part.peripherals.iter().enumerate() {
                assert_eq!(devices.at(spec.base), Some(n), "{} {}", part.name, spec.name);
                assert_eq!(devices.at(spec.base + spec.size - 1), Some(n), "{} {}", part.name, spec.name);
            }
            assert_eq!(devices.at(0x4003_0000), None);
            assert_eq!(devices.at(0x4000_1800), None);
        }
    }
}
