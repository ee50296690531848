//! Does a key-value store keep its values when power goes? sequential-storage, unmodified, on the flash of an F051 and of a
//! G071: power is cut in every operation of a run of stores, one run for each, and what is found afterwards is counted.
//!
//! `cargo run --release --example sequential_storage --no-default-features --features embedded-storage`

use dryflash::flash::nor::{Nor, NorError};
use dryflash::part;
use sequential_storage::cache::Cache;
use sequential_storage::map::{MapConfig, MapStorage};
use std::error::Error;
use std::ops::Range;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Stores of one key in each run.
const STORES: u32 = 150;

fn main() -> Result<(), Box<dyn Error>> {
    campaign::<2, 1024>("F051", 0x7000..0x7C00)?;
    campaign::<8, 2048>("G071", 0x1_E000..0x2_0000)
}

/// One run for every operation of a run that is left alone.
fn campaign<const WRITE: usize, const ERASE: usize>(name: &str, range: Range<u32>) -> Result<(), Box<dyn Error>> {
    let part = part::find(name)?;
    let mut flash = Nor::<WRITE, ERASE>::new(&part)?;
    let (stored, _) = store(&mut flash, &range);
    assert_eq!(stored, Some(STORES - 1));
    let operations = flash.operations();
    let (mut before, mut new, mut other, mut unreadable) = (0, 0, 0, 0);
    for operation in 1..=operations {
        let mut flash = Nor::<WRITE, ERASE>::new(&part)?;
        flash.cut_power(operation, u64::from(operation));
        let (stored, trying) = store(&mut flash, &range);
        flash.power_on();
        match fetch(&mut flash, &range) {
            Ok(found) if found == stored => before += 1,
            Ok(found) if found == Some(trying) => new += 1,
            Ok(_) => other += 1,
            Err(_) => unreadable += 1,
        }
    }
    println!("{name}: power cut in each of {operations} operations");
    println!("  {before:5} times the value stored before is found");
    println!("  {new:5} times the one that was being stored");
    println!("  {other:5} times another");
    println!("  {unreadable:5} times the store cannot be read");
    Ok(())
}

/// Stores 0, 1, 2.. until power goes: the last value that was stored, and the one after it.
fn store<const W: usize, const E: usize>(flash: &mut Nor<W, E>, range: &Range<u32>) -> (Option<u32>, u32) {
    let mut map = MapStorage::<u8, _, _>::new(flash, MapConfig::new(range.clone()), Cache::new_uncached());
    let mut buffer = [0; 64];
    let mut stored = None;
    for value in 0..STORES {
        if now(map.store_item(&mut buffer, &7, &value)).is_err() {
            return (stored, value);
        }
        stored = Some(value);
    }
    (stored, STORES)
}

fn fetch<const W: usize, const E: usize>(
    flash: &mut Nor<W, E>,
    range: &Range<u32>,
) -> Result<Option<u32>, sequential_storage::Error<NorError>> {
    let mut map = MapStorage::<u8, _, _>::new(flash, MapConfig::new(range.clone()), Cache::new_uncached());
    now(map.fetch_item(&mut [0; 64], &7))
}

/// The flash never waits, so a future of it is done when it is asked.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the flash never waits"),
    }
}
