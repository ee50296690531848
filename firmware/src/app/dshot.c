#include "dshot.h"

/* A value of 0xFFF (no turn of the motor) with its check is 0xFFF0: 01111 01111 01111 11001 in the code of five bits for
 * four. The line falls to begin, and then changes with each 1. */
#define L 0x00
#define H 0xFF
const uint8_t dshot_answer[DSHOT_ANSWER_LEVELS] = {
    H, L,
    L, H, L, H, L,
    L, H, L, H, L,
    L, H, L, H, L,
    H, L, L, L, H,
    H, H,
};

int32_t dshot_read(const volatile uint16_t *edges, uint32_t inverted)
{
    uint16_t length = (uint16_t)(edges[DSHOT_EDGES - 1] - edges[0]);
    uint16_t bit = length >> 4, half = length >> 5;
    uint32_t word = 0;
    for (uint32_t i = 0; i + 1 < DSHOT_EDGES; i++) {
        uint16_t lasted = (uint16_t)(edges[i + 1] - edges[i]);
        /* A pause between two frames. */
        if (lasted > bit) {
            return DSHOT_NO_FRAME;
        }
        if ((i & 1) == 0) {
            word = word << 1 | (lasted > half);
        }
    }
    uint32_t check = (word >> 4 ^ word >> 8 ^ word >> 12 ^ word) & 0xF;
    return check == (inverted ? 0xF : 0) ? (int32_t)(word >> 5) : DSHOT_NO_FRAME;
}
