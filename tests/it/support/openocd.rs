//! OpenOCD's ST-LINK drivers: those of the one on the way, and those of a newer one where somebody says where it is.
//!
//! `DRYFLASH_OPENOCD_HEAD=path/to/bin/openocd`, built from OpenOCD's sources and installed (docs/clients.md): it finds
//! its scripts from where it lies.

use std::ffi::OsString;

/// A driver of an OpenOCD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    Hla,
    Dap,
    HeadHla,
    HeadDap,
}

fn head() -> Option<OsString> {
    std::env::var_os("DRYFLASH_OPENOCD_HEAD")
}

/// Each program that is there.
pub fn programs() -> Vec<OsString> {
    let installed = super::clients::is_there("openocd").then(|| OsString::from("openocd"));
    installed.into_iter().chain(head()).collect()
}

/// Each driver that is there.
pub fn drivers() -> Vec<Driver> {
    let mut all = Vec::new();
    if super::clients::is_there("openocd") {
        all.extend([Driver::Hla, Driver::Dap]);
    }
    if head().is_some() {
        all.extend([Driver::HeadHla, Driver::HeadDap]);
    }
    all
}

impl Driver {
    pub fn program(self) -> OsString {
        match self {
            Driver::Hla | Driver::Dap => "openocd".into(),
            Driver::HeadHla | Driver::HeadDap => head().expect("it was there before"),
        }
    }

    /// Its file; of OpenOCD's own two, 0.12's `stlink.cfg` is the HLA driver, and the newer one's is not.
    pub fn interface(self) -> &'static str {
        match self {
            Driver::Hla => "interface/stlink.cfg",
            Driver::HeadHla => "interface/stlink-hla.cfg",
            Driver::Dap | Driver::HeadDap => "interface/stlink-dap.cfg",
        }
    }

    /// What leads it to a port.
    pub fn backend(self, port: u16) -> String {
        match self {
            Driver::Hla | Driver::HeadHla => format!("hla_stlink_backend tcp {port}"),
            Driver::Dap | Driver::HeadDap => {
                format!("st-link backend tcp {port}; transport select dapdirect_swd")
            }
        }
    }
}
