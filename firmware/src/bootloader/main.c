/* A stand-in for an AM32 bootloader. Each file beside this one holds one idea of it. */
#include "version.h"
#include "clock.h"
#include "decide.h"
#include "eeprom.h"
#include "pin.h"
#include "serial.h"
#include "timer.h"

int main(void)
{
    clock_start();
    timer_start();
    pin_start();
#if VERSION == 8
    eeprom_note_version();
#endif
    decide();
#if VERSION > 8
    eeprom_note_version();
#endif
    serial_listen();
}
