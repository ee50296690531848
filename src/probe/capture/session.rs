//! From a device's transfers to ST-LINK commands.

use super::super::recording::{Exchange, Flaw};
use super::super::stlink;
use super::super::stlink::command::{Bytes, Reply, looks_like_command};
use super::super::usb::{Assembler, Command, Stray};

/// Which way a transfer went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    In,
    Out,
}

/// What became of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is on its way, as far as the capture goes.
    Open,
    Done,
    /// Given up before any of it went over the bus.
    Never,
    /// Something went wrong; in words.
    Failed(String),
    /// It was completed, but its data is not in the capture.
    Unseen,
}

/// One bulk transfer.
#[derive(Clone, Debug)]
pub(super) struct Transfer<'a> {
    /// Of its data.
    pub packet: u64,
    /// Microseconds.
    pub at: u64,
    pub direction: Direction,
    /// What was captured.
    pub data: &'a [u8],
    /// How much there was.
    pub whole: usize,
    pub fate: Fate,
}

impl Transfer<'_> {
    /// What to say where less was captured than there was.
    pub(super) fn shortened(&self) -> String {
        format!("{} of {} bytes captured; use a larger snap length", self.data.len(), self.whole)
    }
}

/// What transfers came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    pub exchanges: Vec<Exchange>,
    pub flaws: Vec<Flaw>,
    /// Transfers to the device, behind its first command, that are no part of one.
    pub strays: usize,
    assembler: Assembler,
    /// Time and packet of what the assembler has begun.
    begun: (u64, u64),
    /// Whether the capture is one of our own, which say where they begin and end.
    own: bool,
    /// Whether it is known where commands begin.
    in_step: bool,
    /// Whether replies belong to the last exchange.
    answered: bool,
    /// While out of step: the first transfer left out, and how many.
    skipped: Option<(u64, usize)>,
}

impl Session {
    /// Puts transfers together. `own` says that they are one of our own recordings: the first begins a command.
    pub(super) fn of(transfers: &[Transfer<'_>], own: bool) -> Session {
        let mut session = Session { in_step: own, own, ..Session::default() };
        for transfer in transfers {
            session.take(transfer);
        }
        session.end(transfers);
        session
    }

    fn flaw(&mut self, packet: u64, loss: bool, what: String) {
        self.flaws.push(Flaw { packet, what, loss });
    }

    fn take(&mut self, transfer: &Transfer<'_>) {
        let packet = transfer.packet;
        let out = transfer.direction == Direction::Out;
        match &transfer.fate {
            Fate::Never if out => {
                self.flaw(packet, false, "the client gave this transfer up before any of it was sent".to_owned());
                return self.drop_begun(packet);
            }
            Fate::Never => return,
            Fate::Unseen => return self.unseen(transfer),
            Fate::Open if !out => {
                return self.flaw(packet, true, "the reply that was asked for here is not in the capture".to_owned());
            }
            Fate::Failed(how) => {
                self.flaw(packet, out, format!("the transfer failed: {how}"));
                if !out {
                    return;
                }
            }
            Fate::Open | Fate::Done => {}
        }
        if transfer.data.len() < transfer.whole {
            self.flaw(packet, true, transfer.shortened());
        }
        match transfer.direction {
            Direction::Out => self.out(transfer),
            Direction::In => self.reply(transfer),
        }
    }

    /// Something was sent, and nobody knows what.
    fn unseen(&mut self, transfer: &Transfer<'_>) {
        self.drop_begun(transfer.packet);
        if self.in_step {
            self.flaw(transfer.packet, true, "what was sent here is not in the capture".to_owned());
            (self.in_step, self.answered) = (false, false);
        } else {
            self.skip(transfer);
        }
    }

    /// Whatever the command that was begun still waits for does not come.
    fn drop_begun(&mut self, packet: u64) {
        let Some(begun) = self.assembler.begun() else { return };
        let (wanted, got) = (stlink::Command::decode(&begun.command).data_length(), begun.data.len());
        let (at, command) = (packet, self.begun.1);
        self.flaw(
            at,
            true,
            format!("packet {command} begins a command that has {got} of {wanted} bytes of data; it is left out"),
        );
        self.assembler = Assembler::default();
        (self.in_step, self.answered) = (false, false);
    }

    fn out(&mut self, transfer: &Transfer<'_>) {
        if transfer.whole == 0 {
            return;
        }
        let Some(begun) = self.assembler.begun() else { return self.command(transfer) };
        let due = stlink::Command::decode(&begun.command).data_length() - begun.data.len();
        if transfer.whole > due {
            return self.out_of_step(
                transfer,
                &Stray::Data { got: begun.data.len() + transfer.whole, wanted: due + begun.data.len() },
            );
        }
        // What was not captured counts as zeros, so that the rest keeps its place.
        let mut data = transfer.data.to_vec();
        data.resize(transfer.whole, 0);
        self.push(&data, transfer);
    }

    /// A transfer that ought to begin a command.
    fn command(&mut self, transfer: &Transfer<'_>) {
        if !self.in_step && !looks_like_command(transfer.data) {
            return self.skip(transfer);
        }
        if transfer.data.len() < transfer.whole {
            // Nobody knows what it was, nor whether data follows.
            self.in_step = false;
            self.answered = false;
            return;
        }
        if let Some((packet, count)) = self.skipped.take() {
            self.left_out(packet, count);
        }
        self.in_step = true;
        self.begun = (transfer.at, transfer.packet);
        self.push(transfer.data, transfer);
    }

    fn push(&mut self, data: &[u8], transfer: &Transfer<'_>) {
        match self.assembler.push(data) {
            Ok(None) => self.answered = false,
            Ok(Some(Command { command, data })) => {
                let (at, packet) = self.begun;
                self.exchanges.push(Exchange { at, command, data, reply: Vec::new(), packet: Some(packet) });
                self.answered = true;
            }
            Err(stray) => self.out_of_step(transfer, &stray),
        }
    }

    /// A transfer does not fit behind the one before it.
    fn out_of_step(&mut self, transfer: &Transfer<'_>, stray: &Stray) {
        self.flaw(transfer.packet, true, format!("{stray}; something is missing before it"));
        self.assembler = Assembler::default();
        (self.in_step, self.answered) = (false, false);
        match looks_like_command(transfer.data) {
            true => self.command(transfer),
            false => self.skip(transfer),
        }
    }

    fn skip(&mut self, transfer: &Transfer<'_>) {
        if transfer.direction == Direction::Out && !self.exchanges.is_empty() {
            self.strays += 1;
        }
        self.skipped.get_or_insert((transfer.packet, 0)).1 += 1;
    }

    fn left_out(&mut self, packet: u64, count: usize) {
        let what = match self.exchanges.is_empty() {
            true => format!(
                "the capture begins in mid-session: transfers left out before the first command: {count}; begin the \
                 capture before the client"
            ),
            false => format!("transfers left out until the next command: {count}"),
        };
        self.flaw(packet, true, what);
    }

    fn reply(&mut self, transfer: &Transfer<'_>) {
        if transfer.data.is_empty() && transfer.whole == 0 {
            return;
        }
        if self.assembler.begun().is_some() {
            return self.drop_begun(transfer.packet);
        }
        if !self.own && self.answered && self.exchanges.last().is_some_and(|e| has_reply(&e.command) == Some(false)) {
            self.answered = false;
            return self.flaw(
                transfer.packet,
                true,
                "a reply, but the command before it has none; something is missing between them".to_owned(),
            );
        }
        match self.exchanges.last_mut().filter(|_| self.answered) {
            Some(exchange) => exchange.reply.extend(transfer.data),
            None => self.skip(transfer),
        }
    }

    /// The capture is over.
    fn end(&mut self, transfers: &[Transfer<'_>]) {
        let whole = self.assembler.begun().is_none();
        if let Some(last) = transfers.last() {
            self.drop_begun(last.packet);
        }
        if let Some((packet, count)) = self.skipped.take() {
            self.left_out(packet, count);
        }
        let Some(last) = self.exchanges.last().filter(|_| whole && self.answered && !self.own) else { return };
        let gave_up = transfers.last().is_some_and(|t| t.direction == Direction::In);
        if has_reply(&last.command) == Some(true) && last.reply.is_empty() && !gave_up {
            let packet = last.packet.unwrap_or(0);
            self.flaw(packet, true, "the capture ends before the reply to this command".to_owned());
        }
    }
}

/// Whether a command has a reply; None where that is not known (SWIM's).
pub(super) fn has_reply(command: &Bytes) -> Option<bool> {
    match stlink::Command::decode(command).reply() {
        Reply::None => Some(false),
        Reply::Bytes(_) | Reply::Batch => Some(true),
        Reply::Unknown => None,
    }
}
