#ifndef EEPROM_H
#define EEPROM_H

/* Puts this bootloader's version into EEPROM[2], if its way of doing so says that it should. */
void eeprom_note_version(void);

#endif
