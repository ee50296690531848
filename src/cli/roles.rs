//! Files whose role is said, not found: `--bootloader`, `--app`, `--eeprom`, `--full`.

use super::given::load;
use super::project;
use crate::am32::{self, Role};
use clap::ArgAction;
use std::ffi::OsString;

/// Files by role.
#[derive(Debug, clap::Args)]
pub struct Roles {
    /// A file that is the bootloader.
    #[arg(long, value_name = "FILE[@ADDR]", action = ArgAction::Append, help_heading = HEADING)]
    bootloader: Vec<OsString>,
    /// A file that is the app.
    #[arg(long, value_name = "FILE[@ADDR]", action = ArgAction::Append, help_heading = HEADING)]
    app: Vec<OsString>,
    /// A file that is the EEPROM page (the settings).
    #[arg(long, value_name = "FILE[@ADDR]", action = ArgAction::Append, help_heading = HEADING)]
    eeprom: Vec<OsString>,
    /// A file that holds everything, from the start of flash.
    #[arg(long, value_name = "FILE[@ADDR]", action = ArgAction::Append, help_heading = HEADING)]
    full: Vec<OsString>,
}

/// The heading of the help.
const HEADING: &str = "What a file is, where that is not clear";

impl Roles {
    /// As they were given, `FILE` or `FILE@ADDR`.
    pub fn words(&self) -> impl Iterator<Item = &OsString> {
        [&self.bootloader, &self.app, &self.eeprom, &self.full].into_iter().flatten()
    }

    /// The files, read.
    ///
    /// # Errors
    /// One cannot be read.
    pub fn load(&self) -> anyhow::Result<Vec<am32::Given>> {
        let roles = [Role::Bootloader, Role::App, Role::Eeprom, Role::Full];
        let named = roles.into_iter().zip([&self.bootloader, &self.app, &self.eeprom, &self.full]);
        named.flat_map(|(role, words)| words.iter().map(move |word| load(word, Some(role)))).collect()
    }

    /// Takes a project's files; `others` are those without a role.
    pub fn take(&mut self, files: &[(Option<project::Role>, String)], others: &mut Vec<OsString>) {
        for (role, file) in files {
            let list = match role {
                None => &mut *others,
                Some(project::Role::Bootloader) => &mut self.bootloader,
                Some(project::Role::App) => &mut self.app,
                Some(project::Role::Eeprom) => &mut self.eeprom,
                Some(project::Role::Full) => &mut self.full,
            };
            list.push(file.into());
        }
    }
}
