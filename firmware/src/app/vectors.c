/* The app's vectors, and how interrupts come to use them instead of the bootloader's. */
#include "input.h"
#include "interrupts.h"
#include "layout.h"
#include "registers.h"
#include "startup.h"
#include "vectors.h"

extern uint32_t stack_top[];

#define HANDLER(n) ((n) == TIM14_IRQ ? tim14_interrupt : (n) == SIGNAL_DMA_IRQ ? capture_interrupt : hang)

/* Of an app that captures nothing. */
__attribute__((weak)) void capture_interrupt(void)
{
    hang();
}

__attribute__((section(".vectors"), used))
static const void *const vectors[48] = {
    stack_top, (void *)reset, (void *)hang, (void *)hang,
    [11] = (void *)hang, [14] = (void *)hang, [15] = (void *)hang,
    ALL_LINES,
};

void take_over_vectors(void)
{
#ifdef FAMILY_F0
    /* A Cortex-M0 always takes its vectors from address 0: a copy in SRAM, and SRAM put there. */
    for (uint32_t i = 0; i < 48; i++) {
        REG32(0x20000000u + 4 * i) = REG32(APP_START + 4 * i);
    }
    RCC_APB2ENR |= RCC_APB2_SYSCFG;
    (void)RCC_APB2ENR;
    SYSCFG_CFGR1 &= ~3u;
    SYSCFG_CFGR1 |= 3u;
#else
    SCB_VTOR = APP_START;
#endif
    __asm__ volatile("cpsie i");
}
