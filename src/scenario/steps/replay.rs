//! `replay`: a recorded ST-LINK session.

use crate::probe::recording::Recording;
use crate::probe::replay::{Strength, replay};
use crate::probe::story::Story;
use crate::scenario::error::ScenarioError;
use crate::scenario::look::Look;
use crate::scenario::run::{Session, Trouble, Troubles, real};
use crate::scenario::scalar::At;
use crate::scenario::short::Short;
use crate::scenario::step::{Fact, Gives, Step};
use schemars::JsonSchema;
use serde::Deserialize;
use std::ops::Range;

/// Divergences that are told one by one.
const TOLD: usize = 5;

/// A recorded session.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// The recording, JSON Lines as `serve --record` writes it.
    pub file: At<String>,
    /// How closely replies are compared: `polls` where absent.
    #[serde(default)]
    pub compare: Compare,
    /// It has to fail, with this text in the reason.
    #[serde(default)]
    pub fails: Option<At<String>>,
}

impl Short for Replay {
    fn from_text(text: &str) -> Result<Replay, String> {
        Ok(Replay { file: At { value: text.to_owned(), span: 0..0 }, compare: Compare::default(), fails: None })
    }
}

/// How closely the replies of a replay are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// Every reply.
    Strict,
    /// Polling loops may end after another number of rounds.
    #[default]
    Polls,
    /// What is read from flash, failures, and what the ESC holds at the end.
    Effects,
}

impl Compare {
    /// As the replay names it.
    pub const fn strength(self) -> Strength {
        match self {
            Compare::Strict => Strength::Strict,
            Compare::Polls => Strength::Polls,
            Compare::Effects => Strength::Effects,
        }
    }
}

impl Step for Replay {
    fn gives(&self) -> Gives {
        Gives { adds: &[Fact::Words], ..Gives::default() }
    }

    fn fails(&self) -> Option<&At<String>> {
        self.fails.as_ref()
    }

    fn look(&self, look: &Look<'_>, span: &Range<usize>) -> Result<(), ScenarioError> {
        look.file(&self.file, span)
    }

    fn run(&self, session: &mut Session<'_>, span: &Range<usize>) -> Result<(), Troubles> {
        let place = real(&self.file.span, span);
        let bytes = session.setup.files.bytes(session.source, &session.settings.cache, &self.file.value, &place)?;
        let recording = match Recording::from_jsonl(&bytes) {
            Ok(recording) if recording.flaws.is_empty() => recording,
            Ok(recording) => {
                let flaw =
                    recording.flaws.first().map_or_else(String::new, |f| format!("line {}: {}", f.packet, f.what));
                return Err(Trouble::step(&place, format!("the recording is not whole: {flaw}")).into());
            }
            Err(error) => return Err(Trouble::step(&place, format!("{}: {error}", self.file.value)).into()),
        };
        let strength = self.compare.strength();
        let (replayed, lines) = session.with_probe(span, |probe| {
            let mut story = Story::new(probe);
            let replayed = replay(probe, &recording, strength, &mut story);
            let lines: Vec<String> = story.lines().into_iter().map(|line| line.text).collect();
            (replayed, lines)
        })?;
        session.own_changed(&self.file.value);
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
        session.outcome(result, self.fails.as_ref(), &place)
    }
}
