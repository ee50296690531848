//! `dryflash serve`: a virtual ST-LINK at a virtual ESC, for clients that speak to an stlink-server.

use super::check::load;
use super::{OK, Outcome, WOULD_NOT};
use crate::am32::{self, Finding, Given, Id, Severity, Wish};
use crate::chip::Chip;
use crate::esc::{StateError, StateFile, Wire, program};
use crate::gdb;
use crate::image::Image;
use crate::part::{self, Family, Part};
use crate::periph::signal::Signal;
use crate::probe::owner::{self, Request, Watch};
use crate::probe::tcp::{PORT, Server};
use crate::probe::{Model, StLink};
use anyhow::{Context, bail};
use clap::ValueEnum;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;

/// Be a virtual ST-LINK at a virtual ESC: OpenOCD flashes and debugs it over TCP
///
/// Puts the files into the ESC as `check` does, switches the power on, and serves stlink-server's protocol until
/// Ctrl-C. With --state, the ESC is written back to the file each time that a client closes, and at the end.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash serve --part F051 --state esc.json
  dryflash serve --part F051 bootloader.bin app.hex eeprom.bin
  dryflash serve --part F051 --gdb --state esc.json
  dryflash serve --part G071 --tcp 127.0.0.1:0 --once")]
pub struct Args {
    /// Files that the ESC holds already: .bin, Intel HEX, ELF or .amj; FILE@ADDR puts a .bin at an address.
    #[arg(value_name = "FILE[@ADDR]")]
    files: Vec<String>,
    /// The part: full name, or AM32's short one (F031, F051, G031, G071, G071_64K). As --state holds it where absent.
    #[arg(long)]
    part: Option<String>,
    /// A virtual ESC, kept in this file between commands; made where it does not exist.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Where to listen; port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT", default_value_t = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT))]
    tcp: SocketAddr,
    /// Also be a server for gdb, there or at 127.0.0.1:3333; port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT", num_args = 0..=1, default_missing_value = GDB)]
    gdb: Option<SocketAddr>,
    /// Listen on an address that other machines can reach.
    #[arg(long)]
    listen_anywhere: bool,
    /// Be an STLINK-V3, not an ST-LINK/V2-1.
    #[arg(long)]
    v3: bool,
    /// End when the first client has closed.
    #[arg(long)]
    once: bool,
    /// The signal wire.
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = SignalArg::Low)]
    signal: SignalArg,
    /// Decides what SRAM holds at power-on.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Where gdb finds its server unless told otherwise.
const GDB: &str = "127.0.0.1:3333";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SignalArg {
    Low,
    Floating,
    High,
}

impl From<SignalArg> for Wire {
    fn from(signal: SignalArg) -> Wire {
        match signal {
            SignalArg::Low => Wire::Low,
            SignalArg::Floating => Wire::Floating,
            SignalArg::High => Wire::High,
        }
    }
}

/// Runs the verb.
///
/// # Errors
/// Wrong usage, unreadable input, or an address that cannot be listened on.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    for address in [Some(args.tcp), args.gdb].into_iter().flatten().filter(|a| !a.ip().is_loopback()) {
        if !args.listen_anywhere {
            bail!("{address} can be reached from other machines; add --listen-anywhere if that is wanted");
        }
        eprintln!("dryflash: warning: whoever reaches {address} can read and change this virtual ESC");
    }
    let files = args.files.iter().map(|f| load(f, None)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut state = args.state.as_deref().map(StateFile::open).transpose()?;
    let held = state.as_ref().and_then(|s| s.part().cloned());
    let part = match &args.part {
        Some(name) => Some(part::find(name)?),
        None => held.clone(),
    };
    let (part, files, refused) = place(files, part, held.is_some())?;
    if !refused.is_empty() {
        for finding in &refused {
            let file = finding.file.as_ref().map_or_else(String::new, |f| format!("{f}: "));
            eprintln!("dryflash: {}: {file}{}; {}", finding.id, finding.message, finding.advice);
        }
        return Ok(Outcome { text: String::new(), code: WOULD_NOT });
    }
    let mut chip = Chip::new(&part, args.seed)?;
    if let Some(state) = &state {
        state.install(&mut chip)?;
    }
    chip.power_on();
    for image in &files {
        if let Err(error) = program::program(&mut chip, image, false) {
            eprintln!("dryflash: {}: {error}", image.name);
            // What was written before stays written, as on a real chip.
            if let Some(state) = &mut state {
                state.save(&chip)?;
            }
            return Ok(Outcome { text: String::new(), code: WOULD_NOT });
        }
    }
    chip.power_off(args.seed);
    // The wire is on one of these; the others are not looked at.
    for pin in am32::Pin::SIGNAL {
        let (port, number) = pin.port_and_number();
        chip.drive(port, number, Signal::steady(Wire::from(args.signal).drive()));
    }
    chip.power_on();

    let listener = TcpListener::bind(args.tcp)
        .with_context(|| format!("cannot listen on {}; --tcp 127.0.0.1:0 picks a free port", args.tcp))?;
    let gdb = args
        .gdb
        .map(|address| {
            TcpListener::bind(address)
                .with_context(|| format!("cannot listen on {address}; --gdb 127.0.0.1:0 picks a free port"))
        })
        .transpose()?;
    let model = if args.v3 { Model::V3 } else { Model::V2 };
    let (sender, requests) = channel();
    let stop = sender.clone();
    ctrlc::set_handler(move || {
        let _ = stop.send(Request::Stop);
    })
    .context("cannot wait for Ctrl-C")?;
    let server = Server::start(listener, model, sender.clone()).context("cannot serve")?;
    let gdb = gdb.map(|listener| gdb::Server::start(listener, Arc::clone(&part), sender)).transpose();
    let gdb = gdb.context("cannot serve gdb")?;
    announce(&part, model, server.address(), gdb.as_ref().map(gdb::Server::address))?;

    let mut probe = StLink::new(chip, model);
    let mut keeper = Keeper { state, once: args.once, trouble: None };
    owner::serve(&mut probe, &requests, &mut keeper);
    drop((server, gdb));
    if let Some(error) = keeper.trouble {
        return Err(error.into());
    }
    if let Some(state) = &mut keeper.state {
        state.save(&probe.target.chip)?;
    }
    Ok(Outcome { text: String::new(), code: OK })
}

/// Writes the ESC back to its file each time that a client is gone.
struct Keeper {
    state: Option<StateFile>,
    once: bool,
    trouble: Option<StateError>,
}

impl Watch for Keeper {
    fn released(&mut self, probe: &mut StLink) -> ControlFlow<()> {
        if let Some(text) = probe.target.take_broken() {
            eprintln!("dryflash: the model failed: {text}; this is a bug, please report it");
        }
        self.trouble = self.state.as_mut().and_then(|s| s.save(&probe.target.chip).err());
        if self.once || self.trouble.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// What keeps files from being flashed at all. Whatever else is wrong with them, a probe may want to look at.
const REFUSED: [Id; 4] = [Id::WRONG_BASE, Id::CLASH, Id::ERASED, Id::OUT_OF_RANGE];

/// The part, the files with their addresses, as `check` finds them, and why they cannot go there.
fn place(
    files: Vec<Given>,
    part: Option<Arc<Part>>,
    has_state: bool,
) -> anyhow::Result<(Arc<Part>, Vec<Image>, Vec<Finding>)> {
    if files.is_empty() {
        let Some(part) = part else { bail!("say which part it is, e.g. `dryflash serve --part F051`") };
        return Ok((part, Vec::new(), Vec::new()));
    }
    let count = files.len();
    let plan = am32::plan(files, &Wish { part, has_state, ..Wish::default() })?;
    let [part] = plan.candidates.as_slice() else {
        let names: Vec<&str> = plan.candidates.iter().map(|p| p.nick()).collect();
        match names.as_slice() {
            [] => bail!("the files are for an MCU that is not modelled ({})", plan.part_evidence),
            names => bail!("the files fit {}; say which with --part", names.join(", ")),
        }
    };
    if plan.pieces.len() < count {
        bail!("nobody knows where one of the files goes; `dryflash check` tells which, FILE@ADDR says where");
    }
    let refused = |f: &Finding| f.severity == Severity::Error && REFUSED.contains(&f.id);
    let refused = plan.findings.iter().filter(|f| refused(f)).cloned().collect();
    Ok((Arc::clone(part), plan.pieces.into_iter().map(|p| p.image).collect(), refused))
}

/// Says where the probe is, with lines to copy.
fn announce(part: &Part, model: Model, address: SocketAddr, gdb: Option<SocketAddr>) -> anyhow::Result<()> {
    let config = match part.family {
        Family::F0 => "target/stm32f0x.cfg",
        Family::G0 => "target/stm32g0x.cfg",
    };
    let port = address.port();
    let mut text = String::new();
    let _ = writeln!(text, "{} ({}) at a virtual {}, on {address}", part.name, part.nick(), model.name());
    let _ = writeln!(
        text,
        "  openocd -f interface/stlink.cfg -c 'hla_stlink_backend tcp {port}' -f {config} -c 'program FILE.bin 0x{:08x} verify reset exit'",
        part.flash.base
    );
    let _ = writeln!(
        text,
        "  openocd -f interface/stlink-dap.cfg -c 'st-link backend tcp {port}; transport select dapdirect_swd' -f {config}"
    );
    if let Some(gdb) = gdb {
        let place = if gdb.ip() == Ipv4Addr::LOCALHOST { format!(":{}", gdb.port()) } else { gdb.to_string() };
        let _ = writeln!(text, "  gdb-multiarch FILE.elf -ex 'target extended-remote {place}'");
    }
    let _ = writeln!(text, "Ctrl-C ends it.");
    let mut out = std::io::stdout().lock();
    std::io::Write::write_all(&mut out, text.as_bytes())
        .and_then(|()| std::io::Write::flush(&mut out))
        .context("cannot write to standard output")
}
