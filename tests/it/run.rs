//! `dryflash run`, `new`, `schema` and `merge` as a user meets them: folders, errors, snapshots, shares, forms of output.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A project with a folder of scenarios.
struct Project {
    dir: tempfile::TempDir,
}

const HEAD: &str = "about = \"a try\"\npart = \"F051\"\nfiles = \"../files\"\n";
const FULL: &str = "[factory]\nholds = [\"full.hex\"]\n[[step]]\nboot = \"low\"\n";

impl Project {
    fn new() -> Project {
        let dir = tempfile::tempdir().unwrap();
        let project = Project { dir };
        for folder in ["scenarios", "files"] {
            std::fs::create_dir(project.path(folder)).unwrap();
        }
        project.bring("STANDIN_DRYFLASH_F051_2.20_FULL.hex", "full.hex");
        project.bring("STANDIN_F051_BOOTLOADER_PB4_V14.bin", "bootloader.bin");
        project.bring("STANDIN_DRYFLASH_F051_2.20.bin", "app.bin");
        project.bring("STANDIN_EEPROM_V2_1K.bin", "settings.bin");
        project
    }

    fn bring(&self, standin: &str, name: &str) {
        std::fs::copy(root().join("firmware/built").join(standin), self.path("files").join(name)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path("scenarios").join(name), text).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
        command.args(words).current_dir(self.dir.path());
        for name in [
            "GITHUB_WORKSPACE",
            "GITHUB_STEP_SUMMARY",
            "CI",
            "CI_NODE_INDEX",
            "JOB_COMPLETION_INDEX",
            "SLURM_ARRAY_TASK_ID",
            "DRYFLASH_SHARD_INDEX",
        ] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// What it prints on a run that ends with this code.
    fn says(&self, words: &[&str], code: i32) -> String {
        says(&self.run(words), code)
    }
}

fn says(output: &Output, code: i32) -> String {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

#[test]
fn a_failing_case_tells_line_sight_events_and_command() {
    let project = Project::new();
    project.write("a.toml", &format!("{HEAD}{FULL}[[step]]\nexpect = {{ starts = true, jump = \"0x08001234\" }}\n"));
    let text = project.says(&["run", "scenarios"], 1);
    for part in [
        "FAILED a: a try",
        "scenarios/a.toml:9:34: jump = \"0x08001234\"",
        "seen: it jumped to 0x080010C0 after 6.16 ms",
        "step 1: boot",
        "reset by power-on, on at PC 0x080000C0",
        "alone: dryflash run scenarios/a.toml --case a",
        "1 case: 0 passed, 1 failed",
    ] {
        assert!(text.contains(part), "'{part}' is missing: {text}");
    }
    assert!(project.says(&["run", "scenarios/a.toml", "--case", "a"], 1).contains("FAILED a"));
}

/// An expectation as a report names it: `eeprom = { poles = 2 }` as `eeprom.poles = 2`, addresses filled in.
fn named(expectation: &str) -> String {
    let filled = expectation.replace("{at.eeprom}", "0x08007C00").replace("{at.app}", "0x08001000");
    let nested = filled.split_once(" = { ").and_then(|(key, rest)| Some((key, rest.strip_suffix(" }")?)));
    nested.map_or(filled.clone(), |(key, rest)| format!("{key}.{rest}"))
}

/// What is wrong with a scenario, where, and a hint.
#[test]
fn bad_scenarios_are_told_with_line_column_and_hint() {
    let project = Project::new();
    let step = |text: &str| format!("{HEAD}[[step]]\n{text}\n");
    let after = |text: &str| format!("{HEAD}{FULL}[[step]]\n{text}\n");
    let expect = "\n[[step]]\nexpect = { powered = true }";
    for (text, said, hint) in [
        // Unknown keys, with the nearest name.
        (format!("abuot = \"x\"\n{HEAD}"), "bad.toml:1:1: the scenario has no [[step]]", "a step is [[step]]"),
        (format!("abuot = \"x\"\n{HEAD}{FULL}"), "bad.toml:1:1: unknown field `abuot`", "did you mean `about`?"),
        (step("bot = \"low\""), "bad.toml:5:1: there is no step `bot`", "did you mean `boot`?"),
        (after("expect = { jmp = true }"), "bad.toml:9:12: unknown field `jmp`", "did you mean `jump`?"),
        (after("expect = { eeprom = { bot = 1 } }"), "bad.toml:9:23: unknown field `bot`", "did you mean `boot`?"),
        (step("program = { file = \"app.bin\", rol = \"app\" }"), "unknown field `rol`", "did you mean `role`?"),
        (after("expect = { ends = \"stay\" }"), "bad.toml:9:19: unknown variant `stay`", "did you mean `stays`?"),
        (after("boot = \"low\"\nfor = \"1 s\""), "bad.toml:10:1: the step has `boot` already", "goes inside of it"),
        (after("boot = \"low\"\nexpect = {}"), "bad.toml:10:1: the step has `boot` already", "put a [[step]] before"),
        // Wrong types and values.
        (format!("about = 3\n{FULL}"), "bad.toml:1:9: invalid type: integer `3`, expected a string", ""),
        (after("run = \"5\""), "bad.toml:9:7: '5' is not a time", ""),
        (after("run = 5"), "bad.toml:9:7: invalid type: integer `5`", ""),
        (after("expect = { words = { \"0x08000000\" = true } }"), "bad.toml:9:37:", ""),
        (after("expect = { jump = [] }"), "bad.toml:9:19: invalid type: sequence", ""),
        (after("wire = \"up\""), "bad.toml:9:9: there is no signal 'up'", ""),
        (after("boot = \"high, low@9ms, high@8ms\""), "does not come after the one before it", ""),
        (format!("part = \"F052\"\nabout = \"\"\n{FULL}"), "bad.toml:1:8: no part is called 'F052'", "\"F051\"?"),
        (format!("pin = \"B4\"\n{HEAD}{FULL}"), "bad.toml:1:7: 'B4' is not a pin", ""),
        ("about = \"x\nstep = 3".to_owned(), "bad.toml:1:", ""),
        (format!("{HEAD}step = 3"), "bad.toml:4:8: steps are written as [[step]]", ""),
        // Files.
        (step("program = \"ap.bin\""), "bad.toml:5:1: there is no file ap.bin", "did you mean app.bin?"),
        (step("program = \"*.elf\""), "bad.toml:5:1: no file matches '*.elf'", "it is looked for in"),
        (step("program = \"*.bin\""), "'*.bin' matches 3 files", "an axis { glob = \"*.bin\" }"),
        (step("program = \"app.bin@08007c00\""), "08007c00", ""),
        (after("expect = { holds = [\"settings.bi\"] }"), "bad.toml:9:21: there is no file", "settings.bin?"),
        (step("replay = \"session.jsonl\""), "bad.toml:5:1: there is no file session.jsonl", ""),
        (
            step("st_flash = \"write ap.bin 0x08001000\""),
            "bad.toml:5:1: there is no file ap.bin",
            "did you mean app.bin?",
        ),
        (step("st_flash = \"wipe\""), "`wipe` is no command of st-flash", ""),
        (step("st_flash = \"erase && st-flash reset\""), "a step is one command", ""),
        (step("st_flash = { line = \"erase\", fails = \"\" }"), "this text is empty: any would do", "write some"),
        // Steps out of order.
        (step("run = \"5 ms\""), "bad.toml:5:1: `run` needs power, and it is off", "power = \"on\""),
        (step("reset = \"pin\""), "bad.toml:5:1: `reset` needs power", ""),
        (after("power = \"on\""), "bad.toml:9:1: power is on already", "cycle"),
        (after("expect = {}"), "bad.toml:9:1: this expects nothing: it can never fail", "name what has to be so"),
        (
            after("expect = { eeprom = { boot = 300 } }"),
            "bad.toml:9:30: this can never hold: boot is start or update",
            "",
        ),
        (
            after("expect = { eeprom = { max_ramp = \"x\" } }"),
            "9:34: this can never hold: max_ramp is 0.1 to 20.0 %/ms",
            "",
        ),
        (after("expect = { blank = 77 }"), "bad.toml:9:20: there is no page 77", ""),
        (after("expect = { says = true }"), "expected a list, or one alone", ""),
        (after("options = { rdp = 3 }"), "bad.toml:9:19: there is no read-protection level 3", ""),
        (
            format!("{HEAD}[factory]\nrdp = 7\n[[step]]\nboot = \"low\"{expect}"),
            "bad.toml:5:7: there is no read-protection level 7",
            "",
        ),
        (
            step("program = \"app.bin@0x0800100\""),
            "bad.toml:5:1: 0x00800100 can never hold anything",
            "flash is 0x08000000",
        ),
        (step("program = { file = \"app.bin\", at = \"0x20000000\" }"), "0x20000000 can never hold anything", ""),
        (step("power = \"off\""), "bad.toml:5:1: power is off already", ""),
        (step("expect = { starts = true }"), "bad.toml:5:21: no step before tells whether it starts", "boot = \"low\""),
        (
            after(&format!("run = \"1 ms\"{}", "\n[[step]]\nexpect = { jump = true }")),
            "no step before tells of a jump",
            "",
        ),
        (step("snapshot = [\"report\"]"), "bad.toml:5:1: there is no report yet", ""),
        (format!("about = \"\"\n[[step]]\nboot = \"low\"{expect}"), "`boot` needs a chip", "add part = \"F051\""),
        (
            "about = \"\"\nfiles = \"../files\"\n[[step]]\ncheck = \"full.hex\"\n[[step]]\nexpect = { rdp = 0 }"
                .to_owned(),
            "this looks at a chip, and the scenario has none",
            "check` has a chip of its own",
        ),
        // What can never hold.
        (after("boot = \"low\""), "bad.toml:9:1: nothing is expected", "expect = { ... }"),
        (
            after("expect = { starts = true, ends = \"stays\" }"),
            "bad.toml:9:21: this can never hold",
            "take one of the two out",
        ),
        (after("expect = { findings = [\"DF012\"], absent = [\"DF012\"] }"), "both there and absent", ""),
        (after("expect = { findings = [\"DF999\"] }"), "bad.toml:9:24: there is no finding DF999", "dryflash explain"),
        (after("expect = { jump = { after = \"9 ms\", before = \"5 ms\" } }"), "`after` is later than `before`", ""),
        (after("expect = { jump = false, main_loop = true }"), "no main loop without a jump", ""),
        (
            after("expect = { bytes = { \"0x08010000\" = \"01\" } }"),
            "bad.toml:9:37: 0x08010000 can never hold anything",
            "0x08007FFF",
        ),
        (
            after("expect = { bytes = { \"0x08000000\" = \"01\" }, words = { \"0x08000000\" = \"0x2\" } }"),
            "expected twice",
            "",
        ),
        (after("expect = { blank = [\"32\"] }"), "bad.toml:9:21: there is no page 32: the last of an F051 is 31", ""),
        (after("expect = { rdp = 3 }"), "bad.toml:9:18: there is no read-protection level 3", ""),
        (after("boot = \"high, low@500ms\""), "the wire changes at 500.00 ms, after the 400.00 ms", "raise `for`"),
        (after("expect = { says = [\"{nothing}\"] }"), "there is no variable `nothing`", ""),
    ] {
        project.write("bad.toml", &text);
        let output = project.run(&["run", "scenarios"]);
        let told = says(&output, 2);
        assert!(output.stdout.is_empty(), "{told}");
        assert!(told.contains(said), "{text}\nsays\n{told}\nnot\n{said}");
        assert!(
            told.contains(hint) && (hint.is_empty() || told.contains("hint: ")),
            "{text}\nsays\n{told}\nnot\n{hint}"
        );
        assert!(told.contains("bad.toml:") && told.contains(" | "), "the line is shown: {told}");
    }
}

#[test]
fn all_bad_scenarios_are_told_at_once_and_wrong_use_is() {
    let project = Project::new();
    project.write("a.toml", "about = 1");
    project.write("b.toml", "step = 1");
    let told = project.says(&["run", "scenarios"], 2);
    assert!(told.contains("a.toml:1:1") && told.contains("b.toml:1:8"), "{told}");
    std::fs::remove_file(project.path("scenarios/a.toml")).unwrap();
    project.write("b.toml", &format!("{HEAD}{FULL}[[step]]\nexpect = {{ starts = true }}"));
    for (words, said) in [
        (vec!["run", "files"], "files holds no scenario"),
        (vec!["run", "nowhere"], "nowhere: there is no such file or folder; check the name"),
        (vec!["run", "scenarios", "--filter", "zzz"], "no case has such a name"),
        (vec!["run", "scenarios", "--set", "x=1"], "no scenario has a variable or an axis of that name"),
        (vec!["run", "scenarios", "--set", "x"], "is not NAME=VALUE"),
        (vec!["run", "scenarios", "--shard", "5/4"], "share 5 of 4 cannot be"),
        (vec!["run", "scenarios", "scenarios"], "two cases are called b"),
        (vec!["check", "--format", "junit", "files/full.hex"], "[possible values: text, json, sarif, github, html]"),
        (
            vec!["--format", "junit", "check", "files/full.hex"],
            "`check` has no form junit: it has text, json, sarif, github, html",
        ),
        (vec!["explain", "--format", "sarif"], "[possible values: text, json]"),
        (vec!["run", "scenarios", "--report", "junit=files/full.hex"], "is no report of dryflash: it is not replaced"),
        (vec!["run", "scenarios", "--report", "pdf=x"], "pdf"),
        (vec!["run", "scenarios", "--report", "json=no/x.json"], "no/x.json: there is no folder no; make it first"),
        (vec!["run", "--report", "json=x", "--report", "junit=./x"], "something else is written there"),
        (vec!["merge", "nowhere.json"], "nowhere.json: there is no such file or folder; check the name"),
        (vec!["check", "files/full.hex", "--report", "junit=x.xml"], "`check` has no form junit"),
        (vec!["merge", "files/full.hex"], "is no report of"),
    ] {
        let told = project.says(&words, 2);
        assert!(told.contains(said), "{words:?}: {told}");
    }
}

const MATRIX: &str = "about = \"settings\"\npart = \"F051\"\nfiles = \"../files\"\n[matrix]\n\
    first = [\"01\", \"00\", \"FF\"]\nwire = [\"low\", \"high\", \"floating\"]\n\
    seventeen = [\"00\", \"01\"]\n\
    [[make]]\nname = \"page.bin\"\nfrom = \"settings.bin\"\npatch = [{ at = 0, bytes = \"{first}\" }, { at = 17, bytes = \"{seventeen}\" }]\n\
    [factory]\nholds = [\"bootloader.bin\", \"app.bin\", \"page.bin@{at.eeprom}\"]\n\
    [[step]]\nboot = { signal = \"{wire}\", app_for = \"1 ms\" }\n\
    [[step]]\nexpect = { starts = true, bytes = { \"{at.eeprom}\" = \"{first}\" } }\n";

#[test]
fn the_same_report_with_any_number_of_workers_and_from_shares() {
    let project = Project::new();
    project.write("m.toml", MATRIX);
    let whole = project.run(&["run", "scenarios", "--format", "json", "--jobs", "1"]);
    let text = says(&whole, 1);
    let report = json(&text);
    assert_eq!((report["total"].as_u64(), report["counts"]["failed"].as_u64()), (Some(18), Some(14)), "{report}");
    assert_eq!(report["cases"][0]["id"], "m/00/floating/00");
    for jobs in ["2", "8"] {
        let other = says(&project.run(&["run", "scenarios", "--format", "json", "--jobs", jobs]), 1);
        assert!(other == text, "{:?}", other.lines().zip(text.lines()).find(|(a, b)| a != b));
    }
    let mut files = Vec::new();
    for (n, environment) in [
        vec![],
        vec![("CI_NODE_INDEX", "2"), ("CI_NODE_TOTAL", "4")],
        vec![("JOB_COMPLETION_INDEX", "2"), ("JOB_COMPLETIONS", "4")],
        vec![("SLURM_ARRAY_TASK_ID", "4"), ("SLURM_ARRAY_TASK_COUNT", "4"), ("SLURM_ARRAY_TASK_MIN", "1")],
    ]
    .iter()
    .enumerate()
    {
        let mut words = vec!["run", "scenarios", "--format", "json"];
        if environment.is_empty() {
            words.extend(["--shard", "1/4"]);
        }
        let output = project.command(&words).envs(environment.iter().copied()).output().unwrap();
        assert_eq!(json(&String::from_utf8_lossy(&output.stdout))["shard"]["index"], n + 1);
        let file = project.path(&format!("{n}.json"));
        std::fs::write(&file, &output.stdout).unwrap();
        files.push(file.to_string_lossy().into_owned());
    }
    let words = |files: &[String]| {
        let mut words = vec!["merge".to_owned(), "--format".to_owned(), "json".to_owned()];
        words.extend(files.iter().cloned());
        words
    };
    let merged = |files: &[String], code| {
        let words = words(files);
        project.says(&words.iter().map(String::as_str).collect::<Vec<_>>(), code)
    };
    assert_eq!(merged(&files, 1), text);
    files.reverse();
    assert_eq!(merged(&files, 1), text, "in any order");
    assert!(merged(&files[1..], 2).contains("share 4 of 4 is missing"));
    let twice = [files.clone(), vec![files[0].clone()]].concat();
    assert!(merged(&twice, 2).contains("are both share 4 of 4"));
    let other = project.path("other.json");
    std::fs::write(&other, std::fs::read_to_string(&files[0]).unwrap().replace("\"seed\": 1", "\"seed\": 2")).unwrap();
    let mixed = [&files[1..], &[other.to_string_lossy().into_owned()]].concat();
    assert!(merged(&mixed, 2).contains("of another run"));
}

#[test]
fn choosing_and_stopping_and_repeating() {
    let project = Project::new();
    project.write("m.toml", MATRIX);
    let list = project.says(&["run", "scenarios", "--list", "--filter", "/01/", "--filter", "FF"], 0);
    assert_eq!(list.lines().count(), 12, "{list}");
    let list = project.says(&["run", "scenarios", "--list", "--set", "first=01", "--set", "wire=low"], 0);
    assert_eq!(list.lines().collect::<Vec<_>>(), ["m/01/low/00", "m/01/low/01"]);
    for jobs in ["1", "4"] {
        let text = project.says(&["run", "scenarios", "--fail-fast", "--jobs", jobs, "--format", "json"], 1);
        let counts = &json(&text)["counts"];
        assert_eq!((counts["failed"].as_u64(), counts["not_run"].as_u64()), (Some(1), Some(17)), "{counts}");
    }
    let words = ["run", "scenarios", "--filter", "m/01/low", "--repeat", "3"];
    assert!(project.says(&words, 0).contains("2 cases: 2 passed"));
    // A case of its own process tells the same.
    let words = ["run", "scenarios", "--filter", "low", "--format", "json"];
    let here = project.says(&words, 1);
    let apart = project.says(&[&words[..], &["--isolate"]].concat(), 1);
    assert_eq!(here, apart);
    assert_ne!(here, project.says(&[&words[..], &["--seed", "7"]].concat(), 1), "the seed is told");
}

#[test]
fn variables_from_the_command_line() {
    let project = Project::new();
    let scenario = "about = \"an image\"\npart = \"F051\"\n[vars]\nimage = { file = \"\" }\n\
        [[step]]\nprogram = \"{image}\"\n[[step]]\nboot = \"low\"\n[[step]]\nexpect = { starts = true }\n";
    project.write("image.toml", scenario);
    assert!(project.says(&["run", "scenarios"], 2).contains("run it with --set image=FILE"));
    // Relative to where the command is given.
    assert!(project.says(&["run", "scenarios", "--set", "image=files/full.hex"], 0).contains("1 passed"));
    assert!(project.says(&["run", "scenarios", "--set", "image=full.hex"], 2).contains("there is no file"));
    let glob = "about = \"all images\"\npart = \"F051\"\nfiles = \"../files\"\n[matrix]\nimage = { glob = \"full*.hex\" }\n\
        [[step]]\nprogram = \"{image}\"\n[[step]]\nboot = \"low\"\n[[step]]\nexpect = { starts = true }\n";
    project.write("image.toml", glob);
    project.bring("STANDIN_F051_DUMP_32K.hex", "full_dump.hex");
    assert_eq!(project.says(&["run", "scenarios", "--list"], 0), "image/full\nimage/full_dump\n");
    assert!(project.says(&["run", "scenarios"], 0).contains("2 cases: 2 passed"));
}

#[test]
fn a_state_file_is_where_cases_begin() {
    let project = Project::new();
    project.says(&["check", "--part", "F051", "--state", "files/esc.json", "files/full.hex"], 0);
    let before = std::fs::read(project.path("files/esc.json")).unwrap();
    let numbers: Vec<String> = (0..16).map(|n| format!("'{n}'")).collect();
    let scenario = format!(
        "{HEAD}[matrix]\nn = [{}]\n[factory]\nstate = \"esc.json\"\n[[step]]\nprogram = \"app.bin\"\n\
         [[step]]\nboot = \"low\"\n[[step]]\nexpect = {{ starts = true, holds = [\"full.hex\"], wear = {{ \"{{at.app}}\" = 2 }} }}\n",
        numbers.join(", ")
    );
    project.write("state.toml", &scenario);
    // Cases side by side read one file, and none writes it.
    let told = project.says(&["run", "scenarios", "--jobs", "4"], 0);
    assert!(told.contains("16 cases: 16 passed"), "{told}");
    assert_eq!(std::fs::read(project.path("files/esc.json")).unwrap(), before);
    project.write("state.toml", &scenario.replace("F051", "F031"));
    let told = project.says(&["run", "scenarios", "--case", "state/3"], 1);
    assert!(told.contains("holds an STM32F051K6, not an STM32F031K6"), "{told}");
}

#[test]
fn snapshots_are_written_compared_and_named_when_stale() {
    let project = Project::new();
    let text = format!(
        "{HEAD}[[step]]\nprogram = \"bootloader.bin\"\n[[step]]\nprogram = \"app.bin\"\n[[step]]\nprogram = \"settings.bin\"\n[[step]]\nboot = \"low\"\n[[step]]\nsnapshot = [\"flash\", \"events\"]\n"
    );
    project.write("a.toml", &text);
    let file = project.path("snapshots/scenario__a.snap");
    let pending = project.path("snapshots/scenario__a.snap.new");
    let ci = says(&project.command(&["run", "scenarios"]).env("CI", "true").output().unwrap(), 1);
    assert!(
        ci.contains("the snapshot is missing; look at what it shows, then --update writes it") && !file.exists(),
        "{ci}"
    );
    let unseen = project.says(&["run", "scenarios"], 1);
    assert!(unseen.contains("the snapshot is missing") && !file.exists() && pending.exists(), "{unseen}");
    assert!(
        project.says(&["run", "scenarios", "--update"], 0).contains("written: snapshots/scenario__a.snap"),
        "next to the scenarios"
    );
    assert!(!pending.exists());
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(
        written.starts_with("---\nsource: scenarios/a.toml\nexpression: a\n---\na try\n\nflash\n  0x08000000 "),
        "{written}"
    );
    assert!(project.says(&["run", "scenarios"], 0).contains("1 passed"));

    // One byte of the app, far behind its code: the line of its page differs, and in it one of sixteen.
    let mut app = std::fs::read(project.path("files/app.bin")).unwrap();
    app[0x1234] ^= 0x55;
    std::fs::write(project.path("files/app.bin"), &app).unwrap();
    let told = project.says(&["run", "scenarios"], 1);
    let changed: Vec<&str> =
        told.lines().map(str::trim).filter(|l| l.starts_with("+ ") && l.contains("0x0800")).collect();
    assert!(changed.iter().any(|l| l.contains("0x08002000")), "{told}");
    assert!(told.contains("the snapshot differs:") && pending.exists(), "{told}");
    assert!(std::fs::read_to_string(&pending).unwrap().starts_with("---\nsource: scenarios/a.toml\n"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), written, "the old one stands until it is reviewed");
    let strict = says(&project.command(&["run", "scenarios"]).env("CI", "1").output().unwrap(), 1);
    assert!(strict.contains("the snapshot differs:"));
    assert!(project.says(&["run", "scenarios", "--update"], 0).contains("written: "));
    assert!(!pending.exists() && std::fs::read_to_string(&file).unwrap() != written);

    // A case that is gone.
    std::fs::copy(&file, project.path("snapshots/scenario__gone__F051.snap")).unwrap();
    let told = project.says(&["run", "scenarios"], 0);
    assert!(told.contains("snapshots/scenario__gone__F051.snap belongs to no case"), "{told}");
    assert!(!project.says(&["run", "scenarios/a.toml"], 0).contains("stale"), "it may be another file's");
}

#[test]
fn new_writes_what_runs_and_schema_is_the_one_in_docs() {
    let project = Project::new();
    project.says(&["new", "scenarios/mine.toml", "--part", "g071_64k"], 0);
    let text = std::fs::read_to_string(project.path("scenarios/mine.toml")).unwrap();
    assert!(text.contains("part = \"G071_64K\""), "{text}");
    assert!(project.says(&["new", "scenarios/mine.toml"], 2).contains("--force"), "nothing is overwritten");
    project.says(&["new", "scenarios/mine.toml", "--force"], 0);
    assert!(project.says(&["new", "scenarios/x.toml", "--part", "Z80"], 2).contains("no part is called 'Z80'"));
    // With the files that it names it runs.
    std::fs::create_dir(project.path("build")).unwrap();
    for (from, to) in [
        ("STANDIN_F051_BOOTLOADER_PB4_V14.hex", "bootloader.hex"),
        ("STANDIN_DRYFLASH_F051_2.20.hex", "old_app.hex"),
        ("STANDIN_DRYFLASH_F051_2.20.hex", "app.hex"),
        ("STANDIN_EEPROM_V2_1K.bin", "settings.bin"),
    ] {
        std::fs::copy(root().join("firmware/built").join(from), project.path("build").join(to)).unwrap();
    }
    let told = project.says(&["run", "scenarios/mine.toml", "--update"], 0);
    assert!(told.contains("1 case: 1 passed"), "{told}");

    let schema = project.says(&["schema"], 0);
    let kept = std::fs::read_to_string(root().join("docs/scenario.schema.json")).unwrap();
    assert!(schema == kept, "dryflash schema > docs/scenario.schema.json");
    let schema = json(&schema);
    assert!(schema["properties"]["step"].is_object() && schema["additionalProperties"] == false);
}

/// A run with a passed, a failed and a skipped case, awkward characters among them.
fn mixed() -> Project {
    let project = Project::new();
    project.write("a.toml", &format!("{HEAD}{FULL}[[step]]\nexpect = {{ starts = true }}\n"));
    let odd = HEAD.replace("a try", "a <b> & |c| \\\"d\\\" `e` % ä");
    project.write("b ü.toml", &format!("{odd}{FULL}[[step]]\nexpect = {{ starts = false, says = [\"]]> & <x>\"] }}\n"));
    project.write("c.toml", &format!("{HEAD}{FULL}[[step]]\nexpect = {{ starts = true }}\n"));
    project
}

/// What Jenkins's schema for JUnit (junit-10.xsd of its xUnit plugin) takes: element, attributes with `!` where they are
/// required, and what may stand inside.
const JUNIT: [(&str, &str, &str); 7] = [
    ("testsuites", "name time tests failures errors", "testsuite"),
    (
        "testsuite",
        "name! tests! failures! errors! group time skipped timestamp hostname id package file log url",
        "testsuite properties testcase system-out system-err",
    ),
    ("testcase", "name! time classname group", "skipped error failure system-out system-err"),
    ("failure", "type message", ""),
    ("error", "type message", ""),
    ("skipped", "type message", ""),
    ("system-out", "", ""),
];

/// Holds a report against the rules of [`JUNIT`], and its numbers against what is there.
fn junit(text: &str) -> roxmltree::Document<'_> {
    let xml = roxmltree::Document::parse(text).unwrap();
    for node in xml.descendants().filter(roxmltree::Node::is_element) {
        let name = node.tag_name().name();
        let (_, attributes, inside) = JUNIT.iter().find(|(n, ..)| *n == name).unwrap_or_else(|| panic!("{name}"));
        for attribute in node.attributes() {
            let known = attributes.split(' ').any(|a| a.trim_end_matches('!') == attribute.name());
            assert!(known, "{name} has {}", attribute.name());
        }
        for required in attributes.split(' ').filter_map(|a| a.strip_suffix('!')) {
            assert!(node.has_attribute(required), "{name} lacks {required}");
        }
        if let Some(time) = node.attribute("time") {
            let (whole, part) = time.split_once('.').unwrap();
            assert!(!whole.is_empty() && whole.len() <= 3 && part.len() == 3, "{time}");
            assert!([whole, part].iter().all(|digits| digits.bytes().all(|b| b.is_ascii_digit())), "{time}");
        }
        for child in node.children().filter(roxmltree::Node::is_element) {
            assert!(inside.split(' ').any(|i| i == child.tag_name().name()), "{name} holds {:?}", child.tag_name());
        }
        if name.starts_with("testsuite") {
            for (attribute, element) in [("tests", "testcase"), ("failures", "failure"), ("errors", "error")] {
                let there = node.descendants().filter(|n| n.has_tag_name(element)).count();
                assert_eq!(node.attribute(attribute), Some(there.to_string().as_str()), "{name} {attribute}");
            }
        }
    }
    xml
}

#[test]
fn junit_is_what_its_readers_take() {
    let project = mixed();
    let text = project.says(&["run", "scenarios", "--fail-fast", "--format", "junit"], 1);
    let xml = junit(&text);
    let mut seen = Vec::new();
    for case in xml.descendants().filter(|n| n.has_tag_name("testcase")) {
        let suite = case.parent().unwrap();
        assert_eq!(
            (case.attribute("classname"), suite.attribute("file")),
            (suite.attribute("name"), suite.attribute("name"))
        );
        let outcome: Vec<&str> = case.children().filter(|c| c.is_element()).map(|c| c.tag_name().name()).collect();
        let ran = case.attribute("time").unwrap() != "0.000";
        seen.push((case.attribute("name").unwrap().to_owned(), outcome.join(" "), ran));
    }
    let expected = [("a", "", true), ("b ü", "failure", true), ("c", "skipped", false)];
    assert_eq!(seen, expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c)));
    let failure = xml.descendants().find(|n| n.has_tag_name("failure")).unwrap();
    assert_eq!(failure.attribute("type"), Some("expectation"));
    assert!(failure.attribute("message").unwrap().starts_with("starts = false; seen: it starts"));
    assert!(failure.text().unwrap().contains("says = [\"]]> & <x>\"]"));
}

/// Scenarios that cannot be run give a report of every form, with the places.
#[test]
fn wrong_scenarios_are_reported_in_every_form() {
    let project = mixed();
    project.write("x.toml", &format!("{HEAD}{FULL}[[step]]\nbot = \"low\"\n[[step]]\nexpect = {{ jmp = true }}\n"));
    project.write("y.toml", "about = 1\n[[step]]\nboot = \"low\"\n");
    let report = |form: &str, words: &[&str]| {
        let output = project.run(&[&["run", "--format", form], words].concat());
        assert_eq!(output.status.code(), Some(2));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        (String::from_utf8_lossy(&output.stdout).into_owned(), error)
    };
    let (text, error) = report("junit", &["scenarios"]);
    let xml = junit(&text);
    let told: Vec<&str> = xml.descendants().filter(|n| n.has_tag_name("error")).filter_map(|n| n.text()).collect();
    assert!(
        told.len() == 2 && told[0].contains("scenarios/x.toml:9:1: bot") && told[0].contains("scenarios/x.toml:11:12")
    );
    assert!(error.contains("did you mean `boot`?"), "people see it, too: {error}");
    let (text, _) = report("sarif", &["scenarios"]);
    let typed: serde_sarif::sarif::Sarif = serde_json::from_str(&text).unwrap();
    let results = typed.runs[0].results.as_ref().unwrap();
    assert!(results.len() == 3 && results.iter().all(|r| r.rule_id.as_deref() == Some("scenario")), "{text}");
    let (text, _) = report("github", &["scenarios"]);
    assert!(text.contains("::error file=scenarios/x.toml,line=9,col=1,title=scenarios/x::bot = "), "{text}");
    assert!(text.contains("::error file=scenarios/y.toml,line=1,col=9,"), "{text}");
    let (text, _) = report("json", &["scenarios"]);
    let value = json(&text);
    assert_eq!((value["passed"].as_bool(), value["cases"][0]["failures"][1]["line"].as_u64()), (Some(false), Some(11)));
    // What belongs to no file is reported all the same.
    for form in ["junit", "sarif", "github", "json"] {
        let (text, _) = report(form, &["nowhere", "--set", "x=1"]);
        assert!(text.contains("nowhere"), "{form}: {text}");
        let (text, _) = report(form, &["scenarios/a.toml", "--filter", "zzz"]);
        assert!(text.contains("no case has such a name"), "{form}: {text}");
    }
    assert!(report("text", &["scenarios"]).0.is_empty());
}

/// The same cases and snapshots, however the folder is spelled; files of others are left alone.
#[test]
fn a_folder_may_be_spelled_in_any_way() {
    let project = Project::new();
    let steps = "[[step]]\nboot = \"low\"\n[[step]]\nsnapshot = \"flash\"\n";
    project.write("a.toml", &format!("{HEAD}[factory]\nholds = \"full.hex\"\n{steps}"));
    std::fs::create_dir(project.path("scenarios/sub")).unwrap();
    let deep = HEAD.replace("../files", "../../files");
    project.write("sub/b.toml", &format!("{deep}[factory]\nholds = \"full.hex\"\n{steps}"));
    std::fs::create_dir(project.path(".cargo")).unwrap();
    for (name, text) in [
        ("Cargo.toml", "[package]\nname = \"x\"\n"),
        ("rustfmt.toml", "edition = \"2024\"\n"),
        (".cargo/config.toml", "[build]\njobs = 1\n"),
    ] {
        std::fs::write(project.path(name), text).unwrap();
    }
    project.says(&["run", "--update"], 0);
    let file = project.path("snapshots/scenario__sub__b.snap");
    let first = std::fs::read_to_string(&file).unwrap();
    assert!(first.starts_with("---\nsource: scenarios/sub/b.toml\nexpression: sub/b\n"), "{first}");
    let whole = project.path("scenarios").to_string_lossy().into_owned();
    let below = project.path("scenarios/sub");
    for (folder, words) in [
        (".", vec!["."]),
        (".", vec![]),
        (".", vec!["scenarios"]),
        (".", vec!["./scenarios/../scenarios/"]),
        (".", vec!["scenarios/a.toml", "scenarios/sub/b.toml"]),
        (".", vec![whole.as_str()]),
        ("scenarios", vec!["."]),
        ("scenarios/sub", vec![".."]),
        ("files", vec!["../scenarios"]),
        ("snapshots", vec![whole.as_str()]),
    ] {
        let run = |more: &[&str]| {
            let mut command = project.command(&[&["run"], &words[..], more].concat());
            says(&command.current_dir(project.path(folder)).env("CI", "true").output().unwrap(), 0)
        };
        assert_eq!(run(&["--list"]), "a\nsub/b\n", "{folder} {words:?}");
        let told = run(&[]);
        assert_eq!(told, "2 cases: 2 passed\n", "{folder} {words:?}");
    }
    assert_eq!(project.says(&["run", "scenarios/sub"], 0), "1 case: 1 passed\n", "others are not stale");
    let update = project.command(&["run", ".", "--update"]).current_dir(&below).output().unwrap();
    assert!(update.status.success());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), first);
    assert!(project.says(&["run", ".cargo"], 2).contains(".cargo holds no scenario"));
    let empty = tempfile::tempdir().unwrap();
    let told = says(&project.command(&["run"]).current_dir(empty.path()).output().unwrap(), 2);
    assert!(told.contains("there is no folder `scenarios` here"), "{told}");
}

/// A file of the command line: neither reports nor snapshots know where it lies.
#[test]
fn files_of_the_command_line_leave_no_absolute_path() {
    let project = Project::new();
    let text = "about = \"an image\"\npart = \"F051\"\n[vars]\nimage = { file = \"../files/full.hex\" }\n\
        [[step]]\nprogram = \"{image}\"\n[[step]]\ncheck = { files = \"{image}\", signal = \"low\", app_for = \"2 ms\" }\n[[step]]\nst_flash = \"erase\"\n\
        [[step]]\nsnapshot = [\"flash\", \"events\", \"report\"]\n";
    project.write("a.toml", text);
    project.says(&["run", "--update"], 0);
    let file = project.path("snapshots/scenario__a.snap");
    let first = std::fs::read_to_string(&file).unwrap();
    assert!(first.contains("../files/full.hex at 0x08000000"), "{first}");
    let same = |folder: &str, words: &[&str]| {
        let mut command = project.command(words);
        says(&command.current_dir(project.path(folder)).env("CI", "1").output().unwrap(), 0);
    };
    let whole = format!("image={}", project.path("files/full.hex").display());
    same(".", &["run", "--set", "image=files/full.hex"]);
    same("files", &["run", "../scenarios", "--set", "image=full.hex"]);
    same("snapshots", &["run", "../scenarios", "--set", &whole]);
    // Another file of the project is named from the scenario, one from elsewhere by its name.
    std::fs::create_dir(project.path("build")).unwrap();
    std::fs::copy(project.path("files/full.hex"), project.path("build/new.hex")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::copy(project.path("files/full.hex"), elsewhere.path().join("new.hex")).unwrap();
    let given = format!("image={}", elsewhere.path().join("new.hex").display());
    for (set, name) in [("image=build/new.hex", "../build/new.hex at"), (given.as_str(), " new.hex at")] {
        for form in ["text", "json", "junit", "sarif", "github"] {
            let output = project.run(&["run", "--set", set, "--format", form]);
            let told = says(&output, 1);
            let path = project.dir.path().to_string_lossy().into_owned();
            assert!(!told.contains(&path) && !told.contains(&*elsewhere.path().to_string_lossy()), "{form}: {told}");
        }
        assert!(project.says(&["run", "--set", set], 1).contains(name), "{name}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), first);
}

#[test]
fn how_much_is_told_and_what_goes_into_files() {
    let project = mixed();
    let quiet = project.says(&["run", "-q"], 1);
    assert_eq!(quiet, "FAILED b ü\n3 cases: 2 passed, 1 failed\n");
    let output = project.run(&["run", "-v", "scenarios/a.toml"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let passed = told.lines().next().unwrap();
    assert!(passed.starts_with("passed a (") && passed.ends_with("ms of virtual time)"), "{told}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("dryflash: 1 cases in "));
    std::fs::create_dir(project.path("out")).unwrap();
    let words = ["run", "--report", "junit=out/a.xml", "--report", "json=out/a.json", "--report", "github=out/g"];
    for _ in 0..2 {
        let told = project.says(&words, 1);
        assert!(told.starts_with("FAILED b ü"), "{told}");
        junit(&std::fs::read_to_string(project.path("out/a.xml")).unwrap());
    }
    let kept = std::fs::read_to_string(project.path("out/a.json")).unwrap();
    assert_eq!(kept, project.says(&["run", "--format", "json"], 1));
    assert!(std::fs::read_to_string(project.path("out/g")).unwrap().starts_with("::error "));
    // Joined reports have the same forms.
    project.says(&["merge", "out/a.json", "--report", "sarif=out/a.sarif"], 1);
    assert!(std::fs::read_to_string(project.path("out/a.sarif")).unwrap().contains("sarif-2.1.0"));
    let list = json(&project.says(&["run", "--list", "--format", "json"], 0));
    assert_eq!((list["format"].as_str(), list["cases"][1]["id"].as_str()), (Some("dryflash-cases"), Some("b ü")));
}

/// Many failures are few annotations: GitHub shows ten, and drops the rest without a word.
#[test]
fn annotations_are_no_more_than_are_shown() {
    let project = Project::new();
    let numbers: Vec<String> = (10..35).map(|n| format!("\"{n}\"")).collect();
    let matrix = format!("[matrix]\nn = [{}]\n", numbers.join(", "));
    project.write(
        "m.toml",
        &format!("{HEAD}{matrix}[[step]]\npower = \"on\"\n[[step]]\nexpect = {{ powered = false }}\n"),
    );
    let text = project.says(&["run", "--format", "github"], 1);
    let errors: Vec<&str> = text.lines().filter(|l| l.starts_with("::error ")).collect();
    assert_eq!(errors.len(), 10);
    assert!(errors[9].starts_with("::error title=and 16 more cases::m/19%0Am/20"), "{}", errors[9]);
}

#[test]
fn sarif_is_what_its_types_take() {
    let project = mixed();
    let text = project.says(&["run", "scenarios", "--format", "sarif"], 1);
    let typed: serde_sarif::sarif::Sarif = serde_json::from_str(&text).unwrap();
    // Nothing is lost or added on the way through the types of the standard.
    assert_eq!(serde_json::to_value(&typed).unwrap(), json(&text));
    let run = &typed.runs[0];
    let results = run.results.as_ref().unwrap();
    assert_eq!(results.len(), 2, "two expectations of one step");
    let prints: std::collections::BTreeSet<String> =
        results.iter().map(|r| serde_json::to_string(&r.partial_fingerprints).unwrap()).collect();
    assert_eq!(prints.len(), 2, "{prints:?}");
    let place = results[0].locations.as_ref().unwrap()[0].physical_location.as_ref().unwrap();
    assert_eq!(place.artifact_location.as_ref().unwrap().uri.as_deref(), Some("scenarios/b%20%C3%BC.toml"));
    assert_eq!(place.region.as_ref().unwrap().start_line, Some(9));
    let rules = run.tool.driver.rules.as_ref().unwrap();
    for result in results {
        let index = usize::try_from(result.rule_index.unwrap()).unwrap();
        assert_eq!(Some(&rules[index].id), result.rule_id.as_ref());
    }
    // From the root of the repository, wherever dryflash is run.
    let mut command = project.command(&["run", ".", "--format", "sarif"]);
    command.current_dir(project.path("scenarios")).env("GITHUB_WORKSPACE", project.dir.path());
    assert!(says(&command.output().unwrap(), 1).contains("\"uri\": \"scenarios/b%20%C3%BC.toml\""));
    let good = project.says(&["run", "scenarios/a.toml", "--format", "sarif"], 0);
    assert_eq!(json(&good)["runs"][0]["results"], serde_json::json!([]));
}

/// A check's findings: their ids are the rules, with what `explain` says as help.
#[test]
fn a_check_has_sarif_and_github() {
    let project = Project::new();
    let words = ["check", "files/bootloader.bin", "files/app.bin"];
    let text = project.says(&[&words[..], &["--format", "sarif"]].concat(), 1);
    let typed: serde_sarif::sarif::Sarif = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_value(&typed).unwrap(), json(&text));
    let run = &typed.runs[0];
    let rules = run.tool.driver.rules.as_ref().unwrap();
    let missing = rules.iter().position(|r| r.id == "DF012").unwrap();
    assert!(rules[missing].help.as_ref().unwrap().text.len() > 100, "as explain has it");
    let result = run.results.as_ref().unwrap().iter().find(|r| r.rule_id.as_deref() == Some("DF012")).unwrap();
    assert_eq!(result.rule_index, Some(missing as i64));
    let place = result.locations.as_ref().unwrap()[0].physical_location.as_ref().unwrap();
    assert_eq!(place.artifact_location.as_ref().unwrap().uri.as_deref(), Some("files/bootloader.bin"));
    let summary = project.path("summary.md");
    let mut command = project.command(&[&words[..], &["--format", "github"]].concat());
    let text = says(&command.env("GITHUB_STEP_SUMMARY", &summary).output().unwrap(), 1);
    assert!(text.contains("title=DF012::") && text.ends_with("this ESC would not start\n"), "{text}");
    assert!(std::fs::read_to_string(&summary).unwrap().starts_with("## dryflash: this ESC would not start"));
}

#[test]
fn github_annotates_and_summarises() {
    let project = mixed();
    let summary = project.path("summary.md");
    std::fs::write(&summary, "before\n").unwrap();
    let mut command = project.command(&["run", "scenarios", "--format", "github"]);
    let text = says(&command.env("GITHUB_STEP_SUMMARY", &summary).output().unwrap(), 1);
    let lines: Vec<&str> = text.lines().collect();
    // A message is one line; what would end it or the property is escaped.
    assert!(
        lines[0]
            .starts_with("::error file=scenarios/b ü.toml,line=9,col=21,title=b ü::starts = false; seen: it starts"),
        "{text}"
    );
    // A case is one annotation, whatever fails in it.
    assert!(lines[0].contains("%0Asays = [\"]]> & <x>\"]; seen: it says") && lines.len() == 2, "{text}");
    assert_eq!(lines[1], "3 cases: 2 passed, 1 not");
    let summary = std::fs::read_to_string(&summary).unwrap();
    assert!(summary.starts_with("before\n## dryflash: 2 of 3 cases passed\n"), "{summary}");
    assert!(
        summary.contains("a &lt;b> &amp; \\|c\\|") && summary.contains("```toml\nstarts = false\n```"),
        "{summary}"
    );
    let fences = summary.lines().filter(|l| l.starts_with("```")).count();
    assert!(fences > 0 && fences % 2 == 0, "{summary}");
}

#[test]
fn the_json_report_reads_back() {
    let project = mixed();
    let text = project.says(&["run", "scenarios", "--format", "json"], 1);
    let report: dryflash::scenario::outcome::Report = serde_json::from_str(&text).unwrap();
    assert_eq!(dryflash::report::Render::json(&report).unwrap(), text);
    let case = &json(&text)["cases"][1];
    assert_eq!((case["status"].as_str(), case["part"].as_str()), (Some("failed"), Some("F051")));
    assert_eq!(case["failures"][0]["kind"], "expectation");
    assert!(case["events"].as_array().is_some_and(|e| e.len() > 2));
}

#[test]
fn the_scenarios_of_this_project_fit_the_schema_s_keys() {
    let schema = json(&std::fs::read_to_string(root().join("docs/scenario.schema.json")).unwrap());
    let step = &schema["$defs"]["Step"];
    // One table with one key: an editor says which key is wrong.
    assert_eq!((&step["minProperties"], &step["maxProperties"]), (&serde_json::json!(1), &serde_json::json!(1)));
    let keys: Vec<&str> = step["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let parts = schema["properties"]["part"]["anyOf"][0]["enum"].as_array().unwrap();
    assert!(parts.iter().any(|p| p == "F051") && parts.iter().any(|p| p == "STM32G071xB"), "{parts:?}");
    for entry in std::fs::read_dir(root().join("scenarios")).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "toml") {
            continue;
        }
        let scenario: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        for key in scenario.keys() {
            assert!(schema["properties"].get(key).is_some(), "{}: {key}", Path::new(&path).display());
        }
        for step in scenario["step"].as_array().unwrap() {
            let key = step.as_table().unwrap().keys().next().unwrap();
            assert!(keys.contains(&key.as_str()), "{}: {key}", path.display());
        }
    }
}

#[test]
fn docs_tell_of_every_step_and_expectation() {
    let schema = json(&std::fs::read_to_string(root().join("docs/scenario.schema.json")).unwrap());
    let docs = std::fs::read_to_string(root().join("docs/scenarios.md")).unwrap();
    let told = |word: &str| {
        let whole = |c: char| c.is_ascii_alphanumeric() || c == '_';
        docs.split(|c: char| !whole(c)).any(|w| w == word)
    };
    let mut count = 0;
    let mut keys: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    for name in
        ["Expect", "EepromExpect", "Factory", "Make", "Check", "Program", "Erase", "Replay", "Options", "Boot", "Run"]
    {
        keys.extend(schema["$defs"][name]["properties"].as_object().unwrap().keys());
    }
    for key in keys {
        assert!(told(key), "docs/scenarios.md does not tell of `{key}`");
        count += 1;
    }
    for key in schema["$defs"]["Step"]["properties"].as_object().unwrap().keys() {
        assert!(docs.contains(&format!("| `{key} = ")), "docs/scenarios.md has no row for `{key}`");
        count += 1;
    }
    assert!(count > 60, "{count}");
    // The first example is a scenario, but for its files.
    let example = docs.split("```toml\n").nth(1).and_then(|t| t.split("```").next()).unwrap();
    let project = Project::new();
    std::fs::create_dir(project.path("build")).unwrap();
    std::fs::copy(project.path("files/settings.bin"), project.path("build/settings.bin")).unwrap();
    for name in ["app.hex", "old_app.hex"] {
        std::fs::copy(root().join("firmware/built/STANDIN_DRYFLASH_F051_2.20.hex"), project.path("build").join(name))
            .unwrap();
    }
    std::fs::copy(
        root().join("firmware/built/STANDIN_F051_BOOTLOADER_PB4_V14.hex"),
        project.path("build/bootloader.hex"),
    )
    .unwrap();
    project.write("example.toml", example);
    assert!(project.says(&["run", "scenarios", "--update"], 0).contains("1 passed"));
}

/// Each kind of expectation fails where it is wrong, and says what is so.
#[test]
fn every_expectation_can_fail() {
    let project = Project::new();
    for (wrong, seen) in [
        ("starts = false", "it starts: jumped to 0x080010C0 after 6.16 ms, and the app runs"),
        ("ends = \"stays\"", "app_runs: jumped"),
        ("why = \"signal\"", "no reason: jumped"),
        ("jump = false", "it jumped to 0x080010C0"),
        ("jump = \"0x08001000\"", "it jumped to 0x080010C0"),
        ("jump = { after = \"7 ms\" }", "after 6.16 ms, MSP 0x20002000, VTOR 0x00000000"),
        ("jump = { before = \"6 ms\" }", "after 6.16 ms"),
        ("jump = { msp = \"0x20001000\" }", "MSP 0x20002000"),
        ("jump = { vtor = \"0x08001000\" }", "VTOR 0x00000000"),
        ("main_loop = false", "a main loop"),
        ("samples = \"PA2\"", "it samples PB4"),
        ("findings = [\"DF012\"]", "DF012 is not among the findings"),
        ("errors = [\"DF012\"]", "there is no finding"),
        ("says = [\"stays\"]", "it says: jumped to"),
        ("bytes = { \"{at.eeprom}\" = \"00 02\" }", "0x08007C00 holds 01 02"),
        ("bytes = { \"0x1FFFF800\" = \"BB\" }", "0x1FFFF800 holds AA"),
        ("words = { \"{at.app}\" = \"0x1\" }", "0x08001000 holds 0x20002000"),
        ("holds = [\"changed.bin@{at.eeprom}\"]", "1 byte differs; the first at 0x08007C11 is 00, and 01 in the file"),
        ("blank = [\"31\"]", "page 31 at 0x08007C00 begins with 01 02"),
        ("eeprom = { boot = 0 }", "boot is start (0x01)"),
        ("eeprom = { layout = 3 }", "layout is 2"),
        ("eeprom = { bootloader = 14 }", "bootloader is 1"),
        ("eeprom = { firmware = \"2.20\" }", "firmware is \"1.35\""),
        ("eeprom = { name = \"x\" }", "name is \"NEOESC f051\""),
        ("eeprom = { reversed = true }", "reversed is off (0x00)"),
        ("eeprom = { motor_kv = \"2180 KV\" }", "motor_kv is 2220 KV (0x37)"),
        ("eeprom = { poles = 2 }", "poles is 14"),
        ("rdp = 1", "level 0 is in force"),
        ("wrp = [\"0..3\"]", "write-protected pages: none"),
        ("options = { WDG_SW = \"0\" }", "WDG_SW is 1"),
        ("options = { NOTHING = \"0\" }", "the part has no option NOTHING: there are RDP"),
        ("wear = { \"{at.app}\" = 1 }", "page 4 was erased 0 times"),
        ("powered = false", "power is on"),
        ("pc = \"0x08000000..0x08000FFF\"", "the core is at PC 0x0800"),
        ("faults = 1", "0 faults"),
        ("resets = 2", "0 resets"),
        ("unmodelled = [\"RCC_CR\"]", "RCC_CR was not"),
        ("time = { before = \"1 ms\" }", "after power-on"),
    ] {
        let make = "[[make]]\nname = \"changed.bin\"\nfrom = \"settings.bin\"\npatch = [{ at = 17, bytes = \"01\" }]\n";
        project.write("x.toml", &format!("{HEAD}{make}{FULL}[[step]]\nexpect = {{ {wrong} }}\n"));
        let told = project.says(&["run", "scenarios"], 1);
        // The key is named by its path, the value is as the scenario has it, and the column is the value's.
        let key = named(wrong);
        assert!(told.contains(&format!(": {key}\n      seen: ")), "{wrong}\n{told}\nnot\n{key}");
        assert!(told.contains(seen), "{wrong}\n{told}\nnot\n{seen}");
    }
    // What is there and must not be.
    let text = format!(
        "{HEAD}[factory]\nholds = [\"full.hex\"]\n[[step]]\nboot = \"high\"\n[[step]]\nexpect = {{ absent = [\"DF054\"] }}\n"
    );
    project.write("x.toml", &text);
    assert!(project.says(&["run", "scenarios"], 1).contains("seen: error DF054: the signal wire is high"));
    // Steps that do not come to what they should.
    for (step, seen) in [
        ("run = { until = \"fault\", for = \"5 ms\" }", "no fault within 5.00 ms: the core "),
        ("run = { until = \"0x08000F00\", for = \"5 ms\" }", "no 0x08000F00 within 5.00 ms"),
        ("program = { file = \"app.bin\", fails = \"locked\" }", "it did not fail: app.bin at 0x08001000"),
        (
            "program = \"settings.bin@0x08007F00\"",
            "768 bytes of settings.bin from 0x08007F00 on lie outside of the flash",
        ),
        ("program = { file = \"settings.bin@0x08010000\", fails = \"level 1\" }", "it failed otherwise: 1024 bytes"),
    ] {
        project.write("x.toml", &format!("{HEAD}{FULL}[[step]]\n{step}\n[[step]]\nexpect = {{ powered = true }}\n"));
        let told = project.says(&["run", "scenarios"], 1);
        assert!(told.contains(seen), "{step}\n{told}");
    }
}

#[test]
fn a_reset_forgets_what_was_seen_before_it() {
    let project = Project::new();
    let head = HEAD.to_owned() + "[factory]\nholds = [\"full.hex\"]\n[[step]]\npower = \"on\"\n[[step]]\n";
    let reach = "run = { until = \"main_loop\", for = \"200 ms\" }\n";
    let again =
        |wire: &str| format!("{head}{reach}[[step]]\nwire = \"{wire}\"\n[[step]]\nreset = \"pin\"\n[[step]]\n{reach}");
    project.write("a.toml", &again("low"));
    assert!(project.says(&["run", "scenarios"], 0).contains("1 passed"));
    // The bootloader stays: the main loop before the reset is none after it.
    project.write("a.toml", &again("high"));
    let told = project.says(&["run", "scenarios"], 1);
    assert!(told.contains("no main_loop within 200.00 ms") || told.contains("no main loop within 200.00 ms"), "{told}");
}

#[test]
fn one_grammar_of_the_wire() {
    let project = Project::new();
    for (wire, starts) in [("high, low@100", true), ("high, low@100ms", true), ("high,low@0.1s", true), ("high", false)]
    {
        let expect = format!(
            "{HEAD}{}[[step]]\nexpect = {{ starts = {starts} }}\n",
            FULL.replace("\"low\"", &format!("\"{wire}\""))
        );
        project.write("a.toml", &expect);
        project.says(&["run", "scenarios"], 0);
        let words = ["check", "files/full.hex", "--signal", wire];
        project.says(&words, i32::from(!starts));
    }
    let wrong = format!("{HEAD}{}", FULL.replace("\"low\"", "\"high, high@399, low@398\""));
    project.write("a.toml", &wrong);
    assert!(project.says(&["run", "scenarios"], 2).contains("398.00 ms does not come after the one before it"));
    // The verbs that work through a probe take it, too, and a recording keeps it.
    let erase = |wire| ["st-flash", "--part", "F051", "--record", "s.jsonl", "--force", "--signal", wire, "erase"];
    project.says(&erase("high, low@0.1s"), 0);
    assert!(std::fs::read_to_string(project.path("s.jsonl")).unwrap().contains("\"signal\":\"high,low@100ms\""));
    project.says(&["replay", "s.jsonl"], 0);
    assert!(project.says(&erase("up"), 2).contains("there is no signal 'up'"));
    assert!(project.says(&["serve", "--signal", "low,high"], 2).contains("'high' has no time"));
}
