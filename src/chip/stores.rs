//! The last stores into blocks: what code does to the world around it.

/// How many are kept.
const KEPT: usize = 64;

/// A store into a register of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Store {
    /// The instruction.
    pub pc: u32,
    /// The register.
    pub address: u32,
    /// When.
    pub cycle: u64,
    /// By a handler.
    pub by_handler: bool,
}

/// The last of them, of the blocks on AHB and APB; reloads of the watchdog are not among them.
#[derive(Clone, Debug, Default)]
pub struct Stores {
    last: Vec<Store>,
    at: usize,
}

impl Stores {
    /// A store.
    pub fn push(&mut self, store: Store) {
        if self.last.len() < KEPT {
            self.last.push(store);
        } else {
            self.last[self.at % KEPT] = store;
        }
        self.at = self.at.wrapping_add(1);
    }

    /// Those that are known from this cycle on, in no order.
    pub fn since(&self, cycle: u64) -> impl Iterator<Item = &Store> {
        self.last.iter().filter(move |s| s.cycle >= cycle)
    }

    /// Forgets all.
    pub fn forget(&mut self) {
        *self = Stores::default();
    }
}
