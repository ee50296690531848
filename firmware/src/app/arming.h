/* Whether the motor may turn: once the signal has said idle for long enough, and for as long as it comes. */
#ifndef ARMING_H
#define ARMING_H

/* To be called every millisecond. Resets the chip where no signal has come for too long. */
void arming_tick(void);

#endif
