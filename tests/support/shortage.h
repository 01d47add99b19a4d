/* shortage: memory that is refused, ours and hiredis': one allocation of all threads, or all from one on. */
#ifndef RESILICACHE_TESTS_SHORTAGE_H
#define RESILICACHE_TESTS_SHORTAGE_H

#include <stdbool.h>

/* Allocation `number`, counted from here on and from 1; lasting: and all that follow. */
void shortage_begin(int number, bool lasting);
/* Returns how many were asked for. */
int shortage_end(void);
/* What happens in between is neither counted nor refused. */
void shortage_pause(void);
void shortage_resume(void);
/* "allocation 7 was refused", for messages; in a static buffer. */
const char *shortage_text(void);

#endif
