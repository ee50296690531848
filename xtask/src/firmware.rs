//! Builds the stand-in firmware (`firmware/src`) into a folder: the same bytes from every directory, for a given compiler.
//!
//! [`build`] compiles with `arm-none-eabi-gcc`, takes images out of the ELF files with `arm-none-eabi-objcopy`, and makes
//! everything that is put together from several of them (`_FULL` images, dumps, `.amj`, checksums) itself.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const GCC: &str = "arm-none-eabi-gcc";
const OBJCOPY: &str = "arm-none-eabi-objcopy";

const FLASH_START: u32 = 0x0800_0000;
const APP_START: u32 = 0x0800_1000;
const NAME_TAG_SIZE: usize = 32;

/// The app's version in file names; it is nowhere in the image.
const APP_VERSION: &str = "2.20";

const FLAGS: &[&str] = &[
    "-mcpu=cortex-m0",
    "-mthumb",
    "-Os",
    "-std=gnu11",
    "-ffreestanding",
    "-nostdlib",
    "-fno-common",
    // Jump tables would call into libgcc, the other into memcpy and memset.
    "-fno-jump-tables",
    "-fno-tree-loop-distribute-patterns",
    "-fno-delete-null-pointer-checks",
    "-ffunction-sections",
    "-fdata-sections",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Ishared",
    "-Wl,--gc-sections",
    "-Wl,--build-id=none",
    "-Wl,--fatal-warnings",
];

const SHARED: &[&str] = &["shared/startup.c", "shared/clock.c"];
const BOOTLOADER: &[&str] = &[
    "bootloader/main.c",
    "bootloader/vectors.c",
    "bootloader/marks.c",
    "bootloader/timer.c",
    "bootloader/pin.c",
    "bootloader/decide.c",
    "bootloader/eeprom.c",
    "bootloader/jump.c",
    "bootloader/serial.c",
    "bootloader/commands.c",
    "shared/flash.c",
];
const APP: &[&str] = &[
    "app/main.c",
    "app/vectors.c",
    "app/marks.c",
    "app/capture.c",
    "app/dshot.c",
    "app/signal.c",
    "app/bridge.c",
    "app/arming.c",
];
const FAULTY: &[&str] = &["faulty/main.c", "app/vectors.c", "app/marks.c"];
const UPDATER: &[&str] = &["updater/main.c", "shared/flash.c"];

/// A layout that images are built for.
struct Target {
    name: &'static str,
    /// Where the app's 32-byte name is.
    name_tag: u32,
    /// Where the EEPROM page begins, and how long it is: it ends with the flash.
    eeprom: u32,
    page: usize,
    /// The app's SRAM. On the F0 the first 192 bytes are kept for the vectors.
    app_ram: (u32, u32),
    /// Where a bootloader's stack begins, up to V11 and from V12 on.
    bootloader_sp: (u32, u32),
    /// Bootloader versions. None are published for the G031.
    bootloaders: &'static [u32],
}

const F031: Target = Target {
    name: "F031",
    name_tag: 0x0800_7BE0,
    eeprom: 0x0800_7C00,
    page: 1024,
    app_ram: (0x2000_00C0, 0x2000_1000),
    bootloader_sp: (0, 0x2000_1000),
    bootloaders: &[12, 14],
};
const F051: Target = Target {
    name: "F051",
    app_ram: (0x2000_00C0, 0x2000_2000),
    bootloader_sp: (0x2000_2000, 0x2000_1000),
    bootloaders: &[4, 6, 7, 8, 9, 10, 12, 13, 14],
    ..F031
};
const G071_64K: Target = Target {
    name: "G071_64K",
    name_tag: 0x0800_F7E0,
    eeprom: 0x0800_F800,
    page: 2048,
    app_ram: (0x2000_0000, 0x2000_8000),
    bootloader_sp: (0, 0x2000_1000),
    bootloaders: &[12, 14],
};
/// Its name tag lies where that of the 64 KB layout does.
const G071_128K: Target = Target { name: "G071_128K", eeprom: 0x0801_F800, ..G071_64K };
const G031: Target = Target { name: "G031", app_ram: (0x2000_0000, 0x2000_2000), bootloaders: &[], ..G071_64K };

const TARGETS: &[Target] = &[F031, F051, G031, G071_64K, G071_128K];

/// Updaters, and the pins of the bootloaders that they carry.
const UPDATERS: &[(&Target, &str)] = &[(&F051, "PB4"), (&F051, "PA2"), (&G071_64K, "PB4"), (&G071_128K, "PB4")];

/// A pin's name, port and number.
const PINS: &[(&str, u32, u32)] = &[("PA2", 0, 2), ("PB4", 1, 4)];

/// Version 2 of the EEPROM's layout, its defaults; the rest of the page is FF.
const EEPROM_V2: &[u8; 48] =
    b"\x01\x02\x01\x01\x23NEOESC f051 \x00\x00\x00\x01\x01\x01\x02\x18\x64\x37\x0e\x00\x00\x05\x00\
    \x80\x80\x80\x32\x00\x32\x00\x00\x0f\x0a\x0a\x8d\x66\x06\x00\x00";

/// The compiler's first line about itself, or `None` where there is no compiler.
pub fn compiler_version() -> Option<String> {
    let output = Command::new(GCC).arg("--version").env("LC_ALL", "C").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.lines().next().map(str::to_owned))?
}

/// Builds everything into `out`. `root` is the repository.
pub fn build(root: &Path, out: &Path) -> Result<(), String> {
    fs::create_dir_all(out).map_err(|e| format!("{}: {e}", out.display()))?;
    let mut builder = Builder {
        sources: root.join("firmware").join("src"),
        out: out.canonicalize().map_err(|e| format!("{}: {e}", out.display()))?,
        made: Vec::new(),
    };
    for target in TARGETS {
        builder.target(target)?;
    }
    builder.f051_extras()?;
    builder.faulty()?;
    for (target, pin) in UPDATERS {
        builder.updater(target, pin)?;
    }
    builder.eeproms()?;
    let compiler = compiler_version().ok_or_else(|| format!("{GCC} does not run"))?;
    builder.write("COMPILER", format!("{compiler}\n").as_bytes())?;
    builder.checksums()
}

struct Builder {
    sources: PathBuf,
    out: PathBuf,
    /// Names of the files written.
    made: Vec<String>,
}

impl Builder {
    fn target(&mut self, target: &Target) -> Result<(), String> {
        for &version in target.bootloaders {
            for pin in PINS {
                let name = bootloader_name(target, pin.0, version);
                let elf = self.bootloader(target, *pin, version)?;
                self.take_out(&elf, &["-O", "binary"], &format!("{name}.bin"))?;
                if version == 14 && pin.0 == "PB4" && matches!(target.name, "F051" | "G071_64K") {
                    self.take_out(&elf, &["-O", "ihex"], &format!("{name}.hex"))?;
                }
                remove(&elf)?;
            }
        }

        let name = app_name(target, APP_VERSION);
        let elf = self.app(target, &name, &app_tag(target), &[])?;
        self.take_out(&elf, &["-O", "binary"], &format!("{name}.bin"))?;
        if target.name == "F051" {
            self.take_out(&elf, &["-O", "ihex"], &format!("{name}.hex"))?;
        }
        if !target.bootloaders.is_empty() {
            self.full(target, &elf)?;
        }
        if target.name == "F051" {
            self.made.push(format!("{name}.elf"));
        } else {
            remove(&elf)?;
        }
        Ok(())
    }

    fn bootloader(&self, target: &Target, pin: (&str, u32, u32), version: u32) -> Result<PathBuf, String> {
        let sp = if version < 12 { target.bootloader_sp.0 } else { target.bootloader_sp.1 };
        self.compile(
            &bootloader_name(target, pin.0, version),
            &[SHARED, BOOTLOADER],
            &[
                format!("-DMCU_{}", target.name),
                format!("-DVERSION={version}"),
                format!("-DPIN_PORT={}", pin.1),
                format!("-DPIN_NUMBER={}", pin.2),
                format!("-Wl,--defsym=ram_end={sp:#x}"),
                "-Wl,-Tbootloader/bootloader.ld".to_owned(),
            ],
        )
    }

    fn app(&self, target: &Target, name: &str, tag: &str, more: &[String]) -> Result<PathBuf, String> {
        let mut options = app_options(target);
        options.push(format!("-DNAME=\"{tag}\""));
        options.extend_from_slice(more);
        self.compile(name, &[SHARED, APP], &options)
    }

    /// The images that only the F051 has: an app that tells its version, one with its signal on PA2, a dump of all its
    /// flash.
    fn f051_extras(&mut self) -> Result<(), String> {
        let versioned = (app_name(&F051, "2.16"), app_tag(&F051), "-DVERSION_BYTES=2, 16");
        let on_pa2 = ("STANDIN_DRYFLASH_PA2_F051_2.20".to_owned(), "DRYFLASH_PA2_F051".to_owned(), "-DSIGNAL_PA2");
        for (name, tag, option) in [versioned, on_pa2] {
            let elf = self.app(&F051, &name, &tag, &[option.to_owned()])?;
            self.take_out(&elf, &["-O", "binary"], &format!("{name}.bin"))?;
            remove(&elf)?;
        }
        let full = self.read(&full_name(&F051, "bin"))?;
        self.write("STANDIN_F051_DUMP_32K.hex", intel_hex(&[(FLASH_START, &full)]).as_bytes())
    }

    /// The app that faults, as ELFs with lines and names: for the F051's core, and for one that has more instructions.
    fn faulty(&mut self) -> Result<(), String> {
        for (word, core) in [("FAULTY", "cortex-m0"), ("CORTEX_M4", "cortex-m4")] {
            let name = format!("STANDIN_DRYFLASH_{word}_F051_{APP_VERSION}");
            let mut options = app_options(&F051);
            options.push(format!("-DNAME=\"{}\"", app_tag(&F051)));
            options.extend(["-g".to_owned(), "-Iapp".to_owned(), format!("-mcpu={core}")]);
            options.push(format!("-fdebug-prefix-map={}=firmware/src", self.sources.display()));
            options.push("-fdebug-prefix-map=/usr/lib/gcc=gcc".to_owned());
            let elf = self.compile(&name, &[SHARED, FAULTY], &options)?;
            // The linker makes it executable, which it is not here.
            let bytes = self.read(&format!("{name}.elf"))?;
            remove(&elf)?;
            self.write(&format!("{name}.elf"), &bytes)?;
        }
        Ok(())
    }

    /// An updater that carries the bootloader V14 for `pin`, in its `.amj`.
    fn updater(&mut self, target: &Target, pin: &str) -> Result<(), String> {
        let bootloader = bootloader_name(target, pin, 14);
        let mut options = app_options(target);
        options.push(format!("-DPAYLOAD=\"{bootloader}.bin\""));
        options.push(format!("-Wa,-I{}", self.out.display()));
        let name = bootloader.replace("BOOTLOADER", "BL_UPDATER");
        let elf = self.compile(&name, &[SHARED, UPDATER], &options)?;
        let hex_name = format!("{name}.hex");
        self.objcopy(&elf, &["-O", "ihex"], &hex_name)?;
        let hex = self.read(&hex_name)?;
        let amj = format!("{{\"mcuType\":\"{}\",\"pin\":\"{pin}\",\"hex\":\"{}\"}}\n", mcu(target), base64(&hex));
        self.write(&format!("{name}.amj"), amj.as_bytes())?;
        remove(&self.out.join(hex_name))?;
        remove(&elf)
    }

    fn eeproms(&mut self) -> Result<(), String> {
        for (size, suffix) in [(1024, "1K"), (2048, "2K")] {
            let page = eeprom_v2(size);
            let mut cut_off = page.clone();
            cut_off[0] = 0;
            self.write(&format!("STANDIN_EEPROM_V2_{suffix}.bin"), &page)?;
            self.write(&format!("STANDIN_EEPROM_BLANK_{suffix}.bin"), &vec![0xFF; size])?;
            self.write(&format!("STANDIN_EEPROM_BOOT_00_{suffix}.bin"), &cut_off)?;
        }
        Ok(())
    }

    /// Bootloader, app and EEPROM in one: .hex with what they really hold, .bin from there with FF in the gaps.
    fn full(&mut self, target: &Target, app_elf: &Path) -> Result<(), String> {
        let bootloader = self.read(&format!("{}.bin", bootloader_name(target, "PB4", 14)))?;
        let padded = self.read(&format!("{}.bin", app_name(target, APP_VERSION)))?;
        let tag = &padded[padded.len() - NAME_TAG_SIZE..];
        let code_name = "app_code.bin";
        self.objcopy(app_elf, &["-O", "binary", "--remove-section=.name_tag"], code_name)?;
        let code = self.read(code_name)?;
        remove(&self.out.join(code_name))?;
        let eeprom = eeprom_v2(target.page);

        let segments: [(u32, &[u8]); 4] =
            [(FLASH_START, &bootloader), (APP_START, &code), (target.name_tag, tag), (target.eeprom, &eeprom)];
        let mut flash = vec![0xFF; (target.eeprom - FLASH_START) as usize + target.page];
        for (address, bytes) in segments {
            let at = (address - FLASH_START) as usize;
            flash[at..at + bytes.len()].copy_from_slice(bytes);
        }
        self.write(&full_name(target, "bin"), &flash)?;
        self.write(&full_name(target, "hex"), intel_hex(&segments).as_bytes())
    }

    /// Compiles and links into `NAME.elf`. Paths are given relative to the sources, so that none gets into the output.
    fn compile(&self, name: &str, sources: &[&[&str]], options: &[String]) -> Result<PathBuf, String> {
        let elf = self.out.join(format!("{name}.elf"));
        let mut command = Command::new(GCC);
        command.current_dir(&self.sources).env("LC_ALL", "C").args(FLAGS).args(options);
        command.args(sources.iter().copied().flatten()).arg("-o").arg(&elf);
        run(command, name)?;
        Ok(elf)
    }

    fn objcopy(&self, elf: &Path, options: &[&str], name: &str) -> Result<(), String> {
        let mut command = Command::new(OBJCOPY);
        let path = self.out.join(name);
        command.args(options).arg(elf).arg(&path);
        run(command, name)?;
        // objcopy makes it executable, as the ELF is: write it anew.
        let bytes = self.read(name)?;
        remove(&path)?;
        fs::write(&path, bytes).map_err(|e| format!("{}: {e}", path.display()))
    }

    /// As [`Self::objcopy`], for a file that stays.
    fn take_out(&mut self, elf: &Path, options: &[&str], name: &str) -> Result<(), String> {
        self.objcopy(elf, options, name)?;
        self.made.push(name.to_owned());
        Ok(())
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        let path = self.out.join(name);
        fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let path = self.out.join(name);
        self.made.push(name.to_owned());
        fs::write(&path, bytes).map_err(|e| format!("{}: {e}", path.display()))
    }

    /// `SHA256SUMS`, in the form that sha256sum reads.
    fn checksums(&mut self) -> Result<(), String> {
        let mut names = self.made.clone();
        names.sort();
        let mut text = String::new();
        for name in names {
            for byte in sha256(&self.read(&name)?) {
                let _ = write!(text, "{byte:02x}");
            }
            let _ = writeln!(text, "  {name}");
        }
        self.write("SHA256SUMS", text.as_bytes())
    }
}

fn run(mut command: Command, what: &str) -> Result<(), String> {
    let output = command.output().map_err(|e| format!("{}: {e}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{what}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

fn remove(path: &Path) -> Result<(), String> {
    fs::remove_file(path).map_err(|e| format!("{}: {e}", path.display()))
}

fn app_options(target: &Target) -> Vec<String> {
    vec![
        format!("-DMCU_{}", target.name),
        format!("-Wl,--defsym=name_tag={:#x}", target.name_tag),
        format!("-Wl,--defsym=ram_start={:#x}", target.app_ram.0),
        format!("-Wl,--defsym=ram_end={:#x}", target.app_ram.1),
        "-Wl,-Tapp/app.ld".to_owned(),
    ]
}

/// The part's name, without its flash's size.
fn mcu(target: &Target) -> &str {
    target.name.split('_').next().unwrap_or(target.name)
}

fn bootloader_name(target: &Target, pin: &str, version: u32) -> String {
    match target.name.split_once('_') {
        Some((mcu, size)) => format!("STANDIN_{mcu}_BOOTLOADER_{pin}_{size}_V{version}"),
        None => format!("STANDIN_{}_BOOTLOADER_{pin}_V{version}", target.name),
    }
}

fn app_tag(target: &Target) -> String {
    format!("DRYFLASH_{}", mcu(target))
}

fn app_name(target: &Target, version: &str) -> String {
    format!("STANDIN_DRYFLASH_{}_{version}", target.name)
}

fn full_name(target: &Target, extension: &str) -> String {
    format!("STANDIN_DRYFLASH_{}_{APP_VERSION}_FULL.{extension}", target.name)
}

fn eeprom_v2(size: usize) -> Vec<u8> {
    let mut page = EEPROM_V2.to_vec();
    page.resize(size, 0xFF);
    page
}

/// Intel HEX: extended linear addresses, 16 bytes a record, no record over a 64 KB border.
fn intel_hex(segments: &[(u32, &[u8])]) -> String {
    let mut text = String::new();
    let mut upper = None;
    for &(start, bytes) in segments {
        let mut at = 0;
        while at < bytes.len() {
            let address = start + at as u32;
            if upper != Some(address >> 16) {
                upper = Some(address >> 16);
                hex_record(&mut text, 0, 4, &((address >> 16) as u16).to_be_bytes());
            }
            let to_border = 0x1_0000 - (address as usize & 0xFFFF);
            let count = (bytes.len() - at).min(16).min(to_border);
            hex_record(&mut text, address as u16, 0, &bytes[at..at + count]);
            at += count;
        }
    }
    hex_record(&mut text, 0, 1, &[]);
    text
}

fn hex_record(text: &mut String, address: u16, kind: u8, data: &[u8]) {
    let [high, low] = address.to_be_bytes();
    let mut record = vec![data.len() as u8, high, low, kind];
    record.extend_from_slice(data);
    let sum = record.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    record.push(sum.wrapping_neg());
    text.push(':');
    for byte in record {
        let _ = write!(text, "{byte:02X}");
    }
    text.push_str("\r\n");
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let three = [chunk[0], *chunk.get(1).unwrap_or(&0), *chunk.get(2).unwrap_or(&0)];
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for i in 0..4 {
            let sextet = (bits >> (18 - 6 * i) & 63) as usize;
            text.push(if i <= chunk.len() { char::from(ALPHABET[sextet]) } else { '=' });
        }
    }
    text
}

/// SHA-256 (FIPS 180-4). Its constants are the fractional parts of roots of the first primes, and are computed.
fn sha256(message: &[u8]) -> [u8; 32] {
    let primes: Vec<u32> = (2..312).filter(|n| (2..*n).all(|d| n % d != 0)).collect();
    let constants: Vec<u32> = primes.iter().map(|p| root_fraction(*p, 3)).collect();
    let mut state: Vec<u32> = primes[..8].iter().map(|p| root_fraction(*p, 2)).collect();

    let mut padded = message.to_vec();
    padded.push(0x80);
    padded.resize((padded.len() + 8).next_multiple_of(64) - 8, 0);
    padded.extend_from_slice(&(message.len() as u64 * 8).to_be_bytes());

    for block in padded.chunks_exact(64) {
        let mut w: Vec<u32> = block.chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]])).collect();
        for t in 16..64 {
            let s0 = w[t - 15].rotate_right(7) ^ w[t - 15].rotate_right(18) ^ (w[t - 15] >> 3);
            let s1 = w[t - 2].rotate_right(17) ^ w[t - 2].rotate_right(19) ^ (w[t - 2] >> 10);
            w.push(w[t - 16].wrapping_add(s0).wrapping_add(w[t - 7]).wrapping_add(s1));
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] =
            [state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7]];
        for t in 0..64 {
            let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let choose = (e & f) ^ (!e & g);
            let t1 = h.wrapping_add(s1).wrapping_add(choose).wrapping_add(constants[t]).wrapping_add(w[t]);
            let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            let majority = (a & b) ^ (a & c) ^ (b & c);
            let t2 = s0.wrapping_add(majority);
            (h, g, f, e, d, c, b, a) = (g, f, e, d.wrapping_add(t1), c, b, a, t1.wrapping_add(t2));
        }
        for (sum, word) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *sum = sum.wrapping_add(word);
        }
    }
    let mut digest = [0; 32];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

/// The first 32 bits of the fractional part of the `degree`-th root of `n`, in whole numbers.
fn root_fraction(n: u32, degree: u32) -> u32 {
    let scaled = u128::from(n) << (32 * degree);
    let (mut low, mut high) = (0u128, 1u128 << 38);
    while low + 1 < high {
        let middle = (low + high) / 2;
        if middle.pow(degree) <= scaled { low = middle } else { high = middle }
    }
    low as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_sha256sum() {
        let hex: String = sha256(b"abc").iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn base64_pads() {
        assert_eq!(base64(b"f"), "Zg==");
        assert_eq!(base64(b"fo"), "Zm8=");
        assert_eq!(base64(b"foo"), "Zm9v");
    }

    #[test]
    fn a_hex_record_stops_at_a_64_kb_border() {
        let text = intel_hex(&[(0x0800_FFFE, &[1, 2, 3])]);
        assert_eq!(text, ":020000040800F2\r\n:02FFFE000102FE\r\n:020000040801F1\r\n:0100000003FC\r\n:00000001FF\r\n");
    }
}
