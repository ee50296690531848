//! `snapshot`: what goes into the case's snapshot.

use crate::scenario::error::ScenarioError;
use crate::scenario::look::Look;
use crate::scenario::many::{self, Many};
use crate::scenario::run::{Session, Troubles};
use crate::scenario::state;
use crate::scenario::step::{Fact, Need, Step};
use crate::section;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::Deserializer;
use std::borrow::Cow;
use std::ops::Range;

/// What is shown, in this order.
#[derive(Clone, Debug)]
pub struct Snapshot(pub Vec<Shown>);

impl<'de> Deserialize<'de> for Snapshot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Snapshot, D::Error> {
        many::plain(deserializer).map(Snapshot)
    }
}

impl JsonSchema for Snapshot {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        Many::<Shown>::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Many::<Shown>::json_schema(generator)
    }
}

/// What a snapshot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// Flash page by page, option bytes, protection, wear.
    Flash,
    /// What happened so far.
    Events,
    /// All that the last `check` reports.
    Report,
    /// Of its report: the files.
    Files,
    /// Of its report: the power-ups.
    PowerUps,
    /// The findings of the last `check` or `boot`.
    Findings,
}

impl Step for Snapshot {
    fn needs(&self) -> Vec<Need<'_>> {
        let need = |fact, otherwise: &str, hint| {
            let otherwise = otherwise.to_owned();
            Need::That { fact, is: true, at: None, otherwise, hint }
        };
        let mut needs = Vec::new();
        if self.0.contains(&Shown::Flash) {
            needs.push(need(Fact::Chip, "there is no chip whose flash could be shown: name a `part`", ""));
        }
        if self.0.iter().any(|s| matches!(s, Shown::Report | Shown::Files | Shown::PowerUps)) {
            let hint = "`check` reports; a `boot` has events and findings";
            needs.push(need(Fact::Report, "there is no report yet", hint));
        }
        needs
    }

    /// It fails where it differs.
    fn judges(&self) -> bool {
        true
    }

    fn is_shown(&self) -> bool {
        true
    }

    fn look(&self, look: &Look<'_>, span: &Range<usize>) -> Result<(), ScenarioError> {
        if self.0.is_empty() {
            return Err(look.flaw(span, "the snapshot holds nothing").hint("name flash, events or report"));
        }
        Ok(())
    }

    fn run(&self, session: &mut Session<'_>, _: &Range<usize>) -> Result<(), Troubles> {
        let last = &session.last;
        let mut texts: Vec<String> = Vec::new();
        let mut of_report: Vec<&str> = Vec::new();
        for shown in &self.0 {
            match shown {
                Shown::Flash => texts.extend(session.chip.as_ref().map(|chip| state::text(chip, &session.owners))),
                Shown::Events => texts.push(format!("events\n{}\n", session.story.lines().join("\n"))),
                Shown::Report => texts.push(section::join(&last.report)),
                Shown::Files => of_report.push("files"),
                Shown::PowerUps => of_report.push("power-ups"),
                Shown::Findings if last.report.is_empty() => {
                    let lines: Vec<String> = last.findings.iter().map(|f| format!("  {f}\n")).collect();
                    texts.push(format!("findings\n{}", lines.concat()));
                }
                Shown::Findings => of_report.push("findings"),
            }
        }
        if !of_report.is_empty() {
            // A report's parts are shown with its answer, which comes first.
            let (answer, rest) = last.report.split_first().map_or((None, &[][..]), |(first, rest)| (Some(first), rest));
            texts.push(section::join(answer.into_iter().chain(rest.iter().filter(|s| of_report.contains(&s.name)))));
        }
        for text in texts {
            session.shown.push('\n');
            session.shown.push_str(text.trim_end());
            session.shown.push('\n');
        }
        Ok(())
    }
}
