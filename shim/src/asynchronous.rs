//! Transfers that are submitted, and told of later by callbacks from within `libusb_handle_events`.
//!
//! The probe answers at once, so a transfer is done when it is submitted, in the order of submission, and only its
//! callback waits. An IN for which nothing has come stays pending until something comes, its time is over, or it is
//! cancelled.

use crate::device::Trouble;
use crate::quiet::Quiet;
use crate::transfer::{attempt, deadline};
use crate::{Context, ERROR_INVALID_PARAM, ERROR_NOT_FOUND, Handle, SUCCESS, control};
use std::ffi::{c_int, c_long, c_uchar, c_uint, c_void};
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const COMPLETED: c_int = 0;
const ERROR: c_int = 1;
const TIMED_OUT: c_int = 2;
const CANCELLED: c_int = 3;
const STALL: c_int = 4;
const NO_DEVICE: c_int = 5;

/// `LIBUSB_TRANSFER_TYPE_CONTROL`.
const CONTROL: c_uchar = 0;
/// Bytes of the request at the beginning of a control transfer's buffer (USB 2.0, 9.3).
const SETUP: usize = 8;

const FLAG_SHORT_NOT_OK: u8 = 1;
const FLAG_FREE_BUFFER: u8 = 2;
const FLAG_FREE_TRANSFER: u8 = 4;

/// How long is slept before another look at what is pending or was submitted meanwhile: this, then twice as long, ...
const FIRST: Duration = Duration::from_micros(50);
/// ... up to this.
const AGAIN: Duration = Duration::from_millis(1);
/// How long `libusb_handle_events` waits at most, as in libusb.
const LONG: Duration = Duration::from_secs(60);

unsafe extern "C" {
    fn calloc(count: usize, size: usize) -> *mut c_void;
    fn free(memory: *mut c_void);
}

/// `struct libusb_transfer`; descriptions of isochronous packets follow it.
#[repr(C)]
pub struct Transfer {
    handle: *mut Handle,
    flags: u8,
    endpoint: c_uchar,
    kind: c_uchar,
    timeout: c_uint,
    status: c_int,
    length: c_int,
    actual: c_int,
    callback: Option<unsafe extern "C" fn(*mut Transfer)>,
    user: *mut c_void,
    buffer: *mut c_uchar,
    packets: c_int,
}

/// `struct timeval`.
#[repr(C)]
pub struct TimeVal {
    seconds: c_long,
    micros: c_long,
}

struct Waiting {
    transfer: *mut Transfer,
    handle: *mut Handle,
    until: Option<Instant>,
}

#[derive(Default)]
struct Queue {
    /// Their callbacks are due.
    done: Vec<*mut Transfer>,
    pending: Vec<Waiting>,
}

// SAFETY: a transfer is its client's; it lends it to whoever handles events until the callback.
unsafe impl Send for Queue {}

static QUEUE: Mutex<Queue> = Mutex::new(Queue { done: Vec::new(), pending: Vec::new() });

/// The queue, locked. Signals wait until it is dropped: a handler that closes its handle wants the queue as well.
struct Locked {
    // In this order: unlocked first, then signals come again.
    queue: MutexGuard<'static, Queue>,
    _quiet: Quiet,
}

impl Deref for Locked {
    type Target = Queue;

    fn deref(&self) -> &Queue {
        &self.queue
    }
}

impl DerefMut for Locked {
    fn deref_mut(&mut self) -> &mut Queue {
        &mut self.queue
    }
}

fn queue() -> Locked {
    let quiet = Quiet::now();
    Locked { queue: QUEUE.lock().unwrap_or_else(PoisonError::into_inner), _quiet: quiet }
}

/// A handle is closed: nothing of it is pending any more.
pub fn forget(handle: *mut Handle) {
    let mut queue = queue();
    queue.pending.retain(|w| w.handle != handle);
}

/// As libusb has it.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_alloc_transfer(packets: c_int) -> *mut Transfer {
    const PACKET: usize = 12;
    let Ok(packets) = usize::try_from(packets) else { return ptr::null_mut() };
    // SAFETY: plain C allocation, zeroed; a Transfer of zeros is a valid one. The client may free the buffer with C's
    // free, and so is the transfer.
    unsafe { calloc(1, size_of::<Transfer>() + packets * PACKET).cast() }
}

/// As libusb has it.
///
/// # Safety
/// `transfer` is null or came from [`libusb_alloc_transfer`], and is not in flight.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_free_transfer(transfer: *mut Transfer) {
    if transfer.is_null() {
        return;
    }
    // SAFETY: the caller's promise.
    unsafe {
        if (*transfer).flags & FLAG_FREE_BUFFER != 0 {
            free((*transfer).buffer.cast());
        }
        free(transfer.cast());
    }
}

/// Tries a transfer; whether it is over, one way or the other.
///
/// # Safety
/// `transfer` is a client's, with its handle open and its buffer in place.
unsafe fn advance(transfer: *mut Transfer) -> bool {
    // SAFETY: the caller's promise.
    let t = unsafe { &mut *transfer };
    // SAFETY: the caller's promise.
    let Some(handle) = (unsafe { t.handle.as_ref() }) else {
        t.status = NO_DEVICE;
        return true;
    };
    let length = usize::try_from(t.length).unwrap_or(0);
    if t.kind == CONTROL {
        // SAFETY: the caller's promise.
        unsafe { request(t, length) };
        return true;
    }
    // SAFETY: the caller's promise.
    t.status = match unsafe { attempt(handle, t.endpoint, t.buffer, length) } {
        Ok(count) => {
            t.actual = count as c_int;
            let short = count < length && t.flags & FLAG_SHORT_NOT_OK != 0;
            if short { ERROR } else { COMPLETED }
        }
        Err(Trouble::Nothing) => return false,
        Err(Trouble::Stall) => STALL,
        Err(Trouble::Gone) => NO_DEVICE,
        Err(Trouble::Busy | Trouble::Refused) => ERROR,
    };
    true
}

/// A control transfer: its request stands at the beginning of the buffer, its data behind that.
///
/// # Safety
/// The buffer has `length` bytes.
unsafe fn request(t: &mut Transfer, length: usize) {
    if length < SETUP || t.buffer.is_null() {
        t.status = ERROR;
        return;
    }
    // SAFETY: the caller's promise.
    let setup = unsafe { t.buffer.cast::<[u8; SETUP]>().read() };
    let [kind, request, v0, v1, _, _, l0, l1] = setup;
    let room = u16::try_from(length - SETUP).unwrap_or(u16::MAX).min(u16::from_le_bytes([l0, l1]));
    // SAFETY: the request is followed by that much room.
    let result = unsafe { control(kind, request, u16::from_le_bytes([v0, v1]), t.buffer.add(SETUP), room) };
    t.actual = result.max(0);
    t.status = if result < 0 { STALL } else { COMPLETED };
}

/// As libusb has it.
///
/// # Safety
/// `transfer` came from [`libusb_alloc_transfer`] and is filled in.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_submit_transfer(transfer: *mut Transfer) -> c_int {
    if transfer.is_null() {
        return ERROR_INVALID_PARAM;
    }
    let mut queue = queue();
    // SAFETY: the caller's promise.
    unsafe {
        (*transfer).actual = 0;
        if advance(transfer) {
            queue.done.push(transfer);
        } else {
            let until = deadline((*transfer).timeout);
            queue.pending.push(Waiting { transfer, handle: (*transfer).handle, until });
        }
    }
    SUCCESS
}

/// As libusb has it: a pending transfer is told of as cancelled.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_cancel_transfer(transfer: *mut Transfer) -> c_int {
    let mut queue = queue();
    let Some(at) = queue.pending.iter().position(|w| w.transfer == transfer) else { return ERROR_NOT_FOUND };
    queue.pending.remove(at);
    // SAFETY: it was submitted and not told of yet.
    unsafe { (*transfer).status = CANCELLED };
    queue.done.push(transfer);
    SUCCESS
}

/// Looks at what is pending, and calls back for what is over. Waits for the first such transfer where there is none,
/// for `wait` at most.
fn handle_events(wait: Duration, completed: *const c_int) {
    let end = Instant::now() + wait;
    let mut nap = FIRST;
    loop {
        let mut waiting = queue();
        let now = Instant::now();
        let mut still = Vec::new();
        for w in std::mem::take(&mut waiting.pending) {
            // SAFETY: it was submitted and not told of yet.
            if unsafe { advance(w.transfer) } {
                waiting.done.push(w.transfer);
            } else if w.until.is_some_and(|until| now >= until) {
                // SAFETY: as above.
                unsafe { (*w.transfer).status = TIMED_OUT };
                waiting.done.push(w.transfer);
            } else {
                still.push(w);
            }
        }
        waiting.pending = still;
        let done = std::mem::take(&mut waiting.done);
        // SAFETY: null, or the client's own flag.
        let enough = unsafe { completed.as_ref() }.is_some_and(|c| *c != 0);
        if !done.is_empty() || enough || now >= end {
            drop(waiting);
            for transfer in done {
                // SAFETY: the transfer is the client's again from here on; what it frees is not looked at afterwards.
                unsafe {
                    let freed = (*transfer).flags & FLAG_FREE_TRANSFER != 0;
                    if let Some(callback) = (*transfer).callback {
                        callback(transfer);
                    }
                    if freed {
                        libusb_free_transfer(transfer);
                    }
                }
            }
            return;
        }
        // Not a condition variable: it would hold its lock for a moment in which a handler may run.
        drop(waiting);
        thread::sleep(nap.min(end - now));
        nap = AGAIN.min(2 * nap);
    }
}

/// # Safety
/// `time` is null or may be read.
unsafe fn span(time: *const TimeVal) -> Duration {
    // SAFETY: the caller's promise.
    let Some(time) = (unsafe { time.as_ref() }) else { return LONG };
    let seconds = u64::try_from(time.seconds).unwrap_or(0);
    let micros = u64::try_from(time.micros).unwrap_or(0);
    Duration::from_secs(seconds.min(LONG.as_secs())) + Duration::from_micros(micros.min(1_000_000))
}

/// As libusb has it.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_handle_events(_: *const Context) -> c_int {
    handle_events(LONG, ptr::null());
    SUCCESS
}

/// As libusb has it.
///
/// # Safety
/// `completed` is null or may be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_handle_events_completed(_: *const Context, completed: *const c_int) -> c_int {
    handle_events(LONG, completed);
    SUCCESS
}

/// As libusb has it.
///
/// # Safety
/// `time` is null or may be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_handle_events_timeout(_: *const Context, time: *const TimeVal) -> c_int {
    // SAFETY: the caller's promise.
    handle_events(unsafe { span(time) }, ptr::null());
    SUCCESS
}

/// As libusb has it.
///
/// # Safety
/// `time` and `completed` are null or may be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_handle_events_timeout_completed(
    _: *const Context,
    time: *const TimeVal,
    completed: *const c_int,
) -> c_int {
    // SAFETY: the caller's promise.
    handle_events(unsafe { span(time) }, completed);
    SUCCESS
}

/// No timeout of libusb's own has to be looked after.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_get_next_timeout(_: *const Context, _: *mut TimeVal) -> c_int {
    0
}

/// There is no file descriptor to watch, as on systems that have none.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_get_pollfds(_: *const Context) -> *const c_void {
    ptr::null()
}

/// As libusb has it.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_free_pollfds(_: *const c_void) {}

/// Nothing is ever notified of.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_set_pollfd_notifiers(_: *const Context, _: *const c_void, _: *const c_void, _: *const c_void) {
}

/// Timeouts are handled with events.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_pollfds_handle_timeouts(_: *const Context) -> c_int {
    1
}

/// The lock is always to be had: the queue has one of its own.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_try_lock_events(_: *const Context) -> c_int {
    SUCCESS
}

/// As libusb has it; see [`libusb_try_lock_events`].
#[unsafe(no_mangle)]
pub extern "C" fn libusb_lock_events(_: *const Context) {}

/// As libusb has it; see [`libusb_try_lock_events`].
#[unsafe(no_mangle)]
pub extern "C" fn libusb_unlock_events(_: *const Context) {}

/// It is.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_event_handling_ok(_: *const Context) -> c_int {
    1
}

/// It is not.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_event_handler_active(_: *const Context) -> c_int {
    0
}

/// Whoever waits for events is not woken before its time: it looks often enough.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_interrupt_event_handler(_: *const Context) {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Connection, SOCKET};
    use crate::wire;
    use std::io::{Read, Write};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::sync::atomic::{AtomicUsize, Ordering};

    static CALLED: AtomicUsize = AtomicUsize::new(0);

    unsafe extern "C" fn count(_: *mut Transfer) {
        CALLED.fetch_add(1, Ordering::Relaxed);
    }

    /// A device with one string; it has no other requests than for its descriptors.
    fn serve(mut stream: UnixStream) {
        let configuration = [9, 2, 9, 0, 1, 1, 0, 0x80, 50];
        let strings = [&[4, 3, 9, 4][..], &[6, 3, b'S', 0, b'T', 0]].concat();
        let device = [18, 1, 0, 2, 0, 0, 0, 64, 0x83, 4, 0x4B, 0x37, 0, 1, 1, 2, 3, 1];
        let all = [&device[..], &configuration, &strings].concat();
        let mut head = [0; wire::HEAD];
        while stream.read_exact(&mut head).is_ok() {
            assert_eq!(head[0], wire::DESCRIBE);
            stream.write_all(&[&wire::head(wire::OK, all.len() as u32)[..], &all].concat()).unwrap();
        }
    }

    #[test]
    fn control_transfers_are_told_of_by_callbacks() {
        let path = std::env::temp_dir().join(format!("dryflash-shim-{}.sock", std::process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        // SAFETY: no other thread of this test looks at the environment.
        unsafe { std::env::set_var(SOCKET, &path) };
        thread::spawn(move || {
            for stream in listener.incoming() {
                thread::spawn(move || serve(stream.unwrap()));
            }
        });
        let mut handle = Handle { connection: Connection::dial().unwrap() };
        let mut ask = |setup: [u8; SETUP], room: usize| {
            let mut buffer = setup.to_vec();
            buffer.resize(SETUP + room, 0xEE);
            let transfer = libusb_alloc_transfer(0);
            // SAFETY: it was just made, and is freed at the end.
            unsafe {
                (*transfer).handle = &raw mut handle;
                (*transfer).callback = Some(count);
                (*transfer).buffer = buffer.as_mut_ptr();
                (*transfer).length = buffer.len() as c_int;
                let before = CALLED.load(Ordering::Relaxed);
                assert_eq!(libusb_submit_transfer(transfer), SUCCESS);
                handle_events(Duration::ZERO, ptr::null());
                assert_eq!(CALLED.load(Ordering::Relaxed), before + 1);
                let (status, actual) = ((*transfer).status, (*transfer).actual);
                libusb_free_transfer(transfer);
                (status, actual, buffer.split_off(SETUP))
            }
        };
        // The string with index 1, as npm's usb asks for it.
        let (status, actual, data) = ask([0x80, 6, 1, 3, 9, 4, 255, 0], 255);
        assert_eq!((status, actual, &data[..6]), (COMPLETED, 6, &[6, 3, b'S', 0, b'T', 0][..]));
        assert_eq!(data[6], 0xEE);
        // Less room than there is; a string that is not there; a request that has no room for itself.
        let (status, actual, data) = ask([0x80, 6, 0, 1, 0, 0, 8, 0], 8);
        assert_eq!((status, actual, data[7]), (COMPLETED, 8, 64));
        assert_eq!(ask([0x80, 6, 9, 3, 9, 4, 255, 0], 255).0, STALL);
        let (status, actual, data) = ask([0x80, 6, 0, 1, 0, 0, 255, 0], 2);
        assert_eq!((status, actual, data), (COMPLETED, 2, vec![18, 1]));
        std::fs::remove_file(&path).unwrap();
    }
}
