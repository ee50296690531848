//! Every form of every verb's output. They decide nothing.
//!
//! A form is a file here, with a [`Form`] that stands in [`FORMS`]; what a verb has to say is a type that is [`Render`],
//! in a file named after the verb.

pub mod columns;
mod form;
mod places;
mod style;

// What the verbs say.
mod after;
mod check;
pub mod doctor;
pub mod explain;
pub mod parts;
pub mod replay;
pub mod run;
pub mod script;
pub mod with;

// The forms.
pub mod github;
pub mod json;
pub mod junit;
pub mod sarif;
pub mod text;

pub use form::{ANY, Form, Kind, Make, Render, RenderError, Setting, Subject};
pub use places::Places;
pub use style::{Detail, Style};

/// The forms, in the order in which help lists them.
pub const FORMS: [&Form; 5] = [&text::FORM, &json::FORM, &junit::FORM, &sarif::FORM, &github::FORM];
