/* TIM2 counts microseconds. Up to V12 a wait begins by writing 0 to the counter; from V13 on the counter is only read. */
#include "version.h"
#include "timer.h"

void timer_start(void)
{
    RCC_APB1ENR |= RCC_APB1_TIM2;
    (void)RCC_APB1ENR; /* the clock reaches the timer two cycles later */
    TIM_PSC(TIM2) = CORE_MHZ - 1u;
    TIM_ARR(TIM2) = 0xFFFFFFFFu;
    TIM_EGR(TIM2) = TIM_EGR_UG;
    TIM_CR1(TIM2) |= TIM_CR1_CEN;
}

uint16_t timer_now(void)
{
    return (uint16_t)TIM_CNT(TIM2);
}

#if VERSION >= 13
static uint16_t mark;

void timer_restart(void)
{
    mark = timer_now();
}

uint16_t timer_since(void)
{
    return (uint16_t)(timer_now() - mark);
}
#else
void timer_restart(void)
{
    TIM_CNT(TIM2) = 0;
}

uint16_t timer_since(void)
{
    return timer_now();
}
#endif

void delay_us(uint16_t us)
{
    timer_restart();
    while (timer_since() < us) {
    }
}
