//! What the command line says: the files, and what is wanted of them.

use super::roles::Role;
use crate::image::Image;
use crate::part::Part;
use std::sync::Arc;

/// A file, and what the command line says it is.
#[derive(Clone, Debug)]
pub struct Given {
    /// The file.
    pub image: Image,
    /// Its role, where it was given.
    pub role: Option<Role>,
}

/// What else the command line says.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The part; found from the files where none.
    pub part: Option<Arc<Part>>,
    /// Who named it, where that was not `--part`: a variable, a project's file.
    pub part_from: Option<String>,
    /// The app is started as a bootloader would: neither a bootloader nor an EEPROM page is missing.
    pub from_app: bool,
    /// Option bytes inside a file are to be programmed.
    pub option_bytes: bool,
    /// The files go onto an ESC that already holds something: no role is missing.
    pub has_state: bool,
    /// The file that keeps that ESC, for the command lines that advice names.
    pub state: Option<String>,
}
