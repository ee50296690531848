//! The settings page by name: what each byte means, by layout version; pages compared, changed and made.
//!
//! What is known of a field stands once, in `fields.toml`. Everything that speaks of settings goes by it.
//!
//! ```
//! use dryflash::am32::Firmware;
//! use dryflash::am32::settings::{Field, Settings, default_page, set};
//!
//! let mut page = default_page(4, Firmware { major: 2, minor: 21 });
//! set(&mut page, Field::named("motor_kv")?, "1980")?;
//! let settings = Settings::read(&page)?;
//! assert_eq!(settings.value("motor_kv").unwrap().text, "1980 KV");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod default;
mod diff;
mod field;
mod page;
mod set;
mod tune;
mod value;

use crate::am32::Firmware;
use field::Kind::*;

pub use default::default_page;
pub use diff::{Change, changes, diff};
pub use field::{Choice, Field, Kind, NEWEST, Outside, Scale, Span, UnknownField};
pub use page::{LENGTH, PageError, SHORTEST, Settings};
pub use set::{SetError, is_rounded, meant, set};
pub use tune::{Sound, tune};
pub use value::Value;

include!(concat!(env!("OUT_DIR"), "/settings.rs"));
