/* The clocks. Every poll here is for ever: firmware for another family hangs in one of them, as the real ones do. */
#include "layout.h"
#include "registers.h"
#include "clock.h"

static void wait_set(volatile uint32_t *reg, uint32_t bits)
{
    while ((*reg & bits) == 0) {
    }
}

void clock_start(void)
{
    FLASH_ACR = (FLASH_ACR & ~FLASH_ACR_LATENCY_MASK) | FLASH_ACR_LATENCY | FLASH_ACR_PREFETCH;
    while ((FLASH_ACR & FLASH_ACR_LATENCY_MASK) != FLASH_ACR_LATENCY) {
    }

    RCC_CR |= RCC_CR_HSION;
    wait_set(&RCC_CR, RCC_CR_HSIRDY);
#ifdef FAMILY_F0
    RCC_CR2 |= RCC_CR2_HSI14ON;
    wait_set(&RCC_CR2, RCC_CR2_HSI14RDY);
    RCC_CSR |= RCC_CSR_LSION;
    wait_set(&RCC_CSR, RCC_CSR_LSIRDY);
    RCC_CFGR = (RCC_CFGR & ~RCC_CFGR_PLL_MASK) | RCC_CFGR_PLLMUL_12;
    RCC_CR |= RCC_CR_PLLON;
    wait_set(&RCC_CR, RCC_CR_PLLRDY);
#else
    RCC_PLLCFGR = RCC_PLLCFGR_HSI_1_8_2 | (RCC_PLLCFGR & RCC_PLLCFGR_REN);
    RCC_CR |= RCC_CR_PLLON;
    RCC_PLLCFGR |= RCC_PLLCFGR_REN;
    wait_set(&RCC_CR, RCC_CR_PLLRDY);
#endif
    RCC_CFGR = (RCC_CFGR & ~RCC_CFGR_SW_MASK) | RCC_CFGR_SW_PLL;
    while ((RCC_CFGR & RCC_CFGR_SWS_MASK) != RCC_CFGR_SWS_PLL) {
    }

    /* A SysTick of 1 ms, without its interrupt. */
    SYSTICK_RVR = CORE_MHZ * 1000u - 1u;
    SYSTICK_CVR = 0;
    SYSTICK_CSR = 5;
}
