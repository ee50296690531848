#include <stdint.h>
#include "startup.h"

extern uint32_t data_start[], data_end[], data_load[], bss_start[], bss_end[];
int main(void);

void reset(void)
{
    const uint32_t *from = data_load;
    for (uint32_t *to = data_start; to < data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = bss_start; to < bss_end; to++) {
        *to = 0;
    }
    main();
    hang();
}

void hang(void)
{
    for (;;) {
    }
}
