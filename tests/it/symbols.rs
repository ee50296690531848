//! Places told by function, file and line; what ran last before a fault; builds for another core.

use crate::support::apps::{IWDG, built, by_interrupts, judge_with, options, spin, watch};
use crate::support::asm::{b, label, poke};
use dryflash::am32::{Id, Role, Severity};
use dryflash::cpu::hybrid::Engine;
use dryflash::esc::{BootRun, Ending, Options, Verdict};
use dryflash::image::{Image, write};
use dryflash::report::{self, Render, Subject};
use std::process::Command;

const FAULTY: &str = "STANDIN_DRYFLASH_FAULTY_F051_2.20.elf";
const CORTEX_M4: &str = "STANDIN_DRYFLASH_CORTEX_M4_F051_2.20.elf";
const BOOTLOADER: &str = "STANDIN_F051_BOOTLOADER_PB4_V14.bin";
const SETTINGS: &str = "STANDIN_EEPROM_V2_1K.bin";

fn judge(app: Image, options: Options) -> Verdict {
    let files = vec![(built(BOOTLOADER), Role::Bootloader), (app, Role::App), (built(SETTINGS), Role::Eeprom)];
    judge_with(files, options)
}

/// The line of the faulty app's source that holds `text`.
fn line(text: &str) -> usize {
    let source = include_str!("../../firmware/src/faulty/main.c");
    source.lines().position(|l| l.contains(text)).unwrap() + 1
}

fn only(verdict: &Verdict) -> &BootRun {
    let [run] = verdict.runs.as_slice() else { panic!("{} runs", verdict.runs.len()) };
    run
}

fn message(verdict: &Verdict, id: Id) -> &str {
    verdict.findings.iter().find(|f| f.id == id).map_or("", |f| f.message.as_str())
}

#[test]
fn a_handler_that_does_not_get_further_is_told_with_its_exception() {
    let stuck = vec![label("stuck"), b("stuck")];
    // Without a watchdog it hangs; with one it is reset.
    for thread in [vec![spin()], vec![poke(IWDG, 0xCCCC), spin()]] {
        let seen = watch(&by_interrupts(thread, stuck.clone()));
        let run = only(&seen.verdict);
        let handling = run.handling.as_ref().unwrap_or_else(|| panic!("{:?}", run.ending));
        assert_eq!((handling.to_string().as_str(), handling.pc), ("TIM6 (interrupt 17)", seen.labels["stuck"]));
        let text = seen.verdict.text(report::Style::default());
        assert!(text.contains("in the handler of TIM6 (interrupt 17)"), "{text}");
        let page = report::html::page(&Subject::Check(&seen.verdict)).unwrap();
        assert!(page.contains("in the handler of TIM6 (interrupt 17)"), "{page}");
    }
    let seen = watch(&by_interrupts(vec![spin()], vec![]));
    assert_eq!(only(&seen.verdict).handling, None, "{:?}", only(&seen.verdict).ending);
}

#[test]
fn a_fault_is_told_with_its_place_its_caller_and_what_ran_before() {
    let verdict = judge(built(FAULTY), options(200));
    let run = only(&verdict);
    let Ending::AppFault { pc, .. } = run.ending else { panic!("{:?}", run.ending) };
    let here = format!("PC 0x{pc:08X} (store in bad_write, main.c:{})", line("REG32(address) = value"));
    assert!(message(&verdict, Id::RUN_APP_FAULT).contains(&here), "{}", message(&verdict, Id::RUN_APP_FAULT));
    let last = run.last.as_ref().unwrap();
    let texts: Vec<&str> = last.instructions.iter().map(|i| i.text.as_str()).collect();
    let call = format!("bl 0x{:08X}", pc - 4);
    assert_eq!(texts[3..], ["movs r0, r4", &call, "movs r3, 0xc0", "lsls r3, r3, 0x17", "str r0, [r3]"], "{texts:?}");
    assert_eq!(last.instructions.last().unwrap().pc, pc);
    let caller = last.caller(&verdict.symbols).unwrap();
    assert_eq!(caller.to_string(), format!("main, main.c:{}", line("bad_write(pass)")));
    assert!(verdict.places().iter().any(|(at, symbol)| *at == pc && symbol.function == "store"));
}

#[test]
fn the_second_run_changes_nothing() {
    let engines = Engine::BUILT.iter().map(|engine| judge(built(FAULTY), Options { engine: *engine, ..options(200) }));
    let told: Vec<_> = engines.map(|v| (v.runs.clone(), v.findings.clone())).collect();
    assert!(told.windows(2).all(|w| w[0] == w[1]), "{told:?}");
}

#[test]
fn without_an_elf_all_is_told_but_names() {
    let elf = built(FAULTY);
    let bytes = write::bin(&elf, 0xFF).unwrap();
    let plain = Image::parse("DRYFLASH_F051_2.20.bin", &bytes, Some(elf.start())).unwrap();
    let (named, plain) = (judge(elf, options(200)), judge(plain, options(200)));
    assert_eq!(only(&named).last, only(&plain).last);
    assert_eq!(plain.places(), []);
    let (with, without) = (message(&named, Id::RUN_APP_FAULT), message(&plain, Id::RUN_APP_FAULT));
    let name = format!(" (store in bad_write, main.c:{})", line("REG32(address) = value"));
    assert_eq!(with.replace(&name, ""), without);
    assert_ne!(with, without);
}

#[test]
fn a_build_for_another_core_is_told_by_its_attributes() {
    let verdict = judge(built(CORTEX_M4), options(200));
    let told = message(&verdict, Id::OTHER_CORE);
    assert!(told.contains("compiled for ARMv7E-M; the F051's Cortex-M0 executes ARMv6-M only"), "{told}");
    // The fault is evidence of it, and no finding of its own.
    assert!(told.contains("the app faulted at PC 0x"), "{told}");
    let errors: Vec<Id> = verdict.findings.iter().filter(|f| f.severity == Severity::Error).map(|f| f.id).collect();
    assert_eq!(errors, [Id::OTHER_CORE]);
    for own in [FAULTY, "STANDIN_DRYFLASH_F051_2.20.elf"] {
        assert_eq!(message(&judge(built(own), options(200)), Id::OTHER_CORE), "", "{own}");
    }
}

fn dryflash(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_dryflash"))
        .args(words)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/firmware/built"))
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Text without its line ends and indents.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn reports_name_places() {
    let text = flat(&dryflash(&["check", BOOTLOADER, FAULTY, SETTINGS, "--signal", "low"]));
    let caller = format!("called from main, main.c:{} (LR 0x0800", line("bad_write(pass)"));
    assert!(text.contains(&caller) && text.contains("the last instructions: 0x0800"), "{text}");
    assert_eq!(text.matches("(store in bad_write, main.c:").count(), 2, "{text}");
    // And on the page to show.
    let dir = tempfile::tempdir().unwrap();
    let page = dir.path().join("a.html");
    dryflash(&["check", BOOTLOADER, FAULTY, SETTINGS, "--signal", "low", "--html", page.to_str().unwrap()]);
    let told = std::fs::read_to_string(&page).unwrap();
    assert!(told.contains("(store in bad_write, main.c:") && told.contains("called from main, main.c:"), "{told}");
    // In a scenario, too.
    let dir = tempfile::tempdir().unwrap();
    let scenario = dir.path().join("a.toml");
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/firmware/built");
    let program = |file: &str| format!("[[step]]\nprogram = '{built}/{file}'\n");
    let steps = [BOOTLOADER, FAULTY, SETTINGS].map(program).concat();
    let head = "about = 'a fault'\npart = 'F051'\n";
    let boot = "[[step]]\nboot = 'low'\n[[step]]\nexpect = { starts = true }\n";
    std::fs::write(&scenario, format!("{head}{steps}{boot}")).unwrap();
    let told = flat(&dryflash(&["run", scenario.to_str().unwrap()]));
    assert!(told.contains("(store in bad_write, main.c:"), "{told}");
    // As the page about it shows.
    let page = include_str!("../../docs/trace.md").split("```").nth(1).unwrap();
    for line in page.lines().filter(|l| !l.is_empty()) {
        assert!(text.contains(line), "docs/trace.md: {line}: {text}");
    }
    #[cfg(target_os = "linux")]
    {
        let words = ["with", BOOTLOADER, FAULTY, SETTINGS, "--boot", "--", "true"];
        let text = flat(&dryflash(&words));
        assert!(text.contains("(store in bad_write, main.c:"), "{text}");
        // What is not in the flash any more is not told of.
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("s.sh");
        std::fs::write(&script, "st-flash write STANDIN_DRYFLASH_F051_2.20.bin 0x08001000\n").unwrap();
        let text =
            flat(&dryflash(&["replay", script.to_str().unwrap(), BOOTLOADER, FAULTY, SETTINGS, "--boot", "--verbose"]));
        assert!(text.contains("main loop at PC 0x0800") && !text.contains("main.c"), "{text}");
    }
}
