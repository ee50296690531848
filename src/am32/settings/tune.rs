//! The start-up melody, as Bluejay's tools code it: pairs of pulses and period behind a head of 4 bytes (AM32's Src/sounds.c).

/// A sound of a melody, or a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Sound {
    /// The note's frequency in Hz; none for a pause.
    pub hz: Option<u16>,
    /// How long, in milliseconds.
    pub ms: u32,
}

/// The head's length.
const HEAD: usize = 4;

/// The melody in a page's bytes from 48 on; none where there is none, and the firmware plays its own.
pub fn tune(bytes: &[u8]) -> Option<Vec<Sound>> {
    if bytes.first().is_none_or(|first| *first == 0xFF) {
        return None;
    }
    // Above 239, a pause after each pair.
    let rest = bytes.get(HEAD - 1).filter(|b| **b > 239).map_or(0, |b| 10 * u32::from(255 - b));
    let mut sounds = Vec::new();
    let mut longer = 0;
    for pair in bytes.get(HEAD..).unwrap_or_default().chunks_exact(2) {
        let (pulses, period) = (pair[0], u32::from(pair[1]));
        let all = longer * 255 + u32::from(pulses);
        match (pulses, period) {
            (0, 0) => break,
            // More pulses than a byte counts: the next pair goes on.
            (255, 1..) => longer += 1,
            (_, 0) => {
                sounds.push(Sound { hz: None, ms: all });
                longer = 0;
            }
            _ => {
                let period = period * 247 + 4000;
                // The firmware keeps 16 bits.
                let ms = u32::from((all * period / 11_000) as u16);
                sounds.push(Sound { hz: Some((10_000_000 / period) as u16), ms });
                longer = 0;
            }
        }
        if rest > 0 {
            sounds.push(Sound { hz: None, ms: rest });
        }
    }
    Some(sounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_and_pauses() {
        assert_eq!((tune(&[0xFF; 128]), tune(&[])), (None, None));
        let mut bytes = vec![2, 58, 4, 0, 100, 73, 50, 0, 255, 73, 10, 73, 0, 0, 9, 9];
        bytes.resize(128, 0);
        let note = |ms| Sound { hz: Some(453), ms };
        assert_eq!(tune(&bytes), Some(vec![note(200), Sound { hz: None, ms: 50 }, note(530)]));
        bytes[3] = 250;
        let pause = Sound { hz: None, ms: 50 };
        assert_eq!(tune(&bytes).unwrap(), [note(200), pause, pause, pause, pause, note(530), pause]);
        assert_eq!(tune(&[0, 0]), Some(Vec::new()));
    }
}
