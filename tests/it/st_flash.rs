//! `dryflash st-flash`: st-flash's command lines without st-flash, on three parts.

use crate::support::clients::{APP, BENCHES, Bench, FLASH, built, starts};
use crate::support::st_flash::{Esc, Ran, first_difference, hex};
use dryflash::am32::Pin;
use dryflash::chip::Chip;
use dryflash::part;
use dryflash::periph::signal::{Drive, Signal};
use dryflash::probe::recording::Recording;
use dryflash::probe::st_flash::arguments::parse_as;
use dryflash::probe::st_flash::{self, Done, Host, Note, Parsed, Script, Version, Watch, run_script};
use dryflash::probe::{Model, StLink};

const F051: Bench = BENCHES[1];
const G071: Bench = BENCHES[2];

fn file(name: &str) -> String {
    built(name).to_str().unwrap().to_owned()
}

/// Bytes that repeat nowhere near a page.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 7 + n / 251 + 3) as u8).collect()
}

#[test]
fn the_wikis_three_lines_make_an_esc() {
    for bench in BENCHES {
        let esc = Esc::new(bench);
        let (eeprom, at) = bench.eeprom;
        let ran = esc.st_flash(&["--format=binary", "write", &file(bench.bootloader), &hex(FLASH)]);
        assert!(ran.out.contains("read it back: equal"), "{ran:?}");
        esc.st_flash(&["--format", "binary", "write", &file(bench.app), &hex(APP)]);
        esc.st_flash(&["write", &file(eeprom), &hex(at)]);
        assert_eq!(first_difference(&esc.flash(), &bench.after_st_flash()), None, "{}", bench.part);
        assert!(starts(&esc.state()), "{}", bench.part);
    }
}

#[test]
fn an_app_as_hex_is_written_with_its_gaps() {
    let esc = Esc::new(F051);
    F051.factory(&esc.state(), |f| f);
    let before = esc.flash();
    let ran = esc.st_flash(&["--format=ihex", "write", &file("STANDIN_DRYFLASH_F051_2.20.hex")]);
    assert!(ran.err.contains("the hex has a gap of"), "{ran:?}");
    // The same bytes: nothing is lost, and the settings behind the app are not touched.
    assert!(!ran.err.contains("are erased that the file"), "{ran:?}");
    assert_eq!(first_difference(&esc.flash(), &before), None);
    assert!(starts(&esc.state()));

    // Two records with something else between them.
    let text = ":020000040800F2\n:040000001122334452\n:04030000AABBCCDDEB\n:00000001FF\n";
    esc.write("gap.hex", text.as_bytes());
    let ran = esc.st_flash(&["--format=ihex", "write", "gap.hex"]);
    assert!(ran.err.contains("a gap of 764 bytes at 0x08000004"), "{ran:?}");
    assert!(ran.err.contains("bytes from 0x08000004 on are erased that the file does not replace"), "{ran:?}");
    assert!(ran.err.contains("bytes from 0x08000305 on are erased that the file does not replace"), "{ran:?}");
    let flash = esc.flash();
    assert_eq!(flash[..4], [0x11, 0x22, 0x33, 0x44]);
    assert_eq!(flash[4..0x300], [0xFF; 0x2FC]);
    assert_eq!(flash[0x300..0x304], [0xAA, 0xBB, 0xCC, 0xDD]);
    assert_eq!(flash[0x400..], before[0x400..]);
}

#[test]
fn of_1_8_an_erase_has_a_range_and_ends_with_a_reset() {
    for bench in [F051, G071] {
        let esc = Esc::new(bench);
        bench.factory(&esc.state(), |f| f);
        let before = esc.flash();
        let (page, (eeprom, at)) = (bench.sector, bench.eeprom);
        let last = (at - FLASH) as usize;
        let ran = esc.st_flash(&["--as", "1.8", "erase", &hex(at), &page.to_string()]);
        assert!(ran.out.contains("erased 1 page of ") && ran.out.contains("reset the chip"), "{ran:?}");
        let after = esc.flash();
        assert_eq!(first_difference(&after[..last], &before[..last]), None, "{}", bench.part);
        assert!(after[last..last + page as usize].iter().all(|b| *b == 0xFF));
        // What does not fit is refused, and what is no whole page; 1.7 takes no range.
        for (words, told) in [
            (["erase", &hex(at + 2), "512"], "the start of a page"),
            (["erase", &hex(at), "1000"], "whole pages"),
            (["erase", &hex(at), "1M"], "beyond the flash"),
        ] {
            let ran = esc.try_st_flash(&[&["--as=1.8"], &words[..]].concat());
            assert!(ran.code == 255 && ran.err.contains(told), "{words:?} {ran:?}");
        }
        let ran = esc.try_st_flash(&["erase", &hex(at), &page.to_string()]);
        assert!(ran.code == 255 && ran.err.contains("--as 1.8"), "{ran:?}");
        let write = ["write", &file(eeprom), &hex(at)];
        esc.st_flash(&[&["--as", "1.8"], &write[..]].concat());
        assert_eq!(first_difference(&esc.flash(), &before), None, "{}", bench.part);
        let ran = esc.st_flash(&["--as", "1.8", "erase"]);
        assert!(ran.out.contains("reset the chip") && !ran.err.contains("mass erase bit"), "{ran:?}");
        assert!(esc.flash().iter().all(|b| *b == 0xFF));
        assert_eq!(esc.st_flash(&["--as", "1.8", "--version"]).out.trim(), "v1.8.0");
    }
}

/// The reset after an erase clears MER1, which a G0 would refuse the next write for, as it does with 1.7.
#[test]
fn of_1_8_a_g0_takes_a_write_after_an_erase_in_one_power_on() {
    let eeprom = file(G071.eeprom.0);
    for (version, takes) in [(Version::V1_7, false), (Version::V1_8, true)] {
        let esc = Esc::new(G071);
        G071.factory(&esc.state(), |f| f);
        let mut probe = StLink::new(G071.chip(&esc.state()), Model::V2);
        let mut run = |words: &[&str]| {
            let Ok(Parsed::Run(arguments)) = parse_as(words, version) else { panic!("{words:?}") };
            st_flash::run(&mut probe, &arguments, &Host::default(), &mut ())
        };
        run(&["erase"]).unwrap();
        let written = run(&["write", &eeprom, &hex(G071.eeprom.1)]);
        assert_eq!(written.is_ok(), takes, "{version:?}: {written:?}");
    }
}

#[test]
fn of_1_8_the_f0s_option_bytes_are_written_by_optcr() {
    let esc = Esc::new(F051);
    F051.factory(&esc.state(), |f| f);
    let before = esc.flash();
    let obr = esc.st_flash(&["--as", "1.8", "--area=optcr", "read"]).out;
    let obr = u32::from_str_radix(obr.lines().last().unwrap(), 16).unwrap();
    assert_eq!(obr & 0x2, 0, "no read protection: {obr:08x}");
    // Data0 is 5A; the watchdog is a hardware one.
    let wanted = obr & 0xFF00_FFFF & !(1 << 8) | 0x005A_0000;
    let ran = esc.st_flash(&["--as", "1.8", "--area=optcr", "write", &format!("{wanted:#x}")]);
    assert!(ran.out.contains("to the option bytes") && !ran.err.contains("exit code 0 all the same"), "{ran:?}");
    let flash = F051.chip(&esc.state());
    let words = flash.board.flash.option_bytes();
    let user = 0xFF & wanted >> 8;
    assert_eq!(words[0].1, 0x55AA | user << 16 | (0xFF ^ user) << 24, "{words:08x?}");
    assert_eq!(words[1].1 & 0xFFFF, 0xA55A, "{words:08x?}");
    let again = esc.st_flash(&["--as", "1.8", "--area=optcr", "read"]).out;
    assert_eq!(again.lines().last().unwrap(), format!("{wanted:08x}"));
    assert_eq!(first_difference(&esc.flash(), &before), None);
    // Level 1, and what it costs to come back.
    let ran = esc.st_flash(&["--as", "1.8", "--area=optcr", "write", &format!("{:#x}", wanted | 2)]);
    assert!(ran.err.contains("the read protection level was 0 and is 1"), "{ran:?}");
    // 1.7 does nothing, with exit code 0.
    let ran = Esc::new(F051).st_flash(&["--area=optcr", "write", "0x1"]);
    assert!(ran.err.contains("exit code 0 all the same"), "{ran:?}");
    // A file takes all of them at once, --area=option a word, which are too few.
    let ran = Esc::new(F051).try_st_flash(&["--as", "1.8", "--area=option", "write", "0xFFFF55AA"]);
    assert!(ran.code == 255 && ran.err.contains("all at once"), "{ran:?}");
}

#[test]
fn a_dump_makes_a_second_esc() {
    for bench in BENCHES {
        let first = Esc::new(bench);
        bench.factory(&first.state(), |f| f);
        let size = format!("{}k", bench.size() >> 10);
        first.st_flash(&["read", "dump.bin", &hex(FLASH), &size]);
        first.st_flash(&["--format=ihex", "read", "dump.hex", &hex(FLASH), "0"]);
        let dump = std::fs::read(first.path("dump.bin")).unwrap();
        assert_eq!(first_difference(&dump, &first.flash()), None, "{}", bench.part);
        let (second, third) = (Esc::new(bench), Esc::new(bench));
        second.st_flash(&["write", first.path("dump.bin").to_str().unwrap(), &hex(FLASH)]);
        third.st_flash(&["--format=ihex", "write", first.path("dump.hex").to_str().unwrap()]);
        for copy in [&second, &third] {
            assert_eq!(first_difference(&copy.flash(), &first.flash()), None, "{}", bench.part);
            assert!(starts(&copy.state()), "{}", bench.part);
        }
    }
}

#[test]
fn erase_leaves_nothing_and_the_f0_keeps_the_bit() {
    for bench in BENCHES {
        let esc = Esc::new(bench);
        bench.factory(&esc.state(), |f| f);
        let ran = esc.st_flash(&["erase"]);
        assert!(ran.out.contains("erased all of flash"), "{ran:?}");
        assert!(ran.err.contains("the mass erase bit"), "{}: {ran:?}", bench.part);
        assert!(esc.flash().iter().all(|b| *b == 0xFF), "{}", bench.part);
    }
}

/// After an erase MER stands until a reset; what a later write rests on is told. A script without an erase says nothing.
#[test]
fn a_mass_erase_bit_left_set_is_told() {
    let esc = Esc::new(F051);
    let (eeprom, at) = F051.eeprom;
    let write = |name: &str, at: u32| format!("st-flash write {} {}", file(name), hex(at));
    let replay = |lines: &str| {
        esc.write("steps.sh", lines.as_bytes());
        let ran: Ran = esc.dryflash(&["replay", "--part", "F051", "steps.sh"]).output().unwrap().into();
        ran.out.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let erased = replay("st-flash erase\n");
    assert!(erased.contains("note: the mass erase bit (MER) still stands in FLASH_CR"), "{erased}");
    assert!(!erased.contains("rests on choice"), "{erased}");
    let written = replay(&format!("st-flash erase\n{}\n", write(eeprom, at)));
    assert!(
        written.contains("note: rests on choice F36: STRT with PER and MER set: all of flash was erased"),
        "{written}"
    );
    assert!(!written.contains("still stands"), "the loader's CR = PG drops it: {written}");
    let plain = replay(&write(eeprom, at));
    assert!(!plain.contains("rests on choice") && !plain.contains("still stands"), "{plain}");
}

#[test]
fn connecting_under_reset_and_resetting_work() {
    for bench in BENCHES {
        let esc = Esc::new(bench);
        let ran = esc.st_flash(&["--connect-under-reset", "--reset", "write", &file(bench.full), &hex(FLASH)]);
        assert!(ran.out.contains("reset the chip"), "{ran:?}");
        assert!(starts(&esc.state()), "{}", bench.part);
        esc.st_flash(&["--hot-plug", "--freq=4M", "reset"]);
        esc.st_flash(&["--v3", "--connect-under-reset", "reset"]);
    }
}

#[test]
fn odd_lengths_and_neighbours() {
    for bench in BENCHES {
        let esc = Esc::new(bench);
        bench.factory(&esc.state(), |f| f);
        let before = esc.flash();
        let bytes = pattern(2 * bench.sector as usize + 13);
        esc.write("odd.bin", &bytes);
        // Behind the app, which runs whenever st-flash is done.
        let at = APP + 3 * bench.sector;
        let ran = esc.st_flash(&["write", "odd.bin", &hex(at)]);
        assert!(ran.err.contains("puts a 00 behind the data"), "{ran:?}");
        let after = esc.flash();
        let start = (at - FLASH) as usize;
        assert_eq!(after[start..start + bytes.len()], bytes, "{}", bench.part);
        let end = start + 3 * bench.sector as usize;
        let filled = start + if bench.is_g0() { bytes.len().next_multiple_of(8) } else { bytes.len() + 1 };
        assert!(after[start + bytes.len()..filled].iter().all(|b| *b == 0), "{}", bench.part);
        assert!(after[filled..end].iter().all(|b| *b == 0xFF), "{}", bench.part);
        assert_eq!(after[..start], before[..start], "{}", bench.part);
        assert_eq!(after[end..], before[end..], "{}", bench.part);

        // With an odd length, st-flash does not look where in a page the data begins.
        esc.write("seven.bin", &pattern(7));
        let inside = hex(at + 0x100);
        let ran = esc.st_flash(&["write", "seven.bin", &inside]);
        assert!(ran.err.contains("is not at the start of a page"), "{ran:?}");
        assert!(ran.err.contains(&format!("from 0x{at:08X} on are erased")), "{ran:?}");
        assert_eq!(esc.flash()[start..start + 0x100], [0xFF; 0x100], "{}", bench.part);
        esc.write("eight.bin", &pattern(8));
        let ran = esc.try_st_flash(&["write", "eight.bin", &inside]);
        assert!(ran.code == 255 && ran.err.contains("not at the start of a page"), "{ran:?}");
    }
}

#[test]
fn an_odd_number_of_words_gets_one_more_on_the_g0() {
    let esc = Esc::new(G071);
    esc.write("twelve.bin", &pattern(12));
    let ran = esc.st_flash(&["write", "twelve.bin", &hex(APP)]);
    assert!(ran.err.contains("a word of zeros at 0x0800100C"), "{ran:?}");
    let start = (APP - FLASH) as usize;
    assert_eq!(esc.flash()[start + 12..start + 20], [0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]);
}

#[test]
fn opt_leaves_the_blank_end_out() {
    for bench in BENCHES {
        let esc = Esc::new(bench);
        let mut bytes = pattern(16);
        bytes.resize(0x200, 0xFF);
        esc.write("mostly.bin", &bytes);
        let ran = esc.st_flash(&["--opt", "write", "mostly.bin", &hex(FLASH)]);
        assert!(ran.err.contains("the last 496 bytes") && ran.out.contains("wrote 16 bytes"), "{ran:?}");
        assert_eq!(esc.flash()[..0x200], bytes);
        esc.write("blank.bin", &[0xFF; 64]);
        let ran = esc.st_flash(&["--opt", "write", "blank.bin", &hex(FLASH)]);
        assert!(!ran.out.contains("wrote") && ran.err.contains("all of the file is FF"), "{ran:?}");
        assert!(esc.flash().iter().all(|b| *b == 0xFF), "{}", bench.part);
    }
}

#[test]
fn the_option_word_of_the_g0() {
    let esc = Esc::new(G071);
    G071.factory(&esc.state(), |f| f);
    let word = || G071.chip(&esc.state()).board.flash.option_bytes()[0].1;
    // nBOOT_SEL off: the pin decides again.
    let wanted = word() & !(1 << 24);
    esc.st_flash(&["--area=option", "write", &hex(wanted)]);
    assert_eq!(word(), wanted);
    let ran = esc.st_flash(&["--area=option", "read"]);
    assert_eq!(ran.out, format!("{wanted:08x}\n"));
    esc.st_flash(&["--area=option", "read", "word.bin"]);
    assert_eq!(std::fs::read(esc.path("word.bin")).unwrap(), wanted.to_le_bytes());

    // A file at the option area's address is taken as well; of another length it is refused.
    esc.write("level1.bin", &(wanted & !0xFF | 0xBB).to_le_bytes());
    esc.write("long.bin", &[0xAA; 8]);
    let ran = esc.try_st_flash(&["write", "long.bin", "0x1fff7800"]);
    assert!(ran.code == 255 && ran.err.contains("4 option bytes"), "{ran:?}");
    assert_eq!(word(), wanted);
    let ran = esc.st_flash(&["write", "level1.bin", "0x1fff7800"]);
    assert!(ran.err.contains("the read protection level was 0 and is 1"), "{ran:?}");

    // Down again: flash goes with it.
    let ran = esc.st_flash(&["--area=option", "write", &hex(wanted)]);
    assert!(ran.err.contains("was 1 and is 0; flash was erased by that"), "{ran:?}");
    assert!(esc.flash().iter().all(|b| *b == 0xFF));
}

#[test]
fn st_flash_has_no_option_bytes_of_the_f0() {
    let esc = Esc::new(F051);
    F051.factory(&esc.state(), |f| f);
    for arguments in [&["--area=option", "write", "0x00ff55aa"][..], &["--area=option", "read"]] {
        let ran = esc.try_st_flash(arguments);
        assert!(ran.code == 255 && ran.err.contains("currently not supported for connected chip"), "{ran:?}");
    }
    let ran = esc.st_flash(&["--connect-under-reset", "--area=option", "read", "options.bin", "0x10"]);
    assert!(ran.err.contains("knows no option bytes on this part"), "{ran:?}");
    assert_eq!(std::fs::read(esc.path("options.bin")).unwrap(), esc.flash()[..0x10]);
    let ran = esc.st_flash(&["--area=optcr", "write", "1"]);
    assert!(ran.err.contains("exit code 0 all the same"), "{ran:?}");
    let ran = esc.try_st_flash(&["--area=option_boot_add", "read"]);
    assert!(ran.code == 255 && ran.err.contains("no option_boot_add"), "{ran:?}");
}

#[test]
fn a_locked_chip_reads_as_zeros_and_it_is_said() {
    for bench in BENCHES {
        let esc = Esc::new(bench);
        bench.factory(&esc.state(), |f| f.rdp(1).unwrap());
        let before = esc.flash();
        let ran = esc.st_flash(&["read", "dump.bin", &hex(FLASH), "0x400"]);
        assert!(ran.err.contains("read protection level 1 is active"), "{}: {ran:?}", bench.part);
        assert!(std::fs::read(esc.path("dump.bin")).unwrap().iter().all(|b| *b == 0), "{}", bench.part);
        let ran = esc.try_st_flash(&["write", &file(bench.bootloader), &hex(FLASH)]);
        assert_eq!(ran.code, 255, "{}: {ran:?}", bench.part);
        assert!(ran.err.contains("no probe writes or erases flash"), "{}: {ran:?}", bench.part);
        assert_eq!(first_difference(&esc.flash(), &before), None, "{}", bench.part);
    }
}

#[test]
fn a_chip_locked_for_ever_does_not_answer() {
    let esc = Esc::new(F051);
    F051.factory(&esc.state(), |f| f.rdp(2).unwrap());
    for arguments in [&["erase"][..], &["--connect-under-reset", "erase"]] {
        let ran = esc.try_st_flash(arguments);
        assert!(ran.code == 255 && ran.err.contains("read protection level 2"), "{ran:?}");
    }
    assert!(starts(&esc.state()));
}

#[test]
fn a_write_protected_page_stays() {
    for bench in BENCHES {
        let esc = Esc::new(bench);
        let pages = if bench.is_g0() { 2 } else { 4 };
        bench.factory(&esc.state(), |f| f.wrp(0, pages - 1).unwrap());
        let before = esc.flash();
        let ran = esc.try_st_flash(&["write", &file(bench.eeprom.0), &hex(FLASH)]);
        assert!(ran.code == 255 && ran.err.contains("the page at 0x08000000 was not erased"), "{ran:?}");
        assert!(ran.err.contains("write-protected"), "{ran:?}");
        let ran = esc.try_st_flash(&["erase"]);
        assert!(ran.code == 255 && ran.err.contains("flash was not erased"), "{}: {ran:?}", bench.part);
        assert_eq!(first_difference(&esc.flash(), &before), None, "{}", bench.part);
    }
}

#[test]
fn sram_and_what_is_not_there() {
    for bench in BENCHES {
        let esc = Esc::new(bench);
        esc.write("code.bin", &pattern(1030));
        let ran = esc.st_flash(&["write", "code.bin", "0x20000100"]);
        assert!(ran.out.contains("in SRAM") && ran.out.contains("read it back: equal"), "{ran:?}");
        let told = |arguments: &[&str], code: i32, text: &str| {
            let ran = esc.try_st_flash(arguments);
            assert!(ran.code == code && ran.err.contains(text), "{}: {arguments:?}: {ran:?}", bench.part);
        };
        let too_high = hex(FLASH + bench.size() - bench.sector);
        told(&["write", "code.bin", "0x0800000"], 255, "a digit is missing: 0x08000000 may be meant");
        told(&["write", "code.bin", "0x80010000"], 255, "a digit is too much: 0x08001000 may be meant");
        told(&["write", "code.bin", "0x1000"], 255, "0x08001000 may be meant");
        told(&["write", "code.bin", "0x08080000"], 255, "is the file for another part?");
        told(&["write", "code.bin", "0x08000001"], 255, "an even address");
        told(&["write", "code.bin", "0x20000101"], 255, "a multiple of 4");
        told(&["write", "code.bin", "0x20000001"], 255, "a multiple of 4");
        told(&["write", "none.bin", "0x08000000"], 255, "none.bin: cannot be read");
        esc.write("empty.bin", &[]);
        told(&["write", "empty.bin", "0x08000000"], 255, "empty.bin: is empty");
        esc.write("large.bin", &pattern(bench.sector as usize + 1));
        told(&["write", "large.bin", &too_high], 255, "beyond the flash");
        told(&["--format=ihex", "write", "code.bin"], 255, "code.bin:1: does not begin with ':'");
        told(&["write", "code.bin", "08000000"], 255, "write 0x08000000");
        told(&["--part", "F999", "erase"], 2, "F999");
        assert!(esc.flash().iter().all(|b| *b == 0xFF), "{}", bench.part);
    }
}

#[test]
fn what_is_read_is_told_where_it_is_not_what_was_asked() {
    let esc = Esc::new(F051);
    F051.factory(&esc.state(), |f| f);
    let ran = esc.st_flash(&["read", "five.bin", &hex(FLASH), "5"]);
    assert!(ran.err.contains("its file has 8"), "{ran:?}");
    assert_eq!(std::fs::read(esc.path("five.bin")).unwrap(), esc.flash()[..8]);
    let ran = esc.st_flash(&["read", "more.bin", &hex(FLASH), "1M"]);
    assert!(ran.err.contains("never reads more than the size of flash, 32,768"), "{ran:?}");
    let ran = esc.st_flash(&["--flash=64k", "read", "none.bin", "0x08008000", "16"]);
    assert!(ran.err.contains("the chip has 32,768"), "{ran:?}");
    assert!(ran.err.contains("was refused by the chip"), "{ran:?}");

    // However large flash is said to be, nothing breaks.
    for (flash, address) in [("4095M", "0xfffffffe"), ("0xffffffff", "0x09000000"), ("1", "0x08000000")] {
        esc.write("four.bin", &[1, 2, 3, 4]);
        let ran = esc.try_st_flash(&[&format!("--flash={flash}"), "write", "four.bin", address]);
        assert!(ran.code == 255 && !ran.err.contains("bug"), "{ran:?}");
    }
    let ran = esc.try_st_flash(&["--flash=4095M", "read", "all.bin", "0x08000000", "0"]);
    assert!(ran.code == 2 && !esc.path("all.bin").exists(), "{ran:?}");

    // What is there is replaced only when that is asked for.
    esc.write("mine.bin", b"mine");
    let ran = esc.try_st_flash(&["read", "mine.bin", &hex(FLASH), "4"]);
    assert!(ran.code == 2 && ran.err.contains("only with --force"), "{ran:?}");
    assert_eq!(std::fs::read(esc.path("mine.bin")).unwrap(), b"mine");
    esc.st_flash(&["--force", "read", "mine.bin", &hex(FLASH), "4"]);
    assert_eq!(std::fs::read(esc.path("mine.bin")).unwrap(), esc.flash()[..4]);
}

#[test]
fn the_state_and_the_part_come_from_where_they_are_given() {
    let esc = Esc::new(F051);
    let app = file("STANDIN_DRYFLASH_F051_2.20.hex");
    let run = |arguments: &[&str], variables: &[(&str, &str)]| -> Ran {
        let mut dryflash = esc.dryflash(&["st-flash"]);
        dryflash.args(arguments).envs(variables.iter().copied()).output().expect("dryflash starts").into()
    };
    // The app tells its part.
    let ran = run(&["--format=ihex", "write", &app], &[]);
    assert!(ran.code == 0 && ran.err.contains("STM32F051K6"), "{ran:?}");
    assert!(ran.err.contains("forgotten afterwards"), "{ran:?}");
    // A bootloader does not.
    let ran = run(&["erase"], &[]);
    assert!(ran.code == 2 && ran.err.contains("say which part it is"), "{ran:?}");
    let ran = run(&["--format=ihex", "write", &app], &[("DRYFLASH_PART", "F051"), ("DRYFLASH_STATE", "kept.json")]);
    assert!(ran.code == 0 && ran.err.lines().all(|l| l.contains("gap")), "{ran:?}");
    let ran = run(&["reset"], &[("DRYFLASH_STATE", "kept.json")]);
    assert!(ran.code == 0 && esc.path("kept.json").exists(), "{ran:?}");
    let ran = run(&["--part=G071", "reset"], &[("DRYFLASH_STATE", "kept.json")]);
    assert!(ran.code == 2 && ran.err.contains("holds an STM32F051K6"), "{ran:?}");
    let ran = run(&["--version"], &[]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "v1.7.0\n"));
    let ran = run(&["--help"], &[]);
    assert!(ran.code == 0 && ran.out.contains("DRYFLASH_STATE"), "{ran:?}");
}

#[test]
fn what_is_recorded_replays() {
    for bench in [F051, G071] {
        let esc = Esc::new(bench);
        let ran: Ran = esc
            .dryflash(&["st-flash", "--part", bench.part, "--record", "session.jsonl"])
            .args(["--connect-under-reset", "write", &file(bench.bootloader), &hex(FLASH)])
            .output()
            .expect("dryflash starts")
            .into();
        assert_eq!(ran.code, 0, "{ran:?}");
        let recording = Recording::from_jsonl(&std::fs::read(esc.path("session.jsonl")).unwrap()).unwrap();
        assert!(recording.entries.len() > 100 && recording.flaws.is_empty());
        let ran: Ran = esc.dryflash(&["replay", "--strict", "session.jsonl"]).output().unwrap().into();
        assert_eq!(ran.code, 0, "{}: {ran:?}", bench.part);
    }
}

/// What a script did, for looking at.
#[derive(Default)]
struct Told(Vec<String>);

impl Watch for Told {
    fn said(&mut self, text: &str) {
        self.0.push(text.to_owned());
    }

    fn note(&mut self, note: &Note) {
        self.0.push(format!("note: {note}"));
    }
}

fn probe(bench: &Bench) -> StLink {
    let mut chip = Chip::new(&part::find(bench.part).unwrap(), 1).unwrap();
    // A bootloader that stays writes into the settings; between the lines there is time for that.
    for pin in Pin::SIGNAL {
        let (port, number) = pin.port_and_number();
        chip.drive(port, number, Signal::steady(Drive::Low));
    }
    chip.power_on();
    StLink::new(chip, Model::V2)
}

#[test]
fn a_script_runs_on_one_powered_chip() {
    for bench in BENCHES {
        let (eeprom, at) = bench.eeprom;
        // The mass erase leaves its bit behind: the F0 writes all the same, the G0 wants a reset.
        let text = format!(
            "#!/bin/sh\nset -e\nst-flash erase\n{}cd firmware\nst-flash write built/{} {}\ncd built\n\
             st-flash write {} {} && st-flash --reset write {eeprom} {}\n",
            if bench.is_g0() { "st-flash reset\n" } else { "" },
            bench.bootloader,
            hex(FLASH),
            bench.app,
            hex(APP),
            hex(at)
        );
        let script = Script::parse(&text).unwrap();
        let mut probe = probe(&bench);
        let host = Host { folder: env!("CARGO_MANIFEST_DIR").into(), force: false, ..Host::default() };
        let mut told = Told::default();
        let outcome = run_script(&mut probe, &script, &host, &mut told);
        assert!(
            !outcome.failed && outcome.exit_code == 0 && outcome.done.len() == script.lines.len(),
            "{outcome:?}\n{:?}",
            told.0
        );
        let flash = probe.target.chip.board.flash.cells().bytes(FLASH, bench.size());
        assert_eq!(first_difference(&flash, &bench.after_st_flash()), None, "{}", bench.part);
        assert_eq!(told.0.iter().filter(|t| t.contains("equal")).count(), 3, "{:?}", told.0);
    }
}

#[test]
fn a_write_after_an_erase_says_why_the_g0_refuses_it() {
    let text = format!("st-flash erase\nst-flash write {} {}", G071.bootloader, hex(FLASH));
    let host = Host { folder: built(""), force: false, ..Host::default() };
    let outcome = run_script(&mut probe(&G071), &Script::parse(&text).unwrap(), &host, &mut ());
    let Some(Done::Failed(error)) = outcome.done.last() else { panic!("{outcome:?}") };
    assert!(error.to_string().contains("the mass erase bit is still set"), "{error}");
}

#[test]
fn failures_in_a_script_count_as_in_a_shell() {
    let run = |text: &str| {
        let host = Host { folder: env!("CARGO_MANIFEST_DIR").into(), force: false, ..Host::default() };
        run_script(&mut probe(&F051), &Script::parse(text).unwrap(), &host, &mut ())
    };
    let bad = "st-flash write none.bin 0x08000000";
    let codes = |text: &str| {
        let outcome = run(text);
        let each: Vec<Option<u8>> = outcome.done.iter().map(Done::exit_code).collect();
        (each, outcome.exit_code, outcome.failed)
    };
    assert_eq!(codes(&format!("{bad}\nst-flash reset")), (vec![Some(255), Some(0)], 0, true));
    assert_eq!(codes(&format!("set -e\n{bad}\nst-flash reset")), (vec![Some(0), Some(255)], 255, true));
    let chain = format!("set -e\n{bad} && st-flash reset\nst-flash reset");
    assert_eq!(codes(&chain), (vec![Some(0), Some(255), None, Some(0)], 0, true));
    let last = format!("set -e\nst-flash reset && {bad}\nst-flash reset");
    assert_eq!(codes(&last), (vec![Some(0), Some(0), Some(255)], 255, true));
    assert_eq!(codes("cd nowhere"), (vec![Some(2)], 2, true));
}

#[test]
fn a_file_that_is_written_as_it_stands_is_told() {
    let esc = Esc::new(F051);
    let ran = esc.st_flash(&["write", &file("STANDIN_DRYFLASH_F051_2.20.elf"), &hex(APP)]);
    assert!(ran.err.contains("a file in ELF form, written as it stands"), "{ran:?}");
    esc.write("small.hex", &std::fs::read(built("STANDIN_F051_BOOTLOADER_PB4_V14.hex")).unwrap()[..2_000]);
    let ran = esc.st_flash(&["write", "small.hex", &hex(APP)]);
    assert!(ran.err.contains("the text of an Intel HEX file") && ran.err.contains("--format=ihex"), "{ran:?}");
    // The same file read as what it is, and a binary, are no reason for a word.
    for line in [
        vec!["--format=ihex", "write", &file("STANDIN_F051_BOOTLOADER_PB4_V14.hex")],
        vec!["write", &file("STANDIN_DRYFLASH_F051_2.20.bin"), &hex(APP)],
    ] {
        let ran = esc.st_flash(&line);
        assert!(!ran.err.contains("as it stands"), "{ran:?}");
    }
}

#[test]
fn a_script_with_a_byte_order_mark_is_read() {
    let script = Script::parse("\u{FEFF}st-flash erase\n").unwrap();
    assert_eq!(script.lines.len(), 1);
}
