//! The imported device: what becomes of each transfer.

use super::wire::{self, Request};
use crate::probe::owner::Line;
use crate::probe::stlink::Model;
use crate::probe::usb::{self, Assembler};
use std::collections::VecDeque;

/// Transfers that wait at once; a host that leaves more is broken.
const WAITING: usize = 1024;

/// The probe behind an import.
pub struct Device {
    line: Line,
    model: Model,
    assembler: Assembler,
    reply: VecDeque<u8>,
    /// IN transfers for which nothing has come yet, in their order: number, endpoint, bytes wanted.
    pending: VecDeque<(u32, u8, usize)>,
    configuration: u8,
}

/// The device is gone, or the host is broken.
#[derive(Debug)]
pub struct Gone;

impl Device {
    /// Behind a line that has the probe.
    pub fn new(line: Line, model: Model) -> Device {
        Device {
            line,
            model,
            assembler: Assembler::default(),
            reply: VecDeque::new(),
            pending: VecDeque::new(),
            configuration: 1,
        }
    }

    /// A request, with the data of one that goes out. What is to be sent back now: nothing where it has to wait.
    ///
    /// # Errors
    /// There is no way on.
    pub fn request(&mut self, request: Request, data: Vec<u8>) -> Result<Vec<u8>, Gone> {
        match request {
            Request::Unlink { seqnum, victim } => {
                let before = self.pending.len();
                self.pending.retain(|(waiting, ..)| *waiting != victim);
                let taken_back = self.pending.len() < before;
                // What is over cannot be taken back.
                Ok(wire::unlinked(seqnum, if taken_back { wire::UNLINKED } else { 0 }))
            }
            Request::Submit { seqnum, endpoint: 0, is_in, length, setup } => {
                Ok(self.control(seqnum, is_in, length as usize, setup, &data))
            }
            Request::Submit { seqnum, is_in: true, endpoint, length, .. } => {
                let address = 0x80 | endpoint as u8;
                if endpoint > 0xF || !matches!(address, usb::IN | usb::SWO) {
                    return Ok(wire::submitted(seqnum, wire::STALL, 0, &[]));
                }
                if self.pending.len() >= WAITING {
                    return Err(Gone);
                }
                self.pending.push_back((seqnum, address, length as usize));
                Ok(self.deliver())
            }
            Request::Submit { seqnum, endpoint, .. } => {
                if endpoint != u32::from(usb::OUT) {
                    return Ok(wire::submitted(seqnum, wire::STALL, 0, &[]));
                }
                let Ok(command) = self.assembler.push(&data) else {
                    return Ok(wire::submitted(seqnum, wire::STALL, 0, &[]));
                };
                let mut answer = wire::submitted(seqnum, 0, data.len(), &[]);
                if let Some(command) = command {
                    // What nobody fetched is lost, as in the probe's one buffer.
                    self.reply = self.line.command(command.command, command.data).ok_or(Gone)?.into();
                    answer.extend(self.deliver());
                }
                Ok(answer)
            }
        }
    }

    /// Completes IN transfers for which there is something.
    fn deliver(&mut self) -> Vec<u8> {
        let mut answers = Vec::new();
        while !self.reply.is_empty() {
            // There is no trace data: transfers from its endpoint wait for good.
            let Some(at) = self.pending.iter().position(|(_, endpoint, _)| *endpoint == usb::IN) else { break };
            let Some((seqnum, _, length)) = self.pending.remove(at) else { break };
            let data: Vec<u8> = self.reply.drain(..length.min(self.reply.len())).collect();
            answers.extend(wire::submitted(seqnum, 0, data.len(), &data));
        }
        answers
    }

    /// Standard requests (USB 2.0, 9.4).
    fn control(&mut self, seqnum: u32, is_in: bool, length: usize, setup: [u8; 8], data: &[u8]) -> Vec<u8> {
        let [kind, request, low, high, ..] = setup;
        let wanted = usize::from(u16::from_le_bytes([setup[6], setup[7]])).min(length);
        let answer: Option<Vec<u8>> = match (kind, request) {
            // GET_STATUS: no self-power, no wake-up, no halt.
            (0x80..=0x82, 0) => Some(vec![0, 0]),
            // GET_DESCRIPTOR: kind and index.
            (0x80, 6) => match high {
                1 => Some(usb::device_descriptor(self.model).to_vec()),
                2 if low == 0 => Some(usb::configuration_descriptor().to_vec()),
                3 => usb::string_descriptor(low),
                _ => None,
            },
            // GET_CONFIGURATION, GET_INTERFACE.
            (0x80, 8) => Some(vec![self.configuration]),
            (0x81, 10) => Some(vec![0]),
            // CLEAR_FEATURE, SET_FEATURE, SET_INTERFACE.
            (0x00..=0x02, 1 | 3) | (0x01, 11) => Some(Vec::new()),
            // SET_CONFIGURATION.
            (0x00, 9) if low <= 1 => {
                self.configuration = low;
                Some(Vec::new())
            }
            _ => None,
        };
        match answer {
            Some(mut bytes) if is_in => {
                bytes.truncate(wanted);
                wire::submitted(seqnum, 0, bytes.len(), &bytes)
            }
            Some(_) => wire::submitted(seqnum, 0, data.len(), &[]),
            None => wire::submitted(seqnum, wire::STALL, 0, &[]),
        }
    }
}
