//! Fields of registers, by name: those that bootloaders and apps look at and set.
//!
//! `HSIRDY:1` is bit 1, `SW:0-1` are bits 0 to 1. What has no name here is told as a number.

use crate::part::{Kind, Part};

/// A register's name, and its fields.
type Fields = &'static [(&'static str, &'static str)];

/// RM0091 6.4.
const RCC_F0: Fields = &[
    ("CR", "HSION:0 HSIRDY:1 HSITRIM:3-7 HSICAL:8-15 HSEON:16 HSERDY:17 HSEBYP:18 CSSON:19 PLLON:24 PLLRDY:25"),
    ("CFGR", "SW:0-1 SWS:2-3 HPRE:4-7 PPRE:8-10 PLLSRC:15-16 PLLXTPRE:17 PLLMUL:18-21 MCO:24-27"),
    ("CIR", "LSIRDYF:0 LSERDYF:1 HSIRDYF:2 HSERDYF:3 PLLRDYF:4 HSI14RDYF:5 CSSF:7"),
    ("APB2RSTR", "SYSCFGRST:0 ADCRST:9 TIM1RST:11 SPI1RST:12 USART1RST:14 TIM15RST:16 TIM16RST:17 TIM17RST:18"),
    ("APB1RSTR", "TIM2RST:0 TIM3RST:1 TIM6RST:4 TIM14RST:8 WWDGRST:11 USART2RST:17 PWRRST:28"),
    ("AHBENR", "DMAEN:0 SRAMEN:2 FLITFEN:4 CRCEN:6 IOPAEN:17 IOPBEN:18 IOPCEN:19 IOPDEN:20 IOPFEN:22"),
    ("APB2ENR", "SYSCFGEN:0 ADCEN:9 TIM1EN:11 SPI1EN:12 USART1EN:14 TIM15EN:16 TIM16EN:17 TIM17EN:18 DBGMCUEN:22"),
    ("APB1ENR", "TIM2EN:0 TIM3EN:1 TIM6EN:4 TIM14EN:8 WWDGEN:11 USART2EN:17 I2C1EN:21 PWREN:28"),
    ("CSR", "LSION:0 LSIRDY:1 RMVF:24 OBLRSTF:25 PINRSTF:26 PORRSTF:27 SFTRSTF:28 IWDGRSTF:29 WWDGRSTF:30 LPWRRSTF:31"),
    ("AHBRSTR", "IOPARST:17 IOPBRST:18 IOPCRST:19 IOPDRST:20 IOPFRST:22"),
    ("CR2", "HSI14ON:0 HSI14RDY:1 HSI14DIS:2 HSI14TRIM:3-7 HSI14CAL:8-15"),
];

/// RM0444 5.4.
const RCC_G0: Fields = &[
    ("CR", "HSION:8 HSIKERON:9 HSIRDY:10 HSIDIV:11-13 HSEON:16 HSERDY:17 HSEBYP:18 CSSON:19 PLLON:24 PLLRDY:25"),
    ("CFGR", "SW:0-2 SWS:3-5 HPRE:8-11 PPRE:12-14 MCOSEL:24-27 MCOPRE:28-31"),
    ("PLLCFGR", "PLLSRC:0-1 PLLM:4-6 PLLN:8-14 PLLPEN:16 PLLP:17-21 PLLQEN:24 PLLQ:25-27 PLLREN:28 PLLR:29-31"),
    ("IOPENR", "GPIOAEN:0 GPIOBEN:1 GPIOCEN:2 GPIODEN:3 GPIOFEN:5"),
    ("AHBENR", "DMA1EN:0 DMA2EN:1 FLASHEN:8 CRCEN:12"),
    ("APBENR1", "TIM2EN:0 TIM3EN:1 TIM6EN:4 TIM7EN:5 RTCAPBEN:10 WWDGEN:11 USART2EN:17 DBGEN:27 PWREN:28"),
    ("APBENR2", "SYSCFGEN:0 TIM1EN:11 SPI1EN:12 USART1EN:14 TIM14EN:15 TIM15EN:16 TIM16EN:17 TIM17EN:18 ADCEN:20"),
    ("CSR", "LSION:0 LSIRDY:1 RMVF:23 OBLRSTF:25 PINRSTF:26 PWRRSTF:27 SFTRSTF:28 IWDGRSTF:29 WWDGRSTF:30 LPWRRSTF:31"),
];

/// RM0091 3.5.
const FLASH_F0: Fields = &[
    ("ACR", "LATENCY:0-2 PRFTBE:4 PRFTBS:5"),
    ("SR", "BSY:0 PGERR:2 WRPRTERR:4 EOP:5"),
    ("CR", "PG:0 PER:1 MER:2 OPTPG:4 OPTER:5 STRT:6 LOCK:7 OPTWRE:9 ERRIE:10 EOPIE:12 OBL_LAUNCH:13"),
    ("OBR", "OPTERR:0 RDPRT:1-2 WDG_SW:8 nRST_STOP:9 nRST_STDBY:10 nBOOT1:12 VDDA_MONITOR:13 RAM_PARITY_CHECK:14"),
];

/// RM0444 3.7.
const FLASH_G0: Fields = &[
    ("ACR", "LATENCY:0-2 PRFTEN:8 ICEN:9 ICRST:11 EMPTY:16 DBG_SWEN:18"),
    (
        "SR",
        "EOP:0 OPERR:1 PROGERR:3 WRPERR:4 PGAERR:5 SIZERR:6 PGSERR:7 MISERR:8 FASTERR:9 RDERR:14 OPTVERR:15 BSY1:16 CFGBSY:18",
    ),
    (
        "CR",
        "PG:0 PER:1 MER1:2 PNB:3-9 STRT:16 OPTSTRT:17 FSTPG:18 EOPIE:24 ERRIE:25 RDERRIE:26 OBL_LAUNCH:27 SEC_PROT:28 OPTLOCK:30 LOCK:31",
    ),
];

/// RM0091 17.4, RM0444 21.4.
const TIMER: Fields = &[
    ("CR1", "CEN:0 UDIS:1 URS:2 OPM:3 DIR:4 CMS:5-6 ARPE:7 CKD:8-9"),
    ("DIER", "UIE:0 CC1IE:1 CC2IE:2 CC3IE:3 CC4IE:4 COMIE:5 TIE:6 BIE:7 UDE:8 CC1DE:9 CC2DE:10 CC3DE:11 CC4DE:12"),
    ("SR", "UIF:0 CC1IF:1 CC2IF:2 CC3IF:3 CC4IF:4 COMIF:5 TIF:6 BIF:7 CC1OF:9 CC2OF:10 CC3OF:11 CC4OF:12"),
    ("EGR", "UG:0 CC1G:1 CC2G:2 CC3G:3 CC4G:4 COMG:5 TG:6 BG:7"),
    ("BDTR", "DTG:0-7 LOCK:8-9 OSSI:10 OSSR:11 BKE:12 BKP:13 AOE:14 MOE:15"),
];

/// RM0091 22.4, RM0444 27.4.
const IWDG: Fields = &[("PR", "PR:0-2"), ("RLR", "RL:0-11"), ("SR", "PVU:0 RVU:1 WVU:2")];

/// RM0091 13.12, RM0444 15.12.
const ADC: Fields = &[
    ("ISR", "ADRDY:0 EOSMP:1 EOC:2 EOS:3 OVR:4 AWD:7"),
    ("CR", "ADEN:0 ADDIS:1 ADSTART:2 ADSTP:4 ADVREGEN:28 ADCAL:31"),
];

/// RM0091 9.1, RM0444 8.1.
const SYSCFG: Fields = &[("CFGR1", "MEM_MODE:0-1")];

/// DDI0419 B3.3.
const SYSTICK: Fields = &[("CSR", "ENABLE:0 TICKINT:1 CLKSOURCE:2 COUNTFLAG:16"), ("RVR", "RELOAD:0-23")];

/// A field of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in the manual.
    pub name: &'static str,
    /// Its lowest bit.
    pub low: u32,
    /// Its highest bit.
    pub high: u32,
}

impl Field {
    fn parse(text: &'static str) -> Option<Field> {
        let (name, bits) = text.split_once(':')?;
        let (low, high) = bits.split_once('-').unwrap_or((bits, bits));
        Some(Field { name, low: low.parse().ok()?, high: high.parse().ok()? })
    }

    /// Its value in that of the register.
    pub const fn of(self, register: u32) -> u32 {
        register >> self.low & (u32::MAX >> (31 - (self.high - self.low)))
    }
}

/// The tables of a kind of block.
const fn of_kind(kind: Kind) -> Fields {
    match kind {
        Kind::RccF0 => RCC_F0,
        Kind::RccG0 => RCC_G0,
        Kind::FlashF0 => FLASH_F0,
        Kind::FlashG0 => FLASH_G0,
        Kind::TimAdvanced
        | Kind::Tim32
        | Kind::Tim16
        | Kind::TimBasic
        | Kind::Tim1ch
        | Kind::Tim2ch
        | Kind::TimRepeat => TIMER,
        Kind::IwdgF0 | Kind::IwdgG0 => IWDG,
        Kind::AdcF0 | Kind::AdcG0 => ADC,
        Kind::SyscfgF0 | Kind::SyscfgG0 => SYSCFG,
        _ => &[],
    }
}

/// The fields of the register at `address`, by bit; none where they have no names here.
pub fn fields(part: &Part, address: u32) -> impl Iterator<Item = Field> {
    let block = part.peripherals.iter().find(|p| address.wrapping_sub(p.base) < p.size);
    let table = block.map_or(SYSTICK, |b| of_kind(b.kind));
    let name = super::register_name(part, address);
    let register = match (block, name.split_once(' ')) {
        (Some(_), Some((_, register))) | (None, Some(("SysTick", register))) => register,
        _ => "",
    };
    let text = table.iter().find(|(name, _)| *name == register).map_or("", |(_, fields)| fields);
    text.split(' ').filter_map(Field::parse)
}

/// What a register's value says, by the names of its fields: `HSION HSIRDY HSITRIM=16`. Fields that are 0 are left out; bits
/// without a name are told as a number. None where the register's fields have no names here.
pub fn told(part: &Part, address: u32, value: u32) -> Option<String> {
    let (mut words, mut rest, mut named) = (Vec::new(), value, false);
    for field in fields(part, address) {
        named = true;
        let inside = field.of(value);
        rest &= !((u32::MAX >> (31 - (field.high - field.low))) << field.low);
        match inside {
            0 => {}
            _ if field.low == field.high => words.push(field.name.to_owned()),
            n => words.push(format!("{}={n}", field.name)),
        }
    }
    if rest != 0 {
        words.push(format!("0x{rest:X}"));
    }
    named.then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::part;

    #[test]
    fn values_are_told_by_their_fields() {
        let f051 = part::find("F051").unwrap();
        assert_eq!(told(&f051, 0x4002_1000, 0x5A83).as_deref(), Some("HSION HSIRDY HSITRIM=16 HSICAL=90"));
        assert_eq!(told(&f051, 0x4002_1000, 0x0300_0000).as_deref(), Some("PLLON PLLRDY"));
        assert_eq!(told(&f051, 0x4002_2010, 0x80).as_deref(), Some("LOCK"));
        assert_eq!(told(&f051, 0x4002_2010, 0).as_deref(), Some(""));
        assert_eq!(told(&f051, 0xE000_E010, 0x8000_0001).as_deref(), Some("ENABLE 0x80000000"));
        assert_eq!(told(&f051, 0x4800_0010, 5), None, "a port's levels are a number");
        let g071 = part::find("G071").unwrap();
        assert_eq!(told(&g071, 0x4002_1000, 0x500).as_deref(), Some("HSION HSIRDY"));
    }

    /// Each table is of registers that a part has, and its fields neither overlap nor leave the register.
    #[test]
    fn every_field_is_of_a_register_and_fields_do_not_overlap() {
        let parts = ["F031", "F051", "G031", "G071"].map(|n| part::find(n).unwrap());
        for (kind, table) in [Kind::RccF0, Kind::RccG0, Kind::FlashF0, Kind::FlashG0, Kind::TimAdvanced, Kind::IwdgF0]
            .into_iter()
            .chain([Kind::AdcF0, Kind::AdcG0, Kind::SyscfgF0, Kind::SyscfgG0])
            .map(|kind| (kind, of_kind(kind)))
        {
            let has = |register: &str| {
                parts
                    .iter()
                    .flat_map(|p| p.peripherals.iter().map(move |b| (p, b)))
                    .filter(|(_, b)| b.kind == kind)
                    .any(|(part, block)| {
                        (0..0x100).step_by(4).any(|offset| {
                            crate::chip::register_name(part, block.base + offset)
                                == format!("{} {register}", block.name)
                        })
                    })
            };
            for (register, text) in table {
                assert!(has(register), "{kind:?} {register}");
                let mut next = 0;
                for word in text.split(' ') {
                    let field = Field::parse(word).unwrap_or_else(|| panic!("{word}"));
                    assert!(
                        field.low >= next && field.high >= field.low && field.high < 32,
                        "{kind:?} {register} {word}"
                    );
                    next = field.high + 1;
                }
            }
        }
    }
}
