//! `read`: flash, SRAM or whatever else is on the bus, into a file.

use super::LONGEST_FILE;
use super::arguments::{Format, Word};
use super::error::StFlashError;
use super::ihex;
use super::note::Note;
use super::session::Session;
use crate::plural::thousands;

impl Session<'_> {
    /// `read FILE ADDR SIZE`.
    pub fn read_file(&mut self, file: &str, address: u32, size: u32) -> Result<(), StFlashError> {
        let known = self.known;
        let size = match size {
            0 if known.sram_holds(address) => known.sram_size,
            size => size,
        };
        self.read_to(file, address, size)
    }

    /// `--area=option read FILE SIZE`.
    pub fn read_options(&mut self, file: &str, size: u32) -> Result<(), StFlashError> {
        if self.is_newer() {
            return self.read_option_word(file);
        }
        let (base, known) = (self.known.option_base, self.known.option_size);
        let size = if size == 0 { known } else { size };
        if base == 0 {
            let all = self.known.flash_size;
            self.note(Note::NotOptions { bytes: if size == 0 { all } else { size.min(all) } });
        }
        self.read_to(file, base, size)
    }

    /// 1.8 reads one word, whatever size is asked for.
    fn read_option_word(&mut self, file: &str) -> Result<(), StFlashError> {
        let path = self.host.path(file);
        self.host.may_write(&path)?;
        let word = match self.word_at(Word::Option) {
            Some(address) => self.read(address),
            None => {
                return Err(StFlashError::Unsupported("this part has no option bytes that st-flash reads".to_owned()));
            }
        };
        self.host.save(&path, &word.to_le_bytes())?;
        self.say(&format!("read 0x{word:08X}, the option bytes' first word, into {}", path.display()));
        self.outcome.read = Some((path, 4));
        Ok(())
    }

    fn read_to(&mut self, file: &str, address: u32, asked: u32) -> Result<(), StFlashError> {
        let all = self.known.flash_size;
        let size = if asked == 0 { all } else { asked.min(all) };
        if size < asked {
            self.note(Note::Shortened { asked, read: size });
        }
        let path = self.host.path(file);
        self.host.may_write(&path)?;
        if u64::from(size) > LONGEST_FILE {
            return Err(StFlashError::TooLarge { path, bytes: size.into() });
        }
        let mut data = Vec::new();
        let mut offset = 0;
        while offset < size {
            let length = self.known.page.min(size - offset);
            data.extend(self.read_words(address.wrapping_add(offset), length, "reading"));
            offset += length;
        }
        if data.len() as u32 != size {
            self.note(Note::Lengthened { asked: size, read: data.len() as u32 });
        }
        let bytes = match self.arguments.format {
            Format::Binary => data.clone(),
            Format::Ihex => ihex::write(address, &data).into_bytes(),
        };
        self.host.save(&path, &bytes)?;
        self.say(&format!(
            "read {} bytes from 0x{address:08X} on into {}",
            thousands(data.len() as u32),
            path.display()
        ));
        self.outcome.read = Some((path, data.len() as u32));
        Ok(())
    }
}
