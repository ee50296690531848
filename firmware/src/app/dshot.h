/* DShot's frames: 16 bits of which the first 11 are the value, one asks for telemetry and four are a check. */
#ifndef DSHOT_H
#define DSHOT_H

#include <stdint.h>

#define DSHOT_EDGES 32
#define DSHOT_FIRST_THROTTLE 48 /* below are commands */

/* No level within a frame of 300 kbit/s or more lasts as long, and no such frame. */
#define DSHOT_LONGEST_LEVEL_US 4
#define DSHOT_LONGEST_FRAME_US 60

/* What dshot_read() gives for edges that are no frame. */
#define DSHOT_NO_FRAME (-1)

/* The value in a frame of which each edge was captured. An inverted one has the complement of the check. */
int32_t dshot_read(const volatile uint16_t *edges, uint32_t inverted);

/* What a motor that stands answers to an inverted frame, a byte for each level, high between frames. */
#define DSHOT_ANSWER_LEVELS 24
extern const uint8_t dshot_answer[DSHOT_ANSWER_LEVELS];

#endif
