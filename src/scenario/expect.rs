//! What may be expected.

use super::arming::{ArmedExpect, InputExpect};
use super::eeprom::EepromExpect;
use super::many::{self, Many};
use super::scalar::{Address, At, Bytes, Flag, Num, Pages, SignalPin, Span};
use super::short::Or;
use crate::esc::{Ending, Reason};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What has to be so at this point. Everything that is named has to hold.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Expect {
    /// Whether the ESC starts: the app runs, and no finding is an error. Of the last `check` or `boot`.
    pub starts: Option<At<Flag>>,
    /// How the last `check`, `boot` or `run` ended.
    pub ends: Option<At<Ends>>,
    /// Why the bootloader stays. Of the last `check` or `boot`.
    pub why: Option<At<Why>>,
    /// The jump into the app: whether there was one, its address, or more.
    pub jump: Option<At<JumpExpect>>,
    /// Whether the app was seen to go round its main loop.
    pub main_loop: Option<At<Flag>>,
    /// Whether the app has armed in a `run` since the last reset: after throttle it drove the motor's bridge.
    pub armed: Option<At<ArmedExpect>>,
    /// The signal that the app took in the last `run`: `none`, `servo`, `dshot600`.
    pub input: Option<At<Or<InputExpect>>>,
    /// The pin that the bootloader sampled most.
    pub samples: Option<At<SignalPin>>,
    /// Findings that are there.
    #[serde(deserialize_with = "many::list")]
    #[schemars(with = "Many<String>")]
    pub findings: Vec<At<String>>,
    /// Findings that are not there.
    #[serde(deserialize_with = "many::list")]
    #[schemars(with = "Many<String>")]
    pub absent: Vec<At<String>>,
    /// Exactly these findings are errors.
    pub errors: Option<At<Vec<At<String>>>>,
    /// Text in what the last step reported.
    #[serde(deserialize_with = "many::list")]
    #[schemars(with = "Many<String>")]
    pub says: Vec<At<String>>,
    /// Bytes in flash or in the option area, by their first address.
    pub bytes: BTreeMap<String, At<Bytes>>,
    /// Words in flash or in the option area, by address.
    pub words: BTreeMap<String, At<Address>>,
    /// Flash holds all that these files do, `FILE` or `FILE@ADDR`.
    #[serde(deserialize_with = "many::list")]
    #[schemars(with = "Many<String>")]
    pub holds: Vec<At<String>>,
    /// Pages that are blank.
    #[serde(deserialize_with = "many::list")]
    #[schemars(with = "Many<Pages>")]
    pub blank: Vec<At<Pages>>,
    /// The settings in flash, field by field.
    pub eeprom: Option<At<EepromExpect>>,
    /// The read-protection level in force.
    pub rdp: Option<At<Num>>,
    /// The pages that are write-protected, in force; none for an empty list.
    pub wrp: Option<At<Vec<Pages>>>,
    /// Option bytes in force, by the manual's names, as `dryflash` prints them.
    pub options: BTreeMap<String, At<String>>,
    /// Erases of a page, by an address in it.
    pub wear: BTreeMap<String, At<Num>>,
    /// Whether power is on.
    pub powered: Option<At<Flag>>,
    /// Where the core is: an address, or from and to.
    pub pc: Option<At<Place>>,
    /// Faults since power-on.
    pub faults: Option<At<Num>>,
    /// Resets since power-on, without the power-on itself.
    pub resets: Option<At<Num>>,
    /// Registers that were touched and are not modelled, by name or address; none for an empty list.
    pub unmodelled: Option<At<Vec<String>>>,
    /// The time since power-on.
    pub time: Option<At<TimeRange>>,
}

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// The app runs.
    AppRuns,
    /// It stays in the bootloader.
    Stays,
    /// The core ran into the app's area elsewhere than at its reset vector.
    Stray,
    /// A fault before the app.
    BootloaderFault,
    /// A fault in the app.
    AppFault,
    /// The core is locked up.
    Lockup,
    /// The app reset the chip.
    AppReset,
    /// The chip resets again and again.
    Resets,
    /// The core sleeps for ever.
    Asleep,
    /// The app hangs: nothing is to come that would change what it does.
    AppHangs,
    /// The app had not reached its main loop when the time was over.
    AppUndecided,
    /// The chip runs ST's boot loader.
    SystemMemory,
    /// There is no run: the files were not flashed.
    NotRun,
}

impl Ends {
    /// How a power-up ended; none where dryflash itself failed.
    pub fn of(ending: &Ending) -> Option<Ends> {
        Some(match ending {
            Ending::AppRuns => Ends::AppRuns,
            Ending::Stays => Ends::Stays,
            Ending::Stray { .. } => Ends::Stray,
            Ending::BootloaderFault { .. } => Ends::BootloaderFault,
            Ending::AppFault { .. } => Ends::AppFault,
            Ending::Lockup { .. } => Ends::Lockup,
            Ending::AppReset { .. } => Ends::AppReset,
            Ending::Resets { .. } => Ends::Resets,
            Ending::Asleep { .. } => Ends::Asleep,
            Ending::SystemMemory => Ends::SystemMemory,
            Ending::AppHangs { .. } => Ends::AppHangs,
            Ending::AppUndecided { .. } => Ends::AppUndecided,
            Ending::Broken { .. } => return None,
        })
    }
}

/// Why the app was not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The boot byte is not 01.
    BootByte,
    /// The app's stack pointer is refused.
    HeaderSp,
    /// The app's reset vector is refused.
    HeaderPc,
    /// The signal wire.
    Signal,
    /// A software reset came before.
    SoftwareReset,
    /// It waits for a clock or block that never becomes ready.
    Hung,
    /// It loops without reading a register.
    Spins,
    /// It waits for something that may still come: it was not watched for long enough.
    Undecided,
    /// A fault or lock-up.
    Fault,
    /// Resets, sleep, or ST's boot loader.
    Other,
}

impl Why {
    /// Why a power-up did not reach the app.
    pub const fn of(reason: &Reason) -> Why {
        match reason {
            Reason::BootByte { .. } => Why::BootByte,
            Reason::HeaderSp { .. } => Why::HeaderSp,
            Reason::HeaderPc { .. } => Why::HeaderPc,
            Reason::Signal => Why::Signal,
            Reason::SoftwareReset => Why::SoftwareReset,
            Reason::Hung { .. } => Why::Hung,
            Reason::Spins { .. } => Why::Spins,
            Reason::Undecided => Why::Undecided,
            Reason::Fault => Why::Fault,
            Reason::Other => Why::Other,
        }
    }
}

/// A jump: `true`, `false`, an address, or a table.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(untagged)]
pub enum JumpExpect {
    /// Whether there is one.
    Any(bool),
    /// Where to.
    To(Address),
    /// Where to, and when.
    Range(JumpRange),
}

/// A jump's address and time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JumpRange {
    /// The address, without its Thumb bit.
    pub to: Option<At<Address>>,
    /// Not before this time since power-on.
    pub after: Option<At<Span>>,
    /// Not after this time since power-on.
    pub before: Option<At<Span>>,
    /// The main stack pointer then.
    pub msp: Option<At<Address>>,
    /// The vector table's base then; 0 on a core without VTOR.
    pub vtor: Option<At<Address>>,
}

impl<'de> Deserialize<'de> for JumpExpect {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<JumpExpect, D::Error> {
        struct Visitor;

        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = JumpExpect;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("true, false, an address such as \"0x08001000\", or a table")
            }
            fn visit_bool<E: serde::de::Error>(self, any: bool) -> Result<JumpExpect, E> {
                Ok(JumpExpect::Any(any))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<JumpExpect, E> {
                match text {
                    "true" => Ok(JumpExpect::Any(true)),
                    "false" => Ok(JumpExpect::Any(false)),
                    text => super::scalar::address(text).map(|a| JumpExpect::To(Address(a))).map_err(E::custom),
                }
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<JumpExpect, A::Error> {
                JumpRange::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(JumpExpect::Range)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// From and to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TimeRange {
    /// Not before this time since power-on.
    pub after: Option<At<Span>>,
    /// Not after this time since power-on.
    pub before: Option<At<Span>>,
}

/// Where the core may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The first address.
    pub first: u32,
    /// The last address.
    pub last: u32,
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Place, D::Error> {
        use serde::de::Error;
        let text = String::deserialize(deserializer)?;
        let (first, last) = text.split_once("..").unwrap_or((&text, &text));
        let read = |t: &str| super::scalar::address(t.trim()).map_err(D::Error::custom);
        let (first, last) = (read(first)?, read(last)?);
        if first > last {
            return Err(D::Error::custom(format!("'{text}' ends before it begins")));
        }
        Ok(Place { first, last })
    }
}

impl JsonSchema for Place {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Place".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "an address, or two with .. between, the last included: \"0x08001000..0x08007FFF\""
        })
    }
}
