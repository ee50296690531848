//! `dryflash check`: what would happen if these files were flashed and powered.

use super::machine::Machine;
use super::{Format, OK, Outcome, Output, WOULD_NOT, progress};
use crate::am32::{Given, Role};
use crate::esc::{self, AfterPowerOn, Change, Options, PowerUp, StateFile, Verdict, Wire};
use crate::image::{Image, split_address};
use crate::report;
use crate::time::Time;
use anyhow::{Context, bail};
use clap::{ArgAction, ValueEnum};
use std::path::{Path, PathBuf};

/// Say what would happen if these files were flashed and powered
///
/// Puts the files into the model of a part the way a programmer would, switches the power on, and runs the shipped
/// code. Roles (bootloader, app, EEPROM, full image) are found from marks, names, sizes and addresses; an address for
/// a .bin is given as FILE@ADDR.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash check AM32_F051_BOOTLOADER_PB4_V17.bin AM32_NEOESC_F051_2.20.hex eeprom_default.bin
  dryflash check bootloader.bin@0x08000000 app.hex eeprom.bin@0x08007c00
  dryflash check --part F051 WRAITH32_FULL.bin")]
pub struct Args {
    /// Files: .bin, Intel HEX, ELF or .amj; FILE@ADDR puts a .bin at an address.
    #[arg(value_name = "FILE[@ADDR]")]
    files: Vec<String>,
    /// The part: full name, or AM32's short one (F031, F051, G031, G071, G071_64K). Found from the files where absent.
    #[arg(long)]
    part: Option<String>,
    /// A file that is the bootloader.
    #[arg(long, value_name = "FILE[@ADDR]", action = ArgAction::Append)]
    bootloader: Vec<String>,
    /// A file that is the app.
    #[arg(long, value_name = "FILE[@ADDR]", action = ArgAction::Append)]
    app: Vec<String>,
    /// A file that is the EEPROM page (the settings).
    #[arg(long, value_name = "FILE[@ADDR]", action = ArgAction::Append)]
    eeprom: Vec<String>,
    /// A file that holds everything, from the start of flash.
    #[arg(long, value_name = "FILE[@ADDR]", action = ArgAction::Append)]
    full: Vec<String>,
    /// The signal wire at power-on (low, floating or high) and its changes, LEVEL@MS each; may be repeated.
    ///
    /// `--signal high,low@100` holds it high for 100 ms, then low. By default four power-ups are tried: low,
    /// floating, high, and low after a software reset.
    #[arg(long, value_name = "LEVEL[,LEVEL@MS]...", value_parser = wire, action = ArgAction::Append)]
    signal: Vec<PowerUp>,
    /// With --signal: a reset that follows each power-on at once.
    #[arg(long, value_enum, requires = "signal")]
    reset: Option<Reset>,
    /// Milliseconds of virtual time after which an undecided bootloader counts as staying.
    #[arg(long = "for", value_name = "MS", default_value_t = 400, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    limit: u64,
    /// Milliseconds of virtual time that the app has to reach its main loop; 0 looks at its first instructions only.
    #[arg(long, value_name = "MS", default_value_t = 1_500, value_parser = clap::value_parser!(u64).range(0..=60_000))]
    app_for: u64,
    #[command(flatten)]
    machine: Machine,
    /// Start the app as a bootloader would, without one.
    #[arg(long)]
    from_app: bool,
    /// Also program option bytes that a file holds.
    #[arg(long)]
    option_bytes: bool,
    /// A virtual ESC to flash onto, kept in this file between commands; made where it does not exist.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Decides what SRAM holds at power-on.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Reset {
    Software,
    Pin,
}

/// Runs the verb.
///
/// # Errors
/// Wrong usage or unreadable input.
pub fn run(args: Args, output: Output) -> anyhow::Result<Outcome> {
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
    if files.is_empty() && state.as_ref().is_none_or(|s| s.part().is_none()) {
        bail!("no file was given; name at least one, e.g. `dryflash check bootloader.hex app.hex eeprom.bin`");
    }
    let part = args.part.as_deref().map(crate::part::find).transpose()?;
    let options = Options {
        part,
        power_ups: power_ups(&args),
        limit: Time::from_millis(args.limit),
        app_limit: Time::from_millis(args.app_for),
        engine: args.machine.engine(),
        f0_write_without_pg: args.machine.without_pg(),
        from_app: args.from_app,
        option_bytes: args.option_bytes,
        seed: args.seed,
    };
    let running =
        format!("running {} power-ups, up to {} ms of virtual time each", options.power_ups.len(), args.limit);
    let verdict = progress::while_running(&running, || esc::check(files, &options, state.as_mut()))?;
    Ok(Outcome { text: report(&verdict, output)?, code: if verdict.starts() { OK } else { WOULD_NOT } })
}

fn report(verdict: &Verdict, output: Output) -> anyhow::Result<String> {
    Ok(match output.format {
        Format::Text => report::text::verdict(verdict, output.style),
        Format::Json => report::json::verdict(verdict).context("the report could not be written as JSON")?,
    })
}

fn power_ups(args: &Args) -> Vec<PowerUp> {
    if args.signal.is_empty() {
        return PowerUp::usual();
    }
    let reset = match args.reset {
        None => AfterPowerOn::Nothing,
        Some(Reset::Software) => AfterPowerOn::SoftwareReset,
        Some(Reset::Pin) => AfterPowerOn::PinReset,
    };
    args.signal.iter().map(|p| PowerUp { reset, ..p.clone() }).collect()
}

/// Reads `high,low@100`.
fn wire(text: &str) -> Result<PowerUp, String> {
    let level = |word: &str| match word.trim() {
        "low" => Ok(Wire::Low),
        "floating" => Ok(Wire::Floating),
        "high" => Ok(Wire::High),
        other => Err(format!("'{other}' is not low, floating or high")),
    };
    let mut parts = text.split(',');
    let mut power_up = PowerUp::steady(level(parts.next().unwrap_or_default())?);
    for part in parts {
        let Some((word, ms)) = part.split_once('@') else {
            return Err(format!("'{part}' has no time: write it as LEVEL@MS, such as low@100"));
        };
        let ms: f64 = ms.trim().parse().map_err(|_| format!("'{ms}' is not a number of milliseconds"))?;
        if !(0.0..=60_000.0).contains(&ms) {
            return Err(format!("{ms} ms is not between 0 and 60,000"));
        }
        power_up.changes.push(Change { time_us: Time::from_nanos((ms * 1e6) as u64), signal: level(word)? });
    }
    Ok(power_up)
}

/// Reads `FILE` or `FILE@ADDR`. A file whose name holds an `@` wins over an address.
pub(super) fn load(arg: &str, role: Option<Role>) -> anyhow::Result<Given> {
    let (path, at) = if Path::new(arg).exists() { (arg, None) } else { split_address(arg)? };
    Ok(Given { image: Image::load(Path::new(path), at)?, role })
}
