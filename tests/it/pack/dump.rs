//! `dump`: what a probe reads, and nothing where the chip lets none read.

use super::{BASE, EEPROM, FULL, Folder, read, told};
use dryflash::image::Image;

#[test]
fn a_dump_is_what_a_probe_reads() {
    let folder = Folder::new();
    let full = read(FULL);
    let state = folder.state("esc.json", "F051", |f| f.cells(BASE, &full).unwrap());
    let dump = |words: &[&str], name: &str| {
        let out = folder.path(name);
        told(&[&["dump", "--state", &state, "-o", &out], words].concat(), 0, &["bytes of the STM32F051K6"]);
        folder.read(name)
    };
    assert!(dump(&[], "all.bin") == full);
    assert!(dump(&["0x08007c00", "1k"], "page.bin") == read(EEPROM));
    assert!(dump(&["0x08001001", "2"], "odd.bin") == full[0x1001..0x1003]);
    // As st-flash writes it.
    let read_by_client = folder.path("client.bin");
    told(&["st-flash", "--state", &state, "read", &read_by_client, "0x08000000", "0x8000"], 0, &[]);
    assert!(folder.read("client.bin") == full);
    let page = Image::parse("page.hex", &dump(&["0x08007c00", "1k"], "page.hex"), None).unwrap();
    assert_eq!((page.start(), page.segments[0].data.clone()), (0x0800_7C00, read(EEPROM)));
    assert_eq!(dump(&["0x1FFFF800", "2"], "options.bin"), [0xAA, 0x55]);
    assert!(!folder.names().iter().any(|name| name.contains("lock")));
}

#[test]
fn a_chip_that_lets_no_probe_read_gives_no_dump() {
    let folder = Folder::new();
    let out = folder.path("dump.bin");
    for (part, level, word) in [
        ("F051", 1, "read protection level 1 is active"),
        ("G071", 1, "read protection level 1 is active"),
        ("F051", 2, "read protection level 2 is active"),
        ("G071", 2, "read protection level 2 is active"),
    ] {
        let name = format!("{part}_{level}.json");
        let state = folder.state(&name, part, |f| f.cells(BASE, &[1; 64]).unwrap().rdp(level).unwrap());
        let held = folder.read(&name);
        told(&["dump", "--state", &state, "-o", &out], 1, &["not read", word]);
        assert!(folder.read(&name) == held, "the state is as it was");
    }
    assert_eq!(folder.names().len(), 4);
    // What is said to open it does; OpenOCD's way is tried with OpenOCD.
    let f0 = folder.path("F051_1.json");
    told(&["dump", "--state", &f0, "-o", &out], 1, &["`stm32f1x unlock 0; stm32f1x options_load 0` in OpenOCD"]);
    let state = folder.path("G071_1.json");
    let said = told(&["dump", "--state", &state, "-o", &out], 1, &[]);
    let way: Vec<&str> = said.split('`').nth(1).unwrap().split(' ').collect();
    told(&[&way[..1], &["--state", &state], &way[1..]].concat(), 0, &[]);
    told(&["dump", "--state", &state, "-o", &out], 0, &[]);
    assert!(folder.read("dump.bin").iter().all(|byte| *byte == 0xFF));
}

#[test]
fn what_cannot_be_dumped_is_told() {
    let folder = Folder::new();
    let state = folder.state("esc.json", "F051", |f| f);
    let out = folder.path("dump.bin");
    let dump = |words: &[&str], code, said: &[&str]| told(&[&["dump", "-o", &out], words].concat(), code, said);
    dump(&["--state", &state, "0x20000000", "4"], 1, &["0x20000000 to 0x20000003 is not in STM32F051K6's flash"]);
    dump(&["--state", &state, "0x08007ff0", "32"], 1, &["0x08007FF0 to 0x0800800F"]);
    dump(&["--state", &state, "0xfffffff0", "0xffffffff"], 1, &["is not in"]);
    dump(&["--state", &state, "0x08000000"], 2, &["<SIZE>"]);
    dump(&["--state", &state, "0x08000000", "0"], 2, &["SIZE is 0"]);
    dump(&["--state", &state, "08000000", "4"], 2, &["write 0x08000000"]);
    dump(&[], 2, &["--state"]);
    dump(&["--state", &folder.path("none.json")], 2, &["there is no such file"]);
    dump(&["--state", &folder.write("broken.json", "{\"format\": \"dryflash-state\"")], 2, &["is no state"]);
    told(&["dump", "--state", &state, "-o", &state, "--force"], 2, &["end the name"]);
    let named = folder.state("esc.bin", "F051", |f| f);
    told(&["dump", "--state", &named, "-o", &named, "--force"], 2, &["is used as it is"]);
    assert_eq!(folder.names(), ["broken.json", "esc.bin", "esc.json"]);
}
