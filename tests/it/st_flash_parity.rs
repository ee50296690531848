//! `dryflash st-flash` beside the real st-flash, 1.7.0 and 1.8.0: the same ESC, the same line, the same commands to the
//! probe. 1.8.0 where `DRYFLASH_STFLASH_18` says where it is, or where it is the one that is installed.
//!
//! Nothing recorded from the real one is kept: it carries its own loader.

use crate::support::clients::{APP, BENCHES, Bench, FLASH, built};
use crate::support::st_flash::{Esc, Ran, hex};
use crate::support::stlink::{Tools, tools};
use dryflash::flash::Factory;
use dryflash::probe::recording::{Exchange, Recording, hex as digits};
use dryflash::probe::st_flash::Version;

/// What is sent: the command and its data, as one line. The loader's bytes are each one's own; how often the core was
/// looked at until the loader ended depends on them, and where st-flash gives up it does so by the clock.
fn sent(version: Version, exchanges: &[Exchange]) -> Vec<String> {
    let loader = match version {
        Version::V1_7 => "f208000000204c00",
        Version::V1_8 => "f208000000203800",
    };
    let mut lines: Vec<String> = Vec::new();
    for (at, exchange) in exchanges.iter().enumerate() {
        let command = digits(&exchange.command);
        let is_loader = command.starts_with(loader);
        let data = if is_loader { "the loader".to_owned() } else { digits(&exchange.data) };
        let mut line = format!("{command} {data}");
        // What 1.8 makes PC where it could not be read is whatever stood on st-flash's own stack.
        let failed = |e: &Exchange| e.command.starts_with(&[0xF2, 0x36]) && e.reply.first() != Some(&0x80);
        if version == Version::V1_8 && line.starts_with("f2340f") && exchanges[..at].last().is_some_and(failed) {
            line = "f2340f, anything".to_owned();
        }
        // DHCSR, and DFSR by turns with it.
        let is_look = |line: &str| line.starts_with("f236f0ed00e0") || line.starts_with("f23630ed00e0");
        let before = lines.iter().rev().take(2).take_while(|l| is_look(l)).any(|l| *l == line);
        // Under reset 1.8 halts the core as often as it can in 10 ms.
        let halts = version == Version::V1_8 && line.starts_with("f235f0ed00e003005fa0") && lines.last() == Some(&line);
        if !(is_look(&line) && before || halts) {
            lines.push(line);
        }
    }
    lines
}

/// One line, by both, on equal ESCs.
fn same(tools: &Tools, bench: Bench, factory: Option<fn(Factory) -> Factory>, files: &[(&str, &[u8])], line: &[&str]) {
    let version = tools.version.number();
    let about = format!("{}: st-flash {version} {}", bench.part, line.join(" "));
    let (real, ours) = (Esc::new(bench), Esc::new(bench));
    for esc in [&real, &ours] {
        if let Some(with) = factory {
            bench.factory(&esc.state(), with);
        }
        for (name, bytes) in files {
            esc.write(name, bytes);
        }
    }
    // What is dryflash's own stands before the line's other words.
    let (v3, line) = match line {
        ["--v3", rest @ ..] => (&["--v3"][..], rest),
        line => (&[][..], line),
    };
    let esc = [&["--part", bench.part, "--state", "esc.json", "--record", "session.jsonl"], v3].concat();
    let mut with = real.dryflash(&["with"]);
    with.env("PATH", &tools.path);
    let theirs: Ran = with.args(&esc).args(["--", "st-flash"]).args(line).output().expect("dryflash starts").into();
    let mut own = ours.dryflash(&["st-flash"]);
    let own: Ran = own.args(&esc).args(["--as", version]).args(line).output().expect("dryflash starts").into();
    assert_eq!(theirs.code, own.code, "{about}\n{theirs:?}\n{own:?}");
    let recorded = |esc: &Esc| {
        let bytes = std::fs::read(esc.path("session.jsonl")).unwrap_or_default();
        Recording::from_jsonl(&bytes)
            .map(|r| r.exchanges().into_iter().cloned().collect::<Vec<_>>())
            .unwrap_or_default()
    };
    let (a, b) = (sent(tools.version, &recorded(&real)), sent(tools.version, &recorded(&ours)));
    assert!(!a.is_empty(), "{about}\n{theirs:?}");
    let at = a.iter().zip(&b).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len()));
    let told = |lines: &[String]| lines[at.saturating_sub(3)..(at + 3).min(lines.len())].join("\n");
    assert!(a == b, "{about}\ncommand {at}\n{}\nbut here\n{}\n{own:?}", told(&a), told(&b));
    let read = |esc: &Esc, name: &str| std::fs::read(esc.path(name)).ok();
    // Flash, marks, option bytes and wear.
    assert!(read(&real, "esc.json") == read(&ours, "esc.json"), "{about}: the ESCs differ\n{own:?}");
    for name in ["out.bin", "out.hex"] {
        assert!(read(&real, name) == read(&ours, name), "{about}: {name} differs\n{own:?}");
    }
}

/// Every part with each st-flash that is there.
fn every_bench() -> Vec<(Tools, Bench)> {
    tools().into_iter().flat_map(|tools| BENCHES.map(|bench| (tools.clone(), bench))).collect()
}

fn whole(factory: Factory) -> Factory {
    factory
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 + n / 251 + 3) as u8).collect()
}

#[test]
fn writing() {
    for (tools, bench) in every_bench() {
        let page = bench.sector as usize;
        let base = hex(FLASH);
        let bootloader = built(bench.bootloader);
        same(&tools, bench, None, &[], &["--format=binary", "write", bootloader.to_str().unwrap(), &base]);
        for length in [1, 2, 3, 4, 5, 6, 12, page - 1, page, page + 2, 2 * page + 13] {
            let bytes = pattern(length);
            same(&tools, bench, Some(whole), &[("f.bin", &bytes)], &["--reset", "write", "f.bin", &hex(APP)]);
        }
        let mut blank_end = pattern(10);
        blank_end.resize(page, 0xFF);
        let all_blank = vec![0xFF; 64];
        same(&tools, bench, Some(whole), &[("f.bin", &blank_end)], &["--opt", "write", "f.bin", &base]);
        same(&tools, bench, Some(whole), &[("f.bin", &all_blank)], &["--opt", "write", "f.bin", &base]);
        let odd = pattern(7);
        same(&tools, bench, Some(whole), &[("f.bin", &odd)], &["write", "f.bin", "0x08001102"]);
        same(&tools, bench, None, &[("f.bin", &pattern(1030))], &["write", "f.bin", "0x20000100"]);
        same(&tools, bench, None, &[("f.bin", &odd)], &["--connect-under-reset", "write", "f.bin", &base]);
        same(&tools, bench, None, &[("f.bin", &odd)], &["--hot-plug", "--freq=4M", "write", "f.bin", &base]);
    }
}

#[test]
fn a_v3_is_spoken_to_as_st_flash_does() {
    for tools in tools() {
        for frequency in ["--freq=0", "--freq=200", "--freq=2M", "--freq=100M"] {
            let line = ["--v3", frequency, "--serial=066DFF494857808667123456", "reset"];
            same(&tools, BENCHES[1], Some(whole), &[], &line);
        }
        for frequency in ["1", "10", "20", "300k", "1M", "1800", "3M"] {
            same(&tools, BENCHES[2], Some(whole), &[], &["--freq", frequency, "reset"]);
        }
    }
}

#[test]
fn command_lines_that_st_flash_does_not_take() {
    let esc = Esc::new(BENCHES[1]);
    let lines = [
        "",
        "--help",
        "--format=hex erase",
        "--area=flash erase",
        "--mass-erase",
        "--flash 128k erase",
        "--flash=12z erase",
        "--debug=1 erase",
        "--freq=fast erase",
        "--freq",
        "flash f.bin",
        "write write 0x08000000",
        "reset erase",
        "write f.bin",
        "write f.bin 0x08000000 64",
        "--format=ihex write f.hex 0x08000000",
        "write f.bin 08000000",
        "write f.bin 8000c00",
        "write f.bin 0x0800000000",
        "write f.bin 0x08g0",
        "write f.bin -1",
        "read d.bin 0x08000000",
        "read d.bin 0x08000000 4T",
        "read d.bin 0 99999999999999999999",
        "erase 0x08000000",
        "--area=otp read",
        "--area=option write",
        "--area=option write f.bin 0x08000000",
        "--area=optcr read x",
        "--area=option read a 1 2",
    ];
    for tools in tools() {
        let version = tools.version.number();
        // 1.7 takes neither, as 1.8 does.
        let newer: &[&str] =
            if tools.version == Version::V1_7 { &["erase 0x08000000 1024", "--area=otp read d.bin"] } else { &[] };
        for line in lines.iter().chain(newer) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let mut with = esc.dryflash(&["with", "--part", "F051", "--", "st-flash"]);
            let theirs: Ran = with.args(&words).env("PATH", &tools.path).output().expect("dryflash starts").into();
            assert!(theirs.out.contains("invalid command line"), "{version} {line}: {theirs:?}");
            assert_eq!(theirs.code, 255, "{version} {line}: {theirs:?}");
            if *line != "--help" {
                let ran = esc.try_st_flash(&[&["--as", version], &words[..]].concat());
                assert!(ran.code == 255 && ran.err.starts_with("dryflash: "), "{version} {line}: {ran:?}");
            }
        }
    }
}

#[test]
fn intel_hex() {
    let hex = built("STANDIN_DRYFLASH_F051_2.20.hex");
    for tools in tools() {
        same(&tools, BENCHES[1], Some(whole), &[], &["--format=ihex", "write", hex.to_str().unwrap()]);
    }
    let gap = b":020000040800F2\n:040000001122334452\n:05030000AABBCCDDEE FC\n:00000001FF\n";
    let gap: Vec<u8> = gap.iter().copied().filter(|b| *b != b' ').collect();
    let twice = b":020000040800F2\n:02000000AABB99\n:02000000AACC88\n:00000001FF\n:02000400AABB95\n";
    let cut = b":020000040800F2\n:02000000AABB99\n";
    let one = b":020000040800F2\n:01000000AA55\n:00000001FF\n";
    let elsewhere = b":020000040900F1\n:02000000AABB99\n:00000001FF\n";
    let sram = b":020000042000DA\n:060100001122334455660094\n:00000001FF\n";
    for (tools, bench) in every_bench() {
        for text in [&gap[..], twice, cut, one, elsewhere, sram, b"hello\n", b""] {
            same(&tools, bench, Some(whole), &[("f.hex", text)], &["--format=ihex", "write", "f.hex"]);
        }
    }
}

#[test]
fn reading() {
    for (tools, bench) in every_bench() {
        let base = hex(FLASH);
        let size = format!("0x{:x}", bench.size());
        for line in [
            &["read", "out.bin", base.as_str(), size.as_str()][..],
            &["read", "out.bin", &base, "0"],
            &["read", "out.bin", &base, "5"],
            &["read", "out.bin", &base, "1M"],
            &["read", "out.bin", "0x20000000", "0x100"],
            &["--area=system", "read", "out.bin", "0x1ffff7ac", "12"],
            &["read", "out.bin", "0x08000002", "16"],
            &["--format=ihex", "read", "out.hex", &base, &size],
            &["--format=ihex", "read", "out.hex", "0x08000104", "41"],
            &["--area=option", "read", "out.bin"],
            &["--area=option", "read"],
            &["--area=option_boot_add", "read"],
        ] {
            same(&tools, bench, Some(whole), &[], line);
        }
    }
}

#[test]
fn erase_reset_and_option_bytes() {
    for (tools, bench) in every_bench() {
        for line in [
            &["erase"][..],
            &["--connect-under-reset", "erase"],
            &["--reset", "erase"],
            &["reset"],
            &["--connect-under-reset", "--reset", "reset"],
            &["--area=option", "write", "0xfeffeaaa"],
            &["--area=option", "write", "0"],
            &["--area=optcr", "write", "1"],
            &["--area=optcr1", "write", "1"],
            &["--area=option_boot_add", "write", "1"],
            &["--flash=16k", "read", "out.bin", "0x08000000", "0"],
        ] {
            same(&tools, bench, Some(whole), &[], line);
        }
        same(&tools, bench, Some(whole), &[("f.bin", &[0xBB, 0xFE, 0xFF, 0xFF])], &["write", "f.bin", "0x1fff7800"]);
    }
}

/// What 1.7 has not: ranges to erase, the F0's option bytes, an OTP area to fail at.
#[test]
fn what_1_8_has_more() {
    for (tools, bench) in every_bench().into_iter().filter(|(tools, _)| tools.version == Version::V1_8) {
        let page = bench.sector;
        let size = |bytes: u32| format!("{bytes:#x}");
        let erase = |address: u32, bytes: u32| vec!["erase".to_owned(), hex(address), size(bytes)];
        let past_end = FLASH + bench.size();
        let lines = [
            erase(APP, page),
            erase(APP, 2 * page),
            erase(APP, page + page / 2),
            erase(APP, 2),
            erase(APP + 2, page),
            erase(FLASH, bench.size()),
            erase(past_end - page, page),
            erase(past_end - page, 2 * page),
            erase(past_end, page),
            erase(0, 0),
        ];
        for line in lines {
            let line: Vec<&str> = line.iter().map(String::as_str).collect();
            same(&tools, bench, Some(whole), &[], &line);
        }
        // Level 1 and user data; a hardware watchdog; a value with reserved bits; 0.
        for value in ["0xff5affff", "0xffa5fffd", "0xfffffefd", "0x1234567d", "0"] {
            same(&tools, bench, Some(whole), &[], &["--area=optcr", "write", value]);
        }
        let bytes = [0xAA, 0x55, 0xFE, 0x01, 0x5A, 0xA5, 0x00, 0xFF, 0xFF, 0x00, 0xFF, 0x00, 0xFF, 0x00, 0xFF, 0x00];
        for length in [16, 14, 12, 11, 10, 4] {
            same(&tools, bench, Some(whole), &[("o.bin", &bytes[..length])], &["write", "o.bin", "0x1ffff800"]);
        }
        same(&tools, bench, Some(whole), &[("o.bin", &[0xFF; 20])], &["write", "o.bin", "0x1ffff800"]);
        same(&tools, bench, Some(whole), &[("o.bin", &bytes)], &["write", "o.bin", "0x1ffff802"]);
        let locked: fn(Factory) -> Factory = |f| f.rdp(1).unwrap();
        same(&tools, bench, Some(locked), &[], &["--area=optcr", "write", "0xfffffffd"]);
        for line in [
            &["--area=optcr", "read"][..],
            &["--area=optcr1", "read"],
            &["--area=otp", "read", "out.bin"],
            &["--area=option", "read", "out.bin", "8"],
            &["--reset", "--area=option", "read"],
        ] {
            same(&tools, bench, Some(whole), &[], line);
        }
        same(&tools, bench, Some(whole), &[("f.bin", &pattern(64))], &["--area=otp", "write", "f.bin", &hex(APP)]);
        same(&tools, bench, Some(whole), &[("f.bin", &pattern(64))], &["--area=otp", "write", "f.bin", "0x1fff7000"]);
    }
}

#[test]
fn protection_and_what_is_refused() {
    for (tools, bench) in every_bench() {
        let (base, bytes) = (hex(FLASH), pattern(64));
        let files: &[(&str, &[u8])] = &[("f.bin", &bytes), ("empty.bin", &[])];
        let level1: fn(Factory) -> Factory = |f| f.rdp(1).unwrap();
        let level2: fn(Factory) -> Factory = |f| f.rdp(2).unwrap();
        let protected: fn(Factory) -> Factory = |f| f.wrp(0, 3).unwrap();
        for factory in [level1, level2, protected] {
            for line in [
                &["write", "f.bin", base.as_str()][..],
                &["erase"],
                &["read", "out.bin", base.as_str(), "64"],
                &["--connect-under-reset", "write", "f.bin", base.as_str()],
                &["--area=option", "write", "0xfffffeaa"],
            ] {
                same(&tools, bench, Some(factory), files, line);
            }
        }
        let past_end = hex(FLASH + bench.size() - 32);
        for address in [past_end.as_str(), "0x08000001", "0x08000102", "0x20000002", "0x0800000", "0x60000000"] {
            same(&tools, bench, Some(whole), files, &["write", "f.bin", address]);
        }
        same(&tools, bench, None, files, &["write", "none.bin", &base]);
        same(&tools, bench, None, files, &["write", "empty.bin", &base]);
    }
}

/// A script of several lines, each on what the one before has left, with the power on all the while.
#[test]
fn what_one_line_leaves_the_next_finds() {
    use dryflash::probe::st_flash::arguments::parse_as;
    use dryflash::probe::st_flash::{Host, Parsed, Script, run, run_script};
    use dryflash::probe::{Model, StLink};
    for (tools, bench) in every_bench() {
        let (real, ours) = (Esc::new(bench), Esc::new(bench));
        let (eeprom, at) = bench.eeprom;
        let write = |name: &str, address: u32| format!("write {} {}", built(name).display(), hex(address));
        let lines = [
            "erase".to_owned(),
            write(bench.bootloader, FLASH),
            "--connect-under-reset reset".to_owned(),
            write(bench.bootloader, FLASH),
            write(bench.app, APP),
            write(eeprom, at),
        ];
        let script: String = lines.iter().map(|line| format!("st-flash {line}\n")).collect();
        real.write("steps.sh", script.as_bytes());
        let mut with = real.dryflash(&["with", "--part", bench.part, "--state", "esc.json", "--", "sh", "steps.sh"]);
        let theirs: Ran = with.env("PATH", &tools.path).output().expect("dryflash starts").into();
        let mut chip = dryflash::chip::Chip::new(&dryflash::part::find(bench.part).unwrap(), 1).unwrap();
        chip.power_on();
        let mut probe = StLink::new(chip, Model::V2);
        let host = Host::default();
        let mut code = 0;
        if tools.version == Version::V1_7 {
            code = i32::from(run_script(&mut probe, &Script::parse(&script).unwrap(), &host, &mut ()).exit_code);
        } else {
            for line in &lines {
                let words: Vec<&str> = line.split(' ').collect();
                let Ok(Parsed::Run(arguments)) = parse_as(&words, tools.version) else { panic!("{line}") };
                code = run(&mut probe, &arguments, &host, &mut ()).map_or_else(|e| e.exit_code().into(), |_| 0);
            }
        }
        assert_eq!(code, theirs.code, "{}: {}\n{theirs:?}", bench.part, tools.version.number());
        dryflash::esc::StateFile::open(&ours.state()).unwrap().save(&probe.target.chip).unwrap();
        let read = |esc: &Esc| std::fs::read(esc.state()).unwrap();
        assert!(read(&real) == read(&ours), "{}: {}", bench.part, tools.version.number());
    }
}
