//! No signal handler runs while something of this library is locked.
//!
//! st-flash's handler of Ctrl-C talks to the probe, through this library, on the thread that it interrupts. Were that
//! thread in the middle of a transfer, the handler would wait for a lock that its own thread holds. So signals wait until
//! the transfer is over; the virtual probe answers at once. Blocking is per thread and nests.

use std::ffi::c_int;
use std::marker::PhantomData;
use std::ptr;

/// glibc's and musl's `sigset_t` on Linux: 1,024 bits.
#[repr(C)]
#[derive(Clone, Copy)]
struct Signals([u64; 16]);

/// `SIG_SETMASK` on the architectures that there is a stand-in for.
const SET: c_int = 2;

unsafe extern "C" {
    fn pthread_sigmask(how: c_int, set: *const Signals, old: *mut Signals) -> c_int;
    fn sigfillset(set: *mut Signals) -> c_int;
}

/// Signals wait until this is dropped. It belongs to its thread.
pub struct Quiet {
    before: Option<Signals>,
    _here: PhantomData<*const ()>,
}

impl Quiet {
    /// From now on.
    pub fn now() -> Quiet {
        let (mut all, mut before) = (Signals([0; 16]), Signals([0; 16]));
        // SAFETY: both may be written, and are as large as the C library's.
        let blocked = unsafe {
            sigfillset(&raw mut all);
            pthread_sigmask(SET, &raw const all, &raw mut before) == 0
        };
        Quiet { before: blocked.then_some(before), _here: PhantomData }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // SAFETY: it came from the same function.
            unsafe { pthread_sigmask(SET, before, ptr::null_mut()) };
        }
    }
}
