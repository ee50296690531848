//! `pack`, `split` and `dump`: full images are made and taken apart to the byte, what would not start is refused, and
//! nothing is lost where something is wrong.

mod dump;
mod round_trips;
mod split;

use dryflash::esc::{Kept, StateFile};
use dryflash::flash::{Factory, for_part};
use dryflash::image::Image;
use dryflash::part;
use std::path::{Path, PathBuf};
use std::process::Command;
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
        "app 0x08001000 to 0x08007BFF, 2,748 of 27,648 bytes",
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
    // Two files clash, and what is written is fine.
    let twice = hex(&[(0x0800_1000, &[0])]);
    let (twice, both) = (folder.write("twice.hex", twice), folder.path("both.bin"));
    told(&["pack", &twice, BOOTLOADER, APP, EEPROM, "-o", &both], 1, &["not packed"]);
    let said = told(&["pack", &twice, BOOTLOADER, APP, EEPROM, "-o", &both, "--anyway"], 0, &["error DF"]);
    let starts = says(&["check", "-q", &both]).0 == Some(0);
    assert!(said.contains("it would start") == starts && starts, "{said}");
    // A page of another ESC in a full image.
    let mine = folder.path("mine.bin");
    told(&["pack", FULL, "--eeprom", "STANDIN_EEPROM_BOOT_00_1K.bin", "-o", &mine], 1, &["not packed"]);
    told(&["pack", FULL, "--eeprom", EEPROM, "-o", &mine], 0, &["would start"]);
    assert!(folder.read("mine.bin") == read(FULL));
}

/// The last of all addresses is one, too.
#[test]
fn bytes_up_to_the_last_address_are_left_out_and_told() {
    let folder = Folder::new();
    let far = folder.write("far.hex", hex(&[(BASE, &read(FULL)), (0xFFFF_FFF0, &[7; 16])]));
    let out = folder.path("full.bin");
    let words = ["16 bytes of", "0xFFFFFFF0 to 0xFFFFFFFF"];
    told(&["pack", &far, "--part", "F051", "--anyway", "-o", &out], 0, &words);
    told(&["split", &far, "--part", "F051", "--prefix", &folder.path("a")], 0, &["0xFFFFFFF0 to 0xFFFFFFFF"]);
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
    pack(&["-o", "-"], 2, &["standard output is for what is said about it"]);
    told(&["map", FULL, "--svg", "-"], 2, &["standard output is for what is said about it"]);
    told(&["pack", "-o", &folder.path("a.bin")], 2, &["no file was given to pack"]);
    assert_eq!(folder.names(), ["eeprom.bin", "full.bin"]);
    let state = folder.state("esc.json", "F051", |f| f.cells(BASE, &read(FULL)).unwrap());
    let said = told(&["pack", &state, "-o", &folder.path("a.bin")], 2, &["is the state of a virtual ESC"]);
    assert!(said.contains(&format!("dryflash split {state} -o DIR")) && !said.contains("--state"), "{said}");
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
