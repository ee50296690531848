//! A signal pin, as AM32 names and encodes it.

use std::fmt;
use std::str::FromStr;

/// A pin: `PB4`. AM32's code for it is port << 4 | number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pin {
    /// 0 is port A.
    port: u8,
    number: u8,
}

impl Pin {
    /// The pins that published bootloaders listen on.
    pub const SIGNAL: [Pin; 7] = [
        Pin { port: 0, number: 2 },
        Pin { port: 1, number: 4 },
        Pin { port: 0, number: 6 },
        Pin { port: 0, number: 15 },
        Pin { port: 0, number: 0 },
        Pin { port: 1, number: 2 },
        Pin { port: 2, number: 6 },
    ];

    /// From the port's letter, A to F, and the number, 0 to 15; none beyond these.
    pub const fn new(port: char, number: u8) -> Option<Pin> {
        match port {
            'A'..='F' if number < 16 => Some(Pin { port: port as u8 - b'A', number }),
            _ => None,
        }
    }

    /// The port's letter and the number.
    pub const fn port_and_number(self) -> (char, u8) {
        ((b'A' + self.port) as char, self.number)
    }

    /// From AM32's code; none where the port does not exist (0x64, which old bootloaders send, is port G).
    pub const fn from_code(code: u8) -> Option<Pin> {
        let port = code >> 4;
        if port > 5 { None } else { Some(Pin { port, number: code & 0xF }) }
    }

    /// AM32's code.
    pub const fn code(self) -> u8 {
        self.port << 4 | self.number
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P{}{}", char::from(b'A' + self.port), self.number)
    }
}

impl FromStr for Pin {
    type Err = ();

    fn from_str(text: &str) -> Result<Pin, ()> {
        let text = text.to_ascii_uppercase();
        let rest = text.strip_prefix('P').ok_or(())?;
        let port = rest.bytes().next().filter(|b| (b'A'..=b'F').contains(b)).ok_or(())? - b'A';
        let digits = rest.get(1..).unwrap_or_default();
        if digits.is_empty() || digits.len() > 2 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(());
        }
        let number = digits.parse::<u8>().map_err(|_| ())?;
        if number > 15 { Err(()) } else { Ok(Pin { port, number }) }
    }
}

impl serde::Serialize for Pin {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names() {
        for (name, code) in [("PA2", 0x02), ("PB4", 0x14), ("PA6", 0x06), ("PA15", 0x0F), ("PA0", 0), ("PC6", 0x26)] {
            let pin: Pin = name.parse().unwrap();
            assert_eq!((pin.code(), pin.to_string().as_str()), (code, name));
            assert_eq!(Pin::from_code(code), Some(pin));
        }
        for name in ["", "P", "PA", "PA16", "PZ1", "A2", "PA+2", "PB054", "PRO", "P\u{e9}"] {
            assert!(name.parse::<Pin>().is_err(), "{name}");
        }
        assert_eq!(Pin::from_code(0x64), None);
    }
}
