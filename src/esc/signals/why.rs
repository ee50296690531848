//! Why a bootloader started or stayed: the samples that it took, and what they were held against.

use super::{Outcome, Version};
use crate::am32::signal_check::{self, Course, Listening, Taken, Wants};
use crate::chip::samples::{Counted, Stretch};
use crate::esc::evidence::{BootRun, Ending};
use crate::esc::power_up::AfterPowerOn;
use crate::esc::reason::Reason;
use crate::esc::words::Hopes;
use crate::periph::gpio::Pull;
use crate::plural::thousands;
use crate::time::Time;
use crate::wire::{Level, Span};

/// Why this case came out as it did.
pub(super) fn of(run: &BootRun, outcome: Outcome, version: Version, samples: &[Stretch]) -> String {
    if !by_signal(run) || !matches!(run.ending, Ending::AppRuns | Ending::Stays) {
        let told = run.told(Hopes::default());
        let longer = if outcome == Outcome::Undecided { "; raise --for" } else { "" };
        return format!("{}{}{longer}", told.head, told.rest);
    }
    if samples.is_empty() {
        return match outcome {
            Outcome::Starts => "it jumped without a look at its pin".to_owned(),
            _ => "it never looked at its pin".to_owned(),
        };
    }
    let Course { check, edges, taken, listening } = signal_check::course(|v| version.allows(v), samples);
    let Some(check) = check else { return seen_only(samples) };
    let starts = outcome == Outcome::Starts;
    let after_reset = run.power_up.reset == AfterPowerOn::SoftwareReset;
    let jumped = starts && samples.len() <= taken.len() && taken.last().is_some_and(Taken::enough);
    let mut told: Vec<String> = Vec::new();
    if let Some(edges) = edges {
        match starts && taken.is_empty() && samples.len() == 1 {
            true => return format!("edges of DShot, seen in {} from {} on", looks_of(&edges), edges.from),
            false if !jumped => told.push(format!("too few edges of DShot in {}", looks_of(&edges))),
            false => {}
        }
    }
    let last = taken.len().saturating_sub(1);
    for (n, stage) in taken.iter().enumerate() {
        // Of what started it the last stage tells.
        if !jumped || n == last {
            told.push(stage_in_words(stage, after_reset && n == 0 && (!starts || n != last)));
        }
    }
    match listening {
        Some(listening) if jumped && check.edges => {
            told.push(format!("and no byte of a configurator in {} after that", looks_of(&listening.looks)));
        }
        Some(listening) if !jumped => told.push(listening_in_words(&listening, run, starts, check.break_after)),
        _ => {}
    }
    told.join("; ")
}

fn looks_of(counted: &Counted) -> String {
    format!("{} samples", thousands(counted.looks()))
}

/// Whether nothing but the signal is seen to have decided.
pub(super) const fn by_signal(run: &BootRun) -> bool {
    matches!(run.reason, None | Some(Reason::Signal | Reason::SoftwareReset))
}

fn pull_in_words(pull: Pull) -> &'static str {
    match pull {
        Pull::Down => "pull-down",
        Pull::Up => "pull-up",
        Pull::None => "no pull",
    }
}

fn low_of(low: u64, all: u64) -> String {
    match low {
        0 => format!("none of {} samples low", thousands(all)),
        n if n == all => format!("all {} samples low", thousands(all)),
        n => format!("{} of {} samples low", thousands(n), thousands(all)),
    }
}

fn stage_in_words(taken: &Taken, in_vain: bool) -> String {
    let Taken { stage, looks, .. } = taken;
    let counts = format!("{}: {}", pull_in_words(stage.pull), low_of(looks.low, looks.looks()));
    match (stage.wants, taken.enough()) {
        (Wants::Jumps { .. }, true) if in_vain => format!("{counts}, which does not count after a software reset"),
        (Wants::Jumps { more_than: 0, .. }, true) => format!("{counts}, one is enough"),
        (Wants::Jumps { more_than: 0, .. }, false) => format!("{counts}, one would do"),
        (Wants::Jumps { more_than, .. }, true) => format!("{counts}, more than {more_than} are enough"),
        (Wants::Jumps { more_than, .. }, false) => format!("{counts}, more than {more_than} are wanted"),
        (Wants::Goes { .. }, false) => format!("{counts}: taken for a configurator's line"),
        (Wants::Goes { .. }, true) => counts,
    }
}

fn listening_in_words(listening: &Listening, run: &BootRun, starts: bool, break_after: Time) -> String {
    let Listening { looks, since: first, longest_low } = listening;
    let since = match first {
        Some(first) => format!("it listens for a configurator from {first} on"),
        None => "it listens for a configurator after that".to_owned(),
    };
    // It looks once in a while only.
    let broke = longest_low.0 >= break_after.0 - break_after.0 / 50;
    if starts {
        return match (broke, first) {
            (true, _) => format!("{since}, until {longest_low} of low made it try again"),
            (false, Some(first)) => {
                format!("{since}, and gave up on what it received {} later", run.time_us.since(*first))
            }
            (false, None) => format!("{since}, and gave up on what it received"),
        };
    }
    let limit = Span(break_after);
    match run.power_up.last_level() {
        Some(Level::High) => format!("{since}, and the line stays high"),
        _ if looks.low == 0 => format!("{since}, and never saw the line low"),
        _ if broke => format!("{since}; {longest_low} of low did not make it jump"),
        Some(_) => format!("{since}, where {longest_low} of low is too short (it tries again after {limit})"),
        _ => format!(
            "{since}, where lows that it took for {longest_low} at most are too short (it tries again after {limit}) and what it received did not make it give up"
        ),
    }
}

/// What was seen, where nobody knows what it was held against.
fn seen_only(samples: &[Stretch]) -> String {
    const MOST: usize = 4;
    let mut told: Vec<String> = samples
        .iter()
        .take(MOST)
        .map(|s| format!("{}: {} from {} on", pull_in_words(s.pull), low_of(s.all.low, s.all.looks()), s.all.from))
        .collect();
    if samples.len() > MOST {
        told.push(format!("and {} more changes of the pull", samples.len() - MOST));
    }
    told.join("; ")
}
