//! From a device's transfers to ST-LINK commands.

use super::super::recording::{Exchange, Flaw};
use super::super::stlink::COMMAND;
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

/// What transfers came to.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    pub exchanges: Vec<Exchange>,
    pub flaws: Vec<Flaw>,
    /// Transfers to the device that are no part of a command.
    pub strays: usize,
    assembler: Assembler,
    /// Time and packet of what the assembler has begun.
    begun: (u64, u64),
    /// Whether it is known where commands begin.
    in_step: bool,
    /// Whether replies belong to the last exchange.
    answered: bool,
    /// While out of step: the first transfer left out, and how many.
    skipped: Option<(u64, usize)>,
}

impl Session {
    /// Puts transfers together. `from_begin` says that the first one is known to begin a command.
    pub(super) fn of(transfers: &[Transfer<'_>], from_begin: bool) -> Session {
        let mut session = Session { in_step: from_begin, ..Session::default() };
        for transfer in transfers {
            session.take(transfer);
        }
        session.end(transfers, from_begin);
        session
    }

    fn flaw(&mut self, packet: u64, loss: bool, what: String) {
        self.flaws.push(Flaw { packet, what, loss });
    }

    fn take(&mut self, transfer: &Transfer<'_>) {
        let packet = transfer.packet;
        match &transfer.fate {
            Fate::Never if transfer.direction == Direction::Out => {
                return self.flaw(
                    packet,
                    false,
                    "the client gave this transfer up before any of it was sent".to_owned(),
                );
            }
            Fate::Never => return,
            Fate::Failed(how) => {
                let out = transfer.direction == Direction::Out;
                self.flaw(packet, out, format!("the transfer failed: {how}"));
                if !out {
                    return;
                }
            }
            Fate::Open | Fate::Done => {}
        }
        if transfer.data.len() < transfer.whole {
            let (there, whole) = (transfer.data.len(), transfer.whole);
            self.flaw(packet, true, format!("{there} of {whole} bytes captured; use a larger snap length"));
        }
        match transfer.direction {
            Direction::Out => self.out(transfer),
            Direction::In => self.reply(transfer),
        }
    }

    fn out(&mut self, transfer: &Transfer<'_>) {
        let Some(begun) = self.assembler.begun() else { return self.command(transfer) };
        let due = super::super::StLink::data_length(&begun.command) - begun.data.len();
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
        if transfer.direction == Direction::Out {
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
        if let Some(begun) = self.assembler.begun() {
            let (wanted, got) = (super::super::StLink::data_length(&begun.command), begun.data.len());
            self.flaw(
                transfer.packet,
                true,
                format!("a reply where {got} of {wanted} bytes of data were sent; the command is left out"),
            );
            self.assembler = Assembler::default();
            (self.in_step, self.answered) = (false, false);
            return;
        }
        match self.exchanges.last_mut().filter(|_| self.answered) {
            Some(exchange) => exchange.reply.extend(transfer.data),
            None => self.skip(transfer),
        }
    }

    /// The capture is over.
    fn end(&mut self, transfers: &[Transfer<'_>], told: bool) {
        if let Some(begun) = self.assembler.begun() {
            let (wanted, got) = (super::super::StLink::data_length(&begun.command), begun.data.len());
            let packet = self.begun.1;
            self.flaw(
                packet,
                true,
                format!(
                    "the capture ends with {got} of {wanted} bytes of this command's data; the command is left out"
                ),
            );
        }
        if let Some((packet, count)) = self.skipped.take() {
            self.left_out(packet, count);
        }
        // dryflash's own captures tell where they end.
        let Some(last) = self.exchanges.last().filter(|_| !told && self.assembler.begun().is_none()) else { return };
        let gave_up = transfers.last().is_some_and(|t| t.direction == Direction::In && t.fate != Fate::Open);
        if has_reply(&last.command) && last.reply.is_empty() && !gave_up {
            let packet = last.packet.unwrap_or(0);
            self.flaw(packet, true, "the capture ends before the reply to this command".to_owned());
        }
    }
}

/// Whether this could begin a command: where the capture begins, or something is missing, nothing else tells.
pub(super) fn looks_like_command(bytes: &[u8]) -> bool {
    bytes.len() == COMMAND && matches!(bytes[0], 0xF1..=0xF5 | 0xF7 | 0xFB)
}

/// Whether a command has a reply. SWIM's (F4) differ.
pub(super) const fn has_reply(command: &[u8; COMMAND]) -> bool {
    !matches!((command[0], command[1]), (0xF3, 0x07) | (0xF2, 0x08 | 0x0D | 0x21 | 0x48 | 0x50 | 0x51) | (0xF4, _))
}
