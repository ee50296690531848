//! Levels on their way from pins and comparators to those who follow their edges: EXTI and the timers' inputs.

use super::{Board, EVERYBODY};
use crate::chip::device::{Device, Slot};
use crate::periph::pins;
use crate::time::{Now, Time};
use std::sync::Arc;

/// Ports by number, from 0 for A.
const PORTS: usize = 8;

impl Board {
    /// Asks for a look at everything at the next boundary: the bench has changed something outside.
    pub const fn touch(&mut self) {
        self.next_event = 0;
    }

    /// Brings the levels at this instant to whoever follows them, and says to the ports what is followed. Whether
    /// anybody follows, or did.
    pub(super) fn follow_pins(&mut self, now: Now) -> bool {
        let lines = self.devices.exti().map_or(0, |e| e.watched());
        let captures = self.devices.timers().any(|(_, t)| t.watched_inputs() != 0);
        if lines == 0 && !captures && !std::mem::take(&mut self.watching) {
            return false;
        }
        self.touched = EVERYBODY;
        self.watching = lines != 0 || captures;
        let exticr = self.devices.syscfg().map_or([0; 4], |s| s.exticr());
        let followed = std::mem::replace(&mut self.followed, now.time);
        if lines & 0xFFFF != 0 {
            self.follow_pulses(lines, &exticr, followed, now.time);
        }
        let mut seen: [Option<u16>; PORTS] = [None; PORTS];
        let mut watched = [0u16; PORTS];
        let mut level = |board: &mut Board, port: usize, pin: usize| {
            let Some(levels) = seen.get_mut(port) else { return false };
            let levels = *levels.get_or_insert_with(|| board.devices.port(port).map_or(0, |g| g.levels(now.time)));
            watched[port] |= 1 << pin;
            levels & (1 << pin) != 0
        };
        self.follow_timers(now, &mut level);

        let comparators = self.devices.exti().map_or([0; 2], |e| e.comparator_lines());
        let mut levels = 0u32;
        for line in (0..16).filter(|line| lines & (1 << line) != 0) {
            let port = self.devices.exti().map_or(0, |e| e.port(line, &exticr));
            levels |= u32::from(level(self, port as usize, line)) << line;
        }
        let mut compared = 0;
        for (n, line) in comparators.into_iter().enumerate() {
            compared |= (lines >> line & 1) << n;
        }
        if let Some(comp) = self.devices.comparators() {
            let outputs = comp.outputs(now.time);
            levels |= (outputs & 1) << comparators[0] | (outputs >> 1) << comparators[1];
            comp.watch(compared, now.time);
        }
        if let Some(exti) = self.devices.exti() {
            exti.follow(levels);
        }
        for (port, pins) in watched.into_iter().enumerate() {
            if let Some(gpio) = self.devices.port(port) {
                gpio.watch(pins, now.time);
            }
        }
        true
    }

    /// EXTI's edge detectors do not wait for a clock: they see pulses that begin and end within one cycle.
    fn follow_pulses(&mut self, lines: u32, exticr: &[u32; 4], since: Time, until: Time) {
        let next = |board: &mut Board, time| board.devices.gpios().filter_map(|(_, g)| g.next_watched(time)).min();
        let Some(mut at) = next(self, since).filter(|at| *at < until) else { return };
        // The last of them is what is seen at `until`.
        while let Some(later) = next(self, at).filter(|later| *later <= until) {
            let mut levels = 0;
            for line in (0..16).filter(|line| lines & (1 << line) != 0) {
                let port = self.devices.exti().map_or(0, |e| e.port(line, exticr));
                let pins = self.devices.port(port as usize).map_or(0, |g| g.levels(at));
                levels |= u32::from(pins) & 1 << line;
            }
            if let Some(exti) = self.devices.exti() {
                // Those of the comparators stay as they were.
                let others = exti.levels() & !0xFFFF;
                exti.follow(levels | others);
            }
            at = later;
        }
    }

    /// The timers' inputs: each follows the first pin whose alternate function leads to it, and is low without one.
    fn follow_timers(&mut self, now: Now, level: &mut impl FnMut(&mut Board, usize, usize) -> bool) {
        let part = Arc::clone(&self.part);
        for i in 0..self.devices.layout.index.timers.len() {
            let n = self.devices.layout.index.timers[i];
            let Slot { device: Device::Timer(timer), number, .. } = &self.devices.slots[n] else { continue };
            let (inputs, number) = (timer.watched_inputs(), *number);
            if inputs == 0 {
                continue;
            }
            let mut levels = 0;
            for input in (0..4u8).filter(|input| inputs & (1 << input) != 0) {
                for route in pins::of(&part, number, input + 1) {
                    let port = usize::from(route.port as u8 - b'A');
                    if self.devices.port(port).is_some_and(|g| g.alternate(route.pin, route.af)) {
                        levels |= u32::from(level(self, port, usize::from(route.pin))) << input;
                        break;
                    }
                }
            }
            if let Device::Timer(timer) = &mut self.devices.slots[n].device {
                timer.follow_inputs(levels, now.cycle);
            }
        }
    }
}
