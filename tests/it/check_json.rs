//! `docs/check-json.md` names every field of the JSON report, at its place, and every value that a program may switch on.

use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// Sets of files that end in as many ways as the stand-in firmware can show.
const SETS: [&[&str]; 11] = [
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
    // An app that faults, with its symbols.
    &["STANDIN_F051_BOOTLOADER_PB4_V14.bin", "STANDIN_DRYFLASH_FAULTY_F051_2.20.elf", "STANDIN_EEPROM_V2_1K.bin"],
    // A part with two places for settings.
    &["--part", "G071", "STANDIN_DRYFLASH_G071_128K_2.20_FULL.bin", "--signal", "held-low"],
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
    let text = include_str!("../../docs/check-json.md");
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
        "power_ups[].power_up.waveform",
        "findings[].place",
        "files[].by_running.firmware",
        "power_ups[].ending.",
        "power_ups[].unmodelled[].",
        "power_ups[].in_vain[].",
        "power_ups[].choices",
        "power_ups[].app.alive.",
        "power_ups[].changed[].settings.",
    ];
    let gone: Vec<_> = known.difference(&fields).filter(|f| !rare.iter().any(|r| f.starts_with(r))).collect();
    assert!(gone.is_empty(), "docs/check-json.md names {gone:?}, which no report has");
}

#[test]
fn the_example_has_the_documented_fields() {
    let text = include_str!("../../docs/check-json.md");
    let example = text.split("```json").nth(1).and_then(|t| t.split("```").next()).expect("an example");
    let (mut fields, mut values) = (BTreeSet::new(), BTreeSet::new());
    walk(&serde_json::from_str(example).expect("JSON"), "", &mut fields, &mut values);
    assert!(fields.is_subset(&documented().0), "{:?}", fields.difference(&documented().0));
}

/// A stand-in bootloader under another name, with app and settings of the same part.
fn renamed(bootloader: &str, name: &str) -> Value {
    let built = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::copy(built.join(bootloader), &path).unwrap();
    let (app, page) = match (bootloader.contains("F051"), bootloader.contains("128K")) {
        (true, _) => ("STANDIN_DRYFLASH_F051_2.20.bin", "STANDIN_EEPROM_V2_1K.bin"),
        (_, true) => ("STANDIN_DRYFLASH_G071_128K_2.20.bin", "STANDIN_EEPROM_V2_2K.bin"),
        _ => ("STANDIN_DRYFLASH_G071_64K_2.20.bin", "STANDIN_EEPROM_V2_2K.bin"),
    };
    report(&[path.to_str().unwrap(), app, page])
}

/// The message of the finding called `id`.
fn told<'a>(report: &'a Value, id: &str) -> Option<&'a str> {
    let findings = report["findings"].as_array()?;
    findings.iter().find(|f| f["id"] == id)?["message"].as_str()
}

#[test]
fn a_run_tells_a_bootloaders_true_version_and_pin() {
    for (file, version) in [
        ("STANDIN_F051_BOOTLOADER_PB4_V14.bin", 14),
        ("STANDIN_F051_BOOTLOADER_PB4_V12.bin", 12),
        ("STANDIN_G071_BOOTLOADER_PB4_64K_V14.bin", 14),
        ("STANDIN_G071_BOOTLOADER_PB4_128K_V12.bin", 12),
    ] {
        let right = renamed(file, file);
        assert_eq!(right["files"][0]["by_running"]["bootloader"], version, "{file}");
        assert_eq!((told(&right, "DF040"), told(&right, "DF026"), told(&right, "DF042")), (None, None, None), "{file}");
        assert_eq!(right["files"][0]["named"].as_array().map(Vec::len), Some(0), "{file}: the run has confirmed it");

        let wrong = renamed(file, &file.replace("_V1", "_V9").replace("V94", "V18").replace("V92", "V11"));
        let message = told(&wrong, "DF040").unwrap_or_else(|| panic!("{file}: {wrong}"));
        assert!(message.contains(&format!("V{version}")), "{message}");
        assert!(wrong["starts"].as_bool().unwrap(), "{file}: a name is no reason not to start");
    }
    // Its marks tell no pin, so the samples do.
    let wrong = renamed("STANDIN_F051_BOOTLOADER_PA2_V12.bin", "STANDIN_F051_BOOTLOADER_PB4_V12.bin");
    assert_eq!(told(&wrong, "DF026"), Some("its name says PB4, but when run it samples PA2"));
    assert_eq!(wrong["files"][0]["by_running"]["pin"], "PA2");
}

#[test]
fn nothing_is_said_to_be_by_its_bytes_that_only_the_name_tells() {
    let report = renamed("STANDIN_F051_BOOTLOADER_PB4_V14.bin", "AM32_F051_BOOTLOADER_PB4_V18.bin");
    let list = |field: &str, n: usize| report["files"][n][field].as_array().unwrap().clone();
    assert!(list("tells", 0).contains(&"V14 or newer".into()) && !list("tells", 0).contains(&"V18".into()));
    assert_eq!(list("named", 0), ["V18"]);
    assert_eq!(
        (list("tells", 1), list("named", 1)),
        (vec!["name tag DRYFLASH_F051".into()], vec!["firmware 2.20".into()])
    );
    // 2.16 stands in its bytes.
    let names = ["STANDIN_F051_BOOTLOADER_PB4_V14.bin", "STANDIN_DRYFLASH_F051_2.16.bin", "STANDIN_EEPROM_V2_1K.bin"];
    let report = self::report(&names);
    assert!(report["files"][1]["tells"].as_array().unwrap().contains(&"firmware 2.16".into()));
}
