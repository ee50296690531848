//! The one thread that owns the probe and its chip; clients elsewhere send it what they want.
//!
//! Engines stay in the thread that made them, so fronts talk over a channel. One client at a time holds the probe.

use super::stlink::{COMMAND, StLink};
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender};

/// Tells clients apart.
pub type Client = u64;

/// What a front asks of the owner.
#[derive(Debug)]
pub enum Request {
    /// The client wants the probe. Whether it has it now.
    Open(Client, Sender<bool>),
    /// A command with its data; the reply, or none where another client holds the probe.
    Command {
        /// Who sends it.
        client: Client,
        /// The command.
        command: [u8; COMMAND],
        /// What follows it.
        data: Vec<u8>,
        /// Where the reply goes.
        answer: Sender<Option<Vec<u8>>>,
    },
    /// The client gives the probe back, or is gone.
    Close(Client),
    /// Everything ends.
    Stop,
}

/// Serves requests until one says stop, every front is gone, or `released` says so, which is called each time that
/// a client has given the probe back. What the chip holds then is what the client has left.
pub fn serve(
    probe: &mut StLink,
    requests: &Receiver<Request>,
    mut released: impl FnMut(&mut StLink) -> ControlFlow<()>,
) {
    let mut holder: Option<Client> = None;
    for request in requests {
        // An answer that nobody waits for any more is no loss.
        match request {
            Request::Open(client, answer) => {
                let granted = holder.is_none_or(|h| h == client);
                if granted {
                    holder = Some(client);
                }
                let _ = answer.send(granted);
            }
            Request::Command { client, command, data, answer } => {
                let reply = (holder == Some(client)).then(|| probe.command(&command, &data));
                let _ = answer.send(reply);
            }
            Request::Close(client) if holder == Some(client) => {
                holder = None;
                if released(probe).is_break() {
                    return;
                }
            }
            Request::Close(_) => {}
            Request::Stop => return,
        }
    }
}
