//! `dryflash map` itself: the drawing to scale, as text and as SVG, exit codes, and what is refused.

use super::{APP, BOOTLOADER, EEPROM, FULL, built, kept};
use dryflash::esc::{Kept, StateFile};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn dryflash(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
    for name in ["DRYFLASH_PART", "DRYFLASH_STATE", "COLUMNS", "LC_ALL", "LC_CTYPE", "LANG"] {
        command.env_remove(name);
    }
    let output = command.arg("map").args(args).current_dir(folder).envs(env.iter().copied()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn json(folder: &Path, args: &[&str]) -> Value {
    let said = dryflash(folder, &[args, &["--format", "json"]].concat(), &[]);
    serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{args:?}: {e}: {}{}", said.out, said.err))
}

/// A folder with `esc.json`, which holds a full image, and `other.json`, another one.
fn folder() -> TempDir {
    let dir = TempDir::new().unwrap();
    let full = std::fs::read(built(FULL)).unwrap();
    let save = |name: &str, kept: Kept| StateFile::open(&dir.path().join(name)).unwrap().keep(kept).unwrap();
    save("esc.json", kept("F051", |f| f.cells(0x0800_0000, &full).unwrap()));
    save("other.json", kept("F051", |f| f.cells(0x0800_0000, &full).unwrap().cells(0x0800_2000, &[7; 5]).unwrap()));
    for name in [BOOTLOADER, APP, EEPROM, FULL] {
        std::fs::copy(built(name), dir.path().join(name)).unwrap();
    }
    dir
}

#[test]
fn the_drawing_is_to_scale_and_fits_at_any_width() {
    let dir = folder();
    for (columns, cell, rows) in [("40", 128, 16), ("57", 64, 16), ("80", 64, 8), ("100", 64, 8)] {
        for lang in ["C", "C.UTF-8"] {
            for args in [&[BOOTLOADER, APP, EEPROM][..], &["--state", "esc.json", APP], &["esc.json", "other.json"]] {
                let said = dryflash(dir.path(), args, &[("COLUMNS", columns), ("LC_ALL", lang)]);
                assert_eq!(said.code, Some(0), "{}", said.err);
                let width: usize = columns.parse().unwrap();
                assert!(said.out.lines().all(|l| l.chars().count() <= width), "{columns} {args:?}\n{}", said.out);
                assert_eq!(said.out.is_ascii(), lang == "C", "{}", said.out);
            }
        }
        let said = dryflash(dir.path(), &[BOOTLOADER, APP, EEPROM], &[("COLUMNS", columns)]);
        let drawn: Vec<&str> = said
            .out
            .lines()
            .filter(|l| l.starts_with("  0x") && !l.contains(','))
            .filter_map(|l| l.get(14..))
            .collect();
        let cells: String = drawn.iter().take(rows).copied().collect();
        assert_eq!(cells.len() * cell, 0x8000, "{}", said.out);
        // The bootloader's area is an eighth, and the settings' page the last thirty-second.
        let area = cells.len() / 8;
        let bootloader = cells[..area].trim_start_matches('B').trim_start_matches('0');
        assert!(bootloader == "i" && cells.starts_with("BBBB"), "{}", said.out);
        let page = &cells[cells.len() - cells.len() / 32..];
        assert!(
            page.starts_with('S') && page.trim_start_matches('S').chars().all(|c| c == ':'),
            "{page}\n{}",
            said.out
        );
    }
}

#[test]
fn protected_cells_have_a_mark_below_them() {
    let dir = TempDir::new().unwrap();
    StateFile::open(&dir.path().join("esc.json")).unwrap().keep(kept("F051", |f| f.wrp(4, 7).unwrap())).unwrap();
    let said = dryflash(dir.path(), &["esc.json"], &[]);
    let lines: Vec<&str> = said.out.lines().collect();
    let at = lines.iter().position(|l| l.starts_with("  0x08001000")).unwrap();
    assert_eq!(lines[at + 1].trim(), "^".repeat(64), "{}", said.out);
    assert_eq!(said.out.matches("^^").count(), 32, "{}", said.out);
    assert!(
        said.out.contains("^ write-protected") && said.out.contains("pages 4 to 7 are write-protected"),
        "{}",
        said.out
    );
}

#[test]
fn two_escs_side_by_side() {
    let dir = folder();
    let said = dryflash(dir.path(), &["esc.json", "other.json"], &[]);
    assert_eq!(said.code, Some(0));
    assert!(said.out.contains("5 bytes of flash differ.") && said.out.contains("^ differs"), "{}", said.out);
    let told = json(dir.path(), &["esc.json", "other.json"]);
    assert_eq!(told["differing"], serde_json::json!([{"address": 0x0800_2000, "length": 5, "bytes": 5}]));
    assert_eq!(told["maps"].as_array().unwrap().len(), 2);
    let same = dryflash(dir.path(), &["esc.json", "esc.json", "-q"], &[]);
    assert_eq!(same.out, "Both hold the same in flash.\n");
    let protected = kept("F051", |f| f.wrp(4, 7).unwrap());
    StateFile::open(&dir.path().join("protected.json")).unwrap().keep(protected).unwrap();
    StateFile::open(&dir.path().join("blank.json")).unwrap().keep(kept("F051", |f| f)).unwrap();
    let options = dryflash(dir.path(), &["blank.json", "protected.json"], &[]);
    assert!(options.out.contains("option byte WRP: 0xFFFFFFFF left, 0xFFFFFFFD right"), "{}", options.out);
    assert!(options.out.contains("Both hold the same in flash, and option bytes are not the same."), "{}", options.out);
    let at = dryflash(dir.path(), &["esc.json", "other.json", "--at", "0x08002000"], &[]);
    assert!(at.out.contains("in esc.json is FF") && at.out.contains("in other.json is 07"), "{}", at.out);
}

#[test]
fn an_address_is_told_with_file_and_place() {
    let dir = folder();
    let said = dryflash(dir.path(), &[BOOTLOADER, APP, EEPROM, "--at", "0x08001010", "--at", "0x08007c01"], &[]);
    assert_eq!(said.code, Some(0));
    for words in
        [&format!("from {APP} line 3")[..], "app; page 4, byte 0x10 of it", "settings; page 31, byte 0x1 of it"]
    {
        assert!(said.out.contains(words), "{words}\n{}", said.out);
    }
    let told = json(dir.path(), &[APP, "--at", "0x08001010"]);
    let at = &told["maps"][0]["at"][0];
    assert_eq!((&at["stands"]["place"], &at["kind"], &at["page"]), (&"line 3".into(), &"app".into(), &4.into()));
    let elf = built("STANDIN_DRYFLASH_FAULTY_F051_2.20.elf");
    let code = dryflash(dir.path(), &[elf.to_str().unwrap(), "--at", "0x080010C4"], &[]);
    assert!(code.out.contains("in reset+0x4, startup.c:"), "{}", code.out);
    let nowhere = dryflash(dir.path(), &[APP, "--at", "0x20000000"], &[]);
    assert!(nowhere.code == Some(1) && nowhere.out.contains("not in flash, and in no file"), "{}", nowhere.out);
}

#[test]
fn a_wrong_place_ends_with_1() {
    let dir = folder();
    let said = dryflash(
        dir.path(),
        &["--part", "F051", &format!("{BOOTLOADER}@0x08000000"), &format!("{EEPROM}@0x08000400")],
        &[],
    );
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert!(said.out.contains("overlap") && said.out.contains("Not everything lies where it belongs"), "{}", said.out);
    let quiet = dryflash(dir.path(), &["-q", "--part", "F051", BOOTLOADER, &format!("{EEPROM}@0x08000400")], &[]);
    assert!(quiet.out.contains("error DF") && !quiet.out.contains("regions"), "{}", quiet.out);
}

#[test]
fn wrong_usage_and_unreadable_input_end_with_2() {
    let dir = folder();
    let path = |name: &str| dir.path().join(name);
    std::fs::write(path("cut.hex"), ":0400").unwrap();
    std::fs::write(path("broken.json"), "{\"format\": \"dryflash-state\"").unwrap();
    std::fs::copy(built("STANDIN_F051_BOOTLOADER_PB4_V14.bin"), path("AM32_F421_BOOTLOADER_PB4_V14.bin")).unwrap();
    std::fs::write(path("there.svg"), "mine").unwrap();
    std::fs::copy(built("STANDIN_EEPROM_BLANK_1K.bin"), path("eeprom_default.bin")).unwrap();
    let data = path("data.bin");
    std::fs::write(&data, [1; 64]).unwrap();
    for (args, said) in [
        (&[][..], "nothing was given to look at"),
        (&["none.hex"], "none.hex: there is no such file"),
        (&["cut.hex"], "cut.hex line 1"),
        (&["broken.json"], "broken.json: is no state of a virtual ESC"),
        (&["--state", APP], "it is no state of a virtual ESC"),
        (&["esc.json@0x08000000"], "leave out @0x08000000"),
        (&["esc.json", "other.json", APP], "shown side by side without files"),
        (&["esc.json", "other.json", "esc.json"], "3 virtual ESCs were given"),
        (&["--part", "G071", "esc.json"], "esc.json holds an STM32F051K6"),
        (&["--part", "F999", APP], "no part is called 'F999'"),
        (&["data.bin@0x08002000"], "say which with --part"),
        (&["AM32_F421_BOOTLOADER_PB4_V14.bin"], "a part that is not modelled"),
        (&[EEPROM, "eeprom_default.bin"], "are both the EEPROM page"),
        (&[APP, "--at", "08001234"], "0x08001234"),
        (&[APP, "--at", "main"], "an address is written as 0x08001234"),
        (&[APP, "--svg", "there.svg"], "there.svg exists; --force replaces it"),
        (&[APP, "--svg", "no/map.svg"], "there is no folder no; make it first"),
        (&[APP, "--svg", APP, "--force"], "is used as it is"),
        (&["--state", "esc.json", APP, "--svg", "esc.json", "--force"], "is used as it is"),
        (&[APP, "--force"], "--svg"),
    ] {
        let answer = dryflash(dir.path(), args, &[]);
        assert!(answer.code == Some(2) && answer.err.contains(said), "{args:?}: {:?} {}", answer.code, answer.err);
        assert!(answer.out.is_empty() && !answer.err.contains("panicked"), "{args:?}: {}", answer.out);
    }
    assert_eq!(std::fs::read(path("there.svg")).unwrap(), b"mine");
    assert_eq!(std::fs::read(path(APP)).unwrap(), std::fs::read(built(APP)).unwrap());
    assert!(!path("esc.json.lock").exists());
}

#[test]
fn variables_name_the_part_and_the_state() {
    let dir = folder();
    let named = dryflash(
        dir.path(),
        &[APP, "--at", "0x08000000"],
        &[("DRYFLASH_STATE", "esc.json"), ("DRYFLASH_PART", "G071")],
    );
    assert!(named.code == Some(0) && named.out.contains("from esc.json"), "{}{}", named.out, named.err);
    // Those that were named for this command are the ones that are shown.
    let two = dryflash(dir.path(), &["other.json", "-v"], &[("DRYFLASH_STATE", "esc.json")]);
    assert!(
        two.code == Some(0) && two.out.contains("other.json") && !two.out.contains("esc.json"),
        "{}{}",
        two.out,
        two.err
    );
}

#[test]
fn a_project_names_part_files_and_state() {
    let dir = folder();
    let project = format!("part = 'F051'\nstate = 'esc.json'\n[files]\napp = '{APP}'\n");
    std::fs::write(dir.path().join("dryflash.toml"), &project).unwrap();
    let at = &["--at", "0x08001000", "--at", "0x08000000"][..];
    let said = dryflash(dir.path(), at, &[]);
    assert!(said.out.contains(&format!("from {APP} line 2")) && said.out.contains("from esc.json"), "{}", said.out);
    assert!(said.err.contains("state esc.json") && said.err.contains(APP), "{}", said.err);
    let other = dryflash(dir.path(), &["other.json", "-v"], &[]);
    assert!(other.code == Some(0) && !other.out.contains("esc.json"), "{}{}", other.out, other.err);
    let without = dryflash(dir.path(), &[at, &["--no-project"]].concat(), &[]);
    assert!(without.code == Some(2) && without.err.contains("nothing was given"), "{}", without.err);
    std::fs::write(dir.path().join("dryflash.toml"), project.replace("esc.json", "new.json")).unwrap();
    let new = dryflash(dir.path(), at, &[]);
    assert!(new.code == Some(0) && !dir.path().join("new.json").exists(), "{}{}", new.out, new.err);
}

/// A file's name is text, whatever it looks like.
#[cfg(unix)]
#[test]
fn names_with_marks_of_xml_stay_text() {
    let dir = folder();
    let name = "a&<b>\"'.hex";
    std::fs::copy(built(APP), dir.path().join(name)).unwrap();
    let said = dryflash(dir.path(), &[name, "--svg", "map.svg"], &[]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let text = std::fs::read_to_string(dir.path().join("map.svg")).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let title = document.descendants().find(|n| n.tag_name().name() == "title").unwrap().text().unwrap();
    assert!(title.ends_with(name), "{title}");
}

/// The drawing, as another reader of XML sees it.
#[test]
fn the_svg_has_each_region_to_scale_with_its_title() {
    let dir = folder();
    let said = dryflash(dir.path(), &["--state", "esc.json", APP, "--svg", "map.svg"], &[]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let text = std::fs::read_to_string(dir.path().join("map.svg")).unwrap();
    let document = roxmltree::Document::parse(&text).unwrap();
    let root = document.root_element();
    assert_eq!((root.tag_name().name(), root.attribute("role")), ("svg", Some("img")));
    let child = |name: &str| root.children().find(|n| n.has_tag_name(("http://www.w3.org/2000/svg", name))).unwrap();
    assert!(child("title").text().unwrap().contains("F051") && child("desc").text().unwrap().contains("bytes used"));
    let told = json(dir.path(), &["--state", "esc.json", APP]);
    let regions = told["maps"][0]["regions"].as_array().unwrap();
    let drawn: Vec<_> = root.children().filter(|n| n.attribute("class") == Some("dfm-region")).collect();
    assert_eq!(drawn.len(), regions.len());
    for (group, region) in drawn.iter().zip(regions) {
        assert_eq!(group.attribute("data-kind"), region["kind"].as_str());
        assert_eq!(group.attribute("data-address").unwrap(), region["address"].to_string());
        let title = group.children().find(|n| n.tag_name().name() == "title").unwrap().text().unwrap();
        assert!(title.contains(&format!("0x{:08X}", region["address"].as_u64().unwrap())), "{title}");
        let class = format!("dfm-{}", region["kind"].as_str().unwrap());
        let widths: f64 = group
            .children()
            .filter(|n| n.attribute("class") == Some(&class))
            .map(|n| n.attribute("width").unwrap().parse::<f64>().unwrap())
            .sum();
        // 640 units are a row of 4,096 bytes.
        let length = region["length"].as_f64().unwrap();
        assert!((widths - length * 640.0 / 4096.0).abs() <= 2.6, "{title}: {widths}");
    }
    for word in ["http:", "https:", "href", "url(", "@import", "script"] {
        let outside = text.replace("http://www.w3.org/2000/svg", "").replace("url(#map-", "");
        assert!(!outside.contains(word), "{word}");
    }
    assert!(text.contains("prefers-color-scheme:dark"));
    assert_eq!(dryflash(dir.path(), &[APP, "--svg", "map.svg", "--force"], &[]).code, Some(0));
    assert_eq!(dryflash(dir.path(), &["esc.json", "other.json", "--svg", "two.svg"], &[]).code, Some(0));
    let two = std::fs::read_to_string(dir.path().join("two.svg")).unwrap();
    let two = roxmltree::Document::parse(&two).unwrap();
    let differs = two.descendants().filter(|n| n.attribute("class") == Some("dfm-differs")).count();
    assert_eq!(differs, 4, "in each, one and the legend's");
    let ids: Vec<&str> = two.descendants().filter_map(|n| n.attribute("id")).collect();
    assert_eq!(ids.len(), ids.iter().collect::<std::collections::HashSet<_>>().len(), "{ids:?}");
}
