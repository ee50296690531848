#include "capture.h"
#include "input.h"
#include "registers.h"
#include "vectors.h"

#define CHANNEL_SHIFT (4 * (SIGNAL_CHANNEL - 1))
#define MODE_SHIFT (8 * ((SIGNAL_CHANNEL - 1) & 1))
#define BOTH_EDGES 0xBu
#define ACTIVE_HIGH 1u
#define CAPTURES_ITS_PIN 1u
#define PWM_MODE_1 (6u << 4)

volatile uint16_t captured[CAPTURE_MOST];

/* A reset of the timer forgets requests that stand. */
static void timer_reset(void)
{
    DMA_CCR(SIGNAL_DMA) = 0;
    RCC_SIGNAL_TIM_RSTR |= RCC_SIGNAL_TIM_EN;
    RCC_SIGNAL_TIM_RSTR &= ~RCC_SIGNAL_TIM_EN;
    DMA_IFCR = DMA_ALL_FLAGS(SIGNAL_DMA);
    DMA_CPAR(SIGNAL_DMA) = SIGNAL_TIM + TIM_CCR_OFFSET(SIGNAL_CHANNEL);
}

static void timer_go(uint32_t prescaler, uint32_t top, uint32_t mode, uint32_t enable)
{
    TIM_PSC(SIGNAL_TIM) = prescaler;
    TIM_ARR(SIGNAL_TIM) = top;
    TIM_EGR(SIGNAL_TIM) = TIM_EGR_UG;
    TIM_CCMR(SIGNAL_TIM, SIGNAL_CHANNEL) = mode << MODE_SHIFT;
    TIM_CCER(SIGNAL_TIM) = enable << CHANNEL_SHIFT;
    TIM_DIER(SIGNAL_TIM) = BIT(8 + SIGNAL_CHANNEL);
    TIM_CR1(SIGNAL_TIM) = TIM_CR1_CEN;
}

void capture_start(uint32_t prescaler, uint32_t count)
{
    timer_reset();
    DMA_CMAR(SIGNAL_DMA) = (uint32_t)captured;
    DMA_CNDTR(SIGNAL_DMA) = count;
    DMA_CCR(SIGNAL_DMA) = DMA_MINC | DMA_PERIPHERAL_HALF | DMA_MEMORY_HALF | DMA_TCIE | DMA_EN;
    timer_go(prescaler, 0xFFFF, CAPTURES_ITS_PIN, BOTH_EDGES);
}

void capture_answer(const uint8_t *levels, uint32_t count, uint32_t bit_ticks)
{
    timer_reset();
    DMA_CMAR(SIGNAL_DMA) = (uint32_t)levels;
    DMA_CNDTR(SIGNAL_DMA) = count;
    DMA_CCR(SIGNAL_DMA) = DMA_FROM_MEMORY | DMA_MINC | DMA_PERIPHERAL_HALF | DMA_TCIE | DMA_EN;
    TIM_CCR(SIGNAL_TIM, SIGNAL_CHANNEL) = levels[0];
    TIM_BDTR(SIGNAL_TIM) = TIM_BDTR_MOE; /* TIM15 has it; TIM3 has nothing there */
    timer_go(0, bit_ticks - 1, PWM_MODE_1, ACTIVE_HIGH);
}

uint32_t capture_level(void)
{
    return GPIO_IDR(SIGNAL_PORT) & BIT(SIGNAL_NUMBER);
}

void capture_interrupt(void)
{
    capture_done();
}
