#include "arming.h"
#include "bridge.h"
#include "registers.h"
#include "signal.h"

#define IDLE_MS 1000
#define IDLE_FRAMES 30
#define LOST_MS 2000
#define LOST_ARMED_MS 500

static uint32_t armed;
static uint32_t idle_ms;

static void arm(void)
{
    if (!signal_known() || throttle != 0) {
        idle_ms = 0;
        return;
    }
    if (++idle_ms <= IDLE_MS) {
        return;
    }
    if (idle_frames > IDLE_FRAMES) {
        armed = 1;
    } else {
        idle_ms = 0;
        signal_search();
    }
}

void arming_tick(void)
{
    if (++signal_age_ms > (armed ? LOST_ARMED_MS : LOST_MS)) {
        bridge_drive(0);
        SCB_AIRCR = SCB_AIRCR_RESET;
    }
    if (armed) {
        bridge_drive(throttle);
    } else {
        arm();
    }
}
