//! What a difference means: versions, pins and name tags, settings by name, option bytes by field.

use super::side::Side;
use super::{Area, Change, Subject};
use crate::am32::Info;
use crate::am32::settings::{self, Settings};
use crate::flash::NonVolatile;
use crate::flash::cells::DOUBLE_WORD;

/// What is known by a name alone is said to be.
const BY_NAME: &str = "(by its file's name)";
/// Where nothing tells.
const NOT_TOLD: &str = "not told";

/// What means another thing in `b` than in `a`. Only these places in flash differ: where bytes are equal, the names of files
/// have no say.
pub fn changes(a: &Side<'_>, b: &Side<'_>, places: &[Area]) -> Vec<Change> {
    let mut found = Found(Vec::new());
    if let (Some(before), Some(after)) = (&a.source.kept, &b.source.kept) {
        found.one(Subject::Chip, "part", Some(before.part.name.clone()), Some(after.part.name.clone()));
        if before.part.name == after.part.name {
            found.chip(&before.non_volatile, &after.non_volatile);
        }
    }
    let info = |side: &Side<'_>| side.piece.as_ref().map(|piece| piece.info.clone());
    let (before, after) = (info(a), info(b));
    if places.contains(&Area::Bootloader) {
        found.all(Subject::Bootloader, &before, &after, bootloader);
    }
    if places.contains(&Area::App) {
        found.all(Subject::App, &before, &after, app);
    }
    if places.contains(&Area::Settings) {
        found.settings(a, b);
    }
    found.options(a, b);
    found.0
}

/// Names and values, of which the first is what the thing is as a whole.
type Told = Vec<(&'static str, String)>;

fn bootloader(info: &Info) -> Option<Told> {
    let marks = info.bootloader?;
    let exact = marks.version.is_exact() || info.seen.bootloader.is_some();
    let version = match info.bootloader_version() {
        Some(version) if exact => format!("V{version}"),
        Some(version) => format!("V{version} {BY_NAME}"),
        None => marks.version.to_string(),
    };
    let mut told = vec![("version", version)];
    let marked = marks.info.and_then(|i| i.pin).or(info.seen.pin);
    let named = || info.name.pin.map(|pin| format!("{pin} {BY_NAME}"));
    told.push(("pin", marked.map(|pin| pin.to_string()).or_else(named).unwrap_or_else(|| NOT_TOLD.to_owned())));
    let device = |f: &dyn Fn(crate::am32::marks::DeviceInfo) -> String| marks.info.map_or_else(|| "none".to_owned(), f);
    told.push(("flash code", device(&|i| format!("{:02X}", i.flash_code))));
    told.push(("protocol", device(&|i| i.protocol.to_string())));
    told.push(("CAN", if marks.can { "yes" } else { "no" }.to_owned()));
    Some(told)
}

fn app(info: &Info) -> Option<Told> {
    let app = info.app.as_ref()?;
    let exact = app.old_version.is_some() || info.seen.firmware.is_some();
    let version = match info.firmware() {
        Some(version) if exact => version.to_string(),
        Some(version) => format!("{version} {BY_NAME}"),
        None => NOT_TOLD.to_owned(),
    };
    let none = || "none".to_owned();
    Some(vec![
        ("firmware", version),
        ("name tag", app.tag.as_ref().map_or_else(none, |tag| tag.text.clone())),
        ("stack pointer", app.vectors.map_or_else(none, |v| format!("0x{:08X}", v.sp))),
        ("reset vector", app.vectors.map_or_else(none, |v| format!("0x{:08X}", v.pc))),
        ("CAN signature", if app.can_signature.is_some() { "yes" } else { "no" }.to_owned()),
        ("linked for the start of flash", if app.at_base { "yes" } else { "no" }.to_owned()),
    ])
}

struct Found(Vec<Change>);

impl Found {
    fn one(&mut self, subject: Subject, what: &str, before: Option<String>, after: Option<String>) {
        if before != after {
            self.0.push(Change { subject, what: what.to_owned(), before, after });
        }
    }

    fn all(&mut self, subject: Subject, before: &Option<Info>, after: &Option<Info>, tell: fn(&Info) -> Option<Told>) {
        let told = [before, after].map(|info| info.as_ref().and_then(tell));
        let [before, after] = match told {
            [Some(before), Some(after)] => [before, after],
            // The one that is there, by its version.
            told => {
                let [before, after] = told.map(|t| t.and_then(|t| t.into_iter().next()).map(|(_, version)| version));
                return self.one(subject, &subject.to_string(), before, after);
            }
        };
        for ((what, before), (_, after)) in before.into_iter().zip(after) {
            self.one(subject, what, Some(before), Some(after));
        }
    }

    fn settings(&mut self, a: &Side<'_>, b: &Side<'_>) {
        let pages = [a, b].map(|side| side.settings().filter(|bytes| !bytes.is_empty()));
        let read = |page: &Option<Vec<u8>>| page.as_deref().and_then(|page| Settings::read(page).ok());
        let [Some(before), Some(after)] = [read(&pages[0]), read(&pages[1])] else {
            let whole = |page: &Option<Vec<u8>>| read(page).map(|page| page.to_string());
            return self.one(Subject::Settings, "page", whole(&pages[0]), whole(&pages[1]));
        };
        for change in settings::diff(&before, &after) {
            let text = |value: Option<settings::Value>| value.map(|value| value.text);
            self.one(Subject::Settings, change.field.name, text(change.before), text(change.after));
        }
    }

    /// What an ESC keeps beside main flash and option bytes.
    fn chip(&mut self, before: &NonVolatile, after: &NonVolatile) {
        let written = |bytes: &[u8]| format!("{} bytes written", bytes.iter().filter(|b| **b != 0xFF).count());
        if before.otp != after.otp {
            let texts = [&before.otp, &after.otp]
                .map(|otp| format!("{}, digest {:016x}", written(otp), crate::digest::fnv1a(otp)));
            let [before, after] = texts.map(Some);
            self.one(Subject::Chip, "OTP", before, after);
        }
        // Of equal bytes: a double word of FF that was programmed takes nothing more (G0).
        let words = before.marks.iter().zip(&after.marks).enumerate();
        let bytes = |held: &NonVolatile, word: usize| held.bytes.get(8 * word..8 * word + 8).map(<[u8]>::to_vec);
        let mut other = words.filter(|(word, (a, b))| a != b && bytes(before, *word) == bytes(after, *word));
        if let Some((word, (a, b))) = other.next() {
            let more = other.count();
            let told = |mark: u8| {
                let state = match mark {
                    0 => "erased",
                    1 => "programmed",
                    _ => "bad ECC",
                };
                let rest = if more > 0 { format!(", and {more} more") } else { String::new() };
                Some(format!("0x{:08X} {state}{rest}", before.base + DOUBLE_WORD * word as u32))
            };
            self.one(Subject::Chip, "double words", told(*a), told(*b));
        }
    }

    fn options(&mut self, a: &Side<'_>, b: &Side<'_>) {
        let Some(part) = a.part.as_ref().or(b.part.as_ref()) else { return };
        let of = |side: &Side<'_>| side.source.options(side.part.as_ref().unwrap_or(part));
        let (before, after) = match (of(a), of(b)) {
            (Some(before), Some(after)) => (before, after),
            // An image without them leaves a chip's as they are.
            _ if a.source.is_state() != b.source.is_state() => return,
            (before, after) => {
                let level = |options: crate::layout::OptionBytes| format!("RDP level {}", options.rdp_level);
                return self.one(Subject::OptionBytes, "option bytes", before.map(level), after.map(level));
            }
        };
        let fields = self.0.len();
        for field in &before.fields {
            let other = after.fields.iter().find(|other| other.name == field.name).map(|other| other.stored.clone());
            self.one(Subject::OptionBytes, field.name, Some(field.stored.clone()), other);
        }
        for field in after.fields.iter().filter(|field| before.fields.iter().all(|other| other.name != field.name)) {
            self.one(Subject::OptionBytes, field.name, None, Some(field.stored.clone()));
        }
        // Bits that no field has.
        let stored = |side: &Side<'_>| {
            let segments = side.source.option_bytes.iter().flat_map(|image| &image.segments);
            segments
                .map(|s| s.data.iter().map(|b| format!("{b:02X}")).collect::<String>())
                .collect::<Vec<_>>()
                .join(" ")
        };
        if self.0.len() == fields && a.source.is_state() && b.source.is_state() {
            self.one(Subject::OptionBytes, "bits without a name", Some(stored(a)), Some(stored(b)));
        }
    }
}
