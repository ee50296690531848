//! The little of the GDB remote protocol that runs a case in QEMU.

use std::io::{self, BufReader, Read, Write};
use std::net::TcpStream;

/// A connection to a stub whose target is stopped.
pub struct Remote {
    input: BufReader<TcpStream>,
    output: TcpStream,
}

/// The registers that an M-profile stub shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown {
    /// R0 to R12, SP, LR, PC.
    pub r: [u32; 16],
    pub xpsr: u32,
}

/// Digits of the floating-point accelerator's registers, which stand between PC and xPSR in QEMU's answer.
const FPA: usize = 8 * 24 + 8;

/// Bytes of memory in one packet; QEMU takes 4,096 characters.
const PIECE: usize = 1_024;

impl Remote {
    pub fn connect(port: u16) -> io::Result<Remote> {
        let output = TcpStream::connect(("127.0.0.1", port))?;
        // Each answer waits for the packet before it.
        output.set_nodelay(true)?;
        output.set_read_timeout(Some(std::time::Duration::from_secs(5)))?;
        Ok(Remote { input: BufReader::new(output.try_clone()?), output })
    }

    /// Sends a packet and takes its answer.
    fn ask(&mut self, packet: &str) -> io::Result<String> {
        let sum = packet.bytes().fold(0u8, u8::wrapping_add);
        self.output.write_all(format!("${packet}#{sum:02x}").as_bytes())?;
        while self.byte()? != b'$' {}
        let mut answer = String::new();
        loop {
            match self.byte()? {
                b'#' => break,
                byte => answer.push(char::from(byte)),
            }
        }
        // Its checksum: the connection is a local one.
        self.byte()?;
        self.byte()?;
        self.output.write_all(b"+")?;
        Ok(answer)
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.input.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    fn ok(&mut self, packet: &str) -> io::Result<()> {
        match self.ask(packet)?.as_str() {
            "OK" => Ok(()),
            other => Err(io::Error::other(format!("{} gave {other}", &packet[..packet.len().min(20)]))),
        }
    }

    pub fn registers(&mut self) -> io::Result<Shown> {
        let answer = self.ask("g")?;
        let word = |at: usize| {
            let digits = answer.get(at..at + 8).unwrap_or("");
            u32::from_str_radix(digits, 16).map(u32::swap_bytes).map_err(io::Error::other)
        };
        let mut shown = Shown { xpsr: word(128 + FPA)?, ..Shown::default() };
        for (n, r) in shown.r.iter_mut().enumerate() {
            *r = word(8 * n)?;
        }
        Ok(shown)
    }

    pub fn set_registers(&mut self, shown: &Shown) -> io::Result<()> {
        let mut packet = String::from("G");
        for r in shown.r {
            packet.push_str(&format!("{:08x}", r.swap_bytes()));
        }
        packet.push_str(&"0".repeat(FPA));
        packet.push_str(&format!("{:08x}", shown.xpsr.swap_bytes()));
        self.ok(&packet)
    }

    pub fn read(&mut self, address: u32, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let piece = PIECE.min(length - bytes.len());
            let answer = self.ask(&format!("m{:x},{piece:x}", address + bytes.len() as u32))?;
            for n in 0..piece {
                let digits = answer.get(2 * n..2 * n + 2).unwrap_or("");
                bytes.push(u8::from_str_radix(digits, 16).map_err(io::Error::other)?);
            }
        }
        Ok(bytes)
    }

    pub fn write(&mut self, address: u32, bytes: &[u8]) -> io::Result<()> {
        for (n, piece) in bytes.chunks(PIECE).enumerate() {
            let digits: String = piece.iter().map(|b| format!("{b:02x}")).collect();
            self.ok(&format!("M{:x},{:x}:{digits}", address as usize + n * PIECE, piece.len()))?;
        }
        Ok(())
    }

    /// One instruction, or the entry of an exception.
    pub fn step(&mut self) -> io::Result<()> {
        self.ask("s").map(|_| ())
    }
}
