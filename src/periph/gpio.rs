//! A GPIO port (RM0091 chapter 8, RM0444 chapter 7), and the wires at its pins.

mod levels;

pub use levels::{Levels, PULL, UNDECIDED};

use super::registers::registers;
use super::signal::Signal;
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

/// A pin's own pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pull {
    /// None.
    None,
    /// Up.
    Up,
    /// Down.
    Down,
}

/// The pins whose two bits in `fields` are `value`.
const fn pins_with(fields: u32, value: u32) -> u16 {
    let other = fields ^ ((value & 3) * 0x5555_5555);
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
    /// Its letter.
    port: char,
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
    /// What a pin last read that was neither floating nor undecided.
    held: u16,
    /// The time up to which that stands.
    looked: Time,
    /// From then on no pin reads anything else before this time, were no register written.
    same_until: Time,
    /// An output against a driven wire was told, a level that rests on a choice was.
    told_contention: bool,
    told_undecided: bool,
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
    /// When one of these next changes by itself, or one that the chip drives, too; the start of time where that has to
    /// be found out anew.
    next_edge: Option<Time>,
    /// Pins that the code has driven, and how often their output changed.
    driven: u16,
    toggles: [u32; 16],
}

impl Gpio {
    /// The port of this letter as after reset, with nothing on its pins.
    pub fn new(port: char, at_reset: ResetValues) -> Gpio {
        let mut port = Gpio {
            port,
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
            looked: Time::ZERO,
            same_until: Time::ZERO,
            told_contention: false,
            told_undecided: false,
            configured: 0,
            sampled: [0; 16],
            samples: 0,
            mode: Modes::default(),
            wired: 0,
            watched: 0,
            next_edge: None,
            driven: 0,
            toggles: [0; 16],
        };
        port.reset(ResetCause::PowerOn);
        port
    }

    /// Pins that UCPD pulls down until its strobe, or none any more. Seen on a G071 at power-on (uliano/brio,
    /// docs/stm32g0/port.md).
    pub fn pull_for_dead_battery(&mut self, pins: u16) {
        self.levels(self.looked);
        self.same_until = Time::ZERO;
        self.dead_battery = pins;
    }

    /// Puts a signal on a pin.
    pub fn drive(&mut self, pin: u8, signal: Signal) {
        self.same_until = Time::ZERO;
        if let Some(wire) = self.wires.get_mut(usize::from(pin)) {
            *wire = (!signal.is_nothing()).then(|| Box::new(signal));
            self.wired = masked(u32::from(self.wired), u32::from(wire.is_some()) << pin, 1 << pin) as u16;
            if (self.watched | self.on_guard()) & (1 << pin) != 0 {
                self.next_edge = Some(Time::ZERO);
            }
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

    /// The pull of a pin that the code has set up and that is an input now.
    pub fn pull_of_input(&self, pin: u8) -> Option<Pull> {
        let bit = 1u16.checked_shl(pin.into())?;
        let Modes { input, pull_up, pull_down, .. } = self.mode;
        (self.configured & input & bit != 0).then_some(match (pull_up & bit != 0, pull_down & bit != 0) {
            (true, _) => Pull::Up,
            (_, true) => Pull::Down,
            _ => Pull::None,
        })
    }

    /// Forgets which pins were sampled and driven.
    pub fn forget(&mut self) {
        self.configured = 0;
        self.sampled = [0; 16];
        self.samples = 0;
        self.driven = 0;
        self.toggles = [0; 16];
    }

    /// The instant after `time` at which a wire's drive next changes.
    pub fn next_change(&self, time: Time) -> Option<Time> {
        pins_in(self.wired).filter_map(|pin| self.wires[pin].as_ref()?.next_change(time)).min()
    }

    /// The same where that is known without working it out: of levels and their changes.
    fn next_of_levels(&self, time: Time) -> Time {
        let mut next = Time(u64::MAX);
        for wire in pins_in(self.wired).filter_map(|pin| self.wires[pin].as_ref()) {
            if !wire.is_timeline() {
                return Time::ZERO;
            }
            next = next.min(wire.next_change(time).unwrap_or(next));
        }
        next
    }

    /// Says whose edges matter from this instant on.
    pub fn watch(&mut self, watched: u16, time: Time) {
        self.watched = watched;
        self.look_ahead(time);
    }

    /// The instant after `time` at which the drive of a pin next changes whose edges matter.
    pub fn next_watched(&self, time: Time) -> Option<Time> {
        let watched = pins_in(self.wired & self.watched);
        watched.filter_map(|pin| self.wires[pin].as_ref()?.next_change(time)).min()
    }

    fn look_ahead(&mut self, time: Time) {
        let pins = self.wired & (self.watched | self.on_guard());
        self.next_edge = pins_in(pins).filter_map(|pin| self.wires[pin].as_ref()?.next_change(time)).min();
    }

    /// Whether the alternate function `af` has this pin.
    pub const fn alternate(&self, pin: u8, af: u8) -> bool {
        let afr = self.afr[(pin as usize / 8) % 2] >> (4 * (pin as u32 % 8)) & 0xF;
        self.moder >> (2 * (pin as u32 % 16)) & 3 == 2 && afr == af as u32
    }

    fn input(&mut self, cx: &mut Context<'_>) -> u32 {
        self.samples = self.samples.saturating_add(1);
        // Code that waits for a pin reads it some million times.
        if cx.now.time >= self.same_until {
            let Levels { undecided, output, .. } = self.look(cx.now.time);
            if undecided & !output != 0 {
                self.tell_undecided(undecided & !output, cx);
            }
            self.same_until = self.next_of_levels(cx.now.time);
        }
        u32::from(self.held & !self.mode.analog)
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

    /// A wire has changed at a pin that is watched or guarded. Apart: each event of the chip comes by.
    #[cold]
    fn pass_edge(&mut self, cx: &mut Context<'_>) {
        self.tell_contention(cx);
        if self.watched != 0 && !self.told_undecided {
            let Levels { undecided, output, .. } = self.seen(cx.now.time);
            self.tell_undecided(undecided & !output & self.watched, cx);
        }
        self.look_ahead(cx.now.time);
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
        // A pin that floats from now on keeps the level it had.
        if matches!(offset, reg::MODER | reg::PUPDR) || (self.wired | self.otyper as u16) & self.mode.output != 0 {
            self.levels(cx.now.time);
        }
        match offset {
            reg::MODER => {
                let before = self.moder;
                self.moder = masked(before, value, mask & !frozen);
                self.note_fields(before, self.moder);
                self.follow_modes();
                self.driven |= self.mode.output;
            }
            reg::OTYPER => self.otyper = masked(self.otyper, value, mask & writes::OTYPER & !self.locked()),
            reg::OSPEEDR => self.ospeedr = masked(self.ospeedr, value, mask & !frozen),
            reg::PUPDR => {
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
            reg::IDR => self.input(cx),
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
        self.same_until = Time::ZERO;
        let frozen = self.frozen();
        let (before, guarded) = (self.odr, self.on_guard());
        self.write_register(offset, value, mask, frozen, cx);
        if (guarded | self.on_guard()) != 0 {
            let edge = self.next_edge;
            self.tell_contention(cx);
            self.look_ahead(cx.now.time);
            if self.next_edge != edge {
                cx.fx.events();
            }
        }
        let outputs = (before ^ self.odr) & u32::from(self.watched) != 0;
        let followed = self.watched != 0 && matches!(offset, reg::OTYPER | reg::PUPDR);
        if outputs || followed || matches!(offset, reg::MODER | reg::AFRL | reg::AFRH) {
            cx.fx.pins();
        }
    }

    fn reset(&mut self, cause: ResetCause) {
        self.levels(self.looked);
        self.same_until = Time::ZERO;
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
            self.looked = Time::ZERO;
            self.told_contention = false;
            self.told_undecided = false;
        }
    }

    fn next_event(&self, _: &Clocks) -> Option<Due> {
        self.next_edge.map(Due::Time)
    }

    fn advance(&mut self, cx: &mut Context<'_>) {
        if self.next_edge.is_some_and(|edge| edge <= cx.now.time) {
            self.pass_edge(cx);
        }
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
mod tests;
