//! Reads the part files and writes each part as a Rust expression, so that a program that starts parses nothing.

#[allow(dead_code, reason = "the build needs a part of it")]
#[path = "../src/part/read.rs"]
mod read;
#[allow(dead_code, reason = "the build needs a part of it")]
#[path = "../src/part/schema.rs"]
mod schema;

use schema::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const DATA: &str = "src/part/data";
const FAMILY: &str = "family.toml";

pub fn build(out: &Path) {
    println!("cargo::rerun-if-changed={DATA}");
    println!("cargo::rerun-if-changed=src/part/read.rs");
    println!("cargo::rerun-if-changed=src/part/schema.rs");
    let code = format!("pub(super) fn all() -> Vec<Part> {{\n{}\n}}\n", parts().rust());
    fs::write(out.join("parts.rs"), code).expect("the output folder can be written");
}

/// All parts, by family and file name.
fn parts() -> Vec<Part> {
    let text = |path: &Path| fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut parts = Vec::new();
    for folder in entries(Path::new(DATA)) {
        let family = folder.join(FAMILY);
        let shared = text(&family);
        for file in entries(&folder).into_iter().filter(|f| *f != family) {
            let (family, name) = (family.display().to_string(), file.display().to_string());
            let part = read::read((&family, &shared), (&name, &text(&file))).unwrap_or_else(|e| panic!("{e}"));
            let stem = file.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
            assert_eq!(stem, part.name.to_lowercase(), "{name}: a file is named after its part");
            parts.push(part);
        }
    }
    parts
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.sort();
    paths
}

/// The expression that makes a value.
trait Rust {
    fn rust(&self) -> String;
}

macro_rules! as_debug {
    ($($ty:ty)*) => { $(impl Rust for $ty {
        fn rust(&self) -> String {
            format!("{self:?}")
        }
    })* };
}
as_debug!(u8 u16 u32 u64 i32 char);

macro_rules! by_variant {
    ($($ty:ident)*) => { $(impl Rust for $ty {
        fn rust(&self) -> String {
            format!("{}::{self:?}", stringify!($ty))
        }
    })* };
}
by_variant!(Family Core Kind Protects);

/// Takes the value apart: a field that is missing here does not compile.
macro_rules! by_field {
    ($($ty:ident { $($field:ident)* })*) => { $(impl Rust for $ty {
        fn rust(&self) -> String {
            let $ty { $($field),* } = self;
            let fields = [$(format!("{}: {}", stringify!($field), $field.rust())),*];
            format!("{} {{ {} }}", stringify!($ty), fields.join(", "))
        }
    })* };
}
by_field! {
    Region { base size }
    Flash { base size page line program_unit wrp_pages wrp_bytes endurance pcrop_bits wrp_bits sec_bits }
    OptionWord { offset register factory protects }
    OptionBytes { base size width words }
    Identity { idcode idcode_address cpuid dpidr uid_address uid flash_size_address }
    FactoryWord { address value }
    Calibration { vdda_mv hot_celsius ts_cal1 ts_cal2 vrefint }
    StartUp { hsi hsi14 pll lsi hse lse }
    Clock { reset_hz max_hz lsi_hz hse_hz start_up }
    Gate { enable reset bit }
    Clients { openocd pyocd probe_rs st_flash_option_bytes }
    ResetRegisters { r psp xpsr }
    TimerPin { timer channel port pin af }
    PeripheralSpec { name kind base size gate irq vectors channels reset writable comparators }
    Part {
        name short family core interrupts systick_calibration reset_registers wait_state_hz flash sram system_memory option_bytes otp engineering clients identity calibration clock
        windows apb timer_pins peripherals unknown
    }
}

impl Rust for String {
    fn rust(&self) -> String {
        format!("String::from({self:?})")
    }
}

impl<T: Rust> Rust for BTreeMap<String, T> {
    fn rust(&self) -> String {
        let pairs: Vec<String> = self.iter().map(|(k, v)| format!("({}, {})", k.rust(), v.rust())).collect();
        format!("BTreeMap::from([{}])", pairs.join(", "))
    }
}

impl<T: Rust> Rust for Option<T> {
    fn rust(&self) -> String {
        self.as_ref().map_or_else(|| "None".to_owned(), |inner| format!("Some({})", inner.rust()))
    }
}

impl<T: Rust> Rust for Vec<T> {
    fn rust(&self) -> String {
        format!("vec!{}", self.as_slice().rust())
    }
}

impl<T: Rust, const N: usize> Rust for [T; N] {
    fn rust(&self) -> String {
        self.as_slice().rust()
    }
}

impl<T: Rust> Rust for [T] {
    fn rust(&self) -> String {
        format!("[{}]", self.iter().map(Rust::rust).collect::<Vec<_>>().join(", "))
    }
}
