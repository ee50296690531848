//! Names of registers, for people.

use crate::cpu::debug;
use crate::part::{Kind, Part};
use crate::periph::{map_of, nvic, systick};
use std::borrow::Cow;

/// `GPIOA IDR`, `TIM2 CNT`, or `SPI1+0x08` where the register has no name here.
pub fn register(part: &Part, address: u32) -> String {
    if let Some(name) = private(address) {
        return name.into_owned();
    }
    let Some(block) = part.peripherals.iter().find(|p| address.wrapping_sub(p.base) < p.size) else {
        return format!("0x{address:08X}");
    };
    let offset = (address - block.base) & !3;
    let known = match block.kind {
        Kind::FlashF0 => flash(FLASH_F0, offset),
        Kind::FlashG0 => flash(FLASH_G0, offset),
        kind => map_of(kind).and_then(|map| map.name(offset)),
    };
    match known {
        Some(register) => format!("{} {register}", block.name),
        None => format!("{}+0x{offset:02X}", block.name),
    }
}

/// The name of an exception: the blocks on an interrupt's line, such as `TIM6` or `ADC/COMP`.
pub fn interrupt(part: &Part, number: u32) -> String {
    let system = match number {
        2 => "NMI",
        3 => "HardFault",
        11 => "SVCall",
        14 => "PendSV",
        15 => "SysTick",
        _ => "",
    };
    if !system.is_empty() {
        return system.to_owned();
    }
    let line = number.wrapping_sub(16);
    let on_line = part.peripherals.iter().filter(|p| p.irq.iter().any(|n| u32::from(*n) == line));
    let names: Vec<&str> = on_line.map(|p| p.name.as_str()).collect();
    if names.is_empty() { format!("IRQ {line}") } else { names.join("/") }
}

fn private(address: u32) -> Option<Cow<'static, str>> {
    let address = address & !3;
    // CFSR and its like, of which an ARMv6-M has none, keep their addresses.
    if address >= debug::DHCSR || [debug::DWT, debug::BPU].contains(&(address & !0xFFF)) {
        return debug::name(address).map(Into::into);
    }
    let in_scs = address.wrapping_sub(SCS);
    if let Some(name) = systick::reg::MAP.name(in_scs.wrapping_sub(SYSTICK)) {
        return Some(format!("SysTick {name}").into());
    }
    if let Some(name) = nvic::reg::MAP.name(in_scs) {
        return Some(format!("NVIC {name}").into());
    }
    let register = nvic::scb::MAP.at(in_scs)?;
    Some(match register.offset {
        nvic::scb::CPUID | nvic::scb::DFSR => register.name.into(),
        _ => format!("SCB {}", register.name).into(),
    })
}

/// The flash interface's registers (RM0091 3.5, RM0444 3.7).
const FLASH_F0: &[(u32, &str)] = &[
    (0x00, "ACR"),
    (0x04, "KEYR"),
    (0x08, "OPTKEYR"),
    (0x0C, "SR"),
    (0x10, "CR"),
    (0x14, "AR"),
    (0x1C, "OBR"),
    (0x20, "WRPR"),
];
const FLASH_G0: &[(u32, &str)] = &[
    (0x00, "ACR"),
    (0x08, "KEYR"),
    (0x0C, "OPTKEYR"),
    (0x10, "SR"),
    (0x14, "CR"),
    (0x18, "ECCR"),
    (0x20, "OPTR"),
    (0x2C, "WRP1AR"),
    (0x30, "WRP1BR"),
    (0x80, "SECR"),
];

fn flash(registers: &[(u32, &'static str)], offset: u32) -> Option<Cow<'static, str>> {
    registers.iter().find(|(at, _)| *at == offset).map(|(_, name)| (*name).into())
}

/// The System Control Space, and SysTick in it.
const SCS: u32 = 0xE000_E000;
const SYSTICK: u32 = 0x10;

#[cfg(test)]
mod tests {
    #[test]
    fn interrupts() {
        let part = crate::part::find("F051").unwrap();
        assert_eq!(
            [15, 16 + 17, 16 + 10, 16 + 31].map(|n| super::interrupt(&part, n)),
            ["SysTick", "TIM6", "DMA1", "IRQ 31"]
        );
    }

    #[test]
    fn names() {
        let part = crate::part::find("F051").unwrap();
        assert_eq!(super::register(&part, 0x4800_0010), "GPIOA IDR");
        assert_eq!(super::register(&part, 0x4000_0024), "TIM2 CNT");
        assert_eq!(super::register(&part, 0x4001_3008), "SPI1+0x08");
        assert_eq!(super::register(&part, 0x6000_0000), "0x60000000");
        assert_eq!(super::register(&part, 0xE000_E018), "SysTick CVR");
    }
}
