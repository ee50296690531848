//! Peripherals: one file each, reads and writes at an offset, and the time of the next event.
//!
//! They compute from time and are never ticked. A register that nobody modelled is told once with its address
//! and PC; offsets that the manual reserves read zero.

pub mod adc;
pub mod clocks;
pub mod comp;
pub mod crc;
pub mod dbgmcu;
pub mod dma;
pub mod exti;
pub mod gpio;
pub mod irqs;
pub mod iwdg;
pub mod nvic;
pub mod pins;
pub mod plain;
pub mod rcc_f0;
pub mod rcc_g0;
pub mod registers;
pub mod signal;
pub mod syscfg;
pub mod systick;
pub mod timer;
pub mod usart;
pub mod wwdg;

use crate::bus::{Effects, ResetCause};
use crate::part::Kind;
use crate::time::{Now, Time};
pub use clocks::Clocks;
use registers::Map;
use std::fmt;

/// When something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// At this HCLK cycle.
    Cycle(u64),
    /// At this time, whatever HCLK does.
    Time(Time),
}

/// What later loads of a register would give, were nothing written and did nothing but time pass. It lets an engine
/// skip the rounds of a poll that cannot end it; a wrong forecast is a wrong run, so [`Forecast::Unknown`] is the
/// answer wherever there is doubt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forecast {
    /// Not known, or the load has effects: each load has to be made.
    Unknown,
    /// What it gives now, until the next event of the chip.
    Constant,
    /// What it gives now, at every instant before this.
    Until(Due),
    /// A count: one more at cycle `next` and at every `period` cycles after, up to and including `last`.
    Counts {
        /// The cycle at which it is first one more than now.
        next: u64,
        /// HCLK cycles from one count to the next; not 0.
        period: u64,
        /// The last value that it reaches in this way.
        last: u32,
    },
}

impl Forecast {
    /// The same value until the first of `changes` that lies after `now`; for good where none does.
    pub fn until_first(now: Time, changes: impl IntoIterator<Item = Time>) -> Forecast {
        let next = changes.into_iter().filter(|t| *t > now && *t != Time::NEVER).min();
        next.map_or(Forecast::Constant, |t| Forecast::Until(Due::Time(t)))
    }
}

/// What an access sees of the rest of the chip.
#[derive(Debug)]
pub struct Context<'a> {
    /// The instant.
    pub now: Now,
    /// The clocks as they run now.
    pub clocks: Clocks,
    /// The block's base address, for notes.
    pub base: u32,
    /// What is to be done elsewhere.
    pub fx: &'a mut Effects,
}

impl Context<'_> {
    /// Tells that something of the block is not modelled.
    pub fn unmodelled(&mut self, offset: u32, what: &str) {
        let address = self.base + offset;
        self.fx.unmodelled(address, what);
    }

    /// A load where the model has nothing to give: told, but for what the manual reserves. Reads 0.
    #[cold]
    pub fn other_load(&mut self, offset: u32, map: &Map) -> u32 {
        if !map.knows(offset) {
            self.unmodelled(offset, "register that is not modelled: reads 0");
        }
        0
    }

    /// A store where the model has nothing to do: told, but for what can only be read or is reserved.
    #[cold]
    pub fn other_store(&mut self, offset: u32, map: &Map) {
        if !map.knows(offset) {
            self.unmodelled(offset, "register that is not modelled: the write is dropped");
        }
    }
}

/// A block on the bus. Offsets are multiples of 4; narrow accesses arrive widened.
pub trait Peripheral: fmt::Debug {
    /// Reads a register. Reading may have effects, as on the chip.
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32;

    /// Writes the bits of a register that `mask` has set.
    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>);

    /// A reset by RCC's reset register, or by a system reset.
    fn reset(&mut self, cause: ResetCause);

    /// When it next acts by itself.
    fn next_event(&self, _clocks: &Clocks) -> Option<Due> {
        None
    }

    /// What later loads of the register at `offset` would give; asked right after a load at `now`.
    fn forecast(&self, _offset: u32, _now: Now, _clocks: &Clocks) -> Forecast {
        Forecast::Unknown
    }

    /// The register at `offset` was loaded `times` times more with nothing changed: for what only counts loads.
    fn repeated(&mut self, _offset: u32, _times: u32) {}

    /// Brings it to the context's instant.
    fn advance(&mut self, _cx: &mut Context<'_>) {}

    /// Which of its interrupt lines are raised, bit n for the n-th line of its specification.
    fn lines(&self) -> u32 {
        0
    }
}

/// The table of registers of a kind of block; none for the flash interface, whose controller has its own, and for what
/// is not modelled.
pub const fn map_of(kind: Kind) -> Option<&'static Map> {
    Some(match kind {
        Kind::RccF0 => &rcc_f0::reg::MAP,
        Kind::RccG0 => &rcc_g0::reg::MAP,
        Kind::Gpio => &gpio::reg::MAP,
        Kind::TimAdvanced
        | Kind::Tim32
        | Kind::Tim16
        | Kind::TimBasic
        | Kind::Tim1ch
        | Kind::Tim2ch
        | Kind::TimRepeat => timer::tables::map(kind),
        Kind::SyscfgF0 => &syscfg::f0::MAP,
        Kind::SyscfgG0 => &syscfg::g0::MAP,
        Kind::ExtiF0 => &exti::f0::MAP,
        Kind::ExtiG0 => &exti::g0::MAP,
        Kind::IwdgF0 | Kind::IwdgG0 => &iwdg::reg::MAP,
        Kind::WwdgF0 => &wwdg::f0::MAP,
        Kind::WwdgG0 => &wwdg::g0::MAP,
        Kind::PwrF0 => &plain::pwr_f0::MAP,
        Kind::PwrG0 => &plain::pwr_g0::MAP,
        Kind::Dbgmcu => &dbgmcu::reg::MAP,
        Kind::AdcF0 => &adc::f0::MAP,
        Kind::AdcG0 => &adc::g0::MAP,
        Kind::Dma => &dma::reg::MAP,
        Kind::Dmamux => &dma::mux::MAP,
        Kind::Usart => &usart::reg::MAP,
        Kind::CompG0 => &comp::g0::MAP,
        Kind::CrcF0 => &crc::f0::MAP,
        Kind::CrcG0 => &crc::g0::MAP,
        Kind::RtcF0 => &plain::rtc_f0::MAP,
        Kind::RtcG0 => &plain::rtc_g0::MAP,
        Kind::Tamp => &plain::tamp::MAP,
        Kind::FlashF0 | Kind::FlashG0 | Kind::Unmodelled => return None,
    })
}

/// `register` with the bits of `mask` taken from `value`.
pub const fn masked(register: u32, value: u32, mask: u32) -> u32 {
    (register & !mask) | (value & mask)
}

#[cfg(test)]
pub(crate) mod check {
    //! Forecasts against what loads really give.

    use super::*;
    use proptest::test_runner::TestCaseError;

    /// The instant of a cycle at 48 MHz.
    pub fn at(cycle: u64) -> Now {
        Now { cycle, time: Time((u128::from(cycle) * 1_000_000_000_000 / 48_000_000) as u64) }
    }

    /// Clocks of 48 MHz, with this APB prescaler.
    pub fn clocks(ppre: u32) -> Clocks {
        Clocks::new(48_000_000, ppre, 40_000)
    }

    /// Reads `offset` at `cycle`.
    pub fn read(p: &mut dyn Peripheral, offset: u32, cycle: u64, clocks: Clocks) -> u32 {
        p.read(offset, &mut Context { now: at(cycle), clocks, base: 0, fx: &mut Effects::default() })
    }

    /// Writes `offset` at `cycle`.
    pub fn write(p: &mut dyn Peripheral, offset: u32, value: u32, cycle: u64, clocks: Clocks) {
        let mut fx = Effects::default();
        p.write(offset, value, u32::MAX, &mut Context { now: at(cycle), clocks, base: 0, fx: &mut fx });
    }

    /// Loads `offset` at `cycle` and takes the forecast, then compares it with loads of the next `span` cycles: each
    /// of a copy that was left alone since, and of one that is loaded at every cycle. As an engine does, it looks no
    /// further than the next event.
    pub fn forecast<P: Peripheral + Clone>(
        p: &P,
        offset: u32,
        cycle: u64,
        span: u64,
        clocks: Clocks,
    ) -> Result<Forecast, TestCaseError> {
        let mut loaded = p.clone();
        let first = read(&mut loaded, offset, cycle, clocks);
        let forecast = loaded.forecast(offset, at(cycle), &clocks);
        let event = loaded.next_event(&clocks);
        let mut polled = loaded.clone();
        let before = |due: Due, now: Now| match due {
            Due::Cycle(c) => now.cycle < c,
            Due::Time(t) => now.time < t,
        };
        for later in cycle + 1..=cycle + span {
            let now = at(later);
            if event.is_some_and(|e| !before(e, now)) {
                break;
            }
            let wanted = match forecast {
                Forecast::Unknown => break,
                Forecast::Constant => first,
                Forecast::Until(due) if before(due, now) => first,
                Forecast::Until(_) => break,
                Forecast::Counts { next, period, last } => {
                    let counts = if later < next { 0 } else { (later - next) / period + 1 };
                    if counts > u64::from(last - first) {
                        break;
                    }
                    first + counts as u32
                }
            };
            let found = read(&mut loaded.clone(), offset, later, clocks);
            let steady = read(&mut polled, offset, later, clocks);
            proptest::prop_assert_eq!(
                (found, steady),
                (wanted, wanted),
                "{:?} at {} + {}",
                forecast,
                cycle,
                later - cycle
            );
        }
        Ok(forecast)
    }
}
