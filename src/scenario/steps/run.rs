//! `run`: the powered chip runs on, for a time or until something happens.

use crate::chip::{Chip, Halt};
use crate::esc::Jump;
use crate::esc::alive::{self, Alive, Code, Limit};
use crate::scenario::error::ScenarioError;
use crate::scenario::look::Look;
use crate::scenario::run::{Last, Session, Trouble, Troubles, real, told};
use crate::scenario::scalar::{At, Span, address};
use crate::scenario::short::Short;
use crate::scenario::step::{Fact, Gives, Need, Step};
use crate::time::Time;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// The chip runs on.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// For so long; with `until`, at most so long (400 ms where absent).
    #[serde(default, rename = "for")]
    pub time: Option<At<Span>>,
    /// Until this happens; the case fails where it does not.
    #[serde(default)]
    pub until: Option<At<Until>>,
}

impl Short for Run {
    fn from_text(text: &str) -> Result<Run, String> {
        let time = Span::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(text))
            .map_err(|e| e.to_string())?;
        Ok(Run { time: Some(At { value: time, span: 0..0 }), until: None })
    }
}

/// What a run may wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The core executes in the app's area.
    Jump,
    /// The app goes round its main loop: the watchdog is reloaded from one place again and again.
    MainLoop,
    /// A reset.
    Reset,
    /// A fault.
    Fault,
    /// The core is locked up.
    Lockup,
    /// The core sleeps for ever.
    Asleep,
    /// The app arms: it drives the motor's bridge.
    Armed,
    /// The core is about to execute this address.
    Address(u32),
}

impl Until {
    const WORDS: [(&'static str, Until); 7] = [
        ("jump", Until::Jump),
        ("main_loop", Until::MainLoop),
        ("reset", Until::Reset),
        ("fault", Until::Fault),
        ("lockup", Until::Lockup),
        ("asleep", Until::Asleep),
        ("armed", Until::Armed),
    ];
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Until::Address(address) => write!(f, "0x{address:08X}"),
            Until::Armed => f.write_str("arming"),
            other => {
                let word = Until::WORDS.iter().find(|(_, u)| u == other).map_or("", |(word, _)| word);
                f.write_str(&word.replace('_', " "))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Until {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Until, D::Error> {
        let text = String::deserialize(deserializer)?;
        if let Some((_, until)) = Until::WORDS.iter().find(|(word, _)| *word == text) {
            return Ok(*until);
        }
        let address = address(&text).map_err(|_| {
            let words: Vec<&str> = Until::WORDS.iter().map(|(word, _)| *word).collect();
            D::Error::custom(format!("'{text}' is nothing to wait for: {} or an address", words.join(", ")))
        })?;
        Ok(Until::Address(address))
    }
}

impl JsonSchema for Until {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Until".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<&str> = Until::WORDS.iter().map(|(word, _)| *word).collect();
        json_schema!({"anyOf": [{"enum": words}, {"type": "string", "pattern": "^0x"}]})
    }
}

impl Step for Run {
    fn needs(&self) -> Vec<Need<'_>> {
        vec![Need::Chip, Need::Power]
    }

    fn gives(&self) -> Gives {
        let adds: &[Fact] = match self.until.as_ref().map(|u| u.value) {
            Some(Until::Jump) => &[Fact::Words, Fact::Jump],
            Some(Until::MainLoop) => &[Fact::Words, Fact::MainLoop],
            Some(Until::Armed) | None => &[Fact::Words, Fact::App],
            _ => &[Fact::Words],
        };
        let takes = &[Fact::Verdict, Fact::Jump, Fact::MainLoop, Fact::App, Fact::Report];
        Gives { takes, adds, ..Gives::default() }
    }

    /// One that waits for something fails where it does not come.
    fn judges(&self) -> bool {
        self.until.is_some()
    }

    fn look(&self, look: &Look<'_>, span: &Range<usize>) -> Result<(), ScenarioError> {
        if self.time.is_none() && self.until.is_none() {
            return Err(look.flaw(span, "`run` has neither `for` nor `until`").hint("write run = \"50 ms\""));
        }
        Ok(())
    }

    fn run(&self, session: &mut Session<'_>, span: &Range<usize>) -> Result<(), Troubles> {
        let app = session.layout.map(|l| l.app);
        let to_armed = self.until.as_ref().is_some_and(|u| u.value == Until::Armed);
        let looks = to_armed || self.until.is_none() && session.setup.asks_app;
        let chip = session.chip(span)?;
        let start = chip.now().time;
        let limit = start + self.time.as_ref().map_or(crate::scenario::PATIENCE, |t| t.0);
        let flash_end = chip.part().flash.end();
        let until = self.until.as_ref().map(|u| u.value);
        let inside: Option<Range<u32>> = match until {
            Some(Until::Jump) => app.map(|app| app..flash_end),
            Some(Until::Address(address)) => Some(address..address.saturating_add(2)),
            _ => None,
        };
        if until == Some(Until::MainLoop) {
            return Ok(self.to_main_loop(session, limit, span)?);
        }
        let seen = if looks { Some(session.watch_app(limit, to_armed, span)?) } else { None };
        let armed = seen.as_ref().is_some_and(|s| s.armed.is_some());
        let chip = session.chip(span)?;
        let end = if to_armed && armed { chip.now().time } else { limit };
        chip.stop_inside(inside.as_slice());
        let halt = loop {
            let halt = chip.run(end);
            match (&halt, until) {
                (Halt::Reset(_), Some(Until::Reset)) | (Halt::Fault(_), Some(Until::Fault)) => break halt,
                // Code may reset itself, and faults have a handler: it runs on.
                (Halt::Reset(_) | Halt::Fault(_), _) => {}
                _ => break halt,
            }
        };
        chip.stop_inside(&[]);
        if let Some(seen) = &seen {
            session.take_events();
            session.story.tell(told(seen));
        }
        let mut last = Last { app: seen.clone(), ..Last::of_halt(&halt) };
        let chip = session.chip(span)?;
        if halt == Halt::Inside && until == Some(Until::Jump) {
            let registers = chip.registers();
            last.jump = Some(Some(Jump {
                address: chip.board.resolve(registers.pc),
                vector: 0,
                msp: registers.msp,
                vtor: chip.board.nvic.vtor(),
                interrupts_off: registers.primask,
                time_us: chip.now().time,
            }));
        }
        let came = match until {
            None => true,
            Some(Until::Jump | Until::Address(_)) => halt == Halt::Inside,
            Some(Until::Reset) => matches!(halt, Halt::Reset(_)),
            Some(Until::Fault) => matches!(halt, Halt::Fault(_)),
            Some(Until::Lockup) => halt == Halt::Lockup,
            Some(Until::Asleep) => halt == Halt::Asleep,
            Some(Until::Armed) => armed,
            Some(Until::MainLoop) => false,
        };
        let stands = if to_armed { seen.as_ref().map_or_else(String::new, told) } else { stands(chip) };
        let now = chip.now().time;
        session.spent = session.spent + now.since(start);
        finish(session, last, span);
        if let Halt::Broken(message) = halt {
            return Err(Trouble::step(span, format!("dryflash failed: {message}")).into());
        }
        match until {
            Some(until) if !came => {
                let place = self.until.as_ref().map_or(span.clone(), |u| real(&u.span, span));
                Err(Trouble::step(&place, format!("no {until} within {}: {stands}", limit.since(start))).into())
            }
            _ => Ok(()),
        }
    }
}

impl Run {
    /// Until the app goes round its main loop.
    fn to_main_loop(&self, session: &mut Session<'_>, limit: Time, span: &Range<usize>) -> Result<(), Trouble> {
        let (app, tag) = session.layout.map(|l| (l.app, l.tag)).unzip();
        let chip = session.chip(span)?;
        let start = chip.now().time;
        // A bootloader's loop is no main loop.
        let area = app.map_or(0..u32::MAX, |app| app..chip.part().flash.end());
        let code = Code::of(chip, area, tag);
        // What was seen before tells nothing of what it does now.
        chip.board.heartbeat.forget();
        let watched = loop {
            match alive::watch(chip, start, Limit::firm(limit), &code) {
                // Code may reset itself, and faults have a handler: it runs on.
                Err(Halt::Reset(_) | Halt::Fault(_)) if chip.now().time < limit => {}
                other => break other,
            }
        };
        let stands = stands(chip);
        let found = matches!(watched, Ok(Alive::Loop(_) | Alive::Works(_)));
        let last = Last { main_loop: Some(found), words: stands.clone(), ..Last::default() };
        finish(session, last, span);
        if found {
            return Ok(());
        }
        let place = self.until.as_ref().map_or(span.clone(), |u| real(&u.span, span));
        Err(Trouble::step(&place, format!("no main loop within {}: {stands}", limit.since(start))))
    }
}

/// Keeps what a run says, beside the findings there are.
fn finish(session: &mut Session<'_>, last: Last, span: &Range<usize>) {
    session.take_events();
    if let Ok(chip) = session.chip(span) {
        let (pc, time) = (chip.registers().pc, chip.now().time);
        session.story.tell(format!("{:>9}  at PC 0x{pc:08X}", time.to_string()));
    }
    let findings = std::mem::take(&mut session.last.findings);
    session.last = Last { said: last.words.clone(), findings, ..last };
}

/// Where the core stands, and what it polls.
fn stands(chip: &Chip) -> String {
    let polled = chip.board.polled(chip.now().cycle);
    match polled.first() {
        Some(p) => format!("the core polls {} at PC 0x{:08X}", p.name, p.pc),
        None => format!("the core stands at PC 0x{:08X}", chip.registers().pc),
    }
}
