//! What a step may be. Each has one key, which says what is done.

use super::expect::Expect;
use super::format::SignalPin;
use super::many::{self, Many};
use super::scalar::{Address, At, Flag, Num, Pages, Span};
use super::short::{Or, Short};
use super::timeline::Timeline;
use crate::am32::Role;
use crate::bus::ResetCause;
use crate::esc::AfterPowerOn;
use crate::probe::replay::Strength;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// One step.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// What `dryflash check` says of some files, on a blank chip of its own.
    Check(Or<Check>),
    /// A probe programs a file: only touched pages are erased.
    Program(Or<Program>),
    /// A probe erases: `"all"`, or pages.
    Erase(Or<Erase>),
    /// A line of st-flash, without the word `st-flash`.
    StFlash(Or<StFlash>),
    /// A recorded ST-LINK session.
    Replay(Or<Replay>),
    /// A probe writes option bytes. They are in force after the next power-on, or, while power is on, after
    /// `reset = "option_bytes"`.
    Options(Options),
    /// The power switch.
    Power(Power),
    /// A reset with the power kept.
    Reset(Reset),
    /// The signal wire: `"low"`, `"high, low@100ms"`. Times count from power-on, or from now where power is on.
    Wire(Or<WireStep>),
    /// The power comes on, and the boot is watched until the app runs or the chip is seen to stay.
    Boot(Or<Boot>),
    /// The powered chip runs on: for a time (`"50 ms"`), or until something happens.
    Run(Or<Run>),
    /// What has to be so now.
    Expect(Box<Expect>),
    /// What goes into the case's snapshot: the state of flash, the events so far, or what `check` reports.
    Snapshot(
        #[serde(deserialize_with = "many::plain")]
        #[schemars(with = "Many<Shown>")]
        Vec<Shown>,
    ),
}

impl Step {
    /// Its key.
    pub const fn key(&self) -> &'static str {
        match self {
            Step::Check(_) => "check",
            Step::Program(_) => "program",
            Step::Erase(_) => "erase",
            Step::StFlash(_) => "st_flash",
            Step::Replay(_) => "replay",
            Step::Options(_) => "options",
            Step::Power(_) => "power",
            Step::Reset(_) => "reset",
            Step::Wire(_) => "wire",
            Step::Boot(_) => "boot",
            Step::Run(_) => "run",
            Step::Expect(_) => "expect",
            Step::Snapshot(_) => "snapshot",
        }
    }
}

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

/// A file is programmed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// The file: `FILE` or `FILE@ADDR`. A pattern such as `build/*.hex` has to match one file.
    pub file: At<String>,
    /// Where a .bin goes.
    #[serde(default)]
    pub at: Option<Address>,
    /// What it is, which says where a .bin goes: found where absent.
    #[serde(default)]
    pub role: Option<RoleName>,
    /// Option bytes that it holds are programmed, too.
    #[serde(default)]
    pub option_bytes: Option<Flag>,
    /// It has to fail, with this text in the reason.
    #[serde(default)]
    pub fails: Option<At<String>>,
}

impl Short for Program {
    fn from_text(text: &str) -> Result<Program, String> {
        let file = At { value: text.to_owned(), span: 0..0 };
        Ok(Program { file, at: None, role: None, option_bytes: None, fails: None })
    }
}

/// A role by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleName {
    /// The bootloader.
    Bootloader,
    /// The app.
    App,
    /// The page of settings.
    Eeprom,
    /// Everything in one.
    Full,
}

impl RoleName {
    /// As the rest of dryflash names it.
    pub const fn role(self) -> Role {
        match self {
            RoleName::Bootloader => Role::Bootloader,
            RoleName::App => Role::App,
            RoleName::Eeprom => Role::Eeprom,
            RoleName::Full => Role::Full,
        }
    }
}

/// An erase.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Erase {
    /// Pages; all of main flash where absent.
    #[serde(default)]
    pub pages: Option<At<Pages>>,
    /// It has to fail, with this text in the reason.
    #[serde(default)]
    pub fails: Option<At<String>>,
}

impl Short for Erase {
    fn from_text(text: &str) -> Result<Erase, String> {
        if text == "all" {
            return Ok(Erase { pages: None, fails: None });
        }
        Err(format!("'{text}' is not \"all\"; pages are {{ pages = \"4..7\" }}"))
    }
    fn short_schema() -> Schema {
        json_schema!({"const": "all"})
    }
}

/// A line of st-flash.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StFlash {
    /// What would stand behind `st-flash`.
    pub line: At<String>,
    /// It has to fail, with this text in what it prints.
    #[serde(default)]
    pub fails: Option<At<String>>,
}

impl Short for StFlash {
    fn from_text(text: &str) -> Result<StFlash, String> {
        Ok(StFlash { line: At { value: text.to_owned(), span: 0..0 }, fails: None })
    }
}

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

/// Option bytes as they are to be. What is not named stays.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The read-protection level. From 1 to 0 erases everything, when it is loaded.
    #[serde(default)]
    pub rdp: Option<At<Num>>,
    /// The pages that are write-protected from then on; none for an empty list.
    #[serde(default, deserialize_with = "many::maybe")]
    #[schemars(with = "Option<Many<Pages>>")]
    pub wrp: Option<Vec<At<Pages>>>,
    /// Option bytes (F0: one byte) or option words (G0), by address; complements are added.
    #[serde(default)]
    pub bytes: BTreeMap<String, At<Address>>,
    /// It has to fail, with this text in the reason.
    #[serde(default)]
    pub fails: Option<At<String>>,
}

/// The power switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// On.
    On,
    /// Off.
    Off,
    /// Off and on again; on, where it is off.
    Cycle,
}

/// A reset's cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reset {
    /// The NRST pin.
    Pin,
    /// SYSRESETREQ, as an app does that has lost its signal.
    Software,
    /// The independent watchdog.
    Watchdog,
    /// The window watchdog.
    WindowWatchdog,
    /// OBL_LAUNCH: option bytes are loaded anew.
    OptionBytes,
    /// Stop or Standby entered against the option bytes.
    LowPower,
}

impl Reset {
    /// As the chip names it.
    pub const fn cause(self) -> ResetCause {
        match self {
            Reset::Pin => ResetCause::Pin,
            Reset::Software => ResetCause::Software,
            Reset::Watchdog => ResetCause::Iwdg,
            Reset::WindowWatchdog => ResetCause::Wwdg,
            Reset::OptionBytes => ResetCause::OptionBytes,
            Reset::LowPower => ResetCause::LowPower,
        }
    }
}

/// A reset that follows a power-on at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EarlyReset {
    /// None.
    None,
    /// SYSRESETREQ.
    Software,
    /// The NRST pin.
    Pin,
}

impl EarlyReset {
    /// As the bench names it.
    pub const fn after(self) -> AfterPowerOn {
        match self {
            EarlyReset::None => AfterPowerOn::Nothing,
            EarlyReset::Software => AfterPowerOn::SoftwareReset,
            EarlyReset::Pin => AfterPowerOn::PinReset,
        }
    }
}

/// The signal wire.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WireStep {
    /// Its level and its changes.
    pub level: Timeline,
    /// The pin it is on; the scenario's where absent.
    #[serde(default)]
    pub pin: Option<SignalPin>,
}

impl Short for WireStep {
    fn from_text(text: &str) -> Result<WireStep, String> {
        Ok(WireStep { level: text.parse()?, pin: None })
    }
}

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
        let signal = Some(At { value: text.parse()?, span: 0..0 });
        Ok(Boot { signal, reset: None, limit: None, app_for: None, from_app: None })
    }
}

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
    /// The core is about to execute this address.
    Address(u32),
}

impl Until {
    const WORDS: [(&'static str, Until); 6] = [
        ("jump", Until::Jump),
        ("main_loop", Until::MainLoop),
        ("reset", Until::Reset),
        ("fault", Until::Fault),
        ("lockup", Until::Lockup),
        ("asleep", Until::Asleep),
    ];
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Until::Address(address) => write!(f, "0x{address:08X}"),
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
        let address = super::scalar::address(&text).map_err(|_| {
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
