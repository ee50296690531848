//! dryflash: a virtual STM32 that people flash before they touch the real one.
//!
//! # In a test of your firmware
//!
//! [`esc::check()`] is the main job: files in, [`esc::Verdict`] out. It says which file went where, how each
//! power-up ended, and what is wrong.
//!
//! ```
//! use dryflash::am32::{Given, Id};
//! use dryflash::esc::{Ending, Options, check};
//! use dryflash::image::Image;
//!
//! let files = ["F051_BOOTLOADER_PB4_V14.bin", "DRYFLASH_F051_2.20.hex", "EEPROM_BLANK_1K.bin"];
//! let load = |name| Image::load(format!("firmware/built/STANDIN_{name}").as_ref(), None);
//! let given = files.into_iter().map(|name| Ok(Given { image: load(name)?, role: None }));
//! let (verdict, _) = check(given.collect::<Result<_, dryflash::image::ImageError>>()?, &Options::default(), None)?;
//!
//! assert!(!verdict.starts());
//! assert_eq!(verdict.runs[0].ending, Ending::Stays);
//! assert_eq!(verdict.runs[0].boot_byte[0].value, 0xFF);
//! assert_eq!(verdict.findings[0].id, Id::EEPROM_BLANK);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A chip by hand
//!
//! [`chip::Chip`] is the part with its power switch: program it as a probe does, drive its pins, run it to a point in
//! virtual time or to an address, look at it, save and restore it.
//!
//! ```
//! use dryflash::chip::{Chip, Halt};
//! use dryflash::chip::program::program;
//! use dryflash::image::Image;
//! use dryflash::periph::signal::{Drive, Signal};
//! use dryflash::time::Time;
//!
//! let image = Image::load("firmware/built/STANDIN_DRYFLASH_G071_64K_2.20_FULL.hex".as_ref(), None)?;
//! let mut chip = Chip::new(&dryflash::part::find("G071_64K")?, 1)?;
//! chip.power_on();
//! program(&mut chip, &image, false)?;
//! chip.power_off(1);
//!
//! chip.drive('B', 4, Signal::steady(Drive::Low));
//! chip.stop_inside(&[0x0800_1000..0x0801_0000]);
//! chip.power_on();
//! assert_eq!(chip.run(Time::from_millis(400)), Halt::Inside);
//! assert_eq!(chip.registers().msp, image.word(0x0800_1000).unwrap());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Rooms
//!
//! Each uses only those above it.
//!
//! | room | what lives there |
//! |---|---|
//! | [`image`] | files to bytes at addresses and back; every byte knows its file |
//! | [`part`] | silicon as data |
//! | [`bus`], [`time`], [`memory`] | what accesses ask and answer; virtual time; memory that the core reaches directly |
//! | [`flash`] | cells, controllers and their drivers, option bytes, protection |
//! | [`periph`] | every other block: reads and writes at an offset, the next event |
//! | [`cpu`] | the core, behind a small trait: two engines, and what each refuses |
//! | [`chip`] | a part brought to life: memory map, clock, resets, power |
//! | [`am32`] | what bootloaders, apps and settings look like, and the findings about them; runs nothing |
//! | [`wire`] | what is on the signal pin over time, and the language for it |
//! | [`esc`] | a chip on the bench with its signal wire, and the verdict |
//! | [`layout`] | what lies where: images and the flash of virtual ESCs, looked at, compared, packed into one and taken apart |
//! | [`probe`] | the virtual ST-LINK at a chip: debug registers, the probe's commands; its ways in (TCP, socket, USB/IP); recordings, captures, replay, st-flash's lines; knows no flash rules and no AM32 |
//! | [`gdb`] | a server for gdb at the chip behind that probe |
//! | [`scenario`] | scenario files, running them on many cores, expectations, snapshots |
//! | [`report`] | text and JSON, and what CI systems read |
//! | `cli` | one file for each verb |
//!
//! # Features
//!
//! `unicorn` and `cli` are on by default.
//!
//! | feature | what it brings | what it needs |
//! |---|---|---|
//! | `unicorn` | the engine of record | CMake and libclang at build time |
//! | `embedded-storage` (off) | `flash::nor`: the flash as embedded-storage's `NorFlash`, with power cuts | |
//! | `cli` | [`probe`], [`gdb`], [`scenario`], their reports, the program | threads, sockets, files |
//!
//! Without them there is the rest, with the interpreter, which gives the same runs: also in a browser.

// Both panic where standard output or error is full or gone: `tell!` and `Outcome` are for that.
#![deny(clippy::print_stderr, clippy::print_stdout)]

/// The README's example is compiled and run.
#[cfg(all(doctest, feature = "cli"))]
#[doc = include_str!("../README.md")]
pub struct Readme;

pub mod am32;
pub mod bus;
pub mod chip;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
pub mod cpu;
pub mod digest;
pub mod esc;
pub mod files;
pub mod flash;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "cli")]
pub mod gdb;
pub mod image;
pub mod layout;
pub(crate) mod leftovers;
pub mod memory;
mod near;
pub mod part;
pub mod periph;
mod plural;
#[cfg(feature = "cli")]
pub mod probe;
pub mod report;
#[cfg(feature = "cli")]
pub mod scenario;
pub mod section;
pub mod shell;
#[cfg(feature = "cli")]
pub(crate) mod tell;
pub mod time;
pub mod wire;
