#ifndef DECIDE_H
#define DECIDE_H

/* Looks at the signal pin after reset and jumps, or returns to stay in the bootloader. */
void decide(void);

#endif
