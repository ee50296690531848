//! The files that a scenario names: as they are on disk, or made from others.

use super::error::{ScenarioError, Source, nearest};
use super::make::Make;
use super::matrix::{Given, is_pattern, matching, no_match};
use super::scalar::{At, file_and_address};
use crate::image::{Image, ImageError};
use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of files that were read, so that a thousand cases read each but once.
#[derive(Debug, Default)]
pub struct Cache {
    read: Mutex<HashMap<PathBuf, Arc<[u8]>>>,
}

impl Cache {
    fn load(&self, path: &Path) -> std::io::Result<Arc<[u8]>> {
        // Whatever panicked elsewhere: an entry is whole or not there.
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = read.get(path) {
            return Ok(Arc::clone(bytes));
        }
        // A pipe would be waited for.
        crate::files::regular(path)?;
        let bytes: Arc<[u8]> = crate::files::read(path, crate::files::LONGEST_RECORDING)?.into();
        read.insert(path.to_owned(), Arc::clone(&bytes));
        Ok(bytes)
    }
}

/// The files of one case.
#[derive(Debug)]
pub struct Files {
    base: PathBuf,
    given: Given,
    made: HashMap<String, (PathBuf, At<Make>)>,
}

impl Files {
    /// Files relative to `base`, those of the command line by the names that they are shown with, and those that are
    /// made.
    ///
    /// # Errors
    /// A file to make one from is missing, or two have the same name.
    pub fn new(source: &Arc<Source>, base: PathBuf, given: &Given, make: &[At<Make>]) -> Result<Files, ScenarioError> {
        let mut files = Files { base, given: given.clone(), made: HashMap::new() };
        for made in make {
            let from = files.find(source, &made.from, &made.from.span)?;
            if files.made.insert(made.name.clone(), (from, made.clone())).is_some() {
                return Err(source.flaw(&made.span, format!("two files are made with the name {}", made.name)));
            }
        }
        Ok(files)
    }

    /// The folder that names are relative to.
    pub fn base(&self) -> &Path {
        &self.base
    }

    fn path(&self, name: &str) -> PathBuf {
        self.given.get(name).cloned().unwrap_or_else(|| self.base.join(name))
    }

    /// Whether a name is that of a file that is made.
    pub fn is_made(&self, name: &str) -> bool {
        self.made.contains_key(name)
    }

    /// The path of a name or pattern. A made file has none of its own: the one that it is made from.
    ///
    /// # Errors
    /// No such file; a pattern that does not match exactly one.
    pub fn find(&self, source: &Arc<Source>, name: &str, span: &Range<usize>) -> Result<PathBuf, ScenarioError> {
        if let Some((from, _)) = self.made.get(name) {
            return Ok(from.clone());
        }
        let path = self.path(name);
        if path.is_file() {
            return Ok(path);
        }
        if is_pattern(name) {
            let found = matching(&self.base, name).map_err(|e| source.flaw(span, e))?;
            return match found.as_slice() {
                [] => Err(no_match(source, span, &self.base, name)),
                [one] => Ok(self.base.join(one)),
                several => {
                    let error = source.flaw(span, format!("'{name}' matches {} files", several.len()));
                    Err(error.hint(format!(
                        "name one of them, such as {}; an axis {{ glob = \"{name}\" }} makes a case of each",
                        several[0]
                    )))
                }
            };
        }
        let error = source.flaw(span, format!("there is no file {name}"));
        let folder = path.parent().unwrap_or(&self.base);
        let names: Vec<String> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(|e| e.ok().map(|e| e.file_name().to_string_lossy().into_owned()))
            .collect();
        let wanted = path.file_name().unwrap_or_default().to_string_lossy();
        let made = self.made.keys().map(String::as_str);
        Err(match nearest(&wanted, names.iter().map(String::as_str).chain(made)) {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error.hint(format!("it is looked for in {}", folder.display())),
        })
    }

    /// Its content, as it is on disk or as it is made.
    ///
    /// # Errors
    /// It cannot be read, or not be made as asked.
    pub fn bytes(
        &self,
        source: &Arc<Source>,
        cache: &Cache,
        name: &str,
        span: &Range<usize>,
    ) -> Result<Vec<u8>, ScenarioError> {
        let path = self.find(source, name, span)?;
        let bytes = cache.load(&path).map_err(|reason| ScenarioError::Unreadable { path: path.clone(), reason })?;
        match self.made.get(name) {
            Some((_, make)) => changed(source, bytes.to_vec(), make),
            None => Ok(bytes.to_vec()),
        }
    }

    /// The image in `FILE` or `FILE@ADDR`; `at` where the address stands elsewhere. It is called as the scenario
    /// calls it.
    ///
    /// # Errors
    /// It cannot be read, or is no image.
    pub fn image(
        &self,
        source: &Arc<Source>,
        cache: &Cache,
        text: &str,
        at: Option<u32>,
        span: &Range<usize>,
    ) -> Result<Image, ScenarioError> {
        let (name, address) = self.split(source, text, span)?;
        let bytes = self.bytes(source, cache, name, span)?;
        let shown = if is_pattern(name) && !self.is_made(name) {
            let path = self.find(source, name, span)?;
            path.strip_prefix(&self.base).unwrap_or(&path).to_string_lossy().into_owned()
        } else {
            name.to_owned()
        };
        let flaw = |e: ImageError| source.flaw(span, e.to_string());
        Image::parse(&shown, &bytes, address.or(at)).map_err(flaw)
    }

    /// Name and address. A file whose name holds an `@` wins over an address.
    ///
    /// # Errors
    /// An address that is a slip.
    pub fn split<'t>(
        &self,
        source: &Arc<Source>,
        text: &'t str,
        span: &Range<usize>,
    ) -> Result<(&'t str, Option<u32>), ScenarioError> {
        if self.is_made(text) || self.path(text).is_file() {
            return Ok((text, None));
        }
        file_and_address(text).map_err(|e| source.flaw(span, e))
    }
}

/// Makes a file from another one's bytes.
fn changed(source: &Arc<Source>, mut bytes: Vec<u8>, make: &At<Make>) -> Result<Vec<u8>, ScenarioError> {
    for patch in make.patch.iter().filter(|p| p.when.is_none_or(|w| w.0)) {
        let at = usize::try_from(patch.value.at.0).unwrap_or(usize::MAX);
        let end = at.saturating_add(patch.value.bytes.0.len());
        let length = bytes.len();
        let Some(place) = bytes.get_mut(at..end) else {
            let message = format!("{} has {length} bytes, and none at 0x{at:X}", make.from.value);
            return Err(source.flaw(&patch.span, message));
        };
        place.copy_from_slice(&patch.value.bytes.0);
    }
    if let Some(length) = &make.cut_to {
        if length.0 >= bytes.len() as u64 {
            return Err(source.flaw(&length.span, format!("{} has {} bytes only", make.from.value, bytes.len())));
        }
        bytes.truncate(length.0 as usize);
    }
    if let Some(length) = &make.pad_to {
        if length.0 < bytes.len() as u64 || length.0 > crate::image::MAX_SIZE as u64 {
            return Err(source.flaw(&length.span, format!("{} has {} bytes already", make.from.value, bytes.len())));
        }
        bytes.resize(length.0 as usize, 0xB5);
    }
    if let Some(replace) = &make.replace {
        let [old, new] = &replace.value;
        let text = String::from_utf8(bytes).ok().filter(|text| text.contains(old.as_str()));
        let Some(text) = text else {
            return Err(source.flaw(&replace.span, format!("{} does not hold this text", make.from.value)));
        };
        bytes = text.replace(old, new).into_bytes();
    }
    Ok(bytes)
}
