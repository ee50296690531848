//! What lies where: images and the flash of virtual ESCs, looked at; made one of several, and taken apart again.
//!
//! [`Source`] is what is looked at. [`map()`] says what lies where. Drawing is `report/`'s.

mod diff;
mod dump;
pub mod edit;
mod form;
pub mod map;
mod pack;
pub mod page;
mod source;
mod split;
mod told;

pub use diff::{Area, Change, Diff, DiffError, Page, Subject, diff};
pub use dump::{Dump, DumpError, Unread, dump};
pub use form::{Form, UnknownForm};
pub use map::{Map, MapError, map};
pub use pack::{Packed, Packing, Placed, Refusal, Stretch, pack};
pub use source::{OptionBytes, Source, SourceError};
pub use split::{File, Split, SplitError, split};
