/* Erasing and writing flash from the chip itself. Error flags are not looked at: who wants to know compares afterwards. */
#include "layout.h"
#include "registers.h"
#include "flash.h"

static void wait_ready(void)
{
#ifdef FAMILY_F0
    while (FLASH_SR & FLASH_SR_BSY) {
    }
#else
    while (FLASH_SR & (FLASH_SR_BSY | FLASH_SR_CFGBSY)) {
    }
#endif
}

static void unlock(void)
{
    wait_ready();
    FLASH_SR = FLASH_SR_FLAGS;
    if (FLASH_CR & FLASH_CR_LOCK) {
        FLASH_KEYR = FLASH_KEY1;
        FLASH_KEYR = FLASH_KEY2;
    }
}

static void lock(void)
{
    FLASH_CR = FLASH_CR_LOCK;
}

void flash_erase_page(uint32_t address)
{
    unlock();
#ifdef FAMILY_F0
    FLASH_CR = FLASH_CR_PER;
    FLASH_AR = address;
    FLASH_CR = FLASH_CR_PER | FLASH_CR_STRT;
    __asm__ volatile("nop"); /* BSY may be read one cycle after STRT at the earliest */
#else
    /* The page number is taken from the absolute address, as the real ones do: a bit 19 that means nothing gets set. */
    FLASH_CR = FLASH_CR_PER | address / FLASH_PAGE << FLASH_CR_PNB_SHIFT;
    FLASH_CR |= FLASH_CR_STRT;
#endif
    wait_ready();
    lock();
}

/* `count` bytes (1 to 4) as a little-endian word, FF where there are none left. */
static uint32_t gather(const uint8_t *from, uint32_t count)
{
    uint32_t word = 0xFFFFFFFFu;
    for (uint32_t i = 0; i < 4 && i < count; i++) {
        word = (word & ~(0xFFu << (8 * i))) | (uint32_t)from[i] << (8 * i);
    }
    return word;
}

void flash_write(uint32_t address, const uint8_t *from, uint32_t length)
{
    unlock();
#ifdef FAMILY_F0
    for (uint32_t i = 0; i < length; i += 2) {
        FLASH_CR = FLASH_CR_PG;
        REG16(address + i) = (uint16_t)gather(from + i, length - i);
        wait_ready();
    }
#else
    for (uint32_t i = 0; i < length; i += 8) {
        uint32_t left = length - i;
        FLASH_CR = FLASH_CR_PG;
        REG32(address + i) = gather(from + i, left);
        REG32(address + i + 4) = left > 4 ? gather(from + i + 4, left - 4) : 0xFFFFFFFFu;
        wait_ready();
    }
#endif
    lock();
}

int flash_holds(uint32_t address, const uint8_t *bytes, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++) {
        if (REG8(address + i) != bytes[i]) {
            return 0;
        }
    }
    return 1;
}
