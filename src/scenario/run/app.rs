//! The app's side of a run: which signal it takes, and whether it arms.

use super::judge::Verdicts;
use super::{Session, Trouble, real};
use crate::am32::InputKind;
use crate::esc::arming::Watch;
use crate::esc::{AppSeen, watch_app};
use crate::scenario::arming::{ArmedExpect, Input, InputExpect};
use crate::scenario::expect::Expect;
use crate::time::Time;
use std::ops::Range;

/// What is known of the app from the runs before, until the chip is reset.
#[derive(Clone, Debug)]
pub struct Known {
    seen: AppSeen,
    /// The chip's resets by then.
    resets: u64,
}

impl Session<'_> {
    /// Runs to `limit`, or to where the app arms. An app that has armed in a run before is armed until the next reset.
    pub fn watch_app(&mut self, limit: Time, to_armed: bool, span: &Range<usize>) -> Result<AppSeen, Trouble> {
        let known = self.app.take();
        let chip = self.chip(span)?;
        let start = chip.now().time;
        let mut all = known.filter(|k| k.resets == chip.resets()).map_or_else(AppSeen::default, |k| k.seen);
        while !(to_armed && all.armed.is_some()) {
            let begin = chip.now().time;
            let seen = watch_app(chip, &Watch { from: start, until: limit, to_armed, to_reset: false });
            all = AppSeen {
                armed: all.armed.or(seen.armed),
                input: seen.input.or(all.input),
                resets: [all.resets, seen.resets].concat(),
                ..seen
            };
            // A fault has a handler, and code may reset itself for ever: it runs on.
            let now = chip.now().time;
            if now >= limit || now == begin {
                break;
            }
        }
        let last_reset = all.resets.last().map_or(Time::ZERO, |(time, _)| *time);
        let seen =
            AppSeen { armed: all.armed.filter(|at| *at > last_reset), input: all.input.clone(), ..AppSeen::default() };
        self.app = Some(Known { seen, resets: chip.resets() });
        Ok(all)
    }

    pub(super) fn judge_app(&self, expect: &Expect, v: &mut Verdicts<'_>) {
        let none = "no step before tells: `run` does";
        let app = self.last.app.as_ref();
        if let Some(wanted) = &expect.armed {
            match app {
                None => v.fail("armed", &wanted.span, none),
                Some(seen) => judge_armed(&wanted.value, &wanted.span, seen, v),
            }
        }
        if let Some(wanted) = &expect.input {
            match app {
                None => v.fail("input", &wanted.span, none),
                Some(seen) if takes(seen, &wanted.value.0) => {}
                Some(seen) => v.fail("input", &wanted.span, told(seen)),
            }
        }
    }
}

fn judge_armed(wanted: &ArmedExpect, span: &Range<usize>, seen: &AppSeen, v: &mut Verdicts<'_>) {
    match (wanted, seen.armed) {
        (ArmedExpect::Any(wanted), is) if *wanted == is.is_some() => {}
        (ArmedExpect::Any(_), _) | (_, None) => v.fail("armed", span, told(seen)),
        (ArmedExpect::When(range), Some(at)) => {
            if let Some(after) = range.after.as_ref().filter(|t| at < t.0) {
                v.fail("armed.after", &after.span, told(seen));
            }
            if let Some(before) = range.before.as_ref().filter(|t| at > t.0) {
                let key = if before.span.is_empty() { "armed" } else { "armed.before" };
                v.fail(key, &real(&before.span, span), told(seen));
            }
        }
    }
}

/// Whether the app takes this signal.
fn takes(seen: &AppSeen, wanted: &InputExpect) -> bool {
    let input = seen.input.as_ref();
    let is = input.map_or(Input::None, |i| Input::of(i.kind));
    let pin = wanted.pin.as_ref().is_none_or(|pin| input.is_some_and(|i| i.pin == pin.0));
    let answers = wanted.bidirectional.as_ref().is_none_or(|flag| input.is_some_and(|i| i.bidirectional) == flag.0);
    is == wanted.signal && pin && answers
}

/// What was seen, in a line.
pub fn told(seen: &AppSeen) -> String {
    let takes = match &seen.input {
        None => "the app has no input set up".to_owned(),
        Some(input) if input.kind == InputKind::Unknown => format!("the app looks for a signal on {}", input.pin),
        Some(input) => {
            let answers = if input.bidirectional { ", bidirectional" } else { "" };
            format!("the app takes {}{answers} on {}", input.kind, input.pin)
        }
    };
    let armed = match seen.armed {
        Some(at) => format!("it drives its bridge from {at} on"),
        None => "it does not drive its bridge".to_owned(),
    };
    match seen.resets.first() {
        Some((at, cause)) => format!("{takes}; {armed}; reset by {cause} at {at}"),
        None => format!("{takes}; {armed}"),
    }
}
