//! Every form of every verb's output. They decide nothing.
//!
//! A form is a file here, with a [`Form`] that stands in [`FORMS`]; what a verb has to say is a type that is [`Render`],
//! in a file named after the verb.

pub mod columns;
mod form;
mod last;
mod places;
mod style;

// What the verbs say.
#[cfg(feature = "cli")]
mod after;
mod check;
pub mod diff;
#[cfg(feature = "cli")]
pub mod doctor;
pub mod dump;
pub mod eeprom;
pub mod eeprom_changes;
pub mod explain;
pub mod map;
pub mod pack;
pub mod parts;
#[cfg(feature = "cli")]
pub mod replay;
#[cfg(feature = "cli")]
pub mod run;
#[cfg(feature = "cli")]
pub mod script;
pub mod signals;
pub mod split;
#[cfg(feature = "cli")]
pub mod trace;
#[cfg(feature = "cli")]
pub mod vcd;
#[cfg(feature = "cli")]
pub mod with;

// The forms.
#[cfg(feature = "cli")]
pub mod github;
pub mod html;
pub mod json;
#[cfg(feature = "cli")]
pub mod junit;
#[cfg(feature = "cli")]
pub mod sarif;
pub mod svg;
pub mod text;

pub use form::{ANY, Form, Kind, Make, Render, RenderError, Setting, Subject};
pub use places::Places;
pub use style::{Detail, Style};

/// The forms, in the order in which help lists them.
pub const FORMS: &[&Form] = &[
    &text::FORM,
    &json::FORM,
    #[cfg(feature = "cli")]
    &junit::FORM,
    #[cfg(feature = "cli")]
    &sarif::FORM,
    #[cfg(feature = "cli")]
    &github::FORM,
    &html::FORM,
];
