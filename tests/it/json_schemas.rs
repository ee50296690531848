//! `docs/schemas/`: what each verb prints as JSON fits its schema, and the schemas know every field that is printed.

use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn dryflash(words: &[&str]) -> (Value, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_dryflash"))
        .args(words)
        .current_dir(root().join("firmware/built"))
        .env("CI", "true")
        .envs(["CI_NODE_INDEX", "JOB_COMPLETION_INDEX", "SLURM_ARRAY_TASK_ID"].map(|name| (name, "")))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    (serde_json::from_str(&text).unwrap_or_else(|e| panic!("{words:?}: {e}: {text}{error}")), text)
}

/// A schema, in as much of JSON Schema as the ones here use. Unlike a validator it takes no field that is not named.
struct Schema(Value);

impl Schema {
    fn of(name: &str) -> Schema {
        let path = root().join(format!("docs/schemas/{name}.schema.json"));
        Schema(serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap())
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema.get("$ref").and_then(Value::as_str) {
            Some(reference) => self.resolve(self.0.pointer(reference.trim_start_matches('#')).unwrap()),
            None => schema,
        }
    }

    /// What does not fit, each with its place.
    fn flaws(&self, value: &Value) -> Vec<String> {
        let mut flaws = Vec::new();
        self.look(&self.0, value, "", &mut flaws);
        flaws
    }

    fn look(&self, schema: &Value, value: &Value, place: &str, flaws: &mut Vec<String>) {
        let schema = self.resolve(schema);
        for key in schema.as_object().into_iter().flat_map(Map::keys) {
            let known = [
                "$schema",
                "$defs",
                "title",
                "description",
                "type",
                "properties",
                "required",
                "items",
                "enum",
                "const",
                "anyOf",
                "oneOf",
                "additionalProperties",
                "pattern",
                "minItems",
                "maxItems",
                "minimum",
                "maximum",
                "format",
                "default",
            ];
            assert!(known.contains(&key.as_str()), "{place}: this test does not know {key}");
        }
        if let Some(types) = schema.get("type") {
            let types: Vec<&str> = match types {
                Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
                one => one.as_str().into_iter().collect(),
            };
            if !types.iter().any(|t| is(t, value)) {
                flaws.push(format!("{place}: {value} is no {types:?}"));
                return;
            }
        }
        if schema.get("const").is_some_and(|c| c != value) {
            flaws.push(format!("{place}: {value} is not {}", schema["const"]));
        }
        if schema.get("enum").and_then(Value::as_array).is_some_and(|all| !all.contains(value)) {
            flaws.push(format!("{place}: {value} is none of {}", schema["enum"]));
        }
        if let (Some(first), Some(number)) = (schema.get("minimum").and_then(Value::as_f64), value.as_f64())
            && number < first
        {
            flaws.push(format!("{place}: {number} is less than {first}"));
        }
        if schema.get("pattern") == Some(&json!("^DF[0-9]{3}$")) {
            let id = value.as_str().unwrap_or_default();
            let digits = id.strip_prefix("DF").filter(|d| d.len() == 3 && d.bytes().all(|b| b.is_ascii_digit()));
            if digits.is_none() {
                flaws.push(format!("{place}: {id} is no id"));
            }
        }
        for kind in ["anyOf", "oneOf"] {
            if let Some(all) = schema.get(kind).and_then(Value::as_array) {
                let tries = all.iter().map(|inner| {
                    let mut inside = Vec::new();
                    self.look(inner, value, place, &mut inside);
                    inside
                });
                let best = tries.min_by_key(Vec::len).unwrap_or_default();
                flaws.extend(best);
            }
        }
        if let Some(object) = value.as_object() {
            self.look_at_fields(schema, object, place, flaws);
        }
        if let (Some(list), Some(items)) = (value.as_array(), schema.get("items")) {
            for (n, inner) in list.iter().enumerate() {
                self.look(items, inner, &format!("{place}[{n}]"), flaws);
            }
        }
    }

    fn look_at_fields(&self, schema: &Value, object: &Map<String, Value>, place: &str, flaws: &mut Vec<String>) {
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !object.contains_key(name) {
                flaws.push(format!("{place}: {name} is missing"));
            }
        }
        let by_variants = schema.get("oneOf").is_some() || schema.get("anyOf").is_some();
        for (name, inner) in object {
            let place = format!("{place}.{name}");
            match (schema.get("properties").and_then(|p| p.get(name)), schema.get("additionalProperties")) {
                (Some(known), _) => self.look(known, inner, &place, flaws),
                (None, Some(other)) if other.is_object() => self.look(other, inner, &place, flaws),
                (None, Some(_)) => {}
                (None, None) if by_variants || schema.get("properties").is_none() => {}
                (None, None) => flaws.push(format!("{place}: the schema does not know it")),
            }
        }
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("{other}"),
    }
}

fn fits(name: &str, words: &[&str]) -> Value {
    let (value, text) = dryflash(words);
    let flaws = Schema::of(name).flaws(&value);
    assert!(flaws.is_empty(), "docs/schemas/{name}.schema.json and {words:?}: {flaws:#?}");
    // Whoever opens the file sees first what it is.
    assert!(text.starts_with("{\n  \"format\": \"dryflash-"), "{words:?}: {}", &text[..60]);
    assert_eq!(value["version"], 1);
    value
}

#[test]
fn checks_fit_their_schema() {
    for words in [
        &["STANDIN_DRYFLASH_F051_2.20_FULL.bin"][..],
        &["STANDIN_DRYFLASH_G071_64K_2.20_FULL.hex", "--signal", "high,low@100", "--reset", "pin"],
        &["STANDIN_F051_BOOTLOADER_PB4_V14.bin", "STANDIN_DRYFLASH_F051_2.20.hex", "STANDIN_EEPROM_BLANK_1K.bin"],
        &["STANDIN_F051_BOOTLOADER_PA2_V8.bin", "STANDIN_DRYFLASH_F051_2.16.bin", "STANDIN_EEPROM_V2_1K.bin"],
        &["--part", "F051", "STANDIN_G071_BOOTLOADER_PB4_64K_V14.bin", "STANDIN_DRYFLASH_F051_2.20.elf"],
        &["--part", "G071_64K", "STANDIN_DRYFLASH_G071_128K_2.20_FULL.bin"],
        &["STANDIN_F051_BL_UPDATER_PB4_V14.amj", "--from-app", "--part", "F051"],
        &["STANDIN_F051_BOOTLOADER_PB4_V14.bin", "STANDIN_DRYFLASH_FAULTY_F051_2.20.elf", "STANDIN_EEPROM_V2_1K.bin"],
    ] {
        fits("check", &[&["check", "--format", "json"], words].concat());
    }
}

#[test]
fn runs_lists_and_refusals_fit_their_schemas() {
    let dir = tempfile::tempdir().unwrap();
    let good = dir.path().join("good.toml");
    let text =
        "about = 'x'\n[matrix]\npart = ['F051']\n[[step]]\npower = 'on'\n[[step]]\nexpect = { powered = true }\n";
    std::fs::write(&good, text).unwrap();
    let scenario = good.to_str().unwrap();
    let passed = fits("run", &["run", scenario, "--format", "json", "--shard", "1/1"]);
    assert_eq!(passed["passed"], true);
    let path = dir.path().join("bad.toml");
    std::fs::write(&path, "about = 'x'\npart = 'F051'\n[[step]]\nboot = 'low'\n[[step]]\nexpect = { starts = true }\n")
        .unwrap();
    let failed = fits("run", &["run", path.to_str().unwrap(), "--format", "json"]);
    assert_eq!(
        (failed["cases"][0]["status"].as_str(), &failed["cases"][0]["findings"][0]["severity"]),
        (Some("failed"), &json!("error"))
    );
    std::fs::write(&path, "step = 3").unwrap();
    let refused = fits("run", &["run", path.to_str().unwrap(), "--format", "json"]);
    assert_eq!(refused["cases"][0]["failures"][0]["kind"], "scenario");
    let list = fits("cases", &["run", "--list", scenario, "--format", "json"]);
    assert_eq!((&list["cases"][0]["id"], &list["cases"][0]["values"]["part"]), (&json!("good/F051"), &json!("F051")));
}

#[test]
fn parts_explanations_and_sessions_fit_their_schemas() {
    fits("parts", &["parts", "--format", "json"]);
    fits("parts", &["parts", "G071", "--unknowns", "--format", "json"]);
    fits("doctor", &["doctor", "--format", "json"]);
    fits("explain", &["explain", "--format", "json"]);
    let one = fits("explain", &["explain", "DF012", "--format", "json"]);
    assert_eq!(one["findings"].as_array().map(Vec::len), Some(1));
    let recording = root().join("scenarios/sessions/settings_with_st_flash.jsonl");
    fits("replay", &["replay", recording.to_str().unwrap(), "--format", "json"]);
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("s.sh");
    std::fs::write(
        &script,
        "st-flash write STANDIN_EEPROM_V2_1K.bin 0x08007c00\nst-flash write no.bin 0x08000000\nst-flash reset\n",
    )
    .unwrap();
    let told = fits("script", &["replay", "--part", "F051", script.to_str().unwrap(), "--format", "json"]);
    assert_eq!(told["lines"][0]["exit_code"], 0);
}

#[test]
fn images_that_are_compared_and_made_fit_their_schemas() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (full, state) = (path("full.bin"), path("esc.json"));
    let files = ["STANDIN_F051_BOOTLOADER_PB4_V14.bin", "STANDIN_DRYFLASH_F051_2.20.hex", "STANDIN_EEPROM_V2_1K.bin"];
    let [bootloader, app, eeprom] = files;
    let packed = fits("pack", &["pack", bootloader, app, eeprom, "-o", &full, "--format", "json"]);
    assert_eq!((&packed["starts"], &packed["files"][1]["role"]), (&json!(true), &json!("app")));
    let refused = fits("pack", &["pack", bootloader, app, "-o", &path("no.bin"), "--format", "json"]);
    assert!(refused["written"].is_null() && refused["findings"][0]["severity"] == "error", "{refused}");
    let split = fits("split", &["split", &full, "-o", dir.path().to_str().unwrap(), "--format", "json"]);
    assert_eq!(split["files"].as_array().map(Vec::len), Some(3));
    let flashed = ["st-flash", "--part", "F051", "--state", &state, "write", &full, "0x08000000"];
    assert!(Command::new(env!("CARGO_BIN_EXE_dryflash")).args(flashed).output().unwrap().status.success());
    let dump = fits("dump", &["dump", "--state", &state, "-o", &path("dump.bin"), "--format", "json"]);
    assert_eq!(dump["written"]["length"], 0x8000);
    let elsewhere = ["dump", "--state", &state, "0x20000000", "4", "-o", &path("sram.bin"), "--format", "json"];
    assert!(fits("dump", &elsewhere)["refusal"].is_string());
    let diff = fits("diff", &["diff", eeprom, "STANDIN_EEPROM_BOOT_00_1K.bin", "--format", "json"]);
    assert_eq!((&diff["equal"], &diff["pages"][0]["runs"][0]["after"]), (&json!(false), &json!("00")));
    let diff = fits("diff", &["diff", app, &state, "--format", "json"]);
    assert_eq!((&diff["equal"], &diff["left_out"][0]), (&json!(true), &json!("bootloader")));
}

#[test]
fn settings_by_name_fit_their_schemas() {
    let dir = tempfile::tempdir().unwrap();
    let out = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (new, set, left) = (out("new.bin"), out("set.hex"), out("left.bin"));
    let (full, app) = ("STANDIN_DRYFLASH_F051_2.20_FULL.hex", "STANDIN_DRYFLASH_F051_2.20.hex");
    let json = ["--format", "json"];
    let made = fits("eeprom", &[&["eeprom", "new", "--part", "F051", "-o", &new][..], &json].concat());
    assert_eq!(made["written"]["bytes"], 192);
    for file in [full, "STANDIN_EEPROM_BLANK_1K.bin", &new] {
        fits("eeprom", &[&["eeprom", "show", file][..], &json].concat());
    }
    fits("eeprom-changes", &[&["eeprom", "diff", full, &new][..], &json].concat());
    let changed = fits("eeprom-changes", &[&["eeprom", "set", full, "motor_kv=1980", "-o", &set][..], &json].concat());
    assert_eq!(changed["changes"][0]["setting"], "motorKv");
    for bootloader in [&[][..], &["--bootloader", "STANDIN_F051_BOOTLOADER_PB4_V14.bin"]] {
        let words = ["eeprom", "migrate", &new, "--app", app, "-o", &left, "--force"];
        let migrated = fits("eeprom-changes", &[&words[..], bootloader, &json].concat());
        assert_eq!(migrated["app"]["done"], true);
    }
}

#[test]
fn maps_fit_their_schema() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("esc.json");
    let state = state.to_str().unwrap();
    dryflash(&["check", "--format", "json", "--state", state, "STANDIN_DRYFLASH_F051_2.20_FULL.bin"]);
    let files = ["STANDIN_F051_BOOTLOADER_PB4_V14.bin", "STANDIN_DRYFLASH_F051_2.20.elf", "STANDIN_EEPROM_V2_1K.bin"];
    fits("map", &[&["map", "--format", "json"], &files[..]].concat());
    let asked = ["--at", "0x08007c01", "--at", "0x20000000", "--at", "0x08001000"];
    let told = fits("map", &[&["map", "--format", "json", "--state", state, files[1]], &asked[..]].concat());
    assert_eq!(told["maps"][0]["at"][0]["setting"]["name"], "layout");
    let other = dir.path().join("other.json");
    let other = other.to_str().unwrap();
    dryflash(&["check", "--format", "json", "--state", other, "STANDIN_DRYFLASH_G071_64K_2.20_FULL.hex"]);
    fits("map", &["map", "--format", "json", state, other]);
    let wrong = ["STANDIN_EEPROM_V2_1K.bin@0x08000400", "STANDIN_EEPROM_BLANK_1K.bin@0x08007e00", "--part", "F051"];
    let told = fits("map", &[&["map", "--format", "json", files[0]], &wrong[..]].concat());
    assert_eq!(told["sound"], false);
}

#[test]
fn signals_fit_their_schemas() {
    let files = ["STANDIN_F051_BOOTLOADER_PB4_V14.bin", "STANDIN_DRYFLASH_F051_2.20.hex", "STANDIN_EEPROM_V2_1K.bin"];
    let few = ["--only", "held-low,held-high,dshot600-idle", "--phases", "2", "--clock", "0", "--for", "100ms"];
    let told = fits("signals", &[&["signals", "--format", "json"], &files[..], &few].concat());
    assert_eq!((told["starts"].as_bool(), told["signals"][2]["cases"][1]["phase"].as_u64()), (Some(false), Some(1)));
    let blank = ["STANDIN_F051_BOOTLOADER_PB4_V14.bin", "--only", "held-low"];
    assert_eq!(fits("signals", &[&["signals", "--format", "json"], &blank[..]].concat())["starts"], false);
    assert!(fits("signals-list", &["signals", "--list", "--format", "json"])["signals"].as_array().unwrap().len() > 20);
    let one = ["--explain", "held-high", "--for", "60ms"];
    fits("signals-case", &[&["signals", "--format", "json"], &files[..], &one].concat());
}

/// The report is apart from what the command prints, and a long command is a short heading.
#[cfg(target_os = "linux")]
#[test]
fn with_fits_its_schema_and_keeps_the_report_apart() {
    let dir = tempfile::tempdir().unwrap();
    let (file, words) = (dir.path().join("with.json"), "x".repeat(300));
    let report = format!("json={}", file.display());
    let output = Command::new(env!("CARGO_BIN_EXE_dryflash"))
        .args(["with", "--part", "F051", "--report", &report, "--", "echo", &words])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with(&words), "{text}");
    let heading = text.lines().find(|l| l.contains(" after `")).unwrap();
    assert!(heading.contains("xxx...`") && heading.chars().count() < 130, "{heading}");
    let value: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(Schema::of("with").flaws(&value), Vec::<String>::new());
    assert_eq!(value["command"][1], words);
}

/// The published files are those that `schema` prints, and name their format.
#[test]
fn schema_prints_what_is_published() {
    let mut names: Vec<String> = std::fs::read_dir(root().join("docs/schemas"))
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().trim_end_matches(".schema.json").to_owned())
        .collect();
    names.sort();
    let all = [
        "cases",
        "check",
        "diff",
        "doctor",
        "dump",
        "eeprom",
        "eeprom-changes",
        "explain",
        "map",
        "pack",
        "parts",
        "replay",
        "run",
        "script",
        "signals",
        "signals-case",
        "signals-list",
        "split",
        "with",
    ];
    assert_eq!(names, all);
    for name in names {
        let (_, text) = dryflash(&["schema", &name]);
        let kept = std::fs::read_to_string(root().join(format!("docs/schemas/{name}.schema.json"))).unwrap();
        assert!(text == kept, "dryflash schema {name} > docs/schemas/{name}.schema.json");
        let schema = Schema::of(&name).0;
        let format = schema["properties"]["format"]["const"].as_str().unwrap();
        assert_eq!(schema["title"], format!("{format}, version 1"));
        assert_eq!(schema["properties"]["version"]["const"], 1);
    }
}

/// The schema of `check` and its description name the same fields.
#[test]
fn the_schema_of_check_is_what_its_page_describes() {
    let schema = Schema::of("check");
    let mut fields = std::collections::BTreeSet::new();
    collect(&schema, &schema.0, "", &mut fields);
    let page = std::fs::read_to_string(root().join("docs/check-json.md")).unwrap();
    let told: Vec<&str> = page.lines().filter_map(|l| l.strip_prefix("| `")?.split('`').next()).collect();
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    for name in &told {
        assert!(fields.contains(&last(name)), "docs/check-json.md has {name}, and the schema has not");
    }
    for field in &fields {
        assert!(told.iter().any(|name| last(name) == *field), "the schema has {field}, and docs/check-json.md has not");
    }
}

fn collect(schema: &Schema, at: &Value, place: &str, fields: &mut std::collections::BTreeSet<String>) {
    let at = schema.resolve(at);
    for (name, inner) in at.get("properties").and_then(Value::as_object).into_iter().flatten() {
        fields.insert(name.clone());
        collect(schema, inner, &format!("{place}.{name}"), fields);
    }
    if let Some(items) = at.get("items") {
        collect(schema, items, place, fields);
    }
}
