//! The two-word unlock sequences of KEYR and OPTKEYR.

/// What became of one key word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// The first word is right; the second is awaited.
    Half,
    /// Both words were right.
    Open,
    /// A wrong word: a bus error, and shut until the next reset.
    Wrong,
    /// Shut by an earlier wrong word: nothing happens.
    Dead,
}

/// One register's sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Keyhole {
    first_seen: bool,
    dead: bool,
}

impl Keyhole {
    /// Takes one word. The first one that is not the key expected ends it all (F17).
    pub(super) fn turn(&mut self, value: u32, keys: [u32; 2]) -> Turn {
        match (self.dead, self.first_seen) {
            (true, _) => Turn::Dead,
            (false, false) if value == keys[0] => {
                self.first_seen = true;
                Turn::Half
            }
            (false, true) if value == keys[1] => {
                self.first_seen = false;
                Turn::Open
            }
            _ => {
                self.kill();
                Turn::Wrong
            }
        }
    }

    /// Shuts it until the next reset.
    pub(super) fn kill(&mut self) {
        self.dead = true;
    }
}
