//! `dryflash signals`: which signals start which stand-in bootloader, and why not.

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const EEPROM: &str = "STANDIN_EEPROM_V2_1K.bin";
const APP: &str = "STANDIN_DRYFLASH_F051_2.20.hex";

fn built() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built")
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
    command.args(["signals", "--no-project"]).args(words).current_dir(built());
    command
}

fn run(words: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command(words).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn bootloader(version: u32) -> String {
    format!("STANDIN_F051_BOOTLOADER_PB4_V{version}.bin")
}

/// Exit code, and each signal's outcome with the counts.
fn outcomes(version: u32, words: &[&str]) -> (i32, BTreeMap<String, String>, Value) {
    let bootloader = bootloader(version);
    let (code, out, err) = run(&[&[&bootloader, APP, EEPROM, "--format", "json"], words].concat());
    let value: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
    let of = |row: &Value| match (row["starts"].as_u64().unwrap(), row["of"].as_u64().unwrap()) {
        (0, _) => "stays".to_owned(),
        (n, all) if n == all => "starts".to_owned(),
        (n, all) => format!("{n} of {all}"),
    };
    let rows = value["signals"].as_array().unwrap();
    let told = rows.iter().map(|r| (r["name"].as_str().unwrap().to_owned(), of(r))).collect();
    (code, told, value)
}

const LEVELS: &str = "held-low,held-high,nothing,pulled-down";

#[test]
fn each_way_of_deciding_on_levels_and_a_stream() {
    for version in [4, 6, 7, 8, 9, 10, 12, 13, 14] {
        let stream = ["--signal", "dshot600 idle at 8kHz", "--phases", "4", "--clock", "-1%,0,+1%"];
        let (code, told, value) = outcomes(version, &[&["--only", LEVELS, "--for", "300ms"], &stream[..]].concat());
        let expected = [
            ("dshot600 idle at 8kHz", "starts"),
            ("held-high", "stays"),
            ("held-low", "starts"),
            ("nothing", "starts"),
            ("pulled-down", "starts"),
        ];
        assert_eq!(told, expected.map(|(n, o)| (n.to_owned(), o.to_owned())).into(), "V{version}");
        assert_eq!(code, 1, "V{version}: held-high was asked for by its name");
        let why = |name: &str| {
            let row = value["signals"].as_array().unwrap().iter().find(|r| r["name"] == name).unwrap();
            row["why"].as_str().unwrap().to_owned()
        };
        let (high, low) = (why("held-high"), why("held-low"));
        let samples = match version {
            4 => "none of 10,000 samples low, one would do",
            6 => "none of 1,000 samples low, one would do",
            7..=9 => "none of 1,000 samples low, more than 10 are wanted",
            10 => "none of 500 samples low: taken for a configurator's line",
            12 => "none of 500 samples low, more than 450 are wanted",
            _ => "none of 4,000 samples low, more than 450 are wanted",
        };
        assert!(high.contains(&format!("pull-down: {samples}")), "V{version}: {high}");
        assert!(high.contains("it listens for a configurator") || version < 6, "V{version}: {high}");
        assert!(low.contains("samples low, "), "V{version}: {low}");
    }
}

#[test]
fn a_stream_that_follows_a_high_line_keeps_v12_and_v13_waiting() {
    let late = ["--signal", "high, dshot600 idle at 1kHz@60ms", "--phases", "2", "--clock", "0", "--for", "300ms"];
    let (code, told, value) = outcomes(13, &late);
    assert_eq!((code, told.values().next().map(String::as_str)), (1, Some("stays")));
    let finding = &value["findings"][0];
    assert_eq!((finding["id"].as_str(), finding["severity"].as_str()), (Some("DF087"), Some("error")));
    let why = value["signals"][0]["why"].as_str().unwrap();
    assert!(why.contains("(it tries again after 20ms) and what it received did not make it give up"), "{why}");
    let advice = finding["advice"].as_str().unwrap();
    assert!(advice.contains("hold the line low") && advice.contains("V17 or newer"), "{advice}");
}

#[test]
fn phases_that_decide_are_counted_and_told_as_chance() {
    // A low pulse that is shorter than the time from one look to the next.
    let rare = ["--signal", "glitches low 3us at 1kHz", "--phases", "16", "--clock", "0", "--for", "200ms"];
    let (code, told, value) = outcomes(10, &rare);
    let outcome = told.values().next().unwrap();
    assert!(outcome.contains(" of 16"), "{outcome}");
    assert_eq!((code, value["findings"][0]["id"].as_str()), (1, Some("DF088")));
    let cases = value["signals"][0]["cases"].as_array().unwrap();
    let phases: Vec<f64> = cases.iter().map(|c| c["phase_us"].as_f64().unwrap()).collect();
    assert_eq!(phases, (0..16).map(|n| f64::from(n) * 62.5).collect::<Vec<_>>());
}

#[test]
fn a_software_reset_is_told() {
    let (_, told, value) = outcomes(14, &["--only", "held-low", "--reset", "software", "--for", "300ms"]);
    assert_eq!(told["held-low"], "starts");
    assert_eq!(value["reset"], "software_reset");
    let (_, out, _) =
        run(&[&bootloader(14), APP, EEPROM, "--only", "held-low", "--reset", "software", "--explain", "held-low"]);
    assert!(out.contains("no pull"), "it comes to the third stage: {out}");
}

#[test]
fn the_report_is_the_same_with_any_number_of_workers() {
    let some = ["--only", "held-low,dshot300-both-ways,servo-400hz,random-levels", "--phases", "3", "--for", "60ms"];
    let bootloader = bootloader(14);
    let report =
        |jobs: &str| run(&[&[&bootloader, APP, EEPROM, "--format", "json", "--jobs", jobs], &some[..]].concat()).1;
    let one = report("1");
    assert!(one.len() > 2_000, "{one}");
    assert_eq!(one, report("4"));
}

#[test]
fn what_cannot_be_tried_is_refused() {
    for (words, told) in [
        (&["--only", "betafligth", APP][..], "there is no signal of the name 'betafligth': did you mean betaflight?"),
        (&["--only", "nobody-sends-this", APP], "`dryflash signals --list` shows those that there are"),
        (
            &["--signal", "high, dshot500@5ms", APP],
            "there is no dshot500: it is dshot150, dshot300, dshot600 or dshot1200 (at character 7",
        ),
        (&["--signal", "betafligth", APP], "there is no signal 'betafligth': did you mean betaflight?"),
        (&["--clock", "fast", APP], "'fast' is not a clock's error"),
        (&["--phases", "0", APP], "0 is not in 1..="),
        (&["--for", "0", APP], "'0' is not between 1 ms and 60 s"),
        (&["--explain", "held-low/x", APP], "'x' is no phase: they go from 0 to 7"),
        (&["--explain", "dshot600-idle/8", APP], "'8' is no phase"),
        (&["--explain", "dshot600-idle/0/0/0", APP], "'0' is too much"),
        (&["--explain", "held-low", "--format", "junit", APP], "have the forms text and json"),
        (&["--vcd", "x.vcd", APP], "--explain"),
        (&[], "no file was given; name at least one, e.g. `dryflash signals"),
        (&["no-such-file.hex"], "no-such-file.hex"),
    ] {
        let (code, out, err) = run(words);
        assert_eq!((code, out.as_str()), (2, ""), "{words:?}: {err}");
        assert!(err.replace("\n  ", " ").contains(told), "{words:?}: {err}");
    }
}

#[test]
fn files_that_start_on_nothing_say_why() {
    let bootloader = bootloader(14);
    let blank = [&bootloader, APP, "STANDIN_EEPROM_BLANK_1K.bin", "--only", "held-low,nothing", "--for", "60ms"];
    let (code, out, _) = run(&blank);
    assert_eq!(code, 1);
    assert!(out.contains("boot byte FF, not 01") && out.contains("DF013"), "{out}");
    assert!(!out.contains("DF087"), "it is not the signal: {out}");
}

#[test]
fn only_what_the_signal_does_is_blamed_on_it() {
    let (v14, one) = (bootloader(14), ["--only", "dshot600-idle", "--phases", "2", "--for", "60ms"]);
    let (code, out, _) = run(&[&[&v14, APP, "STANDIN_EEPROM_BLANK_1K.bin"], &one[..]].concat());
    assert!(code == 1 && out.contains("boot byte FF, not 01") && !out.contains("DF087"), "{out}");
    let short = ["--only", "dshot600-idle", "--phases", "2", "--for", "3ms"];
    let (code, out, _) = run(&[&[&v14, APP, EEPROM], &short[..]].concat());
    assert!(code == 1 && out.contains("undecided (watched for 3.00 ms); raise --for"), "{out}");
    assert!(!out.contains("DF087"), "{out}");
}

#[test]
fn advice_is_for_what_is_on_the_wire() {
    let advice = |signal: &str| {
        let words = ["--signal", signal, "--phases", "2", "--clock", "0", "--for", "200ms"];
        let (code, _, value) = outcomes(12, &words);
        assert_eq!((code, value["findings"][0]["id"].as_str()), (1, Some("DF087")), "{signal}: {value}");
        value["findings"][0]["advice"].as_str().unwrap().to_owned()
    };
    let resistor = "a resistor of 1 to 10 kOhm";
    let (held, frames) = (advice("high"), advice("high, dshot600 idle at 1kHz@60ms"));
    assert!(!held.contains(resistor) && !held.contains("V17 or newer"), "a level that is driven: {held}");
    assert!(!frames.contains(resistor) && frames.contains("V17 or newer"), "{frames}");
    let pulled = advice("pullup 10k, dshot600 idle at 1kHz@60ms");
    assert!(pulled.contains(resistor), "{pulled}");
    let after = advice("pullup 10k, dshot600 idle bidirectional at 1kHz@60ms");
    assert!(!after.contains("bidirectional DShot off"), "with normal DShot it waits as well: {after}");
}

#[test]
fn a_signal_of_one_s_own_is_told_so_that_it_can_be_explained() {
    let v12 = bootloader(12);
    let signal = "high, pullup 40k@5ms";
    let (_, out, _) = run(&[&v12, APP, EEPROM, "--signal", signal, "--for", "300ms"]);
    assert!(out.contains("what was asked for") && !out.contains("are known to send"), "{out}");
    let told = format!("`--signal '{signal}' --explain '{signal}'` shows that case");
    assert!(out.replace("\n  ", " ").contains(&told), "{out}");
    let (_, out, err) = run(&[&v12, APP, EEPROM, "--signal", signal, "--explain", signal, "--for", "300ms"]);
    assert!(out.starts_with(&format!("{signal}: stays")), "{out}{err}");
}

#[test]
fn a_named_signal_is_watched_to_its_end_by_check() {
    let check = |signal: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
        let words = ["check", "--no-project", "STANDIN_DRYFLASH_F051_2.20_FULL.hex", "--signal", signal];
        let output = command.args(words).current_dir(built()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let (code, out, err) = check("betaflight");
    assert!(code == 0 && out.starts_with("This ESC would start."), "{out}{err}");
    let (code, _, err) = check("dshot600 idle after 6s");
    assert!(code == 2 && err.contains("changes at 6.000 s, after the 2.500 s that are watched; raise --for"), "{err}");
}

#[test]
fn clock_errors_have_phases_of_their_own() {
    let words = ["--signal", "servo at 50Hz", "--phases", "2", "--clock", "0,+1%", "--for", "30ms"];
    let (_, _, value) = outcomes(14, &words);
    let cases = value["signals"][0]["cases"].as_array().unwrap();
    let phases: Vec<f64> = cases.iter().map(|c| c["phase_us"].as_f64().unwrap()).collect();
    assert_eq!(phases, [0.0, 5_000.0, 10_000.0, 15_000.0]);
}

#[test]
fn one_case_is_shown_in_time() {
    let bootloader = bootloader(14);
    let explain = |width: &str| {
        let words = [&bootloader, APP, EEPROM, "--explain", "dshot300-both-ways/3/+1%"];
        let output = command(&words).env("COLUMNS", width).env("LC_ALL", "C").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let wide = explain("100");
    assert!(wide.starts_with("dshot300-both-ways/3/+1%: "), "{wide}");
    assert!(wide.contains("on the wire: dshot300 idle bidirectional at 4kHz phase 114583ns clock +1%"), "{wide}");
    assert!(wide.contains("PB4 with pull-down") && wide.contains("  wire  ") && wide.contains("  read  "), "{wide}");
    assert!(wide.is_ascii() && wide.contains("in the end: "), "{wide}");
    for width in ["40", "72"] {
        let text = explain(width);
        assert!(text.lines().all(|l| l.chars().count() <= width.parse().unwrap()), "{width}:\n{text}");
    }
}

#[test]
fn a_case_is_written_for_a_wave_viewer() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("case.vcd");
    let name = file.to_str().unwrap();
    let bootloader = bootloader(14);
    let words = [&bootloader, APP, EEPROM, "--explain", "held-low", "--vcd", name];
    assert_eq!(run(&words).0, 0);
    let dump = std::fs::read(&file).unwrap();
    let mut parser = vcd::Parser::new(dump.as_slice());
    let header = parser.parse_header().unwrap();
    let code = |line: &str| {
        let scope = header.items.iter().find_map(|i| match i {
            vcd::ScopeItem::Scope(scope) => Some(scope),
            _ => None,
        });
        let vars = scope.unwrap().items.iter().filter_map(|i| match i {
            vcd::ScopeItem::Var(var) => Some(var),
            _ => None,
        });
        vars.into_iter().find(|v| v.reference == line).unwrap_or_else(|| panic!("no line {line}")).code
    };
    let (sampled, wire, pin) = (code("sampled"), code("wire"), code("PB4"));
    let (mut now, mut strobes, mut levels) = (0, Vec::new(), 0);
    for command in parser {
        match command.unwrap() {
            vcd::Command::Timestamp(time) => now = time,
            vcd::Command::ChangeScalar(code, value) if code == sampled && value == vcd::Value::V1 => strobes.push(now),
            vcd::Command::ChangeScalar(code, _) if code == wire || code == pin => levels += 1,
            _ => {}
        }
    }
    let (_, _, value) = outcomes(14, &["--only", "held-low"]);
    let samples = &value["signals"][0]["cases"][0]["samples"][0];
    assert_eq!(strobes.len() as u64, samples["low"].as_u64().unwrap(), "a strobe for each look");
    assert_eq!(strobes[0] as f64 / 1e3, samples["from_us"].as_f64().unwrap());
    assert!(levels >= 2);
    // An output that is there stays.
    let (code, _, err) = run(&words);
    assert!(code == 2 && err.contains("exists; --force replaces it"), "{err}");
}

#[test]
fn signals_of_the_project_and_files_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    for file in [bootloader(14).as_str(), APP, EEPROM] {
        std::fs::copy(built().join(file), folder.path().join(file)).unwrap();
    }
    std::fs::create_dir(folder.path().join("below")).unwrap();
    let dump = "$timescale 1 us $end\n$var wire 1 ! line $end\n$enddefinitions $end\n#0\n1!\n#3000\n0!\n";
    std::fs::write(folder.path().join("caught.vcd"), dump).unwrap();
    let project = format!(
        "[files]\nbootloader = \"{}\"\napp = \"{APP}\"\neeprom = \"{EEPROM}\"\n[signals]\nmine = \"high, low@2ms\"\ncaught = \"vcd caught.vcd\"\n",
        bootloader(14)
    );
    std::fs::write(folder.path().join("dryflash.toml"), project).unwrap();
    let below = |words: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_dryflash"))
            .arg("signals")
            .args(words)
            .current_dir(folder.path().join("below"))
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    };
    let (code, text) = below(&["--only", "mine,caught", "--for", "100ms"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("This ESC would start on all 2 signals that it has to."), "{text}");
    let (code, list) = below(&["--list"]);
    assert!(code == 0 && list.contains("mine  of the project") && list.contains("high,low@2ms"), "{list}");
    let (code, text) = below(&["--explain", "mine"]);
    assert!(code == 0 && text.starts_with("mine: starts after "), "{text}");
}

#[test]
fn junit_has_a_case_for_each_signal() {
    let bootloader = bootloader(13);
    let words = ["--only", "held-low,held-high", "--signal", "high, dshot600 idle at 1kHz@60ms"];
    let few = ["--phases", "1", "--clock", "0", "--for", "200ms", "--format", "junit"];
    let (code, xml, _) = run(&[&[&bootloader, APP, EEPROM], &words[..], &few].concat());
    assert_eq!(code, 1);
    assert!(xml.contains("tests=\"3\"") && xml.contains("failures=\"2\""), "{xml}");
    assert!(xml.contains("message=\"starts in 0 of 1 cases;"), "{xml}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut child = command(&["--list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}

/// What is recorded of samples is what the chip's counters have, and changes nothing.
#[test]
fn samples_are_those_that_the_pin_counts() {
    use dryflash::chip::samples::{Sampler, Stretch};
    use dryflash::chip::{Chip, program};
    use dryflash::esc::{Bench, PowerUp, boot};
    let part = dryflash::part::find("F051").unwrap();
    let full = built().join("STANDIN_DRYFLASH_F051_2.20_FULL.bin");
    let image = dryflash::image::Image::load(&full, Some(0x0800_0000)).unwrap();
    let layout = dryflash::am32::Layout::of(&part).unwrap();
    let mut bench = Bench::new(&part, layout, None);
    bench.limit = dryflash::time::Time::from_millis(150);
    for signal in ["high", "dshot300 bidirectional at 4kHz", "noise at 30kHz seed 5", "high, servo at 400Hz@50ms"] {
        let mut chip = Chip::new(&part, 1).unwrap();
        chip.power_on();
        program::program(&mut chip, &image, false).unwrap();
        chip.power_off(1);
        let off = chip.save();
        let power_up = PowerUp::with(signal.parse().unwrap());
        let mut seen = Vec::new();
        for (record, skip) in [(false, true), (true, true), (true, false)] {
            chip.restore(&off).unwrap();
            chip.set_skipping(skip);
            if record {
                chip.board.put_sampler(Sampler::new(&bench.pins, 0));
            }
            let run = boot::boot_to_jump(&mut chip, &bench, &power_up);
            let samples: Vec<Stretch> =
                chip.board.take_sampler().and_then(Sampler::into_most).map_or(Vec::new(), |s| s.stretches);
            if record {
                let all: u64 = samples.iter().map(|s| s.all.looks()).sum();
                assert_eq!(all, u64::from(run.sampled[0].samples), "{signal}");
                let by_place = samples.iter().flat_map(|s| &s.by_place).map(|p| p.looks.looks()).sum::<u64>();
                assert_eq!(by_place, all, "{signal}");
            }
            seen.push((run.time_us, run.jump, run.sampled.clone(), run.pc));
            if skip && record {
                seen.push(seen[0].clone());
            }
        }
        assert!(seen.iter().all(|s| *s == seen[0]), "{signal}");
    }
}

#[test]
fn the_app_arms_on_its_protocols() {
    let bootloader = bootloader(14);
    let words = [&bootloader, APP, EEPROM, "--only", "held-low", "--arming"];
    let (code, out, err) = run(&words);
    assert_eq!(code, 0, "{out}{err}");
    for protocol in ["servo ", "dshot300 ", "dshot600 ", "dshot300 both ways"] {
        let line =
            out.lines().find(|l| l.trim_start().starts_with(protocol)).unwrap_or_else(|| panic!("{protocol}: {out}"));
        assert!(line.contains("arms: reads ") && line.contains(" on PB4 "), "{line}");
    }
    for (protocol, why) in [("dshot150", "AM32 reads DShot 300 and 600"), ("oneshot125", "of 0.8 to 2.2 ms")] {
        let told = out.replace("\n      ", " ");
        let line = told.lines().find(|l| l.trim_start().starts_with(protocol)).unwrap_or_else(|| panic!("{told}"));
        assert!(line.contains("does not arm: ") && line.contains(why) && !line.contains("answers"), "{line}");
    }
    assert!(out.replace("\n      ", " ").contains("ms after the throttle rises"), "{out}");
    // Another pin than the bootloader's: no signal reaches the app.
    let other = "STANDIN_F051_BOOTLOADER_PA2_V14.bin";
    let (code, out, _) = run(&[other, APP, EEPROM, "--only", "held-low", "--arming", "-q"]);
    assert!(code == 1 && out.contains("The app arms on none of servo, dshot300, "), "{out}");
}

#[test]
fn a_signal_that_is_named_has_to_start_it() {
    let bootloader = bootloader(14);
    let (code, out, _) = run(&[&bootloader, APP, EEPROM, "--only", "held-high", "--for", "300ms"]);
    assert!(code == 1 && out.starts_with("This ESC would not start on this signal."), "{out}");
    let (code, out, _) = run(&[&bootloader, APP, EEPROM, "--only", "held-high,held-low", "--for", "60ms"]);
    assert!(code == 1 && out.starts_with("This ESC would start on 1 of 2 signals"), "{out}");
    assert!(!out.contains("DF087"), "nobody is known to send it: {out}");
}

#[test]
fn an_app_that_resets_itself_for_want_of_a_signal_is_told() {
    let check = |app_for: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
        let words = ["check", "--no-project", "STANDIN_DRYFLASH_F051_2.20_FULL.hex", "--app-for", app_for];
        let output =
            command.args(words).args(["--signal", "oneshot125 at 1kHz"]).current_dir(built()).output().unwrap();
        String::from_utf8(output.stdout).unwrap().replace("\n        ", " ")
    };
    let told = "and the app runs; it resets the chip by itself 2.00";
    assert!(check("2500ms").contains(told), "{}", check("2500ms"));
    assert!(!check("1s").contains(told));
}

/// A file of one line.
fn caught(folder: &Path, name: &str, values: &str) -> String {
    let file = folder.join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let head = "$timescale 1 ms $end $var wire 1 ! D0 $end $enddefinitions $end\n";
    std::fs::write(&file, format!("{head}{values}\n")).unwrap();
    file.to_str().unwrap().to_owned()
}

fn check(words: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
    command.args(["check", "--no-project"]).args(words).current_dir(built());
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

const FULL: &str = "STANDIN_DRYFLASH_F051_2.20_FULL.hex";

#[test]
fn check_blames_the_frames_that_keep_a_bootloader_waiting() {
    let v12 = bootloader(12);
    let of = |signal: &str| {
        let (code, out, err) = check(&["--signal", signal, &v12, APP, EEPROM]);
        assert_eq!(code, 1, "{out}{err}");
        out.replace("\n      ", " ")
    };
    let out = of("high,servo 1500us at 50Hz@60ms");
    assert!(out.contains("error DF087: high, servo 1500us at 50Hz@60ms keeps the bootloader waiting"), "{out}");
    assert!(out.contains("had not jumped after 2.500 s") && !out.contains("for this signal pin"), "{out}");
    // A level is told as one.
    assert!(of("high").contains("error DF054") && !of("high").contains("DF087"));
}

#[test]
fn a_capture_of_a_high_line_is_no_capture_of_frames() {
    let folder = tempfile::tempdir().unwrap();
    let high = format!("vcd {}", caught(folder.path(), "high.vcd", "#0 1! #400 1!"));
    let (code, out, err) = run(&["--signal", &high, "--clock", "0", &bootloader(13), APP, EEPROM]);
    assert!(code == 1 && out.contains("never saw the line low"), "{out}{err}");
    assert!(!out.contains("too short"), "{out}");
}

#[test]
fn a_capture_that_is_played_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let file = caught(folder.path(), "played.vcd", "#0 0! #1 1! #2 0!");
    let before = std::fs::read(&file).unwrap();
    let signal = format!("vcd {file}");
    for (code, out, err) in [
        check(&["--signal", &signal, "--vcd", &file, "--force", FULL]),
        check(&["--signal", &signal, "--trace", &file, "--force", FULL]),
        run(&["--signal", &signal, "--explain", &signal, "--vcd", &file, "--force", FULL]),
    ] {
        assert!(code == 2 && err.contains("is used as it is; give another name"), "{out}{err}");
    }
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn nothing_is_said_of_what_a_file_has_after_the_watched_time() {
    let folder = tempfile::tempdir().unwrap();
    let signal = |name: &str, values: &str| format!("vcd {}", caught(folder.path(), name, values));
    // The first change comes too late.
    let late = signal("late.vcd", "#0 1! #10000 0!");
    let (code, out, err) = check(&["--signal", &late, FULL]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("the signal changes at 10.000 s, after the 2.500 s that are watched; raise --for"), "{err}");
    let (code, out, _) = run(&["--signal", &late, "--clock", "0", FULL]);
    assert!(code == 0 && out.contains("10.0"), "watched from there on: {out}");
    // One comes at once, others too late.
    let goes_on = signal("goes_on.vcd", "#0 0! #1 1! #10000 0!");
    for (code, out, err) in [
        check(&["--signal", &goes_on, "--for", "300ms", FULL]),
        run(&["--signal", &goes_on, "--clock", "0", "--for", "300ms", FULL]),
    ] {
        let out = out.replace('\n', " ").replace("      ", "").replace("  ", " ");
        assert_eq!(code, 1, "{out}{err}");
        assert!(out.contains("undecided, as what is recorded changes up to 10.000 s"), "{out}");
        assert!(out.starts_with("It is undecided whether this ESC would start"), "{out}");
        assert!(out.contains("--for") && !out.contains("DF087"), "{out}");
    }
    // What has no value, and what is left out.
    let empty = signal("empty.vcd", "#0 #50");
    let short = format!("{} skip 51ms", signal("short.vcd", "#0 1! #50 0!"));
    for (signal, told) in [
        (&empty, "empty.vcd has no value of D0: nothing is known of what is on the line"),
        (&short, "short.vcd ends at 50.00 ms, and 'skip' leaves out more than that, 51.00 ms"),
    ] {
        for (code, out, err) in [check(&["--signal", signal, FULL]), run(&["--signal", signal, FULL])] {
            assert_eq!((code, out.as_str()), (2, ""), "{err}");
            assert!(err.contains(told), "{err}");
        }
    }
}

#[test]
fn a_case_is_named_with_what_its_signal_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let signal = format!("vcd {}", caught(folder.path(), "of/3/caught.vcd", "#0 1! #1 0!"));
    let bootloader = bootloader(14);
    for (case, clock) in [("", ""), ("/0", ""), ("/0/+1%", "clock +1%")] {
        let explain = format!("{signal}{case}");
        let (code, out, err) = run(&[&bootloader, APP, EEPROM, "--signal", &signal, "--explain", &explain]);
        assert!(code == 0 && out.starts_with(&format!("{signal}/0/")) && out.contains(clock), "{explain}: {out}{err}");
    }
    for (case, told) in
        [("/9", "'9' is no phase"), ("/0/0/0", "'0' is too much"), ("/0/soon", "is not a clock's error")]
    {
        let explain = format!("{signal}{case}");
        let (code, _, err) = run(&[&bootloader, APP, EEPROM, "--signal", &signal, "--explain", &explain]);
        assert!(code == 2 && err.contains(told), "{explain}: {err}");
    }
    let (code, _, err) = run(&["--explain", "of/this/0/0", FULL]);
    assert!(code == 2 && err.contains("there is no signal of the name 'of/this'"), "{err}");
}

#[test]
fn what_is_asked_for_twice_is_tried_once() {
    let few = ["--phases", "1", "--clock", "0", "--for", "60ms"];
    let twice = ["--only", "held-low,nothing,held-low", "--signal", "high,low@1ms", "--signal", "high, low@1ms"];
    let (_, told, value) = outcomes(14, &[&twice[..], &few].concat());
    assert_eq!((told.len(), value["signals"].as_array().unwrap().len()), (3, 3), "{told:?}");
    let (_, told, _) = outcomes(14, &[&["--only", "held-high", "--signal", "held-high"][..], &few].concat());
    assert_eq!(told.into_iter().collect::<Vec<_>>(), [("held-high".to_owned(), "stays".to_owned())]);
    // Two that begin alike.
    let bytes = |last: &str| format!("serial 19200 bytes{} {last}", " 00".repeat(40));
    let words = ["--signal", &bytes("01"), "--signal", &bytes("02")];
    let (_, told, _) = outcomes(14, &[&words[..], &few].concat());
    let titles: Vec<&String> = told.keys().collect();
    let title = format!("serial 19200 bytes{} ... (1 part)", " 00".repeat(13));
    assert_eq!(titles, [&title, &format!("{title} #2")]);
}

#[test]
fn texts_with_commas_are_told_apart() {
    let signals = ["--signal", "high, dshot600 idle at 1kHz@60ms", "--signal", "high, servo at 50Hz@60ms"];
    let few = ["--phases", "1", "--clock", "0", "--for", "100ms"];
    let (_, _, value) = outcomes(13, &[&signals[..], &few].concat());
    let message = value["findings"][0]["message"].as_str().unwrap();
    let told =
        "these keep the bootloader waiting: 'high, dshot600 idle at 1kHz@60ms', 'high, servo 1000us at 50Hz@60ms'; ";
    assert!(message.starts_with(told), "{message}");
}

#[test]
fn one_signal_that_depends_on_chance_is_told_in_a_sentence() {
    let rare = ["--signal", "glitches low 3us at 1kHz", "--phases", "16", "--clock", "0", "--for", "200ms"];
    let (_, out, _) = run(&[&[&bootloader(10), APP, EEPROM], &rare[..]].concat());
    assert!(out.starts_with("Whether this ESC would start on this signal depends on chance.\n"), "{out}");
}

#[test]
fn a_list_takes_no_files() {
    for words in [&[FULL][..], &["--vcd", "x.vcd"], &["--app", APP], &["--signal", "low"], &["--force"]] {
        let (code, out, err) = run(&[&["--list"], words].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{words:?}");
        assert!(err.contains("cannot be used with") && err.contains("Usage: "), "{words:?}: {err}");
    }
    assert_eq!(run(&["--list"]).0, 0);
}

#[test]
fn check_keeps_the_name_of_a_level() {
    let (code, out, err) = check(&["--signal", "held-low", "--signal", "betaflight", FULL]);
    assert!(code == 0 && out.contains("signal held-low"), "{out}{err}");
    let (_, out, _) = check(&["--signal", "held-low", "--format", "json", FULL]);
    let value: Value = serde_json::from_str(&out).unwrap();
    let power_up = &value["power_ups"][0]["power_up"];
    assert_eq!((power_up["signal"].as_str(), power_up["name"].as_str()), (Some("low"), Some("held-low")), "{value}");
}
