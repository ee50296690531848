//! Output forms. They decide nothing.

pub mod columns;
#[cfg(feature = "cli")]
pub mod github;
pub mod json;
#[cfg(feature = "cli")]
pub mod junit;
#[cfg(feature = "cli")]
mod places;
#[cfg(feature = "cli")]
pub mod run;
#[cfg(feature = "cli")]
pub mod sarif;
mod style;
pub mod text;

#[cfg(feature = "cli")]
pub use places::Places;
pub use style::{Detail, Style};
