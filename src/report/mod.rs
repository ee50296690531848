//! Output forms. They decide nothing.

pub mod columns;
pub mod github;
pub mod json;
pub mod junit;
mod places;
pub mod run;
pub mod sarif;
mod style;
pub mod text;

pub use places::Places;
pub use style::{Detail, Style};
