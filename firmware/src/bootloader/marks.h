#ifndef MARKS_H
#define MARKS_H

#include <stdint.h>

/* The nine device bytes that answer a configurator. */
const volatile uint8_t *device_bytes(void);

#endif
