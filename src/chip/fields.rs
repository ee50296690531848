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
    (
        "CSR",
        "LSION:0 LSIRDY:1 V18PWRRSTF:23 RMVF:24 OBLRSTF:25 PINRSTF:26 PORRSTF:27 SFTRSTF:28 IWDGRSTF:29 WWDGRSTF:30 LPWRRSTF:31",
    ),
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

/// TIM1: RM0091 17.4, RM0444 21.4.
const TIM_ADVANCED: Fields = &[
    ("CR1", "CEN:0 UDIS:1 URS:2 OPM:3 DIR:4 CMS:5-6 ARPE:7 CKD:8-9 UIFREMAP:11"),
    (
        "DIER",
        "UIE:0 CC1IE:1 CC2IE:2 CC3IE:3 CC4IE:4 COMIE:5 TIE:6 BIE:7 UDE:8 CC1DE:9 CC2DE:10 CC3DE:11 CC4DE:12 COMDE:13 TDE:14",
    ),
    (
        "SR",
        "UIF:0 CC1IF:1 CC2IF:2 CC3IF:3 CC4IF:4 COMIF:5 TIF:6 BIF:7 B2IF:8 CC1OF:9 CC2OF:10 CC3OF:11 CC4OF:12 SBIF:13 CC5IF:16 CC6IF:17",
    ),
    ("EGR", "UG:0 CC1G:1 CC2G:2 CC3G:3 CC4G:4 COMG:5 TG:6 BG:7 B2G:8"),
    (
        "BDTR",
        "DTG:0-7 LOCK:8-9 OSSI:10 OSSR:11 BKE:12 BKP:13 AOE:14 MOE:15 BKF:16-19 BK2F:20-23 BK2E:24 BK2P:25 BKDSRM:26 BK2DSRM:27 BKBID:28 BK2BID:29",
    ),
];

/// TIM2 and TIM3: RM0091 18.4, RM0444 22.4.
const TIM_GENERAL: Fields = &[
    ("CR1", "CEN:0 UDIS:1 URS:2 OPM:3 DIR:4 CMS:5-6 ARPE:7 CKD:8-9 UIFREMAP:11"),
    ("DIER", "UIE:0 CC1IE:1 CC2IE:2 CC3IE:3 CC4IE:4 TIE:6 UDE:8 CC1DE:9 CC2DE:10 CC3DE:11 CC4DE:12 TDE:14"),
    ("SR", "UIF:0 CC1IF:1 CC2IF:2 CC3IF:3 CC4IF:4 TIF:6 CC1OF:9 CC2OF:10 CC3OF:11 CC4OF:12"),
    ("EGR", "UG:0 CC1G:1 CC2G:2 CC3G:3 CC4G:4 TG:6"),
];

/// TIM6 and TIM7: RM0091 21.4, RM0444 23.4.
const TIM_BASIC: Fields = &[
    ("CR1", "CEN:0 UDIS:1 URS:2 OPM:3 ARPE:7 UIFREMAP:11"),
    ("DIER", "UIE:0 UDE:8"),
    ("SR", "UIF:0"),
    ("EGR", "UG:0"),
];

/// TIM14: RM0091 19.4, RM0444 24.4.
const TIM_ONE: Fields = &[
    ("CR1", "CEN:0 UDIS:1 URS:2 OPM:3 ARPE:7 CKD:8-9 UIFREMAP:11"),
    ("DIER", "UIE:0 CC1IE:1"),
    ("SR", "UIF:0 CC1IF:1 CC1OF:9"),
    ("EGR", "UG:0 CC1G:1"),
];

/// TIM15: RM0091 20.5, RM0444 25.5.
const TIM_TWO: Fields = &[
    ("CR1", "CEN:0 UDIS:1 URS:2 OPM:3 ARPE:7 CKD:8-9 UIFREMAP:11"),
    ("DIER", "UIE:0 CC1IE:1 CC2IE:2 COMIE:5 TIE:6 BIE:7 UDE:8 CC1DE:9 CC2DE:10 COMDE:13 TDE:14"),
    ("SR", "UIF:0 CC1IF:1 CC2IF:2 COMIF:5 TIF:6 BIF:7 CC1OF:9 CC2OF:10"),
    ("EGR", "UG:0 CC1G:1 CC2G:2 COMG:5 TG:6 BG:7"),
    ("BDTR", "DTG:0-7 LOCK:8-9 OSSI:10 OSSR:11 BKE:12 BKP:13 AOE:14 MOE:15 BKF:16-19 BKDSRM:26 BKBID:28"),
];

/// TIM16 and TIM17: RM0091 20.6, RM0444 25.6.
const TIM_REPEAT: Fields = &[
    ("CR1", "CEN:0 UDIS:1 URS:2 OPM:3 ARPE:7 CKD:8-9 UIFREMAP:11"),
    ("DIER", "UIE:0 CC1IE:1 COMIE:5 BIE:7 UDE:8 CC1DE:9 COMDE:13"),
    ("SR", "UIF:0 CC1IF:1 COMIF:5 BIF:7 CC1OF:9"),
    ("EGR", "UG:0 CC1G:1 COMG:5 BG:7"),
    ("BDTR", "DTG:0-7 LOCK:8-9 OSSI:10 OSSR:11 BKE:12 BKP:13 AOE:14 MOE:15 BKF:16-19 BKDSRM:26 BKBID:28"),
];

/// RM0091 22.4, RM0444 27.4.
const IWDG: Fields = &[("PR", "PR:0-2"), ("RLR", "RL:0-11"), ("SR", "PVU:0 RVU:1 WVU:2")];

/// RM0091 13.12.
const ADC_F0: Fields =
    &[("ISR", "ADRDY:0 EOSMP:1 EOC:2 EOS:3 OVR:4 AWD:7"), ("CR", "ADEN:0 ADDIS:1 ADSTART:2 ADSTP:4 ADCAL:31")];

/// RM0444 15.12.
const ADC_G0: Fields = &[
    ("ISR", "ADRDY:0 EOSMP:1 EOC:2 EOS:3 OVR:4 AWD1:7 AWD2:8 AWD3:9 EOCAL:11 CCRDY:13"),
    ("CR", "ADEN:0 ADDIS:1 ADSTART:2 ADSTP:4 ADVREGEN:28 ADCAL:31"),
];

/// RM0091 9.1; COMP_CSR 15.5.
const SYSCFG_F0: Fields = &[
    (
        "CFGR1",
        "MEM_MODE:0-1 ADC_DMA_RMP:8 USART1_TX_DMA_RMP:9 USART1_RX_DMA_RMP:10 TIM16_DMA_RMP:11 TIM17_DMA_RMP:12 I2C_PB6_FMP:16 I2C_PB7_FMP:17 I2C_PB8_FMP:18 I2C_PB9_FMP:19",
    ),
    (
        "COMP_CSR",
        "COMP1EN:0 COMP1SW1:1 COMP1MODE:2-3 COMP1INSEL:4-6 COMP1OUTSEL:8-10 COMP1POL:11 COMP1HYST:12-13 COMP1OUT:14 COMP1LOCK:15 COMP2EN:16 COMP2MODE:18-19 COMP2INSEL:20-22 WNDWEN:23 COMP2OUTSEL:24-26 COMP2POL:27 COMP2HYST:28-29 COMP2OUT:30 COMP2LOCK:31",
    ),
];

/// RM0444 8.1.
const SYSCFG_G0: Fields = &[(
    "CFGR1",
    "MEM_MODE:0-1 PA11_RMP:3 PA12_RMP:4 IR_POL:5 IR_MOD:6-7 BOOSTEN:8 UCPD1_STROBE:9 UCPD2_STROBE:10 I2C_PB6_FMP:16 I2C_PB7_FMP:17 I2C_PB8_FMP:18 I2C_PB9_FMP:19 I2C1_FMP:20 I2C2_FMP:21 I2C_PA9_FMP:22 I2C_PA10_FMP:23",
)];

/// RM0091 27.8, RM0444 33.8; FIFOs are the G0's.
const USART: Fields = &[
    (
        "CR1",
        "UE:0 UESM:1 RE:2 TE:3 IDLEIE:4 RXNEIE:5 TCIE:6 TXEIE:7 PEIE:8 PS:9 PCE:10 WAKE:11 M0:12 MME:13 CMIE:14 OVER8:15 DEDT:16-20 DEAT:21-25 RTOIE:26 EOBIE:27 M1:28 FIFOEN:29 TXFEIE:30 RXFFIE:31",
    ),
    (
        "ISR",
        "PE:0 FE:1 NE:2 ORE:3 IDLE:4 RXNE:5 TC:6 TXE:7 LBDF:8 CTSIF:9 CTS:10 RTOF:11 EOBF:12 ABRE:14 ABRF:15 BUSY:16 CMF:17 SBKF:18 RWU:19 WUF:20 TEACK:21 REACK:22",
    ),
];

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
        Kind::TimAdvanced => TIM_ADVANCED,
        Kind::Tim32 | Kind::Tim16 => TIM_GENERAL,
        Kind::TimBasic => TIM_BASIC,
        Kind::Tim1ch => TIM_ONE,
        Kind::Tim2ch => TIM_TWO,
        Kind::TimRepeat => TIM_REPEAT,
        Kind::IwdgF0 | Kind::IwdgG0 => IWDG,
        Kind::AdcF0 => ADC_F0,
        Kind::AdcG0 => ADC_G0,
        Kind::SyscfgF0 => SYSCFG_F0,
        Kind::SyscfgG0 => SYSCFG_G0,
        Kind::Usart => USART,
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
        assert_eq!(told(&f051, 0x4000_100C, 0x0141).as_deref(), Some("UIE UDE 0x40"), "TIM6 has no TIE");
        assert_eq!(told(&f051, 0x4002_1024, 0x0880_0000).as_deref(), Some("V18PWRRSTF PORRSTF"));
        let g071 = part::find("G071").unwrap();
        assert_eq!(told(&g071, 0x4001_2400, 0x2801).as_deref(), Some("ADRDY EOCAL CCRDY"));
        assert_eq!(told(&g071, 0x4001_0000, 0x18).as_deref(), Some("PA11_RMP PA12_RMP"));
        assert_eq!(told(&g071, 0x4002_1000, 0x500).as_deref(), Some("HSION HSIRDY"));
    }

    /// Each table is of registers that a part has, and its fields neither overlap nor leave the register.
    #[test]
    fn every_field_is_of_a_register_and_fields_do_not_overlap() {
        let parts = ["F031", "F051", "G031", "G071"].map(|n| part::find(n).unwrap());
        for (kind, table) in [Kind::RccF0, Kind::RccG0, Kind::FlashF0, Kind::FlashG0, Kind::TimAdvanced, Kind::IwdgF0]
            .into_iter()
            .chain([Kind::AdcF0, Kind::AdcG0, Kind::SyscfgF0, Kind::SyscfgG0, Kind::Usart])
            .chain([Kind::Tim32, Kind::Tim16, Kind::TimBasic, Kind::Tim1ch, Kind::Tim2ch, Kind::TimRepeat])
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
