//! Two ESCs side by side: where their flash differs.

use super::{Map, MapError, map};
use crate::flash::{BLANK, OptionField};
use crate::layout::Source;
use serde::Serialize;

/// Fewer equal bytes than this between two that differ do not end a run.
const NEAR: u32 = 16;

/// Neighbouring bytes that are not the same in two ESCs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Differing {
    /// The first address.
    pub address: u32,
    /// Bytes, from the first that differs to the last.
    pub length: u32,
    /// How many of them differ.
    pub bytes: u32,
}

/// A field of the option bytes that is not the same in two ESCs, by what is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DifferingOption {
    /// Its name in the manual.
    pub name: &'static str,
    /// Of the first; none where its part has no such field.
    pub first: Option<String>,
    /// Of the second; none where its part has no such field.
    pub second: Option<String>,
}

/// The maps of two ESCs, and where they are not the same.
#[derive(Clone, Debug)]
pub struct Beside {
    /// The maps, in the order in which the ESCs were named.
    pub maps: [Map; 2],
    /// What differs in flash, ascending. What only the larger one has counts as blank in the other.
    pub differing: Vec<Differing>,
    /// What differs in the option bytes, in the manual's order.
    pub differing_options: Vec<DifferingOption>,
}

/// The maps of two ESCs, and where they differ.
///
/// # Errors
/// A source that does not tell its part, and whose bytes do not, either.
pub fn beside(a: &Source, b: &Source) -> Result<Beside, MapError> {
    let of = |source| map(Vec::new(), Some(source), None, None);
    let maps = [of(a)?, of(b)?];
    let differing = differing(&maps);
    let differing_options = differing_options(&maps);
    Ok(Beside { maps, differing, differing_options })
}

fn differing_options(maps: &[Map; 2]) -> Vec<DifferingOption> {
    let [a, b] = maps.each_ref().map(|map| map.options.as_ref().map_or(&[][..], |options| &options.fields));
    let of = |fields: &[OptionField], name| fields.iter().find(|f| f.name == name).map(|f| f.loaded.clone());
    let only_b = b.iter().filter(|field| a.iter().all(|other| other.name != field.name));
    let names = a.iter().chain(only_b).map(|field| field.name);
    let both = names.map(|name| DifferingOption { name, first: of(a, name), second: of(b, name) });
    both.filter(|option| option.first != option.second).collect()
}

fn differing([a, b]: &[Map; 2]) -> Vec<Differing> {
    let mut runs: Vec<Differing> = Vec::new();
    let byte = |map: &Map, address| map.byte(address).unwrap_or(BLANK);
    for address in (a.address.min(b.address)..a.end().max(b.end())).filter(|at| byte(a, *at) != byte(b, *at)) {
        match runs.last_mut() {
            Some(run) if address - run.address < run.length + NEAR => {
                run.length = address - run.address + 1;
                run.bytes += 1;
            }
            _ => runs.push(Differing { address, length: 1, bytes: 1 }),
        }
    }
    runs
}
