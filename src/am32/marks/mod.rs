//! What the bytes of an image tell about themselves. A mark is reported with the address it stands at.

mod app;
mod bootloader;
mod carried;
mod vectors;

pub use app::{AppMarks, OldVersion, Tag, app, app_at_base, is_name_tag};
pub use bootloader::{BootVersion, BootloaderMarks, DeviceInfo, bootloader};
pub use carried::{Carried, carried};
pub use vectors::{Vectors, shape, vectors};

use crate::image::Image;

/// An image seen as if its first byte stood at another address: files come without an address, or with a
/// wrong one, and are still to be recognised. All addresses are those it is seen at.
#[derive(Clone, Copy)]
pub struct View<'a> {
    image: &'a Image,
    start: u32,
}

impl<'a> View<'a> {
    /// The image at its own addresses.
    pub fn new(image: &'a Image) -> View<'a> {
        View { image, start: image.start() }
    }

    /// The image with its first byte at `start`.
    pub fn at(image: &'a Image, start: u32) -> View<'a> {
        View { image, start }
    }

    /// The image's own address for `address`; none below its first byte.
    fn own(&self, address: u32) -> Option<u32> {
        self.image.start().checked_add(address.checked_sub(self.start)?)
    }

    /// The byte at `address`.
    pub fn byte(&self, address: u32) -> Option<u8> {
        self.image.byte(self.own(address)?)
    }

    /// The word at `address`.
    pub fn word(&self, address: u32) -> Option<u32> {
        self.image.word(self.own(address)?)
    }

    /// `len` bytes from `address` on, when all are there.
    pub fn bytes(&self, address: u32, len: u32) -> Option<Vec<u8>> {
        let from = self.own(address)?;
        self.image.bytes(from..from.checked_add(len)?)
    }

    /// One past the last address it is seen at.
    pub fn end(&self) -> u64 {
        self.image.end().saturating_sub(u64::from(self.image.start())) + u64::from(self.start)
    }

    /// First address.
    pub fn start(&self) -> u32 {
        self.start
    }

    /// Its segments, as (address, bytes).
    pub fn segments(&self) -> impl Iterator<Item = (u32, &'a [u8])> {
        let (own, start) = (self.image.start(), self.start);
        self.image.segments.iter().filter_map(move |s| {
            let offset = s.address.checked_sub(own)?;
            Some((start.checked_add(offset)?, s.data.as_slice()))
        })
    }
}
