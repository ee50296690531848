//! What is known of AM32: where its things lie, how its files are recognised, what goes wrong with them.
//!
//! Nothing here runs: [`plan()`] takes the files and says what each is, where it goes, on which part, and what
//! can be seen to be wrong with them. `dryflash explain` prints [`explain()`].

mod advice;
mod catalogue;
mod command;
pub mod eeprom;
mod findings;
#[cfg(test)]
pub(crate) mod fixtures;
mod given;
pub mod input;
pub mod layout;
pub mod marks;
pub mod names;
mod parts;
mod piece;
mod pin;
mod plan;
mod roles;
mod rules;
pub mod settings;
pub mod signal_check;

pub use advice::{Advice, Span};
pub use catalogue::{Explanation, Seen, all, explain};
pub use command::{Command, Word};
pub use eeprom::BootByte;
pub use findings::{Finding, Id, Severity};
pub use given::{Given, Request};
pub use input::InputKind;
pub use layout::{Layout, Mcu};
pub use names::{FileName, Firmware};
pub use piece::{Info, Piece, PlacedBy, Seen as SeenInRun};
pub use pin::Pin;
pub use plan::{Plan, PlanError, plan};
pub use roles::{Evidence, Role};
pub use rules::SettingsPage;
pub use settings::Settings;

/// What is known of a bootloader by its version, as far as bytes, a run or its name tell it; none where nothing is.
pub fn by_bootloader_version(piece: &Piece, layout: &Layout) -> Option<Finding> {
    rules::judge_bootloader_version(piece, layout)
}

/// The command that makes a page of settings for the part of this layout, such as `firmware` would write; none where dryflash has
/// no such part.
pub fn new_settings(layout: &Layout, firmware: Option<Firmware>) -> Option<Command> {
    rules::lines::new_page_of(layout, firmware)
}
