//! The cells of main flash: bytes, wear, and the marks that ECC leaves on a G0.
//!
//! Programming only clears bits, whatever the caller asks for; only an erase sets them. The bytes lie in a
//! [`HostMemory`] that an engine may map, so their address never changes, not even in [`Cells::restore`].

use crate::bus::Width;
use crate::memory::HostMemory;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

/// The unit in which changes are tracked and reported, in bytes.
pub const BLOCK: u32 = 1024;

/// A G0's double word, in bytes.
pub const DOUBLE_WORD: u32 = 8;

/// Numbers for block contents. One number is never given twice, so equal numbers mean equal bytes.
static VERSIONS: AtomicU64 = AtomicU64::new(1);

/// What ECC finds in a double word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ecc {
    /// Nothing wrong.
    Good,
    /// One bad bit, which reads corrected.
    Corrected,
    /// Two bad bits.
    Bad,
}

/// The mark of a double word as it is kept: bits of this module's constants.
pub(super) type Mark = u8;
/// Programmed since the last erase, even if with all ones (G45, G46).
pub(super) const PROGRAMMED: Mark = 1;
/// One bit is bad.
pub(super) const ONE_BAD: Mark = 2;
/// Two bits are bad.
pub(super) const TWO_BAD: Mark = 4;

/// Main flash, without a controller in front.
#[derive(Debug)]
pub struct Cells {
    base: u32,
    page: u32,
    memory: HostMemory,
    /// Erases of each page.
    wear: Vec<u32>,
    /// One mark a double word; empty on a part without ECC.
    marks: Vec<Mark>,
    /// How many marks say that a bit is bad.
    flawed: usize,
    /// The number of each block's contents.
    versions: Vec<u64>,
    /// What was last saved or restored, while somebody keeps it: saved again unchanged, it is shared.
    last: RefCell<Weak<SavedCells>>,
}

/// The contents of [`Cells`] at one instant.
#[derive(Clone, Debug)]
pub struct SavedCells {
    bytes: Vec<u8>,
    wear: Vec<u32>,
    marks: Vec<Mark>,
    flawed: usize,
    versions: Vec<u64>,
}

impl Cells {
    /// Erased cells with no wear. `ecc` keeps a mark for each double word.
    pub fn new(base: u32, size: u32, page: u32, ecc: bool) -> Cells {
        let marks = if ecc { vec![0; (size / DOUBLE_WORD) as usize] } else { Vec::new() };
        let blocks = size.div_ceil(BLOCK) as usize;
        Cells {
            base,
            page,
            memory: HostMemory::new(size as usize, 0xFF),
            wear: vec![0; (size / page.max(1)) as usize],
            marks,
            flawed: 0,
            versions: vec![0; blocks],
            last: RefCell::default(),
        }
    }

    /// First address.
    pub fn base(&self) -> u32 {
        self.base
    }

    /// Length in bytes.
    pub fn size(&self) -> u32 {
        self.memory.len() as u32
    }

    /// All addresses.
    pub fn range(&self) -> Range<u32> {
        self.base..self.base + self.size()
    }

    /// The erase unit in bytes.
    pub fn page_size(&self) -> u32 {
        self.page
    }

    /// Number of pages.
    pub fn pages(&self) -> u32 {
        self.wear.len() as u32
    }

    /// The page that holds `address`, none outside.
    pub fn page_of(&self, address: u32) -> Option<u32> {
        self.contains(address).then(|| (address - self.base) / self.page)
    }

    /// Whether `address` lies inside.
    pub fn contains(&self, address: u32) -> bool {
        address.wrapping_sub(self.base) < self.size()
    }

    /// The host address of the first byte, the same for life.
    pub fn pointer(&self) -> *mut u8 {
        self.memory.pointer()
    }

    fn offset(&self, address: u32) -> usize {
        address.wrapping_sub(self.base) as usize
    }

    /// The bytes at `address`, little endian; past the end they read 0.
    pub fn read(&self, address: u32, width: Width) -> u32 {
        let offset = self.offset(address);
        match width {
            Width::Byte => self.memory.byte(offset).into(),
            Width::Half => self.memory.half(offset).into(),
            Width::Word => self.memory.word(offset),
        }
    }

    /// `len` bytes from `address`, fewer at the end.
    pub fn bytes(&self, address: u32, len: u32) -> Vec<u8> {
        self.memory.bytes(self.offset(address), len as usize)
    }

    /// Whether every byte of `range` reads 0xFF.
    pub fn is_blank(&self, range: Range<u32>) -> bool {
        self.bytes(range.start, range.end.saturating_sub(range.start)).iter().all(|b| *b == 0xFF)
    }

    /// Whether the double word at `address` was programmed since its erase; without ECC, whether it is not blank.
    pub fn is_programmed(&self, address: u32) -> bool {
        let start = address & !(DOUBLE_WORD - 1);
        match self.marks.get(self.offset(start) / DOUBLE_WORD as usize) {
            Some(mark) => mark & PROGRAMMED != 0,
            None => !self.is_blank(start..start.saturating_add(DOUBLE_WORD)),
        }
    }

    /// What ECC finds in the double word at `address`.
    pub fn ecc(&self, address: u32) -> Ecc {
        match self.mark(address) {
            mark if mark & TWO_BAD != 0 => Ecc::Bad,
            mark if mark & ONE_BAD != 0 => Ecc::Corrected,
            _ => Ecc::Good,
        }
    }

    /// How many double words ECC would complain about.
    pub fn flawed(&self) -> usize {
        self.flawed
    }

    /// Erases of `page` so far.
    pub fn wear(&self, page: u32) -> u32 {
        self.wear.get(page as usize).copied().unwrap_or(0)
    }

    /// Differs from what it was whenever cells have been erased or programmed since.
    pub fn version(&self) -> u64 {
        self.versions.iter().copied().max().unwrap_or(0)
    }

    /// A number for the contents of each block of [`BLOCK`] bytes, from the first on: equal ones mean equal contents.
    pub fn versions(&self) -> &[u64] {
        &self.versions
    }

    /// FNV-1a, 64 bits, of the bytes in `range`.
    pub fn digest(&self, range: Range<u32>) -> u64 {
        crate::digest::fnv1a(&self.bytes(range.start, range.end.saturating_sub(range.start)))
    }

    /// The mark of the double word at `address`.
    pub(super) fn mark(&self, address: u32) -> Mark {
        self.marks.get(self.offset(address) / DOUBLE_WORD as usize).copied().unwrap_or(0)
    }

    pub(super) fn set_mark(&mut self, address: u32, mark: Mark) {
        let index = self.offset(address) / DOUBLE_WORD as usize;
        if let Some(old) = self.marks.get_mut(index) {
            let bad = |m: Mark| usize::from(m & (ONE_BAD | TWO_BAD) != 0);
            self.flawed = self.flawed + bad(mark) - bad(*old);
            *old = mark;
            self.touch(address, 1);
        }
    }

    /// Clears the bits that are 0 in `bytes`; sets none.
    pub(super) fn program(&mut self, address: u32, bytes: &[u8]) {
        let now = self.memory.bytes(self.offset(address), bytes.len());
        let then: Vec<u8> = now.iter().zip(bytes).map(|(old, new)| old & new).collect();
        self.force(address, &then);
    }

    /// Erases `page`: all ones, no marks, one more on its wear.
    pub(super) fn erase(&mut self, page: u32) {
        let Some(wear) = self.wear.get_mut(page as usize) else { return };
        *wear = wear.saturating_add(1);
        let start = self.base + page * self.page;
        self.memory.fill(self.offset(start), self.page as usize, 0xFF);
        self.touch(start, self.page);
        if !self.marks.is_empty() {
            for double_word in (start..start + self.page).step_by(DOUBLE_WORD as usize) {
                self.set_mark(double_word, 0);
            }
        }
    }

    /// Puts `bytes` at `address` as they are: for operations broken off, and factory conditions.
    pub(super) fn force(&mut self, address: u32, bytes: &[u8]) {
        self.memory.write(self.offset(address), bytes);
        self.touch(address, bytes.len() as u32);
    }

    pub(super) fn all_marks(&self) -> &[Mark] {
        &self.marks
    }

    pub(super) fn all_wear(&self) -> &[u32] {
        &self.wear
    }

    pub(super) fn set_wear(&mut self, page: u32, wear: u32) {
        if let Some(w) = self.wear.get_mut(page as usize) {
            *w = wear;
        }
    }

    fn touch(&mut self, address: u32, len: u32) {
        let first = self.offset(address) / BLOCK as usize;
        let last = (self.offset(address) + (len.max(1) - 1) as usize) / BLOCK as usize;
        let version = VERSIONS.fetch_add(1, Ordering::Relaxed);
        for v in self.versions.iter_mut().take(last + 1).skip(first) {
            *v = version;
        }
    }

    /// The contents, for [`Cells::restore`].
    pub fn save(&self) -> Arc<SavedCells> {
        let last = self.last.borrow().upgrade();
        if let Some(last) = last.filter(|l| l.versions == self.versions && l.wear == self.wear) {
            return last;
        }
        let saved = Arc::new(SavedCells {
            bytes: self.memory.bytes(0, self.memory.len()),
            wear: self.wear.clone(),
            marks: self.marks.clone(),
            flawed: self.flawed,
            versions: self.versions.clone(),
        });
        self.last.replace(Arc::downgrade(&saved));
        saved
    }

    /// Goes back to `saved`, in the same memory. Returns the address of each block of [`BLOCK`] bytes that may
    /// have had other contents. Blocks that did not change since are not touched.
    pub fn restore(&mut self, saved: &Arc<SavedCells>) -> Vec<u32> {
        let mut changed = Vec::new();
        let marks = (BLOCK / DOUBLE_WORD) as usize;
        for (block, (mine, theirs)) in self.versions.iter_mut().zip(&saved.versions).enumerate() {
            if mine == theirs {
                continue;
            }
            *mine = *theirs;
            let start = block * BLOCK as usize;
            let end = (start + BLOCK as usize).min(saved.bytes.len());
            self.memory.write(start, &saved.bytes[start..end]);
            if !self.marks.is_empty() {
                let (first, last) = (block * marks, ((block + 1) * marks).min(self.marks.len()));
                self.marks[first..last].copy_from_slice(&saved.marks[first..last]);
            }
            changed.push(self.base + start as u32);
        }
        self.wear.copy_from_slice(&saved.wear);
        self.flawed = saved.flawed;
        self.last.replace(Arc::downgrade(saved));
        changed
    }

    /// Whether `saved` is of cells of this shape.
    pub(super) fn fits(&self, saved: &SavedCells) -> bool {
        saved.bytes.len() == self.memory.len()
            && saved.wear.len() == self.wear.len()
            && saved.marks.len() == self.marks.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells() -> Cells {
        Cells::new(0x0800_0000, 0x1_0000, 0x800, true)
    }

    #[test]
    fn programming_only_clears_bits() {
        let mut c = cells();
        c.program(0x0800_0010, &[0x0F, 0xF0]);
        c.program(0x0800_0010, &[0xF3, 0xFF]);
        assert_eq!(c.bytes(0x0800_0010, 3), [0x03, 0xF0, 0xFF]);
        c.erase(0);
        assert!(c.is_blank(c.range()));
        assert_eq!((c.wear(0), c.wear(1), c.wear(99)), (1, 0, 0));
    }

    #[test]
    fn restore_tells_which_blocks_differ_and_keeps_the_address() {
        let mut c = cells();
        c.program(0x0800_0000, &[1]);
        let saved = c.save();
        let pointer = c.pointer();
        c.program(0x0800_0400, &[2]);
        c.set_mark(0x0800_8000, PROGRAMMED | TWO_BAD);
        assert_eq!((c.flawed(), c.ecc(0x0800_8004)), (1, Ecc::Bad));
        assert_eq!(c.restore(&saved), [0x0800_0400, 0x0800_8000]);
        assert!(c.restore(&saved).is_empty());
        assert_eq!((c.pointer(), c.flawed(), c.bytes(0x0800_0400, 1)), (pointer, 0, vec![0xFF]));
        let mut other = cells();
        assert_eq!(other.restore(&saved), [0x0800_0000], "blocks of another chip are told apart too");
    }

    #[test]
    fn what_has_not_changed_is_saved_once() {
        let mut c = cells();
        c.program(0x0800_0000, &[1]);
        let first = c.save();
        assert!(Arc::ptr_eq(&first, &c.save()));
        let changes: [fn(&mut Cells); 3] =
            [|c| c.program(0x0800_0004, &[2]), |c| c.set_wear(3, 7), |c| c.set_mark(0x0800_0008, 1)];
        for change in changes {
            change(&mut c);
            let second = c.save();
            assert!(!Arc::ptr_eq(&first, &second));
            c.restore(&first);
            assert!(Arc::ptr_eq(&first, &c.save()));
        }
        drop(first);
        assert_eq!(c.save().bytes[0], 1, "nobody had kept it");
    }

    #[test]
    fn the_ends_are_safe() {
        let mut c = cells();
        c.program(0x0800_FFFF, &[0, 0, 0]);
        c.erase(32);
        assert_eq!(c.read(0x0800_FFFF, Width::Word), 0);
        assert_eq!(c.page_of(0x0801_0000), None);
    }
}
