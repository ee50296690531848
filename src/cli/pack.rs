//! `dryflash pack`: several files made one full image.

use super::given::{load, path_of};
use super::outputs::{self, Target};
use super::{OK, Outcome, Output, PART_VARIABLE, WOULD_NOT, progress};
use crate::am32::Role;
use crate::esc::{Options, StateFile};
use crate::layout;
use crate::report::pack::Report;
use crate::shell;
use anyhow::bail;
use clap::ArgAction;
use std::ffi::OsString;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash pack AM32_F051_BOOTLOADER_PB4_V17.bin AM32_NEOESC_F051_2.20.hex eeprom_default.bin -o NEOESC_FULL.bin
  dryflash pack NEOESC_FULL.bin --eeprom mine.bin -o MINE_FULL.hex")]
pub struct Args {
    /// Files: .bin, Intel HEX, ELF or .amj; FILE@ADDR puts a .bin at an address.
    #[arg(value_name = "FILE[@ADDR]")]
    files: Vec<OsString>,
    /// The part: full name, order code, or AM32's short name. Found from the files where absent.
    #[arg(long, help_heading = FILES, env = PART_VARIABLE, hide_env_values = true)]
    part: Option<String>,
    /// What named the part, where no option did.
    #[arg(skip)]
    part_from: Option<String>,
    /// A file that is the bootloader.
    #[arg(long, value_name = "FILE[@ADDR]", action = ArgAction::Append, help_heading = FILES)]
    bootloader: Vec<OsString>,
    /// A file that is the app.
    #[arg(long, value_name = "FILE[@ADDR]", action = ArgAction::Append, help_heading = FILES)]
    app: Vec<OsString>,
    /// A file that is the EEPROM page (the settings).
    #[arg(long, value_name = "FILE[@ADDR]", action = ArgAction::Append, help_heading = FILES)]
    eeprom: Vec<OsString>,
    /// A file that holds everything, from the start of flash.
    #[arg(long, value_name = "FILE[@ADDR]", action = ArgAction::Append, help_heading = FILES)]
    full: Vec<OsString>,
    #[command(flatten)]
    target: Target,
    /// Pack also what would not start.
    #[arg(long, help_heading = outputs::WRITTEN)]
    anyway: bool,
}

/// A heading of the help.
const FILES: &str = "What is packed";

impl Args {
    /// Notes what named the part, where no option did.
    pub(super) fn part_from(&mut self, what: Option<String>) {
        self.part_from = what;
    }
}

/// Runs the verb.
///
/// # Errors
/// Wrong usage or unreadable input.
pub fn run(args: &Args, output: Output) -> anyhow::Result<Outcome> {
    let given = [
        (Some(Role::Bootloader), &args.bootloader),
        (Some(Role::App), &args.app),
        (Some(Role::Eeprom), &args.eeprom),
        (Some(Role::Full), &args.full),
        (None, &args.files),
    ];
    let words = || given.iter().flat_map(|(role, words)| words.iter().map(|word| (*role, word)));
    let form = args.target.look(words().map(|(_, word)| path_of(word)))?;
    if words().next().is_none() {
        bail!(
            "no file was given to pack; name at least one, e.g. `dryflash pack bootloader.bin app.hex eeprom.bin -o \
             full.bin`"
        );
    }
    for path in words().map(|(_, word)| path_of(word)) {
        if StateFile::is_one(&path) {
            let (name, word) = (path.display(), shell::path(&path));
            bail!(
                "{name} is the state of a virtual ESC, and files are packed: `dryflash split {word} -o DIR` makes files of \
                 what it holds"
            );
        }
    }
    let files = words().map(|(role, word)| load(word, role)).collect::<anyhow::Result<Vec<_>>>()?;
    let options = Options {
        part: args.part.as_deref().map(crate::part::find).transpose()?,
        part_from: args.part_from.clone(),
        ..Options::default()
    };
    let output_name = args.target.name();
    let running = format!("running {} power-ups", options.power_ups.len());
    let packing = progress::while_running(&running, || layout::pack(files, &options, args.anyway, &output_name, form))?;
    if let Ok(packed) = &packing.result {
        args.target.write(&packed.file(form))?;
    }
    let code = if packing.result.is_ok() { OK } else { WOULD_NOT };
    output.outcome(&Report { packing: &packing, output: &output_name, form }, code)
}
