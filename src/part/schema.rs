//! The schema of a part. Addresses and sizes in bytes, frequencies in Hz, times in nanoseconds.
//!
//! `build.rs` reads the files with these types, and writes each part as an expression of them.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A family of parts that share their controllers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
pub enum Family {
    /// STM32F0 (RM0091).
    F0,
    /// STM32G0 (RM0444).
    G0,
}

/// The core's kind: it decides cycle counts and whether VTOR exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
pub enum Core {
    /// Cortex-M0 r0p0 (DDI0432).
    #[serde(rename = "cortex-m0")]
    M0,
    /// Cortex-M0+ r0p1 (DDI0484).
    #[serde(rename = "cortex-m0+")]
    M0Plus,
}

impl Core {
    /// What compilers call it.
    pub const fn compiler_name(self) -> &'static str {
        match self {
            Core::M0 => "cortex-m0",
            Core::M0Plus => "cortex-m0plus",
        }
    }
}

impl std::fmt::Display for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Core::M0 => "Cortex-M0",
            Core::M0Plus => "Cortex-M0+",
        })
    }
}

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// First address.
    pub base: u32,
    /// Length in bytes.
    pub size: u32,
}

impl Region {
    /// Whether `address` lies inside.
    pub const fn contains(&self, address: u32) -> bool {
        address.wrapping_sub(self.base) < self.size
    }

    /// The address after the last one.
    pub const fn end(&self) -> u32 {
        self.base + self.size
    }
}

/// Main flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Flash {
    /// First address.
    pub base: u32,
    /// Length in bytes.
    pub size: u32,
    /// The erase unit in bytes.
    pub page: u32,
    /// What one store programs, in bytes.
    pub program_unit: u32,
    /// Pages that one write-protection bit covers (F0), or 1 where ranges of pages are given (G0).
    pub wrp_pages: u32,
    /// Bytes of write protection that a part has (F0), 0 where ranges are given.
    #[serde(default)]
    pub wrp_bytes: u32,
    /// What one read of flash brings, in bytes: code that runs straight on waits for flash once for each.
    pub line: u32,
    /// Guaranteed erase cycles.
    pub endurance: u32,
    /// Bits of a PCROP address register (G0; RM0444 3.7.8), 0 where there is none.
    #[serde(default)]
    pub pcrop_bits: u32,
    /// Bits of a WRP page number (G0), 0 where there is none.
    #[serde(default)]
    pub wrp_bits: u32,
    /// Bits of SEC_SIZE (G0), 0 where there is none.
    #[serde(default)]
    pub sec_bits: u32,
}

impl Flash {
    /// Number of pages.
    pub const fn pages(&self) -> u32 {
        self.size / self.page
    }

    /// First addresses of the pages from that of `first` to that of `last`, both in main flash.
    pub fn pages_of(&self, first: u32, last: u32) -> impl Iterator<Item = u32> + use<> {
        let (base, page) = (self.base, self.page);
        let number = move |address: u32| address.saturating_sub(base) / page;
        let pages = if last < first { 0..0 } else { number(first)..number(last) + 1 };
        pages.map(move |n| base + n * page)
    }

    /// Whether `address` lies in main flash.
    pub const fn contains(&self, address: u32) -> bool {
        address.wrapping_sub(self.base) < self.size
    }

    /// The address after the last one.
    pub const fn end(&self) -> u32 {
        self.base + self.size
    }
}

/// How a word of option bytes write-protects main flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protects {
    /// A bit that is 0 protects a sector of `wrp_pages` pages; the bits of further words go on from there (F0).
    Sectors,
    /// The pages from the number in the low half to that in the high half; none where the first is behind (G0).
    Pages,
}

/// A value in the option area, stored with its complement behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OptionWord {
    /// Where it is in the area.
    pub offset: u32,
    /// Offset of the register of the flash interface that edits it; none where the area itself is programmed.
    #[serde(default)]
    pub register: Option<u32>,
    /// As delivered. Bits that a part lacks do not count.
    pub factory: u32,
    /// The pages that it write-protects, if any.
    #[serde(default)]
    pub protects: Option<Protects>,
}

/// The option bytes in use.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OptionBytes {
    /// First address.
    pub base: u32,
    /// Length in bytes.
    pub size: u32,
    /// Bytes of a value; its complement has as many.
    pub width: u32,
    /// The values, by their names in the manual. RDP is the lowest byte of the first one.
    pub words: BTreeMap<String, OptionWord>,
}

impl OptionBytes {
    /// Whether `address` lies inside.
    pub const fn contains(&self, address: u32) -> bool {
        self.region().contains(address)
    }

    /// The address after the last one.
    pub const fn end(&self) -> u32 {
        self.region().end()
    }

    /// Where they are.
    pub const fn region(&self) -> Region {
        Region { base: self.base, size: self.size }
    }

    /// The values that write-protect main flash, in the order of their offsets.
    pub fn protecting(&self) -> Vec<(OptionWord, Protects)> {
        let mut words: Vec<_> = self.words.values().filter_map(|w| w.protects.map(|p| (*w, p))).collect();
        words.sort_by_key(|(word, _)| word.offset);
        words
    }
}

/// What identifies the silicon to code and to a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// DBGMCU/DBG IDCODE as read.
    pub idcode: u32,
    /// Its address.
    pub idcode_address: u32,
    /// CPUID at 0xE000_ED00.
    pub cpuid: u32,
    /// SW-DP identification.
    pub dpidr: u32,
    /// Address of the unique id's 12 bytes.
    pub uid_address: u32,
    /// A typical unique id, the same on every virtual chip.
    pub uid: [u32; 3],
    /// Address of the flash-size half-word, in KB.
    pub flash_size_address: u32,
}

/// A half-word of the factory's calibration, in system memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FactoryWord {
    /// Its address.
    pub address: u32,
    /// A typical value.
    pub value: u16,
}

/// The factory's calibration, and at what it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// VDDA at the factory, in millivolts.
    pub vdda_mv: u32,
    /// The temperature behind TS_CAL2 in degrees Celsius; TS_CAL1's is 30.
    pub hot_celsius: i32,
    /// The temperature sensor at 30 degrees.
    pub ts_cal1: FactoryWord,
    /// The temperature sensor when hot.
    pub ts_cal2: FactoryWord,
    /// The reference voltage.
    pub vrefint: FactoryWord,
}

impl Calibration {
    /// All of its words.
    pub const fn words(&self) -> [FactoryWord; 3] {
        [self.ts_cal1, self.ts_cal2, self.vrefint]
    }
}

/// Typical start-up times in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StartUp {
    /// HSI (F0) or HSI16 (G0).
    pub hsi: u64,
    /// HSI14; 0 where there is none.
    pub hsi14: u64,
    /// PLL lock.
    pub pll: u64,
    /// LSI.
    pub lsi: u64,
    /// An 8 MHz crystal.
    pub hse: u64,
    /// A 32 kHz crystal.
    pub lse: u64,
}

/// The clock tree's constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Clock {
    /// HCLK after reset.
    pub reset_hz: u64,
    /// The highest HCLK.
    pub max_hz: u64,
    /// The internal low-speed oscillator.
    pub lsi_hz: u64,
    /// A crystal on HSE that is taken for granted where code turns it on.
    pub hse_hz: u64,
    /// Start-up times.
    pub start_up: StartUp,
}

/// Which bit of which RCC register gates a peripheral's clock; its reset bit stands at the same position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Offset of the enable register in RCC.
    pub enable: u32,
    /// Offset of the reset register in RCC.
    pub reset: u32,
    /// Bit number in both.
    pub bit: u32,
}

/// What a block is, which decides the model that stands behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Reset and clock control of the F0.
    RccF0,
    /// Reset and clock control of the G0.
    RccG0,
    /// The flash interface of the F0.
    FlashF0,
    /// The flash interface of the G0.
    FlashG0,
    /// A GPIO port.
    Gpio,
    /// Advanced timer (TIM1).
    TimAdvanced,
    /// General-purpose timer, 32 bits (TIM2).
    #[serde(rename = "tim-32")]
    Tim32,
    /// General-purpose timer, 16 bits, four channels (TIM3).
    #[serde(rename = "tim-16")]
    Tim16,
    /// Basic timer (TIM6, TIM7).
    TimBasic,
    /// One channel, no repetition counter (TIM14).
    #[serde(rename = "tim-1ch")]
    Tim1ch,
    /// Two channels, repetition counter and break (TIM15).
    #[serde(rename = "tim-2ch")]
    Tim2ch,
    /// One channel, repetition counter and break (TIM16, TIM17).
    TimRepeat,
    /// System configuration of the F0, its comparators among it.
    SyscfgF0,
    /// System configuration of the G0.
    SyscfgG0,
    /// External interrupts of the F0.
    ExtiF0,
    /// External interrupts of the G0.
    ExtiG0,
    /// Independent watchdog of the F0.
    IwdgF0,
    /// Independent watchdog of the G0: it takes its registers over only once it runs.
    IwdgG0,
    /// Window watchdog of the F0.
    WwdgF0,
    /// Window watchdog of the G0, with a longer prescaler.
    WwdgG0,
    /// Power control of the F0.
    PwrF0,
    /// Power control of the G0.
    PwrG0,
    /// Debug support.
    Dbgmcu,
    /// Analog-to-digital converter of the F0.
    AdcF0,
    /// Analog-to-digital converter of the G0.
    AdcG0,
    /// DMA controller: requests come through the multiplexer of a part that has one, else as the F0's are wired.
    Dma,
    /// DMA request multiplexer.
    Dmamux,
    /// USART.
    Usart,
    /// Comparator of the G0.
    CompG0,
    /// CRC unit of the F0, with one polynomial.
    CrcF0,
    /// CRC unit of the G0.
    CrcG0,
    /// Real-time clock of the F0, with its backup registers.
    RtcF0,
    /// Real-time clock of the G0.
    RtcG0,
    /// Tamper block, with the G0's backup registers.
    Tamp,
    /// There on the chip, not modelled: accesses read what was written and are reported.
    Unmodelled,
}

/// One block on the bus.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PeripheralSpec {
    /// Its name in the manual.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// First address.
    pub base: u32,
    /// Length in bytes.
    #[serde(default = "block_size")]
    pub size: u32,
    /// Its clock gate; none where the clock is always on.
    #[serde(default)]
    pub gate: Option<Gate>,
    /// Its interrupt lines.
    #[serde(default)]
    pub irq: Vec<u8>,
    /// What raises each of these, where a block's channels (DMA, bit 0 for the first) or lines (EXTI) share them: a
    /// mask each.
    #[serde(default)]
    pub vectors: Vec<u32>,
    /// Channels (DMA) or lines (EXTI), where the number differs between parts.
    #[serde(default)]
    pub channels: u32,
    /// Reset values that differ between parts or blocks of a kind, by the register's name.
    #[serde(default)]
    pub reset: BTreeMap<String, u32>,
    /// The bits that a store can change, where they differ so; 0 for a register that a part lacks.
    #[serde(default)]
    pub writable: BTreeMap<String, u32>,
    /// Comparators that it has inside (SYSCFG of the F0).
    #[serde(default)]
    pub comparators: u32,
}

/// Core registers after reset, where ARM leaves them open (DDI0419 B1.5.5) and chips were seen to have more than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ResetRegisters {
    /// R0 to R12.
    pub r: u32,
    /// The process stack pointer.
    pub psp: u32,
    /// xPSR's flags.
    pub xpsr: u32,
}

/// A pin's way to a timer's input: the alternate function of the data sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TimerPin {
    /// The timer's number.
    pub timer: u8,
    /// Its channel, from 1.
    pub channel: u8,
    /// The port's letter.
    pub port: char,
    /// The pin's number.
    pub pin: u8,
    /// The alternate function that connects them.
    pub af: u8,
}

const fn block_size() -> u32 {
    0x400
}

/// What clients call the part, and what they know of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Clients {
    /// OpenOCD's file for the family.
    pub openocd: String,
    /// The target's name in pyOCD, or in the pack that it installs.
    pub pyocd: String,
    /// The name in probe-rs's registry.
    pub probe_rs: String,
    /// Bytes of the option area that st-flash 1.7 and 1.8 write; 0 where they know of none.
    pub st_flash_option_bytes: [u32; 2],
}

/// What the NVIC of an ARMv7-M core has at most (DDI0403 B3.4.1).
const MOST_INTERRUPTS: u32 = 240;

/// One part.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Full name.
    pub name: String,
    /// AM32's short name, where it means this part.
    #[serde(default)]
    pub short: Option<String>,
    /// Its family.
    pub family: Family,
    /// Its core.
    pub core: Core,
    /// Interrupts of its NVIC: 32 on ARMv6-M, up to 240 on ARMv7-M.
    pub interrupts: u32,
    /// SysTick's CALIB.
    pub systick_calibration: u32,
    /// The core's registers after reset.
    pub reset_registers: ResetRegisters,
    /// The highest HCLK that 0, 1, ... wait states of the flash allow.
    pub wait_state_hz: Vec<u64>,
    /// Main flash.
    pub flash: Flash,
    /// SRAM.
    pub sram: Region,
    /// ST's boot loader.
    pub system_memory: Region,
    /// The option bytes in use.
    pub option_bytes: OptionBytes,
    /// One-time programmable area.
    #[serde(default)]
    pub otp: Option<Region>,
    /// Engineering bytes: UID, flash size, calibration.
    pub engineering: Region,
    /// What clients call it.
    pub clients: Clients,
    /// Identification.
    pub identity: Identity,
    /// The factory's calibration.
    pub calibration: Calibration,
    /// Clocks.
    pub clock: Clock,
    /// Where blocks can stand, the private ones of the core aside.
    pub windows: Vec<Region>,
    /// Behind the APB bridges: narrow writes are widened, and an address without a block reads 0.
    pub apb: Region,
    /// Which pins lead to the inputs of which timers; the first that is switched to them does.
    pub timer_pins: Vec<TimerPin>,
    /// Blocks on the bus.
    #[serde(rename = "peripheral")]
    pub peripherals: Vec<PeripheralSpec>,
    /// What of this file is not certain, one line each.
    #[serde(default)]
    pub unknown: Vec<String>,
}

impl Part {
    /// The block called `name`.
    pub fn peripheral(&self, name: &str) -> Option<&PeripheralSpec> {
        self.peripherals.iter().find(|p| p.name == name)
    }

    /// Whether it fits itself, and what the models can have: a message where it does not.
    ///
    /// # Errors
    /// An interrupt that the NVIC does not have, a block outside of every window, two that share a name.
    pub fn check(&self) -> Result<(), String> {
        let interrupts = self.interrupts;
        if interrupts > MOST_INTERRUPTS {
            return Err(format!("interrupts: an NVIC has at most {MOST_INTERRUPTS}, not {interrupts}"));
        }
        for block in &self.peripherals {
            let refused = |what: String| Err(format!("{}: {what}", block.name));
            if let Some(irq) = block.irq.iter().find(|n| u32::from(**n) >= interrupts) {
                return refused(format!("interrupt {irq} is not one of the NVIC's {interrupts}"));
            }
            if !block.vectors.is_empty() && block.vectors.len() != block.irq.len() {
                return refused("irq and vectors are of different length".to_owned());
            }
            let inside = |w: &Region| w.contains(block.base) && w.contains(block.base + (block.size - 1));
            if !self.windows.iter().any(inside) {
                return refused(format!("0x{:08X} lies in none of the windows", block.base));
            }
            if self.peripherals.iter().filter(|p| p.name == block.name).count() > 1 {
                return refused("the name stands twice".to_owned());
            }
        }
        Ok(())
    }

    /// How people call it: the short name where there is one, else the full one.
    pub fn nick(&self) -> &str {
        self.short.as_deref().unwrap_or(&self.name)
    }

    /// DEV_ID, the low 12 bits of the id code.
    pub const fn dev_id(&self) -> u32 {
        self.identity.idcode & 0xFFF
    }
}
