//! What lies where: images and the flash of virtual ESCs, looked at and never run.
//!
//! [`Source`] is what is looked at. Drawing is `report/`'s.

pub mod edit;
pub mod page;
mod source;

pub use source::{OptionBytes, Source, SourceError};
