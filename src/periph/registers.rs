//! The tables of registers: each stands beside the model of its block, and names, reset values and write masks are
//! told there alone.
//!
//! What a part has otherwise stands in its file ([`PeripheralSpec::reset`], [`PeripheralSpec::writable`]).
//!
//! `registers!` makes of a table a module with an offset for each name, to be matched on, the same names under
//! `resets` and `writes`, and `MAP`, which people's names and the tests are looked up in.

use crate::part::PeripheralSpec;

/// How a register answers to loads and stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// `rw`: reads what was written.
    ReadWrite,
    /// `r`: writes are dropped.
    ReadOnly,
    /// `w`: reads 0; a store acts.
    WriteOnly,
    /// `rc`: flags that a store clears, with 1 or with 0 as the manual says.
    Clear,
    /// `x`: loads or stores act, by rules of the model.
    Acts,
}

/// One register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register {
    /// Its offset in the block, in bytes.
    pub offset: u32,
    /// How many there are of it, one word after the other, numbered from 0; else 1.
    pub count: u32,
    /// Its name in the manual.
    pub name: &'static str,
    /// How it answers.
    pub rights: Rights,
    /// What it reads after power-on; none where that depends on the part, the port or the world outside.
    pub reset: Option<u32>,
    /// The bits that a store can change.
    pub writable: u32,
}

impl Register {
    /// The bits that a store can change in this block.
    pub fn writable_in(&self, spec: &PeripheralSpec) -> u32 {
        spec.writable.get(self.name).copied().unwrap_or(self.writable)
    }

    /// What it reads after power-on in this block; 0 where that varies and the part's file does not say.
    pub fn reset_in(&self, spec: &PeripheralSpec) -> u32 {
        self.reset.or_else(|| spec.reset.get(self.name).copied()).unwrap_or(0)
    }
}

/// A block's registers.
#[derive(Clone, Copy, Debug)]
pub struct Map {
    /// Those that are modelled, by offset.
    pub registers: &'static [Register],
    /// First offset, and the one after the last, of what the manual reserves: reads 0, writes are dropped.
    pub reserved: &'static [(u32, u32)],
}

impl Map {
    /// The register at `offset`.
    pub fn at(&self, offset: u32) -> Option<&'static Register> {
        self.registers.iter().find(|r| offset.wrapping_sub(r.offset) < 4 * r.count && offset.is_multiple_of(4))
    }

    /// The bits of the register at `offset` that a store can change in this block; none where there is no register.
    pub fn writable(&self, spec: &PeripheralSpec, offset: u32) -> u32 {
        self.at(offset).map_or(0, |r| r.writable_in(spec))
    }

    /// What the register at `offset` reads after power-on in this block; 0 where that varies and the part's file does
    /// not say.
    pub fn reset(&self, spec: &PeripheralSpec, offset: u32) -> u32 {
        self.at(offset).map_or(0, |r| r.reset_in(spec))
    }

    /// The name of the register at `offset`: `CR1`, or `ISER0` where there are many of a name.
    pub fn name(&self, offset: u32) -> Option<std::borrow::Cow<'static, str>> {
        let register = self.at(offset)?;
        let n = (offset - register.offset) / 4;
        Some(if register.count == 1 { register.name.into() } else { format!("{}{n}", register.name).into() })
    }

    /// Whether the model has something at `offset`, or the manual says that nothing is there.
    pub fn knows(&self, offset: u32) -> bool {
        self.at(offset).is_some() || self.reserved.iter().any(|(first, end)| (*first..*end).contains(&offset))
    }
}

/// The number of registers from `first` to before `end`, where there is one.
pub(crate) const fn count(first: u32, end: &[u32]) -> u32 {
    match end {
        [end] => (*end - first) / 4,
        _ => 1,
    }
}

/// A table of registers as a module: offset (or first offset and the one after the last, for many of a name), name, rights (`rw`, `r`, `w`, `rc`, `x`: [`Rights`]), reset value
/// or `varies`, and the bits that can be written. Then what the manual reserves.
macro_rules! registers {
    (
        $(#[$meta:meta])*
        $vis:vis mod $module:ident {
            $($offset:literal $(.. $after:literal)? $name:ident $rights:ident $reset:tt $writes:literal;)*
            $(reserved $first:literal .. $end:literal;)*
        }
    ) => {
        $(#[$meta])*
        #[allow(missing_docs, dead_code, reason = "a table of the manual's names; the model acts on some")]
        $vis mod $module {
            use crate::periph::registers::{Map, Register, Rights};

            $(pub const $name: u32 = $offset;)*

            /// What each reads after power-on; 0 where that varies.
            pub mod resets {
                $(pub const $name: u32 = $crate::periph::registers::reset_value!($reset);)*
            }

            /// The bits that a store can change.
            pub mod writes {
                $(pub const $name: u32 = $writes;)*
            }

            /// All of them.
            pub const MAP: Map = Map {
                registers: &[$(Register {
                    offset: $offset,
                    count: $crate::periph::registers::count($offset, &[$($after)?]),
                    name: stringify!($name),
                    rights: $crate::periph::registers::rights!($rights),
                    reset: $crate::periph::registers::reset_option!($reset),
                    writable: $writes,
                }),*],
                reserved: &[$(($first, $end)),*],
            };
        }
    };
}

macro_rules! reset_value {
    (varies) => {
        0
    };
    ($value:literal) => {
        $value
    };
}

macro_rules! reset_option {
    (varies) => {
        None
    };
    ($value:literal) => {
        Some($value)
    };
}

macro_rules! rights {
    (rw) => {
        Rights::ReadWrite
    };
    (r) => {
        Rights::ReadOnly
    };
    (w) => {
        Rights::WriteOnly
    };
    (rc) => {
        Rights::Clear
    };
    (x) => {
        Rights::Acts
    };
}

pub(crate) use {registers, reset_option, reset_value, rights};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::part::{Family, Part};
    use crate::periph::{map_of, nvic, systick};
    use std::collections::BTreeMap;
    use std::fmt::Write;

    const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/registers.md");

    fn section(out: &mut String, title: &str, map: &Map) {
        let _ =
            write!(out, "\n## {title}\n\n| offset | register | access | reset | writable |\n|---|---|---|---|---|\n");
        for r in map.registers {
            let (name, last) = (r.name, r.offset + 4 * (r.count - 1));
            let (place, name) = match r.count {
                1 => (format!("0x{:02X}", r.offset), name.to_owned()),
                n => (format!("0x{:02X} to 0x{last:02X}", r.offset), format!("{name}0 to {name}{}", n - 1)),
            };
            let access = match r.rights {
                Rights::ReadWrite => "rw",
                Rights::ReadOnly => "r",
                Rights::WriteOnly => "w",
                Rights::Clear => "rc",
                Rights::Acts => "acts",
            };
            let reset = r.reset.map_or_else(|| "varies".to_owned(), |reset| format!("0x{reset:08X}"));
            let _ = writeln!(out, "| {place} | {name} | {access} | {reset} | 0x{:08X} |", r.writable);
        }
    }

    /// The bits of registers that differ between parts: block, register, bits, and whose they are; a family's name
    /// where all of its parts that have the block agree.
    fn differing() -> BTreeMap<(String, String, u32), Vec<String>> {
        let mut rows: BTreeMap<_, Vec<&Part>> = BTreeMap::new();
        for part in crate::part::all() {
            for block in &part.peripherals {
                for (register, bits) in &block.writable {
                    rows.entry((block.name.clone(), register.clone(), *bits)).or_default().push(part);
                }
            }
        }
        let named = |block: &str, parts: Vec<&Part>| {
            let family =
                |f: Family| crate::part::all().iter().filter(move |p| p.family == f && p.peripheral(block).is_some());
            let whole =
                parts.first().filter(|p| family(p.family).count() == parts.len()).map(|p| format!("{:?}", p.family));
            whole.map_or_else(|| parts.iter().map(|p| p.name.clone()).collect(), |family| vec![family])
        };
        rows.into_iter().map(|(row, parts)| (row.clone(), named(&row.0, parts))).collect()
    }

    /// The kinds of blocks of all parts, each once, with the blocks that are of it.
    fn listed() -> String {
        let mut out = String::from(
            "# The registers that are modelled\n\n\
             Written by `DRYFLASH_UPDATE=1 cargo test --lib registers` from the tables in `src/periph/`. Access: `rw` reads what was \
             written, `r` drops\nwrites, `w` reads 0, `rc` has flags that a store clears, `acts` goes by rules of its own. What is \
             neither listed here nor reserved\nin the manual is told when it is touched.\n",
        );
        section(&mut out, "SysTick, from 0xE000E010", &systick::reg::MAP);
        section(&mut out, "NVIC, from 0xE000E000", &nvic::reg::MAP);
        section(&mut out, "SCB, from 0xE000E000", &nvic::scb::MAP);
        let mut titles: Vec<(String, Vec<String>, &Map)> = Vec::new();
        for part in crate::part::all() {
            for block in &part.peripherals {
                let Some(map) = map_of(block.kind) else { continue };
                let Ok(kind) = toml::Value::try_from(block.kind) else { continue };
                let kind = kind.as_str().unwrap_or_default().to_owned();
                match titles.iter_mut().find(|(k, ..)| *k == kind) {
                    Some((_, names, _)) if names.contains(&block.name) => {}
                    Some((_, names, _)) => names.push(block.name.clone()),
                    None => titles.push((kind, vec![block.name.clone()], map)),
                }
            }
        }
        titles.sort_by(|a, b| a.0.cmp(&b.0));
        for (kind, names, map) in titles {
            section(&mut out, &format!("`{kind}`: {}", names.join(", ")), map);
        }
        out.push_str(
            "\n## Writable bits that differ\n\nParts whose bits are not those of the tables above. 0: they lack the register, which reads 0.\n\n",
        );
        out.push_str("| block | register | writable | on |\n|---|---|---|---|\n");
        for ((block, register, bits), parts) in differing() {
            let _ = writeln!(out, "| {block} | {register} | 0x{bits:08X} | {} |", parts.join(", "));
        }
        out
    }

    #[test]
    fn the_docs_list_what_the_tables_do() {
        let listed = listed();
        if std::env::var_os("DRYFLASH_UPDATE").is_some() {
            std::fs::write(DOCS, &listed).unwrap();
        }
        assert_eq!(std::fs::read_to_string(DOCS).unwrap(), listed);
    }

    #[test]
    fn no_two_registers_share_an_offset() {
        let kinds = crate::part::all().iter().flat_map(|p| &p.peripherals).filter_map(|p| map_of(p.kind));
        for map in kinds.chain([&systick::reg::MAP, &nvic::reg::MAP, &nvic::scb::MAP]) {
            let listed = map.registers.iter().map(|r| (r.name, r.offset, r.offset + 4 * r.count));
            let mut spans: Vec<_> = listed.chain(map.reserved.iter().map(|(a, b)| ("reserved", *a, *b))).collect();
            spans.sort_by_key(|(_, first, _)| *first);
            for pair in spans.windows(2) {
                assert!(pair[0].2 <= pair[1].1, "{pair:?}");
            }
        }
    }
}
