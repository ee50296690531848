//! What a step is: what it needs of the bench before it, what it gives, and how it is carried out.
//!
//! How it is read, and what an editor is told of it, is serde's and schemars' part, by the type that [`Step`] is
//! implemented for.

use super::error::ScenarioError;
use super::look::Look;
use super::run::{Session, Troubles};
use super::scalar::At;
use std::ops::Range;

/// What may be known of the bench between two steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// There is a chip: the scenario has a part.
    Chip,
    /// Power is on.
    Powered,
    /// A `boot` or `check` tells whether the ESC starts.
    Verdict,
    /// A jump is told of.
    Jump,
    /// A main loop is told of.
    MainLoop,
    /// A `run` tells of the app's input, and whether it arms.
    App,
    /// Something has spoken.
    Words,
    /// A `check` has reported.
    Report,
}

/// What the steps before have to have given.
#[derive(Debug)]
pub enum Need<'s> {
    /// A chip.
    Chip,
    /// A chip with power.
    Power,
    /// That a fact is so, or is not, with what is said otherwise.
    That {
        /// The fact.
        fact: Fact,
        /// Whether it has to be so.
        is: bool,
        /// Where the need stands: at the step itself where nothing is named.
        at: Option<&'s Range<usize>>,
        /// What is wrong otherwise.
        otherwise: String,
        /// What to do then.
        hint: &'static str,
    },
}

/// What a step changes of what is known.
#[derive(Debug, Default)]
pub struct Gives {
    /// What is not so any more.
    pub takes: &'static [Fact],
    /// What is so from then on.
    pub adds: &'static [Fact],
    /// Files that later lines of st-flash can write.
    pub dumps: Vec<String>,
    /// Whatever was wrong before it, the bench is known again.
    pub settles: bool,
}

/// A step. Every method but the last tells of it without doing it.
pub(super) trait Step {
    /// What it needs, in order: the first that is missing is told, and the step is not looked at any further.
    fn needs(&self) -> Vec<Need<'_>> {
        vec![Need::Chip]
    }

    /// What it gives where nothing is wrong with it.
    fn gives(&self) -> Gives {
        Gives::default()
    }

    /// The text that has to be in the reason of its failure, where it has to fail.
    fn fails(&self) -> Option<&At<String>> {
        None
    }

    /// Whether it can fail where the ESC is not as hoped: a scenario has such a step.
    fn judges(&self) -> bool {
        false
    }

    /// Whether it asks what the app does with its signal: a `run` before then has to look.
    fn asks_app(&self) -> bool {
        false
    }

    /// Whether it puts something into the case's snapshot.
    fn is_shown(&self) -> bool {
        false
    }

    /// Whether each of its flaws is told, and none leaves open what the bench is after it.
    fn changes_nothing(&self) -> bool {
        false
    }

    /// Whether it can be done: files that are there, numbers and addresses that can be.
    ///
    /// # Errors
    /// What is wrong, with place and hint.
    fn look(&self, look: &Look<'_>, span: &Range<usize>) -> Result<(), ScenarioError>;

    /// Carries it out.
    ///
    /// # Errors
    /// What failed.
    fn run(&self, session: &mut Session<'_>, span: &Range<usize>) -> Result<(), Troubles>;
}
