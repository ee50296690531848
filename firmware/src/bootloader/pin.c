/* The signal pin. */
#include "version.h"
#include "pin.h"

#define PIN_SHIFT (2 * PIN_NUMBER)

void pin_start(void)
{
    RCC_GPIOENR |= BIT(RCC_GPIOENR_SHIFT + PIN_PORT);
    (void)RCC_GPIOENR; /* the clock reaches the port two cycles later */
}

static void set_mode(uint32_t mode)
{
    GPIO_MODER(PIN_PORT) = (GPIO_MODER(PIN_PORT) & ~(3u << PIN_SHIFT)) | mode << PIN_SHIFT;
}

void pin_input(enum pull pull)
{
    set_mode(0);
    GPIO_PUPDR(PIN_PORT) = (GPIO_PUPDR(PIN_PORT) & ~(3u << PIN_SHIFT)) | (uint32_t)pull << PIN_SHIFT;
}

void pin_output_high(void)
{
    pin_drive(1);
    set_mode(1);
}

void pin_drive(int high)
{
    if (high) {
        GPIO_BSRR(PIN_PORT) = BIT(PIN_NUMBER);
    } else {
        GPIO_BRR(PIN_PORT) = BIT(PIN_NUMBER);
    }
}

int pin_is_low(void)
{
    return (GPIO_IDR(PIN_PORT) & BIT(PIN_NUMBER)) == 0;
}
