/* A stand-in for a bootloader updater: it sits in the app's place, without a name tag, waits 1.5 s unless the
 * bootloader that it carries is there already, writes that again and again until it is there, and resets the chip. */
#include "layout.h"
#include "registers.h"
#include "clock.h"
#include "flash.h"
#include "interrupts.h"
#include "startup.h"

__asm__(".section .rodata.payload, \"a\"\n"
        ".balign 4\n"
        "payload: .incbin \"" PAYLOAD "\"\n"
        "payload_end:\n"
        ".text\n");
extern const uint8_t payload[], payload_end[];
extern uint32_t stack_top[];

#define CHUNK 256u

#define HANDLER(n) hang

__attribute__((section(".vectors"), used))
static const void *const vectors[48] = {
    stack_top, (void *)reset, (void *)hang, (void *)hang,
    [11] = (void *)hang, [14] = (void *)hang, [15] = (void *)hang,
    ALL_LINES,
};

/* TIM17 counts microseconds. */
static void timer_start(void)
{
    RCC_APB2ENR |= RCC_APB2_TIM17;
    (void)RCC_APB2ENR;
    TIM_PSC(TIM17) = CORE_MHZ - 1u;
    TIM_ARR(TIM17) = 0xFFFF;
    TIM_EGR(TIM17) = TIM_EGR_UG;
    TIM_CR1(TIM17) |= TIM_CR1_CEN;
}

static void delay_ms(uint32_t ms)
{
    for (; ms >= 10; ms -= 10) {
        uint16_t begun = (uint16_t)TIM_CNT(TIM17);
        while ((uint16_t)(TIM_CNT(TIM17) - begun) < 10000u) {
        }
    }
}

static void write_bootloader(uint32_t length)
{
    for (uint32_t at = 0; at < length; at += CHUNK) {
        uint32_t left = length - at;
        if ((at & (FLASH_PAGE - 1)) == 0) {
            flash_erase_page(FLASH_BASE + at);
        }
        flash_write(FLASH_BASE + at, payload + at, left < CHUNK ? left : CHUNK);
    }
}

int main(void)
{
    uint32_t length = (uint32_t)(payload_end - payload);
    clock_start();
    timer_start();
    if (!flash_holds(FLASH_BASE, payload, length)) {
        delay_ms(1500);
    }
    while (!flash_holds(FLASH_BASE, payload, length)) {
        write_bootloader(length);
    }
    SCB_AIRCR = SCB_AIRCR_RESET;
    hang();
}
