//! The fields of the EEPROM page, as data: [`Field::all`] comes from `fields.toml`, read when the crate is compiled.

use super::FIELDS;
use crate::am32::Firmware;
use crate::near::nearest;

/// The layout whose rules hold for pages of later layouts, and for blank ones: the newest that is known.
pub const NEWEST: u8 = 4;

/// How a field's bytes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One byte, with a unit: see [`Field::scales`].
    Number,
    /// One byte, 0 or 1.
    Switch,
    /// One byte, of [`Field::choices`].
    Choice,
    /// Characters.
    Text,
    /// Bytes without a meaning.
    Bytes,
    /// A melody: see [`super::tune`].
    Tune,
}

/// Raw values, or layouts, from first to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub first: u8,
    /// The last, which belongs to it.
    pub last: u8,
}

impl Span {
    /// Whether `value` is among them.
    pub const fn holds(self, value: u8) -> bool {
        self.first <= value && value <= self.last
    }
}

/// What a number's raw values mean: value = raw x factor + base.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The raw values that make sense.
    pub raw: Span,
    /// The unit of one step of the raw value.
    pub factor: f64,
    /// What raw 0 means.
    pub base: f64,
    /// Of the raw values every so many-th, from the first on.
    pub step: u8,
    /// The layouts in which it is so.
    pub layouts: Span,
}

impl Scale {
    /// Whether this raw value makes sense.
    pub const fn holds(&self, raw: u8) -> bool {
        self.raw.holds(raw) && (raw - self.raw.first).is_multiple_of(self.step)
    }

    /// The value in the field's unit.
    pub fn value(&self, raw: u8) -> f64 {
        f64::from(raw) * self.factor + self.base
    }

    /// The first and the last value that make sense.
    pub fn range(&self) -> (f64, f64) {
        (self.value(self.raw.first), self.value(self.raw.last))
    }

    /// Whether a value that is none of its own is a mistake, and not to be rounded: whole numbers, even ones, and steps
    /// that are few.
    pub fn is_exact(&self) -> bool {
        const FEW: u8 = 8;
        self.factor == 1.0 || self.step > 1 || self.raw.last - self.raw.first < FEW
    }

    /// The raw value that is nearest to `value`; none where it is out of range.
    pub fn raw(&self, value: f64) -> Option<u8> {
        let (low, high) = self.range();
        // Half a digit of what is printed.
        let slack = 0.5 * 10f64.powi(-(self.decimals() as i32));
        if !(low - slack..=high + slack).contains(&value) {
            return None;
        }
        let steps = ((value - low) / (self.factor * f64::from(self.step))).round();
        // Within the range: not negative, and below 256.
        let raw = self.raw.first.saturating_add((steps as u8).saturating_mul(self.step));
        Some(raw.min(self.raw.last))
    }

    /// Digits behind the point that are worth printing.
    pub fn decimals(&self) -> usize {
        match self.factor {
            f if f.fract() == 0.0 => 0,
            f if f < 0.1 => 2,
            _ => 1,
        }
    }
}

/// A named raw value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The byte.
    pub raw: u8,
    /// Its name.
    pub name: &'static str,
    /// The firmware that first knows it.
    pub since: Option<Firmware>,
}

/// What the firmware does with raw values that make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outside {
    /// The raw values.
    pub raw: Span,
    /// The firmware that was the first to do otherwise.
    pub before: Option<Firmware>,
    /// What it does.
    pub does: &'static str,
}

/// A field of the page.
#[derive(Debug, PartialEq)]
pub struct Field {
    /// What dryflash calls it: `motor_kv`.
    pub name: &'static str,
    /// What AM32's JSON schema calls it: `motorKv`.
    pub json: Option<&'static str>,
    /// Its name in AM32's `EEprom_t`: `motor_kv`, `servo.neutral`.
    pub c_name: &'static str,
    /// Its DroneCAN parameter: `MOTOR_KV`.
    pub dronecan: Option<&'static str>,
    /// What it is for.
    pub about: &'static str,
    /// Its first byte, from the page's start.
    pub at: usize,
    /// Bytes.
    pub size: usize,
    /// The layouts that have it.
    pub layouts: Span,
    /// The firmware that first looks at it.
    pub since: Option<Firmware>,
    /// How it is read.
    pub kind: Kind,
    /// The unit of a number.
    pub unit: Option<&'static str>,
    /// What a number's raw values mean. The first that fits is the one that is written.
    pub scales: &'static [Scale],
    /// Named values.
    pub choices: &'static [Choice],
    /// Raw values that switch it off. The first is the one that is written.
    pub off: &'static [Span],
    /// What the firmware does with raw values that make no sense.
    pub outside: &'static [Outside],
    /// What FF means, where a byte that was never written is usual.
    pub blank: Option<&'static str>,
    /// Of a fresh page; none where that depends on who writes it. Each of the field's bytes.
    pub default: Option<u8>,
    /// The same on a page of layout 2 or older, where it is another one.
    pub old: Option<u8>,
    /// What firmware from 2.19 on puts there when it takes over a page of layout 2 or older.
    pub migrated: Option<u8>,
    /// DroneCAN's default, where it is another one.
    pub can: Option<u8>,
}

/// A name that no field has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no setting is called '{name}'{}", .near.map_or_else(String::new, |near| format!("; did you mean {near}?")))]
pub struct UnknownField {
    /// The name.
    pub name: String,
    /// The field that may be meant.
    pub near: Option<&'static str>,
}

impl Field {
    /// All fields, in the order of their bytes; those of other layouts may share bytes.
    pub fn all() -> &'static [Field] {
        FIELDS
    }

    /// The field of this name, by any of its names: dryflash's, AM32's in C and in its JSON schema, DroneCAN's. Case, `_`, `.`
    /// and `-` make no difference.
    ///
    /// # Errors
    /// No field has it; with the one that is nearest.
    pub fn named(name: &str) -> Result<&'static Field, UnknownField> {
        let wanted = plain(name);
        let own = FIELDS.iter().find(|f| plain(f.name) == wanted);
        let field = own.or_else(|| FIELDS.iter().find(|f| f.names().any(|n| plain(n) == wanted)));
        field.ok_or_else(|| {
            let all = FIELDS.iter().flat_map(Field::names);
            let near = nearest(name, all).and_then(|near| FIELDS.iter().find(|f| f.names().any(|n| n == near)));
            UnknownField { name: name.to_owned(), near: near.map(|f| f.name) }
        })
    }

    /// Its names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        [Some(self.name), Some(self.c_name), self.json, self.dronecan].into_iter().flatten()
    }

    /// The name for JSON: AM32's, where its schema has one.
    pub fn json_name(&self) -> &'static str {
        self.json.unwrap_or(self.name)
    }

    /// Whether pages of `layout` have it; FF is a blank page, which the newest rules hold for.
    pub const fn is_in(&self, layout: u8) -> bool {
        self.layouts.holds(if layout > NEWEST { NEWEST } else { layout })
    }

    /// The scales of `layout`.
    pub fn scales_in(&self, layout: u8) -> impl Iterator<Item = &'static Scale> + use<> {
        self.scales.iter().filter(move |s| s.layouts.holds(layout.min(NEWEST)))
    }

    /// What a fresh page of `layout` holds; none where that depends on who writes it.
    pub const fn default_in(&self, layout: u8) -> Option<u8> {
        match self.old {
            Some(old) if layout <= 2 => Some(old),
            _ => self.default,
        }
    }

    /// Whether `raw` switches it off.
    pub fn is_off(&self, raw: u8) -> bool {
        self.off.iter().any(|span| span.holds(raw))
    }

    /// The values that make sense on a page of `layout`, for people: `0.1 to 20.0 %/ms, or off`.
    pub fn allowed(&self, layout: u8) -> String {
        let mut words: Vec<String> = match self.kind {
            Kind::Number => self.scales_in(layout).map(|s| self.range(s)).collect(),
            Kind::Switch => vec!["on".to_owned(), "off".to_owned()],
            Kind::Choice => self.choices.iter().map(|c| c.name.to_owned()).collect(),
            Kind::Text => vec![format!("up to {} characters of ASCII", self.size)],
            Kind::Bytes => vec![format!("{} bytes in hex", self.size)],
            Kind::Tune => vec![format!("default, or {} bytes in hex", self.size)],
        };
        if !self.off.is_empty() && self.kind != Kind::Switch {
            words.push("off".to_owned());
        }
        match words.pop() {
            Some(last) if !words.is_empty() => format!("{} or {last}", words.join(", ")),
            last => last.unwrap_or_default(),
        }
    }

    fn range(&self, scale: &Scale) -> String {
        let (low, high) = scale.range();
        let (decimals, unit) = (scale.decimals(), self.unit.map_or_else(String::new, |u| format!(" {u}")));
        let steps = match scale.factor {
            _ if scale.step == 2 => ", even".to_owned(),
            factor if factor != 1.0 && scale.is_exact() => format!(", in steps of {factor}"),
            _ => String::new(),
        };
        format!("{low:.decimals$} to {high:.decimals$}{unit}{steps}")
    }
}

/// A name without what makes no difference.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_byte_of_a_layout_is_one_fields() {
        for layout in 0..=NEWEST {
            let mut owner: Vec<Option<&str>> = vec![None; 192];
            for field in Field::all().iter().filter(|f| f.is_in(layout)) {
                for byte in &mut owner[field.at..field.at + field.size] {
                    assert_eq!(*byte, None, "{} in layout {layout}", field.name);
                    *byte = Some(field.name);
                }
            }
            let bytes = match layout {
                0 => 30,
                1 => 42,
                _ => 192,
            };
            let free: Vec<usize> = (0..bytes).filter(|n| owner[*n].is_none()).collect();
            assert_eq!(free, [0usize; 0], "layout {layout}");
            assert!(owner[bytes..].iter().all(Option::is_none), "layout {layout}");
        }
    }

    #[test]
    fn names_are_there_once() {
        let mut seen = HashSet::new();
        for field in Field::all() {
            assert!(seen.insert(plain(field.name)), "{}", field.name);
            assert!(!field.about.is_empty() && field.about.is_ascii(), "{}", field.name);
            for name in field.names() {
                // Reserved bytes share AM32's name.
                let found = Field::named(name).unwrap();
                assert!(found.name == field.name || field.name.starts_with("reserved"), "{name} is {}", found.name);
            }
        }
        let jsons: Vec<&str> = Field::all().iter().map(Field::json_name).collect();
        assert_eq!(jsons.iter().collect::<HashSet<_>>().len(), jsons.len());
    }

    #[test]
    fn fields_are_found_by_any_name() {
        for name in ["motor_kv", "motorKv", "MOTOR_KV", "motor-kv"] {
            assert_eq!(Field::named(name).unwrap().name, "motor_kv");
        }
        assert_eq!(Field::named("servo.neutral").unwrap().name, "servo_neutral");
        assert_eq!(Field::named("limits.current").unwrap().name, "current_limit");
        let unknown = Field::named("motor_pole").unwrap_err();
        assert_eq!(unknown.to_string(), "no setting is called 'motor_pole'; did you mean motor_poles?");
        assert_eq!(Field::named("xyzzyxyzzy").unwrap_err().near, None);
    }

    #[test]
    fn numbers_go_to_bytes_and_back() {
        for field in Field::all().iter().filter(|f| f.kind == Kind::Number) {
            for layout in 0..=NEWEST {
                for scale in field.scales_in(layout) {
                    for raw in (0..=255).filter(|r| scale.holds(*r)) {
                        assert_eq!(scale.raw(scale.value(raw)), Some(raw), "{} {raw}", field.name);
                    }
                    let (low, high) = scale.range();
                    assert_eq!((scale.raw(low - 50.0), scale.raw(high + 50.0)), (None, None), "{}", field.name);
                }
            }
        }
    }

    #[test]
    fn what_is_allowed_is_told() {
        let allowed = |name| Field::named(name).unwrap().allowed(4);
        assert_eq!(allowed("max_ramp"), "0.1 to 20.0 %/ms");
        assert_eq!(allowed("motor_poles"), "2 to 32, even");
        assert_eq!(allowed("current_limit"), "2 to 200 A or off");
        assert_eq!(allowed("advance_level"), "0.0 to 30.0 degrees or 0.0 to 22.5 degrees, in steps of 7.5");
        assert_eq!(allowed("variable_pwm"), "fixed, variable or by rpm");
        assert_eq!(allowed("comp_pwm"), "on or off");
    }
}
