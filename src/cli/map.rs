//! `dryflash map`: what lies where in flash.

use super::outputs;
use super::project::Project;
use super::roles::Roles;
use super::{OK, Outcome, Output, PART_VARIABLE, STATE_VARIABLE, WOULD_NOT, given, sources};
use crate::am32::Given;
use crate::layout::{Source, map};
use crate::report::map::{Maps, Report};
use crate::report::svg;
use anyhow::bail;
use clap::ArgAction;
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash map AM32_F051_BOOTLOADER_PB4_V17.bin AM32_NEOESC_F051_2.20.hex eeprom_default.bin
  dryflash map --state esc.json app.hex --svg map.svg
  dryflash map app.elf --at 0x08001234
  dryflash map before.json after.json")]
pub struct Args {
    /// Files: .bin, Intel HEX, ELF or .amj; FILE@ADDR puts a .bin at an address. The state of a virtual ESC is one, too.
    #[arg(value_name = "FILE[@ADDR]")]
    files: Vec<OsString>,
    /// The part: full name, order code, or AM32's short name. Found from the files where absent.
    #[arg(long, help_heading = super::ESC, env = PART_VARIABLE, hide_env_values = true)]
    part: Option<String>,
    /// What named the part, where no option did.
    #[arg(skip)]
    part_from: Option<String>,
    /// A virtual ESC that the files go onto. It is only looked at.
    #[arg(long, help_heading = super::ESC, value_name = "FILE", env = STATE_VARIABLE, hide_env_values = true)]
    state: Option<PathBuf>,
    /// A variable or a project named the state.
    #[arg(skip)]
    state_by_default: bool,
    #[command(flatten)]
    roles: Roles,
    /// Say what stands at this address, and which file, line or offset it is from; may be repeated.
    #[arg(long, help_heading = TOLD, value_name = "ADDR", value_parser = address, action = ArgAction::Append)]
    at: Vec<u32>,
    /// Draw it into an SVG file as well.
    #[arg(long, help_heading = TOLD, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Replace an SVG file that exists.
    #[arg(long, help_heading = TOLD, requires = "svg")]
    force: bool,
}

/// The heading of the help.
const TOLD: &str = "What is told";

impl Args {
    /// Notes what named the part and the state, where no option did.
    pub(super) fn by_default(&mut self, part: Option<String>, state: bool) {
        self.part_from = part;
        self.state_by_default = state;
    }

    /// Takes what the project says and nobody else has said. What was taken, for people.
    pub(super) fn join(&mut self, project: &Project) -> Vec<String> {
        let mut taken = Vec::new();
        if let Some(part) = project.part.as_ref().filter(|_| self.part.is_none()) {
            taken.push(format!("part {part}"));
            self.part = Some(part.clone());
            self.part_from = Some(project.path.display().to_string());
        }
        let alone = self.words().next().is_none();
        // Who names a state and no file wants to look at that state.
        if alone && self.state.is_none() {
            self.roles.take(&project.files, &mut self.files);
            taken.extend(project.files.iter().map(|(_, file)| file.clone()));
        }
        // One that no command has made yet is no ESC to look at.
        if let Some(state) = project.state.as_ref().filter(|state| self.state.is_none() && state.exists()) {
            taken.push(format!("state {}", state.display()));
            self.state = Some(state.clone());
            self.state_by_default = true;
        }
        taken
    }

    fn words(&self) -> impl Iterator<Item = &OsString> {
        self.files.iter().chain(self.roles.words())
    }
}

/// An address: hexadecimal after 0x, else decimal.
fn address(text: &str) -> Result<u32, String> {
    let said = text.replace('_', "");
    let number = match said.strip_prefix("0x").or_else(|| said.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        // Nobody means 8,001,234 by 8001234; with nine digits it is another matter.
        None if said.len() >= 7 => match (u32::from_str_radix(&said, 16), said.parse::<u32>()) {
            (Ok(_), _) => return Err(format!("write a hexadecimal address with its 0x: 0x{said}")),
            (_, Ok(decimal)) => return Err(format!("write an address of that length in hexadecimal: 0x{decimal:08X}")),
            _ => None,
        },
        None => said.parse().ok(),
    };
    number.ok_or_else(|| "an address is written as 0x08001234, and has 32 bits".to_owned())
}

/// Runs the verb.
///
/// # Errors
/// Wrong usage or unreadable input.
pub fn run(args: &Args, output: Output) -> anyhow::Result<Outcome> {
    if let Some(svg) = &args.svg {
        outputs::apart("--svg", svg, args.words().map(|word| given::path_of(word)).chain(args.state.clone()))?;
        outputs::may_make(svg, args.force)?;
    }
    let mut given = args.roles.load()?;
    let mut states = Vec::new();
    for word in &args.files {
        let source = sources::load(word)?;
        match source.is_state() {
            true => states.push(source),
            false => given.push(Given { image: source.image, role: None }),
        }
    }
    // One that was named for all commands gives way to those that were named for this one.
    if let Some(path) = args.state.as_ref().filter(|_| states.is_empty() || !args.state_by_default) {
        let state = Source::load(path, None)?;
        if !state.is_state() {
            bail!("--state {}: it is no state of a virtual ESC; give it without --state", path.display());
        }
        states.insert(0, state);
    }
    let report = Report { maps: maps(args, given, &states)?, asked: args.at.clone() };
    let drawn = |path: &PathBuf| outputs::write(path, args.force, svg::document(&report.maps).as_bytes());
    let written = args.svg.as_ref().map_or(Ok(()), drawn);
    output.outcome_and(&report, if report.is_as_hoped() { OK } else { WOULD_NOT }, written)
}

fn maps(args: &Args, given: Vec<Given>, states: &[Source]) -> anyhow::Result<Maps> {
    let under = match (states, given.is_empty()) {
        ([], true) => {
            bail!(
                "nothing was given to look at; name a file or the state of a virtual ESC, e.g. `dryflash map app.hex`"
            )
        }
        ([], false) => None,
        ([one], _) => Some(one),
        ([a, b], true) => return Ok(Maps::Two(Box::new(map::beside(a, b)?))),
        ([_, _], false) => {
            bail!("two virtual ESCs are shown side by side without files; leave the files or one state out")
        }
        (more, _) => bail!("{} virtual ESCs were given; two are shown side by side, not more", more.len()),
    };
    // A state knows its part; one that was named for all commands is for files.
    let wish = args.part.as_deref().filter(|_| args.part_from.is_none() || under.is_none());
    let part = wish.map(crate::part::find).transpose()?;
    let from = part.is_some().then(|| args.part_from.clone()).flatten();
    Ok(Maps::One(Box::new(map::map(given, under, part, from)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_hexadecimal_or_small() {
        assert_eq!((address("0x0800_1234"), address("0X10"), address("4096")), (Ok(0x0800_1234), Ok(16), Ok(4096)));
        assert!(address("08001234").unwrap_err().ends_with(": 0x08001234"));
        assert!(address("134222388").unwrap_err().ends_with(": 0x08001234"));
        for wrong in ["", "0x", "main", "99999999999", "0x1_0000_0000", "-1", "0x-1", "12a"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
    }
}
