//! `dryflash split`: a full image taken apart.

use super::given::path_of;
use super::outputs::{self, apart, may_make};
use super::sources::{self, OfPart};
use super::{OK, Outcome, Output};
use crate::am32::Role;
use crate::layout::{self, File, Form};
use crate::report::split::Report;
use crate::shell;
use anyhow::{Context, bail};
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash split NEOESC_FULL.bin -o parts
  dryflash split esc.json --prefix before --hex")]
pub struct Args {
    /// The image (FILE@ADDR puts a .bin at an address), or the state of a virtual ESC.
    #[arg(value_name = "FILE[@ADDR]")]
    file: OsString,
    #[command(flatten)]
    pub(super) part: OfPart,
    /// The folder for the files, which is there already; their names say what they are.
    #[arg(short, long, value_name = "DIR", help_heading = outputs::WRITTEN, required_unless_present = "prefix", conflicts_with = "prefix")]
    output: Option<PathBuf>,
    /// What the files' names begin with: P_bootloader.bin, P_app.bin, P_eeprom.bin.
    #[arg(long, value_name = "P", help_heading = outputs::WRITTEN)]
    prefix: Option<OsString>,
    /// Write Intel HEX, not binaries. Gaps of 64 FF or more in a bootloader or an app are left out.
    #[arg(long, help_heading = outputs::WRITTEN)]
    hex: bool,
    /// Replace files that exist.
    #[arg(long, help_heading = outputs::WRITTEN)]
    force: bool,
}

impl Args {
    /// Where a file goes.
    fn path(&self, file: &File, form: Form) -> PathBuf {
        if let Some(prefix) = &self.prefix {
            let role = match file.role {
                Role::Bootloader => "bootloader",
                Role::App => "app",
                _ => "eeprom",
            };
            let mut name = prefix.clone();
            name.push(format!("_{role}.{}", form.extension()));
            return name.into();
        }
        let folder = self.output.clone().unwrap_or_default();
        folder.join(format!("{}.{}", file.stem, form.extension()))
    }
}

/// Runs the verb.
///
/// # Errors
/// Wrong usage, an image that cannot be read or taken apart, files that cannot be written.
pub fn run(args: &Args, output: Output) -> anyhow::Result<Outcome> {
    if let Some(folder) = args.output.as_deref().filter(|folder| !folder.is_dir()) {
        let name = folder.display();
        bail!("there is no folder {name} for the files; make it first: mkdir -p {}", shell::path(folder));
    }
    let source = sources::load(&args.file)?;
    let part = args.part.find([&source])?;
    let split = layout::split(&source, part.as_ref())?;
    let form = if args.hex { Form::Hex } else { Form::Bin };
    let paths: Vec<PathBuf> = split.files.iter().map(|file| args.path(file, form)).collect();
    for path in &paths {
        apart("--output", path, [path_of(&args.file)])?;
        may_make(path, args.force)?;
    }
    let mut written: Vec<String> = Vec::new();
    for (file, path) in split.files.iter().zip(&paths) {
        let done = || match written.as_slice() {
            [] => "nothing was written".to_owned(),
            done => format!("{} was written before", done.join(", ")),
        };
        outputs::write(path, args.force, &file.file(form)).with_context(done)?;
        written.push(shell::plain(&path.to_string_lossy()).into_owned());
    }
    output.outcome(&Report { source: &source.name, split: &split, written: &written, form }, OK)
}
