//! A key-value store written by others (sequential-storage) runs on the model through the same register
//! sequences as firmware uses, and survives a power cut in any of its operations.

use crate::bench::Bench;
use crate::{f0_registers as f, g0_registers as g};
use dryflash::time::Time;
use embedded_storage_async::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};
use libtest_mimic::{Failed, Trial};
use sequential_storage::cache::Cache;
use sequential_storage::map::{MapConfig, MapStorage};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Why the flash refused.
#[derive(Debug)]
enum Trouble {
    /// Flags in the status register, or a bus error.
    Refused,
    /// Power went in the middle.
    Dark,
}

impl NorFlashError for Trouble {
    fn kind(&self) -> NorFlashErrorKind {
        NorFlashErrorKind::Other
    }
}

/// A driver over a bench, with a count of operations until power goes.
struct Driver<'a> {
    bench: &'a mut Bench,
    operations: u32,
    cut_at: Option<(u32, u64)>,
}

impl Driver<'_> {
    /// An operation was begun: power goes in the middle of it, or it is waited for.
    fn operated(&mut self) -> Result<(), Trouble> {
        self.operations += 1;
        if let Some((at, seed)) = self.cut_at
            && at == self.operations
        {
            self.bench.pass(Time::from_nanos(seed % 53_000));
            self.bench.chip.power_off(self.bench.now, seed);
            self.bench.chip.power_on(self.bench.now);
            return Err(Trouble::Dark);
        }
        Ok(())
    }

    fn is_dark(&self) -> bool {
        self.cut_at.is_some_and(|(at, _)| self.operations >= at)
    }

    fn bytes(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Trouble> {
        if self.is_dark() {
            return Err(Trouble::Dark);
        }
        for (i, b) in (0..).zip(bytes) {
            let width = dryflash::bus::Width::Byte;
            let read = self.bench.load_as(f::FLASH + offset + i, width, dryflash::flash::Purpose::Data);
            *b = read.map_err(|_| Trouble::Refused)? as u8;
        }
        Ok(())
    }
}

/// An F0 by half-words.
struct F0<'a>(Driver<'a>);
/// A G0 by double words.
struct G0<'a>(Driver<'a>);

impl ErrorType for F0<'_> {
    type Error = Trouble;
}

impl ErrorType for G0<'_> {
    type Error = Trouble;
}

impl ReadNorFlash for F0<'_> {
    const READ_SIZE: usize = 1;
    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Trouble> {
        self.0.bytes(offset, bytes)
    }
    fn capacity(&self) -> usize {
        0x1_0000
    }
}

impl ReadNorFlash for G0<'_> {
    const READ_SIZE: usize = 1;
    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Trouble> {
        self.0.bytes(offset, bytes)
    }
    fn capacity(&self) -> usize {
        0x2_0000
    }
}

impl NorFlash for F0<'_> {
    const WRITE_SIZE: usize = 2;
    const ERASE_SIZE: usize = 1024;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Trouble> {
        for page in (from..to).step_by(1024) {
            f::unlock(self.0.bench);
            self.0.bench.w(f::CR, f::PER);
            self.0.bench.w(f::AR, f::FLASH + page);
            self.0.bench.w(f::CR, f::PER | f::STRT);
            self.0.operated()?;
            if f::finish(self.0.bench) != f::EOP {
                return Err(Trouble::Refused);
            }
        }
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Trouble> {
        for (i, half) in (0..).step_by(2).zip(bytes.chunks_exact(2)) {
            f::unlock(self.0.bench);
            self.0.bench.w(f::CR, f::PG);
            let value = u32::from(half[0]) | u32::from(half[1]) << 8;
            self.0.bench.half(f::FLASH + offset + i, value).map_err(|_| Trouble::Refused)?;
            self.0.operated()?;
            if f::finish(self.0.bench) != f::EOP {
                return Err(Trouble::Refused);
            }
        }
        Ok(())
    }
}

impl NorFlash for G0<'_> {
    const WRITE_SIZE: usize = 8;
    const ERASE_SIZE: usize = 2048;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Trouble> {
        for page in from / 2048..to / 2048 {
            if g::erase(self.0.bench, page) != 0 {
                return Err(Trouble::Refused);
            }
            self.0.operated()?;
        }
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Trouble> {
        for (i, double) in (0..).step_by(8).zip(bytes.chunks_exact(8)) {
            let word = |i: usize| u32::from_le_bytes([double[i], double[i + 1], double[i + 2], double[i + 3]]);
            if g::program(self.0.bench, g::FLASH + offset + i, word(0), word(4)) != 0 {
                return Err(Trouble::Refused);
            }
            self.0.operated()?;
        }
        Ok(())
    }
}

/// Nothing here ever waits.
fn done<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("the driver never yields"),
    }
}

/// Stores values under a few keys until pages are erased several times, reading all back on the way.
fn store_and_fetch<S: NorFlash>(flash: S, range: std::ops::Range<u32>, rounds: u32) -> Result<(), Failed>
where
    S::Error: std::fmt::Debug,
{
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
    let mut bench = Bench::of("STM32F051K8");
    store_and_fetch(F0(Driver { bench: &mut bench, operations: 0, cut_at: None }), 0xF000..0xFC00, 120)?;
    if bench.chip.cells().wear(60) < 2 { Err("no page was used twice".into()) } else { Ok(()) }
}

fn on_g0() -> Result<(), Failed> {
    let mut bench = Bench::of("G071");
    store_and_fetch(G0(Driver { bench: &mut bench, operations: 0, cut_at: None }), 0x1_F000..0x2_0000, 120)?;
    if bench.chip.cells().wear(62) < 2 { Err("no page was used twice".into()) } else { Ok(()) }
}

/// Cuts power in each operation of a run of stores; afterwards the last value stored is there, or the one that
/// was being stored.
fn cuts_on_f0() -> Result<(), Failed> {
    let range = || MapConfig::new(0xF000..0xFC00);
    for cut in (1..1400).step_by(7) {
        let mut bench = Bench::of("STM32F051K8");
        let mut buffer = [0; 128];
        let mut stored = None;
        let mut trying = 0u32;
        {
            let flash = F0(Driver { bench: &mut bench, operations: 0, cut_at: Some((cut, u64::from(cut) * 77)) });
            let mut map = MapStorage::<u8, _, _>::new(flash, range(), Cache::new_uncached());
            while done(map.store_item(&mut buffer, &7u8, &trying)).is_ok() {
                stored = Some(trying);
                trying += 1;
            }
        }
        let flash = F0(Driver { bench: &mut bench, operations: 0, cut_at: None });
        let mut map = MapStorage::<u8, _, _>::new(flash, range(), Cache::new_uncached());
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
