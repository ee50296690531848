//! The independent watchdog (RM0091 chapter 23, RM0444 chapter 28). Its reloads are an app's heartbeat, which the chip
//! records with the instruction that makes them.

use super::registers::registers;
use super::{Clocks, Context, Due, Forecast, Peripheral, masked};
use crate::bus::ResetCause;
use crate::time::{Now, Time};

/// What is written to KR (23.4.1, 28.4.1): starts the watchdog.
const START: u32 = 0xCCCC;
/// Reloads the counter.
pub const RELOAD: u32 = 0xAAAA;
/// Opens the other registers.
const UNLOCK: u32 = 0x5555;

/// LSI cycles until a new prescaler, reload or window value is taken over.
const UPDATE_CYCLES: u64 = 5;

registers! {
    /// RM0091 23.4, RM0444 28.4.
    pub mod reg {
        0x00 KR   w  0x0000_0000 0x0000_FFFF;
        0x04 PR   x  0x0000_0000 0x0000_0007;
        0x08 RLR  x  0x0000_0FFF 0x0000_0FFF;
        0x0C SR   r  0x0000_0000 0x0000_0000;
        0x10 WINR x  0x0000_0FFF 0x0000_0FFF;
        reserved 0x14..0x400;
    }
}
use reg::{resets, writes};

/// The watchdog.
#[derive(Clone, Debug)]
pub struct Iwdg {
    pr: u32,
    rlr: u32,
    winr: u32,
    unlocked: bool,
    started: bool,
    expires: Time,
    reloaded: Time,
    /// Until when PVU, RVU and WVU stand.
    updating: [Time; 3],
    /// What PR, RLR and WINR read until then: a register read gives the old value while its bit stands (RM0444 28.4.2,
    /// 28.4.3, 28.4.5; RM0091 23.4.2 and on; seen on a G0B1).
    before: [u32; 3],
    /// On the G0 registers are taken over only once the watchdog runs: seen on silicon.
    starts_first: bool,
}

impl Default for Iwdg {
    fn default() -> Iwdg {
        Iwdg {
            pr: resets::PR,
            rlr: resets::RLR,
            winr: resets::WINR,
            unlocked: false,
            started: false,
            expires: Time::NEVER,
            reloaded: Time::ZERO,
            updating: [Time::ZERO; 3],
            before: [resets::PR, resets::RLR, resets::WINR],
            starts_first: false,
        }
    }
}

impl Iwdg {
    /// A watchdog; whether what is written to its registers waits for its start (the G0's), or not.
    pub fn new(starts_first: bool) -> Iwdg {
        Iwdg { starts_first, ..Iwdg::default() }
    }

    /// Whether it runs; only a reset stops it.
    pub const fn is_started(&self) -> bool {
        self.started
    }

    /// Starts it, by key or by option byte.
    pub fn start(&mut self, now: Time, clocks: &Clocks) {
        self.started = true;
        for n in 0..3 {
            if self.updating[n] == Time::NEVER {
                self.update(n, now, clocks);
            }
        }
        self.reload(now, clocks);
    }

    /// Counts of LSI / 4 / 2^PR, with PR 6 and 7 both 256.
    fn span(&self, counts: u32, clocks: &Clocks) -> Time {
        Time::from_cycles(u64::from(counts) * (4 << self.pr.min(6)), clocks.lsi_hz)
    }

    fn reload(&mut self, now: Time, clocks: &Clocks) {
        self.reloaded = now;
        self.expires = now + self.span(self.rlr + 1, clocks);
    }

    /// PR, RLR or WINR as it reads now.
    fn shown(&self, which: usize, now: Time) -> u32 {
        if now < self.updating[which] { self.before[which] } else { [self.pr, self.rlr, self.winr][which] }
    }

    /// A register is about to be written: it reads as now until it is taken over.
    fn keep(&mut self, which: usize, now: Time) {
        self.before[which] = self.shown(which, now);
    }

    fn update(&mut self, which: usize, now: Time, clocks: &Clocks) {
        self.updating[which] = if self.starts_first && !self.started {
            Time::NEVER
        } else {
            now + Time::from_cycles(UPDATE_CYCLES, clocks.lsi_hz)
        };
    }
}

impl Peripheral for Iwdg {
    fn read(&mut self, offset: u32, cx: &mut Context<'_>) -> u32 {
        match offset {
            reg::PR => self.shown(0, cx.now.time),
            reg::RLR => self.shown(1, cx.now.time),
            reg::SR => (0..3).filter(|n| cx.now.time < self.updating[*n]).fold(0, |v, n| v | 1 << n),
            reg::WINR => self.shown(2, cx.now.time),
            _ => cx.other_load(offset, &reg::MAP),
        }
    }

    fn write(&mut self, offset: u32, value: u32, mask: u32, cx: &mut Context<'_>) {
        let now = cx.now.time;
        match (offset, value & mask & 0xFFFF) {
            (reg::KR, START) => self.start(now, &cx.clocks),
            (reg::KR, RELOAD) => {
                self.unlocked = false;
                if self.started {
                    // A reload before the counter has come down to the window resets the chip.
                    let early =
                        self.winr < self.rlr && now < self.reloaded + self.span(self.rlr - self.winr, &cx.clocks);
                    if early {
                        cx.fx.reset(ResetCause::Iwdg);
                    }
                    self.reload(now, &cx.clocks);
                }
                // The event at the old end finds nothing to do: looking for the new one now would cost every round of
                // a main loop.
                return;
            }
            (reg::KR, key) => self.unlocked = key == UNLOCK,
            (reg::PR, _) if self.unlocked => {
                self.keep(0, now);
                self.pr = masked(self.pr, value, mask & writes::PR);
                self.update(0, now, &cx.clocks);
            }
            (reg::RLR, _) if self.unlocked => {
                self.keep(1, now);
                self.rlr = masked(self.rlr, value, mask & writes::RLR);
                self.update(1, now, &cx.clocks);
            }
            (reg::WINR, _) if self.unlocked => {
                self.keep(2, now);
                self.winr = masked(self.winr, value, mask & writes::WINR);
                self.update(2, now, &cx.clocks);
                // Writing the window reloads the counter.
                if self.started {
                    self.reload(now, &cx.clocks);
                }
            }
            _ => cx.other_store(offset, &reg::MAP),
        }
        cx.fx.events();
    }

    fn reset(&mut self, _: ResetCause) {
        *self = Iwdg { starts_first: self.starts_first, ..Iwdg::default() };
    }

    fn next_event(&self, _: &Clocks) -> Option<Due> {
        self.started.then_some(Due::Time(self.expires))
    }

    fn advance(&mut self, cx: &mut Context<'_>) {
        if self.started && cx.now.time >= self.expires {
            cx.fx.reset(ResetCause::Iwdg);
        }
    }

    fn forecast(&self, offset: u32, now: Now, _: &Clocks) -> Forecast {
        match offset {
            reg::PR => Forecast::until_first(now.time, [self.updating[0]]),
            reg::RLR => Forecast::until_first(now.time, [self.updating[1]]),
            reg::WINR => Forecast::until_first(now.time, [self.updating[2]]),
            reg::SR => Forecast::until_first(now.time, self.updating),
            _ => Forecast::Constant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Effects;
    use crate::periph::check;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn forecasts_hold(started in any::<bool>(), g0 in any::<bool>(), asked in 1u64..9_000) {
            let clocks = check::clocks(0);
            let mut w = Iwdg::new(g0);
            if started {
                check::write(&mut w, 0, 0xCCCC, 0, clocks);
            }
            check::write(&mut w, 0, 0x5555, 10, clocks);
            check::write(&mut w, 4, 3, 20, clocks);
            check::write(&mut w, 8, 3, 2_000, clocks);
            for offset in [0x4, 0x8, 0xC, 0x10] {
                prop_assert_ne!(check::forecast(&w, offset, asked.max(2_001), 7_000, clocks)?, Forecast::Unknown);
            }
        }
    }

    fn with<R>(us: u64, f: impl FnOnce(&mut Context<'_>) -> R) -> (R, Effects) {
        let mut fx = Effects::default();
        let now = Now { cycle: 0, time: Time::from_micros(us) };
        let r = f(&mut Context { now, clocks: Clocks::new(48_000_000, 0, 40_000), base: 0x4000_3000, fx: &mut fx });
        (r, fx)
    }

    #[test]
    fn it_resets_unless_it_is_fed() {
        let mut w = Iwdg::default();
        let key = |w: &mut Iwdg, us, k| with(us, |cx| w.write(0, k, u32::MAX, cx));
        key(&mut w, 0, 0x5555);
        with(0, |cx| w.write(4, 4, 7, cx));
        with(0, |cx| w.write(8, 999, u32::MAX, cx));
        assert_eq!(with(50, |cx| w.read(0xC, cx)).0, 3, "the update takes some LSI cycles");
        assert_eq!(with(200, |cx| w.read(0xC, cx)).0, 0);
        key(&mut w, 0, 0xCCCC);
        assert_eq!(w.next_event(&Clocks::new(1, 0, 40_000)), Some(Due::Time(Time::from_millis(1600))));
        key(&mut w, 1_000_000, 0xAAAA);
        assert_eq!(with(1_700_000, |cx| w.advance(cx)).1.reset, None);
        assert_eq!(with(2_600_000, |cx| w.advance(cx)).1.reset, Some(ResetCause::Iwdg));
    }

    #[test]
    fn on_the_g0_it_has_to_be_started_first() {
        let mut w = Iwdg::new(true);
        with(0, |cx| w.write(0, 0x5555, u32::MAX, cx));
        with(0, |cx| w.write(4, 4, 7, cx));
        assert_eq!(with(1_000_000, |cx| w.read(0xC, cx)).0, 1, "PVU stands for ever");
        with(1_000_000, |cx| w.write(0, 0xCCCC, u32::MAX, cx));
        assert_eq!(with(1_000_500, |cx| w.read(0xC, cx)).0, 0);
    }

    #[test]
    fn a_register_reads_its_old_value_until_it_is_taken_over() {
        let mut w = Iwdg::default();
        with(0, |cx| w.write(0, 0x5555, u32::MAX, cx));
        with(0, |cx| w.write(8, 0xABC, u32::MAX, cx));
        assert_eq!([1, 124, 126].map(|us| with(us, |cx| w.read(8, cx)).0), [0xFFF, 0xFFF, 0xABC]);
        let mut g0 = Iwdg::new(true);
        with(0, |cx| g0.write(0, 0x5555, u32::MAX, cx));
        with(0, |cx| g0.write(8, 0xABC, u32::MAX, cx));
        assert_eq!(with(626_000, |cx| g0.read(8, cx)).0, 0xFFF, "as on a G0B1 whose watchdog was not started");
        with(626_000, |cx| g0.write(0, 0xCCCC, u32::MAX, cx));
        assert_eq!(with(627_000, |cx| g0.read(8, cx)).0, 0xABC);
    }

    #[test]
    fn locked_registers_keep_their_values() {
        let mut w = Iwdg::default();
        with(0, |cx| w.write(8, 5, u32::MAX, cx));
        assert_eq!(with(0, |cx| w.read(8, cx)).0, 0xFFF);
    }
}
