//! `dryflash doctor`: what is installed, and what of it can be rehearsed. Nothing is changed, and no client is run but
//! for its version, with the libusb stand-in before it.

mod clients;
mod linked;
mod system;

use super::{OK, Outcome, Output, WOULD_NOT};
use crate::report::doctor::Doctor;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  dryflash doctor
  dryflash doctor --format json")]
pub struct Args {}

/// Runs the verb.
///
/// # Errors
/// None that input can cause.
pub fn run(_: &Args, output: Output) -> anyhow::Result<Outcome> {
    let here = system::look();
    let stands = here.iter().all(|h| h.good || !h.needed);
    let clients = clients::look(stands);
    let ready = clients.iter().any(|c| c.flashes && c.way.is_some());
    let report = Doctor {
        format: "dryflash-doctor",
        version: 1,
        dryflash: env!("CARGO_PKG_VERSION"),
        ready,
        clients,
        here,
        ports: system::ports(),
    };
    output.outcome(&report, if ready { OK } else { WOULD_NOT })
}
