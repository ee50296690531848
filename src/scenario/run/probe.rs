//! Steps that go through the virtual ST-LINK. The chip moves to the probe, and back.

use super::actions::real;
use super::{Session, Trouble};
use crate::probe::recording::Recording;
use crate::probe::replay::{Strength, replay};
use crate::probe::story::Story;
use crate::probe::{Model, StLink};
use crate::scenario::steps::{Replay, StFlash};
use std::ops::Range;

/// Divergences that are told one by one.
const TOLD: usize = 5;

/// What this dryflash cannot do yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not built into this dryflash")]
pub struct NotBuiltIn(pub &'static str);

impl Session<'_> {
    /// Lets a probe work on the chip, with power for as long as it needs.
    fn with_probe<R>(&mut self, span: &Range<usize>, work: impl FnOnce(&mut StLink) -> R) -> Result<R, Trouble> {
        let Some(mut chip) = self.chip.take() else { return Err(Trouble::step(span, "the scenario names no part")) };
        let was_on = chip.is_powered();
        if !was_on {
            chip.power_on();
        }
        let mut probe = StLink::new(chip, Model::default());
        let result = work(&mut probe);
        let broken = probe.target.take_broken();
        let mut chip = probe.target.chip;
        chip.set_debug(crate::chip::Debug::default());
        chip.stop_inside(&[]);
        if !was_on {
            chip.power_off(self.settings.seed);
            self.story.forget(Some(&chip));
        }
        self.chip = Some(chip);
        match broken {
            Some(text) => Err(Trouble::step(span, format!("dryflash failed: {text}"))),
            None => Ok(result),
        }
    }

    /// A line of st-flash.
    pub(super) fn st_flash(&mut self, step: &StFlash, span: &Range<usize>) -> Result<(), Trouble> {
        let place = real(&step.line.span, span);
        let result = Err(NotBuiltIn("the step `st_flash`").to_string());
        self.outcome(result, step.fails.as_ref(), &place)
    }

    /// A recorded session.
    pub(super) fn replay(&mut self, step: &Replay, span: &Range<usize>) -> Result<(), Trouble> {
        let place = real(&step.file.span, span);
        let bytes = self.built.files.bytes(self.source, &self.settings.cache, &step.file.value, &place)?;
        let recording = match Recording::from_jsonl(&bytes) {
            Ok(recording) if recording.flaws.is_empty() => recording,
            Ok(recording) => {
                let flaw =
                    recording.flaws.first().map_or_else(String::new, |f| format!("line {}: {}", f.packet, f.what));
                return Err(Trouble::step(&place, format!("the recording is not whole: {flaw}")));
            }
            Err(error) => return Err(Trouble::step(&place, format!("{}: {error}", step.file.value))),
        };
        let strength = if step.strict.is_some_and(|s| s.0) { Strength::Strict } else { Strength::Polls };
        let (replayed, lines) = self.with_probe(span, |probe| {
            let mut story = Story::new(probe);
            let replayed = replay(probe, &recording, strength, &mut story);
            let lines: Vec<String> = story.lines().into_iter().map(|line| line.text).collect();
            (replayed, lines)
        })?;
        self.own_changed(&step.file.value);
        let mut text = lines.join("\n");
        for d in replayed.divergences.iter().take(TOLD) {
            text.push_str(&format!("\ncommand {}: recorded {}, replayed {}", d.command, d.recorded, d.replayed));
        }
        let more = replayed.divergences.len().saturating_sub(TOLD);
        if more > 0 {
            text.push_str(&format!("\nand {more} more replies differ"));
        }
        if replayed.ends_alike == Some(false) {
            text.push_str("\nflash holds something else than at the end of the recording");
        }
        let result = if replayed.is_faithful() { Ok(text) } else { Err(text) };
        self.outcome(result, step.fails.as_ref(), &place)
    }
}
