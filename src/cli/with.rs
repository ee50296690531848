//! `dryflash with -- COMMAND`: a flashing command, run against the virtual ESC.

use super::bench::{self, Keeper, boot};
use super::fronts::{listen, only_here};
use super::stand_in::StandIn;
use super::{Format, OK, Outcome, Output, WOULD_NOT};
use crate::esc::Verdict;
use crate::esc::changes::{Changes, Snapshot};
use crate::esc::rests;
use crate::probe::owner::{self, Request};
use crate::probe::tcp::Server;
use crate::report;
use crate::shell;
use anyhow::{Context, bail};
use serde::Serialize;
use std::ffi::OsString;
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// The exit code for trouble of `with` itself.
const TROUBLE: u8 = 125;

/// How long clients that outlive the command are waited for.
const LINGER: Duration = Duration::from_secs(2);

/// Run a flashing command against the virtual ESC, and say what it changed
///
/// Starts a virtual ST-LINK at the ESC, runs the command with a stand-in for libusb before it (Linux), so that st-flash,
/// OpenOCD, pyOCD and scripts of them find that probe and no other, and reports what changed in flash and option bytes.
/// Returns the command's exit code where it is not 0, and 125 for trouble of its own.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash with --part F051 -- st-flash --reset write bootloader.bin 0x08000000
  dryflash with --state esc.json --boot -- sh flash-my-esc.sh
  dryflash with --part G071 -- openocd -f interface/stlink.cfg -f target/stm32g0x.cfg -c 'program app.hex verify exit'")]
pub struct Args {
    #[command(flatten)]
    bench: bench::Holding,
    /// Afterwards, switch the power off and on: would the ESC start now?
    #[arg(long)]
    boot: bool,
    /// Record what the command says and what it is told, in this file.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Replace a recording that exists.
    #[arg(long, requires = "record")]
    force: bool,
    /// Listen for stlink-server's protocol as well, for commands that use TCP.
    #[arg(long, value_name = "ADDR:PORT")]
    tcp: Option<SocketAddr>,
    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Runs the verb.
///
/// # Errors
/// None: trouble of its own has its own exit code.
pub fn run(args: &Args, output: Output) -> anyhow::Result<Outcome> {
    session(args, output).or_else(|error| {
        eprintln!("dryflash: {error:#}");
        Ok(Outcome { text: String::new(), code: TROUBLE })
    })
}

fn session(args: &Args, output: Output) -> anyhow::Result<Outcome> {
    if let Some(address) = args.tcp {
        only_here(address, false)?;
    }
    let Ok(mut bench) = args.bench.prepare()? else { bail!("the command was not run") };
    let stand_in = StandIn::prepare(None)?;
    let listener = args.tcp.map(|address| listen(address, "--tcp")).transpose()?;
    let mut keeper = Keeper::new(bench.state.take());
    let words: Vec<String> = args.command.iter().map(|w| w.to_string_lossy().into_owned()).collect();
    let line = shell::line(words.iter().map(String::as_str));
    if let Some(path) = &args.record {
        keeper.record(path, args.force, &bench.header(Some(line.clone())))?;
    }
    // Ctrl-C is the command's affair; what it has left is reported all the same.
    ctrlc::set_handler(|| {}).context("cannot wait for Ctrl-C")?;
    let model = bench.probe.model();
    let (sender, requests) = channel();
    let server = listener.map(|l| Server::start(l, model, sender.clone())).transpose().context("cannot serve")?;
    let socket = stand_in.serve(model, sender.clone())?;
    let mut child = start(&args.command, &stand_in)?;
    let ended = thread::Builder::new().name("command".to_owned()).spawn(move || {
        let status = child.wait();
        // Handles that the command has left open close with it; what is still there is not.
        let silent = socket.wait_for_silence(LINGER);
        let claims = socket.claims();
        let _ = sender.send(Request::Stop);
        (status, silent, claims)
    });
    let ended = ended.context("cannot wait for the command")?;

    owner::serve(&mut bench.probe, &requests, &mut keeper);
    drop(server);
    let Ok((status, silent, claims)) = ended.join() else { bail!("waiting for the command failed") };
    let status = status.context("cannot wait for the command")?;
    if !silent {
        eprintln!("dryflash: note: something that the command started still has the probe; what it does now is lost");
    }
    keeper.finish(&bench.probe)?;
    if claims == 0 && keeper.commands == 0 {
        eprintln!(
            "dryflash: `{}` never looked for a probe through libusb; is it linked statically, run by sudo (which drops \
             LD_PRELOAD), or does it need --tcp?",
            line
        );
    }
    let changes = bench.before.until(&Snapshot::of(&bench.probe.target.chip));
    let notes = rests::notes(&bench.probe.target.chip);
    let verdict = if args.boot { Some(boot(&bench.probe, keeper.state.as_mut(), &args.bench.esc)?) } else { None };
    let code = match code(status) {
        OK if keeper.commands == 0 => TROUBLE,
        OK if verdict.as_ref().is_some_and(|v| !v.starts()) => WOULD_NOT,
        code => code,
    };
    let report = Report {
        format: "dryflash-with",
        version: 1,
        part: &bench.part.name,
        command: &words,
        exit_code: self::code(status),
        commands: keeper.commands,
        changes: &changes,
        notes: &notes,
        starts: verdict.as_ref().map(Verdict::starts),
    };
    let text = match output.format {
        Format::Text => text(&report, verdict.as_ref(), output),
        Format::Json => serde_json::to_string_pretty(&report).context("the report could not be written")? + "\n",
    };
    Ok(Outcome { text, code })
}

#[derive(Serialize)]
struct Report<'a> {
    format: &'static str,
    version: u32,
    part: &'a str,
    command: &'a [String],
    exit_code: u8,
    /// Of the ST-LINK.
    commands: u64,
    changes: &'a Changes,
    /// Choices of the model that something rested on, and what was left standing.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    notes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    starts: Option<bool>,
}

fn start(command: &[OsString], stand_in: &StandIn) -> anyhow::Result<Child> {
    let (program, arguments) = command.split_first().context("no command")?;
    let mut command = Command::new(program);
    stand_in.lend(command.args(arguments));
    command.spawn().with_context(|| format!("`{}` cannot be run", program.to_string_lossy()))
}

/// The command's exit code; as a shell has it where a signal ended it.
fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return 128u8.saturating_add(signal as u8);
    }
    status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(WOULD_NOT)
}

fn text(report: &Report, verdict: Option<&Verdict>, output: Output) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{} after `{}`, {} commands:",
        report.part,
        shell::line(report.command.iter().map(String::as_str)),
        report.commands
    );
    for line in report.changes.to_string().lines() {
        let _ = writeln!(out, "  {line}");
    }
    for note in report.notes {
        let _ = writeln!(out, "  note: {note}");
    }
    if let Some(verdict) = verdict {
        out.push('\n');
        out.push_str(&report::text::verdict(verdict, output.style));
    }
    out
}
