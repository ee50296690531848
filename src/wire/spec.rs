//! A signal as it was written: names and files are still to be looked up.

use super::catalogue;
use super::error::SignalError;
use super::meant;
use super::parse;
use super::recorded::Recording;
use super::source::{Kind, Source};
use super::timing::Timing;
use super::units::Span;
use super::waveform::{Part, Waveform};
use crate::periph::signal::{Drive, Ohms};
use crate::time::Time;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

/// A signal as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    pub(super) text: String,
    pub(super) parts: Vec<SpecPart>,
    pub(super) via: Option<Ohms>,
}

/// A part of it, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SpecPart {
    pub from: Time,
    pub at: Range<usize>,
    pub item: Item,
}

/// What a part is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A source.
    Source(Source),
    /// A name.
    Named(String),
    /// A line of a VCD file.
    File { path: String, line: Option<String>, skip: Time, timing: Timing },
}

/// Where names and files are looked up.
pub trait Names {
    /// The text of a signal of this name; those of the catalogue need not be here.
    fn text(&self, name: &str) -> Option<&str>;

    /// All names, for hints.
    fn names(&self) -> Vec<&str>;

    /// The contents of a file that stands in the text of the signal `within`, or in what was given.
    ///
    /// # Errors
    /// Why it cannot be read, with its path.
    fn read(&self, path: &str, within: Option<&str>) -> Result<Vec<u8>, String>;
}

/// The catalogue alone; files are not read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Builtin;

impl Names for Builtin {
    fn text(&self, _: &str) -> Option<&str> {
        None
    }

    fn names(&self) -> Vec<&str> {
        Vec::new()
    }

    fn read(&self, path: &str, _: Option<&str>) -> Result<Vec<u8>, String> {
        Err(format!("{path} cannot be read: files are not read here"))
    }
}

/// How deep names may stand for names.
pub(super) const DEEPEST: usize = 8;
/// The longest text of a signal, in bytes, once names are what they stand for: 4,096 serial bytes and what goes with them.
const LONGEST: usize = 16 << 10;
/// How many names may be looked up for one signal.
const MOST_NAMES: usize = 10_000;

impl FromStr for Spec {
    type Err = SignalError;

    fn from_str(text: &str) -> Result<Spec, SignalError> {
        parse::spec(text)
    }
}

impl FromStr for Waveform {
    type Err = SignalError;

    /// Reads a signal whose names are the catalogue's.
    fn from_str(text: &str) -> Result<Waveform, SignalError> {
        text.parse::<Spec>()?.resolve(&Builtin)
    }
}

impl Default for Spec {
    /// Low, as a flight controller holds it.
    fn default() -> Spec {
        let item = Item::Source(Source::level(Drive::Low));
        Spec { text: "low".to_owned(), parts: vec![SpecPart { from: Time::ZERO, at: 0..3, item }], via: None }
    }
}

impl Spec {
    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is but a name.
    pub fn is_name(&self) -> bool {
        matches!(self.parts.as_slice(), [SpecPart { item: Item::Named(_), .. }])
    }

    /// When its last part begins.
    pub fn last_part(&self) -> Time {
        self.parts.last().map_or(Time::ZERO, |p| p.from)
    }

    /// The signal, with its names and files looked up. A signal that is but one name has that name.
    ///
    /// # Errors
    /// A name that nobody knows, a file that cannot be played.
    pub fn resolve(&self, names: &dyn Names) -> Result<Waveform, SignalError> {
        let mut search = Search { names, within: Vec::new(), left: MOST_NAMES };
        let wire = self.resolve_within(&mut search).map_err(|trouble| trouble.error)?;
        let (bytes, last) = (wire.text().len(), wire.last_part());
        let wrong = |message: String| Err(SignalError::new(&self.text, 0..self.text.len(), message));
        if bytes > LONGEST {
            return wrong(format!("written out this signal has {bytes} bytes: at most {LONGEST}"));
        }
        if last > Time::LONGEST {
            let (last, most) = (Span(last), Span(Time::LONGEST));
            return wrong(format!("the last part of this signal begins at {last}: at most {most} after power-on"));
        }
        Ok(wire)
    }

    /// The files in it.
    pub(super) fn files(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match &part.item {
            Item::File { path, .. } => Some(path.as_str()),
            _ => None,
        })
    }

    /// The names in it, with their places.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, &Range<usize>)> {
        self.parts.iter().filter_map(|part| match &part.item {
            Item::Named(name) => Some((name.as_str(), &part.at)),
            _ => None,
        })
    }

    fn resolve_within(&self, search: &mut Search<'_>) -> Result<Waveform, Trouble> {
        let (mut parts, mut via, mut name): (Vec<Part>, _, _) = (Vec::new(), self.via, None);
        for (n, part) in self.parts.iter().enumerate() {
            let wrong = |message: String| SignalError::new(&self.text, part.at.clone(), message);
            let here = |message: String| Trouble { error: wrong(message), of_names: false };
            match &part.item {
                Item::Source(source) => parts.push(Part { from: part.from, source: source.clone() }),
                Item::File { path, line, skip, timing } => {
                    let bytes = search.names.read(path, search.within.last().map(String::as_str)).map_err(here)?;
                    let recording = Recording::read(path, &bytes, line.as_deref()).map_err(|e| here(e.to_string()))?;
                    recording.leaves(*skip).map_err(|e| here(e.to_string()))?;
                    let kind = Kind::Recorded { recording: Arc::new(recording), skip: *skip };
                    parts.push(Part { from: part.from, source: Source::new(kind, *timing).map_err(here)? });
                }
                Item::Named(called) => {
                    let text = text_of(called, search.names).ok_or_else(|| here(unknown(called, search.names)))?;
                    search.enter(called).map_err(|message| Trouble { error: wrong(message), of_names: true })?;
                    let found = text.parse::<Spec>().map_err(|error| Trouble { error, of_names: false });
                    let found = found.and_then(|spec| spec.resolve_within(search)).map_err(|inner| {
                        // Which names lead to which is all there is to say: no place in a text of theirs is wrong.
                        let message = match inner.of_names {
                            true => inner.error.message,
                            false => format!("in the signal '{called}': {}", inner.error),
                        };
                        Trouble { error: wrong(message), ..inner }
                    })?;
                    search.within.pop();
                    let end = self.parts.get(n + 1).map_or(Time::NEVER, |next| next.from);
                    let moved = found.parts().iter().map(|p| Part { from: part.from + p.from, ..p.clone() });
                    parts.extend(moved.filter(|p| p.from < end));
                    via = via.or(found.via());
                    name = (self.parts.len() == 1 && self.via.is_none()).then(|| called.clone());
                }
            }
        }
        Ok(Waveform::new(name, parts, via))
    }
}

/// Why a signal cannot be looked up.
struct Trouble {
    error: SignalError,
    /// It is how names stand for names.
    of_names: bool,
}

/// Names that are being looked up.
struct Search<'a> {
    names: &'a dyn Names,
    /// Which stand for which.
    within: Vec<String>,
    /// How many may still be.
    left: usize,
}

impl Search<'_> {
    fn enter(&mut self, name: &str) -> Result<(), String> {
        if let Some(begin) = self.within.iter().position(|w| w == name) {
            return Err(made_of_itself(name, &self.within[begin + 1..]));
        }
        if self.within.len() >= DEEPEST {
            return Err(too_deep());
        }
        self.left = self.left.checked_sub(1).ok_or_else(|| format!("it has more than {MOST_NAMES} names in it"))?;
        self.within.push(name.to_owned());
        Ok(())
    }
}

/// The text of a signal, of `names` or of the catalogue.
pub(super) fn text_of(name: &str, names: &dyn Names) -> Option<String> {
    let own = names.text(name).map(str::to_owned);
    own.or_else(|| catalogue::find(name).map(|e| e.text.to_owned()))
}

/// What is said of a name that leads back to itself, `by` others.
pub(super) fn made_of_itself(name: &str, by: &[String]) -> String {
    match by {
        [] => format!("the signal '{name}' is made of itself"),
        by => format!("the signal '{name}' is made of itself, by {}", by.join(", ")),
    }
}

/// What is said of names that stand for names for ever, or nearly.
pub(super) fn too_deep() -> String {
    format!("names stand for names more than {DEEPEST} deep")
}

/// What is said of a name that nobody knows.
pub(super) fn unknown(name: &str, names: &dyn Names) -> String {
    match meant::nearest(name, &names.names()) {
        Some(near) => format!("there is no signal '{name}': did you mean {near}?"),
        None => format!(
            "there is no signal '{name}': write low, high, floating, servo, dshot300, serial and so on, or a name that `dryflash signals --list` shows"
        ),
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::{Named, Spec};
    use std::path::Path;

    #[test]
    fn names_may_stand_for_names_but_not_for_themselves() {
        let mut named = Named::new("");
        named.insert("n0", "low", Path::new(""));
        for n in 1..=8 {
            named.insert(format!("n{n}"), format!("n{}", n - 1), Path::new(""));
        }
        named.insert("a", "high, b@1s", Path::new(""));
        named.insert("b", "low, a@1s", Path::new(""));
        let resolve = |name: &str| name.parse::<Spec>().unwrap().resolve(&named);
        let deep = resolve("n7").unwrap();
        assert_eq!((deep.name(), deep.to_string().as_str()), (Some("n7"), "low"));
        assert!(resolve("n8").unwrap_err().to_string().contains("names stand for names more than 8 deep"));
        let loops = |text: &str| text.parse::<Spec>().unwrap().resolve(&named).unwrap_err().to_string();
        assert_eq!(loops("a"), "the signal 'a' is made of itself, by b");
        let once = "the signal 'a' is made of itself, by b (at character 6 of 'low, a@5ms')";
        assert_eq!(loops("low, a@5ms"), once, "the place is told once");
    }

    #[test]
    fn names_that_double_with_each_name_end_somewhere() {
        let mut named = Named::new("");
        named.insert("d0", "low", Path::new(""));
        let many = |name: &str| (1..20).fold(name.to_owned(), |all, n| format!("{all}, {name}@{n}ns"));
        for n in 1..8 {
            named.insert(format!("d{n}"), many(&format!("d{}", n - 1)), Path::new(""));
        }
        let error = "d7".parse::<Spec>().unwrap().resolve(&named).unwrap_err().to_string();
        assert_eq!(error, "it has more than 10000 names in it");
    }

    #[test]
    fn what_names_stand_for_has_an_end() {
        let mut named = Named::new("");
        named.insert("late", "low, high@3000s", Path::new(""));
        named.insert("much", format!("serial 19200 bytes {}", "00 ".repeat(4_096)), Path::new(""));
        let resolve = |text: &str| text.parse::<Spec>().unwrap().resolve(&named).map_err(|e| e.to_string());
        assert!(resolve("low, late@600s").is_ok());
        let told = "the last part of this signal begins at 3601s: at most 3600s after power-on";
        assert_eq!(resolve("low, late@601s").unwrap_err(), told);
        assert!(resolve("much").is_ok());
        let told = "written out this signal has 24617 bytes: at most 16384";
        assert_eq!(resolve("much, much@9s").unwrap_err(), told);
        let endless = "low,".repeat(25_000).parse::<Spec>().unwrap_err().to_string();
        assert_eq!(endless, "a text of 100000 bytes is no signal: at most 98304");
        let one = format!("low, {}", "x".repeat(90_000)).parse::<Spec>().unwrap_err().to_string();
        assert!(one.len() < 1_000 && one.contains("has no time"), "{one}");
    }
}
