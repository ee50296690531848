//! What each instruction does (DDI0419 A6.7), and what it costs.

use super::memory::Window;
use super::op::{self, Code, Op};
use super::{Exit, Interpreter};
use crate::bus::Width;
use crate::cpu::decode::Kind;
use crate::cpu::{Bus, FaultKind, Stop};

/// `x + y + carry` with carry out and overflow (DDI0419 A2.2.1).
const fn add(x: u32, y: u32, carry: bool) -> (u32, bool, bool) {
    let (partial, first) = x.overflowing_add(y);
    let (sum, second) = partial.overflowing_add(carry as u32);
    (sum, first || second, ((x ^ sum) & (y ^ sum)) >> 31 != 0)
}

/// A shift by a register's low byte: result, and carry where it changes.
const fn shift(code: Code, value: u32, by: u32) -> (u32, Option<bool>) {
    match (code, by) {
        (_, 0) => (value, None),
        (Code::LslReg, 1..=31) => (value << by, Some(value >> (32 - by) & 1 != 0)),
        (Code::LslReg, 32) => (0, Some(value & 1 != 0)),
        (Code::LsrReg, 1..=31) => (value >> by, Some(value >> (by - 1) & 1 != 0)),
        (Code::LsrReg, 32) => (0, Some(value >> 31 != 0)),
        (Code::LslReg | Code::LsrReg, _) => (0, Some(false)),
        (Code::AsrReg, 1..=31) => ((value as i32 >> by) as u32, Some(value >> (by - 1) & 1 != 0)),
        (Code::AsrReg, _) => ((value as i32 >> 31) as u32, Some(value >> 31 != 0)),
        _ => {
            let turned = value.rotate_right(by & 31);
            (turned, Some(turned >> 31 != 0))
        }
    }
}

impl Interpreter {
    fn write_back(&mut self, pc: u32, cycle: u64, count: u64) {
        self.pc = pc;
        self.cycle = cycle;
        self.instructions += count;
    }

    /// What the first fetch at a branch target costs.
    fn target_cost(&self, to: u32, window: &Window) -> u64 {
        if self.cost.target == 0 {
            return 0;
        }
        let flash = if to.wrapping_sub(window.plain.address) < window.plain.size {
            window.plain.flash
        } else {
            self.locate(to).is_some_and(|at| self.regions[at.region].plain.flash)
        };
        if flash { u64::from(self.cost.target) } else { 0 }
    }

    /// Runs inside one window. `ops` are its decoded instructions.
    #[allow(clippy::too_many_lines, reason = "one arm for each instruction")]
    pub(super) fn run_window<const TRACE: bool>(&mut self, bus: &mut dyn Bus, ops: &mut [Op], window: &Window) -> Exit {
        let (mut pc, mut cycle, mut count) = (self.pc, self.cycle, 0u64);
        let length = window.range.end - window.range.start;
        let flash = window.plain.flash;
        let sequential = if flash { u64::from(self.cost.sequential) } else { 0 };
        let literal = if flash { u64::from(self.cost.literal) } else { 0 };
        let writable = window.plain.writable;
        macro_rules! leave {
            ($exit:expr) => {{
                self.write_back(pc, cycle, count);
                return $exit;
            }};
        }
        macro_rules! attempt {
            ($result:expr) => {
                match $result {
                    Ok(value) => value,
                    Err(kind) => leave!(Exit::Stop(Stop::Fault(kind))),
                }
            };
        }
        loop {
            if pc.wrapping_sub(window.range.start) >= length {
                leave!(Exit::Window);
            }
            if cycle >= self.stop_at {
                self.cycle = cycle;
                if let Some(exit) = self.boundary(bus) {
                    leave!(exit);
                }
            }
            if TRACE && self.poll.round_ends(pc) {
                leave!(Exit::Traced);
            }
            let Some(slot) = ops.get_mut(((pc - window.base) / 2) as usize) else { leave!(Exit::Window) };
            if slot.code == Code::Unseen
                || (writable && (slot.length == 4 || slot.raw != window.plain.half(pc - window.plain.address)))
            {
                *slot = self.decode_at(pc, window);
            }
            let o = *slot;
            if o.line {
                cycle += sequential;
            }
            if TRACE {
                self.poll.step(pc, o);
            }
            let next = pc.wrapping_add(u32::from(o.length));
            let (d, n, m) = (usize::from(o.d & 15), usize::from(o.n & 15), usize::from(o.m & 15));
            macro_rules! r {
                ($i:expr) => {
                    self.file.r[$i]
                };
            }
            macro_rules! result {
                ($value:expr) => {{
                    let value = $value;
                    self.file.flags.set_nz(value);
                    r!(d) = value;
                }};
            }
            macro_rules! sum {
                ($x:expr, $y:expr, $carry:expr) => {{
                    let (value, c, v) = add($x, $y, $carry);
                    self.file.flags.set_nz(value);
                    self.file.flags.c = c;
                    self.file.flags.v = v;
                    value
                }};
            }
            macro_rules! load {
                ($address:expr, $width:expr) => {{
                    let address = $address;
                    attempt!(self.load::<TRACE>(bus, address, $width, pc, &mut cycle))
                }};
            }
            macro_rules! store {
                ($address:expr, $width:expr, $value:expr) => {{
                    let (address, value) = ($address, $value);
                    attempt!(self.store::<TRACE>(bus, address, $width, value, pc, &mut cycle))
                }};
            }
            macro_rules! branch {
                ($to:expr, $more:expr) => {{
                    let to: u32 = $to;
                    cycle += u64::from(o.cycles);
                    count += 1;
                    if to != next {
                        cycle += u64::from($more) + self.target_cost(to, window);
                    }
                    pc = to;
                    continue;
                }};
            }
            // A branch whose target tells the instruction set (BXWritePC, BLXWritePC).
            macro_rules! exchange {
                ($to:expr, $returns:expr) => {{
                    let to: u32 = $to;
                    if $returns && to >> 28 == 0xF && self.file.exception != 0 {
                        cycle += u64::from(o.cycles);
                        count += 1;
                        pc = to & !1;
                        leave!(Exit::Stop(Stop::ExceptionReturn(to)));
                    }
                    if to & 1 == 0 {
                        self.file.thumb = false;
                        cycle += u64::from(o.cycles);
                        if to != next {
                            cycle += self.target_cost(to, window);
                        }
                        count += 1;
                        pc = to;
                        leave!(Exit::Window);
                    }
                    branch!(to & !1, 0u8)
                }};
            }
            match o.code {
                Code::LslImm => {
                    let value = r!(m);
                    if o.imm != 0 {
                        self.file.flags.c = value >> (32 - o.imm) & 1 != 0;
                    }
                    result!(value << o.imm);
                }
                Code::LsrImm => {
                    let value = r!(m);
                    self.file.flags.c = value >> (o.imm - 1) & 1 != 0;
                    result!(value.checked_shr(o.imm).unwrap_or(0));
                }
                Code::AsrImm => {
                    let value = r!(m);
                    self.file.flags.c = value >> (o.imm - 1) & 1 != 0;
                    result!((value as i32 >> o.imm.min(31)) as u32);
                }
                Code::AddReg => r!(d) = sum!(r!(n), r!(m), false),
                Code::SubReg => r!(d) = sum!(r!(n), !r!(m), true),
                Code::AddImm => r!(d) = sum!(r!(n), o.imm, false),
                Code::SubImm => r!(d) = sum!(r!(n), !o.imm, true),
                Code::MovImm => result!(o.imm),
                Code::CmpImm => {
                    sum!(r!(n), !o.imm, true);
                }
                Code::And => result!(r!(d) & r!(m)),
                Code::Eor => result!(r!(d) ^ r!(m)),
                Code::LslReg | Code::LsrReg | Code::AsrReg | Code::RorReg => {
                    let (value, carry) = shift(o.code, r!(d), r!(m) & 0xFF);
                    if let Some(c) = carry {
                        self.file.flags.c = c;
                    }
                    result!(value);
                }
                Code::Adc => r!(d) = sum!(r!(d), r!(m), self.file.flags.c),
                Code::Sbc => r!(d) = sum!(r!(d), !r!(m), self.file.flags.c),
                Code::Tst => self.file.flags.set_nz(r!(n) & r!(m)),
                Code::Rsb => r!(d) = sum!(!r!(m), 0, true),
                Code::CmpReg => {
                    sum!(r!(n), !r!(m), true);
                }
                Code::Cmn => {
                    sum!(r!(n), r!(m), false);
                }
                Code::Orr => result!(r!(d) | r!(m)),
                Code::Mul => result!(r!(d).wrapping_mul(r!(m))),
                Code::Bic => result!(r!(d) & !r!(m)),
                Code::Mvn => result!(!r!(m)),
                Code::AddHigh => {
                    r!(15) = pc.wrapping_add(4);
                    let value = r!(n).wrapping_add(r!(m));
                    // SP's low two bits are always 0.
                    r!(d) = if d == 13 { value & !3 } else { value };
                }
                Code::CmpHigh => {
                    r!(15) = pc.wrapping_add(4);
                    sum!(r!(n), !r!(m), true);
                }
                Code::MovHigh => {
                    r!(15) = pc.wrapping_add(4);
                    r!(d) = if d == 13 { r!(m) & !3 } else { r!(m) };
                }
                Code::MovPc => {
                    r!(15) = pc.wrapping_add(4);
                    branch!(r!(m) & !1, 0u8);
                }
                Code::AddPc => {
                    r!(15) = pc.wrapping_add(4);
                    branch!(r!(15).wrapping_add(r!(m)) & !1, 0u8);
                }
                Code::Bx => {
                    r!(15) = pc.wrapping_add(4);
                    exchange!(r!(m), true);
                }
                Code::Blx => {
                    let to = r!(m);
                    r!(14) = next | 1;
                    exchange!(to, false);
                }
                Code::LdrLiteral => {
                    r!(d) = load!((pc.wrapping_add(4) & !3).wrapping_add(o.imm), Width::Word);
                    cycle += literal;
                }
                Code::StrReg => store!(r!(n).wrapping_add(r!(m)), Width::Word, r!(d)),
                Code::StrhReg => store!(r!(n).wrapping_add(r!(m)), Width::Half, r!(d)),
                Code::StrbReg => store!(r!(n).wrapping_add(r!(m)), Width::Byte, r!(d)),
                Code::LdrsbReg => r!(d) = load!(r!(n).wrapping_add(r!(m)), Width::Byte) as u8 as i8 as u32,
                Code::LdrReg => r!(d) = load!(r!(n).wrapping_add(r!(m)), Width::Word),
                Code::LdrhReg => r!(d) = load!(r!(n).wrapping_add(r!(m)), Width::Half),
                Code::LdrbReg => r!(d) = load!(r!(n).wrapping_add(r!(m)), Width::Byte),
                Code::LdrshReg => r!(d) = load!(r!(n).wrapping_add(r!(m)), Width::Half) as u16 as i16 as u32,
                Code::StrImm => store!(r!(n).wrapping_add(o.imm), Width::Word, r!(d)),
                Code::StrhImm => store!(r!(n).wrapping_add(o.imm), Width::Half, r!(d)),
                Code::StrbImm => store!(r!(n).wrapping_add(o.imm), Width::Byte, r!(d)),
                Code::LdrImm => r!(d) = load!(r!(n).wrapping_add(o.imm), Width::Word),
                Code::LdrhImm => r!(d) = load!(r!(n).wrapping_add(o.imm), Width::Half),
                Code::LdrbImm => r!(d) = load!(r!(n).wrapping_add(o.imm), Width::Byte),
                Code::Adr => r!(d) = (pc.wrapping_add(4) & !3).wrapping_add(o.imm),
                Code::AddSp => r!(d) = r!(13).wrapping_add(o.imm),
                Code::SubSp => r!(13) = r!(13).wrapping_sub(o.imm),
                Code::Sxth => r!(d) = r!(m) as u16 as i16 as u32,
                Code::Sxtb => r!(d) = r!(m) as u8 as i8 as u32,
                Code::Uxth => r!(d) = r!(m) & 0xFFFF,
                Code::Uxtb => r!(d) = r!(m) & 0xFF,
                Code::Rev => r!(d) = r!(m).swap_bytes(),
                Code::Rev16 => r!(d) = (r!(m) >> 8 & 0x00FF_00FF) | (r!(m) << 8 & 0xFF00_FF00),
                Code::Revsh => r!(d) = (r!(m) as u16).swap_bytes() as i16 as u32,
                Code::Push | Code::Stm => {
                    let down = o.code == Code::Push;
                    let size = 4 * o.imm.count_ones();
                    let base = r!(n);
                    let mut address = if down { base.wrapping_sub(size) } else { base };
                    let end = if down { address } else { base.wrapping_add(size) };
                    let mut list = o.imm;
                    while list != 0 {
                        let i = list.trailing_zeros() as usize;
                        store!(address, Width::Word, r!(i));
                        address = address.wrapping_add(4);
                        list &= list - 1;
                    }
                    r!(n) = end;
                }
                Code::Pop | Code::Ldm => {
                    let base = r!(n);
                    let mut address = base;
                    let mut list = o.imm & 0x7FFF;
                    let mut loaded_base = None;
                    while list != 0 {
                        let i = list.trailing_zeros() as usize;
                        let value = load!(address, Width::Word);
                        // A fault further on must leave the base as it was.
                        if i == n {
                            loaded_base = Some(value)
                        } else {
                            r!(i) = value
                        }
                        address = address.wrapping_add(4);
                        list &= list - 1;
                    }
                    if o.imm & 0x8000 != 0 {
                        let to = load!(address, Width::Word);
                        r!(13) = address.wrapping_add(4);
                        exchange!(to, true);
                    }
                    r!(n) = loaded_base.unwrap_or(address);
                }
                Code::Cpsid => self.file.primask = true,
                Code::Cpsie => {
                    if std::mem::take(&mut self.file.primask) {
                        self.unmasked();
                    }
                }
                Code::Nop => {}
                Code::BCond => {
                    if self.file.flags.hold(o.n) {
                        let to = pc.wrapping_add(4).wrapping_add(o.imm);
                        if !TRACE && to <= pc && self.may_be_a_poll(to) {
                            cycle += u64::from(o.cycles) + u64::from(o.taken) + self.target_cost(to, window);
                            count += 1;
                            pc = to;
                            leave!(Exit::Head);
                        }
                        branch!(to, o.taken);
                    }
                }
                Code::B => {
                    let to = pc.wrapping_add(4).wrapping_add(o.imm);
                    if !TRACE && to <= pc && self.may_be_a_poll(to) {
                        cycle += u64::from(o.cycles) + self.target_cost(to, window);
                        count += 1;
                        pc = to;
                        leave!(Exit::Head);
                    }
                    branch!(to, 0u8);
                }
                Code::Bl => {
                    r!(14) = next | 1;
                    branch!(pc.wrapping_add(4).wrapping_add(o.imm), 0u8);
                }
                Code::Mrs => {
                    let value = self.file.special(o.imm);
                    r!(d) = value;
                }
                Code::Msr => {
                    let value = r!(n);
                    let masked = self.file.primask;
                    self.file.set_special(o.imm, value);
                    if masked && !self.file.primask {
                        self.unmasked();
                    }
                }
                Code::Special | Code::Unseen => {
                    let encoding = self.encoding(pc, window);
                    let kind = op::special(encoding[0], encoding[1], self.core);
                    let stop = match kind {
                        Kind::Undefined | Kind::Unpredictable => {
                            leave!(Exit::Stop(Stop::Fault(FaultKind::Undefined { encoding })))
                        }
                        Kind::Bkpt => leave!(Exit::Stop(Stop::Breakpoint)),
                        Kind::Wfi => Some(Stop::WaitForInterrupt),
                        Kind::Wfe => Some(Stop::WaitForEvent),
                        Kind::Sev => Some(Stop::SendEvent),
                        Kind::Svc => Some(Stop::Svc),
                        _ => None,
                    };
                    cycle += u64::from(o.cycles);
                    count += 1;
                    pc = next;
                    match stop {
                        Some(stop) => leave!(Exit::Stop(stop)),
                        None => continue,
                    }
                }
            }
            cycle += u64::from(o.cycles);
            count += 1;
            pc = next;
        }
    }

    /// PRIMASK was cleared: the chip has to see whether an interrupt waits.
    fn unmasked(&mut self) {
        self.attention = true;
        self.stop_at = 0;
    }
}
