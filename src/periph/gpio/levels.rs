//! What stands at the pins: the chip's outputs and pulls against what is outside, by their resistances.
//!
//! All that leads to a pin is a divider between ground and VDD. The Schmitt trigger behind it is sure of a voltage up to
//! 0.3 VDD and from 0.7 VDD on (VIL and VIH of all pins but BOOT0: STM32F051 data sheet, DS8668, I/O static
//! characteristics; of the G0 the same is assumed, its data sheet, DS12232, was not at hand). In between a pin goes on
//! reading what it last read, and this is told as choice [`UNDECIDED`].

use super::{Gpio, pins_in, reg};
use crate::periph::Context;
use crate::periph::signal::{Drive, Ohms, Signal};
use crate::time::Time;

/// The rule of a pin whose voltage lies between the thresholds ([`crate::chip::choices`]).
pub const UNDECIDED: &str = "P1";

/// RPU and RPD, typical; from 25 to 55 kOhm (DS8668, I/O static characteristics; assumed of the G0).
pub const PULL: Ohms = Ohms(40_000);

/// UCPD's Rd: 5.1 kOhm is what USB Type-C asks of a sink.
const DEAD_BATTERY: Ohms = Ohms(5_100);

/// A push-pull output of the chip is as strong as what drives a wire unless told otherwise: 0.4 V at 8 mA.
const OUTPUT: Ohms = Signal::SOURCE;

/// A wire that is driven through so much or less has its way against every pull of the chip: 5,100 beside 40,000 Ohm are
/// 4,523, and 0.3 of the sum is not reached up to 1,938.
const STRONG: Ohms = Ohms(1_900);

/// The chip's supply, for currents: the boards of ESCs have 3.3 V.
const SUPPLY_MV: u64 = 3_300;

/// The level at each pin of a port, one bit each. What is neither high, low, floating nor undecided is analog, or driven
/// by a block whose output is not modelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// At 0.7 VDD or above.
    pub high: u16,
    /// At 0.3 VDD or below.
    pub low: u16,
    /// Between the two: it reads what it last read.
    pub undecided: u16,
    /// Left alone.
    pub floats: u16,
    /// Driven by the port's own output.
    pub output: u16,
}

/// Conductances to ground and to VDD, in picosiemens.
#[derive(Clone, Copy, Debug, Default)]
struct Divider {
    low: u64,
    high: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Low,
    High,
    Undecided,
    Floats,
}

impl Divider {
    /// Something more leads to ground, or to VDD.
    fn add(&mut self, to_vdd: bool, through: Ohms) {
        let side = if to_vdd { &mut self.high } else { &mut self.low };
        *side += 1_000_000_000_000 / u64::from(through.0.max(1));
    }

    fn level(self) -> Level {
        // The voltage is high / (high + low) of VDD.
        match (10 * self.high, self.high + self.low) {
            (_, 0) => Level::Floats,
            (high, all) if high >= 7 * all => Level::High,
            (high, all) if high <= 3 * all => Level::Low,
            _ => Level::Undecided,
        }
    }
}

/// What leads from outside to a pin.
const fn outside(drive: Drive, source: Ohms) -> Option<(bool, Ohms)> {
    match drive {
        Drive::Floating => None,
        Drive::Low => Some((false, source)),
        Drive::High => Some((true, source)),
        Drive::PulledLow(ohms) => Some((false, ohms)),
        Drive::PulledHigh(ohms) => Some((true, ohms)),
    }
}

impl Gpio {
    /// Pins whose output drives: open drain high lets go.
    pub(super) const fn driving(&self) -> u16 {
        self.mode.output & !(self.otyper as u16 & self.odr as u16)
    }

    /// The levels at the pins, as their Schmitt triggers see them; analog pins read 0. What floats without a pull, or
    /// stands between the thresholds, goes on reading what it last read.
    pub fn levels(&mut self, time: Time) -> u16 {
        self.look(time);
        self.held & !self.mode.analog
    }

    /// Takes up what the pins read at this time.
    pub(super) fn look(&mut self, time: Time) -> Levels {
        let levels = self.seen(time);
        let kept = self.wired & !(levels.high | levels.low | self.mode.analog);
        if kept != 0 {
            self.catch_up(kept, time);
        }
        self.looked = time;
        self.held = (self.held & !levels.low) | levels.high;
        levels
    }

    /// What these pins read since they were last looked at: whether anybody looked is nothing to a pin.
    #[cold]
    fn catch_up(&mut self, pins: u16, time: Time) {
        for pin in pins_in(pins) {
            let Some(wire) = &self.wires[pin] else { continue };
            let mut held = self.held;
            // The pin may be set up, or wired, in another way since it was looked at.
            let changes = std::iter::successors(Some(self.looked), |at| wire.next_change(*at));
            for at in changes.take_while(|at| *at < time) {
                match self.against(pin, wire.at(at), wire.source()) {
                    Level::Low => held &= !(1 << pin),
                    Level::High => held |= 1 << pin,
                    Level::Undecided | Level::Floats => {}
                }
            }
            self.held = held;
        }
    }

    /// What stands at the pins, seen from outside.
    pub fn seen(&self, time: Time) -> Levels {
        let super::Modes { input, output, analog, pull_up, pull_down } = self.mode;
        let odr = self.odr as u16;
        let driving = self.driving();
        let pulled = !(driving | analog);
        let mut low = (driving & !odr) | (pulled & (pull_down | self.dead_battery));
        let mut high = (driving & odr) | (pulled & pull_up & !self.dead_battery);
        let mut undecided = 0;
        for pin in pins_in(self.wired & !analog) {
            let Some(wire) = &self.wires[pin] else { continue };
            let bit = 1 << pin;
            let level = match wire.at(time) {
                Drive::Floating => continue,
                Drive::Low if wire.source() <= STRONG && driving & bit == 0 => Level::Low,
                Drive::High if wire.source() <= STRONG && driving & bit == 0 => Level::High,
                drive => self.against(pin, drive, wire.source()),
            };
            (low, high) = (low & !bit, high & !bit);
            match level {
                Level::Low => low |= bit,
                Level::High => high |= bit,
                Level::Undecided => undecided |= bit,
                Level::Floats => {}
            }
        }
        let floats = (input | output) & !(low | high | undecided);
        Levels { high, low, undecided, floats, output: driving }
    }

    /// The level of a pin that is not analog, with this on its wire.
    fn against(&self, pin: usize, drive: Drive, source: Ohms) -> Level {
        let bit = 1 << pin;
        let mut divider = Divider::default();
        if let Some((to_vdd, ohms)) = outside(drive, source) {
            divider.add(to_vdd, ohms);
        }
        if self.driving() & bit != 0 {
            divider.add(self.odr & u32::from(bit) != 0, OUTPUT);
        }
        // Pulls stay on in every mode but analog (RM0091 8.3.10, RM0444 7.3.10).
        if self.mode.pull_up & bit != 0 {
            divider.add(true, PULL);
        }
        if self.mode.pull_down & bit != 0 {
            divider.add(false, PULL);
        }
        if self.dead_battery & bit != 0 {
            divider.add(false, DEAD_BATTERY);
        }
        divider.level()
    }

    /// Pins with a wire that the chip drives, while nobody was told of an output against a driven wire.
    pub(super) const fn on_guard(&self) -> u16 {
        if self.told_contention { 0 } else { self.wired & self.driving() }
    }

    /// Tells of an output of the chip against a driven wire, the first time that there is one.
    pub(super) fn tell_contention(&mut self, cx: &mut Context<'_>) {
        for pin in pins_in(self.on_guard()) {
            let Some(wire) = &self.wires[pin] else { continue };
            let out = self.odr & (1 << pin) != 0;
            let (chip, outside) = match (out, wire.at(cx.now.time)) {
                (true, Drive::Low) => ("high", "low"),
                (false, Drive::High) => ("low", "high"),
                _ => continue,
            };
            self.told_contention = true;
            let Ohms(source) = wire.source();
            let tenths = 10 * SUPPLY_MV / (u64::from(OUTPUT.0) + u64::from(source));
            cx.fx.note(
                cx.base + reg::ODR,
                format!(
                    "contention: the chip drives P{}{pin} {chip}, the wire drives it {outside}: some {}.{} mA at 3.3 V through {} and {source} Ohm",
                    self.port,
                    tenths / 10,
                    tenths % 10,
                    OUTPUT.0,
                ),
            );
            return;
        }
    }

    /// Tells, once, that what somebody takes from these undecided pins rests on a choice.
    pub(super) fn tell_undecided(&mut self, undecided: u16, cx: &mut Context<'_>) {
        let Some(pin) = pins_in(undecided).next().filter(|_| !self.told_undecided) else { return };
        self.told_undecided = true;
        self.look(cx.now.time);
        let level = if self.held & (1 << pin) != 0 { "high" } else { "low" };
        cx.fx.choice(
            UNDECIDED,
            cx.base + reg::IDR,
            format!("P{}{pin} stands between 0.3 and 0.7 VDD, and goes on reading {level}", self.port),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_those_of_the_data_sheets() {
        let level = |low: &[u32], high: &[u32]| {
            let mut divider = Divider::default();
            low.iter().for_each(|ohms| divider.add(false, Ohms(*ohms)));
            high.iter().for_each(|ohms| divider.add(true, Ohms(*ohms)));
            divider.level()
        };
        assert_eq!(level(&[], &[]), Level::Floats);
        assert_eq!((level(&[0], &[]), level(&[], &[u32::MAX])), (Level::Low, Level::High));
        assert_eq!((level(&[40_000], &[40_000]), level(&[50], &[50])), (Level::Undecided, Level::Undecided));
        assert_eq!((level(&[3_000], &[7_000]), level(&[3_001], &[7_000])), (Level::Low, Level::Undecided));
        assert_eq!((level(&[7_000], &[3_000]), level(&[7_000], &[3_001])), (Level::High, Level::Undecided));
        assert_eq!(level(&[40_000, 5_100], &[STRONG.0]), Level::High, "whatever the chip pulls");
        assert_eq!(level(&[STRONG.0], &[40_000]), Level::Low);
    }
}
