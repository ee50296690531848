//! What a settings page holds, judged by `dryflash check`, and mended by the commands that it names.

use dryflash::am32::Firmware;
use dryflash::am32::settings::default_page;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const BOOTLOADER: &str = "STANDIN_F051_BOOTLOADER_PB4_V14.bin";
const APP: &str = "STANDIN_DRYFLASH_F051_2.20.hex";

/// A folder with a bootloader, an app, and `page.bin`.
fn folder(page: &[u8]) -> TempDir {
    let folder = TempDir::new().unwrap();
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built");
    for file in [BOOTLOADER, APP] {
        std::fs::copy(built.join(file), folder.path().join(file)).unwrap();
    }
    std::fs::write(folder.path().join("page.bin"), page).unwrap();
    folder
}

fn fresh() -> Vec<u8> {
    default_page(3, Firmware { major: 2, minor: 20 })
}

fn dryflash(folder: &TempDir, args: &[&str]) -> (Option<i32>, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_dryflash")).args(args).current_dir(folder.path()).output().expect("it starts");
    let error = String::from_utf8_lossy(&output.stderr);
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned() + &error)
}

fn check(folder: &TempDir, files: &[&str]) -> (Option<i32>, Value) {
    let (code, out) = dryflash(folder, &[&["check", "--signal", "low", "--format", "json"], files].concat());
    (code, serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}")))
}

fn ids(report: &Value) -> Vec<&str> {
    report["findings"].as_array().unwrap().iter().filter_map(|f| f["id"].as_str()).collect()
}

/// The commands of the first finding, without the program's name.
fn commands(report: &Value) -> Vec<Vec<String>> {
    let commands = report["findings"][0]["commands"].as_array().expect("commands");
    let words = |c: &Value| c.as_array().unwrap().iter().skip(1).map(|w| w.as_str().unwrap().to_owned()).collect();
    commands.iter().filter(|c| c[0] == "dryflash").map(words).collect()
}

fn follow(folder: &TempDir, command: &[String]) -> (Option<i32>, String) {
    dryflash(folder, &command.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_page_is_mended_by_the_command_that_the_finding_names() {
    for (id, edit) in [
        ("DF090", (|page| page[5..17].copy_from_slice(b"NEOESC f051 ")) as fn(&mut [u8])),
        ("DF091", |page| page[5..13].fill(0xFF)),
        ("DF092", |page| page[5] = 0),
        ("DF094", |page| (page[36], page[37]) = (1, 255)),
    ] {
        let mut page = fresh();
        edit(&mut page);
        let folder = folder(&page);
        let (code, report) = check(&folder, &[BOOTLOADER, APP, "page.bin"]);
        assert_eq!((code, ids(&report)), (Some(1), vec![id]));
        let (code, out) = follow(&folder, &commands(&report)[0]);
        assert_eq!(code, Some(0), "{out}");
        let (code, report) = check(&folder, &[BOOTLOADER, APP, "fixed.bin"]);
        assert_eq!((code, ids(&report)), (Some(0), vec![]), "{id}");
        assert_eq!(std::fs::read(folder.path().join("page.bin")).unwrap(), page, "the input is as it was");
    }
}

#[test]
fn a_page_is_made_by_the_command_that_the_finding_names() {
    for page in [&[0xFF; 1024][..], &[&[1][..], &[0xFF; 1023]].concat()] {
        let folder = folder(page);
        let (code, report) = check(&folder, &[BOOTLOADER, APP, "page.bin"]);
        assert_eq!(code, Some(1));
        for command in commands(&report) {
            let (code, out) = follow(&folder, &command);
            assert_eq!(code, Some(0), "{out}");
        }
        let (code, report) = check(&folder, &[BOOTLOADER, APP, "eeprom.bin"]);
        assert_eq!((code, ids(&report)), (Some(0), vec![]), "the app finds its own version there");
    }
}

#[test]
fn settings_of_a_kept_esc_are_judged() {
    let mut page = fresh();
    page[5] = 0;
    let folder = folder(&page);
    let state = ["--part", "F051", "--state", "esc.json"];
    let (code, report) = check(&folder, &[&state[..], &[BOOTLOADER, APP, "page.bin"]].concat());
    assert_eq!((code, ids(&report)), (Some(1), vec!["DF092"]));
    // No file brings a page: it is that of the ESC.
    let (code, report) = check(&folder, &[&state[..], &[APP]].concat());
    assert_eq!((code, ids(&report)), (Some(1), vec!["DF092"]));
    std::fs::write(folder.path().join("page.bin"), fresh()).unwrap();
    let (code, report) = check(&folder, &[&state[..], &["page.bin"]].concat());
    assert_eq!((code, ids(&report)), (Some(0), vec![]));
    let (code, report) = check(&folder, &[&state[..], &[APP]].concat());
    assert_eq!((code, ids(&report)), (Some(0), vec![]));
}
