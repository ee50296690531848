//! Pages: whole, self-contained, what the JSON says, and looked at by a browser (Debian's Chromium), which has nothing to
//! complain of.

mod browser;

use crate::support::clients::built;
use browser::browsed;
use roxmltree::{Document, Node, ParsingOptions};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

const FULL: &str = "STANDIN_DRYFLASH_F051_2.20_FULL.bin";
const BOOTLOADER: &str = "STANDIN_F051_BOOTLOADER_PB4_V14.bin";
const APP: &str = "STANDIN_DRYFLASH_F051_2.20.hex";
const SETTINGS: &str = "STANDIN_EEPROM_V2_1K.bin";
const BLANK: &str = "STANDIN_EEPROM_BLANK_1K.bin";

/// A folder with the files of each kind of page, and what they are called.
struct Desk {
    folder: tempfile::TempDir,
}

/// What a command came to.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Desk {
    fn new() -> Desk {
        let desk = Desk { folder: tempfile::tempdir().unwrap() };
        for file in [FULL, BOOTLOADER, APP, BLANK] {
            std::fs::copy(built(file), desk.path(file)).unwrap();
        }
        let session = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/sessions/settings_with_st_flash.jsonl");
        std::fs::copy(session, desk.path("session.jsonl")).unwrap();
        let lines = format!("st-flash erase\nst-flash write {FULL} 0x08000000\nst-flash write {FULL} 0x0800000\n");
        std::fs::write(desk.path("steps.sh"), lines).unwrap();
        let scenario = format!(
            "about = \"a <try>\"\npart = \"F051\"\n[factory]\nholds = [\"{FULL}\"]\n[[step]]\nboot = \"low\"\n[[step]]\n\
             [step.expect]\nstarts = "
        );
        std::fs::write(desk.path("good.toml"), format!("{scenario}true\n")).unwrap();
        std::fs::write(desk.path("bad.toml"), format!("{scenario}false\n")).unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn says(&self, words: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
        let output = command.args(words).current_dir(self.folder.path()).output().expect("dryflash starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// The page that a command writes, which ends with this exit code.
    fn page(&self, words: &[&str], code: i32) -> String {
        let page = format!("page-{}.html", words.join(" ").len());
        let said = self.says(&[&[words[0], "--html", &page], &words[1..]].concat());
        assert_eq!(said.code, code, "{words:?}: {}{}", said.out, said.err);
        std::fs::read_to_string(self.path(&page)).unwrap()
    }

    /// A page of each kind, by name.
    fn pages(&self) -> BTreeMap<&'static str, String> {
        let mut pages = BTreeMap::from([
            ("starts", self.page(&["check", FULL], 0)),
            ("stays", self.page(&["check", BOOTLOADER, APP, BLANK], 1)),
            ("late", self.page(&["check", "--part", "F051", "--signal", "high,low@100", FULL], 0)),
            ("replay", self.page(&["replay", "session.jsonl"], 0)),
            ("replay and start", self.page(&["replay", "--boot", "session.jsonl"], 1)),
            ("script", self.page(&["replay", "--part", "F051", "--boot", "steps.sh"], 1)),
            ("run", self.page(&["run", "good.toml"], 0)),
            ("failed run", self.page(&["run", "good.toml", "bad.toml"], 1)),
        ]);
        if cfg!(target_os = "linux") {
            pages.insert("with", self.page(&["with", "--part", "F051", "--", "true"], 0));
            pages.insert("with, and start", self.page(&["with", "--part", "F051", "--boot", "--", "true"], 1));
        }
        pages
    }

    fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.says(&[words, &["--format", "json"]].concat()).out).unwrap()
    }
}

/// A page's markup is XML as well.
fn parsed(page: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(page, options).unwrap_or_else(|error| panic!("{error}\n{page}"))
}

fn all<'a>(document: &'a Document<'_>, name: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    document.descendants().filter(move |n| n.has_tag_name(name) || n.tag_name().name() == name)
}

fn text(node: Node<'_, '_>) -> String {
    let words: String = node.descendants().filter_map(|n| n.text().filter(|_| n.is_text())).collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn by_id<'a>(document: &'a Document<'_>, id: &str) -> Option<Node<'a, 'a>> {
    document.descendants().find(|n| n.attribute("id") == Some(id))
}

#[test]
fn a_page_brings_all_that_it_needs() {
    let desk = Desk::new();
    for (name, page) in desk.pages() {
        let document = parsed(&page);
        assert!(page.len() < 120_000, "{name}: {} bytes", page.len());
        for node in document.descendants().filter(Node::is_element) {
            for attribute in node.attributes() {
                let (key, value) = (attribute.name(), attribute.value());
                match key {
                    "href" => assert!(value.starts_with('#'), "{name}: {key}={value}"),
                    "src" | "srcset" | "data" | "action" | "poster" | "background" => panic!("{name}: {key}={value}"),
                    key => assert!(!key.starts_with("on"), "{name}: {key}={value}"),
                }
                assert!(!value.contains("url(") || value.starts_with("url(#"), "{name}: {key}={value}");
            }
            let fetches = ["link", "img", "iframe", "object", "embed", "base", "image", "use", "form"];
            assert!(!fetches.contains(&node.tag_name().name()), "{name}: {}", node.tag_name().name());
        }
        for style in all(&document, "style") {
            let style = text(style);
            assert!(!style.contains("url(") && !style.contains("@import"), "{name}");
        }
        let policy = all(&document, "meta").find_map(|m| m.attribute("content").filter(|c| c.contains("default-src")));
        let policy = policy.expect("there is a policy");
        let script = all(&document, "script").map(|s| s.text().unwrap_or_default()).collect::<Vec<_>>();
        assert_eq!(script.len(), 1, "{name}");
        use base64::Engine;
        let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(script[0]));
        assert!(policy.contains(&format!("script-src 'sha256-{digest}'")), "frame.rs: SCRIPT is sha256-{digest}");
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    }
}

#[test]
fn a_page_can_be_found_ones_way_around_in() {
    let desk = Desk::new();
    for (name, page) in desk.pages() {
        let document = parsed(&page);
        let title = all(&document, "title").next().map(text).unwrap_or_default();
        let answers: Vec<String> = all(&document, "h1").map(text).collect();
        let [answer] = answers.as_slice() else { panic!("{name}: {answers:?}") };
        let sentence = answer.trim_start_matches(['\u{2713}', '\u{2717}', '\u{2013}', ' ']).trim_end_matches('.');
        assert!(title.starts_with(sentence), "{name}: {title} / {answer}");
        assert_eq!(document.root_element().attribute("lang"), Some("en"));
        for landmark in ["header", "main", "nav", "footer"] {
            assert_eq!(all(&document, landmark).count(), 1, "{name}: {landmark}");
        }
        let ids: Vec<&str> = document.descendants().filter_map(|n| n.attribute("id")).collect();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "{name}: {ids:?}");
        for node in document.descendants() {
            let names = ["aria-labelledby", "aria-describedby"].into_iter().filter_map(|key| node.attribute(key));
            let links = node.attribute("href").map(|h| &h[1..]);
            for id in names.flat_map(str::split_whitespace).chain(links) {
                assert!(unique.contains(id), "{name}: {id}");
            }
        }
        let mut level = 1;
        for heading in document.descendants().filter_map(|n| n.tag_name().name().strip_prefix('h')?.parse::<u32>().ok())
        {
            assert!(heading <= level + 1, "{name}: a heading of level {heading} after one of level {level}");
            level = heading;
        }
        for section in all(&document, "section") {
            assert!(section.attribute("aria-labelledby").is_some(), "{name}: a section without a name");
        }
        for head in all(&document, "th") {
            assert!(matches!(head.attribute("scope"), Some("row" | "col")), "{name}: {}", text(head));
        }
        assert_eq!(all(&document, "button").count(), 0, "{name}: buttons are of no use without the script");
    }
}

#[test]
fn a_check_says_what_its_json_says() {
    let desk = Desk::new();
    for words in [&["check", FULL][..], &["check", BOOTLOADER, APP, BLANK], &["check", "--part", "F051", FULL, BLANK]] {
        let json = desk.json(words);
        let page = desk.page(words, i32::from(json["starts"] != true));
        let document = parsed(&page);
        let answer = by_id(&document, "answer").unwrap();
        let mood = if json["starts"] == true { "answer good" } else { "answer bad" };
        assert_eq!(answer.attribute("class"), Some(mood));

        let mut found =
            all(&document, "article").filter(|a| a.attribute("class").is_some_and(|c| c.starts_with("finding")));
        for finding in json["findings"].as_array().unwrap() {
            let shown = found.next().unwrap_or_else(|| panic!("{finding} is missing"));
            let told = text(shown);
            let severity = finding["severity"].as_str().unwrap();
            assert_eq!(shown.attribute("class"), Some(format!("finding {severity}").as_str()));
            assert!(told.contains(finding["id"].as_str().unwrap()), "{told}");
            // But for the letter that a sentence begins with.
            let message: String = finding["message"].as_str().unwrap().chars().skip(1).collect();
            assert!(told.contains(&message.split_whitespace().collect::<Vec<_>>().join(" ")), "{told}\n{message}");
            let commands = finding["commands"].as_array().into_iter().flatten();
            for command in commands {
                let program = command[0].as_str().unwrap();
                assert!(
                    shown.descendants().any(|n| n.has_tag_name("code") && text(n).starts_with(program)),
                    "{command}"
                );
            }
        }
        assert!(found.next().is_none());

        let power_ups: Vec<Node> =
            all(&document, "article").filter(|a| a.attribute("class") == Some("power-up")).collect();
        let runs = json["power_ups"].as_array().unwrap();
        assert_eq!(power_ups.len(), runs.len());
        for (shown, run) in power_ups.into_iter().zip(runs) {
            let told = text(shown);
            assert!(told.starts_with(&format!("signal {}", run["power_up"]["signal"].as_str().unwrap())), "{told}");
            for load in ["boot_byte", "header"].into_iter().flat_map(|key| run[key].as_array().unwrap()) {
                let hex = |key: &str| format!("0x{:08X}", load[key].as_u64().unwrap());
                assert!(told.contains(&hex("address")) && told.contains(&hex("pc")), "{told}\n{load}");
            }
            if let Some(address) = run["jump"]["address"].as_u64() {
                assert!(told.contains(&format!("Jump to the app at 0x{address:08X}")), "{told}");
            }
        }
        for file in json["files"].as_array().unwrap() {
            let told = text(by_id(&document, "files").unwrap()).replace(' ', "");
            assert!(told.contains(&file["name"].as_str().unwrap().replace(' ', "")), "{told}");
        }
    }
}

#[test]
fn the_map_is_that_of_the_verb() {
    let desk = Desk::new();
    for files in [&[FULL][..], &[BOOTLOADER, APP, BLANK]] {
        let json = desk.json(&[&["map"], files].concat());
        let page = desk.page(&[&["check"], files].concat(), i32::from(files.len() > 1));
        let document = parsed(&page);
        let told = |region: &Value, key: &str| region[key].as_u64().unwrap();
        let wanted: Vec<(String, u64, u64)> = json["maps"][0]["regions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| (r["kind"].as_str().unwrap().to_owned(), told(r, "address"), told(r, "length")))
            .collect();
        let number = |node: Node, key: &str| node.attribute(key).unwrap().parse().unwrap();
        let drawn: Vec<(String, u64, u64)> = document
            .descendants()
            .filter(|n| n.attribute("class") == Some("dfm-region"))
            .map(|n| {
                (n.attribute("data-kind").unwrap().to_owned(), number(n, "data-address"), number(n, "data-length"))
            })
            .collect();
        assert_eq!(drawn, wanted);
        let rows = all(&document, "table").filter(|t| t.attribute("class") == Some("regions"));
        let rows: Vec<String> =
            rows.flat_map(|t| t.descendants().filter(|n| n.has_tag_name("tr"))).skip(1).map(text).collect();
        assert_eq!(rows.len(), wanted.len());
        for (row, (_, address, length)) in rows.iter().zip(&wanted) {
            let range = format!("0x{address:08X} to 0x{:08X}", address + length - 1);
            assert!(row.contains(&range), "{row}: {range}");
        }
    }
}

#[test]
fn a_run_says_what_its_json_says() {
    let desk = Desk::new();
    let json = desk.json(&["run", "good.toml", "bad.toml"]);
    let page = desk.page(&["run", "good.toml", "bad.toml"], 1);
    let document = parsed(&page);
    assert_eq!(all(&document, "h1").map(text).collect::<Vec<_>>(), ["\u{2717} 1 of 2 cases did not pass."]);
    let rows: Vec<String> =
        by_id(&document, "cases").unwrap().descendants().filter(|n| n.has_tag_name("tr")).skip(1).map(text).collect();
    let cases = json["cases"].as_array().unwrap();
    assert_eq!(rows.len(), cases.len());
    for (row, case) in rows.iter().zip(cases) {
        assert!(row.starts_with(case["id"].as_str().unwrap()), "{row}");
        assert!(row.contains(case["status"].as_str().unwrap()), "{row}");
    }
    let failed = text(by_id(&document, "failed").unwrap());
    for failure in cases.iter().filter_map(|c| c["failures"].as_array()).flatten() {
        for key in ["expected", "seen"] {
            let words: Vec<&str> = failure[key].as_str().unwrap().split_whitespace().collect();
            assert!(failed.contains(&words.join(" ")), "{failed}\n{failure}");
        }
        assert!(failed.contains(&format!("bad.toml:{}:{}", failure["line"], failure["column"])), "{failed}");
    }
    assert!(failed.contains("a <try>"), "{failed}");
}

/// An updater that leaves a bootloader on another pin ends, but not as hoped.
#[test]
fn an_update_that_would_not_work_has_no_tick() {
    let desk = Desk::new();
    let updater = "STANDIN_F051_BL_UPDATER_PA2_V14.amj";
    std::fs::copy(built(updater), desk.path(updater)).unwrap();
    std::fs::copy(built(SETTINGS), desk.path(SETTINGS)).unwrap();
    let page = desk.page(&["check", BOOTLOADER, updater, SETTINGS, "--signal", "low"], 1);
    let document = parsed(&page);
    let ending = document.descendants().find(|n| n.attribute("class") == Some("ending bad")).map(text).unwrap();
    assert!(ending.contains("not as hoped") && ending.contains("the new bootloader listens on PA2"), "{ending}");
}

/// What a name holds is a name, whatever it looks like.
#[test]
fn names_are_no_markup() {
    let desk = Desk::new();
    let name = "<img src=x onerror=alert(1)>&\"'<!--]]>.bin";
    std::fs::copy(built(FULL), desk.path(name)).unwrap();
    let page = desk.page(&["check", name, BLANK], 1);
    let document = parsed(&page);
    assert!(text(by_id(&document, "files").unwrap()).contains("<img src=x onerror=alert(1)>&\"'<!--]]>.bin"));
    assert_eq!(all(&document, "img").count(), 0);
    browsed(&desk, "names.html", &page, |dom| assert!(!dom.contains("<img"), "{dom}"));
}

#[test]
fn a_page_takes_the_place_of_a_page_only() {
    let desk = Desk::new();
    let written = |words: &[&str]| desk.says(&[&["check", FULL], words].concat());
    assert_eq!(written(&["--html", "a.html"]).code, 0);
    assert_eq!(written(&["--html", "a.html"]).code, 0, "a page is replaced");
    let first = std::fs::read_to_string(desk.path("a.html")).unwrap();
    assert_eq!(written(&["--report", "html=b.html"]).code, 0);
    assert_eq!(std::fs::read_to_string(desk.path("b.html")).unwrap(), first, "--html is short for it");
    assert_eq!(written(&["--format", "html"]).out, first);
    std::fs::write(desk.path("mine.html"), "<!DOCTYPE html>\n<html><head><title>mine</title></head></html>\n").unwrap();
    for (words, told) in [
        (&["--html", "mine.html"][..], "mine.html is there, and is no report of dryflash: it is not replaced"),
        (&["--html", FULL], "is no report of dryflash: it is not replaced"),
        (&["--html", "none/a.html"], "there is no folder none; make it first"),
        (&["--html", "c.html", "--report", "json=c.html"], "something else is written there"),
        (&["--html", ""], "the file has no name"),
        (&["--html", "-"], "a report goes into a file"),
    ] {
        let said = written(words);
        assert_eq!(said.code, 2, "{words:?}");
        assert!(said.err.contains(told), "{words:?}: {}", said.err);
    }
    assert!(!desk.path("c.html").exists());
    let said = desk.says(&["replay", "--decode", "session.jsonl", "--html", "d.html"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("leave --report and --html out"), "{}", said.err);
    let said = desk.says(&["replay", "session.jsonl", "--html", "session.jsonl"]);
    assert_eq!(said.code, 2, "{}", said.err);
    let said = desk.says(&["explain", "DF012", "--format", "html"]);
    assert_eq!(said.code, 2, "{}", said.out);
}

/// The two sets of colours of a page's style, by name.
fn colours(style: &str) -> [BTreeMap<String, String>; 2] {
    let of = |text: &str| {
        let body = text.split_once('{').unwrap().1.split_once('}').unwrap().0;
        let pairs = body.split(';').filter_map(|p| p.trim().strip_prefix("--")?.split_once(": "));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let (light, dark) = style.split_once("prefers-color-scheme: dark").unwrap();
    [of(light), of(dark.split_once(":root").unwrap().1)]
}

/// Relative luminance (WCAG 2.2).
fn luminance(colour: &str) -> f64 {
    let part = |at: usize| {
        let c = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
}

/// 4.5 to 1 is what WCAG 2.2 asks of text at level AA, and 3 to 1 of what is no text.
#[test]
fn text_can_be_told_from_its_ground() {
    let style = include_str!("../../src/report/html/templates/style.css");
    let text = [
        ("ink", "ground"),
        ("ink", "sheet"),
        ("ink", "code"),
        ("soft", "ground"),
        ("soft", "sheet"),
        ("link", "ground"),
        ("link", "sheet"),
        ("link", "code"),
        ("good", "sheet"),
        ("bad", "sheet"),
        ("bad", "bad-sheet"),
        ("warning", "warning-sheet"),
        ("warning", "sheet"),
        ("note", "note-sheet"),
        ("ink", "boot"),
        ("ink", "app"),
        ("ink", "clock"),
    ];
    let other = [("focus", "ground"), ("focus", "sheet"), ("wire", "sheet")];
    for colours in colours(style) {
        let pairs = text.iter().map(|p| (p, 4.5)).chain(other.iter().map(|p| (p, 3.0)));
        for ((front, back), least) in pairs {
            let mut both = [luminance(&colours[*front]), luminance(&colours[*back])];
            both.sort_by(f64::total_cmp);
            let ratio = (both[1] + 0.05) / (both[0] + 0.05);
            assert!(ratio >= least, "{front} on {back}: {ratio:.2}");
        }
    }
}
