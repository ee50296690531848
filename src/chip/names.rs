//! Names of registers, for people.

use crate::part::{Family, Kind, Part};

/// `GPIOA IDR`, `TIM2 CNT`, or `SPI1+0x08` where the register has no name here.
pub fn register(part: &Part, address: u32) -> String {
    if let Some(name) = private(address) {
        return name.to_owned();
    }
    let Some(block) = part.peripherals.iter().find(|p| address.wrapping_sub(p.base) < p.size) else {
        return format!("0x{address:08X}");
    };
    let offset = (address - block.base) & !3;
    let known = if block.kind == Kind::Flash { flash(part.family, offset) } else { name(block.kind, offset) };
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

fn private(address: u32) -> Option<&'static str> {
    Some(match address & !3 {
        0xE000_E010 => "SysTick CSR",
        0xE000_E014 => "SysTick RVR",
        0xE000_E018 => "SysTick CVR",
        0xE000_ED04 => "SCB ICSR",
        0xE000_ED08 => "SCB VTOR",
        0xE000_ED0C => "SCB AIRCR",
        0xE000_ED00 => "CPUID",
        0xE000_ED30 => "DFSR",
        0xE000_EDF0 => "DHCSR",
        0xE000_EDF4 => "DCRSR",
        0xE000_EDF8 => "DCRDR",
        0xE000_EDFC => "DEMCR",
        0xE000_1000 => "DWT_CTRL",
        0xE000_2000 => "BP_CTRL",
        _ => return None,
    })
}

/// RM0091 3.5, RM0444 3.7.
fn flash(family: Family, offset: u32) -> Option<&'static str> {
    let names: &[(u32, &'static str)] = match family {
        Family::F0 => &[
            (0x00, "ACR"),
            (0x04, "KEYR"),
            (0x08, "OPTKEYR"),
            (0x0C, "SR"),
            (0x10, "CR"),
            (0x14, "AR"),
            (0x1C, "OBR"),
            (0x20, "WRPR"),
        ],
        Family::G0 => &[
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
        ],
    };
    names.iter().find(|(at, _)| *at == offset).map(|(_, name)| *name)
}

fn name(kind: Kind, offset: u32) -> Option<&'static str> {
    let names: &[(u32, &'static str)] = match kind {
        Kind::RccF0 => &[
            (0x00, "CR"),
            (0x04, "CFGR"),
            (0x14, "AHBENR"),
            (0x18, "APB2ENR"),
            (0x1C, "APB1ENR"),
            (0x20, "BDCR"),
            (0x24, "CSR"),
            (0x2C, "CFGR2"),
            (0x30, "CFGR3"),
            (0x34, "CR2"),
        ],
        Kind::RccG0 => &[
            (0x00, "CR"),
            (0x04, "ICSCR"),
            (0x08, "CFGR"),
            (0x0C, "PLLCFGR"),
            (0x34, "IOPENR"),
            (0x38, "AHBENR"),
            (0x3C, "APBENR1"),
            (0x40, "APBENR2"),
            (0x54, "CCIPR"),
            (0x5C, "BDCR"),
            (0x60, "CSR"),
        ],
        Kind::Gpio => &[(0x00, "MODER"), (0x0C, "PUPDR"), (0x10, "IDR"), (0x14, "ODR"), (0x18, "BSRR")],
        Kind::TimAdvanced | Kind::Tim32 | Kind::Tim16 | Kind::TimBasic | Kind::Tim1ch | Kind::TimRepeat => {
            &[(0x00, "CR1"), (0x0C, "DIER"), (0x10, "SR"), (0x24, "CNT"), (0x28, "PSC"), (0x2C, "ARR")]
        }
        Kind::Iwdg => &[(0x00, "KR"), (0x04, "PR"), (0x08, "RLR"), (0x0C, "SR")],
        Kind::AdcF0 | Kind::AdcG0 => &[(0x00, "ISR"), (0x08, "CR"), (0x40, "DR")],
        Kind::Usart => &[(0x00, "CR1"), (0x1C, "ISR"), (0x24, "RDR"), (0x28, "TDR")],
        Kind::Pwr => &[(0x00, "CR1"), (0x10, "SR1"), (0x14, "SR2")],
        _ => &[],
    };
    names.iter().find(|(o, _)| *o == offset).map(|(_, n)| *n)
}

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
