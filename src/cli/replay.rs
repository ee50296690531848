//! `dryflash replay`: a recorded session on a virtual ESC.

use super::bench::{Esc, Holding, boot, refused};
use super::forms::Reports;
use super::keeper::Keeper;
use super::outputs::{apart, write};
use super::{OK, Outcome, Output, WOULD_NOT, progress, script};
use crate::esc::Verdict;
use crate::esc::changes::Snapshot;
use crate::esc::rests;
use crate::files::{self, FileError};
use crate::gdb;
use crate::plural;
use crate::probe::recording::{Device, Recording};
use crate::probe::replay::{Strength, foreign, part_of, replay};
use crate::probe::story::Story;
use crate::probe::{capture, decode};
use crate::report::Style;
use crate::report::replay::Session;
use crate::tell::tell;
use crate::wire::{Builtin, Named, Spec};
use anyhow::{Context, anyhow, bail};
use clap::ValueEnum;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash replay session.jsonl
  dryflash replay session.jsonl bootloader.bin app.bin@0x08001000
  dryflash replay --state esc.json --strict session.jsonl
  dryflash replay --decode session.jsonl
  dryflash replay --device 1.4 capture.pcapng
  dryflash replay --to pcap -o session.pcap session.jsonl
  dryflash replay --part F051 --boot steps.sh")]
pub struct Args {
    /// The recording, or the st-flash lines.
    #[arg(value_name = "FILE")]
    recording: PathBuf,
    /// What the ESC holds before the session: .bin, Intel HEX, ELF or .amj; FILE@ADDR puts a .bin at an address.
    #[arg(value_name = "FILE[@ADDR]")]
    files: Vec<OsString>,
    #[command(flatten)]
    pub(super) esc: Esc,
    /// Compare every reply, polls and identities too.
    #[arg(long, help_heading = COMPARED, conflicts_with = "effects")]
    strict: bool,
    /// Compare what is read from flash, failures and the end only.
    #[arg(long, help_heading = COMPARED)]
    effects: bool,
    /// Only show the commands, in words.
    #[arg(long, help_heading = super::OUTPUT, conflicts_with_all = ["strict", "effects", "to"])]
    decode: bool,
    /// Only convert.
    #[arg(long, help_heading = super::OUTPUT, value_enum, value_name = "FORM", requires = "output")]
    to: Option<Form>,
    #[command(flatten)]
    reports: Reports,
    /// Where the converted recording goes.
    #[arg(short, long, help_heading = super::OUTPUT, value_name = "FILE", requires = "to")]
    output: Option<PathBuf>,
    /// Replace files that exist.
    #[arg(long, help_heading = super::OUTPUT)]
    force: bool,
    /// Write what the ESC holds afterwards back into --state. A recording is else replayed on a copy, so that the next
    /// replay begins alike; st-flash lines always change their ESC.
    #[arg(long, help_heading = super::ESC, requires = "state", conflicts_with_all = ["decode", "to"])]
    keep: bool,
    /// Afterwards, switch the power off and on: would the ESC start now?
    #[arg(long, help_heading = super::RUNNING, conflicts_with_all = ["decode", "to"])]
    boot: bool,
    /// The device in a capture with several ST-LINKs.
    #[arg(long, help_heading = COMPARED, value_name = "BUS.ADDRESS", value_parser = device)]
    device: Option<Device>,
    /// Replay what is there of a recording that is not whole.
    #[arg(long, help_heading = COMPARED)]
    partial: bool,
}

/// A heading of the help.
const COMPARED: &str = "What is read and compared";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// dryflash's own: JSON Lines.
    Jsonl,
    /// For Wireshark and tshark: a pcap of Linux's usbmon.
    Pcap,
}

/// Runs the verb.
///
/// # Errors
/// Wrong usage or unreadable input.
pub fn run(args: &Args, output: Output) -> anyhow::Result<Outcome> {
    let path = &args.recording;
    if (args.decode || args.to.is_some()) && !args.reports.is_empty() {
        bail!("--decode and --to replay nothing, so there is nothing to report; leave --report and --html out");
    }
    // A state that is left as it is takes no report either.
    args.reports.look("replay", [path].into_iter().chain(&args.esc.state))?;
    let bytes = files::read(path, files::LONGEST_RECORDING).map_err(|e| FileError::new(path, e))?;
    if script::is_one(path, &bytes) {
        if args.decode || args.to.is_some() || args.strict || args.effects || args.device.is_some() {
            bail!("{} holds st-flash lines; --record of `dryflash st-flash` makes a recording of one", path.display());
        }
        let Args { recording: path, files, esc, force, boot, reports, .. } = args;
        let holding = Holding { files: files.clone(), esc: esc.clone() };
        return script::run(script::Asked { path, holding, force: *force, boot: *boot, reports }, &bytes, output);
    }
    let recording = capture::read_device(&bytes, args.device).with_context(|| format!("{}", path.display()))?;
    for flaw in &recording.flaws {
        tell!("dryflash: {}: {flaw}", path.display());
    }
    if (args.decode || args.to.is_some()) && !args.files.is_empty() {
        bail!("files are what the ESC holds before a replay; --decode and --to replay nothing");
    }
    if args.decode {
        return Ok(Outcome { text: decoded(&recording), code: OK });
    }
    if recording.entries.is_empty() {
        bail!("{}: there is no command in it", path.display());
    }
    if let (Some(form), Some(to)) = (args.to, &args.output) {
        apart("--output", to, [path])?;
        return convert(&recording, form, to, args.force);
    }
    if !recording.is_whole() && !args.partial {
        bail!("{} is not whole; --partial replays what is there", path.display());
    }
    session(args, &recording, output)
}

fn session(args: &Args, recording: &Recording, output: Output) -> anyhow::Result<Outcome> {
    let mut esc = args.esc.clone();
    esc.copy = !args.keep;
    if let Some(state) = esc.state.as_ref().filter(|s| esc.copy && !s.exists()) {
        bail!("{}: there is no such state to replay on; --keep makes it", state.display());
    }
    suit(&mut esc, recording)?;
    let holding = Holding { files: args.files.clone(), esc };
    let mut bench = holding.prepare().or_else(|error| {
        refused(error)?;
        bail!("the ESC cannot be set up")
    })?;
    let esc = &holding.esc;
    let header = &recording.header;
    let mut notes = Vec::new();
    if header.begins_with.as_ref().is_some_and(|digest| *digest != bench.before.digest()) {
        let advice = match args.esc.state.is_some() || !args.files.is_empty() {
            true => "",
            false => "; name the files that it held behind the recording, or its --state FILE",
        };
        notes.push(format!("the session began on an ESC that held something else{advice}"));
    }
    if header.part.as_ref().is_some_and(|part| *part != bench.part.name) {
        notes.push(format!("the session was with {}", plural::a(header.part.as_deref().unwrap_or_default())));
    }
    if let Some(told) = foreign(recording) {
        notes.push(format!("the session was with a chip that is not one of our parts: {told}"));
    }
    let strength = match (args.strict, args.effects) {
        (true, _) => Strength::Strict,
        (_, true) => Strength::Effects,
        _ => Strength::Polls,
    };
    let mut story = Story::new(&bench.probe);
    let doing = format!("replaying {} commands", recording.entries.len());
    let replayed = progress::while_running(&doing, || replay(&mut bench.probe, recording, strength, &mut story));
    if let Some(text) = bench.probe.target.take_broken() {
        bail!("the model failed: {text}; this is a bug, please report it");
    }
    notes.extend(replayed.prepared.map(str::to_owned));
    notes.extend(rests::notes(&bench.probe.target.chip));
    let changes = bench.before.until(&Snapshot::of(&bench.probe.target.chip));
    let mut keeper = Keeper::new(bench.state.take());
    keeper.finish(&bench.probe)?;
    let state = gdb::state(&mut bench.probe.target);
    let verdict = if args.boot { Some(boot(&bench.probe, &bench.elfs, keeper.state.as_ref(), esc)?) } else { None };
    let report = Session {
        format: "dryflash-replay",
        version: 1,
        recording: args.recording.display().to_string(),
        header,
        part: &bench.part.name,
        probe: bench.probe.model().name(),
        by: recording.operations().next().filter(|_| recording.exchanges().is_empty()).map(|done| done.by),
        strength,
        notes: &notes,
        flaws: &recording.flaws,
        story: &story.lines(),
        replayed: &replayed,
        changes: &changes,
        state: state.lines().collect(),
        verdict: verdict.as_ref(),
    };
    let written = args.reports.write(&report, Style::default());
    let good = replayed.is_faithful() && verdict.as_ref().is_none_or(Verdict::starts);
    output.outcome_and(&report, if good { OK } else { WOULD_NOT }, written)
}

/// What the command line leaves open is as in the recording.
fn suit(esc: &mut Esc, recording: &Recording) -> anyhow::Result<()> {
    let header = &recording.header;
    // A recording knows its part; one that was named for all commands is for those that do not.
    if esc.part_by_default && part_of(recording).is_some() {
        esc.part = None;
    }
    if esc.part.is_none() && esc.state.as_ref().is_none_or(|s| !s.exists()) {
        let Some(part) = part_of(recording) else {
            if let Some(told) = foreign(recording) {
                bail!("not one of our parts: {told}; --part replays it on one of them all the same");
            }
            bail!("the recording does not tell the part; say which with --part");
        };
        esc.part = Some(part.name.clone());
    }
    esc.v3 |= header.probe.as_deref() == Some("v3");
    if esc.seed.is_none() {
        esc.seed = header.seed;
    }
    if esc.signal.is_none() {
        esc.signal = header.signal.as_deref().map(|text| wire_of(text, &esc.signals)).transpose()?;
    }
    Ok(())
}

/// The signal of a recording. Its names and files have to be here, too.
fn wire_of(text: &str, names: &Named) -> anyhow::Result<Spec> {
    // Levels were once written in any case; names and files were none then.
    let lower = text.to_lowercase().parse::<Spec>();
    if let Ok(levels) = lower.and_then(|spec| spec.resolve(&Builtin).map(|wire| (spec, wire)))
        && levels.1.as_levels().is_some()
    {
        return Ok(levels.0);
    }
    let spec = text.parse::<Spec>();
    let read = spec.and_then(|spec| spec.resolve(names).map(|_| spec));
    read.map_err(|e| {
        anyhow!(
            "the recording's line 1 has the signal '{text}': {e}; replay it in the folder that the signal's files are \
             named from, or say with --signal what was on the wire"
        )
    })
}

fn convert(recording: &Recording, form: Form, to: &Path, force: bool) -> anyhow::Result<Outcome> {
    if let (Form::Pcap, Some(done)) = (form, recording.operations().next()) {
        bail!("what {} did is no ST-LINK command, and has no place in a pcap; --to jsonl keeps it", done.by);
    }
    let bytes = match form {
        Form::Jsonl => recording.to_jsonl(),
        Form::Pcap => capture::to_pcap(recording),
    };
    write(to, force, &bytes)?;
    Ok(Outcome { text: String::new(), code: OK })
}

fn decoded(recording: &Recording) -> String {
    let part = part_of(recording);
    let mut text = String::new();
    for (number, entry) in (1..).zip(&recording.entries) {
        let told = decode::told(entry, part.as_deref());
        let _ = writeln!(text, "{number:>6} {:>10.3} ms  {told}", entry.at() as f64 / 1e3);
    }
    text
}

/// Reads `1.4`.
fn device(text: &str) -> Result<Device, String> {
    let numbers = text.split_once('.').and_then(|(bus, address)| Some((bus.parse().ok()?, address.parse().ok()?)));
    let (bus, address) = numbers.ok_or("a bus and an address on it, such as 1.4")?;
    Ok(Device { bus, address })
}
