//! Bulk transfers that are waited for.

use crate::device::Trouble;
use crate::quiet::Quiet;
use crate::{ERROR_INVALID_PARAM, ERROR_IO, ERROR_TIMEOUT, Handle, SUCCESS, code, wire};
use std::ffi::{c_int, c_uchar, c_uint};
use std::ptr;
use std::thread;
use std::time::{Duration, Instant};

/// The direction bit of an endpoint's address.
pub const IN: u8 = 0x80;

/// How often the probe is asked again for what had not come.
const AGAIN: Duration = Duration::from_millis(1);

/// When a transfer with this timeout ends; 0 is never.
pub fn deadline(timeout: c_uint) -> Option<Instant> {
    (timeout > 0).then(|| Instant::now() + Duration::from_millis(u64::from(timeout)))
}

/// One try: how many bytes went.
///
/// # Safety
/// `data` has `length` bytes.
pub unsafe fn attempt(handle: &Handle, endpoint: u8, data: *mut c_uchar, length: usize) -> Result<usize, Trouble> {
    // Memory is taken and given back here; a handler that does so too must not come in between.
    let _quiet = Quiet::now();
    let wanted = u32::try_from(length).ok().filter(|l| *l <= wire::LONGEST).ok_or(Trouble::Refused)?;
    if endpoint & IN == 0 {
        let bytes = match length {
            0 => &[],
            // SAFETY: the caller's promise.
            _ => unsafe { std::slice::from_raw_parts(data, length) },
        };
        return handle.connection.send(endpoint, bytes).map(|()| length);
    }
    let bytes = handle.connection.ask(wire::BULK_IN, endpoint, wanted, &[])?;
    let count = bytes.len().min(length);
    // SAFETY: the caller's promise.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), data, count) };
    Ok(count)
}

/// As libusb has it: what does not come within the timeout is an error; a timeout of 0 waits for good.
///
/// # Safety
/// `handle` came from [`crate::libusb_open`], `data` has `length` bytes, `transferred` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_bulk_transfer(
    handle: *mut Handle,
    endpoint: c_uchar,
    data: *mut c_uchar,
    length: c_int,
    transferred: *mut c_int,
    timeout: c_uint,
) -> c_int {
    // SAFETY: the caller's promise.
    let (Some(handle), Ok(length)) = (unsafe { handle.as_ref() }, usize::try_from(length)) else {
        return ERROR_INVALID_PARAM;
    };
    let end = deadline(timeout);
    let (count, result) = loop {
        // SAFETY: the caller's promise.
        match unsafe { attempt(handle, endpoint, data, length) } {
            Ok(count) => break (count, SUCCESS),
            Err(Trouble::Nothing) if end.is_some_and(|end| Instant::now() >= end) => break (0, ERROR_TIMEOUT),
            Err(Trouble::Nothing) => thread::sleep(AGAIN),
            Err(Trouble::Refused) => break (0, ERROR_IO),
            Err(trouble) => break (0, code(trouble)),
        }
    };
    if !transferred.is_null() {
        // SAFETY: the caller's promise.
        unsafe { *transferred = count as c_int };
    }
    result
}

/// As [`libusb_bulk_transfer`]; there are no interrupt endpoints.
///
/// # Safety
/// As for [`libusb_bulk_transfer`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_interrupt_transfer(
    handle: *mut Handle,
    endpoint: c_uchar,
    data: *mut c_uchar,
    length: c_int,
    transferred: *mut c_int,
    timeout: c_uint,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { libusb_bulk_transfer(handle, endpoint, data, length, transferred, timeout) }
}
