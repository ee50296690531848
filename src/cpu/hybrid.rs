//! Two engines in one: the interpreter, and Unicorn for long computations.
//!
//! Code that polls registers, takes interrupts or runs once is quicker in the interpreter; a loop that goes round for
//! long without an access to the bus is quicker when translated. Unicorn is opened when the first such loop is met:
//! most runs never need it. Either hands over at an instruction boundary, by counts alone, so that a run is the same
//! every time.

use super::interpreter::Interpreter;
use super::unicorn::{EngineError, UnicornCore};
use super::{Bus, Core, Registers, Stop, join};
use crate::part;
use std::ops::Range;

/// Rounds of loops without an access to the bus after which code counts as a computation, at first and at most. An
/// engine costs a millisecond to open, which the interpreter uses for some 20,000 rounds.
const ROUNDS: u32 = 20_000;
/// The same once Unicorn is open and its stays were worth the change.
const FEW_ROUNDS: u32 = 50;
/// Instructions that make a stay worth it.
const WORTH: u64 = 5_000;

/// Which engine executes a chip's code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// Whichever is quicker for the code at hand.
    #[default]
    Auto,
    /// Unicorn alone: the engine of record.
    Unicorn,
    /// The interpreter alone.
    Interpreter,
}

impl Engine {
    /// Those that this build has.
    pub const BUILT: &[Engine] = if cfg!(feature = "unicorn") {
        &[Engine::Auto, Engine::Unicorn, Engine::Interpreter]
    } else {
        &[Engine::Auto, Engine::Interpreter]
    };
}

/// What it takes to open an engine.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The core that it is.
    pub core: part::Core,
    /// Bytes of a flash line.
    pub line: u32,
    /// Where SRAM is.
    pub sram: Range<u32>,
    /// The ranges that go to the bus for every access, in whole 4 KB pages.
    pub windows: Vec<Range<u32>>,
}

impl Setup {
    /// Opens the engine.
    ///
    /// # Errors
    /// Unicorn could not be opened: out of memory, or a build without it.
    pub fn open(self, engine: Engine) -> Result<Box<dyn Core>, EngineError> {
        Ok(match engine {
            Engine::Auto => Box::new(Hybrid::new(self)),
            Engine::Unicorn => Box::new(UnicornCore::new(self.core, self.line, &self.sram, &self.windows)?),
            Engine::Interpreter => Box::new(Interpreter::new(self.core, self.line)),
        })
    }
}

/// Both engines.
pub struct Hybrid {
    setup: Setup,
    interpreter: Interpreter,
    /// Opened when it is first needed.
    unicorn: Option<Box<UnicornCore>>,
    /// Unicorn holds the state.
    translated: bool,
    /// It could not be opened: not tried again.
    hopeless: bool,
    /// Rounds until the next change.
    patience: u32,
    /// The count of instructions at the last change to Unicorn.
    since: u64,
    watched: Vec<Range<u32>>,
    stop_inside: Vec<Range<u32>>,
    /// Invalidated outside of SRAM while Unicorn did not run: it may hold translations of it.
    stale: Option<Range<u32>>,
}

impl Hybrid {
    /// Both, with the interpreter to begin with.
    pub fn new(setup: Setup) -> Hybrid {
        Hybrid {
            interpreter: Interpreter::new(setup.core, setup.line),
            setup,
            unicorn: None,
            translated: false,
            hopeless: false,
            patience: ROUNDS,
            since: 0,
            watched: Vec::new(),
            stop_inside: Vec::new(),
            stale: None,
        }
    }

    /// Whether Unicorn was ever needed.
    pub const fn has_translated(&self) -> bool {
        self.unicorn.is_some()
    }

    fn active(&self) -> &dyn Core {
        match &self.unicorn {
            Some(unicorn) if self.translated => unicorn.as_ref(),
            _ => &self.interpreter,
        }
    }

    fn active_mut(&mut self) -> &mut dyn Core {
        match &mut self.unicorn {
            Some(unicorn) if self.translated => unicorn.as_mut(),
            _ => &mut self.interpreter,
        }
    }

    /// Unicorn takes over. Whether it could.
    fn translate(&mut self, bus: &dyn Bus) -> bool {
        if self.unicorn.is_none() && !self.hopeless {
            match UnicornCore::new(self.setup.core, self.setup.line, &self.setup.sram, &[]) {
                Ok(unicorn) => self.unicorn = Some(Box::new(unicorn)),
                // The interpreter can do all that Unicorn can.
                Err(_) => self.hopeless = true,
            }
        }
        let Some(unicorn) = &mut self.unicorn else { return false };
        unicorn.remap(bus);
        let plain = bus.map();
        // The interpreter stores into SRAM without telling.
        let written = plain.iter().filter(|p| p.writable).map(|p| p.address..p.address + p.size);
        for range in self.stale.take().into_iter().chain(self.interpreter.take_changed()).chain(written) {
            unicorn.invalidate(range);
        }
        unicorn.watch(&self.watched);
        unicorn.stop_inside(&self.stop_inside);
        unicorn.set_registers(&self.interpreter.registers());
        unicorn.set_cycle(self.interpreter.cycle());
        unicorn.set_instructions(self.interpreter.instructions());
        self.translated = true;
        self.since = self.interpreter.instructions();
        true
    }

    /// The interpreter takes over.
    fn interpret(&mut self, bus: &dyn Bus) {
        if let Some(unicorn) = &mut self.unicorn {
            self.interpreter.remap(bus);
            if let Some(range) = unicorn.take_changed() {
                self.interpreter.invalidate(range);
            }
            self.interpreter.set_registers(&unicorn.registers());
            self.interpreter.set_cycle(unicorn.cycle());
            self.interpreter.set_instructions(unicorn.instructions());
        }
        self.translated = false;
        let stay = self.interpreter.instructions() - self.since;
        self.patience = if stay >= WORTH { FEW_ROUNDS } else { (self.patience * 4).min(ROUNDS) };
    }
}

impl Core for Hybrid {
    fn run(&mut self, bus: &mut dyn Bus, limit: u64) -> Stop {
        loop {
            if self.translated
                && let Some(unicorn) = &mut self.unicorn
            {
                let stop = unicorn.run(bus, limit);
                if unicorn.left() {
                    self.interpret(bus);
                    continue;
                }
                return stop;
            }
            // A hook on loads would take Unicorn's speed.
            if !self.watched.is_empty() {
                return self.interpreter.run(bus, limit);
            }
            match self.interpreter.run_until_hot(bus, limit, self.patience) {
                Some(stop) => return stop,
                None if self.translate(bus) => {}
                None => return self.interpreter.run(bus, limit),
            }
        }
    }

    fn cycle(&self) -> u64 {
        self.active().cycle()
    }

    fn set_cycle(&mut self, cycle: u64) {
        self.active_mut().set_cycle(cycle);
    }

    fn registers(&self) -> Registers {
        self.active().registers()
    }

    fn primask(&self) -> bool {
        self.active().primask()
    }

    fn set_registers(&mut self, registers: &Registers) {
        self.active_mut().set_registers(registers);
    }

    fn remap(&mut self, bus: &dyn Bus) {
        self.active_mut().remap(bus);
    }

    fn settle(&mut self, bus: &dyn Bus) {
        self.active_mut().settle(bus);
    }

    fn set_skipping(&mut self, on: bool) {
        self.interpreter.set_skipping(on);
    }

    fn invalidate(&mut self, range: Range<u32>) {
        self.interpreter.invalidate(range.clone());
        match &mut self.unicorn {
            Some(unicorn) if self.translated => unicorn.invalidate(range),
            // All of SRAM is invalidated when Unicorn takes over.
            Some(_) if !self.setup.sram.contains(&range.start) => self.stale = Some(join(self.stale.take(), &range)),
            _ => {}
        }
    }

    fn watch(&mut self, ranges: &[Range<u32>]) {
        self.watched = ranges.to_vec();
        self.active_mut().watch(ranges);
        if self.translated {
            self.interpreter.watch(ranges);
        }
    }

    fn stop_inside(&mut self, ranges: &[Range<u32>]) {
        self.stop_inside = ranges.to_vec();
        self.active_mut().stop_inside(ranges);
        if self.translated {
            self.interpreter.stop_inside(ranges);
        }
    }

    fn instructions(&self) -> u64 {
        self.active().instructions()
    }
}
