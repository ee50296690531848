//! A key-value store written by others (sequential-storage) runs on the model, through the driver, and survives a power cut
//! in any of its operations.

use dryflash::flash::nor::{F0, G0, Nor};
use dryflash::part;
use libtest_mimic::{Failed, Trial};
use sequential_storage::cache::Cache;
use sequential_storage::map::{MapConfig, MapStorage};
use std::ops::Range;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Nothing here ever waits.
fn done<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the driver never yields"),
    }
}

/// Stores values under a few keys until pages are erased several times, reading all back on the way.
fn store_and_fetch<const W: usize, const E: usize>(
    flash: &mut Nor<W, E>,
    range: Range<u32>,
    rounds: u32,
) -> Result<(), Failed> {
    let mut map = MapStorage::<u8, _, _>::new(flash, MapConfig::new(range), Cache::new_uncached());
    let mut buffer = [0; 128];
    for round in 0..rounds {
        for key in 0..5u8 {
            let value = round * 1000 + u32::from(key);
            done(map.store_item(&mut buffer, &key, &value)).map_err(|e| format!("store {key} in {round}: {e:?}"))?;
        }
        for key in 0..5u8 {
            let got = done(map.fetch_item::<u32>(&mut buffer, &key)).map_err(|e| format!("fetch: {e:?}"))?;
            if got != Some(round * 1000 + u32::from(key)) {
                return Err(format!("key {key} in round {round}: {got:?}").into());
            }
        }
    }
    Ok(())
}

fn on_f0() -> Result<(), Failed> {
    let part = part::find("STM32F051K8")?;
    let mut flash = F0::new(&part)?;
    store_and_fetch(&mut flash, 0xF000..0xFC00, 120)?;
    if flash.controller().cells().wear(60) < 2 { Err("no page was used twice".into()) } else { Ok(()) }
}

fn on_g0() -> Result<(), Failed> {
    let part = part::find("G071")?;
    let mut flash = G0::new(&part)?;
    store_and_fetch(&mut flash, 0x1_F000..0x2_0000, 120)?;
    if flash.controller().cells().wear(62) < 2 { Err("no page was used twice".into()) } else { Ok(()) }
}

/// Cuts power in each operation of a run of stores; afterwards the last value stored is there, or the one that
/// was being stored.
fn cuts_on_f0() -> Result<(), Failed> {
    let range = || MapConfig::new(0xF000..0xFC00);
    let part = part::find("STM32F051K8")?;
    for cut in (1..1400).step_by(7) {
        let mut flash = F0::new(&part)?;
        flash.cut_power(cut, u64::from(cut) * 77);
        let mut buffer = [0; 128];
        let mut stored = None;
        let mut trying = 0u32;
        let mut map = MapStorage::<u8, _, _>::new(&mut flash, range(), Cache::new_uncached());
        while done(map.store_item(&mut buffer, &7u8, &trying)).is_ok() {
            stored = Some(trying);
            trying += 1;
        }
        flash.power_on();
        let mut map = MapStorage::<u8, _, _>::new(&mut flash, range(), Cache::new_uncached());
        let got = done(map.fetch_item::<u32>(&mut buffer, &7)).map_err(|e| format!("cut at {cut}: {e:?}"))?;
        if got != stored && got != Some(trying) {
            return Err(format!("cut at {cut}: {got:?}, not {stored:?} or {trying}").into());
        }
        done(map.store_item(&mut buffer, &7u8, &9999u32)).map_err(|e| format!("after the cut at {cut}: {e:?}"))?;
    }
    Ok(())
}

pub fn trials() -> Vec<Trial> {
    vec![
        Trial::test("sequential-storage keeps its items on an F0", on_f0),
        Trial::test("sequential-storage keeps its items on a G0", on_g0),
        Trial::test("sequential-storage survives power cuts on an F0", cuts_on_f0),
    ]
}
