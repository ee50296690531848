//! A GPIO port (RM0091 chapter 8, RM0444 chapter 7), and the wires at its pins.

use super::registers::registers;
use super::signal::{Drive, Signal};
use super::{Clocks, Context, Due, Forecast, Peripheral, masked};
use crate::bus::ResetCause;
use crate::time::{Now, Time};

const ANALOG: u32 = 3;
const OUTPUT: u32 = 1;

registers! {
    /// RM0091 8.4, RM0444 7.4.
    pub mod reg {
        0x00 MODER   rw varies      0xFFFF_FFFF;
        0x04 OTYPER  rw 0x0000_0000 0x0000_FFFF;
        0x08 OSPEEDR rw varies      0xFFFF_FFFF;
        0x0C PUPDR   rw varies      0xFFFF_FFFF;
        0x10 IDR     r  varies      0x0000_0000;
        0x14 ODR     rw 0x0000_0000 0x0000_FFFF;
        0x18 BSRR    w  0x0000_0000 0xFFFF_FFFF;
        0x1C LCKR    x  0x0000_0000 0x0001_FFFF;
        0x20 AFRL    rw 0x0000_0000 0xFFFF_FFFF;
        0x24 AFRH    rw 0x0000_0000 0xFFFF_FFFF;
        0x28 BRR     w  0x0000_0000 0x0000_FFFF;
        reserved 0x2C..0x400;
    }
}
use reg::writes;

/// Reset values that differ between parts and ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResetValues {
    /// MODER.
    pub moder: u32,
    /// OSPEEDR.
    pub ospeedr: u32,
    /// PUPDR.
    pub pupdr: u32,
}

/// What MODER, OTYPER and PUPDR come to, a bit for each pin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Modes {
    input: u16,
    output: u16,
    analog: u16,
    pull_up: u16,
    pull_down: u16,
}

/// The level at each pin of a port, one bit each. What is neither high, low nor floating is analog, or driven by a block
/// whose output is not modelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// Driven or pulled up.
    pub high: u16,
    /// Driven or pulled down.
    pub low: u16,
    /// Left alone.
    pub floats: u16,
    /// Driven by the port's own output.
    pub output: u16,
}

/// The pins whose two bits in `fields` are `value`.
const fn pins_with(fields: u32, value: u32) -> u16 {
    let other = fields ^ (value & 3) * 0x5555_5555;
    // A bit for each field that has none set, and these moved together: by 1, 2, 4 and 8.
    let mut pins = !(other | other >> 1) & 0x5555_5555;
    pins = (pins | pins >> 1) & 0x3333_3333;
    pins = (pins | pins >> 2) & 0x0F0F_0F0F;
    pins = (pins | pins >> 4) & 0x00FF_00FF;
    (pins | pins >> 8) as u16
}

/// The pins of a mask.
fn pins_in(mut mask: u16) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let pin = mask.trailing_zeros() as usize;
        mask &= mask.wrapping_sub(1);
        (pin < 16).then_some(pin)
    })
}

/// One port.
#[derive(Clone, Debug)]
pub struct Gpio {
    at_reset: ResetValues,
    moder: u32,
    otyper: u32,
    ospeedr: u32,
    pupdr: u32,
    odr: u32,
    lckr: u32,
    lock_step: u8,
    afr: [u32; 2],
    /// Pins that the USB-C power delivery unit pulls down for a dead battery.
    dead_battery: u16,
    /// What drives each pin from outside.
    wires: [Option<Box<Signal>>; 16],
    /// The level that a floating pin keeps.
    held: u16,
    /// Pins whose mode or pull the code has set, and that it has then sampled as inputs.
    configured: u16,
    sampled: [u32; 16],
    /// Samples of all pins in `mode.input` since these were last told one by one.
    samples: u32,
    /// What the registers say about each pin.
    mode: Modes,
    /// Pins with a wire.
    wired: u16,
    /// Pins whose edges somebody follows.
    watched: u16,
    /// When one of these next changes by itself; the start of time where that has to be found out anew.
    watched_next: Option<Time>,
    /// Pins that the code has driven, and how often their output changed.
    driven: u16,
    toggles: [u32; 16],
}

impl Gpio {
    /// A port as after reset, with nothing on its pins.
    pub fn new(at_reset: ResetValues) -> Gpio {
        let mut port = Gpio {
            at_reset,
            moder: 0,
            otyper: 0,
            ospeedr: 0,
            pupdr: 0,
            odr: 0,
            lckr: 0,
            lock_step: 0,
            afr: [0; 2],
            dead_battery: 0,
            wires: Default::default(),
            held: 0,
            configured: 0,
            sampled: [0; 16],
            samples: 0,
            mode: Modes::default(),
            wired: 0,
            watched: 0,
            watched_next: None,
            driven: 0,
            toggles: [0; 16],
        };
        port.reset(ResetCause::PowerOn);
        port
    }

    /// Pins that UCPD pulls down until its strobe, or none any more. Seen on a G071 at power-on (uliano/brio,
    /// docs/stm32g0/port.md).
    pub const fn pull_for_dead_battery(&mut self, pins: u16) {
        self.dead_battery = pins;
    }

    /// Puts a signal on a pin.
    pub fn drive(&mut self, pin: u8, signal: Signal) {
        if let Some(wire) = self.wires.get_mut(usize::from(pin)) {
            *wire = (!signal.is_nothing()).then(|| Box::new(signal));
            if self.watched & (1 << pin) != 0 {
                self.watched_next = Some(Time::ZERO);
            }
            self.wired = masked(u32::from(self.wired), u32::from(wire.is_some()) << pin, 1 << pin) as u16;
        }
    }

    /// Pins that the code configured as inputs and sampled since power-on, with the number of samples.
    pub fn sampled_inputs(&self) -> impl Iterator<Item = (u8, u32)> + '_ {
        (0..16u8)
            .filter(|p| self.configured & (1 << p) != 0)
            .map(|p| (p, self.samples_of(usize::from(p))))
            .filter(|s| s.1 > 0)
    }

    /// Pins that the code drove as outputs since power-on, with the number of level changes.
    pub fn driven_outputs(&self) -> impl Iterator<Item = (u8, u32)> + '_ {
        (0..16u8).filter(|p| self.driven & (1 << p) != 0).map(|p| (p, self.toggles[usize::from(p)]))
    }

    /// Forgets which pins were sampled and driven.
    pub fn forget(&mut self) {
        self.configured = 0;
        self.sampled = [0; 16];
        self.samples = 0;
        self.driven = 0;
        self.toggles = [0; 16];
    }

    /// The levels at the pins, as their Schmitt triggers see them; analog pins read 0. A pin that floats without a
    /// pull keeps the level that was last seen there.
    pub fn levels(&mut self, time: Time) -> u16 {
        let Levels { high, low, .. } = self.seen(time);
        self.held = (self.held & !low) | high;
        self.held & !self.mode.analog
    }

    /// What stands at the pins, seen from outside.
    pub fn seen(&self, time: Time) -> Levels {
        let Modes { input, output, analog, pull_up, pull_down } = self.mode;
        let odr = self.odr as u16;
        // Open drain high lets go of the pin.
        let driving = output & !(self.otyper as u16 & odr);
        let (mut low, mut high) = (driving & !odr, driving & odr);
        for pin in pins_in(self.wired & !(driving | analog)) {
            match self.wires[pin].as_ref().map_or(Drive::Floating, |s| s.at(time)) {
                Drive::Low | Drive::PulledLow(_) => low |= 1 << pin,
                Drive::High | Drive::PulledHigh(_) => high |= 1 << pin,
                Drive::Floating => {}
            }
        }
        let floating = !(low | high | analog);
        // UCPD's 5.1 kOhm win against a pull-up of some 40.
        low |= floating & (pull_down | self.dead_battery);
        high |= floating & pull_up & !self.dead_battery;
        let floats = (input | output) & !(low | high);
        Levels { high, low, floats, output: driving }
    }

    /// The instant after `time` at which a wire's drive next changes.
    pub fn next_change(&self, time: Time) -> Option<Time> {
        pins_in(self.wired).filter_map(|pin| self.wires[pin].as_ref()?.next_change(time)).min()
    }

    /// Says whose edges matter from this instant on.
    pub fn watch(&mut self, watched: u16, time: Time) {
        self.watched = watched;
        self.watched_next =
            pins_in(self.wired & watched).filter_map(|pin| self.wires[pin].as_ref()?.next_change(time)).min();
    }

    /// Whether the alternate function `af` has this pin.
    pub const fn alternate(&self, pin: u8, af: u8) -> bool {
        let afr = self.afr[(pin as usize / 8) % 2] >> (4 * (pin as u32 % 8)) & 0xF;
        self.moder >> (2 * (pin as u32 % 16)) & 3 == 2 && afr == af as u32
    }

    fn input(&mut self, time: Time) -> u32 {
        self.samples = self.samples.saturating_add(1);
        u32::from(self.levels(time))
    }

    /// How often a pin was sampled as an input.
    fn samples_of(&self, pin: usize) -> u32 {
        let recent = if self.mode.input & (1 << pin) != 0 { self.samples } else { 0 };
        self.sampled[pin].saturating_add(recent)
    }

    /// Takes up what MODER and PUPDR say.
    fn follow_modes(&mut self) {
        for pin in pins_in(self.mode.input) {
            self.sampled[pin] = self.samples_of(pin);
        }
        self.samples = 0;
        self.mode = Modes {
            input: pins_with(self.moder, 0),
            output: pins_with(self.moder, OUTPUT),
            analog: pins_with(self.moder, ANALOG),
            pull_up: pins_with(self.pupdr, 1),
            pull_down: pins_with(self.pupdr, 2),
        };
    }

    fn set_output(&mut self, value: u32) {
        let changed = (self.odr ^ value) as u16;
        self.odr = value & 0xFFFF;
        for pin in pins_in(changed & self.mode.output) {
            self.toggles[pin] = self.toggles[pin].saturating_add(1);
        }
    }

    /// Locked pins.
    const fn locked(&self) -> u32 {
        if self.lckr & (1 << 16) == 0 { 0 } else { self.lckr & 0xFFFF }
    }

    /// Fields of 2 bits that belong to locked pins.
    fn frozen(&self) -> u32 {
        if self.lckr & (1 << 16) == 0 {
            return 0;
        }
        (0..16).filter(|p| self.lckr & (1 << p) != 0).fold(0, |m, p| m | 3 << (2 * p))
    }

    fn note_fields(&mut self, before: u32, after: u32) {
        for pin in 0..16 {
            if (before ^ after) >> (2 * pin) & 3 != 0 {
                self.configured |= 1 << pin;
            }
        }
    }

    /// The key sequence: with LCKK, without, with, then a read (8.4.8).
    fn write_lock(&mut self, value: u32) {
        if self.lckr & (1 << 16) != 0 {
            return;
        }
        let key = value & (1 << 16) != 0;
        let same = value & 0xFFFF == self.lckr & 0xFFFF;
        self.lock_step = match (self.lock_step, key, same) {
            (0, true, _) => 1,
            (1, false, true) => 2,
            (2, true, true) => 3,
            _ => 0,
        };
        self.lckr = value & 0xFFFF;
    }

    fn write_register(&mut self, offset: u32, value: u32, mask: u32, frozen: u32, cx: &mut Context<'_>) {
        let time = cx.now.time;
        match offset {
            reg::MODER => {
                // A pin that floats from now on keeps the level it had.
                self.levels(time);
                let before = self.moder;
                self.moder = masked(before, value, mask & !frozen);
                self.note_fields(before, self.moder);
                self.follow_modes();
                self.driven |= self.mode.output;
            }
            reg::OTYPER => self.otyper = masked(self.otyper, value, mask & writes::OTYPER & !self.locked()),
            reg::OSPEEDR => self.ospeedr = masked(self.ospeedr, value, mask & !frozen),
            reg::PUPDR => {
                self.levels(time);
                let before = self.pupdr;
                self.pupdr = masked(before, value, mask & !frozen);
                self.note_fields(before, self.pupdr);
                self.follow_modes();
            }
            reg::ODR => self.set_output(masked(self.odr, value, mask & writes::ODR)),
            reg::BSRR => {
                let bits = value & mask;
                // Set wins over reset.
                self.set_output((self.odr & !(bits >> 16)) | (bits & 0xFFFF));
            }
            reg::LCKR => self.write_lock(value & mask),
            reg::AFRL | reg::AFRH => {
                let n = ((offset - reg::AFRL) / 4) as usize;
                let locked =
                    (0..8).filter(|p| self.locked() & (1 << (8 * n + p)) != 0).fold(0, |m, p| m | 0xF << (4 * p));
                self.afr[n] = masked(self.afr[n], value, mask & !locked);
            }
            reg::BRR => self.set_output(self.odr & !(value & mask & writes::BRR)),
            _ => cx.other_store(offset, &reg::MAP),
        }
    }
}

impl Peripheral for Gpio {
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32 {
        match offset {
            reg::MODER => self.moder,
            reg::OTYPER => self.otyper,
            reg::OSPEEDR => self.ospeedr,
            reg::PUPDR => self.pupdr,
            reg::IDR => self.input(cx.now.time),
            reg::ODR => self.odr,
            reg::LCKR => {
                if self.lock_step == 3 {
                    self.lckr |= 1 << 16;
                    self.lock_step = 0;
                }
                self.lckr
            }
            reg::AFRL => self.afr[0],
            reg::AFRH => self.afr[1],
            _ => cx.other_load(offset, &reg::MAP),
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        let frozen = self.frozen();
        let before = self.odr;
        self.write_register(offset, value, mask, frozen, cx);
        let outputs = (before ^ self.odr) & u32::from(self.watched) != 0;
        let followed = self.watched != 0 && matches!(offset, reg::OTYPER | reg::PUPDR);
        if outputs || followed || matches!(offset, reg::MODER | reg::AFRL | reg::AFRH) {
            cx.fx.pins();
        }
    }

    fn reset(&mut self, cause: ResetCause) {
        self.moder = self.at_reset.moder;
        self.otyper = 0;
        self.ospeedr = self.at_reset.ospeedr;
        self.pupdr = self.at_reset.pupdr;
        self.odr = 0;
        self.lckr = 0;
        self.lock_step = 0;
        self.afr = [0; 2];
        self.follow_modes();
        if cause == ResetCause::PowerOn {
            self.held = 0;
        }
    }

    fn next_event(&self, _: &Clocks) -> Option<Due> {
        self.watched_next.map(Due::Time)
    }

    fn forecast(&self, offset: u32, now: Now, _: &Clocks) -> Forecast {
        match (offset, self.next_change(now.time)) {
            (reg::IDR, Some(change)) => Forecast::Until(Due::Time(change)),
            // A load ends the lock sequence.
            (reg::LCKR, _) => Forecast::Unknown,
            _ => Forecast::Constant,
        }
    }

    fn repeated(&mut self, offset: u32, times: u32) {
        if offset == reg::IDR {
            self.samples = self.samples.saturating_add(times);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Effects;
    use crate::periph::check;
    use proptest::prelude::*;

    /// SWDIO with its pull-up, SWCLK with its pull-down; the rest inputs or analog.
    const PORT_A_F0: ResetValues = ResetValues { moder: 0x2800_0000, ospeedr: 0x0C00_0000, pupdr: 0x2400_0000 };
    const PORT_A_G0: ResetValues = ResetValues { moder: 0xEBFF_FFFF, ..PORT_A_F0 };

    fn signals() -> impl Strategy<Value = Signal> {
        let drive = prop::sample::select(&[Drive::Floating, Drive::Low, Drive::High][..]);
        let changes = prop::collection::vec((0u64..60_000_000, drive.clone()), 0..6);
        (drive, changes)
            .prop_map(|(start, c)| Signal::timeline(start, c.into_iter().map(|(t, d)| (Time(t), d)).collect()))
    }

    /// A pin by itself, worked out the long way.
    fn level(port: &Gpio, held: &mut u16, pin: u32, time: Time) -> bool {
        let (mode, bit) = (port.moder >> (2 * pin) & 3, 1 << pin);
        let out = port.odr & bit != 0;
        let drive = port.wires[pin as usize].as_ref().map_or(Drive::Floating, |s| s.at(time));
        let level = match (mode, drive, port.pupdr >> (2 * pin) & 3) {
            (ANALOG, ..) => return false,
            (OUTPUT, ..) if !(out && port.otyper & bit != 0) => out,
            (_, Drive::Low | Drive::PulledLow(_), _) | (_, Drive::Floating, 2) => false,
            (_, Drive::High | Drive::PulledHigh(_), _) | (_, Drive::Floating, 1) => true,
            (_, Drive::Floating, _) => return u32::from(*held) & bit != 0,
        };
        *held = if level { *held | bit as u16 } else { *held & !(bit as u16) };
        level
    }

    proptest! {
        #[test]
        fn forecasts_hold_and_pins_are_what_their_fields_say(
            registers in prop::array::uniform4(any::<u32>()), wires in prop::collection::vec((0u8..16, signals()), 0..4),
            asked in prop::collection::vec(1u64..600, 1..5), times in 0u32..9,
        ) {
            let clocks = check::clocks(0);
            let mut port = Gpio::new(PORT_A_F0);
            for (pin, signal) in wires {
                port.drive(pin, signal);
            }
            for (offset, value) in [0x14, 4, 0xC, 0].into_iter().zip(registers) {
                check::write(&mut port, offset, value, 0, clocks);
            }
            let (mut cycle, mut held) = (0, port.held);
            for step in asked {
                cycle += step;
                for offset in [0, 0x10, 0x14, 0x1C, 0x20] {
                    check::forecast(&port, offset, cycle, 3_000, clocks)?;
                }
                let wanted =
                    (0..16).filter(|p| level(&port, &mut held, *p, check::at(cycle).time)).fold(0, |v, p| v | 1 << p);
                prop_assert_eq!(check::read(&mut port, 0x10, cycle, clocks), wanted);
            }
            let mut skipped = port.clone();
            skipped.repeated(0x10, times);
            for _ in 0..times {
                check::read(&mut port, 0x10, cycle, clocks);
            }
            prop_assert_eq!(port.sampled_inputs().collect::<Vec<_>>(), skipped.sampled_inputs().collect::<Vec<_>>());
        }
    }

    fn with<R>(time: u64, f: impl FnOnce(&mut Context<'_>) -> R) -> R {
        let mut fx = Effects::default();
        let now = Now { cycle: 0, time: Time(time) };
        f(&mut Context { now, clocks: Clocks::new(8_000_000, 0, 40_000), base: 0x4800_0000, fx: &mut fx })
    }

    fn idr(port: &mut Gpio, time: u64) -> u32 {
        with(time, |cx| port.read(0x10, cx))
    }

    fn set(port: &mut Gpio, offset: u32, value: u32) {
        with(0, |cx| port.write(offset, value, u32::MAX, cx));
    }

    #[test]
    fn a_floating_input_follows_its_pull_and_then_keeps_its_level() {
        let mut port = Gpio::new(ResetValues::default());
        assert_eq!(idr(&mut port, 0), 0);
        set(&mut port, 0x0C, 1 << 4);
        assert_eq!(idr(&mut port, 0), 1 << 2);
        set(&mut port, 0x0C, 0);
        assert_eq!(idr(&mut port, 0), 1 << 2, "no pull: the last level stays");
        set(&mut port, 0x0C, 2 << 4);
        assert_eq!(idr(&mut port, 0), 0);
    }

    #[test]
    fn a_driven_input_wins_over_the_pull_and_follows_its_timeline() {
        let mut port = Gpio::new(ResetValues::default());
        set(&mut port, 0x0C, 2 << 8);
        port.drive(4, Signal::timeline(Drive::High, vec![(Time(50), Drive::Low)]));
        assert_eq!((idr(&mut port, 49), idr(&mut port, 50)), (1 << 4, 0));
        assert_eq!(port.sampled_inputs().collect::<Vec<_>>(), [(4, 2)]);
    }

    #[test]
    fn g0_pins_are_analog_and_read_zero_until_configured() {
        let mut port = Gpio::new(PORT_A_G0);
        port.drive(2, Signal::steady(Drive::High));
        assert_eq!(with(0, |cx| port.read(0, cx)), 0xEBFF_FFFF);
        assert_eq!(idr(&mut port, 0), 1 << 13, "SWDIO's pull-up alone");
        set(&mut port, 0, 0xEBFF_FFCF);
        assert_eq!(idr(&mut port, 0), 1 << 13 | 1 << 2);
    }

    #[test]
    fn outputs_by_odr_bsrr_brr() {
        let mut port = Gpio::new(ResetValues::default());
        set(&mut port, 0, 1 << 10);
        set(&mut port, 0x18, 1 << 5 | 1 << 21);
        assert_eq!(idr(&mut port, 0), 1 << 5, "set wins");
        set(&mut port, 0x28, 1 << 5);
        assert_eq!(idr(&mut port, 0), 0);
        set(&mut port, 0x14, 1 << 5);
        assert_eq!(port.driven_outputs().collect::<Vec<_>>(), [(5, 3)]);
        set(&mut port, 0x04, 1 << 5);
        set(&mut port, 0x0C, 2 << 10);
        assert_eq!(idr(&mut port, 0), 0, "open drain high lets go of the pin");
    }

    #[test]
    fn the_lock_sequence_freezes_mode_and_pull() {
        let mut port = Gpio::new(ResetValues::default());
        for value in [0x1_0004, 0x4, 0x1_0004] {
            set(&mut port, 0x1C, value);
        }
        assert_eq!(with(0, |cx| port.read(0x1C, cx)), 0x1_0004);
        set(&mut port, 0, 0x55);
        assert_eq!(with(0, |cx| port.read(0, cx)), 0x45, "pin 2 stays an input");
    }
}
