//! Signals by name, in a project's file and in scenarios, and what a recording keeps of them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// One line, PB4: high for 2 ms, then low.
const VCD: &str = "$timescale 1 us $end $var wire 1 ! PB4 $end $enddefinitions $end\n#0 1!\n#2000 0!\n";
const SET: [&str; 3] =
    ["STANDIN_F051_BOOTLOADER_PB4_V14.bin", "STANDIN_DRYFLASH_F051_2.20.hex", "STANDIN_EEPROM_V2_1K.bin"];

fn built(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built").join(name)
}

/// A project with this `[signals]`, a folder `logs` with a VCD file, and one with scenarios.
fn project(signals: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["logs", "build", "scenarios"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    for name in SET {
        std::fs::copy(built(name), folder.path().join("build").join(name)).unwrap();
    }
    std::fs::write(folder.path().join("logs/Boot.vcd"), VCD).unwrap();
    std::fs::write(folder.path().join("dryflash.toml"), format!("part = \"F051\"\n\n[signals]\n{signals}")).unwrap();
    folder
}

fn run(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
    command.args(words).current_dir(folder).env_remove("CI").output().unwrap()
}

fn says(folder: &Path, words: &[&str], code: i32) -> String {
    let output = run(folder, words);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

fn check(folder: &Path, signals: &[&str], code: i32) -> String {
    let signals: Vec<&str> = signals.iter().flat_map(|signal| ["--signal", signal]).collect();
    let build = if folder.ends_with("build") { "" } else { "build/" };
    let files: Vec<String> = SET.iter().map(|name| format!("{build}{name}")).collect();
    let words = [&["check", "--app-for", "0"], &signals[..]].concat();
    says(folder, &words.into_iter().chain(files.iter().map(String::as_str)).collect::<Vec<_>>(), code)
}

#[test]
fn check_takes_a_projects_signals_by_name() {
    let folder = project(
        "fc = \"high, dshot600 idle@5ms\"\nup-first = \"vcd logs/Boot.vcd\"\nkept = \"pullup 10k\"\nBoth = \"kept, fc@40ms\"\n",
    );
    let told = check(folder.path(), &["fc", "up-first"], 0);
    assert!(told.contains("signal fc") && told.contains("signal up-first"), "{told}");
    // The file of a project's signal is in the project's folder, wherever the command is given.
    let below = check(&folder.path().join("build"), &["up-first", "Both"], 0);
    assert!(below.contains("signal up-first"), "{below}");
    assert!(check(folder.path(), &["kept"], 1).contains("signal kept"));
    // What is given on the command line is where the command is given.
    assert!(check(folder.path(), &["high, vcd logs/Boot.vcd signal PB4 skip 1ms@1ms"], 0).contains("logs/Boot.vcd"));
    let not_here = check(&folder.path().join("build"), &["vcd logs/Boot.vcd"], 2);
    assert!(not_here.contains("logs/Boot.vcd: there is no such file or folder"), "{not_here}");
    // Slips.
    assert!(check(folder.path(), &["up-frist"], 2).contains("there is no signal 'up-frist': did you mean up-first?"));
    let no_line = check(folder.path(), &["vcd logs/Boot.vcd signal PB5"], 2);
    assert!(no_line.contains("logs/Boot.vcd has no line 'PB5' of one bit; did you mean PB4?"), "{no_line}");
    let without = says(
        folder.path(),
        &["check", "--no-project", "--part", "F051", "--signal", "fc", "build/STANDIN_EEPROM_V2_1K.bin"],
        2,
    );
    assert!(without.contains("there is no signal 'fc'"), "{without}");
}

#[test]
fn a_wrong_signal_of_a_project_is_told_at_its_place() {
    for (signals, told) in [
        ("fc = \"dshot600 at 40kHz\"\n", "dryflash.toml:4:7: a frame of this takes 30.0 us"),
        ("fc = \"low, servo 9ms@5ms\"\n", "dryflash.toml:4:12: 9000us is no pulse of servo"),
        ("low = \"high\"\n", "dryflash.toml:4:1: 'low' is a word of the signals' language"),
        ("\"a b\" = \"high\"\n", "dryflash.toml:4:1: 'a b' is no name of a signal"),
        ("fc = 3\n", "dryflash.toml:4:6: invalid type: integer `3`, expected a string"),
    ] {
        let folder = project(signals);
        let text = check(folder.path(), &["low"], 2);
        assert!(text.contains(told), "{told}: {text}");
    }
    // One that leads nowhere is told where it stands, before it is used, and each that is wrong.
    let folder = project("fc = \"low, nothing-such@5ms\"\nround = \"low, round@5ms\"\nuser = \"fc\"\nat = \"low\"\n");
    let text = check(folder.path(), &["low"], 2);
    for told in [
        "dryflash.toml:4:12: there is no signal 'nothing-such'",
        "dryflash.toml:5:15: the signal 'round' is made of itself\n",
        "dryflash.toml:7:1: 'at' is a word of the signals' language",
    ] {
        assert_eq!(text.matches(told).count(), 1, "{told}: {text}");
    }
    assert_eq!(text.matches("dryflash.toml:").count(), 3, "{text}");
}

#[test]
fn a_wrong_name_of_a_scenario_hides_no_other_scenario() {
    let folder = project("fc = \"high\"\n");
    let boot = "FACTORY[[step]]\nboot = \"bad\"\n[[step]]\nboot = \"good\"\n[[step]]\nexpect = { jump = true }\n";
    let names =
        "[signals]\ngood = \"low\"\nunused = \"low, fcc@5ms\"\nbad = \"high, other@1ms\"\nother = \"low, bad@2ms\"\n";
    scenario(folder.path(), &boot.replace("bad", "fc").replace("good", "low"));
    std::fs::rename(folder.path().join("scenarios/a.toml"), folder.path().join("scenarios/sound.toml")).unwrap();
    scenario(folder.path(), &format!("{names}{boot}"));
    let told = says(folder.path(), &["run"], 2);
    for wrong in [
        "a.toml:6:16: there is no signal 'fcc': did you mean fc?",
        "a.toml:7:14: the signal 'bad' is made of itself, by other\n",
    ] {
        assert_eq!(told.matches(wrong).count(), 1, "{told}");
    }
    assert_eq!(told.matches("a.toml:").count(), 2, "each is told once: {told}");
    for form in ["text", "json"] {
        let output = run(folder.path(), &["run", "--list", "--format", form]);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(2));
        assert!(out.contains("sound") && !out.contains("a.toml"), "{out}");
        assert!(err.contains("a.toml:6:16: there is no signal 'fcc'"), "{err}");
    }
}

fn scenario(folder: &Path, text: &str) {
    let head = "about = \"a try\"\npart = \"F051\"\nfiles = \"../build\"\n";
    let holds = SET.map(|name| format!("\"{name}\"")).join(", ");
    let text = format!("{head}{}", text.replace("FACTORY", &format!("[factory]\nholds = [{holds}]\n")));
    std::fs::write(folder.join("scenarios/a.toml"), text).unwrap();
}

#[test]
fn a_scenario_has_signals_of_its_own_and_the_projects() {
    let folder = project("fc = \"high\"\nother = \"high\"\n");
    std::fs::write(folder.path().join("build/Boot.vcd"), VCD).unwrap();
    let text = "[signals]\nfc = \"low, dshot300@{from}\"\nboot = \"vcd Boot.vcd\"\n\
        [vars]\nfrom = \"9ms\"\n\
        [matrix]\nsignal = [\"fc\", \"boot\", \"dshot600 idle after 40 ms\", \"low, high@200ms, low@300ms, high@350ms, low@360ms\"]\n\
        FACTORY[[step]]\nboot = { signal = \"{signal}\", app_for = \"0 s\" }\n[[step]]\nexpect = { jump = true }\n\
        [[step]]\nboot = { signal = \"other\" }\n[[step]]\nexpect = { why = \"signal\" }\n\
        [[step]]\nwire = \"fc\"\n[[step]]\ncheck = { files = FILES, signal = [\"fc\", \"{signal}\"], app_for = \"0 s\" }\n\
        [[step]]\nexpect = { jump = true }\n";
    let files = SET.map(|name| format!("\"{name}\""));
    scenario(folder.path(), &text.replace("FILES", &format!("[{}]", files.join(", "))));
    let told = says(folder.path(), &["run"], 0);
    assert!(told.contains("4 cases: 4 passed"), "{told}");
    let list = says(folder.path(), &["run", "--list"], 0);
    let cases: Vec<&str> = list.lines().filter(|line| line.starts_with("a/")).collect();
    assert_eq!(cases.len(), 4, "{list}");
    for (case, begin) in
        cases.iter().zip(["a/boot", "a/dshot600-idle-after-40-ms", "a/fc", "a/low-high-200ms-low-300ms-"])
    {
        assert!(case.starts_with(begin) && case.len() < 50, "{list}");
    }
    let one = says(folder.path(), &["run", "--set", "signal=fc"], 0);
    assert!(one.contains("1 case: 1 passed"), "{one}");
}

#[test]
fn a_wrong_signal_of_a_scenario_is_told_at_its_character() {
    let folder = project("fc = \"low\"\n");
    let boot = |signal: &str| format!("FACTORY[[step]]\nboot = \"{signal}\"\n[[step]]\nexpect = {{ jump = true }}\n");
    for (text, told) in [
        (boot("low, servo at 500Hz@3ms"), "a.toml:7:14: servo is sent 50 to 490 times in a second"),
        (boot("high, low"), "a.toml:7:15: 'low' has no time"),
        (boot("dshot600 idle via 1k via 2k"), "a.toml:7:30: 'via' is there twice"),
        (boot("fd"), "a.toml:7:9: there is no signal 'fd': did you mean fc?"),
        (boot("via 1k"), "a.toml:7:9: no signal begins with 'via'"),
        (boot("dshot300 after 3s"), "a.toml:7:8: the wire changes at 3.000 s, after the 400.00 ms that are watched"),
        (boot("low, servo after 300ms@150ms"), "a.toml:7:8: the wire changes at 450.00 ms, after the 400.00 ms"),
        (boot("vcd Boot.vcd"), "a.toml:7:9: scenarios/../build/Boot.vcd: there is no such file"),
        (boot("low, high@2s"), "a.toml:7:8: the wire changes at 2.000 s, after the 400.00 ms that are watched"),
        (
            boot("{signal}") + "[vars]\nsignal = \"low, serial 9600@3ms\"\n",
            "a.toml:7:8: after the baud rate there has to be 'bytes'",
        ),
        ("[signals]\nfc = \"dshot9\"\n".to_owned() + &boot("fc"), "a.toml:5:7: there is no dshot9"),
        ("[signals]\nservo = \"low\"\n".to_owned() + &boot("low"), "a.toml:5:1: 'servo' is a word"),
        ("[signals]\nfc = 3\n".to_owned() + &boot("low"), "a.toml:5:6: invalid type: integer `3`"),
    ] {
        scenario(folder.path(), &text);
        let seen = says(folder.path(), &["run"], 2);
        assert!(seen.contains(told), "{told}: {seen}");
    }
}

#[test]
fn a_recording_keeps_the_text_of_its_signal() {
    let folder = project("fc = \"high, dshot600 idle@5ms\"\nboot = \"vcd logs/Boot.vcd\"\n");
    let path = folder.path();
    let record = |signal: &str| {
        let words = ["st-flash", "--part", "F051", "--record", "s.jsonl", "--force", "--signal", signal, "erase"];
        says(path, &words, 0);
        std::fs::read_to_string(path.join("s.jsonl")).unwrap()
    };
    assert!(record("fc").contains("\"signal\":\"high, dshot600 idle@5ms\""), "names are filled in");
    says(path, &["replay", "s.jsonl"], 0);
    let kept = record("boot");
    assert!(kept.contains("\"signal\":\"vcd logs/Boot.vcd\""), "{kept}");
    says(path, &["replay", "s.jsonl"], 0);
    // Where its file is not.
    let told = says(&path.join("build"), &["replay", "../s.jsonl"], 2);
    for part in [
        "the recording's line 1 has the signal 'vcd logs/Boot.vcd': logs/Boot.vcd: there is no such file",
        "replay it in the folder that the signal's files are named from, or say with --signal what was on the wire",
    ] {
        assert!(told.contains(part), "{told}");
    }
    says(&path.join("build"), &["replay", "../s.jsonl", "--signal", "high"], 0);
    // Levels in capitals were read before there was more than levels.
    for (signal, code) in [("HIGH,LOW@100MS", 0), ("High", 0), ("up", 2)] {
        std::fs::write(path.join("s.jsonl"), kept.replace("vcd logs/Boot.vcd", signal)).unwrap();
        says(path, &["replay", "s.jsonl"], code);
    }
}

#[test]
fn whether_the_app_arms_is_told_with_what_was_seen() {
    let folder = project("fc = \"dshot300, dshot300 10%@1100ms\"\n");
    let run = "FACTORY[[step]]\nboot = { signal = \"low\", app_for = \"0 s\" }\n[[step]]\nwire = \"fc\"\n[[step]]\nrun = \"1200 ms\"\n";
    let right = "armed = { after = \"1 s\", before = \"1.3 s\" }, input = { signal = \"dshot300\", pin = \"PB4\", bidirectional = false }";
    let wrong = ["armed = \"900 ms\"", "input = { signal = \"dshot300\", pin = \"PA2\" }"];
    let steps = format!("[[step]]\nexpect = {{ {right} }}\n[[step]]\nexpect = {{ {} }}\n", wrong.join(", "));
    scenario(folder.path(), &format!("{run}{steps}"));
    let told = says(folder.path(), &["run"], 1);
    for wrong in wrong {
        assert!(told.contains(&format!(": {wrong}\n")), "{told}");
    }
    let seen = "seen: the app takes DShot 300 on PB4; it drives its bridge from 1.1";
    assert_eq!(told.matches(seen).count(), 2, "{told}");
    // A run ends where the bridge comes on, and those behind it know when that was.
    let steps = [
        "run = { until = \"armed\", for = \"1200 ms\" }",
        "expect = { armed = \"1.12 s\", time = { before = \"1.12 s\" } }",
        "run = \"30 ms\"",
        "expect = { armed = { after = \"1.1 s\", before = \"1.12 s\" }, input = \"dshot300\" }",
        "run = { until = \"armed\" }",
        "expect = { armed = \"1.12 s\", time = { before = \"1.16 s\" } }",
        "run = { until = \"0x20000000\", for = \"10 ms\" }",
    ];
    let steps: String = steps.iter().map(|step| format!("[[step]]\n{step}\n")).collect();
    let before = run.replace("[[step]]\nrun = \"1200 ms\"\n", "");
    scenario(folder.path(), &format!("{before}{steps}"));
    let told = says(folder.path(), &["run"], 1);
    assert!(told.contains("no 0x20000000 within 10.00 ms") && told.matches("seen:").count() <= 1, "{told}");
    let waits = run.replace("\"fc\"", "\"low\"").replace("\"1200 ms\"", "{ until = \"armed\", for = \"30 ms\" }");
    scenario(folder.path(), &waits);
    let told = says(folder.path(), &["run"], 1);
    assert!(told.contains("no arming within 30.00 ms: the app looks for a signal on PB4; it does not drive"), "{told}");
    for (text, told) in [
        (
            run.replace("run = \"1200 ms\"", "expect = { armed = true }"),
            "a.toml:11:20: no step before tells whether the app arms",
        ),
        (
            format!("{run}[[step]]\nboot = \"low\"\n[[step]]\nexpect = {{ input = \"servo\" }}\n"),
            "no step before tells which signal the app takes",
        ),
        (
            format!("{run}[[step]]\nexpect = {{ armed = true, input = \"none\" }}\n"),
            "this can never hold: an app without a signal does not arm",
        ),
        (
            format!("{run}[[step]]\nexpect = {{ armed = {{ after = \"2 s\", before = \"1 s\" }} }}\n"),
            "`after` is later than `before`",
        ),
        (
            format!("{run}[[step]]\nexpect = {{ input = {{ signal = \"none\", bidirectional = true }} }}\n"),
            "a.toml:13:55: this can never hold: only DShot is answered on its pin",
        ),
        (
            format!("{run}[[step]]\nexpect = {{ input = {{ signal = \"servo\", bidirectional = true }} }}\n"),
            "this can never hold: only DShot is answered on its pin",
        ),
        (format!("{run}[[step]]\nexpect = {{ armed = \"soon\" }}\n"), "a.toml:13:20: 'soon' is not a time"),
        (format!("{run}[[step]]\nexpect = {{ input = \"dshot\" }}\n"), "a.toml:13:20: unknown variant `dshot`"),
    ] {
        scenario(folder.path(), &text);
        let seen = says(folder.path(), &["run"], 2);
        assert!(seen.contains(told), "{told}: {seen}");
    }
}
