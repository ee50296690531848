//! The words of errors, hints and help: what is wrong, with which file or option, and a line that can be pasted.

use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const EEPROM: &str = "STANDIN_EEPROM_V2_1K.bin";
const VERBS: [&str; 20] = [
    "check",
    "eeprom",
    "map",
    "run",
    "new",
    "schema",
    "merge",
    "serve",
    "with",
    "replay",
    "parts",
    "diff",
    "pack",
    "split",
    "dump",
    "explain",
    "doctor",
    "completions",
    "man",
    "st-flash",
];

fn built(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built").join(file);
    path.to_str().expect("UTF-8").to_owned()
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
    command.args(args).current_dir(folder).env_remove("DRYFLASH_PART").env_remove("DRYFLASH_STATE");
    command
}

/// Exit code and all that was printed.
fn says(folder: &Path, args: &[&str]) -> (Option<i32>, String) {
    told(command(folder, args).output().unwrap())
}

fn told(output: Output) -> (Option<i32>, String) {
    let text = [output.stderr, output.stdout].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn no_message_is_the_systems_alone() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("plain"), "x").unwrap();
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    for (args, said) in [
        (&["run", "none.toml"][..], "none.toml: there is no such file or folder; check the name"),
        (&["run", "plain/none.toml"], "plain/none.toml: something in that path is a file, not a folder"),
        (&["replay", "none.jsonl"], "none.jsonl: there is no such file or folder; check the name"),
        (&["replay", "folder"], "folder: it is a folder; name a file in it"),
        (&["check", "plaim"], "plaim: there is no such file; did you mean plain?"),
        (&["check", "none.hex"], "none.hex: there is no such file; check the name, and from which folder it is seen"),
        (&["merge", "none.json"], "none.json: there is no such file or folder; check the name"),
        (&["merge", "folder"], "folder: it is a folder; name a file in it"),
        (&["new", "none/x.toml"], "none/x.toml: there is no folder none; make it first"),
        (&["new", "plain/x.toml"], "plain/x.toml: there is no folder plain; make it first"),
        (&["new", "plain"], "plain exists; --force replaces it"),
        (
            &["st-flash", "--part", "F051", "write", "none.bin", "0x08000000"],
            "none.bin: cannot be read: there is no such file",
        ),
        (&["st-flash", "--part", "F051", "read", "none/x.bin", "0x08000000", "4"], "there is no such file or folder"),
        (&["with", "--part", "F051", "--", "./none"], "`./none` cannot be run: there is no such program"),
        (&["with", "--part", "F051", "--", "./folder"], "`./folder` cannot be run: it may not be run"),
        (&["check", "--part", "F051", "--state", "plain/esc.json"], "something in that path is a file, not a folder"),
        (&["man", "none"], "there is no folder none for the pages; make it first: mkdir -p none"),
        (&["man", "plain"], "plain is a file, and the pages go into a folder"),
        (&["man", "dryflash-check.1"], "`dryflash help check` shows that one here"),
        (&["man", "dryflash"], "`dryflash help` shows that one here"),
    ] {
        let (code, text) = says(folder.path(), args);
        let own = match args[0] {
            "with" => 125,
            "st-flash" => 255,
            _ => 2,
        };
        assert!(code == Some(own) && text.contains(said), "{args:?}: {code:?} {text}");
        assert!(!text.contains("os error"), "{args:?}: {text}");
    }
}

#[test]
#[cfg(unix)]
fn a_socket_takes_the_place_of_nothing() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("plain"), "mine").unwrap();
    for option in ["--socket=plain", "--glasgow=unix:plain"] {
        let (code, text) = says(folder.path(), &["serve", "--part", "F051", option]);
        assert!(code == Some(2) && text.contains("plain: something that is no socket has this name"), "{text}");
    }
    assert_eq!(std::fs::read(folder.path().join("plain")).unwrap(), b"mine");
    let (_, text) = says(folder.path(), &["serve", "--part", "F051", "--socket=none/s"]);
    assert!(text.contains("none/s: the folder that the socket is to be in is not there"), "{text}");
}

#[test]
#[cfg(unix)]
fn a_variable_that_is_no_text_is_told_by_its_name() {
    use std::os::unix::ffi::OsStrExt;
    let folder = TempDir::new().unwrap();
    let value = std::ffi::OsStr::from_bytes(b"\xff");
    for (args, expected) in
        [(&["check", "x.bin"][..], 2), (&["serve"], 2), (&["st-flash", "erase"], 2), (&["with", "--", "true"], 125)]
    {
        let (code, text) = told(command(folder.path(), args).env("DRYFLASH_PART", value).output().unwrap());
        assert!(code == Some(expected) && text.contains("DRYFLASH_PART is"), "{args:?}: {code:?} {text}");
    }
    assert_eq!(command(folder.path(), &["parts"]).env("DRYFLASH_PART", value).status().unwrap().code(), Some(0));
}

#[test]
fn a_folder_with_the_projects_name_is_told() {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("dryflash.toml")).unwrap();
    let (code, text) = says(folder.path(), &["run"]);
    assert!(code == Some(2) && text.contains("dryflash.toml is a folder") && text.contains("--no-project"), "{text}");
}

#[test]
fn what_is_for_the_whole_scenario_is_told_where_it_belongs() {
    let folder = TempDir::new().unwrap();
    let steps = "[[step]]\nboot = \"low\"\n[[step]]\nexpect = { starts = true }\n";
    for (text, place) in [
        (format!("about = \"x\"\n[factory]\npart = \"F051\"\n{steps}"), "s.toml:3:1"),
        (format!("[factory]\nabout = \"x\"\n{steps}"), "s.toml:2:1"),
        (format!("about = \"x\"\n{steps}[[step]]\npart = \"F051\"\n"), "s.toml:7:1"),
    ] {
        std::fs::write(folder.path().join("s.toml"), &text).unwrap();
        let (code, said) = says(folder.path(), &["run", "s.toml"]);
        let hint = "is for the whole scenario: put it at the top, before the first [table]";
        assert!(code == Some(2) && said.contains(place) && said.contains(hint), "{text}\n{said}");
    }
}

#[test]
fn joined_reports_end_as_the_run_did() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("s.toml"), "about = 1\n").unwrap();
    let (code, _) = says(folder.path(), &["run", "s.toml", "--report", "json=r.json"]);
    assert_eq!(code, Some(2));
    let (code, text) = says(folder.path(), &["merge", "r.json"]);
    assert!(code == Some(2) && text.contains("BROKEN s"), "{text}");
}

#[test]
fn an_address_that_is_refused_starts_nothing() {
    let folder = TempDir::new().unwrap();
    for address in ["0x08001001", "0x08001002", "0x08007f00"] {
        let (code, text) = says(folder.path(), &["st-flash", "--part", "F051", "write", &built(EEPROM), address]);
        let refused = text.contains("st-flash refuses it") || text.contains("beyond the flash");
        assert!(code == Some(255) && refused, "{text}");
        assert!(!text.contains("starts the core"), "{text}");
    }
}

#[test]
fn from_the_app_on_a_bootloader_is_not_run_and_so_it_says() {
    let (bootloader, app) = (built("STANDIN_F051_BOOTLOADER_PB4_V14.bin"), built("STANDIN_DRYFLASH_F051_2.20.hex"));
    let folder = TempDir::new().unwrap();
    let (code, text) = says(folder.path(), &["check", "-q", "--from-app", &bootloader, &app]);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        code == Some(0) && text.contains("STANDIN_F051_BOOTLOADER_PB4_V14.bin is there, and was not run"),
        "{text}"
    );
    assert!(text.contains("Without --from-app it decides"), "{text}");
    let (_, text) = says(folder.path(), &["check", "-q", "--from-app", &app]);
    assert!(text.contains("no bootloader was asked for"), "{text}");
}

#[test]
fn a_recording_that_lost_its_last_lines_is_told() {
    let folder = TempDir::new().unwrap();
    let line = ["st-flash", "--part", "F051", "--record", "r.jsonl", "write", &built(EEPROM), "0x08007c00"];
    assert_eq!(says(folder.path(), &line).0, Some(0));
    let path = folder.path().join("r.jsonl");
    let whole = std::fs::read_to_string(&path).unwrap();
    let (code, text) = says(folder.path(), &["replay", "r.jsonl"]);
    assert_eq!(code, Some(0), "{text}");
    let lines: Vec<&str> = whole.lines().collect();
    // What is gone changed nothing in flash: only the count tells.
    let cut = lines[..lines.len() - 2].join("\n") + "\n";
    std::fs::write(&path, cut).unwrap();
    let (code, text) = says(folder.path(), &["replay", "r.jsonl"]);
    let commands = lines.len() - 1;
    assert!(code == Some(2) && text.contains("is not whole"), "{text}");
    assert!(text.contains(&format!("{} of its {commands} commands are left", commands - 2)), "{text}");
    assert_eq!(says(folder.path(), &["replay", "--partial", "r.jsonl"]).0, Some(0));
}

#[test]
fn quiet_parts_are_their_names() {
    let folder = TempDir::new().unwrap();
    let (_, text) = says(folder.path(), &["parts", "-q"]);
    assert_eq!(text, "F031\nF051\nSTM32F051K8\nG031\nG071_64K\nG071\n");
    assert_eq!(says(folder.path(), &["parts", "-q", "stm32g071kb"]).1, "G071\n");
    let (_, text) = says(folder.path(), &["parts", "-q", "--unknowns"]);
    assert!(!text.contains("flash controllers\n") && text.lines().count() > 5, "{text}");
}

/// What stands between backquotes and begins as a command of ours, in one line.
fn commands(text: &str) -> Vec<String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.split('`').skip(1).step_by(2).filter(|c| c.starts_with("dryflash ")).map(str::to_owned).collect()
}

#[test]
#[cfg(unix)]
fn commands_in_hints_can_be_pasted() {
    let folder = TempDir::new().unwrap();
    let names = ["-v app.bin", "it's mine.bin", "--app.bin"];
    for name in names {
        std::fs::copy(built("STANDIN_DRYFLASH_F051_2.20.bin"), folder.path().join(name)).unwrap();
        let (code, text) = says(folder.path(), &["check", "--part", "F051", "--signal", "low", "--", name]);
        assert_eq!(code, Some(1), "{text}");
        let found = commands(&text);
        let line = found.iter().find(|c| c.contains("--from-app")).unwrap_or_else(|| panic!("{text}"));
        // A shell takes it apart: the same file is found again.
        let line = line.replacen("dryflash", "\"$0\"", 1);
        let mut shell = Command::new("sh");
        shell.args(["-c", &line, env!("CARGO_BIN_EXE_dryflash")]).current_dir(folder.path());
        let (code, again) = told(shell.output().unwrap());
        assert!(code == Some(0) && again.contains("The app would run"), "{line}\n{again}");
    }
    // A state that is given as a file.
    assert_eq!(says(folder.path(), &["check", "--part", "F051", "--state", "my esc.json"]).0, Some(1));
    let (code, text) = says(folder.path(), &["check", "my esc.json"]);
    assert!(code == Some(2) && text.contains("give it as --state 'my esc.json'"), "{text}");
    let (_, text) = says(folder.path(), &["check", "it's mine.bin@08007c0"]);
    assert!(text.contains(r"'it'\''s mine.bin@0x0"), "{text}");
    let (code, text) = says(folder.path(), &["new", "my scenario.toml"]);
    assert!(code == Some(0) && text.contains("dryflash run 'my scenario.toml'"), "{text}");
}

#[test]
fn help_fits_and_its_options_stand_under_headings() {
    let folder = TempDir::new().unwrap();
    for verb in VERBS {
        for columns in [40, 80, 100] {
            let output =
                command(folder.path(), &[verb, "--help"]).env("COLUMNS", columns.to_string()).output().unwrap();
            let (code, text) = told(output);
            assert_eq!(code, Some(0), "{verb}");
            let widest = text.lines().max_by_key(|l| l.chars().count()).unwrap_or_default();
            assert!(widest.chars().count() <= columns, "{verb}, {columns}: {widest}");
            assert!(!text.lines().any(|l| l == "Options:"), "{verb}:\n{text}");
            assert!(text.lines().any(|l| l == "Options of every verb:"), "{verb}:\n{text}");
        }
    }
    let text = says(folder.path(), &["check", "--help"]).1;
    for heading in ["The virtual ESC:", "What is run, and how long:", "Recordings and reports:"] {
        assert!(text.lines().any(|l| l == heading), "{heading}:\n{text}");
    }
    let reports = |verb| says(folder.path(), &[verb, "--help"]).1.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(reports("check").contains("FORMAT is text, json, sarif, github or html"));
    assert!(reports("run").contains("FORMAT is text, json, junit, sarif, github or html"));
    assert!(reports("with").contains("FORMAT is text, json or html"));
}
