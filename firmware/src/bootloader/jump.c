/* The jump into the app, and what has to be true before it. */
#include "version.h"
#include "jump.h"

void try_jump(void)
{
    if (REG8(EEPROM_START + EEPROM_BOOT_BYTE) != 0x01) {
        return;
    }
    uint32_t sp = REG32(APP_START);
    uint32_t pc = REG32(APP_START + 4);
#if VERSION >= 12
    if (sp < 0x20000000u || sp > 0x20010000u) {
        return;
    }
    if (pc < APP_START || pc > APP_START + 256u * 1024u) {
        return;
    }
#endif
    __asm__ volatile("cpsid i");
    RCC_APB1RSTR |= RCC_APB1_TIM2;
    RCC_APB1RSTR &= ~RCC_APB1_TIM2;
#ifdef FAMILY_G0
    SCB_VTOR = APP_START;
#endif
    __asm__ volatile("msr msp, %0\n\tbx %1" : : "r"(sp), "r"(pc));
    __builtin_unreachable();
}
