#ifndef CLOCK_H
#define CLOCK_H

/* Brings the core to 48 MHz (F0) or 64 MHz (G0) out of the PLL. May be called again when that has been done. */
void clock_start(void);

#endif
