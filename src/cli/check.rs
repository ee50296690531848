//! `dryflash check`: what would happen if these files were flashed and powered.

use super::choice::{self, Choice};
use super::forms::Reports;
use super::machine::Machine;
use super::project::{self, Project};
use super::recorded::Recorded;
use super::{OK, Outcome, Output, PART_VARIABLE, STATE_VARIABLE, WOULD_NOT, progress};
use crate::am32::{Given, Role};
use crate::chip::Chip;
use crate::esc::{self, AfterPowerOn, CheckError, Options, PowerUp, StateFile};
use crate::image::{Image, ImageError, split_address};
use crate::report::Style;
use crate::shell;
use crate::time::Time;
use crate::wire::{Named, SignalError, Spec};
use anyhow::bail;
use clap::ArgAction;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The bounds of `--for` and `--app-for`.
const SHORTEST: Time = Time::from_millis(1);
const LONGEST: Time = Time::from_millis(60_000);

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash check AM32_F051_BOOTLOADER_PB4_V17.bin AM32_NEOESC_F051_2.20.hex eeprom_default.bin
  dryflash check bootloader.bin@0x08000000 app.hex eeprom.bin@0x08007c00
  dryflash check --part F051 WRAITH32_FULL.bin")]
pub struct Args {
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
    /// A file that is the bootloader.
    #[arg(long, value_name = "FILE[@ADDR]", action = ArgAction::Append, help_heading = ROLES)]
    bootloader: Vec<OsString>,
    /// A file that is the app.
    #[arg(long, value_name = "FILE[@ADDR]", action = ArgAction::Append, help_heading = ROLES)]
    app: Vec<OsString>,
    /// A file that is the EEPROM page (the settings).
    #[arg(long, value_name = "FILE[@ADDR]", action = ArgAction::Append, help_heading = ROLES)]
    eeprom: Vec<OsString>,
    /// A file that holds everything, from the start of flash.
    #[arg(long, value_name = "FILE[@ADDR]", action = ArgAction::Append, help_heading = ROLES)]
    full: Vec<OsString>,
    /// The signal wire at power-on (low, floating or high) and its changes, LEVEL@TIME each; may be repeated.
    ///
    /// `--signal high,low@100ms` holds it high for 100 ms, then low; a time without a unit is milliseconds. By default four power-ups are tried: low,
    /// floating, high, and low after a software reset.
    #[arg(long, help_heading = super::RUNNING, value_name = "LEVEL[,LEVEL@TIME]...", action = ArgAction::Append)]
    signal: Vec<Spec>,
    /// The signals that the project names.
    #[arg(skip)]
    signals: Named,
    /// With --signal: a reset that follows each power-on at once.
    #[arg(long, help_heading = super::RUNNING, requires = "signal", value_parser = choice::parser(&RESETS))]
    reset: Option<AfterPowerOn>,
    /// Virtual time after which a bootloader that has not jumped counts as staying: `400`, `400ms`, `2s`.
    #[arg(long = "for", help_heading = super::RUNNING, value_name = "TIME", allow_hyphen_values = true, default_value = "400ms", value_parser = |t: &str| limit(t, SHORTEST))]
    limit: Time,
    /// Virtual time that the app has to reach its main loop, 1500ms unless given; one that still plays its start-up
    /// melody gets more. Where given, the main loop is watched for all of it. 0 looks at the first instructions only.
    #[arg(long, help_heading = super::RUNNING, value_name = "TIME", allow_hyphen_values = true, value_parser = |t: &str| limit(t, Time::ZERO))]
    app_for: Option<Time>,
    #[command(flatten, next_help_heading = super::RUNNING)]
    machine: Machine,
    /// Start the app as a bootloader would, without one.
    #[arg(long, help_heading = super::RUNNING)]
    from_app: bool,
    /// Also program option bytes that a file holds.
    #[arg(long, help_heading = super::ESC)]
    option_bytes: bool,
    /// A virtual ESC to flash onto, kept in this file between commands; made where it does not exist.
    #[arg(long, help_heading = super::ESC, value_name = "FILE", env = STATE_VARIABLE, hide_env_values = true)]
    state: Option<PathBuf>,
    /// Decides what SRAM holds at power-on.
    #[arg(long, help_heading = super::ESC, default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    recorded: Recorded,
    #[command(flatten)]
    reports: Reports,
}

/// The headings of the help.
const ROLES: &str = "What a file is, where that is not clear";

impl Args {
    /// Notes what named the part, where no option did.
    pub(super) fn part_from(&mut self, what: Option<String>) {
        self.part_from = what;
    }

    /// The files that are read or kept: no output may take the place of one.
    fn inputs(&self) -> impl Iterator<Item = PathBuf> {
        let files = [&self.files, &self.bootloader, &self.app, &self.eeprom, &self.full];
        files.into_iter().flatten().map(|f| path_of(f)).chain(self.state.clone())
    }

    /// Takes what the project says and nobody else has said. What was taken, for people.
    pub(super) fn join(&mut self, project: &Project) -> Vec<String> {
        self.signals.clone_from(&project.signals);
        let mut taken = Vec::new();
        if self.part.is_none()
            && let Some(part) = &project.part
        {
            taken.push(format!("part {part}"));
            self.part = Some(part.clone());
            self.part_from = Some(project.path.display().to_string());
        }
        let files = [&self.files, &self.bootloader, &self.app, &self.eeprom, &self.full];
        // Who names a state and no file wants to look at that state.
        if files.iter().all(|f| f.is_empty()) && self.state.is_none() {
            for (role, file) in &project.files {
                let list = match role {
                    None => &mut self.files,
                    Some(project::Role::Bootloader) => &mut self.bootloader,
                    Some(project::Role::App) => &mut self.app,
                    Some(project::Role::Eeprom) => &mut self.eeprom,
                    Some(project::Role::Full) => &mut self.full,
                };
                list.push(file.into());
                taken.push(file.clone());
            }
        }
        if self.state.is_none()
            && let Some(state) = &project.state
        {
            taken.push(format!("state {}", state.display()));
            self.state = Some(state.clone());
        }
        taken
    }
}

/// Resets that follow a power-on.
const RESETS: [Choice<AfterPowerOn>; 2] =
    [("software", "", AfterPowerOn::SoftwareReset), ("pin", "", AfterPowerOn::PinReset)];

/// Runs the verb.
///
/// # Errors
/// Wrong usage or unreadable input.
pub(super) fn run(args: Args, output: Output) -> anyhow::Result<Outcome> {
    args.reports.look("check", args.state.iter().chain(args.recorded.outputs()))?;
    args.recorded.look(args.inputs())?;
    let mut files = Vec::new();
    let roles = [Role::Bootloader, Role::App, Role::Eeprom, Role::Full];
    let named = roles.into_iter().zip([&args.bootloader, &args.app, &args.eeprom, &args.full]);
    for (role, paths) in named {
        for path in paths {
            files.push(load(path, Some(role))?);
        }
    }
    for path in &args.files {
        files.push(load(path, None)?);
    }
    let mut state = args.state.as_deref().map(StateFile::open).transpose()?;
    let held = state.as_ref().is_some_and(|s| s.part().is_some());
    // A state knows its part; one that was named for all commands is for those that do not.
    let wish = args.part.as_deref().filter(|_| args.part_from.is_none() || !held);
    let part = wish.map(crate::part::find).transpose()?;
    if files.is_empty() && !held {
        match (&mut state, &part) {
            // A blank ESC, to begin with.
            (Some(state), Some(part)) => state.save(&Chip::new(part, args.seed)?)?,
            (Some(_), None) => {
                bail!("there is no such state yet; --part F051 makes a blank ESC of it, FILEs one that holds them")
            }
            (None, _) => {
                bail!("no file was given; name at least one, e.g. `dryflash check bootloader.hex app.hex eeprom.bin`")
            }
        }
    }
    let options = Options {
        part,
        part_from: args.part_from.clone(),
        power_ups: power_ups(&args)?,
        limit: args.limit,
        app_limit: args.app_for.unwrap_or(esc::Options::default().app_limit),
        whole: args.app_for.is_some(),
        engine: args.machine.engine,
        f0_write_without_pg: args.machine.f0_store_without_pg,
        from_app: args.from_app,
        option_bytes: args.option_bytes,
        seed: args.seed,
        state: state.as_ref().map(super::bench::named),
        record: args.recorded.wish(),
    };
    let running = format!("running {} power-ups, up to {} of virtual time each", options.power_ups.len(), args.limit);
    let kept = state.as_ref().and_then(StateFile::kept);
    let (verdict, flashed) = match (progress::while_running(&running, || esc::check(files, &options, kept)), &state) {
        (Err(CheckError::Kept(error)), Some(state)) => return Err(state.told(error).into()),
        (result, _) => result?,
    };
    if let (Some(state), Some(flashed)) = (&mut state, flashed) {
        state.keep(flashed)?;
    }
    // Where one cannot be written, the others are.
    let recorded = args.recorded.write(&verdict);
    let written = args.reports.write(&verdict, Style::default());
    output.outcome_and(&verdict, if verdict.starts() { OK } else { WOULD_NOT }, recorded.and(written))
}

fn power_ups(args: &Args) -> Result<Vec<PowerUp>, SignalError> {
    if args.signal.is_empty() {
        return Ok(PowerUp::usual());
    }
    let reset = args.reset.unwrap_or(AfterPowerOn::Nothing);
    args.signal.iter().map(|spec| Ok(PowerUp { wire: spec.resolve(&args.signals)?, reset })).collect()
}

/// A limit of virtual time, from `least` to a minute.
fn limit(text: &str, least: Time) -> Result<Time, String> {
    Time::parse_between(text, least, LONGEST)
}

/// Reads `FILE` or `FILE@ADDR`. A file whose name holds an `@` wins over an address.
pub(super) fn load(arg: impl AsRef<OsStr>, role: Option<Role>) -> anyhow::Result<Given> {
    let arg = arg.as_ref();
    let (path, at) = place(arg)?;
    if StateFile::is_one(&path) {
        let name = path.display();
        bail!("{name} is the state of a virtual ESC, not a file to flash: give it as --state {}", shell::path(&path));
    }
    Ok(Given { image: Image::load(&path, at)?, role })
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
