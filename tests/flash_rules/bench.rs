//! The bench that rules are checked on: a core and a debugger in front of a flash, a clock, a power switch.
//!
//! It stands on the controller alone; everything it offers a whole chip offers too.

use dryflash::bus::{Access, BusFault, Effects, Master, ResetCause, Width};
use dryflash::flash::{Controller, Factory, Latency, NonVolatile, Purpose, REGISTERS, for_part};
use dryflash::part::{self, Part};
use dryflash::time::{Now, Time};
use std::ops::Range;
use std::sync::Arc;

/// What a rule's check returns: why it does not hold.
pub type Check = Result<(), String>;

/// One access of the core, at 16 MHz.
const CYCLE: Time = Time::from_nanos(62);

/// A flash with everything that acts on it.
pub struct Bench {
    /// The controller, for its views.
    pub chip: Box<dyn Controller>,
    /// Its part.
    pub part: Arc<Part>,
    /// The instant of the next access.
    pub now: Now,
    master: Master,
    /// Resets that the chip asked for.
    pub resets: Vec<ResetCause>,
    /// Whether a non-maskable interrupt was raised.
    pub nmi: bool,
    /// Whether the backup registers were erased.
    pub backup_reset: bool,
    /// Where main flash was said to have changed.
    pub changed: Vec<Range<u32>>,
    /// What the chip reported.
    pub notes: Vec<String>,
    /// The rules of the choices that something rested on.
    pub choices: Vec<&'static str>,
}

impl Bench {
    /// A blank chip, just powered on.
    pub fn of(name: &str) -> Bench {
        let part = part::find(name).expect("a known part");
        Bench {
            chip: for_part(&part),
            part,
            now: Now::default(),
            master: Master::Cpu,
            resets: Vec::new(),
            nmi: false,
            backup_reset: false,
            changed: Vec::new(),
            notes: Vec::new(),
            choices: Vec::new(),
        }
    }

    /// From now on the debugger acts.
    pub fn debugger(&mut self) -> &mut Bench {
        self.master = Master::Debug;
        self.chip.debugger_seen();
        self
    }

    /// From now on the core acts.
    pub fn core(&mut self) -> &mut Bench {
        self.master = Master::Cpu;
        self
    }

    fn access<T>(
        &mut self,
        act: impl FnOnce(&mut dyn Controller, Access, &mut Effects) -> Result<T, BusFault>,
    ) -> Result<T, BusFault> {
        let mut fx = Effects::default();
        let by = Access { master: self.master, now: self.now };
        let before = self.outlook();
        let result = act(self.chip.as_mut(), by, &mut fx);
        let after = self.outlook();
        // Whoever only looks when told to has to be told.
        assert!(fx.any || before == after, "a change went untold");
        assert!(fx.interrupts || before.0 == after.0, "the interrupt line changed untold");
        assert!(fx.events || before.1 == after.1, "the next event changed untold");
        assert!(fx.remap || fx.events || before.2 == after.2, "what may be read changed untold");
        assert!(fx.clock || before.3 == after.3, "the latency changed untold");
        self.now.time = self.now.time + CYCLE;
        self.now.cycle += 1;
        if let Some(end) = fx.stall_until {
            self.now.time = self.now.time.max(end);
        }
        self.nmi |= fx.nmi;
        self.backup_reset |= fx.backup_reset;
        self.changed.extend(fx.changed);
        self.choices.extend(fx.notes.iter().filter_map(|n| n.choice));
        self.notes.extend(fx.notes.into_iter().map(|n| n.text));
        if let Some(cause) = fx.reset {
            self.resets.push(cause);
            self.chip.reset(cause, self.now);
        }
        result
    }

    /// What others act upon: interrupt line, next event, whether cells may be mapped, latency.
    fn outlook(&self) -> (bool, Option<Time>, bool, Latency) {
        let c = &self.chip;
        (c.interrupt(), c.next_event(), c.plain(Now { cycle: u64::MAX, time: Time::NEVER }), c.latency())
    }

    /// Time passes, and nobody looks at the chip.
    pub fn pass_unseen(&mut self, time: Time) {
        self.now.time = self.now.time + time;
    }

    /// A load of any width, from registers or memory.
    pub fn load_as(&mut self, address: u32, width: Width, purpose: Purpose) -> Result<u32, BusFault> {
        self.access(|c, by, fx| match address.wrapping_sub(REGISTERS) {
            offset @ 0..0x400 => c.read_register(offset, width, by, fx),
            _ => c.read(address, width, purpose, by, fx),
        })
    }

    /// A store of any width, to registers or memory.
    pub fn store_as(&mut self, address: u32, width: Width, value: u32) -> Result<(), BusFault> {
        self.access(|c, by, fx| match address.wrapping_sub(REGISTERS) {
            offset @ 0..0x400 => c.write_register(offset, width, value, by, fx),
            _ => c.write(address, width, value, by, fx),
        })
    }

    /// A word.
    pub fn load(&mut self, address: u32) -> Result<u32, BusFault> {
        self.load_as(address, Width::Word, Purpose::Data)
    }

    /// A word, fetched.
    pub fn fetch(&mut self, address: u32) -> Result<u32, BusFault> {
        self.load_as(address, Width::Word, Purpose::Fetch)
    }

    /// A half-word.
    pub fn half(&mut self, address: u32, value: u32) -> Result<(), BusFault> {
        self.store_as(address, Width::Half, value)
    }

    /// A word.
    pub fn word(&mut self, address: u32, value: u32) -> Result<(), BusFault> {
        self.store_as(address, Width::Word, value)
    }

    /// A register that reads without fault.
    pub fn r(&mut self, offset: u32) -> u32 {
        self.load(REGISTERS + offset).expect("a register reads")
    }

    /// A store to a register, faults and all.
    pub fn try_w(&mut self, offset: u32, value: u32) -> Result<(), BusFault> {
        self.word(REGISTERS + offset, value)
    }

    /// A store to a register that the bus takes.
    pub fn w(&mut self, offset: u32, value: u32) {
        self.try_w(offset, value).expect("a store that the bus takes");
    }

    /// Time passes.
    pub fn pass(&mut self, time: Time) {
        self.now.time = self.now.time + time;
        self.chip.advance(self.now, &mut Effects::default());
    }

    /// Waits for the operation in flight; returns how long that took.
    pub fn wait(&mut self) -> Time {
        let from = self.now.time;
        if let Some(end) = self.chip.busy_until() {
            self.now.time = self.now.time.max(end);
            self.chip.advance(self.now, &mut Effects::default());
        }
        self.now.time.since(from)
    }

    /// A reset with power kept, booting from main flash.
    pub fn reset(&mut self, cause: ResetCause) {
        self.chip.reset(cause, self.now);
    }

    /// Power off and on again, with nothing in flight.
    pub fn power_cycle(&mut self) {
        self.wait();
        self.chip.power_off(self.now, 0);
        self.chip.power_on(self.now);
        self.master = Master::Cpu;
    }

    /// States a factory condition; the chip is powered on with it.
    pub fn factory(&mut self, change: impl FnOnce(Factory) -> Result<Factory, dryflash::flash::FactoryError>) {
        let factory = Factory::of(self.chip.as_ref(), self.part.flash.wrp_pages);
        let changed = change(factory).expect("a condition that can be");
        changed.install(self.chip.as_mut()).expect("of the same part");
    }

    /// What outlives power: for saying that nothing changed.
    pub fn non_volatile(&self) -> NonVolatile {
        self.chip.non_volatile()
    }

    /// `len` bytes of the cells, past every protection.
    pub fn peek(&self, address: u32, len: u32) -> Vec<u8> {
        self.chip.cells().bytes(address, len)
    }

    /// A word of the cells, past every protection.
    pub fn peek_word(&self, address: u32) -> u32 {
        self.chip.cells().read(address, Width::Word)
    }
}

/// Fails the check where two things differ.
#[macro_export]
macro_rules! same {
    ($got:expr, $want:expr) => {{
        let (got, want) = ($got, $want);
        if got != want {
            return Err(format!("{} is {got:#X?}, not {want:#X?} (line {})", stringify!($got), line!()));
        }
    }};
}

/// Fails the check where something does not hold.
#[macro_export]
macro_rules! holds {
    ($what:expr) => {{
        if !$what {
            return Err(format!("{} does not hold (line {})", stringify!($what), line!()));
        }
    }};
}
