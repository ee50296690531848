/* Where things lie, part by part. The build defines one of MCU_F031, MCU_F051, MCU_G031, MCU_G071_64K, MCU_G071_128K. */
#ifndef LAYOUT_H
#define LAYOUT_H

#define APP_START 0x08001000u

#if defined(MCU_F031) || defined(MCU_F051)
#define FAMILY_F0
#define EEPROM_START 0x08007C00u
#define FLASH_CODE 0x1F
#elif defined(MCU_G031) || defined(MCU_G071_64K)
#define FAMILY_G0
#define EEPROM_START 0x0800F800u
#define FLASH_CODE 0x35
#elif defined(MCU_G071_128K)
#define FAMILY_G0
#define EEPROM_START 0x0801F800u
#define FLASH_CODE 0x2B
#else
#error "no MCU_ is defined"
#endif

/* The name tag lies below the EEPROM of the 64 KB layout even on the 128 KB G071: the app's linker script puts it there. */

/* A bootloader's marks, from V13 on: two magic words, then the nine device bytes. */
#define MARKS_OFFSET 0xFE0u
#define MARKS_MAGIC1 0x5925E3DAu
#define MARKS_MAGIC2 0x4EB863D9u
#define DEVICE_BYTES 9
#define DEVICE_FLASH_CODE 4 /* which of the nine is the flash code */

/* Bytes of the EEPROM that a bootloader knows */
#define EEPROM_BOOT_BYTE 0
#define EEPROM_BOOTLOADER_VERSION 2
#define EEPROM_V0_SIZE 48
#define EEPROM_KEPT_SIZE 1024

#endif
