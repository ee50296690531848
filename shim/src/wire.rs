//! What goes over the socket between the stand-in and the virtual probe. Both sides include this file.
//!
//! A request is 8 bytes (what, endpoint, two zeros, a length as little-endian u32), with that many bytes behind it
//! where it is [`BULK_OUT`] or [`BULK_OUT_ONLY`]. An answer is 8 bytes (a code and a length, both little-endian u32), with that many bytes
//! behind it. A connection is a USB handle; closing it gives the probe back.

/// Bytes before what a request or an answer carries.
pub const HEAD: usize = 8;

/// The longest transfer.
pub const LONGEST: u32 = 0x1_0000;

/// What is the device? Answered with its device descriptor, configuration descriptor and string descriptors 0, 1, ...
pub const DESCRIBE: u8 = 0;
/// The probe for this handle alone, please.
pub const CLAIM: u8 = 1;
/// The probe is free again.
pub const RELEASE: u8 = 2;
/// A bulk OUT transfer.
#[allow(dead_code, reason = "the stand-in itself waits for no answer")]
pub const BULK_OUT: u8 = 3;
/// A bulk IN transfer of up to so many bytes.
pub const BULK_IN: u8 = 4;
/// A client looks which devices there are. Nothing is behind the answer.
pub const LOOK: u8 = 5;
/// A bulk OUT transfer that is not answered; what is wrong with it, the next [`BULK_IN`] is told.
pub const BULK_OUT_ONLY: u8 = 6;

/// Done.
pub const OK: u32 = 0;
/// Another handle has the probe.
pub const BUSY: u32 = 1;
/// Nothing is there to be read; later perhaps.
pub const NOTHING: u32 = 2;
/// The transfer fits nowhere: on a bus the endpoint would stall.
pub const STALL: u32 = 3;
/// There is no such endpoint, or the handle does not have the probe.
pub const REFUSED: u32 = 4;

/// The head of a request or an answer.
pub const fn head(first: u32, length: u32) -> [u8; HEAD] {
    let [a, b, c, d] = first.to_le_bytes();
    let [e, f, g, h] = length.to_le_bytes();
    [a, b, c, d, e, f, g, h]
}

/// The two numbers of a head.
pub const fn numbers(head: [u8; HEAD]) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = head;
    (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))
}
