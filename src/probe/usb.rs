//! The probe as a USB device: its ids, strings and endpoints, and bulk transfers made into commands and replies.
//!
//! A command is one OUT transfer of up to 16 bytes; data that goes with it follows in further ones, and a reply waits
//! to be fetched by IN. An IN for which nothing waits stays pending: fronts must not complete it with 0 bytes.

use super::stlink::{self, COMMAND, Model};

/// Where replies come from.
pub const IN: u8 = 0x81;
/// Where commands go.
pub const OUT: u8 = 0x01;
/// Where trace data would come from.
pub const SWO: u8 = 0x82;

/// What people call the maker, the product and its debug interface.
pub const MANUFACTURER: &str = "STMicroelectronics";
/// The product's string.
pub const PRODUCT: &str = "STM32 STLink";
/// The debug interface's string.
pub const INTERFACE: &str = "ST-Link Debug";
/// The serial number: 24 characters, as st-flash wants them.
pub const SERIAL: &str = "066DFF494857808667123456";

/// Bytes of a packet at full speed.
pub const PACKET: u16 = 64;

/// The device descriptor (USB 2.0, 9.6.1).
pub fn device_descriptor(model: Model) -> [u8; 18] {
    let [v0, v1] = Model::VENDOR.to_le_bytes();
    let [p0, p1] = model.product().to_le_bytes();
    [18, 1, 0x00, 0x02, 0xEF, 2, 1, 64, v0, v1, p0, p1, 0x00, 0x01, 1, 2, 3, 1]
}

/// The configuration descriptor with its one interface and three endpoints (USB 2.0, 9.6.3 to 9.6.6).
pub fn configuration_descriptor() -> [u8; 39] {
    let [m0, m1] = PACKET.to_le_bytes();
    #[rustfmt::skip]
    let bytes = [
        9, 2, 39, 0, 1, 1, 0, 0x80, 50,
        9, 4, 0, 0, 3, 0xFF, 0xFF, 0xFF, 4,
        7, 5, IN, 2, m0, m1, 0,
        7, 5, OUT, 2, m0, m1, 0,
        7, 5, SWO, 2, m0, m1, 0,
    ];
    bytes
}

/// The string with this index; 0 is the list of languages and none.
pub const fn string(index: u8) -> Option<&'static str> {
    match index {
        1 => Some(MANUFACTURER),
        2 => Some(PRODUCT),
        3 => Some(SERIAL),
        4 => Some(INTERFACE),
        _ => None,
    }
}

/// A string descriptor (USB 2.0, 9.6.7).
pub fn string_descriptor(index: u8) -> Option<Vec<u8>> {
    let content: Vec<u8> = match index {
        0 => vec![0x09, 0x04],
        _ => string(index)?.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    };
    Some([vec![content.len() as u8 + 2, 3], content].concat())
}

/// A command with all of its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Padded with zeros.
    pub command: [u8; COMMAND],
    /// What followed it.
    pub data: Vec<u8>,
}

/// A transfer that fits nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stray {
    /// No command is as long.
    #[error("{0} bytes where a command was due, which has {COMMAND}")]
    Length(usize),
    /// More than the command said.
    #[error("{got} bytes of data for a command that takes {wanted}")]
    Data {
        /// So many in all.
        got: usize,
        /// So many were announced.
        wanted: usize,
    },
}

/// Puts OUT transfers together.
#[derive(Clone, Debug, Default)]
pub struct Assembler {
    begun: Option<Command>,
}

impl Assembler {
    /// Takes one OUT transfer. A command, once all of it has come.
    ///
    /// # Errors
    /// The transfer fits nowhere; what was begun before is forgotten.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<Command>, Stray> {
        if bytes.is_empty() {
            return Ok(None);
        }
        let mut command = match self.begun.take() {
            None => {
                let mut command = [0; COMMAND];
                let place = command.get_mut(..bytes.len()).ok_or(Stray::Length(bytes.len()))?;
                place.copy_from_slice(bytes);
                Command { command, data: Vec::new() }
            }
            Some(mut begun) => {
                begun.data.extend(bytes);
                begun
            }
        };
        let wanted = stlink::Command::decode(&command.command).data_length();
        if command.data.len() > wanted {
            return Err(Stray::Data { got: command.data.len(), wanted });
        }
        if command.data.len() == wanted {
            command.data.shrink_to_fit();
            return Ok(Some(command));
        }
        self.begun = Some(command);
        Ok(None)
    }

    /// The command whose data is still due, if there is one.
    pub const fn begun(&self) -> Option<&Command> {
        self.begun.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_may_come_in_pieces() {
        let mut assembler = Assembler::default();
        let write = [0xF2, 0x08, 0, 0, 0, 0x20, 8, 0];
        assert_eq!(assembler.push(&write), Ok(None));
        assert_eq!(assembler.push(&[]), Ok(None));
        assert_eq!(assembler.push(&[1, 2, 3]), Ok(None));
        assert_eq!(assembler.begun().map(|c| c.data.len()), Some(3));
        let whole = assembler.push(&[4, 5, 6, 7, 8]).unwrap().unwrap();
        assert_eq!(whole.data, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(whole.command[..8], write);
        assert!(assembler.begun().is_none());
    }

    #[test]
    fn what_fits_nowhere_is_told() {
        let mut assembler = Assembler::default();
        assert_eq!(assembler.push(&[0; 17]), Err(Stray::Length(17)));
        assert_eq!(assembler.push(&[0xF2, 0x0D, 0, 0, 0, 0x20, 2, 0]), Ok(None));
        assert_eq!(assembler.push(&[0; 3]), Err(Stray::Data { got: 3, wanted: 2 }));
        // And it goes on.
        assert!(assembler.push(&[0xF1]).unwrap().is_some());
    }

    #[test]
    fn descriptors_have_the_lengths_they_tell() {
        for model in [Model::V2, Model::V3] {
            assert_eq!(device_descriptor(model).len(), usize::from(device_descriptor(model)[0]));
        }
        let configuration = configuration_descriptor();
        assert_eq!(usize::from(configuration[2]), configuration.len());
        let mut at = 0;
        while at < configuration.len() {
            at += usize::from(configuration[at]);
        }
        assert_eq!(at, configuration.len());
        let serial = string_descriptor(3).unwrap();
        assert_eq!((serial[0], serial[1], serial.len()), (50, 3, 50));
        assert_eq!(string_descriptor(9), None);
    }
}
