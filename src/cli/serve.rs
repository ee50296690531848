//! `dryflash serve`: a virtual ST-LINK at a virtual ESC, for whoever connects.

use super::bench::{self, Bench};
use super::fronts::{endpoint, listen, only_here};
use super::glasgow::{self, Place};
use super::keeper::{self, Keeper};
use super::outputs::apart;
use super::stand_in::StandIn;
use super::{OK, Outcome, WOULD_NOT, ends};
use crate::gdb;
use crate::probe::owner::{self, Request};
use crate::probe::recording::{self, Header};
use crate::probe::tcp::{PORT, Server};
use crate::probe::usbip;
use crate::shell;
use anyhow::Context;
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash serve --part F051 --state esc.json
  dryflash serve --part F051 bootloader.bin app.hex eeprom.bin
  dryflash serve --part G071 --socket --record session.jsonl
  dryflash serve --part F051 --gdb --state esc.json
  dryflash serve --part F051 --glasgow --state esc.json
  dryflash serve --part G071 --usbip
  dryflash serve --part G071 --tcp 127.0.0.1:0 --once")]
pub struct Args {
    #[command(flatten)]
    bench: bench::Holding,
    /// Where the stlink-server listens; port 0 picks a free one. 127.0.0.1:7184 where no other front is asked for.
    #[arg(long, help_heading = DOORS, value_name = "ADDR:PORT", value_parser = endpoint)]
    tcp: Option<SocketAddr>,
    /// Serve the libusb stand-in (Linux), at this Unix socket or in a folder of its own.
    #[arg(long, help_heading = DOORS, value_name = "PATH", num_args = 0..=1, require_equals = true)]
    socket: Option<Option<PathBuf>>,
    /// Serve USB/IP, for clients on a kernel with vhci-hcd.
    #[arg(long, help_heading = DOORS, value_name = "ADDR:PORT", num_args = 0..=1, require_equals = true, default_missing_value = "127.0.0.1:3240", value_parser = endpoint)]
    usbip: Option<SocketAddr>,
    /// Be a probe that probe-rs, cargo-embed and cargo-flash reach without USB; unix:PATH is a Unix socket.
    #[arg(long, help_heading = DOORS, value_name = "ADDR:PORT", num_args = 0..=1, require_equals = true, default_missing_value = "127.0.0.1:7185")]
    glasgow: Option<Place>,
    /// Be a server for gdb.
    #[arg(long, help_heading = DOORS, value_name = "ADDR:PORT", num_args = 0..=1, require_equals = true, default_missing_value = "127.0.0.1:3333", value_parser = endpoint)]
    gdb: Option<SocketAddr>,
    /// Listen on addresses that other machines can reach.
    #[arg(long, help_heading = DOORS)]
    listen_anywhere: bool,
    /// Record what clients say and what they are told, in this file.
    #[arg(long, help_heading = super::OUTPUT, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Replace a recording that exists.
    #[arg(long, help_heading = super::OUTPUT, requires = "record")]
    force: bool,
    /// End when the first client has closed.
    #[arg(long, help_heading = DOORS)]
    once: bool,
}

/// A heading of the help.
const DOORS: &str = "Where clients come in";

impl Args {
    pub(super) fn esc_mut(&mut self) -> &mut bench::Esc {
        &mut self.bench.esc
    }
}

/// Runs the verb.
///
/// # Errors
/// Wrong usage, unreadable input, or an address that cannot be listened on.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let other = args.socket.is_some() || args.usbip.is_some() || args.gdb.is_some() || args.glasgow.is_some();
    let tcp = args.tcp.or_else(|| (!other).then(|| (Ipv4Addr::LOCALHOST, PORT).into()));
    for address in tcp.iter().chain(&args.usbip).chain(&args.gdb) {
        only_here(*address, args.listen_anywhere)?;
    }
    let mut bench = match args.bench.prepare() {
        Ok(bench) => bench,
        Err(error) => {
            bench::refused(error)?;
            return Ok(Outcome { text: String::new(), code: WOULD_NOT });
        }
    };
    keeper::warn_of_read_only(bench.state.as_ref());
    let listener = tcp.map(|address| listen(address, "--tcp")).transpose()?;
    let usbip = args.usbip.map(|address| listen(address, "--usbip")).transpose()?;
    let gdb = args.gdb.map(|address| listen(address, "--gdb")).transpose()?;
    let glasgow = args.glasgow.as_ref().map(|place| place.listen(args.listen_anywhere)).transpose()?;
    let stand_in = args.socket.as_ref().map(|path| StandIn::prepare(path.as_deref())).transpose()?;
    let mut keeper = Keeper::new(bench.state.take());
    keeper.once = args.once;
    if let Some(path) = &args.record {
        apart("--record", path, args.bench.inputs())?;
        // What gdb does is no command of an ST-LINK.
        let version = if args.gdb.is_some() { recording::WITH_OPERATIONS } else { recording::VERSION };
        keeper.record(path, args.force, &Header { version, ..bench.header(None) })?;
    }
    let model = bench.probe.model();
    let (sender, requests) = channel();
    let stop = sender.clone();
    ends::from_now_on(move |_| drop(stop.send(Request::Stop)))?;
    let server = listener.map(|l| Server::start(l, model, sender.clone())).transpose().context("cannot serve")?;
    let usbip = usbip.map(|l| usbip::Server::start(l, model, sender.clone())).transpose().context("cannot serve")?;
    let gdb = gdb.map(|l| gdb::Server::start(l, Arc::clone(&bench.part), sender.clone())).transpose();
    let gdb = gdb.context("cannot serve gdb")?;
    let glasgow = glasgow.map(|door| door.serve(sender.clone())).transpose()?;
    let socket = stand_in.as_ref().map(|s| s.serve(model, sender.clone())).transpose()?;
    // The fronts have lines of their own.
    drop(sender);
    let places = Places {
        tcp: server.as_ref().map(Server::address),
        stand_in: stand_in.as_ref(),
        usbip: usbip.as_ref().map(usbip::Server::address),
        gdb: gdb.as_ref().map(gdb::Server::address),
        probe_rs: glasgow.as_ref().map(glasgow::Front::selector),
    };
    announce(&bench, &places)?;

    owner::serve(&mut bench.probe, &requests, &mut keeper);
    drop((server, socket, usbip, gdb, glasgow));
    keeper.finish(&bench.probe)?;
    Ok(Outcome { text: String::new(), code: OK })
}

/// The fronts that are there.
struct Places<'a> {
    tcp: Option<SocketAddr>,
    stand_in: Option<&'a StandIn>,
    usbip: Option<SocketAddr>,
    gdb: Option<SocketAddr>,
    /// As its `--probe` has it.
    probe_rs: Option<String>,
}

/// Says where the probe is, with lines to copy.
fn announce(bench: &Bench, places: &Places) -> anyhow::Result<()> {
    let part = &bench.part;
    let config = &part.clients.openocd;
    let base = part.flash.base;
    let mut text = String::new();
    let _ = write!(text, "{} ({}) at a virtual {}", part.name, part.nick(), bench.probe.model().name());
    if let Some(address) = places.tcp {
        let port = address.port();
        let _ = writeln!(text, ", on {address}");
        // Works on OpenOCD 0.12 and on what comes after it, where interface/stlink.cfg is another driver.
        let _ = writeln!(
            text,
            "  openocd -f interface/stlink-dap.cfg -c 'st-link backend tcp {port}; transport select dapdirect_swd' -f {config} -c 'program FILE.bin 0x{base:08x} verify reset exit'"
        );
    } else {
        text.push('\n');
    }
    if let Some(stand_in) = places.stand_in {
        let _ = writeln!(text, "through libusb:");
        let _ = writeln!(text, "  export {}", stand_in.variables());
        let _ = writeln!(text, "  st-info --probe");
        let _ = writeln!(text, "  st-flash --reset write FILE.bin 0x{base:08x}");
        let _ = writeln!(
            text,
            "  openocd -f interface/stlink.cfg -f {config} -c 'program FILE.bin 0x{base:08x} verify reset exit'"
        );
    }
    if let Some(address) = places.usbip {
        let (port, host) = (address.port(), address.ip());
        let _ = writeln!(text, "over USB/IP, on {address}; as root, with the module vhci-hcd:");
        let _ = writeln!(text, "  usbip --tcp-port {port} attach --remote {host} --busid 1-1");
    }
    if let Some(probe) = &places.probe_rs {
        let chip = &part.clients.probe_rs;
        let _ = writeln!(text, "for probe-rs:");
        let _ = writeln!(text, "  export PROBE_RS_PROBE={}", shell::word(probe));
        let _ = writeln!(
            text,
            "  probe-rs download --chip {chip} --binary-format bin --base-address 0x{base:08x} --verify FILE.bin"
        );
        let _ = writeln!(text, "  probe-rs reset --chip {chip}");
    }
    if let Some(address) = places.gdb {
        let local = address.ip() == Ipv4Addr::LOCALHOST;
        let place = if local { format!(":{}", address.port()) } else { address.to_string() };
        let _ = writeln!(text, "for gdb:");
        let _ = writeln!(text, "  gdb-multiarch FILE.elf -ex 'target extended-remote {place}'");
    }
    let _ = writeln!(text, "Ctrl-C ends it.");
    let mut out = std::io::stdout().lock();
    std::io::Write::write_all(&mut out, text.as_bytes())
        .and_then(|()| std::io::Write::flush(&mut out))
        .context("cannot write to standard output")
}
