//! The clocks as they run, and the oscillators' start-up.

use crate::time::Time;

/// The clocks that peripherals count by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// The core's clock.
    pub hclk_hz: u64,
    /// HCLK cycles in one PCLK cycle.
    pub apb_divider: u32,
    /// HCLK cycles in one timer clock: the timers run at twice PCLK where PCLK is divided (RM0091 6.2, RM0444 5.2.13).
    pub timer_divider: u32,
    /// The low-speed internal oscillator.
    pub lsi_hz: u64,
}

impl Clocks {
    /// From HCLK and the APB prescaler's field (0xx: not divided, 100 to 111: 2 to 16).
    pub const fn new(hclk_hz: u64, ppre: u32, lsi_hz: u64) -> Clocks {
        let apb_divider = if ppre & 4 == 0 { 1 } else { 2 << (ppre & 3) };
        let timer_divider = if apb_divider == 1 { 1 } else { apb_divider / 2 };
        Clocks { hclk_hz, apb_divider, timer_divider, lsi_hz }
    }

    /// PCLK.
    pub const fn pclk_hz(&self) -> u64 {
        self.hclk_hz / self.apb_divider as u64
    }
}

/// The divisor of an AHB prescaler field (0xxx: 1; 1000 to 1111: 2, 4, 8, 16, 64, 128, 256, 512).
pub const fn ahb_divisor(hpre: u32) -> u64 {
    match hpre & 0xF {
        0..=7 => 1,
        8..=11 => 2 << (hpre & 3),
        _ => 64 << (hpre & 3),
    }
}

/// An oscillator or PLL: on, and ready some time later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Oscillator {
    on: bool,
    ready_at: Time,
}

impl Oscillator {
    /// One that runs since before time began.
    pub const fn running() -> Oscillator {
        Oscillator { on: true, ready_at: Time::ZERO }
    }

    /// Follows its enable bit.
    pub fn set(&mut self, on: bool, now: Time, start_up: Time) {
        if on && !self.on {
            self.ready_at = now + start_up;
        }
        self.on = on;
    }

    /// Whether it is enabled.
    pub const fn is_on(&self) -> bool {
        self.on
    }

    /// Whether it has started.
    pub fn is_ready(&self, now: Time) -> bool {
        self.on && now >= self.ready_at
    }

    /// When it becomes ready; none where it is off or ready already.
    pub fn pending(&self, now: Time) -> Option<Time> {
        (self.on && now < self.ready_at).then_some(self.ready_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prescalers() {
        assert_eq!([0, 7, 8, 9, 11, 12, 15].map(ahb_divisor), [1, 1, 2, 4, 16, 64, 512]);
        let c = Clocks::new(48_000_000, 0b101, 40_000);
        assert_eq!((c.apb_divider, c.timer_divider, c.pclk_hz()), (4, 2, 12_000_000));
        assert_eq!(Clocks::new(1, 3, 1).apb_divider, 1);
    }

    #[test]
    fn ready_follows_enable_by_the_start_up_time() {
        let mut o = Oscillator::default();
        o.set(true, Time(100), Time(50));
        assert!(!o.is_ready(Time(149)) && o.is_ready(Time(150)));
        assert_eq!(o.pending(Time(120)), Some(Time(150)));
        o.set(true, Time(200), Time(50));
        assert!(o.is_ready(Time(200)), "setting it again does not restart it");
        o.set(false, Time(210), Time(50));
        assert!(!o.is_ready(Time(300)));
    }
}
