//! What executes the code, and the open questions that may be answered otherwise: options of every verb that runs any.

use super::choice::{self, Choice};
use crate::cpu::hybrid::Engine;
use crate::flash::WriteWithoutPg;

/// How the chip's code is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Machine {
    /// What executes the code; all give the same result, at different speeds.
    #[arg(long, value_name = "ENGINE", default_value = "auto", value_parser = choice::parser(&ENGINES))]
    pub engine: Engine,
    /// What a store to flash with PG = 0 does on an F0, which no manual says (F45).
    #[arg(long, value_name = "OUTCOME", default_value = "fault", value_parser = choice::parser(&WITHOUT_PG))]
    pub f0_store_without_pg: WriteWithoutPg,
}

/// What executes the code.
pub const ENGINES: [Choice<Engine>; 3] = [
    ("auto", "Whichever is quicker for the code at hand", Engine::Auto),
    ("unicorn", "Unicorn alone", Engine::Unicorn),
    ("interpreter", "The interpreter alone", Engine::Interpreter),
];

/// What a store with PG = 0 does.
pub const WITHOUT_PG: [Choice<WriteWithoutPg>; 2] = [
    ("fault", "A bus error, and so a HardFault", WriteWithoutPg::BusFault),
    ("ignored", "Nothing", WriteWithoutPg::Ignored),
];

impl Machine {
    /// As words of a command line, for a process that is to do the same.
    pub fn words(self) -> [&'static str; 4] {
        let without_pg = choice::word(&WITHOUT_PG, self.f0_store_without_pg);
        ["--engine", choice::word(&ENGINES, self.engine), "--f0-store-without-pg", without_pg]
    }
}
