#ifndef FLASH_H
#define FLASH_H

#include <stdint.h>

void flash_erase_page(uint32_t address);

/* Writes from an even address (F0: even, G0: multiple of 8); a length that does not fill the last unit is filled with FF. */
void flash_write(uint32_t address, const uint8_t *from, uint32_t length);

/* 1 when the flash holds these bytes. */
int flash_holds(uint32_t address, const uint8_t *bytes, uint32_t length);

#endif
