//! A recorded session, carried out once more on a virtual ESC, and what came out otherwise.
//!
//! Commands and operations are the recorded ones; replies are compared. How closely is a matter of [`Strength`]: a real chip's
//! polling loops end after another number of rounds than a virtual one's, and another chip has another unique id.

use super::decode;
use super::operation::{Done, Operation};
use super::recording::{Entry, Exchange, Recording, hex};
use super::stlink::command::{Interface, Transfer, Unit};
use super::stlink::{Command, StLink, Status};
use super::story::{self, Story};
use crate::cpu::debug::{CPUID, DHCSR, dhcsr};
use crate::part::{self, Part};
use serde::Serialize;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// How closely replies are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// Every reply.
    Strict,
    /// Of polling loops the last reply, which is waited for; identities of the probe and the single chip not at all.
    #[default]
    Polls,
    /// What is read from flash and option bytes, failures, and what the ESC holds at the end.
    Effects,
}

/// A reply that came out otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Divergence {
    /// The command, from 1.
    pub command: u64,
    /// Its packet or line in the recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packet: Option<u64>,
    /// The command as recorded, in words.
    pub recorded: String,
    /// As it came out.
    pub replayed: String,
    /// The first byte of the reply that differs.
    pub offset: usize,
}

/// What a replay came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// Commands and operations of the recording that were carried out.
    pub commands: u64,
    /// Further ones, while waiting for what a polling loop had ended with.
    pub extra_polls: u64,
    /// Replies that were compared.
    pub compared: u64,
    /// Replies that differ.
    pub divergences: Vec<Divergence>,
    /// Whether the ESC holds at the end what it held when the recording ended; none where the recording does not say.
    pub ends_alike: Option<bool>,
    /// What had to be done before the first command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prepared: Option<&'static str>,
}

impl Replayed {
    /// Whether it went as recorded.
    pub fn is_faithful(&self) -> bool {
        self.divergences.is_empty() && self.ends_alike != Some(false)
    }
}

/// Commands in one round of a polling loop, at most.
const ROUND: usize = 4;
/// Further rounds that are waited for one polling loop.
const ROUNDS: u64 = 1_000;
/// Further commands in all, so that a session of another chip comes to an end.
const PATIENCE: u64 = 50_000;

/// Of DHCSR: what reading clears (S_RETIRE_ST, S_RESET_ST, DDI0419 C1.6.3).
const STICKY: u32 = dhcsr::S_RETIRE_ST | dhcsr::S_RESET_ST;
/// Where ST's parts have DBGMCU IDCODE: the DBGMCU on the private bus, and on the peripheral bus.
const IDCODES: [u32; 2] = [0xE004_2000, 0x4001_5800];

/// Bytes of a reply that are shown beside one another where words do not tell them apart.
const BYTES: usize = 16;

/// The part that a recording was made with: as its header tells, or by what the client read from DBGMCU IDCODE and
/// the flash-size register.
pub fn part_of(recording: &Recording) -> Option<Arc<Part>> {
    if let Some(name) = &recording.header.part {
        return part::find(name).ok();
    }
    let parts = part::all();
    let read = |address: u32| word_of(recording, address);
    let fits = |p: &&Arc<Part>| {
        let identity = &p.identity;
        let dev_id = |code: u32| code & 0xFFF;
        read(identity.idcode_address).is_some_and(|v| dev_id(v) == dev_id(identity.idcode))
            && read(identity.flash_size_address & !3).is_none_or(|v| {
                let kilobytes = if identity.flash_size_address & 2 == 0 { v & 0xFFFF } else { v >> 16 };
                kilobytes == p.flash.size / 1024
            })
    };
    // Parts that AM32 has a name for come first.
    parts.iter().filter(|p| p.short.is_some()).chain(parts).find(fits).cloned()
}

/// What the chip said of itself that is none of our parts; none where it said nothing, or is one of them.
pub fn foreign(recording: &Recording) -> Option<String> {
    let parts = part::all();
    let cpuid = word_of(recording, CPUID);
    let idcode = IDCODES.into_iter().find_map(|at| Some((at, word_of(recording, at)?)));
    // Of a core nobody minds the revision.
    let known_core = cpuid.is_none_or(|id| parts.iter().any(|p| p.identity.cpuid >> 4 & 0xFFF == id >> 4 & 0xFFF));
    let known_chip = idcode.is_none_or(|(at, id)| {
        let same = |p: &&Arc<Part>| p.identity.idcode_address == at && p.identity.idcode & 0xFFF == id & 0xFFF;
        parts.iter().any(|p| same(&p))
    });
    if known_core && known_chip {
        return None;
    }
    let told = [
        cpuid.map(|id| format!("CPUID 0x{id:08X}")),
        idcode.map(|(at, id)| format!("IDCODE 0x{id:08X} at 0x{at:08X}")),
    ];
    Some(told.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

fn word_of(recording: &Recording, address: u32) -> Option<u32> {
    recording.exchanges().into_iter().find_map(|e| value_read(e, address))
}

/// The word that a command reads from `address`, whichever command it is.
fn value_read(exchange: &Exchange, address: u32) -> Option<u32> {
    let reply = &exchange.reply;
    match Command::decode(&exchange.command) {
        Command::ReadDebugReg(at) if at == address && decode::is_ok(reply) => decode::u32_at(reply, 4),
        Command::ReadMem(Transfer { address: first, length, unit: Unit::Words, .. })
            if address.wrapping_sub(first) < u32::from(length) =>
        {
            decode::u32_at(reply, (address - first) as usize)
        }
        _ => None,
    }
}

/// Carries out `recording` on `probe`. The story is told along the way.
pub fn replay(probe: &mut StLink, recording: &Recording, strength: Strength, story: &mut Story) -> Replayed {
    let mut replay = Replay { probe, strength, story, out: Replayed::default() };
    replay.prepare(recording);
    let mut number = 0;
    let both_commands = |a: &Entry, b: &Entry| a.exchange().is_some() && b.exchange().is_some();
    for entries in recording.entries.chunk_by(both_commands) {
        if let [Entry::Operation(done)] = entries {
            replay.operate(done, number + 1);
        }
        let exchanges: Vec<&Exchange> = entries.iter().filter_map(Entry::exchange).collect();
        replay.commands(&exchanges, number);
        number += entries.len();
    }
    let mut out = replay.out;
    let end = probe.target.chip.board.flash.non_volatile().digest();
    // How one that was cut off would have ended nobody knows.
    let told = recording.header.ends_with.as_ref().filter(|_| recording.is_whole());
    out.ends_alike = told.map(|digest| *digest == end);
    out
}

/// How many commands make up one round of the polling loop that begins here, and how many rounds there are; one
/// command and one round where none does.
fn polling(exchanges: &[&Exchange], probe: &StLink) -> (usize, usize) {
    for round in 1..=ROUND.min(exchanges.len()) {
        let (first, rest) = exchanges.split_at(round);
        if !first.iter().all(|e| only_reads(e) && !steps(e, probe)) {
            break;
        }
        let same = |other: &[&Exchange]| other.iter().zip(first).all(|(a, b)| a.command == b.command);
        let again = rest.chunks_exact(round).take_while(|r| same(r)).count();
        if again > 0 {
            return (round, again + 1);
        }
    }
    (1, 1)
}

/// Whether a command changes nothing but what reading clears.
fn only_reads(exchange: &Exchange) -> bool {
    match Command::decode(&exchange.command) {
        Command::ReadMem(transfer) => transfer.unit.increments(),
        Command::GetCurrentMode
        | Command::ReadReg(_)
        | Command::ReadDebugReg(_)
        | Command::ReadAllRegs
        | Command::GetLastRwStatus
        | Command::GetLastRwStatus2
        | Command::ReadDapReg { .. } => true,
        _ => false,
    }
}

/// Data read/write, of an access port ([`Dap`](super::Dap)).
const DRW: u16 = 0x0C;
/// The data registers of an access port: that one, and the banked ones.
const DATA: RangeInclusive<u16> = DRW..=0x1C;

/// Whether it reads through the access port, whose address is another one afterwards: the same command again is the
/// next word, and no second look.
fn steps(exchange: &Exchange, probe: &StLink) -> bool {
    let drw = Command::ReadDapReg { port: 0, register: DRW };
    Command::decode(&exchange.command) == drw && probe.dap_place(DRW).1
}

struct Replay<'a> {
    probe: &'a mut StLink,
    strength: Strength,
    story: &'a mut Story,
    out: Replayed,
}

impl Replay<'_> {
    /// A recording that begins in the middle finds the probe connected.
    fn prepare(&mut self, recording: &Recording) {
        let commands = recording.exchanges().into_iter().map(|e| (Command::decode(&e.command), &e.reply));
        let Some((first, reply)) = commands.into_iter().find(|(c, _)| c.is_debug() && !in_any_mode(*c)) else { return };
        let begins = matches!(first, Command::Enter(_) | Command::DriveNrst(_));
        if !begins && !Status::NoDevice.begins(reply) {
            self.probe.command(&Command::Enter(Interface::Swd).encode(), &[]);
            self.out.prepared = Some("the recording begins in the middle: SWD was entered first");
        }
    }

    /// Commands in a row, the first of which has so many before it.
    fn commands(&mut self, exchanges: &[&Exchange], before: usize) {
        let mut at = 0;
        while at < exchanges.len() {
            let (round, rounds) = match self.strength {
                Strength::Strict => (1, 1),
                _ => polling(&exchanges[at..], self.probe),
            };
            let end = at + round * rounds;
            self.rounds(&exchanges[at..end], before + at, round);
            at = end;
        }
    }

    /// An operation of a client that needs no ST-LINK; its number in the recording, from 1.
    fn operate(&mut self, recorded: &Done, number: usize) {
        let Some(got) = recorded.operation.perform(&mut self.probe.target, recorded.by) else { return };
        self.story.push_operation(&got, self.probe);
        self.out.commands += 1;
        let says_nothing = |done: &Done| done.reply.is_empty() && done.failed.is_none();
        if says_nothing(recorded) && says_nothing(&got) || self.operation_is_beside_the_point(recorded, &got) {
            return;
        }
        self.out.compared += 1;
        if (&got.reply, &got.failed) == (&recorded.reply, &recorded.failed) {
            return;
        }
        let part = Some(self.probe.target.chip.part().as_ref());
        let offset = recorded.reply.iter().zip(&got.reply).take_while(|(a, b)| a == b).count();
        let (mut told, mut replayed) = (recorded.describe(part), got.describe(part));
        if told == replayed {
            told += &beside(&recorded.reply, offset);
            replayed += &beside(&got.reply, offset);
        }
        let (command, packet) = (number as u64, recorded.line);
        self.out.divergences.push(Divergence { command, packet, recorded: told, replayed, offset });
    }

    /// Operations that say nothing about what is compared.
    fn operation_is_beside_the_point(&self, recorded: &Done, got: &Done) -> bool {
        match (self.strength, &recorded.operation) {
            (Strength::Polls, Operation::Read { address, .. }) => {
                self.is_identity(*address, &recorded.reply, &got.reply, 0)
            }
            (Strength::Effects, Operation::Read { address, .. }) => !self.is_kept(*address),
            (Strength::Effects, _) => recorded.failed.is_some() || got.failed.is_none(),
            _ => false,
        }
    }

    /// Whether what is there outlasts the power.
    fn is_kept(&self, address: u32) -> bool {
        let part = self.probe.target.chip.part();
        (part.flash.base..part.flash.end()).contains(&address) || part.option_bytes.contains(address)
    }

    /// Polling rounds, or a single command, the first of which is number `at` of the recording, from 0.
    fn rounds(&mut self, exchanges: &[&Exchange], at: usize, round: usize) {
        let last = exchanges.len() - round;
        let mut replies = Vec::new();
        for exchange in exchanges {
            replies.push(self.perform(exchange));
            self.out.commands += 1;
        }
        let wanted = &exchanges[last..];
        let mut got = replies.split_off(last);
        let waits = self.strength != Strength::Strict
            && wanted.iter().all(|e| only_reads(e) && !steps(e, self.probe))
            && wanted.iter().any(|e| self.moves(e));
        if waits && let Some(reached) = self.wait(wanted, &got) {
            got = reached;
        }
        for (n, (exchange, reply)) in wanted.iter().zip(&got).enumerate() {
            self.compare(exchange, reply, (at + last + n) as u64 + 1);
        }
    }

    /// Polls on until the replies are the recorded ones; none where they do not come to it: then the first answers count.
    /// Bits that reading clears are not waited for, and those that were seen meanwhile count as seen.
    fn wait(&mut self, wanted: &[&Exchange], first: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
        let places: Vec<Option<usize>> = wanted.iter().map(|e| self.sticky_byte(e)).collect();
        let mut got = first.to_vec();
        let mut left = ROUNDS;
        loop {
            if alike(wanted, &got, &places) {
                return Some(got);
            }
            if left == 0 || self.out.extra_polls >= PATIENCE {
                return None;
            }
            left -= 1;
            for ((exchange, reply), place) in wanted.iter().zip(&mut got).zip(&places) {
                let seen = place.and_then(|at| reply.get(at).copied()).unwrap_or(0) & (STICKY >> 24) as u8;
                *reply = self.perform(exchange);
                if let Some(byte) = place.and_then(|at| reply.get_mut(at)) {
                    *byte |= seen;
                }
                self.out.extra_polls += 1;
            }
        }
    }

    /// Which byte of the reply has DHCSR's sticky bits.
    fn sticky_byte(&self, exchange: &Exchange) -> Option<usize> {
        match Command::decode(&exchange.command) {
            Command::ReadDebugReg(DHCSR) => Some(7),
            Command::ReadMem(Transfer { address: DHCSR, unit: Unit::Words, .. }) => Some(3),
            Command::ReadDapReg { port: 0, register } if DATA.contains(&register) => {
                (self.probe.dap_place(register).0 == DHCSR).then_some(7)
            }
            _ => None,
        }
    }

    fn perform(&mut self, exchange: &Exchange) -> Vec<u8> {
        let reply = self.probe.command(&exchange.command, &exchange.data);
        let done = Exchange { reply, ..exchange.clone() };
        self.story.push(&done, self.probe);
        done.reply
    }

    /// Whether what it reads may change by itself while one looks.
    fn moves(&self, exchange: &Exchange) -> bool {
        let part = self.probe.target.chip.part();
        let moving = |address: u32| {
            address == DHCSR || part.sram.contains(address) || story::flash_register(part, address).is_some()
        };
        match Command::decode(&exchange.command) {
            Command::GetLastRwStatus | Command::GetLastRwStatus2 => true,
            Command::ReadDebugReg(address) => moving(address),
            Command::ReadMem(Transfer { address, length, unit: Unit::Words, .. }) => length <= 8 && moving(address),
            // The DHCSR by way of the access port.
            Command::ReadDapReg { register, .. } => DATA.contains(&register),
            _ => false,
        }
    }

    fn compare(&mut self, exchange: &Exchange, got: &[u8], command: u64) {
        let wanted = exchange.reply.as_slice();
        if wanted.is_empty() || self.is_beside_the_point(exchange, got) {
            return;
        }
        self.out.compared += 1;
        if got.starts_with(wanted) {
            return;
        }
        let part = Some(self.probe.target.chip.part().as_ref());
        let replayed = Exchange { reply: got.to_vec(), ..exchange.clone() };
        let offset = wanted.iter().zip(got).take_while(|(a, b)| a == b).count();
        let (mut recorded, mut replayed) = (decode::describe(exchange, part), decode::describe(&replayed, part));
        if recorded == replayed {
            recorded += &beside(wanted, offset);
            replayed += &beside(got, offset);
        }
        self.out.divergences.push(Divergence { command, packet: exchange.packet, recorded, replayed, offset });
    }

    /// Replies that say nothing about what is compared.
    fn is_beside_the_point(&self, exchange: &Exchange, got: &[u8]) -> bool {
        let command = Command::decode(&exchange.command);
        match self.strength {
            Strength::Strict => false,
            Strength::Polls => match command {
                Command::GetCurrentMode => true,
                Command::ReadDebugReg(address) => self.is_identity(address, &exchange.reply, got, 4),
                Command::ReadMem(Transfer { address, unit: Unit::Words, .. }) => {
                    self.is_identity(address, &exchange.reply, got, 0)
                }
                _ => tells_of_probe(command),
            },
            Strength::Effects => match command {
                Command::ReadMem(Transfer { address, unit, .. }) if unit.increments() => !self.is_kept(address),
                // A failure that was none before.
                Command::WriteReg { .. }
                | Command::WriteDebugReg { .. }
                | Command::GetLastRwStatus
                | Command::GetLastRwStatus2
                | Command::WriteDapReg { .. } => {
                    !decode::is_ok(&exchange.reply) || got.first() == exchange.reply.first()
                }
                _ => true,
            },
        }
    }

    /// Whether what is read tells which single chip it is, or its revision; the word stands at `at` of the reply.
    fn is_identity(&self, address: u32, recorded: &[u8], got: &[u8], at: usize) -> bool {
        let identity = &self.probe.target.chip.part().identity;
        let dev_id = |reply: &[u8]| decode::u32_at(reply, at).map(|v| v & 0xFFF);
        let revision =
            address == identity.idcode_address && dev_id(recorded).is_some() && dev_id(recorded) == dev_id(got);
        address.wrapping_sub(identity.uid_address) < 12 || revision
    }
}

/// Whether it asks which probe it is, or how it is set up.
const fn tells_of_probe(command: Command) -> bool {
    matches!(
        command,
        Command::GetVersion
            | Command::GetVersionEx
            | Command::GetTargetVoltage
            | Command::GetTraceNb
            | Command::SwdSetFreq(_)
            | Command::JtagSetFreq(_)
            | Command::GetBoardIdentifiers
            | Command::SetComFreq { .. }
            | Command::GetComFreq { .. }
            | Command::ComFreqPrescaler(_)
    )
}

/// Whether the probe answers it out of any mode, chip or not.
const fn in_any_mode(command: Command) -> bool {
    tells_of_probe(command)
        || matches!(
            command,
            Command::Exit
                | Command::GetLastRwStatus
                | Command::GetLastRwStatus2
                | Command::StartTraceRx { .. }
                | Command::StopTraceRx
        )
}

/// The bytes of a reply about the first one that differs.
fn beside(reply: &[u8], offset: usize) -> String {
    let start = offset / BYTES * BYTES;
    let bytes = reply.get(start..reply.len().min(start + BYTES)).unwrap_or_default();
    let from = if start == 0 { String::new() } else { format!(" from {start} on") };
    if bytes.is_empty() { format!(", {} bytes", reply.len()) } else { format!(", bytes{from} {}", hex(bytes)) }
}

/// Whether replies are the recorded ones, but for the bits that reading clears in the bytes at `places`.
fn alike(wanted: &[&Exchange], got: &[Vec<u8>], places: &[Option<usize>]) -> bool {
    wanted.iter().zip(got).zip(places).all(|((exchange, reply), place)| {
        let same =
            |(at, (a, b)): (usize, (&u8, &u8))| a == b || *place == Some(at) && (a ^ b) & !(STICKY >> 24) as u8 == 0;
        reply.len() >= exchange.reply.len() && exchange.reply.iter().zip(reply).enumerate().all(same)
    })
}
