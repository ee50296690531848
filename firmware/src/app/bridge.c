#include "bridge.h"
#include "registers.h"

/* The transistors' pins: above PA8, PA9 and PA10, below PA7, PB0 and PB1. */
#define PORT_A 0
#define PORT_B 1
#define PORT_A_FIRST 7
#define PORT_A_LAST 10
#define LOWER_A 7
#define UPPER_A 8
#define LOWER_B 0
#define LOWER_C 1

#define OUTPUT 1u
#define ALTERNATE 2u
#define TO_TIM1 2u /* the alternate function's number */

#define PERIOD (CORE_MHZ * 1000000u / 24000u)
#define CHANNEL_AND_COMPLEMENT 5u
#define PWM_MODE_1_PRELOADED 0x68u

static void mode(uint32_t port, uint32_t pin, uint32_t to)
{
    GPIO_MODER(port) = (GPIO_MODER(port) & ~(3u << (2 * pin))) | to << (2 * pin);
}

static void all_off(void)
{
    for (uint32_t pin = PORT_A_FIRST; pin <= PORT_A_LAST; pin++) {
        GPIO_BRR(PORT_A) = BIT(pin);
        mode(PORT_A, pin, OUTPUT);
    }
    GPIO_BRR(PORT_B) = BIT(LOWER_B) | BIT(LOWER_C);
    mode(PORT_B, LOWER_B, OUTPUT);
    mode(PORT_B, LOWER_C, OUTPUT);
    TIM_BDTR(TIM1) = 0;
}

void bridge_start(void)
{
    RCC_GPIOENR |= 3u << RCC_GPIOENR_SHIFT;
    RCC_APB2ENR |= RCC_APB2_TIM1;
    (void)RCC_APB2ENR;
    all_off();
    GPIO_AFRL(PORT_A) = (GPIO_AFRL(PORT_A) & ~(0xFu << (4 * LOWER_A))) | TO_TIM1 << (4 * LOWER_A);
    GPIO_AFRH(PORT_A) = (GPIO_AFRH(PORT_A) & ~0xFu) | TO_TIM1;
    TIM_ARR(TIM1) = PERIOD - 1;
    TIM_CCMR(TIM1, 1) = PWM_MODE_1_PRELOADED;
    TIM_CCER(TIM1) = CHANNEL_AND_COMPLEMENT;
    TIM_EGR(TIM1) = TIM_EGR_UG;
    TIM_CR1(TIM1) = TIM_CR1_CEN;
}

void bridge_drive(uint32_t throttle)
{
    TIM_CCR(TIM1, 1) = throttle * PERIOD >> 11;
    if (throttle == 0) {
        all_off();
        return;
    }
    GPIO_BSRR(PORT_B) = BIT(LOWER_B);
    mode(PORT_A, LOWER_A, ALTERNATE);
    mode(PORT_A, UPPER_A, ALTERNATE);
    TIM_BDTR(TIM1) = TIM_BDTR_MOE;
}
