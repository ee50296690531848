//! Operations in flight, and what they leave behind when power or a reset takes them down.
//!
//! A cell has its new contents from the start of the operation on; nobody can see them early, since reads
//! wait. What stood there before is kept with the operation, so that a cut can leave anything in between.
//! The manuals only say that the contents are not guaranteed (RM0444 3.3.4); the outcomes here are choices.

use super::cells::{Cells, DOUBLE_WORD, Mark, ONE_BAD, PROGRAMMED, TWO_BAD};
use crate::time::{Now, Time};
use std::fmt;
use std::ops::Range;

/// SplitMix64: a small generator, the same on every machine.
#[derive(Clone, Copy, Debug)]
pub struct SplitMix64(pub u64);

impl SplitMix64 {
    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`, or 0.
    pub fn below(&mut self, n: u64) -> u64 {
        self.next_u64() % n.max(1)
    }
}

/// How far a broken-off operation had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Nothing changed.
    None,
    /// Some bits changed.
    Part,
    /// An erase was done, the writing after it was not begun.
    Erased,
    /// Everything had changed; only the flags are missing.
    All,
}

/// What a cut did to the operation in flight.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Cut {
    /// What was in flight, for people.
    pub operation: String,
    /// How far it came.
    pub progress: Progress,
    /// Where main flash may differ from what it was to be; empty for option bytes.
    pub changed: Range<u32>,
    /// The seed that decided.
    pub seed: u64,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = match self.progress {
            Progress::None => "left nothing",
            Progress::Part => "left some of its bits",
            Progress::Erased => "left the area erased and not written",
            Progress::All => "left all of its bits",
        };
        write!(f, "{} was broken off and {left} (seed {:#x})", self.operation, self.seed)
    }
}

/// What an operation does, with what stood there before.
#[derive(Clone, Debug)]
pub(super) enum Work {
    /// A half-word (2 bytes) or double word (8) of main flash.
    Program { address: u32, before: [u8; 8], len: u8, mark: Mark },
    /// A double word of OTP at this offset.
    Otp { offset: usize },
    /// Pages of main flash.
    Erase { pages: Vec<ErasedPage> },
    /// The whole option area to 0xFF.
    OptionErase { before: Vec<u8> },
    /// One half-word of the option area (F0).
    OptionProgram { offset: usize },
    /// The option area erased and written anew (G0).
    OptionReplace { before: Vec<u8> },
}

/// A page as it was before its erase.
#[derive(Clone, Debug)]
pub(super) struct ErasedPage {
    page: u32,
    bytes: Vec<u8>,
    marks: Vec<Mark>,
}

/// An operation in flight.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    /// When it began; later than now where a write waited for the one before.
    pub started: Time,
    /// When it ends.
    pub ends: Time,
    /// What it does first (the mass erase that lifts read protection).
    pub first: Option<Box<Work>>,
    /// What it does.
    pub work: Work,
}

/// Erases `pages` and returns what stood there.
pub(super) fn erase(cells: &mut Cells, pages: impl IntoIterator<Item = u32>) -> Work {
    let mut erased = Vec::new();
    for page in pages {
        let start = cells.base() + page * cells.page_size();
        let marks = (start..start + cells.page_size()).step_by(DOUBLE_WORD as usize).map(|a| cells.mark(a)).collect();
        erased.push(ErasedPage { page, bytes: cells.bytes(start, cells.page_size()), marks });
        cells.erase(page);
    }
    Work::Erase { pages: erased }
}

/// Programs `bytes` (2 or 8) at `address`, sets `mark`, and returns what stood there.
pub(super) fn program(cells: &mut Cells, address: u32, bytes: &[u8], mark: Mark) -> Work {
    let mut before = [0xFF; 8];
    let old = cells.bytes(address, bytes.len() as u32);
    before[..old.len()].copy_from_slice(&old);
    let work = Work::Program { address, before, len: old.len() as u8, mark: cells.mark(address) };
    cells.program(address, bytes);
    cells.set_mark(address, mark);
    work
}

/// What a cut may touch.
pub(super) struct Area<'a> {
    /// Main flash.
    pub cells: &'a mut Cells,
    /// The stored option bytes.
    pub options: &'a mut [u8],
    /// OTP with its marks; empty where there is none.
    pub otp: (&'a mut [u8], &'a mut [Mark]),
}

impl Operation {
    /// What it is, for people.
    pub(super) fn describe(&self) -> String {
        let what = match &self.work {
            Work::Program { address, len, .. } => format!("programming {len} bytes at 0x{address:08X}"),
            Work::Otp { offset } => format!("programming OTP at offset {offset:#X}"),
            Work::Erase { pages } => match pages.as_slice() {
                [one] => format!("erasing page {}", one.page),
                _ => "a mass erase".to_owned(),
            },
            Work::OptionErase { .. } => "erasing the option bytes".to_owned(),
            Work::OptionProgram { offset } => format!("programming option byte {offset}"),
            Work::OptionReplace { .. } => "changing the option bytes".to_owned(),
        };
        if self.first.is_some() { format!("{what} with a mass erase before it") } else { what }
    }

    /// Breaks it off at `now`.
    pub(super) fn cut(self, now: Now, seed: u64, area: Area<'_>) -> Cut {
        let mut rng = SplitMix64(seed);
        let mut area = area;
        let operation = self.describe();
        let mut changed = touched(&self.work, area.cells);
        let begun = now.time >= self.started;
        let progress = match self.first {
            None => undo(self.work, begun, &mut rng, &mut area),
            Some(first) => {
                // The option bytes come after the erase: begun only where the erase was done.
                changed = touched(&first, area.cells);
                let step = undo(*first, begun, &mut rng, &mut area);
                let second = undo(self.work, step == Progress::All, &mut rng, &mut area);
                if step == Progress::All && second == Progress::None { Progress::Erased } else { step.max_with(second) }
            }
        };
        Cut { operation, progress, changed, seed }
    }
}

impl Progress {
    fn max_with(self, second: Progress) -> Progress {
        if self == Progress::All { second } else { self }
    }
}

fn touched(work: &Work, cells: &Cells) -> Range<u32> {
    let start = |page: u32| cells.base() + page * cells.page_size();
    match work {
        Work::Program { address, len, .. } => *address..*address + u32::from(*len),
        Work::Erase { pages } => match (pages.first(), pages.last()) {
            (Some(first), Some(last)) => start(first.page)..start(last.page + 1),
            _ => 0..0,
        },
        _ => 0..0,
    }
}

/// Takes the work back, in part or whole.
fn undo(work: Work, begun: bool, rng: &mut SplitMix64, area: &mut Area<'_>) -> Progress {
    let progress = match (begun, rng.below(4)) {
        (false, _) | (true, 0) => Progress::None,
        (true, 3) => Progress::All,
        (true, _) => Progress::Part,
    };
    match work {
        Work::Program { address, before, len, mark } => {
            let after = area.cells.bytes(address, len.into());
            match progress {
                Progress::None => {
                    area.cells.force(address, &before[..len.into()]);
                    area.cells.set_mark(address, mark);
                }
                Progress::Part => {
                    let part: Vec<u8> =
                        before.iter().zip(&after).map(|(b, a)| a | (b & rng.next_u64() as u8)).collect();
                    area.cells.force(address, &part);
                    // The ECC bits are half written too: one flaw is a lucky case, two the usual one.
                    let flaw = if rng.below(4) == 0 { ONE_BAD } else { TWO_BAD };
                    area.cells.set_mark(address, PROGRAMMED | flaw);
                }
                _ => {}
            }
        }
        Work::Otp { offset } => {
            let (bytes, marks) = (&mut *area.otp.0, &mut *area.otp.1);
            for b in bytes.iter_mut().skip(offset).take(DOUBLE_WORD as usize) {
                *b = weaken(*b, 0xFF, progress, rng);
            }
            if let Some(mark) = marks.get_mut(offset / DOUBLE_WORD as usize) {
                *mark = match progress {
                    Progress::None => 0,
                    Progress::Part => PROGRAMMED | TWO_BAD,
                    _ => *mark,
                };
            }
        }
        Work::Erase { pages } => {
            for page in pages {
                undo_page(&page, progress, rng, area.cells);
            }
        }
        Work::OptionErase { before } => match progress {
            Progress::None => area.options.copy_from_slice(&before),
            Progress::Part => {
                for (now, b) in area.options.iter_mut().zip(&before) {
                    *now = b | rng.next_u64() as u8;
                }
            }
            _ => {}
        },
        Work::OptionProgram { offset } => {
            for b in area.options.iter_mut().skip(offset).take(2) {
                *b = weaken(*b, 0xFF, progress, rng);
            }
        }
        Work::OptionReplace { before } => match progress {
            Progress::None => area.options.copy_from_slice(&before),
            Progress::Part if rng.below(2) == 0 => {
                area.options.fill(0xFF);
                return Progress::Erased;
            }
            Progress::Part => {
                // Written word by word from the start; the last one only in part.
                let words = (area.options.len() / 8) as u64;
                let written = rng.below(words) as usize * 8;
                for (i, b) in area.options.iter_mut().enumerate().skip(written) {
                    *b = if i < written + 8 { *b | rng.next_u64() as u8 } else { 0xFF };
                }
            }
            _ => {}
        },
    }
    progress
}

/// A byte on its way from `from` to `to`.
fn weaken(to: u8, from: u8, progress: Progress, rng: &mut SplitMix64) -> u8 {
    match progress {
        Progress::None => from,
        Progress::Part => to | (from & rng.next_u64() as u8),
        _ => to,
    }
}

fn undo_page(page: &ErasedPage, progress: Progress, rng: &mut SplitMix64, cells: &mut Cells) {
    let start = cells.base() + page.page * cells.page_size();
    if progress == Progress::All {
        return;
    }
    for (i, (before, mark)) in page.bytes.chunks(DOUBLE_WORD as usize).zip(&page.marks).enumerate() {
        let address = start + i as u32 * DOUBLE_WORD;
        let (bytes, mark) = match (progress, rng.below(3)) {
            (Progress::None, _) | (_, 0) => (before.to_vec(), *mark),
            (_, 1) => (vec![0xFF; before.len()], 0),
            _ => {
                let half: Vec<u8> = before.iter().map(|b| b | rng.next_u64() as u8).collect();
                let mark = if half == before { *mark } else { PROGRAMMED | TWO_BAD };
                (half, mark)
            }
        };
        cells.force(address, &bytes);
        cells.set_mark(address, mark);
    }
}
