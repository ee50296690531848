//! `dryflash replay`: a recorded session on a virtual ESC.

use super::bench::{Esc, Keeper, create};
use super::{Format, OK, Outcome, Output, WOULD_NOT};
use crate::esc::changes::{Changes, Snapshot};
use crate::probe::decode;
use crate::probe::recording::{Flaw, Header, Recording};
use crate::probe::replay::{Replayed, Strength, part_of, replay};
use crate::probe::story::{Line, Story};
use crate::report::Style;
use anyhow::{Context, bail};
use clap::ValueEnum;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Divergences that are shown; the others are counted.
const SHOWN: usize = 20;

/// Replay a recorded ST-LINK session on a virtual ESC, and say what happens otherwise
///
/// The ESC is a blank one of the recording's part, or the one in --state. Tells what the session did, each reply that
/// came out otherwise, and what changed. Exit code 1 where a reply or the end differs.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash replay session.jsonl
  dryflash replay --state esc.json --strict session.jsonl
  dryflash replay --decode session.jsonl
  dryflash replay --to pcap -o session.pcap session.jsonl")]
pub struct Args {
    /// The recording.
    #[arg(value_name = "RECORDING")]
    recording: PathBuf,
    #[command(flatten)]
    esc: Esc,
    /// Compare every reply, polls and identities too.
    #[arg(long, conflicts_with = "effects")]
    strict: bool,
    /// Compare what is read from flash, failures and the end only.
    #[arg(long)]
    effects: bool,
    /// Only show the commands, in words.
    #[arg(long, conflicts_with_all = ["strict", "effects", "to"])]
    decode: bool,
    /// Only convert.
    #[arg(long, value_enum, value_name = "FORM", requires = "output")]
    to: Option<Form>,
    /// Where the converted recording goes.
    #[arg(short, long, value_name = "FILE", requires = "to")]
    output: Option<PathBuf>,
    /// Replace a file that exists.
    #[arg(long, requires = "output")]
    force: bool,
    /// Replay what is there of a recording that is not whole.
    #[arg(long)]
    partial: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// dryflash's own: JSON Lines.
    Jsonl,
}

/// Runs the verb.
///
/// # Errors
/// Wrong usage or unreadable input.
pub fn run(args: &Args, output: Output) -> anyhow::Result<Outcome> {
    let path = &args.recording;
    let bytes = std::fs::read(path).with_context(|| format!("{}", path.display()))?;
    let recording = Recording::from_jsonl(&bytes).with_context(|| format!("{}", path.display()))?;
    for flaw in &recording.flaws {
        eprintln!("dryflash: {}: packet {}: {}", path.display(), flaw.packet, flaw.what);
    }
    if args.decode {
        return Ok(Outcome { text: decoded(&recording), code: OK });
    }
    if recording.exchanges.is_empty() {
        bail!("{}: there is no command in it", path.display());
    }
    if let (Some(form), Some(to)) = (args.to, &args.output) {
        return convert(&recording, form, to, args.force);
    }
    if !recording.flaws.is_empty() && !args.partial {
        bail!("{} is not whole; --partial replays what is there", path.display());
    }
    session(args, &recording, output)
}

fn session(args: &Args, recording: &Recording, output: Output) -> anyhow::Result<Outcome> {
    let mut esc = args.esc.clone();
    suit(&mut esc, recording)?;
    let Ok(mut bench) = esc.prepare(Vec::new())? else { bail!("the ESC cannot be set up") };
    let header = &recording.header;
    let mut notes = Vec::new();
    if header.begins_with.as_ref().is_some_and(|digest| *digest != bench.before.digest()) {
        let advice = if args.esc.state.is_some() { "" } else { "; --state FILE replays it on one that does" };
        notes.push(format!("the session began on an ESC that held something else{advice}"));
    }
    if header.part.as_ref().is_some_and(|part| *part != bench.part.name) {
        notes.push(format!("the session was with a {}", header.part.as_deref().unwrap_or_default()));
    }
    let strength = match (args.strict, args.effects) {
        (true, _) => Strength::Strict,
        (_, true) => Strength::Effects,
        _ => Strength::Polls,
    };
    let mut story = Story::new(&bench.probe);
    let replayed = replay(&mut bench.probe, recording, strength, &mut story);
    if let Some(text) = bench.probe.target.take_broken() {
        bail!("the model failed: {text}; this is a bug, please report it");
    }
    notes.extend(replayed.prepared.map(str::to_owned));
    let changes = bench.before.until(&Snapshot::of(&bench.probe.target.chip));
    Keeper::new(bench.state.take()).finish(&bench.probe)?;
    let report = Report {
        format: "dryflash-replay",
        version: 1,
        recording: args.recording.display().to_string(),
        header,
        part: &bench.part.name,
        probe: bench.probe.model().name(),
        strength,
        notes: &notes,
        flaws: recording.flaws.iter().map(|f: &Flaw| (f.packet, f.what.clone())).collect(),
        story: &story.lines(),
        replayed: &replayed,
        changes: &changes,
    };
    let text = match output.format {
        Format::Text => text(&report, output.style),
        Format::Json => serde_json::to_string_pretty(&report).context("the report could not be written")? + "\n",
    };
    Ok(Outcome { text, code: if replayed.is_faithful() { OK } else { WOULD_NOT } })
}

/// What the command line leaves open is as in the recording.
fn suit(esc: &mut Esc, recording: &Recording) -> anyhow::Result<()> {
    let header = &recording.header;
    if esc.part.is_none() && esc.state.as_ref().is_none_or(|s| !s.exists()) {
        let Some(part) = part_of(recording) else {
            bail!("the recording does not tell the part; say which with --part");
        };
        esc.part = Some(part.name.clone());
    }
    esc.v3 |= header.probe.as_deref() == Some("v3");
    if esc.seed.is_none() {
        esc.seed = header.seed;
    }
    if esc.signal.is_none() {
        esc.signal = header.signal.as_deref().and_then(|s| ValueEnum::from_str(s, true).ok());
    }
    Ok(())
}

fn convert(recording: &Recording, form: Form, to: &Path, force: bool) -> anyhow::Result<Outcome> {
    let bytes = match form {
        Form::Jsonl => recording.to_jsonl(),
    };
    let written = create(to, force)?.write_all(&bytes);
    written.with_context(|| format!("{} cannot be written", to.display()))?;
    Ok(Outcome { text: String::new(), code: OK })
}

fn decoded(recording: &Recording) -> String {
    let part = part_of(recording);
    let mut text = String::new();
    for (number, exchange) in (1..).zip(&recording.exchanges) {
        let told = decode::describe(exchange, part.as_deref());
        let _ = writeln!(text, "{number:>6} {:>10.3} ms  {told}", exchange.at as f64 / 1e3);
    }
    text
}

#[derive(Serialize)]
struct Report<'a> {
    format: &'static str,
    version: u32,
    recording: String,
    header: &'a Header,
    part: &'a str,
    probe: &'static str,
    strength: Strength,
    notes: &'a [String],
    flaws: Vec<(u64, String)>,
    story: &'a [Line],
    replayed: &'a Replayed,
    changes: &'a Changes,
}

fn text(report: &Report, style: Style) -> String {
    let mut out = String::new();
    let of = report.header.client.as_ref().map_or_else(String::new, |c| format!(" of `{c}`"));
    let _ = writeln!(out, "{}: {} commands{of}", report.recording, report.replayed.commands);
    let _ = writeln!(out, "on an {}, through an {}", report.part, report.probe);
    for note in report.notes {
        let _ = writeln!(out, "note: {note}");
    }
    let _ = writeln!(out, "\n{}", style.heading("story"));
    let width = report.replayed.commands.to_string().len();
    for line in report.story {
        let _ = writeln!(out, "  {:>width$} to {:>width$}  {}", line.first, line.last, line.text);
    }
    let divergences = &report.replayed.divergences;
    if !divergences.is_empty() {
        let _ = writeln!(out, "\n{}", style.heading("divergences"));
        for d in divergences.iter().take(SHOWN) {
            let packet = d.packet.map_or_else(String::new, |p| format!(", packet {p}"));
            let _ = writeln!(out, "  command {}{packet}, from byte {} on", d.command, d.offset);
            let _ = writeln!(out, "    recorded: {}", d.recorded);
            let _ = writeln!(out, "    replayed: {}", d.replayed);
        }
        if divergences.len() > SHOWN {
            let _ = writeln!(out, "  and {} more", divergences.len() - SHOWN);
        }
    }
    let _ = writeln!(out, "\n{}", style.heading("changes"));
    for line in report.changes.to_string().lines() {
        let _ = writeln!(out, "  {line}");
    }
    let compared = report.replayed.compared;
    let end = match report.replayed.ends_alike {
        Some(true) => "; flash and option bytes end as recorded",
        Some(false) => "; flash or option bytes end otherwise than recorded",
        None => "",
    };
    let result = match divergences.len() {
        0 => format!("no reply differs of {compared} compared{end}"),
        n => format!("{n} of {compared} replies differ{end}"),
    };
    let good = divergences.is_empty() && report.replayed.ends_alike != Some(false);
    let _ = writeln!(out, "\n{}", if good { style.good(&result) } else { style.bad(&result) });
    out
}
