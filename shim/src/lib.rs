//! libusb-1.0 with one device: dryflash's virtual ST-LINK, behind the Unix socket that `DRYFLASH_SOCKET` names.
//!
//! Loaded with `LD_PRELOAD` before a client (st-flash, OpenOCD, pyOCD), it answers in libusb's stead. What the functions
//! are is public in libusb's own documentation of its interface; all of them keep to it, with one device that is always
//! configured and has no kernel driver. Pointers that a client passes are its own affair, as with the real library.

mod asynchronous;
mod descriptors;
mod device;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod loader;
mod quiet;
mod transfer;
mod wire;

use descriptors::{ConfigDescriptor, DeviceDescriptor};
use device::{Connection, Trouble, description};
use quiet::Quiet;
use std::ffi::{c_char, c_int, c_uchar, c_uint, c_void};
use std::ptr;

pub(crate) const SUCCESS: c_int = 0;
pub(crate) const ERROR_IO: c_int = -1;
pub(crate) const ERROR_INVALID_PARAM: c_int = -2;
pub(crate) const ERROR_NO_DEVICE: c_int = -4;
pub(crate) const ERROR_NOT_FOUND: c_int = -5;
pub(crate) const ERROR_BUSY: c_int = -6;
pub(crate) const ERROR_TIMEOUT: c_int = -7;
pub(crate) const ERROR_PIPE: c_int = -9;
pub(crate) const ERROR_NOT_SUPPORTED: c_int = -12;

/// The library's context. There is nothing in it: there is one device, whoever asks.
pub struct Context(#[allow(dead_code, reason = "an address of its own")] u8);
/// The one device.
pub struct Device(#[allow(dead_code, reason = "an address of its own")] u8);

static CONTEXT: Context = Context(0);
static DEVICE: Device = Device(0);

/// An opened device.
pub struct Handle {
    pub(crate) connection: Connection,
}

const fn device() -> *const Device {
    &raw const DEVICE
}

pub(crate) const fn code(trouble: Trouble) -> c_int {
    match trouble {
        Trouble::Nothing => ERROR_TIMEOUT,
        Trouble::Busy => ERROR_BUSY,
        Trouble::Stall => ERROR_PIPE,
        Trouble::Refused => ERROR_NOT_FOUND,
        Trouble::Gone => ERROR_NO_DEVICE,
    }
}

/// Functions that have nothing to do here, and say that it went well.
macro_rules! nothing_to_do {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {$(
        #[doc = "As libusb has it; there is nothing to do here."]
        #[unsafe(no_mangle)]
        pub extern "C" fn $name($(_: $kind),*) -> c_int {
            SUCCESS
        }
    )*};
}

nothing_to_do! {
    // Variadic in C; two fixed arguments are read the same way on the ABIs that Linux has here.
    libusb_set_option(context: *mut c_void, option: c_int);
    libusb_setlocale(locale: *const c_char);
    libusb_set_configuration(handle: *mut Handle, configuration: c_int);
    libusb_set_interface_alt_setting(handle: *mut Handle, interface: c_int, setting: c_int);
    libusb_reset_device(handle: *mut Handle);
    libusb_clear_halt(handle: *mut Handle, endpoint: c_uchar);
    libusb_kernel_driver_active(handle: *mut Handle, interface: c_int);
    libusb_attach_kernel_driver(handle: *mut Handle, interface: c_int);
    libusb_detach_kernel_driver(handle: *mut Handle, interface: c_int);
    libusb_set_auto_detach_kernel_driver(handle: *mut Handle, enable: c_int);
}

/// As libusb has it.
///
/// # Safety
/// `context` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_init(context: *mut *const Context) -> c_int {
    if !context.is_null() {
        // SAFETY: the caller's promise.
        unsafe { *context = &raw const CONTEXT };
    }
    SUCCESS
}

/// As libusb has it; options change nothing.
///
/// # Safety
/// `context` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_init_context(context: *mut *const Context, _: *const c_void, _: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { libusb_init(context) }
}

/// As libusb has it.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_exit(_: *const Context) {}

/// As libusb has it; nothing is logged.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_set_debug(_: *const Context, _: c_int) {}

/// As libusb has it; nothing is logged.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_set_log_cb(_: *const Context, _: *const c_void, _: c_int) {}

/// Only that this function exists: no hot-plugging, no HID, no detaching of drivers.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_has_capability(capability: u32) -> c_int {
    c_int::from(capability == 0)
}

/// The version of libusb whose interface this is.
#[repr(C)]
pub struct Version {
    numbers: [u16; 4],
    rc: *const c_char,
    describe: *const c_char,
}

// SAFETY: the pointers are to constants.
unsafe impl Sync for Version {}

static VERSION: Version = Version { numbers: [1, 0, 26, 0], rc: c"".as_ptr(), describe: c"dryflash".as_ptr() };

/// As libusb has it.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_get_version() -> *const Version {
    &raw const VERSION
}

const ERRORS: [(c_int, &std::ffi::CStr, &std::ffi::CStr); 14] = [
    (SUCCESS, c"LIBUSB_SUCCESS", c"Success"),
    (ERROR_IO, c"LIBUSB_ERROR_IO", c"Input/output error"),
    (ERROR_INVALID_PARAM, c"LIBUSB_ERROR_INVALID_PARAM", c"Invalid parameter"),
    (-3, c"LIBUSB_ERROR_ACCESS", c"No access"),
    (ERROR_NO_DEVICE, c"LIBUSB_ERROR_NO_DEVICE", c"The virtual probe is gone"),
    (ERROR_NOT_FOUND, c"LIBUSB_ERROR_NOT_FOUND", c"Not found"),
    (ERROR_BUSY, c"LIBUSB_ERROR_BUSY", c"Another client has the virtual probe"),
    (ERROR_TIMEOUT, c"LIBUSB_ERROR_TIMEOUT", c"Timed out"),
    (-8, c"LIBUSB_ERROR_OVERFLOW", c"Overflow"),
    (ERROR_PIPE, c"LIBUSB_ERROR_PIPE", c"The endpoint stalls"),
    (-10, c"LIBUSB_ERROR_INTERRUPTED", c"Interrupted"),
    (-11, c"LIBUSB_ERROR_NO_MEM", c"Out of memory"),
    (ERROR_NOT_SUPPORTED, c"LIBUSB_ERROR_NOT_SUPPORTED", c"Not supported"),
    (-99, c"LIBUSB_ERROR_OTHER", c"Other error"),
];

/// As libusb has it.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_error_name(error: c_int) -> *const c_char {
    ERRORS.iter().find(|e| e.0 == error).map_or(c"**UNKNOWN**", |e| e.1).as_ptr()
}

/// As libusb has it.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_strerror(error: c_int) -> *const c_char {
    ERRORS.iter().find(|e| e.0 == error).map_or(c"Unknown error", |e| e.2).as_ptr()
}

/// Whether there is a probe for whoever looks for one, and the probe's word that somebody did.
fn look() -> bool {
    let found = description().is_some();
    if found {
        // Dialled anew each time: a client that looks need not open anything.
        if let Ok(connection) = Connection::dial() {
            let _ = connection.ask(wire::LOOK, 0, 0, &[]);
        }
    }
    found
}

/// The virtual probe, where one answers.
///
/// # Safety
/// `list` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_get_device_list(_: *const Context, list: *mut *mut *const Device) -> isize {
    let _quiet = Quiet::now();
    let found = look();
    let devices: Box<[*const Device; 2]> = Box::new([if found { device() } else { ptr::null() }, ptr::null()]);
    // SAFETY: the caller's promise. The list ends with a null, and libusb_free_device_list takes it back.
    unsafe { *list = Box::into_raw(devices).cast() };
    isize::from(found)
}

/// As libusb has it.
///
/// # Safety
/// `list` is null or came from [`libusb_get_device_list`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_free_device_list(list: *mut *const Device, _: c_int) {
    let _quiet = Quiet::now();
    if !list.is_null() {
        // SAFETY: the caller's promise; it was made as this very type.
        drop(unsafe { Box::from_raw(list.cast::<[*const Device; 2]>()) });
    }
}

/// As libusb has it; the one device always exists.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_ref_device(device: *const Device) -> *const Device {
    device
}

/// As libusb has it; the one device always exists.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_unref_device(_: *const Device) {}

/// Bus 1.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_get_bus_number(_: *const Device) -> u8 {
    1
}

/// Device 1 of its bus.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_get_device_address(_: *const Device) -> u8 {
    1
}

/// Port 1.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_get_port_number(_: *const Device) -> u8 {
    1
}

/// Port 1 of the root.
///
/// # Safety
/// `ports` has room for `length` numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_get_port_numbers(_: *const Device, ports: *mut u8, length: c_int) -> c_int {
    if ports.is_null() || length < 1 {
        return ERROR_INVALID_PARAM;
    }
    // SAFETY: the caller's promise.
    unsafe { *ports = 1 };
    1
}

/// None.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_get_parent(_: *const Device) -> *const Device {
    ptr::null()
}

/// Full speed.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_get_device_speed(_: *const Device) -> c_int {
    2
}

/// As the descriptors have it.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_get_max_packet_size(_: *const Device, endpoint: c_uchar) -> c_int {
    let size = description().and_then(|d| descriptors::packet_size(&d.configuration, endpoint));
    size.map_or(ERROR_NOT_FOUND, c_int::from)
}

/// There are no isochronous endpoints: as for others.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_get_max_iso_packet_size(device: *const Device, endpoint: c_uchar) -> c_int {
    libusb_get_max_packet_size(device, endpoint)
}

/// As libusb has it.
///
/// # Safety
/// `descriptor` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_get_device_descriptor(_: *const Device, descriptor: *mut DeviceDescriptor) -> c_int {
    let Some(description) = description() else { return ERROR_NO_DEVICE };
    // SAFETY: the caller's promise.
    unsafe { *descriptor = DeviceDescriptor::new(&description.device) };
    SUCCESS
}

/// As libusb has it.
///
/// # Safety
/// `config` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_get_active_config_descriptor(
    _: *const Device,
    config: *mut *const ConfigDescriptor,
) -> c_int {
    let Some(known) = description() else { return ERROR_NO_DEVICE };
    // SAFETY: the caller's promise.
    unsafe { *config = descriptors::configuration(&known.configuration) };
    SUCCESS
}

/// As libusb has it; there is one configuration, with index 0.
///
/// # Safety
/// `config` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_get_config_descriptor(
    device: *const Device,
    index: u8,
    config: *mut *const ConfigDescriptor,
) -> c_int {
    if index != 0 {
        return ERROR_NOT_FOUND;
    }
    // SAFETY: the caller's promise.
    unsafe { libusb_get_active_config_descriptor(device, config) }
}

/// As libusb has it; there is one configuration, with value 1.
///
/// # Safety
/// `config` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_get_config_descriptor_by_value(
    device: *const Device,
    value: u8,
    config: *mut *const ConfigDescriptor,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { libusb_get_config_descriptor(device, value.wrapping_sub(1), config) }
}

/// They are made once and stay.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_free_config_descriptor(_: *const ConfigDescriptor) {}

/// As libusb has it.
///
/// # Safety
/// `handle` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_open(_: *const Device, handle: *mut *mut Handle) -> c_int {
    let _quiet = Quiet::now();
    let Ok(connection) = Connection::dial() else { return ERROR_NO_DEVICE };
    // SAFETY: the caller's promise. libusb_close takes it back.
    unsafe { *handle = Box::into_raw(Box::new(Handle { connection })) };
    SUCCESS
}

/// As libusb has it.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_open_device_with_vid_pid(_: *const Context, vendor: u16, product: u16) -> *mut Handle {
    let _quiet = Quiet::now();
    let mut handle = ptr::null_mut();
    if look() && description().is_some_and(|d| d.ids() == (vendor, product)) {
        // SAFETY: it is a place of our own. Where it fails, null stays in it.
        unsafe { libusb_open(device(), &raw mut handle) };
    }
    handle
}

/// As libusb has it: what is pending for the handle is forgotten.
///
/// # Safety
/// `handle` is null or came from [`libusb_open`], and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_close(handle: *mut Handle) {
    let _quiet = Quiet::now();
    if !handle.is_null() {
        asynchronous::forget(handle);
        // The memory stays: a signal that has waited here finds st-flash's handler, which talks to the probe through this
        // handle once more, and is told that the probe is gone.
        // SAFETY: the caller's promise.
        unsafe { &*handle }.connection.close();
    }
}

/// The one device.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_get_device(_: *const Handle) -> *const Device {
    device()
}

/// Configuration 1.
///
/// # Safety
/// `configuration` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_get_configuration(_: *const Handle, configuration: *mut c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { *configuration = 1 };
    SUCCESS
}

/// Takes the probe for this handle alone.
///
/// # Safety
/// `handle` came from [`libusb_open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_claim_interface(handle: *mut Handle, interface: c_int) -> c_int {
    // SAFETY: the caller's promise.
    let Some(handle) = (unsafe { handle.as_ref() }) else { return ERROR_INVALID_PARAM };
    if interface != 0 {
        return ERROR_NOT_FOUND;
    }
    handle.connection.ask(wire::CLAIM, 0, 0, &[]).map_or_else(code, |_| SUCCESS)
}

/// Gives the probe back.
///
/// # Safety
/// `handle` came from [`libusb_open`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_release_interface(handle: *mut Handle, interface: c_int) -> c_int {
    // SAFETY: the caller's promise.
    let Some(handle) = (unsafe { handle.as_ref() }) else { return ERROR_INVALID_PARAM };
    if interface != 0 {
        return ERROR_NOT_FOUND;
    }
    handle.connection.ask(wire::RELEASE, 0, 0, &[]).map_or_else(code, |_| SUCCESS)
}

/// As libusb has it.
///
/// # Safety
/// `data` has room for `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_get_string_descriptor_ascii(
    _: *const Handle,
    index: u8,
    data: *mut c_uchar,
    length: c_int,
) -> c_int {
    let Some(text) = description().and_then(|d| d.text(index)) else { return ERROR_INVALID_PARAM };
    let Some(room) = usize::try_from(length).ok().filter(|l| *l > 0) else { return ERROR_INVALID_PARAM };
    let bytes = text.as_bytes();
    let count = bytes.len().min(room - 1);
    // SAFETY: the caller's promise; count and the zero behind fit.
    unsafe {
        ptr::copy_nonoverlapping(bytes.as_ptr(), data, count);
        *data.add(count) = 0;
    }
    count as c_int
}

/// Descriptors and the configuration; whatever else is written is taken.
///
/// # Safety
/// `data` has room for `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn libusb_control_transfer(
    _: *mut Handle,
    kind: u8,
    request: u8,
    value: u16,
    _: u16,
    data: *mut c_uchar,
    length: u16,
    _: c_uint,
) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { control(kind, request, value, data, length) }
}

/// What a control transfer comes to: a count, or an error.
///
/// # Safety
/// `data` has room for `length` bytes.
pub(crate) unsafe fn control(kind: u8, request: u8, value: u16, data: *mut c_uchar, length: u16) -> c_int {
    const GET_DESCRIPTOR: u8 = 6;
    const GET_CONFIGURATION: u8 = 8;
    let [index, descriptor] = value.to_le_bytes();
    let answer = match (kind, request) {
        (0x80, GET_DESCRIPTOR) => description().and_then(|d| d.descriptor(descriptor, index)),
        (0x80, GET_CONFIGURATION) => Some([1].as_slice()),
        (kind, _) if kind & 0x80 == 0 => return c_int::from(length),
        _ => None,
    };
    let Some(answer) = answer else { return ERROR_PIPE };
    let count = answer.len().min(usize::from(length));
    // SAFETY: the caller's promise.
    unsafe { ptr::copy_nonoverlapping(answer.as_ptr(), data, count) };
    count as c_int
}

/// There is no hot-plugging.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_hotplug_register_callback() -> c_int {
    ERROR_NOT_SUPPORTED
}

/// There is no hot-plugging.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_hotplug_deregister_callback(_: *const Context, _: c_int) {}

/// There are no devices of the system.
#[unsafe(no_mangle)]
pub extern "C" fn libusb_wrap_sys_device() -> c_int {
    ERROR_NOT_SUPPORTED
}
