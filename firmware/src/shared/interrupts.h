/* The interrupt lines that each MCU has: the vectors of the others stay 0, as reserved ones do (the manuals' vector tables). */
#ifndef INTERRUPTS_H
#define INTERRUPTS_H

#if defined(MCU_F031)
#define LINES 0x0AE9FEFFu
#elif defined(MCU_F051)
#define LINES 0x5FFBFFFFu
#elif defined(MCU_G031)
#define LINES 0x3FEFFEFFu
#else
#define LINES 0x7FFFFFFFu
#endif

/* The includer defines HANDLER(n), the handler of line n. */
#define LINE(n) [16 + (n)] = (LINES >> (n)) & 1u ? (void *)HANDLER(n) : (void *)0
#define FOUR_LINES(n) LINE(n), LINE((n) + 1), LINE((n) + 2), LINE((n) + 3)
#define ALL_LINES \
    FOUR_LINES(0), FOUR_LINES(4), FOUR_LINES(8), FOUR_LINES(12), FOUR_LINES(16), FOUR_LINES(20), FOUR_LINES(24), \
    FOUR_LINES(28)

#endif
