/* The motor's bridge: TIM1 puts a PWM on phase A, and phase B is held low. It is not commutated. */
#ifndef BRIDGE_H
#define BRIDGE_H

#include <stdint.h>

/* All six transistors off. */
void bridge_start(void);

/* The PWM with `throttle` parts of 2,048 on; all off at 0. */
void bridge_drive(uint32_t throttle);

#endif
