//! The stream of bytes from gdb, taken apart: packets whose checksum is right, interrupts, acknowledgements.
//!
//! What is damaged never reaches the protocol's engine: it is asked for again, as gdb's manual has it.

use std::collections::VecDeque;

/// The longest packet that is taken, in bytes; gdb is told.
pub(super) const LONGEST: usize = 0x4000;
/// The most bytes of memory in one packet: each takes two characters.
pub(super) const MOST_MEMORY: usize = LONGEST / 2 - 16;

/// One thing that gdb sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// `$...#xx`, whole and right.
    Packet(Vec<u8>),
    /// Its checksum is wrong.
    Damaged,
    /// Longer than anything that was agreed: gdb is out of step.
    TooLong,
    /// Ctrl-C.
    Interrupt,
    /// The last reply is wanted again.
    Again,
}

/// Takes bytes as they come.
#[derive(Debug, Default)]
pub(super) struct Framer {
    packet: Vec<u8>,
    /// Characters of the checksum still to come, once `#` was seen.
    checksum: Option<u8>,
    pieces: VecDeque<Piece>,
}

impl Framer {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.byte(*byte);
        }
    }

    pub(super) fn next(&mut self) -> Option<Piece> {
        self.pieces.pop_front()
    }

    fn byte(&mut self, byte: u8) {
        if self.packet.is_empty() {
            match byte {
                b'$' => self.packet.push(byte),
                0x03 => self.pieces.push_back(Piece::Interrupt),
                b'-' => self.pieces.push_back(Piece::Again),
                // Acknowledgements need nothing, and what is between packets means nothing.
                _ => {}
            }
            return;
        }
        self.packet.push(byte);
        match self.checksum {
            None if byte == b'#' => self.checksum = Some(2),
            None if self.packet.len() > LONGEST => {
                self.packet.clear();
                self.pieces.push_back(Piece::TooLong);
            }
            None => {}
            Some(2) => self.checksum = Some(1),
            Some(_) => {
                self.checksum = None;
                let packet = std::mem::take(&mut self.packet);
                self.pieces.push_back(if is_right(&packet) { Piece::Packet(packet) } else { Piece::Damaged });
            }
        }
    }
}

/// A packet as it goes over the wire.
pub(super) fn packet(body: &[u8]) -> Vec<u8> {
    let sum = body.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    [b"$", body, format!("#{sum:02x}").as_bytes()].concat()
}

/// Text for gdb's console, in a packet.
pub(super) fn console(text: &str) -> Vec<u8> {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    packet(format!("O{hex}").as_bytes())
}

fn is_right(packet: &[u8]) -> bool {
    let (body, sum) = packet.split_at(packet.len().saturating_sub(3));
    let told = std::str::from_utf8(&sum[1..]).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
    told == Some(body[1..].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)))
}

/// Bytes of memory that a packet asks for, where it is one that does.
pub(super) fn memory_asked(packet: &[u8]) -> Option<u64> {
    let body = packet.strip_prefix(b"$m")?;
    let length = body.split(|b| *b == b'#').next()?.splitn(2, |b| *b == b',').nth(1)?;
    // More digits than a number has is more than there is.
    let text = std::str::from_utf8(length).ok()?;
    Some(u64::from_str_radix(text, 16).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pieces(bytes: &[u8]) -> Vec<Piece> {
        let mut framer = Framer::default();
        framer.push(bytes);
        std::iter::from_fn(|| framer.next()).collect()
    }

    #[test]
    fn packets_interrupts_and_acknowledgements() {
        assert_eq!(pieces(b"+$g#67\x03-"), [Piece::Packet(b"$g#67".to_vec()), Piece::Interrupt, Piece::Again]);
        assert_eq!(pieces(b"$g#68$g#zz$#00"), [Piece::Damaged, Piece::Damaged, Piece::Packet(b"$#00".to_vec())]);
        assert_eq!(pieces(b"$X0,1:\x03#22"), [Piece::Packet(b"$X0,1:\x03#22".to_vec())], "inside it is data");
        assert_eq!(packet(b"OK"), b"$OK#9a");
        assert_eq!(console("A\n"), b"$O410a#45");
    }

    #[test]
    fn what_is_too_long_is_dropped_and_told() {
        let endless = [b"$".as_slice(), &[b'm'; LONGEST]].concat();
        assert_eq!(pieces(&endless), [Piece::TooLong]);
        assert_eq!(pieces(&[endless, b"$g#67".to_vec()].concat()), [Piece::TooLong, Piece::Packet(b"$g#67".to_vec())]);
    }

    #[test]
    fn how_much_memory_is_asked_for() {
        assert_eq!(memory_asked(b"$m8000000,40#00"), Some(0x40));
        assert_eq!(memory_asked(b"$m8000000,ffffffffffffffffff#00"), Some(u64::MAX));
        assert_eq!(memory_asked(b"$M8000000,40:#00"), None);
        assert_eq!(memory_asked(b"$m8000000#00"), None);
    }

    proptest! {
        #[test]
        fn every_packet_comes_out_as_it_went_in(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>().prop_filter("ends", |b| *b != b'#'), 0..40), 0..5),
            cut in 0usize..200,
        ) {
            let wire: Vec<u8> = bodies.iter().flat_map(|b| packet(b)).collect();
            let mut framer = Framer::default();
            let cut = cut.min(wire.len());
            framer.push(&wire[..cut]);
            framer.push(&wire[cut..]);
            let got: Vec<Piece> = std::iter::from_fn(|| framer.next()).collect();
            let wanted: Vec<Piece> = bodies.iter().map(|b| Piece::Packet(packet(b))).collect();
            prop_assert_eq!(got, wanted);
        }
    }
}
