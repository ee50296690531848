//! A second opinion, when asked for with `DRYFLASH_QEMU=1`: the same cases on QEMU's Cortex-M0 (`qemu-system-arm` in
//! the PATH), step by step through its GDB stub. Time is not compared.

use super::bench;
use super::case::{BKPT, CODE, Case, Outcome, SRAM, SRAM_SIZE, Subject};
use super::flash::{GET, LEAVE, SET, flash};
use super::gdb::{Remote, Shown};
use super::generate;
use super::{comparable, setting};
use dryflash::cpu::{Registers, T};
use dryflash::part;
use std::collections::BTreeMap;
use std::io;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A frame to leave an exception with, out of the way of the cases.
const FRAME: u32 = SRAM + 0x40;

/// Where QEMU is known to differ, and why it does not count.
struct Known {
    reason: &'static str,
    /// Looks at what dryflash came to.
    applies: fn(&Outcome) -> bool,
}

/// APSR.Q of ARMv7-M.
const Q: u32 = 1 << 27;

const KNOWN: [Known; 3] = [
    Known {
        reason: "QEMU runs cbz, cbnz, it and setend, which ARMv6-M leaves undefined (DDI0419 A5.2.5)",
        applies: |ours| matches!(undefined(ours), Some(h) if matches!(h >> 8, 0xB1 | 0xB3 | 0xB9 | 0xBB | 0xBF) || h & 0xFFF7 == 0xB650),
    },
    Known {
        reason: "UNPREDICTABLE cps, bx and blx: dryflash faults rather than guess (DDI0419 B5.2.1, A6.7.15)",
        applies: |ours| matches!(undefined(ours), Some(h) if h >> 5 == 0xB660 >> 5 || h >> 8 == 0x47),
    },
    Known {
        reason: "QEMU's nRF51 answers in 0x10000000, 0x40000000 to 0x5FFFFFFF and from 0xE0000000 on, the bench does not",
        applies: |ours| {
            let (way, address) = ours.end.split_once(" 0x").unwrap_or_default();
            let address = u32::from_str_radix(address, 16).unwrap_or(0);
            ["read", "write", "fetch"].contains(&way) && matches!(address >> 28, 1 | 4 | 5 | 14 | 15)
        },
    },
];

/// The encoding that dryflash refused.
fn undefined(ours: &Outcome) -> Option<u16> {
    let (_, encoding) = ours.end.split_once("Undefined { encoding: [")?;
    encoding.split(',').next()?.parse().ok()
}

/// A running QEMU, stopped in Thread mode.
struct Qemu {
    child: Child,
    remote: Remote,
    flash: Vec<u8>,
    /// Holds the image that it loads.
    _folder: tempfile::TempDir,
}

impl Drop for Qemu {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Qemu {
    fn start() -> io::Result<Qemu> {
        let folder = tempfile::tempdir()?;
        let image = folder.path().join("flash.bin");
        let flash = flash();
        std::fs::write(&image, &flash)?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut child = Command::new("qemu-system-arm")
            .args(["-M", "microbit", "-cpu", "cortex-m0", "-S", "-nographic", "-nodefaults"])
            .args(["-gdb", &format!("tcp:127.0.0.1:{port}")])
            .args(["-device", &format!("loader,file={},addr=0,force-raw=on", image.display())])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        for _ in 0..200 {
            std::thread::sleep(Duration::from_millis(25));
            if let Ok(remote) = Remote::connect(port) {
                return Ok(Qemu { child, remote, flash, _folder: folder });
            }
        }
        child.kill()?;
        child.wait()?;
        Err(io::Error::other("QEMU does not listen"))
    }

    /// Runs to where dryflash stopped, `expected`, or to an end of its own.
    fn run(&mut self, case: &Case, expected: &Outcome) -> io::Result<Outcome> {
        self.prepare(case)?;
        let mut end = None;
        for _ in 0..300 {
            let shown = self.remote.registers()?;
            if shown.xpsr & 0x3F != 0 {
                return self.in_handler(shown, expected);
            }
            let next = self.half(case, shown.r[15])?;
            if next >> 8 == BKPT >> 8 && shown.xpsr & T != 0 {
                end = Some("Breakpoint");
                break;
            }
            self.remote.step()?;
            if next == 0xBF40 && shown.xpsr & T != 0 {
                end = Some("SendEvent");
                break;
            }
        }
        let shown = self.remote.registers()?;
        let sram = self.remote.read(SRAM, SRAM_SIZE as usize)?;
        let special = self.specials()?;
        let registers = assemble(&shown, special.r[0], special.r[1], special.r[2] & 3, special.r[3]);
        Ok(Outcome { registers, sram, end: end.unwrap_or("no end").into(), ..expected.clone() })
    }

    fn prepare(&mut self, case: &Case) -> io::Result<()> {
        let r = &case.registers;
        let mut shown = Shown { xpsr: T, ..Shown::default() };
        shown.r[..4].copy_from_slice(&[r.msp, r.psp, r.control, u32::from(r.primask)]);
        shown.r[15] = SET;
        self.remote.set_registers(&shown)?;
        (0..4).try_for_each(|_| self.remote.step())?;
        let mut sram = vec![0; (SRAM_SIZE as usize) - case.scratch.len()];
        sram.extend(&case.scratch);
        self.remote.write(SRAM, &sram)?;
        let code: Vec<u8> = case.code.iter().chain(&[BKPT; 10]).flat_map(|h| h.to_le_bytes()).collect();
        self.remote.write(CODE, &code)?;
        shown.r[..13].copy_from_slice(&r.r);
        shown.r[13..].copy_from_slice(&[r.sp(), r.lr, r.pc]);
        shown.xpsr = r.xpsr;
        self.remote.set_registers(&shown)
    }

    /// The half-word at `pc`; 0 where there is none.
    fn half(&mut self, case: &Case, pc: u32) -> io::Result<u16> {
        if (SRAM..SRAM + SRAM_SIZE - 1).contains(&pc) {
            let bytes = self.remote.read(pc, 2)?;
            return Ok(u16::from_le_bytes([bytes[0], bytes[1]]));
        }
        let own = case.code.get((pc.wrapping_sub(CODE) / 2) as usize).copied();
        let at = pc as usize;
        Ok(own.or(self.flash.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]))).unwrap_or(0))
    }

    /// MSP, PSP, CONTROL and PRIMASK, in R0 to R3. R0 to R3 are lost.
    fn specials(&mut self) -> io::Result<Shown> {
        let mut shown = self.remote.registers()?;
        shown.r[15] = GET;
        shown.xpsr |= T;
        self.remote.set_registers(&shown)?;
        (0..4).try_for_each(|_| self.remote.step())?;
        self.remote.registers()
    }

    /// An exception was entered: undoes its entry, and leaves it for the next case.
    fn in_handler(&mut self, shown: Shown, expected: &Outcome) -> io::Result<Outcome> {
        let number = shown.xpsr & 0x3F;
        let special = self.specials()?;
        let [mut msp, mut psp, _, primask] = [0, 1, 2, 3].map(|n| special.r[n]);
        let process = shown.r[14] & 4 != 0;
        let frame = if process { psp } else { msp };
        let bytes = self.remote.read(frame, 32)?;
        let word = |n: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| bytes[4 * n + i]));
        let sp = frame + 32 + 4 * (word(7) >> 9 & 1);
        *if process { &mut psp } else { &mut msp } = sp;
        let mut before = shown;
        before.r[..4].copy_from_slice(&[0, 1, 2, 3].map(word));
        [before.r[12], before.r[14], before.r[15]] = [word(4), word(5), word(6)];
        before.xpsr = word(7) & !(1 << 9);
        let registers = assemble(&before, msp, psp, if process { 2 } else { 0 }, primask);
        let mut sram = self.remote.read(SRAM, SRAM_SIZE as usize)?;
        // What lay where the frame is now is not known.
        let (from, to) = ((frame - SRAM) as usize, (sp - SRAM) as usize);
        sram[from..to].copy_from_slice(&expected.sram[from..to]);
        let escalated = expected.registers.primask;
        let fits = match expected.end.as_str() {
            "Svc" => number == if escalated { 3 } else { 11 },
            "Breakpoint" | "SendEvent" => false,
            _ => number == 3,
        };
        let end = if fits { expected.end.clone() } else { format!("exception {number}") };
        self.leave()?;
        Ok(Outcome { registers, sram, end, ..expected.clone() })
    }

    /// Back to Thread mode.
    fn leave(&mut self) -> io::Result<()> {
        let frame: Vec<u8> = [0, 0, 0, 0, 0, 0, SET, T].iter().flat_map(|w| w.to_le_bytes()).collect();
        self.remote.write(FRAME, &frame)?;
        let mut shown = self.remote.registers()?;
        shown.r[13..].copy_from_slice(&[FRAME, 0xFFFF_FFF9, LEAVE]);
        shown.xpsr |= T;
        self.remote.set_registers(&shown)?;
        self.remote.step()?;
        match self.remote.registers()?.xpsr & 0x3F {
            0 => Ok(()),
            n => Err(io::Error::other(format!("exception {n} is not left"))),
        }
    }
}

fn assemble(shown: &Shown, msp: u32, psp: u32, control: u32, primask: u32) -> Registers {
    let mut r = [0; 13];
    r.copy_from_slice(&shown.r[..13]);
    let (lr, pc) = (shown.r[14], shown.r[15]);
    Registers { r, msp, psp, lr, pc, xpsr: shown.xpsr, primask: primask & 1 != 0, control }
}

/// Whether QEMU can do the case at all: no device of ours, no sleep, room for the frame of a fault (without it QEMU
/// ends itself for the lock-up), and no `yield` (its step goes on to the next instruction).
fn suitable(case: &Case, outcome: &Outcome) -> bool {
    let sp = outcome.registers.sp();
    let room = (SRAM + 0x100..=SRAM + SRAM_SIZE).contains(&sp);
    let waits = ["WaitForInterrupt", "WaitForEvent"].contains(&outcome.end.as_str());
    let yields = case.code.contains(&0xBF10);
    !waits && !yields && outcome.seen.is_empty() && (room || outcome.end == "Breakpoint")
}

#[test]
fn qemu_agrees() {
    if std::env::var("DRYFLASH_QEMU").as_deref() != Ok("1") {
        eprintln!("SKIPPED: QEMU as a second opinion. Set DRYFLASH_QEMU=1 to ask it (needs qemu-system-arm).");
        return;
    }
    let seed = setting("DRYFLASH_SEED", 1);
    let mut unicorn = bench::reference(part::Core::M0);
    let mut qemu = Qemu::start().expect("QEMU starts");
    let (mut compared, mut ended) = (0, Vec::new());
    let mut known: BTreeMap<&str, u32> = BTreeMap::new();
    let mut unknown = Vec::new();
    for number in 0..setting("DRYFLASH_CASES", 3_000) as u32 {
        let case = generate::case(seed, number);
        let ours = unicorn.run(&case);
        let Some(ours) = comparable(ours).filter(|ours| suitable(&case, ours)) else { continue };
        let theirs = match qemu.run(&case, &ours).or_else(|_| {
            // Once more: a busy machine may just have been slow.
            qemu = Qemu::start()?;
            qemu.run(&case, &ours)
        }) {
            // A long way through data.
            Ok(outcome) if outcome.end == "no end" => continue,
            Ok(outcome) => outcome,
            Err(error) => {
                // What it does not survive is no agreement either.
                qemu = Qemu::start().expect("QEMU starts again");
                match KNOWN.iter().find(|k| (k.applies)(&ours)) {
                    Some(k) => *known.entry(k.reason).or_default() += 1,
                    None => ended.push(format!("{}: {error}; dryflash: {}", case.name, ours.end)),
                }
                continue;
            }
        };
        compared += 1;
        let differences = ours.differences(&theirs);
        if differences.is_empty() {
            continue;
        }
        let mut without_q = theirs.clone();
        without_q.registers.xpsr &= !Q;
        if ours.differences(&without_q).is_empty() {
            *known.entry("QEMU keeps APSR.Q, which ARMv6-M does not have (DDI0419 B1.4.2)").or_default() += 1;
            continue;
        }
        match KNOWN.iter().find(|k| (k.applies)(&ours)) {
            Some(k) => *known.entry(k.reason).or_default() += 1,
            None => unknown.push(format!(
                "{} ends with {}\n  {:04x?}\n  {:x?}\n  {}",
                case.name,
                ours.end,
                case.code,
                case.registers,
                differences.join("\n  ")
            )),
        }
    }
    println!("seed {seed}: {compared} cases on QEMU, {} differ (dryflash / QEMU)", unknown.len());
    for (reason, count) in &known {
        println!("{count} known: {reason}");
    }
    println!("{} times QEMU ended or hung\n{}", ended.len(), ended.join("\n"));
    assert!(unknown.is_empty(), "{}", unknown.iter().take(12).cloned().collect::<Vec<_>>().join("\n"));
    assert!(ended.is_empty() && compared > 0);
}
