//! What a session comes to: commands and what they did to the chip, in a dozen lines.
//!
//! Commands say what the client wanted; what became of flash and option bytes is seen on the chip. Lines of one kind
//! between a connection and the next are drawn together, so that thirty pages erased are one line.

use super::decode;
use super::operation::{self, Done, Operation};
use super::recording::Exchange;
use super::stlink::command::Nrst;
use super::stlink::{Command, StLink};
use super::target::COMPARATORS;
use crate::cpu::debug::dhcsr::{C_DEBUGEN, C_HALT, C_STEP, DBGKEY, DBGKEY_MASK};
use crate::cpu::debug::{AIRCR, BP_COMP0, BP_STRIDE, DCRDR, DCRSR, DHCSR, aircr, bp_comp, dcrsr, regsel};
use crate::flash::diff::Followed;
use crate::flash::{Cells, Contents, OptionField, interface};
use crate::part::{Kind, Part};
use rangemap::RangeSet;
use serde::Serialize;
use std::fmt::Write;
use std::iter;
use std::ops::Range;
use std::sync::Arc;

/// Reads of flash shorter than this are looks, not a dump.
const DUMP: u32 = 16;

/// A line of the story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The first command that belongs to it, from 1.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// What happened.
    pub text: String,
}

/// Who acted on flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Actor {
    /// The probe, with the core halted.
    Probe,
    /// Code on the chip.
    Core,
}

impl Actor {
    /// Where both had a part in it, the core's is the news.
    fn join(&mut self, other: Actor) {
        if other == Actor::Core {
            *self = other;
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Connect { under_reset: bool },
    Attach(operation::Kind),
    PowerCycle,
    Breakpoints(RangeSet<u32>),
    Halt,
    Run,
    Step,
    Reset(&'static str),
    Unlock,
    UnlockOptions,
    Erase { pages: RangeSet<u32>, by: Actor },
    Load(RangeSet<u32>),
    Program { bytes: RangeSet<u32>, by: Actor, through: Option<u32> },
    Options(String),
    Read(RangeSet<u32>),
    Verify(RangeSet<u32>),
    Failure { count: u32, first: String },
    Leave,
    Detach(operation::Kind),
}

#[derive(Clone, Debug)]
struct Entry {
    first: u64,
    last: u64,
    what: What,
}

/// What an access to the access port did in memory.
enum Access {
    Stored(u32, u32),
    /// So much was read in a row, the last of it now.
    Loaded(Range<u32>),
}

/// The registers of the access port (IHI0031 chapter 8) as far as they tell where an access goes.
#[derive(Default)]
struct AccessPort {
    csw: u32,
    tar: u32,
    loaded: Range<u32>,
}

impl AccessPort {
    fn access(&mut self, register: u16, write: Option<u32>) -> Option<Access> {
        let (address, size) = match (register, write) {
            (0x00, Some(value)) => {
                self.csw = value;
                return None;
            }
            (0x04, Some(value)) => {
                self.tar = value;
                return None;
            }
            (0x0C, _) => (self.tar, 1 << (self.csw & 7).min(2)),
            (0x10..=0x1C, _) => (self.tar & !0xF | u32::from(register) & 0xC, 4),
            _ => return None,
        };
        if register == 0x0C && self.csw >> 4 & 3 != 0 {
            self.tar = self.tar.wrapping_add(size);
        }
        if let Some(value) = write {
            return (size == 4).then_some(Access::Stored(address, value));
        }
        let end = address.saturating_add(size);
        self.loaded = if self.loaded.end == address { self.loaded.start..end } else { address..end };
        Some(Access::Loaded(self.loaded.clone()))
    }
}

/// The chip before a command.
struct Before {
    contents: Contents,
    option_words: Vec<(u32, u32)>,
    options: Vec<OptionField>,
    halted: bool,
}

/// Follows a session.
pub struct Story {
    part: Arc<Part>,
    before: Before,
    entries: Vec<Entry>,
    /// Entries from here on may still grow.
    open: usize,
    commands: u64,
    nrst_low: bool,
    /// Where the client has set the PC to last.
    pc: Option<u32>,
    /// What it has put into DCRDR.
    dcrdr: u32,
    /// Memory as it goes through the registers of the access port.
    port: AccessPort,
    /// Erased or programmed in this session.
    touched: RangeSet<u32>,
}

impl Before {
    fn of(probe: &StLink) -> Before {
        let flash = &probe.target.chip.board.flash;
        Before {
            contents: Contents::of(flash.cells()),
            option_words: flash.option_bytes(),
            options: flash.option_fields(),
            halted: probe.target.is_halted(),
        }
    }
}

impl Story {
    /// Of a session that begins now.
    pub fn new(probe: &StLink) -> Story {
        Story {
            part: Arc::clone(probe.target.chip.part()),
            before: Before::of(probe),
            entries: Vec::new(),
            open: 0,
            commands: 0,
            nrst_low: false,
            pc: None,
            dcrdr: 0,
            port: AccessPort::default(),
            touched: RangeSet::new(),
        }
    }

    /// A command that was just carried out by `probe`.
    pub fn push(&mut self, exchange: &Exchange, probe: &StLink) {
        self.commands += 1;
        self.said(exchange);
        self.done(probe);
    }

    /// An operation that was just carried out at the chip of `probe`.
    pub fn push_operation(&mut self, done: &Done, probe: &StLink) {
        self.commands += 1;
        self.asked(done);
        self.done(probe);
    }

    /// What the operation says.
    fn asked(&mut self, done: &Done) {
        match &done.operation {
            Operation::Attach => self.begin(What::Attach(done.by)),
            Operation::Detach => self.begin(What::Detach(done.by)),
            Operation::Read { address, length } => self.fetched(*address, *length),
            Operation::Write { address, data } => match (breakpoint(*address, data), data.as_slice()) {
                (Some(at), _) => self.note(What::Breakpoints(iter::once(at..at + 1).collect())),
                (None, [a, b, c, d]) => self.stored(*address, u32::from_le_bytes([*a, *b, *c, *d])),
                (None, data) => self.sent(*address, data),
            },
            Operation::WriteRegister { register: regsel::PC, value } => self.pc = Some(*value),
            Operation::Nrst { high: true } => self.begin(What::Reset("by NRST")),
            Operation::PowerCycle { .. } => self.begin(What::PowerCycle),
            _ => {}
        }
        if done.failed.is_some() {
            self.note(What::Failure { count: 1, first: done.describe(Some(&self.part)) });
        }
    }

    /// What the command says.
    fn said(&mut self, exchange: &Exchange) {
        let reply = &exchange.reply;
        let failed = !reply.is_empty() && !decode::is_ok(reply);
        match Command::decode(&exchange.command) {
            Command::Enter(_) => {
                if decode::is_ok(reply) {
                    let under_reset = self.nrst_low;
                    self.begin(What::Connect { under_reset });
                } else {
                    self.failure(exchange);
                }
            }
            Command::Exit => self.begin(What::Leave),
            Command::ResetSys => self.begin(What::Reset("by AIRCR")),
            Command::DriveNrst(Nrst::Low) => self.nrst_low = true,
            Command::DriveNrst(how) => {
                self.nrst_low &= how != Nrst::High;
                self.begin(What::Reset("by NRST"));
            }
            Command::WriteReg { register: regsel::PC, value } => self.pc = Some(value),
            Command::WriteDebugReg { address, value } => {
                self.stored(address, value);
                if !decode::is_ok(reply) {
                    self.failure(exchange);
                }
            }
            Command::WriteMem(t) if t.unit.increments() => self.sent(t.address, &exchange.data),
            Command::ReadMem(t) if t.unit.increments() => self.fetched(t.address, u32::from(t.length)),
            Command::ReadDapReg { port: 0, register } if decode::is_ok(reply) => self.accessed(register, None),
            Command::WriteDapReg { port: 0, register, value } if decode::is_ok(reply) => {
                self.accessed(register, Some(value));
            }
            Command::ReadDebugReg(_)
            | Command::GetLastRwStatus
            | Command::GetLastRwStatus2
            | Command::WriteDapReg { .. }
                if failed =>
            {
                self.failure(exchange);
            }
            _ => {}
        }
    }

    /// A register of access port 0 was read or written.
    fn accessed(&mut self, register: u16, write: Option<u32>) {
        match self.port.access(register, write) {
            Some(Access::Stored(address, value)) => self.stored(address, value),
            Some(Access::Loaded(range)) => self.fetched(range.start, range.end - range.start),
            None => {}
        }
    }

    /// A word goes to a register.
    fn stored(&mut self, address: u32, value: u32) {
        match address {
            DHCSR if value & DBGKEY_MASK == DBGKEY => {
                let what = match (value & C_HALT != 0, value & C_STEP != 0) {
                    (true, _) => What::Halt,
                    (false, true) => What::Step,
                    (false, false) if value & C_DEBUGEN != 0 || self.before.halted => What::Run,
                    (false, false) => return,
                };
                self.note(what);
            }
            AIRCR if value & aircr::SYSRESETREQ != 0 => self.begin(What::Reset("by AIRCR")),
            DCRDR => self.dcrdr = value,
            DCRSR if value == dcrsr::REGWNR | u32::from(regsel::PC) => self.pc = Some(self.dcrdr),
            _ => {
                let registers = interface(self.part.family);
                let ([_, key], [_, option_key]) = (registers.keys, registers.option_keys);
                match flash_register(&self.part, address) {
                    Some(offset) if offset == registers.keyr && value == key => self.note(What::Unlock),
                    Some(offset) if offset == registers.optkeyr && value == option_key => {
                        self.note(What::UnlockOptions);
                    }
                    _ => {}
                }
            }
        }
    }

    /// A block goes to memory.
    fn sent(&mut self, address: u32, data: &[u8]) {
        if let [a, b, c, d] = *data {
            self.stored(address, u32::from_le_bytes([a, b, c, d]));
        }
        let range = address..address.saturating_add(data.len() as u32);
        if self.part.sram.contains(address) && data.len() > 4 {
            self.note(What::Load(RangeSet::from_iter([range])));
        }
    }

    fn fetched(&mut self, address: u32, length: u32) {
        let range = address..address.saturating_add(length);
        if length < DUMP || !(self.part.flash.base..self.part.flash.end()).contains(&address) {
            return;
        }
        let set = RangeSet::from_iter([range.clone()]);
        self.note(if self.touched.overlaps(&range) { What::Verify(set) } else { What::Read(set) });
    }

    fn failure(&mut self, exchange: &Exchange) {
        let first = decode::describe(exchange, Some(&self.part));
        self.note(What::Failure { count: 1, first });
    }

    /// What became of the chip.
    fn done(&mut self, probe: &StLink) {
        let flash = &probe.target.chip.board.flash;
        let halted = probe.target.is_halted();
        let by = if halted && self.before.halted { Actor::Probe } else { Actor::Core };
        self.before.halted = halted;
        self.seen_on_flash(flash.cells(), by);
        if flash.option_bytes() != self.before.option_words {
            self.before.option_words = flash.option_bytes();
            let now = flash.option_fields();
            let fields = self.before.options.iter().zip(&now).filter(|(old, new)| old.stored != new.stored);
            let told: Vec<String> =
                fields.map(|(old, new)| format!("{} {} -> {}", new.name, old.stored, new.stored)).collect();
            self.before.options = now;
            if !told.is_empty() {
                self.begin(What::Options(told.join(", ")));
            }
        }
    }

    /// What became of flash.
    fn seen_on_flash(&mut self, cells: &Cells, by: Actor) {
        let Some(Followed { erased, programmed }) = self.before.contents.follow(cells) else { return };
        let size = cells.page_size();
        if !erased.is_empty() {
            for pages in erased.iter() {
                self.touched.insert(cells.base() + pages.start * size..cells.base() + pages.end * size);
            }
            self.note(What::Erase { pages: erased, by });
        }
        if !programmed.is_empty() {
            self.touched.extend(programmed.iter().cloned());
            let through = self.pc.filter(|pc| by == Actor::Core && self.part.sram.contains(*pc));
            self.note(What::Program { bytes: programmed, by, through });
        }
    }

    /// An entry of its own, which also ends those before it.
    fn begin(&mut self, what: What) {
        // The same once more (a client that asks twice) is no news.
        if let Some(last) = self.entries.last_mut().filter(|l| l.what == what) {
            last.last = self.commands;
            return;
        }
        self.entries.push(Entry { first: self.commands, last: self.commands, what });
        self.open = self.entries.len();
    }

    /// Something that belongs to what was noted of its kind, if that is still open.
    fn note(&mut self, what: What) {
        let open = self.entries.iter_mut().skip(self.open);
        let same = |e: &&mut Entry| std::mem::discriminant(&e.what) == std::mem::discriminant(&what);
        let Some(entry) = open.into_iter().find(same) else {
            self.entries.push(Entry { first: self.commands, last: self.commands, what });
            return;
        };
        entry.last = self.commands;
        match (&mut entry.what, what) {
            (What::Erase { pages: all, by }, What::Erase { pages: more, by: who }) => {
                all.extend(more.iter().cloned());
                by.join(who);
            }
            (What::Program { bytes: all, by, through }, What::Program { bytes: more, by: who, through: place }) => {
                all.extend(more.iter().cloned());
                by.join(who);
                *through = through.or(place);
            }
            (What::Load(all), What::Load(more))
            | (What::Breakpoints(all), What::Breakpoints(more))
            | (What::Read(all), What::Read(more))
            | (What::Verify(all), What::Verify(more)) => all.extend(more.iter().cloned()),
            (What::Failure { count, .. }, What::Failure { .. }) => *count += 1,
            _ => {}
        }
    }

    /// The story so far.
    pub fn lines(&self) -> Vec<Line> {
        self.entries.iter().map(|e| Line { first: e.first, last: e.last, text: self.tell(&e.what) }).collect()
    }

    fn tell(&self, what: &What) -> String {
        let flash = &self.part.flash;
        match what {
            What::Connect { under_reset: true } => "connects over SWD, NRST low".to_owned(),
            What::Connect { under_reset: false } => "connects over SWD".to_owned(),
            What::Attach(by) => format!("{by} attaches"),
            What::Detach(by) => format!("{by} detaches"),
            What::PowerCycle => "switches the power off and on".to_owned(),
            What::Breakpoints(places) => {
                let each: Vec<String> = places.iter().flat_map(Clone::clone).map(|at| format!("0x{at:08X}")).collect();
                format!("sets breakpoints at {}", listed(&each))
            }
            What::Halt => "halts the core".to_owned(),
            What::Run => "lets the core run".to_owned(),
            What::Step => "single steps".to_owned(),
            What::Reset(how) => format!("resets the chip {how}"),
            What::Unlock => "unlocks the flash".to_owned(),
            What::UnlockOptions => "unlocks the option bytes".to_owned(),
            What::Erase { pages, by } => {
                let count: u32 = pages.iter().map(|r| r.len() as u32).sum();
                if count == flash.pages() {
                    return format!("erases all {count} pages{}", actor(*by, ""));
                }
                let each = pages.iter().map(|r| match r.len() {
                    1 => format!("page {}", r.start),
                    _ => format!("pages {} to {}", r.start, r.end - 1),
                });
                let each: Vec<String> = each.collect();
                format!("erases {}{}", listed(&each), actor(*by, ""))
            }
            What::Load(bytes) => format!("puts code and data into SRAM at {}", spans(bytes)),
            What::Program { bytes, by, through } => {
                let through = through.map_or_else(String::new, |pc| format!(" in SRAM at 0x{pc:08X}"));
                format!("programs {}{}", spans(&joined(bytes)), actor(*by, &through))
            }
            What::Options(told) => format!("changes option bytes: {told}"),
            What::Read(bytes) => format!("reads {}", spans(bytes)),
            What::Verify(bytes) => format!("reads back {}", spans(bytes)),
            What::Failure { count: 1, first } => format!("one command fails: {first}"),
            What::Failure { count, first } => format!("{count} commands fail, the first: {first}"),
            What::Leave => "leaves debug mode".to_owned(),
        }
    }
}

/// Where a store of a client that needs no ST-LINK sets a breakpoint: in a comparator, or by `bkpt` in SRAM.
fn breakpoint(address: u32, data: &[u8]) -> Option<u32> {
    match *data {
        [a, b, c, d] if address.wrapping_sub(BP_COMP0) < COMPARATORS as u32 * BP_STRIDE => {
            let value = u32::from_le_bytes([a, b, c, d]);
            let upper = if value & bp_comp::MATCH_UPPER != 0 { 2 } else { 0 };
            (value & bp_comp::ENABLE != 0).then_some(value & bp_comp::COMP_MASK | upper)
        }
        [0x00, 0xBE] => Some(address),
        _ => None,
    }
}

/// The offset of a register of the flash interface.
pub(super) fn flash_register(part: &Part, address: u32) -> Option<u32> {
    let block = part.peripherals.iter().find(|p| matches!(p.kind, Kind::FlashF0 | Kind::FlashG0))?;
    Some(address.wrapping_sub(block.base)).filter(|offset| *offset < block.size)
}

fn actor(by: Actor, place: &str) -> String {
    match by {
        Actor::Probe => String::new(),
        Actor::Core => format!(" by code on the chip{place}"),
    }
}

/// Bytes that are FF are no gap: programming them changes nothing that could be seen.
fn joined(bytes: &RangeSet<u32>) -> RangeSet<u32> {
    const GAP: u32 = 64;
    let mut all: Vec<Range<u32>> = Vec::new();
    for range in bytes.iter() {
        match all.last_mut().filter(|l| range.start - l.end < GAP) {
            Some(last) => last.end = range.end,
            None => all.push(range.clone()),
        }
    }
    all.into_iter().collect()
}

fn spans(bytes: &RangeSet<u32>) -> String {
    let each: Vec<String> = bytes.iter().map(|r| format!("0x{:08X}..0x{:08X}", r.start, r.end - 1)).collect();
    listed(&each)
}

/// The first few of a list, and how many more.
fn listed(each: &[String]) -> String {
    const SHOWN: usize = 4;
    let mut text = each.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if each.len() > SHOWN {
        let _ = write!(text, " and {} more", each.len() - SHOWN);
    }
    text
}
