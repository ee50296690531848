/* What the image tells of itself, and what it asks the bootloader. */
#include "layout.h"
#include "registers.h"
#include "marks.h"

__attribute__((section(".name_tag"), used)) static const char name_tag[32] = NAME;

#ifdef VERSION_BYTES
/* Up to 2.16: major, minor and twelve characters, at 0x080010C0. */
__attribute__((section(".version"), used)) static const struct {
    uint8_t major, minor;
    char name[12];
} version = {VERSION_BYTES, "DRYFLASH    "};
#endif

/* Reads through the alias at address 0, as the real ones do. On an F0 SRAM is there by now, so the marks are not seen. */
uint32_t eeprom_address(void)
{
    uint32_t marks = MARKS_OFFSET;
    __asm__("" : "+r"(marks)); /* the compiler is not to know how near to NULL this is */
    if (REG32(marks) == MARKS_MAGIC1 && REG32(marks + 4) == MARKS_MAGIC2) {
        switch (REG8(marks + 8 + DEVICE_FLASH_CODE)) {
        case 0x1F:
            return 0x08007C00u;
        case 0x35:
            return 0x0800F800u;
        case 0x2B:
            return 0x0801F800u;
        }
    }
    return EEPROM_START;
}
