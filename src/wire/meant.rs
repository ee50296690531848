//! What somebody may have meant who wrote a word that is none.

use super::catalogue;
use crate::near;

/// The words that a source begins with.
const WORDS: [&str; 17] = [
    "low",
    "high",
    "floating",
    "pulldown",
    "pullup",
    "servo",
    "oneshot125",
    "oneshot42",
    "multishot",
    "dshot150",
    "dshot300",
    "dshot600",
    "dshot1200",
    "serial",
    "glitches",
    "noise",
    "vcd",
];

/// What others call it.
const ALSO: [(&str, &str); 23] = [
    ("float", "floating"),
    ("open", "floating"),
    ("nc", "floating"),
    ("z", "floating"),
    ("hiz", "floating"),
    ("hi-z", "floating"),
    ("high-z", "floating"),
    ("gnd", "low"),
    ("ground", "low"),
    ("lo", "low"),
    ("0", "low"),
    ("vcc", "high"),
    ("vdd", "high"),
    ("hi", "high"),
    ("1", "high"),
    ("pull-down", "pulldown"),
    ("pull_down", "pulldown"),
    ("pull-up", "pullup"),
    ("pull_up", "pullup"),
    ("pwm", "servo"),
    ("uart", "serial"),
    ("random", "noise"),
    ("glitch", "glitches"),
];

/// The word for what was written in capitals, or as others call it.
pub(super) fn instead_of(word: &str) -> Option<&'static str> {
    let small = word.to_lowercase();
    let other = ALSO.iter().find(|(other, _)| *other == small).map(|(_, word)| *word);
    other.or_else(|| WORDS.into_iter().find(|word| *word == small))
}

/// The word or name that is nearest.
pub(super) fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    let all = || WORDS.into_iter().chain(catalogue::ENTRIES.iter().map(|e| e.name)).chain(names.iter().copied());
    let in_capitals = || all().find(|name| name.to_lowercase() == word.to_lowercase());
    instead_of(word).or_else(in_capitals).or_else(|| near::nearest(&word.to_lowercase(), all()))
}
