#ifndef COMMANDS_H
#define COMMANDS_H

#include <stdint.h>

#define FRAME_MAX 260

void commands_answer(const uint8_t *frame, uint32_t length);

/* In serial.c */
void serial_send(const volatile uint8_t *bytes, uint32_t count);

#endif
