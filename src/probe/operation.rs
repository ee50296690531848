//! What a client does at the chip with no ST-LINK between: operations on the debug [`Target`], each of which can be
//! recorded and carried out once more.
//!
//! An [`Operator`] is what such a client gets in place of the target: whatever may change the chip goes through it, and
//! is told to who watches. gdb's server works so; another kind of probe can.

use super::debug_event::DebugEvent;
use super::decode::named;
use super::recording::{from_hex, hex};
use super::target::Target;
use crate::bus::{BusFault, Width, fault};
use crate::chip::program::{self, ProgramError};
use crate::chip::{Chip, Halt};
use crate::part::Part;
use crate::time::Time;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;

/// By what a client comes to the chip, where that is no ST-LINK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The server for gdb.
    Gdb,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Gdb => f.write_str("gdb"),
        }
    }
}

/// An operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Operation {
    /// A client comes. Fails where nobody answers at the debug port.
    Attach,
    /// It goes.
    Detach,
    /// A load through the debug port, by accesses as wide as address and length allow. Replies with the bytes up to the
    /// first that the bus refuses.
    Read {
        /// Where it begins.
        #[serde(with = "address")]
        address: u32,
        /// Bytes.
        length: u32,
    },
    /// A store through the debug port, likewise.
    Write {
        /// Where it begins.
        #[serde(with = "address")]
        address: u32,
        /// The bytes.
        #[serde(with = "bytes")]
        data: Vec<u8>,
    },
    /// A core register by its number in DCRSR. Replies with its four bytes.
    ReadRegister {
        /// Its number.
        register: u8,
    },
    /// A core register is set.
    WriteRegister {
        /// Its number.
        register: u8,
        /// What it is to hold.
        #[serde(with = "address")]
        value: u32,
    },
    /// The core gets time. Replies with the PC's four bytes where it stands then.
    Run {
        /// Cycles of the core's clock.
        cycles: u64,
        /// How often in a row, each time from where the one before ended.
        #[serde(default = "once", skip_serializing_if = "is_once")]
        times: u64,
    },
    /// The reset pin.
    Nrst {
        /// Let go, or pulled low.
        high: bool,
    },
    /// Power off and on, with nobody at the debug port.
    PowerCycle {
        /// What decides SRAM's contents.
        seed: u64,
    },
    /// The core runs with nobody at the debug port, until it comes into an area. Replies with the PC's four bytes.
    RunInto {
        /// The area's first address.
        #[serde(with = "address")]
        first: u32,
        /// Its last one.
        #[serde(with = "address")]
        last: u32,
        /// Microseconds, at most; from each reset on anew.
        micros: u64,
        /// Resets, at most.
        resets: u64,
    },
    /// The pages of flash that an area touches are erased.
    Erase {
        /// The area's first address.
        #[serde(with = "address")]
        first: u32,
        /// Its last one.
        #[serde(with = "address")]
        last: u32,
    },
    /// Flash is programmed and read back.
    Program {
        /// What, and where.
        blocks: Vec<Block>,
    },
}

/// Bytes to be programmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Where they go.
    #[serde(with = "address")]
    pub address: u32,
    /// The bytes.
    #[serde(with = "bytes")]
    pub data: Vec<u8>,
}

/// An operation that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// Microseconds since power-on, afterwards.
    pub at: u64,
    /// Who did it.
    pub by: Kind,
    /// What was done.
    pub operation: Operation,
    /// What came back; empty where nothing did.
    pub reply: Vec<u8>,
    /// Why it, or the rest of it, was not done.
    pub failed: Option<String>,
    /// The number of its line in the file that it was read from, from 1.
    pub line: Option<u64>,
}

/// Where and why a store was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The access that failed; those before it were made.
    pub address: u32,
    /// What the bus says.
    pub fault: BusFault,
}

/// The debug target, for a client whose operations are watched.
pub struct Operator<'a> {
    target: &'a mut Target,
    by: Kind,
    seen: &'a mut dyn FnMut(Done),
}

impl<'a> Operator<'a> {
    /// For a client that comes by `by`; `seen` is told what it does.
    pub fn new(target: &'a mut Target, by: Kind, seen: &'a mut dyn FnMut(Done)) -> Operator<'a> {
        Operator { target, by, seen }
    }

    /// The chip, to be looked at.
    pub const fn chip(&self) -> &Chip {
        &self.target.chip
    }

    /// Whether the core is in debug state.
    pub const fn is_halted(&self) -> bool {
        self.target.is_halted()
    }

    /// What happened since the last call ([`Target::take_debug_events`]).
    pub fn take_debug_events(&mut self) -> Vec<DebugEvent> {
        self.target.take_debug_events()
    }

    /// What broke inside dryflash, once: a bug.
    pub const fn take_broken(&mut self) -> Option<String> {
        self.target.take_broken()
    }

    fn done(&mut self, operation: Operation, reply: Vec<u8>, failed: Option<String>) {
        let at = self.target.chip.now().time.as_micros();
        (self.seen)(Done { at, by: self.by, operation, reply, failed, line: None });
    }

    /// The client comes. Whether the debug port answers.
    pub fn attach(&mut self) -> bool {
        let answers = self.target.is_reachable();
        self.done(Operation::Attach, Vec::new(), (!answers).then(|| "nobody answers at the debug port".to_owned()));
        answers
    }

    /// The client goes.
    pub fn detach(&mut self) {
        self.done(Operation::Detach, Vec::new(), None);
    }

    /// The bytes from `address` on, up to the first that the bus refuses, and why it does. By the widest accesses that
    /// fit, so that registers see whole words.
    pub fn read(&mut self, address: u32, length: u32) -> (Vec<u8>, Option<BusFault>) {
        let mut bytes = Vec::new();
        let mut failed = None;
        while failed.is_none()
            && let left = length as usize - bytes.len()
            && left > 0
            && let Some(at) = address.checked_add(bytes.len() as u32)
        {
            let width = widest(at, left);
            match self.target.read(at, width) {
                Ok(value) => bytes.extend(&value.to_le_bytes()[..width.bytes() as usize]),
                Err(fault) => failed = Some(fault),
            }
        }
        self.done(Operation::Read { address, length }, bytes.clone(), failed.map(|f| f.reason.to_owned()));
        (bytes, failed)
    }

    /// Stores bytes, likewise.
    ///
    /// # Errors
    /// The bus refuses one, or addresses come to their end.
    pub fn write(&mut self, address: u32, data: &[u8]) -> Result<(), Refused> {
        let mut written = 0;
        let mut result = Ok(());
        while result.is_ok() && written < data.len() {
            let Some(at) = address.checked_add(written as u32) else {
                result = Err(Refused { address: u32::MAX, fault: fault("nothing is there") });
                break;
            };
            let width = widest(at, data.len() - written);
            let own = &data[written..written + width.bytes() as usize];
            let value = own.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte));
            result = self.target.write(at, width, value).map_err(|fault| Refused { address: at, fault });
            written += own.len();
        }
        let failed = result.err().map(|r| format!("0x{:08X}: {}", r.address, r.fault.reason));
        self.done(Operation::Write { address, data: data.to_vec() }, Vec::new(), failed);
        result
    }

    /// A core register by its number in DCRSR; 0 where the core runs.
    pub fn register(&mut self, register: u8) -> u32 {
        let value = self.target.register(u32::from(register));
        self.done(Operation::ReadRegister { register }, value.to_le_bytes().to_vec(), None);
        value
    }

    /// Sets a core register of a halted core.
    pub fn set_register(&mut self, register: u8, value: u32) {
        self.target.set_register(u32::from(register), value);
        self.done(Operation::WriteRegister { register, value }, Vec::new(), None);
    }

    /// Lets the core run for so many cycles, or until it halts ([`Target::run`]).
    pub fn run(&mut self, cycles: u64) {
        self.run_often(cycles, 1);
    }

    /// As [`Operator::run`], so often in a row.
    fn run_often(&mut self, cycles: u64, times: u64) {
        for _ in 0..times {
            self.target.run(cycles);
            if self.is_halted() {
                break;
            }
        }
        let pc = if self.is_halted() { self.pc() } else { Vec::new() };
        self.done(Operation::Run { cycles, times }, pc, None);
    }

    /// Pulls NRST low, or lets it go.
    pub fn set_nrst(&mut self, high: bool) {
        self.target.set_nrst(high);
        self.done(Operation::Nrst { high }, Vec::new(), None);
    }

    /// Switches the power off and on ([`Target::power_cycle`]).
    pub fn power_cycle(&mut self, seed: u64) {
        self.target.power_cycle(seed);
        self.done(Operation::PowerCycle { seed }, Vec::new(), None);
    }

    /// Lets the core run until it comes into `area`, for `limit` from the last reset on, and through so many resets at
    /// most.
    pub fn run_into(&mut self, area: Range<u32>, limit: Time, most_resets: usize) {
        let stop = area.clone();
        self.run_into_by(area, limit, most_resets, |chip| {
            chip.stop_inside(std::slice::from_ref(&stop));
            let mut resets = 0;
            while let Halt::Reset(_) = chip.run(limit) {
                resets += 1;
                if resets >= most_resets {
                    break;
                }
            }
            chip.stop_inside(&[]);
        });
    }

    /// As [`Operator::run_into`], by `run`, which has to come to the same, and may see more of the chip on the way.
    pub fn run_into_by<T>(
        &mut self,
        area: Range<u32>,
        limit: Time,
        most_resets: usize,
        run: impl FnOnce(&mut Chip) -> T,
    ) -> T {
        let seen = run(&mut self.target.chip);
        let (last, resets) = (area.end.saturating_sub(1), most_resets as u64);
        let operation = Operation::RunInto { first: area.start, last, micros: limit.as_micros(), resets };
        let pc = self.pc();
        self.done(operation, pc, None);
        seen
    }

    /// Erases the pages of flash that `area` touches. How many.
    ///
    /// # Errors
    /// As for [`program::erase`].
    pub fn erase(&mut self, area: Range<u32>) -> Result<usize, ProgramError> {
        let result = program::erase(&mut self.target.chip, area.clone());
        let operation = Operation::Erase { first: area.start, last: area.end.saturating_sub(1) };
        self.done(operation, Vec::new(), result.as_ref().err().map(ProgramError::to_string));
        result
    }

    /// Programs flash, and reads it back. Bytes written.
    ///
    /// # Errors
    /// As for [`program::write`].
    pub fn program(&mut self, blocks: Vec<(u32, Vec<u8>)>) -> Result<u32, ProgramError> {
        let result = program::write(&mut self.target.chip, &blocks);
        let blocks = blocks.into_iter().map(|(address, data)| Block { address, data }).collect();
        self.done(Operation::Program { blocks }, Vec::new(), result.as_ref().err().map(ProgramError::to_string));
        result
    }

    fn pc(&self) -> Vec<u8> {
        self.chip().registers().pc.to_le_bytes().to_vec()
    }
}

/// The most cycles that one operation may last: some hours of the fastest part.
const MOST_CYCLES: u64 = 1 << 40;
/// The most microseconds and resets to wait through for an area.
const LONGEST_WAIT: u64 = 60_000_000;
const MOST_RESETS: u64 = 1_000;
/// The most bytes that one operation may read.
const MOST_BYTES: u32 = 1 << 20;

impl Operation {
    /// Refuses what no session holds, and what could not be carried out in a while.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Operation::Read { length, .. } if *length > MOST_BYTES => {
                Err(format!("`length`: {length} bytes in one operation; {MOST_BYTES} is the most"))
            }
            Operation::Run { cycles, times } if cycles.checked_mul(*times).is_none_or(|all| all > MOST_CYCLES) => {
                Err(format!("`cycles`: {cycles} of them {times} times is longer than any session"))
            }
            Operation::RunInto { first, last, .. } | Operation::Erase { first, last } if last < first => {
                Err(format!("the area ends at 0x{last:08X}, before it begins at 0x{first:08X}"))
            }
            Operation::RunInto { micros, .. } if *micros > LONGEST_WAIT => {
                Err(format!("`micros`: {micros} is longer than any wait; {LONGEST_WAIT} is the most"))
            }
            Operation::RunInto { resets, .. } if *resets > MOST_RESETS => {
                Err(format!("`resets`: {resets} of them; {MOST_RESETS} is the most"))
            }
            Operation::Program { blocks } => {
                let mut end = 0;
                for block in blocks {
                    let start = u64::from(block.address);
                    if start < end {
                        return Err(format!("`blocks`: that at 0x{start:08X} begins before the end of the one before"));
                    }
                    end = start + block.data.len() as u64;
                }
                match end > 1 << 32 {
                    true => Err("`blocks`: the last one ends past the last address".to_owned()),
                    false => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Carries it out once more.
    pub fn perform(&self, target: &mut Target, by: Kind) -> Option<Done> {
        let mut result = None;
        let mut seen = |done| result = Some(done);
        let mut operator = Operator::new(target, by, &mut seen);
        match self {
            Operation::Attach => {
                operator.attach();
            }
            Operation::Detach => operator.detach(),
            Operation::Read { address, length } => {
                operator.read(*address, *length);
            }
            Operation::Write { address, data } => {
                let _ = operator.write(*address, data);
            }
            Operation::ReadRegister { register } => {
                operator.register(*register);
            }
            Operation::WriteRegister { register, value } => operator.set_register(*register, *value),
            Operation::Run { cycles, times } => operator.run_often(*cycles, *times),
            Operation::Nrst { high } => operator.set_nrst(*high),
            Operation::PowerCycle { seed } => operator.power_cycle(*seed),
            Operation::RunInto { first, last, micros, resets } => {
                let area = *first..last.saturating_add(1);
                operator.run_into(area, Time::from_micros(*micros), usize::try_from(*resets).unwrap_or(usize::MAX));
            }
            Operation::Erase { first, last } => {
                let _ = operator.erase(*first..last.saturating_add(1));
            }
            Operation::Program { blocks } => {
                let _ = operator.program(blocks.iter().map(|b| (b.address, b.data.clone())).collect());
            }
        }
        result
    }
}

impl Done {
    /// Takes the next operation in, where it is more of the same: a core that runs on. Whether it did.
    pub fn join(&mut self, next: &Done) -> bool {
        let (Operation::Run { cycles, times }, Operation::Run { cycles: more, times: often }) =
            (&mut self.operation, &next.operation)
        else {
            return false;
        };
        if cycles != more || self.by != next.by || !self.reply.is_empty() {
            return false;
        }
        *times += often;
        (self.at, self.reply) = (next.at, next.reply.clone());
        true
    }

    /// In words, as ST-LINK commands are told ([`super::decode::describe`]).
    pub fn describe(&self, part: Option<&Part>) -> String {
        let place = |address, length: usize| match length {
            4 => named(address, part),
            _ => format!("0x{address:08X}, {length} bytes"),
        };
        let told = match &self.operation {
            Operation::Attach => format!("{} attaches", self.by),
            Operation::Detach => format!("{} detaches", self.by),
            Operation::Read { address, length } => {
                format!("read {} -> {}", place(*address, *length as usize), value(&self.reply))
            }
            Operation::Write { address, data } => format!("write {} <- {}", place(*address, data.len()), value(data)),
            Operation::ReadRegister { register } => {
                format!("read register {} -> {}", super::decode::core_register(*register), value(&self.reply))
            }
            Operation::WriteRegister { register, value } => {
                format!("write register {} <- 0x{value:08X}", super::decode::core_register(*register))
            }
            Operation::Run { cycles, times } => {
                let often = if *times == 1 { String::new() } else { format!("{times} times ") };
                let halted = match self.reply.as_slice() {
                    [] => String::new(),
                    pc => format!(" -> halted at {}", value(pc)),
                };
                format!("run for {often}{cycles} cycles{halted}")
            }
            Operation::Nrst { high } => format!("NRST {}", if *high { "high" } else { "low" }),
            Operation::PowerCycle { .. } => "power off and on".to_owned(),
            Operation::RunInto { first, last, .. } => {
                format!("run into 0x{first:08X}..0x{last:08X} -> PC {}", value(&self.reply))
            }
            Operation::Erase { first, last } => format!("erase 0x{first:08X}..0x{last:08X}"),
            Operation::Program { blocks } => {
                let each: Vec<String> =
                    blocks.iter().map(|b| format!("0x{:08X}, {} bytes", b.address, b.data.len())).collect();
                format!("program {}", each.join("; "))
            }
        };
        let failed = self.failed.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
        told + &failed
    }
}

const fn once() -> u64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_once(times: &u64) -> bool {
    *times == 1
}

/// A word as a number, other bytes as bytes.
fn value(bytes: &[u8]) -> String {
    match bytes.try_into() {
        Ok(word) => format!("0x{:08X}", u32::from_le_bytes(word)),
        Err(_) => super::decode::bytes(bytes),
    }
}

/// The widest access that `address` and `left` bytes allow.
const fn widest(address: u32, left: usize) -> Width {
    if address.is_multiple_of(4) && left >= 4 {
        Width::Word
    } else if address.is_multiple_of(2) && left >= 2 {
        Width::Half
    } else {
        Width::Byte
    }
}

/// Addresses as `0x08001ABC`.
mod address {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub fn serialize<S: Serializer>(address: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("0x{address:08X}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        let text = String::deserialize(from)?;
        let digits = text.strip_prefix("0x").filter(|digits| !digits.starts_with('+'));
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        number.ok_or_else(|| D::Error::custom(format!("'{text}' is no address such as 0x08001ABC")))
    }
}

/// Bytes as hex.
mod bytes {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::hex(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        super::from_hex(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::part;
    use proptest::prelude::*;

    fn done(operation: Operation, reply: &[u8]) -> Done {
        Done { at: 0, by: Kind::Gdb, operation, reply: reply.to_vec(), failed: None, line: None }
    }

    #[test]
    fn a_core_that_runs_on_is_one_operation() {
        let run = |reply: &[u8]| done(Operation::Run { cycles: 100, times: 1 }, reply);
        let mut first = run(&[]);
        assert!(first.join(&run(&[])) && first.join(&run(&[4, 0, 0, 8])));
        assert_eq!(first, done(Operation::Run { cycles: 100, times: 3 }, &[4, 0, 0, 8]));
        assert!(!first.join(&run(&[])), "it stood");
        assert!(!run(&[]).join(&done(Operation::Run { cycles: 99, times: 1 }, &[])), "other slices");
        assert!(!run(&[]).join(&done(Operation::Detach, &[])));
    }

    #[test]
    fn what_is_done_is_told_and_done_once_more() {
        let target = || {
            let mut chip = Chip::new(&part::find("F051").unwrap(), 1).unwrap();
            chip.power_on();
            Target::new(chip)
        };
        let mut told = Vec::new();
        let mut first = target();
        let mut seen = |done| told.push(done);
        let mut operator = Operator::new(&mut first, Kind::Gdb, &mut seen);
        assert!(operator.attach());
        operator.write(0xE000_EDF0, &0xA05F_0003_u32.to_le_bytes()).unwrap();
        operator.write(0x2000_0001, &[1, 2, 3, 4, 5]).unwrap();
        assert_eq!(operator.read(0x2000_0001, 5), (vec![1, 2, 3, 4, 5], None));
        // The bus ends behind SRAM: what is before it comes.
        let (bytes, fault) = operator.read(0x2000_1FFC, 8);
        assert!(bytes.len() == 4 && fault.is_some());
        assert_eq!(operator.write(0x2000_1FFC, &[0; 8]).unwrap_err().address, 0x2000_2000);
        operator.set_register(0, 42);
        assert_eq!(operator.register(0), 42);
        assert_eq!(operator.erase(0x0800_0000..0x0800_0400).unwrap(), 1);
        operator.program(vec![(0x0800_0000, vec![0x11, 0x22])]).unwrap();
        assert_eq!(told.len(), 10);
        let mut second = target();
        for done in &told {
            assert_eq!(done.operation.perform(&mut second, Kind::Gdb).as_ref(), Some(done));
        }
        assert_eq!(second.chip.board.flash.non_volatile().digest(), first.chip.board.flash.non_volatile().digest());
    }

    #[test]
    fn what_no_session_holds_is_refused() {
        let block = |address, length| Block { address, data: vec![0; length] };
        for (operation, what) in [
            (Operation::Read { address: 0, length: MOST_BYTES + 1 }, "`length`"),
            (Operation::Run { cycles: u64::MAX, times: 2 }, "`cycles`"),
            (Operation::Run { cycles: MOST_CYCLES, times: 2 }, "`cycles`"),
            (Operation::Erase { first: 0x0800_0400, last: 0x0800_03FF }, "0x080003FF, before"),
            (Operation::RunInto { first: 0, last: 1, micros: LONGEST_WAIT + 1, resets: 1 }, "`micros`"),
            (Operation::RunInto { first: 0, last: 1, micros: 1, resets: u64::MAX }, "`resets`"),
            (Operation::Program { blocks: vec![block(0x0800_0010, 4), block(0x0800_0012, 4)] }, "that at 0x08000012"),
            (Operation::Program { blocks: vec![block(u32::MAX, 4)] }, "past the last address"),
        ] {
            let told = operation.check().unwrap_err();
            assert!(told.contains(what), "{told}");
        }
        assert_eq!(Operation::Program { blocks: vec![block(0x0800_0010, 4), block(0x0800_0014, 4)] }.check(), Ok(()));
    }

    /// Anything that a file may hold.
    fn any_operation() -> impl Strategy<Value = Operation> {
        let address = || {
            prop_oneof![any::<u32>(), 0x0800_0000..0x0800_9000u32, 0x1FFF_F000..=u32::MAX, 0x2000_0000..0x2000_3000u32]
        };
        let data = || proptest::collection::vec(any::<u8>(), 0..20);
        let blocks =
            proptest::collection::vec((address(), data()).prop_map(|(address, data)| Block { address, data }), 0..3);
        prop_oneof![
            Just(Operation::Attach),
            Just(Operation::Detach),
            (address(), 0..300u32).prop_map(|(address, length)| Operation::Read { address, length }),
            (address(), data()).prop_map(|(address, data)| Operation::Write { address, data }),
            any::<u8>().prop_map(|register| Operation::ReadRegister { register }),
            (any::<u8>(), any::<u32>()).prop_map(|(register, value)| Operation::WriteRegister { register, value }),
            (0..5_000u64, 0..3u64).prop_map(|(cycles, times)| Operation::Run { cycles, times }),
            any::<bool>().prop_map(|high| Operation::Nrst { high }),
            any::<u64>().prop_map(|seed| Operation::PowerCycle { seed }),
            (address(), address(), 0..100u64, 0..3u64).prop_map(|(first, last, micros, resets)| Operation::RunInto {
                first,
                last,
                micros,
                resets
            }),
            (address(), address()).prop_map(|(first, last)| Operation::Erase { first, last }),
            blocks.prop_map(|blocks| Operation::Program { blocks }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn nothing_that_a_file_holds_makes_it_panic(operations in proptest::collection::vec(any_operation(), 0..12)) {
            for name in ["F051", "G071"] {
                let mut chip = Chip::new(&part::find(name).unwrap(), 1).unwrap();
                chip.power_on();
                let mut target = Target::new(chip);
                for operation in operations.iter().filter(|o| o.check().is_ok()) {
                    let done = operation.perform(&mut target, Kind::Gdb).unwrap();
                    prop_assert!(!done.describe(None).is_empty());
                }
            }
        }
    }
}
