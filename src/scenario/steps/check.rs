//! `check`: what `dryflash check` says of files, on a blank chip of its own.

use crate::am32::Given;
use crate::esc::{AfterPowerOn, PowerUp};
use crate::scenario::error::ScenarioError;
use crate::scenario::look::Look;
use crate::scenario::many::{self, Many};
use crate::scenario::run::{Last, Session, Trouble, Troubles, real};
use crate::scenario::scalar::{At, Flag, Span};
use crate::scenario::short::Short;
use crate::scenario::step::{Fact, Gives, Need, Step};
use crate::scenario::timeline::Timeline;
use crate::scenario::words::{EarlyReset, RoleName};
use schemars::{JsonSchema, Schema, json_schema};
use serde::Deserialize;
use std::ops::Range;

/// What `dryflash check` says of some files.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Check {
    /// Files, `FILE` or `FILE@ADDR`; their roles are found.
    #[serde(deserialize_with = "many::list")]
    #[schemars(with = "Many<String>")]
    pub files: Vec<At<String>>,
    /// A file that is the bootloader.
    pub bootloader: Option<At<String>>,
    /// A file that is the app.
    pub app: Option<At<String>>,
    /// A file that is the EEPROM page.
    pub eeprom: Option<At<String>>,
    /// A file that holds everything.
    pub full: Option<At<String>>,
    /// Power-ups: the wire of each. The usual four where absent.
    #[serde(deserialize_with = "many::list")]
    #[schemars(with = "Many<Timeline>")]
    pub signal: Vec<At<Timeline>>,
    /// With `signal`: a reset that follows each power-on at once.
    pub reset: Option<EarlyReset>,
    /// When undecided becomes "stays": 400 ms where absent.
    #[serde(rename = "for")]
    pub limit: Option<At<Span>>,
    /// How long the app may take to its main loop: 1.5 s where absent.
    pub app_for: Option<Span>,
    /// The app is started as a bootloader would, without one.
    pub from_app: Option<Flag>,
    /// Option bytes inside a file are programmed.
    pub option_bytes: Option<Flag>,
}

impl Short for Check {
    fn from_text(text: &str) -> Result<Check, String> {
        Ok(Check { files: vec![At { value: text.to_owned(), span: 0..0 }], ..Check::default() })
    }
    fn from_list(files: Vec<At<String>>) -> Result<Check, String> {
        Ok(Check { files, ..Check::default() })
    }
    fn short_schema() -> Schema {
        json_schema!({"type": ["string", "array"], "items": {"type": "string"}})
    }
}

impl Step for Check {
    /// It has a chip of its own.
    fn needs(&self) -> Vec<Need<'_>> {
        Vec::new()
    }

    fn gives(&self) -> Gives {
        let adds = &[Fact::Verdict, Fact::Jump, Fact::MainLoop, Fact::Words, Fact::Report];
        Gives { takes: &[Fact::App], adds, ..Gives::default() }
    }

    fn look(&self, look: &Look<'_>, span: &Range<usize>) -> Result<(), ScenarioError> {
        let roles = [&self.bootloader, &self.app, &self.eeprom, &self.full];
        let files: Vec<&At<String>> = roles.into_iter().flatten().chain(&self.files).collect();
        if files.is_empty() {
            return Err(look.flaw(span, "`check` names no file"));
        }
        for file in files {
            look.file(file, span)?;
        }
        if self.reset.is_some() && self.signal.is_empty() {
            return Err(look.flaw(span, "`reset` goes with `signal`").hint("add signal = [\"low\"]"));
        }
        for signal in &self.signal {
            look.in_time(signal, self.limit.as_ref(), span)?;
        }
        Ok(())
    }

    fn run(&self, session: &mut Session<'_>, span: &Range<usize>) -> Result<(), Troubles> {
        let mut files = Vec::new();
        let roles = [
            (RoleName::Bootloader, &self.bootloader),
            (RoleName::App, &self.app),
            (RoleName::Eeprom, &self.eeprom),
            (RoleName::Full, &self.full),
        ];
        let named = roles.into_iter().filter_map(|(role, file)| file.as_ref().map(|f| (Some(role.role()), f)));
        for (role, file) in named.chain(self.files.iter().map(|f| (None, f))) {
            let place = real(&file.span, span);
            let image = session.setup.files.image(session.source, &session.settings.cache, &file.value, None, &place)?;
            files.push(Given { image, role });
        }
        let reset = self.reset.map_or(AfterPowerOn::Nothing, EarlyReset::after);
        let mut options = crate::esc::Options {
            part: session.setup.part.clone(),
            from_app: self.from_app.is_some_and(|f| f.0),
            option_bytes: self.option_bytes.is_some_and(|f| f.0),
            seed: session.settings.seed,
            engine: session.settings.engine,
            f0_write_without_pg: session.settings.f0_write_without_pg,
            ..crate::esc::Options::default()
        };
        if !self.signal.is_empty() {
            let wires = self.signal.iter().map(|signal| session.waveform(signal, span));
            options.power_ups = wires.map(|wire| Ok(PowerUp { wire: wire?, reset })).collect::<Result<_, Trouble>>()?;
        }
        if let Some(limit) = &self.limit {
            options.limit = limit.0;
        }
        if let Some(limit) = self.app_for {
            options.app_limit = limit.0;
            options.whole = true;
        }
        let (verdict, _) = crate::esc::check(files, &options, None).map_err(|e| Trouble::step(span, e.to_string()))?;
        session.spent = verdict.runs.iter().fold(session.spent, |all, run| all + run.time_us);
        let report = (session.settings.report)(&verdict);
        session.last = Last::of_check(&verdict, report);
        session.story.tell(if verdict.starts() { "this ESC would start" } else { "this ESC would not start" });
        Ok(())
    }
}
