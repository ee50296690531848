/* How a bootloader writes its own version into EEPROM[2], and what is lost by it.
 *
 * V8         before it looks at the pin, whether the page is blank or not; 48 bytes are kept
 * V9 to V12  after it has looked at the pin and stayed, not when [2] is 00 or FF; 48 bytes are kept
 * V13 on     the same, but only after a software reset; 1,024 bytes are kept
 *
 * None does so when its version is there already. */
#include "version.h"
#include "eeprom.h"
#include "flash.h"

#if VERSION >= 13
#define KEPT EEPROM_KEPT_SIZE
#else
#define KEPT EEPROM_V0_SIZE
#endif

#if VERSION >= 8
static uint8_t kept[KEPT];

void eeprom_note_version(void)
{
    uint8_t noted = REG8(EEPROM_START + EEPROM_BOOTLOADER_VERSION);
    if (noted == VERSION) {
        return;
    }
#if VERSION >= 9
    if (noted == 0x00 || noted == 0xFF) {
        return;
    }
#endif
#if VERSION >= 13
    if ((RCC_CSR & RCC_CSR_SFTRSTF) == 0) {
        return;
    }
#endif
    for (uint32_t i = 0; i < KEPT; i++) {
        kept[i] = REG8(EEPROM_START + i);
    }
    kept[EEPROM_BOOTLOADER_VERSION] = VERSION;
    flash_erase_page(EEPROM_START);
    flash_write(EEPROM_START, kept, KEPT);
}
#else
void eeprom_note_version(void)
{
}
#endif
