//! What steps share that go through the virtual ST-LINK. The chip moves to the probe, and back.

use super::{Session, Trouble};
use crate::probe::{Model, StLink};
use std::ops::Range;

impl Session<'_> {
    /// Lets a probe work on the chip, with power for as long as it needs.
    pub fn with_probe<R>(&mut self, span: &Range<usize>, work: impl FnOnce(&mut StLink) -> R) -> Result<R, Trouble> {
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
}
