/* The build defines VERSION (4 to 14), PIN_PORT (0 is A, 1 is B) and PIN_NUMBER. */
#ifndef VERSION_H
#define VERSION_H

#include "layout.h"
#include "registers.h"

#if VERSION >= 14
#define PROTOCOL 2
#else
#define PROTOCOL 1
#endif

#define PIN_CODE (PIN_PORT << 4 | PIN_NUMBER)

#endif
