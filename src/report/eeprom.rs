//! What `eeprom show` and `eeprom new` say: a settings page by name. Format `dryflash-eeprom`, version 1.

use super::columns::wrap;
use super::{Detail, Render, RenderError, Style, json, text};
use crate::am32::settings::{Field, Kind, Settings, Sound, Value, tune};
use crate::am32::{BootByte, Finding};
use crate::layout::edit::Rounded;
use crate::plural::count;
use serde::{Serialize, Serializer};
use std::fmt::Write;

/// Columns of names: the longest has 25.
const NAMES: usize = 26;
/// Columns of a table with values beside the names; where there are fewer, they stand below.
const TABLE: usize = 64;

/// A page, by name.
#[derive(Debug)]
pub struct Page {
    /// Where it is.
    pub place: Place,
    /// What it holds.
    pub settings: Settings,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// Values that were rounded on the way.
    pub rounded: Vec<Rounded>,
    /// The file that it was written to.
    pub written: Option<Written>,
}

/// Where a page stands.
#[derive(Clone, Debug, Serialize)]
pub struct Place {
    /// The file that it is in.
    pub file: String,
    /// Whose page it is, where that is known: `F051`.
    pub part: Option<String>,
    /// Its first address, where that is known.
    pub address: Option<u32>,
}

/// A file that was written.
#[derive(Clone, Debug, Serialize)]
pub struct Written {
    /// Its name.
    pub file: String,
    /// Its length in bytes.
    pub bytes: usize,
    /// How to flash it, as a line of st-flash's.
    pub flash: Option<String>,
}

/// The head of a page, as JSON has it.
#[derive(Debug, Serialize)]
pub(super) struct Head<'a> {
    #[serde(flatten)]
    place: &'a Place,
    length: usize,
    boot_byte: u8,
    layout: Option<u8>,
    firmware: Option<String>,
    bootloader: Option<u8>,
}

impl<'a> Head<'a> {
    pub(super) fn of(place: &'a Place, settings: &Settings) -> Head<'a> {
        Head {
            place,
            length: settings.bytes().len(),
            boot_byte: settings.byte(0),
            layout: (!settings.is_blank()).then(|| settings.layout()),
            firmware: settings.firmware().map(|f| f.to_string()),
            bootloader: settings.bootloader(),
        }
    }
}

/// A setting, as JSON has it.
#[derive(Debug, Serialize)]
pub(super) struct Setting<'a> {
    name: &'static str,
    offset: usize,
    raw: &'a [u8],
    value: Option<f64>,
    unit: Option<&'static str>,
    text: &'a str,
    default: bool,
    doubt: Option<&'a str>,
}

impl<'a> Setting<'a> {
    pub(super) fn of(value: &'a Value) -> Setting<'a> {
        Setting {
            name: value.field.name,
            offset: value.field.at,
            raw: &value.raw,
            value: value.number,
            unit: value.field.unit.filter(|_| value.number.is_some()),
            text: &value.text,
            default: value.is_default,
            doubt: value.doubt.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    version: u32,
    #[serde(flatten)]
    head: Head<'a>,
    #[serde(serialize_with = "by_name")]
    settings: &'a [Value],
    tune: Option<Vec<Sound>>,
    findings: &'a [Finding],
    rounded: &'a [Rounded],
    written: &'a Option<Written>,
}

/// By AM32's names, in the order of their bytes.
fn by_name<S: Serializer>(values: &[Value], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(values.iter().map(|v| (v.field.json_name(), Setting::of(v))))
}

impl Render for Page {
    fn text(&self, style: Style) -> String {
        let mut out = String::new();
        if let Some(written) = &self.written {
            written.tell(style, &mut out);
            rounded(&self.rounded, style, &mut out);
            if style.detail != Detail::Verbose {
                // Nothing that is in doubt goes without saying, even where the rest does.
                self.settings.values().iter().filter(|v| v.doubt.is_some()).for_each(|v| row(v, style, &mut out));
                self.findings.iter().for_each(|f| text::one_finding(f, "  ", style, &mut out));
                return out;
            }
            out.push('\n');
        }
        let values = self.settings.values();
        if style.detail != Detail::Quiet {
            head(&self.place, &self.settings, style, &mut out);
            out.push('\n');
        }
        for value in &values {
            if shown(value, style.detail) {
                row(value, style, &mut out);
            }
        }
        if !self.findings.is_empty() {
            if style.detail != Detail::Quiet {
                let _ = writeln!(out, "\n{}", style.heading("findings"));
            }
            self.findings.iter().for_each(|f| text::one_finding(f, "  ", style, &mut out));
        }
        if style.detail != Detail::Quiet {
            let doubts = values.iter().filter(|v| v.doubt.is_some()).count();
            let line = match (doubts, self.findings.len()) {
                (0, 0) if self.settings.is_blank() => "This page holds no settings.".to_owned(),
                (0, 0) => style.good("Nothing in this page is in doubt."),
                (0, found) => style.bad(&format!("{} about this page.", count(found as u64, "finding"))),
                (doubts, 0) => style.bad(&format!("{} in doubt.", count(doubts as u64, "setting"))),
                (doubts, found) => style.bad(&format!(
                    "{} in doubt, {} about this page.",
                    count(doubts as u64, "setting"),
                    count(found as u64, "finding")
                )),
            };
            out.push('\n');
            wrap(&line, "", "  ", style.width, &mut out);
        }
        out
    }

    fn json(&self) -> Result<String, RenderError> {
        let values = self.settings.values();
        json::document(&Document {
            format: "dryflash-eeprom",
            version: 1,
            head: Head::of(&self.place, &self.settings),
            settings: &values,
            tune: melody(&values),
            findings: &self.findings,
            rounded: &self.rounded,
            written: &self.written,
        })
    }
}

/// The melody among the settings, where it is the page's own.
fn melody(values: &[Value]) -> Option<Vec<Sound>> {
    values.iter().find(|v| v.field.kind == Kind::Tune).and_then(|v| tune(&v.raw))
}

/// Whether a setting is told: in doubt always; bytes without a meaning where they hold something.
fn shown(value: &Value, detail: Detail) -> bool {
    match detail {
        Detail::Quiet => value.doubt.is_some(),
        Detail::Usual | Detail::Thorough => {
            value.doubt.is_some() || value.field.kind != Kind::Bytes || !value.is_default
        }
        Detail::Verbose => true,
    }
}

impl Written {
    /// What was written, and what to do with it.
    pub(super) fn tell(&self, style: Style, out: &mut String) {
        let line = format!("{} is written, {}.", self.file, count(self.bytes as u64, "byte"));
        wrap(&line, "", "  ", style.width, out);
        if let Some(flash) = self.flash.as_ref().filter(|_| style.detail != Detail::Quiet) {
            wrap(&format!("To flash it: {flash}"), "", "  ", style.width, out);
        }
    }
}

/// Values that are none of a setting's steps.
pub(super) fn rounded(all: &[Rounded], style: Style, out: &mut String) {
    for Rounded { setting, asked, taken } in all {
        let line = format!("{setting}: {asked} is not a step; {taken} is the nearest, and is taken.");
        wrap(&line, "", "  ", style.width, out);
    }
}

/// Which page it is, and who wrote it.
pub(super) fn head(place: &Place, settings: &Settings, style: Style, out: &mut String) {
    let whose = match (&place.part, place.address) {
        (Some(part), Some(address)) => format!(": the settings page of the {part}, at 0x{address:08X}"),
        (None, Some(address)) => format!(": the settings page at 0x{address:08X}"),
        (Some(part), None) => format!(": a settings page of the {part}"),
        (None, None) => ": a settings page".to_owned(),
    };
    wrap(&format!("{}{whose}", style.heading(&place.file)), "", "  ", style.width, out);
    wrap(&summary(settings), "", "  ", style.width, out);
    if settings.is_blank() {
        wrap("By the newest layout, its bytes would mean:", "", "  ", style.width, out);
    }
}

/// Layout, firmware, bootloader and boot byte, in a line.
pub(super) fn summary(settings: &Settings) -> String {
    let mut line = match settings.layout() {
        _ if settings.is_blank() => "no settings".to_owned(),
        layout => format!("layout {layout}"),
    };
    if let Some(firmware) = settings.firmware() {
        let _ = write!(line, ", written by firmware {firmware}");
    }
    if let Some(version) = settings.bootloader() {
        let _ = write!(line, ", bootloader V{version}");
    }
    let _ = write!(line, ", boot byte {:02X}", settings.byte(0));
    line.push_str(match settings.boot() {
        BootByte::Ready => "",
        BootByte::CutOff => " (an update was cut off)",
        BootByte::Blank => " (blank)",
        BootByte::Other(_) => " (neither 00, 01 nor FF)",
    });
    line
}

/// A setting: name, value, raw bytes, whether it is the default; and why it is in doubt.
fn row(value: &Value, style: Style, out: &mut String) {
    let name = value.field.name;
    let raw = raw(value);
    let default = if value.is_default { "default" } else { "" };
    let mark = if value.doubt.is_some() { "!" } else { " " };
    if style.width >= TABLE {
        let gap = " ".repeat(NAMES.saturating_sub(name.len()));
        let line = format!("{mark} {name}{gap}{:<18} {raw:<6} {default}", value.text);
        let _ = writeln!(out, "{}", line.trim_end());
    } else {
        let _ = writeln!(out, "{mark} {name}");
        let comma = if default.is_empty() { "" } else { ", " };
        wrap(&format!("{} ({raw}{comma}{default})", value.text), "    ", "      ", style.width, out);
    }
    if let Some(doubt) = &value.doubt {
        wrap(&format!("{} {doubt}", style.bad("doubt:")), "    ", "      ", style.width, out);
    }
    if let Some(sounds) = melody(std::slice::from_ref(value)).filter(|_| style.detail != Detail::Quiet) {
        let told: Vec<String> = sounds.iter().map(sound).collect();
        wrap(&told.join(", "), "    ", "    ", style.width, out);
    }
    if style.detail == Detail::Verbose {
        wrap(value.field.about, "    ", "    ", style.width, out);
    }
}

/// The raw bytes, where they are few.
pub(super) fn raw(value: &Value) -> String {
    match value.raw.as_slice() {
        [byte] => format!("{byte:02X}"),
        bytes => format!("{} bytes", bytes.len()),
    }
}

/// A sound, as musicians and as engineers call it: `A4 (440 Hz) 200 ms`.
fn sound(sound: &Sound) -> String {
    const NAMES: [&str; 12] = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"];
    let ms = sound.ms;
    let Some(hz) = sound.hz.filter(|hz| *hz > 0) else { return format!("pause {ms} ms") };
    // 69 is A4, as MIDI counts.
    let number = (12.0 * (f64::from(hz) / 440.0).log2()).round() as i32 + 69;
    let (octave, name) = (number.div_euclid(12) - 1, NAMES[number.rem_euclid(12) as usize]);
    format!("{name}{octave} ({hz} Hz) {ms} ms")
}

/// Whether a table with values beside the names fits.
pub(super) const fn has_room(style: Style) -> bool {
    style.width >= TABLE
}

/// A field's name, and blanks up to where values begin.
pub(super) fn name_column(field: &Field) -> String {
    format!("  {:<NAMES$}", field.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::Firmware;
    use crate::am32::settings::default_page;

    fn page(change: impl FnOnce(&mut Vec<u8>)) -> Page {
        let mut bytes = default_page(4, Firmware { major: 2, minor: 21 });
        change(&mut bytes);
        let place = Place { file: "page.bin".into(), part: Some("F051".to_owned()), address: Some(0x0800_7C00) };
        Page {
            place,
            settings: Settings::read(&bytes).unwrap(),
            findings: Vec::new(),
            rounded: Vec::new(),
            written: None,
        }
    }

    fn styled(width: usize, detail: Detail) -> Style {
        Style { width, detail, ..Style::default() }
    }

    #[test]
    fn names_values_and_defaults() {
        let text = page(|p| p[26] = 0x30).text(styled(80, Detail::Usual));
        for line in [
            "page.bin: the settings page of the F051, at 0x08007C00",
            "  motor_kv                  1940 KV            30",
            "  max_ramp                  16.0 %/ms          A0     default",
            "Nothing in this page is in doubt.",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }

    #[test]
    fn a_doubt_is_told_even_quietly_and_nothing_else_is() {
        let text = page(|p| p[5] = 0).text(styled(80, Detail::Quiet));
        assert!(text.starts_with("! max_ramp") && text.contains("doubt:"), "{text}");
        assert_eq!(text.lines().filter(|l| !l.starts_with("    ")).count(), 1, "{text}");
        assert_eq!(page(|_| ()).text(styled(80, Detail::Quiet)), "");
    }

    #[test]
    fn narrow_lines_fit() {
        let mut page = page(|p| p[5] = 0);
        page.place.file = "a/long/path/to/some/page_of_settings.bin".into();
        for detail in [Detail::Quiet, Detail::Usual, Detail::Verbose] {
            for width in [40, 60, 80, 100] {
                let text = page.text(styled(width, detail));
                assert!(text.lines().all(|l| l.chars().count() <= width), "{width}\n{text}");
            }
        }
    }

    #[test]
    fn sounds_have_names() {
        let told = |hz| sound(&Sound { hz, ms: 50 });
        assert_eq!(told(Some(440)), "A4 (440 Hz) 50 ms");
        assert_eq!(told(Some(523)), "C5 (523 Hz) 50 ms");
        assert_eq!(told(None), "pause 50 ms");
    }
}
