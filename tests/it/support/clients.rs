//! What tests of real clients share: the parts with their stand-in files, and a look at what was flashed.

use dryflash::chip::Chip;
use dryflash::esc::{Options, PowerUp, StateFile, check};
use dryflash::flash::Factory;
use dryflash::part;
use dryflash::wire::Level;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

pub const FLASH: u32 = 0x0800_0000;
pub const APP: u32 = 0x0800_1000;

/// A part with the files that make an ESC of it.
#[derive(Clone, Copy, Debug)]
pub struct Bench {
    pub part: &'static str,
    /// OpenOCD's file for it.
    pub config: &'static str,
    pub bootloader: &'static str,
    pub app: &'static str,
    pub eeprom: (&'static str, u32),
    pub full: &'static str,
    /// Bytes of an erase sector.
    pub sector: u32,
}

pub const BENCHES: [Bench; 3] = [
    Bench {
        part: "F031",
        config: "target/stm32f0x.cfg",
        bootloader: "STANDIN_F031_BOOTLOADER_PB4_V14.bin",
        app: "STANDIN_DRYFLASH_F031_2.20.bin",
        eeprom: ("STANDIN_EEPROM_V2_1K.bin", 0x0800_7C00),
        full: "STANDIN_DRYFLASH_F031_2.20_FULL.bin",
        sector: 0x400,
    },
    Bench {
        part: "F051",
        config: "target/stm32f0x.cfg",
        bootloader: "STANDIN_F051_BOOTLOADER_PB4_V14.bin",
        app: "STANDIN_DRYFLASH_F051_2.20.bin",
        eeprom: ("STANDIN_EEPROM_V2_1K.bin", 0x0800_7C00),
        full: "STANDIN_DRYFLASH_F051_2.20_FULL.bin",
        sector: 0x400,
    },
    Bench {
        part: "G071",
        config: "target/stm32g0x.cfg",
        bootloader: "STANDIN_G071_BOOTLOADER_PB4_128K_V14.bin",
        app: "STANDIN_DRYFLASH_G071_128K_2.20.bin",
        eeprom: ("STANDIN_EEPROM_V2_2K.bin", 0x0801_F800),
        full: "STANDIN_DRYFLASH_G071_128K_2.20_FULL.bin",
        sector: 0x800,
    },
];

pub fn built(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware/built").join(name)
}

/// Whether a client is there. Where it is missing and that is allowed, says so past the harness, which would keep it
/// to itself.
pub fn is_there(client: &str) -> bool {
    let there = Command::new(client).arg("--version").output().is_ok();
    assert!(there || std::env::var_os("CI").is_none(), "{client} is missing: `cargo xtask test` installs it");
    if !there {
        let _ = writeln!(std::io::stderr(), "SKIPPED: {client} is not installed; `cargo xtask test` installs it");
    }
    there
}

impl Bench {
    pub fn is_g0(&self) -> bool {
        self.part == "G071"
    }

    /// Bytes of flash.
    pub fn size(&self) -> u32 {
        part::find(self.part).unwrap().flash.size
    }

    /// What flash holds once st-flash has written the three files.
    pub fn after_st_flash(&self) -> Vec<u8> {
        let mut image = vec![0xFF; self.size() as usize];
        let (eeprom, at) = self.eeprom;
        for (name, address) in [(self.bootloader, FLASH), (self.app, APP), (eeprom, at)] {
            let mut bytes = std::fs::read(built(name)).unwrap();
            // On a G0 st-flash programs double words, and fills up the last one with zeros.
            if self.is_g0() {
                bytes.resize(bytes.len().next_multiple_of(8), 0);
            }
            let start = (address - FLASH) as usize;
            image[start..start + bytes.len()].copy_from_slice(&bytes);
        }
        image
    }

    /// The ESC in a state file, after a power-on.
    pub fn chip(&self, state: &Path) -> Chip {
        let mut chip = Chip::new(&part::find(self.part).unwrap(), 1).unwrap();
        StateFile::open(state).unwrap().install(&mut chip).unwrap();
        chip.power_on();
        chip
    }

    /// A state file of an ESC that left the factory whole, but for what `with` makes of it.
    pub fn factory(&self, state: &Path, with: impl FnOnce(Factory) -> Factory) {
        let part = part::find(self.part).unwrap();
        let mut chip = Chip::new(&part, 1).unwrap();
        let image = std::fs::read(built(self.full)).unwrap();
        let factory = Factory::of(chip.board.flash.as_ref(), part.flash.wrp_pages).cells(FLASH, &image).unwrap();
        with(factory).install(chip.board.flash.as_mut()).unwrap();
        StateFile::open(state).unwrap().save(&chip).unwrap();
    }
}

/// Whether the ESC in a state file starts.
pub fn starts(state: &Path) -> bool {
    let options = Options { power_ups: vec![PowerUp::steady(Level::Low)], ..Options::default() };
    check(Vec::new(), &options, StateFile::open(state).unwrap().kept()).unwrap().0.starts()
}
