/* From reset to main(): the same for bootloaders and apps. */
#ifndef STARTUP_H
#define STARTUP_H

void reset(void);
__attribute__((noreturn)) void hang(void); /* faults and interrupts that nobody expects */

#endif
