#ifndef PIN_H
#define PIN_H

enum pull { PULL_NONE = 0, PULL_UP = 1, PULL_DOWN = 2 };

void pin_start(void);            /* its port's clock */
void pin_input(enum pull pull);
void pin_output_high(void);
void pin_drive(int high);
int pin_is_low(void);

#endif
