#include <stdint.h>
#include "interrupts.h"
#include "startup.h"

extern uint32_t stack_top[];

/* 16 of the core and 32 of the chip: 192 bytes. No interrupt is ever enabled. */
#define HANDLER(n) hang

__attribute__((section(".vectors"), used))
static const void *const vectors[48] = {
    stack_top, (void *)reset, (void *)hang, (void *)hang,
    [11] = (void *)hang, [14] = (void *)hang, [15] = (void *)hang,
    ALL_LINES,
};
