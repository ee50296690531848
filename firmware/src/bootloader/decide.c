/* Jump, or stay? Each version looks at the signal pin in its own way; one function for each way.
 *
 * A jump that is refused (EEPROM[0] is not 01, from V12 on also a bad header) goes on as if it had not been tried. */
#include "version.h"
#include "decide.h"
#include "jump.h"
#include "pin.h"
#include "serial.h"
#include "timer.h"

#define SAMPLE_US 10

#if VERSION <= 5
/* V4, V5: the first low sample within 100 ms jumps; else the device bytes are sent, though nobody asked. */
void decide(void)
{
    pin_input(PULL_DOWN);
    delay_us(SAMPLE_US);
    for (uint32_t i = 0; i < 10000; i++) {
        if (pin_is_low()) {
            try_jump();
            return;
        }
        delay_us(SAMPLE_US);
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
#define SAMPLES 500
#define SETTLE_US 500 /* for the line to follow its new pull */

/* Takes samples with this pull until so many are low, and returns how many are. */
static uint32_t count_low(enum pull pull, uint32_t samples, uint32_t enough)
{
    uint32_t low = 0;
    pin_input(pull);
    delay_us(SETTLE_US);
    for (uint32_t i = 0; i < samples && low < enough; i++) {
        low += (uint32_t)pin_is_low();
        delay_us(SAMPLE_US);
    }
    return low;
}

#if VERSION <= 11
/* V10, V11: never low with a pull-down stays; then any low sample without a pull jumps. */
void decide(void)
{
    if (count_low(PULL_DOWN, SAMPLES, SAMPLES) == 0) {
        return;
    }
    if (count_low(PULL_NONE, SAMPLES, SAMPLES) > 0) {
        try_jump();
    }
}

#else
/* V12 on: low nearly all the time jumps, except after a software reset. V12 takes 500 samples; V13 on take up to 4000,
 * and stop when enough of them are low. Then, as after every "no": a line that is never low stays. The count goes on
 * from the pull-down's to the pull-up's, so a floating line, which follows both, does not count as never low. In the end
 * any low sample without a pull jumps. */
#define MOSTLY_LOW 451
#if VERSION == 12
#define LOOK_FOR_LOW() count_low(PULL_DOWN, SAMPLES, SAMPLES)
#else
#define LOOK_FOR_LOW() count_low(PULL_DOWN, 4000, MOSTLY_LOW)
#endif

void decide(void)
{
    int software_reset = (RCC_CSR & RCC_CSR_SFTRSTF) != 0;
    uint32_t low = LOOK_FOR_LOW();
    if (low >= MOSTLY_LOW && !software_reset) {
        try_jump();
    }
    low += count_low(PULL_UP, SAMPLES, SAMPLES);
    if (low == 0) {
        return;
    }
    if (count_low(PULL_NONE, SAMPLES, SAMPLES) > 0) {
        try_jump();
    }
}
#endif
#endif
