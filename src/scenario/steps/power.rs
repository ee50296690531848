//! `power`: the power switch.

use crate::scenario::error::ScenarioError;
use crate::scenario::look::Look;
use crate::scenario::run::{Session, Troubles};
use crate::scenario::step::{Fact, Gives, Need, Step};
use crate::time::Time;
use schemars::JsonSchema;
use serde::Deserialize;
use std::ops::Range;

/// The power switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// On.
    On,
    /// Off.
    Off,
    /// Off and on again; on, where it is off.
    Cycle,
}

impl Step for Power {
    fn needs(&self) -> Vec<Need<'_>> {
        let powered = |is, otherwise: &str, hint| Need::That {
            fact: Fact::Powered,
            is,
            at: None,
            otherwise: otherwise.to_owned(),
            hint,
        };
        match self {
            Power::On => {
                let hint = "power = \"cycle\" turns it off and on again";
                vec![Need::Chip, powered(false, "power is on already", hint)]
            }
            Power::Off => vec![Need::Chip, powered(true, "power is off already", "power = \"on\" comes first")],
            Power::Cycle => vec![Need::Chip],
        }
    }

    fn gives(&self) -> Gives {
        match self {
            Power::On | Power::Cycle => Gives { adds: &[Fact::Powered], ..Gives::default() },
            Power::Off => Gives { takes: &[Fact::Powered], ..Gives::default() },
        }
    }

    fn look(&self, _: &Look<'_>, _: &Range<usize>) -> Result<(), ScenarioError> {
        Ok(())
    }

    fn run(&self, session: &mut Session<'_>, span: &Range<usize>) -> Result<(), Troubles> {
        let seed = session.settings.seed;
        let chip = session.chip(span)?;
        if *self != Power::On && chip.is_powered() {
            chip.power_off(seed);
        }
        if *self != Power::Off {
            chip.power_on();
            session.story.power_on();
            session.drive(span, Time::ZERO)?;
        }
        Ok(())
    }
}
