//! Wrong usage and unreadable input: the exit code, the words that matter, and nothing on standard output.

use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const BOOTLOADER: &str = "firmware/built/STANDIN_F051_BOOTLOADER_PB4_V14.bin";
const APP: &str = "firmware/built/STANDIN_DRYFLASH_F051_2.20.hex";
const EEPROM: &str = "firmware/built/STANDIN_EEPROM_V2_1K.bin";
const FULL: &str = "firmware/built/STANDIN_DRYFLASH_F051_2.20_FULL.bin";
const HEX: &str = ":020000040800F2\n:0400100001020304E2\n:0400200005060708C2\n:00000001FF\n";

fn dryflash(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap()
}

/// Runs it in both formats: exit code 2, all these words on standard error, and nothing on standard output.
#[track_caller]
fn refused(args: &[&str], words: &[&str]) {
    for format in ["text", "json"] {
        let output = dryflash(&[args, &["--format", format]].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{format}: {args:?}\n{said}");
        assert!(output.stdout.is_empty(), "{format}: {args:?}: {}", String::from_utf8_lossy(&output.stdout));
        for word in words {
            assert!(said.contains(word), "{format}: {args:?}: '{word}' is not in\n{said}");
        }
        assert!(!said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{said}");
    }
}

/// Runs it in both formats: exit code 1, a finding with this id, and all these words in the report.
#[track_caller]
fn would_not(args: &[&str], id: &str, words: &[&str]) {
    let output = dryflash(args);
    // The report is wrapped: a line's end may stand where words have a space.
    let report = String::from_utf8(output.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(output.status.code(), Some(1), "{args:?}\n{report}");
    assert!(report.contains(&format!("error {id}: ")), "{report}");
    for word in words {
        assert!(report.contains(word), "{args:?}: '{word}' is not in\n{report}");
    }
    let json = dryflash(&[args, &["--format", "json"]].concat());
    assert_eq!(json.status.code(), Some(1), "{args:?}");
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    let found = json["findings"].as_array().unwrap().iter().any(|f| f["id"] == id && f["severity"] == "error");
    assert!(found, "{id} is not in {json:#}");
}

/// A folder with one file.
struct Made {
    folder: TempDir,
    path: String,
}

fn made(name: &str, bytes: impl AsRef<[u8]>) -> Made {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let path = path.to_str().unwrap().to_owned();
    Made { folder, path }
}

fn bytes(path: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn an_empty_file() {
    for name in ["app.bin", "app.hex", "app.elf"] {
        refused(&["check", &made(name, "").path], &[name, "empty"]);
    }
}

#[test]
fn a_text_file() {
    let text = "Dear customer,\nplease find the firmware attached.\n";
    refused(&["check", &made("firmware.bin", text).path], &["firmware.bin", "is text, not an image"]);
    refused(&["check", &made("firmware.hex", text).path], &["firmware.hex line 1", "does not begin with ':'"]);
}

#[test]
fn a_web_page_saved_as_hex() {
    let page = "\n<!DOCTYPE html>\n<html><head><title>AM32 at master</title></head></html>\n";
    refused(&["check", &made("app.hex", page).path], &["app.hex", "is an HTML page", "raw file"]);
}

#[test]
fn a_bad_checksum() {
    let file = made("app.hex", HEX.replace("0708C2", "0708C3"));
    refused(&["check", &file.path], &["app.hex line 3", "checksum C3", "C2"]);
}

#[test]
fn a_hex_that_is_cut_off() {
    let between = made("app.hex", HEX.replace(":00000001FF\n", ""));
    refused(&["check", &between.path], &["app.hex line 3", "without an end-of-file record", "cut off"]);
    let inside = made("app.hex", &HEX[..HEX.len() - 25]);
    refused(&["check", &inside.path], &["app.hex line 3", "cut off"]);
}

#[test]
fn one_address_twice_in_a_hex() {
    let file = made("app.hex", HEX.replace(":04002000050607", ":04001000050607").replace("08C2", "08D2"));
    refused(&["check", &file.path], &["gives 0x08000010 twice", "line 2", "line 3"]);
}

#[test]
fn a_directory() {
    refused(&["check", "firmware/built"], &["firmware/built", "is a directory"]);
}

#[test]
fn no_such_file() {
    refused(&["check", "no/such/file.hex"], &["no/such/file.hex", "no such file"]);
    refused(&["check", BOOTLOADER, "app.hex"], &["app.hex"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_read() {
    // Root reads what nobody may; but nobody reads the unmapped start of a process's memory.
    refused(&["check", "/proc/self/mem"], &["/proc/self/mem", "cannot be read"]);
    use std::os::unix::fs::PermissionsExt;
    let file = made("app.hex", HEX);
    std::fs::set_permissions(&file.path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::File::open(&file.path).is_err() {
        refused(&["check", &file.path], &["app.hex", "cannot be read"]);
    }
}

/// A linked ELF for `machine`, of four bytes.
fn elf(machine: u16) -> Vec<u8> {
    let mut bytes = b"\x7FELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x02\0".to_vec();
    bytes.extend(machine.to_le_bytes());
    for word in [1u32, 0x0800_1001, 52, 0, 0x0500_0200, 0x0020_0034, 0x0028_0001, 0] {
        bytes.extend(word.to_le_bytes());
    }
    for word in [1u32, 84, 0x0800_1000, 0x0800_1000, 4, 4, 5, 4] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend([9, 8, 7, 6]);
    bytes
}

#[test]
fn an_elf_for_another_cpu() {
    let (riscv, x86) = (243, 3);
    refused(&["check", &made("app.elf", elf(riscv)).path], &["app.elf", "ELF for", "32-bit ARM"]);
    refused(&["check", &made("app.elf", elf(x86)).path], &["app.elf", "ELF for", "32-bit ARM"]);
    // The same for ARM gets further: it is read.
    let arm = dryflash(&["check", &made("app.elf", elf(40)).path, "--part", "F051"]);
    assert_eq!(arm.status.code(), Some(1), "{}", String::from_utf8_lossy(&arm.stderr));
}

#[test]
fn an_unknown_part() {
    refused(&["check", "--part", "F052", BOOTLOADER], &["F052", "STM32F051K6", "G071"]);
}

#[test]
fn a_role_twice() {
    let other = "firmware/built/STANDIN_F051_BOOTLOADER_PB4_V13.bin";
    refused(&["check", BOOTLOADER, other, APP], &["are both the bootloader", "leave one out"]);
    let blank = "firmware/built/STANDIN_EEPROM_BLANK_1K.bin";
    refused(&["check", "--eeprom", EEPROM, "--eeprom", blank, APP], &["are both the EEPROM page"]);
    refused(&["check", "--app", APP, "--app", FULL], &["are both the app"]);
}

#[test]
fn wrong_options() {
    refused(&["check", "--no-such-option", BOOTLOADER], &["--no-such-option"]);
    refused(&["check", "--signal", "medium", BOOTLOADER], &["medium", "low, high, floating"]);
    refused(&["check", "--signal", "low,high", BOOTLOADER], &["'high' has no time", "low@100"]);
    refused(&["check", "--for", "0", BOOTLOADER], &["--for"]);
    // A wire whose changes are out of order is not guessed at, here as in a scenario.
    refused(
        &["check", "--signal", "high,high@399,low@398", BOOTLOADER],
        &["398.00 ms does not come after the one before it"],
    );
    refused(&["check", "--for", "0", BOOTLOADER], &["'0' is not between 1 ms and 60 s"]);
    refused(&["check", "--app-for", "2 min", BOOTLOADER], &["ns, us, ms or s"]);
    refused(&["check", "--for", "1h", BOOTLOADER], &["'1h' is not a time", "ns, us, ms or s", "without a unit"]);
    refused(&["check", "--app-for", "-1", BOOTLOADER], &["'-1' is not between 0 and 60 s"]);
    refused(&["check", "--for", "", BOOTLOADER], &["there is no time in it"]);
    refused(&["check", "--reset", "software", BOOTLOADER], &["--signal"]);
    refused(&["chekc", BOOTLOADER], &["chekc", "check"]);
    refused(&[], &["Usage"]);
}

#[test]
fn no_files() {
    refused(&["check"], &["no file was given", "dryflash check bootloader.hex app.hex eeprom.bin"]);
}

#[test]
fn a_bad_address() {
    for address in ["0x", "0x8000000z", "0x100000000", "99999999999", "", "-1"] {
        let arg = format!("{BOOTLOADER}@{address}");
        refused(&["check", &arg], &[&format!("@{address}")]);
    }
    refused(&["check", &format!("{APP}@0x08001000")], &["addresses of its own", "leave out @0x08001000"]);
}

#[test]
fn an_unknown_finding() {
    refused(&["explain", "DF999"], &["'DF999'", "dryflash explain"]);
    let known = dryflash(&["explain", "df012"]);
    assert_eq!(known.status.code(), Some(0));
    assert!(String::from_utf8(known.stdout).unwrap().starts_with("DF012 (error): "));
}

#[test]
fn a_state_file_that_is_none() {
    for garbage in ["", "{}", "not a state", "{\"format\":\"dryflash-state\",\"version\":1}"] {
        let file = made("esc.state", garbage);
        refused(&["check", "--state", &file.path, FULL], &["esc.state", "is no state of a virtual ESC"]);
        assert_eq!(std::fs::read_to_string(&file.path).unwrap(), garbage, "the file was changed");
        let left: Vec<_> = std::fs::read_dir(file.folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "something was left beside it: {left:?}");
    }
    refused(
        &["check", "--state", "no/such/folder/esc.state", FULL],
        &["no/such/folder/esc.state", "there is no folder no/such/folder"],
    );
    let newer = made("esc.state", "");
    std::fs::remove_file(&newer.path).unwrap();
    assert_eq!(dryflash(&["check", "--signal", "low", "--state", &newer.path, FULL]).status.code(), Some(0));
    let text = std::fs::read_to_string(&newer.path).unwrap().replace("\"version\":1", "\"version\":2");
    std::fs::write(&newer.path, text).unwrap();
    refused(&["check", "--state", &newer.path], &["version 2", "knows dryflash-state version 1"]);
}

#[test]
fn a_state_file_of_another_part() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("esc.state");
    let state = state.to_str().unwrap();
    assert_eq!(dryflash(&["check", "--signal", "low", "--state", state, FULL]).status.code(), Some(0));
    let before = std::fs::read(state).unwrap();
    refused(&["check", "--state", state, "--part", "G071"], &["holds an STM32F051K6, not an STM32G071xB"]);
    assert_eq!(std::fs::read(state).unwrap(), before);
    // It needs no files: what it holds is powered.
    assert_eq!(dryflash(&["check", "--signal", "low", "--state", state]).status.code(), Some(0));
}

#[test]
fn a_state_file_in_use() {
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("esc.state");
    let used = dryflash::esc::StateFile::open(&state).unwrap();
    let state = state.to_str().unwrap();
    refused(&["check", "--state", state, FULL], &["esc.state", "is in use by another dryflash"]);
    drop(used);
    assert_eq!(dryflash(&["check", "--signal", "low", "--state", state, FULL]).status.code(), Some(0));
}

#[test]
fn addresses_past_flash() {
    would_not(&["check", "--part", "F051", BOOTLOADER, APP, &format!("{EEPROM}@0x08008000")], "DF005", &["0x08008000"]);
    let hex = made("far.hex", HEX.replace(":020000040800F2", ":020000040801F1"));
    would_not(&["check", "--part", "F051", &hex.path], "DF005", &["0x08010010", "far.hex"]);
}

#[test]
fn a_base_with_a_digit_too_few_or_too_many() {
    for base in ["0x0800000", "0x80000000"] {
        let file = format!("{FULL}@{base}");
        would_not(&["check", "--part", "F051", &file], "DF001", &["did you mean 0x08000000?"]);
    }
}

#[test]
fn two_files_on_the_same_bytes() {
    let mut other = bytes(EEPROM);
    other[17] ^= 1;
    let other = made("other.bin", other);
    let other = format!("{}@0x08007c00", other.path);
    would_not(&["check", FULL, &other], "DF002", &["0x08007C11", "other.bin offset 0x11"]);
}

#[test]
fn files_of_other_kinds() {
    for (bytes, kind) in [
        (&b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR"[..], "a PNG picture"),
        (b"MZ\x90\0\x03\0\0\0", "a Windows program"),
        (b"%PDF-1.7\n", "a PDF document"),
    ] {
        refused(&["check", &made("app.bin", bytes).path], &["app.bin", kind, "check that it is the file you meant"]);
    }
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
    for name in ["app.bin", "app.hex"] {
        refused(&["check", &made(name, pointer).path], &["Git LFS pointer", "git lfs pull"]);
    }
    let record = "S00600004844521B\nS1130000285F245F2212226A000424290008237C2A\n";
    refused(&["check", &made("app.srec", record).path], &["Motorola S-record", "objcopy -I srec -O ihex"]);
}

#[test]
fn an_address_that_is_none_is_not_a_missing_file() {
    for address in ["0x08007C0G", "8000000h", "0x", ""] {
        let arg = format!("{BOOTLOADER}@{address}");
        refused(&["check", &arg], &["is there, but", &format!("'{address}' is no address"), "@0x08007C00"]);
    }
    refused(&["check", "no/such.bin@0x0G"], &["no such file"]);
}

#[test]
fn one_file_twice() {
    refused(&["check", BOOTLOADER, BOOTLOADER], &["is given twice as the bootloader", "leave one out"]);
    let copy = made("copy.bin", bytes(BOOTLOADER));
    refused(&["check", BOOTLOADER, &copy.path], &["hold the same bytes", "leave one out"]);
}

/// A shell line with `$0` for dryflash, in a folder of its own beside the project's.
#[cfg(unix)]
fn shell(folder: &Path, line: &str) -> Output {
    let mut sh = Command::new("sh");
    sh.args(["-c", line, env!("CARGO_BIN_EXE_dryflash")]).current_dir(folder);
    sh.env("BUILT", Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built")).output().unwrap()
}

#[cfg(unix)]
#[test]
fn no_verb_falls_over_closed_or_full_streams() {
    let folder = TempDir::new().unwrap();
    let scenario = "part = \"F051\"\n[[step]]\npower = \"on\"\n";
    std::fs::write(folder.path().join("s.toml"), scenario).unwrap();
    std::fs::write(folder.path().join("steps.sh"), "st-flash erase\nst-flash write none.bin 0x08000000\n").unwrap();
    let lines = [
        "check none.bin",
        "check $BUILT/STANDIN_DRYFLASH_F051_2.20_FULL.bin",
        "run none.toml",
        "run s.toml",
        "new none/none.toml",
        "schema",
        "merge none.json",
        "serve --tcp 192.0.2.1:1 --part F051",
        "serve",
        "st-flash --part F051 erase",
        "st-flash --part F051 bless",
        "st-flash --part F051 --debug write $BUILT/STANDIN_EEPROM_V2_1K.bin 0x08007c00",
        "with --part F051 -- sudo x",
        "with --part F051 -- sh -c 'exit 0'",
        "replay none.jsonl",
        "replay --part F051 steps.sh",
        "parts",
        "explain DF012",
        "explain DF999",
        "--format junit parts",
        "no-such-verb",
        "--help",
    ];
    for line in lines {
        let usual = shell(folder.path(), &format!("$0 {line}")).status.code();
        for closed in ["2>/dev/full", "2>&-", ">&-", "2>&- >&-", "2>/dev/full >/dev/null", "<&- 2>&-"] {
            let code = shell(folder.path(), &format!("$0 {line} {closed}")).status.code();
            assert_eq!(code, usual, "{line} {closed}");
        }
        // A report that cannot be written is trouble of its own, which has a code of its own at `with`.
        let own = if line.starts_with("with") { 125 } else { 2 };
        let code = shell(folder.path(), &format!("$0 {line} >/dev/full 2>/dev/full")).status.code();
        assert!(code == usual || code == Some(own), "{line}: {code:?}");
        // A reader that has gone is none.
        let code = shell(folder.path(), &format!("($0 {line} 2>&1; echo $? >&3) 3>code | true; cat code"));
        assert_eq!(String::from_utf8_lossy(&code.stdout).trim().parse().ok(), usual, "{line} | true");
    }
}

#[cfg(unix)]
#[test]
fn a_state_is_kept_whatever_happens_to_messages() {
    let folder = TempDir::new().unwrap();
    for (name, line) in [
        ("a.json", "$0 st-flash --part F051 --state a.json --debug write $BUILT/STANDIN_EEPROM_V2_1K.bin 0x08007c00"),
        ("b.json", "$0 check --state b.json $BUILT/STANDIN_DRYFLASH_F051_2.20_FULL.bin"),
        ("c.json", "$0 with --part F051 --state c.json -- true"),
    ] {
        for end in ["2>/dev/full", "2>/dev/full >/dev/full", "2>&1 | head -c 1"] {
            let _ = shell(folder.path(), &format!("{line} {end}"));
            let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(left, [name], "{line} {end}");
            assert!(dryflash::esc::StateFile::copy(&folder.path().join(name)).is_ok(), "{line} {end}");
            std::fs::remove_file(folder.path().join(name)).unwrap();
        }
    }
}

#[cfg(unix)]
#[test]
fn a_state_that_may_only_be_read_can_be_looked_at() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("esc.json");
    let name = state.to_str().unwrap();
    assert_eq!(dryflash(&["check", "--signal", "low", "--state", name, FULL]).status.code(), Some(0));
    let before = std::fs::read(&state).unwrap();
    std::fs::set_permissions(&state, PermissionsExt::from_mode(0o444)).unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o555)).unwrap();
    assert_eq!(dryflash(&["check", "--signal", "low", "--state", name]).status.code(), Some(0));
    let read = dryflash(&["st-flash", "--state", name, "read", "/dev/null", "0x08000000", "16", "--force"]);
    assert!(!String::from_utf8_lossy(&read.stderr).contains("locked"), "{read:?}");
    // What would change it says so.
    let erase = dryflash(&["st-flash", "--state", name, "erase"]);
    let said = String::from_utf8_lossy(&erase.stderr).into_owned();
    assert!(erase.status.code() == Some(2) && said.contains("may only be read"), "{said}");
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(std::fs::read(&state).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[cfg(unix)]
#[test]
fn endless_files_and_devices_are_refused() {
    let folder = TempDir::new().unwrap();
    assert!(Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap().success());
    let pipe = folder.path().join("pipe").to_str().unwrap().to_owned();
    for state in ["/dev/zero", "/dev/full", &pipe] {
        refused(&["check", "--state", state], &[state, "a device or a pipe"]);
    }
    let at = format!("{pipe}@0x08000000");
    for words in [
        &["check", &pipe][..],
        &["check", "--app", &pipe],
        &["check", &at],
        &["signals", &pipe],
        &["map", &pipe],
        &["diff", &pipe, FULL],
        &["eeprom", "show", &pipe],
        &["st-flash", "--part", "F051", "--state", "esc.json", "write", &pipe, "0x08000000"],
    ] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_dryflash")).args(words).current_dir(folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // As st-flash ends.
        let code = if words[0] == "st-flash" { 255 } else { 2 };
        assert!(output.status.code() == Some(code) && said.contains("a device or a pipe"), "{words:?}: {said}");
    }
    refused(&["replay", "/dev/zero"], &["/dev/zero", "more than 256 MB"]);
    refused(&["merge", "/dev/zero"], &["/dev/zero"]);
    // A run has a report for its readers all the same.
    let run = dryflash(&["run", "/dev/zero"]);
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.code() == Some(2) && said.contains("/dev/zero"), "{said}");
    let folder = folder.path().to_str().unwrap();
    refused(&["check", "--state", folder], &["it is a folder"]);
}

#[cfg(unix)]
#[test]
fn states_are_made_followed_and_known() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    refused(&["check", "--state", &path("new.json")], &["there is no such state yet", "--part F051"]);
    assert!(!Path::new(&path("new.json")).exists());
    // A blank ESC does not start, but is there from now on.
    assert_eq!(dryflash(&["check", "--part", "F051", "--state", &path("new.json")]).status.code(), Some(1));
    let refusal = ["is the state of a virtual ESC", "--state"];
    refused(&["check", &path("new.json")], &refusal);
    refused(&["check", "--app", &path("new.json")], &refusal);
    std::os::unix::fs::symlink("target.json", path("link.json")).unwrap();
    assert_eq!(dryflash(&["check", "--signal", "low", "--state", &path("link.json"), FULL]).status.code(), Some(0));
    assert!(Path::new(&path("link.json")).is_symlink() && Path::new(&path("target.json")).is_file());
    // The cause is told once.
    let output = dryflash(&["check", "--state", "/dev/null/esc.json", FULL]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(said.matches("is a file, not a folder").count(), 1, "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_the_old_state_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let line = "unshare -Urm sh -c 'mount -t tmpfs -o size=100k none . && cd \"$PWD\" && \
        $0 st-flash --part F051 --state esc.json reset && cp esc.json old.json && \
        head -c 100000 /dev/zero > filler; \
        $0 st-flash --state esc.json write $BUILT/STANDIN_EEPROM_V2_1K.bin 0x08007c00; echo code $?; \
        cmp esc.json old.json && echo same; echo; ls -A' $0";
    if !Command::new("unshare").args(["-Urm", "true"]).output().is_ok_and(|o| o.status.success()) {
        return;
    }
    let output = shell(folder.path(), line);
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(said.contains("code 2\n") && said.contains("same\n") && said.contains("No space left"), "{said}");
    assert!(said.contains("\nesc.json\nfiller\nold.json\n"), "{said}");
}
