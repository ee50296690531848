/* An app that starts as the other does, and then stores to an address where nothing is. Its ELF keeps lines and names,
 * to be told by. */
#include "clock.h"
#include "registers.h"
#include "vectors.h"

#define NOTHING_IS_THERE 0x60000000u

void tim14_interrupt(void)
{
}

static inline void store(uint32_t address, uint32_t value)
{
    REG32(address) = value;
}

__attribute__((noinline)) static void bad_write(uint32_t value)
{
    store(NOTHING_IS_THERE, value);
}

int main(void)
{
    take_over_vectors();
    clock_start();
    for (uint32_t pass = 0;; pass++) {
        bad_write(pass);
    }
}
