//! The integration tests, in one program: each program more would link Unicorn once more. One subject a file;
//! `cargo test --test it readme::` runs those of one.
//!
//! The tests of `flash_rules` and `scenarios` are made at run time, by harnesses of their own.

mod action;
mod alive;
mod am32_any_input;
mod arming;
mod bad_input;
mod captures;
mod check_json;
mod chip_model;
mod diff;
mod differential;
mod edges;
mod eeprom;
mod ends;
mod exceptions;
mod firmware;
mod fit;
mod full_disk;
mod gdb;
mod gdb_packets;
mod glasgow;
mod html;
mod image_files;
mod json_schemas;
mod licences;
mod lockstep;
mod map;
mod openocd;
mod pack;
mod pages;
mod people;
mod peripherals;
mod probe_rs;
mod protection;
mod readme;
mod real_images;
mod run;
mod scenario_signals;
mod sessions;
mod settings;
mod signals;
mod signals_alike;
mod st_flash;
mod st_flash_parity;
mod stlink_server;
mod stlink_tools;
mod support;
mod symbols;
mod trace;
#[cfg(unix)]
mod usb_socket;
mod usbip;
mod watchpoints;
mod with;
mod words;
