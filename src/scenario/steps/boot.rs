//! `boot`: power off and on, and the boot is watched.

use crate::am32;
use crate::esc::{AfterPowerOn, Ending, PowerUp, boot, places, settings_pages, signal_pin, verdict};
use crate::plural::count;
use crate::scenario::error::ScenarioError;
use crate::scenario::look::Look;
use crate::scenario::run::{Last, Session, Trouble, Troubles, join};
use crate::scenario::scalar::{At, Flag, Span};
use crate::scenario::short::Short;
use crate::scenario::step::{Fact, Gives, Step};
use crate::scenario::timeline::Timeline;
use crate::scenario::words::EarlyReset;
use crate::time::Time;
use schemars::JsonSchema;
use serde::Deserialize;
use std::ops::Range;

/// A watched boot.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Boot {
    /// The signal wire: low where absent.
    #[serde(default)]
    pub signal: Option<At<Timeline>>,
    /// A reset that follows the power-on at once.
    #[serde(default)]
    pub reset: Option<EarlyReset>,
    /// When undecided becomes "stays": 400 ms where absent.
    #[serde(default, rename = "for")]
    pub limit: Option<At<Span>>,
    /// How long the app may take to its main loop: 1.5 s where absent; 0 looks at its first instructions only.
    #[serde(default)]
    pub app_for: Option<Span>,
    /// The app is started as a bootloader would, without one.
    #[serde(default)]
    pub from_app: Option<Flag>,
}

impl Short for Boot {
    fn from_text(text: &str) -> Result<Boot, String> {
        let signal = Some(At { value: Timeline(text.to_owned()), span: 0..0 });
        Ok(Boot { signal, reset: None, limit: None, app_for: None, from_app: None })
    }
    fn at(self, span: Range<usize>) -> Boot {
        Boot { signal: self.signal.map(|signal| At { span, ..signal }), ..self }
    }
}

impl Step for Boot {
    fn gives(&self) -> Gives {
        Gives {
            takes: &[Fact::App, Fact::Report],
            adds: &[Fact::Powered, Fact::Verdict, Fact::Jump, Fact::MainLoop, Fact::Words],
            settles: true,
            ..Gives::default()
        }
    }

    fn look(&self, look: &Look<'_>, span: &Range<usize>) -> Result<(), ScenarioError> {
        self.signal.as_ref().map_or(Ok(()), |signal| look.in_time(signal, self.limit.as_ref(), span))
    }

    fn run(&self, session: &mut Session<'_>, span: &Range<usize>) -> Result<(), Troubles> {
        let mut bench = session.bench(span)?;
        let layout = session.layout.ok_or_else(|| Trouble::step(span, "AM32 is not known on this part"))?;
        if let Some(limit) = &self.limit {
            bench.limit = limit.0;
        }
        if let Some(limit) = self.app_for {
            bench.app_limit = limit.0;
            bench.whole = true;
        }
        bench.from_app = self.from_app.is_some_and(|f| f.0);
        if let Some(signal) = &self.signal {
            session.wire = session.waveform(signal, span)?;
            // As `check` does: a signal with a name is watched as long after its last part.
            bench.limit = bench.limit + session.wire.name().map_or(Time::ZERO, |_| session.wire.begins());
        }
        let reset = self.reset.map_or(AfterPowerOn::Nothing, EarlyReset::after);
        let power_up = PowerUp { wire: session.wire.clone(), reset };
        let seed = session.settings.seed;
        let elfs = session.elfs.clone();
        let chip = session.chip(span)?;
        if chip.is_powered() {
            chip.power_off(seed);
        }
        let run = boot::boot(chip, &bench, &power_up).explain(layout);
        let symbols = places::symbols(chip, &elfs);
        session.spent = session.spent + run.time_us;
        session.story.power_on();
        session.take_events();
        let mut found = verdict::findings(&run, layout, true);
        found.extend(verdict::unmodelled(std::slice::from_ref(&run)));
        settings_pages::judge(&run, layout, &mut found);
        found.extend(signal_pin::differ(&run).and_then(|(bootloader, app)| signal_pin::finding(bootloader, &app)));
        let runs = verdict::app_runs(&run, &session.about_files);
        let mut findings = join(&session.about_files, found, runs);
        let starts = runs && findings.iter().all(|f| f.severity < am32::Severity::Error);
        for finding in &mut findings {
            finding.message = symbols.name_places(&finding.message).into_owned();
        }
        let last = Last::of_run(&run);
        let last = Last { words: symbols.name_places(&last.words).into_owned(), ..last };
        session.story.tell(last.words.clone());
        for page in &run.changed {
            let erased = if page.erased > 0 { ", erased" } else { "" };
            session.story.tell(format!(
                "{} changed {} of the page at 0x{:08X}{erased}",
                page.by,
                count(page.bytes as u64, "byte"),
                page.address
            ));
        }
        session.last = Last { starts: Some(starts), findings, said: last.words.clone(), ..last };
        match run.ending {
            Ending::Broken { message } => Err(Trouble::step(span, format!("dryflash failed: {message}")).into()),
            _ => Ok(()),
        }
    }
}
