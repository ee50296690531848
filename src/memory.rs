//! Memory that the model and an emulation engine see at the same host address.
//!
//! Flash and SRAM are mapped into Unicorn by pointer, so that a cell that the flash controller changes is
//! changed for the core too, with nothing copied. Access goes through copies only: no reference into the
//! buffer outlives a call, so the engine's own reads and writes never overlap one.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// The host's page, and the granule of Unicorn's maps.
const ALIGN: usize = 4096;

/// A block of bytes with a fixed host address, aligned to 4 KB.
#[derive(Debug)]
pub struct HostMemory {
    base: NonNull<u8>,
    len: usize,
}

impl HostMemory {
    /// `len` bytes, all `fill`. The allocation is rounded up to whole 4 KB pages.
    pub fn new(len: usize, fill: u8) -> HostMemory {
        let layout = Self::layout(len);
        // SAFETY: the layout is never empty.
        let pointer = unsafe { alloc(layout) };
        let Some(base) = NonNull::new(pointer) else { handle_alloc_error(layout) };
        // SAFETY: `base` has `layout.size()` bytes.
        unsafe { base.as_ptr().write_bytes(fill, layout.size()) };
        HostMemory { base, len }
    }

    fn layout(len: usize) -> Layout {
        let size = len.max(1).next_multiple_of(ALIGN);
        Layout::from_size_align(size, ALIGN).expect("a chip's memory is far below the address space")
    }

    /// Length in bytes, as asked for.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The fixed host address, for mapping into an engine.
    pub fn pointer(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// Fills `buffer` from `offset`; bytes past the end stay as they are. Returns how many were copied.
    pub fn read(&self, offset: usize, buffer: &mut [u8]) -> usize {
        let n = buffer.len().min(self.len.saturating_sub(offset));
        // SAFETY: `offset + n` is inside the block, and the caller's buffer cannot overlap it.
        unsafe { self.base.as_ptr().add(offset.min(self.len)).copy_to_nonoverlapping(buffer.as_mut_ptr(), n) };
        n
    }

    /// Writes `bytes` at `offset`; what would lie past the end is dropped. Returns how many were written.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) -> usize {
        let n = bytes.len().min(self.len.saturating_sub(offset));
        // SAFETY: as for `read`.
        unsafe { self.base.as_ptr().add(offset.min(self.len)).copy_from_nonoverlapping(bytes.as_ptr(), n) };
        n
    }

    /// Sets `len` bytes from `offset` to `value`, up to the end of the block.
    pub fn fill(&mut self, offset: usize, len: usize, value: u8) {
        let n = len.min(self.len.saturating_sub(offset));
        // SAFETY: as for `read`.
        unsafe { self.base.as_ptr().add(offset.min(self.len)).write_bytes(value, n) };
    }

    /// A byte; past the end it reads 0.
    pub fn byte(&self, offset: usize) -> u8 {
        let mut b = [0];
        self.read(offset, &mut b);
        b[0]
    }

    /// A little-endian half-word; bytes past the end read 0.
    pub fn half(&self, offset: usize) -> u16 {
        let mut b = [0; 2];
        self.read(offset, &mut b);
        u16::from_le_bytes(b)
    }

    /// A little-endian word; bytes past the end read 0.
    pub fn word(&self, offset: usize) -> u32 {
        let mut b = [0; 4];
        self.read(offset, &mut b);
        u32::from_le_bytes(b)
    }

    /// `len` bytes from `offset`, fewer at the end of the block.
    pub fn bytes(&self, offset: usize, len: usize) -> Vec<u8> {
        let mut v = vec![0; len.min(self.len.saturating_sub(offset))];
        self.read(offset, &mut v);
        v
    }
}

impl Drop for HostMemory {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with the same layout.
        unsafe { dealloc(self.base.as_ptr(), Self::layout(self.len)) };
    }
}

impl Clone for HostMemory {
    /// A copy at an address of its own.
    fn clone(&self) -> HostMemory {
        let mut copy = HostMemory::new(self.len, 0);
        copy.write(0, &self.bytes(0, self.len));
        copy
    }
}

// SAFETY: the block is owned, and only `&mut self` writes it.
unsafe impl Send for HostMemory {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_safe() {
        let mut m = HostMemory::new(10, 0xFF);
        assert_eq!(m.write(8, &[1, 2, 3]), 2);
        assert_eq!(m.write(11, &[9]), 0);
        assert_eq!(m.bytes(7, 9), [0xFF, 1, 2]);
        assert_eq!(m.word(8), 0x0201);
        assert_eq!(m.byte(100), 0);
        m.fill(9, 100, 7);
        assert_eq!(m.half(8), 0x0701);
    }

    #[test]
    fn a_clone_is_another_block() {
        let mut a = HostMemory::new(4096, 0);
        let b = a.clone();
        a.write(0, &[5]);
        assert_eq!(b.byte(0), 0);
        assert_eq!(a.pointer() as usize % ALIGN, 0);
    }
}
