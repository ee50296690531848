//! The C callbacks: each finds its [`Shared`], shields Unicorn from panics, and leaves the work to it.

use super::Window;
use super::shared::{Halt, Shared, Way};
use crate::bus::Width;
use crate::cpu::FaultKind;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use unicorn_engine::unicorn_const::{HookType, MemType, Prot};
use unicorn_engine_sys as sys;

/// All accesses that no mapped memory answers.
pub(super) const INVALID: HookType = HookType(
    HookType::MEM_READ_UNMAPPED.0
        | HookType::MEM_WRITE_UNMAPPED.0
        | HookType::MEM_FETCH_UNMAPPED.0
        | HookType::MEM_READ_PROT.0
        | HookType::MEM_WRITE_PROT.0
        | HookType::MEM_FETCH_PROT.0,
);

/// Runs a hook's body. A panic must not cross C frames: it stops the engine and becomes this chip's failure.
fn shielded<R>(shared: &mut Shared, otherwise: R, body: impl FnOnce(&mut Shared) -> R) -> R {
    match catch_unwind(AssertUnwindSafe(|| body(shared))) {
        Ok(value) => value,
        Err(payload) => {
            let text = payload.downcast_ref::<&str>().map(ToString::to_string);
            let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
            let text = text.unwrap_or_else(|| "no message".to_owned());
            shared.stop(Halt::Broken(format!("the model panicked: {text}")));
            otherwise
        }
    }
}

pub(super) extern "C" fn on_block(_: *mut sys::uc_engine, address: u64, size: u32, user: *mut c_void) {
    // SAFETY: `user` is the `Shared` that was given with the hook, alive as long as the engine; the same below.
    let shared = unsafe { &mut *user.cast::<Shared>() };
    shielded(shared, (), |s| {
        if !s.enter(address as u32, size) {
            // SAFETY: an open handle.
            unsafe { sys::uc_emu_stop(s.handle) };
        }
    });
}

pub(super) extern "C" fn on_read(_: *mut sys::uc_engine, offset: u64, size: u32, user: *mut c_void) -> u64 {
    // SAFETY: `user` is the boxed record of the window.
    let window = unsafe { &*user.cast::<Window>() };
    // SAFETY: as in `on_block`.
    let shared = unsafe { &mut *window.shared };
    let address = window.base.wrapping_add(offset as u32);
    shielded(shared, 0, |s| u64::from(s.access(address, Width::from_bytes(size as usize), Way::Read)))
}

pub(super) extern "C" fn on_write(_: *mut sys::uc_engine, offset: u64, size: u32, value: u64, user: *mut c_void) {
    // SAFETY: as in `on_read`.
    let window = unsafe { &*user.cast::<Window>() };
    // SAFETY: as in `on_block`.
    let shared = unsafe { &mut *window.shared };
    let address = window.base.wrapping_add(offset as u32);
    let width = Width::from_bytes(size as usize);
    shielded(shared, (), |s| {
        s.access(address, width, Way::Write(value as u32 & width.mask()));
    });
}

pub(super) extern "C" fn on_invalid(
    _: *mut sys::uc_engine,
    kind: u32,
    address: u64,
    size: i32,
    value: i64,
    user: *mut c_void,
) -> bool {
    // SAFETY: as in `on_block`.
    let shared = unsafe { &mut *user.cast::<Shared>() };
    shielded(shared, false, |s| {
        let address = address as u32;
        let width = Width::from_bytes(size as usize);
        if kind == MemType::WRITE_PROT as u32 {
            s.access(address, width, Way::Write(value as u32 & width.mask()));
            return s.halt.is_none();
        }
        let fetches = kind == MemType::FETCH_UNMAPPED as u32 || kind == MemType::FETCH_PROT as u32;
        if s.bare && !fetches {
            let pc = s.pc();
            s.halt.get_or_insert(Halt::Left { pc });
            return false;
        }
        // The bus knows best why nothing answers there (read protection, say).
        if kind == MemType::WRITE_UNMAPPED as u32 {
            s.access(address, width, Way::Write(value as u32 & width.mask()));
        } else if kind == MemType::READ_UNMAPPED as u32 || kind == MemType::READ_PROT as u32 {
            s.access(address, width, Way::Read);
        }
        let pc = s.pc();
        let kind = if kind == MemType::WRITE_UNMAPPED as u32 {
            FaultKind::Write { address, reason: "nothing is there" }
        } else if kind == MemType::READ_UNMAPPED as u32 || kind == MemType::READ_PROT as u32 {
            FaultKind::Read { address, reason: "nothing is there" }
        } else {
            FaultKind::Fetch { address, reason: "nothing can be executed there" }
        };
        let pc = if matches!(kind, FaultKind::Fetch { .. }) { address & !1 } else { pc };
        if matches!(kind, FaultKind::Fetch { .. }) {
            // The branch is done; the fetch failed.
            s.close(address & !1);
        }
        s.halt.get_or_insert(Halt::Fault { pc, kind });
        false
    })
}

pub(super) extern "C" fn on_interrupt(_: *mut sys::uc_engine, number: u32, user: *mut c_void) {
    // SAFETY: as in `on_block`.
    let shared = unsafe { &mut *user.cast::<Shared>() };
    shielded(shared, (), |s| {
        let pc = s.pc();
        let kind = match number {
            2 => FaultKind::Svc,
            4 => FaultKind::Unaligned,
            7 => FaultKind::Breakpoint,
            // An exception return that the engine took for one of its own: the same as a failed fetch.
            8 => FaultKind::Fetch { address: pc, reason: "nothing can be executed there" },
            3 => FaultKind::Fetch { address: pc, reason: "nothing can be executed there" },
            _ => FaultKind::Undefined { encoding: s.encoding(pc) },
        };
        s.stop(Halt::Fault { pc, kind });
    });
}

/// Fills an entry of the engine's translation buffer: every address is its own, and what may be done there is decided
/// by the memory map, with one exception. A page of SRAM without code is given without the right to execute: the
/// engine then need not look for code at each store, which makes stores some nine times quicker.
pub(super) extern "C" fn on_translate(
    _: *mut sys::uc_engine,
    address: u64,
    kind: u32,
    entry: *mut sys::TlbEntry,
    user: *mut c_void,
) -> bool {
    // SAFETY: as in `on_block`.
    let shared = unsafe { &mut *user.cast::<Shared>() };
    shielded(shared, false, |s| {
        let page = address as u32 & !0xFFF;
        let fetch = kind == MemType::FETCH as u32;
        let data = s.region(page).is_some_and(|r| r.plain.writable);
        if data && fetch && !s.code_pages.contains(&page) {
            s.code_pages.push(page);
        }
        let perms = if data && !s.code_pages.contains(&page) { Prot::READ | Prot::WRITE } else { Prot::ALL };
        // SAFETY: Unicorn passes an entry to be filled.
        unsafe {
            (*entry).paddr = address;
            (*entry).perms = perms;
        }
        true
    })
}

pub(super) extern "C" fn on_register(_: *mut sys::uc_engine, _: u32, _: u64, _: i32, _: i64, _: *mut c_void) {}

pub(super) extern "C" fn on_guarded_load(
    _: *mut sys::uc_engine,
    _: u32,
    address: u64,
    size: i32,
    _: i64,
    user: *mut c_void,
) {
    // SAFETY: as in `on_block`.
    let shared = unsafe { &mut *user.cast::<Shared>() };
    shielded(shared, (), |s| {
        s.access(address as u32, Width::from_bytes(size as usize), Way::Guard);
    });
}

pub(super) extern "C" fn on_watched_load(
    _: *mut sys::uc_engine,
    _: u32,
    address: u64,
    size: i32,
    _: i64,
    user: *mut c_void,
) {
    // SAFETY: as in `on_block`.
    let shared = unsafe { &mut *user.cast::<Shared>() };
    shielded(shared, (), |s| {
        let (address, width) = (address as u32, Width::from_bytes(size as usize));
        let end = address.wrapping_add(width.bytes());
        if !s.watched.iter().any(|r| address < r.end && end > r.start) {
            return;
        }
        let pc = s.pc();
        let cycle = s.now(pc);
        let Some(region) = s.region(address) else { return };
        let value = region.plain.little_endian(address, width);
        let Some(mut bus) = s.bus else { return };
        // SAFETY: as in `access`.
        unsafe { bus.as_mut() }.watched(address, width, value, pc, cycle);
    });
}
