/* The configurator's commands: what a frame means, and the answer to it. */
#include "version.h"
#include "commands.h"
#include "flash.h"
#include "jump.h"
#include "marks.h"
#include "serial.h"

enum { ACK = 0x30, BAD_COMMAND = 0xC1, BAD_CRC = 0xC2 };
enum { RUN = 0x00, PROGRAM = 0x01, ERASE = 0x02, READ = 0x03, KEEP_ALIVE = 0xFD, BUFFER = 0xFE, ADDRESS = 0xFF };

#define BAD_COMMANDS_BEFORE_RUN 100
#define NO_ADDRESS 0u
#ifdef MCU_G071_128K
#define ADDRESS_SHIFT 2
#else
#define ADDRESS_SHIFT 0
#endif

static const uint8_t init_text[] = {0x0D, 'B', 'L', 'H', 'e', 'l', 'i', 0xF4, 0x7D};

static uint8_t buffer[256];
static uint32_t buffer_size; /* of the payload that is to come, or has come */
static uint8_t payload_next; /* the next frame is one */
static uint32_t address;
#if PROTOCOL >= 2
static uint32_t last_address;
#endif
static uint32_t bad_commands;

static uint16_t crc16(const volatile uint8_t *bytes, uint32_t count)
{
    uint16_t crc = 0;
    for (uint32_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (uint32_t bit = 0; bit < 8; bit++) {
            crc = (crc & 1) ? (uint16_t)(crc >> 1 ^ 0xA001) : (uint16_t)(crc >> 1);
        }
    }
    return crc;
}

static void answer(uint8_t byte)
{
    serial_send(&byte, 1);
}

static void refuse(uint8_t why)
{
    answer(why);
    if (++bad_commands > BAD_COMMANDS_BEFORE_RUN) {
        try_jump();
    }
}

static int is_init(const uint8_t *frame, uint32_t length)
{
    if (length < sizeof init_text) {
        return 0;
    }
    frame += length - sizeof init_text;
    for (uint32_t i = 0; i < sizeof init_text; i++) {
        if (frame[i] != init_text[i]) {
            return 0;
        }
    }
    return 1;
}

static void set_address(uint32_t value)
{
#if PROTOCOL >= 2
    switch (value) {
    case 0x20:
        address = EEPROM_START;
        break;
    case 0x21:
        address = EEPROM_START - 32;
        break;
    case 0x22:
        address = last_address;
        break;
    default:
        if (value < 0x400) {
            refuse(BAD_COMMAND);
            return;
        }
        address = FLASH_BASE + (value << ADDRESS_SHIFT);
    }
#else
    address = FLASH_BASE + (value << ADDRESS_SHIFT);
#endif
    answer(ACK);
}

static void program(void)
{
    if (address < APP_START) {
        refuse(BAD_COMMAND);
        return;
    }
#if VERSION >= 13
    if (address == EEPROM_START && buffer_size > EEPROM_BOOTLOADER_VERSION) {
        buffer[EEPROM_BOOTLOADER_VERSION] = VERSION;
    }
#endif
    if ((address & (FLASH_PAGE - 1)) == 0) {
        flash_erase_page(address);
    }
    flash_write(address, buffer, buffer_size);
#if VERSION >= 12
    if (!flash_holds(address, buffer, buffer_size)) {
        refuse(BAD_COMMAND);
        return;
    }
#endif
#if PROTOCOL >= 2
    last_address = address + buffer_size;
#endif
    answer(ACK);
}

static void read(uint32_t count)
{
    static uint8_t reply[256 + 3];
    if (count == 0) {
        count = 256;
    }
    for (uint32_t i = 0; i < count; i++) {
        reply[i] = REG8(address + i);
    }
    uint16_t crc = crc16(reply, count);
    reply[count] = (uint8_t)crc;
    reply[count + 1] = (uint8_t)(crc >> 8);
    reply[count + 2] = ACK;
    serial_send(reply, count + 3);
#if PROTOCOL >= 2
    last_address = address + count;
    address = NO_ADDRESS;
#endif
}

void commands_answer(const uint8_t *frame, uint32_t length)
{
    if (is_init(frame, length)) {
        payload_next = 0;
        bad_commands = 0;
        serial_send_device_bytes();
        return;
    }
    if (length < 3) {
        return; /* noise, or a line that was low for a moment */
    }
    uint32_t text = length - 2;
    int crc_right = crc16(frame, text) == (frame[text] | frame[text + 1] << 8);

    if (payload_next) {
        payload_next = 0;
        if (!crc_right || text != buffer_size) {
            refuse(BAD_CRC);
            return;
        }
        for (uint32_t i = 0; i < text; i++) {
            buffer[i] = frame[i];
        }
        answer(ACK);
        return;
    }
    if (!crc_right) {
        refuse(BAD_CRC);
        return;
    }
    uint8_t command = frame[0];
    if (command == ADDRESS && text == 4) {
        set_address((uint32_t)frame[2] << 8 | frame[3]);
    } else if (command == BUFFER && text == 4) {
        buffer_size = frame[2] == 1 ? 256 : frame[3];
        payload_next = 1; /* not acknowledged */
    } else if (command == PROGRAM && text == 2) {
        program();
    } else if (command == READ && text == 2 && address != NO_ADDRESS) {
        read(frame[1]);
    } else if (command == ERASE && text == 2) {
        answer(ACK);
    } else if (command == KEEP_ALIVE && text == 2) {
        answer(BAD_COMMAND);
    } else if (command == RUN && text == 2) {
        answer(BAD_COMMAND);
        try_jump();
    } else {
        refuse(BAD_COMMAND);
    }
}
