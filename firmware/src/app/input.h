/* Which timer channel the signal's pin leads to, and by which alternate function and DMA channel: PB4 unless the build
 * defines SIGNAL_PA2. Not every part has a TIM15. */
#ifndef INPUT_H
#define INPUT_H

#include "registers.h"

#ifndef SIGNAL_PA2
#define SIGNAL_PORT 1
#define SIGNAL_NUMBER 4
#define SIGNAL_AF 1u
#define SIGNAL_TIM TIM3
#define SIGNAL_CHANNEL 1
#define SIGNAL_DMA 4
#define SIGNAL_REQUEST 0x20
#define RCC_SIGNAL_TIM_ENR RCC_APB1ENR
#define RCC_SIGNAL_TIM_RSTR RCC_APB1RSTR
#define RCC_SIGNAL_TIM_EN BIT(1)
#elif defined(MCU_F051)
#define SIGNAL_PORT 0
#define SIGNAL_NUMBER 2
#define SIGNAL_AF 0u
#define SIGNAL_TIM TIM15
#define SIGNAL_CHANNEL 1
#define SIGNAL_DMA 5
#define RCC_SIGNAL_TIM_ENR RCC_APB2ENR
#define RCC_SIGNAL_TIM_RSTR RCC_APB2RSTR
#define RCC_SIGNAL_TIM_EN BIT(16)
#else
#error "PA2 is there for the F051 only"
#endif
#define SIGNAL_DMA_IRQ 11 /* that of channels 4 and 5 on the F0, 4 to 7 on the G0 */

#endif
