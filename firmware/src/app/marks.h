#ifndef MARKS_H
#define MARKS_H

#include <stdint.h>

/* Where the EEPROM is: the bootloader's marks tell, and where there are none, the layout that was built for. */
uint32_t eeprom_address(void);

#endif
