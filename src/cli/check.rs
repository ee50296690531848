//! `dryflash check`: what would happen if these files were flashed and powered.

use super::choice::{self, Choice};
use super::forms::Reports;
use super::given::{Given, Loaded};
use super::machine::Machine;
use super::project::Project;
use super::recorded::Recorded;
use super::{OK, Outcome, Output, WOULD_NOT, progress};
use crate::esc::signals::Plan;
use crate::esc::{self, AfterPowerOn, CheckError, Options, PowerUp, StateFile};
use crate::report::Style;
use crate::time::Time;
use crate::wire::{Named, SignalError, Spec};
use clap::ArgAction;

/// The bounds of `--for` and `--app-for`.
pub(super) const SHORTEST: Time = Time::from_millis(1);
const LONGEST: Time = Time::from_millis(60_000);

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash check AM32_F051_BOOTLOADER_PB4_V17.bin AM32_NEOESC_F051_2.20.hex eeprom_default.bin
  dryflash check bootloader.bin@0x08000000 app.hex eeprom.bin@0x08007c00
  dryflash check --part F051 WRAITH32_FULL.bin")]
pub struct Args {
    #[command(flatten)]
    given: Given,
    /// What is on the signal wire from power-on: levels, pulses, DShot, serial bytes, a VCD file, or a name; may be repeated.
    ///
    /// `--signal high,low@100ms` holds it high for 100 ms, then low; a time without a unit is milliseconds. `--signal 'dshot600 idle after 40ms'`
    /// sends frames; docs/signals.md tells what can be written, `dryflash signals --list` which names there are. By default
    /// four power-ups are tried: low, floating, high, and low after a software reset.
    #[arg(long, help_heading = super::RUNNING, value_name = "SIGNAL[,SIGNAL@TIME]...", action = ArgAction::Append)]
    signal: Vec<Spec>,
    /// The signals that the project names.
    #[arg(skip)]
    signals: Named,
    /// With --signal: a reset that follows each power-on at once.
    #[arg(long, help_heading = super::RUNNING, requires = "signal", value_parser = choice::parser(&RESETS))]
    reset: Option<AfterPowerOn>,
    /// Virtual time after which a bootloader that has not jumped counts as staying: `400`, `400ms`, `2s`. Unless told it is 400ms,
    /// and 2500ms where frames are sent or a recording is played. One with a name is watched as long after its last part.
    #[arg(long = "for", help_heading = super::RUNNING, value_name = "TIME", allow_hyphen_values = true, value_parser = |t: &str| limit(t, SHORTEST))]
    limit: Option<Time>,
    /// Virtual time that the app has to reach its main loop, 1500ms unless given; one that still plays its start-up
    /// melody gets more. Where given, the main loop is watched for all of it. 0 looks at the first instructions only.
    #[arg(long, help_heading = super::RUNNING, value_name = "TIME", allow_hyphen_values = true, value_parser = |t: &str| limit(t, Time::ZERO))]
    app_for: Option<Time>,
    #[command(flatten, next_help_heading = super::RUNNING)]
    machine: Machine,
    /// Start the app as a bootloader would, without one.
    #[arg(long, help_heading = super::RUNNING)]
    from_app: bool,
    #[command(flatten)]
    recorded: Recorded,
    #[command(flatten)]
    reports: Reports,
}

impl Args {
    /// Notes what named the part, where no option did.
    pub(super) fn part_from(&mut self, what: Option<String>) {
        self.given.part_from(what);
    }

    /// Takes what the project says and nobody else has said. What was taken, for people.
    pub(super) fn join(&mut self, project: &Project) -> Vec<String> {
        self.signals.clone_from(&project.signals);
        self.given.join(project)
    }
}

/// Resets that follow a power-on.
pub(super) const RESETS: [Choice<AfterPowerOn>; 2] =
    [("software", "", AfterPowerOn::SoftwareReset), ("pin", "", AfterPowerOn::PinReset)];

/// Runs the verb.
///
/// # Errors
/// Wrong usage or unreadable input.
pub(super) fn run(args: Args, output: Output) -> anyhow::Result<Outcome> {
    args.reports.look("check", args.given.state().into_iter().chain(args.recorded.outputs()))?;
    let played = args.signal.iter().flat_map(|spec| args.signals.files_of(spec));
    args.recorded.look(args.given.inputs().chain(played))?;
    let Loaded { files, part, mut state } = args.given.load("check")?;
    let power_ups = power_ups(&args)?;
    let frames = power_ups.iter().any(|p| p.wire.is_stream());
    let usual = if frames { Plan::LIMIT } else { Options::default().limit };
    let options = Options {
        part,
        part_from: args.given.named_by(),
        power_ups,
        limit: args.limit.unwrap_or(usual),
        app_limit: args.app_for.unwrap_or(esc::Options::default().app_limit),
        whole: args.app_for.is_some(),
        engine: args.machine.engine,
        f0_write_without_pg: args.machine.f0_store_without_pg,
        from_app: args.from_app,
        option_bytes: args.given.option_bytes(),
        seed: args.given.seed(),
        state: state.as_ref().map(super::bench::named),
        record: args.recorded.wish(),
    };
    let running =
        format!("running {} power-ups, up to {} of virtual time each", options.power_ups.len(), options.limit);
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
pub(super) fn limit(text: &str, least: Time) -> Result<Time, String> {
    Time::parse_between(text, least, LONGEST)
}
