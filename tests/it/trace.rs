//! `--trace` and `--vcd`: what they hold, that they change nothing, and what is refused.

use crate::support::apps::{built, judge_with, options};
use dryflash::am32::Role;
use dryflash::chip::recorder::{Record, What};
use dryflash::cpu::hybrid::Engine;
use dryflash::esc::trace::{Filter, Recording, Wish};
use dryflash::esc::{AfterPowerOn, Options, PowerUp, Verdict};
use dryflash::report::{trace, vcd as dump};
use std::collections::BTreeMap;
use std::process::Command;
use vcd::{Command as Change, Parser, Value};

const FULL: &str = "STANDIN_DRYFLASH_F051_2.20_FULL.hex";

fn filters(words: &[&str]) -> Vec<Filter> {
    words.iter().map(|w| w.parse().unwrap()).collect()
}

fn steps(words: &[&str], most: usize) -> Wish {
    Wish { steps: Some((filters(words), most)), lines: false }
}

fn full(options: Options) -> Verdict {
    judge_with(vec![(built(FULL), Role::Full)], options)
}

fn recording(verdict: &Verdict) -> &Recording {
    let [recording] = verdict.recordings.as_slice() else { panic!("{} recordings", verdict.recordings.len()) };
    recording
}

/// The lines of a trace that begin with a time.
fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|l| l.starts_with(' ')).collect()
}

#[test]
fn recording_changes_nothing_and_every_engine_gives_the_same() {
    let record = Wish { lines: true, ..steps(&["0us-3ms"], 1_000_000) };
    let plain = full(options(50));
    let mut seen: Vec<(Vec<Record>, Vec<_>)> = Vec::new();
    for engine in Engine::BUILT {
        let verdict = full(Options { engine: *engine, record: record.clone(), ..options(50) });
        assert_eq!((&verdict.runs, &verdict.findings), (&plain.runs, &plain.findings), "{engine:?}");
        let Recording { records, lines, cut_off } = recording(&verdict);
        assert!(!cut_off && records.len() > 5_000 && lines.len() > 100, "{} {}", records.len(), lines.len());
        seen.push((records.clone(), lines.clone()));
    }
    assert!(seen.windows(2).all(|w| w[0] == w[1]));
    assert!(plain.recordings.is_empty());
}

#[test]
fn a_line_tells_instruction_registers_access_and_place() {
    let files =
        ["STANDIN_F051_BOOTLOADER_PB4_V14.bin", "STANDIN_DRYFLASH_FAULTY_F051_2.20.elf", "STANDIN_EEPROM_V2_1K.bin"];
    let roles = [Role::Bootloader, Role::App, Role::Eeprom];
    let files: Vec<_> = files.iter().map(|name| built(name)).zip(roles).collect();
    let text = trace::text(&judge_with(files, Options { record: steps(&[], 10_000_000), ..options(50) }));
    let has = |parts: &[&str]| text.lines().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(text.starts_with("# dryflash trace, version 1"));
    assert!(
        has(&["ldr r1, [r3]", "r1=00005A83, RCC.CR reads 00005A83 (HSION HSIRDY HSITRIM=16 HSICAL=90)"]),
        "{}",
        &text[..4000]
    );
    assert!(has(&["str r2, [r3]", "FLASH.ACR writes 00000011 (LATENCY=1 PRFTBE)"]));
    assert!(has(&["push {r4, lr}", "msp=20000FF8, [20000FF8-20000FFF] writes"]));
    assert!(has(&["-- reset (power-on)"]) && has(&["-- the bootloader has jumped to 0x080010C0"]));
    // As the page about it shows.
    let page = include_str!("../../docs/trace.md").split("```").nth(3).unwrap();
    for line in page.lines().filter(|l| !l.is_empty()) {
        assert!(text.lines().any(|l| l == line), "docs/trace.md: {line}");
    }
    // A poll is told once.
    assert!(has(&["-- the 3 lines before this one", "times more, until"]));
    let last: Vec<&str> = lines(&text).into_iter().rev().take(3).collect();
    assert!(last[0].contains("HardFault is taken"), "{last:?}");
    assert!(last[1].contains("-- fault at PC 0x0800") && last[1].contains("(store in bad_write, main.c:"), "{last:?}");
    assert!(
        last[2].contains("str r0, [r3]") && last[2].contains("does not run  ; store in bad_write, main.c:"),
        "{last:?}"
    );
}

#[test]
fn filters_keep_what_they_say() {
    let with = |words: &[&str]| {
        let text = trace::text(&full(Options { record: steps(words, 100_000), ..options(20) }));
        let notes = |l: &String| l.contains(" -- the ") && !l.contains("handler returns");
        lines(&text).into_iter().map(str::to_owned).filter(|l| !notes(l)).collect::<Vec<_>>()
    };
    let stores = with(&["RCC", "stores"]);
    assert!(!stores.is_empty() && stores.iter().all(|l| l.contains("RCC.") && l.contains(" writes ")), "{stores:?}");
    let loads = with(&["0x40021000", "loads"]);
    assert!(!loads.is_empty() && loads.iter().all(|l| l.contains("RCC.CR reads ")), "{loads:?}");
    let code = with(&["0x08001000-0x08001FFF", "code"]);
    assert!(code.len() > 100 && code.iter().all(|l| l.contains("  0x08001")), "{:?}", code.first());
    let exceptions = with(&["exceptions"]);
    assert!(
        exceptions.iter().any(|l| l.contains("-- TIM14 is taken")) && exceptions.iter().all(|l| l.contains(" -- "))
    );
    let micros = |line: &str| line.split_whitespace().next().unwrap().parse::<f64>().unwrap();
    let returns: Vec<_> = exceptions.iter().filter(|l| l.contains("-- the handler returns")).collect();
    assert!(!returns.is_empty() && returns.iter().all(|l| l.contains(", lr=") && l.contains(", xpsr=")), "{returns:?}");
    let window = with(&["1ms-1100us", "2ms-2100us"]);
    assert!(window.iter().all(|l| (1000.0..1100.0).contains(&micros(l)) || (2000.0..2100.0).contains(&micros(l))));
    assert!([1000.0, 2000.0].iter().all(|from| window.iter().any(|l| micros(l) < from + 2.0 && micros(l) >= *from)));
}

#[test]
fn a_trace_ends_with_what_it_has_and_lacks() {
    let end = |words: &[&str], most| {
        let text = trace::text(&full(Options { record: steps(words, most), ..options(20) }));
        (lines(&text).len(), text.lines().last().unwrap().to_owned())
    };
    let (count, last) = end(&[], 500);
    assert!((500..=532).contains(&count), "{count}");
    assert!(last.starts_with("# cut off after 5") && last.contains("--trace-lines allows more"), "{last}");
    assert!(end(&["USART1", "stores"], 500).1.starts_with("# nothing of what was asked for, in "));
    assert!(end(&["RCC", "stores"], 500).1.starts_with("# the end, "));
    // Power-ups have equal shares.
    let verdict = full(Options { power_ups: PowerUp::usual(), record: steps(&[], 400), ..options(20) });
    assert!(verdict.recordings.iter().all(|r| r.cut_off && (100..=132).contains(&r.records.len())));
    assert!(verdict.recordings.iter().all(|r| matches!(r.records[0].what, What::Reset { .. })));
}

/// Changes of each variable, as `scope.name`: time in ns, and value as text.
type Changes = BTreeMap<String, Vec<(u64, String)>>;

/// Reads a dump with a parser that others wrote.
fn read(bytes: &[u8]) -> Changes {
    let mut parser = Parser::new(bytes);
    let header = parser.parse_header().unwrap();
    assert_eq!(header.timescale, Some((1, vcd::TimescaleUnit::NS)));
    let mut names = BTreeMap::new();
    for scope in header.items.iter().filter_map(|i| if let vcd::ScopeItem::Scope(s) = i { Some(s) } else { None }) {
        for item in &scope.items {
            let vcd::ScopeItem::Var(var) = item else { panic!("{item:?}") };
            names.insert(var.code, format!("{}.{}", scope.identifier, var.reference));
        }
    }
    let (mut changes, mut now) = (Changes::new(), 0);
    let level = |v: Value| v.to_string();
    for command in parser {
        match command.unwrap() {
            Change::Timestamp(time) => {
                assert!(time >= now);
                now = time;
            }
            Change::ChangeScalar(code, v) => changes.entry(names[&code].clone()).or_default().push((now, level(v))),
            Change::ChangeReal(code, v) => changes.entry(names[&code].clone()).or_default().push((now, v.to_string())),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        changes.keys().collect::<Vec<_>>(),
        names.values().collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    );
    changes
}

#[test]
fn a_dump_shows_wire_pins_clock_reset_and_jump() {
    let mut power_ups: Vec<PowerUp> = vec![PowerUp::with("high,low@5ms".parse().unwrap())];
    power_ups.push(PowerUp { reset: AfterPowerOn::SoftwareReset, ..PowerUp::decisive() });
    let record = Wish { steps: None, lines: true };
    let options = || Options { power_ups: power_ups.clone(), record: record.clone(), ..options(20) };
    let verdict = full(options());
    let bytes = dump::dump(&verdict).unwrap();
    assert_eq!(bytes, dump::dump(&full(options())).unwrap(), "the same every time");
    let changes = read(&bytes);
    let of = |name: &str| changes[name].iter().map(|(t, v)| (*t, v.as_str())).collect::<Vec<_>>();
    let first = "power_up_1_signal_high_low_at_5_ms";
    assert_eq!(of(&format!("{first}.wire")), [(0, "1"), (5_000_000, "0")]);
    // The pin follows its wire to the nanosecond, while the code only polls.
    let pin = of(&format!("{first}.PB4"));
    assert!(pin.contains(&(5_000_000, "0")), "{pin:?}");
    let clock = of(&format!("{first}.hclk_mhz"));
    assert_eq!((clock[0], clock[1].1), ((0, "8"), "48"), "{clock:?}");
    let jump = verdict.runs[0].jump.unwrap().time_us;
    assert_eq!(of(&format!("{first}.in_app")), [(0, "0"), (jump.0 / 1_000, "1")]);
    // The app's own pin changes with each pass of its main loop.
    let pass = of(&format!("{first}.PB3"));
    assert!(pass.len() > 20, "{pass:?}");
    assert!(of(&format!("{first}.PB3_driven")).last().unwrap().1 == "1");
    let second = "power_up_2_signal_low_software_reset";
    let resets = of(&format!("{second}.reset"));
    assert_eq!(resets, [(0, "1"), (1_000, "0")], "power-on and the software reset are of one instant");
    for (name, changes) in &changes {
        let twice = changes.windows(2).find(|w| w[0].0 == w[1].0 || w[0].1 == w[1].1);
        assert_eq!(twice, None, "{name}");
    }
}

#[test]
fn a_dump_shows_when_the_flash_is_busy() {
    // This bootloader rewrites the settings' page.
    let files = ["STANDIN_F051_BOOTLOADER_PA2_V8.bin", "STANDIN_DRYFLASH_F051_2.16.bin", "STANDIN_EEPROM_V2_1K.bin"];
    let roles = [Role::Bootloader, Role::App, Role::Eeprom];
    let files: Vec<_> = files.iter().map(|name| built(name)).zip(roles).collect();
    let verdict = judge_with(files, Options { record: Wish { steps: None, lines: true }, ..options(20) });
    let changes = read(&dump::dump(&verdict).unwrap());
    let busy = &changes["power_up_1_signal_low.flash_busy"];
    assert!(busy.windows(2).all(|w| w[0].1 != w[1].1 && w[0].0 <= w[1].0), "{busy:?}");
    let spans: Vec<u64> = busy[1..].chunks_exact(2).map(|w| w[1].0 - w[0].0).collect();
    // An erase of a page takes 20 to 40 ms, a half-word 40 to 60 us (datasheet of the F051, table 47).
    assert!(spans.iter().any(|ns| (20_000_000..=40_000_000).contains(ns)), "{spans:?}");
    assert!(spans.iter().filter(|ns| (40_000..=60_000).contains(*ns)).count() > 20, "{spans:?}");
}

fn dryflash(words: &[&str]) -> (String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_dryflash"))
        .args(words)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/firmware/built"))
        .output()
        .unwrap();
    (String::from_utf8_lossy(&output.stderr).into_owned(), output.status.code())
}

#[test]
fn outputs_are_written_whole_and_only_where_they_may_be() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (text, waves) = (path("a.trace"), path("a.vcd"));
    let short = ["check", FULL, "--signal", "low", "--app-for", "0"];
    let with = |more: &[&str]| dryflash(&[&short[..], more].concat());
    assert_eq!(with(&["--trace", &text, "--vcd", &waves, "--trace-only", "RCC"]).1, Some(0));
    let before = std::fs::read(&text).unwrap();
    read(&std::fs::read(&waves).unwrap());
    assert!(before.starts_with(b"# dryflash trace"));
    for (words, says) in [
        (&["--trace", &text][..], "exists; --force replaces it"),
        (&["--vcd", &waves], "exists; --force replaces it"),
        (&["--trace", FULL, "--force"], "is used as it is"),
        (&["--trace", &text, "--vcd", &text, "--force"], "is used as it is"),
        (&["--trace", &path("no/a.trace")], "there is no folder"),
        (&["--trace", &path("b"), "--trace-only", "NOSUCH"], "the F051 has no block NOSUCH; it has "),
        (&["--trace", &path("b"), "--trace-only", "10ms-9ms"], "is not after"),
        (&["--trace-only", "stores"], "--trace"),
        (&["--trace", &path("b"), "--trace-lines", "0"], "0 is not in"),
    ] {
        let (error, code) = with(words);
        assert_eq!((code, error.contains(says)), (Some(2), true), "{words:?}: {error}");
    }
    assert_eq!(std::fs::read(&text).unwrap(), before);
    assert!(!dir.path().join("b").exists());
    assert_eq!(with(&["--trace", &text, "--force", "--trace-lines", "10"]).1, Some(0));
    assert!(std::fs::read_to_string(&text).unwrap().contains("# cut off after 1"));
}
