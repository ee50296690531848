#include "signal.h"
#include "capture.h"
#include "dshot.h"
#include "registers.h"

/* Searching, the timer ticks at 5.3 MHz (F0) or 5.8 MHz (G0). The shortest levels are a 0's pulse, 3/8 of a bit, and
 * what follows a 1's, 1/4: 2 to 3 ticks of DShot 600, 4 to 7 of DShot 300. */
#define SEARCH_PRESCALER (CORE_MHZ / 6)
#define SHORTEST_OF_600 3
#define SHORTEST_OF_300 8
#define SHORTEST_PULSE 200

#define PULSE_PRESCALER (CORE_MHZ - 1)
#define PULSE_LEAST_US 800
#define PULSE_MOST_US 2200
#define PULSE_IDLE_US 1010

/* Frames after which the line was high: more of them, and it is inverted DShot. */
#define HIGH_FRAMES 100

/* From the end of a frame to the answer. */
#define TURN_US 25

enum kind { SEARCHING, DSHOT_300, DSHOT_600, PULSES };

volatile uint16_t throttle, idle_frames, signal_age_ms;
static enum kind kind;
static uint32_t inverted, high_frames, answering, pulse_edges;

uint32_t signal_known(void)
{
    return kind != SEARCHING;
}

static void listen(void)
{
    switch (kind) {
    case SEARCHING:
        capture_start(SEARCH_PRESCALER, CAPTURE_MOST);
        break;
    case DSHOT_300:
        capture_start(1, DSHOT_EDGES);
        break;
    case DSHOT_600:
        capture_start(0, DSHOT_EDGES);
        break;
    case PULSES:
        /* In the middle of a pulse, the next whole one comes behind its end. */
        pulse_edges = capture_level() ? 3 : 2;
        capture_start(PULSE_PRESCALER, pulse_edges);
        break;
    }
}

void signal_search(void)
{
    kind = SEARCHING;
    inverted = high_frames = answering = 0;
    listen();
}

static void take(uint32_t value)
{
    throttle = (uint16_t)value;
    signal_age_ms = 0;
    if (value != 0) {
        idle_frames = 0;
    } else if (idle_frames != 0xFFFF) {
        idle_frames++;
    }
}

static uint16_t gap(uint32_t i)
{
    return (uint16_t)(captured[i + 1] - captured[i]);
}

static void find(void)
{
    uint16_t shortest = 0xFFFF;
    for (uint32_t i = 0; i + 1 < CAPTURE_MOST; i++) {
        if (gap(i) != 0 && gap(i) < shortest) {
            shortest = gap(i);
        }
    }
    if (shortest <= SHORTEST_OF_600) {
        kind = DSHOT_600;
    } else if (shortest <= SHORTEST_OF_300) {
        kind = DSHOT_300;
    } else if (shortest > SHORTEST_PULSE) {
        kind = PULSES;
    }
}

static uint16_t since(uint16_t begun)
{
    return (uint16_t)((uint16_t)TIM_CNT(TIM17) - begun);
}

/* Until the line has not changed for longer than within a frame. */
static void wait_for_a_pause(void)
{
    uint16_t begun = (uint16_t)TIM_CNT(TIM17), changed = begun;
    uint32_t level = capture_level();
    while (since(changed) < DSHOT_LONGEST_LEVEL_US && since(begun) < DSHOT_LONGEST_FRAME_US) {
        if (capture_level() != level) {
            level = capture_level();
            changed = (uint16_t)TIM_CNT(TIM17);
        }
    }
}

/* Whether it is to be answered. */
static uint32_t take_frame(void)
{
    if (!inverted && capture_level()) {
        high_frames++;
        inverted = high_frames > HIGH_FRAMES;
    }
    int32_t value = dshot_read(captured, inverted);
    if (value == DSHOT_NO_FRAME) {
        wait_for_a_pause();
        return 0;
    }
    take(value < DSHOT_FIRST_THROTTLE ? 0 : (uint32_t)value);
    return inverted;
}

static void answer(void)
{
    uint16_t begun = (uint16_t)TIM_CNT(TIM17);
    while (since(begun) < TURN_US) {
    }
    /* At five quarters of the frame's rate. */
    capture_answer(dshot_answer, DSHOT_ANSWER_LEVELS, kind == DSHOT_600 ? CORE_MHZ * 1000 / 750 : CORE_MHZ * 1000 / 375);
}

static void take_pulse(void)
{
    uint32_t width = gap(pulse_edges - 2);
    if (width > PULSE_LEAST_US && width < PULSE_MOST_US) {
        take(width <= PULSE_IDLE_US ? 0 : 2 * (width - 1000) + DSHOT_FIRST_THROTTLE);
    }
}

void capture_done(void)
{
    if (kind == PULSES) {
        take_pulse();
    } else if (kind == SEARCHING) {
        find();
        wait_for_a_pause();
    } else if (!answering && take_frame()) {
        answering = 1;
        answer();
        return;
    }
    answering = 0;
    listen();
}
