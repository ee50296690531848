#ifndef VECTORS_H
#define VECTORS_H

void take_over_vectors(void);
void tim14_interrupt(void);
void capture_interrupt(void);

#endif
