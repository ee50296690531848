//! The files that `check` and `signals` take, the part, and the state: what is to be flashed, and onto what.

use super::project::Project;
use super::roles::Roles;
use super::{PART_VARIABLE, STATE_VARIABLE};
use crate::am32::{self, Role};
use crate::chip::Chip;
use crate::esc::StateFile;
use crate::image::{Image, ImageError, split_address};
use crate::part::Part;
use crate::shell;
use anyhow::bail;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is to be flashed, and onto what.
#[derive(Debug, clap::Args)]
pub struct Given {
    /// Files: .bin, Intel HEX, ELF or .amj; FILE@ADDR puts a .bin at an address.
    #[arg(value_name = "FILE[@ADDR]")]
    files: Vec<OsString>,
    /// The part: full name, order code, or AM32's short name (F031, F051, G031, G071, G071_64K). Found from the files where
    /// absent.
    #[arg(long, help_heading = super::ESC, env = PART_VARIABLE, hide_env_values = true)]
    part: Option<String>,
    /// What named the part, where no option did.
    #[arg(skip)]
    part_from: Option<String>,
    #[command(flatten)]
    roles: Roles,
    /// Also program option bytes that a file holds.
    #[arg(long, help_heading = super::ESC)]
    option_bytes: bool,
    /// A virtual ESC to flash onto, kept in this file between commands; made where it does not exist.
    #[arg(long, help_heading = super::ESC, value_name = "FILE", env = STATE_VARIABLE, hide_env_values = true)]
    state: Option<PathBuf>,
    /// Decides what SRAM holds at power-on.
    #[arg(long, help_heading = super::ESC, default_value_t = 1)]
    seed: u64,
}

/// What was given, read.
pub struct Loaded {
    /// The files, those with a role first.
    pub files: Vec<am32::Given>,
    /// The part, where it was named.
    pub part: Option<Arc<Part>>,
    /// The state, where there is one.
    pub state: Option<StateFile>,
}

impl Given {
    /// Notes what named the part, where no option did.
    pub fn part_from(&mut self, what: Option<String>) {
        self.part_from = what;
    }

    /// What named the part, where no option did.
    pub fn named_by(&self) -> Option<String> {
        self.part_from.clone()
    }

    /// Whether option bytes are programmed.
    pub const fn option_bytes(&self) -> bool {
        self.option_bytes
    }

    /// The seed.
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The state's file.
    pub const fn state(&self) -> Option<&PathBuf> {
        self.state.as_ref()
    }

    /// The files, as they were given.
    fn words(&self) -> impl Iterator<Item = &OsString> {
        self.files.iter().chain(self.roles.words())
    }

    /// The files that are read or kept: no output may take the place of one.
    pub fn inputs(&self) -> impl Iterator<Item = PathBuf> {
        self.words().map(|f| path_of(f)).chain(self.state.clone())
    }

    /// Takes what the project says and nobody else has said. What was taken, for people.
    pub fn join(&mut self, project: &Project) -> Vec<String> {
        let mut taken = Vec::new();
        if self.part.is_none()
            && let Some(part) = &project.part
        {
            taken.push(format!("part {part}"));
            self.part = Some(part.clone());
            self.part_from = Some(project.path.display().to_string());
        }
        // Who names a state and no file wants to look at that state.
        if self.words().next().is_none() && self.state.is_none() {
            self.roles.take(&project.files, &mut self.files);
            taken.extend(project.files.iter().map(|(_, file)| file.clone()));
        }
        if self.state.is_none()
            && let Some(state) = &project.state
        {
            taken.push(format!("state {}", state.display()));
            self.state = Some(state.clone());
        }
        taken
    }

    /// Reads the files and opens the state, for this verb.
    ///
    /// # Errors
    /// Unreadable input, a part that is not known, or nothing at all.
    pub fn load(&self, verb: &str) -> anyhow::Result<Loaded> {
        let mut files = self.roles.load()?;
        for path in &self.files {
            files.push(load(path, None)?);
        }
        let mut state = self.state.as_deref().map(StateFile::open).transpose()?;
        let held = state.as_ref().is_some_and(|s| s.part().is_some());
        // A state knows its part; one that was named for all commands is for those that do not.
        let wish = self.part.as_deref().filter(|_| self.part_from.is_none() || !held);
        let part = wish.map(crate::part::find).transpose()?;
        if files.is_empty() && !held {
            match (&mut state, &part) {
                // A blank ESC, to begin with.
                (Some(state), Some(part)) => state.save(&Chip::new(part, self.seed)?)?,
                (Some(_), None) => {
                    bail!("there is no such state yet; --part F051 makes a blank ESC of it, FILEs one that holds them")
                }
                (None, _) => {
                    bail!(
                        "no file was given; name at least one, e.g. `dryflash {verb} bootloader.hex app.hex eeprom.bin`"
                    )
                }
            }
        }
        Ok(Loaded { files, part, state })
    }
}

/// Reads `FILE` or `FILE@ADDR`. A file whose name holds an `@` wins over an address.
pub(super) fn load(arg: impl AsRef<OsStr>, role: Option<Role>) -> anyhow::Result<am32::Given> {
    let arg = arg.as_ref();
    let (path, at) = place(arg)?;
    if StateFile::is_one(&path) {
        let name = path.display();
        bail!("{name} is the state of a virtual ESC, not a file to flash: give it as --state {}", shell::path(&path));
    }
    Ok(am32::Given { image: Image::load(&path, at)?, role })
}

/// The file that `FILE` or `FILE@ADDR` names, so far as that can be made out.
pub(super) fn path_of(arg: &OsStr) -> PathBuf {
    place(arg).map_or_else(|_| PathBuf::from(arg), |(path, _)| path)
}

/// The file and the address that `FILE` or `FILE@ADDR` names.
pub(super) fn place(arg: &OsStr) -> anyhow::Result<(PathBuf, Option<u32>)> {
    if Path::new(arg).exists() {
        return Ok((PathBuf::from(arg), None));
    }
    let (name, end) = address_of(arg);
    let (head, at) = split_address(&end)?;
    if at.is_none()
        && let Some((_, text)) = head.rsplit_once('@')
        && Path::new(&name).is_file()
    {
        let file = shell::plain(&name.to_string_lossy()).into();
        return Err(ImageError::NotAnAddress { file, text: text.to_owned() }.into());
    }
    Ok((if at.is_some() { PathBuf::from(name) } else { PathBuf::from(arg) }, at))
}

/// What stands before the last `@`, in whatever bytes, and what [`split_address`] can read instead of the whole: a name
/// need not be UTF-8, an address is.
fn address_of(arg: &OsStr) -> (OsString, String) {
    if let Some(text) = arg.to_str() {
        let name = text.rsplit_once('@').map_or(text, |(name, _)| name);
        return (name.into(), text.to_owned());
    }
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let bytes = arg.as_bytes();
        if let Some(at) = bytes.iter().rposition(|b| *b == b'@') {
            let (name, end) = (OsStr::from_bytes(&bytes[..at]), OsStr::from_bytes(&bytes[at..]));
            return (name.to_owned(), format!("{}{}", name.to_string_lossy(), end.to_string_lossy()));
        }
    }
    (arg.to_owned(), arg.to_string_lossy().into_owned())
}
