/* The signal's pin as hardware has it: a timer channel that captures both edges, or puts out what DMA feeds it. */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <stdint.h>

#define CAPTURE_MOST 32

/* When each edge came, in ticks of the timer. */
extern volatile uint16_t captured[CAPTURE_MOST];

/* Captures `count` edges with the timer's clock divided by `prescaler` + 1, and calls capture_done() after the last. */
void capture_start(uint32_t prescaler, uint32_t count);

/* Puts out `count` levels, each for `bit_ticks` of the core's clock: 0 is low, 0xFF high. Then capture_done(). */
void capture_answer(const uint8_t *levels, uint32_t count, uint32_t bit_ticks);

/* The level of the pin. */
uint32_t capture_level(void);

/* The user of this file has it. Called by the interrupt. */
void capture_done(void);

#endif
