/* What tells one bootloader from another: where its version stands, and where its device bytes are. */
#include "version.h"
#include "marks.h"

#if VERSION >= 6 && VERSION <= 8
/* Just above the 48 vectors, at 0x080000C0. */
__attribute__((section(".version_low"), used)) static const volatile uint8_t version_byte = VERSION;
#elif VERSION >= 9 && VERSION <= 11
/* In the last word before the app, at 0x08000FFC. */
__attribute__((section(".version_high"), used)) static const volatile uint8_t version_byte[4] = {VERSION, 0xFF, 0xFF, 0xFF};
#endif

#if VERSION >= 13
/* At 0x08000FE0, where apps and configurators find them. The version number itself is not among them. */
__attribute__((section(".marks"), used))
static const volatile struct {
    uint32_t magic1, magic2;
    uint8_t device[DEVICE_BYTES];
} marks = {MARKS_MAGIC1, MARKS_MAGIC2, {'4', '7', '1', PIN_CODE, FLASH_CODE, 0x06, 0x06, PROTOCOL, 0x30}};

const volatile uint8_t *device_bytes(void)
{
    return marks.device;
}
#else
/* In RAM, with the pin filled in when it is wanted: nothing in the image tells the pin. */
static volatile uint8_t device[DEVICE_BYTES] = {'4', '7', '1', 0, FLASH_CODE, 0x06, 0x06, PROTOCOL, 0x30};

const volatile uint8_t *device_bytes(void)
{
    device[3] = PIN_CODE;
    return device;
}
#endif
