//! What a check records beside its verdict: instructions, and lines over time; and which of them are wanted.

use super::check::CheckError;
use crate::chip::Chip;
use crate::chip::recorder::{Keep, Kind, Only, Record, Recorder};
use crate::chip::scope::{Line, Value};
use crate::part::{self, Part};
use crate::periph::syscfg::f0::COMP_CSR;
use crate::time::Time;
use std::ops::Range;
use std::str::FromStr;

/// What is to be recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Instructions: which, and how many at most in all power-ups together; each of them has an equal share.
    pub steps: Option<(Vec<Filter>, usize)>,
    /// Pins, clock, flash and resets over time.
    pub lines: bool,
}

/// What was recorded of one power-up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// What happened, in order.
    pub records: Vec<Record>,
    /// More happened that is not in them.
    pub cut_off: bool,
    /// What stood on the lines; each begins with a change.
    pub lines: Vec<(Time, Line, Value)>,
}

/// One thing that `--trace-only` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// From the first address to before the second.
    Addresses(Range<u32>),
    /// A block's registers, by its name.
    Block(String),
    /// A kind.
    Kind(Kind),
    /// From the first instant to before the second.
    Times(Range<Time>),
}

/// `0x08001000-0x08001FFF`, `0x40021000`, `RCC`, `stores`, `10ms-12ms`.
impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Filter, String> {
        let kind = match text {
            "code" => Some(Kind::Code),
            "loads" => Some(Kind::Loads),
            "stores" => Some(Kind::Stores),
            "exceptions" => Some(Kind::Exceptions),
            _ => None,
        };
        if let Some(kind) = kind {
            return Ok(Filter::Kind(kind));
        }
        let ends = text.split_once('-');
        if text.starts_with("0x") {
            let (first, last) = match ends {
                Some((first, last)) => (address(first)?, address(last)?),
                // The word at it.
                None => (address(text)?, address(text)?.saturating_add(3)),
            };
            if last < first {
                return Err(format!("0x{last:08X} is before 0x{first:08X}"));
            }
            return Ok(Filter::Addresses(first..last.saturating_add(1)));
        }
        match ends {
            Some((from, until)) if from.starts_with(|c: char| c.is_ascii_digit()) => {
                let (from, until) = (Time::parse_with_unit(from)?, Time::parse_with_unit(until)?);
                if until <= from {
                    return Err(format!("{until} is not after {from}"));
                }
                Ok(Filter::Times(from..until))
            }
            None if !text.is_empty()
                && text.chars().all(|c| c.is_ascii_alphanumeric())
                && !text.starts_with(|c: char| c.is_ascii_digit()) =>
            {
                Ok(Filter::Block(text.to_ascii_uppercase()))
            }
            _ => {
                Err("it is an address or a range of them (0x08001000-0x08001FFF), a block (RCC), a kind (code, loads, \
                      stores, exceptions) or times (10ms-12ms)"
                    .to_owned())
            }
        }
    }
}

fn address(text: &str) -> Result<u32, String> {
    let digits = text.strip_prefix("0x").filter(|d| d.chars().all(|c| c.is_ascii_hexdigit()));
    digits
        .and_then(|d| u32::from_str_radix(d, 16).ok())
        .ok_or_else(|| format!("'{text}' is no address; one is 0x and up to eight hexadecimal digits"))
}

/// The core's own blocks (DDI0419 B3.2, B3.3, B3.4).
const CORE: [(&str, Range<u32>); 3] =
    [("SysTick", 0xE000_E010..0xE000_E020), ("NVIC", 0xE000_E100..0xE000_E4F0), ("SCB", 0xE000_ED00..0xE000_ED90)];

/// The part's blocks and the core's, with their addresses.
fn blocks(part: &Part) -> impl Iterator<Item = (&str, Range<u32>)> {
    let own = part.peripherals.iter().map(|p| (p.name.as_str(), p.base..p.base + p.size));
    // The F05x's comparators have a word of SYSCFG (RM0091 15.5).
    let comparators = part.peripherals.iter().filter(|p| p.kind == part::Kind::SyscfgF0 && p.comparators > 0);
    let comparators = comparators.map(|p| ("COMP", p.base + COMP_CSR..p.base + COMP_CSR + 4));
    own.chain(comparators).chain(CORE)
}

impl Wish {
    /// What a recorder is to keep on this part: what filters of one sort say is joined, and those of different sorts have to
    /// agree.
    ///
    /// # Errors
    /// The part has no such block.
    fn only(filters: &[Filter], part: &Part) -> Result<Only, CheckError> {
        let mut only = Only::default();
        for filter in filters {
            match filter {
                Filter::Addresses(range) => only.ranges.push(range.clone()),
                Filter::Block(name) => {
                    let block = blocks(part).find(|(known, _)| known.eq_ignore_ascii_case(name)).ok_or_else(|| {
                        let known: Vec<&str> = blocks(part).map(|(known, _)| known).collect();
                        CheckError::NoBlock {
                            name: name.clone(),
                            part: part.nick().to_owned(),
                            known: known.join(", "),
                        }
                    })?;
                    only.ranges.push(block.1);
                }
                Filter::Kind(kind) => only.kinds.push(*kind),
                Filter::Times(times) => only.times.push(times.clone()),
            }
        }
        Ok(only)
    }

    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        *self == Wish::default()
    }

    /// Begins to record a power-up, one of so many.
    ///
    /// # Errors
    /// The part has no block of that name.
    pub(super) fn begin(&self, chip: &mut Chip, of: usize) -> Result<(), CheckError> {
        if let Some((filters, most)) = &self.steps {
            let only = Wish::only(filters, chip.part())?;
            chip.record(Recorder::new(only, Keep::First(most / of.max(1))));
        }
        if self.lines {
            chip.board.put_scope();
        }
        Ok(())
    }

    /// What was recorded since; none where nothing is wanted.
    pub(super) fn end(&self, chip: &mut Chip) -> Option<Recording> {
        if self.is_empty() {
            return None;
        }
        let (records, cut_off) = chip.take_recorder().map(Recorder::into_records).unwrap_or_default();
        let now = chip.now();
        let lines = chip.board.take_scope(now).map(|s| s.into_changes()).unwrap_or_default();
        Some(Recording { records, cut_off, lines })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_those_of_part_and_core() {
        let ranges = |part: &str, word: &str| {
            let part = part::find(part).unwrap();
            Wish::only(&[word.parse().unwrap()], &part).map(|only| only.ranges[0].clone())
        };
        assert_eq!(ranges("F051", "rcc").unwrap(), 0x4002_1000..0x4002_1400);
        assert_eq!(ranges("F051", "SysTick").unwrap(), 0xE000_E010..0xE000_E020);
        assert_eq!(ranges("G071", "nvic").unwrap().start, 0xE000_E100);
        assert_eq!(ranges("G071", "SCB").unwrap().start, 0xE000_ED00);
        assert_eq!(ranges("F051", "COMP").unwrap(), 0x4001_001C..0x4001_0020);
        assert_eq!(ranges("G071", "COMP").unwrap(), 0x4001_0200..0x4001_0400);
        let error = ranges("F031", "COMP").unwrap_err().to_string();
        assert!(error.contains("has no block COMP") && error.contains(", SysTick, NVIC, SCB"), "{error}");
    }

    #[test]
    fn filters_are_read() {
        let read = |text: &str| text.parse::<Filter>();
        assert_eq!(read("0x08001000-0x08001FFF"), Ok(Filter::Addresses(0x0800_1000..0x0800_2000)));
        assert_eq!(read("0x40021000"), Ok(Filter::Addresses(0x4002_1000..0x4002_1004)));
        assert_eq!(read("rcc"), Ok(Filter::Block("RCC".into())));
        assert_eq!(read("stores"), Ok(Filter::Kind(Kind::Stores)));
        assert_eq!(read("10ms-12500us"), Ok(Filter::Times(Time::from_millis(10)..Time::from_micros(12_500))));
        for (text, lacks) in [
            ("", "it is an address"),
            ("0x", "is no address"),
            ("0x123456789", "is no address"),
            ("0x+1", "is no address"),
            ("0x20-0x10", "is before"),
            ("0x20-30", "is no address"),
            ("12ms-10ms", "is not after"),
            ("10-12", "is not a time"),
            ("10ms", "it is an address"),
            ("R C", "it is an address"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(lacks), "{text}: {error}");
        }
    }
}
