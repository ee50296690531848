//! The flash controllers, rule by rule. `cargo test --test flash_rules` prints a line for each; a word after
//! `--` filters them (`-- G33`, `-- "RM0091 3.2.2"`).

mod bench;
mod f0_options;
mod f0_programming;
mod f0_registers;
mod g0_fast_ecc;
mod g0_options;
mod g0_programming;
mod g0_protection;
mod g0_registers;
mod random;
mod refusals;
mod sequences;
mod strangers;
mod untested;

use bench::{Bench, Check};
use libtest_mimic::{Arguments, Trial};
use std::collections::BTreeSet;

/// One rule as a test.
pub struct Rule {
    /// Its number, F1 to F81 or G1 to G103.
    pub id: &'static str,
    /// F0 or G0: which part the bench holds.
    pub family: &'static str,
    /// The manual's section.
    pub section: &'static str,
    /// How sure it is: M, M*, D, T, I, U.
    pub confidence: &'static str,
    /// The rule in one line.
    pub what: &'static str,
    /// Drives the chip.
    pub check: fn(&mut Bench) -> Check,
}

/// A rule of the F0, on an F051K8.
pub fn f0(
    id: &'static str,
    section: &'static str,
    confidence: &'static str,
    what: &'static str,
    check: fn(&mut Bench) -> Check,
) -> Rule {
    Rule { id, family: "F0", section, confidence, what, check }
}

/// A rule of the G0, on a G071xB.
pub fn g0(
    id: &'static str,
    section: &'static str,
    confidence: &'static str,
    what: &'static str,
    check: fn(&mut Bench) -> Check,
) -> Rule {
    Rule { id, family: "G0", section, confidence, what, check }
}

impl Rule {
    /// What a flashing program does, rather than what the chip does.
    fn by_client(&self) -> bool {
        matches!(self.section, "st-flash" | "OpenOCD" | "BMP")
    }

    fn trial(self) -> Trial {
        let name = format!("{:<4} {:<15} {:<4} {}", self.id, self.section, self.confidence, self.what);
        Trial::test(name, move || {
            let mut bench = Bench::of(if self.family == "F0" { "STM32F051K8" } else { "STM32G071xB" });
            (self.check)(&mut bench).map_err(Into::into)
        })
    }
}

fn rules() -> Vec<Rule> {
    [
        f0_registers::rules(),
        f0_programming::rules(),
        f0_options::rules(),
        g0_registers::rules(),
        g0_programming::rules(),
        g0_fast_ecc::rules(),
        g0_options::rules(),
        g0_protection::rules(),
        refusals::rules(),
        sequences::rules(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Every rule has a test, or a reason why it has none; and not both.
fn every_rule_is_accounted_for(tested: &BTreeSet<&str>) -> Check {
    let reasons: BTreeSet<&str> = untested::WITHOUT_TEST.iter().map(|(id, _)| *id).collect();
    let all = (1..=81).map(|n| format!("F{n}")).chain((1..=103).map(|n| format!("G{n}")));
    for id in all {
        match (tested.contains(id.as_str()), reasons.contains(id.as_str())) {
            (false, false) => return Err(format!("{id} has neither test nor reason")),
            (true, true) => return Err(format!("{id} is tested, and listed as untested")),
            _ => {}
        }
    }
    Ok(())
}

/// Every choice names a rule that exists.
fn choices_name_rules() -> Check {
    for choice in dryflash::flash::choices::all() {
        let (letter, number) = choice.rule.split_at(1);
        let last = if letter == "F" { 81 } else { 103 };
        match number.parse::<u32>() {
            Ok(n) if (1..=last).contains(&n) => {}
            _ => return Err(format!("{} is no rule", choice.rule)),
        }
    }
    Ok(())
}

/// What the manual does not settle is listed as a choice.
fn unsettled_rules_are_choices(unsettled: &BTreeSet<&str>) -> Check {
    let chosen: BTreeSet<&str> = dryflash::flash::choices::all().iter().map(|c| c.rule).collect();
    match unsettled.difference(&chosen).next() {
        Some(id) => Err(format!("{id} is inferred, third-party or unknown, and no choice is listed")),
        None => Ok(()),
    }
}

fn main() {
    let arguments = Arguments::from_args();
    let rules = rules();
    let tested: BTreeSet<&'static str> = rules.iter().map(|r| r.id).collect();
    let unsettled: BTreeSet<&'static str> =
        rules.iter().filter(|r| matches!(r.confidence, "I" | "T" | "U") && !r.by_client()).map(|r| r.id).collect();
    let mut trials: Vec<Trial> = rules.into_iter().map(Rule::trial).collect();
    trials.push(Trial::test("every rule is tested, or says why not", move || {
        every_rule_is_accounted_for(&tested).map_err(Into::into)
    }));
    trials.push(Trial::test("every unsettled rule is a choice", move || {
        unsettled_rules_are_choices(&unsettled).map_err(Into::into)
    }));
    trials.push(Trial::test("every choice names a rule", || choices_name_rules().map_err(Into::into)));
    trials.extend(random::trials());
    trials.extend(strangers::trials());
    libtest_mimic::run(&arguments, trials).exit();
}
