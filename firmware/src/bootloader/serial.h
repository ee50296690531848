#ifndef SERIAL_H
#define SERIAL_H

void serial_send_device_bytes(void);
void serial_listen(void) __attribute__((noreturn)); /* the main loop of a bootloader that stays */

#endif
