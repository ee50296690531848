/* One wire, 19,200 baud, 8N1, both ways: the bytes and frames. What they mean is in commands.c.
 *
 * This is also where a bootloader that stays finds its way out: a line that is low for too long tries the jump. */
#include "version.h"
#include "commands.h"
#include "jump.h"
#include "marks.h"
#include "pin.h"
#include "serial.h"
#include "timer.h"

#define BIT_US 52
#define HALF_BIT_US 26
#define FRAME_GAP_US (5 * BIT_US)
#if VERSION <= 11
#define LOW_MS 200
#else
#define LOW_MS 20
#endif

/* The longest frame: 256 bytes and their CRC. Longer ones are cut off, and fail by their CRC. */
static uint8_t frame[FRAME_MAX];

/* Waits until the line is high. A line that stays low for LOW_MS tries the jump, and goes on waiting if it is refused. */
static void wait_high(void)
{
    uint32_t ms = 0;
    timer_restart();
    while (pin_is_low()) {
        if (timer_since() >= 1000) {
            timer_restart();
            if (++ms == LOW_MS) {
                ms = 0;
                try_jump();
            }
        }
    }
}

/* The line has just gone low: samples the eight bits in their middles. */
static uint8_t receive_byte(void)
{
    uint8_t byte = 0;
    delay_us(BIT_US + HALF_BIT_US - 4);
    for (uint32_t bit = 0; bit < 8; bit++) {
        if (!pin_is_low()) {
            byte |= (uint8_t)(1u << bit);
        }
        if (bit < 7) {
            delay_us(BIT_US - 1);
        }
    }
    delay_us(HALF_BIT_US);
    return byte;
}

/* Bytes until a gap. Waits for the first one for ever. */
static uint32_t receive_frame(void)
{
    uint32_t length = 0;
    for (;;) {
        wait_high();
        timer_restart();
        while (!pin_is_low()) {
            if (length > 0 && timer_since() > FRAME_GAP_US) {
                return length;
            }
        }
        uint8_t byte = receive_byte();
        if (length < FRAME_MAX) {
            frame[length++] = byte;
        }
    }
}

static void send_byte(uint8_t byte)
{
    uint32_t bits = 0x200u | (uint32_t)byte << 1; /* start bit, eight bits, stop bit */
    for (uint32_t i = 0; i < 10; i++) {
        pin_drive((int)(bits & 1));
        bits >>= 1;
        delay_us(BIT_US - 1);
    }
}

void serial_send(const volatile uint8_t *bytes, uint32_t count)
{
    pin_output_high();
    delay_us(2 * BIT_US);
    for (uint32_t i = 0; i < count; i++) {
        send_byte(bytes[i]);
    }
    pin_input(PULL_UP);
}

void serial_send_device_bytes(void)
{
    serial_send(device_bytes(), DEVICE_BYTES);
}

void serial_listen(void)
{
    pin_input(PULL_UP);
    for (;;) {
        uint32_t length = receive_frame();
        commands_answer(frame, length);
    }
}
