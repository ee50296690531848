/* What comes over the signal's pin: DShot or servo pulses, found out by itself, and the throttle in it. */
#ifndef SIGNAL_H
#define SIGNAL_H

#include <stdint.h>

/* 0 is idle; DShot's numbers, 48 to 2047, whatever it came by. */
extern volatile uint16_t throttle;

/* Frames and pulses in a row that said idle, up to 0xFFFF. */
extern volatile uint16_t idle_frames;

/* Milliseconds since the last good frame or pulse; its user counts it up. */
extern volatile uint16_t signal_age_ms;

/* Whether it is known what comes. */
uint32_t signal_known(void);

/* Looks for what comes, from the beginning. */
void signal_search(void);

#endif
