//! Output forms. They decide nothing.

pub mod json;
mod style;
pub mod text;

pub use style::Style;
