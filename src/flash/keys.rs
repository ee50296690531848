//! The two-word unlock sequences of KEYR and OPTKEYR.

/// What one word of an unlock sequence did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// The first word is right; the second is awaited.
    First,
    /// Both words were right.
    Unlocked,
    /// A wrong word: a bus error, and locked until the next reset.
    Wrong,
    /// Locked by an earlier wrong word: nothing happens.
    Locked,
}

/// One register's sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct UnlockSequence {
    first_seen: bool,
    locked: bool,
}

impl UnlockSequence {
    /// Takes one word. The first one that is not the key expected ends it all (F17).
    pub(super) fn write(&mut self, value: u32, keys: [u32; 2]) -> Key {
        match (self.locked, self.first_seen) {
            (true, _) => Key::Locked,
            (false, false) if value == keys[0] => {
                self.first_seen = true;
                Key::First
            }
            (false, true) if value == keys[1] => {
                self.first_seen = false;
                Key::Unlocked
            }
            _ => {
                self.lock_up();
                Key::Wrong
            }
        }
    }

    /// Locks it until the next reset.
    pub(super) fn lock_up(&mut self) {
        self.locked = true;
    }
}
