#ifndef JUMP_H
#define JUMP_H

/* Starts the app, and returns only when it may not be started. It never says why. */
void try_jump(void);

#endif
