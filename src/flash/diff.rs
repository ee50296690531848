//! Main flash compared with an earlier self: page by page, or as it goes.

use super::Cells;
use super::cells::BLOCK;
use super::factory::NonVolatile;
use rangemap::RangeSet;
use std::ops::Range;

/// What an erased byte reads.
pub const BLANK: u8 = 0xFF;

/// Main flash and its wear at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    base: u32,
    page: u32,
    bytes: Vec<u8>,
    /// Erases of each page.
    wear: Vec<u32>,
    /// Of each block ([`Cells::versions`]); blocks with the same number hold the same.
    versions: Vec<u64>,
}

/// A page that is not as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageDiff<'a> {
    /// Its first address.
    pub address: u32,
    /// What it held.
    pub before: &'a [u8],
    /// What it holds.
    pub after: &'a [u8],
    /// How often it was erased in between.
    pub erased: u32,
    /// Bytes that differ; none where it was erased and holds the same again.
    pub bytes: usize,
}

/// What became of main flash since the last look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// Numbers of the pages that were erased.
    pub erased: RangeSet<u32>,
    /// Addresses of the bytes that are others and not blank: what was programmed.
    pub programmed: RangeSet<u32>,
}

/// Bytes that were lost from a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The first of them.
    pub address: u32,
    /// How many.
    pub bytes: u32,
}

impl Contents {
    /// Of these cells, now.
    pub fn of(cells: &Cells) -> Contents {
        Contents {
            base: cells.base(),
            page: cells.page_size(),
            bytes: cells.bytes(cells.base(), cells.size()),
            wear: cells.all_wear().to_vec(),
            versions: cells.versions().to_vec(),
        }
    }

    /// The pages that differ from `self` to `after`, or were erased in between, in the order of their addresses.
    pub fn until<'a>(&'a self, after: &'a Contents) -> impl Iterator<Item = PageDiff<'a>> {
        let blocks = (self.page / BLOCK).max(1) as usize;
        // A page is whole blocks: where their numbers are the same, there is nothing to compare.
        let same = move |page: usize| {
            let place = page * blocks..(page + 1) * blocks;
            self.page.is_multiple_of(BLOCK)
                && self.versions.get(place.clone()).is_some_and(|old| after.versions.get(place) == Some(old))
        };
        between((self.base, self.page), (&self.bytes, &self.wear), (&after.bytes, &after.wear), same)
    }

    /// The bytes in `range` that were not blank and are others in `after`; none where nothing was lost.
    pub fn lost(&self, after: &Contents, range: Range<u32>) -> Option<Lost> {
        let offset = |address: u32| (address.saturating_sub(self.base) as usize).min(self.bytes.len());
        let range = offset(range.start)..offset(range.end);
        let both = self.bytes.get(range.clone())?.iter().zip(after.bytes.get(range.clone())?);
        let mut lost = both.enumerate().filter(|(_, (old, new))| **old != BLANK && old != new).map(|(at, _)| at);
        let first = lost.next()?;
        Some(Lost { address: self.base + (range.start + first) as u32, bytes: 1 + lost.count() as u32 })
    }

    /// What became of `cells` since, and takes over how they stand: only blocks that changed are looked at. None where
    /// nothing did.
    pub fn follow(&mut self, cells: &Cells) -> Option<Followed> {
        let numbers = cells.versions().iter().zip(&self.versions).enumerate();
        let blocks: Vec<u32> = numbers.filter(|(_, (now, old))| now != old).map(|(block, _)| block as u32).collect();
        if blocks.is_empty() {
            return None;
        }
        self.versions.copy_from_slice(cells.versions());
        let mut seen = Followed::default();
        let mut pages: Vec<u32> = blocks.iter().map(|block| block * BLOCK / self.page).collect();
        pages.dedup();
        for page in pages {
            if let Some(wear) = self.wear.get_mut(page as usize)
                && std::mem::replace(wear, cells.wear(page)) < cells.wear(page)
            {
                seen.erased.insert(page..page + 1);
            }
        }
        for start in blocks.iter().map(|block| block * BLOCK) {
            let now = cells.bytes(cells.base() + start, BLOCK);
            let place = start as usize..start as usize + now.len();
            let Some(before) = self.bytes.get_mut(place) else { continue };
            // What an erase leaves is blank.
            let changed = (0..).zip(before.iter().zip(&now)).filter(|(_, (old, new))| old != new && **new != BLANK);
            seen.programmed.extend(changed.map(|(at, _): (u32, _)| cells.base() + start + at).map(|a| a..a + 1));
            before.copy_from_slice(&now);
        }
        Some(seen)
    }
}

impl NonVolatile {
    /// The pages of main flash that differ from `self` to `after`, as [`Contents::until`]. `page` is their size.
    pub fn until<'a>(&'a self, after: &'a NonVolatile, page: u32) -> impl Iterator<Item = PageDiff<'a>> {
        between((self.base, page), (&self.bytes, &self.wear), (&after.bytes, &after.wear), |_| false)
    }
}

/// The pages that differ; `same` knows of some that they do not.
fn between<'a>(
    (base, page): (u32, u32),
    (before, worn): (&'a [u8], &'a [u32]),
    (after, wear): (&'a [u8], &'a [u32]),
    same: impl Fn(usize) -> bool + 'a,
) -> impl Iterator<Item = PageDiff<'a>> {
    let size = page.max(1) as usize;
    let erases = |wear: &[u32], page: usize| wear.get(page).copied().unwrap_or(0);
    before.chunks(size).zip(after.chunks(size)).enumerate().filter_map(move |(n, (before, after))| {
        let differing = || before.iter().zip(after).filter(|(a, b)| a != b).count();
        let bytes = if same(n) { 0 } else { differing() };
        let erased = erases(wear, n).saturating_sub(erases(worn, n));
        let address = base + (n * size) as u32;
        (bytes > 0 || erased > 0).then_some(PageDiff { address, before, after, erased, bytes })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u32 = 0x0800_0000;

    fn cells() -> Cells {
        let mut cells = Cells::new(BASE, 0x2000, 0x800, false);
        cells.program(BASE + 0x7FC, &[1, 2, 3, 4]);
        cells
    }

    #[test]
    fn pages_that_differ_or_were_erased_are_told() {
        let mut cells = cells();
        let before = Contents::of(&cells);
        assert_eq!(before.until(&before).count(), 0);
        cells.program(BASE + 0x1000, &[0x55; 3]);
        cells.erase(0);
        cells.program(BASE + 0x7FC, &[1, 2, 3, 4]);
        cells.erase(3);
        let after = Contents::of(&cells);
        let told: Vec<_> = before.until(&after).map(|p| (p.address, p.erased, p.bytes)).collect();
        assert_eq!(told, [(BASE, 1, 0), (BASE + 0x1000, 0, 3), (BASE + 0x1800, 1, 0)]);
    }

    #[test]
    fn what_was_lost_is_counted_from_its_first_byte_on() {
        let mut cells = cells();
        let before = Contents::of(&cells);
        cells.erase(0);
        cells.program(BASE + 0x7FD, &[2]);
        cells.program(BASE + 0x900, &[9]);
        let after = Contents::of(&cells);
        let all = BASE..u32::MAX;
        assert_eq!(before.lost(&after, all), Some(Lost { address: BASE + 0x7FC, bytes: 3 }));
        assert_eq!(before.lost(&after, BASE + 0x7FD..BASE + 0x7FE), None);
        assert_eq!(before.lost(&after, BASE + 0x7FD..BASE + 0x7FF), Some(Lost { address: BASE + 0x7FE, bytes: 1 }));
        assert_eq!(before.lost(&after, 0..BASE), None);
    }

    #[test]
    fn what_goes_on_is_told_once() {
        let mut cells = cells();
        let mut seen = Contents::of(&cells);
        assert_eq!(seen.follow(&cells), None);
        cells.program(BASE + 0xFFF, &[7, 8]);
        cells.erase(0);
        let told = seen.follow(&cells).unwrap();
        let ranges = |set: &RangeSet<u32>| set.iter().map(|r| (r.start, r.end)).collect::<Vec<_>>();
        assert_eq!(ranges(&told.erased), [(0, 1)]);
        assert_eq!(ranges(&told.programmed), [(BASE + 0xFFF, BASE + 0x1001)]);
        assert_eq!(seen.follow(&cells), None);
        assert_eq!(seen, Contents::of(&cells));
    }
}
