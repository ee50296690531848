//! dryflash's own engines as subjects: an engine on a bus of a few lines.

use super::case::{self, BKPT, CODE, Case, FLASH_SIZE, IO, IO_SIZE, Outcome, SRAM, SRAM_SIZE, Seen, Subject};
use dryflash::bus::{BusFault, Width, fault};
use dryflash::cpu::block::FetchCost;
use dryflash::cpu::interpreter::Interpreter;
use dryflash::cpu::unicorn::UnicornCore;
use dryflash::cpu::{Bus, Core, Plain, Reply, Stop};
use dryflash::memory::HostMemory;
use dryflash::part;

/// No case runs for longer.
const LIMIT: u64 = 3_000;

/// Every engine, the one of record first, whole and sliced.
pub fn engines(core: part::Core) -> Vec<Box<dyn Subject>> {
    vec![
        Box::new(Bench::new("Unicorn", Box::new(unicorn(core)), None)),
        Box::new(Bench::new("Unicorn, a cycle at a time", Box::new(unicorn(core)), Some(1))),
        Box::new(Bench::new("Unicorn, 3 cycles at a time", Box::new(unicorn(core)), Some(3))),
        Box::new(Bench::new("interpreter", Box::new(Interpreter::new(core, 4)), None)),
        Box::new(Bench::new("interpreter, a cycle at a time", Box::new(Interpreter::new(core, 4)), Some(1))),
        Box::new(Bench::new("interpreter, 3 cycles at a time", Box::new(Interpreter::new(core, 4)), Some(3))),
    ]
}

/// The engine of record.
pub fn reference(core: part::Core) -> Bench {
    Bench::new("Unicorn", Box::new(unicorn(core)), None)
}

fn unicorn(core: part::Core) -> UnicornCore {
    UnicornCore::new(core, 4, &(SRAM..SRAM + SRAM_SIZE), std::slice::from_ref(&(IO..IO + IO_SIZE))).unwrap()
}

/// An engine with its bus.
pub struct Bench {
    name: &'static str,
    /// Dropped first: it maps the bus's memory.
    core: Box<dyn Core>,
    world: World,
    /// Cycles of one slice.
    slice: Option<u64>,
}

struct World {
    flash: HostMemory,
    sram: HostMemory,
    cost: FetchCost,
    seen: Vec<Seen>,
}

impl Bench {
    fn new(name: &'static str, mut core: Box<dyn Core>, slice: Option<u64>) -> Bench {
        let mut flash = HostMemory::new(FLASH_SIZE as usize, 0);
        flash.write(0, &super::flash::flash());
        let sram = HostMemory::new(SRAM_SIZE as usize, 0);
        let world = World { flash, sram, cost: FetchCost::default(), seen: Vec::new() };
        core.remap(&world);
        Bench { name, core, world, slice }
    }
}

impl Subject for Bench {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn run(&mut self, case: &Case) -> Outcome {
        let world = &mut self.world;
        let code: Vec<u8> = case.code.iter().flat_map(|h| h.to_le_bytes()).collect();
        world.flash.write(CODE as usize, &code);
        world.sram.fill(0, SRAM_SIZE as usize, 0);
        world.sram.write((case::SCRATCH - SRAM) as usize, &case.scratch);
        world.seen.clear();
        let wait = u32::from(case.slow);
        world.cost = FetchCost { sequential: wait, target: wait, literal: wait };
        self.core.remap(world);
        self.core.invalidate(CODE..CODE + code.len() as u32);
        self.core.invalidate(SRAM..SRAM + SRAM_SIZE);
        self.core.set_cycle(0);
        self.core.set_registers(&case.registers);
        let stop = loop {
            let limit = self.slice.map_or(LIMIT, |slice| LIMIT.min(self.core.cycle() + slice));
            match self.core.run(world, limit) {
                // The bus never asks for attention, but an engine may say so where a store reached the limit.
                Stop::Limit | Stop::Attention if self.core.cycle() < LIMIT => {}
                Stop::Attention => break Stop::Limit,
                stop => break stop,
            }
        };
        let fill: Vec<u8> = BKPT.to_le_bytes().repeat(case.code.len());
        world.flash.write(CODE as usize, &fill);
        Outcome {
            registers: self.core.registers(),
            sram: world.sram.bytes(0, SRAM_SIZE as usize),
            seen: std::mem::take(&mut world.seen),
            cycle: self.core.cycle(),
            end: case::end(&stop),
        }
    }
}

impl Bus for World {
    fn read(&mut self, address: u32, width: Width, pc: u32, cycle: u64) -> Result<Reply, BusFault> {
        if address.wrapping_sub(IO) >= IO_SIZE {
            return Err(fault("nothing is there"));
        }
        self.seen.push(Seen { address, stored: None, pc, cycle });
        let value = address.wrapping_mul(0x9E37_79B9) & width.mask();
        Ok(Reply { value, wait: u64::from(address >> 8 & 1), ..Reply::default() })
    }

    fn write(&mut self, address: u32, width: Width, value: u32, pc: u32, cycle: u64) -> Result<Reply, BusFault> {
        // As QEMU's nRF51 with its flash locked.
        if address < FLASH_SIZE && width == Width::Word {
            return Ok(Reply::default());
        }
        if address < FLASH_SIZE {
            return Err(fault("flash is not written here"));
        }
        if address.wrapping_sub(IO) >= IO_SIZE {
            return Err(fault("nothing is there"));
        }
        self.seen.push(Seen { address, stored: Some(value), pc, cycle });
        Ok(Reply { wait: u64::from(address >> 8 & 1), ..Reply::default() })
    }

    fn guard(&mut self, _: u32, _: Width, _: u32, _: u64) -> Result<Reply, BusFault> {
        Ok(Reply::default())
    }

    fn watched(&mut self, _: u32, _: Width, _: u32, _: u32, _: u64) {}

    fn map(&self) -> Vec<Plain> {
        let plain = |address, size, pointer, flash: bool| Plain {
            address,
            size,
            pointer,
            writable: !flash,
            guarded: false,
            flash,
        };
        vec![plain(0, FLASH_SIZE, self.flash.pointer(), true), plain(SRAM, SRAM_SIZE, self.sram.pointer(), false)]
    }

    fn fetch_cost(&self) -> FetchCost {
        self.cost
    }
}
