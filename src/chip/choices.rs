//! What the model of core, bus and peripherals leaves out, approximates or chose, one line each.
//!
//! `dryflash parts --unknowns` prints them after the parts' own and the flash controllers'.

/// Every line, the ones that matter most first.
pub const CHOICES: &[&str] = &[
    "wait states: the prefetch buffer hides those of sequential fetches; branch targets and literal loads from flash pay in full; the G0's two cache lines are not modelled",
    "other loads from flash pay no wait states; the G0's single-cycle I/O port costs the two cycles of any load",
    "an access happens at the start of its instruction",
    "interrupts that software pends, and resets that it asks for, are taken after the store that does so (an `stm`: after its straight run of code)",
    "encodings that ARMv6-M calls UNPREDICTABLE are HardFaults",
    "addresses of the APB bridges that no block owns read 0; elsewhere nobody answers: a bus error",
    "a clock switch takes effect with the access that asks for it, or when the source becomes ready",
    "peripherals whose clock is off read 0 and drop writes; those held in reset drop writes",
    "timers count up; input capture, slave modes, down-counting and outputs are not modelled",
    "external interrupts: software events alone; edges of the pins are not followed",
    "DMA, comparators, the window watchdog, the CRC unit, the RTC and the MPU keep their registers and do nothing",
    "the ADC becomes ready, calibrates and converts half scale on every channel, without DMA",
    "what a USART sends is lost, and it receives nothing",
    "I2C, SPI, CEC, DAC, UCPD, LPTIM, LPUART and TSC are not there: reads 0, writes are dropped, told once",
    "ST's boot loader in system memory is not part of the model: a chip that boots it stays there",
    "too few wait states for HCLK are told; flash reads on without error",
    "`wfi` and `wfe` sleep without stopping any clock; Stop and Standby are not modelled",
];
