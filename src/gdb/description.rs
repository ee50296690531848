//! What gdb is told of a part: its registers, as the crate `gdbstub` wants them, and its memory.

use crate::chip::PPB;
use crate::part::Part;
use gdbstub::arch::{Arch, RegId, Registers};
use std::fmt::Write;
use std::num::NonZeroUsize;

/// An ARMv6-M core (gdb's `org.gnu.gdb.arm.m-profile` and `org.gnu.gdb.arm.m-system`).
#[derive(Clone, Copy, Debug)]
pub enum ArmV6M {}

impl Arch for ArmV6M {
    type Usize = u32;
    type Registers = CoreRegisters;
    type BreakpointKind = usize;
    type RegId = Register;

    fn target_description_xml() -> Option<&'static str> {
        Some(TARGET)
    }
}

const TARGET: &str = r#"<?xml version="1.0"?>
<!DOCTYPE target SYSTEM "gdb-target.dtd">
<target version="1.0">
  <architecture>arm</architecture>
  <feature name="org.gnu.gdb.arm.m-profile">
    <reg name="r0" bitsize="32"/>
    <reg name="r1" bitsize="32"/>
    <reg name="r2" bitsize="32"/>
    <reg name="r3" bitsize="32"/>
    <reg name="r4" bitsize="32"/>
    <reg name="r5" bitsize="32"/>
    <reg name="r6" bitsize="32"/>
    <reg name="r7" bitsize="32"/>
    <reg name="r8" bitsize="32"/>
    <reg name="r9" bitsize="32"/>
    <reg name="r10" bitsize="32"/>
    <reg name="r11" bitsize="32"/>
    <reg name="r12" bitsize="32"/>
    <reg name="sp" bitsize="32" type="data_ptr"/>
    <reg name="lr" bitsize="32"/>
    <reg name="pc" bitsize="32" type="code_ptr"/>
    <reg name="xpsr" bitsize="32"/>
  </feature>
  <feature name="org.gnu.gdb.arm.m-system">
    <reg name="msp" bitsize="32" type="data_ptr"/>
    <reg name="psp" bitsize="32" type="data_ptr"/>
    <reg name="primask" bitsize="8" type="uint8" group="system"/>
    <reg name="control" bitsize="8" type="uint8" group="system"/>
  </feature>
</target>
"#;

/// The place of a register in [`CoreRegisters`], which is gdb's number of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register(pub usize);

impl Register {
    /// How many there are.
    pub const COUNT: usize = 21;
    /// The program counter.
    pub const PC: usize = 15;
    /// PRIMASK.
    pub const PRIMASK: usize = 19;
    /// CONTROL.
    pub const CONTROL: usize = 20;

    /// Its length in bytes.
    pub const fn bytes(self) -> usize {
        if self.0 < Register::PRIMASK { 4 } else { 1 }
    }
}

impl RegId for Register {
    fn from_raw_id(id: usize) -> Option<(Register, Option<NonZeroUsize>)> {
        (id < Register::COUNT).then(|| (Register(id), NonZeroUsize::new(Register(id).bytes())))
    }

    fn to_raw_id(&self) -> Option<usize> {
        Some(self.0)
    }
}

/// R0 to R12, SP, LR, PC, xPSR, MSP, PSP, PRIMASK, CONTROL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoreRegisters(pub [u32; Register::COUNT]);

impl Registers for CoreRegisters {
    type ProgramCounter = u32;

    fn pc(&self) -> u32 {
        self.0[Register::PC]
    }

    fn gdb_serialize(&self, mut write_byte: impl FnMut(Option<u8>)) {
        for (n, value) in self.0.iter().enumerate() {
            value.to_le_bytes().iter().take(Register(n).bytes()).for_each(|b| write_byte(Some(*b)));
        }
    }

    fn gdb_deserialize(&mut self, bytes: &[u8]) -> Result<(), ()> {
        let mut rest = bytes;
        for (n, value) in self.0.iter_mut().enumerate() {
            let (own, after) = rest.split_at_checked(Register(n).bytes()).ok_or(())?;
            let mut word = [0; 4];
            word[..own.len()].copy_from_slice(own);
            *value = u32::from_le_bytes(word);
            rest = after;
        }
        if rest.is_empty() { Ok(()) } else { Err(()) }
    }
}

/// The part's memory map. Flash carries its page as block size, so that gdb's `load` erases and programs it; what is
/// read-only at 0 and in system memory keeps gdb from putting breakpoints there by writing.
pub fn memory_map(part: &Part) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\"?>\n<!DOCTYPE memory-map PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\" \
         \"http://sourceware.org/gdb/gdb-memory-map.dtd\">\n<memory-map>\n",
    );
    let mut add = |kind: &str, start: u32, length: u32| {
        let _ = writeln!(text, "  <memory type=\"{kind}\" start=\"0x{start:08x}\" length=\"0x{length:x}\"/>");
    };
    let (flash, options) = (part.flash, &part.option_bytes);
    add("rom", 0, flash.size.max(part.system_memory.size));
    add("rom", part.system_memory.base, part.system_memory.size);
    if let Some(otp) = part.otp {
        add("rom", otp.base, otp.size);
    }
    if !part.system_memory.contains(part.engineering.base) {
        add("rom", part.engineering.base, part.engineering.size);
    }
    // Written as the chip has them written: by half-words on the F0; on the G0 nothing comes of it.
    add("ram", options.base, options.size);
    add("ram", part.sram.base, part.sram.size);
    add("ram", 0x4000_0000, 0x2000_0000);
    add("ram", PPB.start, PPB.end - PPB.start);
    let _ = writeln!(
        text,
        "  <memory type=\"flash\" start=\"0x{:08x}\" length=\"0x{:x}\">\n    \
         <property name=\"blocksize\">0x{:x}</property>\n  </memory>\n</memory-map>",
        flash.base, flash.size, flash.page
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::part;

    /// gdb refuses a map whose regions overlap, and then `load` writes into flash as into memory.
    #[test]
    fn no_regions_overlap() {
        for part in part::all() {
            let map = memory_map(part);
            let number = |line: &str, key: &str| {
                let text = line.split(&format!("{key}=\"0x")).nth(1)?.split('"').next()?;
                u64::from_str_radix(text, 16).ok()
            };
            let mut regions: Vec<(u64, u64)> =
                map.lines().filter_map(|l| Some((number(l, "start")?, number(l, "length")?))).collect();
            regions.sort_unstable();
            assert!(regions.len() >= 7, "{map}");
            for pair in regions.windows(2) {
                assert!(pair[0].0 + pair[0].1 <= pair[1].0, "{}: {pair:x?}", part.name);
            }
        }
    }

    #[test]
    fn registers_go_there_and_back() {
        let mut registers = CoreRegisters::default();
        for (n, value) in registers.0.iter_mut().enumerate() {
            *value = if Register(n).bytes() == 4 { 0x0102_0300 + n as u32 } else { n as u32 };
        }
        let mut bytes = Vec::new();
        registers.gdb_serialize(|b| bytes.extend(b));
        assert_eq!(bytes.len(), 19 * 4 + 2);
        let mut again = CoreRegisters::default();
        again.gdb_deserialize(&bytes).unwrap();
        assert_eq!(again, registers);
        assert!(again.gdb_deserialize(&bytes[1..]).is_err());
        bytes.push(0);
        assert!(again.gdb_deserialize(&bytes).is_err());
    }
}
