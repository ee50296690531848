//! Clients that bring a libusb of their own along (pyOCD's package does) open it by its path at run time. They get this
//! one: what is asked for as `.../libusb-1.0...` is opened by the name under which this library is loaded already.
//!
//! The real `dlopen` looks at its caller's library for search paths. So it is jumped to, not called: its caller stays
//! the client.

use std::arch::naked_asm;
use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// This library's name for the dynamic loader.
const SELF: &CStr = c"libusb-1.0.so.0";

/// `RTLD_NEXT`: what comes behind this library.
const NEXT: *mut c_void = ptr::without_provenance_mut(usize::MAX);

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// The real function, once it was looked for.
static REAL: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// What is to be opened in place of `file`.
///
/// # Safety
/// `file` is null or a C string.
unsafe extern "C" fn choose(file: *const c_char) -> *const c_char {
    if REAL.load(Ordering::Relaxed).is_null() {
        // SAFETY: a name and a handle as dlsym wants them.
        REAL.store(unsafe { dlsym(NEXT, c"dlopen".as_ptr()) }, Ordering::Relaxed);
    }
    if file.is_null() {
        return file;
    }
    // SAFETY: the caller's promise.
    let path = unsafe { CStr::from_ptr(file) }.to_bytes();
    let name = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
    if name.starts_with(b"libusb-1.0") { SELF.as_ptr() } else { file }
}

/// As the C library has it, but for libusb.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlopen(file: *const c_char, mode: i32) -> *mut c_void {
    naked_asm!(
        "push rsi",
        "call {choose}",
        "pop rsi",
        "mov rdi, rax",
        "jmp qword ptr [rip + {real}]",
        choose = sym choose,
        real = sym REAL,
    )
}

/// As the C library has it, but for libusb.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dlopen(file: *const c_char, mode: i32) -> *mut c_void {
    naked_asm!(
        "stp x30, x1, [sp, #-16]!",
        "bl {choose}",
        "ldp x30, x1, [sp], #16",
        "adrp x16, {real}",
        "ldr x16, [x16, :lo12:{real}]",
        "br x16",
        choose = sym choose,
        real = sym REAL,
    )
}
