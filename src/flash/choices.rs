//! The choices: rules where the manual is silent, sources differ, or only third parties speak.

use crate::part::Family;

/// One choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Choice {
    /// The rule's number.
    pub rule: &'static str,
    /// The family.
    pub family: Family,
    /// What the model does.
    pub choice: &'static str,
    /// Why.
    pub reason: &'static str,
}

/// Every choice, in the order of the rules.
pub fn all() -> &'static [Choice] {
    &[]
}
