//! What the model of core, bus and peripherals leaves out, approximates or chose, one line each.
//!
//! `dryflash parts --unknowns` prints them after the parts' own and the flash controllers'.

/// Every line, the ones that matter most first.
pub const CHOICES: &[&str] = &[
    "times begin with the first instruction: the reset delay after power-on (on an F0 some 1.5 to 4.5 ms, on a G0 a fraction of one) and the loading of the option bytes come before",
    "times are good to some 10 %, not to the digits shown: a loop that compares a 1 us counter takes whole microseconds, and wait states decide which",
    "wait states: the prefetch buffer hides those of sequential fetches; branch targets and literal loads from flash pay in full; the G0's two cache lines are not modelled, from which a tight loop runs without wait states (8.1 cycles a turn measured on a G0B1 where the model takes 12 to 14)",
    "other loads from flash pay no wait states; the G0's single-cycle I/O port costs the two cycles of any load",
    "an access happens at the start of its instruction",
    "interrupts that software pends, and resets that it asks for, are taken after the store that does so (an `stm`: after its straight run of code)",
    "the M0+'s unprivileged mode is not modelled: CONTROL.nPRIV stays 0",
    "encodings that ARMv6-M calls UNPREDICTABLE are HardFaults",
    "addresses of the APB bridges that no block owns read 0; elsewhere nobody answers: a bus error",
    "a clock switch takes effect with the access that asks for it, or when the source becomes ready",
    "peripherals whose clock is off read 0 and drop writes; those held in reset drop writes; DBGMCU answers a probe without its clock, and tells code its id code while a debugger has C_DEBUGEN set",
    "an event of a block (a DMA transfer, an edge at a pin) happens at its own cycle, and the core sees it from its next instruction on",
    "timers count up; slave modes, down-counting, input filters, DMA bursts and break are not modelled, and what they put out does not reach the pins",
    "DMA transfers take no time and hold up nobody; a block from memory to memory is copied at once",
    "comparators follow what the bench says, without voltages, hysteresis or blanking; EXTI events do not wake a core that waits for them",
    "the ADC converts what the bench puts at its inputs; hardware triggers, analog watchdogs, oversampling and auto-off are not modelled",
    "a store to a timer's CNT leaves its prescaler's counter alone: the manuals name the update event only",
    "an exception that follows another without unstacking takes 6 cycles, ARM's figure for the Cortex-M3",
    "EXTI lines that are masked have no memory: measured on a G0, taken over for the F0",
    "with NRST low a probe's access to a peripheral faults; on a G0 it was seen to read 0",
    "registers at a reset are as seen on an F030 (flags) and a G0B1 (all); an F0's R0 to R12 are 0",
    "the window watchdog's prescaler starts with each reload",
    "what a USART sends is lost, and it receives nothing",
    "the RTC and the MPU keep their registers and do nothing",
    "I2C, SPI, CEC, DAC, UCPD, LPTIM, LPUART and TSC are not there: reads 0, writes are dropped, told once",
    "ST's boot loader in system memory is not part of the model: a chip that boots it stays there",
    "too few wait states for HCLK are told; flash reads on without error",
    "a debug probe at a running core: 10 ms of virtual time pass after each of its commands; with the core halted only flash operations take time, and watchdogs stand still",
    "a watchpoint stops the core after the instruction that made the access; what exceptions push and pop is not watched; a comparator matches an access to any of its bytes",
    "`wfi` and `wfe` sleep without stopping any clock; Stop and Standby are not modelled",
];
