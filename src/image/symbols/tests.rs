use super::*;
use goblin::elf::sym::STB_WEAK;

const FAULTY: &[u8] = include_bytes!("../../../firmware/built/STANDIN_DRYFLASH_FAULTY_F051_2.20.elf");
/// Without lines.
const PLAIN: &[u8] = include_bytes!("../../../firmware/built/STANDIN_DRYFLASH_F051_2.20.elf");

fn image(bytes: &[u8]) -> Image {
    Image::parse("app.elf", bytes, None).unwrap()
}

fn told(symbols: &Symbols, pc: u32) -> Option<String> {
    symbols.at(pc).map(|s| s.to_string())
}

/// The address of a function, from the table of symbols read by hand.
fn address_of(bytes: &[u8], name: &str) -> u32 {
    let elf = goblin::elf::Elf::parse(bytes).unwrap();
    let symbol = elf.syms.iter().find(|s| elf.strtab.get_at(s.st_name) == Some(name)).unwrap();
    symbol.st_value as u32 & !1
}

#[test]
fn a_pc_is_told_with_function_file_and_line_and_what_it_is_inlined_into() {
    let symbols = Symbols::of([&image(FAULTY)]);
    let bad_write = address_of(FAULTY, "bad_write");
    let symbol = symbols.at(bad_write + 4).unwrap();
    assert_eq!((symbol.function.as_str(), symbol.inlined_into.as_deref()), ("store", Some("bad_write")));
    assert_eq!((symbol.offset, symbol.file_name(), symbol.compiled()), (4, Some("main.c"), "bad_write"));
    let source = include_str!("../../../firmware/src/faulty/main.c").lines();
    let line = source.zip(1..).find(|(l, _)| l.contains("REG32(address) = value")).unwrap().1;
    assert_eq!(symbol.line, Some(line));
    assert_eq!(symbol.to_string(), format!("store in bad_write, main.c:{line}"));
    // With its Thumb bit it is the same instruction.
    assert_eq!(symbols.at(bad_write + 5), Some(symbol));
    let main = symbols.at(address_of(FAULTY, "main")).unwrap();
    assert_eq!((main.function.as_str(), main.inlined_into, main.offset), ("main", None, 0));
}

/// Vectors that nobody serves are weak aliases of the one handler.
#[test]
fn of_several_names_of_an_address_a_weak_one_is_the_last() {
    let mut bytes = PLAIN.to_vec();
    let main = address_of(PLAIN, "main");
    let elf = goblin::elf::Elf::parse(PLAIN).unwrap();
    let table = elf.section_headers.iter().find(|s| s.sh_type == SHT_SYMTAB).unwrap().sh_offset as usize;
    let name = |n: usize| elf.strtab.get_at(elf.syms.get(n).unwrap().st_name).unwrap_or_default();
    let alias = (0..elf.syms.len()).find(|n| ("A".."main").contains(&name(*n))).unwrap();
    let real = (0..elf.syms.len()).find(|n| name(*n) == "main").unwrap();
    let entry = bytes[table + 16 * real + 4..table + 16 * real + 16].to_vec();
    bytes[table + 16 * alias + 4..table + 16 * alias + 16].copy_from_slice(&entry);
    assert_ne!(told(&Symbols::of([&image(&bytes)]), main).as_deref(), Some("main"), "the first by name");
    bytes[table + 16 * alias + 12] = STB_WEAK << 4 | STT_FUNC;
    assert_eq!(told(&Symbols::of([&image(&bytes)]), main).as_deref(), Some("main"));
}

#[test]
fn without_lines_it_is_the_function_and_the_bytes_from_its_start() {
    let symbols = Symbols::of([&image(PLAIN)]);
    let main = address_of(PLAIN, "main");
    assert_eq!([main, main + 2].map(|pc| told(&symbols, pc)), [Some("main".into()), Some("main+0x2".into())]);
    // The vectors are data, and before them is nothing.
    assert_eq!([0x0800_1000, 0x0800_0000, u32::MAX].map(|pc| told(&symbols, pc)), [None, None, None]);
}

#[test]
fn a_stripped_or_damaged_elf_tells_nothing() {
    let mut stripped = FAULTY.to_vec();
    // e_shoff and e_shnum: no sections.
    stripped[32..36].fill(0);
    stripped[48..50].fill(0);
    let symbols = Symbols::of([&image(&stripped)]);
    assert!(!symbols.is_empty());
    assert_eq!(told(&symbols, address_of(FAULTY, "main")), None);
    // Whatever stands behind the headers and what is flashed: no panic, and an answer.
    let loaded = image(FAULTY).segments.iter().map(|s| s.data.len()).sum::<usize>();
    assert!(loaded < FAULTY.len());
    let try_it = |damaged: &[u8]| {
        if let Ok(image) = Image::parse("app.elf", damaged, None) {
            let symbols = Symbols::of([&image]);
            (0x0800_10C0..0x0800_1300).step_by(6).for_each(|pc| drop(symbols.at(pc)));
            drop(image.built_for());
        }
    };
    for at in (0x1000 + 0x600..FAULTY.len()).step_by(61) {
        let mut damaged = FAULTY.to_vec();
        let end = (at + 40).min(damaged.len());
        damaged[at..end].fill(0xFF);
        try_it(&damaged);
    }
    // Any fixed sequence of places and values does.
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..500 {
        let mut damaged = FAULTY.to_vec();
        for _ in 0..4 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = (random >> 33) as usize % damaged.len();
            damaged[at] = (random >> 24) as u8;
        }
        try_it(&damaged);
    }
}

#[test]
fn of_two_files_at_an_address_the_later_one_tells() {
    let elf = image(FAULTY);
    let main = address_of(FAULTY, "main");
    let over = Image::parse("over.bin", &[0; 0x100], Some(main & !0xFF)).unwrap();
    assert_eq!(told(&Symbols::of([&elf, &over]), main), None);
    let under = Symbols::of([&over, &elf]);
    assert!(told(&under, main).unwrap().starts_with("main, main.c:"));
    assert!(Symbols::of([&over]).is_empty());
}

#[test]
fn places_in_a_text_are_told_by_name_once() {
    let symbols = Symbols::of([&image(PLAIN)]);
    let pc = address_of(PLAIN, "main") + 2;
    let text = format!("at PC 0x{pc:08X}: no, at PC 0x08000000, PC 0x12");
    let named = format!("at PC 0x{pc:08X} (main+0x2): no, at PC 0x08000000, PC 0x12");
    assert_eq!(symbols.name_places(&text), named);
    assert_eq!(symbols.name_places(&named), named);
    assert_eq!(Symbols::default().name_places(&text), text);
}

#[test]
fn what_was_read_is_shared_and_may_go_to_other_threads() {
    fn goes<T: Send + Sync>(_: &T) {}
    let symbols = Symbols::of([&image(FAULTY)]);
    goes(&symbols);
    let copy = symbols.clone();
    let main = address_of(FAULTY, "main");
    std::thread::scope(|s| {
        s.spawn(|| assert!(copy.at(main).is_some()));
        assert!(symbols.at(main).is_some());
    });
}
