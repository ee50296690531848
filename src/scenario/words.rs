//! Words that several steps share.

use crate::am32::Role;
use crate::esc::AfterPowerOn;
use schemars::JsonSchema;
use serde::Deserialize;

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
