//! What is looked at: the image in a file, or the flash of a virtual ESC in a state file.

use crate::esc::{Kept, StateError, StateFile};
use crate::flash::{Factory, FactoryError, OptionField, State, for_part};
use crate::image::{Format, Image, ImageError, Position, Segment};
use crate::part::{self, Part};
use crate::shell;
use std::path::Path;
use std::sync::Arc;

/// An image file, or a virtual ESC's state file. What it came from is neither locked nor written.
#[derive(Clone, Debug)]
pub struct Source {
    /// As it was named.
    pub name: Arc<str>,
    /// The part, where the source tells it: a state does, a file does not.
    pub part: Option<Arc<Part>>,
    /// Of a file, all that it holds, with what lies outside of flash. Of a state, the whole of main flash in one segment;
    /// its offsets count from the start of flash.
    pub image: Image,
    /// The stored option area, or what a file holds of one; each byte at its address. None where there is none.
    pub option_bytes: Option<Image>,
    /// The ESC, where it is one.
    pub kept: Option<Kept>,
}

/// Why a source cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file is no image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The file is a state that cannot be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// `FILE@ADDRESS` with a state.
    #[error("{file}: as the state of a virtual ESC it has addresses of its own; leave out @0x{address:08X}")]
    StateAt {
        /// The file.
        file: Arc<str>,
        /// The address that was given.
        address: u32,
    },
}

/// Option bytes, field by field, as a chip would load them.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct OptionBytes {
    /// Its fields, by the names of the reference manual.
    pub fields: Vec<OptionField>,
    /// The read-protection level, 0 to 2.
    pub rdp_level: u8,
    /// Pages that may be neither erased nor programmed: the first and the last of each run.
    pub protected: Vec<(u32, u32)>,
}

impl Source {
    /// Reads the file at `path`; what it holds decides whether it is an image or a state. `at` is where a binary goes.
    ///
    /// # Errors
    /// It cannot be read, or is neither.
    pub fn load(path: &Path, at: Option<u32>) -> Result<Source, SourceError> {
        if !StateFile::is_one(path) {
            return Ok(Source::of_image(Image::load(path, at)?));
        }
        let file: Arc<str> = shell::plain(&path.to_string_lossy()).into();
        if let Some(address) = at {
            return Err(SourceError::StateAt { file, address });
        }
        let state = StateFile::copy(path)?;
        // What was copied is there.
        let Some(kept) = state.kept() else { return Ok(Source::of_image(Image::load(path, None)?)) };
        Source::of_kept(&file, kept.clone()).map_err(|error| state.told(error.into()).into())
    }

    /// An image that is in memory.
    pub fn of_image(image: Image) -> Source {
        let inside = |part: &&Arc<Part>| image.touches(part.option_bytes.base..part.option_bytes.end());
        let area = part::all().iter().find(inside).map(|part| part.option_bytes.region());
        Source {
            name: image.name.clone(),
            part: None,
            option_bytes: area.map(|area| image.slice(area.base..area.end())),
            image,
            kept: None,
        }
    }

    /// An ESC that is in memory.
    ///
    /// # Errors
    /// It holds something that its part does not have.
    pub fn of_kept(name: &str, kept: Kept) -> Result<Source, FactoryError> {
        for_part(&kept.part).install(&kept.non_volatile)?;
        let name: Arc<str> = name.into();
        let held = &kept.non_volatile;
        let image = |address, bytes: &[u8]| Image {
            name: name.clone(),
            format: Format::Bin,
            placed: true,
            segments: Segment::new(address, bytes.to_vec(), Position::Offset(0)).into_iter().collect(),
            entry: None,
            remarks: Vec::new(),
            amj: None,
            elf: None,
        };
        Ok(Source {
            name: name.clone(),
            part: Some(Arc::clone(&kept.part)),
            image: image(held.base, &held.bytes),
            option_bytes: Some(image(held.option_base, &held.options)),
            kept: Some(kept),
        })
    }

    /// Whether it is a virtual ESC.
    pub fn is_state(&self) -> bool {
        self.kept.is_some()
    }

    /// Its option bytes, as `part` would load them; what a file leaves out is as it leaves the factory. None where it has
    /// none, or they are not this part's.
    pub fn options(&self, part: &Arc<Part>) -> Option<OptionBytes> {
        let stored = self.option_bytes.as_ref()?;
        let mut controller = for_part(part);
        match &self.kept {
            Some(kept) => controller.install(&kept.non_volatile).ok()?,
            None => {
                let factory = Factory::of(controller.as_ref(), part.flash.wrp_pages);
                let put = |factory: Factory, s: &Segment| factory.option_raw(s.address, &s.data).ok();
                stored.segments.iter().try_fold(factory, put)?.install(controller.as_mut()).ok()?;
            }
        }
        let state = State::of(controller.as_ref());
        Some(OptionBytes { fields: state.options, rdp_level: state.rdp_level, protected: state.protected })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flash::NonVolatile;

    /// What an ESC holds that left the hand of whoever had it before like this.
    fn held(name: &str, change: impl FnOnce(Factory) -> Factory) -> Kept {
        let part = part::find(name).unwrap();
        let factory = Factory::of(for_part(&part).as_ref(), part.flash.wrp_pages);
        Kept { part, non_volatile: change(factory).non_volatile() }
    }

    fn file(kept: &Kept) -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("esc.json");
        StateFile::open(&path).unwrap().keep(kept.clone()).unwrap();
        (dir, path)
    }

    #[test]
    fn a_state_is_the_whole_flash_and_its_option_bytes() {
        let kept = held("F051", |f| f.cells(0x0800_1000, &[1, 2]).unwrap().wrp(0, 3).unwrap());
        let (dir, path) = file(&kept);
        let source = Source::load(&path, None).unwrap();
        assert!(source.is_state() && source.part.as_ref().is_some_and(|p| p.nick() == "F051"));
        assert_eq!((source.image.start(), source.image.len()), (0x0800_0000, 0x8000));
        assert_eq!(source.image.origin(0x0800_1001).unwrap().position, Position::Offset(0x1001));
        assert_eq!(source.option_bytes.as_ref().unwrap().byte(0x1FFF_F808), Some(0xFE));
        let options = source.options(&kept.part).unwrap();
        assert_eq!((options.rdp_level, options.protected), (0, vec![(0, 3)]));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is locked");
        let error = Source::load(&path, Some(0x0800_1000)).unwrap_err().to_string();
        assert!(error.contains("leave out @0x08001000"), "{error}");
    }

    #[test]
    fn a_state_that_its_part_cannot_hold_is_refused() {
        let kept = held("F051", |f| f);
        let short = NonVolatile { bytes: vec![0xFF; 16], ..kept.non_volatile.clone() };
        let (_dir, path) = file(&Kept { non_volatile: short, ..kept });
        let error = Source::load(&path, None).unwrap_err();
        assert!(matches!(error, SourceError::State(StateError::Malformed { .. })), "{error}");
    }

    #[test]
    fn a_file_has_the_option_bytes_that_stand_in_it() {
        let rdp_1 = b":020000041FFFDC\n:02F8000000FF07\n:00000001FF\n";
        let source = Source::of_image(Image::parse("a.hex", rdp_1, None).unwrap());
        let part = |name| part::find(name).unwrap();
        assert_eq!(source.options(&part("F051")).unwrap().rdp_level, 1);
        assert_eq!(source.options(&part("G071")), None);
        assert!(Source::of_image(Image::parse("a.bin", &[1], Some(0)).unwrap()).option_bytes.is_none());
    }
}
