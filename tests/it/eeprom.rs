//! `dryflash eeprom`: settings pages shown, compared, changed, made and migrated; and what is refused, with nothing
//! lost.

use super::support::apps::{APP as APP_AT, image, rewriting};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const PAGE: &str = "STANDIN_EEPROM_V2_1K.bin";
const FULL: &str = "STANDIN_DRYFLASH_F051_2.20_FULL.hex";
const APP: &str = "STANDIN_DRYFLASH_F051_2.20.hex";

fn built(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built").join(name);
    path.to_str().expect("UTF-8").to_owned()
}

/// A folder that dryflash is run in.
struct Bench(TempDir);

/// What a command came to.
struct Done {
    code: i32,
    out: String,
    error: String,
}

impl Bench {
    fn new() -> Bench {
        Bench(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Bench {
        std::fs::write(self.path(name), bytes).unwrap();
        self
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// `dryflash eeprom` with these words; a word that begins with `@` is a built file.
    fn eeprom(&self, words: &str) -> Done {
        self.dryflash(&format!("eeprom {words}"))
    }

    fn dryflash(&self, words: &str) -> Done {
        let words = words.split_whitespace().map(|w| w.strip_prefix('@').map_or_else(|| w.to_owned(), built));
        let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
        command.args(words).current_dir(self.0.path()).env_remove("DRYFLASH_PART").env_remove("DRYFLASH_STATE");
        let output = command.env_remove("COLUMNS").output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let done = Done { code: output.status.code().unwrap(), out: text(output.stdout), error: text(output.stderr) };
        assert!(!done.error.contains("panicked"), "{}", done.error);
        done
    }

    fn json(&self, words: &str) -> Value {
        let done = self.eeprom(&format!("{words} --format json"));
        serde_json::from_str(&done.out).unwrap_or_else(|e| panic!("{words}: {e}: {}{}", done.out, done.error))
    }

    /// Refused with 2 and these words in one line; nothing is printed, and every file is as it was.
    #[track_caller]
    fn refused(&self, words: &str, said: &[&str]) {
        let before = self.files();
        let done = self.eeprom(words);
        assert_eq!((done.code, done.out.as_str()), (2, ""), "{words}: {}", done.error);
        for word in said {
            assert!(done.error.contains(word), "{words}: '{word}' is not in\n{}", done.error);
        }
        assert_eq!(done.error.lines().count(), 1, "{words}: {}", done.error);
        assert_eq!(self.files(), before, "{words}");
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let all = std::fs::read_dir(self.0.path()).unwrap().map(|e| e.unwrap());
        let files = all.filter(|e| e.path().is_file());
        files.map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap())).collect()
    }
}

fn page() -> Vec<u8> {
    std::fs::read(built(PAGE)).unwrap()
}

fn hex_line(at: u16, data: &[u8]) -> String {
    let sum = data.iter().chain(&at.to_be_bytes()).fold(data.len() as u8, |s, b| s.wrapping_add(*b));
    let bytes: String = data.iter().map(|b| format!("{b:02X}")).collect();
    format!(":{:02X}{at:04X}00{bytes}{:02X}\n", data.len(), sum.wrapping_neg())
}

fn hex(lines: &[String]) -> String {
    format!(":020000040800F2\n{}:00000001FF\n", lines.concat())
}

#[test]
fn a_page_is_shown_from_wherever_it_stands() {
    let bench = Bench::new();
    assert_eq!(bench.dryflash(&format!("check --part F051 --state esc.json --from-app @{APP} @{PAGE}")).code, 0);
    bench.put("page.hex", hex(&[hex_line(0x7C00, &page()[..48])]));
    let places = [PAGE, FULL, "STANDIN_DRYFLASH_F051_2.20_FULL.bin"].map(|name| format!("@{name}"));
    for file in places.iter().map(String::as_str).chain(["page.hex", "esc.json"]) {
        let shown = bench.json(&format!("show {file}"));
        let kv = &shown["settings"]["motorKv"];
        assert_eq!(
            (kv["text"].as_str(), &kv["raw"][0], kv["default"].as_bool()),
            (Some("2220 KV"), &0x37.into(), Some(true))
        );
        assert_eq!((&shown["layout"], &shown["boot_byte"]), (&2.into(), &1.into()), "{file}");
        let alone = *file == places[0];
        assert_eq!(shown["address"].as_u64(), (!alone).then_some(0x0800_7C00), "{file}");
    }
    let text = bench.eeprom(&format!("show @{FULL}")).out;
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("the settings page of the F051, at 0x08007C00"), "{text}");
    assert!(text.contains("  name                      'NEOESC f051'"), "{text}");
}

#[test]
fn what_makes_no_sense_is_told_with_what_the_firmware_does() {
    let bench = Bench::new();
    let mut bytes = page();
    bytes[27] = 0;
    bench.put("odd.bin", bytes);
    let quiet = bench.eeprom("show -q odd.bin").out;
    assert!(quiet.starts_with("! motor_poles") && quiet.contains("doubt: "), "{quiet}");
    assert!(!quiet.contains("motor_kv") && !quiet.contains("settings page of"), "{quiet}");
    assert_eq!(bench.eeprom(&format!("show -q @{PAGE}")).out, "");
    let doubt = &bench.json("show odd.bin")["settings"]["motorPoles"]["doubt"];
    assert!(doubt.is_string(), "{doubt}");
}

#[test]
fn a_tune_is_told_in_notes() {
    let bench = Bench::new();
    let mut bytes = page();
    // 88 pulses of a period that gives 439 Hz, a pause of 50 ms, the end.
    bytes[48..58].copy_from_slice(&[2, 58, 4, 0, 88, 76, 50, 0, 0, 0]);
    bench.put("tune.bin", bytes);
    let text = bench.eeprom("show tune.bin").out;
    assert!(text.contains("A4 (439 Hz) 182 ms, pause 50 ms"), "{text}");
    let tune = &bench.json("show tune.bin")["tune"];
    assert_eq!((tune[0]["hz"].as_u64(), tune[1]["hz"].as_u64(), tune[1]["ms"].as_u64()), (Some(439), None, Some(50)));
}

#[test]
fn diff_ends_as_diff_does() {
    let bench = Bench::new();
    let same = bench.eeprom(&format!("diff @{PAGE} @{FULL}"));
    assert!(same.code == 0 && same.out.contains("The settings are the same."), "{}", same.out);
    let mut bytes = page();
    (bytes[26], bytes[44]) = (0x31, 0);
    bench.put("other.bin", &bytes);
    let other = bench.eeprom(&format!("diff @{PAGE} other.bin"));
    assert_eq!(other.code, 1);
    assert!(other.out.contains("  motor_kv                  2220 KV -> 1980 KV"), "{}", other.out);
    assert!(other.out.contains("off (66) -> off (00)"), "{}", other.out);
    let quiet = bench.eeprom(&format!("diff -q @{PAGE} other.bin"));
    assert_eq!((quiet.code, quiet.out.as_str()), (1, "2 settings differ (2 bytes).\n"));
    assert_eq!(bench.eeprom("diff other.bin none.bin").code, 2);
}

#[test]
fn set_changes_what_is_named_and_nothing_else() {
    let bench = Bench::new();
    let done = bench.eeprom(&format!("set @{PAGE} motor_kv=1980 dir_reversed=on -o new.bin"));
    assert_eq!(done.code, 0, "{}", done.error);
    assert!(done.out.contains("motor_kv                  2220 KV -> 1980 KV"), "{}", done.out);
    let mut wanted = page();
    (wanted[26], wanted[17]) = (0x31, 1);
    assert!(bench.bytes("new.bin") == wanted);
    assert_eq!(bench.eeprom("set new.bin MOTOR_KV=0x37 dir_revolved=off -o back.bin").code, 2);
    assert_eq!(bench.eeprom("set new.bin MOTOR_KV=0x37 dir_reversed=off -o back.bin").code, 0);
    assert!(bench.bytes("back.bin") == page());
}

#[test]
fn set_keeps_a_hex_line_for_line() {
    let bench = Bench::new();
    let old = std::fs::read_to_string(built(FULL)).unwrap().replace('\n', "\r\n");
    bench.put("old.hex", &old);
    assert_eq!(bench.eeprom("set old.hex motor_kv=1980 motor_poles=12 -o new.hex").code, 0);
    let new = String::from_utf8(bench.bytes("new.hex")).unwrap();
    let differ: Vec<_> = old.split('\n').zip(new.split('\n')).filter(|(a, b)| a != b).collect();
    assert_eq!((differ.len(), old.len()), (1, new.len()), "{differ:?}");
    assert_eq!(bench.json("show new.hex")["settings"]["motorPoles"]["value"], 12.0);
    assert!(bench.bytes("old.hex") == old.as_bytes());
}

#[test]
fn set_of_a_virtual_esc_is_the_page_alone() {
    let bench = Bench::new();
    assert_eq!(bench.dryflash(&format!("check --part F051 --state esc.json --from-app @{APP} @{PAGE}")).code, 0);
    let state = bench.bytes("esc.json");
    let done = bench.eeprom("set esc.json motor_kv=1980 -o page.bin");
    assert!(done.code == 0 && done.out.contains("st-flash write page.bin 0x08007C00"), "{}{}", done.out, done.error);
    assert!(bench.bytes("page.bin").len() == 192 && bench.bytes("esc.json") == state);
    // And the line that it prints works.
    assert_eq!(bench.dryflash("st-flash --state esc.json write page.bin 0x08007C00").code, 0);
    assert_eq!(bench.json("show esc.json")["settings"]["motorKv"]["value"], 1980.0);
}

#[test]
fn a_new_page_starts_an_esc() {
    let bench = Bench::new();
    for (part, bootloader) in
        [("F031", "F031_BOOTLOADER_PB4"), ("F051", "F051_BOOTLOADER_PB4"), ("G071_64K", "G071_BOOTLOADER_PB4_64K")]
    {
        let bootloader = format!("@STANDIN_{bootloader}_V14.bin");
        let app = format!("@STANDIN_DRYFLASH_{part}_2.20.{}", if part == "F051" { "hex" } else { "bin" });
        for (more, file) in [("", "new.bin"), ("--firmware 2.20", "new.bin"), ("--layout 4", "new.hex")] {
            let made = bench.eeprom(&format!("new --part {part} {more} -o {file} --force"));
            assert_eq!(made.code, 0, "{}", made.error);
            let started =
                bench.dryflash(&format!("check -q --part {part} --signal low {bootloader} {app} --eeprom {file}"));
            assert_eq!(started.code, 0, "{part} {more}: {}{}", started.out, started.error);
        }
    }
    let shown = bench.json("show new.bin");
    assert_eq!((&shown["layout"], &shown["firmware"]), (&3.into(), &"2.20".into()));
    assert_eq!(bench.eeprom("new --part F051 motor_kv=1980 -o my.bin").code, 0);
    assert_eq!(bench.json("show my.bin")["settings"]["motorKv"]["value"], 1980.0);
}

#[test]
fn migrate_shows_what_an_app_makes_of_a_page() {
    let bench = Bench::new();
    let done = bench.eeprom(&format!("migrate @{PAGE} --app @{APP} -o left.bin"));
    assert_eq!(done.code, 0, "{}{}", done.out, done.error);
    assert!(done.out.contains("and the app runs"), "{}", done.out);
    // The same through a bootloader, which leaves the settings alone.
    let again = bench.eeprom(&format!(
        "migrate @{PAGE} --app @{APP} --bootloader @STANDIN_F051_BOOTLOADER_PB4_V14.bin -o again.bin"
    ));
    assert_eq!(again.code, 0, "{}{}", again.out, again.error);
    assert!(bench.bytes("left.bin") == bench.bytes("again.bin"));
    assert_eq!(bench.bytes("left.bin").len(), 192);
}

#[test]
fn what_the_app_rewrote_is_what_is_written() {
    let bench = Bench::new();
    let (app, _) = image(APP_AT, &rewriting());
    bench.put("app.bin", app);
    let done = bench.eeprom(&format!("migrate @{FULL} --app app.bin@0x08001000 --part F051 -o left.bin"));
    // This one leaves the name where settings are in layout 4: it is written, and told.
    assert!(done.code == 1 && done.out.contains("error DF090: left.bin: "), "{}{}", done.out, done.error);
    assert!(done.out.contains("  layout                    2 -> 4"), "{}", done.out);
    assert!(done.out.contains("st-flash write left.bin 0x08007C00"), "{}", done.out);
    let mut wanted = page();
    (wanted[1], wanted[3], wanted[4]) = (4, 2, 21);
    assert!(bench.bytes("left.bin") == wanted[..192]);
    let told = bench.json("migrate left.bin --app app.bin@0x08001000 --part F051");
    assert_eq!((&told["equal"], &told["after"]["firmware"]), (&true.into(), &"2.21".into()));
    // A page that was never written is spoilt by an app that takes its bytes for settings.
    let mut blank = vec![0xFF; 1024];
    blank[0] = 1;
    bench.put("blank.bin", blank);
    let spoilt = bench.eeprom("migrate blank.bin --app app.bin@0x08001000 --part F051");
    assert!(spoilt.code == 1 && spoilt.out.contains("error DF091: an app took FF"), "{}", spoilt.out);
}

#[test]
fn migrate_writes_nothing_where_the_app_has_its_settings_elsewhere() {
    let bench = Bench::new();
    let done = bench
        .eeprom("migrate @STANDIN_EEPROM_V2_2K.bin --app @STANDIN_DRYFLASH_G071_64K_2.20.bin --part G071 -o left.bin");
    assert_eq!(done.code, 1, "{}{}", done.out, done.error);
    assert!(done.out.contains("0x0800F800") && done.out.contains("0x0801F800"), "{}", done.out);
    assert!(bench.files().is_empty());
    // Where the part is found by running, it is the one whose page the app has.
    let done = bench.eeprom("migrate @STANDIN_EEPROM_V2_2K.bin --app @STANDIN_DRYFLASH_G071_64K_2.20.bin -o left.bin");
    assert!(done.code == 0 && done.out.contains("0x0800F800"), "{}{}", done.out, done.error);
}

#[test]
fn migrate_writes_nothing_where_the_app_does_not_come_to_its_main_loop() {
    let bench = Bench::new();
    // The bootloader stays, because the page is blank.
    let words = format!(
        "migrate @STANDIN_EEPROM_BLANK_1K.bin --app @{APP} --bootloader @STANDIN_F051_BOOTLOADER_PB4_V14.bin -o left.bin"
    );
    let done = bench.eeprom(&words);
    assert_eq!(done.code, 1, "{}{}", done.out, done.error);
    assert!(done.out.contains("error DF") && done.out.contains("did not take this page over"), "{}", done.out);
    assert!(bench.files().is_empty());
    // An app for another part.
    let done = bench.eeprom(&format!("migrate @{PAGE} --app @{APP} --part G071_64K -o left.bin"));
    assert!(done.code == 1 && bench.files().is_empty(), "{}{}", done.out, done.error);
}

/// Each way to name a page, in each action that takes one.
#[track_caller]
fn no_page(bench: &Bench, file: &str, said: &[&str]) {
    bench.refused(&format!("show {file}"), said);
    bench.refused(&format!("diff @{PAGE} {file}"), said);
    bench.refused(&format!("diff {file} @{PAGE}"), said);
    bench.refused(&format!("set {file} motor_kv=1980 -o out.bin"), said);
    bench.refused(&format!("migrate {file} --app @{APP} -o out.bin"), said);
}

#[test]
fn files_without_a_whole_page_are_refused() {
    let bench = Bench::new();
    let page = page();
    bench.put("cut.bin", &page[..47]).put("odd.bin", &page[..200]).put("empty.bin", "").put("text.bin", "settings\n");
    bench.put("gap.hex", hex(&[hex_line(0x7C00, &page[..16]), hex_line(0x7C20, &page[32..48])]));
    bench.put("short.hex", hex(&[hex_line(0x7C00, &page[..16])]));
    bench.put("cut.hex", hex(&[hex_line(0x7C00, &page[..48])]).replace(":00000001FF\n", ""));
    bench.put("short_FULL.bin", &std::fs::read(built("STANDIN_DRYFLASH_F051_2.20_FULL.bin")).unwrap()[..0x7C08]);
    no_page(&bench, "cut.bin", &["cut.bin", "47 bytes", "cut off"]);
    no_page(&bench, "odd.bin", &["odd.bin", "200 bytes", "1,024", "odd.bin@0x08007C00"]);
    no_page(&bench, "empty.bin", &["empty.bin", "is empty"]);
    no_page(&bench, "text.bin", &["text.bin", "is text"]);
    no_page(&bench, "gap.hex", &["gap.hex", "0x08007C10 to 0x08007C1F"]);
    no_page(&bench, "short.hex", &["short.hex", "0x08007C00", "ends after 16 bytes"]);
    no_page(&bench, "cut.hex", &["cut.hex line 2", "cut off"]);
    no_page(&bench, "short_FULL.bin", &["short_FULL.bin", "0x08007C00"]);
    no_page(&bench, "none.bin", &["none.bin", "no such file"]);
    no_page(&bench, &format!("@{APP}"), &[APP, "0x08007C00"]);
    no_page(&bench, "@STANDIN_F051_BOOTLOADER_PB4_V14.bin", &["4,084 bytes"]);
    // An address says that it is one all the same, and which part it is.
    assert_eq!(bench.eeprom("show odd.bin@0x08007C00").code, 0);
    bench.refused(&format!("show @{FULL} --part G071"), &["0x0801F800", "--at"]);
}

#[test]
fn settings_that_cannot_be_set_are_refused() {
    let bench = Bench::new();
    for (setting, said) in [
        ("motor_kw=1980", &["no setting is called 'motor_kw'", "motor_kv"][..]),
        ("motor_kv=99999", &["motor_kv cannot be '99999'", "20 to 10220 KV"]),
        ("motor_kv=fast", &["motor_kv cannot be 'fast'"]),
        ("motor_poles=0x00", &["motor_poles cannot be '0x00'", "--anyway"]),
        ("dir_reversed=2", &["dir_reversed", "on or off"]),
        ("max_ramp=8", &["max_ramp is not on this page", "layout is 2"]),
        ("motor_kv", &["'motor_kv' sets nothing", "FIELD=VALUE"]),
        ("motor_kv=1980 MOTOR_KV=2020", &["motor_kv is set twice", "1980", "2020"]),
    ] {
        bench.refused(&format!("set @{PAGE} {setting} -o out.bin"), said);
        bench.refused(&format!("new --part F051 {setting} -o out.bin"), said);
    }
    bench.refused("set @STANDIN_EEPROM_BLANK_1K.bin motor_kv=1980 -o out.bin", &["holds no settings", "eeprom new"]);
    // A byte that makes no sense, where one insists; and it is told.
    let done = bench.eeprom(&format!("set @{PAGE} motor_poles=0x00 --anyway -o out.bin"));
    assert!(done.code <= 1 && done.out.contains("doubt: "), "{}{}", done.out, done.error);
    assert_eq!(bench.bytes("out.bin")[27], 0);
    bench.put("short.bin", &page()[..48]);
    bench.refused("set short.bin can_node=3 -o new.bin", &["can_node is not on this page", "48 bytes"]);
}

#[test]
fn outputs_are_neither_replaced_nor_half_written() {
    let bench = Bench::new();
    bench.put("mine", "mine").put("page.bin", page());
    let actions = [
        "set page.bin motor_kv=1980".to_owned(),
        "new --part F051".to_owned(),
        format!("migrate page.bin --app @{APP}"),
    ];
    for action in actions {
        bench.refused(&format!("{action} -o mine"), &["mine exists", "--force"]);
        bench.refused(&format!("{action} -o none/out.bin"), &["there is no folder none"]);
        bench.refused(&format!("{action} -o page.bin/out.bin"), &["there is no folder page.bin"]);
        std::fs::create_dir_all(bench.path("folder")).unwrap();
        bench.refused(&format!("{action} -o folder --force"), &["folder"]);
        assert_eq!(bench.eeprom(&format!("{action} -o mine --force")).code, 0, "{action}");
        bench.put("mine", "mine");
    }
    // What is read is never written, nor is a virtual ESC.
    std::fs::hard_link(bench.path("page.bin"), bench.path("link.bin")).unwrap();
    bench.put("app.hex", std::fs::read(built(APP)).unwrap());
    assert_eq!(bench.dryflash(&format!("check --part F051 --state esc.json --from-app @{APP} @{PAGE}")).code, 0);
    for output in ["page.bin", "./page.bin", "link.bin"] {
        for action in ["set page.bin motor_kv=1980", "migrate page.bin --app app.hex"] {
            bench.refused(&format!("{action} -o {output} --force"), &["page.bin", "is used as it is", "another name"]);
        }
    }
    bench.refused("migrate page.bin --app app.hex -o app.hex --force", &["app.hex is used as it is"]);
    bench.refused("set esc.json motor_kv=1980 -o esc.json --force", &["esc.json is used as it is"]);
    bench.refused("new --part F051 -o esc.json --force", &["esc.json is the state of a virtual ESC"]);
    bench.refused("set page.bin motor_kv=1980 -o esc.json --force", &["esc.json is the state of a virtual ESC"]);
    std::fs::remove_file(bench.path("link.bin")).unwrap();
}

#[test]
fn the_end_of_a_name_is_the_format() {
    let bench = Bench::new();
    bench.put("page.bin", page()).put("full.hex", std::fs::read(built(FULL)).unwrap());
    bench.refused("set page.bin motor_kv=1980 -o new.hex", &["new.hex: Intel HEX has addresses", "--part"]);
    bench.refused("set full.hex motor_kv=1980 -o new.bin", &["new.bin", "format of full.hex, which is Intel HEX"]);
    for words in ["set page.bin --part F051 motor_kv=1980", &format!("migrate page.bin --app @{APP}")] {
        let done = bench.eeprom(&format!("{words} -o new.hex --force"));
        assert!(done.code == 0 && !done.out.contains("st-flash"), "{}{}", done.out, done.error);
        assert!(bench.bytes("new.hex").starts_with(b":"), "{words}");
        assert_eq!(bench.json("show new.hex")["address"], 0x0800_7C00, "{words}");
    }
}

#[test]
fn what_cannot_start_is_told_of_a_new_page() {
    let bench = Bench::new();
    let done = bench.eeprom("new --part F051 boot=0 -o new.bin");
    assert!(done.code == 1 && done.out.contains("error DF014: new.bin"), "{}{}", done.out, done.error);
    let done = bench.eeprom("new --part F051 motor_poles=0x00 --anyway -o odd.bin");
    assert!(done.out.contains("doubt: "), "{}", done.out);
}

#[test]
fn a_value_between_two_steps_is_told_with_the_nearest() {
    let bench = Bench::new();
    for words in [format!("set @{PAGE} motor_kv=1990 -o a.bin"), "new --part F051 motor_kv=1990 -o b.bin".to_owned()] {
        let done = bench.eeprom(&words);
        assert!(done.out.contains("motor_kv: 1990 is not a step; 1980 KV is the nearest"), "{}", done.out);
        let rounded = &bench.json(&format!("{words} --force"))["rounded"];
        assert_eq!(*rounded, serde_json::json!([{"setting": "motor_kv", "asked": "1990", "taken": "1980 KV"}]));
    }
    bench.refused(&format!("set @{PAGE} advance_level=10 -o c.bin"), &["0.0 to 22.5", "7.5 degrees is the nearest"]);
    bench.refused(&format!("set @{PAGE} motor_poles=13 -o c.bin"), &["even", "14 is the nearest"]);
    assert_eq!(bench.eeprom("new --part F051 --firmware 2.18 advance_level=7.5 -o d.bin").code, 0);
    assert_eq!(bench.bytes("d.bin")[23], 1);
    assert_eq!(bench.eeprom("new --part F051 --firmware 2.20 advance_level=7.5 -o e.bin").code, 0);
    assert_eq!(bench.bytes("e.bin")[23], 18);
}

#[test]
fn what_is_no_page_is_not_changed() {
    let bench = Bench::new();
    let words = format!("set @{FULL} motor_kv=1980 --at 0x08001000");
    bench.refused(&format!("{words} -o new.hex"), &["at 0x08001000 is no settings page", "--anyway"]);
    assert!(bench.eeprom(&format!("{words} -o new.hex --anyway")).code <= 1);
    bench.refused(
        &format!("migrate @{PAGE} --app @{APP} --at 0x08001000 -o left.bin"),
        &["--at 0x08001000", "0x08007C00"],
    );
}

#[test]
fn nothing_is_said_of_a_place_that_is_not_known() {
    let bench = Bench::new();
    let mut page = page();
    page[27] = 0;
    bench.put("page.bin", &page[..192]).put("blank.bin", vec![0xFF; 2048]);
    for file in ["page.bin", "blank.bin"] {
        let done = bench.eeprom(&format!("show {file}"));
        assert!(!done.out.contains("0x0") && !done.out.contains("F031"), "{file}: {}", done.out);
        assert!(done.out.contains("1 finding about") || done.out.contains("DF013"), "{file}: {}", done.out);
    }
}

#[test]
fn wrong_usage_is_told() {
    let bench = Bench::new();
    for words in [
        "",
        "show",
        "diff @STANDIN_EEPROM_V2_1K.bin",
        "set @STANDIN_EEPROM_V2_1K.bin -o out.bin",
        "set @STANDIN_EEPROM_V2_1K.bin motor_kv=1980",
        "new -o out.bin",
        "new --part F051 --layout 5 -o out.bin",
        "new --part F051 --firmware two -o out.bin",
        "new --part F999 -o out.bin",
        "migrate @STANDIN_EEPROM_V2_1K.bin",
        "show --part F999 @STANDIN_EEPROM_V2_1K.bin",
        "show --at 7C00 @STANDIN_EEPROM_V2_1K.bin",
        "show --format junit @STANDIN_EEPROM_V2_1K.bin",
    ] {
        let done = bench.eeprom(words);
        assert_eq!(done.code, 2, "{words}: {}{}", done.out, done.error);
        assert!(bench.files().is_empty(), "{words}");
    }
}

#[test]
fn lines_fit_the_terminal() {
    let bench = Bench::new();
    let mut odd = page();
    (odd[27], odd[30]) = (0, 99);
    odd[48..58].copy_from_slice(&[2, 58, 4, 0, 100, 73, 50, 0, 0, 0]);
    bench.put("odd.bin", odd);
    for columns in ["40", "63", "80"] {
        for words in [
            "show odd.bin",
            "show -v odd.bin",
            "show --help",
            "set --help",
            "migrate --help",
            "diff --help",
            "new --help",
        ] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
            command.arg("eeprom").args(words.split(' ')).current_dir(bench.0.path()).env("COLUMNS", columns);
            let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
            let widest = text.lines().map(|l| l.chars().count()).max().unwrap();
            assert!(widest <= columns.parse().unwrap(), "{columns} {words}: {widest}\n{text}");
            assert!(text.is_ascii() && !text.contains("\nOptions:\n"), "{words}");
        }
    }
}

/// Commands that the findings about a page name, run in the order in which they are named.
#[test]
fn what_the_advice_says_works() {
    let bench = Bench::new();
    bench.eeprom("new --part F051 --firmware 2.21 -o sound.bin");
    let sound = bench.bytes("sound.bin");
    assert!(bench.json("show sound.bin --part F051")["findings"].as_array().unwrap().is_empty());
    let mut never = vec![0xFF; 192];
    never[0] = 1;
    let spoilt: [(&str, &[(usize, u8)]); 6] = [
        ("DF090", &[(5, b'N'), (6, b'E'), (7, b'O'), (8, b'E'), (9, b'S'), (10, b'C'), (11, b' '), (12, b'f')]),
        ("DF092", &[(5, 0)]),
        ("DF093", &[(27, 0)]),
        ("DF094", &[(36, 1), (37, 255)]),
        ("DF097", &[(47, b'1')]),
        ("DF098", &[(176, 32), (178, 32), (180, 32), (183, 32)]),
    ];
    let changed = spoilt.into_iter().map(|(id, bytes)| {
        let mut page = sound.clone();
        bytes.iter().for_each(|(at, byte)| page[*at] = *byte);
        (id, page)
    });
    for (id, page) in changed.chain([("DF091", never), ("DF013", vec![0xFF; 1024])]) {
        bench.put("page.bin", page);
        let told = bench.json("show page.bin --part F051");
        assert_eq!(told["findings"][0]["id"], id, "{told:#}");
        let words: Vec<&str> =
            told["findings"][0]["commands"][0].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
        assert_eq!(words[..2], ["dryflash", "eeprom"], "{words:?}");
        let done = bench.dryflash(&words[1..].join(" "));
        assert_eq!(done.code, 0, "{words:?}: {}{}", done.out, done.error);
        let again = bench.json(&format!("show {} --part F051", words.last().unwrap()));
        assert_eq!(again["findings"].as_array().map(Vec::len), Some(0), "{words:?}: {again:#}");
        std::fs::remove_file(bench.path(words.last().unwrap())).unwrap();
    }
}

/// `DRYFLASH_REAL_IMAGES=DIR cargo test --test it eeprom::`: each app under DIR (AM32_<TARGET>_<VERSION>.hex) takes
/// over a new page, and nothing of what it leaves is in doubt.
#[test]
fn real_apps_leave_sound_settings() {
    let Some(folder) = std::env::var_os("DRYFLASH_REAL_IMAGES") else {
        eprintln!("SKIPPED: DRYFLASH_REAL_IMAGES does not name a folder of release images");
        return;
    };
    let bench = Bench::new();
    assert_eq!(bench.eeprom("new --part F051 -o new.bin").code, 0);
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()) {
            let name = entry.file_name().and_then(|n| n.to_str()).unwrap_or_default().to_owned();
            if entry.is_dir() {
                folders.push(entry);
            } else if name.starts_with("AM32_") && name.ends_with(".hex") && !name.contains("BOOTLOADER") {
                bench.put("app.hex", std::fs::read(&entry).unwrap());
                let told = bench.json("migrate new.bin --app app.hex -o left.bin --force");
                assert!(told["app"]["done"] == true && told["findings"] == serde_json::json!([]), "{name}: {told:#}");
                let left = bench.json("show left.bin");
                let doubts: Vec<&Value> =
                    left["settings"].as_object().unwrap().values().filter(|s| !s["doubt"].is_null()).collect();
                assert!(doubts.is_empty() && left["findings"] == serde_json::json!([]), "{name}: {doubts:?}");
            }
        }
    }
}
