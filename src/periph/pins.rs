//! Which pins lead to the inputs of which timers: the alternate functions of the data sheets, as far as timers go.

use crate::part::Family;

/// A pin's way to a timer's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The port's letter.
    pub port: char,
    /// The pin's number.
    pub pin: u8,
    /// The alternate function that connects them.
    pub af: u8,
}

type Row = (u8, u8, char, u8, u8);

/// Timer, channel, port, pin, alternate function. The same on both families.
const BOTH: &[Row] = &[
    (1, 1, 'A', 8, 2),
    (1, 2, 'A', 9, 2),
    (1, 3, 'A', 10, 2),
    (1, 4, 'A', 11, 2),
    (2, 1, 'A', 0, 2),
    (2, 1, 'A', 5, 2),
    (2, 1, 'A', 15, 2),
    (2, 2, 'A', 1, 2),
    (2, 2, 'B', 3, 2),
    (2, 3, 'A', 2, 2),
    (2, 3, 'B', 10, 2),
    (2, 4, 'A', 3, 2),
    (2, 4, 'B', 11, 2),
    (3, 1, 'A', 6, 1),
    (3, 1, 'B', 4, 1),
    (3, 2, 'A', 7, 1),
    (3, 2, 'B', 5, 1),
    (3, 3, 'B', 0, 1),
    (3, 4, 'B', 1, 1),
    (14, 1, 'A', 4, 4),
    (14, 1, 'A', 7, 4),
    (14, 1, 'B', 1, 0),
    (16, 1, 'A', 6, 5),
    (16, 1, 'B', 8, 2),
    (17, 1, 'A', 7, 5),
    (17, 1, 'B', 9, 2),
];
const F0: &[Row] = &[
    (3, 1, 'C', 6, 0),
    (3, 2, 'C', 7, 0),
    (3, 3, 'C', 8, 0),
    (3, 4, 'C', 9, 0),
    (15, 1, 'A', 2, 0),
    (15, 2, 'A', 3, 0),
    (15, 1, 'B', 14, 1),
    (15, 2, 'B', 15, 1),
];
const G0: &[Row] = &[
    (3, 1, 'C', 6, 1),
    (3, 2, 'C', 7, 1),
    (3, 3, 'C', 8, 1),
    (3, 4, 'C', 9, 1),
    (15, 1, 'A', 2, 5),
    (15, 2, 'A', 3, 5),
    (15, 1, 'B', 14, 5),
    (15, 2, 'B', 15, 5),
    (14, 1, 'F', 0, 2),
    (16, 1, 'D', 0, 2),
    (17, 1, 'D', 1, 2),
];

/// The pins that can lead to channel 1 to 4 of TIMn.
pub fn of(family: Family, timer: u8, channel: u8) -> impl Iterator<Item = Route> {
    let own = match family {
        Family::F0 => F0,
        Family::G0 => G0,
    };
    BOTH.iter().chain(own).filter(move |row| row.0 == timer && row.1 == channel).map(|&(_, _, port, pin, af)| Route {
        port,
        pin,
        af,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn am32s_signal_pins_lead_to_its_input_timers() {
        let leads =
            |family, timer, channel, port, pin, af| of(family, timer, channel).any(|r| r == Route { port, pin, af });
        assert!(leads(Family::F0, 3, 1, 'B', 4, 1));
        assert!(leads(Family::F0, 15, 1, 'A', 2, 0));
        assert!(leads(Family::F0, 2, 3, 'A', 2, 2));
        assert!(leads(Family::G0, 3, 1, 'B', 4, 1));
        assert!(leads(Family::G0, 16, 1, 'A', 6, 5));
        assert!(!leads(Family::G0, 15, 1, 'A', 2, 0));
    }
}
