/* Jump, or stay? Each version looks at the signal pin in its own way; one function for each way.
 *
 * A jump that is refused (EEPROM[0] is not 01, from V12 on also a bad header) goes on as if it had not been tried. */
#include "version.h"
#include "decide.h"
#include "jump.h"
#include "pin.h"
#include "serial.h"
#include "timer.h"

/* Between two samples lie 10 us and the time that the real ones' slower code takes: 11.7 us in all. */
#define SAMPLE_US 11

#if VERSION <= 5
/* V4, V5: the first low sample within 100 ms jumps; else the device bytes are sent, though nobody asked. */
void decide(void)
{
    pin_input(PULL_DOWN);
    delay_us(30);
    for (uint32_t i = 0; i < 10000; i++) {
        if (pin_is_low()) {
            try_jump();
            return;
        }
        delay_us(10);
    }
    serial_send_device_bytes();
}

#elif VERSION <= 9
/* V6: a low sample jumps. V7 to V9: more than ten of them. */
#define LOW_ENOUGH (VERSION == 6 ? 0 : 10)

void decide(void)
{
    uint32_t low = 0;
    pin_input(PULL_DOWN);
    delay_us(1000);
    for (uint32_t i = 0; i < 1000; i++) {
        if (pin_is_low() && ++low > LOW_ENOUGH) {
            try_jump();
            return;
        }
        delay_us(SAMPLE_US);
    }
}

#else
/* How many of 500 samples are low with this pull. */
static uint32_t count_low(enum pull pull)
{
    uint32_t low = 0;
    pin_input(pull);
    for (uint32_t i = 0; i < 500; i++) {
        low += (uint32_t)pin_is_low();
        delay_us(SAMPLE_US);
    }
    return low;
}

#if VERSION <= 11
/* V10, V11: never low with a pull-down stays; then any low sample without a pull jumps. */
void decide(void)
{
    if (count_low(PULL_DOWN) == 0) {
        return;
    }
    if (count_low(PULL_NONE) > 0) {
        try_jump();
    }
}

#else
#if VERSION == 12
static int mostly_low(void)
{
    return count_low(PULL_DOWN) > 450;
}
#else
/* V13 on take up to 4000 samples, and stop at enough low ones. */
static int mostly_low(void)
{
    uint32_t low = 0;
    pin_input(PULL_DOWN);
    for (uint32_t i = 0; i < 4000; i++) {
        if (pin_is_low() && ++low > 450) {
            return 1;
        }
        delay_us(SAMPLE_US);
    }
    return 0;
}
#endif

/* V12 on: low nearly all the time jumps, except after a software reset. Then, as after every "no": a line that stays
 * high with a pull-up stays; any low sample without a pull jumps. */
void decide(void)
{
    int software_reset = (RCC_CSR & RCC_CSR_SFTRSTF) != 0;
    if (mostly_low() && !software_reset) {
        try_jump();
    }
    if (count_low(PULL_UP) == 0) {
        return;
    }
    if (count_low(PULL_NONE) > 0) {
        try_jump();
    }
}
#endif
#endif
