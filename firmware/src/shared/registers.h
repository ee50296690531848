/* The registers that the stand-in firmware uses, and no others. Written for this project.
 *
 * Two families share most of them: the STM32F0 (FAMILY_F0) and the STM32G0 (FAMILY_G0). */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <stdint.h>
#include "layout.h"

#define REG32(address) (*(volatile uint32_t *)(address))
#define REG16(address) (*(volatile uint16_t *)(address))
#define REG8(address) (*(volatile uint8_t *)(address))
#define BIT(n) (1u << (n))

/* Reset and clock control */
#define RCC_CR REG32(0x40021000)
#define RCC_CR_PLLON BIT(24)
#define RCC_CR_PLLRDY BIT(25)
#ifdef FAMILY_F0
#define RCC_CR_HSION BIT(0)
#define RCC_CR_HSIRDY BIT(1)
#define RCC_CFGR REG32(0x40021004)
#define RCC_CFGR_SW_MASK 3u
#define RCC_CFGR_SW_PLL 2u
#define RCC_CFGR_SWS_MASK (3u << 2)
#define RCC_CFGR_SWS_PLL (2u << 2)
#define RCC_CFGR_PLL_MASK (0x3Fu << 16)
#define RCC_CFGR_PLLMUL_12 (10u << 18) /* of HSI / 2, as bit 16 stays 0 */
#define RCC_APB2RSTR REG32(0x4002100C)
#define RCC_APB1RSTR REG32(0x40021010)
#define RCC_GPIOENR REG32(0x40021014)
#define RCC_GPIOENR_SHIFT 17
#define RCC_AHBENR REG32(0x40021014) /* the same register as RCC_GPIOENR */
#define RCC_APB2ENR REG32(0x40021018)
#define RCC_APB1ENR REG32(0x4002101C)
#define RCC_CSR REG32(0x40021024)
#define RCC_CR2 REG32(0x40021034)
#define RCC_CR2_HSI14ON BIT(0)
#define RCC_CR2_HSI14RDY BIT(1)
#define RCC_TIM14_ENR RCC_APB1ENR
#define RCC_TIM14_EN BIT(8)
#else
#define RCC_CR_HSION BIT(8)
#define RCC_CR_HSIRDY BIT(10)
#define RCC_CFGR REG32(0x40021008)
#define RCC_CFGR_SW_MASK 7u
#define RCC_CFGR_SW_PLL 2u
#define RCC_CFGR_SWS_MASK (7u << 3)
#define RCC_CFGR_SWS_PLL (2u << 3)
#define RCC_PLLCFGR REG32(0x4002100C)
#define RCC_PLLCFGR_HSI_1_8_2 (2u | (0u << 4) | (8u << 8) | (1u << 29))
#define RCC_PLLCFGR_REN BIT(28)
#define RCC_APB1RSTR REG32(0x4002102C)
#define RCC_GPIOENR REG32(0x40021034)
#define RCC_GPIOENR_SHIFT 0
#define RCC_AHBENR REG32(0x40021038)
#define RCC_APB1ENR REG32(0x4002103C)
#define RCC_APB2ENR REG32(0x40021040)
#define RCC_CSR REG32(0x40021060)
#define RCC_TIM14_ENR RCC_APB2ENR
#define RCC_TIM14_EN BIT(15)
#endif
#define RCC_CSR_LSION BIT(0)
#define RCC_CSR_LSIRDY BIT(1)
#define RCC_CSR_SFTRSTF BIT(28)
#define RCC_AHB_DMA1 BIT(0)
#define RCC_APB1_TIM2 BIT(0)
#define RCC_APB2_SYSCFG BIT(0)
#define RCC_APB2_TIM1 BIT(11)
#define RCC_APB2_TIM17 BIT(18)

/* Flash */
#define FLASH_BASE 0x08000000u
#define FLASH_ACR REG32(0x40022000)
#define FLASH_ACR_LATENCY_MASK 7u
#define FLASH_KEY1 0x45670123u
#define FLASH_KEY2 0xCDEF89ABu
#define FLASH_CR_PG BIT(0)
#define FLASH_CR_PER BIT(1)
#ifdef FAMILY_F0
#define FLASH_ACR_LATENCY 1u
#define FLASH_ACR_PREFETCH BIT(4)
#define FLASH_KEYR REG32(0x40022004)
#define FLASH_SR REG32(0x4002200C)
#define FLASH_SR_BSY BIT(0)
#define FLASH_SR_FLAGS 0x34u
#define FLASH_CR REG32(0x40022010)
#define FLASH_CR_STRT BIT(6)
#define FLASH_CR_LOCK BIT(7)
#define FLASH_AR REG32(0x40022014)
#define FLASH_PAGE 1024u
#else
#define FLASH_ACR_LATENCY 2u
#define FLASH_ACR_PREFETCH BIT(8)
#define FLASH_KEYR REG32(0x40022008)
#define FLASH_SR REG32(0x40022010)
#define FLASH_SR_BSY BIT(16)
#define FLASH_SR_CFGBSY BIT(18)
#define FLASH_SR_FLAGS 0x3FBu
#define FLASH_CR REG32(0x40022014)
#define FLASH_CR_PNB_SHIFT 3
#define FLASH_CR_STRT BIT(16)
#define FLASH_CR_LOCK BIT(31)
#define FLASH_PAGE 2048u
#endif

/* GPIO: port 0 is A, 1 is B */
#ifdef FAMILY_F0
#define GPIO(port, offset) REG32(0x48000000u + (port) * 0x400u + (offset))
#else
#define GPIO(port, offset) REG32(0x50000000u + (port) * 0x400u + (offset))
#endif
#define GPIO_MODER(port) GPIO(port, 0x00)
#define GPIO_PUPDR(port) GPIO(port, 0x0C)
#define GPIO_IDR(port) GPIO(port, 0x10)
#define GPIO_ODR(port) GPIO(port, 0x14)
#define GPIO_BSRR(port) GPIO(port, 0x18)
#define GPIO_AFRL(port) GPIO(port, 0x20)
#define GPIO_AFRH(port) GPIO(port, 0x24)
#define GPIO_BRR(port) GPIO(port, 0x28)

/* Timers */
#define TIM1 0x40012C00u
#define TIM2 0x40000000u
#define TIM3 0x40000400u
#define TIM14 0x40002000u
#define TIM15 0x40014000u
#define TIM17 0x40014800u
#define TIM_CR1(tim) REG32((tim) + 0x00)
#define TIM_DIER(tim) REG32((tim) + 0x0C)
#define TIM_SR(tim) REG32((tim) + 0x10)
#define TIM_EGR(tim) REG32((tim) + 0x14)
#define TIM_CCMR(tim, channel) REG32((tim) + 0x18 + 4 * (((channel) - 1) / 2))
#define TIM_CCER(tim) REG32((tim) + 0x20)
#define TIM_CNT(tim) REG32((tim) + 0x24)
#define TIM_PSC(tim) REG32((tim) + 0x28)
#define TIM_ARR(tim) REG32((tim) + 0x2C)
#define TIM_CCR_OFFSET(channel) (0x34u + 4 * ((channel) - 1))
#define TIM_CCR(tim, channel) REG32((tim) + TIM_CCR_OFFSET(channel))
#define TIM_BDTR(tim) REG32((tim) + 0x44)
#define TIM_BDTR_MOE BIT(15)
#define TIM_CR1_CEN BIT(0)
#define TIM_EGR_UG BIT(0)
#define TIM_UIF BIT(0)
#define TIM14_IRQ 19

/* DMA, channels from 1; the G0's DMAMUX counts them from 0 */
#define DMA(channel, offset) REG32(0x40020008u + 20 * ((channel) - 1) + (offset))
#define DMA_CCR(channel) DMA(channel, 0x0)
#define DMA_CNDTR(channel) DMA(channel, 0x4)
#define DMA_CPAR(channel) DMA(channel, 0x8)
#define DMA_CMAR(channel) DMA(channel, 0xC)
#define DMA_IFCR REG32(0x40020004)
#define DMA_ALL_FLAGS(channel) (0xFu << (4 * ((channel) - 1)))
#define DMA_EN BIT(0)
#define DMA_TCIE BIT(1)
#define DMA_FROM_MEMORY BIT(4)
#define DMA_MINC BIT(7)
#define DMA_PERIPHERAL_HALF BIT(8)
#define DMA_MEMORY_HALF BIT(10)
#define DMAMUX_CCR(channel) REG32(0x40020800u + 4 * ((channel) - 1))

/* Independent watchdog */
#define IWDG_KR REG32(0x40003000)
#define IWDG_PR REG32(0x40003004)
#define IWDG_RLR REG32(0x40003008)
#define IWDG_SR REG32(0x4000300C)

/* System configuration, and the core's own registers */
#define SYSCFG_CFGR1 REG32(0x40010000)
#define SYSTICK_CSR REG32(0xE000E010)
#define SYSTICK_RVR REG32(0xE000E014)
#define SYSTICK_CVR REG32(0xE000E018)
#define NVIC_ISER REG32(0xE000E100)
#define SCB_VTOR REG32(0xE000ED08)
#define SCB_AIRCR REG32(0xE000ED0C)
#define SCB_AIRCR_RESET 0x05FA0004u

/* The clock that clock_start() reaches */
#ifdef FAMILY_F0
#define CORE_MHZ 48u
#else
#define CORE_MHZ 64u
#endif

#endif
