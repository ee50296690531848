//! Two pages by name.

use super::field::Field;
use super::page::Settings;
use super::value::Value;

/// A field that two pages hold otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The field.
    pub field: &'static Field,
    /// What the first page holds; none where it does not have the field.
    pub before: Option<Value>,
    /// What the second page holds; none where it does not have the field.
    pub after: Option<Value>,
}

/// What differs between two pages, in the order of the bytes. A page without settings has none to compare with: of it, only what
/// bootloaders look at counts. Bytes behind a page's end are FF, as blank flash is.
pub fn diff(before: &Settings, after: &Settings) -> Vec<Change> {
    let of = |page: &Settings, other: &Settings, field: &'static Field| {
        if page.is_blank() && field.at > 2 {
            return None;
        }
        // A shorter page of the same layout: what it does not reach is blank.
        let long = page.lengthened(other.bytes().len());
        Value::of(&long, field)
    };
    let changed = |field: &'static Field| {
        let (a, b) = (of(before, after, field), of(after, before, field));
        let same = match (&a, &b) {
            (Some(a), Some(b)) => a.raw == b.raw,
            (None, None) => true,
            // FF that stayed FF.
            (None, Some(b)) if before.is_blank() => b.raw.iter().all(|byte| *byte == 0xFF),
            (Some(a), None) if after.is_blank() => a.raw.iter().all(|byte| *byte == 0xFF),
            _ => false,
        };
        (!same).then_some(Change { field, before: a, after: b })
    };
    Field::all().iter().filter_map(changed).collect()
}

/// What differs between two pages, a phrase each: `layout 2 -> 4`, `motor_kv 2220 KV -> 2180 KV`.
pub fn changes(before: &Settings, after: &Settings) -> Vec<String> {
    let none = || "none".to_owned();
    let layout = |s: &Settings| if s.is_blank() { none() } else { s.layout().to_string() };
    let firmware = |s: &Settings| s.firmware().filter(|_| !s.is_blank()).map_or_else(none, |f| f.to_string());
    let heads = [("layout", layout(before), layout(after)), ("firmware", firmware(before), firmware(after))];
    let told = heads.into_iter().filter(|(_, a, b)| a != b).map(|(name, a, b)| format!("{name} {a} -> {b}"));
    let head = |field: &Field| ["layout", "firmware_major", "firmware_minor"].contains(&field.name);
    // Fields that come or go with the layout are told by the layout.
    let both = diff(before, after).into_iter().filter_map(|c| Some((c.field, c.before?, c.after?)));
    let fields = both.filter(|(f, ..)| !head(f)).filter_map(|(f, a, b)| match f.size {
        // Two bytes that mean the same.
        1 if a.text == b.text => None,
        2.. if a.text == b.text => Some(format!("{} (other bytes)", f.name)),
        _ => Some(format!("{} {} -> {}", f.name, a.text, b.text)),
    });
    let mut phrases: Vec<String> = told.chain(fields).collect();
    match (before.has_tuning(), after.has_tuning()) {
        _ if before.is_blank() || after.is_blank() => {}
        (false, true) => phrases.push("bytes 5 to 16 are settings now, not a name".to_owned()),
        (true, false) => phrases.push("bytes 5 to 16 are a name now, not settings".to_owned()),
        _ => {}
    }
    phrases
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::am32::Firmware;
    use crate::am32::settings::default_page;

    fn page(layout: u8) -> Vec<u8> {
        default_page(layout, Firmware { major: 2, minor: 20 })
    }

    fn told(a: &[u8], b: &[u8]) -> Vec<(&'static str, Option<String>, Option<String>)> {
        let of = |page: &[u8]| Settings::read(page).unwrap();
        let text = |value: Option<Value>| value.map(|v| v.text);
        diff(&of(a), &of(b)).into_iter().map(|c| (c.field.name, text(c.before), text(c.after))).collect()
    }

    #[test]
    fn by_name_and_with_units() {
        let a = page(3);
        let mut b = page(3);
        assert!(told(&a, &b).is_empty());
        (b[26], b[44]) = (0x36, 50);
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            told(&a, &b),
            [("motor_kv", some("2220 KV"), some("2180 KV")), ("current_limit", some("off"), some("100 A"))]
        );
    }

    #[test]
    fn fields_come_and_go_with_the_layout() {
        let all = told(&page(2), &page(3));
        let of = |name| all.iter().find(|(n, ..)| *n == name).unwrap();
        assert!(of("name").2.is_none() && of("name").1.is_some());
        assert_eq!((of("max_ramp").1.as_deref(), of("max_ramp").2.as_deref()), (None, Some("16.0 %/ms")));
        assert!(all.iter().all(|(n, ..)| *n != "motor_kv"));
        let of = |page: &[u8]| Settings::read(page).unwrap();
        let (a, b) = (of(&page(2)), of(&page(3)));
        assert_eq!(changes(&a, &b), ["layout 2 -> 3", "bytes 5 to 16 are settings now, not a name"]);
        assert_eq!(changes(&b, &a), ["layout 3 -> 2", "bytes 5 to 16 are a name now, not settings"]);
    }

    #[test]
    fn a_blank_page_has_nothing_to_compare() {
        let mut blank = vec![0xFF; 192];
        blank[0] = 1;
        let all = told(&blank, &page(3));
        let kept: Vec<&str> = all.iter().filter(|(_, before, _)| before.is_some()).map(|(name, ..)| *name).collect();
        assert_eq!((all.len() > 40, kept), (true, vec!["layout", "bootloader"]));
        assert!(all.iter().all(|(name, ..)| *name != "boot"), "the boot byte is the same");
        assert!(all.iter().all(|(name, ..)| *name != "tune"), "FF stays FF");
        let of = |page: &[u8]| Settings::read(page).unwrap();
        assert_eq!(
            changes(&of(&blank), &of(&page(3))),
            ["layout none -> 3", "firmware none -> 2.20", "bootloader none -> 1"]
        );
        assert_eq!(told(&page(3)[..48], &page(3)), [], "FF follows a short page");
    }
}
