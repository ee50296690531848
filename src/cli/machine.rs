//! What executes the code, and the open questions that may be answered otherwise: options of every verb that runs any.

use crate::cpu::hybrid::Engine;
use crate::flash::WriteWithoutPg;
use clap::ValueEnum;

/// How the chip's code is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::Args)]
pub struct Machine {
    /// What executes the code; all give the same result, at different speeds.
    #[arg(long, value_enum, value_name = "ENGINE", default_value_t = EngineArg::Auto)]
    pub engine: EngineArg,
    /// What a store to flash with PG = 0 does on an F0, which no manual says (F45).
    #[arg(long, value_enum, value_name = "OUTCOME", default_value_t = WithoutPg::Fault)]
    pub f0_store_without_pg: WithoutPg,
}

/// What executes the code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum EngineArg {
    /// Whichever is quicker for the code at hand.
    #[default]
    Auto,
    /// Unicorn alone.
    Unicorn,
    /// The interpreter alone.
    Interpreter,
}

/// What a store with PG = 0 does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum WithoutPg {
    /// A bus error, and so a HardFault.
    #[default]
    Fault,
    /// Nothing.
    Ignored,
}

impl Machine {
    /// The engine.
    pub fn engine(self) -> Engine {
        match self.engine {
            EngineArg::Auto => Engine::Auto,
            EngineArg::Unicorn => Engine::Unicorn,
            EngineArg::Interpreter => Engine::Interpreter,
        }
    }

    /// What F45 comes to.
    pub fn without_pg(self) -> WriteWithoutPg {
        match self.f0_store_without_pg {
            WithoutPg::Fault => WriteWithoutPg::BusFault,
            WithoutPg::Ignored => WriteWithoutPg::Ignored,
        }
    }

    /// As words of a command line, for a process that is to do the same.
    pub fn words(self) -> Vec<String> {
        let word = |value: Option<clap::builder::PossibleValue>| value.map(|v| v.get_name().to_owned());
        let engine = word(self.engine.to_possible_value());
        let without_pg = word(self.f0_store_without_pg.to_possible_value());
        let pair = |name: &str, value: Option<String>| value.map(|v| [name.to_owned(), v]);
        [pair("--engine", engine), pair("--f0-store-without-pg", without_pg)].into_iter().flatten().flatten().collect()
    }
}
