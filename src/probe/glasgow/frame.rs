//! Frames: consistent overhead byte stuffing (Cheshire and Baker, 1999), a zero byte behind each.

/// The longest frame that is waited for, in bytes on the wire.
const LONGEST: usize = 0x10_0000;

/// The longest run of bytes behind one code.
const RUN: usize = 0xFE;

/// Something that is no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stray;

/// Bytes as they come, made into frames.
#[derive(Debug, Default)]
pub struct Reader {
    bytes: Vec<u8>,
    /// So many of them were given out.
    done: usize,
    /// From here on nobody has looked for an end.
    seen: usize,
}

impl Reader {
    /// Takes what came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.done);
        self.seen -= self.done;
        self.done = 0;
        self.bytes.extend(bytes);
    }

    /// The next whole frame, if it has come.
    ///
    /// # Errors
    /// The codes do not fit the length, or it is longer than any.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>, Stray> {
        let Some(length) = self.bytes[self.seen..].iter().position(|b| *b == 0) else {
            self.seen = self.bytes.len();
            return if self.seen - self.done > LONGEST { Err(Stray) } else { Ok(None) };
        };
        let end = self.seen + length;
        let frame = decode(&self.bytes[self.done..end]);
        (self.done, self.seen) = (end + 1, end + 1);
        frame.map(Some)
    }
}

fn decode(mut bytes: &[u8]) -> Result<Vec<u8>, Stray> {
    let mut frame = Vec::with_capacity(bytes.len());
    while let Some((&code, rest)) = bytes.split_first() {
        let run = usize::from(code).checked_sub(1).ok_or(Stray)?;
        let (run, after) = rest.split_at_checked(run).ok_or(Stray)?;
        frame.extend(run);
        // A full run stands for itself alone, and the last one's zero is none of the frame's.
        if run.len() < RUN && !after.is_empty() {
            frame.push(0);
        }
        bytes = after;
    }
    Ok(frame)
}

/// A frame for a stream, with the zero behind it.
pub fn encode(stream: u8, bytes: &[u8]) -> Vec<u8> {
    let all = [&[stream], bytes].concat();
    let mut out = Vec::with_capacity(all.len() + all.len() / RUN + 2);
    let mut pieces = all.split(|b| *b == 0).peekable();
    while let Some(mut piece) = pieces.next() {
        // A full run with nothing behind it in its piece would gain a zero, but for one more code.
        while piece.len() > RUN || piece.len() == RUN && pieces.peek().is_some() {
            let (run, rest) = piece.split_at(RUN);
            out.push(0xFF);
            out.extend(run);
            piece = rest;
        }
        out.push(piece.len() as u8 + 1);
        out.extend(piece);
    }
    out.push(0);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_are_as_the_paper_has_them() {
        assert_eq!(encode(0x11, &[0x22, 0x00, 0x33]), [3, 0x11, 0x22, 2, 0x33, 0]);
        assert_eq!(encode(0, &[0]), [1, 1, 1, 0]);
        let run: Vec<u8> = (2..=0xFE).collect();
        assert_eq!(encode(1, &run), [&[0xFF, 1][..], &run, &[0]].concat());
        let more: Vec<u8> = (2..=0xFF).collect();
        assert_eq!(encode(1, &more), [&[0xFF, 1][..], &more[..0xFD], &[2, 0xFF, 0]].concat());
    }

    #[test]
    fn what_is_no_frame_is_told() {
        for bytes in [&[5, 1, 2, 0][..], &[0xFF, 0]] {
            let mut reader = Reader::default();
            reader.push(bytes);
            assert_eq!(reader.next_frame(), Err(Stray), "{bytes:02x?}");
        }
        let mut reader = Reader::default();
        reader.push(&vec![1; LONGEST + 1]);
        assert_eq!(reader.next_frame(), Err(Stray));
    }

    proptest! {
        #[test]
        fn writing_and_reading_gives_the_same(
            frames in prop::collection::vec(prop::collection::vec(prop_oneof![Just(0u8), any::<u8>(), 1..=0xFFu8], 0..700), 1..4),
            pieces in 1usize..300,
        ) {
            let wire: Vec<u8> = frames.iter().flat_map(|f| encode(1, f)).collect();
            let (mut reader, mut got) = (Reader::default(), Vec::new());
            for piece in wire.chunks(pieces) {
                reader.push(piece);
                while let Some(frame) = reader.next_frame().unwrap() {
                    prop_assert_eq!(frame[0], 1);
                    got.push(frame[1..].to_vec());
                }
            }
            prop_assert_eq!(got, frames);
        }

        #[test]
        fn anything_may_come(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let mut reader = Reader::default();
            reader.push(&bytes);
            while let Ok(Some(_)) = reader.next_frame() {}
        }
    }
}
