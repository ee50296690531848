//! What the firmware says of a command, and the modes it is in: one byte each.

/// What the firmware says of a command (`STLINK_DEBUG_ERR_*` and others in OpenOCD's `stlink_usb.c`, `JtagStatus` in
/// probe-rs).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// Done.
    Ok = 0x80,
    /// The access failed.
    Fault = 0x81,
    /// Something is wrong with the command.
    Unknown = 0x01,
    /// Nobody answers at the debug port.
    NoDevice = 0x05,
    /// Address or length is no multiple of the width.
    Alignment = 0x0A,
    /// A write failed.
    Write = 0x0C,
    /// The access port is not ready; clients try again.
    ApWait = 0x10,
    /// The access port reports a fault.
    ApFault = 0x11,
    /// The debug port is not ready; clients try again.
    DpWait = 0x14,
    /// The debug port reports a fault.
    DpFault = 0x15,
    /// There is no such access port.
    BadAp = 0x1D,
    /// The probe's own set-up has changed.
    ConfigurationChanged = 0x40,
    /// There is no such command.
    NoCommand = 0x42,
}

impl Status {
    /// All of them.
    pub const ALL: [Status; 13] = [
        Status::Ok,
        Status::Fault,
        Status::Unknown,
        Status::NoDevice,
        Status::Alignment,
        Status::Write,
        Status::ApWait,
        Status::ApFault,
        Status::DpWait,
        Status::DpFault,
        Status::BadAp,
        Status::ConfigurationChanged,
        Status::NoCommand,
    ];

    /// Its byte.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The status with this byte; none where nobody knows of one.
    pub fn from_code(code: u8) -> Option<Status> {
        Status::ALL.into_iter().find(|s| s.code() == code)
    }

    /// In words.
    pub const fn text(self) -> &'static str {
        match self {
            Status::Ok => "done",
            Status::Fault => "fault",
            Status::Unknown => "something is wrong with the command",
            Status::NoDevice => "no device answers",
            Status::Alignment => "alignment",
            Status::Write => "write error",
            Status::ApWait | Status::DpWait => "wait",
            Status::ApFault => "fault of the access port",
            Status::DpFault => "fault of the debug port",
            Status::BadAp => "no such access port",
            Status::ConfigurationChanged => "configuration changed",
            Status::NoCommand => "no such command",
        }
    }

    /// Whether a reply begins with it.
    pub fn begins(self, reply: &[u8]) -> bool {
        reply.first() == Some(&self.code())
    }
}

/// What the probe is doing (`STLINK_DEV_*_MODE` in OpenOCD).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// Waits for new firmware.
    Dfu = 0,
    /// A disk for files to be flashed; no debugging yet.
    MassStorage = 1,
    /// SWD or JTAG.
    Debug = 2,
    /// The wire of STM8.
    Swim = 3,
    /// Its own boot loader.
    Bootloader = 4,
}

impl Mode {
    /// The mode with this byte.
    pub const fn from_code(code: u8) -> Option<Mode> {
        match code {
            0 => Some(Mode::Dfu),
            1 => Some(Mode::MassStorage),
            2 => Some(Mode::Debug),
            3 => Some(Mode::Swim),
            4 => Some(Mode::Bootloader),
            _ => None,
        }
    }

    /// In words.
    pub const fn text(self) -> &'static str {
        match self {
            Mode::Dfu => "DFU",
            Mode::MassStorage => "mass storage",
            Mode::Debug => "debug",
            Mode::Swim => "SWIM",
            Mode::Bootloader => "bootloader",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_belong_together() {
        for code in 0..=0xFF {
            assert!(Status::from_code(code).is_none_or(|s| s.code() == code), "{code:02X}");
            assert!(Mode::from_code(code).is_none_or(|m| m as u8 == code), "{code:02X}");
        }
        assert_eq!(Status::ALL.into_iter().filter(|s| Status::from_code(s.code()) == Some(*s)).count(), 13);
        assert_eq!(Status::from_code(0x11), Some(Status::ApFault));
        assert_eq!(Status::from_code(0x00), None);
        assert!(Status::Ok.begins(&[0x80, 0]) && !Status::Ok.begins(&[]));
    }
}
