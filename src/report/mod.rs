//! Output forms. They decide nothing.

pub mod columns;
pub mod github;
pub mod json;
pub mod junit;
pub mod run;
pub mod sarif;
mod style;
pub mod text;

pub use style::{Detail, Style};
