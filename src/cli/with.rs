//! `dryflash with -- COMMAND`: a flashing command, run against the virtual ESC.

use crate::tell::tell;
mod clients;
mod hide;
mod program;
mod refuse;
mod shell_text;
mod signals;

use self::hide::Hide;
use self::refuse::{Looked, Own, Refused, Way};
use self::signals::Signals;
use super::bench::{self, boot};
use super::forms::Reports;
use super::fronts::{endpoint, listen, only_here};
use super::glasgow::{self, Place};
use super::keeper::{self, Keeper};
use super::outputs::{apart, files_in};
use super::stand_in::StandIn;
use super::{OK, Outcome, Output, WOULD_NOT, ends};
use crate::esc::changes::Snapshot;
use crate::esc::rests;
use crate::probe::owner::{self, Request};
use crate::probe::tcp::Server;
use crate::report::Style;
use crate::report::with::With;
use crate::shell;
use anyhow::{Context, anyhow, bail};
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// The exit code for trouble of `with` itself.
pub(super) const TROUBLE: u8 = 125;

/// How long clients that outlive the command are waited for.
const LINGER: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash with --part F051 -- st-flash --reset write bootloader.bin 0x08000000
  dryflash with --state esc.json --boot -- sh flash-my-esc.sh
  dryflash with --part F051 -- probe-rs download --chip STM32F051K6 --verify app.elf
  dryflash with --part G071 -- openocd -f interface/stlink-dap.cfg -c 'transport select dapdirect_swd' -f target/stm32g0x.cfg -c 'program app.hex verify exit'")]
pub struct Args {
    #[command(flatten)]
    bench: bench::Holding,
    /// Afterwards, switch the power off and on: would the ESC start now?
    #[arg(long, help_heading = super::RUNNING)]
    boot: bool,
    /// Record what the command says and what it is told, in this file.
    #[arg(long, value_name = "FILE", help_heading = super::OUTPUT)]
    record: Option<PathBuf>,
    /// Replace a recording that exists.
    #[arg(long, requires = "record", help_heading = super::OUTPUT)]
    force: bool,
    /// Listen for stlink-server's protocol as well, for commands that use TCP.
    #[arg(long, help_heading = super::RUNNING, value_name = "ADDR:PORT", value_parser = endpoint)]
    tcp: Option<SocketAddr>,
    #[command(flatten)]
    reports: Reports,
    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Args {
    pub(super) fn esc_mut(&mut self) -> &mut bench::Esc {
        &mut self.bench.esc
    }
}

/// Runs the verb.
///
/// # Errors
/// None: trouble of its own has its own exit code.
pub fn run(args: &Args, output: Output) -> anyhow::Result<Outcome> {
    session(args, output).or_else(|error| {
        tell!("dryflash: {error:#}");
        Ok(Outcome { text: String::new(), code: TROUBLE })
    })
}

fn session(args: &Args, output: Output) -> anyhow::Result<Outcome> {
    let files = args.record.iter().chain(&args.bench.esc.state);
    args.reports.look("with", files)?;
    if let Some(address) = args.tcp {
        only_here(address, false)?;
    }
    let own = own_line();
    let hide = Hide::possible()?;
    let looked = refuse::look(&args.command, Own { line: &own, tcp: args.tcp })?;
    may_start(&looked, &args.command, hide.is_some())?;
    let words: Vec<String> = args.command.iter().map(|w| w.to_string_lossy().into_owned()).collect();
    let line = shell::line(words.iter().map(String::as_str));
    let told_line = shell::plain(&line);
    let mut bench = args.bench.prepare().or_else(|error| {
        bench::refused(error)?;
        bail!("the command was not run")
    })?;
    keeper::warn_of_read_only(bench.state.as_ref());
    let mut keeper = Keeper::new(bench.state.take());
    if let Some(path) = &args.record {
        apart("--record", path, args.bench.inputs().chain(files_in(&args.command)))?;
        keeper.record(path, args.force, &bench.header(Some(line.clone())))?;
    }
    let signals = Signals::catch()?;
    let stand_in = StandIn::prepare(None)?;
    let probe_rs = Place::Unix(stand_in.beside("glasgow.sock")).listen(false)?;
    let listener = args.tcp.map(|address| listen(address, "--tcp")).transpose()?;
    let model = bench.probe.model();
    let (sender, requests) = channel();
    let server = listener.map(|l| Server::start(l, model, sender.clone())).transpose().context("cannot serve")?;
    let socket = stand_in.serve(model, sender.clone())?;
    let probe_rs = probe_rs.serve(sender.clone())?;
    if signals.has_come() {
        bail!("interrupted before the command was started");
    }
    let mut child = start(&args.command, &stand_in, &probe_rs.selector(), hide)?;
    let watch = signals.watch(child.id(), sender.clone())?;
    let attended = watch.clone();
    let ended = thread::Builder::new().name("command".to_owned()).spawn(move || {
        let status = child.wait();
        attended.ended();
        // Handles that the command has left open close with it; what is still there is not.
        let silent = socket.wait_for_silence(LINGER) && probe_rs.wait_for_silence(LINGER);
        let looked = socket.claims() + socket.looks() > 0;
        let _ = sender.send(Request::Stop);
        (status, silent, looked)
    });
    let ended = ended.context("cannot wait for the command")?;

    owner::serve(&mut bench.probe, &requests, &mut keeper);
    drop(server);
    // What was done is kept, whatever else goes wrong.
    let kept = keeper.finish(&bench.probe);
    let Ok((status, silent, found)) = ended.join() else { bail!("waiting for the command failed") };
    drop(stand_in);
    watch.kept();
    // What could not be kept is said, and what is known is still reported.
    let mut trouble = told(kept);
    let status = status.context("cannot wait for the command")?;
    if !silent {
        tell!("dryflash: note: something that the command started still has the probe; what it does now is lost");
    }
    // A command that failed has said why.
    if keeper.commands == 0 && status.success() && glasgow::is_client(&args.command) {
        tell!(
            "dryflash: note: `{told_line}` never opened the virtual probe: nothing was flashed; a probe that probe-rs is given \
             by its place is in no list of its own"
        );
    } else if !found && keeper.commands == 0 && status.success() {
        tell!(
            "dryflash: note: nothing of `{told_line}` came to the virtual probe, so nothing was flashed: it looked for none, has \
             another libusb linked in, went on as another user (whose probe it is not), or needs --tcp"
        );
    }
    let changes = bench.before.until(&Snapshot::of(&bench.probe.target.chip));
    let notes = rests::notes(&bench.probe.target.chip);
    let state = keeper.state.as_ref().filter(|_| !trouble);
    let verdict = if args.boot { Some(boot(&bench.probe, &bench.elfs, state, &args.bench.esc)?) } else { None };
    let code = match code(status) {
        OK if verdict.as_ref().is_some_and(|v| !v.starts()) => WOULD_NOT,
        code => code,
    };
    let report = With {
        format: "dryflash-with",
        version: 1,
        part: &bench.part.name,
        command: &words,
        exit_code: self::code(status),
        commands: keeper.commands,
        changes: &changes,
        notes: &notes,
        verdict: verdict.as_ref(),
    };
    // A file of its own keeps the report apart from what the command prints.
    trouble |= told(args.reports.write(&report, Style::default()));
    output.outcome(&report, if trouble { TROUBLE } else { code })
}

/// Says what went wrong, if anything. Whether something did.
fn told(result: anyhow::Result<()>) -> bool {
    result.inspect_err(|error| tell!("dryflash: {error:#}")).is_err()
}

/// Whether the client at this path would be started, or why not; nothing is.
pub(super) fn would_start(client: &Path) -> Result<(), String> {
    let command = [client.as_os_str().to_owned()];
    let looked = refuse::look(&command, Own { line: "dryflash with", tcp: None }).map_err(|r| r.why().to_owned())?;
    may_start(&looked, &command, true).map_err(|r| r.why().to_owned())
}

/// Hides real probes from a command, where the kernel lets one. Whether it does.
pub(super) fn conceal(command: &mut Command) -> bool {
    let Ok(Some(hide)) = Hide::possible() else { return false };
    hide.from(command);
    true
}

/// What stands before the command on dryflash's own line.
fn own_line() -> String {
    let words: Vec<String> = std::env::args_os().skip(1).map(|w| w.to_string_lossy().into_owned()).collect();
    let before = words.iter().take_while(|w| *w != "--").map(String::as_str);
    shell::line(["dryflash"].into_iter().chain(before))
}

/// Refuses what is known only with the answer whether hardware can be hidden, and says what cannot be vouched for.
fn may_start(looked: &Looked, command: &[OsString], hidden: bool) -> Result<(), Refused> {
    // Behind another program the Glasgow probe is in the environment alone, which cargo-embed does not look at.
    if looked.way == Way::Glasgow && !hidden && !glasgow::is_client(command) {
        let what = "this system lets no hardware be hidden, and the client behind another program may not look at \
                    PROBE_RS_PROBE";
        return Err(Refused::new(what, "put `dryflash with --` before the client itself"));
    }
    for doubt in &looked.doubts {
        if !hidden {
            return Err(Refused::new(doubt.clone(), "take that out for the rehearsal"));
        }
        tell!("dryflash: note: {doubt}; real probes are hidden from it, but it does not find the virtual one either");
    }
    if let (false, Some(starter)) = (hidden, &looked.starts_others) {
        tell!(
            "dryflash: warning: this system lets no hardware be hidden, so nobody can vouch for what {starter} starts: \
             unplug real probes, or put `dryflash with` around the flashing command itself"
        );
    }
    Ok(())
}

fn start(command: &[OsString], stand_in: &StandIn, probe_rs: &str, hide: Option<Hide>) -> anyhow::Result<Child> {
    let command = glasgow::words_with_probe(command, probe_rs);
    let (program, arguments) = command.split_first().context("no command")?;
    let mut command = Command::new(program);
    stand_in.lend(command.args(arguments));
    ends::let_through(&mut command);
    glasgow::lend(&mut command, probe_rs);
    if let Some(hide) = hide {
        hide.from(&mut command);
    }
    command.spawn().map_err(|error| {
        let why = match error.kind() {
            io::ErrorKind::NotFound => {
                "there is no such program, or it wants an interpreter that is not there; check the name and PATH"
                    .to_owned()
            }
            io::ErrorKind::PermissionDenied => {
                "it may not be run; is it a program, and does `chmod +x` make it one?".to_owned()
            }
            _ => error.to_string(),
        };
        anyhow!("`{}` cannot be run: {why}", program.to_string_lossy())
    })
}

/// The command's exit code; as a shell has it where a signal ended it.
fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return 128u8.saturating_add(signal as u8);
    }
    status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(WOULD_NOT)
}
