//! Which pins lead to the inputs of which timers, as the part's file has it.

use crate::part::{Part, TimerPin};

/// The pins that can lead to channel 1 to 4 of TIMn.
pub fn of(part: &Part, timer: u8, channel: u8) -> impl Iterator<Item = TimerPin> + '_ {
    part.timer_pins.iter().filter(move |p| p.timer == timer && p.channel == channel).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn am32s_signal_pins_lead_to_its_input_timers() {
        let leads = |part: &str, timer, channel, port, pin, af| {
            let part = crate::part::find(part).unwrap();
            of(&part, timer, channel).any(|r| (r.port, r.pin, r.af) == (port, pin, af))
        };
        assert!(leads("F051", 3, 1, 'B', 4, 1));
        assert!(leads("F051", 15, 1, 'A', 2, 0));
        assert!(leads("F051", 2, 3, 'A', 2, 2));
        assert!(leads("G071", 3, 1, 'B', 4, 1));
        assert!(leads("G071", 16, 1, 'A', 6, 5));
        assert!(!leads("G071", 15, 1, 'A', 2, 0));
    }
}
