//! The exception model of ARMv6-M, one behaviour a test, on whole chips of both cores and on every engine.
//!
//! Programs are assembled here; a label that bears the name of an exception becomes its vector.

mod chaining;
mod faults;
mod lockup;
mod masks;
mod nvic;
mod returns;
mod scb;
mod sleep;
mod special;
mod system;
mod systick;

use crate::support::asm::*;
use dryflash::bus::Width;
use dryflash::chip::{Chip, Halt};
use dryflash::cpu::hybrid::Engine;
use dryflash::cpu::{FaultKind, Registers};
use dryflash::flash::factory::Factory;
use dryflash::part;
use dryflash::time::Time;
use std::collections::HashMap;

const FLASH: u32 = 0x0800_0000;
const SRAM: u32 = 0x2000_0000;
/// Where the main stack begins.
const STACK: u32 = SRAM + 0x1000;
/// Behind the vectors.
const CODE: u32 = FLASH + 0xC0;

const ISER: u32 = 0xE000_E100;
const ICER: u32 = 0xE000_E180;
const ISPR: u32 = 0xE000_E200;
const ICPR: u32 = 0xE000_E280;
const IPR: u32 = 0xE000_E400;
const ICSR: u32 = 0xE000_ED04;
const SCR: u32 = 0xE000_ED10;
const SHPR2: u32 = 0xE000_ED1C;
const SHPR3: u32 = 0xE000_ED20;
const NMIPENDSET: u32 = 1 << 31;
const PENDSVSET: u32 = 1 << 28;
const PENDSTSET: u32 = 1 << 26;

fn engines() -> [Engine; 3] {
    [Engine::Unicorn, Engine::Interpreter, Engine::Auto]
}

fn chip(engine: Engine, part: &str) -> Chip {
    Chip::with_engine(&part::find(part).unwrap(), 1, engine).unwrap()
}

/// The labels that are vectors, with their exception numbers.
const VECTORS: [(&str, usize); 11] = [
    ("start", 1),
    ("nmi", 2),
    ("hard_fault", 3),
    ("svcall", 11),
    ("pendsv", 14),
    ("systick", 15),
    ("irq0", 16),
    ("irq1", 17),
    ("irq2", 18),
    ("irq3", 19),
    ("irq31", 47),
];

/// A chip with a program, at its reset vector. R7 points to SRAM, where [`mark`] leaves a trace.
struct Rig {
    chip: Chip,
    labels: HashMap<&'static str, u32>,
    /// The faults on the way, with the PC that was stacked.
    faults: Vec<FaultKind>,
    m0: bool,
}

/// Appends `n` to the trace; uses R0.
fn mark(n: u16) -> Item {
    Item::Many(vec![movs(0, n), strb(0, 7, 0), adds(7, 1)])
}

/// A handler that leaves its mark and returns.
fn handler(name: &'static str, n: u16) -> Item {
    Item::Many(vec![label(name), mark(n), bx(LR)])
}

/// A label to stop at. A branch leads to it, as engines may look for stops at the starts of blocks only.
fn stop(name: &'static str) -> Item {
    Item::Many(vec![b(name), label(name)])
}

/// The place where a program ends.
fn done() -> Item {
    Item::Many(vec![label("done"), b("done")])
}

/// Runs `check` on a chip of each core, on each engine.
fn each(program: &[Item], check: impl Fn(&mut Rig)) {
    for engine in engines() {
        for part in ["F051", "G071"] {
            // Shown where the check fails.
            println!("{part} on {engine:?}");
            check(&mut Rig::new(engine, part, program));
        }
    }
}

impl Rig {
    fn new(engine: Engine, part: &str, program: &[Item]) -> Rig {
        let assembled = assemble(CODE, program);
        let mut vectors = [0u32; 48];
        vectors[0] = STACK;
        for (name, number) in VECTORS {
            vectors[number] = assembled.labels.get(name).map_or(0, |address| address | 1);
        }
        Rig::with(engine, part, &vectors, &assembled)
    }

    fn with(engine: Engine, part: &str, vectors: &[u32; 48], program: &Assembled) -> Rig {
        let mut chip = chip(engine, part);
        let pages = chip.part().flash.wrp_pages;
        let bytes: Vec<u8> = vectors.iter().flat_map(|v| v.to_le_bytes()).chain(program.code.clone()).collect();
        let factory = Factory::of(chip.board.flash.as_ref(), pages).cells(FLASH, &bytes).unwrap();
        factory.install(chip.board.flash.as_mut()).unwrap();
        chip.power_on();
        chip.board.sram.fill(0, 0x1000, 0);
        chip.set_registers(|r| r.r[7] = SRAM);
        Rig { chip, labels: program.labels.clone(), faults: Vec::new(), m0: part.starts_with('F') }
    }

    fn at(&self, label: &str) -> u32 {
        self.labels[label]
    }

    /// Runs up to the label.
    #[track_caller]
    fn go(&mut self, label: &str) {
        let at = self.at(label);
        self.chip.stop_inside(std::slice::from_ref(&(at..at + 2)));
        let halt = self.advance(5_000);
        assert_eq!((halt, self.registers().pc), (Halt::Inside, at), "{:?} {:x?}", self.faults, self.registers());
    }

    /// Runs for so many microseconds; faults that were taken do not end it.
    fn run(&mut self, micros: u64) -> Halt {
        self.chip.stop_inside(&[]);
        self.advance(micros)
    }

    fn advance(&mut self, micros: u64) -> Halt {
        let end = self.chip.now().time + Time::from_micros(micros);
        loop {
            match self.chip.run(end) {
                Halt::Fault(kind) => self.faults.push(kind),
                other => return other,
            }
            assert!(self.faults.len() < 100, "it faults for ever");
        }
    }

    fn registers(&self) -> Registers {
        self.chip.registers()
    }

    fn r(&self, n: usize) -> u32 {
        self.chip.registers().r[n]
    }

    fn cycle(&self) -> u64 {
        self.chip.now().cycle
    }

    /// The marks left so far.
    fn trace(&self) -> Vec<u8> {
        self.chip.board.sram.bytes(0, (self.r(7) - SRAM) as usize)
    }

    /// A word of SRAM.
    fn word(&self, address: u32) -> u32 {
        self.chip.board.sram.word((address - SRAM) as usize)
    }

    fn set_word(&mut self, address: u32, value: u32) {
        self.chip.debug_write(address, Width::Word, value).unwrap();
    }

    /// The frame at `sp`: R0 to R3, R12, LR, PC, xPSR.
    fn frame(&self, sp: u32) -> [u32; 8] {
        std::array::from_fn(|n| self.word(sp + 4 * n as u32))
    }

    /// xPSR at the reset vector: what ARM leaves open of it, as chips have it.
    fn xpsr_at_reset(&self) -> u32 {
        if self.m0 { 0xC100_0000 } else { 0xF100_0000 }
    }

    /// Cycles from the last instruction to the handler's first (DDI0432C 3.3.2, DDI0484 3.3.2).
    fn entry(&self) -> u64 {
        if self.m0 { 16 } else { 15 }
    }
}
