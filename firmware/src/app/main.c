/* A stand-in for the AM32 app: it starts as that one does, reads its EEPROM, keeps its watchdog fed, and does with its
 * signal what that one does, as far as the pins show it.
 *
 * Two pins tell that it runs: PB3 changes with every pass of the main loop, PB5 with every interrupt of TIM14. */
#include "arming.h"
#include "bridge.h"
#include "layout.h"
#include "registers.h"
#include "clock.h"
#include "input.h"
#include "marks.h"
#include "signal.h"
#include "vectors.h"

#define PORT_B 1
#define PASS_PIN 3
#define TICK_PIN 5
#define PASS_US 100
#define EEPROM_READ 192

static uint8_t eeprom[EEPROM_READ];

static void toggle(uint32_t pin)
{
    if (GPIO_ODR(PORT_B) & BIT(pin)) {
        GPIO_BRR(PORT_B) = BIT(pin);
    } else {
        GPIO_BSRR(PORT_B) = BIT(pin);
    }
}

void tim14_interrupt(void)
{
    TIM_SR(TIM14) = ~TIM_UIF;
    toggle(TICK_PIN);
    arming_tick();
}

static void outputs_start(void)
{
    RCC_GPIOENR |= BIT(RCC_GPIOENR_SHIFT + PORT_B);
    (void)RCC_GPIOENR;
    uint32_t mode = GPIO_MODER(PORT_B);
    mode &= ~(3u << (2 * PASS_PIN) | 3u << (2 * TICK_PIN));
    GPIO_MODER(PORT_B) = mode | 1u << (2 * PASS_PIN) | 1u << (2 * TICK_PIN);
}

/* TIM17 counts microseconds; TIM14 interrupts every millisecond. */
static void timers_start(void)
{
    RCC_APB2ENR |= RCC_APB2_TIM17;
    RCC_TIM14_ENR |= RCC_TIM14_EN;
    (void)RCC_TIM14_ENR;

    TIM_PSC(TIM17) = CORE_MHZ - 1u;
    TIM_ARR(TIM17) = 0xFFFF;
    TIM_EGR(TIM17) = TIM_EGR_UG;
    TIM_CR1(TIM17) |= TIM_CR1_CEN;

    TIM_PSC(TIM14) = CORE_MHZ - 1u;
    TIM_ARR(TIM14) = 999;
    TIM_EGR(TIM14) = TIM_EGR_UG;
    TIM_SR(TIM14) = 0; /* UG has set the flag */
    TIM_DIER(TIM14) = TIM_UIF;
    TIM_CR1(TIM14) |= TIM_CR1_CEN;
    NVIC_ISER = BIT(TIM14_IRQ);
}

static void input_start(void)
{
    RCC_GPIOENR |= BIT(RCC_GPIOENR_SHIFT + SIGNAL_PORT);
    RCC_AHBENR |= RCC_AHB_DMA1;
    RCC_SIGNAL_TIM_ENR |= RCC_SIGNAL_TIM_EN;
    (void)RCC_SIGNAL_TIM_ENR;
    uint32_t af = GPIO_AFRL(SIGNAL_PORT) & ~(0xFu << (4 * SIGNAL_NUMBER));
    GPIO_AFRL(SIGNAL_PORT) = af | SIGNAL_AF << (4 * SIGNAL_NUMBER);
    uint32_t mode = GPIO_MODER(SIGNAL_PORT) & ~(3u << (2 * SIGNAL_NUMBER));
    GPIO_MODER(SIGNAL_PORT) = mode | 2u << (2 * SIGNAL_NUMBER);
#ifdef FAMILY_G0
    DMAMUX_CCR(SIGNAL_DMA) = SIGNAL_REQUEST;
#endif
    NVIC_ISER = BIT(SIGNAL_DMA_IRQ);
    signal_search();
}

/* 16 * 4000 ticks of the LSI: 1.6 to 2 s. A G0 takes the two values only when the watchdog has been started. */
static void watchdog_start(void)
{
    IWDG_KR = 0xCCCC;
    IWDG_KR = 0x5555;
    IWDG_PR = 2;
    IWDG_RLR = 4000;
    while (IWDG_SR != 0) {
    }
    IWDG_KR = 0xAAAA;
}

static void read_eeprom(void)
{
    uint32_t from = eeprom_address();
    for (uint32_t i = 0; i < EEPROM_READ; i++) {
        ((volatile uint8_t *)eeprom)[i] = REG8(from + i);
    }
}

int main(void)
{
    take_over_vectors();
    clock_start();
    outputs_start();
    bridge_start();
    timers_start();
    read_eeprom();
    watchdog_start();
    input_start();
    for (;;) {
        uint16_t begun = (uint16_t)TIM_CNT(TIM17);
        while ((uint16_t)(TIM_CNT(TIM17) - begun) < PASS_US) {
        }
        toggle(PASS_PIN);
        IWDG_KR = 0xAAAA;
    }
}
