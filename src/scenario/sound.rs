//! A look at a scenario before it runs: a fold over what its steps need and give. Steps out of order are found so, and
//! with each step's own look files that are not there, and expectations that can never hold.

use super::error::ScenarioError;
use super::factory::Factory;
use super::format::Scenario;
use super::look::Look;
use super::scalar::At;
use super::setup::Setup;
use super::step::{Fact, Gives, Need};
use super::steps::AnyStep;
use std::collections::BTreeSet;
use std::ops::Range;

/// What is known of the bench between two steps.
#[derive(Default)]
struct Bench {
    facts: BTreeSet<Fact>,
    /// Files that lines of st-flash have read into.
    dumps: Vec<String>,
    /// A step before is wrong: what it would have done is not known, and nothing is said of the order.
    unsure: bool,
}

impl Bench {
    fn lacks(&self, need: &Need<'_>) -> bool {
        match need {
            // The scenario has a part or has none, whatever its steps do.
            Need::Chip => !self.facts.contains(&Fact::Chip),
            Need::That { fact: Fact::Chip, is, .. } => self.facts.contains(&Fact::Chip) != *is,
            Need::Power => !self.unsure && !self.facts.contains(&Fact::Powered),
            Need::That { fact, is, .. } => !self.unsure && self.facts.contains(fact) != *is,
        }
    }

    fn take(&mut self, gives: Gives) {
        self.facts.retain(|fact| !gives.takes.contains(fact));
        self.facts.extend(gives.adds);
        self.dumps.extend(gives.dumps);
        self.unsure &= !gives.settles;
    }
}

/// Looks at a case: all that is wrong, each with its place and a hint. Before the steps of `holes` some are missing that
/// could not be read.
pub fn look(scenario: &Scenario, setup: &Setup, holes: &[usize]) -> Vec<ScenarioError> {
    let mut bench = Bench::default();
    if setup.part.is_some() {
        bench.facts.insert(Fact::Chip);
    }
    let at_first = Look { setup, dumps: &[] };
    let mut errors: Vec<ScenarioError> = scenario.factory.iter().filter_map(|f| factory(&at_first, f).err()).collect();
    for (n, step) in scenario.step.iter().enumerate() {
        bench.unsure |= holes.contains(&n);
        let flaws = flaws(&step.value, &step.span, setup, &bench);
        if flaws.is_empty() {
            bench.take(step.value.step().gives());
        } else {
            bench.unsure |= !step.value.step().changes_nothing();
            errors.extend(flaws);
        }
    }
    if holes.is_empty() && !scenario.step.iter().any(|step| step.value.step().judges()) {
        let span = scenario.step.last().map_or(0..0, |s| s.span.clone());
        let error = setup.source.flaw(&span, "nothing is expected: this scenario can hardly fail");
        errors.push(error.hint("add a [[step]] with expect = { ... }"));
    }
    errors
}

/// What is wrong with one step: the first thing, or, where it changes nothing, all.
fn flaws(any: &AnyStep, span: &Range<usize>, setup: &Setup, bench: &Bench) -> Vec<ScenarioError> {
    let step = any.step();
    let look = Look { setup, dumps: &bench.dumps };
    let missing =
        step.needs().into_iter().find(|need| bench.lacks(need)).map(|need| unmet(need, any.key(), span, setup));
    if missing.is_some() && !step.changes_nothing() {
        return missing.into_iter().collect();
    }
    let texts = step.fails().map_or(Ok(()), |text| look.not_empty(text, span));
    let own = texts.and_then(|()| step.look(&look, span)).err();
    missing.into_iter().chain(own.into_iter().flat_map(ScenarioError::into_list)).collect()
}

/// What is said of a need that is not met.
fn unmet(need: Need<'_>, key: &str, step: &Range<usize>, setup: &Setup) -> ScenarioError {
    let (at, message, hint) = match need {
        Need::Chip => {
            let message = format!("`{key}` needs a chip, and the scenario has no `part`");
            (None, message, "add part = \"F051\" at the top, or several in [matrix] part = [...]")
        }
        Need::Power => {
            let message = format!("`{key}` needs power, and it is off");
            (None, message, "put power = \"on\" or boot = \"low\" before it")
        }
        Need::That { at, otherwise, hint, .. } => (at, otherwise, hint),
    };
    setup.source.flaw(at.unwrap_or(step), message).hint(hint)
}

fn factory(look: &Look<'_>, factory: &At<Factory>) -> Result<(), ScenarioError> {
    if look.part().is_none() {
        return Err(look.flaw(&factory.span, "a factory state needs a `part`"));
    }
    if let Some(state) = &factory.state {
        look.named(&state.value, &state.span)?;
    }
    for file in &factory.holds {
        look.placed(file, &factory.span)?;
    }
    for pages in &factory.wrp {
        look.page(pages.last, &pages.span)?;
    }
    look.level(factory.rdp.as_ref().map(|l| (l.0, &l.span)))
}
