//! What lies where: images and the flash of virtual ESCs, looked at and never run.
//!
//! [`Source`] is what is looked at. [`map()`] says what lies where. Drawing is `report/`'s.

pub mod map;
mod source;

pub use map::{Map, MapError, map};
pub use source::{OptionBytes, Source, SourceError};
