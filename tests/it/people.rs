//! What people meet at the command line: names, variables, columns, silence, the project file, what is installed.

use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const BOOTLOADER: &str = "STANDIN_F051_BOOTLOADER_PB4_V14.bin";
const APP: &str = "STANDIN_DRYFLASH_F051_2.20.hex";
const EEPROM: &str = "STANDIN_EEPROM_V2_1K.bin";
const BLANK: &str = "STANDIN_EEPROM_BLANK_1K.bin";

fn built() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built")
}

/// A command that nothing around it changes: no variables but those that a program needs to start.
fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
    command.args(args).current_dir(folder).env_clear();
    for name in ["PATH", "TMPDIR", "HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn said(output: Output) -> Said {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn run(folder: &Path, args: &[&str]) -> Said {
    said(command(folder, args).output().unwrap())
}

fn run_with(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Said {
    said(command(folder, args).envs(variables.iter().copied()).output().unwrap())
}

/// A folder with the stand-in files that a project has.
fn project(text: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("build")).unwrap();
    for file in [BOOTLOADER, APP, EEPROM, BLANK] {
        std::fs::copy(built().join(file), folder.path().join("build").join(file)).unwrap();
    }
    std::fs::write(folder.path().join("dryflash.toml"), text).unwrap();
    folder
}

#[test]
fn parts_have_the_names_that_stand_on_chips() {
    for (name, full) in [("STM32F051K6T6", "STM32F051K6"), ("STM32G071KB", "STM32G071xB"), ("g071-64k", "STM32G071x8")]
    {
        let said = run(&built(), &["parts", name]);
        assert_eq!((said.code, said.out.lines().next()), (Some(0), Some(full)), "{name}: {}", said.err);
        let check = run(&built(), &["check", "--part", name, "--signal", "low", EEPROM]);
        assert!(check.out.contains(&format!("\n{full}")), "{}{}", check.out, check.err);
    }
    let known = run(&built(), &["check", "--part", "L431", EEPROM]);
    assert_eq!(known.code, Some(2));
    assert!(known.err.contains("'L431' is known (STM32L431), but not modelled"), "{}", known.err);
    let near = run(&built(), &["serve", "--part", "F052"]);
    assert!(near.err.contains("no part is called 'F052', but F051 is"), "{}", near.err);
}

#[test]
fn variables_count_at_every_verb_and_options_win() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("esc.json");
    let state = state.to_str().unwrap();
    let part = run_with(&built(), &["check", "--signal", "low", EEPROM], &[("DRYFLASH_PART", "G031")]);
    assert!(part.out.contains("\nSTM32G031K8 (G031), as DRYFLASH_PART says\n"), "{}{}", part.out, part.err);
    let part =
        run_with(&built(), &["check", "--part", "F051", "--signal", "low", EEPROM], &[("DRYFLASH_PART", "G031")]);
    assert!(part.out.contains("\nSTM32F051K6 (F051), as given with --part\n"), "{}{}", part.out, part.err);
    let steps = folder.path().join("steps.sh");
    std::fs::write(&steps, "st-flash erase\n").unwrap();
    let steps = steps.to_str().unwrap();
    let both = [("DRYFLASH_PART", "F051"), ("DRYFLASH_STATE", state)];
    let replay = run_with(&built(), &["replay", steps], &both);
    assert_eq!(replay.code, Some(0), "{}", replay.err);
    assert!(Path::new(state).exists(), "the state is written");
    // A state knows its part.
    let check =
        run_with(&built(), &["check", "--signal", "low"], &[("DRYFLASH_PART", "G071"), ("DRYFLASH_STATE", state)]);
    assert!(check.out.contains("\nSTM32F051K6"), "{}{}", check.out, check.err);
    // Empty is absent.
    let empty = run_with(&built(), &["check"], &[("DRYFLASH_PART", ""), ("DRYFLASH_STATE", "")]);
    assert!(empty.err.contains("no file was given"), "{}", empty.err);
    for verb in ["check", "serve", "with", "replay", "st-flash"] {
        let help = run(&built(), &[verb, "--help"]).out;
        for name in ["DRYFLASH_PART", "DRYFLASH_STATE"] {
            assert!(help.contains(name), "{verb} --help does not tell of {name}:\n{help}");
        }
    }
    assert!(run(&built(), &["new", "--help"]).out.contains("DRYFLASH_PART"));
}

#[test]
fn a_recording_knows_its_part() {
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/f051_eeprom_under_reset.jsonl");
    let replay = run_with(&built(), &["replay", recording.to_str().unwrap()], &[("DRYFLASH_PART", "G071")]);
    assert!(replay.out.contains("on an STM32F051K6"), "{}{}", replay.out, replay.err);
    assert!(!replay.out.contains("the session was with"), "{}", replay.out);
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let long = "a/".repeat(30);
    let folder = TempDir::new().unwrap();
    std::fs::create_dir_all(folder.path().join(&long)).unwrap();
    let file = format!("{long}{BLANK}");
    std::fs::copy(built().join(BLANK), folder.path().join(&file)).unwrap();
    for name in [BOOTLOADER, APP] {
        std::fs::copy(built().join(name), folder.path().join(name)).unwrap();
    }
    let check = ["check", BOOTLOADER, APP, "--eeprom", &file];
    let sets: [&[&str]; 4] = [&check, &["parts", "--unknowns"], &["explain"], &["parts", "G071"]];
    for args in sets {
        for columns in [40, 57, 80, 100] {
            let said = run_with(folder.path(), args, &[("COLUMNS", &columns.to_string())]);
            let widest = said.out.lines().max_by_key(|l| l.chars().count()).unwrap();
            assert!(widest.chars().count() <= columns, "{columns}: {args:?}:\n{widest}");
            assert!(said.out.lines().count() > 5, "{}", said.err);
        }
    }
    // The files' names alone.
    let wide = run(folder.path(), &check);
    let row = wide.out.lines().find(|l| l.starts_with("  EEPROM page")).unwrap();
    assert!(row.contains(BLANK) && !row.contains("a/a") && row.len() <= 100, "{row}");
}

#[test]
fn colour_is_as_the_environment_says() {
    let args = ["explain", "DF012"];
    let coloured = |variables: &[(&str, &str)]| run_with(&built(), &args, variables).out.contains('\x1b');
    assert!(!coloured(&[]));
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]) && coloured(&[("FORCE_COLOR", "1")]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    let never = run_with(&built(), &["explain", "DF012", "--color", "never"], &[("FORCE_COLOR", "1")]);
    assert!(!never.out.contains('\x1b'));
}

#[test]
fn quiet_is_the_answer_and_verbose_is_all() {
    let files = [BOOTLOADER, APP, BLANK];
    let quiet = run(&built(), &[&["check", "-q", "--signal", "low"], &files[..]].concat());
    assert_eq!(quiet.code, Some(1));
    assert!(
        quiet.out.starts_with("This ESC would not start. The EEPROM page is blank (DF013).\nerror DF013: "),
        "{}",
        quiet.out
    );
    assert!(!quiet.out.contains("power-ups") && !quiet.out.contains("warning"), "{}", quiet.out);
    let good = run(&built(), &["check", "--quiet", BOOTLOADER, APP, EEPROM]);
    assert_eq!(
        (good.code, good.out.as_str()),
        (Some(0), "This ESC would start. The bootloader jumps after 6.16 ms, and the app runs.\n")
    );
    let usual = run(&built(), &["check", BOOTLOADER, APP, EEPROM]);
    let verbose = run(&built(), &["check", "--verbose", BOOTLOADER, APP, EEPROM]);
    assert!(usual.out.starts_with("This ESC would start. "), "{}", usual.out);
    // Low and floating end alike, and are told once; how the app came to run is a detail.
    assert!(usual.out.contains("\n  signal low, floating ") && !usual.out.contains("main loop"), "{}", usual.out);
    assert!(verbose.out.contains("\n  signal floating ") && verbose.out.contains("main loop at PC"), "{}", verbose.out);
    // The explanation of DF013, which is the error there.
    let usual = run(&built(), &[&["check", "--signal", "low"], &files[..]].concat());
    let verbose = run(&built(), &[&["check", "-v", "--signal", "low"], &files[..]].concat());
    assert!(verbose.out.contains("## What to do") && !usual.out.contains("## What to do"), "{}", verbose.out);
    assert_eq!(run(&built(), &["check", "-q", "-v", BOOTLOADER]).code, Some(2));

    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/f051_eeprom_under_reset.jsonl");
    let replay = run(&built(), &["replay", "-q", recording.to_str().unwrap()]);
    assert!(!replay.out.contains("story") && !replay.out.contains("changes"), "{}", replay.out);
    assert!(replay.out.lines().last().is_some_and(|l| l.contains(" differ")), "{}", replay.out);
}

#[test]
fn runs_are_quiet_and_verbose() {
    let folder = project("");
    std::fs::create_dir(folder.path().join("scenarios")).unwrap();
    let scenario = format!(
        "part = \"F051\"\nabout = \"it starts\"\nfiles = \"../build\"\n[factory]\nholds = [\"{BOOTLOADER}\", \"{APP}\", \
         \"{EEPROM}@0x08007c00\"]\n[[step]]\nboot = \"low\"\n[[step]]\nexpect = {{ starts = true }}\n"
    );
    std::fs::write(folder.path().join("scenarios/starts.toml"), scenario).unwrap();
    let verbose = run(folder.path(), &["run", "-v"]);
    assert_eq!(verbose.code, Some(0), "{}{}", verbose.out, verbose.err);
    assert!(verbose.out.contains("passed starts ("), "{}", verbose.out);
    let usual = run(folder.path(), &["run", "scenarios"]);
    assert_eq!(usual.out, "1 case: 1 passed\n");
    assert_eq!(run(folder.path(), &["run", "-q", "scenarios"]).out, "1 case: 1 passed\n");
}

#[test]
fn a_project_says_what_its_commands_have_in_common() {
    let text = format!(
        "part = \"F051\"\nscenarios = [\"cases\"]\n\n[files]\nbootloader = \"build/{BOOTLOADER}\"\napp = \"build/{APP}\"\n\
         eeprom = \"build/{EEPROM}@0x08007c00\"\n"
    );
    let folder = project(&text);
    let check = run(folder.path(), &["check", "--signal", "low"]);
    assert_eq!(check.code, Some(0), "{}{}", check.out, check.err);
    assert!(check.out.contains("\nSTM32F051K6 (F051), as dryflash.toml says\n"), "{}", check.out);
    assert!(check.err.starts_with("dryflash: note: from dryflash.toml: part F051, build/STANDIN"), "{}", check.err);
    // From a folder below, with paths that lead there.
    let below = run(&folder.path().join("build"), &["check", "--signal", "low"]);
    assert_eq!(below.code, Some(0), "{}{}", below.out, below.err);
    assert!(below.err.contains("from ../dryflash.toml: part F051, ../build/STANDIN"), "{}", below.err);
    // The command line wins over the environment, and that over the project.
    let files = run(&folder.path().join("build"), &["check", "--signal", "low", BOOTLOADER, APP, BLANK]);
    assert_eq!(files.code, Some(1), "{}", files.out);
    let variable = run_with(folder.path(), &["check", "--signal", "low"], &[("DRYFLASH_PART", "G071")]);
    assert!(variable.out.contains("\nSTM32G071xB (G071), as DRYFLASH_PART says"), "{}", variable.out);
    let option = run(folder.path(), &["check", "--part", "F031", "--signal", "low"]);
    assert!(option.out.contains("\nSTM32F031K6 (F031), as given with --part"), "{}", option.out);
    // Not at all.
    let none = run(folder.path(), &["check", "--no-project"]);
    assert!(none.code == Some(2) && none.err.contains("no file was given"), "{}", none.err);
    assert!(run(folder.path(), &["-q", "check", "--signal", "low"]).err.is_empty());
    let scenarios = run(folder.path(), &["run"]);
    assert!(scenarios.err.contains("from dryflash.toml: the scenarios of cases"), "{}", scenarios.err);
}

#[test]
fn a_project_keeps_its_esc() {
    let folder = project("part = \"F051\"\nstate = \"esc.json\"\n");
    let here = folder.path().join("build");
    let flash = run(&here, &["st-flash", "write", EEPROM, "0x08007c00"]);
    assert_eq!(flash.code, Some(0), "{}", flash.err);
    assert!(flash.err.contains("from ../dryflash.toml: part F051, state ../esc.json"), "{}", flash.err);
    assert!(folder.path().join("esc.json").exists());
    let check = run(&here, &["check", "--signal", "low", BOOTLOADER, APP]);
    assert_eq!(check.code, Some(0), "{}{}", check.out, check.err);
}

#[test]
fn a_wrong_project_is_told_with_its_line() {
    for (text, place, hint) in [
        ("prat = \"F051\"\n", "dryflash.toml:1:1: unknown field `prat`", "did you mean `part`?"),
        (
            "\n[files]\nbotloader = \"x\"\n",
            "dryflash.toml:3:1: unknown field `botloader`",
            "did you mean `bootloader`?",
        ),
        ("part = \"F052\"\n", "dryflash.toml:1:8: no part is called 'F052'", "did you mean \"F051\"?"),
        ("part = \"L431\"\n", "dryflash.toml:1:8: 'L431' is known (STM32L431), but not modelled", ""),
        ("part = \n", "dryflash.toml:1:8: ", "docs/project.md"),
        ("scenarios = \"x\"\n", "dryflash.toml:1:13: invalid type", "docs/project.md"),
    ] {
        let folder = project(text);
        let said = run(folder.path(), &["check", "build/x.bin"]);
        assert_eq!(said.code, Some(2), "{text}: {}", said.err);
        assert!(said.err.contains(place) && said.err.contains(hint), "{text}: {}", said.err);
        // What does not look at it is not kept from working.
        assert_eq!(run(folder.path(), &["parts"]).code, Some(0));
        assert_eq!(run(folder.path(), &["with", "--", "true"]).code, Some(125));
    }
}

#[test]
fn places_to_listen_at_are_read_as_people_write_them() {
    for args in [["--tcp", "somewhere"], ["--gdb=y", "x"], ["--usbip=x:y", "x"]] {
        let said = run(&built(), &[&["serve", "--part", "F051"], &args[..]].concat());
        assert!(said.code == Some(2) && said.err.contains("127.0.0.1:7184, 7184 or localhost:0"), "{}", said.err);
    }
    // Of another machine: read, and refused for what it is.
    for (option, place) in [("--tcp", "192.0.2.1:1"), ("--gdb", "192.0.2.1:1"), ("--usbip", "192.0.2.1:1")] {
        let said = run(&built(), &["serve", "--part", "F051", option, place]);
        assert!(said.err.contains("192.0.2.1:1 can be reached from other machines"), "{option}: {}", said.err);
    }
}

#[test]
fn an_address_that_is_none_is_not_a_missing_file() {
    for address in ["08007C0G", "8000000h", "", "0x"] {
        let said = run(&built(), &["check", &format!("{EEPROM}@{address}")]);
        assert!(said.err.contains(&format!("{EEPROM} is there, but '{address}' is no address")), "{}", said.err);
    }
    assert!(run(&built(), &["check", "nothing@home.bin"]).err.contains("there is no such file"));
}

#[test]
#[cfg(unix)]
fn names_may_be_any_bytes() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = TempDir::new().unwrap();
    let odd = OsStr::from_bytes(b"eeprom_\xff\xfe.bin");
    std::fs::copy(built().join(EEPROM), folder.path().join(odd)).unwrap();
    let placed = OsStr::from_bytes(b"eeprom_\xff\xfe.bin@0x08007c00");
    for name in [odd, placed] {
        let output =
            command(folder.path(), &["check", "--part", "F051", "--signal", "low"]).arg(name).output().unwrap();
        let said = said(output);
        assert!(said.code == Some(1) && said.out.contains("EEPROM page"), "{}{}", said.out, said.err);
    }
    // What a terminal would obey does not reach it.
    let playful = "a\x1b[2Jb\n.bin";
    std::fs::copy(built().join(EEPROM), folder.path().join(playful)).unwrap();
    for args in [&["check", "--part", "F051", playful][..], &["check", "\x1b[2Jnothing.bin"], &["explain", "\x1b[2J"]] {
        let said = run(folder.path(), args);
        assert!(!said.out.contains('\x1b') && !said.err.contains('\x1b'), "{}{}", said.out, said.err);
        assert!(format!("{}{}", said.out, said.err).contains("\\u{1b}[2J"), "{}{}", said.out, said.err);
    }
}

#[test]
fn other_tools_words_get_a_pointer() {
    for (word, verb) in [
        ("compare", "dryflash diff"),
        ("combine", "dryflash pack"),
        ("unpack", "dryflash split"),
        ("info", "dryflash check"),
        ("verify", "dryflash check"),
        ("flash", "dryflash st-flash"),
    ] {
        let said = run(&built(), &[word, "x.bin"]);
        assert!(said.code == Some(2) && said.err.contains(word) && said.err.contains(verb), "{word}: {}", said.err);
    }
}

#[test]
fn shells_complete_every_verb() {
    let verbs = ["check", "run", "with", "serve", "replay", "doctor", "explain"];
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = run(&built(), &["completions", shell]);
        assert_eq!(said.code, Some(0), "{}", said.err);
        assert!(verbs.iter().all(|verb| said.out.contains(verb)), "{shell}:\n{}", said.out);
    }
    assert_eq!(run(&built(), &["completions"]).code, Some(2));
    let by_variable = run_with(&built(), &["completions"], &[("SHELL", "/bin/bash")]);
    assert!(by_variable.out.contains("_dryflash()"), "{}", by_variable.err);
}

#[test]
fn each_verb_has_a_manual_page() {
    let folder = TempDir::new().unwrap();
    let name = folder.path().to_str().unwrap();
    let said = run(&built(), &["man", name]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let page = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(page("dryflash-check.1").contains("\\-\\-eeprom") && page("dryflash-check.1").contains("DRYFLASH_PART"));
    assert!(page("dryflash.1").contains("dryflash\\-replay(1)"), "{}", page("dryflash.1"));
    let again = run(&built(), &["man", name]);
    assert!(again.code == Some(2) && again.err.contains("exists; --force replaces it"), "{}", again.err);
    assert_eq!(run(&built(), &["man", "--force", name]).code, Some(0));
    assert!(run(&built(), &["man", &format!("{name}/none")]).err.contains("is no folder"));
}

/// A folder with programs of these names, as the only PATH.
#[cfg(target_os = "linux")]
fn programs(files: &[(&str, &[u8])]) -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

#[test]
#[cfg(target_os = "linux")]
fn the_doctor_tells_what_can_be_rehearsed() {
    let script = b"#!/bin/sh\necho v9.8.7 $LD_PRELOAD\n";
    let folder = TempDir::new().unwrap();
    let tools = programs(&[("pyocd", script)]);
    let unusable = std::env::current_exe().unwrap();
    for name in ["probe-rs", "st-flash"] {
        std::os::unix::fs::symlink(&unusable, tools.path().join(name)).unwrap();
    }
    let path = tools.path().to_str().unwrap();
    let text = run_with(folder.path(), &["doctor"], &[("PATH", path)]);
    assert_eq!(text.code, Some(0), "{}{}", text.out, text.err);
    assert!(text.out.contains("Can be rehearsed: pyocd, probe-rs."), "{}", text.out);
    let json = run_with(folder.path(), &["doctor", "--format", "json"], &[("PATH", path)]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(
        (&json["format"], &json["version"], &json["ready"]),
        (&"dryflash-doctor".into(), &1.into(), &true.into())
    );
    let client = |name: &str| json["clients"].as_array().unwrap().iter().find(|c| c["name"] == name).unwrap().clone();
    assert_eq!((&client("pyocd")["version"], &client("pyocd")["way"]), (&"9.8.7".into(), &"with".into()));
    assert_eq!(client("openocd")["path"], serde_json::Value::Null);
    // A program that loads no libusb cannot be stood in for; neither is run for its version.
    assert_eq!((&client("st-flash")["way"], &client("probe-rs")["way"]), (&serde_json::Value::Null, &"with".into()));
    assert!(client("st-flash")["why"].as_str().unwrap().contains("does not load libusb"));
    for name in ["st-flash", "probe-rs"] {
        assert_eq!(client(name)["version"], serde_json::Value::Null, "{name} was run");
    }
    assert_eq!(json["ports"].as_array().unwrap().len(), 4);

    let none = run_with(folder.path(), &["doctor"], &[("PATH", folder.path().to_str().unwrap())]);
    assert!(none.code == Some(1) && none.out.contains("No tool that flashes can be rehearsed"), "{}", none.out);
}

#[test]
#[cfg(target_os = "linux")]
fn the_doctor_sees_a_taken_port_and_an_unfit_folder() {
    let taken = std::net::TcpListener::bind("127.0.0.1:3333");
    let tools = programs(&[("pyocd", b"#!/bin/sh\necho 1.2\n")]);
    let folder = tools.path().join("a b");
    std::fs::create_dir(&folder).unwrap();
    let path = tools.path().to_str().unwrap();
    let variables = [("PATH", path), ("TMPDIR", folder.to_str().unwrap())];
    let json = run_with(&built(), &["doctor", "--format", "json"], &variables);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let port = json["ports"].as_array().unwrap().iter().find(|p| p["address"] == "127.0.0.1:3333").unwrap();
    assert_eq!(port["free"], false);
    drop(taken);
    // `with` goes elsewhere then, and so it says: the two agree about every folder.
    let missing = tools.path().join("missing");
    for (folder, why) in [(&folder, "a blank, colon or dollar sign in its name"), (&missing, "there is no such file")] {
        let variables = [("PATH", path), ("TMPDIR", folder.to_str().unwrap())];
        let text = run_with(&built(), &["doctor"], &variables);
        let told = text.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(told.contains("goes into /") && told.contains("not into") && told.contains(why), "{}", text.out);
        assert_eq!(text.code, Some(0), "{}", text.out);
    }
    let quiet = run_with(&built(), &["doctor", "-q"], &[("PATH", path)]);
    assert_eq!((quiet.code, quiet.out.as_str()), (Some(0), "Can be rehearsed: pyocd.\n"));
}

/// A file beside copies of the stand-ins.
fn beside(folder: &TempDir, name: &str, bytes: &[u8]) {
    std::fs::write(folder.path().join("build").join(name), bytes).unwrap();
}

#[test]
fn a_set_for_an_mcu_without_a_model_is_not_said_not_to_start() {
    let folder = project("");
    let bytes = std::fs::read(built().join(BOOTLOADER)).unwrap();
    beside(&folder, "AM32_F421_BOOTLOADER_PB4_V14.bin", &bytes);
    let build = folder.path().join("build");
    let said = run(&build, &["check", "AM32_F421_BOOTLOADER_PB4_V14.bin", EEPROM]);
    assert!(said.out.starts_with("dryflash cannot say whether this ESC would start: it has no model of its MCU.\n"));
    assert!(said.code == Some(1) && !said.out.contains("This ESC would"), "{}", said.out);
    let said = run(&build, &["check", "--format", "json", "AM32_F421_BOOTLOADER_PB4_V14.bin", EEPROM]);
    assert!(said.out.contains("\"starts\": false"), "{}", said.out);
}

#[test]
fn what_the_advice_says_about_a_full_image_works() {
    let folder = project("");
    let build = folder.path().join("build");
    let mut full = std::fs::read(built().join("STANDIN_DRYFLASH_F051_2.20_FULL.bin")).unwrap();
    full[0x7C00] = 0;
    beside(&folder, "full.bin", &full);
    let signal = ["check", "--signal", "low", "--full", "full.bin"];
    let bad = run(&build, &signal);
    assert!(bad.code == Some(1) && bad.out.contains("full.bin --eeprom eeprom.bin"), "{}", bad.out);
    let mended = run(&build, &[&signal[..], &["--eeprom", EEPROM]].concat());
    assert!(mended.code == Some(0) && mended.out.contains("note DF002"), "{}", mended.out);
    full[0x7C00] = 1;
    full.resize(0x1_0000, 0xFF);
    beside(&folder, "full.bin", &full);
    let long = run(&build, &signal);
    assert!(long.code == Some(0) && long.out.contains("warning DF005"), "{}", long.out);
    full[..0x1000].fill(0xFF);
    beside(&folder, "full.bin", &full[..0x8000]);
    let mended = run(&build, &[&signal[..], &["--bootloader", BOOTLOADER]].concat());
    assert!(mended.code == Some(0) && !mended.out.contains("findings"), "{}", mended.out);
}

#[test]
fn the_cause_is_told_and_not_what_follows_from_it() {
    let low = ["check", "--signal", "low"];
    let exchanged = run(&built(), &[&low[..], &["--bootloader", APP, "--app", BOOTLOADER, EEPROM]].concat());
    assert_eq!((exchanged.code, exchanged.out.matches("error DF").count()), (Some(1), 2), "{}", exchanged.out);
    assert!(exchanged.out.contains("locked up"), "{}", exchanged.out);
    let page = run(&built(), &[&low[..], &["--app", EEPROM, BOOTLOADER, APP]].concat());
    assert_eq!((page.code, page.out.matches("error DF").count()), (Some(1), 1), "{}", page.out);
    let moved = format!("{BOOTLOADER}@0x08001000");
    let moved = run(&built(), &[&low[..], &[&moved, APP, EEPROM]].concat());
    assert_eq!((moved.code, moved.out.matches("error DF").count()), (Some(1), 1), "{}", moved.out);
    // Of an updater and an app, one is not there: neither is said to fail.
    let updater = "STANDIN_F051_BL_UPDATER_PB4_V14.amj";
    let both = run(&built(), &[&low[..], &[updater, APP, BOOTLOADER, EEPROM]].concat());
    assert_eq!((both.code, both.out.matches("error DF").count()), (Some(1), 1), "{}", both.out);
    assert!(both.out.contains("one after the other"), "{}", both.out);
}

#[test]
fn findings_tell_who_named_the_part() {
    let words = ["check", "--signal", "low", "STANDIN_F051_BOOTLOADER_PB4_V14.bin", "STANDIN_DRYFLASH_F051_2.20.hex"];
    let output = Command::new(env!("CARGO_BIN_EXE_dryflash"))
        .args(words)
        .env("DRYFLASH_PART", "G031")
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/firmware/built"))
        .output()
        .expect("dryflash starts");
    let text = String::from_utf8_lossy(&output.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("the part is the G031 (as DRYFLASH_PART says)"), "{text}");
    assert!(!text.contains("--part)"), "{text}");
}

#[test]
fn advice_about_an_esc_that_is_kept_names_its_state() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("e.json");
    let built = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built").join(name);
    let check = |name: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
        command.args(["check", "--signal", "low", "--state", "e.json"]).arg(built(name)).current_dir(folder.path());
        String::from_utf8_lossy(&command.output().expect("dryflash starts").stdout).into_owned()
    };
    assert!(check("STANDIN_DRYFLASH_F051_2.20_FULL.bin").contains("This ESC would start."));
    let text = check("STANDIN_EEPROM_BLANK_1K.bin").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(state.is_file() && text.contains("`dryflash check --part F051 --state e.json --eeprom"), "{text}");
}

#[test]
fn a_report_is_replaced_by_the_next_one_and_no_other_file_is() {
    let folder = TempDir::new().unwrap();
    let full = built().join("STANDIN_DRYFLASH_F051_2.20_FULL.hex");
    let check = |report: &str| {
        let words = ["check", "--signal", "low", "--app-for", "0", "--report", report, full.to_str().unwrap()];
        run(folder.path(), &words)
    };
    for form in ["text", "json", "sarif", "github"] {
        for time in ["first", "second"] {
            let said = check(&format!("{form}=r.{form}"));
            assert_eq!(said.code, Some(0), "{form}, the {time} time: {}", said.err);
        }
    }
    if cfg!(target_os = "linux") {
        for _ in 0..2 {
            let said = run(folder.path(), &["with", "--part", "F051", "--report", "text=w", "--", "true"]);
            assert_eq!(said.code, Some(0), "{}", said.err);
        }
    }
    for text in ["notes, mine\n", "to do:\n\nfiles\n", "after `make`, 3 commands\n"] {
        std::fs::write(folder.path().join("notes"), text).unwrap();
        let said = check("text=notes");
        assert!(said.code == Some(2) && said.err.contains("is no report"), "{text}: {:?} {}", said.code, said.err);
    }
}
