//! `docs/check-json.md` names every field of the JSON report, at its place, and every value that a program may switch on.

use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// Sets of files that end in as many ways as the stand-in firmware can show.
const SETS: [&[&str]; 10] = [
    &["STANDIN_DRYFLASH_F051_2.20_FULL.bin"],
    &["STANDIN_DRYFLASH_G071_64K_2.20_FULL.hex", "--signal", "high,low@100", "--reset", "pin"],
    &["STANDIN_F051_BOOTLOADER_PB4_V14.bin", "STANDIN_DRYFLASH_F051_2.20.hex", "STANDIN_EEPROM_BLANK_1K.bin"],
    // It rewrites the settings.
    &["STANDIN_F051_BOOTLOADER_PA2_V8.bin", "STANDIN_DRYFLASH_F051_2.16.bin", "STANDIN_EEPROM_V2_1K.bin"],
    // Another part's bootloader hangs at its clocks.
    &["--part", "F051", "STANDIN_G071_BOOTLOADER_PB4_64K_V14.bin", "STANDIN_DRYFLASH_F051_2.20.elf"],
    // Another part's settings: a fault at an address that is not there.
    &["--part", "G071_64K", "STANDIN_DRYFLASH_G071_128K_2.20_FULL.bin"],
    &["--part", "G071_64K", "STANDIN_G071_BOOTLOADER_PB4_128K_V14.bin", "STANDIN_DRYFLASH_G071_64K_2.20.bin"],
    &["STANDIN_F051_BL_UPDATER_PB4_V14.amj", "--from-app", "--part", "F051"],
    // An updater that leaves a bootloader on another pin.
    &["STANDIN_F051_BOOTLOADER_PB4_V14.bin", "STANDIN_F051_BL_UPDATER_PA2_V14.amj", "STANDIN_EEPROM_V2_1K.bin"],
    // A part with two places for settings.
    &["--part", "G071", "STANDIN_DRYFLASH_G071_128K_2.20_FULL.bin", "--signal", "low"],
];

/// Fields whose values a program may switch on.
const SWITCHES: [&str; 12] =
    ["format", "role", "placed_by", "how", "kind", "check", "signal", "reset", "by", "severity", "cause", "version"];

fn report(args: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_dryflash"))
        .args(["check", "--format", "json"])
        .args(args)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/firmware/built"))
        .output()
        .expect("dryflash starts");
    let error = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{}: {e}: {error}", args.join(" ")))
}

/// The text between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The fields that the document names, as `power_ups[].jump.address`, and all the words that it quotes.
fn documented() -> (BTreeSet<String>, BTreeSet<String>) {
    let text = include_str!("../docs/check-json.md");
    let (mut fields, mut prefixes) = (BTreeSet::new(), vec![String::new()]);
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("###") {
            prefixes = quoted(heading).map(|p| format!("{p}.")).collect();
            if prefixes.is_empty() {
                prefixes.push(String::new());
            }
        } else if let Some(row) = line.strip_prefix("| `") {
            let field = row.split('`').next().unwrap_or_default();
            fields.extend(prefixes.iter().map(|prefix| format!("{prefix}{field}")));
        }
    }
    (fields, text.lines().filter(|l| l.starts_with('|')).flat_map(quoted).map(str::to_owned).collect())
}

/// Collects the fields of `value` and the values of [`SWITCHES`].
fn walk(value: &Value, path: &str, fields: &mut BTreeSet<String>, values: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                if let (true, Some(text)) = (SWITCHES.contains(&key.as_str()), inner.as_str()) {
                    values.insert(text.to_owned());
                }
                walk(inner, &path, fields, values);
                fields.insert(path);
            }
        }
        Value::Array(list) => list.iter().for_each(|inner| walk(inner, &format!("{path}[]"), fields, values)),
        _ => {}
    }
}

#[test]
fn every_field_and_value_is_documented() {
    let (known, words) = documented();
    let (mut fields, mut values) = (BTreeSet::new(), BTreeSet::new());
    for set in SETS {
        walk(&report(set), "", &mut fields, &mut values);
    }
    let missing: Vec<_> = fields.difference(&known).collect();
    assert!(missing.is_empty(), "docs/check-json.md does not name {missing:?}");
    let missing: Vec<_> = values.difference(&words).collect();
    assert!(missing.is_empty(), "docs/check-json.md does not name the values {missing:?}");
    // A documented field that no report has any more would rot unnoticed. These need a chip that is broken in its own way.
    // Or, as these, an app that never gets there, and one that rewrites its settings.
    let rare = [
        "findings[].place",
        "power_ups[].ending.",
        "power_ups[].unmodelled[].",
        "power_ups[].in_vain[].",
        "power_ups[].app.alive.",
        "power_ups[].changed[].settings.",
    ];
    let gone: Vec<_> = known.difference(&fields).filter(|f| !rare.iter().any(|r| f.starts_with(r))).collect();
    assert!(gone.is_empty(), "docs/check-json.md names {gone:?}, which no report has");
}

#[test]
fn the_example_has_the_documented_fields() {
    let text = include_str!("../docs/check-json.md");
    let example = text.split("```json").nth(1).and_then(|t| t.split("```").next()).expect("an example");
    let (mut fields, mut values) = (BTreeSet::new(), BTreeSet::new());
    walk(&serde_json::from_str(example).expect("JSON"), "", &mut fields, &mut values);
    assert!(fields.is_subset(&documented().0), "{:?}", fields.difference(&documented().0));
}
