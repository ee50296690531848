#ifndef TIMER_H
#define TIMER_H

#include <stdint.h>

void timer_start(void);          /* TIM2 at 1 MHz */
uint16_t timer_now(void);        /* microseconds, round the clock every 65.5 ms */
void timer_restart(void);        /* the mark that timer_since() counts from */
uint16_t timer_since(void);
void delay_us(uint16_t us);

#endif
