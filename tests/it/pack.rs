//! `pack`, `split` and `dump`: full images are made and taken apart to the byte, what would not start is refused, and
//! nothing is lost where something is wrong.

use dryflash::am32::{Given, Role};
use dryflash::esc::{Kept, Options, PowerUp, StateFile};
use dryflash::flash::{Factory, NonVolatile, for_part};
use dryflash::image::Image;
use dryflash::layout::{self, Form, Source};
use dryflash::part;
use dryflash::time::Time;
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

const BASE: u32 = 0x0800_0000;
const BOOTLOADER: &str = "STANDIN_F051_BOOTLOADER_PB4_V14.bin";
const APP: &str = "STANDIN_DRYFLASH_F051_2.20.hex";
const EEPROM: &str = "STANDIN_EEPROM_V2_1K.bin";
const FULL: &str = "STANDIN_DRYFLASH_F051_2.20_FULL.bin";

fn built() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built")
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(built().join(name)).unwrap()
}

/// Exit code, and all that was printed, each blank a space. Where the stand-in firmware lies, so that names are short.
fn says(args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dryflash"));
    command.args(args).current_dir(built()).env_remove("DRYFLASH_PART").env_remove("DRYFLASH_STATE");
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).split_whitespace().collect::<Vec<_>>().join(" "))
}

#[track_caller]
fn told(args: &[&str], code: i32, words: &[&str]) -> String {
    let (ended, text) = says(args);
    assert_eq!(ended, Some(code), "{args:?}\n{text}");
    for word in words {
        assert!(text.contains(word), "{args:?}: '{word}' is not in\n{text}");
    }
    assert!(!text.contains("panicked"), "{text}");
    text
}

/// A folder, with paths in it as text.
struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        std::fs::write(self.0.path().join(name), bytes).unwrap();
        self.path(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A state of an ESC that left the hand of whoever had it before like this.
    fn state(&self, name: &str, part: &str, change: impl FnOnce(Factory) -> Factory) -> String {
        let path = self.path(name);
        StateFile::open(path.as_ref()).unwrap().keep(kept(part, change)).unwrap();
        path
    }
}

fn kept(part: &str, change: impl FnOnce(Factory) -> Factory) -> Kept {
    let part = part::find(part).unwrap();
    let factory = Factory::of(for_part(&part).as_ref(), part.flash.wrp_pages);
    Kept { part, non_volatile: change(factory).non_volatile() }
}

/// Intel HEX of blocks at their addresses.
fn hex(blocks: &[(u32, &[u8])]) -> Vec<u8> {
    let segment = |(address, bytes): &(u32, &[u8])| {
        dryflash::image::Segment::new(*address, bytes.to_vec(), dryflash::image::Position::Offset(0)).unwrap()
    };
    dryflash::image::write::hex(&blocks.iter().map(segment).collect::<Vec<_>>()).into_bytes()
}

#[test]
fn a_packed_image_is_the_one_made_by_hand_and_starts() {
    let folder = Folder::new();
    for (part, suffix, size, eeprom) in [
        ("F051", "", "1K", 0x0800_7C00),
        ("F031", "", "1K", 0x0800_7C00),
        ("G071", "_64K", "2K", 0x0800_F800),
        ("G071", "_128K", "2K", 0x0801_F800),
    ] {
        let bootloader = format!("STANDIN_{part}_BOOTLOADER_PB4{suffix}_V14.bin");
        let hand = format!("STANDIN_DRYFLASH_{part}{suffix}_2.20_FULL");
        let page = format!("STANDIN_EEPROM_V2_{size}.bin");
        // As the linker made it, without what objcopy puts into the gap before the name tag.
        let linked = Image::load(&built().join(format!("{hand}.hex")), None).unwrap();
        let app = linked.slice(0x0800_1000..eeprom);
        let app = folder.write("app.hex", dryflash::image::write::hex(&app.segments));
        for extension in ["bin", "hex"] {
            let out = folder.path(&format!("{part}{suffix}.{extension}"));
            told(&["pack", &page, &app, &bootloader, "-o", &out], 0, &["would start"]);
            told(&["check", "-q", &out], 0, &["This ESC would start"]);
        }
        assert!(folder.read(&format!("{part}{suffix}.bin")) == read(&format!("{hand}.bin")), "{hand}.bin");
        let packed = Image::load(folder.path(&format!("{part}{suffix}.hex")).as_ref(), None).unwrap();
        let blocks = |image: &Image| image.segments.iter().map(|s| (s.address, s.data.clone())).collect::<Vec<_>>();
        assert!(blocks(&packed) == blocks(&linked), "{hand}.hex");
    }
}

#[test]
fn what_goes_where_is_told_and_roles_and_addresses_can_be_given() {
    let folder = Folder::new();
    let out = folder.path("a.bin");
    let words = [
        "STM32F051K6, by the name tag",
        "bootloader 0x08000000 to 0x08000FF3, 4,084 of 4,096 bytes: STANDIN_F051_BOOTLOADER_PB4_V14.bin",
        "app 0x08001000 to 0x08007BFF, 1,284 of 27,648 bytes",
        "EEPROM page 0x08007C00 to 0x08007FFF, 1,024 of 1,024 bytes",
        "gaps are FF",
    ];
    told(&["pack", BOOTLOADER, APP, EEPROM, "-o", &out], 0, &words);
    let at = |name: &str, address: &str| format!("{name}@{address}");
    let (bootloader, eeprom) = (at(BOOTLOADER, "0x08000000"), at(EEPROM, "0x08007c00"));
    let again = folder.path("b.bin");
    told(&["pack", "--app", APP, &eeprom, &bootloader, "--part", "F051", "-o", &again], 0, &[]);
    assert_eq!((folder.read("a.bin"), folder.read("b.bin")), (read(FULL), read(FULL)));
    assert_eq!(says(&["pack", "-q", BOOTLOADER, APP, EEPROM, "-o", &folder.path("q.bin")]).1.lines().count(), 1);
}

#[test]
fn what_would_not_start_is_packed_only_where_that_is_asked_for() {
    let folder = Folder::new();
    let out = folder.path("full.bin");
    let refused = ["error DF012", "not packed", "would not start", "--anyway"];
    told(&["pack", BOOTLOADER, APP, "-o", &out], 1, &refused);
    // --force is for an output that exists, and for nothing else.
    told(&["pack", BOOTLOADER, APP, "-o", &out, "--force"], 1, &refused);
    assert!(folder.names().is_empty());
    told(&["pack", BOOTLOADER, APP, "-o", &out, "--anyway"], 0, &["An ESC with it would not start"]);
    let mut expected = read(FULL);
    expected[0x7C00..].fill(0xFF);
    assert!(folder.read("full.bin") == expected);
    // A page of another ESC in a full image.
    let mine = folder.path("mine.bin");
    told(&["pack", FULL, "--eeprom", "STANDIN_EEPROM_BOOT_00_1K.bin", "-o", &mine], 1, &["not packed"]);
    told(&["pack", FULL, "--eeprom", EEPROM, "-o", &mine], 0, &["would start"]);
    assert!(folder.read("mine.bin") == read(FULL));
}

#[test]
fn an_output_that_exists_or_is_read_is_not_replaced() {
    let folder = Folder::new();
    let out = folder.write("full.bin", "mine");
    let three = [BOOTLOADER, APP, EEPROM];
    let pack = |more: &[&str], code, words: &[&str]| told(&[&["pack"], &three[..], more].concat(), code, words);
    pack(&["-o", &out], 2, &["full.bin exists; --force replaces it"]);
    assert_eq!(folder.read("full.bin"), b"mine");
    pack(&["-o", &out, "--force"], 0, &[]);
    assert!(folder.read("full.bin") == read(FULL));
    let input = folder.write("eeprom.bin", read(EEPROM));
    for force in [&[][..], &["--force"]] {
        let args = [&["pack", BOOTLOADER, APP, &input, "-o", &input], force].concat();
        told(&args, 2, &["eeprom.bin is used as it is; give another name"]);
    }
    pack(&["-o", &folder.path("none/full.bin")], 2, &["there is no folder", "make it first"]);
    for name in ["full", "full.elf", "full.bin.txt"] {
        pack(&["-o", &folder.path(name)], 2, &["end the name in .bin or .hex"]);
    }
    pack(&[], 2, &["--output"]);
    assert_eq!(folder.names(), ["eeprom.bin", "full.bin"]);
    assert!(folder.read("eeprom.bin") == read(EEPROM));
}

#[test]
fn files_that_cannot_be_packed_are_told() {
    let folder = Folder::new();
    let out = folder.path("full.bin");
    let cut = folder.write("cut.hex", &read(APP)[..200]);
    told(&["pack", BOOTLOADER, &cut, EEPROM, "-o", &out], 2, &["cut.hex line", "cut off"]);
    told(&["pack", "-o", &out], 2, &["no file was given"]);
    told(&["pack", "none.bin", "-o", &out], 2, &["none.bin: there is no such file"]);
    told(&["pack", FULL, "--part", "F999", "-o", &out], 2, &["no part is called 'F999'"]);
    // A page of another part.
    let long = "STANDIN_EEPROM_V2_2K.bin";
    told(&["pack", BOOTLOADER, APP, "--eeprom", long, "-o", &out], 1, &["not packed"]);
    // Two parts that keep their settings elsewhere: whichever it is, it would not start.
    let app = "STANDIN_DRYFLASH_G071_64K_2.20.bin";
    told(&["pack", app, "-o", &out, "--anyway"], 2, &["G071_64K", "--part"]);
    let other = folder.write("AM32_F421_BOOTLOADER_PB4_V14.bin", read(BOOTLOADER));
    told(&["pack", &other, "-o", &out, "--anyway"], 1, &["not packed", "is not modelled"]);
    // Behind the settings there is no place for anything, on a chip that has more flash either.
    let mut more = read(FULL);
    more.resize(0x8000 + 3, 0xFF);
    let part = ["--part", "STM32F051K8", "--anyway"];
    let full = folder.write("more.bin", &more);
    let args = ["pack", "--full", &full, "-o", &out];
    told(&[&args[..], &part].concat(), 0, &[]);
    assert!(folder.read("full.bin") == read(FULL), "FF behind the settings is no loss");
    more[0x8002] = 0;
    let full = folder.write("more.bin", &more);
    let args = ["pack", "--full", &full, "-o", &out, "--force"];
    told(&[&args[..], &part].concat(), 1, &["more.bin holds bytes at 0x08008002", "before 0x08008000"]);
    assert!(folder.read("full.bin") == read(FULL));
}

#[test]
fn option_bytes_are_left_out_and_told() {
    let folder = Folder::new();
    let full = read(FULL);
    let with = folder.write("with.hex", hex(&[(BASE, &full), (0x1FFF_F800, &[0xAA, 0x55])]));
    let out = folder.path("out.bin");
    told(&["pack", &with, "-o", &out], 0, &["2 bytes of", "outside of flash, 0x1FFFF800 to 0x1FFFF801, are left out"]);
    assert!(folder.read("out.bin") == full);
}

#[test]
fn a_full_image_and_a_dump_come_apart_into_their_three_files() {
    for source in [FULL, "STANDIN_DRYFLASH_F051_2.20_FULL.hex", "STANDIN_F051_DUMP_32K.hex"] {
        let folder = Folder::new();
        let words = ["bootloader", "by running: V14", "name tag DRYFLASH_F051", "layout 2"];
        told(&["split", source, "-o", &folder.path("")], 0, &words);
        let app = match source.contains("2.20") {
            true => "AM32_DRYFLASH_F051_2.20.bin",
            false => "AM32_DRYFLASH_F051.bin",
        };
        assert_eq!(folder.names(), [app, "AM32_F051_BOOTLOADER_PB4_V14.bin", "eeprom_7c00.bin"]);
        assert!(folder.read("AM32_F051_BOOTLOADER_PB4_V14.bin") == read(BOOTLOADER));
        assert!(folder.read("eeprom_7c00.bin") == read(EEPROM));
        assert!(folder.read(app) == read(FULL)[0x1000..0x7C00], "with its name tag");
    }
    let folder = Folder::new();
    told(&["split", "STANDIN_DRYFLASH_G071_64K_2.20_FULL.bin", "-o", &folder.path("")], 0, &[]);
    let names = ["AM32_DRYFLASH_G071_2.20.bin", "AM32_G071_BOOTLOADER_PB4_64K_V14.bin", "eeprom_f800.bin"];
    assert_eq!(folder.names(), names);
}

#[test]
fn a_state_comes_apart_and_goes_together_again() {
    let folder = Folder::new();
    let state = folder.state("esc.json", "F051", |f| f.cells(BASE, &read(FULL)).unwrap());
    told(&["split", &state, "--prefix", &folder.path("before"), "--hex"], 0, &["as the state file holds it"]);
    let parts = ["before_app.hex", "before_bootloader.hex", "before_eeprom.hex"];
    assert_eq!(folder.names()[..3], parts);
    assert_eq!(folder.names().len(), 4, "no lock is left");
    let page = Image::load(folder.path("before_eeprom.hex").as_ref(), None).unwrap();
    assert_eq!((page.start(), page.len()), (0x0800_7C00, 0x400), "a page is whole");
    let app = Image::load(folder.path("before_app.hex").as_ref(), None).unwrap();
    assert!(app.segments.len() == 2 && app.end() == 0x0800_7C00, "the gap before the name tag is left out");
    let paths = parts.map(|name| folder.path(name));
    let out = folder.path("again.bin");
    told(&["pack", &paths[0], &paths[1], &paths[2], "-o", &out], 0, &["would start"]);
    assert!(folder.read("again.bin") == read(FULL));
}

#[test]
fn what_cannot_be_taken_apart_is_told_and_nothing_is_replaced() {
    let folder = Folder::new();
    let here = folder.path("");
    let split = |file: &str| ["split", file, "-o"].map(str::to_owned);
    let of = |file: &str, code: i32, words: &[&str]| {
        let args = split(file);
        told(&[&args[0], &args[1], &args[2], &here], code, words)
    };
    of("STANDIN_DRYFLASH_F051_2.20.bin", 2, &["is no full image", "they say: app", "@0x08000000"]);
    of(EEPROM, 2, &["is no full image", "they say: EEPROM page"]);
    of("none.bin", 2, &["there is no such file"]);
    of(&folder.write("cut.hex", &read("STANDIN_F051_DUMP_32K.hex")[..5000]), 2, &["cut off"]);
    of(&folder.write("blank.bin", [0xFF; 0x7C00]), 2, &["is no full image"]);
    let blank = format!("{}@0x08000000", folder.path("blank.bin"));
    told(&["split", &blank, "--part", "F051", "-o", &here], 2, &["there is nothing to take apart"]);
    let g071 = folder.write("dump.hex", hex(&[(0x0800_1000, &read("STANDIN_DRYFLASH_G071_64K_2.20.bin"))]));
    of(&g071, 2, &["G071_64K, G071", "different places", "--part"]);
    of(&folder.state("esc.json", "F031", |f| f), 0, &["holds nothing there"]);
    told(&["split", &folder.path("esc.json"), "--part", "F051", "-o", &here], 2, &["holds an STM32F031K6"]);
    told(&["split", FULL], 2, &["--output"]);
    told(&["split", FULL, "-o", &here, "--prefix", "x"], 2, &["cannot be used with"]);
    told(&["split", FULL, "-o", &folder.path("none")], 2, &["there is no folder", "mkdir -p"]);
    let before = folder.names();
    // One of three that exists keeps all from being written.
    folder.write("AM32_F051_BOOTLOADER_PB4_V14.bin", "mine");
    of(FULL, 2, &["AM32_F051_BOOTLOADER_PB4_V14.bin exists; --force replaces it"]);
    assert_eq!(folder.names().len(), before.len() + 1);
    assert_eq!(folder.read("AM32_F051_BOOTLOADER_PB4_V14.bin"), b"mine");
    told(&["split", FULL, "-o", &here, "--force"], 0, &[]);
    assert!(folder.read("AM32_F051_BOOTLOADER_PB4_V14.bin") == read(BOOTLOADER));
}

#[test]
fn what_belongs_to_none_of_the_three_is_told() {
    let folder = Folder::new();
    let state = folder.state("esc.json", "STM32F051K8", |f| {
        f.cells(BASE, &read(FULL)).unwrap().cells(0x0800_9000, &[1, 2, 0xFF]).unwrap()
    });
    let said = told(&["split", &state, "-o", &folder.path("")], 0, &["left out"]);
    assert!(said.contains("0x08009000 to 0x08009001 belongs to none of these"), "{said}");
}

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

/// Only what is packed counts here, not whether it starts.
fn briefly() -> Options {
    Options {
        part: Some(part::find("F051").unwrap()),
        power_ups: vec![PowerUp::DECISIVE],
        limit: Time::from_millis(1),
        app_limit: Time::ZERO,
        ..Options::default()
    }
}

fn full() -> &'static [u8] {
    static FULL_BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    FULL_BYTES.get_or_init(|| read(FULL))
}

/// All of flash, with stretches of it overwritten.
fn flash() -> impl Strategy<Value = Vec<u8>> {
    let stretch = (0x1100..0x8000usize, prop_oneof![Just(0xFFu8), any::<u8>()], 1..0x900usize);
    proptest::collection::vec(stretch, 0..6).prop_map(|stretches| {
        let mut bytes = full().to_vec();
        for (at, value, length) in stretches {
            let end = (at + length).min(bytes.len());
            bytes[at..end].fill(value);
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_split_packs_to_the_same(bytes in flash(), hex: bool) {
        let source = Source::of_image(Image::parse("x.bin", &bytes, Some(BASE)).unwrap());
        let split = layout::split(&source, Some(&part::find("F051").unwrap())).unwrap();
        let form = if hex { Form::Hex } else { Form::Bin };
        let given = split.files.iter().map(|file| {
            let at = (form == Form::Bin).then_some(file.address);
            let image = Image::parse(&format!("{}.{}", file.stem, form.extension()), &file.file(form), at).unwrap();
            Given { image, role: Some(file.role) }
        });
        let packed = layout::pack(given.collect(), &briefly(), true).unwrap().result.unwrap();
        prop_assert!(packed.file(Form::Bin) == bytes);
        let again = Image::parse("x.hex", &packed.file(Form::Hex), None).unwrap();
        prop_assert!(bytes.iter().zip(BASE..).all(|(b, at)| again.byte(at).unwrap_or(0xFF) == *b));
    }

    #[test]
    fn what_is_packed_splits_to_the_same(
        code in proptest::collection::vec(any::<u8>(), 1..0x6000usize),
        settings in proptest::collection::vec(any::<u8>(), 0x400),
    ) {
        let mut app = full()[0x1000..0x1600].to_vec();
        app.extend(&code);
        let files = [(Role::Bootloader, read(BOOTLOADER)), (Role::App, app), (Role::Eeprom, settings)];
        let given = files.iter().map(|(role, bytes)| {
            Given { image: Image::parse("x.bin", bytes, None).unwrap(), role: Some(*role) }
        });
        let packed = layout::pack(given.collect(), &briefly(), true).unwrap().result.unwrap();
        let image = Image::parse("x.bin", &packed.bytes, Some(packed.base)).unwrap();
        let split = layout::split(&Source::of_image(image), Some(&part::find("F051").unwrap())).unwrap();
        let whole = |role: Role, bytes: &[u8]| match role {
            Role::Eeprom => bytes.to_vec(),
            // Trailing FF cannot be told from what is blank.
            _ => bytes[..bytes.iter().rposition(|b| *b != 0xFF).map_or(0, |at| at + 1)].to_vec(),
        };
        for ((role, bytes), file) in files.iter().zip(&split.files) {
            prop_assert!(file.role == *role && file.bytes == whole(*role, bytes), "{}", role);
        }
    }

    #[test]
    fn a_dump_is_what_flash_holds(
        part in proptest::sample::select(vec!["F051", "G031", "G071"]),
        bytes in proptest::collection::vec(any::<u8>(), 1..0x400usize),
        at in 0..0x7000u32,
        from in 0..0x7FF0u32,
        length in 1..0x1000u32,
    ) {
        let kept = kept(part, |f| f.cells(BASE + at, &bytes).unwrap());
        let NonVolatile { bytes: held, .. } = &kept.non_volatile;
        prop_assert!(layout::dump(&kept, None).unwrap().bytes == *held);
        let length = length.min(held.len() as u32 - from);
        let some = layout::dump(&kept, Some((BASE + from, length))).unwrap();
        prop_assert!(some.bytes == held[from as usize..(from + length) as usize]);
        let image = Image::parse("x.hex", &Form::Hex.file(some.address, &some.bytes), None).unwrap();
        prop_assert!(image.start() == BASE + from && image.segments[0].data == some.bytes);
    }
}
