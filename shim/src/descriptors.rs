//! Descriptors in the shapes that libusb's interface gives them.

use std::ffi::{c_int, c_uchar};
use std::ptr;
use std::sync::OnceLock;

/// `struct libusb_device_descriptor`.
#[repr(C)]
pub struct DeviceDescriptor {
    length: u8,
    kind: u8,
    usb: u16,
    class: u8,
    subclass: u8,
    protocol: u8,
    packet: u8,
    vendor: u16,
    product: u16,
    release: u16,
    manufacturer: u8,
    product_name: u8,
    serial: u8,
    configurations: u8,
}

impl DeviceDescriptor {
    /// From the bytes that the device gives.
    pub const fn new(b: &[u8; 18]) -> DeviceDescriptor {
        DeviceDescriptor {
            length: b[0],
            kind: b[1],
            usb: u16::from_le_bytes([b[2], b[3]]),
            class: b[4],
            subclass: b[5],
            protocol: b[6],
            packet: b[7],
            vendor: u16::from_le_bytes([b[8], b[9]]),
            product: u16::from_le_bytes([b[10], b[11]]),
            release: u16::from_le_bytes([b[12], b[13]]),
            manufacturer: b[14],
            product_name: b[15],
            serial: b[16],
            configurations: b[17],
        }
    }
}

/// `struct libusb_endpoint_descriptor`.
#[repr(C)]
pub struct EndpointDescriptor {
    length: u8,
    kind: u8,
    address: u8,
    attributes: u8,
    packet: u16,
    interval: u8,
    refresh: u8,
    synch_address: u8,
    extra: *const c_uchar,
    extra_length: c_int,
}

/// `struct libusb_interface_descriptor`.
#[repr(C)]
pub struct InterfaceDescriptor {
    length: u8,
    kind: u8,
    number: u8,
    alternate: u8,
    count: u8,
    class: u8,
    subclass: u8,
    protocol: u8,
    name: u8,
    endpoints: *const EndpointDescriptor,
    extra: *const c_uchar,
    extra_length: c_int,
}

/// `struct libusb_interface`.
#[repr(C)]
pub struct Interface {
    settings: *const InterfaceDescriptor,
    count: c_int,
}

/// `struct libusb_config_descriptor`.
#[repr(C)]
pub struct ConfigDescriptor {
    length: u8,
    kind: u8,
    total: u16,
    interfaces: u8,
    value: u8,
    name: u8,
    attributes: u8,
    power: u8,
    interface: *const Interface,
    extra: *const c_uchar,
    extra_length: c_int,
}

struct Made(*const ConfigDescriptor);

// SAFETY: what it points to never changes and is never freed.
unsafe impl Send for Made {}
// SAFETY: as above.
unsafe impl Sync for Made {}

/// The descriptors of a configuration, made once. They stay for good: clients keep pointers into them.
pub fn configuration(bytes: &'static [u8]) -> *const ConfigDescriptor {
    static MADE: OnceLock<Made> = OnceLock::new();
    let _quiet = crate::quiet::Quiet::now();
    MADE.get_or_init(|| Made(make(bytes))).0
}

fn make(bytes: &[u8]) -> *const ConfigDescriptor {
    let mut endpoints = Vec::new();
    let (mut head, mut setting) = ([0; 9], [0; 9]);
    for d in each(bytes) {
        match (d[1], d) {
            (2, [a, ..]) if *a >= 9 => head.copy_from_slice(&d[..9]),
            (4, [a, ..]) if *a >= 9 => setting.copy_from_slice(&d[..9]),
            (5, &[length, kind, address, attributes, p0, p1, interval, ..]) => endpoints.push(EndpointDescriptor {
                length,
                kind,
                address,
                attributes,
                packet: u16::from_le_bytes([p0, p1]),
                interval,
                refresh: 0,
                synch_address: 0,
                extra: ptr::null(),
                extra_length: 0,
            }),
            _ => {}
        }
    }
    let [length, kind, number, alternate, _, class, subclass, protocol, name] = setting;
    let settings = Box::leak(Box::new(InterfaceDescriptor {
        length,
        kind,
        number,
        alternate,
        count: endpoints.len() as u8,
        class,
        subclass,
        protocol,
        name,
        endpoints: Vec::leak(endpoints).as_ptr(),
        extra: ptr::null(),
        extra_length: 0,
    }));
    let interface = Box::leak(Box::new(Interface { settings, count: 1 }));
    let [length, kind, t0, t1, interfaces, value, name, attributes, power] = head;
    Box::leak(Box::new(ConfigDescriptor {
        length,
        kind,
        total: u16::from_le_bytes([t0, t1]),
        interfaces,
        value,
        name,
        attributes,
        power,
        interface,
        extra: ptr::null(),
        extra_length: 0,
    }))
}

/// Each descriptor in a configuration: its length, its kind, what is in it.
fn each(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(*rest.first()?).max(2);
        let (first, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(first)
    })
}

/// The packet size of an endpoint.
pub fn packet_size(bytes: &[u8], endpoint: u8) -> Option<u16> {
    each(bytes).find_map(|d| match *d {
        [_, 5, address, _, p0, p1, ..] if address == endpoint => Some(u16::from_le_bytes([p0, p1])),
        _ => None,
    })
}
